package relay

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"everfile/relay/calls"
	"everfile/relay/compat"
	"everfile/stream"
)

// board is the one place where control messages change the state of calls. Its
// lock is held while effects are put into the outboxes, so that everybody gets
// them in the order in which they happened; nothing waits under it.
type board struct {
	server *Server

	mu       sync.Mutex // protects below
	state    *calls.State
	rooms    *compat.Rooms
	packets  *compat.Packets
	sessions map[calls.Session]*session
	last     calls.Session
	timers   map[*time.Timer]struct{}
	closed   bool
	saved    calls.Snapshot // as it was when the board was closed
}

func newBoard(s *Server, o calls.Options) *board {
	return &board{
		server: s, state: calls.New(o), rooms: compat.NewRooms(maxPages), packets: compat.NewPackets(maxPages),
		sessions: map[calls.Session]*session{}, timers: map[*time.Timer]struct{}{},
	}
}

// enter gives a control socket its place; it reports false when the server stops.
func (b *board) enter(c *session) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.last++
	c.id = b.last
	b.sessions[c.id] = c
	return true
}

// leave takes a session's place. bye says that its caller closed it.
func (b *board) leave(c *session, bye bool) {
	m := calls.Message{Type: calls.Lost}
	if bye {
		m.Type = calls.Bye
	}
	b.mu.Lock()
	delete(b.sessions, c.id)
	if c.dialect != nil {
		b.pass(c.dialect.leave(b))
	}
	b.server.demand.speak(c, nil)
	over := b.apply(b.state.Handle(c.id, m))
	b.mu.Unlock()
	b.end(over)
}

// handle does what a caller's message asks for.
func (b *board) handle(who calls.Session, m calls.Message) {
	var over []ended
	b.mu.Lock()
	if !b.closed && !b.barred(who, m) {
		over = b.apply(b.state.Handle(who, m))
	}
	b.mu.Unlock()
	b.end(over)
}

// barred refuses to open a room where somebody publishes by a key: nobody else may end
// that. b.mu is held.
func (b *board) barred(who calls.Session, m calls.Message) bool {
	room, _ := m.Room.(string)
	if m.Type != "join" || b.sessions[who] == nil {
		return false
	}
	entry, yes := b.server.gate.claimed(room, b.server.hub.Held(room))
	if yes {
		b.sessions[who].refuse(calls.Forbidden, m, "Somebody publishes at /%s with a key, so this can be no room now; choose another name.", entry)
	}
	return yes
}

// end ends the files of rooms that are closed already, and of who has left one.
func (b *board) end(all []ended) {
	for _, e := range all {
		b.server.hub.End(e.entry, e.cause)
		b.server.gate.over(e.entry)
	}
}

// apply does what a message led to, but for ending the entries that it returns,
// which may have to wait for who is writing to them. b.mu is held.
func (b *board) apply(effects []calls.Effect) (over []ended) {
	for _, e := range effects {
		switch e := e.(type) {
		case calls.Send:
			text := calls.Encode(e.Message) // once, however many get it
			for _, id := range e.To {
				if c := b.sessions[id]; c != nil {
					c.follow(e.Message)
					c.put(parcel{text: text, start: e.Message.Type == "start", call: e.Message.Call})
				}
			}
		case calls.Later:
			b.later(e)
		case calls.Allow:
			over = append(over, b.open(e)...)
		case calls.Forbid:
			over = append(over, b.server.gate.close(e.Room)...)
		case calls.Dismiss:
			if c := b.sessions[e.Session]; c != nil {
				c.put(parcel{last: &refusal{code: closeReplaced, text: "Another window goes on as this caller."}})
			}
		}
	}
	return over
}

// open lets the callers of a room in, and them only. Whoever published there before
// the room was opened is ended as those are who have left it.
func (b *board) open(e calls.Allow) []ended {
	over, opened := b.server.gate.open(e.Room, e.Keys)
	if opened && !strings.HasPrefix(e.Room, calls.RoomPrefix) { // whose names nobody knew
		over = append(over, b.server.gate.take(b.server.hub.Under(e.Room))...)
		b.server.hub.EndMixes(e.Room)
	}
	return over
}

// later gives a message back after a time. b.mu is held.
func (b *board) later(e calls.Later) {
	if b.closed {
		return
	}
	var t *time.Timer
	t = time.AfterFunc(e.After, func() {
		b.mu.Lock()
		delete(b.timers, t)
		b.mu.Unlock()
		b.handle(0, e.Message)
	})
	b.timers[t] = struct{}{}
}

// restore takes over the calls of another process.
func (b *board) restore(snap calls.Snapshot) {
	b.mu.Lock()
	over := b.apply(b.state.Restore(snap))
	b.mu.Unlock()
	b.end(over)
}

// close tells everybody to connect again, and ends the timers.
func (b *board) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.apply(b.state.Handle(0, calls.Message{Type: calls.Stop}))
	b.closed, b.saved = true, b.state.Snapshot()
	for t := range b.timers {
		t.Stop()
	}
	for _, c := range b.sessions {
		c.put(parcel{last: refusalOf(stream.ErrClosed)})
	}
}

// control serves the control socket, /ws, and what stands in for it.
func (s *Server) control(w http.ResponseWriter, r *http.Request) {
	via := r.URL.Query().Get("via")
	switch {
	case isUpgrade(r):
		s.controlSocket(w, r)
	case r.Method == http.MethodOptions:
		s.options(w, controlAllowed)
	case r.Method == http.MethodGet && via == viaEvents:
		s.controlEvents(w, r)
	case r.Method == http.MethodPost && via != "":
		s.controlPost(w, r, via)
	default:
		s.answer(w, r, refuse(http.StatusUpgradeRequired, "/ws is a WebSocket; open it with new WebSocket(\"ws://HOST/ws\") and say {\"type\":\"hello\",\"caller\":\"NAME\"}; without WebSockets, new EventSource(\"/ws?via=events\").").with("Upgrade", "websocket"))
	}
}

// controlAllowed is what can be done with /ws without an upgrade.
const controlAllowed = "GET, POST, OPTIONS"

func (s *Server) controlSocket(w http.ResponseWriter, r *http.Request) {
	room, err := packetRoom(r.URL.Query())
	if err != nil {
		s.answer(w, r, err)
		return
	}
	sock, err := accept(w, r, s.opt.CloseWait)
	if err != nil {
		return // it has answered
	}
	defer sock.abandon()
	s.talk(s.ctx, sock, s.opt.PingEvery, room)
}

// talk is a session from its begin to its end, which is the line's or ctx's. With a
// room it passes packets on there.
func (s *Server) talk(ctx context.Context, l controlLine, pingEvery time.Duration, room string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := newSession(s, l, cancel)
	if !s.board.enter(c) {
		l.closeWith(refusalOf(stream.ErrClosed))
		return
	}
	if room != "" {
		c.pass(room)
	}
	defer time.AfterFunc(s.opt.Hello, c.expect).Stop()
	var others sync.WaitGroup
	others.Go(func() { c.write(ctx) })
	others.Go(func() { s.keepAlive(ctx, l, pingEvery) })
	bye := c.read(ctx)
	s.board.leave(c, bye)
	c.put(parcel{last: &refusal{code: closeNormal}}) // the writer sends what is left, then goes
	select {
	case <-c.written:
	case <-time.After(s.opt.CloseWait):
	}
	cancel()
	others.Wait()
}
