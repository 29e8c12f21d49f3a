package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"everfile/stream"
)

// ack is what a publishing socket is told: "ready" when it may send, "ack" as
// chunks get into the file, "goaway" when it should end its run and connect again.
type ack struct {
	Type   string `json:"type"`
	Chunks int64  `json:"chunks"`          // of this run, in the file, when that was said
	Known  *bool  `json:"known,omitempty"` // ready: whether this server had the run
}

// publishFormat says what a publisher's bytes are: what the path says, else
// what the Content-Type says, else nil, and then they are looked at. A type that
// says nothing, such as a form's or application/octet-stream, is as good as none;
// one of sound or pictures that are not known here is refused.
func publishFormat(a address, contentType string) (*stream.Format, error) {
	f := stream.ByExt(a.ext)
	switch {
	case a.ext == "":
		f = stream.ByType(contentType)
		if f == nil && isMedia(contentType) {
			return nil, unknownType(contentType)
		}
	case f == nil:
		return nil, refuse(http.StatusUnsupportedMediaType, ".%s can be played, not published.", a.ext)
	}
	return f, nil
}

// isMedia reports whether a type promises sound or pictures.
func isMedia(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(contentType)), "/")
	return kind == "audio" || kind == "video"
}

func unknownType(contentType string) *refusal {
	var known []string
	for _, f := range stream.Formats() {
		known = append(known, f.Types...)
	}
	return refuse(http.StatusUnsupportedMediaType, "%.60q is no type that is known here; known are: %s.", contentType, strings.Join(known, " "))
}

// keyOf is the right to publish that a request brings: ?key=, or the password of
// its Authorization. There are no accounts, so the user's name says nothing; and
// other kinds of Authorization are meant for a proxy in between.
func keyOf(r *http.Request) (string, error) {
	if key := r.URL.Query().Get("key"); key != "" {
		return key, nil
	}
	kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	_, password, ok := r.BasicAuth()
	if !ok && strings.EqualFold(kind, "Basic") { // who means to hold the name must not publish without
		return "", unknownUser("The Authorization is not that of a user and a password, user:password in base64.")
	}
	return password, nil
}

// unknownUser asks for another password.
func unknownUser(text string) *refusal {
	return refuse(http.StatusUnauthorized, "%s", text).with("WWW-Authenticate", `Basic realm="everfile"`)
}

// open makes a publisher of a request. The key that it brings goes before the one
// in the options.
func (s *Server) open(r *http.Request, a address, o stream.PublishOptions) (*stream.Publisher, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	if key != "" {
		o.Key = key
	}
	if len(o.Run) > maxName || len(o.Key) > maxName {
		return nil, refuse(http.StatusBadRequest, "run and key are at most %d characters, and so is a password in its place.", maxName)
	}
	_, mine, err := s.gate.allow(toPublish, a.entry, o.Key)
	if err != nil {
		return nil, err
	}
	if o.Paused && !mine { // a call's end ends its files, however long they are paused
		return nil, refuse(http.StatusBadRequest, "Only in a call can a run begin paused, since nothing else says when its file is over.")
	}
	o.Takeover = mine
	p, err := s.hub.Publish(a.entry, o)
	if err == nil {
		if _, _, err = s.gate.allow(toPublish, a.entry, o.Key); err != nil { // the call ended in between, or a room was opened
			_ = p.End()
		}
	}
	if err == nil {
		chunks, known := p.Resumed()
		s.opt.Log.Info("publishing", "entry", logged(a.entry), "from", r.RemoteAddr, "resumed", known, "chunks", chunks)
	}
	return p, err
}

// openRun makes a publisher of a request that may resume a run, since it is told what
// of that is in the file.
func (s *Server) openRun(r *http.Request, a address) (*stream.Publisher, error) {
	f, err := publishFormat(a, r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	return s.open(r, a, stream.PublishOptions{Format: f, Run: q.Get("run"), Paused: q.Get("paused") == "1"})
}

// publishSocket appends what comes as binary messages: one message, one chunk.
func (s *Server) publishSocket(w http.ResponseWriter, r *http.Request, a address) {
	c, err := accept(w, r, s.opt.CloseWait, webcastProtocol, base64Protocol)
	if err != nil {
		return // it has answered, and no name is held for what was no handshake
	}
	defer c.abandon()
	if c.protocol == webcastProtocol {
		s.webcast(c, r, a)
		return
	}
	if !s.arrive() {
		c.closeWith(refusalOf(stream.ErrClosed))
		return
	}
	defer s.sockets.Done()
	p, err := s.openRun(r, a)
	if err != nil {
		c.closeWith(refusalOf(err))
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	news := make(chan int64, 1)
	go func() {
		defer close(done)
		var alive sync.WaitGroup // acknowledgements do not wait for the answer to a ping
		alive.Go(func() { s.keepAlive(ctx, c, s.opt.PingEvery) })
		s.acknowledge(ctx, c, p, news)
		alive.Wait()
	}()
	err = s.readChunks(ctx, c, p, news)
	s.leave(c, p, a, err)
	cancel()
	c.abandon()
	<-done
}

// readChunks returns why there are no more.
func (s *Server) readChunks(ctx context.Context, c *socket, p *stream.Publisher, news chan int64) error {
	for {
		m, err := readMedia(ctx, c)
		if err != nil {
			return err
		}
		if m.text {
			return &refusal{code: closeUnsupported, text: "Text on a media socket; send the recorder's chunks as binary messages."}
		}
		n, err := p.Write(m.data)
		if err != nil {
			return err
		}
		select {
		case <-news: // the acknowledger has not got to the older count yet
		default:
		}
		news <- n
	}
}

// readMedia reads a message that may be a chunk.
func readMedia(ctx context.Context, c *socket) (message, error) {
	m, err := c.readChunk(ctx)
	if errors.Is(err, errTooBig) {
		err = &refusal{code: closeTooBig, text: fmt.Sprintf("A message over %d bytes; send what the recorder hands out, as it does.", stream.MaxChunk)}
	}
	return m, err
}

// leave gives the publisher up the way its socket ended: 1000 ends the file, a
// refusal is told, anything else is a connection lost, and the file stays open.
func (s *Server) leave(c *socket, p *stream.Publisher, a address, err error) {
	code, _ := closed(err)
	var no *refusal
	var parse *stream.ParseError
	switch {
	case code == closeNormal, code == closeNoStatus && c.protocol == webcastProtocol: // whose scripts name no code
		err = p.End()
	case errors.As(err, &no), errors.As(err, &parse):
		p.Fail()
		c.closeWith(refusalOf(err))
	case errors.Is(err, stream.ErrReplaced), errors.Is(err, stream.ErrClosed):
		p.Drop()
		c.closeWith(refusalOf(err))
	default:
		if cause := p.Cause(); cause != nil { // the reader was woken for it
			err = cause
		}
		p.Drop()
	}
	s.opt.Log.Info("publisher left", "entry", logged(a.entry), "code", code, "err", err)
}

// keepAlive pings the other side and breaks the line when no answer comes. Proxies
// cut connections that are silent for a minute.
func (s *Server) keepAlive(ctx context.Context, c controlLine, every time.Duration) {
	pings := time.NewTicker(every)
	defer pings.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pings.C:
			if c.ping(ctx, s.opt.PingWithin) != nil {
				c.abandon() // the reader learns it from this
				return
			}
		}
	}
}

// acknowledge tells the publisher that it may begin, then how many chunks are in
// the file; and it closes the socket when the publisher is replaced. It ends when
// ctx does.
func (s *Server) acknowledge(ctx context.Context, c *socket, p *stream.Publisher, news <-chan int64) {
	chunks, known := p.Resumed()
	got := c.conn.got.Load() // before anything comes that is an answer to this
	if !s.tell(ctx, c, ack{Type: "ready", Chunks: chunks, Known: &known}) {
		return
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	beat := time.NewTicker(s.opt.Beat)
	defer beat.Stop()
	goodbye := s.goodbye
	for {
		select {
		case <-ctx.Done():
			return
		case <-goodbye:
			if goodbye = nil; !s.tell(ctx, c, ack{Type: "goaway", Chunks: chunks}) {
				return
			}
		case <-p.Gone():
			c.closeWith(refusalOf(p.Cause()))
			return
		case <-beat.C:
			before := got
			if got = c.conn.got.Load(); got > before && !s.tell(ctx, c, ack{Type: "ack", Chunks: chunks}) {
				return
			}
		case n := <-news:
			beat.Reset(s.opt.Beat)
			got = c.conn.got.Load()
			if chunks = n; !s.tell(ctx, c, ack{Type: "ack", Chunks: chunks}) {
				return
			}
			pause.Reset(s.opt.AckEvery)
			select {
			case <-pause.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (s *Server) tell(ctx context.Context, c *socket, a ack) bool {
	b, err := json.Marshal(a)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, s.opt.PingWithin)
		defer cancel()
		err = c.writeText(ctx, b)
	}
	if err != nil {
		c.abandon() // the reader learns it from this
	}
	return err == nil
}
