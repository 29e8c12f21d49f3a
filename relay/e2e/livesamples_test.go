package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// TestLiveSamples records in a browser for a minute, with three gaps, and compares what
// listeners of .wav got with what libopus makes of the bytes that listeners of .webm got.
func TestLiveSamples(t *testing.T) {
	long(t)
	need(t, "chromium", "ffmpeg", "ffprobe")
	s := serve(t, relay.Options{})
	p := startChromium(t).newTab("window.testDevices = {beeps: true}", script(t, "devices.js"))
	page := s.url + "/static/record.html?name=alice"
	p.open(page)
	p.record()
	whole := s.follow(t, "/alice.webm?mode=complete&tracks=audio")
	full, low := s.follow(t, "/alice.wav?mode=complete&bits=32f"), s.follow(t, "/alice.wav?mode=complete&rate=16000&bits=32f")
	for _, gap := range []time.Duration{500 * time.Millisecond, 2 * time.Second, 6 * time.Second} {
		rest(p, 13*time.Second)
		p.open(s.url + "/live")
		rest(p, gap)
		p.open(page)
		p.record()
	}
	rest(p, 13*time.Second)
	eval[bool](p, `(document.getElementById("stop").click(), true)`)

	body := whole()
	segments := liveSegments(t, kept(t, "body.webm", body))
	if len(segments) != 4 {
		t.Fatalf("%d pieces without a gap; expected 4", len(segments))
	}
	const head = 58 // bytes of a header for floats
	fine, coarse := streamtest.Floats(full()[head:]), streamtest.Floats(low()[head:])
	at := 0
	var first, last int
	for i, g := range segments {
		// Whoever joins in the middle needs a moment to come to the same samples, and so
		// does a decoder that goes on, in ffmpeg, where another begins anew, in ours.
		const skip, piece = 48000, 48000
		about := at + skip
		if i > 0 {
			about += int((g.time - segments[i-1].time).Seconds() * 48000)
		}
		within := 24000
		if i == 0 {
			within = 72000
		}
		place := streamtest.Find(g.pcm[skip:skip+piece], fine, about, within)
		at = place - skip
		off := at - int(math.Round(g.time.Seconds()*48000))
		if last = off; i == 0 {
			first = off
		}
		got := fine[place:]
		want := g.pcm[skip : len(g.pcm)-4800]
		db := streamtest.Ratio(want, got)
		// The nearest sample at 16 kHz may be a third of one off: begin where it is not.
		shift := (3 - place%3) % 3
		below := streamtest.LowRatio(want[shift:], coarse[(place+shift)/3:], 48000, 16000, 6000)
		t.Logf("piece %d, %.1f s at %.3f s: %.1f dB, at 16 kHz %.1f dB below 6 kHz; %+.1f ms from its time", i, float64(len(g.pcm))/48000, g.time.Seconds(), db, below, float64(off-first)/48)
		if db < 40 || below < 40 {
			t.Error("that is not the same sound")
		}
	}
	if drift := float64(last-first) / 48; math.Abs(drift) > 20 {
		t.Errorf("after the last gap it is %.1f ms from its time", drift)
	}
	length, due := float64(len(fine)-(first+int(segments[0].time.Seconds()*48000)))/48000, 0.0
	end := segments[3]
	due = end.time.Seconds() - segments[0].time.Seconds() + float64(len(end.pcm))/48000
	t.Logf("from the first sample that both have: %.3f s of WAV, %.3f s by the timestamps", length, due)
	if math.Abs(length-due) > 0.020 {
		t.Error("that is not the same length")
	}
}

// liveSegment is sound without a gap in it, as libopus decodes it.
type liveSegment struct {
	time time.Duration // of its first packet
	pcm  []float32     // at 48 kHz
}

// liveSegments decodes a WebM of Opus and cuts it where timestamps jump.
func liveSegments(t *testing.T, file string) (all []liveSegment) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", "a", "-show_packets", "-show_entries", "packet=pts_time,data", "-show_data", "-of", "json", file).Output()
	var probed struct {
		Packets []struct {
			Time string `json:"pts_time"`
			Data string `json:"data"`
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &probed)
	}
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	raw := filepath.Join(t.TempDir(), "pcm")
	run(t, "ffmpeg", "-v", "error", "-c:a", "libopus", "-i", file, "-map", "0:a:0", "-f", "f32le", raw)
	pcm := streamtest.Floats([]byte(run(t, "cat", raw)))
	var next time.Duration
	var rows []string
	for i, q := range probed.Packets {
		v, err := strconv.ParseFloat(q.Time, 64)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Duration(v * float64(time.Second))
		n := opusSamples(t, q.Data)
		if i == 0 || at-next > 100*time.Millisecond {
			all = append(all, liveSegment{time: at})
			next = at
			rows = append(rows, fmt.Sprintf("%.3f", v))
		}
		g := &all[len(all)-1]
		n = min(n, len(pcm))
		g.pcm, pcm = append(g.pcm, pcm[:n]...), pcm[n:]
		next += time.Duration(n) * time.Second / 48000
	}
	t.Logf("%d packets; pieces begin at %s; %d samples are left", len(probed.Packets), strings.Join(rows, ", "), len(pcm))
	return all
}

// opusSamples is how long a packet lasts (RFC 6716, section 3.1), by ffprobe's dump of it.
func opusSamples(t *testing.T, dump string) int {
	t.Helper()
	// "\n00000000: 7b83 ...": the first bytes stand behind the offset.
	_, hex, ok := strings.Cut(dump, ": ")
	b, err := strconv.ParseUint(strings.ReplaceAll(hex[:min(len(hex), 5)], " ", ""), 16, 16)
	if !ok || err != nil {
		t.Fatalf("a packet %.30q: %v", dump, err)
	}
	toc, second := byte(b>>8), byte(b)
	var frame int
	switch c := toc >> 3; {
	case c < 12:
		frame = []int{480, 960, 1920, 2880}[c&3]
	case c < 16:
		frame = []int{480, 960}[c&1]
	default:
		frame = 120 << (c & 3)
	}
	switch toc & 3 {
	case 0:
		return frame
	case 3:
		return frame * int(second&63)
	}
	return 2 * frame
}
