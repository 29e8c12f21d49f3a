package stream

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// What a hub refuses. The doors turn these into statuses and sentences.
var (
	ErrBusy     = errors.New("somebody else publishes under this name")
	ErrReplaced = errors.New("a newer connection publishes under this name")
	ErrNotFound = errors.New("no such stream")
	ErrMemory   = errors.New("the server's memory for streams is used up")
	ErrClosed   = errors.New("the server is stopping")
)

// Hub is the register of all entries. Any goroutine may call its methods.
// NewHub makes one; Close ends everything in it.
type Hub struct {
	opt     Options
	memory  atomic.Int64 // bytes in all windows, and in unfinished frames
	streams atomic.Int64
	work    sync.WaitGroup // conversions and mixes that run
	drawing chan struct{}  // full of those that make a picture now, which takes memory and a processor

	mu      sync.Mutex // protects below; taken before an entry's mu, never after
	entries map[string]*Entry
	halls   map[string]*hall
	mixes   map[mixKey]*mix

	closed atomic.Bool // set before the entries are closed
}

// NewHub returns an empty register.
func NewHub(o Options) *Hub {
	return &Hub{opt: o.WithDefaults(), entries: map[string]*Entry{}, halls: map[string]*hall{}, mixes: map[mixKey]*mix{}, drawing: make(chan struct{}, max(1, runtime.NumCPU()/2))}
}

// Memory returns the bytes that all windows and unfinished frames hold.
func (h *Hub) Memory() int64 { return h.memory.Load() }

// full reports whether there is no room for one more stream: a tenth of the
// memory is left for those that are there.
func (h *Hub) full() bool { return h.memory.Load() > h.opt.Memory-h.opt.Memory/10 }

// short reports whether they hold more than they should, and what a stream's
// share is.
func (h *Hub) short() (bool, int) {
	return h.memory.Load() > h.opt.Memory, int(h.opt.Memory / max(1, h.streams.Load()))
}

// acquire returns the entry of a name, registering it if need be. Each acquire
// needs its release; an entry without holders is forgotten.
func (h *Hub) acquire(name string) (*Entry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed.Load() {
		return nil, ErrClosed
	}
	e := h.entries[name]
	if e == nil {
		e = &Entry{hub: h, name: name, news: make(chan struct{})}
		h.entries[name] = e
		h.enter(e)
	}
	e.holders++
	return e, nil
}

func (h *Hub) release(e *Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.holders--
	if e.holders == 0 {
		delete(h.entries, e.name)
		h.exit(e)
	}
}

// Names returns the names of all entries, in no order: those that somebody
// publishes under, holds or waits for.
func (h *Hub) Names() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]bool{}
	for key := range h.entries {
		all[nameOf(key)] = true
	}
	return slices.Collect(maps.Keys(all))
}

// Under returns the names of a room's entries, in no order.
func (h *Hub) Under(room string) []string { return h.under(room, func(*Entry) bool { return true }) }

// Held returns the names of a room that somebody publishes by a key, or is expected back
// to, in no order.
func (h *Hub) Held(room string) []string {
	return h.under(room, func(e *Entry) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.key != "" && (e.pub != nil || e.grace != nil)
	})
}

func (h *Hub) under(room string, wanted func(*Entry) bool) []string {
	h.mu.Lock()
	a := h.halls[room]
	h.mu.Unlock()
	if a == nil {
		return nil
	}
	all := map[string]bool{}
	entries, _ := a.look(nil)
	for _, e := range entries {
		if wanted(e) {
			all[nameOf(e.name)] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// Listeners returns how many listen to what a name has now, in whatever shape.
func (h *Hub) Listeners(name string) (n int64) {
	for _, e := range h.of(name) {
		_, _, listeners := e.held()
		n += listeners
	}
	return n
}

// End ends what a name has: listeners get what is left and a clean end, a
// publisher the cause.
func (h *Hub) End(name string, cause error) {
	for _, e := range h.of(name) {
		e.close(cause)
	}
}

// Registered reports whether somebody publishes under a name, or is expected
// back; that others wait for it too does not count.
func (h *Hub) Registered(name string) bool {
	return slices.ContainsFunc(h.of(name), func(e *Entry) bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.pub != nil || e.grace != nil
	})
}

// Close ends every stream; listeners get what is left and a clean end,
// publishers ErrClosed. Nothing can be published or opened afterwards.
func (h *Hub) Close() {
	h.mu.Lock()
	h.closed.Store(true)
	all := make([]*Entry, 0, len(h.entries))
	for _, e := range h.entries {
		all = append(all, e)
	}
	for _, a := range h.halls {
		a.tell()
	}
	mixes := slices.Collect(maps.Values(h.mixes))
	h.mu.Unlock()
	for _, e := range all {
		e.close(ErrClosed)
	}
	for _, m := range mixes {
		m.stop() // with what its streams have left
	}
	h.work.Wait() // no stream is left that another could be made of
}
