package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// reported waits for what a page reports.
func reported(t *testing.T, reports <-chan played) played {
	t.Helper()
	select {
	case p := <-reports:
		if p.Error != "" {
			t.Fatalf("the page: %s", p.Error)
		}
		return p
	case <-time.After(2 * patience):
		t.Fatal("the page did not report")
	}
	return played{}
}

// firefoxSends has Firefox publish until the test ends.
func firefoxSends(t *testing.T, s *site, reports <-chan played, query url.Values) played {
	t.Helper()
	firefox(t, s.url+"/static/test/send.html?"+query.Encode())
	return reported(t, reports)
}

// packet is one of a file, in its order.
type packet struct {
	Kind  string `json:"codec_type"`
	At    string `json:"pts_time"`
	Flags string `json:"flags"`
}

// keyframes returns the times of a file's keyframes, and its last picture's, in s.
func keyframes(t *testing.T, body []byte) (keys []float64, end float64) {
	t.Helper()
	need(t, "ffprobe")
	file := filepath.Join(t.TempDir(), "body.webm")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_packets", "-of", "json", file).Output()
	var probed struct{ Packets []packet }
	if err == nil {
		err = json.Unmarshal(out, &probed)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range probed.Packets {
		if p.Kind != "video" {
			continue
		}
		if end, err = strconv.ParseFloat(p.At, 64); err != nil {
			t.Fatal(err)
		}
		if p.Flags[0] == 'K' {
			keys = append(keys, end)
		}
	}
	return keys, end
}

// judged demands that what was sent decodes without a complaint.
func judged(t *testing.T, body []byte) streamtest.Judged {
	t.Helper()
	j := streamtest.JudgeBytes(t, "body.webm", body)
	if len(j.Errors) > 0 {
		t.Errorf("ffmpeg complains: %v", j.Errors)
	}
	j.Rises(t)
	return j
}

// Firefox, whose recorder gives a keyframe in seven seconds, sends what its
// encoders give: Chromium and another Firefox see it move and hear it, and every
// second of it has a keyframe.
func TestFirefoxSends(t *testing.T) {
	need(t, "firefox-esr", "chromium", "ffmpeg")
	s, reports := serveWithPages(t, relay.Options{})
	sent := firefoxSends(t, s, reports, url.Values{"name": {"alice"}, "keyframes": {"500"}})
	if sent.Made != "encoder" || sent.Mime != "video/webm;codecs=vp8,opus" {
		t.Fatalf("Firefox sends by %s, %s", sent.Made, sent.Mime)
	}
	body := s.follow(t, "/alice.webm?mode=complete")
	look := url.Values{"url": {"/alice.webm"}, "tone": {"1000"}}
	firefox(t, s.url+"/static/test/listen.html?"+look.Encode())
	seen := map[string]played{"Firefox": reported(t, reports)}
	p := startChromium(t).newTab()
	p.open(s.url + "/static/test/listen.html?" + look.Encode())
	seen["Chromium"] = reported(t, reports)
	for who, p := range seen {
		t.Logf("%s is %.2f s behind live; %d stalls, %d reopens: %s", who, p.Behind, p.Stalls, p.Reopens, p.Said)
		if p.Played < 2 || p.Frames < 10 {
			t.Errorf("%s has shown %d pictures in %.1f s", who, p.Frames, p.Played)
		}
		p.heard(t)
	}
	s.stop()
	b := body()
	keys, end := keyframes(t, b)
	if n := int(end - keys[0]); len(keys) < n {
		t.Errorf("%d keyframes in %d s: %.1f", len(keys), n, keys)
	}
	t.Logf("%d keyframes in %.1f s", len(keys), end-keys[0])
	judged(t, b)
}

// The record page, with its policy, in Firefox.
func TestFirefoxRecordPage(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "ffmpeg")
	s, reports := serveWithPages(t, relay.Options{})
	firefox(t, s.url+"/static/test/recordpage.html?name=alice")
	if sent := reported(t, reports); sent.Made != "encoder" {
		t.Fatalf("the page sends by %s, %s", sent.Made, sent.Mime)
	}
	body := s.follow(t, "/alice.webm")
	s.stop()
	pictures, sounds := 0, 0
	for _, f := range judged(t, body()).Frames {
		if f.Video {
			pictures++
		} else {
			sounds++
		}
	}
	if pictures == 0 || sounds == 0 {
		t.Errorf("%d pictures and %d sounds", pictures, sounds)
	}
}

// A page that is hidden is shown no pictures, and sends them all the same.
func TestFirefoxHidden(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "ffmpeg")
	s, reports := serveWithPages(t, relay.Options{})
	if sent := firefoxSends(t, s, reports, url.Values{"name": {"alice"}, "hide": {"1"}}); sent.Made != "encoder" {
		t.Fatalf("Firefox sends by %s, %s", sent.Made, sent.Mime)
	}
	if p := reported(t, reports); p.Said != "hidden" {
		t.Fatalf("the page is %s", p.Said)
	}
	body := s.follow(t, "/alice.webm?mode=complete")
	if p := reported(t, reports); p.Said != "hidden" {
		t.Fatalf("the page is %s", p.Said)
	}
	s.stop()
	different, last := 0, ""
	for _, f := range judged(t, body()).Frames {
		if f.Video && f.CRC != last {
			different, last = different+1, f.CRC
		}
	}
	if different < 40 { // one that stands still is sent four times a second
		t.Errorf("%d pictures differ from the one before", different)
	}
	t.Logf("%d pictures differ from the one before", different)
}

// Where the encoder breaks, the recorder goes on in the same file.
func TestEncoderBreaks(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "ffmpeg", "curl")
	s, reports := serveWithPages(t, relay.Options{})
	body := launch(t, "curl", "-sN", s.url+"/alice.webm?wait=60s").all
	sent := firefoxSends(t, s, reports, url.Values{"name": {"alice"}, "breaks": {"40"}})
	if !strings.HasPrefix(sent.Made, "encoder recorder") { // a busy machine begins a third run
		t.Fatalf("Firefox sends by %s, %s", sent.Made, sent.Mime)
	}
	s.stop()
	keys, end := keyframes(t, body())
	if len(keys) < 2 || end-keys[len(keys)-1] < 0.3 {
		t.Errorf("keyframes at %.1f, the last picture at %.1f", keys, end)
	}
}

// Sound alone, from a browser without a MediaRecorder.
func TestFirefoxSendsSound(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "chromium")
	s, reports := serveWithPages(t, relay.Options{})
	sent := firefoxSends(t, s, reports, url.Values{"name": {"alice"}, "mime": {"audio/webm;codecs=opus"}, "without": {"MediaRecorder"}})
	if sent.Made != "encoder" || sent.Mime != "audio/webm;codecs=opus" {
		t.Fatalf("Firefox sends by %s, %s", sent.Made, sent.Mime)
	}
	p := startChromium(t).newTab()
	p.open(s.url + "/static/test/listen.html?" + url.Values{"url": {"/alice.webm"}, "tone": {"1000"}}.Encode())
	reported(t, reports).heard(t)
}

// Chromium's MediaRecorder gives keyframes when they are due, and is kept.
func TestChromiumKeepsItsRecorder(t *testing.T) {
	s, reports := serveWithPages(t, relay.Options{})
	p := startChromium(t).newTab()
	for without, want := range map[string]string{"": "recorder", "MediaRecorder": "encoder"} {
		p.open(s.url + "/static/test/send.html?" + url.Values{"name": {"alice" + without}, "without": {without}}.Encode())
		if sent := reported(t, reports); sent.Made != want {
			t.Errorf("without %q Chromium sends by %s, expected %s", without, sent.Made, want)
		}
	}
}
