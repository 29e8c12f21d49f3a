package relay

import (
	"strings"
	"sync"
	"time"

	"everfile/relay/calls"
)

// demand knows who waits for a file of a call and who speaks in it, so that somebody
// who publishes only while he is listened to learns at once that he is. Any goroutine
// may call its methods.
type demand struct {
	mu       sync.Mutex // protects below
	asking   map[string]int
	speakers map[string]*session
	speaks   map[*session][]string
}

// ask counts a request for an entry until what it returns is called.
func (d *demand) ask(entry string) (done func()) {
	if !strings.Contains(entry, "/") { // only in rooms is anybody told
		return func() {}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking == nil {
		d.asking = map[string]int{}
	}
	d.asking[entry]++
	if c := d.speakers[entry]; c != nil {
		select {
		case c.asked <- struct{}{}:
		default:
		}
	}
	return func() { d.answered(entry) }
}

func (d *demand) answered(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.asking[entry]--; d.asking[entry] == 0 {
		delete(d.asking, entry)
	}
}

// waits reports whether somebody asks for an entry and has not got it yet.
func (d *demand) waits(entry string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asking[entry] > 0
}

// speak makes a session the one that publishes these entries, and no others.
func (d *demand) speak(c *session, entries []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, entry := range d.speaks[c] {
		if d.speakers[entry] == c {
			delete(d.speakers, entry)
		}
	}
	delete(d.speaks, c)
	if len(entries) == 0 {
		return
	}
	if d.speakers == nil {
		d.speakers, d.speaks = map[string]*session{}, map[*session][]string{}
	}
	d.speaks[c] = entries
	for _, entry := range entries {
		d.speakers[entry] = c
	}
}

// wish is whether a file is listened to, as its publisher was told.
type wish struct {
	said  bool // something was told
	on    bool
	since time.Time // when it was last seen to be listened to, or first looked at
}

// look reports whether there is something to tell now: that somebody listens at once,
// that nobody does any more only after a while.
func (w *wish) look(listened bool, now time.Time, after time.Duration) (tell bool) {
	if listened || w.since.IsZero() {
		w.since = now
	}
	on := listened || now.Sub(w.since) < after
	if w.said && on == w.on || !w.said && on && !listened {
		return false
	}
	w.said, w.on = true, on
	return true
}

// demanded returns what of the demand for the caller's own files is to be told. It is
// the writer's alone.
func (c *session) demanded(now time.Time) (all []calls.Message) {
	c.mu.Lock()
	publishes, wanted := c.publishes, c.wanted
	c.mu.Unlock()
	for _, path := range publishes {
		w := wanted[path] // wanted is the writer's alone once it is made
		if w == nil {
			w = &wish{}
			wanted[path] = w
		}
		entry := entryOf(path)
		if w.look(c.server.hub.Listeners(entry) > 0 || c.server.demand.waits(entry), now, c.server.opt.Unheard) {
			on := w.on
			all = append(all, calls.Message{Type: "demand", URL: path, On: &on})
		}
	}
	return all
}
