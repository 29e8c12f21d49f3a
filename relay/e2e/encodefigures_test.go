package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"everfile/relay"
)

// spent returns the processor time that a process and those it started have used.
func spent(t *testing.T, pid int) time.Duration {
	t.Helper()
	const ticks = 100 // a second
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	parent, used := map[int]int{}, map[int]int{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		id, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		parent[id], _ = strconv.Atoi(f[1])
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		used[id] = user + system
	}
	sum := 0
	for id, n := range used {
		for up := id; up > 1; up = parent[up] {
			if up == pid {
				sum += n
				break
			}
		}
	}
	return time.Duration(sum) * time.Second / ticks
}

// TestSenders compares the two ways to send: each browser reads the time that is
// painted into the sender's picture, and hears its seconds beep. It is for a quiet
// machine.
func TestSenders(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "chromium")
	const sound = "audio/webm;codecs=opus"
	for _, c := range []struct{ engine, how, without, mime string }{
		{"Firefox", "encoder", "", ""}, {"Firefox", "recorder", "AudioEncoder", ""}, {"Chromium", "encoder", "MediaRecorder", ""}, {"Chromium", "recorder", "", ""},
		{"Firefox", "encoder", "MediaRecorder", sound}, {"Firefox", "recorder", "", sound},
	} {
		t.Run(c.engine+" by its "+c.how+" "+c.mime, func(t *testing.T) {
			s, reports := serveWithPages(t, relay.Options{})
			page := s.url + "/static/test/send.html?" + url.Values{
				"name": {"alice"}, "keyframes": {"500"}, "without": {c.without}, "mime": {c.mime}, "devices": {`{"beeps":true}`},
			}.Encode()
			pid := 0
			if c.engine == "Firefox" {
				pid = firefox(t, page)
			} else {
				b := startChromium(t)
				pid = chromedp.FromContext(b.ctx).Browser.Process().Pid
				b.newTab().open(page)
			}
			if sent := reported(t, reports); sent.Made != c.how {
				t.Fatalf("it sends by %s", sent.Made)
			}
			for _, listener := range []string{"Chromium", "Firefox"} {
				t.Run("to "+listener, func(t *testing.T) {
					look := s.url + "/static/test/listen.html?" + url.Values{"url": {"/alice.webm"}, "seconds": {"30"}, "settle": {"8"}, "beeps": {"1"}}.Encode()
					before, began := spent(t, pid), time.Now()
					if listener == "Firefox" {
						firefox(t, look)
					} else {
						startChromium(t).newTab().open(look)
					}
					var p played
					select {
					case p = <-reports:
					case <-time.After(2 * patience):
						t.Logf("nothing is seen in %v", 2*patience)
						return
					}
					cpu := (spent(t, pid) - before).Seconds() / time.Since(began).Seconds()
					load, _ := os.ReadFile("/proc/loadavg")
					t.Logf("glass to glass %.0f ms, mouth to ear %.0f ms (%d beeps), behind %.2f s, start %.0f ms, %d pictures, %d stalls, %d reopens; the sender's CPU %.0f %%; load %s",
						p.Glass, p.Ear, p.Beeps, p.Behind, p.Start, p.Frames, p.Stalls, p.Reopens, 100*cpu, strings.TrimSpace(string(load)))
				})
			}
		})
	}
}
