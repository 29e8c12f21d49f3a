package calls

// member returns the caller's place in a call, or nil.
func (k *call) member(c *caller) *member {
	for _, m := range k.members {
		if m.caller == c {
			return m
		}
	}
	return nil
}

func (k *call) callers() []*caller {
	var all []*caller
	for _, m := range k.members {
		all = append(all, m.caller)
	}
	return all
}

// invite rings somebody.
func (s *State) invite(c *caller, m Message) {
	to := s.callers[skeleton(m.To)]
	switch {
	case m.To == "":
		s.refuse(c.session, BadRequest, m, "Whom? Say {\"type\":\"invite\",\"to\":\"NAME\",\"media\":{\"audio\":true,\"video\":true}}.")
	case to == c:
		s.refuse(c.session, BadRequest, m, "That is you: nobody can call himself.")
	case c.call != nil && to != nil && c.call == to.call && c.call.ringing && c.call.members[1].caller == c:
		s.answer(c, m) // both at once: one call
	case c.call != nil:
		s.refuse(c.session, BadRequest, m, "You are in a call; hang up first.")
	case to == nil || to.session == 0:
		s.refuse(c.session, Offline, m, "%.64s is not online.", m.To)
	case to.call != nil:
		s.refuse(c.session, Busy, m, "%s is in another call.", to.name)
	default:
		k := &call{
			id: RoomPrefix + s.opt.Random(), ringing: true,
			members: []*member{{caller: c, key: s.opt.Random(), media: m.offer()}, {caller: to, key: s.opt.Random()}},
		}
		s.calls[k.id] = k
		c.call, to.call = k, k
		s.ring(k, c, to)
		s.effect(Later{s.opt.Ring, Message{Type: timeRing, Call: k.id}})
		s.changed()
	}
}

// offer is what somebody wants to send: sound, unless something else was said.
func (m *Message) offer() Media {
	if m.Media == nil {
		return Media{Audio: true}
	}
	return *m.Media
}

// ring tells these of the two that it rings.
func (s *State) ring(k *call, to ...*caller) {
	a, b := k.members[0], k.members[1]
	for _, c := range to {
		if c == a.caller {
			s.send(Message{Type: "ringing", Call: k.id, To: b.name, Media: &a.media}, c)
		} else {
			s.send(Message{Type: "invite", Call: k.id, From: a.name, Media: &a.media}, c)
		}
	}
}

// its returns the call or room that a message names, if the caller is in it.
func (s *State) its(c *caller, m Message) *call {
	if k := s.calls[m.Call]; k != nil && (k == c.call || k == c.room) {
		return k
	}
	s.refuse(c.session, NoMatch, m, "You are in no such call; it may have ended.")
	return nil
}

// rung is its for what is said of calls only.
func (s *State) rung(c *caller, m Message) *call {
	k := s.its(c, m)
	if k != nil && k.named {
		s.refuse(c.session, BadRequest, m, "%s is a room, which is joined and left; say leave.", k.id)
		return nil
	}
	return k
}

func (s *State) accept(c *caller, m Message) {
	k := s.rung(c, m)
	switch {
	case k == nil:
	case !k.ringing:
		s.refuse(c.session, BadRequest, m, "This call was accepted already.")
	case k.members[0].caller == c:
		s.refuse(c.session, BadRequest, m, "You made this call: the other side accepts it.")
	default:
		s.answer(c, m)
	}
}

// answer begins the call in which c is rung.
func (s *State) answer(c *caller, m Message) {
	k := c.call
	k.ringing = false
	k.member(c).media = m.offer()
	s.allow(k)
	s.start(k)
}

// allow says who may publish in a room.
func (s *State) allow(k *call) {
	keys := map[string]string{}
	for _, m := range k.members {
		keys[m.name] = m.key
	}
	s.effect(Allow{k.id, keys})
}

func (s *State) reject(c *caller, m Message) {
	k := s.rung(c, m)
	switch {
	case k == nil:
	case k.ringing && k.members[0].caller == c:
		s.refuse(c.session, BadRequest, m, "You made this call; say cancel to end it.")
	case !k.ringing:
		s.hangup(c, m)
	default:
		text := c.name + " refused."
		if m.Reason != "" {
			text = c.name + " refused: " + m.Reason
		}
		s.end(k, Message{Reason: "refused", By: c.name, Text: text})
	}
}

// hangup ends a call in whichever way fits, so that a cancel that crosses an
// accept does what was meant.
func (s *State) hangup(c *caller, m Message) {
	k := s.rung(c, m)
	switch {
	case k == nil:
	case !k.ringing:
		s.end(k, Message{Reason: "hangup", By: c.name, Text: c.name + " hung up."})
	case k.members[0].caller == c:
		s.end(k, Message{Reason: "cancelled", By: c.name, Text: c.name + " cancelled the call."})
	default:
		s.end(k, Message{Reason: "refused", By: c.name, Text: c.name + " refused."})
	}
}

func (s *State) noAnswer(_ Session, m Message) {
	if k := s.calls[m.Call]; k != nil && k.ringing {
		s.end(k, Message{Reason: "no-answer", Text: k.members[1].name + " did not answer."})
	}
}

// end closes a call for all.
func (s *State) end(k *call, m Message) {
	m.Type, m.Call = "ended", k.id
	if !k.ringing {
		s.effect(Forbid{k.id})
	}
	s.send(m, k.callers()...)
	delete(s.calls, k.id)
	for _, c := range k.callers() {
		c.call = nil
	}
	s.changed()
}
