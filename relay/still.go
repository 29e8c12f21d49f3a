package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"everfile/stream"
)

// still answers with the newest picture of a stream of pictures, as a file of its
// own. Ranges do not matter to it: the next request may get another picture.
func (s *Server) still(w http.ResponseWriter, r *http.Request, a address, st *stream.Stream, v stream.View) {
	p, err := s.newest(r.Context(), st)
	if errors.Is(err, io.EOF) {
		err = s.notFound(r, a, 0)
	}
	if err != nil {
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Accept-Ranges", "none")
	w.Header().Set("Last-Modified", p.Arrival.UTC().Format(http.TimeFormat))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opt.Stall)) // who does not read it does not keep it
	reply(w, r, st.ContentType(v), p.Frame)
}

// newest waits for a stream's newest frame. It returns io.EOF if the stream ends
// without.
func (s *Server) newest(ctx context.Context, st *stream.Stream) (*stream.Part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(stream.ErrClosed) })()
	l := st.Listen(stream.ListenOptions{})
	defer l.Close()
	for {
		parts, err := l.Next(ctx, nil, nil)
		if err != nil {
			return nil, err
		}
		if n := len(parts); n > 0 {
			return parts[n-1], nil
		}
	}
}
