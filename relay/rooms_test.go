package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/static"
	"everfile/stream/streamtest"
)

// join puts somebody who is online into a room, and returns its start.
func (p *phone) join(room string, media *calls.Media) calls.Message {
	p.t.Helper()
	p.say(calls.Message{Type: "join", Room: room, Media: media})
	m := p.hear("start")
	if m.Call != room || m.Room != true {
		p.t.Fatalf("%s joins %s and is told %s", p.name, room, calls.Encode(m))
	}
	return m
}

// The files of a room: who is in it publishes under its own name, its screen besides;
// whoever knows the room's name listens; nothing lists it; who leaves takes its files
// along, and nobody else's.
func TestRoomFiles(t *testing.T) {
	o := wide()
	o.Static = static.Files
	r := start(t, "http", o)
	alice, _ := r.phone("alice", "")
	bob, _ := r.phone("bob", "")
	mine := alice.join("standup", &calls.Media{Audio: true, Video: true, Screen: calls.Screen{Video: true}})
	if len(mine.Publish) != 2 || mine.Peers == nil { // somebody may listen who is not in it
		t.Errorf("alone, alice is told %s", calls.Encode(mine))
	}
	his := bob.join("standup", both)
	alice.hear("joined")
	mine = alice.hear("start")
	if len(mine.Publish) != 2 || !mine.Publish[1].Screen || mine.Publish[1].Path() != "/standup/alice-screen.webm" || len(his.Play) != 2 || !his.Play[1].Screen {
		t.Fatalf("alice is told %s, bob %s", calls.Encode(mine), calls.Encode(his))
	}
	for _, path := range []string{"/standup/alice.webm", "/standup/alice-screen.webm"} {
		r.connect(path).refused(4403, "Only alice may publish here, with the ?key= that the room's start message carried.")
		r.connect(path+"?key="+keyIn(his)).refused(4403, "Only alice may publish here")
		r.refused("PUT", path, strings.NewReader("x"), 403, "Only alice may publish here")
		r.refused("POST", path+"?run=1", nil, 403, "Only alice may publish here")
	}
	r.connect("/standup/carol.webm").refused(4404, "There is nobody of that name in this room.")
	r.connect("/standup/carol-screen.webm?key="+keyIn(mine)).refused(4404, "There is nobody of that name in this room.")
	r.refused("GET", "/standup/carol.webm?wait=20ms", nil, 404, "There is nobody of that name in this room.")
	r.refused("GET", "/standup/carol.webm", nil, 404, "There is nobody of that name in this room.")

	chunks := capture(t, picture)
	want := string(demanded(t, "webm", chunks))
	var files []*publisher
	var listeners []*body
	for _, p := range append(mine.Publish, his.Publish...) {
		file := r.publish(p.URL)
		file.send(chunks[0])
		file.acked(1)
		files, listeners = append(files, file), append(listeners, r.listen(p.Path()))
	}
	for i, f := range files {
		listeners[i].has(1)
		f.send(chunks[1:]...)
		f.acked(len(chunks))
	}
	told := map[string]bool{}
	for len(told) < 2 {
		told[bob.hear("edge").URL] = true
	}
	if !told[his.Play[0].URL] || !told[his.Play[1].URL] {
		t.Errorf("bob is told how far %v are; he plays %+v", told, his.Play)
	}
	for _, list := range []string{"/live", "/api/streams"} {
		resp := r.request("GET", list, nil)
		if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || strings.Contains(string(b), "standup") || strings.Contains(string(b), "alice") {
			t.Errorf("%s: %v %s %s", list, err, resp.Status, b)
		}
	}

	waits := r.ask("GET", "/standup/alice.wav?el=5s&wait=2m", nil)
	eventually(t, "somebody waits", func() bool { return r.s.demand.waits("standup/alice") })
	alice.say(calls.Message{Type: "leave", Call: "standup"})
	if m := alice.hear("ended"); m.Reason != "left" || m.Call != "standup" {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	r.s.demand.mu.Lock()
	for entry := range r.s.demand.speakers {
		if strings.HasPrefix(entry, "standup/alice") {
			t.Errorf("who has left the room is still told who asks for %s", entry)
		}
	}
	r.s.demand.mu.Unlock()
	if m := bob.hear("left"); m.Caller != "alice" || m.Text == "" {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	bob.hear("start")
	for i := range 2 {
		files[i].refused(4404, "alice has left this room, and its files with it.")
		if got := string(listeners[i].all()); got != want {
			t.Errorf("file %d: the listener got %d bytes; the frames make %d", i, len(got), len(want))
		}
		r.connect(mine.Publish[i].URL).refused(4404, "There is nobody of that name in this room.")
	}
	resp := waits()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 404 || !strings.Contains(string(b), "alice has left this room") {
		t.Errorf("who waits for her is told %s: %s", resp.Status, b)
	}
	if again := alice.join("standup", both); keyIn(again) == keyIn(mine) {
		t.Error("alice has the key of before")
	} else {
		r.connect(mine.Publish[0].URL).refused(4403, "Only alice may publish here")
	}
	bob.hear("joined")
	for _, p := range []*phone{alice, bob} {
		p.say(calls.Message{Type: "leave", Call: "standup"})
	}
	files[2].refused(4404, "bob has left this room")
	if got := string(listeners[2].all()); got != want {
		t.Errorf("bob's listener got %d bytes; the frames make %d", len(got), len(want))
	}
	r.nothingLeft()
	// Now it is a path like others.
	p := r.publish("/standup/alice.webm")
	p.send(chunks[0])
	p.acked(1)
	p.end()
}

// keyIn is the key that a start has its receiver publish with.
func keyIn(m calls.Message) string {
	_, key, _ := strings.Cut(m.Publish[0].URL, "?key=")
	return key
}

// nothingLeft waits until no entry, room or path of one is held.
func (r *running) nothingLeft() {
	r.t.Helper()
	eventually(r.t, "nothing is held", func() bool {
		r.s.gate.mu.Lock()
		defer r.s.gate.mu.Unlock()
		return len(r.s.hub.Names()) == 0 && r.s.hub.Memory() == 0 && len(r.s.gate.rooms) == 0 && len(r.s.gate.ending) == 0
	})
}

// Whoever publishes where a room is opened is told so, in whichever way it publishes;
// its listeners get a clean end; and the member of that name has the path.
func TestRoomTakesOver(t *testing.T) {
	r := start(t, "http", wide())
	chunks := capture(t, picture)
	want := string(demanded(t, "webm", chunks))
	const taken = "This is a room now, in which its members publish, each under its own name."
	var files []*publisher
	var listeners []*body
	for _, path := range []string{"/standup/alice.webm", "/standup/zoe.webm?run=1", "/standup/alice-screen.webm", "/other/alice.webm", "/standup.webm"} {
		p := r.publish(path)
		p.send(chunks...)
		p.acked(len(chunks))
		path, _, _ = strings.Cut(path, "?")
		files, listeners = append(files, p), append(listeners, r.listen(path+"?mode=complete"))
		listeners[len(listeners)-1].has(1)
	}
	live, w := io.Pipe()
	put := r.ask("PUT", "/standup/putter.webm", live)
	if _, err := w.Write(chunks[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return r.s.hub.Stream("standup/putter") != nil })
	gone := r.publish("/standup/gone.webm?run=1") // and may come back
	gone.send(chunks[0])
	gone.acked(1)
	gone.c.abandon()
	eventually(t, "it has gone", func() bool { return r.s.hub.Registered("standup/gone") })

	alice, _ := r.phone("alice", "")
	bob, _ := r.phone("bob", "")
	alice.join("standup", both)
	for _, p := range files[:3] {
		p.refused(4403, taken)
	}
	w.Close()
	resp := put()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 403 || !strings.Contains(string(b), taken) {
		t.Errorf("PUT is answered %s: %s", resp.Status, b)
	}
	eventually(t, "others' files have ended", func() bool { return len(r.s.hub.Names()) == 2 })
	for _, path := range []string{"/standup/zoe.webm?run=1", "/standup/gone.webm?run=1"} {
		r.connect(path).refused(4404, "There is nobody of that name in this room.")
	}
	bob.join("standup", both)
	alice.hear("joined")
	p := r.publish(alice.hear("start").Publish[0].URL)
	p.send(chunks[0])
	p.acked(1)
	files[3].end()
	files[4].end()
	for i, l := range listeners {
		if got := string(l.all()); len(got) == 0 || !strings.HasSuffix(want, got[len(got)/2:]) {
			t.Errorf("listener %d got %d bytes, which are not the end of %d", i, len(got), len(want))
		}
	}
}

// Where somebody publishes by a key nobody opens a room, or he would be ended by who has no
// right to; afterwards it is one like others.
func TestRoomOfAKey(t *testing.T) {
	r := start(t, "http", wide())
	chunks := capture(t, sound)
	p := r.publish("/radio/live.webm?key=k&run=1")
	p.send(chunks[0])
	p.acked(1)
	l := r.listen("/radio/live.webm")
	alice, _ := r.phone("alice", "")
	barred := func() {
		t.Helper()
		alice.say(calls.Message{Type: "join", Room: "radio", Media: both})
		if m := alice.hear("error"); m.Code != calls.Forbidden || m.Re != "join" || !strings.Contains(m.Text, "publishes at /radio/live with a key") {
			t.Errorf("alice is told %s", calls.Encode(m))
		}
	}
	barred()
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	l.has(1)
	p.c.abandon()
	eventually(t, "it has gone", func() bool { return len(r.s.hub.Held("radio")) == 1 })
	barred() // he may come back
	p = r.publish("/radio/live.webm?key=k&run=1")
	p.end()
	eventually(t, "nobody has it any more", func() bool { return len(r.s.hub.Held("radio")) == 0 })
	alice.join("radio", both)
	alice.say(calls.Message{Type: "leave", Call: "radio"})
	alice.hear("ended")
	alice.join("radio", both) // whose own key of before holds nothing
}

// Who waits for somebody who is not in the room yet has him when he has come, and is told
// when the room is over.
func TestWaitForAMember(t *testing.T) {
	r := start(t, "http", wide())
	alice, _ := r.phone("alice", "")
	alice.join("standup", both)
	carols := r.ask("GET", "/standup/carol.webm?wait=1m", nil)
	screen := r.ask("GET", "/standup/dave-screen.webm?wait=1m", nil)
	eventually(t, "they wait", func() bool {
		return r.s.demand.waits("standup/carol") && r.s.demand.waits("standup/dave-screen")
	})
	carol, _ := r.phone("carol", "")
	p := r.publish(carol.join("standup", both).Publish[0].URL)
	p.send(capture(t, picture)[:3]...)
	p.acked(3)
	resp := carols()
	if b := make([]byte, 4); resp.StatusCode != 200 {
		t.Errorf("who waits for carol is told %s", resp.Status)
	} else if _, err := io.ReadFull(resp.Body, b); err != nil {
		t.Error(err)
	}
	resp.Body.Close()
	p.end()
	carol.say(calls.Message{Type: "leave", Call: "standup"})
	carol.hear("ended")
	for _, typ := range []string{"joined", "start", "left", "start"} {
		alice.hear(typ)
	}
	alice.say(calls.Message{Type: "leave", Call: "standup"})
	alice.hear("ended")
	r.s.demand.mu.Lock()
	waits := r.s.demand.asking["standup/dave-screen"]
	r.s.demand.mu.Unlock()
	if waits != 1 {
		t.Errorf("%d wait for dave's screen, in a room that may be opened again", waits)
	}
	dave := r.publish("/standup/dave-screen.webm")
	dave.send(capture(t, picture)[:3]...)
	dave.acked(3)
	resp = screen()
	if resp.StatusCode != 200 {
		t.Errorf("who waits for dave's screen is told %s", resp.Status)
	}
	resp.Body.Close()
}

// A mix of what others published where a room is opened ends with them.
func TestMixOfBefore(t *testing.T) {
	o := wide()
	o.Stream.Grace = time.Minute
	r := start(t, "http", o)
	p := r.publish("/standup/x.webm")
	p.send(capture(t, sound)[0])
	p.acked(1)
	l := r.listen("/standup/mix.wav")
	l.has(44)
	alice, _ := r.phone("alice", "")
	alice.join("standup", both)
	if got := l.all(); !bytes.HasPrefix(got, []byte("RIFF")) {
		t.Errorf("%d bytes", len(got))
	}
}

// A mix wakes who rests without having sent anything, as after a restart of the server; and
// is silence where all are there to listen.
func TestMixAsksInRooms(t *testing.T) {
	o := wide()
	o.Unheard = 20 * time.Millisecond
	r := start(t, "http", o)
	waits := r.ask("GET", "/hall/mix.wav?wait=2s", nil)
	eventually(t, "somebody waits", func() bool { return bytes.Contains(stacks(), []byte("AwaitRoom")) })
	alice, _ := r.phone("alice", "")
	bob, _ := r.phone("bob", "")
	bob.join("hall", &calls.Media{})
	m := alice.join("standup", both)
	r.publish(m.Publish[0].URL + "&run=one&paused=1")
	alice.hearDemand("/standup/alice.webm", false)
	l := r.listen("/standup/mix.wav")
	l.has(44)
	alice.hearDemand("/standup/alice.webm", true)
	l.resp.Body.Close()
	alice.hearDemand("/standup/alice.webm", false)
	resp := waits()
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("who waited for a room in which nobody speaks is told %s", resp.Status)
	}
}

// Somebody who does not read for a while is told how a room is now, not how it has been.
func TestNewestStart(t *testing.T) {
	c := newSession(&Server{opt: Options{}.withDefaults()}, nil, func() {})
	c.put(parcel{text: []byte("a1"), start: true, call: "a"})
	c.put(parcel{text: []byte("joined")})
	c.put(parcel{text: []byte("b1"), start: true, call: "b"})
	c.put(parcel{text: []byte("a2"), start: true, call: "a"})
	waiting := c.waiting
	var got []string
	for _, p := range c.take() {
		got = append(got, string(p.text))
	}
	if strings.Join(got, " ") != "joined b1 a2" || waiting != len("joinedb1a2")+3*parcelCost {
		t.Errorf("%q, of %d bytes", got, waiting)
	}
}

// A start that is told again makes nothing new of who listens.
func TestStartKeepsWhatWasTold(t *testing.T) {
	c := newSession(&Server{opt: Options{}.withDefaults()}, nil, func() {})
	m := calls.Message{Type: "start", Call: "a", Publish: []calls.Publication{{URL: "/a/alice.webm?key=k"}}}
	c.follow(m)
	c.told["/a/alice.webm"], c.wanted["/a/alice.webm"] = 2, &wish{said: true}
	c.follow(m)
	if c.told["/a/alice.webm"] != 2 || c.wanted["/a/alice.webm"] == nil {
		t.Errorf("told %v, wanted %v", c.told, c.wanted)
	}
	c.follow(calls.Message{Type: "ended", Call: "a"})
	if len(c.told)+len(c.wanted) != 0 {
		t.Errorf("after the end: told %v, wanted %v", c.told, c.wanted)
	}
}

// The longest name has a screen as well.
func TestScreenOfTheLongestName(t *testing.T) {
	r := start(t, "http", wide())
	name := strings.Repeat("a", 64)
	a, _ := r.phone(name, "")
	b, _ := r.phone("bob", "")
	a.join(strings.Repeat("r", 64), &calls.Media{Screen: calls.Screen{Video: true}})
	m := b.join(strings.Repeat("r", 64), both)
	a.hear("joined")
	file := r.publish(a.hear("start").Publish[0].URL)
	file.send(capture(t, picture)[0])
	file.acked(1)
	r.listen(m.Play[0].URL).has(1)
	b.say(calls.Message{Type: "failed", Call: m.Call, URL: m.Play[0].URL})
	b.hear("start")
	b.hear("error") // there is nothing else, and that was understood
	// Its name is taken, and the one that is free instead is good for the same.
	c := r.dialPhone()
	c.name = "c"
	c.say(calls.Message{Type: "hello", Caller: name, Can: canWebM})
	free := c.hear("error").Suggest
	c.say(calls.Message{Type: "hello", Caller: free, Can: canWebM})
	c.hear("welcome")
	m = c.join(m.Call, &calls.Media{Screen: calls.Screen{Video: true}})
	file = r.publish(m.Publish[0].URL)
	file.send(capture(t, picture)[0])
	file.acked(1)
	if want := "/" + m.Call + "/" + free + "-screen.webm"; m.Publish[0].Path() != want {
		t.Errorf("it publishes at %s, expected %s", m.Publish[0].Path(), want)
	}
}

// What cannot be joined, as it comes over the wire.
func TestBadRooms(t *testing.T) {
	o := wide()
	o.Calls.Room = 2
	r := start(t, "http", o)
	a, _ := r.phone("alice", "")
	for _, row := range []struct{ text, code, want string }{
		{`{"type":"join"}`, "bad-request", `Which room? Say {"type":"join","room":"NAME"`},
		{`{"type":"join","room":""}`, "bad-request", "Which room?"},
		{`{"type":"join","room":7}`, "bad-request", `"room" must be a string, got number`},
		{`{"type":"join","room":true}`, "bad-request", `"room" must be a string, got bool`},
		{`{"type":"join","room":"a.b"}`, "bad-request", `A room's name is 1 to 64 of A-Z a-z 0-9 _ -, got "a.b".`},
		{`{"type":"join","room":"` + strings.Repeat("a", 65) + `"}`, "bad-request", `A room's name is 1 to 64`},
		{`{"type":"join","room":"` + strings.Repeat("a", 200) + `"}`, "bad-request", `"room" has at most 128 bytes, got 200`},
		{`{"type":"join","room":"call-abc"}`, "bad-request", `Names that begin with "call-" are those of calls`},
		{`{"type":"join","room":"static"}`, "bad-request", "/static is the server's own; choose another name"},
		{`{"type":"join","room":"admin"}`, "bad-request", "/admin is the server's own"},
		{`{"type":"join","room":"a","media":"av"}`, "bad-request", `"media" must be an object, got string`},
		{`{"type":"join","room":"a","media":{"screen":true}}`, "bad-request", `"media.screen" must be an object, got bool`},
		{`{"type":"join","room":"a","media":{"screen":{"audio":true,"video":false}}}`, "bad-request", `a "screen" has video`},
		{`{"type":"leave"}`, "no-match", "You are in no such call"},
		{`{"type":"leave","call":"a"}`, "no-match", "You are in no such call"},
		{"{\"type\":\"message\",\"call\":\"a\",\"data\":\"\xff\"}", "bad-request", "is text in UTF-8, which byte 37 is not"},
		{`{"type":"hello","caller":"x-screen"}`, "bad-request", "This connection is alice already"},
	} {
		if err := a.socket.writeText(patient(t), []byte(row.text)); err != nil {
			t.Fatal(err)
		}
		m := a.hear("error")
		if m.Code != row.code {
			t.Errorf("%s: code %s, expected %s", row.text, m.Code, row.code)
		}
		sentence(t, m.Text, row.want)
	}
	for _, name := range reserved {
		a.say(calls.Message{Type: "join", Room: name})
		sentence(t, a.hear("error").Text, "name")
	}
	x := r.dialPhone()
	x.name = "x"
	x.say(calls.Message{Type: "hello", Caller: "x-screen"})
	sentence(t, x.hear("error").Text, `nor does it end in "-screen"`)
	x.say(calls.Message{Type: "join", Room: "a"})
	sentence(t, x.hear("error").Text, "Say hello first")

	b, _ := r.phone("bob", "")
	c, _ := r.phone("carol", "")
	a.join("a", both)
	b.join("a", both)
	c.say(calls.Message{Type: "join", Room: "a"})
	m := c.hear("error")
	if sentence(t, m.Text, "2 are in a, which is all that a room holds here"); m.Code != "too-many" || m.Call != "a" {
		t.Errorf("carol is told %s", calls.Encode(m))
	}
	b.say(calls.Message{Type: "join", Room: "b"})
	sentence(t, b.hear("error").Text, "You are in the room a; leave a first.")
	b.say(calls.Message{Type: "hangup", Call: "a"})
	sentence(t, b.hear("error").Text, "a is a room, which is joined and left; say leave.")
}

// A member whose connection breaks is away, and is back with its key; a window that is
// closed is gone after a moment, and its files with it.
func TestRoomComeBack(t *testing.T) {
	o := wide()
	o.Calls.Reload = 20 * time.Millisecond
	r := start(t, "http", o)
	a, welcome := r.phone("alice", "")
	b, _ := r.phone("bob", "")
	a.join("standup", both)
	b.join("standup", both)
	a.hear("joined")
	before := a.hear("start")
	a.socket.abandon()
	if m := b.hear("start"); !m.Peers[0].Away {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	a, again := r.phone("alice", welcome.Resume)
	if m := a.hear("start"); !again.Resumed || m.Room != true || keyIn(m) != keyIn(before) {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	b.hear("start")
	file := r.publish(before.Publish[0].URL)
	a.socket.(*socket).close(closeNormal, "")
	b.hear("start")
	if m := b.hear("left"); m.Caller != "alice" || !strings.Contains(m.Text, "alice is gone") {
		t.Errorf("bob is told %s", calls.Encode(m))
	}
	file.refused(4404, "alice has left this room")
}

// The rooms of one process go on in the next.
func TestRoomsAreHandedOver(t *testing.T) {
	file := callsFile(t.TempDir(), "x")
	o := wide()
	o.CloseWait = 20 * time.Millisecond // nobody reads these sockets
	first := start(t, "http", o)
	a, welcome := first.phone("alice", "")
	b, _ := first.phone("bob", "")
	b.join("standup", both)
	m := a.join("standup", &calls.Media{Audio: true, Screen: calls.Screen{Video: true}})
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := first.s.saveCalls(file); err != nil {
		t.Fatal(err)
	}
	next := start(t, "http", wide())
	if err := next.s.loadCalls(file); err != nil {
		t.Fatal(err)
	}
	next.connect("/standup/alice.webm").refused(4403, "Only alice may publish here")
	a, _ = next.phone("alice", welcome.Resume)
	now := a.hear("start")
	if now.Room != true || len(now.Publish) != 2 || now.Publish[1].URL != m.Publish[1].URL || !now.Peers[0].Away || !now.Peers[0].Polite && now.Peers[0].Caller != "bob" {
		t.Errorf("alice was told %s and is told %s", calls.Encode(m), calls.Encode(now))
	}
	next.publish(now.Publish[1].URL).end()
	a.say(calls.Message{Type: "leave", Call: "standup"})
	a.hear("ended")
}

// In a large room everybody is told of everybody's files, some at a time.
func TestEdgesTakeTurns(t *testing.T) {
	r := start(t, "http", wide())
	c := newSession(r.s, nil, nil)
	m := calls.Message{Type: "start", Call: "standup"}
	for i := range 3*maxEdges - 1 {
		path := fmt.Sprintf("/standup/c%d.wav", i)
		p := r.publish(path)
		p.send(streamtest.Wave(time.Second))
		p.acked(1)
		m.Play = append(m.Play, calls.Playing{URL: path + "?el=5s"})
	}
	c.follow(calls.Message{Type: "start", Call: "call-x", Play: []calls.Playing{{URL: "/standup/c0.wav?el=1"}}})
	c.follow(m)
	told := map[string]int{}
	for range 3 {
		all := c.report()
		if len(all) != maxEdges {
			t.Errorf("%d are reported at once", len(all))
		}
		for _, e := range all {
			told[e.URL]++
		}
	}
	if len(told) != 3*maxEdges {
		t.Errorf("told of %d files: %v", len(told), told)
	}
	c.follow(calls.Message{Type: "ended", Call: "standup"})
	if all := c.report(); len(all) != 1 || all[0].URL != "/standup/c0.wav?el=1" {
		b, _ := json.Marshal(all)
		t.Errorf("of the call only, it reports %s", b)
	}
}
