package relay

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"

	"everfile/relay/calls"
)

// right is what somebody wants to do with a path.
type right int

const (
	toPublish right = iota
	toListen
)

// gate knows which paths there are for whom. Every door asks it. Any goroutine
// may call its methods.
type gate struct {
	mu     sync.Mutex // protects below
	rooms  map[string]*room
	ending map[string]*ending // by entry: nobody publishes there until it is over
	news   chan struct{}      // closed when somebody has come, or a room is over; nil: nobody waits
}

// room is a running call's, or one that has members.
type room struct {
	places map[string]*place // each one's, by name
	ctx    context.Context   // ends with the room
	stop   context.CancelFunc
}

// of is the place that a file of the room belongs to, its caller's.
func (r *room) of(file string) *place { return r.places[strings.TrimSuffix(file, calls.ScreenSuffix)] }

// place is where a caller publishes, itself and its screen.
type place struct {
	key  string          // the right to publish
	ctx  context.Context // ends when the caller leaves, or the call is over, with a *refusal
	stop context.CancelCauseFunc
}

// ending is an entry that is being ended, by so many.
type ending struct {
	number int
	over   chan struct{} // closed when none is left
}

// ended is an entry that is to be ended, and what its publisher is told. Who ends it
// tells the gate by over.
type ended struct {
	entry string
	cause error
}

// open makes a room for these callers, or has one be for these, and returns the
// entries of those who are not in it any more, and whether the room is new.
func (g *gate) open(name string, keys map[string]string) (left []ended, opened bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rooms[name]
	if opened = r == nil; opened {
		if g.rooms == nil {
			g.rooms = map[string]*room{}
		}
		r = &room{places: map[string]*place{}}
		r.ctx, r.stop = context.WithCancel(context.Background())
		g.rooms[name] = r
	}
	g.tell()
	left = g.leave(name, r, func(caller string, p *place) bool { return keys[caller] != p.key })
	for caller, key := range keys {
		if r.places[caller] == nil {
			ctx, stop := context.WithCancelCause(context.Background())
			r.places[caller] = &place{key, ctx, stop}
		}
	}
	return left, opened
}

// close makes a room's paths unknown and returns the entries that it had.
func (g *gate) close(name string) []ended {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rooms[name]
	if r == nil {
		return nil
	}
	delete(g.rooms, name)
	g.tell()
	r.stop()
	return g.leave(name, r, func(string, *place) bool { return true })
}

// tell wakes who waits for somebody to come. g.mu is held.
func (g *gate) tell() {
	if g.news != nil {
		close(g.news)
		g.news = nil
	}
}

// missing reports whether an entry is that of somebody who is not in its room, though that
// is open and others may come into it, and what to wait for then.
func (g *gate) missing(entry string) (news <-chan struct{}, yes bool) {
	name, caller, _ := strings.Cut(entry, "/")
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.rooms[name]
	if r == nil || strings.HasPrefix(name, calls.RoomPrefix) || r.of(caller) != nil {
		return nil, false
	}
	if g.news == nil {
		g.news = make(chan struct{})
	}
	return g.news, true
}

// leave takes those out of a room that have gone. g.mu is held.
func (g *gate) leave(name string, r *room, gone func(string, *place) bool) (all []ended) {
	for caller, p := range r.places {
		if !gone(caller, p) {
			continue
		}
		cause := errCallOver
		if !strings.HasPrefix(name, calls.RoomPrefix) {
			cause = refuse(http.StatusNotFound, "%s has left this room, and its files with it.", caller)
		}
		p.stop(cause)
		delete(r.places, caller)
		for _, file := range []string{caller, caller + calls.ScreenSuffix} {
			all = append(all, ended{name + "/" + file, cause})
			g.end(name + "/" + file)
		}
	}
	return all
}

// claimed returns one of some entries of a room that nobody is about to end, if the room
// is not open: whoever has that keeps the room's name.
func (g *gate) claimed(name string, entries []string) (entry string, yes bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rooms[name] != nil {
		return "", false
	}
	for _, entry := range entries {
		if g.ending[entry] == nil {
			return entry, true
		}
	}
	return "", false
}

// take returns what is to be ended of entries that others than a room's members have
// when it opens.
func (g *gate) take(entries []string) (all []ended) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, entry := range entries {
		all = append(all, ended{entry, errTaken})
		g.end(entry)
	}
	return all
}

// end has publishers wait, so that none is ended who comes after. g.mu is held.
func (g *gate) end(entry string) {
	if g.ending == nil {
		g.ending = map[string]*ending{}
	}
	if g.ending[entry] == nil {
		g.ending[entry] = &ending{over: make(chan struct{})}
	}
	g.ending[entry].number++
}

// over notes that an entry was ended.
func (g *gate) over(entry string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.ending[entry]
	if e.number--; e.number == 0 {
		delete(g.ending, entry)
		close(e.over)
	}
}

// ask returns the room of a name, if there is one, and a caller's place in it.
func (g *gate) ask(what right, entry, name, caller string) (p *place, inRoom bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for what == toPublish && g.ending[entry] != nil {
		over := g.ending[entry].over
		g.mu.Unlock()
		<-over
		g.mu.Lock()
	}
	r := g.rooms[name]
	if r == nil {
		return nil, false
	}
	return r.of(caller), true
}

// allow asks whether somebody may do something with an entry; listening needs no
// key. The context that it returns ends when he may not any longer, with a cause. inCall
// says that the entry is somebody's who is in a call: he will publish if he does not
// yet, and who may publish there is he.
func (g *gate) allow(what right, entry, key string) (ctx context.Context, inCall bool, err error) {
	name, caller, inRoom := strings.Cut(entry, "/")
	if !inRoom {
		return context.Background(), false, nil
	}
	ofCall, kind := strings.HasPrefix(name, calls.RoomPrefix), "room"
	if ofCall {
		kind = "call"
	}
	p, there := g.ask(what, entry, name, caller)
	switch {
	case !there && ofCall:
		return nil, false, errCallOver
	case !there:
		return context.Background(), false, nil
	case p == nil && what == toListen && !ofCall:
		return nil, false, refuse(http.StatusNotFound, "There is nobody of that name in this room. Add ?wait=30s to wait for them.")
	case p == nil:
		return nil, false, refuse(http.StatusNotFound, "There is nobody of that name in this %s.", kind)
	case what == toPublish && subtle.ConstantTimeCompare([]byte(key), []byte(p.key)) != 1:
		return nil, false, refuse(http.StatusForbidden, "Only %s may publish here, with the ?key= that the %s's start message carried.", strings.TrimSuffix(caller, calls.ScreenSuffix), kind)
	}
	return p.ctx, true, nil
}

// room asks for a whole room, to listen to it. The context that it returns ends with
// the room; open says that it is one that was opened, and is there although nobody
// publishes in it.
func (g *gate) room(name string) (ctx context.Context, open bool, err error) {
	g.mu.Lock()
	r := g.rooms[name]
	g.mu.Unlock()
	switch {
	case r != nil:
		return r.ctx, true, nil
	case strings.HasPrefix(name, calls.RoomPrefix):
		return nil, false, errCallOver
	}
	return context.Background(), false, nil
}

// errCallOver answers for every path of a call that has ended, or never was.
var errCallOver = refuse(http.StatusNotFound, "That call is over, and its files with it.")

// errTaken is for who published where there is a room now.
var errTaken = refuse(http.StatusForbidden, "This is a room now, in which its members publish, each under its own name.")

// logged is how an entry is called in the log: who reads that may not listen, and the name
// of a room is the key to it. A few letters tell rooms apart, half of the name at most.
func logged(entry string) string {
	name, caller, ok := strings.Cut(entry, "/")
	if !ok {
		return entry
	}
	room, ofCall := strings.CutPrefix(name, calls.RoomPrefix)
	shown := room[:min(4, len(room)/2)]
	if ofCall {
		shown = calls.RoomPrefix + shown
	}
	return shown + ".../" + caller
}
