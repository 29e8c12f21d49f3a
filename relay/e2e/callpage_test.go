package e2e

import (
	"fmt"
	"testing"
	"time"

	"everfile/relay"
	"everfile/relay/calls"
	"everfile/relay/fault"
)

// Who uses keys is never at the top of the page again, and never on a button that
// answers, ends or begins a call; and a finger meets no such button that has only
// just appeared.
func TestFocus(t *testing.T) {
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	b := caller(chrome, s, "bob", bobTone)
	a.until(`document.querySelector("#people [data-caller=bob]")`)
	a.press("#leave")
	a.focus("#hello")
	if n := eval[int](a, `document.querySelectorAll("#people [data-caller]").length`); n != 0 {
		t.Errorf("who is offline still sees %d people to call", n)
	}
	a.press("#online")
	a.focus("#home")
	a.press(`#people [data-caller=bob] .call-video`)
	a.focus("#calling")
	b.focus("#ringing")
	b.press("#hush")
	b.focus("#ringing")
	b.press("#accept")
	b.focus("#talking")
	a.focus("#talking")
	a.press("#hangup")
	for _, p := range []*tab{a, b} {
		p.focus("#outcome")
		p.press("#outcome-close")
		p.focus("main")
	}
	if eval[bool](a, `(everfile.page.view.mode("talking"), window.reached = function () {
		var r = document.getElementById("hangup").getBoundingClientRect();
		return !!document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2).closest("#hangup");
	}, reached())`) {
		t.Error("a finger meets the button that hangs up as soon as that appears")
	}
	a.until(`reached()`)
	// What is said twice is read out twice.
	if n := eval[int](a, `(everfile.page.view.notice("Twice."), everfile.page.view.notice("Twice."), document.getElementById("state").textContent.split("Twice.").length - 1)`); n != 2 {
		t.Errorf("of a notice that comes twice %d are read out", n)
	}
}

// A page that a newer server gave, and a cache keeps the old one of, is loaded again
// once and not for ever.
func TestNewerServer(t *testing.T) {
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := chrome.newTab(old, `sessionStorage.loads = 1 + (Number(sessionStorage.loads) || 0);
		(function (parse) {
			JSON.parse = (text) => {
				const m = parse(text);
				if (m && m.type === "welcome") { m.v = 99; }
				return m;
			};
		}(JSON.parse));`)
	a.open(s.url + "/")
	a.state("offline")
	a.press("#online")
	a.until(`sessionStorage.loads === "2" && document.body.getAttribute("data-state") === "idle"`)
	caller(chrome, s, "bob", bobTone)
	a.until(`document.querySelector("#people [data-caller=bob]")`)
	if n := eval[string](a, `sessionStorage.loads`); n != "2" {
		t.Errorf("the page was loaded %s times", n)
	}
}

// Names that mean something to the language, and one that the server keeps.
func TestNames(t *testing.T) {
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	for _, name := range []string{"__proto__", "constructor"} {
		p := caller(chrome, s, name, bobTone)
		there := fmt.Sprintf(`document.querySelectorAll("#people [data-caller=%s]").length`, name)
		a.until(there + ` === 1`)
		p.until(`document.querySelectorAll("#people [data-caller=alice]").length === 1`)
		p.close()
		a.until(there + ` === 0`)
	}
	p := chrome.newTab(old)
	p.open(s.url + "/")
	p.state("offline")
	eval[bool](p, `(document.getElementById("name").value = "mix", true)`)
	p.press("#online")
	p.says("#name-help", "A name is 1 to 64")
	p.state("offline")
	p.focus("#name")
}

// Devices that cannot be had: the page says which and why, and the call goes on.
func TestCallWithoutDevices(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	b := caller(startChromium(t), s, "bob", bobTone)
	const neither = "has neither camera nor microphone here."
	for i, c := range []struct{ devices, says, cover string }{
		{`{tone: 1000, camera: "NotFoundError"}`, "There is no camera on this machine. The call goes on with sound only.", ""},
		{`{tone: 1000, camera: "NotAllowedError"}`, "The camera was refused.", ""},
		{`{tone: 1000, camera: "NotReadableError"}`, "The camera is in use by another program.", ""},
		{`{microphone: "NotFoundError"}`, "There is no microphone on this machine. bob sees you and does not hear you.", "sees"},
		{`{camera: "NotFoundError", microphone: "NotAllowedError"}`, "The camera and microphone were refused.", neither},
		{`{insecure: true}`, "this one came over plain HTTP", neither},
	} {
		name := fmt.Sprintf("alice-%d", i+2)
		a := callerWith(chrome, s, name, c.devices)
		connect(a, b, name, "bob")
		a.says("#notice-text", c.says)
		plays(a)
		switch c.cover {
		case "":
			hearsOther(b, aliceTone)
			a.click("#notice-close")
			a.until(`document.getElementById("notice").hidden`)
			a.click("#camera") // which does not work now either
			a.until(`!document.getElementById("notice").hidden`)
			a.says("#notice-text", c.says)
			hearsOther(b, aliceTone)
		case "sees":
			sees(b)
		default:
			b.says("#cover-text", c.cover)
		}
		a.click("#hangup")
		for _, p := range []*tab{a, b} {
			p.state("idle")
			p.nothingLeft()
		}
		a.close()
	}
}

// A call with camera can be answered without, and the camera follows later.
func TestAcceptWithoutCamera(t *testing.T) {
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	a.calls("bob", "video")
	b.state("ringing")
	b.click("#accept-voice")
	sees(b)
	hearsOther(a, bobTone)
	if eval[bool](a, `document.getElementById("other").videoWidth > 0`) || eval[bool](b, `everfile.page.own.media().video`) {
		t.Error("accepted without camera, the camera is on")
	}
	b.click("#camera")
	sees(a)
	a.click("#hangup")
	b.state("idle")
	b.nothingLeft()
}

// A browser that sends no picture, or no sound: neither side believes that there is one.
func TestHalfACall(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	b := caller(startChromium(t), s, "bob", bobTone)
	a := caller(chrome, s, "alice", aliceTone, `(function (can) {
		MediaRecorder.isTypeSupported = (type) => !/^video/.test(type) && can.call(MediaRecorder, type);
	}(MediaRecorder.isTypeSupported)); HTMLCanvasElement.prototype.toDataURL = () => "data:image/png;base64,";`)
	connect(a, b, "alice", "bob")
	a.says("#notice-text", "bob does not see you")
	a.until(`document.getElementById("own-unseen").offsetParent`)
	b.says("#cover-text", "There is only sound from alice")
	hearsOther(b, aliceTone)
	sees(a)
	a.click("#hangup")
	b.state("idle")
	a.close()

	c := caller(chrome, s, "carol", aliceTone, noRecorder+`delete window.AudioContext;`)
	connect(c, b, "carol", "bob")
	c.says("#notice-text", "bob sees you and cannot hear you: this browser can send pictures, but no sound.")
	c.until(`document.getElementById("own-unheard").offsetParent`)
	b.says("#cover-text", "carol cannot be heard: that browser can send pictures, but no sound.")
	seesPictures(b)
	sees(c)
	hearsOther(c, bobTone)
}

// A text message that is lost is shown to be so, and arrives later, once.
func TestMessagesArrive(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	lose := func(p *tab, kind string) {
		eval[bool](p, fmt.Sprintf(`(function (phone, send) {
			var lost = false;
			phone.send = function (data) {
				if (lost || data.kind !== %q) { return send(data); }
				return lost = true;
			};
			return true;
		}(everfile.page.phone, everfile.page.phone.send))`, kind))
	}
	late := func(n int) {
		t.Helper()
		a.until(fmt.Sprintf(`Array.from(document.querySelectorAll("#messages .late")).filter((e) => e.textContent === "Not delivered yet.").length === %d`, n))
	}
	a.click("#chat-button")
	lose(a, "chat")
	a.write("first")
	late(1)
	lose(b, "got")
	a.write("second")
	b.says("#messages", "second")
	late(2)
	b.reload() // and as bob is back, both are sent again
	b.says("#messages", "first")
	late(0)
	if n := eval[int](b, `document.querySelectorAll("#messages .said").length`); n != 2 {
		t.Errorf("bob reads %d messages", n)
	}
}

// A network that goes while it rings, here or there: the page says so, rings again
// when it is back, and does not ring for ever.
func TestLostWhileItRings(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{Calls: calls.Options{Grace: 4 * time.Second}})
	far, network := s.behind(t)
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	b := caller(chrome, far, "bob", bobTone)
	a.calls("bob", "voice")
	b.state("ringing")
	network.Set("", fault.Rule{Refuse: true})
	b.says("#ringing-text", "Connection lost, trying again.")
	b.until(`testLeft() === ""`) // nothing sounds or flashes
	network.Set("", fault.Rule{})
	b.says("#ringing-text", "is calling.")
	b.until(`document.title === "alice is calling"`)
	network.Set("", fault.Rule{Refuse: true})
	b.says("#outcome", "You missed a call from alice: the connection was lost.")
	b.focus("#outcome")
	b.until(`document.getElementById("again").disabled`)
	a.says("#outcome", "bob is gone")
	network.Set("", fault.Rule{})
	b.state("idle")
	b.click("#again")
	a.state("ringing")
	b.says("#calling-text", "Ringing.")
	network.Set("", fault.Rule{Refuse: true})
	b.says("#calling-text", "Connection lost, trying again.")
	b.says("#outcome", "The connection was lost before alice answered.")
	a.says("#outcome", "bob is gone")
	network.Set("", fault.Rule{})
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
}

// A page that comes back to a call that is over says so.
func TestEndedWhileAway(t *testing.T) {
	s := serve(t, relay.Options{})
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone)
	b := caller(chrome, s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	b.open(s.url + "/live")
	a.says("#banner", "bob's connection is lost")
	eval[bool](a, `(function (phone) {
		phone.send = function (data) { window.sentAway = data; };
		return true;
	}(everfile.page.phone))`)
	a.click("#mute") // which bob would learn when he is back
	if eval[bool](a, `!!window.sentAway`) {
		t.Error("while bob is away he is told what he cannot hear")
	}
	a.click("#hangup")
	b.open(s.url + "/")
	b.state("idle")
	b.says("#outcome", "The call with alice ended while this page was away.")
	b.reload()
	b.state("idle")
	b.until(`document.getElementById("ended").hidden`)
}
