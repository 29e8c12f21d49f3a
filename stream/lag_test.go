package stream

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A body for an element ends where its timestamps jump further than an element
// bears, with a clean end; for others it goes on.
func TestElementEndsAtAJump(t *testing.T) {
	for _, row := range []struct {
		name   string
		tracks [][]byte
		track  uint64
		jump   time.Duration
		gap    time.Duration
		ends   bool
	}{
		{"sound, a little", [][]byte{opusTrack}, 2, 500 * time.Millisecond, 400 * time.Millisecond, false},
		{"sound, too much", [][]byte{opusTrack}, 2, 500 * time.Millisecond, 700 * time.Millisecond, true},
		{"sound, what a page seeks over", [][]byte{opusTrack}, 2, 5 * time.Second, 4900 * time.Millisecond, false},
		{"sound, more than that", [][]byte{opusTrack}, 2, 5 * time.Second, 5200 * time.Millisecond, true},
		{"a slow picture", [][]byte{vp8Track}, 1, 500 * time.Millisecond, 2900 * time.Millisecond, false},
		{"a picture that was away", [][]byte{vp8Track}, 1, 500 * time.Millisecond, 3200 * time.Millisecond, true},
		{"a picture, what a page seeks over", [][]byte{vp8Track}, 1, 5 * time.Second, 4900 * time.Millisecond, false},
		{"a picture, more than that", [][]byte{vp8Track}, 1, 5 * time.Second, 5200 * time.Millisecond, true},
		{"a slow picture with sound", [][]byte{vp8Track, opusTrack}, 1, 500 * time.Millisecond, 3200 * time.Millisecond, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTape(t, Options{MaxLag: time.Hour}, row.tracks...)
			w.play(time.Second, row.track, 100)
			element := w.stream().Listen(ListenOptions{Element: row.jump})
			tool := w.stream().Listen(ListenOptions{})
			defer element.Close()
			defer tool.Close()
			if parts, err := element.Take(nil); len(parts) == 0 || err != nil {
				t.Fatalf("%s: %d parts, %v", row.name, len(parts), err)
			}
			first, _ := tool.Take(nil)
			w.step(row.gap)
			w.play(time.Second, row.track, 100)
			parts, err := element.Take(nil)
			if row.ends {
				if len(parts) != 0 || err != io.EOF || !element.Pending() {
					t.Errorf("%s: the element gets %d parts and %v after the jump", row.name, len(parts), err)
				}
				if again, err := element.Take(nil); len(again) != 0 || err != io.EOF {
					t.Errorf("%s: and then %d parts, %v", row.name, len(again), err)
				}
			} else if len(parts) != 10 || err != nil {
				t.Errorf("%s: the element gets %d parts and %v", row.name, len(parts), err)
			}
			if parts, err := tool.Take(nil); len(first) == 0 || len(parts) != 10 || err != nil {
				t.Errorf("%s: a tool gets %d parts, then %d and %v", row.name, len(first), len(parts), err)
			}
		})
	}
}

// An element that is late is ended instead of moved: that is a jump too.
func TestElementIsNotMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, opusTrack)
		w.frame(2, false, 100)
		l := w.stream().Listen(ListenOptions{Element: 500 * time.Millisecond})
		defer l.Close()
		l.seq = 0
		for range 40 {
			w.step(100 * time.Millisecond)
			w.frame(2, false, 100)
		}
		if parts, err := l.Take(nil); len(parts) != 0 || err != io.EOF {
			t.Errorf("it gets %d parts and %v", len(parts), err)
		}
		if st := l.Stats(); st.Skips != 1 || st.Lost != 40 {
			t.Errorf("its losses are counted as %+v", st)
		}
	})
}

// Each listener may say how late it may be, and is told how it gets on.
func TestMaxLagOfAListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{MinSaving: 100 * time.Millisecond}, opusTrack)
		w.play(time.Second, 2, 100)
		patient := w.stream().Listen(ListenOptions{})
		hasty := w.stream().Listen(ListenOptions{MaxLag: 500 * time.Millisecond})
		defer patient.Close()
		defer hasty.Close()
		for _, l := range []*Listener{patient, hasty} {
			if parts, err := l.Take(nil); len(parts) != 1 || err != nil {
				t.Fatalf("%d parts, %v", len(parts), err)
			}
			if st := l.Stats(); st.Lag != 90*time.Millisecond || st.Bytes == 0 || st.Skips != 0 {
				t.Errorf("%+v", st)
			}
		}
		w.play(2*time.Second, 2, 100)
		if st := patient.Stats(); st.Lag != 2090*time.Millisecond {
			t.Errorf("who has not read for two seconds is late by %v", st.Lag)
		}
		if parts, _ := patient.Take(nil); len(parts) != 20 {
			t.Errorf("the patient one gets %d parts", len(parts))
		}
		if parts, _ := hasty.Take(nil); len(parts) != 1 || hasty.Stats().Skips != 1 || hasty.Stats().Lost != 19 {
			t.Errorf("the hasty one gets %d parts: %+v", len(parts), hasty.Stats())
		}
	})
}
