package stream

import (
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// tape writes frames of a hand-made stream as they are asked for, at whatever
// time it is: the log's tests need no recorder.
type tape struct {
	t  testing.TB
	h  *Hub
	p  *Publisher
	at time.Duration
}

// newTape publishes one stream of these tracks under "x".
func newTape(t testing.TB, o Options, tracks ...[]byte) *tape {
	h := newHub(t, o)
	p := mustPublish(t, h, "x", PublishOptions{Run: "tape"})
	mustWrite(t, p, cat(begin(tracks...), open(idCluster, 8), num(idTimestamp, 0)))
	return &tape{t: t, h: h, p: p}
}

// frame writes one frame of size bytes, at the tape's time.
func (w *tape) frame(track uint64, key bool, size int) {
	flags := byte(0)
	if key {
		flags = 0x80
	}
	mustWrite(w.t, w.p, cat(open(idCluster, 8), num(idTimestamp, uint64(w.at.Milliseconds())), simple(track, 0, flags, string(make([]byte, size)))))
}

// play writes frames of 100 ms for d, the first a keyframe.
func (w *tape) play(d time.Duration, track uint64, size int) {
	for i := range int(d / (100 * time.Millisecond)) {
		w.frame(track, i == 0, size)
		w.step(100 * time.Millisecond)
	}
}

func (w *tape) step(d time.Duration) {
	time.Sleep(d) // of the test's own clock
	w.at += d
}

func (w *tape) stream() *Stream { return streamOf(w.t, w.h, "x") }

// window is what the log holds: parts, bytes, and age of the oldest.
func (w *tape) window() (parts []*Part, bytes int) {
	parts = logged(w.stream())
	for _, p := range parts {
		bytes += p.cost()
	}
	if n := w.h.Memory(); n != int64(bytes) {
		w.t.Errorf("the account says %d bytes, the window holds %d", n, bytes)
	}
	return parts, bytes
}

func TestWindowInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: 2 * time.Second}, opusTrack)
		w.play(5*time.Second, 2, 100)
		parts, _ := w.window()
		if len(parts) != 21 || parts[0].Time != 2900*time.Millisecond {
			t.Errorf("%d parts from %v on, expected 2 s", len(parts), parts[0].Time)
		}
	})
}

func TestWindowInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{WindowBytes: 10_000}, opusTrack)
		w.play(5*time.Second, 2, 900)
		parts, bytes := w.window()
		if bytes > 10_000 || bytes < 9000 {
			t.Errorf("%d parts, %d bytes", len(parts), bytes)
		}
	})
}

func TestWindowKeepsNewestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: 2 * time.Second, WindowBytes: 10_000}, vp8Track)
		w.play(3*time.Second, 1, 100)
		w.play(6*time.Second, 1, 900)
		parts, bytes := w.window()
		if len(parts) != 60 || !parts[0].Key || bytes < 54_000 {
			t.Errorf("%d parts, %d bytes, key %t: expected all from the newest keyframe on", len(parts), bytes, parts[0].Key)
		}
		w.play(100*time.Millisecond, 1, 100)
		if parts, _ := w.window(); len(parts) > 15 || parts[len(parts)-1].Kind != Join {
			t.Errorf("%d parts after the next keyframe", len(parts))
		}
	})
}

func TestHardCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{HardBytes: 20_000, WindowBytes: 5000}, vp8Track)
		w.play(10*time.Second, 1, 900)
		if parts, bytes := w.window(); bytes > 20_000 || bytes < 4000 || len(parts) == 0 {
			t.Errorf("%d parts, %d bytes", len(parts), bytes)
		}
		l := w.stream().Listen(ListenOptions{})
		defer l.Close()
		if parts, err := l.Take(nil); len(parts) > 0 || err != nil {
			t.Errorf("a listener gets %d parts without a keyframe, %v", len(parts), err)
		}
		if _, _, join := w.stream().Edge(); join >= 0 {
			t.Errorf("a join at %v", join)
		}
		w.frame(1, true, 50)
		if parts, err := l.Take(nil); len(parts) != 1 || parts[0].Kind != Join || err != nil {
			t.Errorf("a listener gets %d parts after the keyframe, %v", len(parts), err)
		}
	})
}

// TestSharedAccount: when all windows together are too large, only what begins
// at the newest join stays.
func TestSharedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Memory: 3000}, opusTrack)
		w.play(5*time.Second, 2, 100)
		if _, bytes := w.window(); bytes > 3000 || bytes < 100 {
			t.Errorf("%d bytes", bytes)
		}
		w.h.memory.Add(5000)
		if _, err := w.h.Publish("y", PublishOptions{}); err != ErrMemory {
			t.Errorf("another stream: %v", err)
		}
		w.h.memory.Add(-5000)
		if err := w.p.End(); err != nil || w.h.Memory() != 0 {
			t.Errorf("%d bytes after the end, %v", w.h.Memory(), err)
		}
	})
}

// TestAccountIsHonest: the account names about what the smallest frames really
// take, which is far more than their bytes.
func TestAccountIsHonest(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	in := cat(begin(opusTrack), open(idCluster, 8), num(idTimestamp, 0))
	for range 20_000 {
		in = append(in, elN(idSimpleBlock, 1, blockData(2, 0, 0, "x"))...)
	}
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	mustWrite(t, p, in)
	runtime.GC()
	runtime.ReadMemStats(&b)
	real := int64(b.HeapAlloc) - int64(a.HeapAlloc)
	if n := h.Memory(); n < real*2/3 || n > real*3/2 {
		t.Errorf("the account says %d, the heap grew by %d", n, real)
	}
	p.Drop()
}

// TestBatch: few listeners are woken for every chunk, many at most every 40 ms.
func TestBatch(t *testing.T) {
	for _, c := range []struct{ listeners, want int }{{99, 20}, {100, 5}} {
		synctest.Test(t, func(t *testing.T) {
			w := newTape(t, Options{}, opusTrack)
			s := w.stream()
			var all []*Listener
			for range c.listeners {
				all = append(all, s.Listen(ListenOptions{}))
			}
			wakes, parts := 0, 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					got, err := all[0].Next(t.Context(), nil, nil)
					if err == io.EOF {
						return
					}
					wakes++
					parts += len(got)
				}
			}()
			for range 20 {
				w.frame(2, true, 100)
				w.step(10 * time.Millisecond)
				synctest.Wait()
			}
			if err := w.p.End(); err != nil {
				t.Error(err)
			}
			<-done
			if wakes < c.want || wakes > c.want+1 || parts != 20 {
				t.Errorf("%d listeners: %d wake-ups with %d parts for 20 chunks in 200 ms; expected about %d", c.listeners, wakes, parts, c.want)
			}
			for _, l := range all {
				l.Close()
			}
		})
	}
}

func TestFillerAfterSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track)
		w.frame(1, true, 100)
		l := w.stream().Listen(ListenOptions{})
		if parts, _ := l.Take(nil); len(parts) != 1 {
			t.Fatalf("%d parts", len(parts))
		}
		begin, woken := time.Now(), 0
		for {
			parts, err := l.Next(t.Context(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if woken++; len(parts) == 0 {
				continue
			}
			if d := time.Since(begin); d < 15*time.Second || d > 18*time.Second {
				t.Errorf("a filler after %v", d)
			}
			if woken != 5 {
				t.Errorf("woken %d times in 15 s, expected every 3 s", woken)
			}
			if parts[0].Kind != Filler || string(parts[0].Bytes) != "\xec\x80" {
				t.Errorf("got %+v", parts[0])
			}
			break
		}
		w.at = 16 * time.Second
		w.frame(1, false, 100)
		parts, _ := l.Take(nil)
		if r := parse(ByExt("webm"), body(w.stream(), logged(w.stream())), whole, true); len(parts) != 1 || r.err != nil || len(r.frames) != 2 {
			t.Errorf("after the filler: %d parts, %d frames, %v", len(parts), len(r.frames), r.err)
		}
		w.window()
		l.Close()
		time.Sleep(time.Minute)
		if n := len(logged(w.stream())); n != 3 {
			t.Errorf("%d parts after a minute that nobody listened", n)
		}
	})
}
