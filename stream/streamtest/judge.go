package streamtest

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Judged is what ffmpeg decodes of a file.
type Judged struct {
	Frames []Frame // in the order in which they were Frame
	Errors map[string]int
}

// Frame is one picture, or one stretch of samples.
type Frame struct {
	Stream int
	Video  bool
	PTS    time.Duration
	Size   int
	CRC    string
}

// Judge decodes a file with ffmpeg. It never changes timestamps.
func Judge(t testing.TB, file string) Judged {
	t.Helper()
	Need(t, "ffmpeg")
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-threads", "1", "-copyts", "-i", file, "-map", "0",
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc", "-")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	j := Judged{Errors: map[string]int{}}
	for line := range strings.Lines(errs.String()) {
		// "[opus @ 0x55d0] text": the address is another each time.
		if i := strings.Index(line, " @ 0x"); i > 0 {
			line = line[:i] + line[strings.Index(line, "]"):]
		}
		// Where a file ends says nothing about what is in it.
		if !strings.Contains(line, "File ended prematurely") {
			j.Errors[strings.TrimSpace(line)]++
		}
	}
	tick := map[int]float64{} // nanoseconds
	kind := map[int]bool{}
	for sc := bufio.NewScanner(&out); sc.Scan(); {
		line := sc.Text()
		var n int
		var a, b int64
		var s string
		if _, err := fmt.Sscanf(line, "#tb %d: %d/%d", &n, &a, &b); err == nil {
			tick[n] = float64(a) * 1e9 / float64(b)
		} else if _, err := fmt.Sscanf(line, "#media_type %d: %s", &n, &s); err == nil {
			kind[n] = s == "video"
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, ",")
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if len(f) < 6 {
			t.Fatalf("ffmpeg wrote %q", line)
		}
		n, _ = strconv.Atoi(f[0])
		pts, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			continue // NOPTS
		}
		size, _ := strconv.Atoi(f[4])
		j.Frames = append(j.Frames, Frame{n, kind[n], time.Duration(math.Round(float64(pts) * tick[n])), size, f[5]})
	}
	return j
}

// JudgeBytes decodes what a listener got.
func JudgeBytes(t testing.TB, name string, b []byte) Judged {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return Judge(t, file)
}

// Span is what the source holds of one kind from a time on.
func (j Judged) Span(video bool, from time.Duration) (all []Frame) {
	for _, d := range j.Frames {
		if d.Video == video && d.PTS >= from {
			all = append(all, d)
		}
	}
	return all
}

// Holds compares a body with its source: the body begins at the source's time
// from (its sound, which may be interleaved late, at sound), and everything is
// shift later in it, give or take slack. The body must decode without a complaint
// that the source does not bring, and hold nearly all its pictures, bit for bit,
// and nearly all its sound.
func (src Judged) Holds(t testing.TB, body Judged, from, sound, shift, slack time.Duration) {
	t.Helper()
	for line := range maps.Keys(body.Errors) {
		if src.Errors[line] == 0 {
			t.Errorf("ffmpeg complains: %s", line)
		}
	}
	for _, video := range []bool{true, false} {
		want, got := src.Span(video, sound), body.Span(video, -time.Hour)
		if video {
			want = src.Span(video, from)
		}
		found := map[string]int{}
		for _, d := range got {
			found[key(d, shift)]++
		}
		missing := 0
	frames:
		for _, d := range want {
			for off := -slack; off <= slack; off += time.Millisecond {
				if k := key(d, off); found[k] > 0 {
					found[k]--
					continue frames
				}
			}
			missing++
		}
		// A decoder that starts in the middle cuts its first packet short.
		if missing > max(1, len(want)/20) {
			t.Errorf("video %t: %d of %d frames of the source are missing", video, missing, len(want))
		}
		if len(got) > len(want)+3 {
			t.Errorf("video %t: %d frames, the source has %d", video, len(got), len(want))
		}
	}
	if len(body.Frames) == 0 {
		t.Error("ffmpeg finds nothing to decode")
	}
}

// key identifies a frame: a picture by its time and its pixels, sound by its
// time only, since a decoder that starts in the middle needs some packets to
// come to the same samples.
func key(d Frame, shift time.Duration) string {
	at := (d.PTS - shift).Round(time.Millisecond)
	if d.Video {
		return fmt.Sprint(at, d.CRC)
	}
	return fmt.Sprint(at)
}

// Rises demands that timestamps of each stream never go back; that two pictures
// have the same does occur in recordings.
func (j Judged) Rises(t testing.TB) {
	t.Helper()
	last := map[int]time.Duration{}
	for i, d := range j.Frames {
		if at, ok := last[d.Stream]; ok && d.PTS < at {
			t.Errorf("frame %d, stream %d: %v after %v", i, d.Stream, d.PTS, at)
			return
		}
		last[d.Stream] = d.PTS
	}
}
