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

// still answers with the newest picture of a stream as a file of its own, or with 304
// to who has that already, for whom nothing is decoded. Ranges do not matter to it:
// the next request may get another picture.
func (s *Server) still(w http.ResponseWriter, r *http.Request, a address, st *stream.Stream, v stream.Playable, want stream.ConvertOptions) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Accept-Ranges", "none")
	if at, ok := st.Picture(); ok && unchanged(r, pictureTag(st, at), st.At(at)) {
		tagPicture(h, st, at)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	to, release, err := s.converted(st, a, want)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	defer release()
	p, err := s.newest(r, to)
	if errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) {
		err = s.notFound(r, a, 0)
	}
	if err != nil {
		s.answer(w, r, err)
		return
	}
	tagPicture(h, st, p.Time)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opt.Stall)) // who does not read it does not keep it
	reply(w, r, v.ContentType, p.Frame)
}

// newest waits for a stream's newest picture, as long as any request waits. It returns
// io.EOF if the stream ends without.
func (s *Server) newest(r *http.Request, st *stream.Stream) (*stream.Part, error) {
	wait, held, err := s.patience(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), max(wait, held))
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(s.ctx, func() { stop(stream.ErrClosed) })()
	l := st.Listen(stream.ListenOptions{})
	defer l.Close()
	for {
		parts, err := l.Take(nil)
		if n := len(parts); n > 0 {
			return parts[n-1], nil
		}
		if err == nil {
			err = l.Wait(ctx, nil)
		}
		if err != nil {
			return nil, err
		}
	}
}

// pictureTag tells the picture at a stream time from every other (RFC 9110, section
// 8.8.3).
func pictureTag(st *stream.Stream, at time.Duration) string {
	return fmt.Sprintf(`"%x-%x"`, st.At(0).UnixNano(), int64(at))
}

// tagPicture sets what says which picture it is, and of when.
func tagPicture(h http.Header, st *stream.Stream, at time.Duration) {
	h.Set("ETag", pictureTag(st, at))
	taken := st.At(at)
	if now := time.Now(); taken.After(now) {
		taken = now // it came before its time
	}
	h.Set("Last-Modified", taken.UTC().Format(http.TimeFormat))
}

// unchanged reports whether a request is of somebody who has the picture with this
// tag, or of this time, already (RFC 9110, section 13.2.2).
func unchanged(r *http.Request, tag string, taken time.Time) bool {
	if tags := r.Header.Values("If-None-Match"); len(tags) > 0 {
		for t := range strings.SplitSeq(strings.Join(tags, ","), ",") {
			if t = strings.TrimPrefix(strings.TrimSpace(t), "W/"); t == tag || t == "*" {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !taken.Truncate(time.Second).After(since)
}
