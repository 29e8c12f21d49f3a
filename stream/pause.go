package stream

import "time"

// pause: whoever publishes sends nothing for now, because nobody listens, and goes on
// with a run of the same file when somebody does. Until that run has a join the file is
// not to be had: who asks for it waits, and gets neither a header nor media of before.
// A paused entry is nobody's to take for being silent, and is kept without an end when
// its publisher's connection is lost, so only those should be let pause whose entries
// somebody ends ([Hub.End]). e.mu is held.
func (e *Entry) pause() {
	e.paused = true
	if e.stream != nil {
		e.stream.pause(len(e.conversions) > 0)
	}
}

// resume ends the pause once there is something to begin with. e.mu is held.
func (e *Entry) resume() {
	if !e.paused {
		return
	}
	if _, _, join := e.stream.Edge(); join >= 0 {
		e.paused = false
		e.tell()
	}
}

// Paused reports whether a name has something that is paused.
func (h *Hub) Paused(name string) bool {
	for _, e := range h.of(name) {
		e.mu.Lock()
		paused := e.paused
		e.mu.Unlock()
		if paused {
			return true
		}
	}
	return false
}

// pause makes what comes next the first thing that a new listener gets. Those that are
// there, conversions too, may still be reading what came before; without any it is
// given back.
func (s *Stream) pause(converted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.join, s.seen = -1, time.Time{}
	if !converted && s.Listeners.Load() == 0 {
		s.drop(len(s.parts))
	}
}
