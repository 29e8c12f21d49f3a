package stream

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// joined is what a listener got that came at one moment of a publication.
type joined struct {
	s     *Stream
	seq   int64 // of its first part
	parts []*Part
}

// joins publishes a file in small pieces, opens a listener after each part that
// is new in the log, and returns what those got, one for each place to begin.
func joins(t testing.TB, file []byte) []joined {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	var all []*Listener
	var got [][]*Part
	seen := int64(-1)
	for _, c := range cut(file, every(64)) {
		mustWrite(t, p, c)
		s, err := h.Open(t.Context(), "x", 0, 0)
		if err != nil || s.join == seen {
			continue
		}
		seen = s.join
		l := s.Listen(ListenOptions{})
		first, err := l.Take(nil)
		if err != nil || len(first) == 0 {
			t.Fatalf("a listener at part %d gets %d parts, %v", seen, len(first), err)
		}
		all, got = append(all, l), append(got, first)
	}
	if got, want := place(p.End()), place(parse(Sniff(file), file, whole, true).err); got != want {
		t.Fatalf("ends with %s, not %s", got, want)
	}
	var r []joined
	for i, l := range all {
		seq := l.seq - int64(len(got[i]))
		r = append(r, joined{l.s, seq, drain(t, l, got[i])})
		l.Close()
	}
	return r
}

// sound checks a listener's body without decoding it: it parses again, begins
// with a frame that can be decoded, and its frames are the source's last.
func (j joined) sound(t testing.TB, src parsed) {
	t.Helper()
	again := parse(j.s.format, body(j.s, j.parts), whole, true)
	if again.err != nil {
		t.Fatalf("join at part %d: the body is refused: %v", j.seq, again.err)
	}
	tail := src.frames[len(src.frames)-len(j.parts):]
	if len(again.frames) != len(tail) {
		t.Fatalf("join at part %d: %d frames, expected %d", j.seq, len(again.frames), len(tail))
	}
	video, shown := j.s.head.video(), false
	for i, p := range again.frames {
		q := tail[i]
		if p.Track != q.Track || !bytes.Equal(p.Frame, q.Frame) || p.Key != q.Key {
			t.Fatalf("join at part %d: frame %d is not the source's", j.seq, i)
		}
		if d := j.time(&p) - j.time(&again.frames[0]) - (j.time(&q) - j.time(&tail[0])); d.Abs() > time.Millisecond {
			t.Fatalf("join at part %d: frame %d is %v off", j.seq, i, d)
		}
		if p.Track == video && !shown {
			if shown = true; !p.Key || i != 0 {
				t.Fatalf("join at part %d: the first picture is frame %d, key %t", j.seq, i, p.Key)
			}
		}
	}
}

// time is what the container says of a frame.
func (j joined) time(p *Part) time.Duration {
	if j.s.format.Name == "ogg" {
		return p.End()
	}
	return p.Time
}

// judged asks ffmpeg. The source's frames are those that ffmpeg finds in the
// untouched file, after the time of the join.
func (j joined) judged(t testing.TB, src parsed, whole streamtest.Judged) {
	tail := src.frames[len(src.frames)-len(j.parts):]
	first, sound := tail[0], tail[0].Time
	for _, p := range tail {
		if j.s.head.tracks[p.Track].Type == Audio {
			sound = max(sound, p.Time)
			break
		}
	}
	if k := src.heads[0].tracks; k[0].scale > 0 {
		for i := range k {
			if k[i].Codec == "opus" { // MP4's decoders leave the pre-skip out wherever they start
				sound += time.Duration(binary.LittleEndian.Uint16(k[i].Private[10:])) * time.Second / 48000
			}
		}
	}
	slack := time.Millisecond // our milliseconds may be rounded from a finer clock
	if src.heads[0].tracks[first.Track].Codec == "vorbis" {
		slack = 12 * time.Millisecond // no container says how long each frame of a lace lasts
	}
	got := streamtest.JudgeBytes(t, "joined."+j.s.format.Name, body(j.s, j.parts))
	whole.Holds(t, got, first.Time+first.Composition, sound, j.parts[0].Time-first.Time, slack)
	if first.Key && j.s.head.video() >= 0 {
		// Where pictures are shown before they are decoded ffmpeg shows all later.
		early := time.Duration(0)
		for _, p := range tail {
			early = min(early, p.Composition)
		}
		v := got.Span(true, -time.Hour)
		if len(v) == 0 || (v[0].PTS-j.parts[0].Time-j.parts[0].Composition).Abs() > time.Millisecond/2-early {
			t.Errorf("the first picture is not the join's, at %v", j.parts[0].Time)
		}
	}
}

// spread picks n of the joins, first and nearly last among them.
func spread(all []joined, n int) []joined {
	for len(all) > 1 && len(all[len(all)-1].parts) < 12 {
		all = all[:len(all)-1] // too little to be judged
	}
	if len(all) <= n || streamtest.Long() {
		return all
	}
	var some []joined
	for i := range n {
		some = append(some, all[i*(len(all)-1)/max(1, n-1)])
	}
	return some
}

// recordings are the captures whose containers carry timestamps.
func recordings(t testing.TB) []string {
	return slices.Concat(streamtest.Captures(t, "webm"), streamtest.Captures(t, "ogg"), streamtest.Captures(t, "mp4"))
}

func TestJoinEverywhere(t *testing.T) {
	n := 2
	if testing.Short() {
		n = 1
	} else if streamtest.Long() {
		n = 6
	}
	for _, name := range recordings(t) {
		if filepath.Ext(name) == ".ogg" {
			continue // TestOggJoinEverywhere
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streamtest.Capture(t, name)
			src := parse(Sniff(c.Data), c.Data, whole, false)
			if src.err != nil {
				t.Fatal(src.err)
			}
			all := joins(t, c.Data)
			keys := slices.DeleteFunc(slices.Clone(src.frames), func(p Part) bool {
				v := src.heads[0].video()
				return v >= 0 && (p.Track != v || !p.Key)
			})
			if len(all) != len(keys) {
				t.Errorf("%d places to join, expected %d", len(all), len(keys))
			}
			step := 11
			if testing.Short() {
				step = 40
			} else if streamtest.Long() {
				step = 1
			}
			for i := 0; i < len(all); i += step {
				all[i].sound(t, src)
			}
			if strings.HasPrefix(name, "webkit") {
				return // ffmpeg finds fault with the recording itself, so it is no judge of ours
			}
			whole := streamtest.Judge(t, c.File)
			for _, j := range spread(all, n) {
				j.judged(t, src, whole)
			}
		})
	}
}

// made are files as other programs write them.
func made(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	src := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "4",
		"-c:v", "libvpx", "-b:v", "200k", "-g", "25", "-deadline", "realtime", "-c:a", "libopus", "-b:a", "32k"}
	run := func(tool string, args ...string) []byte {
		out, err := exec.CommandContext(t.Context(), tool, args...).Output()
		if err != nil {
			t.Fatalf("%s %v: %v", tool, args, err)
		}
		return out
	}
	files := map[string][]byte{
		"live.webm": run("ffmpeg", append(src, "-live", "1", "-f", "webm", "-")...),
		"pipe.mkv":  run("ffmpeg", append(src, "-f", "matroska", "-")...),
	}
	fragmented := func(name, movflags string, args ...string) {
		files[name] = run("ffmpeg", append(args, "-movflags", movflags, "-f", "mp4", "-")...)
	}
	avc := append(slices.Clone(src[:12]), "-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac", "-b:a", "64k")
	fragmented("keyframes.mp4", "frag_keyframe+empty_moov+default_base_moof", avc...)
	fragmented("offsets.mp4", "frag_keyframe+empty_moov", append(avc, "-frag_duration", "300000")...)
	fragmented("edited.mp4", "frag_every_frame+delay_moov+default_base_moof", avc...)
	fragmented("dash.mp4", "dash+frag_keyframe+delay_moov", avc...)
	fragmented("cmaf.mp4", "cmaf+frag_keyframe", avc...)
	fragmented("vp9.mp4", "frag_keyframe+empty_moov+default_base_moof", append(slices.Clone(src[:12]), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-c:a", "libopus")...)
	fragmented("sound.mp4", "frag_keyframe+empty_moov+default_base_moof", append(slices.Clone(src[6:10]), "-v", "error", "-t", "4", "-frag_duration", "200000", "-c:a", "aac")...)
	fragmented("flac.mp4", "empty_moov+default_base_moof", append(slices.Clone(src[6:10]), "-v", "error", "-t", "4", "-frag_duration", "200000", "-c:a", "flac", "-strict", "-2")...)
	seekable := filepath.Join(dir, "seekable.webm")
	run("ffmpeg", append(src, seekable)...)
	files["seekable.webm"], _ = os.ReadFile(seekable)
	audio := filepath.Join(dir, "audio.webm")
	run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "4", "-c:a", "libvorbis", audio)
	files["audio.webm"], _ = os.ReadFile(audio)
	if _, err := exec.LookPath("mkvmerge"); err == nil {
		merged := filepath.Join(dir, "merged.mkv")
		run("mkvmerge", "-q", "-o", merged, seekable)
		files["merged.mkv"], _ = os.ReadFile(merged)
		laced := filepath.Join(dir, "laced.mkv")
		run("mkvmerge", "-q", "-o", laced, audio)
		files["laced.mkv"], _ = os.ReadFile(laced)
	} else {
		t.Log("NOT TESTED: mkvmerge is not installed")
	}
	return files
}

func TestFilesOfOtherPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("encodes for seconds")
	}
	dir := t.TempDir()
	for name, data := range made(t, dir) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := parse(Sniff(data), data, whole, true)
			if src.err != nil {
				t.Fatal(src.err)
			}
			all := joins(t, data)
			if len(all) < 4 {
				t.Errorf("only %d places to join", len(all))
			}
			sameParts(t, src, parse(Sniff(data), data, every(13), true))
			for _, j := range all {
				j.sound(t, src)
			}
			file := filepath.Join(t.TempDir(), name)
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			whole := streamtest.Judge(t, file)
			n := 2
			if streamtest.Long() {
				n = 4
			}
			for _, j := range spread(all, n) {
				j.judged(t, src, whole)
			}
		})
	}
}

// TestRecorderChunks publishes every capture as its recorder cut it.
func TestRecorderChunks(t *testing.T) {
	for _, name := range recordings(t) {
		c := streamtest.Capture(t, name)
		format := Sniff(c.Data)
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{Run: "r", Format: format})
		mustWrite(t, p, c.Chunks...)
		s := streamOf(t, h, "x")
		src := parse(format, c.Data, whole, false)
		if got := int64(len(src.frames)); s.Parts.Load() != got || len(src.frames) < 300 {
			t.Errorf("%s: %d parts of %d frames", name, s.Parts.Load(), got)
		}
		// A recorder's clock agrees with the one that its chunks came by, give or take
		// a chunk.
		late := time.Second
		for i, at := range c.At[1:] {
			late = max(late, at-c.At[i])
		}
		if d := (p.Media() - c.At[len(c.At)-1]).Abs(); d > late {
			t.Errorf("%s: %v of media in %v", name, p.Media(), c.At[len(c.At)-1])
		}
		p.Drop()
		if n, known := mustPublish(t, h, "x", PublishOptions{Run: "r"}).Resumed(); n != int64(len(c.Chunks)) || !known {
			t.Errorf("%s: resumed at chunk %d of %d", name, n, len(c.Chunks))
		}
	}
}
