package stream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// table is a mixer whose voices are fed by hand, at 48 kHz and one channel, a block
// at a time.
type table struct {
	*mixer
	out []float32
}

func newTable() *table { return &table{mixer: newMixer(48000, 1)} }

// spoken is a voice that says something on and on.
type spoken struct {
	*voice
	sound func(i int) float32
	at    int // samples put
	out   int // of the table, when it began
}

func (m *table) speaks(sound func(i int) float32) *spoken {
	return &spoken{voice: m.voice(1), sound: sound, out: len(m.out)}
}

func (s *spoken) say(n int) {
	var pcm []float32
	for range n {
		pcm = append(pcm, s.sound(s.at))
		s.at++
	}
	s.put(pcm)
}

// tone is one of a frequency and an amplitude.
func tone(hz, amplitude float64) func(i int) float32 {
	return func(i int) float32 { return float32(amplitude * math.Sin(2*math.Pi*hz*float64(i)/48000)) }
}

// number says what its place is: by that it is told how late it is heard.
func number(i int) float32 { return float32(i+1) / (1 << 21) }

// late is how many samples of a number have been put since the latest that is heard;
// -1: there is none.
func (m *table) late(s *spoken) int {
	last := m.out[len(m.out)-1]
	if last == 0 {
		return -1
	}
	return s.at - int(math.Round(float64(last)*(1<<21)))
}

// run lets all speak for a time, in blocks.
func (m *table) run(d time.Duration, all ...*spoken) {
	for range d / (10 * time.Millisecond) {
		for _, s := range all {
			s.say(m.unit)
		}
		m.out = m.mix(m.out)
	}
}

// steepest is the largest step between two samples.
func steepest(pcm []float32) (most float64) {
	for i := range pcm[1:] {
		most = max(most, math.Abs(float64(pcm[i+1]-pcm[i])))
	}
	return most
}

// slope is the largest step of a tone of full scale.
func slope(hz float64) float64 { return 2 * math.Pi * hz / 48000 }

// fadeStep is the largest step of a fade of full scale.
const fadeStep = 1.0 / 720

// TestMixerSums: two tones are both there, as they were and nothing else; one voice
// alone is bit for bit what it was.
func TestMixerSums(t *testing.T) {
	m := newTable()
	m.run(2*time.Second, m.speaks(tone(440, 0.3)), m.speaks(tone(1000, 0.2)))
	second := m.out[48000:]
	for hz, want := range map[float64]float64{440: 0.3, 1000: 0.2, 700: 0} {
		if got, _, _ := fit(second, hz, 48000); math.Abs(got-want) > 1e-4 {
			t.Errorf("%g Hz: %.4f; expected %g", hz, got, want)
		}
	}
	m = newTable()
	s := m.speaks(number)
	m.run(time.Second, s)
	for i, x := range m.out[24000:] {
		if want := number(24000 + i - 9600); x != want && math.Abs(float64(x-want)) > 2*480./(1<<21) {
			t.Fatalf("sample %d is %v; expected about %v", i, x, want)
		}
		if i > 0 && x-m.out[24000+i-1] != 1./(1<<21) {
			t.Fatalf("sample %d is %v after %v", i, x, m.out[24000+i-1])
		}
	}
}

// TestMixerChannels: one channel is heard in both of two; more than two are as one.
func TestMixerChannels(t *testing.T) {
	for _, c := range []struct {
		from, to int
		want     []float32
	}{{1, 1, []float32{0.25}}, {1, 2, []float32{0.25, 0.25}}, {2, 2, []float32{0.25, -0.5}}, {6, 2, []float32{0.25, 0.25}}, {2, 1, []float32{0.25}}} {
		m := newMixer(16000, c.to)
		v := m.voice(c.from)
		in, out := slices.Repeat([]float32{0.25, -0.5}[:v.channels], m.unit), []float32(nil)
		for range 40 {
			v.put(in)
			out = m.mix(out[:0])
		}
		if want := slices.Repeat(c.want, m.unit); !slices.Equal(out, want) {
			t.Errorf("%d to %d channels: %v ...; expected %v", c.from, c.to, out[:c.to], c.want)
		}
	}
}

// TestLoudestFour of six are heard, whatever their order, and the others not at all.
func TestLoudestFour(t *testing.T) {
	amplitudes := []float64{0.02, 0.2, 0.05, 0.15, 0.1, 0.01}
	for turn := range amplitudes {
		m := newTable()
		var all []*spoken
		for i := range amplitudes {
			n := (i + turn) % len(amplitudes)
			all = append(all, m.speaks(tone(float64(300+200*n), amplitudes[n])))
		}
		m.run(4*time.Second, all...)
		for n, want := range amplitudes {
			if want < 0.05 {
				want = 0
			}
			if got, _, _ := fit(m.out[3*48000:], float64(300+200*n), 48000); math.Abs(got-want) > 1e-4 {
				t.Errorf("turn %d: tone %d has %.5f; expected %g", turn, n, got, want)
			}
		}
	}
}

// changes counts how often other voices are heard, while these speak.
func (m *table) changes(d time.Duration, all ...*spoken) (n int) {
	var before []bool
	for range d / (10 * time.Millisecond) {
		m.run(10*time.Millisecond, all...)
		var now []bool
		for _, s := range all {
			now = append(now, s.chosen)
		}
		if before != nil && !slices.Equal(before, now) {
			n++
		}
		before = now
	}
	return n
}

// TestLoudestDoesNotFlicker: who are about as loud take no places from each other; who
// is much louder is heard soon, and who has been silent loses his place at once.
func TestLoudestDoesNotFlicker(t *testing.T) {
	m := newTable()
	var all []*spoken
	for i := range 6 {
		r := rand.New(rand.NewPCG(uint64(i), 5))
		loud := 0.1
		steady := tone(float64(300+200*i), 1)
		all = append(all, m.speaks(func(n int) float32 {
			if n%9600 == 0 { // five times a second
				loud = 0.1 * (0.85 + 0.3*r.Float64())
			}
			return float32(loud) * steady(n)
		}))
	}
	m.run(time.Second, all...)
	if n := m.changes(20*time.Second, all...); n != 0 {
		t.Errorf("%d changes", n)
	}
	quiet := slices.IndexFunc(all, func(s *spoken) bool { return !s.chosen })
	all[quiet].sound = tone(440, 0.3)
	if n := m.changes(time.Second, all...); n != 1 || !all[quiet].chosen {
		t.Errorf("much louder: %d changes; it is heard: %t", n, all[quiet].chosen)
	}
	silent := slices.IndexFunc(all, func(s *spoken) bool { return s.chosen })
	all[silent].sound = func(int) float32 { return 0 }
	for _, s := range all {
		if !s.chosen {
			s.sound = func(int) float32 { return 0 }
		}
	}
	m.run(5*time.Second, all...)
	last := slices.IndexFunc(all, func(s *spoken) bool { return !s.chosen })
	all[last].sound = tone(440, 0.01)
	begins := len(m.out)
	m.run(time.Second, all...)
	if got, _, _ := fit(m.out[begins+14400:], 440, 48000); !all[last].chosen || got < 0.009 {
		t.Errorf("after silence: %.4f of the tone", got)
	}
}

// TestNothingClicks, whoever comes, goes or stalls, and takes another's place.
func TestNothingClicks(t *testing.T) {
	m := newTable()
	var all []*spoken
	for i := range 7 {
		all = append(all, m.speaks(func(n int) float32 { // now louder than the others, now not
			return tone(100, 0.1+0.1*math.Sin(2*math.Pi*float64(n)/144_000+float64(i)))(n)
		}))
		m.run(730*time.Millisecond, all...)
	}
	if n := m.changes(10*time.Second, all...); n < 5 {
		t.Errorf("others are heard %d times", n)
	}
	for len(all) > 0 {
		all[0].ended = len(all)%2 == 0 // or it stalls
		all = all[1:]
		m.run(730*time.Millisecond, all...)
	}
	// Four are heard, and two more while they fade.
	if got, most := steepest(m.out), 6*0.2*(slope(100)+fadeStep); got > most {
		t.Errorf("a step of %.4f; expected %.4f at the most", got, most)
	}
	if got := m.out[len(m.out)-1]; got != 0 {
		t.Errorf("it ends with %v", got)
	}
}

// TestLoudnessIsKnownAhead: a tenth of a second before a voice is heard.
func TestLoudnessIsKnownAhead(t *testing.T) {
	m := newTable()
	s := m.speaks(func(i int) float32 {
		if i < 24_000 {
			return 0
		}
		return 0.1
	})
	known := 0
	for m.out == nil || m.out[len(m.out)-1] == 0 {
		m.run(10*time.Millisecond, s)
		if s.power > mixSilence && known == 0 {
			known = len(m.out)
		}
	}
	if ahead := len(m.out) - known; ahead < 90*48 || ahead > 120*48 {
		t.Errorf("%d samples ahead", ahead)
	}
}

// TestLimiter: what is too loud is turned down, and no more than that: it stays a
// tone, and goes on from block to block. What comes long after is as it was.
func TestLimiter(t *testing.T) {
	m := newTable()
	var all []*spoken
	for range 4 {
		all = append(all, m.speaks(tone(500, 1)))
	}
	m.run(3*time.Second, all...)
	loud := slices.Clone(m.out)
	if peak := slices.Max(loud); peak > 1 || peak < 0.99 {
		t.Errorf("the peak is %v", peak)
	}
	// Here every period is as loud as the others.
	if _, _, rest := fit(loud[2*48000:], 500, 48000); rest < 60 {
		t.Errorf("a tone turned down is %.1f dB cleaner than what it makes", rest)
	}
	if got, most := steepest(loud), 4*(slope(500)+fadeStep); got > most {
		t.Errorf("a step of %.4f", got)
	}
	for _, s := range all[1:] {
		s.sound = func(int) float32 { return 0 }
	}
	all[0].sound = tone(500, 0.5)
	m.run(3*time.Second, all...)
	want := tone(500, 0.5)
	for i := range 48000 {
		if got := m.out[len(m.out)-48000+i]; math.Abs(float64(got-want(all[0].at-48000+i-m.latency(all[0])))) > 1e-6 {
			t.Fatalf("later sample %d is %v", i, got)
		}
	}
}

// latency is how many samples are between what is put into a voice and what comes out.
func (m *table) latency(s *spoken) int { return s.fill() + m.unit }

// TestLimiterNeverClips, whatever comes: no sample is above full scale, and the gain
// makes no jumps.
func TestLimiterNeverClips(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const n = 48
	l := limiter{held: make([]float32, n), need: 1, gain: 1}
	gain := float32(1)
	for range 20_000 {
		block := make([]float32, n)
		loud := math.Pow(10, 4*r.Float64()-3)
		for i := range block {
			block[i] = float32(loud * (2*r.Float64() - 1))
		}
		for i, x := range l.pass(nil, block, 1) {
			if x > 1 || x < -1 {
				t.Fatalf("sample %d is %v", i, x)
			}
		}
		if l.gain > gain*limitRise+1e-6 || l.gain > 1 {
			t.Fatalf("the gain rises from %v to %v", gain, l.gain)
		}
		gain = l.gain
	}
}

// TestPackets: voices whose packets come as they do, 10 ms to 2.5 s at once, are
// heard without a break, after the first few of them, and not much later than that
// takes.
func TestPackets(t *testing.T) {
	for _, c := range []struct {
		packet, most time.Duration // most: how late, at the worst
		jitter       bool
	}{
		{10, 230, false}, {20, 230, false}, {60, 230, false}, {60, 290, true}, {120, 260, false}, {120, 410, true}, {250, 380, false}, {340, 470, false}, {1000, 1130, false}, {2500, 2630, false},
	} {
		m := newTable()
		s := m.speaks(number)
		r := rand.New(rand.NewPCG(1, 1))
		due, at, worst := 0, time.Duration(0), 0
		var coming []time.Duration
		for i := range 3000 {
			now := time.Duration(i) * 10
			for ; at <= now; at += c.packet {
				due += int(c.packet) * 48
				comes := now
				if c.jitter {
					comes += time.Duration(r.IntN(int(c.packet)))
				}
				coming = append(coming, comes)
			}
			for len(coming) > 0 && coming[0] <= now {
				s.say(int(c.packet) * 48)
				coming = coming[1:]
			}
			m.out = m.mix(m.out)
			if i < 1500 {
				continue
			}
			heard := int(math.Round(float64(m.out[len(m.out)-1]) * (1 << 21)))
			if heard == 0 {
				t.Fatalf("%v: silence after %v", c, time.Duration(i)*10*time.Millisecond)
			}
			worst = max(worst, due-heard)
		}
		if worst > int(c.most)*48 {
			t.Errorf("%v ms: %d ms late", c, worst/48)
		}
		if n := m.held(); n > 4*48*3500*2 {
			t.Errorf("%v: %d bytes are held", c, n)
		}
	}
}

// TestClocksDiffer: a voice whose clock runs faster or slower than ours is heard
// without a break and without a click, and stays as late as it was.
func TestClocksDiffer(t *testing.T) {
	plain := tone(200, 0.5)
	clocksDiffer(t, plain, 0.5*slope(200)*1.3)
	// No two pieces of this are the same.
	clocksDiffer(t, func(i int) float32 { return tone(131.7, 0.3)(i) + tone(263, 0.2)(i) + tone(171, 0.2)(i) },
		1.3*(0.3*slope(131.7)+0.2*slope(263)+0.2*slope(171)))
}

func clocksDiffer(t *testing.T, sound func(i int) float32, step float64) {
	for _, drift := range []float64{-0.005, -0.0005, 0.0005, 0.005} {
		m := newTable()
		s := m.speaks(sound)
		said := 0.0
		least, most := math.MaxInt, 0
		for i := range 6000 { // a minute
			said += 480 * (1 + drift)
			s.say(int(said) - s.at)
			m.out = m.mix(m.out[max(0, len(m.out)-480):])
			if i < 100 {
				continue
			}
			if got := steepest(m.out); got > step {
				t.Fatalf("at %+.2f %%: a step of %.4f in block %d", 100*drift, got, i)
			}
			if power(m.out) < 1e-4 {
				t.Fatalf("at %+.2f %%: no sound in block %d", 100*drift, i)
			}
			least, most = min(least, s.fill()), max(most, s.fill())
		}
		if least < 120*48 || most > 260*48 {
			t.Errorf("at %+.2f %%: %d to %d ms wait", 100*drift, least/48, most/48)
		}
	}
}

// TestStall: while nothing comes there is silence; when all of it comes at once, what
// is too old is left out, and the voice is no later than it was.
func TestStall(t *testing.T) {
	for _, d := range []time.Duration{250 * time.Millisecond, time.Second, 5 * time.Second} {
		m := newTable()
		s := m.speaks(number)
		m.run(2*time.Second, s)
		before := m.late(s)
		for range d / (10 * time.Millisecond) {
			m.out = m.mix(m.out)
		}
		if x := m.out[len(m.out)-1]; x != 0 {
			t.Errorf("%v: %v is heard while nothing comes", d, x)
		}
		gone := len(m.out)
		for range d / (10 * time.Millisecond) { // as the parts of a conversion
			s.say(480)
		}
		if n := s.fill(); n > 48*700+480 {
			t.Errorf("%v: %d ms wait", d, n/48)
		}
		m.run(100*time.Millisecond, s)
		if after := m.late(s); after < 0 || after > before+480 {
			t.Errorf("%v: %d samples late, %d before", d, after, before)
		}
		if i := slices.IndexFunc(m.out[gone:], func(x float32) bool { return x != 0 }); i < 0 || i > 2*480 {
			t.Errorf("%v: it is heard again after %d samples", d, i)
		}
	}
}

// TestJumpOfTime: what has been made silence for a jump of the timestamps does not
// make a voice late.
func TestJumpOfTime(t *testing.T) {
	m := newTable()
	s := m.speaks(number)
	m.run(2*time.Second, s)
	before := m.late(s)
	for range 500 {
		s.put(make([]float32, 480))
	}
	m.run(3*time.Second, s)
	if after := m.late(s); after < 0 || after > before+48*60 {
		t.Errorf("%d samples late, %d before", after, before)
	}
}

// TestVoiceEnds: all of it is heard, but for a fade, and nothing is left.
func TestVoiceEnds(t *testing.T) {
	for _, n := range []int{480, 3000, 9600, 30_000} {
		m := newTable()
		s := m.speaks(func(int) float32 { return 0.5 })
		for s.at < n {
			s.say(min(480, n-s.at))
			m.out = m.mix(m.out)
		}
		s.ended = true
		for range 40 {
			m.out = m.mix(m.out)
		}
		heard := 0.0
		for _, x := range m.out {
			heard += float64(x) / 0.5
		}
		if lost := n - int(heard); lost > 2*720+480 || len(m.voices) != 0 || m.held() != 0 {
			t.Errorf("of %d samples %d are lost; %d voices are left", n, lost, len(m.voices))
		}
		if got := steepest(m.out); got > 0.5*fadeStep*1.01 {
			t.Errorf("of %d samples: a step of %v", n, got)
		}
	}
}

// TestVoiceRates: a mix has any rate, and what waits there is as long.
func TestVoiceRates(t *testing.T) {
	for _, rate := range []int{minRate, 8000, 8001, 11025, 44100, maxRate} {
		m := newMixer(rate, 2)
		v := m.voice(2)
		var out []float32
		for range 300 {
			v.put(make([]float32, 2*m.unit+2*(rate/50)))
			out = m.mix(out[:0])
		}
		if len(out) != 2*(rate/100) || v.fill() > v.frames(voiceAim+voiceOver)+3*m.unit {
			t.Errorf("%d Hz: %d samples a block, %d wait", rate, len(out)/2, v.fill())
		}
	}
}

// BenchmarkMix makes ten seconds of a mix of so many voices; "of a conversion" is
// what that takes in terms of one voice decoded from Opus for the same time.
func BenchmarkMix(b *testing.B) {
	var file []byte
	for i, p := range packets(b, "chromium-audio-opus-T100.webm")[:10*1000/60] {
		file = append(file, cluster(uint64(i*60), simple(1, 0, 0x80, string(p)))...)
	}
	h := newHub(b, roomy())
	p := mustPublish(b, h, "x", PublishOptions{})
	mustWrite(b, p, begin(opusEl(1, 1)), file)
	from := logged(streamOf(b, h, "x"))
	plan, err := ConvertOptions{Format: ByExt("wav")}.plan(streamOf(b, h, "x"))
	if err != nil {
		b.Fatal(err)
	}
	const rounds = 20
	began := time.Now()
	for range rounds {
		conv := plan.make(new(Counters))
		var parts []*Part
		for _, p := range from {
			parts = conv.convert(parts[:0], p)
		}
	}
	one := float64(time.Since(began).Nanoseconds()) / rounds
	p.Drop()
	for _, n := range []int{1, 4, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			block := make([]float32, 480)
			for i := range block {
				block[i] = tone(440, 0.1)(i)
			}
			b.ReportAllocs()
			for b.Loop() {
				m := newMixer(48000, 2)
				for range n {
					m.voice(1)
				}
				var out []float32
				for range 1000 {
					for _, v := range m.voices {
						v.put(block)
					}
					out = m.mix(out[:0])
				}
			}
			took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			b.ReportMetric(10e9/took, "x")
			b.ReportMetric(took/one, "of-a-conversion")
		})
	}
}
