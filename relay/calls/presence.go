package calls

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reserved is a name that rooms keep for themselves.
const reserved = "mix"

// screenLike ends the skeletons of the names of files of screens.
var screenLike = skeleton(ScreenSuffix)

// validCaller reports whether s can name a caller.
func validCaller(s string) bool {
	return ValidName(s) && s != reserved && !strings.HasSuffix(skeleton(s), screenLike)
}

// ValidName reports whether s can name a caller or a room: 1 to 64 of A-Z a-z
// 0-9 _ -.
func ValidName(s string) bool {
	if len(s) < 1 || len(s) > maxName {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// skeleton is the same for names that people take for one another.
func skeleton(name string) string {
	return alike.Replace(strings.ToLower(name))
}

var alike = strings.NewReplacer("0", "o", "1", "l", "i", "l", "-", "_")

// free returns a name like this one that nobody holds.
func (s *State) free(name string) string {
	for n := 2; ; n++ {
		end := "-" + strconv.Itoa(n)
		other := name[:min(len(name), maxName-len(end))] + end
		if s.callers[skeleton(other)] == nil {
			return other
		}
	}
}

// hello gives a session its name, or gives it back.
func (s *State) hello(who Session, m Message) {
	if c := s.sessions[who]; c != nil {
		s.refuse(who, BadRequest, m, "This connection is %s already; connect again for another name.", c.name)
		return
	}
	if !validCaller(m.Caller) {
		s.refuse(who, BadRequest, m, "A name is 1 to %d of A-Z a-z 0-9 _ - (and not \"mix\", nor does it end in \"-screen\", as the files of shared screens do), got %.80q.", maxName, m.Caller)
		return
	}
	c := s.callers[skeleton(m.Caller)]
	back := c != nil && c.name == m.Caller && subtle.ConstantTimeCompare([]byte(c.resume), []byte(m.Resume)) == 1
	switch {
	case c != nil && !back:
		free := s.free(m.Caller)
		r := Refusal(Taken, m, "%s is in use; %s is free.", c.name, free)
		r.Suggest = free
		s.effect(Send{To: []Session{who}, Message: r})
		return
	case c == nil && len(s.callers) >= s.opt.Callers:
		s.refuse(who, TooMany, m, "%d callers are here, which is all that this server takes; try again later.", len(s.callers))
		return
	case c == nil:
		c = &caller{name: m.Caller, resume: s.opt.Random()}
		s.callers[skeleton(c.name)] = c
	case c.session != 0:
		delete(s.sessions, c.session)
		s.effect(Dismiss{c.session})
	}
	c.session = who
	s.sessions[who] = c
	if m.Can != nil {
		c.set(m.Can)
	}
	s.changed()
	s.welcome(c, back)
}

// set notes what a caller can do. What it failed at is remembered as long as it says
// the same: otherwise it may be another browser, or have got what it lacked.
func (c *caller) set(can *Can) {
	now := can.abilities()
	for _, p := range []*party{&c.able, &c.screens} {
		if now.record != p.record {
			p.unrecorded = 0
		}
		if now.play != p.play || now.engine != p.engine {
			p.unplayed = 0
		}
		p.abilities = now
	}
}

// welcome tells a caller where it stands, its call and its room included.
func (s *State) welcome(c *caller, back bool) {
	s.send(Message{
		Type: "welcome", V: Version, Caller: c.name, Resume: c.resume, Resumed: back,
		Online: s.online(), ICEServers: s.opt.ICEServers(c.name),
		Limits: &Limits{Message: MaxMessage, Chunk: s.opt.Chunk, Ring: s.opt.Ring.Seconds(), Grace: s.opt.Grace.Seconds()},
	}, c)
	switch k := c.call; {
	case k == nil:
	case k.ringing:
		s.ring(k, c)
	default:
		s.tellAgain(k, c)
	}
	if c.room != nil {
		s.tellAgain(c.room, c)
	}
}

func (s *State) can(c *caller, m Message) {
	if m.Can == nil {
		s.refuse(c.session, BadRequest, m, "What can it do? Say {\"type\":\"can\",\"can\":{\"record\":[...],\"play\":[...]}}.")
		return
	}
	c.set(m.Can)
	s.tellOf(c)
}

func (s *State) who(c *caller, _ Message) { s.send(Message{Type: "online", Callers: s.online()}, c) }

// online lists who is connected, as JSON. It is made once however many ask.
func (s *State) online() rawJSON {
	if s.present != nil {
		return s.present
	}
	all := make([]Presence, 0, len(s.sessions))
	for _, c := range s.sessions {
		all = append(all, Presence{Caller: c.name, Busy: c.call != nil})
	}
	slices.SortFunc(all, func(a, b Presence) int { return cmp.Compare(a.Caller, b.Caller) })
	s.present, _ = json.Marshal(all[:min(len(all), maxOnline)]) // strings and bools
	return s.present
}

// changed announces soon who is online: not at every change, since each list
// goes to everybody, and the less often the more they are.
func (s *State) changed() {
	s.present = nil
	if !s.waiting {
		s.waiting = true
		wait := s.opt.Announce * time.Duration(1+len(s.sessions)/100)
		s.effect(Later{wait, Message{Type: timeAnnounce}})
	}
}

func (s *State) announce(Session, Message) {
	s.waiting = false
	if all := s.everybody(); len(all) > 0 {
		s.effect(Send{all, Message{Type: "online", Callers: s.online()}})
	}
}

func (s *State) everybody() []Session { return slices.Sorted(maps.Keys(s.sessions)) }

// lost: a session's connection has ended. Who closed it without a call has gone;
// others are expected back, since pages are reloaded and networks flap. A page
// that goes while it rings, or in a room, is more likely closed than loaded again,
// and somebody waits for it.
func (s *State) lost(who Session, m Message) {
	c := s.sessions[who]
	if c == nil {
		return
	}
	delete(s.sessions, who)
	c.session = 0
	s.changed()
	grace := s.opt.Grace
	switch {
	case m.Type == Bye && c.call == nil && c.room == nil:
		s.remove(c)
		return
	case m.Type == Bye && (c.call == nil || c.call.ringing):
		grace = min(grace, s.opt.Reload)
	}
	s.await(c, grace)
	if m.Type == Bye && c.room != nil && grace > s.opt.Reload {
		s.effect(Later{s.opt.Reload, Message{Type: timeRoom, Caller: c.name, age: c.away}}) // the room need not wait as long as the call
	}
	s.tellOf(c)
}

// tellOf tells those who are in a call with somebody what has become of it.
func (s *State) tellOf(c *caller) {
	if c.call != nil && !c.call.ringing {
		s.tell(c.call)
	}
	if c.room != nil {
		s.tell(c.room)
	}
}

// await expects a caller back within a time.
func (s *State) await(c *caller, within time.Duration) {
	s.ages++
	c.away = s.ages
	s.effect(Later{within, Message{Type: timeAway, Caller: c.name, age: c.away}})
}

// missing returns the caller that a timer awaited, or nil if it came back.
func (s *State) missing(m Message) *caller {
	c := s.callers[skeleton(m.Caller)]
	if c == nil || c.session != 0 || c.away != m.age {
		return nil
	}
	return c
}

// expire: a caller was expected back.
func (s *State) expire(_ Session, m Message) {
	if c := s.missing(m); c != nil {
		s.remove(c)
	}
}

func (s *State) remove(c *caller) {
	delete(s.callers, skeleton(c.name))
	text := c.name + " is gone: the window was closed, or its network did not come back."
	if c.room != nil {
		s.part(c, text)
	}
	if c.call != nil {
		s.end(c.call, Message{Reason: Gone, By: c.name, Text: text})
	}
}

// stop tells everybody that the server is about to.
func (s *State) stop(Session, Message) {
	s.effect(Send{s.everybody(), Message{Type: "goaway"}})
}
