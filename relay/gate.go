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
	mu    sync.Mutex // protects below
	rooms map[string]*room
}

// room is a running call's.
type room struct {
	keys map[string]string // caller → the right to publish
	ctx  context.Context   // ends with the call
	end  context.CancelFunc
}

// open makes a room for these callers.
func (g *gate) open(name string, keys map[string]string) {
	ctx, end := context.WithCancel(context.Background())
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rooms == nil {
		g.rooms = map[string]*room{}
	}
	g.rooms[name] = &room{keys, ctx, end}
}

// close makes a room's paths unknown and returns the entries that it had.
func (g *gate) close(name string) []string {
	g.mu.Lock()
	r := g.rooms[name]
	delete(g.rooms, name)
	g.mu.Unlock()
	if r == nil {
		return nil
	}
	r.end()
	var all []string
	for caller := range r.keys {
		all = append(all, name+"/"+caller)
	}
	return all
}

// allow asks whether somebody may do something with an entry; listening needs no
// key. The context that it returns ends when he may not any longer. inCall says
// that the entry is somebody's who is in a call: he will publish if he does not
// yet, and who may publish there is he.
func (g *gate) allow(what right, entry, key string) (ctx context.Context, inCall bool, err error) {
	name, caller, inRoom := strings.Cut(entry, "/")
	if !inRoom || !strings.HasPrefix(name, calls.RoomPrefix) {
		return context.Background(), false, nil
	}
	g.mu.Lock()
	r := g.rooms[name]
	g.mu.Unlock()
	if r == nil {
		return nil, false, errCallOver
	}
	want, ok := r.keys[caller]
	switch {
	case !ok:
		return nil, false, refuse(http.StatusNotFound, "There is nobody of that name in this call.")
	case what == toPublish && subtle.ConstantTimeCompare([]byte(key), []byte(want)) != 1:
		return nil, false, refuse(http.StatusForbidden, "Only %s may publish here, with the ?key= that the call's start message carried.", caller)
	}
	return r.ctx, true, nil
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

// logged is how an entry is called in the log: who reads that may not listen.
func logged(entry string) string {
	if name, caller, ok := strings.Cut(entry, "/"); ok && strings.HasPrefix(name, calls.RoomPrefix) && len(name) > len(calls.RoomPrefix)+4 {
		return name[:len(calls.RoomPrefix)+4] + ".../" + caller
	}
	return entry
}
