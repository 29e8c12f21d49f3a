package e2e

import (
	"bytes"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"rsc.io/qr"

	"everfile/relay"
	"everfile/relay/calls"
)

// shares gives a page a screen to share: a canvas in which the clock of devices.js is
// painted. testScreen is what is being shared.
const shares = `navigator.mediaDevices.getDisplayMedia = async () => {
	const given = await navigator.mediaDevices.getUserMedia({ video: true });
	return window.testScreen = given;
};`

// enters opens the door of a room and goes in.
func enters(b *browser, s *site, room, name string, tone int, more ...string) *tab {
	b.t.Helper()
	return entersWith(b, s, room, name, fmt.Sprintf("{tone: %d}", tone), more...)
}

// entersWith is enters with any devices.
func entersWith(b *browser, s *site, room, name, devices string, more ...string) *tab {
	b.t.Helper()
	p := door(b, s, room, devices, more...)
	eval[bool](p, fmt.Sprintf(`(document.getElementById("lobby-name").value = %q, document.getElementById("lobby-join").click(), true)`, name))
	p.state("room")
	p.until(`document.getElementById("room-count").textContent !== ""`)
	return p
}

func door(b *browser, s *site, room, devices string, more ...string) *tab {
	b.t.Helper()
	p := b.newTab(append([]string{old, "window.testDevices = " + devices, script(b.t, "measure.js"), script(b.t, "devices.js"), shares}, more...)...)
	p.open(s.url + "/#" + room)
	p.state("lobby")
	eval[bool](p, `(window.testMark && testMark(), true)`)
	return p
}

func tileOf(who string) string { return fmt.Sprintf(`[data-tile=%q] [data-part=file]`, who) }

// seesTile waits until somebody's picture moves, and is shown.
func seesTile(p *tab, who string) {
	p.t.Helper()
	v := fmt.Sprintf(`document.querySelector(%q)`, tileOf(who))
	p.until(fmt.Sprintf(`document.querySelector('[data-tile=%q]').getAttribute("data-shows") === "file" && %s.readyState > 2`, who, v))
	eval[bool](p, fmt.Sprintf(`(window.clockThen = measure.clock(%s), true)`, v))
	p.until(fmt.Sprintf(`measure.clock(%s) !== window.clockThen`, v))
}

// Three pages in a room: each sees and hears the two others, who come and leave without
// the pictures of those who stay beginning anew.
func TestRoom(t *testing.T) {
	s := serve(t, relay.Options{})
	a := enters(startChromium(t), s, "standup", "alice", aliceTone)
	chrome := startChromium(t)
	b := enters(chrome, s, "standup", "bob", bobTone)
	c := enters(startChromium(t), s, "standup", "carol", 1800)
	tones := map[string]int{"alice": aliceTone, "bob": bobTone, "carol": 1800}
	pages := map[string]*tab{"alice": a, "bob": b, "carol": c}
	for me, p := range pages {
		for who, tone := range tones {
			if who != me {
				seesTile(p, who)
				p.until(fmt.Sprintf(`document.querySelector('[data-tile=%q]').getAttribute("data-speaks") === "true"`, who))
				hearsIn(p, tileOf(who), tone)
			}
		}
		p.says("#room-count", "3 here")
	}

	// What alice plays of bob is the same element in the same place, and never stops.
	eval[bool](a, `(window.bobs = document.querySelector('[data-tile=bob] [data-part=file]'), window.bobsPlace = bobs.parentNode, window.troubles = [],
		["emptied", "pause", "loadstart", "abort"].forEach(function (type) { bobs.addEventListener(type, function () { troubles.push(type); }); }), new MutationObserver(function (all) {
			all.forEach(function (m) { Array.from(m.removedNodes).forEach(function (n) { if (n.contains(bobs)) { troubles.push("taken out"); } }); });
		}).observe(document, {childList: true, subtree: true}), true)`)
	c.click("#hangup")
	c.says("#outcome", "You left standup.")
	c.nothingLeft()
	a.until(`!document.querySelector('[data-tile=carol]')`)
	a.says("#state", "carol has left.")
	d := enters(chrome, s, "standup", "dave", 2200)
	a.says("#state", "dave has come.")
	seesTile(a, "dave")
	hearsIn(a, tileOf("dave"), 2200)
	hearsIn(a, tileOf("bob"), bobTone)
	eval[bool](a, `(window.bobsTime = bobs.currentTime, true)`)
	a.until(`bobs.currentTime > bobsTime + 1 && !bobs.paused`)
	if got := eval[string](a, `[document.querySelector('[data-tile=bob] [data-part=file]') === bobs, bobs.parentNode === bobsPlace, bobs.isConnected, troubles.join()].join(" ")`); got != "true true true " {
		t.Errorf("as carol left and dave came, what plays bob was disturbed: same, place, there, events: %s", got)
	}

	// What the file does not say is told, also to who comes later.
	b.click("#mute")
	a.until(`document.querySelector('[data-tile=bob]').getAttribute("data-muted") === "true"`)
	c.click("#again")
	c.state("room")
	c.until(`document.querySelector('[data-tile=bob]') && document.querySelector('[data-tile=bob]').getAttribute("data-muted") === "true"`)
	b.click("#mute")

	// Text goes to all, as text, and says from whom.
	a.click("#chat-button")
	a.write("<b>Hello</b> all")
	for _, p := range []*tab{b, c, d} {
		p.says("#messages", "<b>Hello</b> all")
		p.says("#messages", "alice,")
		p.says("#unread", "1")
	}
	if n := eval[int](a, `document.querySelectorAll("#messages .late:not(:empty)").length`); n != 0 {
		t.Errorf("%d messages are not delivered", n)
	}

	// A page that is loaded again is in the room again.
	b.reload()
	b.state("room")
	seesTile(b, "alice")
	seesTile(a, "bob")
	hearsIn(a, tileOf("bob"), bobTone)
	for _, p := range []*tab{a, b, c, d} {
		p.click("#hangup")
		p.state("idle")
		if p != b { // which has no mark since it was loaded again
			p.nothingLeft()
		}
	}
	missing(t, s.url+"/standup/alice.webm", "")
}

// A screen is a tile of its own, and the large one; it goes by the button, by the
// browser's own, and when who shares it leaves.
func TestRoomScreen(t *testing.T) {
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := enters(chrome, s, "standup", "alice", aliceTone)
	b := enters(startChromium(t), s, "standup", "bob", bobTone)
	seesTile(b, "alice")
	a.click("#share")
	a.until(`!document.getElementById("sharing").hidden && document.getElementById("share").getAttribute("aria-pressed") === "true"`)
	seesTile(b, "alice/screen")
	b.until(`document.querySelector('[data-tile="alice/screen"]').getAttribute("data-size") === "large"`)
	seesTile(b, "alice")
	hearsIn(b, tileOf("alice"), aliceTone)
	a.click("#sharing-stop")
	b.until(`!document.querySelector('[data-tile="alice/screen"]') && !document.querySelector('[data-size=large]')`)
	a.click("#share")
	seesTile(b, "alice/screen")
	eval[bool](a, `(testScreen.getTracks().forEach(function (t) { t.stop(); t.dispatchEvent(new Event("ended")); }), true)`)
	b.until(`!document.querySelector('[data-tile="alice/screen"]')`)
	a.until(`document.getElementById("sharing").hidden`)
	a.click("#share")
	seesTile(b, "alice/screen")
	a.click("#hangup")
	a.nothingLeft()
	b.until(`document.querySelectorAll("#grid > li").length === 1`)
}

// In a call of two the screen is in front, and the picture small beside it.
func TestCallScreen(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone, shares)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	sees(b)
	a.click("#share")
	b.until(`document.getElementById("stage").className === "stage screened" && document.getElementById("other-screen").readyState > 2`)
	eval[bool](b, `(window.clockThen = measure.clock(document.getElementById("other-screen")), true)`)
	b.until(`measure.clock(document.getElementById("other-screen")) !== clockThen`)
	sees(b)
	a.click("#sharing-stop")
	b.until(`document.getElementById("stage").className === "stage"`)
	sees(b)
	a.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
}

// Doors that do not open, and say why where one looks; and the address.
func TestRoomDoor(t *testing.T) {
	s := serve(t, relay.Options{Calls: calls.Options{Room: 2}})
	chrome := startChromium(t)
	a := enters(chrome, s, "standup", "alice", aliceTone)
	b := door(chrome, s, "standup", "{}")
	set := func(name string) {
		eval[bool](b, fmt.Sprintf(`(document.getElementById("lobby-name").value = %q, document.getElementById("lobby-join").click(), true)`, name))
	}
	set("no name")
	b.state("room") // spaces are made good
	b.click("#hangup")
	b.state("idle")
	b.open(s.url + "/#standup")
	b.state("lobby")
	set("a/b")
	b.says("#lobby-help", "The name needs 1 to 64")
	b.focus("#lobby-name")
	set("alice")
	b.says("#lobby-help", "alice is taken by somebody else. How about alice-2?")
	b.focus("#lobby-name")
	b.click("#lobby-join")
	b.state("room")
	c := door(chrome, s, "standup", "{}")
	eval[bool](c, `(document.getElementById("lobby-name").value = "carol", document.getElementById("lobby-join").click(), true)`)
	c.until(`!document.getElementById("lobby-wrong").hidden && document.getElementById("lobby-wrong").textContent.length > 20 && !document.getElementById("lobby-join").disabled`)
	c.state("lobby")
	eval[bool](c, `(location.hash = "static", true)`)
	c.until(`document.getElementById("lobby-title").textContent === "static"`)
	c.click("#lobby-join")
	c.until(`!document.getElementById("lobby-wrong").hidden && /static/.test(document.getElementById("lobby-wrong").textContent)`)
	eval[bool](c, `(location.hash = "no such.name", true)`)
	c.state("idle")
	c.says("#rooms-help", "The name of a room needs 1 to 64")
	c.focus("#rooms-name")
	eval[bool](c, `(document.getElementById("rooms-name").value = "other", document.getElementById("rooms-open").click(), true)`)
	c.state("lobby")
	c.click("#lobby-join")
	c.state("room")
	eval[bool](c, `(history.back(), true)`)
	c.says("#outcome", "You left other.")
	c.state("idle")
	eval[bool](c, `(history.forward(), true)`)
	c.state("lobby")
	c.click("#lobby-not")
	c.state("idle")
	c.nothingLeft()
	a.click("#hangup")
	a.state("idle")
	if got := eval[string](a, `location.href`); got != s.url+"/" {
		t.Errorf("after leaving the address is %s", got)
	}
}

// The link of a room is the one that is passed on, and the QR code's; and keys do what
// the README says.
func TestRoomLink(t *testing.T) {
	s := serve(t, relay.Options{})
	p := enters(startChromium(t), s, "standup", "alice", aliceTone, script(t, "fakeroom.js"), `navigator.share = async (what) => { window.passed = what.url; };`)
	eval[bool](p, `(testRoom.come("ben", {audio: true, video: true}), testRoom.come("anna", {audio: true, video: true}), true)`)
	p.press(`[data-tile=ben] .pin`)
	ben := `document.querySelector('[data-tile=ben] [data-part=file]')`
	for _, c := range []struct{ key, then string }{
		{"m", ben + `.volume === 0`},
		{"M", ben + `.volume > 0`}, // if not 1: one speaks
		{"Escape", `document.querySelector("[data-size=large]") === null`},
		{"f", `!!document.fullscreenElement || window.filled`},
	} {
		eval[bool](p, fmt.Sprintf(`(HTMLElement.prototype.requestFullscreen = function () { window.filled = this.getAttribute("data-tile") === "ben"; },
			document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: %q, bubbles: true})), true)`, c.key))
		p.until(c.then)
	}
	p.press("#invite-button")
	p.press("#room-share")
	p.until(`window.passed`)
	eval[bool](p, `(document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true})), true)`)
	p.focus("#invite-button")
	p.press("#invite-button")
	p.until(`document.getElementById("room-qr").naturalWidth > 0`)
	link := s.url + "/#standup"
	if got := eval[string](p, `document.getElementById("room-link").textContent + " " + passed`); got != link+" "+link {
		t.Errorf("the link, and what is passed on, is %q; expected %q", got, link)
	}
	resp, err := http.Get(eval[string](p, `document.getElementById("room-qr").src`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(link, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, code.PNG()) {
		t.Error("the QR code is not that of the link")
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil || !strings.Contains(eval[string](p, `document.getElementById("room-qr").alt`), "standup") {
		t.Error(err, "or no words for it")
	}
}

// Somebody calls who is in a room: it says so, and the room is left for the call.
func TestRoomKnock(t *testing.T) {
	s := serve(t, relay.Options{})
	a := enters(startChromium(t), s, "standup", "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	b.calls("alice", "video")
	a.says("#knock-text", "bob calls you, with camera.")
	a.click("#knock-refuse")
	b.says("#outcome", "alice refused.")
	a.until(`document.getElementById("knock").hidden`)
	b.calls("alice", "voice")
	a.says("#knock-text", "bob calls you.")
	b.click("#cancel")
	a.until(`document.getElementById("knock").hidden`)
	a.state("room")
	b.calls("alice", "video")
	a.click("#knock-answer")
	a.state("talking")
	b.state("talking")
	sees(a)
	sees(b)
	hearsOther(b, aliceTone)
	a.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
}

// Two tabs of a browser over HTTP/1.1: in the second one, who has no connection of their
// own is heard in the mix, seen in pictures that change, and the page says so once.
func TestRoomCrowded(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome, far := startChromium(t), startChromium(t)
	tones := []int{1200, 1500, 1900}
	for i, b := range []*browser{chrome, far, far} {
		entersWith(b, s, "standup", fmt.Sprintf("guest-%d", i), fmt.Sprintf("{tone: %d, width: 160, height: 90, fps: 8}", tones[i]))
	}
	a := enters(chrome, s, "standup", "alice", aliceTone)
	a.until(`!document.getElementById("crowded").hidden`)
	a.says("#crowded-text", "guest-1 and guest-2 are heard together")
	a.until(`document.querySelectorAll('.tile[data-shows=still]').length === 2 && document.querySelectorAll('.tile[data-shows=file]').length === 2`)
	for i, tone := range tones[1:] {
		img := fmt.Sprintf(`document.querySelector('[data-tile=guest-%d] img')`, i+1)
		eval[bool](a, fmt.Sprintf(`(window.clockThen = measure.clock(%s), true)`, img))
		a.until(fmt.Sprintf(`measure.clock(%s) !== clockThen`, img))
		a.until(fmt.Sprintf(`(window.asked = window.asked || measure.level(document.getElementById("mix"), %d, 1).then(function (db) {
			window.asked = null;
			window.loudest = db;
		}), window.loudest > -30)`, tone))
		eval[bool](a, `(window.loudest = -150, true)`)
	}
	a.click("#crowded-close")
	a.reload()
	a.state("room")
	a.until(`document.querySelectorAll('.tile[data-shows=still]').length === 2`)
	if !eval[bool](a, `document.getElementById("crowded").hidden`) {
		t.Error("what was dismissed is said again")
	}
}
