package stream

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A run that begins with its picture: an element is given none of it, since it
// would stand still until that time.
func TestElementEndsBeforeThePicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{MaxLag: time.Hour}, vp8Track, opusTrack)
		for range 10 {
			w.frame(1, true, 100)
			w.frame(2, false, 100)
			w.step(100 * time.Millisecond)
		}
		l := w.stream().Listen(ListenOptions{Element: 500 * time.Millisecond})
		defer l.Close()
		if parts, err := l.Take(nil); len(parts) == 0 || err != nil {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		w.step(2 * time.Second)
		w.frame(1, true, 100)
		w.frame(2, false, 100)
		if parts, err := l.Take(nil); len(parts) != 0 || err != io.EOF {
			t.Errorf("after a jump it gets %d parts and %v", len(parts), err)
		}
	})
}
