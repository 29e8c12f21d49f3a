package stream

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// recipe is how ffmpeg makes a file of a tone that sweeps, with a little noise.
type recipe struct {
	name   string
	args   string
	settle int // how many frames after a join may differ
}

var recipes = []recipe{
	{"cbr.mp3", "-ac 2 -c:a libmp3lame -b:a 128k -joint_stereo 0 -write_xing 0", 4},
	{"joint.mp3", "-ac 2 -c:a libmp3lame -b:a 96k -joint_stereo 1 -write_xing 0 -id3v2_version 0", 4},
	{"mono.mp3", "-ac 1 -c:a libmp3lame -b:a 48k -write_xing 0", 6},
	{"vbr.mp3", "-ac 2 -c:a libmp3lame -q:a 4 -write_xing 1 -write_id3v1 1 -metadata title=x", 6},
	{"mpeg2.mp3", "-ac 1 -ar 22050 -c:a libmp3lame -b:a 32k -write_xing 0", 6},
	{"stereo.aac", "-ac 2 -c:a aac -aac_pns 0 -b:a 96k -f adts", 2},
	{"mono.aac", "-ac 1 -c:a aac -aac_pns 0 -b:a 48k -f adts", 2},
	{"stereo.flac", "-ac 2 -c:a flac -sample_fmt s16", 0},
	{"deep.flac", "-ac 1 -c:a flac -sample_fmt s32 -bits_per_raw_sample 24 -compression_level 8", 0},
}

func (r recipe) format() *Format { return ByExt(filepath.Ext(r.name)[1:]) }

// cook makes the file, seconds long.
func (r recipe) cook(t testing.TB, seconds string) []byte {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	file := filepath.Join(t.TempDir(), r.name)
	args := []string{"-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(300*t*(1+t))+0.2*sin(2500*t)|0.4*sin(500*t*(1+t))':s=44100", "-bitexact", "-t", seconds}
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(append(args, strings.Fields(r.args)...), file)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// published is the stream that a file makes.
func published(t testing.TB, f *Format, b []byte) (*Stream, []*Part) {
	t.Helper()
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: f})
	mustWrite(t, p, cut(b, every(777))...)
	s := streamOf(t, h, "x")
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	return s, logged(s)
}

// TestSounds publishes what encoders make: each part is a frame of the source, who
// joins at any part gets the frames from there on, and ffmpeg hears in that what it
// hears in the whole file.
func TestSounds(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			file := r.cook(t, "3")
			src := parse(r.format(), file, whole, true)
			if src.err != nil || len(src.heads) != 1 {
				t.Fatal(len(src.heads), src.err)
			}
			s, parts := published(t, r.format(), file)
			if len(parts) != len(src.frames) || len(parts) < 20 {
				t.Fatalf("%d parts of %d frames", len(parts), len(src.frames))
			}
			for i, p := range parts {
				if p.Kind != Join || p.Time != src.frames[i].Time || p.Duration != src.frames[i].Duration {
					t.Fatalf("part %d: %+v", i, p)
				}
				if len(parts)-i < 2 {
					break // one frame alone is not believed
				}
				sameSamples(t, parts[i:], parse(r.format(), body(s, parts[i:]), whole, true).frames)
			}
			if end := parts[len(parts)-1].End(); end < 2900*time.Millisecond || end > 3200*time.Millisecond {
				t.Errorf("it lasts %v", end)
			}
			r.live(t, file, body(s, parts))
			for _, i := range []int{1, len(parts) / 2, len(parts) - 15} {
				r.late(t, s, parts, i)
			}
		})
	}
}

// live compares what who was there from the begin hears with the source.
func (r recipe) live(t *testing.T, file, body []byte) {
	want, got := streamtest.JudgeBytes(t, r.name, file), streamtest.JudgeBytes(t, r.name, body)
	got.Rises(t)
	for line := range got.Errors {
		t.Errorf("ffmpeg complains: %s", line)
	}
	a, b := crcs(want), crcs(got)
	if r.name == "vbr.mp3" { // the source says how many samples are to be left out
		a, b = a[2:len(a)-4], b[2:len(b)-2]
		b = b[:min(len(a), len(b))]
	}
	if !slices.Equal(a, b) {
		t.Errorf("%d frames are heard, %d in the source, and they differ", len(b), len(a))
	}
}

// late compares what who joins at a part hears with the rest of the whole.
func (r recipe) late(t *testing.T, s *Stream, parts []*Part, at int) {
	got := streamtest.JudgeBytes(t, r.name, body(s, parts[at:]))
	got.Rises(t)
	for line := range got.Errors {
		if !strings.Contains(line, "invalid new backstep") && !strings.Contains(line, "overread") {
			t.Errorf("join at part %d: ffmpeg complains: %s", at, line)
		}
	}
	a, b := crcs(streamtest.JudgeBytes(t, r.name, body(s, parts))), crcs(got)
	if n := len(parts) - at - 1; len(b) < n || len(b) > n+1 {
		t.Fatalf("join at part %d of %d: %d frames are heard", at, len(parts), len(b))
	}
	n := len(parts) - at - r.settle
	if a, b := a[len(a)-n:], b[len(b)-min(n, len(b)):]; !slices.Equal(a, b) {
		t.Errorf("join at part %d of %d: what is heard differs in %d frames", at, len(parts), n)
	}
}

func crcs(j streamtest.Judged) (all []string) {
	for _, f := range j.Frames {
		all = append(all, f.CRC)
	}
	return all
}

// TestSoundRuns: the second of two runs goes on where the first ended, for ffmpeg
// too.
func TestSoundRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			file := r.cook(t, "1.1")
			h := newClocked(t)
			frames := 0
			for range 2 {
				p := mustPublish(t, h.Hub, "x", PublishOptions{Key: "k", Format: r.format()})
				mustWrite(t, p, file, file) // the file twice is one run, too
				p.Drop()
				h.now = h.now.Add(time.Minute)
				frames += 2 * len(parse(r.format(), file, whole, true).frames)
			}
			s := streamOf(t, h.Hub, "x")
			got := streamtest.JudgeBytes(t, r.name, body(s, logged(s)))
			got.Rises(t)
			for line := range got.Errors {
				if !strings.Contains(line, "invalid new backstep") && !strings.Contains(line, "overread") {
					t.Errorf("ffmpeg complains: %s", line)
				}
			}
			if n := len(got.Frames); n < frames-2 || n > frames {
				t.Errorf("%d frames are heard of %d", n, frames)
			}
			if last := got.Frames[len(got.Frames)-1].PTS; last < 4*time.Second || last > 5*time.Second {
				t.Errorf("the last one at %v", last)
			}
		})
	}
}

// TestSoundPreroll: a late listener begins half a second back, in one write.
func TestSoundPreroll(t *testing.T) {
	for _, in := range soundFiles(t) {
		f := ByExt(in.format)
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{Format: f})
		mustWrite(t, p, slices.Repeat(in.data, 3))
		s := streamOf(t, h, "x")
		l := s.Listen(ListenOptions{})
		first, err := l.Take(nil)
		if err != nil || len(first) == 0 {
			t.Fatalf("%s: %d parts, %v", in.name, len(first), err)
		}
		edge, _, _ := s.Edge()
		if back := edge - first[0].Time; back < 500*time.Millisecond || back > 700*time.Millisecond {
			t.Errorf("%s: it begins %v back", in.name, back)
		}
		l.Close()
		p.Drop()
	}
}
