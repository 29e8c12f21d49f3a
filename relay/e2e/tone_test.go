package e2e

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	toneRate   = 8000
	toneWindow = toneRate / 20 // samples that are looked at together: 50 ms
)

// lasts returns for how long a tone is in what was said, ten times as strong as
// all else, by ffmpeg's decoding.
func lasts(t *testing.T, body []byte, hz float64) time.Duration {
	t.Helper()
	need(t, "ffmpeg")
	file := filepath.Join(t.TempDir(), "said.webm")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	pcm, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "quiet", "-i", file, "-vn", "-ac", "1", "-ar", "8000", "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; len(pcm) >= 2*toneWindow; pcm = pcm[2*toneWindow:] {
		if tonal(pcm[:2*toneWindow], hz) {
			n++
		}
	}
	return time.Duration(n) * toneWindow * time.Second / toneRate
}

// tonal reports whether a tone has ten elevenths of the power of 16-bit samples.
func tonal(pcm []byte, hz float64) bool {
	var all, re, im float64
	for i := range len(pcm) / 2 {
		x := float64(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / toneRate)
		all += x * x
		re += x * cos
		im += x * sin
	}
	n := float64(len(pcm) / 2)
	tone := 2 * (re*re + im*im) / n // the power times n of a tone of that size
	return all/n > 100 && tone > all*10/11
}
