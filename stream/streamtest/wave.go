package streamtest

import (
	"encoding/binary"
	"time"
)

// Wave is a WAV file of 48 kHz 16-bit mono sound in which every 64 Ki samples
// are different ones.
func Wave(d time.Duration) []byte {
	n := int(d.Seconds() * 48_000)
	le := binary.LittleEndian
	b := le.AppendUint32([]byte("RIFF"), uint32(36+2*n))
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data"...)
	b = le.AppendUint32(b, uint32(2*n))
	for i := range n {
		b = le.AppendUint16(b, uint16(i))
	}
	return b
}
