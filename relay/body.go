package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"everfile/stream"
)

// publishBody appends a request's body, or the file in a form. One with a length is
// a file and is read at the speed of its own timestamps; a chunked one is live and
// never held back.
func (s *Server) publishBody(w http.ResponseWriter, r *http.Request, a address) {
	paced, err := parsePace(r)
	body, contentType := io.Reader(r.Body), r.Header.Get("Content-Type")
	if err == nil && isForm(r) {
		body, contentType, err = formFile(r)
	}
	var p *stream.Publisher
	if err == nil {
		p, err = s.openBody(r, a, contentType)
	}
	if err != nil {
		s.answer(w, r, err)
		return
	}
	ctx, stop := untilGone(r.Context(), p, func() { _ = http.NewResponseController(w).SetReadDeadline(time.Now()) })
	defer stop()
	n, err := s.appendBody(ctx, p, a, body, paced)
	if err != nil {
		s.answer(w, r, unnamed(err, a, contentType))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, thanks(n))
}

// thanks is the answer to a body that is in the file.
func thanks(n int64) string { return fmt.Sprintf("%d bytes are in the file; it has ended.", n) }

// parsePace reads ?pace=.
func parsePace(r *http.Request) (bool, error) {
	switch v := r.URL.Query().Get("pace"); v {
	case "":
		return r.ContentLength > 0, nil
	case "0", "1":
		return v == "1", nil
	default:
		return false, refuse(http.StatusBadRequest, "pace is 0 (as fast as it comes) or 1 (at the speed of its timestamps), got %.20q.", v)
	}
}

// openBody makes a publisher of a request whose body is of a type.
func (s *Server) openBody(r *http.Request, a address, contentType string) (*stream.Publisher, error) {
	f, err := publishFormat(a, contentType)
	if err != nil {
		return nil, err
	}
	// A body is told no counts, so it cannot resume.
	return s.open(r, a, stream.PublishOptions{Format: f, Metadata: station(r.Header)})
}

// unnamed is the error of a body, or what else to say if nothing but its bytes said
// what it is, and those do not.
func unnamed(err error, a address, contentType string) error {
	var parse *stream.ParseError
	switch kind, _, _ := strings.Cut(contentType, ";"); {
	case a.ext != "" || !errors.As(err, &parse) || parse.Format != "any":
		return err
	case contentType == "":
		return refuse(http.StatusBadRequest, "%v, and neither an extension nor a Content-Type says what it is.", err)
	case strings.EqualFold(kind, "application/x-www-form-urlencoded"):
		return refuse(http.StatusUnsupportedMediaType, "%v; a form that sends a file needs enctype=\"multipart/form-data\".", err)
	}
	return err
}

// appendBody appends a body to its end, and gives the publisher up the way it ended.
func (s *Server) appendBody(ctx context.Context, p *stream.Publisher, a address, body io.Reader, paced bool) (int64, error) {
	n, err := s.readBody(ctx, body, p, paced)
	var parse *stream.ParseError
	switch {
	case err == nil:
		err = p.End()
	case errors.As(err, &parse):
		p.Fail()
	default:
		if cause := p.Cause(); cause != nil {
			err = cause
		}
		lose(p, n)
	}
	s.opt.Log.Info("publisher left", "entry", logged(a.entry), "bytes", n, "err", err)
	return n, err
}

// lose gives a publisher up whose connection is lost. Nothing is kept for one that
// brought nothing.
func lose(p *stream.Publisher, brought int64) {
	if brought == 0 {
		p.Fail()
	} else {
		p.Drop()
	}
}

// untilGone returns a context that ends with its parent or the publisher's right
// to write; the body's reader is woken then.
func untilGone(parent context.Context, p *stream.Publisher, wake func()) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-p.Gone():
			cancel()
			wake()
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
			if err := pause(ctx, began.Add(p.Media()-s.opt.Ahead)); err != nil {
				return total, err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		var no *refusal
		if errors.As(err, &no) {
			return total, no
		}
		if err != nil {
			return total, refuse(http.StatusBadRequest, "The body broke off after %d bytes: %v.", total, err)
		}
	}
}

// pause waits until a time, unless the request's connection closes: nobody reads from
// it meanwhile, and so nobody else would notice.
func pause(ctx context.Context, until time.Time) error {
	const look = time.Second
	conn, _ := ctx.Value(connKey{}).(connState)
	for d := time.Until(until); d > 0; d = time.Until(until) {
		if conn.closed() {
			return errGone
		}
		if err := sleep(ctx, min(d, look)); err != nil {
			return err
		}
	}
	return nil
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
