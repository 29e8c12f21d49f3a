package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"testing"
)

// old takes from a browser what this product does without.
const old = `delete window.RTCPeerConnection; delete window.webkitRTCPeerConnection;`

// caller opens the call page and goes online; the microphone gives a tone.
func caller(b *browser, s *site, name string, tone int, more ...string) *tab {
	b.t.Helper()
	return callerWith(b, s, name, fmt.Sprintf("{tone: %d}", tone), more...)
}

// callerWith is caller with any devices.
func callerWith(b *browser, s *site, name, devices string, more ...string) *tab {
	b.t.Helper()
	scripts := append([]string{old, "window.testDevices = " + devices, script(b.t, "measure.js"), script(b.t, "devices.js")}, more...)
	p := b.newTab(scripts...)
	p.open(s.url + "/")
	p.until(`document.body.getAttribute("data-state") === "offline"`)
	p.online(name)
	return p
}

func (p *tab) online(name string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(document.getElementById("name").value = %q, document.getElementById("online").click(), true)`, name))
	p.state("idle")
	eval[bool](p, `(window.testMark && testMark(), true)`)
}

func (p *tab) state(s string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.body.getAttribute("data-state") === %q`, s))
}

// click clicks what is there and can be clicked.
func (p *tab) click(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`(function () {
		var e = document.querySelector(%q);
		if (!e || e.disabled || !e.offsetParent && getComputedStyle(e).position !== "fixed") { return false; }
		e.click();
		return true;
	}())`, selector))
}

// press is click by somebody who uses keys: the focus is there before.
func (p *tab) press(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`(function () {
		var e = document.querySelector(%q);
		if (!e || e.disabled || !e.offsetParent) { return false; }
		e.focus();
		document.activeElement.click();
		return true;
	}())`, selector))
}

// focus waits until the focus is on an element.
func (p *tab) focus(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.activeElement === document.querySelector(%q)`, selector))
}

// write sends a text message.
func (p *tab) write(words string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(document.getElementById("chat-text").value = %q, document.getElementById("chat-send").click(), true)`, words))
}

// calls clicks the button beside somebody.
func (p *tab) calls(who, kind string) {
	p.t.Helper()
	p.click(fmt.Sprintf(`#people [data-caller=%q] .call-%s`, who, kind))
}

// says waits for words on the page.
func (p *tab) says(selector, words string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q).textContent.indexOf(%q) >= 0`, selector, words))
}

// connect has one call the other, who accepts.
func connect(a, b *tab, from, to string) {
	a.t.Helper()
	a.calls(to, "video")
	b.state("ringing")
	b.says("#ringing-name", from)
	b.click("#accept")
	for _, p := range []*tab{a, b} {
		p.state("talking")
	}
}

// sees waits until the other's picture moves: its painted clock goes on.
func sees(p *tab) {
	p.t.Helper()
	p.until(`document.getElementById("other").readyState > 2`)
	eval[bool](p, `(window.clockThen = measure.clock(document.getElementById("other")), window.timeThen = document.getElementById("other").currentTime, true)`)
	p.until(`(function () {
		var v = document.getElementById("other");
		return measure.clock(v) !== window.clockThen && v.currentTime - window.timeThen > 1;
	}())`)
}

// plays waits until the other's file goes on, whatever is in it.
func plays(p *tab) {
	p.t.Helper()
	eval[bool](p, `(window.timeThen = document.getElementById("other").currentTime, true)`)
	p.until(`Math.abs(document.getElementById("other").currentTime - window.timeThen) > 1`)
}

func hearsOther(p *tab, tone int) {
	p.t.Helper()
	hearsIn(p, "#other", tone)
}

// silent waits until nothing is heard of a tone.
func silent(p *tab, tone int) {
	p.t.Helper()
	silentIn(p, "#other", tone)
}

func silentIn(p *tab, element string, tone int) {
	p.t.Helper()
	p.until(fmt.Sprintf(`(window.wasLoud = window.wasLoud || measure.level(document.querySelector(%q), %d, 1).then(function (db) {
		window.wasLoud = null;
		window.lastLevel = db;
	}), window.lastLevel < -60)`, element, tone))
	eval[bool](p, `(window.lastLevel = 0, true)`)
}

// file is the address of a side of the call, as the page shows it.
func (p *tab) file(id string) string {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.getElementById(%q).textContent.indexOf("http") === 0`, id))
	return eval[string](p, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// gone demands that a file of a call is no more.
func gone(t *testing.T, url string) {
	t.Helper()
	missing(t, url, "That call is over")
}

// missing demands that there is no file, with these words.
func missing(t *testing.T, url, words string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(b), words) {
		t.Errorf("%s: %s %s", url, resp.Status, b)
	}
}

// nothingLeft demands that a page holds nothing of a call: no file, no device, no
// running AudioContext, no interval.
func (p *tab) nothingLeft() {
	p.t.Helper()
	p.until(`!document.getElementById("other").getAttribute("src") && !document.getElementById("self").srcObject && !document.getElementById("preview").srcObject`)
	p.until(`(window.lastLeft = testLeft()) === ""`)
}
