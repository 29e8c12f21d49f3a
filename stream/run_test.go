package stream

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// clockedHub has a clock that the test moves.
type clockedHub struct {
	*Hub
	now time.Time
}

func newClocked(t testing.TB) *clockedHub {
	c := &clockedHub{now: time.Now()}
	o := roomy()
	o.Now = func() time.Time { return c.now }
	c.Hub = newHub(t, o)
	return c
}

// file is a small recording whose frames say which run they are of.
func file(run string, tracks [][]byte, video, audio uint64) []byte {
	return cat(begin(tracks...), open(idCluster, 8), num(idTimestamp, 0),
		simple(video, 0, 0x80, run+" key"), simple(audio, 0, 0x80, "\xf8"+run+" one"),
		simple(video, 33, 0, run+" delta"), simple(audio, 20, 0x80, "\xf8"+run+" two"))
}

func times(parts []*Part) (all []time.Duration) {
	for _, p := range parts {
		all = append(all, p.Time)
	}
	return all
}

// TestRunContinues: the second run's header is dropped, its swapped track
// numbers are mapped, and its clock goes on.
func TestRunContinues(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		pause time.Duration // between the runs' arrivals
		want  time.Duration // where the second goes on
	}{
		{"at the server's clock", 5 * time.Second, 5 * time.Second},
		{"at the end of the first", 10 * ms, 40 * ms},
	} {
		h := newClocked(t)
		first := mustPublish(t, h.Hub, "x", PublishOptions{Run: "a", Key: "k"})
		mustWrite(t, first, file("first", [][]byte{vp8Track, opusTrack}, 1, 2))
		s := streamOf(t, h.Hub, "x")
		first.Drop()
		h.now = h.now.Add(c.pause)
		second := mustPublish(t, h.Hub, "x", PublishOptions{Run: "b", Key: "k"})
		if n, known := second.Resumed(); n != 0 || known {
			t.Errorf("another run is resumed at %d", n)
		}
		mustWrite(t, second, file("second", [][]byte{trackEl(1, Audio, "A_OPUS"), trackEl(2, Video, "V_VP8")}, 2, 1))
		if streamOf(t, h.Hub, "x") != s {
			t.Fatalf("%s: another stream", c.name)
		}
		parts := logged(s)
		want := []time.Duration{0, 0, 33 * ms, 20 * ms, c.want, c.want, c.want + 33*ms, c.want + 20*ms}
		if got := times(parts); !slices.Equal(got, want) {
			t.Errorf("%s: at %v, expected %v", c.name, got, want)
		}
		r := parse(ByExt("webm"), body(s, parts), whole, true)
		if r.err != nil || len(r.heads) != 1 || len(r.frames) != 8 {
			t.Fatalf("%s: %d headers, %d frames, %v", c.name, len(r.heads), len(r.frames), r.err)
		}
		for i, f := range r.frames {
			if want := i % 2; f.Track != want {
				t.Errorf("%s: frame %d %q is in track %d", c.name, i, f.Frame, f.Track)
			}
		}
		second.Drop()
	}
}

// TestSameTracks says which tracks continue a file.
func TestSameTracks(t *testing.T) {
	private := func(s string) []byte { return elN(idCodecPrivate, 1, []byte(s)) }
	audio := func(hz float64, channels uint64) []byte {
		return elN(idAudio, 1, elN(idSamplingFreq, 1, binary.BigEndian.AppendUint64(nil, math.Float64bits(hz))), num(idChannels, channels))
	}
	size := func(w uint64) []byte { return elN(idVideo, 1, num(idPixelWidth, w)) }
	for _, c := range []struct {
		name string
		a, b []byte
		want bool
	}{
		{"Opus, another configuration and rate", trackEl(1, Audio, "A_OPUS", private("a"), audio(48000, 2)), trackEl(9, Audio, "A_OPUS", private("b"), audio(44100, 2)), true},
		{"Opus, other channels", trackEl(1, Audio, "A_OPUS", audio(48000, 2)), trackEl(1, Audio, "A_OPUS", audio(48000, 1)), false},
		{"Vorbis, another configuration", trackEl(1, Audio, "A_VORBIS", private("a")), trackEl(1, Audio, "A_VORBIS", private("b")), false},
		{"AVC, another configuration", trackEl(1, Video, "V_MPEG4/ISO/AVC", private("abcd")), trackEl(1, Video, "V_MPEG4/ISO/AVC", private("abce")), false},
		{"VP8, another size", trackEl(1, Video, "V_VP8", size(640)), trackEl(1, Video, "V_VP8", size(320)), true},
		{"PCM, another rate", trackEl(1, Audio, "A_PCM/FLOAT/IEEE", audio(48000, 2)), trackEl(1, Audio, "A_PCM/FLOAT/IEEE", audio(44100, 2)), false},
		{"compressed headers", trackEl(1, Video, "V_VP8"), trackEl(1, Video, "V_VP8", el(idEncodings)), false},
	} {
		a := parse(ByExt("webm"), begin(c.a), whole, true)
		b := parse(ByExt("webm"), begin(c.b), whole, true)
		if _, ok := a.heads[0].match(b.heads[0]); ok != c.want {
			t.Errorf("%s: %t", c.name, ok)
		}
	}
}

// TestRunsDecode joins two lives of real recorders and asks ffmpeg.
func TestRunsDecode(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for _, c := range []struct{ first, second string }{
		{"chromium-vp8-opus-T100.webm", "chromium-vp8-opus-kf1s-T100.webm"},
		{"chromium-vp8-opus-T100.webm", "chromium-gum-vp8-opus-T100.webm"}, // other numbers, another size
		{"chromium-audio-opus-T20.webm", "chromium-audio-opus-T100.webm"},
		{"firefox-audio-opus-T100.ogg", "firefox-audio-opus-T100.ogg"},
		{"chromium-audio-opus-T100.mp4", "chromium-audio-opus-T100.mp4"},
		{"chromium-h264-opus-T100.mp4", "chromium-h264-opus-T100.mp4"},
	} {
		t.Run(c.first+" + "+c.second, func(t *testing.T) {
			t.Parallel()
			h := newClocked(t)
			frames := 0
			for _, name := range []string{c.first, c.second} {
				r := streamtest.Capture(t, name)
				p := mustPublish(t, h.Hub, "x", PublishOptions{Key: "k"})
				at := h.now
				for i, b := range r.Chunks {
					h.now = at.Add(r.At[i])
					mustWrite(t, p, b)
				}
				p.Drop()
				h.now = h.now.Add(time.Second)
				frames += len(streamtest.Judge(t, r.File).Frames)
			}
			s := streamOf(t, h.Hub, "x")
			j := streamtest.JudgeBytes(t, "runs."+s.format.Name, body(s, logged(s)))
			j.Rises(t)
			for line := range j.Errors {
				t.Errorf("ffmpeg complains: %s", line)
			}
			if d := frames - len(j.Frames); d > frames/50 || d < -2 {
				t.Errorf("%d frames, the two runs have %d", len(j.Frames), frames)
			}
		})
	}
}

// TestOtherTracksEndTheFile: a clean end for listeners, and a new file.
func TestOtherTracksEndTheFile(t *testing.T) {
	for name, tracks := range map[string][][]byte{
		"another codec":     {trackEl(1, Video, "V_VP9"), opusTrack},
		"a track less":      {opusTrack},
		"a track more":      {vp8Track, opusTrack, trackEl(3, Audio, "A_OPUS")},
		"another channel":   {vp8Track, trackEl(2, Audio, "A_OPUS", elN(idAudio, 1, num(idChannels, 1)))},
		"another container": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub(t, Options{})
				p := mustPublish(t, h, "x", PublishOptions{Key: "k"})
				stereo := trackEl(2, Audio, "A_OPUS", freq(48000))
				mustWrite(t, p, file("first", [][]byte{vp8Track, stereo}, 1, 2))
				old := streamOf(t, h, "x")
				l := old.Listen(ListenOptions{})
				defer l.Close()
				if parts, err := l.Take(nil); len(parts) != 4 || err != nil {
					t.Fatalf("%d parts, %v", len(parts), err)
				}
				ended := make(chan error, 1)
				go func() {
					_, err := l.Next(t.Context(), nil, nil)
					ended <- err
				}()
				synctest.Wait()
				p.Drop()
				p = mustPublish(t, h, "x", PublishOptions{Key: "k"})
				if tracks == nil {
					mustWrite(t, p, wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(1600)}.bytes())
				} else {
					mustWrite(t, p, begin(tracks...))
				}
				if err := <-ended; err != io.EOF {
					t.Errorf("the old file's listener gets %v", err)
				}
				if s := streamOf(t, h, "x"); s == old {
					t.Error("the old file goes on")
				} else if tracks != nil && len(s.Tracks()) != len(tracks) {
					t.Errorf("%d tracks", len(s.Tracks()))
				}
				p.Drop()
			})
		})
	}
}

// TestClockJumps: a recorder's clock that jumps is continued, not believed.
func TestClockJumps(t *testing.T) {
	const ms = time.Millisecond
	at := func(ticks uint64, key byte) []byte {
		return cat(open(idCluster, 8), num(idTimestamp, ticks), simple(1, 0, key, "frame"))
	}
	h := newClocked(t)
	p := mustPublish(t, h.Hub, "x", PublishOptions{})
	mustWrite(t, p, begin(vp8Track), at(1000, 0x80), at(1100, 0), at(1050, 0), at(900, 0))
	h.now = h.now.Add(2 * time.Second)
	mustWrite(t, p, at(500_000, 0), at(500_100, 0)) // forward by more than a minute
	h.now = h.now.Add(3 * time.Second)
	mustWrite(t, p, at(100, 0), at(200, 0)) // back by more than ten seconds
	want := []time.Duration{0, 100 * ms, 50 * ms, 0, 2000 * ms, 2100 * ms, 5000 * ms, 5100 * ms}
	if got := times(logged(streamOf(t, h.Hub, "x"))); !slices.Equal(got, want) {
		t.Errorf("at %v, expected %v", got, want)
	}
	if m := p.Media(); m != 300*ms {
		t.Errorf("%v of media", m)
	}
	p.Drop()
}

// TestNoPictureBeforeItsKeyframe: each run's pictures begin with a keyframe.
func TestNoPictureBeforeItsKeyframe(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	for range 2 {
		mustWrite(t, p, begin(vp8Track, opusTrack), cluster(0, simple(1, 0, 0, "lost"), simple(2, 0, 0, opus20), simple(1, 5, 0x80, "key"), simple(1, 9, 0, "delta")))
	}
	s := streamOf(t, h, "x")
	if b := body(s, logged(s)); bytes.Contains(b, []byte("lost")) || s.Parts.Load() != 6 {
		t.Errorf("%d parts: %q", s.Parts.Load(), b)
	}
	p.Drop()
}
