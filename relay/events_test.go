package relay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"everfile/relay/calls"
)

// byEvents begins the names of tests whose phones do without WebSockets.
const byEvents = "TestByEvents/"

// All that holds for control sockets holds for lines of events.
func TestByEvents(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"BadControl":   TestBadControl,
		"ComeBack":     TestComeBack,
		"GraceOfACall": TestGraceOfACall,
		"RingEnds":     TestRingEnds,
		"GoAway":       TestGoAway,
		"HandedOver":   TestCallsAreHandedOver,
		"NoHello":      noHello,
		"SilentReader": silentReader,
	} {
		t.Run(name, test)
	}
}

// Who says nothing is told so, and closed.
func TestNoHello(t *testing.T) { noHello(t) }

func noHello(t *testing.T) {
	o := wide()
	o.Hello = 20 * time.Millisecond
	r := start(t, "http", o)
	code, reason := r.dialPhone().closed()
	if code != closeStatus+http.StatusRequestTimeout {
		t.Errorf("closed with %d", code)
	}
	sentence(t, reason, "Nobody has said")
}

// eventLine is the page's side of a line of events.
type eventLine struct {
	t    testing.TB
	r    *running
	resp *http.Response
	in   *bufio.Reader
	id   string
	mute bool // it does not answer pings
	asks int  // pings that came

	mu   sync.Mutex
	next int64
}

func (r *running) openEvents(headers ...string) *eventLine {
	r.t.Helper()
	resp := r.request(http.MethodGet, "/ws?via=events", nil, headers...)
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("a line of events: %s", resp.Status)
	}
	l := &eventLine{t: r.t, r: r, resp: resp, in: bufio.NewReader(resp.Body)}
	name, data, err := l.event()
	var first struct{ ID string }
	if err == nil {
		err = json.Unmarshal(data, &first)
	}
	if err != nil || name != "line" || len(first.ID) < 26 {
		r.t.Fatalf("the first event is %q %s %v", name, data, err)
	}
	l.id = first.ID
	return l
}

// event returns the next one.
func (l *eventLine) event() (name string, data []byte, err error) {
	for {
		line, err := l.in.ReadBytes('\n')
		if err != nil {
			return "", nil, err
		}
		line = bytes.TrimSuffix(line, []byte("\n"))
		switch before, value, _ := bytes.Cut(line, []byte(": ")); string(before) {
		case "event":
			name = string(value)
		case "data":
			data = value
		case "":
			return name, data, nil
		default:
			return "", nil, fmt.Errorf("%q is no line of an event", line)
		}
	}
}

func (e bye) Error() string { return fmt.Sprintf("closed with %d %s", e.Code, e.Reason) }

func (l *eventLine) read(context.Context, int) (message, error) {
	for {
		name, data, err := l.event()
		if err != nil {
			return message{}, err
		}
		switch name {
		case "":
			return message{text: true, data: data}, nil
		case "ping":
			l.asks++
			if !l.mute {
				if _, err := l.post(context.Background(), `{"first":0,"messages":[]}`); err != nil {
					return message{}, err
				}
			}
		case "bye":
			var last bye
			return message{}, errors.Join(json.Unmarshal(data, &last), last)
		}
	}
}

func (l *eventLine) writeText(ctx context.Context, b []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, err := l.post(ctx, fmt.Sprintf(`{"first":%d,"messages":[%s]}`, l.next, b))
	if err == nil && next != l.next+1 {
		err = fmt.Errorf("next is %d after %d", next, l.next)
	}
	l.next++
	return err
}

// post says something and returns which message is expected then.
func (l *eventLine) post(ctx context.Context, body string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.r.url+"/ws?via="+l.id, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	resp, err := l.r.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var said struct{ Next int64 }
	b, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, b)
	}
	return said.Next, errors.Join(err, json.Unmarshal(b, &said))
}

func (l *eventLine) abandon() { l.resp.Body.Close() }

func TestEventsHead(t *testing.T) {
	for _, protocol := range []string{"http", "h2"} {
		r := start(t, protocol, wide())
		l := r.openEvents()
		for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"} {
			if got := l.resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", protocol, name, got)
			}
		}
		if err := l.writeText(patient(t), []byte(`{"type":"hello","v":1,"caller":"alice","can":{}}`)); err != nil {
			t.Fatal(err)
		}
		(&phone{t: t, socket: l}).hear("welcome")
	}
	r := start(t, "http", wide())
	r.refused(http.MethodGet, "/ws?via=poll", nil, 426, "new EventSource")
	resp := r.request(http.MethodOptions, "/ws", nil)
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Allow") != "GET, POST, OPTIONS" {
		t.Errorf("OPTIONS: %s, Allow: %s", resp.Status, resp.Header.Get("Allow"))
	}
}

// Through a proxy that talks HTTP/1.0 there are no chunks, and each event comes at
// once all the same.
func TestEventsOverHTTP10(t *testing.T) {
	r := start(t, "http", wide())
	c := r.raw("GET /ws?via=events HTTP/1.0\nHost: x\n\n")
	b := bufio.NewReader(c)
	skipHead(t, b)
	if line, err := b.ReadString('\n'); err != nil || line != "event: line\n" {
		t.Errorf("the body begins with %q %v", line, err)
	}
}

// What is said is numbered, so that it is heard once.
func TestSayingTwice(t *testing.T) {
	r := start(t, "http", wide())
	l := r.openEvents()
	p := &phone{t: t, socket: l, name: "alice"}
	bob, _ := r.phone("bob", "")
	say := func(first int, next int64, messages ...string) {
		t.Helper()
		got, err := l.post(patient(t), fmt.Sprintf(`{"first":%d,"messages":[%s]}`, first, strings.Join(messages, ",")))
		if err != nil || got != next {
			t.Errorf("from %d on: %d is expected now, %v; expected %d", first, got, err, next)
		}
	}
	hello, err := json.Marshal(calls.Message{Type: "hello", V: 1, Caller: "alice", Can: canWebM})
	if err != nil {
		t.Fatal(err)
	}
	say(0, 1, string(hello))
	say(0, 1, `{"type":"hello","v":1,"caller":"mallory","can":{}}`)
	p.hear("welcome")
	say(1, 2, `{"type":"invite","to":"bob","media":{"audio":true}}`)
	call := p.hear("ringing").Call
	bob.hear("invite")
	bob.say(calls.Message{Type: "accept", Call: call, Media: both})
	bob.hear("start")
	chat := func(n int) string {
		return fmt.Sprintf(`{"type":"message","call":%q,"data":%d}`, call, n)
	}
	say(2, 4, chat(2), chat(3))
	say(2, 4, chat(2), chat(3))          // its answer was lost
	say(3, 6, chat(3), chat(4), chat(5)) // and more was said meanwhile
	say(0, 6)
	// The same by two at once: one of them waits, and has nothing to add.
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { say(6, 8, chat(6), chat(7)) })
	}
	both.Wait()
	for n := 2; n < 8; n++ {
		if m := bob.hear("message"); string(m.Data) != fmt.Sprint(n) {
			t.Fatalf("bob hears %s, expected %d", m.Data, n)
		}
	}
}

// While one POST is at work another waits, and is not even looked at.
func TestSayingInTurn(t *testing.T) {
	e := &events{in: make(chan message), turn: make(chan struct{}, 1), gone: make(chan struct{})}
	done := make(chan error, 1)
	if err := e.await(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := e.take(patient(t), saying{Messages: []json.RawMessage{[]byte("1"), []byte("2")}})
		done <- err
	}()
	<-e.in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.await(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits is told %v", err)
	}
	<-e.in
	if err := <-done; err != nil || e.next != 2 {
		t.Errorf("%v, next is %d", err, e.next)
	}
}

// What is wrong with a POST to a line is told, and the line goes on.
func TestBadSaying(t *testing.T) {
	r := start(t, "http", wide())
	l := r.openEvents()
	many := strings.TrimSuffix(strings.Repeat("{},", maxSaid+1), ",")
	for _, row := range []struct {
		name, id, body string
		status         int
		words          string
	}{
		{"no such id", "NOSUCHLINE", `{}`, 404, "no such line"},
		{"a caller's name", "alice", `{}`, 404, "no such line"},
		{"the word itself", "events", `{}`, 404, "no such line"},
		{"another spelling", strings.ToLower(l.id), `{}`, 404, "no such line"},
		{"no JSON", l.id, `c:403`, 400, "this is not JSON of that kind"},
		{"no messages", l.id, `{"messages":7}`, 400, "this is not JSON of that kind"},
		{"a gap", l.id, `{"first":1,"messages":[{}]}`, 409, "Message 0 is expected here, and the first of these is 1."},
		{"before the first", l.id, `{"first":-1,"messages":[{}]}`, 400, "counted from 0"},
		{"too many", l.id, `{"messages":[` + many + `]}`, 400, "At most 200 messages"},
		{"too large", l.id, `{"messages":["` + strings.Repeat("a", maxSaying) + `"]}`, 413, "At most 262144 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r.refused(http.MethodPost, "/ws?via="+row.id, strings.NewReader(row.body), row.status, row.words)
		})
	}
	if _, err := l.post(patient(t), `{"first":0,"messages":[{"type":"hello","v":1,"caller":"alice","can":{}}]}`); err != nil {
		t.Fatal(err)
	}
	(&phone{t: t, socket: l}).hear("welcome")
}

// Pages of other origins may use neither side of a line, unless they are named.
func TestEventsOrigin(t *testing.T) {
	const friend, stranger = "https://friend.example", "https://stranger.example"
	o := wide()
	o.AllowOrigin = []string{friend}
	r := start(t, "http", o)
	r.refused(http.MethodGet, "/ws?via=events", nil, 403, "may not use this server", "Origin: "+stranger)
	l := r.openEvents("Origin: " + friend)
	if got := l.resp.Header.Get("Access-Control-Allow-Origin"); got != friend {
		t.Errorf("Access-Control-Allow-Origin: %q", got)
	}
	r.refused(http.MethodPost, "/ws?via="+l.id, strings.NewReader(`{"close":1000}`), 403, "may not use this server", "Origin: "+stranger)
	resp := r.request(http.MethodPost, "/ws?via="+l.id, strings.NewReader(`{"messages":[]}`), "Origin: "+friend)
	if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != http.StatusOK || got != friend {
		t.Errorf("%s, Access-Control-Allow-Origin: %q", resp.Status, got)
	}
}

// Who closes the line is gone at once; who only loses it may come back.
func TestLineCloses(t *testing.T) {
	r := start(t, "http", wide())
	for _, row := range []struct {
		name, caller string
		leave        func(l *eventLine) error
		gone         bool
	}{
		{"bye", "alice", func(l *eventLine) error {
			_, err := l.post(patient(t), `{"first":1,"messages":[],"close":1000}`)
			return err
		}, true},
		{"the page is left", "bob", func(l *eventLine) error {
			_, err := l.post(patient(t), `{"first":1,"messages":[],"close":1001}`)
			return err
		}, true},
		{"lost", "carol", func(l *eventLine) error { l.abandon(); return nil }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := r.openEvents()
			p := &phone{t: t, socket: l, name: row.caller}
			p.say(calls.Message{Type: "hello", V: 1, Caller: row.caller, Can: canWebM})
			resume := p.hear("welcome").Resume
			if err := row.leave(l); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the line is closed", func() bool { return r.s.lines.get(l.id) == nil })
			r.refused(http.MethodPost, "/ws?via="+l.id, strings.NewReader(`{}`), 404, "no such line")
			if _, welcome := r.phone(row.caller, resume); welcome.Resumed == row.gone {
				t.Errorf("back, %s is told resumed %t", row.caller, welcome.Resumed)
			}
		})
	}
}

// The goodbye of a page that is left counts though its event stream ends before.
func TestGoodbyeIsOvertaken(t *testing.T) {
	o := wide()
	o.Parting = time.Hour
	r := start(t, "http", o)
	bob, _ := r.phone("bob", "")
	l := r.openEvents()
	p := &phone{t: t, socket: l, name: "alice"}
	p.say(calls.Message{Type: "hello", V: 1, Caller: "alice", Can: canWebM})
	resume := p.hear("welcome").Resume
	p.say(calls.Message{Type: "invite", To: "bob", Media: both})
	call := bob.hear("invite").Call
	e := r.s.lines.get(l.id)
	l.abandon()
	eventually(t, "the stream is known to have ended", func() bool { return isClosed(e.lost) })
	for range 20 { // what is said meanwhile goes nowhere, and is no reason to end
		if err := e.writeText(patient(t), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.post(patient(t), fmt.Sprintf(`{"first":2,"messages":[{"type":"cancel","call":%q}],"close":1001}`, call)); err != nil {
		t.Fatal(err)
	}
	if m := bob.hear("ended"); m.Reason != "cancelled" {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	eventually(t, "the line is closed", func() bool { return r.s.lines.get(l.id) == nil })
	if _, welcome := r.phone("alice", resume); welcome.Resumed {
		t.Error("alice is still expected back")
	}
}

// A page that does not answer any more is found out by asking.
func TestLineIsDead(t *testing.T) {
	o := wide()
	o.PingEvery = time.Millisecond
	r := start(t, "http", o)
	l := r.openEvents()
	if err := l.writeText(patient(t), []byte(`{"type":"hello","v":1,"caller":"alice","can":{}}`)); err != nil {
		t.Fatal(err)
	}
	p := &phone{t: t, socket: l}
	p.hear("welcome")
	for l.asks < 3 { // it answers, or there would be no second one
		p.say(calls.Message{Type: "who"})
		p.hear("online")
	}
	o.PingWithin = 20 * time.Millisecond
	r = start(t, "http", o)
	dead := r.openEvents()
	dead.mute = true
	if code, _ := (&phone{t: t, socket: dead}).closed(); code != 0 {
		t.Errorf("closed with %d, expected to be cut off", code)
	}
}

// Who does not read what he is sent is cut off here, too.
func silentReader(t *testing.T) {
	o := wide()
	o.PingEvery, o.PingWithin = time.Hour, time.Hour // nothing else cuts him off
	o.Talk = 64 << 20
	r := start(t, "http", o)
	c := r.call()
	big := json.RawMessage(`"` + strings.Repeat("a", 60<<10) + `"`)
	ctx, cancel := context.WithCancel(patient(t))
	var said sync.WaitGroup
	said.Go(func() {
		for ctx.Err() == nil {
			_ = c.a.socket.writeText(ctx, calls.Encode(calls.Message{Type: "message", Call: c.startA.Call, Data: big}))
		}
	})
	defer said.Wait()
	defer cancel()
	for {
		if m := c.a.hear("start"); m.Peers[0].Away {
			break
		}
	}
	began := time.Now()
	eventually(t, "bob's line is no more", func() bool { return r.s.lines.get(c.b.socket.(*eventLine).id) == nil })
	if time.Since(began) > patience/2 {
		t.Error("it was there until bob hung up, whose patience is over then")
	}
}
