package stream

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// pcmDecoder reads plain samples: integers of 8 (unsigned) to 32 bits, floats of
// 32 and 64.
type pcmDecoder struct {
	size  int // bytes of a sample
	frame int // bytes of a sample of all channels
	float bool
	big   bool // the most significant byte comes first
}

func newPCMDecoder(t *Track, big bool) (decoder, error) {
	ok := t.Bits == 8 || t.Bits == 16 || t.Bits == 24 || t.Bits == 32
	if t.Float {
		ok = t.Bits == 32 || t.Bits == 64
	}
	if !ok || t.Channels < 1 {
		return nil, fmt.Errorf("pcm of %d bits in %d channels is not read here", t.Bits, t.Channels)
	}
	return &pcmDecoder{size: t.Bits / 8, frame: t.Bits / 8 * t.Channels, float: t.Float, big: big}, nil
}

// decode leaves out what is no whole sample of all channels.
func (d *pcmDecoder) decode(dst []float32, b []byte) ([]float32, error) {
	b = b[:len(b)/d.frame*d.frame]
	dst = slices.Grow(dst, len(b)/d.size)
	le := binary.LittleEndian
	var word [8]byte
	for ; len(b) > 0; b = b[d.size:] {
		s := b[:d.size]
		if d.big {
			s = word[:copy(word[:], s)]
			slices.Reverse(s)
		}
		var v float32
		switch {
		case d.size == 2:
			v = float32(int16(le.Uint16(s))) / (1 << 15)
		case d.float && d.size == 4:
			v = math.Float32frombits(le.Uint32(s))
		case d.size == 4:
			v = float32(int32(le.Uint32(s))) / (1 << 31)
		case d.size == 3:
			v = float32(int32(s[0])<<8|int32(s[1])<<16|int32(s[2])<<24) / (1 << 31)
		case d.size == 1:
			v = float32(int(s[0])-128) / (1 << 7)
		default:
			v = float32(math.Float64frombits(le.Uint64(s)))
		}
		dst = append(dst, v)
	}
	return dst, nil
}

// appendSamples writes samples as a track of WAV has them: rounded to the nearest
// and bounded where they are integers, as they are where they are floats.
func appendSamples(b []byte, pcm []float32, t *Track) []byte {
	le := binary.LittleEndian
	b = slices.Grow(b, len(pcm)*t.Bits/8)
	for _, v := range pcm {
		switch {
		case t.Float:
			b = le.AppendUint32(b, math.Float32bits(v))
		case t.Bits == 16:
			b = le.AppendUint16(b, uint16(quantised(v, 1<<15)))
		case t.Bits == 8:
			b = append(b, byte(quantised(v, 1<<7)+128))
		case t.Bits == 24:
			q := quantised(v, 1<<23)
			b = append(b, byte(q), byte(q>>8), byte(q>>16))
		default:
			b = le.AppendUint32(b, uint32(quantised(v, 1<<31)))
		}
	}
	return b
}

// quantised is a sample as an integer whose full scale is given.
func quantised(v float32, scale float64) int64 {
	switch x := math.RoundToEven(float64(v) * scale); {
	case x > scale-1:
		return int64(scale) - 1
	case x >= -scale:
		return int64(x)
	case x < -scale:
		return -int64(scale)
	}
	return 0 // not a number
}

// remix appends samples of some channels as samples of others: one is the mean of
// all, two are both what one was.
func remix(dst, pcm []float32, from, to int) []float32 {
	switch {
	case from == to:
		return append(dst, pcm...)
	case to == 1:
		for ; len(pcm) >= from; pcm = pcm[from:] {
			sum := float32(0)
			for _, v := range pcm[:from] {
				sum += v
			}
			dst = append(dst, sum/float32(from))
		}
		return dst
	}
	for ; len(pcm) >= from; pcm = pcm[from:] {
		for range to {
			dst = append(dst, pcm[0])
		}
	}
	return dst
}
