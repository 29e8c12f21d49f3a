package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// peers notes the peer connections of a page, of which there are none new while
// noPeers is set.
const peers = `window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
	constructor(...a) {
		if (window.noPeers) { throw new Error("not now"); }
		super(...a);
		window.peers.push(this);
	}
};
window.livePeers = () => peers.filter((p) => p.signalingState !== "closed").length;`

// peering is a caller whose browser has peer connections.
func peering(b *browser, s *site, name string, tone int, more ...string) *tab {
	b.t.Helper()
	return peeringWith(b, s, name, fmt.Sprintf("{tone: %d}", tone), more...)
}

// peeringWith is peering with any devices.
func peeringWith(b *browser, s *site, name, devices string, more ...string) *tab {
	b.t.Helper()
	scripts := append([]string{peers, "window.testDevices = " + devices, script(b.t, "measure.js"), script(b.t, "devices.js")}, more...)
	p := b.newTab(scripts...)
	p.open(s.url + "/")
	p.until(`document.body.getAttribute("data-state") === "offline"`)
	p.online(name)
	return p
}

// direct waits until the other comes by the direct connection, moves and is heard.
func direct(p *tab, tone int) {
	p.t.Helper()
	p.until(`everfile.page.phone.stats().way.state === "direct" && document.getElementById("way").textContent === "direct"`)
	p.until(`(function () {
		var v = document.getElementById("direct"), o = document.getElementById("other");
		return v.className === "on" && !v.muted && !v.paused && v.videoWidth > 0 && !o.getAttribute("src");
	}())`)
	eval[bool](p, `(window.clockThen = measure.clock(document.getElementById("direct")), true)`)
	p.until(`measure.clock(document.getElementById("direct")) - window.clockThen > 500`)
	hearsIn(p, "#direct", tone)
}

// onFiles waits until the other comes by his file, moves and is heard.
func onFiles(p *tab, tone int) {
	p.t.Helper()
	p.until(`everfile.page.phone.stats().way.state === "file" && document.getElementById("way").textContent === "endless file"`)
	sees(p)
	hearsIn(p, "#other", tone)
	p.until(`document.getElementById("direct").className === "" && document.getElementById("direct").muted`)
}

// A call begins on its files and goes over to a direct connection by itself; what
// opens a side's address then has the file at once; and when the connection is closed
// the call is back on the files, and goes over again, as often as that happens.
func TestDirect(t *testing.T) {
	need(t, "curl", "ffmpeg")
	s := serve(t, relay.Options{Unheard: 2 * time.Second})
	a := peering(startChromium(t), s, "alice", aliceTone)
	b := peering(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	url := a.file("own-url")
	name := strings.TrimSuffix(strings.TrimPrefix(url, s.url+"/"), ".webm")
	a.says("#listeners", "bob hears you directly")
	a.says("#way-why", "directly from browser to browser")
	resting(a)
	resting(b)
	if !s.server.Hub().Paused(name) {
		t.Errorf("%s is not paused", name)
	}

	body := launch(t, "sh", "-c", `curl -sN --max-time 6 "$0" || true`, url) // the file goes on
	a.says("#listeners", "1 listens to your file.")
	a.says("#more", "1 listens to your file")
	j := streamtest.JudgeBytes(t, "side.webm", body.all())
	if len(j.Errors) > 0 || len(j.Frames) < 100 {
		t.Errorf("ffmpeg reads %d frames of 6 s and complains of %v", len(j.Frames), j.Errors)
	}
	j.Rises(t)
	direct(b, aliceTone)

	a.click("#mute")
	silentIn(b, "#direct", aliceTone)
	a.click("#mute")
	hearsIn(b, "#direct", aliceTone)
	a.click("#camera")
	b.says("#cover-text", "alice has switched the camera off.")
	a.click("#camera")
	eval[bool](a, `(everfile.page.own.again(), true)`) // other devices
	direct(b, aliceTone)

	for i := range 5 {
		closer := []*tab{a, b}[i%2]
		eval[bool](closer, `(window.noPeers = true, peers.forEach((p) => p.close()), true)`)
		onFiles(a, bobTone)
		onFiles(b, aliceTone)
		eval[bool](closer, `(window.noPeers = false, true)`)
		direct(a, bobTone)
		direct(b, aliceTone)
		for _, p := range []*tab{a, b} {
			if n := eval[int](p, `livePeers()`); n != 1 {
				t.Errorf("after %d flips a page has %d peer connections", i+1, n)
			}
		}
		if now := a.file("own-url"); now != url {
			t.Errorf("alice's file was %s and is %s", url, now)
		}
	}
	b.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
		p.until(`livePeers() === 0 && !document.getElementById("direct").srcObject`)
	}
	gone(t, url)
}

// resting waits until nothing is recorded of a page, since nobody listens.
func resting(p *tab) {
	p.t.Helper()
	p.until(`everfile.page.phone.stats().publish[0].state === "resting"`)
}

// mutes takes media and ticks from the peer connections that a page has, without
// closing them.
const mutes = `(peers.forEach((p) => {
	p.getSenders().forEach((s) => s.replaceTrack(null));
	p.mutes = true;
}), true)`

// muted has the ticks of such peer connections go nowhere.
const muted = `(function () {
	const make = RTCPeerConnection.prototype.createDataChannel;
	RTCPeerConnection.prototype.createDataChannel = function (...a) {
		const channel = make.apply(this, a), send = channel.send.bind(channel);
		channel.send = (text) => { if (!this.mutes) { send(text); } };
		return channel;
	};
}());`

// A connection through which nothing comes any more, though it is not closed: back on a
// file that nobody recorded by then, and over again. A page that is loaded again, and a
// browser without peer connections on the other side.
func TestDirectDies(t *testing.T) {
	s := serve(t, relay.Options{Unheard: 2 * time.Second})
	chrome := startChromium(t)
	a := peering(chrome, s, "alice", aliceTone, muted)
	b := peering(startChromium(t), s, "bob", bobTone, muted)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	resting(a)
	eval[bool](b, `(noPeers = true, true)`) // or it is back before anybody has looked
	eval[bool](a, mutes)
	onFiles(b, aliceTone)
	eval[bool](b, `(noPeers = false, true)`)
	direct(b, aliceTone)
	direct(a, bobTone)

	b.click("#mute")
	b.reload()
	b.state("talking")
	direct(b, aliceTone)
	a.until(`everfile.page.phone.stats().way.state === "direct"`)
	silentIn(a, "#direct", bobTone)
	b.click("#mute")
	direct(a, bobTone)
	a.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.until(`livePeers() === 0 && !document.getElementById("direct").srcObject`)
	}
	a.nothingLeft()

	c := caller(chrome, s, "carol", 1200)
	connect(a, c, "alice", "carol")
	onFiles(a, 1200)
	sees(c)
	a.says("#way-why", "the other side's browser has no peer connections")
	c.says("#way-why", "this browser has no peer connections")
	if n := eval[int](a, `livePeers()`); n != 0 {
		t.Errorf("%d peer connections are made for a browser that has none", n)
	}
}
