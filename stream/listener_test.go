package stream

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestListenerThatFellOut(t *testing.T) {
	for _, complete := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newTape(t, Options{Window: 2 * time.Second}, vp8Track)
			w.play(time.Second, 1, 100)
			l := w.stream().Listen(ListenOptions{Complete: complete})
			defer l.Close()
			if parts, _ := l.Take(nil); len(parts) != 10 {
				t.Fatalf("%d parts", len(parts))
			}
			for range 4 {
				w.play(time.Second, 1, 100)
			}
			// 10..19 and most of 20..29 have left the window; 40 is the newest join.
			parts, err := l.Take(nil)
			if err != nil || len(parts) != 10 || parts[0].Kind != Join || parts[0].Time != 4*time.Second {
				t.Fatalf("%d parts, %v", len(parts), err)
			}
			s := w.stream()
			if l.Stats().Lost != 30 || s.LostParts.Load() != 30 || s.Skips.Load() != 1 {
				t.Errorf("lost %d; %d skips, %d parts", l.Stats().Lost, s.Skips.Load(), s.LostParts.Load())
			}
		})
	}
}

// TestLateListener: with a window that still holds everything, a live listener
// is moved when it is later than MaxLag, but only to gain MinSaving; a complete
// one never is.
func TestLateListener(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name     string
		complete bool
		behind   time.Duration // how long the listener does not read
		join     time.Duration // the only keyframe after the first
		want     time.Duration // where it goes on
	}{
		{"not late enough", false, 3000 * ms, 2000 * ms, 0},
		{"late", false, 3100 * ms, 2000 * ms, 2000 * ms},
		{"late, complete", true, 9000 * ms, 8000 * ms, 0},
		{"late, without a later join", false, 9000 * ms, time.Hour, 0},
		{"late, saves too little", false, 9000 * ms, 900 * ms, 0},
		{"late, saves just enough", false, 9000 * ms, 1000 * ms, 1000 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTape(t, Options{Window: time.Minute}, vp8Track)
			w.frame(1, true, 100)
			l := w.stream().Listen(ListenOptions{Complete: c.complete})
			defer l.Close()
			l.seq = 0
			for w.at < c.behind {
				w.step(100 * ms)
				w.frame(1, w.at == c.join, 100)
			}
			parts, err := l.Take(nil)
			if err != nil || len(parts) == 0 {
				t.Fatalf("%s: %d parts, %v", c.name, len(parts), err)
			}
			if parts[0].Time != c.want || l.Stats().Lost != int64(c.want/(100*ms)) {
				t.Errorf("%s: goes on at %v with %d lost, expected %v", c.name, parts[0].Time, l.Stats().Lost, c.want)
			}
		})
	}
}

// TestSecondVideoTrack: a listener gets nothing of it before its own keyframe,
// except the heads of clusters in which other tracks go on.
func TestSecondVideoTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, trackEl(3, Video, "V_VP9"), opusTrack)
		w.frame(3, true, 10) // shown by this run, but before the join
		w.frame(1, true, 20)
		w.frame(3, false, 30)
		w.step(31 * time.Second)
		w.frame(3, false, 40) // opens a cluster, since 31 s do not fit into the one before
		w.frame(2, true, 50)
		w.frame(3, true, 60)
		w.frame(3, false, 70)
		l := w.stream().Listen(ListenOptions{Complete: true})
		defer l.Close()
		var sizes []int
		for {
			parts, err := l.Take(nil)
			if err != nil || len(parts) == 0 {
				break
			}
			for _, p := range parts {
				sizes = append(sizes, len(p.Frame))
			}
			b := body(w.stream(), parts)
			r := parse(ByExt("webm"), b, whole, true)
			if r.err != nil || len(r.frames) != 4 {
				t.Errorf("%d frames, %v", len(r.frames), r.err)
			}
			if r.frames[1].Time != 31*time.Second {
				t.Errorf("without its cluster's head the sound is at %v", r.frames[1].Time)
			}
		}
		if want := []int{20, 0, 50, 60, 70}; !slices.Equal(sizes, want) {
			t.Errorf("got frames of %v bytes, want %v", sizes, want)
		}
	})
}

// TestWithheldDoesNotEndOrStall: a listener that is shown nothing of very much
// goes on behind it.
func TestWithheldDoesNotEndOrStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, trackEl(3, Video, "V_VP9"), opusTrack)
		w.frame(3, true, 10)
		w.frame(1, true, 20)
		l := w.stream().Listen(ListenOptions{})
		defer l.Close()
		if parts, _ := l.Take(nil); len(parts) != 1 {
			t.Fatalf("%d parts", len(parts))
		}
		for range 5 {
			w.frame(3, false, maxBatch)
		}
		w.frame(2, true, 50)
		s := w.stream()
		sent := s.BytesOut.Load()
		if err := w.p.End(); err != nil {
			t.Fatal(err)
		}
		rest := drain(t, l, nil)
		if len(rest) != 1 || len(rest[0].Frame) != 50 {
			t.Errorf("%d parts behind what is withheld", len(rest))
		}
		if n := s.BytesOut.Load() - sent; n > 100 {
			t.Errorf("%d bytes are counted as handed out", n)
		}
	})
}

// TestTakeIsBounded: a listener is given little more than it can send at once,
// and what it is given is counted.
func TestTakeIsBounded(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	w := wavSpec{tag: wavPCM, channels: 6, bits: 32, rate: 48000, data: ramp(6 * 4 * 48000)}
	mustWrite(t, p, w.bytes())
	s := streamOf(t, h, "x")
	l := s.Listen(ListenOptions{})
	l.seq = 0
	taken, times := 0, 0
	for {
		parts, err := l.Take(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) == 0 {
			break
		}
		n := len(body(s, parts)) - len(s.header)
		if n > maxBatch {
			t.Errorf("%d bytes at once", n)
		}
		taken, times = taken+n, times+1
	}
	if taken != len(w.data) || times != 5 || s.BytesOut.Load() != int64(taken) || s.BytesIn.Load() != int64(len(w.bytes())) {
		t.Errorf("%d bytes in %d takes; counted %d in, %d out", taken, times, s.BytesIn.Load(), s.BytesOut.Load())
	}
	l.Close()
	p.Drop()
}

func TestNextStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Check: time.Hour}, opusTrack)
		l := w.stream().Listen(ListenOptions{})
		defer l.Close()
		if l.Pending() {
			t.Error("something is pending in an empty stream")
		}
		until := time.After(time.Second)
		if parts, err := l.Next(t.Context(), nil, until); len(parts) > 0 || err != nil {
			t.Errorf("at until: %d parts, %v", len(parts), err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() {
			time.Sleep(time.Second)
			cancel(io.ErrUnexpectedEOF)
		}()
		if _, err := l.Next(ctx, nil, nil); err != io.ErrUnexpectedEOF {
			t.Errorf("cancelled: %v", err)
		}
		w.frame(2, true, 10)
		if !l.Pending() {
			t.Error("nothing is pending after a frame")
		}
		if parts, err := l.Next(t.Context(), nil, nil); len(parts) != 1 || err != nil {
			t.Errorf("%d parts, %v", len(parts), err)
		}
		if err := w.p.End(); err != nil || !l.Pending() {
			t.Errorf("the end is not pending, %v", err)
		}
		if _, err := l.Next(t.Context(), nil, nil); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}
