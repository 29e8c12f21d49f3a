package relay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"everfile/stream"
)

// play answers GET and HEAD: the stream's headers, and for GET its body from
// the newest join on.
func (s *Server) play(w http.ResponseWriter, r *http.Request, a address) {
	want, err := parseConversion(r)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	if r.Method == http.MethodGet {
		defer s.demand.ask(a.entry)() // until it is counted among the listeners
	}
	st, view, err := s.find(r, a)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	want.Format = view.Format
	w.Header()["Link"] = s.alternates(st, a)
	if view.Still {
		s.still(w, r, a, st, view, want)
		return
	}
	s.playAs(w, r, a, view, func() (*stream.Stream, func(), error) { return s.converted(st, a, want) })
}

// playAs is the rest of play: what a view has, of the stream that get makes when
// nothing speaks against it, with what to call when somebody listens to it or nobody
// will.
func (s *Server) playAs(w http.ResponseWriter, r *http.Request, a address, view stream.Playable, get func() (*stream.Stream, func(), error)) {
	span, err := parseRange(r.Header.Values("Range"))
	if err != nil {
		s.answer(w, r, err)
		return
	}
	pad, err := parsePad(r, view.Format, s.opt.Log)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	how, err := parseHow(r)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	st, release, err := get()
	if err != nil {
		s.answer(w, r, err)
		return
	}
	defer release()
	fill, err := parseFill(r, st)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	s.headers(w.Header(), st, view.View)
	titles := titlesFor(w.Header(), r, st)
	status := span.headers(w.Header())
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	l := &listening{
		server: s, entry: a.entry, from: r.RemoteAddr,
		stream: st, listener: st.Listen(how),
		first: st.Header(view.View), left: span.length, pad: pad, fill: fill, titles: titles,
	}
	s.serve(w, r, l, status)
}

// The least and the most that ?maxlag= may ask for.
const (
	minMaxLag = 100 * time.Millisecond
	maxMaxLag = time.Minute
)

// How far timestamps may jump in a body for an element whose page does nothing but
// open it again, and the least and the most that ?el= may ask for.
const (
	elementJump = 500 * time.Millisecond
	minElement  = 100 * time.Millisecond
	maxElement  = time.Minute
)

// parseHow reads how a listener wants to be treated when it or the stream stumbles.
func parseHow(r *http.Request) (how stream.ListenOptions, err error) {
	q := r.URL.Query()
	switch v := q.Get("mode"); v {
	case "", "live":
	case "complete":
		how.Complete = true
	default:
		return how, refuse(http.StatusBadRequest, "mode is live or complete, got %.20q.", v)
	}
	switch v := q.Get("el"); v {
	case "", "0":
	case "1":
		how.Element = elementJump
	default:
		if how.Element, err = time.ParseDuration(v); err != nil || how.Element < minElement || how.Element > maxElement {
			return how, refuse(http.StatusBadRequest, "el is for media elements, which open the stream anew after a jump: 1, or from how far a jump on, a duration from %v to %v, as in ?el=3s; got %.20q.", minElement, maxElement, v)
		}
	}
	if v := q.Get("maxlag"); v != "" {
		if how.MaxLag, err = time.ParseDuration(v); err != nil || how.MaxLag < minMaxLag || how.MaxLag > maxMaxLag {
			return how, refuse(http.StatusBadRequest, "maxlag is a duration from %v to %v, as in ?maxlag=2s; got %.20q.", minMaxLag, maxMaxLag, v)
		}
	}
	return how, nil
}

// find waits for the stream that a path names and checks that it can be seen in
// the way the extension asks for.
func (s *Server) find(r *http.Request, a address) (*stream.Stream, stream.Playable, error) {
	wait, held, err := s.patience(r)
	if err != nil {
		return nil, stream.Playable{}, err
	}
	if wait, err = s.member(r.Context(), a.entry, wait); err != nil {
		return nil, stream.Playable{}, err
	}
	over, expected, err := s.gate.allow(toListen, a.entry, "")
	if err != nil {
		return nil, stream.Playable{}, err
	}
	if expected {
		wait = max(wait, held)
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(stream.ErrClosed) })()
	defer context.AfterFunc(over, func() { cancel(context.Cause(over)) })()
	if from := agreed(r.URL.Query(), a); expected && from != nil {
		return s.findOf(ctx, r, a, from, max(wait, held))
	}
	for {
		st, view, err := s.hub.OpenAs(ctx, a.entry, a.ext, wait, held)
		switch {
		case errors.Is(err, stream.ErrNotFound):
			return nil, stream.Playable{}, s.notFound(r, a, wait)
		case st == nil:
			return nil, stream.Playable{}, err
		case err == nil:
			return st, view, nil
		case !expected:
			return nil, stream.Playable{}, s.unplayable(st, a, err)
		}
		// In a call another format follows one that failed, under the same name.
		if !outlived(ctx, st, held) {
			return nil, stream.Playable{}, s.notFound(r, a, wait)
		}
	}
}

// member waits for somebody to come into a room that is open, and returns how long there
// is still to wait. Whether he has come, the gate says afterwards.
func (s *Server) member(ctx context.Context, entry string, wait time.Duration) (left time.Duration, err error) {
	for left = wait; left > 0; {
		news, missing := s.gate.missing(entry)
		if !missing {
			return left, nil
		}
		began, timeout := time.Now(), time.NewTimer(left)
		select {
		case <-news:
		case <-timeout.C:
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-s.ctx.Done():
			err = stream.ErrClosed
		}
		timeout.Stop()
		if err != nil {
			return 0, err
		}
		left -= time.Since(began)
	}
	return max(0, left), nil
}

// findOf is find for an element in a call, which gets what was agreed on.
func (s *Server) findOf(ctx context.Context, r *http.Request, a address, from *stream.Format, wait time.Duration) (*stream.Stream, stream.Playable, error) {
	st, err := s.hub.OpenOf(ctx, a.entry, from, wait)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, stream.Playable{}, s.notFound(r, a, wait)
	}
	if err != nil {
		return nil, stream.Playable{}, err
	}
	view, err := st.Playable(a.ext)
	if err != nil {
		return nil, stream.Playable{}, s.unplayable(st, a, err)
	}
	return st, view, nil
}

// agreed returns what must be published for an element in a call, which is told so
// where that is not what its path says (of=EXT), or nil if anything may be: it is not
// given what can be made of a format that was given up.
func agreed(q url.Values, a address) *stream.Format {
	if el := q.Get("el"); el == "" || el == "0" {
		return nil
	}
	if of := stream.ByExt(q.Get("of")); of != nil {
		return of
	}
	return stream.ByExt(a.ext)
}

// patience returns how long a request wants to wait for a stream, and for one
// whose name somebody holds.
func (s *Server) patience(r *http.Request) (wait, held time.Duration, err error) {
	v := r.URL.Query().Get("wait")
	switch d, err := time.ParseDuration(v); {
	case v == "" && r.Method == http.MethodHead:
		return 0, 0, nil // who only asks for headers wants to know how it is now
	case v == "":
		return 0, s.opt.Held, nil
	case err != nil || d < 0 || d > s.opt.MaxWait:
		return 0, 0, refuse(http.StatusBadRequest, "wait is a duration up to %v, as in ?wait=30s; got %.20q.", s.opt.MaxWait, v)
	default:
		return d, d, nil
	}
}

// outlived waits for a stream's end.
func outlived(ctx context.Context, st *stream.Stream, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		news := st.News()
		if st.Ended() {
			return true
		}
		select {
		case <-news:
		case <-ctx.Done():
			return false
		}
	}
}

// notFound says why there is nothing to play.
func (s *Server) notFound(r *http.Request, a address, waited time.Duration) *refusal {
	switch {
	case s.hub.Registered(a.entry):
		return refuse(http.StatusNotFound, "Somebody is connected to publish %s but has sent nothing that can be played yet; try again in a moment.", r.URL.Path)
	case waited > 0:
		return refuse(http.StatusNotFound, "Nobody has published %s within %v.", r.URL.Path, waited)
	}
	return refuse(http.StatusNotFound, "Nobody is publishing %s now; add ?wait=30s to wait for it.", r.URL.Path)
}

// headers sets what every endless body has.
func (s *Server) headers(h http.Header, st *stream.Stream, v stream.View) {
	h.Set("Content-Type", st.ContentType(v))
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Accept-Ranges", "none")
	edge, clock, _ := st.Edge()
	h.Set("Everfile-Edge", seconds(edge))   // media up to here is in the file
	h.Set("Everfile-Clock", seconds(clock)) // the server's clock since the stream began
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// options says what can be done with a path, and answers a preflight; the CORS
// headers are set for every answer.
func (s *Server) options(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	w.WriteHeader(http.StatusNoContent)
}

const allowed = "GET, HEAD, PUT, POST, OPTIONS"

// span is the part of the endless body that a Range header asks for.
type span struct {
	ranged bool
	length int64 // bytes; -1: no end
}

// knownLength is the longest range that is answered with its exact length; anything
// longer may be more than ever comes.
const knownLength = 64 << 10

// parseRange reads Range headers (RFC 9110, section 14). An endless file has no
// bytes to go back to, so every start above 0 is refused: answered with the
// whole, one engine would throw that many bytes away and wait.
func parseRange(headers []string) (span, error) {
	whole := span{length: -1}
	if len(headers) != 1 {
		return whole, nil
	}
	var first, last int64
	v := headers[0]
	switch n, _ := fmt.Sscanf(v+"\n", "bytes=%d-%d\n", &first, &last); {
	case n == 0, v[6] == '-', strings.Contains(v, ","): // another unit, a suffix, several: the whole
		return whole, nil
	case first > 0:
		return whole, refuse(http.StatusRequestedRangeNotSatisfiable, "This file never ends and starts now: only ranges from byte 0 exist, got %.60q. Ask without Range.", v).with("Content-Range", "bytes */*")
	case v == "bytes=0-":
		return whole, nil
	case v != fmt.Sprintf("bytes=0-%d", last) || last < 0 || last == math.MaxInt64:
		return whole, nil
	}
	return span{ranged: true, length: last + 1}, nil
}

// headers sets what the range changes and returns the status.
func (p span) headers(h http.Header) int {
	if !p.ranged {
		return http.StatusOK
	}
	h.Set("Content-Range", fmt.Sprintf("bytes 0-%d/*", p.length-1))
	if p.known() {
		h.Set("Content-Length", strconv.FormatInt(p.length, 10))
	}
	return http.StatusPartialContent
}

func (p span) known() bool { return p.ranged && p.length <= knownLength }
