package stream

import "math"

// The filter of a resampler is a windowed sinc whose window reaches over firReach
// samples of the lower rate to each side. It is flat up to 0.45 of that rate and
// passes less than -70 dB from 0.5 of it on: what would fold back, and the images
// of what is low. firBeta is Kaiser's parameter for that.
const (
	firReach  = 46
	firCutoff = 0.475
	firBeta   = 7.1
)

// A filter's table has as many phases as the ratio asks for, as long as that are
// no more than firTable numbers. Odd ratios go by firPhases of them and what lies
// between two, which is within -100 dB of the same.
const (
	firTable  = 1 << 18
	firPhases = 512
)

// resampler changes the rate of samples. Its state goes on from call to call, so
// that the samples that come out do not depend on how those that go in are cut.
// Sample 0 of the output is at the time of sample 0 of the input; what comes out
// is behind by half a filter, until flush.
type resampler struct {
	l, m   int // of l samples at the output there are m at the input
	reach  int // samples of the input that the filter takes on each side
	phases int
	table  []float32 // phases+1 rows of 2*reach coefficients

	past [][]float32 // of each channel, from where the filter stands on
	acc  int         // the place after that of the filter's middle, in 1/l
}

func newResampler(from, to, channels int) *resampler {
	g := gcd(from, to)
	r := &resampler{l: to / g, m: from / g, past: make([][]float32, channels)}
	down := max(1, float64(from)/float64(to))
	r.reach = int(math.Ceil(firReach * down))
	if r.phases = r.l; (r.l+1)*2*r.reach > firTable {
		r.phases = max(32, int(firPhases/down))
	}
	r.design(firCutoff / down)
	r.reset()
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// design makes the table of a filter with its cutoff in parts of the input's rate.
// Each row is the filter for a place between two samples, and passes a constant
// as it is.
func (r *resampler) design(cutoff float64) {
	taps := 2 * r.reach
	r.table = make([]float32, (r.phases+1)*taps)
	h := make([]float64, taps)
	for p := range r.phases + 1 {
		sum := 0.0
		for i := range h {
			t := float64(p)/float64(r.phases) + float64(r.reach-1-i)
			h[i] = sinc(2*cutoff*t) * kaiser(t/float64(r.reach))
			sum += h[i]
		}
		for i, v := range h {
			r.table[p*taps+i] = float32(v / sum)
		}
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the window at x, from -1 to 1; its height does not matter.
func kaiser(x float64) float64 {
	return bessel(firBeta * math.Sqrt(max(0, 1-x*x)))
}

// bessel is the modified function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

// reset forgets what went in.
func (r *resampler) reset() {
	r.acc = 0
	for c := range r.past {
		r.past[c] = append(r.past[c][:0], make([]float32, r.reach-1)...)
	}
}

// resample appends what comes out when some interleaved samples go in.
func (r *resampler) resample(dst, pcm []float32) []float32 {
	channels := len(r.past)
	for c := range r.past {
		for i := c; i < len(pcm); i += channels {
			r.past[c] = append(r.past[c], pcm[i])
		}
	}
	at, taps := 0, 2*r.reach
	for at+taps <= len(r.past[0]) {
		row, between := r.phase()
		for c := range r.past {
			in := r.past[c][at : at+taps]
			v := dot(r.table[row:row+taps], in)
			if between > 0 {
				v += between * (dot(r.table[row+taps:row+2*taps], in) - v)
			}
			dst = append(dst, v)
		}
		r.acc += r.m
		at += r.acc / r.l
		r.acc %= r.l
	}
	for c := range r.past {
		r.past[c] = r.past[c][:copy(r.past[c], r.past[c][at:])]
	}
	return dst
}

// phase returns where the table's row for the present place begins, and how far
// that is to the next row.
func (r *resampler) phase() (row int, between float32) {
	if r.phases == r.l {
		return r.acc * 2 * r.reach, 0
	}
	at := r.acc * r.phases
	return at / r.l * 2 * r.reach, float32(at%r.l) / float32(r.l)
}

// flush appends what is still to come of what went in, and forgets it.
func (r *resampler) flush(dst []float32) []float32 {
	dst = r.resample(dst, make([]float32, r.reach*len(r.past)))
	r.reset()
	return dst
}

func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + (s2 + s3)
}
