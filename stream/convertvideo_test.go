package stream

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// TestVideo: of every recording with pictures the same pictures at the same times,
// which ffmpeg decodes bit for bit, live and joined late.
func TestVideo(t *testing.T) {
	done := 0
	for _, name := range recordings(t) {
		c := streamtest.Capture(t, name)
		src := parse(Sniff(c.Data), c.Data, whole, false)
		if src.heads[0].video() < 0 {
			continue
		}
		done++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, parts := converted(t, c.Data, ConvertOptions{Tracks: Video})
			want := slices.DeleteFunc(logged(from), func(p *Part) bool { return from.head.tracks[p.Track].Type != Video })
			if kind := to.ContentType(View{}); len(to.Tracks()) != 1 || strings.Contains(kind, "opus") || !strings.HasPrefix(kind, "video/") {
				t.Errorf("it is %s of %d tracks", kind, len(to.Tracks()))
			}
			if len(parts) != len(want) || len(parts) < 100 {
				t.Fatalf("%d pictures; expected %d", len(parts), len(want))
			}
			var joins []int
			for i, p := range parts {
				q := want[i]
				if p.Time != q.Time || p.Duration != q.Duration || p.Composition != q.Composition || p.Key != q.Key || (p.Kind == Join) != p.Key || !bytes.Equal(p.Frame, q.Frame) {
					t.Fatalf("picture %d: %d at %v, key %t; expected %v, key %t", i, p.Kind, p.Time, p.Key, q.Time, q.Key)
				}
				if p.Key {
					joins = append(joins, i)
				}
			}
			if testing.Short() {
				return
			}
			judged := streamtest.Judge(t, c.File)
			judged.Frames = judged.Span(true, -time.Hour)
			shift := want[0].Time - src.frames[slices.IndexFunc(src.frames, func(p Part) bool { return src.heads[0].tracks[p.Track].Type == Video })].Time
			for _, i := range []int{0, joins[len(joins)-1]} {
				got := streamtest.JudgeBytes(t, "pictures."+to.format.Name, body(to, parts[i:]))
				judged.Holds(t, got, parts[i].Time-shift, time.Hour, shift, time.Millisecond)
				got.Rises(t)
			}
		})
	}
	if done < 8 {
		t.Errorf("only %d recordings have pictures", done)
	}
}

// TestVideoBeginsWithAKeyframe: the newest there is, since nothing else can be shown;
// and with the next one when parts were lost.
func TestVideoBeginsWithAKeyframe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: time.Hour}, vp8Track, opusTrack, trackEl(3, Video, "V_VP9"))
		frames := func(to *Stream) (got string) {
			synctest.Wait()
			for _, p := range logged(to) {
				got += map[bool]string{true: "K", false: "d"}[p.Key] + string('0'+rune(p.Track))
			}
			return got
		}
		convert := func() *Stream {
			to, release, err := w.stream().Convert(ConvertOptions{Tracks: Video})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(release)
			return to
		}
		w.frame(2, true, 10)
		w.frame(3, true, 10)
		early := convert()
		w.frame(3, false, 10)
		if got := frames(early); got != "" {
			t.Errorf("before any keyframe of the first track there is %s", got)
		}
		for _, key := range []bool{true, false, true, false} {
			w.frame(1, key, 10)
			w.frame(2, true, 10)
		}
		if got := frames(early); got != "K0d0K0d0" {
			t.Errorf("there is %s", got)
		}
		late, release, err := w.stream().Convert(ConvertOptions{Format: ByExt("webm"), Tracks: Video})
		if err != nil || late != early {
			t.Errorf("another stream for the same: %t, %v", late != early, err)
		}
		release()
	})
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: time.Hour}, vp8Track, opusTrack)
		for _, key := range []bool{true, false, true, false, false} {
			w.frame(1, key, 10)
			w.frame(2, true, 10)
			w.step(time.Second)
		}
		to, release, err := w.stream().Convert(ConvertOptions{Tracks: Video})
		if err != nil {
			t.Fatal(err)
		}
		defer release()
		l := to.Listen(ListenOptions{})
		defer l.Close()
		synctest.Wait()
		parts, _ := l.Take(nil)
		if got := times(parts); !slices.Equal(got, []time.Duration{2 * time.Second, 3 * time.Second, 4 * time.Second}) {
			t.Errorf("who comes late begins with pictures at %v", got)
		}
	})
}

// TestVideoAfterALoss: what the window has left behind was needed by what follows, up
// to the next keyframe.
func TestVideoAfterALoss(t *testing.T) {
	o := roomy()
	o.HardBytes = 10 * 400
	h := newHub(t, o)
	p := mustPublish(t, h, "x", PublishOptions{})
	picture := func(key byte) []byte { return simple(1, 0, key, string(make([]byte, 200))) }
	mustWrite(t, p, begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0), picture(0x80))
	s := streamOf(t, h, "x")
	plan, err := ConvertOptions{Tracks: Video}.plan(s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConversion(s, plan)
	if err != nil {
		t.Fatal(err)
	}
	all := func(want int64) {
		t.Helper()
		for wake := (<-chan struct{})(nil); wake == nil; {
			if wake, err = c.step(); err != nil {
				t.Fatal(err)
			}
		}
		if n := c.to.Parts.Load(); n != want {
			t.Errorf("%d pictures; expected %d", n, want)
		}
	}
	all(1)
	mustWrite(t, p, bytes.Repeat(picture(0), 100))
	all(1) // all there is needs what is gone
	mustWrite(t, p, picture(0))
	all(1)
	mustWrite(t, p, picture(0x80), picture(0))
	all(3)
	c.to.finish()
	p.Drop()
}
