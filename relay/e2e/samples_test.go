package e2e

import (
	"context"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
	"time"

	"everfile/relay"
)

// toneIn is how far a tone is above all else in samples of 16 bits, in dB.
func toneIn(b []byte, hz float64, rate int) float64 {
	samples := make([]int16, len(b)/2)
	_, _ = binary.Decode(b, binary.LittleEndian, samples)
	var ss, cc, sc, ys, yc, all float64
	for i, v := range samples {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		y := float64(v)
		ss, cc, sc = ss+s*s, cc+c*c, sc+s*c
		ys, yc, all = ys+y*s, yc+y*c, all+y*y
	}
	det := ss*cc - sc*sc
	a, c := (ys*cc-yc*sc)/det, (yc*ss-ys*sc)/det
	tone := a*ys + c*yc
	return 10 * math.Log10(tone/(all-tone+1e-9))
}

// The README's line for a speech recogniser hears who records in a browser.
func TestRecogniserHears(t *testing.T) {
	need(t, "chromium", "curl", "ffmpeg")
	s := serve(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c",
		"curl -sN --max-time 30 '"+s.url+"/alice.wav?rate=16000&channels=1' | ffmpeg -v error -i - -t 6 -f s16le -")
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(out) != 6*2*16000 {
		t.Fatalf("%d bytes; expected %d", len(out), 6*2*16000)
	}
	// A busy machine's recorder stutters now and then: one good second is enough,
	// as all of it goes the same way.
	best := math.Inf(-1)
	for n := range 6 {
		best = max(best, toneIn(out[n*32000:(n+1)*32000], 1000, 16000))
	}
	t.Logf("the sender's tone is %.1f dB above the rest", best)
	if best < 20 {
		t.Errorf("the sender's tone is %.1f dB above the rest; expected at least 20", best)
	}
}
