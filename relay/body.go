package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"everfile/stream"
)

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
	s.opt.Log.Info("publisher left", "entry", logged(a.entry), "bytes", n, "err", err)
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
