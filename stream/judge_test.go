package stream

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// judged is what ffmpeg decodes of a file.
type judged struct {
	frames []decoded // in the order in which they were decoded
	errors map[string]int
}

// decoded is one picture, or one stretch of samples.
type decoded struct {
	stream int
	video  bool
	pts    time.Duration
	size   int
	crc    string
}

// judge decodes a file with ffmpeg. It never changes timestamps.
func judge(t testing.TB, file string) judged {
	t.Helper()
	need(t, "ffmpeg")
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-threads", "1", "-copyts", "-i", file, "-map", "0",
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc", "-")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	j := judged{errors: map[string]int{}}
	for line := range strings.Lines(errs.String()) {
		// "[opus @ 0x55d0] text": the address is another each time.
		if i := strings.Index(line, " @ 0x"); i > 0 {
			line = line[:i] + line[strings.Index(line, "]"):]
		}
		// Where a file ends says nothing about what is in it.
		if !strings.Contains(line, "File ended prematurely") {
			j.errors[strings.TrimSpace(line)]++
		}
	}
	tick := map[int]time.Duration{}
	kind := map[int]bool{}
	for sc := bufio.NewScanner(&out); sc.Scan(); {
		line := sc.Text()
		var n int
		var a, b int64
		var s string
		if _, err := fmt.Sscanf(line, "#tb %d: %d/%d", &n, &a, &b); err == nil {
			tick[n] = time.Duration(a) * time.Second / time.Duration(b)
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
		j.frames = append(j.frames, decoded{n, kind[n], time.Duration(pts) * tick[n], size, f[5]})
	}
	return j
}

// judgeBytes decodes what a listener got.
func judgeBytes(t testing.TB, name string, b []byte) judged {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return judge(t, file)
}

// span is what the source holds of one kind from a time on.
func (j judged) span(video bool, from time.Duration) (all []decoded) {
	for _, d := range j.frames {
		if d.video == video && d.pts >= from {
			all = append(all, d)
		}
	}
	return all
}

// holds compares a body with its source: the body begins at the source's time
// from (its sound, which may be interleaved late, at sound), and everything is
// shift later in it, give or take slack. The body must decode without a complaint
// that the source does not bring, and hold nearly all its pictures, bit for bit,
// and nearly all its sound.
func (src judged) holds(t testing.TB, body judged, from, sound, shift, slack time.Duration) {
	t.Helper()
	for line := range maps.Keys(body.errors) {
		if src.errors[line] == 0 {
			t.Errorf("ffmpeg complains: %s", line)
		}
	}
	for _, video := range []bool{true, false} {
		want, got := src.span(video, sound), body.span(video, -time.Hour)
		if video {
			want = src.span(video, from)
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
	if len(body.frames) == 0 {
		t.Error("ffmpeg finds nothing to decode")
	}
}

// key identifies a frame: a picture by its time and its pixels, sound by its
// time only, since a decoder that starts in the middle needs some packets to
// come to the same samples.
func key(d decoded, shift time.Duration) string {
	at := (d.pts - shift).Round(time.Millisecond)
	if d.video {
		return fmt.Sprint(at, d.crc)
	}
	return fmt.Sprint(at)
}

// rises demands that timestamps of each stream never go back; that two pictures
// have the same does occur in recordings.
func (j judged) rises(t testing.TB) {
	t.Helper()
	last := map[int]time.Duration{}
	for i, d := range j.frames {
		if at, ok := last[d.stream]; ok && d.pts < at {
			t.Errorf("frame %d, stream %d: %v after %v", i, d.stream, d.pts, at)
			return
		}
		last[d.stream] = d.pts
	}
}
