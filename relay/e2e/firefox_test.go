package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// firefoxPrefs make a real Firefox that has fake devices, no sound card, and no
// RTCPeerConnection.
const firefoxPrefs = `
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("media.cubeb.force_mock_context", true);
user_pref("media.peerconnection.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutConfig.showWarning", false);
user_pref("dom.disable_open_during_load", false);
`

// played is what testdata/pages/play.html reports.
type played struct {
	Error  string
	Start  float64 // ms until it played
	Played float64 // s of media
	Frames int
	Tone   *float64 // dB above everything else

	Colour string // of img.html: what its images show
	// Of send.html: what recorded, and as what.
	Made, Mime string

	// Of listen.html: s behind live, ms from glass to glass and from mouth to ear (-1
	// without the devices of devices.js), medians; and what the player did.
	Behind, Glass, Ear     float64
	Beeps, Stalls, Reopens int
	Said                   string

	// Of joins.html: what went wrong with the untouched file, and with each join.
	Control string
	Joins   []string
}

// serveWithPages is serve with testdata/pages under /static/test/, and what
// pages report on the channel.
func serveWithPages(t *testing.T, o relay.Options) (*site, <-chan played) {
	t.Helper()
	s := serve(t, o)
	reports := make(chan played, 16)
	mux := http.NewServeMux()
	mux.Handle("/", s.server)
	mux.Handle("/static/test/", http.StripPrefix("/static/test/", http.FileServer(http.Dir(filepath.Join("..", "..", "testdata", "pages")))))
	mux.Handle("/static/test/captures/", http.StripPrefix("/static/test/captures/", http.FileServer(http.Dir(filepath.Join("..", "..", "testdata", "captures")))))
	mux.HandleFunc("POST /static/test/report", func(w http.ResponseWriter, r *http.Request) {
		var p played
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Errorf("report: %v", err)
		}
		reports <- p
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Serve(ln) }()
	t.Cleanup(func() { h.Close(); <-done })
	return &site{url: "http://" + ln.Addr().String(), server: s.server, stop: s.stop}, reports
}

// firefox opens a page in a process of its own; its profile and all its
// processes end with the test. It returns the first one's id.
func firefox(t *testing.T, page string) int {
	t.Helper()
	need(t, "firefox-esr")
	dir, err := os.MkdirTemp("", "everfile-firefox")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(firefoxPrefs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("firefox-esr", "--headless", "--no-remote", "--profile", dir, page)
	cmd.Env = append(os.Environ(), "HOME="+dir, "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		_ = os.RemoveAll(dir) // its last children may still be writing
	})
	return cmd.Process.Pid
}

// firefoxPlays has Firefox play a URL and returns its report.
func firefoxPlays(t *testing.T, s *site, reports <-chan played, query url.Values) played {
	t.Helper()
	firefox(t, s.url+"/static/test/play.html?"+query.Encode())
	select {
	case p := <-reports:
		if p.Error != "" {
			t.Fatalf("Firefox: %s", p.Error)
		}
		return p
	case <-time.After(2 * patience):
		t.Fatal("Firefox did not report")
	}
	return played{}
}

// heard fails unless the report's tone is 20 dB above anything else.
func (p played) heard(t *testing.T) {
	t.Helper()
	if p.Tone == nil || *p.Tone < 20 {
		t.Fatalf("the sender's tone is not 20 dB above the rest: %+v", p)
	}
	t.Logf("started after %.0f ms, tone %.1f dB above the rest, %d frames in %.1f s", p.Start, *p.Tone, p.Frames, p.Played)
}

// Firefox plays what Chromium records.
func TestFirefoxWatches(t *testing.T) {
	need(t, "firefox-esr")
	s, reports := serveWithPages(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	p := firefoxPlays(t, s, reports, url.Values{"url": {"/alice.webm?pad=60"}, "tone": {"1000"}})
	if p.Frames == 0 {
		t.Errorf("no frames: %+v", p)
	}
	p.heard(t)
}

// wavFile makes a file of a tone.
func wavFile(t *testing.T, codec string, hz, rate, channels int) string {
	t.Helper()
	need(t, "ffmpeg")
	file := filepath.Join(t.TempDir(), "tone.wav")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=frequency="+itoa(hz)+":sample_rate="+itoa(rate)+":duration=60",
		"-af", "volume=12dB", "-ac", itoa(channels), "-c:a", codec, file)
	return file
}

// push runs the product's own publisher, again and again if loop, until the
// test ends.
func push(t *testing.T, file, to string, loop bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := relay.Push(ctx, relay.PushOptions{File: file, URL: to, Loop: loop, Stderr: new(strings.Builder)})
		if ctx.Err() == nil && (loop || err != nil) {
			t.Errorf("push: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// A WAV file is heard in both browsers, whatever its samples are. Chromium wants
// 229,000 bytes of it first, so the thin ones are for whoever has time.
func TestWAVInBrowsers(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "chromium", "ffmpeg")
	b := startChromium(t)
	type samples struct {
		codec          string
		rate, channels int
	}
	kinds := []samples{{"pcm_s16le", 48000, 2}}
	if streamtest.Long() {
		kinds = append(kinds, samples{"pcm_f32le", 48000, 2}, samples{"pcm_s16le", 48000, 1}, samples{"pcm_s24le", 44100, 2}, samples{"pcm_s32le", 48000, 2},
			samples{"pcm_u8", 16000, 1}) // 64-bit floats Chromium does not play even as a plain file
	}
	for _, c := range kinds {
		t.Run(fmt.Sprintf("%s/%d/%d", c.codec, c.rate, c.channels), func(t *testing.T) {
			s, reports := serveWithPages(t, relay.Options{})
			push(t, wavFile(t, c.codec, 880, c.rate, c.channels), s.url+"/tone.wav", true)
			p := (&browser{t: t, ctx: b.ctx}).newTab(script(t, "measure.js"))
			p.open(s.url + "/static/watch.html?url=/tone.wav")
			p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "playing"`)
			moving(p)
			hears(p, 880)
			firefoxPlays(t, s, reports, url.Values{"url": {"/tone.wav"}, "tag": {"audio"}, "tone": {"880"}}).heard(t)
		})
	}
}
