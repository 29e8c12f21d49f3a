package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// oggVorbis is Vorbis I. To know how long a packet lasts it needs the two sizes of
// blocks, from the first header, and which of them each mode has, from the end of
// the third.
type oggVorbis struct {
	ident    []byte
	tagged   bool
	long     []bool // of each mode
	previous int64  // block size of the packet before; 0: there was none
}

const vorbisIdentSize = 30

// vorbisIdent reads the identification header (Vorbis I, section 4.2.2).
func vorbisIdent(b []byte) (t Track, err error) {
	if len(b) < vorbisIdentSize {
		return t, fmt.Errorf("a Vorbis header of %d bytes; expected %d", len(b), vorbisIdentSize)
	}
	version, rate := binary.LittleEndian.Uint32(b[7:]), binary.LittleEndian.Uint32(b[12:])
	short, long := b[28]&15, b[28]>>4
	if version != 0 || b[11] == 0 || rate == 0 || rate > oggRate || short < 6 || short > long || long > 13 {
		return t, fmt.Errorf("a Vorbis header of version %d with %d channels at %d Hz in blocks of 2^%d and 2^%d samples", version, b[11], rate, short, long)
	}
	return Track{Type: Audio, Codec: "vorbis", Rate: int(rate), Channels: int(b[11]), id: "vorbis"}, nil
}

// brief is true for comments, and for headers that come once more.
func (c *oggVorbis) brief(b []byte) bool {
	return len(b) > 0 && b[0]&1 != 0 && (b[0] != 5 || c.long != nil)
}

func (c *oggVorbis) header(t *Track, b []byte) error {
	want := "\x03vorbis"
	if c.tagged {
		want = "\x05vorbis"
	}
	if !bytes.HasPrefix(b, []byte(want)) {
		return fmt.Errorf("expected a Vorbis header that begins with %q, got %.7q", want, b)
	}
	if !c.tagged {
		c.tagged = true
		return nil
	}
	if c.long = vorbisModes(b); c.long == nil {
		return errors.New("a Vorbis setup header without modes")
	}
	comment := "\x03vorbis" + oggComment + "\x01"
	t.Private = slices.Concat([]byte{2, byte(len(c.ident)), byte(len(comment))}, c.ident, []byte(comment), b)
	return nil
}

// samples returns what a decoder makes of a packet: where its block overlaps with
// the one before (Vorbis I, section 4.3.8).
func (c *oggVorbis) samples(b []byte) (n int64, ok bool) {
	if len(b) == 0 || b[0]&1 != 0 || c.long == nil {
		return 0, false
	}
	mode := int(b[0]>>1) & (1<<bits.Len(uint(len(c.long)-1)) - 1)
	if mode >= len(c.long) {
		return 0, false
	}
	size := int64(1) << (c.ident[28] & 15)
	if c.long[mode] {
		size = 1 << (c.ident[28] >> 4)
	}
	if c.previous > 0 {
		n = (c.previous + size) / 4
	}
	c.previous = size
	return n, true
}

// vorbisMode is how many bits a mode has in the setup header: whether its blocks
// are long, two types of 16 bits that are zero, and the number of a mapping.
const vorbisMode = 1 + 16 + 16 + 8

// vorbisModes returns of each mode of a setup header (Vorbis I, section 4.2.4)
// whether its blocks are long, or nil. What comes before the modes is the codebooks,
// which only a decoder can read through; but the modes are the last thing there, and
// 32 of the 41 bits of each are zero, so they are read from the end, as many as the
// six bits before them say.
func vorbisModes(b []byte) (long []bool) {
	last := 8*len(b) - 1 // the framing bit
	for last >= 0 && bitsAt(b, last, 1) == 0 {
		last--
	}
	count := 0
	for n := 1; n < 64; n++ {
		at := last - n*vorbisMode
		if at < 8*7+6 || bitsAt(b, at+1, 32) != 0 || bitsAt(b, at+33, 8) > 63 {
			break
		}
		if int(bitsAt(b, at-6, 6))+1 == n {
			count = n
		}
	}
	for n := count; n > 0; n-- {
		long = append(long, bitsAt(b, last-n*vorbisMode, 1) == 1)
	}
	return long
}

// bitsAt returns n bits from the bit at on; bytes begin with their lowest bit.
func bitsAt(b []byte, at, n int) (v uint64) {
	for i := at + n - 1; i >= at; i-- {
		v = v<<1 | uint64(b[i/8]>>(i%8)&1)
	}
	return v
}
