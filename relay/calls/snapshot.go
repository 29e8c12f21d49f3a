package calls

import (
	"cmp"
	"slices"
	"strings"
)

// Snapshot is a state for another process: who is there, and which calls run.
// It holds secrets: the tokens by which callers come back, and the keys by which
// they publish.
type Snapshot struct {
	Callers []SavedCaller `json:"callers"`
	Calls   []SavedCall   `json:"calls"`
}

// SavedCaller is a caller of a [Snapshot].
type SavedCaller struct {
	Name   string `json:"name"`
	Resume string `json:"resume"`
	Can    Can    `json:"can"`
}

// SavedCall is a call of a [Snapshot].
type SavedCall struct {
	ID      string        `json:"id"`
	Ringing bool          `json:"ringing"`
	Named   bool          `json:"named,omitempty"` // a room that was joined
	Members []SavedMember `json:"members"`
}

// SavedMember is a member of a [SavedCall].
type SavedMember struct {
	Name  string `json:"name"`
	Key   string `json:"key"`
	Media Media  `json:"media"`
}

// Snapshot returns what [State.Restore] needs to go on elsewhere.
func (s *State) Snapshot() Snapshot {
	var snap Snapshot
	for _, c := range s.callers {
		snap.Callers = append(snap.Callers, SavedCaller{c.name, c.resume, c.able.can()})
	}
	slices.SortFunc(snap.Callers, func(a, b SavedCaller) int { return cmp.Compare(a.Name, b.Name) })
	for _, k := range s.calls {
		saved := SavedCall{ID: k.id, Ringing: k.ringing, Named: k.named}
		for _, m := range k.members {
			saved.Members = append(saved.Members, SavedMember{m.name, m.key, m.media})
		}
		snap.Calls = append(snap.Calls, saved)
	}
	slices.SortFunc(snap.Calls, func(a, b SavedCall) int { return cmp.Compare(a.ID, b.ID) })
	return snap
}

// Restore takes over what another process's state was. Every caller is away and
// has the grace period to come back. The state must be new.
func (s *State) Restore(snap Snapshot) []Effect {
	s.out = nil
	for _, saved := range snap.Callers {
		if !validCaller(saved.Name) || s.callers[skeleton(saved.Name)] != nil {
			continue
		}
		able := party{abilities: saved.Can.abilities()}
		c := &caller{name: saved.Name, resume: saved.Resume, able: able, screens: able}
		s.callers[skeleton(c.name)] = c
		s.await(c, s.opt.Grace)
	}
	for _, saved := range snap.Calls {
		if saved.Named {
			s.restoreRoom(saved)
		} else {
			s.restore(saved)
		}
	}
	out := s.out
	s.out = nil
	return out
}

// restore takes over one call, if all its members are there.
func (s *State) restore(saved SavedCall) {
	if !strings.HasPrefix(saved.ID, RoomPrefix) || s.calls[saved.ID] != nil {
		return
	}
	k := &call{id: saved.ID, ringing: saved.Ringing}
	for _, m := range saved.Members {
		c := s.callers[skeleton(m.Name)]
		if c == nil || c.call != nil {
			return
		}
		k.members = append(k.members, &member{caller: c, key: s.known(m.Key), media: m.Media})
	}
	if len(k.members) != 2 || k.members[0].caller == k.members[1].caller {
		return
	}
	s.calls[k.id] = k
	for _, m := range k.members {
		m.call = k
	}
	if k.ringing {
		s.effect(Later{s.opt.Ring, Message{Type: timeRing, Call: k.id}})
	} else {
		s.allow(k)
	}
}

// restoreRoom takes over a room, with those members that are there.
func (s *State) restoreRoom(saved SavedCall) {
	if s.unfitRoom(saved.ID) != "" || s.calls[saved.ID] != nil {
		return
	}
	k := &call{id: saved.ID, named: true}
	for _, m := range saved.Members {
		if c := s.callers[skeleton(m.Name)]; c != nil && c.room == nil {
			c.room = k
			k.members = append(k.members, &member{caller: c, key: s.known(m.Key), media: m.Media})
		}
	}
	if len(k.members) > 0 {
		s.calls[k.id] = k
		s.allow(k)
	}
}

// known is a saved key; in place of none, which everybody has, there is a new one.
func (s *State) known(key string) string {
	if key == "" {
		return s.opt.Random()
	}
	return key
}
