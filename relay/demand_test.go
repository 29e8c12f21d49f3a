package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
)

// Somebody who listens is told of at once, that nobody does any more after a while, and
// nothing twice.
func TestWish(t *testing.T) {
	const after = 10
	for _, c := range []struct {
		name     string
		listened string // in each second: "x", or "." if nobody does
		told     string // "+" somebody does, "-" nobody does any more, "." nothing
	}{
		{"never", "............", "..........-."},
		{"from the begin", "xxxx", "+..."},
		{"later", "..xx", "..+."},
		{"after it was said that nobody does", "............x.", "..........-.+."},
		{"leaves", "xx............", "+..........-.."},
		{"leaves and comes back in time", "x.........x...........", "+...................-."},
		{"now and then", "x....x....x....x", "+..............."},
	} {
		var w wish
		var told strings.Builder
		now := time.Unix(1e9, 0)
		for _, x := range c.listened {
			switch tell := w.look(x == 'x', now, after*time.Second); {
			case !tell:
				told.WriteByte('.')
			case w.on:
				told.WriteByte('+')
			default:
				told.WriteByte('-')
			}
			now = now.Add(time.Second)
		}
		if told.String() != c.told {
			t.Errorf("%s: for\n%s is told\n%s, expected\n%s", c.name, c.listened, told.String(), c.told)
		}
	}
}

// Who speaks in a file is woken at once when somebody asks for it, as long as he does.
func TestAskedAtOnce(t *testing.T) {
	const file, other = "call-x/alice", "call-x/bob"
	var d demand
	c := &session{asked: make(chan struct{}, 1)}
	d.speak(c, []string{file})
	for range 2 {
		d.ask(file)()
	}
	if len(c.asked) != 1 {
		t.Error("asked twice, the speaker is not woken")
	}
	<-c.asked
	d.ask(other)()
	d.ask("alice")()
	d.speak(c, nil)
	d.ask(file)()
	if len(c.asked) != 0 {
		t.Error("woken for a file of somebody else, or of before")
	}
	if n := len(d.asking) + len(d.speakers) + len(d.speaks); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// hearDemand waits until a caller is told of demand for its file.
func (p *phone) hearDemand(path string, on bool) {
	p.t.Helper()
	for {
		if m := p.hear("demand"); m.URL != path {
			p.t.Fatalf("%s is told of %s", p.name, m.URL)
		} else if *m.On == on {
			return
		}
	}
}

// In a call a publisher that nobody listens to is told so, and pauses; whoever then asks
// for the file waits, the publisher is told at once, and both get the next run.
func TestDemand(t *testing.T) {
	o := wide()
	o.Unheard = 20 * time.Millisecond
	o.Stream.Grace = time.Millisecond // which a pause does not have
	r := start(t, "http", o)
	c := r.call()
	url := c.startA.Publish[0].URL
	path := c.startA.Publish[0].Path()
	chunks := capture(t, picture)
	head := r.ask("HEAD", path+"?wait=1m", nil)
	eventually(t, "somebody asks how it is", func() bool { return r.registered(entryOf(path)) })
	if r.s.demand.waits(entryOf(path)) {
		t.Error("who only asks how it is counts as a listener")
	}
	p := r.publish(url + "&run=one")
	p.send(chunks[:2]...)
	p.acked(2)
	head()
	c.a.hearDemand(path, false)
	old := r.listen(path)
	c.a.hearDemand(path, true)
	old.has(1)
	old.resp.Body.Close()
	c.a.hearDemand(path, false)

	p = r.publish(url + "&run=two&paused=1")
	if !r.s.hub.Paused(entryOf(path)) {
		t.Error("it is not paused")
	}
	p.c.abandon() // as when a network flaps
	eventually(t, "its publisher is lost", func() bool { return r.s.hub.Registered(entryOf(path)) })
	p = r.publish(url + "&run=two&paused=1")
	if !*p.ready.Known {
		t.Error("the paused run is not known any more")
	}

	asked := r.ask("GET", path, nil)
	c.a.hearDemand(path, true)
	p.send(chunks[:3]...)
	l := r.follow(asked())
	if r.s.hub.Paused(entryOf(path)) {
		t.Error("it is still paused")
	}
	p.send(chunks[3:]...)
	p.acked(len(chunks))
	c.a.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	got := l.all()
	if n, least := bytes.Count(got, []byte{0x1A, 0x45, 0xDF, 0xA3}), len(demanded(t, "webm", chunks))*9/10; n != 1 || len(got) < least {
		t.Errorf("who waited gets %d bytes with %d headers; expected one header and at least %d bytes", len(got), n, least)
	}
	eventually(t, "nothing is left", func() bool {
		r.s.demand.mu.Lock()
		defer r.s.demand.mu.Unlock()
		return len(r.s.demand.asking)+len(r.s.demand.speakers)+len(r.s.demand.speaks) == 0 && len(r.s.hub.Names()) == 0
	})
}

// A paused file ends with the call, though its publisher's connection is lost, and who
// waits for it is told.
func TestPausedFileEndsWithTheCall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	url := c.startA.Publish[0].URL
	p := r.publish(url + "&run=two&paused=1")
	asked := r.ask("GET", c.startA.Publish[0].Path()+"?wait=1m", nil)
	c.a.hearDemand(c.startA.Publish[0].Path(), true)
	p.c.abandon()
	c.a.socket.abandon()
	eventually(t, "who is gone speaks no more", func() bool {
		r.s.demand.mu.Lock()
		defer r.s.demand.mu.Unlock()
		return len(r.s.demand.speaks) <= 1 && r.s.demand.speakers[entryOf(c.startA.Publish[0].Path())] == nil
	})
	c.b.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	if resp := asked(); resp.StatusCode != 404 {
		t.Errorf("who waits gets %s", resp.Status)
	}
	eventually(t, "nothing is left", func() bool { return len(r.s.hub.Names()) == 0 })
}

// Only a call's end would end a pause of which the publisher is lost.
func TestPauseOutsideCalls(t *testing.T) {
	r := start(t, "http", wide())
	r.connect("/alice.webm?run=one&key=k&paused=1").refused(4400, "Only in a call can a run begin paused")
	r.refused("POST", "/alice.webm?run=one&key=k&paused=1", nil, 400, "Only in a call can a run begin paused")
	if n := r.s.hub.Names(); len(n) != 0 {
		t.Errorf("left: %v", n)
	}
}

// Signals that are nobody's, or nothing, or too much: each has an answer, and the call
// goes on.
func TestBadSignals(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	carol, _ := r.phone("carol", "")
	data := json.RawMessage(`{"from":"1","description":{"type":"offer","sdp":"v=0"}}`)
	signal := func(call, to string, data json.RawMessage) calls.Message {
		return calls.Message{Type: "signal", Call: call, To: to, Data: data}
	}
	for _, row := range []struct {
		name       string
		who        *phone
		m          calls.Message
		code, want string
	}{
		{"to somebody outside", c.a, signal(c.startA.Call, "carol", data), "no-match", "carol is not in this call"},
		{"to nobody", c.a, signal(c.startA.Call, "", data), "bad-request", `needs a "to"`},
		{"to oneself", c.a, signal(c.startA.Call, "alice", data), "no-match", "alice is not in this call"},
		{"of nothing", c.a, signal(c.startA.Call, "bob", nil), "bad-request", `no "data"`},
		{"from outside", carol, signal(c.startA.Call, "bob", data), "no-match", "no such call"},
		{"in no call", carol, signal("", "bob", data), "no-match", "no such call"},
	} {
		row.who.say(row.m)
		m := row.who.hear("error")
		if m.Code != row.code || m.Re != "signal" {
			t.Errorf("%s: got %s for %s", row.name, m.Code, m.Re)
		}
		sentence(t, m.Text, row.want)
	}
	c.a.say(signal(c.startA.Call, "bob", data))
	if m := c.b.hear("signal"); m.From != "alice" || string(m.Data) != string(data) {
		t.Errorf("bob gets %s", calls.Encode(m))
	}

	// A description of a megabyte: the socket is closed, the caller comes back.
	go func() {
		_ = c.a.socket.writeText(patient(t), fmt.Appendf(nil, `{"type":"signal","call":%q,"to":"bob","data":"%s"}`, c.startA.Call, strings.Repeat("a", 1<<20)))
	}()
	if m := c.a.hear("error"); m.Code != "too-large" {
		t.Errorf("a megabyte is %s", m.Code)
	}
	if code, reason := c.a.closed(); code != closeTooBig || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
	a, welcome := r.phone("alice", c.resumeA)
	if !welcome.Resumed {
		t.Error("the call is lost")
	}
	a.hear("start")
	c.b.say(signal(c.startB.Call, "alice", data))
	a.hear("signal")
}

// More signals than a session may send at once: all arrive, in order, no faster than a session may send.
func TestManySignals(t *testing.T) {
	if testing.Short() {
		t.Skip("not in -short: no faster than 50 a second")
	}
	r := start(t, "http", wide())
	c := r.call()
	const n = 300 // 200 at once, and then 50 a second
	go func() {
		for i := range n {
			_ = c.a.socket.writeText(patient(t), fmt.Appendf(nil, `{"type":"signal","call":%q,"to":"bob","data":%d}`, c.startA.Call, i))
		}
	}()
	for i := range n {
		if m := c.b.hear("signal"); string(m.Data) != fmt.Sprint(i) {
			t.Fatalf("signal %d is %s", i, m.Data)
		}
	}
}
