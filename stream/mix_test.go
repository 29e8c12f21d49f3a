package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// hallway is a hub in which people speak by the clock of a synctest bubble.
type hallway struct {
	t *testing.T
	h *Hub
}

func newHallway(t *testing.T, o Options) *hallway {
	o.Filler = time.Hour
	return &hallway{t, newHub(t, o)}
}

// speaker publishes a tone as WAV of 16 bits.
type speaker struct {
	*Publisher
	w     *hallway
	rate  int
	sound func(i int) float32
	at    int
}

// comes begins to publish; sound is at 48 kHz whatever the rate.
func (w *hallway) comes(name string, rate int, sound func(i int) float32) *speaker {
	w.t.Helper()
	p := mustPublish(w.t, w.h, name, PublishOptions{})
	mustWrite(w.t, p, wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: rate, size: math.MaxUint32, sized: true}.bytes())
	return &speaker{Publisher: p, w: w, rate: rate, sound: sound}
}

// say writes so much at once.
func (s *speaker) say(d time.Duration) {
	s.w.t.Helper()
	var pcm []float32
	for range inSamples(d, s.rate) {
		pcm = append(pcm, s.sound(s.at*48000/s.rate))
		s.at++
	}
	mustWrite(s.w.t, s.Publisher, appendSamples(nil, pcm, &Track{Bits: 16}))
}

// run lets all speak for a time, in packets of 20 ms.
func (w *hallway) run(d time.Duration, all ...*speaker) {
	w.t.Helper()
	for range d / (20 * time.Millisecond) {
		for _, s := range all {
			s.say(20 * time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
}

// ear listens to a mix.
type ear struct {
	w       *hallway
	to      *Stream
	l       *Listener
	release func()
	early   []float32 // heard when it began, which is where it begins
}

func (w *hallway) listens(over context.Context, o MixOptions) *ear {
	w.t.Helper()
	to, release, err := w.h.Mix(over, o)
	if err != nil {
		w.t.Fatal(err)
	}
	e := &ear{w: w, to: to, l: to.Listen(ListenOptions{Complete: true}), release: release}
	e.early, _ = e.heard()
	return e
}

// heard returns the first channel of what has come, and whether that was the end.
func (e *ear) heard() (pcm []float32, ended bool) {
	e.w.t.Helper()
	track := &e.to.Tracks()[0]
	d, err := newDecoder(track)
	if err != nil {
		e.w.t.Fatal(err)
	}
	pcm, e.early = e.early, nil
	for {
		parts, err := e.l.Take(nil)
		for _, p := range parts {
			all, _ := d.decode(nil, p.Frame)
			for i := 0; i < len(all); i += track.Channels {
				pcm = append(pcm, all[i])
			}
		}
		if err != nil || len(parts) == 0 {
			return pcm, err != nil
		}
	}
}

func (e *ear) close() {
	e.l.Close()
	e.release()
}

// has demands tones of some amplitude in the newest half second of what was heard.
func has(t *testing.T, when string, pcm []float32, rate int, tones map[float64]float64) {
	t.Helper()
	if len(pcm) < rate/2 {
		t.Errorf("%s: %d samples", when, len(pcm))
		return
	}
	for hz, want := range tones {
		if got, _, _ := fit(pcm[len(pcm)-rate/2:], hz, rate); math.Abs(got-want) > 0.002 {
			t.Errorf("%s: %g Hz has %.4f; expected %g", when, hz, got, want)
		}
	}
}

var mono = ConvertOptions{Channels: 1}

// TestMix: who speaks in a room is heard, and nobody else, whatever comes and goes;
// where nobody speaks there is silence, and the file is as long as the clock says.
func TestMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{Window: time.Hour, WindowBytes: 1 << 30, HardBytes: 1 << 30})
		began := time.Now()
		over, end := context.WithCancel(t.Context())
		all := w.listens(over, MixOptions{Room: "r", As: mono})
		w.run(2 * time.Second)
		alice := w.comes("r/alice", 48000, tone(400, 0.2))
		outside := w.comes("alice", 48000, tone(3000, 0.2))
		elsewhere := w.comes("rr/alice", 48000, tone(3200, 0.2))
		w.run(2*time.Second, alice, outside, elsewhere)
		screen := w.comes("r/alice-screen", 16000, tone(600, 0.1))
		w.run(2*time.Second, alice, outside, elsewhere, screen)
		two := w.listens(over, MixOptions{Room: "r", Without: []string{"alice"}, As: mono})
		pcm, _ := all.heard()
		has(t, "both", pcm, 48000, map[float64]float64{400: 0.2, 600: 0.1, 3000: 0, 3200: 0})
		has(t, "at first", pcm[:48000*2], 48000, map[float64]float64{400: 0})
		w.run(2*time.Second, alice, screen)
		pcm, _ = two.heard()
		has(t, "without her", pcm, 48000, map[float64]float64{400: 0, 600: 0.1})
		_ = alice.End()
		w.run(2*time.Second, screen)
		pcm, _ = all.heard()
		has(t, "she has gone", pcm, 48000, map[float64]float64{400: 0, 600: 0.1})
		alice = w.comes("r/alice", 44100, tone(800, 0.2))
		w.run(2*time.Second, screen, alice)
		alice.Drop()
		w.run(2*time.Second, screen)
		pcm, _ = all.heard()
		has(t, "she is lost", pcm, 48000, map[float64]float64{800: 0, 600: 0.1})
		has(t, "she was back", pcm[:len(pcm)-48000*2], 48000, map[float64]float64{800: 0.2, 600: 0.1})
		end()
		synctest.Wait()
		_, ended := all.heard()
		if edge, _, _ := all.to.Edge(); !ended || edge < time.Since(began)+elementStart || edge > time.Since(began)+elementStart+260*time.Millisecond {
			t.Errorf("ended: %t; %v of sound in %v", ended, edge, time.Since(began))
		}
		all.close()
		two.close()
		if n, m := w.h.nMixes(), w.h.streams.Load(); n != 0 || m != 4 {
			t.Errorf("%d mixes, %d streams are left", n, m)
		}
	})
}

// TestMixLatency: what has been said is in the mix less than a quarter of a second
// later, by the numbers of samples.
func TestMixLatency(t *testing.T) {
	for _, packet := range []time.Duration{10, 20, 60, 100} {
		synctest.Test(t, func(t *testing.T) {
			packet *= time.Millisecond
			w := newHallway(t, Options{})
			e := w.listens(t.Context(), MixOptions{Room: "r", As: mono})
			began := time.Now().Add(-elementStart)
			time.Sleep(7 * time.Millisecond) // the clocks of the two are not one
			var said time.Duration
			s := w.comes("r/x", 48000, func(i int) float32 {
				if i < 48000 {
					return 0.0001
				}
				return 0.5
			})
			for range 2 * time.Second / packet {
				time.Sleep(packet)
				if s.say(packet); s.at > 48000 && said == 0 {
					said = time.Since(began) - sampleTime(int64(s.at-48000), 48000)
				}
			}
			synctest.Wait()
			pcm, _ := e.heard()
			i := slices.IndexFunc(pcm, func(x float32) bool { return x > 0.1 })
			late := sampleTime(int64(i), 48000) - said
			t.Logf("packets of %v: %v", packet, late)
			if late < 150*time.Millisecond || late > 250*time.Millisecond {
				t.Errorf("packets of %v: %v late", packet, late)
			}
			e.close()
		})
	}
}

// TestMixIsShared: one run for all who want the same of a room, from the first to the
// last of them, in whatever words; a stream is decoded once for all mixes of a rate.
func TestMixIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		s := w.comes("r/alice", 44100, tone(400, 0.1))
		counts := func(when string, mixes, conversions int, listeners int64) {
			t.Helper()
			w.run(40*time.Millisecond, s)
			n, m := w.h.nMixes(), len(w.h.Stream("r/alice").entry.conversions)
			if l := w.h.Listeners("r/alice"); n != mixes || m != conversions || l != listeners {
				t.Errorf("%s: %d mixes, %d conversions, %d listeners; expected %d, %d, %d", when, n, m, l, mixes, conversions, listeners)
			}
		}
		counts("at first", 0, 0, 0)
		var same []*ear
		for i := range 10 {
			o := MixOptions{Room: "r", Without: []string{"x", "bob", "x"}, As: ConvertOptions{Rate: 48000, Format: ByExt("wav")}}
			if i%2 == 0 {
				o = MixOptions{Room: "r", Without: []string{"bob", "x"}, As: ConvertOptions{Channels: 2, Bits: 16, Tracks: Audio}}
			}
			same = append(same, w.listens(t.Context(), o))
		}
		for _, e := range same {
			if e.to != same[0].to {
				t.Error("who wants the same gets another stream")
			}
		}
		counts("ten want the same", 1, 1, 1)
		others := []*ear{
			w.listens(t.Context(), MixOptions{Room: "r"}),
			w.listens(t.Context(), MixOptions{Room: "r", Without: []string{"bob"}}),
			w.listens(t.Context(), MixOptions{Room: "r", As: mono}),
			w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Bits: 32, Float: true}}),
		}
		counts("and others something else", 5, 1, 5)
		low := w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Rate: 16000}})
		plain := w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Rate: 44100}})
		elsewhere := w.listens(t.Context(), MixOptions{Room: "r2"})
		counts("at other rates", 8, 2, 7) // 44.1 kHz is the stream itself
		w.run(2*time.Second, s)
		pcm, _ := low.heard()
		has(t, "at 16 kHz", pcm, 16000, map[float64]float64{400: 0.1})
		pcm, _ = plain.heard()
		has(t, "at 44.1 kHz", pcm, 44100, map[float64]float64{400: 0.1})
		pcm, _ = others[3].heard()
		has(t, "as floats", pcm, 48000, map[float64]float64{400: 0.1})
		for _, e := range append(others, low, plain, elsewhere) {
			e.close()
		}
		for i, e := range same {
			if e.to.Ended() {
				t.Errorf("it ends while %d listen", len(same)-i)
			}
			e.close()
		}
		if !same[0].to.Ended() {
			t.Error("it goes on although nobody listens")
		}
		counts("all are gone", 0, 0, 0)
		again := w.listens(t.Context(), MixOptions{Room: "r"})
		if again.to.Ended() {
			t.Error("the next one gets what has ended")
		}
		again.close()
	})
}

// nMixes is how many mixes a hub has.
func (h *Hub) nMixes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.mixes)
}

// nHalls is of how many rooms it knows.
func (h *Hub) nHalls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.halls)
}

// TestMixEnds with its room: one that was opened when it is over, another when nobody
// has published there for the time of grace; and with the hub. Listeners get what
// there is, and a clean end.
func TestMixEnds(t *testing.T) {
	for name, end := range map[string]func(w *hallway, s *speaker, over context.CancelFunc) (open bool){
		"it is over":        func(_ *hallway, _ *speaker, over context.CancelFunc) bool { over(); return true },
		"its streams first": func(_ *hallway, s *speaker, over context.CancelFunc) bool { _ = s.End(); over(); return true },
		"the hub closes":    func(w *hallway, _ *speaker, _ context.CancelFunc) bool { w.h.Close(); return true },
		"nobody is there": func(w *hallway, s *speaker, _ context.CancelFunc) bool {
			_ = s.End()
			time.Sleep(29 * time.Second)
			if s := w.h.Stream("r/x"); s != nil || w.h.nMixes() != 1 {
				w.t.Error("it ends before the time of grace")
			}
			time.Sleep(2 * time.Second)
			return false
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newHallway(t, Options{Window: time.Hour})
			over, cancel := context.WithCancel(context.Background())
			defer cancel()
			var ctx = over
			if name == "nobody is there" {
				ctx = context.Background()
			}
			s := w.comes("r/x", 48000, tone(400, 0.2))
			e := w.listens(ctx, MixOptions{Room: "r", As: mono})
			w.run(3*time.Second, s)
			e.heard()
			open := end(w, s, cancel)
			synctest.Wait()
			pcm, ended := e.heard()
			if !ended || w.h.nMixes() != 0 {
				t.Errorf("%s: ended: %t; %d mixes are left", name, ended, w.h.nMixes())
			}
			if open {
				// What waited in the mix is heard to its end.
				if n := len(pcm); n < 7200 || n > 9600+4800 || power(pcm[:4800]) < 0.01 {
					t.Errorf("%s: %d samples at the end", name, n)
				}
				if steepest(pcm) > 0.2*(slope(400)+fadeStep)*1.05 {
					t.Errorf("%s: a click at the end", name)
				}
			}
			if open && name != "the hub closes" {
				if _, _, err := w.h.Mix(context.Background(), MixOptions{Room: "r"}); err != nil {
					t.Errorf("%s: another: %v", name, err)
				}
			}
			e.close()
		})
	}
}

// TestMixOfAnotherRoom: a room that is opened again under the name of one that is over
// has a mix of its own.
func TestMixOfAnotherRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		first, end := context.WithCancel(context.Background())
		a := w.listens(first, MixOptions{Room: "r"})
		end()
		second, end := context.WithCancel(context.Background())
		b := w.listens(second, MixOptions{Room: "r"})
		time.Sleep(time.Second)
		synctest.Wait()
		if a.to == b.to || !a.to.Ended() || b.to.Ended() || w.h.nMixes() != 1 {
			t.Errorf("the same: %t; the first has ended: %t, the second: %t", a.to == b.to, a.to.Ended(), b.to.Ended())
		}
		a.close()
		if b.to.Ended() {
			t.Error("who leaves the first ends the second")
		}
		b.close()
		end()
	})
}

// TestMixIsReplaced: a mix of before a room was opened ends when it is, and when somebody
// asks for the room that it is now; a hub that closes waits for neither.
func TestMixIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		w.comes("r/x", 48000, tone(400, 0.2))
		before := w.listens(context.Background(), MixOptions{Room: "r"})
		other := w.listens(context.Background(), MixOptions{Room: "other"})
		w.h.EndMixes("r")
		synctest.Wait()
		if !before.to.Ended() || other.to.Ended() {
			t.Errorf("ended: %t, of another room: %t", before.to.Ended(), other.to.Ended())
		}
		before.close()
		before = w.listens(context.Background(), MixOptions{Room: "r"})
		over, end := context.WithCancel(context.Background())
		defer end()
		after := w.listens(over, MixOptions{Room: "r"})
		synctest.Wait()
		if !before.to.Ended() || after.to.Ended() {
			t.Errorf("the old one has ended: %t, the new one: %t", before.to.Ended(), after.to.Ended())
		}
		for _, e := range []*ear{before, other, after} {
			e.close()
		}
	})
}

// TestMixInManyWays: there is an end to them, for each room.
func TestMixInManyWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		var all []*ear
		for i := range maxMixes {
			all = append(all, w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Rate: 44100 - i}}))
		}
		if _, _, err := w.h.Mix(t.Context(), MixOptions{Room: "r"}); !errors.Is(err, ErrMixes) {
			t.Errorf("one more: %v", err)
		}
		all = append(all, w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Rate: 44100}}), w.listens(t.Context(), MixOptions{Room: "other"}))
		for _, e := range all {
			e.close()
		}
	})
}

// TestMixAsks: for who is there and sends nothing, until he does.
func TestMixAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		asked := map[string]int{}
		ask := func(entry string) func() {
			asked[entry]++
			return func() { asked[entry]-- }
		}
		p := mustPublish(t, w.h, "r/x", PublishOptions{Key: "k", Run: "1", Takeover: true, Paused: true})
		mustPublish(t, w.h, "r/out", PublishOptions{Key: "k", Run: "1", Takeover: true, Paused: true})
		e := w.listens(t.Context(), MixOptions{Room: "r", Without: []string{"out"}, Ask: ask})
		w.run(time.Second)
		if asked["r/x"] != 1 || len(asked) != 1 {
			t.Errorf("asked: %v", asked)
		}
		mustWrite(t, p, wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 48000, data: ramp(9600)}.bytes())
		w.run(time.Second)
		if asked["r/x"] != 0 {
			t.Errorf("when something comes: %v", asked)
		}
		mustPublish(t, w.h, "r/y", PublishOptions{Key: "k", Run: "1", Takeover: true, Paused: true})
		w.run(time.Second)
		if asked["r/y"] != 1 {
			t.Errorf("asked: %v", asked)
		}
		e.close()
		if asked["r/y"] != 0 {
			t.Errorf("when nobody listens any more: %v", asked)
		}
	})
}

// TestMixOfWhatCannotBeHeard: it is left out, and the rest is there.
func TestMixOfWhatCannotBeHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		mustWrite(t, mustPublish(t, w.h, "r/aac", PublishOptions{}), streamtest.Capture(t, "webkit-audio-aac-T100.mp4").Data)
		mustWrite(t, mustPublish(t, w.h, "r/silent", PublishOptions{}), begin(vp8Track))
		mustWrite(t, mustPublish(t, w.h, "r/wide", PublishOptions{}), wavSpec{tag: wavPCM, channels: 30, bits: 16, rate: 48000, data: ramp(60_000)}.bytes())
		p := mustPublish(t, w.h, "r/nan", PublishOptions{})
		mustWrite(t, p, wavSpec{tag: wavFloat, channels: 1, bits: 32, rate: 48000, size: math.MaxUint32, sized: true}.bytes())
		s := w.comes("r/x", 48000, tone(400, 0.2))
		e := w.listens(t.Context(), MixOptions{Room: "r", As: mono})
		for range 100 {
			mustWrite(t, p, appendSamples(nil, slices.Repeat([]float32{float32(math.NaN())}, 960), &Track{Float: true}))
			w.run(20*time.Millisecond, s)
		}
		pcm, _ := e.heard()
		has(t, "the rest", pcm, 48000, map[float64]float64{400: 0.2})
		e.close()
	})
}

// TestMixOfACrowd: of a hundred the loudest four, and no more memory than theirs.
func TestMixOfACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{})
		var all []*speaker
		for i := range 100 {
			loud := 0.0005 * float64(i+1)
			if i >= 96 { // by more than whoever came first is given, since not all are heard of in the same moment
				loud *= 2
			}
			all = append(all, w.comes(fmt.Sprintf("r/%d", i), 8000, tone(float64(200+20*i), loud)))
		}
		e := w.listens(t.Context(), MixOptions{Room: "r", As: ConvertOptions{Rate: 8000, Channels: 1}})
		w.run(3*time.Second, all...)
		pcm, _ := e.heard()
		has(t, "a crowd", pcm, 8000, map[float64]float64{200 + 20*99: 0.1, 200 + 20*98: 0.099, 200 + 20*97: 0.098, 200 + 20*96: 0.097, 200 + 20*95: 0, 200: 0})
		sum := int64(0)
		for _, s := range all {
			sum += int64(s.e.stream.bytes)
		}
		mixed := w.h.Memory() - sum - int64(e.to.bytes)
		if mixed < 100*8000/5*4 || mixed > 100*8000*4 {
			t.Errorf("%d bytes wait to be mixed", mixed)
		}
		e.close()
		if n := w.h.Memory(); n != sum {
			t.Errorf("%d bytes are held; the streams have %d", n, sum)
		}
	})
}

// TestMixNeverGrowsBehind: a machine that stood still leaves that time out, and a mix
// that is only a little late makes it up.
func TestMixNeverGrowsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ahead time.Duration
		w := newHallway(t, Options{Window: time.Hour, Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(ahead)
		}})
		stand := func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			ahead += d
		}
		e := w.listens(t.Context(), MixOptions{Room: "r", As: mono})
		samples := func(want time.Duration, lost int64) {
			t.Helper()
			w.run(time.Second)
			pcm, _ := e.heard()
			if got := sampleTime(int64(len(pcm)), 48000); got < want-20*time.Millisecond || got > want+20*time.Millisecond || e.to.Skips.Load() != lost {
				t.Errorf("%v of sound, %d skips; expected %v, %d", got, e.to.Skips.Load(), want, lost)
			}
		}
		samples(1500*time.Millisecond, 0)
		stand(900 * time.Millisecond)
		samples(1900*time.Millisecond, 0)
		stand(time.Minute)
		samples(time.Second, 1)
		if edge, clock, _ := e.to.Edge(); clock-edge > 20*time.Millisecond {
			t.Errorf("it is at %v; the clock at %v", edge, clock)
		}
		e.close()
	})
}

// TestMixNeedsMemory: it is a stream like another, and tries again for those whom
// there was no room for.
func TestMixNeedsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{Memory: 2_000_000})
		s := w.comes("r/x", 44100, tone(400, 0.2))
		big := mustPublish(t, w.h, "big", PublishOptions{})
		late := &speaker{Publisher: mustPublish(t, w.h, "r2/x", PublishOptions{}), w: w, rate: 44100, sound: tone(400, 0.2)}
		e := w.listens(t.Context(), MixOptions{Room: "r2", As: ConvertOptions{Rate: 8000, Channels: 1}})
		mustWrite(t, big, cat(begin(opusTrack), open(idCluster, 8), num(idTimestamp, 0), simple(2, 0, 0, opusLong(1_950_000))))
		if _, _, err := w.h.Mix(t.Context(), MixOptions{Room: "r"}); !errors.Is(err, ErrMemory) {
			t.Errorf("without memory: %v", err)
		}
		mustWrite(t, late.Publisher, wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 44100, size: math.MaxUint32, sized: true}.bytes())
		w.run(100*time.Millisecond, late)
		if n := len(w.h.Stream("r2/x").entry.conversions); n != 0 {
			t.Errorf("%d conversions without memory", n)
		}
		_ = big.End()
		w.run(2*time.Second, late)
		pcm, _ := e.heard()
		has(t, "later", pcm, 8000, map[float64]float64{400: 0.2})
		e.close()
		_ = s.End()
	})
}

// TestMixRefused: what cannot be had.
func TestMixRefused(t *testing.T) {
	h := newHub(t, Options{})
	for name, o := range map[string]ConvertOptions{
		"pictures": {Tracks: Video}, "webm": {Format: ByExt("webm")}, "three channels": {Channels: 3}, "no channels": {Channels: -1}, "20 bits": {Bits: 20},
		"doubles": {Bits: 64, Float: true}, "slow": {Rate: minRate - 1}, "fast": {Rate: maxRate + 1}, "backwards": {Rate: -48000},
	} {
		var view *ViewError
		if _, _, err := h.Mix(t.Context(), MixOptions{Room: "r", As: o}); !errors.As(err, &view) && !errors.Is(err, ErrSoundOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.Close()
	if _, _, err := h.Mix(t.Context(), MixOptions{Room: "r"}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if h.nMixes() != 0 || h.nHalls() != 0 {
		t.Errorf("%d mixes, %d halls are left", h.nMixes(), h.nHalls())
	}
}

// TestAwaitRoom: until somebody publishes in it.
func TestAwaitRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHallway(t, Options{Grace: time.Minute})
		if err := w.h.AwaitRoom(t.Context(), "r", 0); !errors.Is(err, ErrNotFound) {
			t.Errorf("at once: %v", err)
		}
		began := time.Now()
		if err := w.h.AwaitRoom(t.Context(), "r", time.Minute); !errors.Is(err, ErrNotFound) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		waiting := make(chan error, 3)
		for range 3 {
			go func() { waiting <- w.h.AwaitRoom(ctx, "r", time.Hour) }()
		}
		time.Sleep(time.Second)
		_ = w.comes("r2/x", 8000, tone(400, 0)).End()
		_ = w.comes("r", 8000, tone(400, 0)).End()
		synctest.Wait()
		if len(waiting) != 0 {
			t.Error("another room is taken for it")
		}
		p := mustPublish(t, w.h, "r/x", PublishOptions{})
		for range 3 {
			if err := <-waiting; err != nil || time.Since(began) != time.Minute+time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		p.Drop()
		if err := w.h.AwaitRoom(t.Context(), "r", 0); err != nil {
			t.Errorf("who is expected back: %v", err)
		}
		gone := errors.New("gone")
		go func() { waiting <- w.h.AwaitRoom(ctx, "r3", time.Hour) }()
		synctest.Wait()
		cancel(gone)
		if err := <-waiting; err != gone {
			t.Errorf("given up: %v", err)
		}
		go func() { waiting <- w.h.AwaitRoom(t.Context(), "r3", time.Hour) }()
		synctest.Wait()
		w.h.Close()
		if err := <-waiting; !errors.Is(err, ErrClosed) || w.h.nHalls() != 0 {
			t.Errorf("closed: %v; %d halls are left", err, w.h.nHalls())
		}
	})
}

// TestMixingAtOnce is for the race detector: publishers, listeners and rooms come and
// go.
func TestMixingAtOnce(t *testing.T) {
	h := newHub(t, Options{Check: time.Millisecond, Grace: time.Nanosecond, Silent: time.Nanosecond})
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	file := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(1600)}.bytes()
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := range rounds {
				p, err := h.Publish(fmt.Sprintf("r/%d", i), PublishOptions{Key: "k"})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := p.Write(file); err != nil {
					t.Error(err)
				}
				if n%3 == 0 {
					_ = p.End()
				} else {
					p.Drop()
				}
			}
		})
		work.Go(func() {
			for n := range rounds {
				over, end := context.WithCancel(context.Background())
				if n%2 == 0 {
					over = context.Background()
				}
				to, release, err := h.Mix(over, MixOptions{Room: "r", As: ConvertOptions{Rate: 8000 * (1 + n%2)}})
				if err != nil {
					t.Error(err)
				} else {
					l := to.Listen(ListenOptions{})
					release()
					_, _ = l.Next(t.Context(), nil, nil)
					l.Close()
				}
				end()
			}
		})
	}
	work.Wait()
	h.Close()
	if h.nMixes() != 0 || h.nHalls() != 0 || h.streams.Load() != 0 {
		t.Errorf("%d mixes, %d halls, %d streams are left", h.nMixes(), h.nHalls(), h.streams.Load())
	}
}
