package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"everfile/relay/calls"
	"everfile/relay/compat"
	"everfile/stream"
)

const (
	parcelCost  = 64  // what a parcel weighs besides its text
	perSecond   = 50  // messages that a session may send; more than that wait
	burst       = 200 // and at once
	reportEvery = 500 * time.Millisecond
)

// session is a control socket, or what stands in for one.
type session struct {
	server  *Server
	line    controlLine
	id      calls.Session
	cancel  context.CancelFunc
	dialect dialect       // what it talks instead of our JSON, or nil; the reader's alone
	written chan struct{} // closed when nothing more is written
	more    chan struct{} // something is in the outbox
	asked   chan struct{} // somebody asks for a file of its own

	mu        sync.Mutex // protects below
	out       []parcel
	waiting   int                      // bytes in out
	full      bool                     // it was too much: nothing is added any more
	greeted   bool                     // it has said something; written by the reader
	starts    map[string]calls.Message // what its call and its room have it do, by their names
	playing   []calls.Playing          // of all of these
	publishes []string                 // the paths that it publishes
	told      map[string]int64         // listeners that it was told of, by path
	wanted    map[string]*wish         // what it was told of demand, by path

	turn int // in playing, of what is reported next; the writer's alone
}

// parcel is a message to write, or the last word.
type parcel struct {
	text  []byte
	start bool   // the whole state of a call, which an older one that waits is no part of any more
	call  string // its name
	last  *refusal
}

func newSession(s *Server, l controlLine, cancel context.CancelFunc) *session {
	return &session{server: s, line: l, cancel: cancel, written: make(chan struct{}), more: make(chan struct{}, 1), asked: make(chan struct{}, 1)}
}

// put queues a parcel. Who does not read what it is sent is cut off: nobody
// waits for it.
func (c *session) put(p parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full {
		return
	}
	if p.start {
		c.out = slices.DeleteFunc(c.out, func(old parcel) bool {
			outdated := old.start && old.call == p.call
			if outdated {
				c.waiting -= len(old.text) + parcelCost
			}
			return outdated
		})
	}
	c.waiting += len(p.text) + parcelCost
	if c.waiting > c.server.opt.Outbox {
		c.full = true
		c.out = nil
		c.cancel()
		c.server.opt.Log.Info("a control socket does not read what it is sent", "session", c.id)
		return
	}
	c.out = append(c.out, p)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// take empties the outbox.
func (c *session) take() []parcel {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.out
	c.out, c.waiting = nil, 0
	return out
}

// greet notes that the session has said something that makes sense.
func (c *session) greet() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.greeted = true
}

// expect closes a session that has not said who it is.
func (c *session) expect() {
	c.mu.Lock()
	greeted := c.greeted
	c.mu.Unlock()
	if !greeted {
		c.put(parcel{last: refuse(http.StatusRequestTimeout, "Nobody has said {\"type\":\"hello\",\"caller\":\"NAME\"} here in %v.", c.server.opt.Hello)})
	}
}

// read takes messages until the socket ends, and reports whether that was the
// caller's wish. Who sends too much is told so, and then read no faster than it
// may send: nothing is left out.
func (c *session) read(ctx context.Context) (bye bool) {
	messages, volume := rate.NewLimiter(perSecond, burst), rate.NewLimiter(rate.Limit(c.server.opt.Talk), 4*c.server.opt.Talk)
	complaints := rate.NewLimiter(1, 1)
	for {
		m, err := c.line.read(ctx, calls.MaxMessage)
		if errors.Is(err, errTooBig) {
			return c.dismiss(calls.TooLarge, closeTooBig, fmt.Sprintf("A control message has at most %d bytes.", calls.MaxMessage))
		}
		if err != nil {
			code, _ := closed(err)
			return code == closeNormal || code == closeGoingAway || code == closeNoStatus
		}
		if !m.text {
			return c.dismiss(calls.BadRequest, closeUnsupported, "Control messages are text; media goes to a socket at /NAME.EXT.")
		}
		if messages.Tokens() < 1 || volume.Tokens() < float64(len(m.data)) {
			if complaints.Allow() {
				c.refuse(calls.TooMany, calls.Message{}, "More than %d messages or %d bytes a second; they are read no faster than that.", perSecond, c.server.opt.Talk)
			}
		}
		if messages.Wait(ctx) != nil || volume.WaitN(ctx, len(m.data)) != nil {
			return false
		}
		c.say(m.data)
	}
}

// say takes a message in the protocol that the session's first one was in.
func (c *session) say(data []byte) {
	if c.dialect == nil && !c.greeted && compat.IsRooms(data) {
		c.dialect = inRooms{c}
	}
	if c.dialect != nil {
		c.greet()
		c.dialect.hear(bytes.Clone(data)) // it is passed on when this buffer has the next
		return
	}
	msg, err := calls.Decode(data)
	if err != nil {
		c.refuse(calls.BadRequest, msg, "%v.", err)
		return
	}
	c.hear(msg)
}

func (c *session) hear(m calls.Message) {
	c.greet()
	if m.Type == "failed" {
		c.server.opt.Log.Info("a file could not be recorded or played", "entry", logged(entryOf(m.URL)), "mime", m.MIME, "why", m.Why)
	}
	c.server.board.handle(c.id, m)
}

// dismiss says why, closes, and does not read what else comes.
func (c *session) dismiss(code string, closing int, text string) (bye bool) {
	c.refuse(code, calls.Message{}, "%s", text)
	c.put(parcel{last: &refusal{code: closing, text: text}})
	<-c.written
	return false
}

func (c *session) refuse(code string, re calls.Message, format string, a ...any) {
	m := calls.Refusal(code, re, format, a...)
	text := calls.Encode(m)
	if c.dialect != nil {
		text = c.dialect.sentence(m.Text)
	}
	c.put(parcel{text: text})
}

// follow notes what the caller plays and publishes by a message that it is sent.
func (c *session) follow(m calls.Message) {
	if m.Type != "start" && m.Type != "ended" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range m.Play {
		if !slices.Contains(c.starts[m.Call].Play, p) {
			c.server.opt.Log.Info("to be played", "entry", logged(entryOf(p.URL)), "by", c.id, "mime", p.MIME, "why", p.Why)
		}
	}
	if m.Type == "ended" {
		delete(c.starts, m.Call)
	} else {
		if c.starts == nil {
			c.starts = map[string]calls.Message{}
		}
		c.starts[m.Call] = m
	}
	told, wanted := c.told, c.wanted
	c.playing, c.publishes, c.told, c.wanted = nil, nil, map[string]int64{}, map[string]*wish{}
	var entries []string
	for _, call := range slices.Sorted(maps.Keys(c.starts)) {
		c.playing = append(c.playing, c.starts[call].Play...)
		for _, p := range c.starts[call].Publish {
			c.publishes = append(c.publishes, p.Path())
			entries = append(entries, entryOf(p.Path()))
			if n, ok := told[p.Path()]; ok {
				c.told[p.Path()] = n
			}
			if w := wanted[p.Path()]; w != nil {
				c.wanted[p.Path()] = w
			}
		}
	}
	c.server.demand.speak(c, entries)
}

// write sends what was put, and how the call's files are getting on, until the
// last word or ctx's end.
func (c *session) write(ctx context.Context) {
	defer close(c.written)
	reports := time.NewTicker(reportEvery)
	defer reports.Stop()
	for {
		select {
		case <-ctx.Done():
			c.line.abandon() // the reader learns it from this
			return
		case <-c.more:
			for _, p := range c.take() {
				if p.last != nil {
					c.line.closeWith(p.last)
					return
				}
				if !c.send(ctx, p.text) {
					return
				}
			}
		case <-c.asked:
			if !c.tell(ctx, c.demanded(time.Now())) {
				return
			}
		case now := <-reports.C:
			if !c.tell(ctx, c.report()) || !c.tell(ctx, c.demanded(now)) {
				return
			}
		}
	}
}

func (c *session) tell(ctx context.Context, all []calls.Message) bool {
	for _, m := range all {
		if !c.send(ctx, calls.Encode(m)) {
			return false
		}
	}
	return true
}

func (c *session) send(ctx context.Context, text []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, c.server.opt.PingWithin)
	defer cancel()
	if c.line.writeText(ctx, text) != nil {
		c.line.abandon()
		return false
	}
	return true
}

// source returns what a file that the caller plays is made of, or nil.
func (c *session) source(playing string) *stream.Stream {
	u, err := url.Parse(playing)
	if err != nil {
		return nil
	}
	a, err := parseAddress(u)
	if err != nil {
		return nil
	}
	of := agreed(u.Query(), a)
	for _, st := range c.server.hub.Sources(a.entry) {
		if st.Format() == of {
			return st
		}
	}
	return nil
}

// maxEdges is of how many files one report says how far they are: in a large room
// they take turns, since everybody there is told of everybody's.
const maxEdges = 8

// report says how far the files are that the caller plays, and, where that has
// changed, how many listen to its own.
func (c *session) report() []calls.Message {
	c.mu.Lock()
	playing, publishes, told := c.playing, c.publishes, c.told
	c.mu.Unlock()
	var all []calls.Message
	for range min(len(playing), maxEdges) {
		p := playing[c.turn%len(playing)]
		c.turn++
		if st := c.source(p.URL); st != nil {
			edge, clock, _ := st.Edge()
			t, at := edge.Seconds(), clock.Seconds()
			all = append(all, calls.Message{Type: "edge", Caller: p.Caller, URL: p.URL, T: &t, At: &at})
		}
	}
	for _, path := range publishes {
		n := c.server.hub.Listeners(entryOf(path))
		if was, ok := told[path]; !ok || was != n { // told is the writer's alone once it is made
			told[path] = n
			all = append(all, calls.Message{Type: "listeners", URL: path, N: &n})
		}
	}
	return all
}
