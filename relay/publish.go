package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"everfile/stream"
)

// ack is what a publishing socket is told: "ready" when it may send, "ack" as
// chunks get into the file.
type ack struct {
	Type   string `json:"type"`
	Chunks int64  `json:"chunks"`          // of this run, in the file
	Known  *bool  `json:"known,omitempty"` // ready: whether this server had the run
}

// publishFormat says what a publisher's bytes are: what the path says, else
// what the Content-Type says, else nil, and then they are looked at.
func publishFormat(a address, contentType string) (*stream.Format, error) {
	if a.ext == "" {
		return stream.ByType(contentType), nil
	}
	f := stream.ByExt(a.ext)
	if f == nil {
		return nil, refuse(http.StatusUnsupportedMediaType, ".%s can be played, not published.", a.ext)
	}
	return f, nil
}

// open makes a publisher of a request.
func (s *Server) open(r *http.Request, a address) (*stream.Publisher, error) {
	f, err := publishFormat(a, r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	o := stream.PublishOptions{Format: f, Key: q.Get("key")}
	if isUpgrade(r) { // a body is told no counts, so it cannot resume
		o.Run = q.Get("run")
	}
	if len(o.Run) > maxName || len(o.Key) > maxName {
		return nil, refuse(http.StatusBadRequest, "run and key are at most %d characters.", maxName)
	}
	p, err := s.hub.Publish(a.entry, o)
	if err == nil {
		chunks, known := p.Resumed()
		s.opt.Log.Info("publishing", "entry", a.entry, "from", r.RemoteAddr, "resumed", known, "chunks", chunks)
	}
	return p, err
}

// publishSocket appends what comes as binary messages: one message, one chunk.
func (s *Server) publishSocket(w http.ResponseWriter, r *http.Request, a address) {
	c, err := accept(w, r)
	if err != nil {
		return // it has answered, and no name is held for what was no handshake
	}
	defer c.abandon()
	p, err := s.open(r, a)
	if err != nil {
		c.closeWith(refusalOf(err))
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	news := make(chan int64, 1)
	go func() {
		defer close(done)
		s.acknowledge(ctx, c, p, news)
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
		m, err := c.read(ctx, stream.MaxChunk)
		switch {
		case errors.Is(err, errTooBig):
			return &refusal{code: closeTooBig, text: fmt.Sprintf("A message over %d bytes; send what the recorder hands out, as it does.", stream.MaxChunk)}
		case err != nil:
			return err
		case m.text:
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

// leave gives the publisher up the way its socket ended: 1000 ends the file, a
// refusal is told, anything else is a connection lost, and the file stays open.
func (s *Server) leave(c *socket, p *stream.Publisher, a address, err error) {
	code, _ := closed(err)
	var no *refusal
	var parse *stream.ParseError
	switch {
	case code == closeNormal:
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
	s.opt.Log.Info("publisher left", "entry", a.entry, "code", code, "err", err)
}

// acknowledge tells the publisher that it may begin, then how many chunks are in
// the file; it pings, and it closes the socket when the publisher is replaced.
// It ends when ctx does.
func (s *Server) acknowledge(ctx context.Context, c *socket, p *stream.Publisher, news <-chan int64) {
	chunks, known := p.Resumed()
	if !s.tell(ctx, c, ack{Type: "ready", Chunks: chunks, Known: &known}) {
		return
	}
	pings := time.NewTicker(s.opt.PingEvery)
	defer pings.Stop()
	var pinging sync.WaitGroup // acknowledgements do not wait for an answer
	defer pinging.Wait()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.Gone():
			c.closeWith(refusalOf(p.Cause()))
			return
		case <-pings.C:
			pinging.Go(func() {
				if c.ping(ctx, s.opt.PingWithin) != nil {
					c.abandon() // the reader learns it from this
				}
			})
		case n := <-news:
			if !s.tell(ctx, c, ack{Type: "ack", Chunks: n}) {
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

// publishBody appends a request's body. One with a length is a file and is read
// at the speed of its own timestamps; a chunked one is live and never held back.
func (s *Server) publishBody(w http.ResponseWriter, r *http.Request, a address) {
	paced := r.ContentLength > 0
	switch v := r.URL.Query().Get("pace"); v {
	case "":
	case "0", "1":
		paced = v == "1"
	default:
		s.answer(w, r, refuse(http.StatusBadRequest, "pace is 0 (as fast as it comes) or 1 (at the speed of its timestamps), got %.20q.", v))
		return
	}
	p, err := s.open(r, a)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	ctx, stop := s.untilGone(w, r, p)
	defer stop()
	n, err := s.readBody(ctx, r.Body, p, paced)
	var parse *stream.ParseError
	switch {
	case err == nil:
		if err = p.End(); err == nil {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprintf(w, "%d bytes are in the file; it has ended.\n", n)
		}
	case errors.As(err, &parse):
		p.Fail()
	default:
		if cause := p.Cause(); cause != nil {
			err = cause
		}
		p.Drop()
	}
	s.opt.Log.Info("publisher left", "entry", a.entry, "bytes", n, "err", err)
	if err != nil {
		s.answer(w, r, err)
	}
}

// untilGone returns a context that ends with the request or the publisher's
// right to write; the body's reader is woken then.
func (s *Server) untilGone(w http.ResponseWriter, r *http.Request, p *stream.Publisher) (context.Context, func()) {
	ctx, cancel := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-p.Gone():
			cancel()
			_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // wakes the reader
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(); <-done }
}

// readBody appends the body as it comes, or paced: in small pieces, none of
// which is read before its time has come.
func (s *Server) readBody(ctx context.Context, body io.Reader, p *stream.Publisher, paced bool) (int64, error) {
	buf := make([]byte, 32<<10)
	if paced {
		buf = buf[:1<<10]
	}
	began := time.Now()
	var total int64
	for {
		n, err := body.Read(buf)
		total += int64(n)
		if n > 0 {
			if _, err := p.Write(buf[:n]); err != nil {
				return total, err
			}
		}
		if paced {
			if err := sleep(ctx, p.Media()-time.Since(began)-s.opt.Ahead); err != nil {
				return total, err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, refuse(http.StatusBadRequest, "The body broke off after %d bytes: %v.", total, err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
