package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"everfile/relay"
)

// person is somebody at a call page, in whatever browser.
type person struct {
	name, what string
	until      func(js string)
	value      func(js string) string // as JSON
	devices    bool                   // the page has a microphone that we made, and WebAudio to listen with
	tone       int
	seen       bool                          // has a camera
	hears      func(tone int) (dB float64)   // of a second that it played
	heardAt    func(click time.Time) float64 // s until it sounded, about
}

func (p *person) state(s string) {
	p.until(fmt.Sprintf(`document.body.getAttribute("data-state") === %q`, s))
}

func (p *person) click(selector string) {
	p.until(fmt.Sprintf(`(function () {
		var e = document.querySelector(%q);
		if (!e || e.disabled || !e.offsetParent && getComputedStyle(e).position !== "fixed") { return false; }
		e.click();
		return true;
	}())`, selector))
}

// firstSound notes when the other is heard first.
const firstSound = `(window.soundAt = 0, measure.tap(document.getElementById("other")).then(function (node) {
	var a = node.context.createAnalyser(), wave = new Float32Array(512);
	a.fftSize = 512;
	node.connect(a);
	(function look() {
		a.getFloatTimeDomainData(wave);
		for (var i = 0, sum = 0; i < 512; i++) { sum += wave[i] * wave[i]; }
		if (Math.sqrt(sum / 512) > 0.005) { window.soundAt = Date.now(); node.disconnect(a); } else { setTimeout(look, 10); }
	}());
}), true)`

// inPage is how a page with WebAudio listens by itself.
func (p *person) inPage() {
	p.hears = func(tone int) (dB float64) {
		p.until(fmt.Sprintf(`(window.asked = window.asked || measure.tone(document.getElementById("other"), %d, 20).then(function (db) {
			window.asked = null;
			window.heard = db;
		}), window.heard >= 20)`, tone))
		_ = json.Unmarshal([]byte(p.value(`window.heard`)), &dB)
		return dB
	}
	p.heardAt = func(click time.Time) float64 {
		p.until(`window.soundAt > 0`)
		var at int64
		_ = json.Unmarshal([]byte(p.value(`window.soundAt`)), &at)
		return time.UnixMilli(at).Sub(click).Seconds()
	}
}

// moves waits until the other's picture has changed several times.
func (p *person) moves() {
	p.value(`(window.shots = [], window.shot = function () {
		var v = document.getElementById("other"), c = document.createElement("canvas"), s;
		c.width = 32;
		c.height = 18;
		c.getContext("2d").drawImage(v.videoWidth ? v : document.getElementById("other-picture"), 0, 0, 32, 18);
		s = c.toDataURL();
		if (window.shots.indexOf(s) < 0) { window.shots.push(s); }
		return window.shots.length > 3;
	}, true)`)
	p.until(`window.shot()`)
}

// formats is what the page publishes and plays.
func (p *person) formats() (publish, play string) {
	var all [2]string
	_ = json.Unmarshal([]byte(p.value(`(function (s) {
		return [s.publish, s.play].map(function (l) { return l.map(function (f) { return f.mime; }).join(" + "); });
	}(everfile.page.phone.stats()))`)), &all)
	return all[0], all[1]
}

// behind is how far the page is behind live, in s, the median of some looks; "-" if
// its player cannot know.
func (p *person) behind() string {
	p.value(`(window.lags = [], window.lagTimer = setInterval(function () {
		everfile.page.phone.stats().play.forEach(function (f) { if (typeof f.behind === "number") { window.lags.push(f.behind); } });
	}, 100), true)`)
	time.Sleep(8 * time.Second)
	var lags []float64
	_ = json.Unmarshal([]byte(p.value(`(clearInterval(window.lagTimer), window.lags.sort(function (a, b) { return a - b; }))`)), &lags)
	if len(lags) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f s", lags[len(lags)/2])
}

// people are the browsers of the matrix, each with a fresh process.
type people struct {
	t *testing.T
	s *site
	n int
}

func (m *people) chromium(what, more string) *person {
	m.n++
	p := &person{name: fmt.Sprintf("p%d", m.n), what: what, devices: true, tone: 700 + 300*m.n, seen: true}
	tab := caller(startChromium(m.t), m.s, p.name, p.tone, more)
	p.until = tab.until
	p.value = func(js string) string { return string(eval[json.RawMessage](tab, js)) }
	p.inPage()
	return p
}

func (m *people) engine(what string, e *engine, own *site) *person {
	p := &person{name: fmt.Sprintf("p%d", m.n), what: what, tone: 700 + 300*m.n}
	if own == nil {
		e.open(m.s.url + "/")
	}
	e.state("offline")
	ask[bool](e, fmt.Sprintf(`(document.getElementById("name").value = %q, document.getElementById("online").click(), true)`, p.name))
	e.state("idle")
	p.until = e.until
	p.value = func(js string) string { return string(ask[json.RawMessage](e, js)) }
	return p
}

// scripts are what the tests inject for devices of their own.
func (m *people) scripts() []string {
	m.n++
	return []string{script(m.t, "measure.js"), fmt.Sprintf("window.testDevices = {tone: %d, width: 320, height: 180, fps: 15}", 700+300*m.n), script(m.t, "devices.js")}
}

func (m *people) firefox(more ...string) *person {
	e, own := firefoxEngine(m.t, m.s, append(m.scripts(), more...)...)
	p := m.engine("Firefox", e, own)
	p.devices, p.seen = true, true
	p.inPage()
	return p
}

func (m *people) webkit() *person {
	p := m.engine("WebKitGTK", webkitGTK(m.t, m.scripts()...), nil)
	p.devices, p.seen = true, true
	p.inPage()
	return p
}

func (m *people) qtWebkit() *person {
	m.n++
	e := qtWebKit(m.t)
	p := m.engine("QtWebKit", e, nil)
	p.hears = func(tone int) float64 { return e.hears(float64(tone)) }
	p.heardAt = func(click time.Time) float64 {
		for len(e.played()) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		return time.Since(click).Seconds()
	}
	return p
}

// TestMatrix is calls between all kinds of browsers that there are here: each direction
// moves, and sounds like the other side where that has a microphone. It prints what was
// negotiated, when the first sound came after the click that accepts, and how far each
// is behind live.
func TestMatrix(t *testing.T) {
	long(t)
	need(t, "chromium", "firefox-esr")
	opera := script(t, "opera12.js")
	for _, pair := range []struct {
		name string
		a, b func(*people) *person
	}{
		{"Chromium-Chromium", whole, whole},
		{"Chromium-Firefox", whole, fox},
		{"Chromium-no recorder", whole, stripped},
		{"Chromium-encoders", whole, func(m *people) *person {
			return m.chromium("Chromium with WebCodecs, without MediaRecorder", "delete window.MediaRecorder;")
		}},
		{"Chromium-Opera 12", whole, func(m *people) *person {
			p := m.chromium("Opera 12's set", opera)
			p.devices = false
			return p
		}},
		{"Firefox-Firefox", fox, fox},
		{"Firefox-no recorder", fox, stripped},
		{"Chromium-WebKitGTK", whole, (*people).webkit},
		{"Chromium-QtWebKit", whole, (*people).qtWebkit},
	} {
		t.Run(pair.name, func(t *testing.T) {
			m := &people{t: t, s: serve(t, relay.Options{})}
			matrixCall(t, pair.a(m), pair.b(m))
		})
	}
}

func fox(m *people) *person { return m.firefox() }

func whole(m *people) *person { return m.chromium("Chromium", "") }

func stripped(m *people) *person {
	return m.chromium("Chromium without MediaRecorder and WebCodecs", noRecorder)
}

func matrixCall(t *testing.T, a, b *person) {
	clicked := a.calls(b)
	for _, way := range []struct{ from, to *person }{{a, b}, {b, a}} {
		publish, _ := way.from.formats()
		_, play := way.to.formats()
		row := []string{way.from.what + " → " + way.to.what, publish, play, "no microphone"}
		if way.from.devices {
			row[3] = fmt.Sprintf("first sound %.1f s", way.to.heardAt(clicked))
		}
		way.from.sendsTo(t, way.to, publish, play)
		t.Log(strings.Join(append(row, "behind "+way.to.behind()), " | "))
	}
	a.hangsUp(b)
}

// calls has b accept a's call, and returns when that was.
func (p *person) calls(b *person) (clicked time.Time) {
	p.click(fmt.Sprintf(`#people [data-caller=%q] .call-video`, b.name))
	b.state("ringing")
	for _, q := range []*person{p, b} {
		if q.what != "QtWebKit" { // which has no WebAudio
			q.value(firstSound)
		}
	}
	clicked = time.Now()
	b.click("#accept")
	p.state("talking")
	b.state("talking")
	return clicked
}

// sendsTo demands that the other hears and sees what somebody has, in these formats.
func (p *person) sendsTo(t *testing.T, to *person, publish, play string) {
	t.Helper()
	if p.devices {
		t.Logf("%s hears %s, %.0f dB above the rest", to.what, p.what, to.hears(p.tone))
	}
	if p.seen {
		to.moves()
	}
	if got, _ := p.formats(); got != publish {
		t.Errorf("%s publishes %s; expected %s", p.what, got, publish)
	}
	if _, got := to.formats(); got != play {
		t.Errorf("%s plays %s; expected %s", to.what, got, play)
	}
}

func (p *person) hangsUp(b *person) {
	p.click("#hangup")
	p.state("idle")
	b.state("idle")
}
