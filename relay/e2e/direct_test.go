package e2e

import (
	"fmt"
	"os"
	"runtime"
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
	p.until(`(function () {
		var v = document.getElementById("direct");
		return v.className === "" && (v.muted || !v.srcObject);
	}())`)
}

// overAndBack has both pages go over again after a way of losing the connection, and
// demands that one peer connection is left in each.
func overAndBack(a, b *tab, lose func()) {
	a.t.Helper()
	both := []*tab{a, b}
	for _, p := range both {
		eval[bool](p, `(noPeers = true, true)`) // or it is back before anybody has looked
	}
	lose()
	onFiles(a, bobTone)
	onFiles(b, aliceTone)
	for _, p := range both {
		eval[bool](p, `(noPeers = false, true)`)
	}
	direct(a, bobTone)
	direct(b, aliceTone)
	for _, p := range both {
		if n := eval[int](p, `livePeers()`); n != 1 {
			a.t.Errorf("a page has %d peer connections, of %d", n, eval[int](p, `peers.length`))
		}
	}
}

// closes ends the peer connections of a page.
const closes = `(peers.forEach((p) => p.close()), true)`

// leave demands that nothing is left of a call that b ends.
func leave(a, b *tab) {
	a.t.Helper()
	b.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
		p.until(`livePeers() === 0 && !document.getElementById("direct").srcObject`)
	}
}

// directly has alice and bob talk, over a direct connection already.
func directly(t *testing.T) (s *site, a, b *tab) {
	t.Helper()
	s = serve(t, relay.Options{Unheard: 2 * time.Second})
	a = peering(startChromium(t), s, "alice", aliceTone, muted)
	b = peering(startChromium(t), s, "bob", bobTone, muted)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	return s, a, b
}

// A call begins on its files and goes over to a direct connection by itself; what
// opens a side's address then has the file at once; and when the connection is closed,
// or nothing comes through it any more, the call is back on the files, and goes over
// again.
func TestDirect(t *testing.T) {
	need(t, "curl", "ffmpeg")
	s, a, b := directly(t)
	url := a.file("own-url")
	name := strings.TrimSuffix(strings.TrimPrefix(url, s.url+"/"), ".webm")
	a.says("#listeners", "bob hears you directly")
	a.says("#way-why", "directly from browser to browser")

	a.click("#mute")
	silentIn(b, "#direct", aliceTone)
	a.click("#mute")
	hearsIn(b, "#direct", aliceTone)
	a.click("#camera")
	b.says("#cover-text", "alice has switched the camera off.")
	a.click("#camera")
	eval[bool](a, `(everfile.page.own.again(), true)`) // other devices
	direct(b, aliceTone)

	resting(a)
	resting(b)
	if !s.server.Hub().Paused(name) {
		t.Errorf("%s is not paused", name)
	}
	body := launch(t, "sh", "-c", `curl -sN --max-time 4 "$0" || true`, url) // the file goes on
	a.says("#listeners", "1 listens to your file.")
	a.says("#more", "1 listens to your file")
	b.says("#more", "Somebody listens to the file of alice")
	j := streamtest.JudgeBytes(t, "side.webm", body.all())
	if len(j.Errors) > 0 || len(j.Frames) < 60 {
		t.Errorf("ffmpeg reads %d frames of 4 s and complains of %v", len(j.Frames), j.Errors)
	}
	j.Rises(t)
	direct(b, aliceTone)
	resting(a)

	overAndBack(a, b, func() { eval[bool](a, mutes) })
	overAndBack(a, b, func() { eval[bool](b, closes) })
	if now := a.file("own-url"); now != url {
		t.Errorf("alice's file was %s and is %s", url, now)
	}
	leave(a, b)
	gone(t, url)
}

// Where the server is reached by an EventSource and POST only, signals go that way.
func TestDirectWithoutWebSocket(t *testing.T) {
	far, proxy := serve(t, relay.Options{}).narrowed(t)
	chrome := startChromium(t)
	a := peering(chrome, far, "alice", aliceTone)
	b := peering(startChromium(t), far, "bob", bobTone, noWebSocket)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	if proxy.lines.Load() < 2 || proxy.said.Load() < 6 {
		t.Errorf("the proxy has passed %d lines and %d POSTs of messages on", proxy.lines.Load(), proxy.said.Load())
	}
	leave(a, b)
}

// resting waits until nothing is recorded of a page, since nobody listens.
func resting(p *tab) {
	p.t.Helper()
	p.until(`everfile.page.phone.stats().publish[0].state === "resting"`)
}

// mutes takes media and ticks from the peer connections that a page has, without
// closing them.
const mutes = `(peers.filter((p) => p.signalingState !== "closed").forEach((p) => {
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

// A page that is loaded again in the direct phase, muted; and a browser without peer
// connections on the other side.
func TestDirectReload(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{Unheard: 2 * time.Second})
	chrome := startChromium(t)
	a := peering(chrome, s, "alice", aliceTone)
	b := peering(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	b.click("#mute")
	b.reload()
	b.state("talking")
	direct(b, aliceTone)
	a.until(`everfile.page.phone.stats().way.state === "direct"`)
	silentIn(a, "#direct", bobTone)
	b.click("#mute")
	direct(a, bobTone)
	b.click("#hangup")
	a.state("idle")
	a.nothingLeft()
	for _, p := range []*tab{a, b} {
		p.until(`livePeers() === 0 && !document.getElementById("direct").srcObject`)
	}

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

// Twenty times over and back leave nothing: one peer connection in each page, no
// element, and in the server no goroutine and no connection more than before.
func TestDirectFlips(t *testing.T) {
	long(t)
	_, a, b := directly(t)
	count := func() (n [2]int, elements [2]string) {
		const all = `Array.from(document.querySelectorAll("*")).map((e) => e.tagName + "#" + e.id + "." + e.className).join("\n")`
		return [2]int{runtime.NumGoroutine(), sockets(t)}, [2]string{eval[string](a, all), eval[string](b, all)}
	}
	var before [2]int
	var elements [2]string
	for i := range 21 {
		p, how := []*tab{a, b}[i/2%2], []string{mutes, closes}[i%2]
		began := time.Now()
		overAndBack(a, b, func() { eval[bool](p, how) })
		t.Logf("%d: back and over in %.1f s", i, time.Since(began).Seconds())
		resting(a) // ten seconds after, so each counts as a connection that was good
		resting(b)
		if i == 0 {
			before, elements = count() // with what is there from the first time on
		}
	}
	after, then := count()
	t.Logf("goroutines and sockets: %v, 20 flips later %v", before, after)
	for i, n := range after {
		if n > before[i] {
			t.Errorf("there were %d %s, and 20 flips later %d", before[i], []string{"goroutines", "sockets"}[i], n)
		}
	}
	for i, all := range then {
		if was, is := strings.Count(elements[i], "\n"), strings.Count(all, "\n"); is != was {
			t.Errorf("a page has %d elements, and had %d after the first flip:\n%s\n\n%s", is, was, all, elements[i])
		}
	}
	for _, p := range []*tab{a, b} {
		if n := eval[int](p, `peers.length`); n < 20 {
			t.Errorf("in 20 flips a page made %d peer connections", n)
		}
	}
	leave(a, b)
}

// sockets returns how many this process has open.
func sockets(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, fd := range all {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
