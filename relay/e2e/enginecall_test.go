package e2e

import (
	"fmt"
	"testing"

	"everfile/relay"
)

// engineCaller opens the call page in an engine and goes online.
func engineCaller(e *engine, s *site, name string) {
	e.t.Helper()
	e.open(s.url + "/")
	e.state("offline")
	ask[bool](e, fmt.Sprintf(`(document.getElementById("name").value = %q, document.getElementById("online").click(), true)`, name))
	e.state("idle")
}

// state waits for a state of the call page.
func (e *engine) state(s string) {
	e.t.Helper()
	e.until(fmt.Sprintf(`document.body.getAttribute("data-state") === %q`, s))
}

// click clicks what is there and can be clicked.
func (e *engine) click(selector string) {
	e.t.Helper()
	e.until(fmt.Sprintf(`(function () {
		var e = document.querySelector(%q);
		if (!e || e.disabled || !e.offsetParent && getComputedStyle(e).position !== "fixed") { return false; }
		e.click();
		return true;
	}())`, selector))
}

// hearsIn is hears for one of several sounds, which would write over each other: it
// listens inside the page, and needs measure.js there.
func (e *engine) hearsIn(selector string, hz int) {
	e.t.Helper()
	e.until(fmt.Sprintf(`(async () => {
		window.heard = await measure.tone(document.querySelector(%q), %d, 20);
		return window.heard >= 20;
	})()`, selector, hz))
	e.t.Logf("%s hears the sender's tone %.1f dB above the rest", e.name, ask[float64](e, `window.heard`))
}

// Calls from Chromium to engines that record no WebM, and to one that records nothing:
// whoever can be heard is heard.
func TestCallsToEngines(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	callWebKitGTK(t, s, a, "voice")
	callWebKitGTK(t, s, a, "video")
	callQtWebKit(t, s, a)
}

func callWebKitGTK(t *testing.T, s *site, a *tab, kind string) {
	devices := fmt.Sprintf("window.testDevices = {tone: %d, width: 160, height: 90, fps: 5}", bobTone)
	e := webkitGTK(t, script(t, "measure.js"), devices, script(t, "devices.js"))
	engineCaller(e, s, "bob-"+kind)
	a.calls("bob-"+kind, kind)
	e.state("ringing")
	e.click("#accept")
	a.state("talking")
	e.state("talking")
	e.hearsIn("#other", aliceTone)
	hearsOther(a, bobTone)
	e.threw()
	a.click("#hangup")
	e.state("idle")
	a.state("idle")
}

func callQtWebKit(t *testing.T, s *site, a *tab) {
	e := qtWebKit(t)
	engineCaller(e, s, "carol")
	a.calls("carol", "voice")
	e.state("ringing")
	e.click("#accept")
	a.state("talking")
	e.state("talking")
	t.Logf("%s hears the sender's tone %.1f dB above the rest", e.name, e.hears(aliceTone))
	e.threw()
	a.click("#hangup")
	e.state("idle")
}
