package streamtest

import (
	"encoding/binary"
	"math"
)

// Floats reads little-endian samples of 32 bits.
func Floats(b []byte) []float32 {
	pcm := make([]float32, len(b)/4)
	_, _ = binary.Decode(b[:len(pcm)*4], binary.LittleEndian, pcm)
	return pcm
}

// Ratio is the power of one signal over that of what is wrong with another, in dB.
func Ratio(want, got []float32) float64 {
	var signal, noise float64
	for i, v := range want[:min(len(want), len(got))] {
		d := float64(v - got[i])
		signal, noise = signal+float64(v)*float64(v), noise+d*d
	}
	return decibel(signal, noise)
}

func decibel(signal, noise float64) float64 { return 10 * math.Log10(signal/(noise+1e-20)) }

// LowRatio is [Ratio] for what lies below a frequency, of signals at two rates.
func LowRatio(want, got []float32, wantRate, gotRate, limit int) float64 {
	const span = 50 // a second has so many blocks
	n, m := wantRate/span, gotRate/span
	var signal, noise float64
	for i := 0; (i+1)*n <= len(want) && (i+1)*m <= len(got); i += 7 {
		for k := 1; k < limit/span; k++ {
			re, im := bin(want[i*n:(i+1)*n], k)
			re2, im2 := bin(got[i*m:(i+1)*m], k)
			signal += re*re + im*im
			noise += (re-re2)*(re-re2) + (im-im2)*(im-im2)
		}
	}
	return decibel(signal, noise)
}

// bin is one frequency of a block, through Hann's window.
func bin(pcm []float32, k int) (re, im float64) {
	n := float64(len(pcm))
	for i, v := range pcm {
		w := (1 - math.Cos(2*math.Pi*float64(i)/n)) / n
		s, c := math.Sincos(2 * math.Pi * float64(k) * float64(i) / n)
		re, im = re+w*c*float64(v), im+w*s*float64(v)
	}
	return re, im
}

// Find returns where in a signal, from about a place on, a piece of it stands: the
// place within so many samples of it where the two differ least.
func Find(piece, in []float32, about, within int) (at int) {
	least := math.Inf(1)
	for i := max(0, about-within); i <= min(about+within, len(in)-len(piece)); i++ {
		sum := 0.0
		for k, v := range piece {
			d := float64(v - in[i+k])
			if sum += d * d; sum >= least {
				break
			}
		}
		if sum < least {
			at, least = i, sum
		}
	}
	return at
}
