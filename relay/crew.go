package relay

import (
	"context"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"everfile/stream"
)

// crew feeds the listeners of a crowded stream that want nothing but its next
// parts. Woken one by one, a thousand goroutines cost as much as their writes;
// a crew is one goroutine for each processor, which frames what is new once and
// writes it to one listener after the other. Those need no goroutine meanwhile.
//
// A crew never waits for a listener: one that does not take a write whole gets
// its own goroutine back, which may.
type crew struct {
	server *Server
	stream *stream.Stream
	lanes  []*lane
	next   int // lane of the next member; server.mu
	left   int // lanes that have not ended; server.mu
}

// lane is one goroutine's share of a crew.
type lane struct {
	crew *crew
	kick chan struct{} // somebody has joined

	mu    sync.Mutex // protects below
	fresh []*listening
	over  bool // nobody can join any more

	// Accessed by the lane's goroutine only.
	members []*listening
	parts   []*stream.Part
	buf     []byte // the chunk that lead was sent
	lead    *stream.Listener
	more    bool // somebody has more to get already
	n       int  // what write sent, and its error
	err     error
	write   func(fd uintptr) bool // of buf; made once
}

// crowd gives a listener to its stream's crew, if the stream is crowded and the
// listener plain: then its goroutine is done. The crew gives it back or ends it.
func (s *Server) crowd(l *listening) bool {
	d, ok := l.door.(*tcpDoor)
	if !ok || !d.shareable() || !l.stream.Crowded() || l.first != nil || l.pad != nil || l.fill != nil || l.titles != nil || l.left >= 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.crews[l.stream]
	if c == nil {
		c = &crew{server: s, stream: l.stream}
		s.crews[l.stream] = c
		for range runtime.GOMAXPROCS(0) {
			c.lanes = append(c.lanes, newLane(c))
		}
		c.left = len(c.lanes)
	}
	c.next++
	return c.lanes[c.next%len(c.lanes)].join(l, d)
}

// newLane starts a lane's goroutine. It ends with the stream.
func newLane(c *crew) *lane {
	n := &lane{crew: c, kick: make(chan struct{}, 1)}
	n.write = n.writeTo
	c.server.work.Add(1) // the listener that joins is counted, so this is never the first
	go func() {
		defer c.server.work.Done()
		n.run()
	}()
	return n
}

func (n *lane) join(l *listening, d *tcpDoor) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over || !d.undeadline() {
		return false
	}
	n.fresh = append(n.fresh, l)
	select {
	case n.kick <- struct{}{}:
	default:
	}
	return true
}

func (n *lane) run() {
	news := n.crew.stream.News() // before looking, so that nothing is missed
	for told := false; n.round(told); {
		told = false
		if n.more { // no news will come for what is there
			continue
		}
		select {
		case <-news:
			news, told = n.crew.stream.News(), true
		case <-n.kick:
		}
	}
	s := n.crew.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.crew.left--; n.crew.left == 0 {
		delete(s.crews, n.crew.stream)
	}
}

// round sends every member what it has not got. If that is nothing although
// there was news, it is time to look after the connection. It reports false when
// the stream is over and nobody is left.
func (n *lane) round(told bool) bool {
	n.mu.Lock()
	n.members = append(n.members, n.fresh...)
	clear(n.fresh)
	n.fresh = n.fresh[:0]
	n.mu.Unlock()
	n.lead, n.more = nil, n.crew.stream.Ended()
	n.members = slices.DeleteFunc(n.members, func(l *listening) bool { return !n.serve(l, told) })
	if !n.more || !n.crew.stream.Ended() {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = len(n.fresh) == 0 && len(n.members) == 0
	return !n.over
}

// serve reports whether the listener stays.
func (n *lane) serve(l *listening, told bool) bool {
	d := l.door.(*tcpDoor)
	if n.lead == nil || !l.listener.Follow(n.lead) {
		var err error
		n.parts, err = l.listener.Take(n.parts[:0])
		if err != nil {
			n.giveBack(l, nil, finished(err))
			return false
		}
		if len(n.parts) == 0 {
			if told && d.gone() {
				n.giveBack(l, nil, errGone)
				return false
			}
			return true
		}
		n.lead = l.listener
		n.more = n.more || l.listener.Pending()
		n.frame()
	}
	n.n, n.err = 0, nil
	if err := d.raw.write(n.write); err != nil {
		n.err = err
	}
	if n.n == len(n.buf) {
		return true
	}
	n.giveBack(l, slices.Clone(n.buf[n.n:]), n.err)
	return false
}

// frame makes one chunk of the parts.
func (n *lane) frame() {
	size := 0
	for _, p := range n.parts {
		size += len(p.Bytes)
	}
	n.buf = append(strconv.AppendInt(n.buf[:0], int64(size), 16), crlf...)
	for _, p := range n.parts {
		n.buf = append(n.buf, p.Bytes...)
	}
	n.buf = append(n.buf, crlf...)
	clear(n.parts)
}

func (n *lane) writeTo(fd uintptr) bool {
	n.n, n.err = writeNow(fd, n.buf)
	return true
}

// giveBack lets a listener's own goroutine go on: with what is left of a chunk,
// or with the error that ends it.
func (n *lane) giveBack(l *listening, rest []byte, err error) {
	if n.lead == l.listener {
		n.lead = nil // it moves on by itself from here
	}
	s := n.crew.server
	s.work.Add(1) // the lane itself is counted, so this is never the first
	go func() {
		defer s.work.Done()
		if err == nil {
			err = l.door.(*tcpDoor).writeRest(rest)
		}
		l.loop(context.Background(), err)
	}()
}
