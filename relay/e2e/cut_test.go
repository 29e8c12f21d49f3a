package e2e

import (
	"testing"
	"time"

	"everfile/relay"
	"everfile/relay/fault"
)

// The control sockets are cut for five seconds in the call: it goes on, both
// pages say so, and both recover.
func TestControlIsCut(t *testing.T) {
	s := serve(t, relay.Options{})
	s, network := s.behind(t)
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	sees(a)
	sees(b)
	url := a.file("own-url")
	network.Set("GET /ws ", fault.Rule{Refuse: true})
	for _, p := range []*tab{a, b} {
		p.says("#banner", "Connection lost, trying again; the call goes on.")
	}
	rest(a, 5*time.Second)
	sees(a)
	sees(b)
	network.Set("GET /ws ", fault.Rule{})
	for _, p := range []*tab{a, b} {
		p.until(`document.getElementById("banner").textContent.indexOf("lost") < 0`)
		p.state("talking")
	}
	sees(a)
	sees(b)
	hearsOther(a, bobTone)
	if now := a.file("own-url"); now != url {
		t.Errorf("alice's file was %s and is %s", url, now)
	}
	for _, p := range []*tab{a, b} {
		if n := eval[int](p, `everfile.page.phone.stats().play[0].reopens`); n != 0 {
			t.Errorf("the other's file was opened again %d times", n)
		}
	}
	a.click("#hangup")
	b.state("idle")
	b.says("#outcome", "alice hung up")
}

// A browser that cannot record and plays no WebM: sound comes as WAV, both ways, one of
// them made by the server.
func TestCallInWAV(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone, noRecorder+`(function () {
		const can = HTMLMediaElement.prototype.canPlayType;
		HTMLMediaElement.prototype.canPlayType = function (type) { return /webm|mp4|ogg/.test(type) ? "" : can.call(this, type); };
	}())`)
	a.calls("bob", "video")
	b.state("ringing")
	b.click("#accept")
	a.state("talking")
	for _, p := range []*tab{a, b} {
		p.until(`/\.wav$/.test(document.getElementById("other-url").textContent)`)
		plays(p)
	}
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
	a.says("#format", "WebM with VP8 and Opus: the other side plays what the server makes of it.")
	b.says("#format", "made by the server of WebM with VP8 and Opus, which cannot be played here.")
	a.click("#hangup")
	b.state("idle")
}
