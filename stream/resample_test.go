package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// wave is a tone of full scale, its phase 0 at sample 0.
func wave(hz float64, rate, n int) []float32 {
	pcm := make([]float32, n)
	for i := range pcm {
		pcm[i] = float32(math.Sin(2 * math.Pi * hz * float64(i) / float64(rate)))
	}
	return pcm
}

// fit finds a tone in samples: its amplitude and phase, and the power of all that
// is not it, in dB below a tone of full scale.
func fit(pcm []float32, hz float64, rate int) (amplitude, phase, rest float64) {
	w := 2 * math.Pi * hz / float64(rate)
	var ss, cc, sc, ys, yc float64
	for i, v := range pcm {
		s, c := math.Sincos(w * float64(i))
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		ys, yc = ys+float64(v)*s, yc+float64(v)*c
	}
	det := ss*cc - sc*sc
	a, b := (ys*cc-yc*sc)/det, (yc*ss-ys*sc)/det
	power := 0.0
	for i, v := range pcm {
		s, c := math.Sincos(w * float64(i))
		d := float64(v) - a*s - b*c
		power += d * d
	}
	return math.Hypot(a, b), math.Atan2(b, a), below(power / float64(len(pcm)))
}

// below is a power in dB below that of a tone of full scale.
func below(power float64) float64 { return -10 * math.Log10(power/0.5+1e-20) }

func power(pcm []float32) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(pcm))
}

// resampled is what a resampler makes of samples, without its begin and end.
func resampled(from, to int, pcm []float32) []float32 {
	r := newResampler(from, to, 1)
	out := r.flush(r.resample(nil, pcm))
	edge := 4 * firReach * max(1, to/from)
	return out[edge : len(out)-edge]
}

var ratios = [][2]int{
	{48000, 16000}, {48000, 8000}, {44100, 16000}, {48000, 44100}, {96000, 11025}, {47999, 16001},
	{16000, 48000}, {8000, 48000}, {22050, 48000}, {44100, 48000}, {8001, 47999},
}

// TestResampler: what is low passes as it is and at its time, what is high folds
// back by less than -60 dB, and nothing is added.
func TestResampler(t *testing.T) {
	for _, ratio := range ratios {
		from, to := ratio[0], ratio[1]
		t.Run(fmt.Sprint(from, " to ", to), func(t *testing.T) {
			t.Parallel()
			low := float64(min(from, to))
			worst := [3]float64{0, math.Inf(1), math.Inf(1)}
			edge := 4 * firReach * max(1, to/from)
			for n := range 16 {
				hz := low * 0.45 * (float64(n) + 0.5) / 16
				got := resampled(from, to, wave(hz, from, from/5))
				amplitude, phase, rest := fit(got, hz, to)
				want := math.Remainder(2*math.Pi*hz*float64(edge)/float64(to), 2*math.Pi)
				worst[0] = max(worst[0], math.Abs(20*math.Log10(amplitude)))
				worst[1] = min(worst[1], rest)
				if d := math.Abs(math.Remainder(phase-want, 2*math.Pi)); d > 1e-3 {
					t.Errorf("%.0f Hz comes %.4f rad late", hz, d)
				}
			}
			for n := range 16 {
				if hz := low/2 + (float64(from)/2-low/2)*float64(n)/16; to < from {
					worst[2] = min(worst[2], below(power(resampled(from, to, wave(hz, from, from/5)))))
				}
			}
			t.Logf("flat within %.4f dB up to 0.45 of %.0f; added: -%.0f dB, folded back: -%.0f dB", worst[0], low, worst[1], worst[2])
			if worst[0] > 0.02 || worst[1] < 60 || worst[2] < 60 {
				t.Error("that is not enough")
			}
		})
	}
}

// TestResamplerCut: the same samples, however they are cut; as many as they last.
func TestResamplerCut(t *testing.T) {
	noise := make([]float32, 6000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = r.Float32()*2 - 1
	}
	for _, ratio := range ratios {
		for channels := 1; channels <= 3; channels++ {
			r := newResampler(ratio[0], ratio[1], channels)
			if n := len(r.table); n > firTable {
				t.Errorf("%v: a table of %d numbers", ratio, n)
			}
			want := r.flush(r.resample(nil, noise))
			frames := len(noise) / channels
			if n, m := len(want)/channels, (frames*ratio[1]+ratio[0]-1)/ratio[0]; n != m {
				t.Errorf("%v: %d samples became %d; expected %d", ratio, frames, n, m)
			}
			for _, c := range cutters(t) {
				var got []float32
				for rest := noise; len(rest) > 0; {
					n := min(max(1, c.next(len(rest)))*channels, len(rest))
					got = r.resample(got, rest[:n])
					rest = rest[n:]
				}
				if got = r.flush(got); !slices.Equal(got, want) {
					t.Errorf("%v, %d channels: cut by %s it is another", ratio, channels, c.name)
				}
			}
		}
	}
}
