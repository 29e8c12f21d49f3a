package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"everfile/stream"
)

// posting is a run that comes by POST. Its publisher stays between the requests;
// when none comes for a while, that is a connection lost.
type posting struct {
	id   postID
	p    *stream.Publisher
	turn chan struct{} // full while a request, or the end, has what follows
	next int64         // number of the chunk that is expected
	told bool          // that the server stops
	over chan struct{} // closed at the end
	idle *time.Timer   // stopped while a request has its turn
}

// posts are the runs that come by POST, by whose they are. Any goroutine may call
// its methods.
type posts struct {
	mu  sync.Mutex // protects below
	all map[postID]*posting
}

func (l *posts) get(id postID) *posting {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[id]
}

// maxPostings is how many connections there are at once of this kind, each of which
// lives for a while without the other side holding anything.
const maxPostings = 4096

// add has an older connection of the same run forgotten. It reports false if there
// are too many.
func (l *posts) add(c *posting) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[postID]*posting{}
	}
	if l.all[c.id] == nil && len(l.all) >= maxPostings {
		return false
	}
	l.all[c.id] = c
	return true
}

func (l *posts) remove(c *posting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[c.id] == c {
		delete(l.all, c.id)
	}
}

// publishPosts takes the next chunks of a run. It answers as a publishing socket
// would: "ready" to who brings none and so begins a connection, then "ack". A
// refusal carries the socket's close code in Everfile-Close.
func (s *Server) publishPosts(w http.ResponseWriter, r *http.Request, a address) {
	var q post
	var said ack
	key, err := keyOf(r)
	if err == nil {
		q, err = parsePost(a, key, r.URL.Query())
	}
	if err == nil {
		said, err = s.post(w, r, a, q)
	}
	var b []byte
	if err == nil {
		b, err = json.Marshal(said)
	}
	if err != nil {
		w.Header().Set("Everfile-Close", strconv.Itoa(refusalOf(err).closing()))
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, r, "application/json", append(b, '\n'))
}

// post does what a request asks for, in its turn.
func (s *Server) post(w http.ResponseWriter, r *http.Request, a address, q post) (ack, error) {
	c := s.posts.get(q.id)
	if c == nil || q.begins() {
		var err error
		if c, err = s.beginPosts(r, a, q.id); err != nil {
			return ack{}, err
		}
	}
	select {
	case c.turn <- struct{}{}:
	case <-c.over:
		return ack{}, errPostsOver
	case <-r.Context().Done():
		return ack{}, context.Cause(r.Context())
	}
	defer func() { <-c.turn }()
	if isClosed(c.over) {
		return ack{}, errPostsOver
	}
	c.idle.Stop()
	defer c.idle.Reset(s.opt.Posts)
	if q.begins() {
		chunks, known := c.p.Resumed()
		return ack{Type: "ready", Chunks: chunks, Known: &known}, nil
	}
	err := s.takeChunks(w, r, c, q)
	if s.leavePosts(c, a, q.end, err) || err != nil {
		return ack{Type: "ack", Chunks: c.next}, err
	}
	return ack{Type: s.word(c), Chunks: c.next}, nil
}

// word is what an answer says: once, that the server stops.
func (s *Server) word(c *posting) string {
	if isClosed(s.goodbye) && !c.told {
		c.told = true
		return "goaway"
	}
	return "ack"
}

// beginPosts begins a connection: a new run, or one that goes on. As with sockets
// it takes the place of an older one of the same run.
func (s *Server) beginPosts(r *http.Request, a address, id postID) (*posting, error) {
	if !s.arrive() {
		return nil, stream.ErrClosed
	}
	p, err := s.openRun(r, a)
	if err != nil {
		s.sockets.Done()
		return nil, err
	}
	c := &posting{id: id, p: p, turn: make(chan struct{}, 1), over: make(chan struct{}), idle: time.NewTimer(s.opt.Posts)}
	c.next, _ = p.Resumed()
	if !s.posts.add(c) {
		p.Fail()
		s.sockets.Done()
		return nil, refuse(http.StatusServiceUnavailable, "%d others publish here by POST, which is as many as there may be; try again in a moment.", maxPostings).with("Retry-After", "3")
	}
	s.work.Go(func() {
		defer s.sockets.Done()
		s.watchPosts(c, a)
	})
	return c, nil
}

// watchPosts ends a connection when no request comes any more, or none may.
func (s *Server) watchPosts(c *posting, a address) {
	for {
		select {
		case <-c.over:
			return
		case <-c.p.Gone():
			select {
			case <-c.over:
			case c.turn <- struct{}{}: // whoever has it is woken
				s.leavePosts(c, a, "", c.p.Cause())
				<-c.turn
			}
			return
		case <-c.idle.C:
			select {
			case c.turn <- struct{}{}:
				s.leavePosts(c, a, "0", errIdle)
				<-c.turn
			default: // a request has come
			}
		}
	}
}

var (
	errIdle      = errors.New("no POST came any more")
	errPostsOver = &refusal{status: http.StatusConflict, code: closePolicy, text: "This connection has ended; begin another by a POST without chunk=."}
)

// takeChunks appends what is new of a body.
func (s *Server) takeChunks(w http.ResponseWriter, r *http.Request, c *posting, q post) error {
	if q.first > c.next {
		return &refusal{status: http.StatusConflict, code: closePolicy, text: fmt.Sprintf("Chunk %d is expected here, and the first of these is %d; a POST without chunk= tells where the run stands.", c.next, q.first)}
	}
	rc := http.NewResponseController(w)
	ctx, stop := untilGone(r.Context(), c.p, func() { _ = rc.SetReadDeadline(time.Now()) })
	defer stop()
	body := &prompt{Reader: r.Body, ctx: ctx, rc: rc, within: s.opt.Posts}
	var buf bytes.Buffer
	for i, size := range q.sizes {
		buf.Reset()
		if _, err := io.CopyN(&buf, body, size); err != nil {
			if cause := c.p.Cause(); cause != nil { // the reader was woken for it
				return cause
			}
			return &refusal{status: http.StatusBadRequest, code: closePolicy, text: fmt.Sprintf("The body broke off in chunk %d: %v.", q.first+int64(i), err)}
		}
		if q.first+int64(i) < c.next {
			continue // it came before, and only the answer was lost
		}
		n, err := c.p.Write(buf.Bytes())
		if err != nil {
			return err
		}
		c.next = n
	}
	if n, _ := body.Read(make([]byte, 1)); n > 0 {
		return refuse(http.StatusBadRequest, "The body goes on after the %d chunks that sizes= names.", len(q.sizes))
	}
	return c.p.Cause()
}

// prompt is a body that must go on coming.
type prompt struct {
	io.Reader
	ctx    context.Context
	rc     *http.ResponseController
	within time.Duration
	set    time.Time // the deadline
}

func (b *prompt) Read(p []byte) (int, error) {
	if now := time.Now(); b.set.Sub(now) < b.within-b.within/8 {
		b.set = now.Add(b.within)
		_ = b.rc.SetReadDeadline(b.set) // a closed connection shows next
		if b.ctx.Err() != nil {         // it may have overruled who wakes us
			return 0, context.Cause(b.ctx)
		}
	}
	return b.Reader.Read(p)
}

// leavePosts ends a connection if that is asked for, or err leaves no other way,
// and reports whether it did. A body that broke off, or came out of turn, is no
// reason: the next one may be whole. The caller has the turn.
func (s *Server) leavePosts(c *posting, a address, end string, err error) bool {
	var parse *stream.ParseError
	switch {
	case isClosed(c.over):
		return true
	case errors.As(err, &parse):
		c.p.Fail()
	case c.p.Cause() != nil, end == "0" && (err == nil || errors.Is(err, errIdle)):
		lose(c.p, c.next)
	case end == "1" && err == nil:
		err = c.p.End()
	default:
		return false
	}
	close(c.over)
	s.posts.remove(c)
	s.opt.Log.Info("publisher left", "entry", logged(a.entry), "end", end, "err", err)
	return true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
