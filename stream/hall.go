package stream

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// hall is a room as the register knows it: the entries whose names begin with
// ROOM/. It is there while it has any, and while somebody wants to know of those
// that come.
type hall struct {
	holders int // entries, and who wants to know; protected by hub.mu

	mu      sync.Mutex // protects below; nothing else is locked by who has it
	entries []*Entry
	news    chan struct{} // closed and replaced when somebody may publish in it
}

// roomOf is the room that a key of the register is in, if it is in one.
func roomOf(key string) (room string, ok bool) {
	room, _, ok = strings.Cut(key, "/")
	return room, ok
}

// hold returns a room's hall; each hold needs its let. h.mu is held.
func (h *Hub) hold(room string) *hall {
	a := h.halls[room]
	if a == nil {
		a = &hall{news: make(chan struct{})}
		h.halls[room] = a
	}
	a.holders++
	return a
}

// let forgets a hall that nobody holds any more. h.mu is held.
func (h *Hub) let(room string) {
	a := h.halls[room]
	if a.holders--; a.holders == 0 {
		delete(h.halls, room)
	}
}

// enter puts an entry into its room, if it is in one. h.mu is held.
func (h *Hub) enter(e *Entry) {
	room, ok := roomOf(e.name)
	if !ok {
		return
	}
	e.hall = h.hold(room)
	e.hall.mu.Lock()
	defer e.hall.mu.Unlock()
	e.hall.entries = append(e.hall.entries, e)
}

// exit takes it out again. h.mu is held.
func (h *Hub) exit(e *Entry) {
	if e.hall == nil {
		return
	}
	e.hall.mu.Lock()
	e.hall.entries = slices.DeleteFunc(e.hall.entries, func(other *Entry) bool { return other == e })
	e.hall.mu.Unlock()
	room, _ := roomOf(e.name)
	h.let(room)
}

// look appends the room's entries, in the order in which they came, and returns what
// to wait for if none of them is wanted.
func (a *hall) look(dst []*Entry) ([]*Entry, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append(dst, a.entries...), a.news
}

// tell wakes who waits for somebody to publish. A nil hall is that of an entry in
// no room.
func (a *hall) tell() {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.news)
	a.news = make(chan struct{})
}

// present returns the entry's stream, if there is one, and whether somebody publishes
// it or is expected back.
func (e *Entry) present() (s *Stream, registered bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream, e.pub != nil || e.grace != nil
}

// AwaitRoom waits, as long as wait, until somebody publishes in a room, or is expected
// back there. It returns ErrNotFound when nobody has by then, ErrClosed, or the
// context's cause.
func (h *Hub) AwaitRoom(ctx context.Context, room string, wait time.Duration) error {
	h.mu.Lock()
	a := h.hold(room)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.let(room)
	}()
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for over := wait <= 0; ; {
		entries, news := a.look(nil)
		for _, e := range entries {
			if _, registered := e.present(); registered {
				return nil
			}
		}
		switch {
		case h.closed.Load():
			return ErrClosed
		case over:
			return ErrNotFound
		}
		select {
		case <-news:
		case <-timeout.C:
			over = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
