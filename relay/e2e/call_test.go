package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"everfile/relay"
	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

const (
	aliceTone = 1000
	bobTone   = 1400
)

// Two browsers without RTCPeerConnection: one calls, the other accepts, both see
// and hear the other; everything that the buttons of a call do; and the call's
// files, which end with it.
func TestCall(t *testing.T) {
	need(t, "curl", "ffmpeg")
	wholeCall(t, serve(t, relay.Options{}))
}

// The same where WebSockets send text only, and where none gets through.
func TestCallByOtherWires(t *testing.T) {
	long(t)
	need(t, "curl", "ffmpeg")
	t.Run("base64", func(t *testing.T) { wholeCall(t, serve(t, relay.Options{}), textOnly) })
	t.Run("events and POST", func(t *testing.T) {
		far, proxy := serve(t, relay.Options{}).narrowed(t)
		wholeCall(t, far)
		if proxy.lines.Load() < 2 || proxy.chunks.Load() < 40 {
			t.Errorf("the proxy has passed %d lines and %d POSTs of chunks on", proxy.lines.Load(), proxy.chunks.Load())
		}
	})
}

func wholeCall(t *testing.T, s *site, more ...string) {
	a := caller(startChromium(t), s, "alice", aliceTone, more...)
	b := caller(startChromium(t), s, "bob", bobTone, more...)
	connect(a, b, "alice", "bob")
	sees(a)
	sees(b)
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)

	own, other := a.file("own-url"), a.file("other-url")
	if b.file("own-url") != other || b.file("other-url") != own {
		t.Errorf("alice shows %s and %s, bob %s and %s", own, other, b.file("own-url"), b.file("other-url"))
	}
	bodies := map[string]func() []byte{}
	for _, url := range []string{own, other} {
		bodies[url] = launch(t, "curl", "-sN", url).all // comes back when the file ends
	}
	b.says("#listeners", "2 listen to your file")
	for _, list := range []string{"/live", "/api/streams"} {
		if body := s.get(t, list); strings.Contains(body, "call-") || strings.Contains(body, "alice") {
			t.Errorf("%s tells of the call: %s", list, body)
		}
	}

	a.click("#mute")
	silent(b, aliceTone)
	b.until(`!document.getElementById("other-muted").hidden`)
	a.click("#mute")
	hearsOther(b, aliceTone)
	a.click("#camera")
	b.says("#cover-text", "alice has switched the camera off.")
	plays(b)
	plays(b)
	hearsOther(b, aliceTone)
	a.click("#camera")
	sees(b)

	a.click("#chat-button")
	a.write("<b>Hello</b> bob")
	b.says("#messages", "<b>Hello</b> bob")

	b.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
	a.says("#outcome", "bob hung up")
	for url, body := range bodies {
		j := streamtest.JudgeBytes(t, "side.webm", body())
		if len(j.Errors) > 0 || len(j.Frames) < 100 {
			t.Errorf("%s: ffmpeg reads %d frames and complains of %v", url, len(j.Frames), j.Errors)
		}
		j.Rises(t)
		gone(t, url)
	}
}

// Without the flag that lets everything play: a page that was clicked, and one
// that was loaded again in the call.
func TestCallWithoutAutoplay(t *testing.T) {
	s := serve(t, relay.Options{})
	strict := chromedp.Flag("autoplay-policy", "document-user-activation-required")
	a := caller(startChromium(t, strict), s, "alice", aliceTone)
	b := caller(startChromium(t, strict), s, "bob", bobTone)
	a.do(chromedp.Click(`#people [data-caller="bob"] .call-video`))
	b.state("ringing")
	b.until(`document.body.className !== "fresh"`) // before, no finger is meant for it
	b.do(chromedp.Click("#accept"))
	sees(a)
	sees(b)
	// Nothing here captures, so what is refused is the element itself.
	b.reload()
	b.state("talking")
	b.until(`document.getElementById("other").currentTime > 0 || !document.getElementById("tap").hidden`)
	if eval[bool](b, `!document.getElementById("tap").hidden`) {
		b.focus("#tap")
		b.do(chromedp.Click("#tap"))
	}
	sees(b)
}

// How calls end that were never talked in.
func TestCallsThatDoNotHappen(t *testing.T) {
	s := serve(t, relay.Options{Calls: calls.Options{Ring: 4 * time.Second, Reload: time.Second}})
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	b := caller(chrome, s, "bob", bobTone)
	c := caller(chrome, s, "carol", 1200)

	a.calls("bob", "voice")
	b.click("#refuse")
	a.state("idle")
	a.says("#outcome", "bob refused.")

	a.calls("bob", "voice")
	b.state("ringing")
	a.click("#cancel")
	b.state("idle")
	b.says("#outcome", "You missed a call from alice.")
	a.nothingLeft()

	a.calls("bob", "voice")
	b.state("ringing")
	a.state("idle")
	a.says("#outcome", "No answer.")
	b.says("#outcome", "You missed a call from alice.")

	connect(a, b, "alice", "bob")
	c.until(`document.querySelector("#people [data-caller=bob] .call-voice").disabled`)
	eval[bool](c, `(everfile.page.calls.call("bob", false), true)`) // as if clicked a moment before
	c.says("#outcome", "bob is in another call.")
	a.click("#hangup")
	b.state("idle")

	a.calls("bob", "video")
	b.state("ringing")
	b.close()
	a.says("#outcome", "bob is gone")
	a.state("idle")
}

// Both press the button: one call.
func TestBothAtOnce(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	a.until(`document.querySelector("#people [data-caller=bob]")`)
	b.until(`document.querySelector("#people [data-caller=alice]")`)
	// One of them may be too late for that: then it rings there, and is accepted.
	at := time.Now().Add(300 * time.Millisecond).UnixMilli()
	for p, other := range map[*tab]string{a: "bob", b: "alice"} {
		eval[bool](p, fmt.Sprintf(`(setTimeout(function () {
			document.querySelector("#people [data-caller=%s] .call-video").click();
			(function look() {
				if (document.body.getAttribute("data-state") === "ringing") { document.getElementById("accept").click(); }
				setTimeout(look, 50);
			}());
		}, %d - Date.now()), true)`, other, at))
	}
	for _, p := range []*tab{a, b} {
		p.state("talking")
		sees(p)
	}
	a.click("#hangup")
	b.state("idle")
}

// A page that is loaded again in the call is in the call again, muted if it was.
func TestReloadInTheCall(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	sees(a)
	url := a.file("other-url")
	b.click("#mute")
	b.reload()
	b.state("talking")
	sees(b)
	sees(a)
	b.until(`document.getElementById("mute").getAttribute("aria-pressed") === "true"`)
	a.until(`!document.getElementById("other-muted").hidden`)
	silent(a, bobTone)
	b.click("#mute")
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
	if now := a.file("other-url"); now != url {
		t.Errorf("bob's file was %s and is %s", url, now)
	}
	a.click("#hangup")
	b.state("idle")
}

// Call after call, nothing is left of them.
func TestTenCalls(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	b := caller(chrome, s, "bob", bobTone)
	for i := range 10 {
		from, to, names := a, b, []string{"alice", "bob"}
		if i%2 == 1 {
			from, to, names = b, a, []string{"bob", "alice"}
		}
		connect(from, to, names[0], names[1])
		plays(to)
		url := from.file("own-url")
		to.click("#hangup")
		for _, p := range []*tab{a, b} {
			p.state("idle")
			p.nothingLeft()
		}
		gone(t, url)
	}
	if n := s.server.Hub().Names(); len(n) != 0 {
		t.Errorf("entries are left: %v", n)
	}
	if n := s.server.Hub().Memory(); n != 0 {
		t.Errorf("%d bytes of parts are left", n)
	}
}

// What a loudspeaker gives back to its microphone does not go round: one hears
// oneself far below what was sent, and no louder after a while.
func TestEcho(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := callerWith(startChromium(t), s, "alice", `{tone: 1000, feedback: -12}`)
	b := callerWith(startChromium(t), s, "bob", `{tone: 1400, feedback: -12}`)
	connect(a, b, "alice", "bob")
	sees(a)
	sees(b)
	hear := func() float64 {
		return eval[float64](a, `measure.level(document.getElementById("other"), 1000, 2)`)
	}
	hear() // the gates find their places
	first, then := hear(), hear()
	t.Logf("alice hears herself %.1f dB below what she said, then %.1f dB", first, then)
	if first > -25 || then > first+3 {
		t.Errorf("alice hears herself at %.1f dB, then at %.1f dB of what she said; expected less than -25 and no growth", first, then)
	}
	eval[bool](a, `(document.getElementById("headphones").click(), true)`)
	if loud := hear(); loud < first+8 {
		t.Errorf("with \"I wear headphones\" she hears herself at %.1f dB, before at %.1f dB: nothing was turned down before", loud, first)
	}
}

// A browser's page is told the code and the sentence with which the server
// closes; and of two windows of one caller the newer goes on.
func TestTwoWindows(t *testing.T) {
	s := serve(t, relay.Options{})
	b := startChromium(t)
	a := caller(b, s, "alice", aliceTone)
	got := eval[string](a, `new Promise(function (done) {
		new WebSocket(location.href.replace("http", "ws") + "alice.xyz").onclose = function (e) { done(e.code + " " + e.reason); };
	})`)
	if !strings.HasPrefix(got, `4404 Unknown extension ".xyz"`) {
		t.Errorf("a page is told %q", got)
	}
	kept := eval[string](a, `JSON.stringify(sessionStorage)`)
	again := b.newTab(old, `if (!sessionStorage.length) { Object.assign(sessionStorage, `+kept+`); }`)
	again.open(s.url + "/")
	again.state("idle")
	a.until(`document.body.textContent.indexOf("You are online in another tab now") >= 0`)
	bob := caller(b, s, "bob", bobTone)
	bob.calls("alice", "voice")
	again.state("ringing")
	if state := eval[string](a, `document.body.getAttribute("data-state")`); state == "ringing" {
		t.Error("it rings in the older window too")
	}
}
