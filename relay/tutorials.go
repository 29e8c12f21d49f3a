package relay

import (
	"net/http"
	"net/url"

	"everfile/relay/calls"
	"everfile/relay/compat"
)

// maxPages is how many sessions each of the early protocols takes, as many as there
// may be callers.
const maxPages = 10_000

// dialect is an early protocol that a session talks instead of our JSON. Its methods
// are the reader's.
type dialect interface {
	// hear takes a message, which nobody changes any more.
	hear(data []byte)

	// sentence is how the session is told one.
	sentence(text string) []byte

	// leave takes the session out of its rooms. The board is locked.
	leave(b *board) []compat.Send
}

// who is the session's number in the early protocols.
func (c *session) who() compat.Session { return compat.Session(c.id) }

// inRooms is the dialect of c:ROOM and m:ROOM:TEXT.
type inRooms struct{ *session }

func (c inRooms) hear(data []byte) {
	m, err := compat.ParseRooms(data)
	if err != nil {
		c.refuse(calls.BadRequest, calls.Message{}, "%v.", err)
		return
	}
	c.server.board.passed(func(b *board) []compat.Send { return b.rooms.Handle(c.who(), m) })
}

func (c inRooms) sentence(text string) []byte { return compat.RoomsSentence(text) }

func (c inRooms) leave(b *board) []compat.Send {
	b.rooms.Leave(c.who())
	return nil
}

// ofPackets is the dialect of plain SDP packets.
type ofPackets struct{ *session }

// pass has a session talk packets, in a room.
func (c *session) pass(room string) {
	c.greet()
	c.dialect = ofPackets{c}
	c.server.board.passed(func(b *board) []compat.Send { return b.packets.Enter(c.who(), room) })
}

func (c ofPackets) hear(data []byte) {
	p, err := compat.ParsePacket(data)
	if err != nil {
		c.put(parcel{text: p.Complaint(err.Error() + ".")})
		return
	}
	c.server.board.passed(func(b *board) []compat.Send { return b.packets.Handle(c.who(), p) })
}

func (c ofPackets) sentence(text string) []byte { return compat.Packet{}.Complaint(text) }

func (c ofPackets) leave(b *board) []compat.Send { return b.packets.Leave(c.who()) }

// passed delivers what a message of an early protocol led to.
func (b *board) passed(handle func(*board) []compat.Send) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.pass(handle(b))
	}
}

// pass puts texts into outboxes. b.mu is held.
func (b *board) pass(all []compat.Send) {
	for _, e := range all {
		for _, id := range e.To {
			if c := b.sessions[calls.Session(id)]; c != nil {
				c.put(parcel{text: e.Text})
			}
		}
	}
}

// packetRoom returns the room of /ws?room=NAME&compat=sdp, or "" for any other /ws.
// Its error is a *refusal.
func packetRoom(q url.Values) (string, error) {
	if !q.Has("compat") {
		return "", nil
	}
	if of := q.Get("compat"); of != "sdp" {
		return "", refuse(http.StatusBadRequest, "compat=%.40s is not known; compat=sdp is.", of)
	}
	room := q.Get("room")
	if err := compat.CheckRoom(room); err != nil {
		return "", refuse(http.StatusBadRequest, "/ws?room=NAME&compat=sdp: %v.", err)
	}
	return room, nil
}
