package stream

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is a source of a registered name, its media or its pictures. It outlives its
// streams: while a publisher reconnects, or its page is loaded again, what hangs on
// the name stays.
type Entry struct {
	hub     *Hub
	name    string
	holders int                      // protected by hub.mu
	hall    *hall                    // the room that it is in; nil: none
	about   atomic.Pointer[Metadata] // what its publisher says; nil: nothing; written under mu

	mu     sync.Mutex    // protects all below, and with it the order of what is written
	stream *Stream       // nil before the first header, and after a clean end
	run    *run          // the newest
	pub    *Publisher    // who writes now
	key    string        // the right to publish, of whoever holds the name; "" is nobody's
	grace  *grace        // while the publisher is gone
	paused bool          // see pause.go
	news   chan struct{} // closed and replaced when stream changes

	conversions map[ConvertOptions]*conversion // of stream
}

// current returns the stream, or what to wait for. While the entry is paused there is
// none: who comes then gets what follows, from its header on.
func (e *Entry) current() (*Stream, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.paused {
		return nil, e.news
	}
	return e.stream, e.news
}

func (e *Entry) tell() {
	close(e.news)
	e.news = make(chan struct{})
}

// begin starts a run's file: the present one goes on if the header allows it,
// else it ends cleanly and another begins. e.mu is held.
func (e *Entry) begin(r *run, h *head) error {
	r.started, r.keyed, r.shown = false, 0, 0
	if s := e.stream; s != nil && s.format == r.format {
		if to, ok := s.head.match(h); ok {
			r.to = to
			return nil
		}
	}
	r.to = make([]int, len(h.tracks))
	for i := range r.to {
		r.to[i] = i
	}
	e.finish()
	s, err := newStream(e, r.format, h, &e.hub.opt)
	if err != nil {
		return fmt.Errorf("%s: %w", r.format.Name, err)
	}
	e.stream = s
	e.tell()
	return nil
}

// end closes the file and forgets the run. e.mu is held.
func (e *Entry) end() {
	e.finish()
	e.run.forget(e.hub)
	e.run, e.key, e.paused = nil, "", false
	e.tell()
}

// finish ends the stream, if there is one. What is made of it ends by itself when
// it has read the rest. e.mu is held.
func (e *Entry) finish() {
	if e.stream != nil {
		e.stream.finish()
		e.stream = nil
		clear(e.conversions)
	}
}

// listeners counts those of the stream, converted for them or not. e.mu is held.
func (e *Entry) listeners() int64 {
	if e.stream == nil {
		return 0
	}
	n := e.stream.Listeners.Load()
	for _, c := range e.conversions {
		n += c.to.Listeners.Load()
	}
	return n
}

// grace is the time that a publisher has to come back.
type grace struct {
	timer *time.Timer // entry's mu; nil: it has no end
}

// expire ends a file whose publisher did not come back.
func (e *Entry) expire(g *grace) {
	e.mu.Lock()
	mine := e.grace == g
	if mine {
		e.grace = nil
		e.end()
	}
	e.mu.Unlock()
	if mine {
		e.hub.release(e)
	}
}

// cancelGrace reports whether a grace period ran, whose hold on the entry is
// then the caller's to release. e.mu is held.
func (e *Entry) cancelGrace() bool {
	if e.grace == nil {
		return false
	}
	if e.grace.timer != nil {
		e.grace.timer.Stop()
	}
	e.grace = nil
	return true
}

// close ends the file for good, and the publisher with a cause.
func (e *Entry) close(cause error) {
	e.mu.Lock()
	grace := e.cancelGrace()
	if e.pub != nil {
		e.pub.detach(cause)
	}
	e.end()
	e.mu.Unlock()
	if grace {
		e.hub.release(e)
	}
}
