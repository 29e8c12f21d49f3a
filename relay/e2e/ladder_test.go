package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"everfile/relay"
)

// noRecorder takes from a browser all that encodes.
const noRecorder = `delete window.MediaRecorder; delete window.VideoEncoder; delete window.AudioEncoder;`

// seesPictures waits until the other's picture moves, which comes one JPEG after the
// other: three times that are painted in it.
func seesPictures(p *tab) {
	p.t.Helper()
	eval[bool](p, `(window.clocks = [], true)`)
	p.until(`(function () {
		var c = measure.clock(document.getElementById("other-picture"));
		if (clocks.indexOf(c) < 0) { clocks.push(c); }
		return clocks.length > 3 && document.getElementById("cover").className === "cover clear";
	}())`)
}

// late returns how old the picture is that is seen, and how far the sound is behind
// live, in s.
func late(p *tab) (picture, sound float64) {
	p.t.Helper()
	p.until(`(window.lastBehind = everfile.page.phone.stats().play.map((f) => f.behind).filter((b) => b !== null)[0]) !== undefined`)
	return eval[float64](p, `((Date.now() - measure.clock(document.getElementById("other-picture"))) % 4294967296 + 4294967296) % 4294967296 / 1000`),
		eval[float64](p, `lastBehind`)
}

// formats is what a page publishes and plays, as its server told it.
func (p *tab) formats() string {
	p.t.Helper()
	return eval[string](p, `(function (s) { return [s.publish, s.play].map((l) => l.map((f) => f.mime).join(" + ")).join(" | "); }(everfile.page.phone.stats()))`)
}

func (p *tab) hasFormats(want string) {
	p.t.Helper()
	if got := p.formats(); got != want {
		p.t.Errorf("publishes and plays %s, expected %s", got, want)
	}
}

// Two browsers without a recorder: plain samples and single pictures, both ways.
func TestCallWithoutRecorder(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone, noRecorder)
	b := caller(startChromium(t), s, "bob", bobTone, noRecorder+`delete window.AudioWorkletNode;`)
	connect(a, b, "alice", "bob")
	for _, p := range []*tab{a, b} {
		seesPictures(p)
		p.hasFormats("audio/wav + image/jpeg | audio/wav + multipart/x-mixed-replace")
	}
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
	for _, p := range []*tab{a, b} {
		picture, sound := late(p)
		t.Logf("the picture is %.2f s old, the sound %.2f s behind live", picture, sound)
	}
	a.says("#format", "WebM with VP8 and Opus cannot be recorded there.")
	a.says("#listeners", "1 listens to your file.")

	a.click("#camera")
	b.says("#cover-text", "alice has switched the camera off.")
	hearsOther(b, aliceTone)
	a.click("#camera")
	seesPictures(b)
	a.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
}

// A browser of 2012: it is seen and not heard, and it hears and sees what the server
// makes for it.
func TestCallWithOpera12(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone, script(t, "opera12.js"))
	connect(a, b, "alice", "bob")
	hearsOther(b, aliceTone)
	seesPictures(b)
	seesPictures(a)
	a.hasFormats("video/webm;codecs=vp8,opus | multipart/x-mixed-replace")
	b.hasFormats("image/jpeg | audio/wav + multipart/x-mixed-replace")
	a.says("#cover-text", "bob has no microphone here.")
	b.says("#notice-text", "This browser gives pages no microphone. alice sees you and does not hear you.")
	b.click("#chat-button")
	b.write("I hear you")
	a.says("#messages", "I hear you")
	b.click("#hangup")
	a.state("idle")
	b.state("idle")
	b.until(`!document.getElementById("other").getAttribute("src") && !document.getElementById("other-picture").getAttribute("src")`)
}

// liar claims to play WebM and to show streams of pictures, and does neither.
const liar = `
function lie(proto, what, instead) {
	const src = Object.getOwnPropertyDescriptor(proto, "src");
	Object.defineProperty(proto, "src", {
		configurable: true,
		get() { return src.get.call(this); },
		set(v) { src.set.call(this, what.test(v) ? instead : v); },
	});
}
lie(HTMLMediaElement.prototype, /\.webm/, "data:video/webm;base64,AAAA");
lie(HTMLImageElement.prototype, /\.mjpeg/, "data:image/jpeg;base64,AAAA");
HTMLMediaElement.prototype.canPlayType = (type) => (/webm|wav/.test(type) ? "probably" : "");`

// A browser that claims to play what it cannot is given something else in the same
// call, and at once in the next.
func TestCallFallsBack(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone, liar, `window.failures = [];
		(function (send) {
			WebSocket.prototype.send = function (m) {
				if (typeof m === "string" && /"type":"failed"/.test(m)) { failures.push(m); }
				return send.call(this, m);
			};
		}(WebSocket.prototype.send))`)
	for call := range 2 {
		connect(a, b, "alice", "bob")
		began := time.Now()
		b.until(`everfile.page.phone.stats().play.some((f) => f.mime === "audio/wav" && f.state === "playing")`)
		t.Logf("call %d: it plays the second format after %.1f s", call+1, time.Since(began).Seconds())
		hearsOther(b, aliceTone)
		b.until(`everfile.page.phone.stats().play.some((f) => f.mime === "image/jpeg" && f.state === "playing")`)
		seesPictures(b)
		b.says("#format", "which was tried here and failed.")
		sees(a)
		hearsOther(a, bobTone)
		a.click("#hangup")
		b.state("idle")
	}
	if got := eval[[]string](b, `failures`); len(got) != 2 {
		t.Errorf("it failed %d times in two calls: %v", len(got), got)
	}
}

// choose gives an <input> of files one.
func (p *tab) choose(selector, file string) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		doc, err := cdp.Call(ctx, t, dom.GetDocument, dom.GetDocumentParams{})
		if err != nil {
			return chromedp.Void{}, err
		}
		found, err := cdp.Call(ctx, t, dom.QuerySelector, dom.QuerySelectorParams{NodeID: doc.Root.NodeID, Selector: selector})
		if err == nil {
			_, err = cdp.Call(ctx, t, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{file}, NodeID: found.NodeID})
		}
		return chromedp.Void{}, err
	})
}

// Who has no microphone but an input that records is heard by what it has recorded,
// decoded here or by nobody, and can be heard again.
func TestRecordedVoice(t *testing.T) {
	thorough(t)
	need(t, "chromium", "ffmpeg")
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	file := wavFile(t, "pcm_s16le", 880, 44100, 1)
	chrome := startChromium(t)
	for _, more := range []string{"", "delete window.AudioContext;"} {
		name := fmt.Sprintf("bob-%d", len(more))
		b := callerWith(chrome, s, name, "{insecure: true}", more)
		connect(a, b, "alice", name)
		b.says("#notice-text", "You can listen and write, and send what you record with the button below.")
		b.choose("#lend", file)
		hearsOther(a, 880)
		b.says("#notice-text", "What you recorded is being sent: alice hears it now.")
		hearsOther(b, aliceTone)
		a.click("#hangup")
		b.state("idle")
		b.close()
	}
}

// The list of streams works where JavaScript is off: its <audio> sounds.
func TestLiveWithoutScript(t *testing.T) {
	need(t, "chromium", "ffmpeg")
	s := serve(t, relay.Options{})
	push(t, captureFile("chromium-audio-opus-T100.webm"), s.url+"/talk.webm", true)
	push(t, wavFile(t, "pcm_s16le", 880, 48000, 2), s.url+"/tone.wav", true)
	untilLive(t, s.url+"/talk.webm")
	untilLive(t, s.url+"/tone.wav")
	p := startChromium(t).newTab(script(t, "measure.js"))
	scripts := func(off bool) {
		p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
			return chromedp.Void{}, err
		})
	}
	scripts(true)
	p.open(s.url + "/live")
	if eval[bool](p, `!!window.everfile || !!document.querySelector(".copy button")`) {
		t.Error("the page's scripts ran")
	}
	scripts(false) // for what listens here
	eval[bool](p, `(function () {`+script(t, "measure.js")+`; return true; }())`)
	for _, name := range []string{"talk", "tone"} {
		eval[bool](p, fmt.Sprintf(`document.querySelector("audio[aria-label='Sound of %s']").play().then(() => true)`, name))
	}
	hearsIn(p, `audio[aria-label="Sound of tone"]`, 880)
	p.until(`document.querySelector("audio[aria-label='Sound of talk']").currentTime > 1`)
}

// samples has a page try what it says it may play, and tells what cannot be played of it.
const samples = `Promise.all(Object.keys(everfile.samples).map((type) => new Promise((done) => {
	const e = document.createElement("video");
	if (!e.canPlayType(type)) { done(""); return; }
	e.addEventListener("loadeddata", () => done(""));
	e.addEventListener("error", () => done(type + ": " + e.error.message));
	e.src = "data:" + type.split(";")[0] + ";base64," + everfile.samples[type];
}))).then((all) => all.filter((s) => s))`

// What a browser says it plays it does: else a sample of ours is broken.
func TestSamplesOfEachFormat(t *testing.T) {
	thorough(t)
	s := serve(t, relay.Options{})
	p := startChromium(t).newTab()
	p.open(s.url + "/")
	if bad := eval[[]string](p, samples); len(bad) != 0 {
		t.Errorf("%q", bad)
	}
}

// Another engine in a call, without all that it has to encode with: each sees and hears
// the other.
func TestCallWithFirefox(t *testing.T) {
	thorough(t)
	need(t, "firefox-esr", "chromium")
	m := &people{t: t, s: serve(t, relay.Options{})}
	a, b := whole(m), m.firefox(noRecorder)
	a.calls(b)
	a.sendsTo(t, b, "video/webm;codecs=vp8,opus", "video/webm;codecs=vp8,opus")
	b.sendsTo(t, a, "audio/wav + image/jpeg", "audio/wav + multipart/x-mixed-replace")
	a.hangsUp(b)
}
