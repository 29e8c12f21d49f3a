package stream

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// sounds are the parts of a log that are sound.
func sounds(s *Stream) (all []*Part) {
	for _, p := range logged(s) {
		if p.Kind != Filler && s.head.tracks[p.Track].Type == Audio {
			all = append(all, p)
		}
	}
	return all
}

// listenToAll publishes a recording and listens to its sound from the first byte
// of it on; it returns what is in the log of each stream, and what came.
func listenToAll(t testing.TB, c streamtest.Recording) (from, to *Stream, got []*Part) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: Sniff(c.Data)})
	var l *Listener
	for _, b := range cut(c.Data, every(64)) {
		mustWrite(t, p, b)
		if s := h.Stream("x"); s != nil && l == nil {
			var release func()
			from = s
			to, release = mustConvert(t, s)
			l = to.Listen(ListenOptions{Complete: true})
			l.seq = 0
			release()
		}
	}
	_ = p.End() // a recorder may have been stopped in the middle of a frame
	defer l.Close()
	return from, to, drain2(t, l)
}

// TestAudio: of every recording with pictures the same frames of sound at the same
// times, in a file of one track in which each can be joined. One without pictures
// is that file already.
func TestAudio(t *testing.T) {
	converted := 0
	for _, name := range recordings(t) {
		c := streamtest.Capture(t, name)
		from, to, got := listenToAll(t, c)
		if from.head.video() < 0 {
			if to != from {
				t.Errorf("%s has no pictures and is converted", name)
			}
			continue
		}
		converted++
		if to == from || to.ContentType(View{}) != fmt.Sprintf(`audio/%s; codecs="opus"`, to.format.Name) || len(to.Tracks()) != 1 {
			t.Errorf("%s: %s, %d tracks", name, to.ContentType(View{}), len(to.Tracks()))
		}
		all, want := logged(to), sounds(from)
		if !slices.Equal(got, all) {
			t.Errorf("%s: a listener got %d parts that are not the %d there are", name, len(got), len(all))
		}
		again := parse(to.format, body(to, all), whole, true)
		if again.err != nil || len(again.heads) != 1 || len(again.heads[0].tracks) != 1 {
			t.Fatalf("%s: the file is read as %d headers, %v", name, len(again.heads), again.err)
		}
		if len(want) < 100 || len(all) != len(want) || len(again.frames) != len(want) {
			t.Fatalf("%s: %d parts, read as %d frames; expected %d", name, len(all), len(again.frames), len(want))
		}
		for i, p := range all {
			q, r := want[i], again.frames[i]
			if p.Kind != Join || p.Time != q.Time || p.Duration != q.Duration || !bytes.Equal(p.Frame, q.Frame) {
				t.Fatalf("%s: part %d is %d at %v+%v; expected %v+%v", name, i, p.Kind, p.Time, p.Duration, q.Time, q.Duration)
			}
			if (r.Time-q.Time).Abs() > clockStep(to, 0)/2+1 || !bytes.Equal(r.Frame, q.Frame) {
				t.Fatalf("%s: frame %d is read at %v; expected %v", name, i, r.Time, q.Time)
			}
		}
		t.Run(name, func(t *testing.T) { audioJudged(t, c, to) })
	}
	if converted < 8 {
		t.Errorf("only %d recordings were converted", converted)
	}
}

// audioJudged asks ffmpeg whether the sound of a recording is in a stream.
func audioJudged(t *testing.T, c streamtest.Recording, to *Stream) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	t.Parallel()
	src := parse(Sniff(c.Data), c.Data, whole, false)
	i := slices.IndexFunc(src.frames, func(p Part) bool { return src.heads[0].tracks[p.Track].Type == Audio })
	first := src.frames[i].Time
	judged := streamtest.Judge(t, c.File)
	judged.Frames = judged.Span(false, -time.Hour)
	all := logged(to)
	got := streamtest.JudgeBytes(t, "audio."+to.format.Name, body(to, all))
	judged.Holds(t, got, first, first, all[0].Time-first, time.Millisecond)
	got.Rises(t)
}

// TestAudioOfManyTracks: each track of sound, as it is; of nothing else anything.
func TestAudioOfManyTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{Window: time.Hour})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, begin(trackEl(7, Audio, "A_VORBIS"), vp8Track, trackEl(3, Video, "V_VP9"), opusTrack))
		s := streamOf(t, h, "x")
		defer s.Listen(ListenOptions{}).Close()
		to, release := mustConvert(t, s)
		mustWrite(t, p, cluster(0, simple(1, 0, 0x80, "key"), simple(7, 3, 0x02, "\x01\x03abcdefg"), simple(2, 5, 0, opus20), simple(3, 6, 0x80, "key"), simple(7, 9, 0, "h")))
		for parts := logged(s); parts[len(parts)-1].Kind != Filler; parts = logged(s) {
			<-s.News()
		}
		mustWrite(t, p, cluster(20_000, simple(1, 0, 0, "delta"), simple(2, 1, 0, opus20)))
		synctest.Wait()
		r := parse(to.format, body(to, logged(to)), whole, true)
		var got []string
		for _, p := range r.frames {
			got = append(got, fmt.Sprintf("%s %v lacing %d: %q", r.heads[0].tracks[p.Track].Codec, p.Time, p.lacing, p.Frame))
		}
		want := []string{`vorbis 3ms lacing 2: "\x01\x03abcdefg"`, fmt.Sprintf("opus 5ms lacing 0: %q", opus20), `vorbis 9ms lacing 0: "h"`, fmt.Sprintf("opus 20.001s lacing 0: %q", opus20)}
		if r.err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v; expected %q", got, r.err, want)
		}
		release()
	})
}
