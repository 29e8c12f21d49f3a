package relay

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// judge has ffmpeg decode a body, demands that it finds nothing wrong and that
// each track's timestamps rise, and returns how many frames there are.
func judge(t testing.TB, b []byte) (frames int) {
	t.Helper()
	need(t, "ffmpeg")
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(patient(t), "ffmpeg", "-v", "error", "-i", file, "-map", "0",
		"-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "framecrc", "-")
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Errorf("ffmpeg: %v\n%.2000s", err, &complaints)
	}
	last := map[string]int{}
	for line := range strings.Lines(out.String()) {
		f := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(f) < 6 {
			continue
		}
		frames++
		at, err := strconv.Atoi(strings.TrimSpace(f[2]))
		if before, later := last[f[0]]; err != nil || later && before >= at {
			t.Errorf("track %s goes on at %d after %d (%v)", f[0], at, before, err)
		}
		last[f[0]] = at
	}
	return frames
}
