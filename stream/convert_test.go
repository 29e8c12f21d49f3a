package stream

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// mustConvert returns a stream's sound.
func mustConvert(t testing.TB, s *Stream) (to *Stream, release func()) {
	t.Helper()
	to, release, err := s.Convert(ConvertOptions{Tracks: Audio})
	if err != nil {
		t.Fatal(err)
	}
	return to, release
}

// isOver reports whether what writes a stream has ended.
func isOver(to *Stream) bool {
	select {
	case <-to.made.(*conversion).done:
		return true
	default:
		return false
	}
}

// TestConversionBeginsNow: at the newest sound, however old the newest keyframe
// is; and who asks knows at once how far the file is.
func TestConversionBeginsNow(t *testing.T) {
	const ms = time.Millisecond
	h := newClocked(t)
	p := mustPublish(t, h.Hub, "x", PublishOptions{})
	edges := func(want string) {
		t.Helper()
		to, release := mustConvert(t, streamOf(t, h.Hub, "x"))
		defer release()
		edge, clock, join := to.Edge()
		var frames []string
		for _, p := range logged(to) {
			frames = append(frames, string(p.Frame))
		}
		if got := fmt.Sprintf("%q up to %v of %v, join %v", frames, edge, clock, join); got != want {
			t.Errorf("got %s; expected %s", got, want)
		}
	}
	mustWrite(t, p, begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0))
	edges(`[] up to 0s of 0s, join -1ns`)
	mustWrite(t, p, simple(1, 0, 0x80, "key"))
	h.now = h.now.Add(40 * ms)
	edges(`[] up to 0s of 40ms, join -1ns`)
	mustWrite(t, p, simple(2, 0, 0, "\xf8one"), simple(2, 20, 0, "\xf8two"), simple(1, 33, 0, "delta"))
	h.now = h.now.Add(5 * time.Second)
	edges(`["\xf8two"] up to 40ms of 5.04s, join 20ms`)
	p.Drop()
}

// TestConversionOfWhatNeedsNone: what is wanted as it is, or cannot be had.
func TestConversionOfWhatNeedsNone(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		opt  ConvertOptions
		err  error
	}{
		"nothing is wanted": {begin(vp8Track, opusTrack), ConvertOptions{}, nil},
		"no picture":        {begin(opusTrack), ConvertOptions{Tracks: Audio}, nil},
		"two of sound":      {begin(opusTrack, trackEl(1, Audio, "A_OPUS")), ConvertOptions{Tracks: Audio}, nil},
		"WAV":               {wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(1600)}.bytes(), ConvertOptions{Tracks: Audio}, nil},
		"no sound":          {begin(vp8Track), ConvertOptions{Tracks: Audio}, ErrNoAudio},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.file)
		s := streamOf(t, h, "x")
		to, release, err := s.Convert(c.opt)
		if err != c.err || err == nil && to != s {
			t.Errorf("%s: another stream: %t, %v", name, to != s, err)
		}
		if err == nil {
			release()
		}
		if n := h.streams.Load(); n != 1 || s.Ended() {
			t.Errorf("%s: %d streams, ended %t", name, n, s.Ended())
		}
		p.Drop()
	}
}

// TestConversionGoesOn: a run that is resumed and a new one of the same tracks
// continue it, on the same clock, whatever their numbers.
func TestConversionGoesOn(t *testing.T) {
	const ms = time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		first := mustPublish(t, h, "x", PublishOptions{Run: "a", Key: "k"})
		mustWrite(t, first, begin(vp8Track, opusTrack))
		to, release := mustConvert(t, streamOf(t, h, "x"))
		defer release()
		mustWrite(t, first, file("", [][]byte{vp8Track, opusTrack}, 1, 2)[len(begin(vp8Track, opusTrack)):])
		first.Drop()
		first = mustPublish(t, h, "x", PublishOptions{Run: "a", Key: "k"})
		mustWrite(t, first, simple(1, 50, 0, "delta"), simple(2, 40, 0, opus20))
		first.Drop()
		time.Sleep(5 * time.Second)
		second := mustPublish(t, h, "x", PublishOptions{Run: "b", Key: "k"})
		mustWrite(t, second, file("", [][]byte{trackEl(1, Audio, "A_OPUS"), trackEl(2, Video, "V_VP8")}, 2, 1))
		again, releaseAgain := mustConvert(t, streamOf(t, h, "x"))
		releaseAgain()
		if synctest.Wait(); again != to || isOver(to) {
			t.Errorf("another stream: %t; it is over: %t", again != to, isOver(to))
		}
		want := []time.Duration{0, 20 * ms, 40 * ms, 5000 * ms, 5020 * ms}
		if got := times(logged(to)); !slices.Equal(got, want) {
			t.Errorf("at %v; expected %v", got, want)
		}
		second.Drop()
	})
}

// TestConversionOfMuch: all that came meanwhile is taken, however much; what has
// left the window is given up for the live edge, and that is counted.
func TestConversionOfMuch(t *testing.T) {
	for _, fallen := range []bool{false, true} {
		o := roomy()
		if fallen {
			o.WindowBytes = 1000 * 200
		}
		h := newHub(t, o)
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0))
		s := streamOf(t, h, "x")
		plan, err := ConvertOptions{Tracks: Audio}.plan(s)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newConversion(s, plan)
		if err != nil {
			t.Fatal(err)
		}
		frame := simple(2, 0, 0, string(make([]byte, 40-9)))
		mustWrite(t, p, bytes.Repeat(frame, 3000))
		want, skips := int64(3000), int64(0)
		if fallen {
			want, skips = 1, 1
		}
		for wake := (<-chan struct{})(nil); wake == nil; {
			if wake, err = c.step(); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.to.Parts.Load(); n != want || len(c.in)+len(c.out) != 0 {
			t.Errorf("%d parts; expected %d; it holds %d", n, want, len(c.in)+len(c.out))
		}
		if n, lost := c.to.Skips.Load(), c.to.LostParts.Load(); n != skips || lost != 3000-want {
			t.Errorf("%d skips, %d lost parts; expected %d, %d", n, lost, skips, 3000-want)
		}
		if c.in = c.in[:1]; c.in[0] != nil {
			t.Error("it keeps parts alive")
		}
		c.to.finish()
		p.Drop()
	}
}

// TestConversionMissesNoNews: what comes just as all has been converted does not
// wait for the next.
func TestConversionMissesNoNews(t *testing.T) {
	h := newHub(t, roomy()) // in which nothing else wakes anybody
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0))
	to, release := mustConvert(t, streamOf(t, h, "x"))
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := range int64(50_000) {
		news := to.News()
		mustWrite(t, p, simple(2, 0, 0, opus20))
		for to.Parts.Load() == n {
			select {
			case <-news:
				news = to.News()
			case <-ctx.Done():
				t.Fatalf("%d parts of %d", n, n+1)
			}
		}
	}
	p.Drop()
}

// TestLateListenerOfConversion: late is late on the clock of the source.
func TestLateListenerOfConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: time.Hour}, vp8Track, opusTrack)
		w.frame(2, true, 50)
		w.step(time.Hour)
		to, release := mustConvert(t, w.stream())
		l := to.Listen(ListenOptions{})
		release()
		defer l.Close()
		take := func(want int) {
			t.Helper()
			synctest.Wait()
			if parts, err := l.Take(nil); len(parts) != want || err != nil {
				t.Errorf("%d parts, %v; expected %d", len(parts), err, want)
			}
		}
		take(1)
		w.frame(2, true, 50)
		take(1)
		w.play(2*time.Second, 2, 50)
		take(20)
		w.play(4*time.Second, 2, 50)
		take(1)
	})
}
