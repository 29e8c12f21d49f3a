package calls

import (
	"fmt"
	"slices"
	"strings"
)

// unfitRoom says why a room cannot have a name; "": it can.
func (s *State) unfitRoom(name string) string {
	switch {
	case name == "":
		return "Which room? Say {\"type\":\"join\",\"room\":\"NAME\",\"media\":{\"audio\":true,\"video\":true}}."
	case !ValidName(name):
		return fmt.Sprintf("A room's name is 1 to %d of A-Z a-z 0-9 _ -, got %.80q.", maxName, name)
	case strings.HasPrefix(name, RoomPrefix):
		return fmt.Sprintf("Names that begin with %q are those of calls; choose another name for the room.", RoomPrefix)
	case slices.Contains(s.opt.Reserved, name):
		return fmt.Sprintf("/%s is the server's own; choose another name for the room.", name)
	}
	return ""
}

// join puts somebody into a room, which is there from its first member to its last.
// Who is in it already is told again how it is.
func (s *State) join(c *caller, m Message) {
	id := m.room()
	k := s.calls[id]
	m.Call = id[:min(len(id), maxName)] // what an error is about
	why := s.unfitRoom(id)
	switch {
	case why != "":
		m.Call = ""
		s.refuse(c.session, BadRequest, m, "%s", why)
	case c.room != nil && c.room == k:
		if m.Media != nil {
			k.member(c).media = *m.Media
		}
		s.tellAgain(k, c)
	case c.room != nil:
		s.refuse(c.session, BadRequest, m, "You are in the room %s; leave %s first.", c.room.id, c.room.id)
	case k != nil && len(k.members) >= s.opt.Room:
		s.refuse(c.session, TooMany, m, "%d are in %s, which is all that a room holds here; try again later.", len(k.members), id)
	default:
		s.enter(c, id, m.offer())
	}
}

// enter adds a member, with a key of its own, to a room that may not be there yet.
func (s *State) enter(c *caller, id string, sends Media) {
	k := s.calls[id]
	if k == nil {
		k = &call{id: id, named: true}
		s.calls[id] = k
	}
	s.send(Message{Type: "joined", Call: id, Caller: c.name}, k.callers()...)
	k.members = append(k.members, &member{caller: c, key: s.opt.Random(), media: sends})
	c.room = k
	s.allow(k)
	s.tell(k)
}

func (s *State) leave(c *caller, m Message) {
	switch k := s.its(c, m); {
	case k == nil:
	case !k.named:
		s.refuse(c.session, BadRequest, m, "That is a call of two; say hangup.")
	default:
		s.part(c, c.name+" left.")
		s.send(Message{Type: "ended", Call: k.id, Reason: "left", By: c.name, Text: "You left " + k.id + "."}, c)
	}
}

// part takes somebody out of his room, and tells the others why.
func (s *State) part(c *caller, text string) {
	k := c.room
	c.room = nil
	k.members = slices.DeleteFunc(k.members, func(m *member) bool { return m.caller == c })
	if len(k.members) == 0 {
		delete(s.calls, k.id)
		s.effect(Forbid{k.id})
		return
	}
	s.allow(k)
	s.send(Message{Type: "left", Call: k.id, Caller: c.name, Text: text}, k.callers()...)
	s.tell(k)
}

// walkedOut: a page that said goodbye has not been loaded again. Its caller is still
// awaited in his call.
func (s *State) walkedOut(_ Session, m Message) {
	if c := s.missing(m); c != nil && c.room != nil {
		s.part(c, c.name+" is gone: the window was closed.")
	}
}

// tell has everybody told how a call is now: in a large room not at each change, since
// what there is to tell is as long as the room is large, and for each of its members.
func (s *State) tell(k *call) {
	switch {
	case !k.named || len(k.members) <= s.opt.Few:
		s.start(k)
	case k.soon == 0:
		s.ages++
		k.soon = s.ages
		s.effect(Later{s.opt.Gather, Message{Type: timeStart, Call: k.id, age: k.soon}})
	}
}

// tellAgain is tell, of which somebody wants to know even what he was told last.
func (s *State) tellAgain(k *call, c *caller) {
	k.member(c).told = Message{}
	s.tell(k)
}

// gathered: it is time to tell what has changed in a large room.
func (s *State) gathered(_ Session, m Message) {
	if k := s.calls[m.Call]; k != nil && k.soon == m.age {
		s.start(k)
	}
}
