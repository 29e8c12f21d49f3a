package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"everfile/relay"
)

// tenLines is the page that stands in the README.
func tenLines(t *testing.T) string { return script(t, "tenlines.html") }

func TestTenLinesAreTheReadmes(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```html\n"+tenLines(t)+"```\n") {
		t.Error("README.md does not have testdata/pages/tenlines.html as it is")
	}
}

// elsewhere serves the ten lines from an origin of its own, for a server that allows
// it or not.
func elsewhere(t *testing.T, allow bool) (*site, string) {
	t.Helper()
	var text string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, text)
	}))
	t.Cleanup(other.Close)
	var o relay.Options
	if allow {
		o.AllowOrigin = []string{other.URL}
	}
	s := serve(t, o)
	text = strings.ReplaceAll(tenLines(t), "http://localhost:8080", s.url)
	return s, other.URL
}

// tenLinesOf opens the page as somebody, whose microphone gives a tone.
func tenLinesOf(b *browser, url, name string, tone int, more ...string) *tab {
	b.t.Helper()
	p := b.newTab(append([]string{fmt.Sprintf("window.testDevices = {tone: %d}", tone), script(b.t, "measure.js"), script(b.t, "devices.js")}, more...)...)
	p.open(url + "/#" + name)
	p.until(`me.phone && window.everfile.server !== ""`)
	return p
}

// seesThem waits until the picture of the other one moves.
func seesThem(p *tab) {
	p.t.Helper()
	p.until(`document.getElementById("them").readyState > 2`)
	eval[bool](p, `(window.clockThen = measure.clock(document.getElementById("them")), true)`)
	p.until(`measure.clock(document.getElementById("them")) !== window.clockThen`)
}

// Ten lines on a page of another origin make a call with our own page, by files alone,
// with each other, directly, and are in it again when one is loaded again.
func TestTenLines(t *testing.T) {
	s, url := elsewhere(t, true)
	a := tenLinesOf(startChromium(t), url, "alice", aliceTone, old)
	b := caller(startChromium(t), s, "bob", bobTone)
	b.until(`document.querySelector("#people [data-caller=alice]")`)
	a.click("#call")
	b.state("ringing")
	b.click("#accept")
	sees(b)
	seesThem(a)
	hearsOther(b, aliceTone)
	hearsIn(a, "#them", bobTone)
	b.click("#hangup")
	a.says("#say", "bob hung up")
	a.until(`!document.getElementById("them").getAttribute("src") && testLeft().indexOf("0 tracks") === 0`)
	b.calls("alice", "video")
	b.state("talking")
	sees(b)
	seesThem(a)
	a.reload()
	a.until(`me.stats().state === "talking"`)
	seesThem(a)
	hearsOther(b, aliceTone)
}

func TestTenLinesWithEachOther(t *testing.T) {
	_, url := elsewhere(t, true)
	a := tenLinesOf(startChromium(t), url, "alice", aliceTone)
	b := tenLinesOf(startChromium(t), url, "bob", bobTone)
	for _, p := range []*tab{a, b} {
		p.until(`me.phone.stats().state === "idle" && window.everfile.can`)
	}
	a.until(`(me.call("bob"), me.stats().state !== "idle")`)
	for p, tone := range map[*tab]int{a: bobTone, b: aliceTone} {
		p.until(`me.stats().state === "talking"`)
		p.until(`me.stats().way.state === "direct" && document.getElementById("them").srcObject`)
		seesThem(p)
		hearsIn(p, "#them", tone)
	}
	eval[bool](b, `me.hangup()`)
	a.says("#say", "bob hung up")
	a.until(`!document.getElementById("them").srcObject`)
}

// Every other way that the client goes leads to another origin as well: events and POST
// where there is no WebSocket, samples by a worklet and single pictures where there is no
// recorder.
func TestTenLinesByOtherWays(t *testing.T) {
	thorough(t)
	_, url := elsewhere(t, true)
	a := tenLinesOf(startChromium(t), url, "alice", aliceTone, old, noWebSocket)
	b := tenLinesOf(startChromium(t), url, "bob", bobTone, old, noRecorder, `delete BaseAudioContext.prototype.createScriptProcessor;`)
	for _, p := range []*tab{a, b} {
		p.until(`me.stats().state === "idle" && everfile.can`)
	}
	a.until(`(me.call("bob"), me.stats().state !== "idle")`)
	b.until(`me.stats().publish.length === 2`)
	seesThem(b)
	hearsIn(b, "#them", aliceTone)
	hearsIn(a, "#them", bobTone)
	a.until(`document.querySelector("img").naturalWidth > 0`)
	eval[bool](a, `(window.clockThen = measure.clock(document.querySelector("img")), true)`)
	a.until(`measure.clock(document.querySelector("img")) !== window.clockThen`)
}

// A page that is not allowed is told what to do.
func TestTenLinesRefused(t *testing.T) {
	_, url := elsewhere(t, false)
	a := tenLinesOf(startChromium(t), url, "alice", aliceTone)
	a.says("#say", "start it with --allow-origin "+url)
}
