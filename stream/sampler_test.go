package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// spool feeds a sampler with parts of counting samples, at 1 kHz and one channel:
// a sample is a millisecond, and 0 is silence.
type spool struct {
	*sampler
	out  []*Part
	next int
}

func newSpool() *spool {
	t := &Track{Type: Audio, Codec: "1", id: "pcm", Rate: 1000, Channels: 1, Bits: 16}
	return &spool{sampler: newSampler(0, t, t, new(Counters))}
}

// feed puts n samples at a time.
func (s *spool) feed(at time.Duration, n int) {
	var b []byte
	for range n {
		s.next++
		b = binary.LittleEndian.AppendUint16(b, uint16(s.next))
	}
	s.out = s.convert(s.out, &Part{Kind: Join, Time: at, Frame: b})
}

// all returns the samples of all parts, which must be one after the other.
func (s *spool) all(t *testing.T) (all []int16) {
	t.Helper()
	s.out = s.rest(s.out)
	for i, p := range s.out {
		if i > 0 && p.Time != s.out[i-1].End() {
			t.Errorf("part %d is at %v; the one before ends at %v", i, p.Time, s.out[i-1].End())
		}
		for b := p.Frame; len(b) > 0; b = b[2:] {
			all = append(all, int16(binary.LittleEndian.Uint16(b)))
		}
	}
	return all
}

// runs are the lengths of sound and silence, in turns.
func runs(all []int16) (lengths []int) {
	sound := true
	for n := 0; len(all) > 0; n, sound = 0, !sound {
		for n < len(all) && (all[n] != 0) == sound {
			n++
		}
		lengths, all = append(lengths, n), all[n:]
	}
	return lengths
}

// TestGaps: as long as the timestamps say, from a tenth of a second up to ten.
func TestGaps(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		gap         time.Duration
		want        []int
		corrections int64
	}{
		{0, []int{400}, 0},
		{99 * ms, []int{400}, 0},
		{100 * ms, []int{200, 100, 200}, 1},
		{1700 * ms, []int{200, 1700, 200}, 1},
		{10 * time.Second, []int{200, 10_000, 200}, 1},
	} {
		s := newSpool()
		for i := range 40 {
			at := 5*time.Second + time.Duration(i)*10*ms
			if i >= 20 {
				at += c.gap
			}
			s.feed(at, 10)
		}
		if got := runs(s.all(t)); !slices.Equal(got, c.want) || s.count.Corrections.Load() != c.corrections {
			t.Errorf("%v: %v, %d corrections; expected %v, %d", c.gap, got, s.count.Corrections.Load(), c.want, c.corrections)
		}
	}
}

// TestJump: more than that is not made up for; time goes on from there.
func TestJump(t *testing.T) {
	for _, gap := range []time.Duration{10*time.Second + 16*time.Millisecond, 3 * time.Hour, math.MaxInt64 / 2} {
		s := newSpool()
		s.feed(time.Second, 15)
		s.feed(time.Second+gap, 15)
		n := len(s.out)
		s.out = s.rest(s.out)
		var got []string
		for _, p := range s.out {
			got = append(got, fmt.Sprintf("%v+%v", p.Time, p.Duration))
		}
		at := func(d time.Duration) string { return (time.Second + d).String() }
		const ms = time.Millisecond
		want := []string{"1s+10ms", "1.01s+5ms", at(gap) + "+10ms", at(gap+10*ms) + "+5ms"}
		if !slices.Equal(got, want) || n != 3 || s.count.Corrections.Load() != 1 {
			t.Errorf("%v: %d parts, %.80q; expected %q", gap, len(got), got[:min(len(got), 4)], want)
		}
	}
}

// TestDrift: timestamps that run faster or slower than the samples are never
// further from them than a tenth of a second, and so at the end.
func TestDrift(t *testing.T) {
	const ms = time.Millisecond
	for _, speed := range []float64{0.98, 0.9997, 1, 1.0003, 1.02} {
		s := newSpool()
		worst := time.Duration(0)
		for i := range 6000 {
			at := time.Duration(float64(i) * speed * 10 * float64(ms))
			s.feed(at, 10)
			if off := s.out[len(s.out)-1].Time - at; len(s.out) > 0 {
				worst = max(worst, off, -off)
			}
		}
		if worst > 110*ms {
			t.Errorf("at %g of the speed it is %v off", speed, worst)
		}
		off := time.Duration(len(s.all(t)))*ms - time.Duration(60_000*speed)*ms
		want := int64(math.Abs(speed-1) * 600)
		if n := s.count.Corrections.Load(); n > want+1 || n < want-1 || max(off, -off) > 110*ms {
			t.Errorf("at %g of the speed it is %v off in the end, after %d corrections; expected %d", speed, off, n, want)
		}
	}
}

// TestOverlap: what comes twice is left out once, and what follows is in its place.
func TestOverlap(t *testing.T) {
	const ms = time.Millisecond
	for _, n := range []int{10, 500} { // the frames are shorter than the overlap, or longer
		s := newSpool()
		for at := time.Duration(0); at < 1000*ms; at += time.Duration(n) * ms {
			s.feed(at, n)
		}
		for at := 700 * ms; at < 1700*ms; at += time.Duration(n) * ms {
			s.feed(at, n)
		}
		all := s.all(t)
		if len(all) != 1700 || all[999] != 1000 || all[1000] != 1301 || all[1699] != 2000 || s.count.Corrections.Load() != 1 {
			t.Errorf("frames of %d: %d samples, %d corrections", n, len(all), s.count.Corrections.Load())
		}
	}
}

// TestSilenceStopsSurplus: samples that were to be left out are not, when the time
// has jumped ahead meanwhile.
func TestSilenceStopsSurplus(t *testing.T) {
	const ms = time.Millisecond
	s := newSpool()
	s.feed(0, 1000)
	s.feed(500*ms, 10)
	s.feed(1000*ms, 10)
	s.feed(1300*ms, 10)
	if got, want := runs(s.all(t)), []int{1010, 290, 10}; !slices.Equal(got, want) {
		t.Errorf("%v; expected %v", got, want)
	}
}

// broken is a decoder that some frames are too much for.
type broken struct{ after int }

func (d *broken) decode(dst []float32, frame []byte) ([]float32, error) {
	if d.after--; d.after < 0 {
		return dst, errors.New("damaged")
	}
	return append(dst, make([]float32, len(frame)/2)...), nil
}

// TestDamage: a frame that gives no samples is silence for as long as it says, but
// not for as long as it likes.
func TestDamage(t *testing.T) {
	for said, want := range map[time.Duration]int{0: 10, 20 * time.Millisecond: 30, time.Hour: 130} {
		s := newSpool()
		s.decoder = &broken{after: 1}
		s.feed(0, 10)
		s.out = s.convert(s.out, &Part{Kind: Join, Time: 10 * time.Millisecond, Duration: said, Frame: []byte{1, 2}})
		if n := len(s.all(t)); n != want || s.count.Damaged.Load() != 1 {
			t.Errorf("%v: %d samples, %d damaged; expected %d", said, n, s.count.Damaged.Load(), want)
		}
	}
}

// TestMixing: one of two is their mean, two of one are the same, and what is not
// changed is bit for bit what it was.
func TestMixing(t *testing.T) {
	in := []float32{0.25, -0.75, float32(math.Nextafter32(1, 0)), -1.5, 3e-20, 1e10}
	for _, c := range []struct {
		from, to int
		want     []float32
	}{
		{1, 1, in},
		{2, 2, in},
		{3, 3, in},
		{2, 1, []float32{-0.25, (in[2] + in[3]) / 2, 5e9}},
		{3, 1, []float32{(in[0] + in[1] + in[2]) / 3, (in[3] + in[4] + in[5]) / 3}},
		{1, 2, []float32{in[0], in[0], in[1], in[1], in[2], in[2], in[3], in[3], in[4], in[4], in[5], in[5]}},
	} {
		from := &Track{Type: Audio, id: "pcm", Rate: 48000, Channels: c.from, Bits: 32, Float: true}
		to := &Track{Type: Audio, id: "pcm", Rate: 48000, Channels: c.to, Bits: 32, Float: true}
		s := newSampler(0, from, to, new(Counters))
		var got []float32
		d, err := newDecoder(to)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.rest(s.convert(nil, &Part{Kind: Join, Frame: appendSamples(nil, in, from)})) {
			if got, err = d.decode(got, p.Frame); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d to %d channels: %v; expected %v", c.from, c.to, got, c.want)
		}
	}
}
