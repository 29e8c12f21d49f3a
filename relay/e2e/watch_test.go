package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// record opens the record page with the test's devices and returns when the
// file exists.
func record(b *browser, s *site, name string, tone int) *tab {
	b.t.Helper()
	p := b.newTab(fmt.Sprintf("window.testDevices = {tone: %d}", tone), script(b.t, "devices.js"))
	p.open(s.url + "/static/record.html?name=" + name)
	p.record()
	return p
}

// record clicks "Start recording" and returns when the file exists.
func (p *tab) record() {
	p.t.Helper()
	// By script: the list of devices may move the button away from under a mouse.
	eval[bool](p, `(document.getElementById("start").click(), true)`)
	p.until(`document.getElementById("state").getAttribute("data-state") === "recording"`)
}

// watch opens the watch page and returns when the picture moves.
func watch(b *browser, s *site, name string) *tab {
	b.t.Helper()
	p := watchFile(b, s, name+".webm")
	moving(p)
	return p
}

// watchFile opens the watch page and returns when it says that it plays.
func watchFile(b *browser, s *site, file string) *tab {
	b.t.Helper()
	p := b.newTab(script(b.t, "measure.js"))
	p.open(s.url + "/static/watch.html?url=/" + file)
	p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "playing"`)
	return p
}

// moving waits until two seconds of new media have been shown.
func moving(p *tab) {
	p.t.Helper()
	eval[bool](p, `(function () { window.movedFrom = document.querySelector("video").currentTime; return true; }())`)
	p.until(`Math.abs(document.querySelector("video").currentTime - window.movedFrom) > 2`)
}

// hears fails unless the sender's tone is 20 dB above anything else. A busy
// machine stutters: it listens again, a few times.
func hears(p *tab, tone int) {
	p.t.Helper()
	hearsIn(p, "video", tone)
}

// hearsIn is hears for one of several elements.
func hearsIn(p *tab, selector string, tone int) {
	p.t.Helper()
	best := -1.0
	for range 6 {
		db := eval[*float64](p, fmt.Sprintf(`measure.tone(document.querySelector(%q), %d, 30)`, selector, tone))
		if db != nil {
			best = max(best, *db)
		}
		if best >= 20 {
			p.t.Logf("the sender's tone is %.1f dB above the rest", best)
			return
		}
	}
	p.t.Fatalf("the sender's tone at %d Hz is %.1f dB above the rest; expected at least 20", tone, best)
}

// pipe publishes under one path what another plays, until the test is over.
func pipe(t *testing.T, s *site, from, to string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.url+from, nil)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			defer resp.Body.Close()
			req, _ = http.NewRequestWithContext(ctx, http.MethodPut, s.url+to, resp.Body)
			if resp, err = http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}
		if err != nil && ctx.Err() == nil {
			t.Errorf("from %s to %s: %v", from, to, err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

// One browser records, another plays the same URL: the picture advances and the
// sound is the sender's. That is also heard as Ogg, and what is published as Ogg as
// WebM.
func TestRecordAndWatch(t *testing.T) {
	s := serve(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	b := startChromium(t)
	p := watch(b, s, "alice")
	hears(p, 1000)
	late := watch(b, s, "alice") // joined in the middle
	hears(late, 1000)
	hears(watchFile(b, s, "alice.ogg"), 1000)
	pipe(t, s, "/alice.ogg", "/bob.ogg")
	untilLive(t, s.url+"/bob.webm")
	hears(watchFile(b, s, "bob.webm"), 1000)
}

// The sender's page is loaded again: a plain element, which nobody helps, goes on
// in the same response, and so does whoever keeps the bytes.
func TestSenderReloads(t *testing.T) {
	s := serve(t, relay.Options{})
	sender := record(startChromium(t), s, "alice", 1000)
	p := startChromium(t).newTab(script(t, "measure.js"))
	p.open(s.url + "/live") // a page without a player of its own
	eval[bool](p, `(function () {
		var v = document.createElement("video");
		window.seen = [];
		["ended", "error", "emptied"].forEach(function (n) { v.addEventListener(n, function () { window.seen.push(n); }); });
		document.body.appendChild(v);
		v.src = "/alice.webm?pad=60";
		v.play();
		return true;
	}())`)
	moving(p)
	body := s.follow(t, "/alice.webm")
	sender.reload()
	sender.record()
	moving(p)
	hears(p, 1000)
	if seen := eval[[]string](p, `window.seen`); len(seen) > 0 {
		t.Errorf("the element fired %v", seen)
	}
	eval[bool](sender, `(document.getElementById("stop").click(), true)`)
	j := streamtest.JudgeBytes(t, "body.webm", body())
	if len(j.Errors) > 0 {
		t.Errorf("ffmpeg complains of the whole body: %v", j.Errors)
	}
	j.Rises(t)
	t.Logf("ffmpeg decodes %d frames of both runs", len(j.Frames))
}

// The sender stops, or the server does: the element fires "ended", no error.
func TestStop(t *testing.T) {
	for _, who := range []string{"sender", "server"} {
		t.Run(who, func(t *testing.T) {
			s := serve(t, relay.Options{})
			sender := record(startChromium(t), s, "alice", 1000)
			p := watch(startChromium(t), s, "alice")
			eval[bool](p, `(function () {
				var v = document.querySelector("video");
				window.seen = [];
				["ended", "error"].forEach(function (n) { v.addEventListener(n, function () { window.seen.push(n); }); });
				return true;
			}())`)
			if who == "sender" {
				eval[bool](sender, `(document.getElementById("stop").click(), true)`)
			} else {
				s.stop()
			}
			p.until(`window.seen.length > 0`)
			if first := eval[string](p, `window.seen[0]`); first != "ended" {
				t.Errorf("the element fired %s first; expected ended", first)
			}
		})
	}
}

// Without a click the browser refuses to play sound: the page asks for a tap,
// and then it plays.
func TestTapToWatch(t *testing.T) {
	s := serve(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	b := startChromium(t, chromedp.Flag("autoplay-policy", "document-user-activation-required"))
	p := b.newTab()
	p.open(s.url + "/static/watch.html?url=/alice.webm")
	p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "tap"`)
	p.do(chromedp.Click(chromedp.ID("tap")))
	p.until(`everfile.page.watcher.stats().state === "playing"`)
	moving(p)
}
