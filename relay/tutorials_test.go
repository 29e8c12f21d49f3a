package relay

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/relay/compat"
)

// visitor is a page of 2012: a socket and texts.
type visitor struct {
	t      testing.TB
	socket *socket
}

// visit opens /ws with a query, as a page of an origin does ("" is a program).
func (r *running) visit(query, origin string) *visitor {
	r.t.Helper()
	client := r.dialer
	if origin != "" {
		client = &http.Client{Transport: from{origin, r.dialer.Transport}}
	}
	c, err := dial(patient(r.t), r.url+"/ws"+query, client)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.abandon)
	return &visitor{r.t, c}
}

func (v *visitor) say(texts ...string) {
	v.t.Helper()
	for _, text := range texts {
		if err := v.socket.writeText(patient(v.t), []byte(text)); err != nil {
			v.t.Fatalf("saying %.80q: %v", text, err)
		}
	}
}

// hear demands the next text; a * at its end stands for what may follow.
func (v *visitor) hear(want string) {
	v.t.Helper()
	m, err := v.socket.read(patient(v.t), 1<<20)
	if err != nil {
		v.t.Fatalf("waiting for %.200q: %v", want, err)
	}
	begin, more := strings.CutSuffix(want, "*")
	if got := string(m.data); !m.text || got != want && !(more && strings.HasPrefix(got, begin)) {
		v.t.Fatalf("got %.300q; expected %.300q", got, want)
	}
}

// error demands a packet of the server's, and in it a type of error and words.
func (v *visitor) error(errorType, words string) {
	v.t.Helper()
	m, err := v.socket.read(patient(v.t), 1<<20)
	if err != nil {
		v.t.Fatalf("waiting for %s: %v", errorType, err)
	}
	if got := string(m.data); !strings.HasPrefix(got, `SDP`+"\n"+`{"messageType":"ERROR",`) || !strings.Contains(got, `"errorType":"`+errorType+`"`) || !strings.Contains(got, words) {
		v.t.Fatalf("got %.300q; expected %s with %q", got, errorType, words)
	}
}

// over waits for the end, whatever comes before.
func (v *visitor) over(code int, words string) {
	v.t.Helper()
	for {
		if _, err := v.socket.read(patient(v.t), 1<<20); err != nil {
			got, reason := closed(err)
			if got != code {
				v.t.Errorf("closed with %d %q; expected %d", got, reason, code)
			}
			sentence(v.t, reason, words)
			return
		}
	}
}

// The rooms protocol over the wire: its first text tells it from our own, and nothing
// of ours is in it.
func TestRoomsOnTheWire(t *testing.T) {
	r := start(t, "http", wide())
	p, _ := r.phone("alice", "")
	a, b := r.visit("", ""), r.visit("", "")
	a.say("c:alice", "m:alice:hear me")
	a.hear("hear me")
	b.say("c:alice", "m:alice:1:{\"type\":\"offer\"}")
	a.hear(`1:{"type":"offer"}`)
	b.hear(`1:{"type":"offer"}`)
	b.say(`{"type":"hello","caller":"bob"}`, "m:alice:0:{}")
	b.hear("e:here c:ROOM subscribes*")
	b.hear("0:{}")
	a.hear("0:{}")
	p.say(calls.Message{Type: "invite", To: "bob"})
	if m := p.hear("error"); m.Code != calls.Offline {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	// Who talks our JSON goes on with that.
	if err := p.socket.writeText(patient(t), []byte("c:alice")); err != nil {
		t.Fatal(err)
	}
	if m := p.hear("error"); m.Code != calls.BadRequest {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
}

// Everybody gets everything in its order, as it was said.
func TestRoomsInOrder(t *testing.T) {
	r := start(t, "http", wide())
	a, b := r.visit("", ""), r.visit("", "")
	for _, v := range []*visitor{a, b} {
		v.say("c:1", "m:1:"+strings.Repeat("x", 1000)) // the server's buffer is large from now on
		v.hear("xx*")
	}
	a.hear("xx*") // b's
	text := func(i int) string { return strings.Repeat(fmt.Sprintf("%03d", i), 300) }
	for i := range burst / 2 {
		a.say("m:1:" + text(i))
	}
	for _, v := range []*visitor{a, b} {
		for i := range burst / 2 {
			v.hear(text(i))
		}
	}
}

// Who is gone has left its rooms.
func TestRoomsAreLeft(t *testing.T) {
	r := start(t, "http", wide())
	var all []*visitor
	for i := range compat.MaxMembers {
		v := r.visit("", "")
		v.say("c:1", fmt.Sprintf("m:1:%d", i))
		v.hear(fmt.Sprint(i))
		all = append(all, v)
	}
	late := r.visit("", "")
	late.say("c:1")
	late.hear(`e:Room "1" is full*`)
	all[0].socket.abandon()
	eventually(t, "there is a place", func() bool {
		late.say("c:1", "m:1:x")
		m, err := late.socket.read(patient(t), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.data) == "x" {
			return true
		}
		late.hear("e:You are not in room*")
		return false
	})
}

// Packets over the wire: between two of a room, and with a sentence for the rest.
func TestPacketsOnTheWire(t *testing.T) {
	r := start(t, "http", wide())
	const offer = "SDP\n{\"messageType\":\"OFFER\",  \"offererSessionId\":\"A\",\"seq\":1,\"sdp\":\"v=0\",\"tieBreaker\":7}\n"
	a := r.visit("?room=r&compat=sdp", "")
	a.say(offer)
	a.error("FAILED", `Nobody else is in room \"r\" yet`) // and a is in its room
	b := r.visit("?compat=sdp&room=r", "")
	b.say("SDP\n{\"messageType\":\"ANSWER\",\"offererSessionId\":\"A\",\"answererSessionId\":\"B\",\"sdp\":\"v=0\"}")
	b.error("NOMATCH", "Nobody in room")
	for i := range burst / 4 { // each instead of the one before
		a.say(strings.Replace(offer, "v=0", fmt.Sprintf("%03d", i), 1))
	}
	for i := range burst / 4 {
		b.hear(strings.Replace(offer, "v=0", fmt.Sprintf("%03d", i), 1))
	}
	c := r.visit("?compat=sdp&room=r", "")
	c.error("REFUSED", "Two are in room")
	c.say(`{"type":"hello","caller":"carol"}`)
	c.error("FAILED", "a packet is the line SDP")
	a.socket.abandon()
	b.error("FAILED", "has closed the connection")
	c.say(offer)
	b.hear(offer)
}

// What comes over the wire and is neither: a sentence in the socket's own protocol,
// and the others go on.
func TestBadTutorials(t *testing.T) {
	r := start(t, "http", wide())
	a, b := r.visit("?compat=sdp&room=r", ""), r.visit("", "")
	b.say("c:r", "m:r:there")
	b.hear("there")
	many := func(text string) []string {
		all := make([]string, 300)
		for i := range all {
			all[i] = text
		}
		return all
	}
	for _, row := range []struct {
		name, query string
		say         []string
		hear        string
		closed      int
	}{
		{"no UTF-8", "", []string{"c:1", "m:1:\xff"}, "e:a text message must be UTF-8*", 0},
		{"no such text", "", []string{"c:1", "x:1"}, "e:here c:ROOM subscribes and m:ROOM:TEXT*", 0},
		{"a message first", "", []string{"m:r:x"}, `e:You are not in room "r"; subscribe to it first: c:r.`, 0},
		{"over 64 KiB", "", []string{"c:1", "m:1:" + strings.Repeat("a", calls.MaxMessage)}, "e:A control message has at most 65536 bytes.", closeTooBig},
		{"a packet over 64 KiB", "?compat=sdp&room=1", []string{"SDP\n" + strings.Repeat("a", calls.MaxMessage)}, "SDP\n{\"messageType\":\"ERROR\",\"seq\":0,\"errorType\":\"FAILED\",\"text\":\"A control message has at most 65536 bytes.\"}", closeTooBig},
		{"a packet that is none", "?compat=sdp&room=2", []string{"hello"}, "SDP\n{\"messageType\":\"ERROR\",\"seq\":0,\"errorType\":\"FAILED\",\"text\":\"a packet is the line SDP*", 0},
		{"a packet that is no UTF-8", "?compat=sdp&room=3", []string{"SDP\n{\"sdp\":\"\xff\"}"}, "SDP\n{\"messageType\":\"ERROR\",\"seq\":0,\"errorType\":\"FAILED\",\"text\":\"a text message must be UTF-8*", 0},
		{"more than may be said", "", append([]string{"c:1"}, many("c:1")...), "e:More than 50 messages or 131072 bytes a second; they are read no faster than that.", 0},
		{"more packets than may be said", "?compat=sdp&room=4", many("SDP\n{\"messageType\":\"ERROR\"}"), "SDP\n{\"messageType\":\"ERROR\",\"seq\":0,\"errorType\":\"FAILED\",\"text\":\"More than 50 messages*", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := r.visit(row.query, "")
			v.t = t
			ctx, cancel := context.WithCancel(patient(t))
			defer cancel()
			go func() {
				for _, text := range row.say {
					if v.socket.writeText(ctx, []byte(text)) != nil {
						return
					}
				}
			}()
			v.hear(row.hear)
			if row.closed != 0 {
				v.over(row.closed, "at most 65536 bytes")
			}
		})
	}
	t.Run("binary", func(t *testing.T) {
		v := r.visit("", "")
		v.t = t
		v.say("c:1")
		if err := v.socket.writeBinary(patient(t), []byte("c:1")); err != nil {
			t.Fatal(err)
		}
		v.hear("e:Control messages are text*")
		v.over(closeUnsupported, "Control messages are text")
	})
	b.say("m:r:still there")
	b.hear("still there")
	a.say("hello")
	a.error("FAILED", "a packet is the line SDP")
}

// What /ws may ask for.
func TestCompatQuery(t *testing.T) {
	r := start(t, "http", wide())
	for _, row := range []struct{ query, words string }{
		{"?compat=sdp", "a room's name has 1 to 64 bytes"},
		{"?compat=sdp&room=", "a room's name has 1 to 64 bytes"},
		{"?compat=sdp&room=" + strings.Repeat("r", 65), "a room's name has 1 to 64 bytes"},
		{"?compat=sdp&room=a%0a", "a room's name has 1 to 64 bytes"},
		{"?compat=sdp&room=%ff", "a room's name has 1 to 64 bytes"},
		{"?compat=roap&room=r", "compat=roap is not known; compat=sdp is."},
	} {
		r.visit(row.query, "").over(closeStatus+400, row.words)
	}
}

// Nobody holds a socket by silence, but in a room one may wait.
func TestTutorialsWait(t *testing.T) {
	o := wide()
	o.Hello = 50 * time.Millisecond
	r := start(t, "http", o)
	const why = "Nobody has said"
	b := r.visit("?compat=sdp&room=r", "")
	var a *visitor
	eventually(t, "one says c:1 in time", func() bool {
		a = r.visit("", "")
		_ = a.socket.writeText(patient(t), []byte("c:1"))
		_ = a.socket.writeText(patient(t), []byte("m:1:x"))
		m, err := a.socket.read(patient(t), 1<<20)
		return err == nil && string(m.data) == "x"
	})
	r.visit("", "").over(closeStatus+408, why) // the others have been here for longer
	a.say("m:1:x")
	a.hear("x")
	b.say("hello")
	b.error("FAILED", "a packet is the line SDP")
}

// The rules about other origins' pages hold for them.
func TestOriginOfTutorials(t *testing.T) {
	const friend, stranger = "https://friend.example", "https://stranger.example"
	o := wide()
	o.AllowOrigin = []string{friend}
	r := start(t, "http", o)
	for _, query := range []string{"", "?compat=sdp&room=r"} {
		r.visit(query, stranger).over(closeStatus+403, "may not use this server")
		for _, origin := range []string{friend, r.url} {
			v := r.visit(query, origin)
			if query == "" {
				v.say("c:1", "m:1:x")
				v.hear("x")
			} else {
				v.say("hello")
				v.error("FAILED", "a packet is the line SDP")
				v.socket.abandon()
			}
		}
	}
}

// A server that stops says so to pages in rooms, too.
func TestTutorialsGoAway(t *testing.T) {
	r := start(t, "http", wide())
	all := []*visitor{r.visit("?compat=sdp&room=r", ""), r.visit("?compat=sdp&room=r", "")}
	for i := range 3 {
		v := r.visit("", "")
		v.say("c:1", fmt.Sprintf("m:1:%d", i))
		v.hear(fmt.Sprint(i))
		all = append(all, v)
	}
	done := make(chan error, 1)
	go func() { done <- r.stop() }()
	for _, v := range all {
		v.over(closeGoingAway, "The server is stopping; connect again.")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := len(r.s.board.saved.Callers); n != 0 {
		t.Errorf("%d callers are handed over", n)
	}
}

// Who does not read what it is sent is cut off, and delays nobody.
func TestSilentMember(t *testing.T) {
	o := wide()
	o.PingEvery, o.PingWithin = time.Hour, time.Hour // nothing else cuts it off
	o.Talk, o.Outbox = 64<<20, 256<<10
	r := start(t, "http", o)
	a, b := r.visit("", ""), r.visit("", "")
	b.say("c:1", "m:1:there")
	b.hear("there") // and from now on nothing
	a.say("c:1")
	text := strings.Repeat("a", 60<<10)
	eventually(t, "the other is cut off", func() bool {
		a.say("m:1:" + text)
		a.hear(text)
		r.s.board.mu.Lock()
		defer r.s.board.mu.Unlock()
		return len(r.s.board.sessions) == 1
	})
}
