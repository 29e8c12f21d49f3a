package stream

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// everyJoin publishes a file and returns what listeners get that begin at each of
// its parts.
func everyJoin(t testing.TB, file []byte) (all []joined) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, cut(file, every(1000))...)
	s := streamOf(t, h, "x")
	parts := logged(s)
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		if parts[i].Kind != Join {
			t.Fatalf("part %d is no join", i)
		}
		l := s.Listen(ListenOptions{})
		l.seq = int64(i)
		all = append(all, joined{s, int64(i), drain(t, l, nil)})
		l.Close()
	}
	return all
}

// madeOgg are files as ffmpeg writes them.
func madeOgg(t testing.TB) map[string][]byte {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	files := map[string][]byte{}
	for name, args := range map[string][]string{
		"opus.ogg":   {"-map", "0", "-c:a", "libopus", "-b:a", "32k"},
		"vorbis.ogg": {"-map", "0", "-c:a", "libvorbis"},
		"44100.ogg":  {"-map", "0", "-c:a", "libvorbis", "-ar", "44100"},
		"flac.ogg":   {"-map", "0", "-c:a", "flac"},
		"pages.ogg":  {"-map", "0", "-c:a", "flac", "-page_duration", "1"},
		"two.ogg":    {"-map", "0", "-map", "1", "-c:a:0", "libopus", "-c:a:1", "libvorbis", "-page_duration", "20000"},
		"video.ogv":  {"-map", "2", "-map", "0", "-c:v", "libtheora", "-c:a", "libvorbis"},
	} {
		args = append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-f", "lavfi", "-i", "anoisesrc=amplitude=0.1:sample_rate=48000:seed=1",
			"-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-t", "4"}, args...)
		out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-f", "ogg", "-")...).Output()
		if err != nil {
			t.Fatalf("ffmpeg %v: %v", args, err)
		}
		files[name] = out
	}
	return files
}

// TestOggJoinEverywhere: of a recording, and of files that ffmpeg makes, each
// frame is a place to begin, and ffmpeg finds the source's frames from there on.
func TestOggJoinEverywhere(t *testing.T) {
	check := func(name string, data []byte, source func(t *testing.T) streamtest.Judged) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := parse(ByExt("ogg"), data, whole, true)
			if src.err != nil || len(src.heads) != 1 {
				t.Fatal(src.err, len(src.heads))
			}
			sameParts(t, src, parse(ByExt("ogg"), data, every(13), true))
			all := everyJoin(t, data)
			if len(all) != len(src.frames) || len(all) < 40 {
				t.Fatalf("%d places to join in %d frames", len(all), len(src.frames))
			}
			for _, j := range all {
				j.sound(t, src)
			}
			n := 2
			if testing.Short() {
				n = 1
			} else if streamtest.Long() {
				n = 4
			}
			judged := source(t)
			all = all[:len(all)*8/10] // each of two tracks loses its first frames, which are few of many
			for _, j := range spread(all, n) {
				j.judged(t, src, judged)
			}
		})
	}
	for _, name := range streamtest.Captures(t, "ogg") {
		c := streamtest.Capture(t, name)
		check(name, c.Data, func(t *testing.T) streamtest.Judged { return streamtest.Judge(t, c.File) })
	}
	if testing.Short() {
		return
	}
	for name, data := range madeOgg(t) {
		check(name, data, func(t *testing.T) streamtest.Judged {
			j := streamtest.JudgeBytes(t, name, data)
			if filepath.Ext(name) == ".ogv" {
				j.Frames = j.Span(false, -time.Hour)
			}
			return j
		})
	}
}

// TestOggAfterHours: who comes late begins with pages of hours later, after the
// header's. ffmpeg finds nothing wrong with that and counts from there, but for the
// first frame of FLAC, which it always puts at 0.
func TestOggAfterHours(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for name, data := range madeOgg(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newClocked(t)
			p := mustPublish(t, h.Hub, "x", PublishOptions{})
			mustWrite(t, p, data)
			s := streamOf(t, h.Hub, "x")
			old := len(logged(s))
			h.now = h.now.Add(3 * time.Hour)
			mustWrite(t, p, data)
			parts := logged(s)[old:]
			if len(parts) != old || parts[0].Time != 3*time.Hour {
				t.Fatalf("%d parts, then %d from %v on", old, len(parts), parts[0].Time)
			}
			j := streamtest.JudgeBytes(t, "late.ogg", body(s, parts))
			for line := range j.Errors {
				t.Errorf("ffmpeg complains: %s", line)
			}
			j.Rises(t)
			if len(j.Frames) < len(parts)*9/10 {
				t.Errorf("%d frames of %d parts", len(j.Frames), len(parts))
			}
			for i, f := range j.Frames {
				if i == 0 && f.PTS == 0 && s.Tracks()[0].Codec == "flac" {
					continue
				}
				if f.PTS < 3*time.Hour-100*time.Millisecond || f.PTS > 3*time.Hour+5*time.Second {
					t.Fatalf("frame %d of stream %d at %v", i, f.Stream, f.PTS)
				}
			}
			p.Drop()
		})
	}
}

// TestOggPadded: fillers and pads between pages are nothing to a decoder, nor to
// our parser.
func TestOggPadded(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	const block = 32 << 10
	for name, data := range madeOgg(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t, roomy())
			p := mustPublish(t, h, "x", PublishOptions{})
			mustWrite(t, p, data)
			s := streamOf(t, h, "x")
			parts := logged(s)
			plain, padded := body(s, parts), slices.Clone(s.header)
			for i, part := range parts {
				padded = append(padded, part.Bytes...)
				if rest := block - len(padded)%block; i%3 == 0 && rest < block {
					head, zeros := s.format.Pad(rest, block)
					padded = append(append(padded, head...), make([]byte, zeros)...)
				}
			}
			if len(padded) < 10*block {
				t.Fatalf("only %d bytes", len(padded))
			}
			bare, filled := parse(s.format, plain, whole, true), parse(s.format, padded, every(1001), true)
			bare.offsets, filled.offsets = nil, nil
			sameParts(t, bare, filled)
			want, got := streamtest.JudgeBytes(t, "plain.ogg", plain), streamtest.JudgeBytes(t, "padded.ogg", padded)
			if len(got.Errors) > 0 || !slices.Equal(got.Frames, want.Frames) || len(got.Frames) < 40 {
				t.Errorf("%d frames and %v; without padding %d", len(got.Frames), got.Errors, len(want.Frames))
			}
			p.Drop()
		})
	}
}
