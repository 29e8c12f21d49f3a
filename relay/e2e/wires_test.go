package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"everfile/relay"
	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// textOnly makes a browser's WebSockets those of 2011: they know no chunks. It counts
// what they send besides JSON.
const textOnly = `(function () {
	const send = WebSocket.prototype.send;
	delete WebSocket.prototype.binaryType;
	window.textChunks = 0;
	WebSocket.prototype.send = function (data) {
		if (typeof data !== "string") { throw new TypeError("text only"); }
		if (data[0] !== "{") { window.textChunks++; }
		send.call(this, data);
	};
}());`

const noWebSocket = `delete window.WebSocket;`

// narrow is a proxy of the kind that lets no WebSocket through.
type narrow struct {
	upgrades, lines, said, chunks atomic.Int64 // requests: refused, and the three that do instead
}

// narrowed puts such a proxy before a server.
func (s *site) narrowed(t *testing.T) (*site, *narrow) {
	t.Helper()
	far, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	n := &narrow{}
	transport := &http.Transport{}
	pass := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(far)
		r.Out.Host = r.In.Host
	}}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		via := r.URL.Query().Get("via")
		switch {
		case r.Header.Get("Upgrade") != "":
			n.upgrades.Add(1)
			http.Error(w, "no upgrades here", http.StatusBadRequest)
			return
		case via == "events":
			n.lines.Add(1)
		case via != "":
			n.said.Add(1)
		case r.Method == http.MethodPost:
			n.chunks.Add(1)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		proxy.CloseClientConnections()
		proxy.Close()
		transport.CloseIdleConnections()
	})
	return &site{url: proxy.URL, server: s.server, stop: s.stop}, n
}

// bothTalk demands of a call what it is for.
func bothTalk(a, b *tab) {
	a.t.Helper()
	sees(a)
	sees(b)
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
}

// A call between one whose WebSocket sends text only and one behind a proxy that
// lets none through.
func TestCallWithoutUpgrades(t *testing.T) {
	s := serve(t, relay.Options{})
	far, proxy := s.narrowed(t)
	chrome := startChromium(t)
	a := caller(chrome, s, "alice", aliceTone, textOnly)
	b := caller(startChromium(t), far, "bob", bobTone)
	connect(a, b, "alice", "bob")
	bothTalk(a, b)
	if n := eval[int](a, `window.textChunks`); n < 20 {
		t.Errorf("alice has sent %d chunks as text", n)
	}
	up, lines, said, chunks := proxy.upgrades.Load(), proxy.lines.Load(), proxy.said.Load(), proxy.chunks.Load()
	t.Logf("the proxy has refused %d upgrades and passed %d lines, %d POSTs of messages and %d of chunks on", up, lines, said, chunks)
	if up < 2 || up > 3 || lines < 1 || said < 2 || chunks < 20 {
		t.Error("expected two upgrades or three, one line, and POSTs of both kinds")
	}
	own, other := a.file("own-url"), a.file("other-url")
	a.click("#chat-button")
	a.write("to bob")
	b.says("#messages", "to bob")
	b.click("#chat-button")
	b.write("to alice")
	a.says("#messages", "to alice")
	b.click("#hangup")
	for _, p := range []*tab{a, b} {
		p.state("idle")
		p.nothingLeft()
	}
	a.says("#outcome", "bob hung up")
	gone(t, own)
	gone(t, other)
	b.open(far.url + "/live") // the page says goodbye: nobody waits for its network
	a.until(`!document.querySelector("#people [data-caller=bob]")`)
	caller(chrome, s, "bob", bobTone) // so the name is free
}

// A browser without window.WebSocket, and a network that is away for five seconds: the
// call goes on, in the same files.
func TestCallWithoutWebSocketIsCut(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	far, network := s.behind(t)
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), far, "bob", bobTone, noWebSocket)
	connect(a, b, "alice", "bob")
	bothTalk(a, b)
	url := a.file("other-url")
	network.Set("", fault.Rule{Refuse: true})
	b.says("#banner", "Connection lost, trying again")
	a.says("#banner", "bob's connection is lost")
	rest(a, 5*time.Second)
	network.Set("", fault.Rule{})
	for _, p := range []*tab{a, b} {
		p.until(`document.getElementById("banner").textContent.indexOf("lost") < 0`)
		p.state("talking")
	}
	bothTalk(a, b)
	if now := strings.Replace(a.file("other-url"), far.url, s.url, 1); now != url {
		t.Errorf("bob's file was %s and is %s", url, now)
	}
	a.click("#hangup")
	b.state("idle")
	b.nothingLeft()
}

// What is recorded in five seconds without a network arrives by POST as it does by
// WebSocket: all of it, once.
func TestNothingIsLostByPOST(t *testing.T) {
	need(t, "ffmpeg")
	s := serve(t, relay.Options{})
	far, network := s.behind(t)
	p := startChromium(t).newTab(noWebSocket, `window.testDevices = {tone: 1000}`, script(t, "devices.js"))
	p.open(far.url + "/static/record.html?name=alice")
	p.record()
	body := s.follow(t, "/alice.webm?mode=complete")
	rest(p, time.Second)
	network.Set("", fault.Rule{Refuse: true})
	p.until(`document.getElementById("state").getAttribute("data-state") === "lost"`)
	rest(p, 5*time.Second)
	network.Set("", fault.Rule{})
	p.until(`document.getElementById("state").getAttribute("data-state") === "back"`)
	rest(p, time.Second)
	eval[bool](p, `(document.getElementById("stop").click(), true)`)
	j := streamtest.JudgeBytes(t, "body.webm", body())
	if len(j.Errors) > 0 {
		t.Errorf("ffmpeg complains: %v", j.Errors)
	}
	sound := j.Span(false, 0)
	for i := 1; i < len(sound); i++ {
		if step := sound[i].PTS - sound[i-1].PTS; step > 70*time.Millisecond || step <= 0 {
			t.Errorf("after the sound at %v comes that of %v", sound[i-1].PTS, sound[i].PTS)
		}
	}
	if d := sound[len(sound)-1].PTS - sound[0].PTS; d < 7*time.Second {
		t.Errorf("there are %v of sound", d)
	}
}
