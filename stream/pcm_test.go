package stream

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// pcmKinds are all kinds of plain samples, and how the values below are written.
var pcmKinds = map[string]struct {
	track Track
	write func(v float64) []byte
}{
	"8":       {Track{id: "pcm", Bits: 8}, func(v float64) []byte { return []byte{byte(int(v*128) + 128)} }},
	"16":      {Track{id: "pcm", Bits: 16}, func(v float64) []byte { return le(int64(v*(1<<15)), 2) }},
	"24":      {Track{id: "pcm", Bits: 24}, func(v float64) []byte { return le(int64(v*(1<<23)), 3) }},
	"32":      {Track{id: "pcm", Bits: 32}, func(v float64) []byte { return le(int64(v*(1<<31)), 4) }},
	"float":   {Track{id: "pcm", Bits: 32, Float: true}, func(v float64) []byte { return le(int64(math.Float32bits(float32(v))), 4) }},
	"double":  {Track{id: "pcm", Bits: 64, Float: true}, func(v float64) []byte { return le(int64(math.Float64bits(v)), 8) }},
	"little":  {Track{id: "A_PCM/INT/LIT", Bits: 16}, func(v float64) []byte { return le(int64(v*(1<<15)), 2) }},
	"big":     {Track{id: "A_PCM/INT/BIG", Bits: 24}, func(v float64) []byte { return reversed(le(int64(v*(1<<23)), 3)) }},
	"big, 16": {Track{id: "A_PCM/INT/BIG", Bits: 16}, func(v float64) []byte { return reversed(le(int64(v*(1<<15)), 2)) }},
	"webm":    {Track{id: "A_PCM/FLOAT/IEEE", Bits: 32, Float: true}, func(v float64) []byte { return le(int64(math.Float32bits(float32(v))), 4) }},
}

func le(v int64, n int) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v))[:n] }

func reversed(b []byte) []byte {
	slices.Reverse(b)
	return b
}

// TestPCM: all kinds are read, and those of WAV written again, bit for bit.
func TestPCM(t *testing.T) {
	want := []float32{0, 0.5, -0.5, -1, 0.25, -0.0078125, 0.9921875}
	for name, c := range pcmKinds {
		c.track.Type, c.track.Channels, c.track.Rate = Audio, 1, 48000
		var b []byte
		for _, v := range want {
			b = append(b, c.write(float64(v))...)
		}
		d, err := newDecoder(&c.track)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := d.decode([]float32{7}, append(bytes.Clone(b), 0)[:len(b)+min(1, c.track.Bits/8-1)])
		if err != nil || got[0] != 7 || !slices.Equal(got[1:], want) {
			t.Errorf("%s: %v, %v; expected %v", name, got, err, want)
		}
		if again := appendSamples(nil, want, &c.track); c.track.id == "pcm" && c.track.Bits < 64 && !bytes.Equal(again, b) {
			t.Errorf("%s: written as % x; expected % x", name, again, b)
		}
	}
}

// TestPCMRounds to the nearest, and bounds what is too large.
func TestPCMRounds(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	in := []float32{0.4 / 32768, 0.6 / 32768, -0.6 / 32768, 1, 1.5, -1.5, inf, -inf, nan, 1e30}
	want := []int16{0, 1, -1, 32767, 32767, -32768, 32767, -32768, 0, 32767}
	got := make([]int16, len(in))
	if _, err := binary.Decode(appendSamples(nil, in, &Track{Bits: 16}), binary.LittleEndian, got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v; expected %v", got, want)
	}
	for bits, top := range map[int][]byte{8: {255, 0}, 24: {0xff, 0xff, 0x7f, 0, 0, 0x80}, 32: {0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0x80}} {
		if got := appendSamples(nil, []float32{2, -2}, &Track{Bits: bits}); !bytes.Equal(got, top) {
			t.Errorf("%d bits: % x; expected % x", bits, got, top)
		}
	}
}
