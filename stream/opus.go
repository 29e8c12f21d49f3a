package stream

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/pion/opus"
)

// opusRate is what Opus is decoded at, whatever was encoded (RFC 7845, section
// 5.1), and opusLongest what a packet has of it at the most: 120 ms.
const (
	opusRate    = 48000
	opusLongest = opusRate * 120 / 1000
)

// opusHead is what an identification header says to a decoder (RFC 7845, section
// 5.1).
type opusHead struct {
	preSkip int     // samples at the encoder's begin that are no sound
	gain    float32 // what all samples are multiplied by
	streams int     // coded one after the other in each packet
}

// readOpusHead reads what containers carry as the codec's configuration. One that
// is not there, or no such header, is that of an ordinary stream.
func readOpusHead(b []byte) opusHead {
	h := opusHead{gain: 1, streams: 1}
	if len(b) < 19 || string(b[:8]) != "OpusHead" {
		return h
	}
	h.preSkip = int(binary.LittleEndian.Uint16(b[10:]))
	if g := int16(binary.LittleEndian.Uint16(b[16:])); g != 0 { // in 1/256 dB
		h.gain = float32(math.Pow(10, float64(g)/256/20))
	}
	if b[18] != 0 && len(b) > 19 {
		h.streams = int(b[19])
	}
	return h
}

// opusDecoder decodes streams of one or two channels. Packets that are lost or
// damaged are not concealed.
type opusDecoder struct {
	channels int
	gain     float32
	dec      packetDecoder // nil before the first packet, and after one that was too much
}

// packetDecoder is what is used of the library's decoder: it returns how many
// samples of each channel out has.
type packetDecoder interface {
	DecodeToFloat32(in []byte, out []float32) (int, error)
}

func newOpusDecoder(t *Track) (decoder, error) {
	h := readOpusHead(t.Private)
	if t.Channels < 1 || t.Channels > 2 || h.streams != 1 {
		return nil, fmt.Errorf("opus of %d channels is not decoded here, only mono and stereo", t.Channels)
	}
	return &opusDecoder{channels: t.Channels, gain: h.gain}, nil
}

func (d *opusDecoder) decode(dst []float32, packet []byte) (out []float32, err error) {
	at := len(dst)
	defer func() {
		if r := recover(); r != nil { // the packet is anybody's, the decoder is young
			d.dec = nil
			out, err = dst[:at], fmt.Errorf("the opus decoder failed: %v", r)
		}
	}()
	if d.dec == nil {
		dec, err := opus.NewDecoderWithOutput(opusRate, d.channels)
		if err != nil {
			return dst, err
		}
		d.dec = &dec
	}
	room := opusLongest * d.channels
	dst = slices.Grow(dst, room)
	n, err := d.dec.DecodeToFloat32(packet, dst[at:at+room])
	if err != nil {
		return dst[:at], err
	}
	dst = dst[:at+n*d.channels]
	for i, v := range dst[at:] {
		dst[at+i] = clamp(v * d.gain)
	}
	return dst, nil
}

// clamp bounds a sample: what a decoder makes of damage has no limits.
func clamp(v float32) float32 {
	switch {
	case v > 1:
		return 1
	case v >= -1:
		return v
	case v < -1:
		return -1
	}
	return 0 // not a number
}
