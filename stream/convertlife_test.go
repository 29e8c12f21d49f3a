package stream

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestConversionNeedsMemory: it is a stream like another, and on the same account.
func TestConversionNeedsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Memory: 10_000}, vp8Track, opusTrack)
		w.frame(1, true, 8900)
		if _, _, err := w.stream().Convert(ConvertOptions{Tracks: Audio}); err != ErrMemory {
			t.Errorf("without memory: %v", err)
		}
		w = newTape(t, Options{Window: time.Hour}, vp8Track, opusTrack)
		to, release := mustConvert(t, w.stream())
		for range 50 {
			w.frame(2, true, 900)
		}
		synctest.Wait()
		n, m := int64(w.stream().bytes), int64(to.bytes)
		if h := w.h.Memory(); m < 50*900 || h != n+m {
			t.Errorf("the account says %d bytes; the windows hold %d and %d", h, n, m)
		}
		release()
		if h := w.h.Memory(); h != n {
			t.Errorf("then the account says %d bytes; the window holds %d", h, n)
		}
	})
}

// TestConversionIsShared: one for all who want the same, from the first to the
// last of them, who count as listeners of the name; it does not itself.
func TestConversionIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, opusTrack)
		s := w.stream()
		counts := func(when string, streams, conversions int, listeners int64) {
			t.Helper()
			n, m := int(w.h.streams.Load()), len(s.entry.conversions)
			if l, i := w.h.Listeners("x"), w.h.Infos(func(string) bool { return true })[0].Listeners; n != streams || m != conversions || l != listeners || i != listeners {
				t.Errorf("%s: %d streams, %d conversions, %d listeners (%d in the list); expected %d, %d, %d", when, n, m, l, i, streams, conversions, listeners)
			}
		}
		heard := func(when string, l *Listener, want int) {
			t.Helper()
			synctest.Wait()
			if parts, err := l.Take(nil); len(parts) != want || err != nil {
				t.Errorf("%s: %d parts, %v; expected %d", when, len(parts), err, want)
			}
		}
		counts("at first", 1, 0, 0)
		a, releaseA := mustConvert(t, s)
		counts("asked for", 2, 1, 0)
		b, releaseB := mustConvert(t, s)
		if a != b || a == s {
			t.Fatalf("another stream: %t; the published one: %t", a != b, a == s)
		}
		la, lb, direct := a.Listen(ListenOptions{}), b.Listen(ListenOptions{}), s.Listen(ListenOptions{})
		releaseA()
		releaseB()
		counts("listened to", 2, 1, 3)
		w.frame(2, true, 50)
		heard("the first", la, 1)
		heard("the second", lb, 1)
		direct.Close()
		la.Close()
		counts("one is gone", 2, 1, 1)
		w.frame(2, true, 50)
		heard("who is left", lb, 1)
		if isOver(a) || a.Ended() {
			t.Error("it ends while somebody listens")
		}
		lb.Close()
		if !isOver(a) || !a.Ended() {
			t.Error("it goes on although nobody listens")
		}
		counts("all are gone", 1, 0, 0)
		w.window() // nothing else is in the account
		again, release := mustConvert(t, s)
		if again == a {
			t.Error("the next one gets the stream that has ended")
		}
		w.frame(2, true, 50)
		l := again.Listen(ListenOptions{})
		heard("the next", l, 1)
		l.Close()
		if isOver(again) {
			t.Error("it ends although somebody may come")
		}
		release()
		counts("and then", 1, 0, 0)
	})
}

// TestConversionEnds with its source, however that ends: many listeners get all of
// it and a clean end, and nothing is left, although they are still there.
func TestConversionEnds(t *testing.T) {
	for name, end := range map[string]func(w *tape){
		"it ends":             func(w *tape) { _ = w.p.End() },
		"the hub closes":      func(w *tape) { w.h.Close() },
		"nobody resumes":      func(w *tape) { w.p.Drop(); time.Sleep(time.Minute) },
		"other tracks follow": func(w *tape) { mustWrite(w.t, w.p, begin(opusTrack)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTape(t, Options{Filler: time.Hour}, vp8Track, opusTrack)
			s := w.stream()
			var to *Stream
			var all []*Listener
			for range 20 {
				var release func()
				to, release = mustConvert(t, s)
				all = append(all, to.Listen(ListenOptions{}))
				release()
			}
			var reading sync.WaitGroup
			for _, l := range all {
				reading.Go(func() {
					if n := len(drain2(t, l)); n != 30 {
						t.Errorf("%s: a listener got %d parts", name, n)
					}
				})
			}
			for range 30 {
				synctest.Wait()
				w.frame(1, w.at == 0, 50)
				w.frame(2, true, 20)
				w.step(20 * time.Millisecond)
			}
			end(w)
			reading.Wait()
			if synctest.Wait(); !isOver(to) || len(s.entry.conversions) != 0 {
				t.Errorf("%s: it goes on", name)
			}
			for _, l := range all {
				l.Close()
			}
			if n := w.h.Memory(); n != 0 {
				t.Errorf("%s: %d bytes are left in the account", name, n)
			}
		})
	}
}

// TestConversionOfAnotherFile: the next file under the name is converted anew, and
// who still reads the one before has no part in it.
func TestConversionOfAnotherFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, opusTrack)
		gone := w.stream()
		old, release := mustConvert(t, gone)
		l := old.Listen(ListenOptions{})
		release()
		mustWrite(t, w.p, begin(trackEl(1, Video, "V_VP9"), opusTrack))
		to, release := mustConvert(t, w.stream())
		if to == old {
			t.Fatal("the old file goes on")
		}
		if n := w.h.Listeners("x"); n != 0 {
			t.Errorf("%d listen to the new file", n)
		}
		late, releaseLate := mustConvert(t, gone)
		if releaseLate(); late == to || !late.Ended() {
			t.Error("who is late for the old file gets the new one")
		}
		l.Close()
		mustWrite(t, w.p, open(idCluster, 8), num(idTimestamp, 0), simple(2, 0, 0, opus20))
		synctest.Wait()
		if same, release := mustConvert(t, w.stream()); same != to || len(logged(to)) != 1 {
			t.Errorf("the new conversion is gone: %t; it has %d parts", same != to, len(logged(to)))
		} else {
			release()
		}
		release()
	})
}

// TestConversionOfWhatHasEnded: who comes a moment too late gets a clean end.
func TestConversionOfWhatHasEnded(t *testing.T) {
	h := NewHub(Options{})
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, file("x", [][]byte{vp8Track, opusTrack}, 1, 2))
	s := streamOf(t, h, "x")
	if err := p.End(); err != nil {
		t.Error(err)
	}
	for _, when := range []string{"ended", "closed"} {
		to, release := mustConvert(t, s)
		l := to.Listen(ListenOptions{})
		if parts := drain2(t, l); len(parts) != 0 || len(to.Header(View{})) == 0 {
			t.Errorf("%s: %d parts, a header of %d bytes", when, len(parts), len(to.Header(View{})))
		}
		l.Close()
		release()
		if n := h.streams.Load(); n != 0 || h.Memory() != 0 || len(s.entry.conversions) != 0 {
			t.Errorf("%s: %d streams, %d bytes, %d conversions are left", when, n, h.Memory(), len(s.entry.conversions))
		}
		h.Close()
	}
}

// TestCloseWaitsForConversions, whoever still listens to them.
func TestCloseWaitsForConversions(t *testing.T) {
	for range 20 { // or the goroutine may be quick enough
		h := NewHub(Options{})
		var all []*Stream
		for i := range 20 {
			name := fmt.Sprint(i)
			mustWrite(t, mustPublish(t, h, name, PublishOptions{}), begin(vp8Track, opusTrack))
			to, _ := mustConvert(t, streamOf(t, h, name))
			all = append(all, to)
		}
		h.Close()
		for _, to := range all {
			if !isOver(to) {
				t.Fatal("a closed hub converts")
			}
		}
	}
}

// TestConvertingAtOnce is for the race detector: publishers come and go while
// listeners of all kinds do.
func TestConvertingAtOnce(t *testing.T) {
	h := newHub(t, Options{Check: time.Nanosecond, Grace: time.Nanosecond, Batch: time.Nanosecond, BatchFrom: 2, Silent: time.Nanosecond})
	rounds := 200
	if testing.Short() {
		rounds = 40
	}
	var files [][]byte
	for _, codec := range []string{"V_VP8", "V_VP9"} {
		files = append(files, file("run", [][]byte{trackEl(1, Video, codec), opusTrack}, 1, 2))
	}
	done := make(chan struct{})
	var work, reads sync.WaitGroup
	work.Go(func() {
		for n := range rounds {
			p, err := h.Publish("x", PublishOptions{Key: "k"})
			if err != nil {
				t.Error(err)
				return
			}
			for _, b := range cut(files[n/4%2], every(50)) {
				if _, err := p.Write(b); err != nil {
					t.Error(err)
				}
			}
			if n%3 == 0 {
				_ = p.End()
			} else {
				p.Drop()
			}
		}
	})
	for range 8 {
		reads.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := h.Stream("x")
				if s == nil {
					continue
				}
				to, release, err := s.Convert(ConvertOptions{Tracks: Audio})
				if err != nil {
					t.Error(err)
					return
				}
				l := to.Listen(ListenOptions{})
				release()
				for range 3 {
					if _, err = l.Next(t.Context(), nil, nil); err != nil {
						break
					}
				}
				to.Edge()
				h.Infos(func(string) bool { return true })
				h.Listeners("x")
				l.Close()
			}
		})
	}
	work.Wait()
	close(done)
	reads.Wait()
	h.Close()
	if n := h.streams.Load(); n != 0 || len(h.entries) != 0 {
		t.Errorf("%d streams and %d entries are left", n, len(h.entries))
	}
}
