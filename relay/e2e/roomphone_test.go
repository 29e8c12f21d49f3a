package e2e

import (
	"fmt"
	"testing"

	"everfile/relay"
)

// roomScript is a page that joins a room by the phone alone.
const roomScript = `(function (name) {
	var m = window.member = { events: [], state: "", left: [], crowded: null, ways: {}, elements: {} };
	function element(caller, kind) {
		var id = caller + "-" + kind, e = document.getElementById(id);
		if (!e) {
			e = document.createElement(kind === "still" ? "img" : "video");
			e.id = id;
			document.body.appendChild(e);
		}
		return e;
	}
	m.phone = everfile.phone({
		caller: name,
		element: function (caller, mime, screen, still) { return element(caller, still ? "still" : screen ? "screen" : "file"); },
		mix: function () { return element("mix", "file"); },
		direct: function (caller) { return element(caller, "direct"); },
		on: function (type, e) {
			if (type === "welcome") { m.online = true; }
			if (type === "state") { m.state = e.state; }
			if (type === "left") { m.left.push(e.caller); }
			if (type === "crowded") { m.crowded = e; }
			if (type === "way") { m.ways[e.caller] = e.state; }
			if (type === "knock") { m.knock = e; }
			if (type === "error") { m.error = e; }
		}
	});
	return true;
}(%q))`

// member opens a page that joins a room, and sends a tone.
func member(b *browser, s *site, room, name string, tone int, more ...string) *tab {
	b.t.Helper()
	p := b.newTab(append([]string{fmt.Sprintf("window.testDevices = {tone: %d}", tone), script(b.t, "measure.js"), script(b.t, "devices.js")}, more...)...)
	p.open(s.url + "/")
	p.until(`window.everfile && everfile.phone`)
	eval[bool](p, fmt.Sprintf(roomScript, name))
	p.until(`member.online`)
	eval[bool](p, `navigator.mediaDevices.getUserMedia({audio: true, video: true}).then(function (s) { member.stream = s; member.phone.source(s); return true; })`)
	eval[bool](p, fmt.Sprintf(`member.phone.join(%q, {audio: true, video: true})`, room))
	p.until(`member.state === "talking"`)
	return p
}

// seesIn waits until a picture of somebody moves.
func (p *tab) seesIn(id string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.getElementById(%q).readyState > 2`, id))
	eval[bool](p, fmt.Sprintf(`(window.clockThen = measure.clock(document.getElementById(%q)), true)`, id))
	p.until(fmt.Sprintf(`measure.clock(document.getElementById(%q)) !== window.clockThen`, id))
}

// Three pages in a room: each hears and sees both others; one goes and comes again,
// and nothing of the others is touched; a screen is shared; a call from outside is
// taken.
func TestPhoneInRoom(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	// Each has a browser of its own: tabs share their connections.
	a := member(startChromium(t), s, "standup", "alice", 1000, old)
	b := member(startChromium(t), s, "standup", "bob", 1400, old)
	c := member(startChromium(t), s, "standup", "carol", 2000, old)
	for p, others := range map[*tab]map[string]int{a: {"bob": 1400, "carol": 2000}, b: {"alice": 1000, "carol": 2000}, c: {"alice": 1000, "bob": 1400}} {
		for who, tone := range others {
			p.seesIn(who + "-file")
			hearsIn(p, "#"+who+"-file", tone)
		}
	}
	eval[bool](a, `(window.opened = 0, document.getElementById("bob-file").addEventListener("loadstart", function () { window.opened++; }), true)`)
	eval[bool](c, `member.phone.leave()`)
	a.until(`member.left.join() === "carol"`)
	eval[bool](c, `member.phone.join("standup", {audio: true, video: true})`)
	a.seesIn("carol-file")
	if n := eval[int](a, `window.opened`); n != 0 {
		t.Errorf("bob's file was opened %d times more when carol came and went", n)
	}
	eval[bool](b, `(function () {
		var canvas = document.createElement("canvas"), cx = canvas.getContext("2d"), n = 0;
		canvas.width = 640; canvas.height = 360;
		setInterval(function () { cx.fillStyle = n++ % 2 ? "#f00" : "#00f"; cx.fillRect(0, 0, 640, 360); }, 50);
		window.shared = canvas.captureStream(20);
		return member.phone.share(window.shared);
	}())`)
	a.until(`document.getElementById("bob-screen").videoWidth === 640`)
	c.until(`document.getElementById("bob-screen").currentTime > 1`)
	eval[bool](b, `(window.shared.getVideoTracks()[0].stop(), member.phone.share(null))`)
	a.until(`!document.getElementById("bob-screen").getAttribute("src")`)
	a.seesIn("bob-file")
}

// Tabs of one browser share their connections: the third page has none left for a file
// of each, hears both in one and sees a picture of each now and then.
func TestPhoneInRoomCrowded(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := member(chrome, s, "standup", "alice", 1000, old)
	b := member(chrome, s, "standup", "bob", 1400, old)
	a.seesIn("bob-file")
	b.seesIn("alice-file")
	c := member(chrome, s, "standup", "carol", 3100, old) // no harmonic of theirs
	a.seesIn("carol-file")
	c.until(`member.crowded && member.crowded.yes && member.crowded.names.join() === "alice,bob"`)
	for _, who := range []string{"alice", "bob"} {
		c.until(fmt.Sprintf(`document.getElementById("%s-still").naturalWidth > 0`, who))
		eval[bool](c, fmt.Sprintf(`(window.clockThen = measure.clock(document.getElementById("%s-still")), true)`, who))
		c.until(fmt.Sprintf(`document.getElementById("%s-still").naturalWidth > 0 && measure.clock(document.getElementById("%s-still")) !== window.clockThen`, who, who))
	}
	for _, tone := range []int{1000, 1400} {
		c.until(fmt.Sprintf(`(window.asks = window.asks || measure.level(document.getElementById("mix-file"), %d, 1).then(function (db) { window.asks = null; window.level%d = db; }), window.level%d > -30)`, tone, tone, tone))
	}
	if own := eval[float64](c, `measure.level(document.getElementById("mix-file"), 3100, 1)`); own > -40 {
		t.Errorf("carol hears herself in the mix, %.1f dB as loud as she is sent", own)
	}
	eval[bool](b, `member.phone.leave()`)
	c.until(`!member.crowded.yes`)
	c.seesIn("alice-file")
	hearsIn(c, "#alice-file", 1000)
}

// Where both can, each pair connects directly.
func TestPhoneInRoomDirect(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := member(chrome, s, "standup", "alice", 1000)
	b := member(chrome, s, "standup", "bob", 1400)
	c := member(chrome, s, "standup", "carol", 2000)
	for _, p := range []*tab{a, b, c} {
		p.until(`Object.keys(member.ways).filter(function (w) { return member.ways[w] === "direct"; }).length === 2`)
	}
	hearsIn(a, "#carol-direct", 2000)
	// While all are played directly and nobody else listens, the files rest; who comes
	// without a connection of his own gets them at once.
	b.until(`member.phone.stats().publish[0].state === "resting"`)
	eval[bool](c, `member.phone.leave()`)
	a.until(`member.left.join() === "carol"`)
	hearsIn(a, "#bob-direct", 1400)
	d := member(startChromium(t), s, "standup", "dave", 1800, old)
	d.seesIn("bob-file")
	hearsIn(d, "#bob-file", 1400)
	b.until(`member.phone.stats().publish[0].state === "recording"`)
	hearsIn(b, "#dave-file", 1800)
	hearsIn(b, "#alice-direct", 1000)
}
