package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
)

// phone is a control socket, as a program would use it.
type phone struct {
	t      testing.TB
	socket talker
	name   string
	call   string // of what was answered last
}

var (
	canWebM = &calls.Can{Record: []string{"video/webm;codecs=vp8,opus", "audio/webm;codecs=opus"}, Play: []string{`video/webm;codecs="vp8,opus"`, `audio/webm;codecs="opus"`}}
	both    = &calls.Media{Audio: true, Video: true}
)

// talker is the other side of a control line.
type talker interface {
	read(ctx context.Context, limit int) (message, error)
	writeText(ctx context.Context, b []byte) error
	abandon()
}

// dialPhone opens a control socket, or what stands in for one, and says nothing.
func (r *running) dialPhone() *phone {
	r.t.Helper()
	if strings.HasPrefix(r.t.Name(), byEvents) {
		return &phone{t: r.t, socket: r.openEvents()}
	}
	c, err := dial(patient(r.t), r.url+"/ws", r.dialer)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.abandon)
	return &phone{t: r.t, socket: c}
}

// phone opens a control socket and says hello.
func (r *running) phone(name, resume string) (*phone, calls.Message) {
	r.t.Helper()
	p := r.dialPhone()
	p.name = name
	p.say(calls.Message{Type: "hello", V: 1, Caller: name, Can: canWebM, Resume: resume})
	return p, p.hear("welcome")
}

func (p *phone) say(m calls.Message) {
	p.t.Helper()
	if err := p.socket.writeText(patient(p.t), calls.Encode(m)); err != nil {
		p.t.Fatalf("%s says %s: %v", p.name, m.Type, err)
	}
}

// hear returns the next message of a type, passing over those that come by
// themselves.
func (p *phone) hear(typ string) calls.Message {
	p.t.Helper()
	for {
		raw, err := p.socket.read(patient(p.t), 1<<20)
		if err != nil {
			p.t.Fatalf("%s waits for %s: %v", p.name, typ, err)
		}
		var m calls.Message
		if err := json.Unmarshal(raw.data, &m); err != nil {
			p.t.Fatalf("%s: %s", err, raw.data)
		}
		if m.Type == typ {
			return m
		}
		switch m.Type {
		case "online", "edge", "listeners", "demand":
		default:
			p.t.Fatalf("%s waits for %s and gets %s", p.name, typ, raw.data)
		}
	}
}

// closed waits for the end and returns its code and reason.
func (p *phone) closed() (int, string) {
	p.t.Helper()
	for {
		if _, err := p.socket.read(patient(p.t), 1<<20); err != nil {
			var last bye
			if errors.As(err, &last) {
				return last.Code, last.Reason
			}
			return closed(err)
		}
	}
}

// call is two phones that talk.
type call struct {
	a, b           *phone
	startA, startB calls.Message
	resumeA        string
}

func (r *running) call() *call {
	r.t.Helper()
	a, welcome := r.phone("alice", "")
	b, _ := r.phone("bob", "")
	c := &call{a: a, b: b, resumeA: welcome.Resume}
	a.say(calls.Message{Type: "invite", To: "bob", Media: both})
	b.say(calls.Message{Type: "accept", Call: b.hear("invite").Call, Media: both})
	a.hear("ringing")
	c.startA, c.startB = a.hear("start"), b.hear("start")
	return c
}

// What comes over the wire and is no message: an error with a sentence, and the
// others' call goes on.
func TestBadControl(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	text := func(s string) func(*phone) {
		return func(p *phone) { _ = p.socket.writeText(patient(t), []byte(s)) }
	}
	for _, row := range []struct {
		name string
		do   func(*phone)
		code string
		want string
	}{
		{"not JSON", text("hello"), "bad-request", "is not JSON"},
		{"no object", text(`[1]`), "bad-request", "is not JSON of that kind"},
		{"no type", text(`{}`), "bad-request", `needs a "type"; known are: accept can cancel`},
		{"a type of our own", text(`{"type":"(lost)"}`), "bad-request", `needs a "type"`},
		{"unknown type", text(`{"type":"dance"}`), "bad-request", `Unknown type "dance"`},
		{"a number for a name", text(`{"type":"hello","caller":7}`), "bad-request", `"caller" must be a string, got number`},
		{"too many types", text(`{"type":"hello","caller":"x","can":{"play":[` + strings.Repeat(`"a",`, 64) + `"a"]}}`), "bad-request", "at most 64 MIME types, got 65"},
		{"a long reason", text(`{"type":"reject","reason":"` + strings.Repeat("a", 201) + `"}`), "bad-request", `"reason" has at most 200 bytes, got 201`},
		{"a room that is a number", text(`{"type":"join","room":7}`), "bad-request", `"room" must be a string, got number`},
		{"a long room", text(`{"type":"join","room":"` + strings.Repeat("a", 129) + `"}`), "bad-request", `"room" has at most 128 bytes, got 129`},
		{"media of a wrong type", text(`{"type":"join","room":"a","media":[]}`), "bad-request", `"media" must be an object, got array`},
		{"a screen of a wrong type", text(`{"type":"media","media":{"screen":1}}`), "bad-request", `"media.screen" must be an object, got number`},
		{"a screen without a picture", text(`{"type":"media","media":{"screen":{"audio":true}}}`), "bad-request", `a "screen" has video`},
		{"a room before hello", text(`{"type":"join"}`), "bad-request", "Say hello first"},
		{"no UTF-8", text("{\"type\":\"message\",\"data\":\"\xff\"}"), "bad-request", "is text in UTF-8, which byte 26 is not"},
		{"before hello", text(`{"type":"invite","to":"alice"}`), "bad-request", "Say hello first"},
		{"binary", func(p *phone) { _ = p.socket.(*socket).writeBinary(patient(t), []byte("x")) }, "bad-request", "Control messages are text"},
		{"over 64 KiB", text(`{"type":"message","data":"` + strings.Repeat("a", 64<<10) + `"}`), "too-large", "at most 65536 bytes"},
		{"a thousand a second", func(p *phone) {
			for range 1000 {
				text(`{"type":"who"}`)(p)
			}
		}, "too-many", "More than 50 messages or 131072 bytes a second"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if strings.HasPrefix(t.Name(), byEvents) && (row.name == "binary" || row.name == "not JSON") {
				t.Skip("that cannot be said there: TestBadSaying")
			}
			p := r.dialPhone()
			p.name = row.name
			go row.do(p)
			var m calls.Message
			for m = p.hear("error"); row.code == "too-many" && m.Code == "bad-request"; { // "who" before hello
				m = p.hear("error")
			}
			if m.Code != row.code {
				t.Errorf("got code %s, expected %s", m.Code, row.code)
			}
			sentence(t, m.Text, row.want)
			if row.code == "too-large" {
				if code, reason := p.closed(); code != closeTooBig || reason == "" {
					t.Errorf("closed with %d %q", code, reason)
				}
			}
		})
	}
	c.a.say(calls.Message{Type: "message", Call: c.startA.Call, Data: json.RawMessage(`"still there"`)})
	if m := c.b.hear("message"); string(m.Data) != `"still there"` {
		t.Errorf("bob hears %s", m.Data)
	}
}

// A control connection that breaks in the call: the other side is told, and it
// goes on when it is back.
func TestComeBack(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	c.a.socket.abandon()
	if m := c.b.hear("start"); !m.Peers[0].Away {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	a, welcome := r.phone("alice", c.resumeA)
	if !welcome.Resumed || welcome.Resume != c.resumeA {
		t.Errorf("alice is told %s", calls.Encode(welcome))
	}
	if m := a.hear("start"); m.Call != c.startA.Call || m.Publish[0].URL != c.startA.Publish[0].URL {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	if m := c.b.hear("start"); m.Peers[0].Away {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	// A second window with the same right takes over.
	a2, _ := r.phone("alice", c.resumeA)
	a2.hear("start")
	if code, reason := a.closed(); code != closeReplaced || reason == "" {
		t.Errorf("the first window is closed with %d %q", code, reason)
	}
	a2.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	c.b.hear("ended")
}

// Who does not come back in time is gone.
func TestGraceOfACall(t *testing.T) {
	o := wide()
	o.Calls.Grace = 20 * time.Millisecond
	r := start(t, "http", o)
	c := r.call()
	c.a.socket.abandon()
	c.b.hear("start")
	if m := c.b.hear("ended"); m.Reason != "gone" || m.By != "alice" {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	if _, welcome := r.phone("alice", c.resumeA); welcome.Resumed {
		t.Error("alice is told that nothing happened")
	}
}

// Nobody rings for ever.
func TestRingEnds(t *testing.T) {
	o := wide()
	o.Calls.Ring = 20 * time.Millisecond
	r := start(t, "http", o)
	a, _ := r.phone("alice", "")
	r.phone("bob", "")
	a.say(calls.Message{Type: "invite", To: "bob"})
	a.hear("ringing")
	if m := a.hear("ended"); m.Reason != "no-answer" {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
}

// A server that stops says so, and closes with 1001.
func TestGoAway(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	done := make(chan error, 1)
	go func() { done <- r.stop() }()
	for _, p := range []*phone{c.a, c.b} {
		p.hear("goaway")
		if code, reason := p.closed(); code != closeGoingAway || reason == "" {
			t.Errorf("%s is closed with %d %q", p.name, code, reason)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A caller that does not read what it is sent is cut off, and delays nobody.
func TestSilentReader(t *testing.T) {
	o := wide()
	o.PingEvery, o.PingWithin = time.Hour, time.Hour // nothing else cuts him off
	o.Talk = 64 << 20
	r := start(t, "http", o)
	c := r.call()
	big := json.RawMessage(`"` + strings.Repeat("a", 60<<10) + `"`)
	said := make(chan struct{})
	ctx, cancel := context.WithCancel(patient(t))
	go func() {
		defer close(said)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			<-tick.C
			_ = c.a.socket.writeText(ctx, calls.Encode(calls.Message{Type: "message", Call: c.startA.Call, Data: big}))
		}
	}()
	defer func() { cancel(); <-said }()
	for {
		raw, err := c.a.socket.read(ctx, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var m calls.Message
		if err := json.Unmarshal(raw.data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Type == "start" && m.Peers[0].Away { // bob's socket is no more
			return
		}
	}
}

// A control socket without its upgrade is told what it is.
func TestControlIsASocket(t *testing.T) {
	r := start(t, "http", wide())
	r.refused(http.MethodGet, "/ws", nil, 426, "/ws is a WebSocket")
}
