package compat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// The limits of rooms.
const (
	MaxRooms   = 8  // that one session is in
	MaxMembers = 16 // of one room; each message goes to all of them
)

// RoomMessage is a text of the rooms protocol, taken apart.
type RoomMessage struct {
	Subscribe bool   // c:ROOM, else m:ROOM:TEXT
	Room      string // checked
	Text      []byte // may be empty
}

// IsRooms reports whether a text begins like one of the rooms protocol, which no
// JSON does.
func IsRooms(text []byte) bool {
	return bytes.HasPrefix(text, []byte("c:")) || bytes.HasPrefix(text, []byte("m:"))
}

// ParseRooms reads c:ROOM or m:ROOM:TEXT. Its error is a sentence without a full
// stop. The message's text is part of what it is given.
func ParseRooms(text []byte) (RoomMessage, error) {
	switch {
	case !utf8.Valid(text):
		return RoomMessage{}, errNotText
	case bytes.HasPrefix(text, []byte("c:")):
		room := string(text[2:])
		return RoomMessage{Subscribe: true, Room: room}, CheckRoom(room)
	case bytes.HasPrefix(text, []byte("m:")):
		room, rest, ok := bytes.Cut(text[2:], []byte(":"))
		if !ok {
			return RoomMessage{}, fmt.Errorf("a message is m:ROOM:TEXT, got %.80q without a second colon", text)
		}
		return RoomMessage{Room: string(room), Text: rest}, CheckRoom(string(room))
	}
	return RoomMessage{}, fmt.Errorf("here c:ROOM subscribes and m:ROOM:TEXT sends TEXT to all of ROOM, got %.80q", text)
}

// errNotText is for what a browser would fail its connection for.
var errNotText = errors.New("a text message must be UTF-8 (RFC 6455, section 8.1)")

// RoomsSentence is how a sentence is told in the rooms protocol: what a page takes
// for the sender, 0 or 1, is an e here.
func RoomsSentence(text string) []byte { return []byte("e:" + text) }

// Rooms is every room of the rooms protocol. One goroutine at a time may call its
// methods. It keeps nothing of a message but the name of its room.
type Rooms struct {
	most     int
	rooms    map[string][]Session
	sessions map[Session][]string
}

// NewRooms returns a state without rooms, for at most so many sessions.
func NewRooms(most int) *Rooms {
	return &Rooms{most: most, rooms: map[string][]Session{}, sessions: map[Session][]string{}}
}

// Handle does what a message asks for.
func (r *Rooms) Handle(who Session, m RoomMessage) []Send {
	switch {
	case m.Subscribe:
		return r.subscribe(who, m.Room)
	case !slices.Contains(r.rooms[m.Room], who):
		return refuseRooms(who, "You are not in room %q; subscribe to it first: c:%s.", m.Room, m.Room)
	}
	return []Send{{To: slices.Clone(r.rooms[m.Room]), Text: m.Text}}
}

// subscribe puts a session into a room; who is there already stays.
func (r *Rooms) subscribe(who Session, room string) []Send {
	own, there := r.sessions[who]
	switch {
	case slices.Contains(own, room):
		return nil
	case !there && len(r.sessions) >= r.most:
		return refuseRooms(who, "%d pages are in rooms here, which is all that this server takes; try again later.", r.most)
	case len(own) >= MaxRooms:
		return refuseRooms(who, "One connection is in at most %d rooms; open another for room %q.", MaxRooms, room)
	case len(r.rooms[room]) >= MaxMembers:
		return refuseRooms(who, "Room %q is full: it has %d members; take another number.", room, MaxMembers)
	}
	r.rooms[room] = append(r.rooms[room], who)
	r.sessions[who] = append(own, room)
	return nil
}

func refuseRooms(who Session, format string, a ...any) []Send {
	return to(who, RoomsSentence(fmt.Sprintf(format, a...)))
}

// Leave takes a session out of its rooms. A room without members is gone.
func (r *Rooms) Leave(who Session) {
	for _, room := range r.sessions[who] {
		left := slices.DeleteFunc(r.rooms[room], func(s Session) bool { return s == who })
		if r.rooms[room] = left; len(left) == 0 {
			delete(r.rooms, room)
		}
	}
	delete(r.sessions, who)
}
