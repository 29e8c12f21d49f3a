package compat

import "slices"

// Packets is every room in which packets are passed on, each of two sessions. One
// goroutine at a time may call its methods. Of a packet it keeps ids and
// numbers only.
type Packets struct {
	most     int
	rooms    map[string]*packetRoom
	sessions map[Session]string // the room that each came for
}

// packetRoom is one or two sessions and what they have offered each other.
type packetRoom struct {
	name    string
	members []Session
	offers  map[Session]*exchange // each one's newest
}

// exchange is an offer and what became of it.
type exchange struct {
	offer    Packet // its ids, and what an error about it repeats
	answered bool
	closed   bool // by OK
}

// NewPackets returns a state without rooms, for at most so many sessions.
func NewPackets(most int) *Packets {
	return &Packets{most: most, rooms: map[string]*packetRoom{}, sessions: map[Session]string{}}
}

// Enter takes a session into a room whose name [CheckRoom] accepts. A third one is
// told so, and that with every packet, until there is a place.
func (s *Packets) Enter(who Session, room string) []Send {
	if len(s.sessions) >= s.most {
		return to(who, complain(Packet{}, Refused, "%d pages are in rooms here, which is all that this server takes; try again later.", s.most))
	}
	s.sessions[who] = room
	if s.place(who) == nil {
		return to(who, thirdParty(Packet{}, room))
	}
	return nil
}

func thirdParty(re Packet, room string) []byte {
	return complain(re, Refused, "Two are in room %q already; take another name for the room.", room)
}

// place returns the room in which a session is, if there is a place for it.
func (s *Packets) place(who Session) *packetRoom {
	name := s.sessions[who]
	r := s.rooms[name]
	switch {
	case name == "":
		return nil
	case r == nil:
		r = &packetRoom{name: name, offers: map[Session]*exchange{}}
		s.rooms[name] = r
	case slices.Contains(r.members, who):
		return r
	case len(r.members) > 1:
		return nil
	}
	r.members = append(r.members, who)
	return r
}

// other returns who else is in the room, or 0.
func (r *packetRoom) other(who Session) Session {
	for _, m := range r.members {
		if m != who {
			return m
		}
	}
	return 0
}

// Leave takes a session out of its room, and tells the other one. A room without
// members is gone.
func (s *Packets) Leave(who Session) []Send {
	name := s.sessions[who]
	delete(s.sessions, who)
	r := s.rooms[name]
	if r == nil || !slices.Contains(r.members, who) {
		return nil
	}
	other := r.other(who)
	if other == 0 {
		delete(s.rooms, name)
		return nil
	}
	var last Packet
	for _, m := range []Session{who, other} {
		if e := r.offers[m]; e != nil {
			last = e.offer
		}
	}
	r.members = []Session{other}
	clear(r.offers)
	return to(other, complain(last, Failed, "The other one in room %q has closed the connection; what was offered and answered between you is over.", name))
}

// Handle passes a packet on, or says why not.
func (s *Packets) Handle(who Session, p Packet) []Send {
	if s.sessions[who] == "" {
		return s.answer(who, p, Refused, "This server has no room for this page; connect again later.")
	}
	r := s.place(who)
	if r == nil {
		if p.MessageType == Error {
			return nil
		}
		return to(who, thirdParty(p, s.sessions[who]))
	}
	other := r.other(who)
	if other == 0 {
		return s.answer(who, p, Failed, "Nobody else is in room %q yet; open the page there too, and connect again.", r.name)
	}
	switch p.MessageType {
	case Offer:
		return r.offered(who, other, p)
	case Answer:
		return r.answered(who, other, p)
	default:
		return r.settled(who, other, p)
	}
}

// answer complains of a packet. Errors are not answered, or two would go on about
// them for ever.
func (s *Packets) answer(who Session, re Packet, errorType, format string, a ...any) []Send {
	if re.MessageType == Error {
		return nil
	}
	return to(who, complain(re, errorType, format, a...))
}

// offered settles an offer against one of the other that nobody has answered.
func (r *packetRoom) offered(who, other Session, p Packet) []Send {
	mine := &exchange{offer: Packet{OffererSessionID: p.OffererSessionID, Seq: p.Seq, TieBreaker: p.TieBreaker}}
	theirs := r.offers[other]
	if theirs == nil || theirs.answered {
		r.offers[who] = mine
		return to(other, p.raw)
	}
	const both = "Both have offered at once, "
	switch {
	case p.TieBreaker < theirs.offer.TieBreaker:
		return to(who, complain(mine.offer, Conflict, both+"and the other's tieBreaker is higher: answer its offer."))
	case p.TieBreaker > theirs.offer.TieBreaker:
		delete(r.offers, other)
		r.offers[who] = mine
		return append(to(other, complain(theirs.offer, Conflict, both+"and the other's tieBreaker is higher: answer its offer, which follows.")), to(other, p.raw)...)
	}
	delete(r.offers, other)
	const again = both + "with the same tieBreaker: offer again, with another."
	return append(to(who, complain(mine.offer, DoubleConflict, again)), to(other, complain(theirs.offer, DoubleConflict, again))...)
}

// answered passes the answer to an offer of the other on, the first one.
func (r *packetRoom) answered(who, other Session, p Packet) []Send {
	e := r.offers[other]
	if e == nil || e.offer.OffererSessionID != p.OffererSessionID {
		return to(who, complain(p, NoMatch, "Nobody in room %q has made the offer that this answers, or it is over.", r.name))
	}
	if e.answered {
		return to(who, complain(p, NoMatch, "That offer has been answered already."))
	}
	e.answered, e.offer.AnswererSessionID = true, p.AnswererSessionID
	return to(other, p.raw)
}

// settled passes on what closes an exchange: OK, ERROR and SHUTDOWN.
func (r *packetRoom) settled(who, other Session, p Packet) []Send {
	for _, m := range []Session{who, other} {
		e := r.offers[m]
		if e == nil || e.offer.OffererSessionID != p.OffererSessionID {
			continue
		}
		switch {
		case p.MessageType == Error, p.MessageType == Shutdown && e.offer.AnswererSessionID == p.AnswererSessionID:
			delete(r.offers, m)
		case p.MessageType == OK && m == who && e.answered && !e.closed && e.offer.AnswererSessionID == p.AnswererSessionID:
			e.closed = true
		default:
			continue
		}
		return to(other, p.raw)
	}
	if p.MessageType == Error {
		return nil
	}
	return to(who, complain(p, NoMatch, "%s is about no exchange that is open in room %q.", p.MessageType, r.name))
}
