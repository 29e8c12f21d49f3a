package e2e

import (
	"fmt"
	"testing"

	"everfile/relay"
)

// early opens a page of testdata/pages that makes a call by itself; the microphone
// gives a tone.
func early(b *browser, url string, tone int, more ...string) *tab {
	b.t.Helper()
	p := b.newTab(append([]string{fmt.Sprintf("window.testDevices = {tone: %d}", tone), script(b.t, "measure.js"), script(b.t, "devices.js")}, more...)...)
	p.open(url)
	return p
}

// The tutorial with rooms: one page makes a number, another is opened with the link
// that it shows.
func TestTutorialWithRooms(t *testing.T) {
	thorough(t)
	s, _ := serveWithPages(t, relay.Options{})
	chrome := startChromium(t)
	a := early(chrome, s.url+"/static/test/rooms.html", aliceTone)
	a.says("#status", "in room")
	b := early(chrome, eval[string](a, `document.getElementById("link").href`), bobTone)
	talk(a, b)
}

// held keeps what a page sends back until testRelease is called.
const held = `
	window.testHeld = [];
	window.testRelease = function () {
		WebSocket.prototype.send = window.testSend;
		window.testHeld.forEach(function (send) { send(); });
		return true;
	};
	window.testSend = WebSocket.prototype.send;
	WebSocket.prototype.send = function (text) { window.testHeld.push(window.testSend.bind(this, text)); };`

// The demo with plain packets: one presses the button; and both before they know of
// the other's offer, whichever of them comes first. A window that is closed the
// other page tells of.
func TestTutorialWithPackets(t *testing.T) {
	thorough(t)
	s, _ := serveWithPages(t, relay.Options{})
	chrome := startChromium(t)
	for _, row := range []struct {
		room string // of two windows
		a, b int    // their tieBreakers; of b 0: it does not press the button
	}{{"one", 7, 0}, {"lower-first", 7, 8}, {"higher-first", 8, 7}} {
		t.Run(row.room, func(t *testing.T) {
			chrome := &browser{t: t, ctx: chrome.ctx}
			url := s.url + "/static/test/packets.html?room=" + row.room
			a := early(chrome, url, aliceTone, fmt.Sprintf("window.testTieBreaker = %d;", row.a), held)
			b := early(chrome, url, bobTone, fmt.Sprintf("window.testTieBreaker = %d;", row.b), held)
			for _, p := range []*tab{a, b} {
				p.until(`!document.getElementById("connect").disabled`)
				if p == a || row.b != 0 {
					p.click("#connect")
					p.until(`window.testHeld.length === 1`)
				}
			}
			eval[bool](a, `testRelease()`)
			if row.b != 0 {
				b.says("#status", "Both have offered")
			}
			eval[bool](b, `testRelease()`)
			talk(a, b)
			for _, p := range []*tab{a, b} {
				p.says("#status", "connected")
			}
			b.close()
			a.says("#status", "FAILED: The other one in room")
		})
	}
}

// talk demands that both see and hear each other.
func talk(a, b *tab) {
	a.t.Helper()
	sees(a)
	sees(b)
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
}
