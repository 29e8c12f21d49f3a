package relay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"everfile/stream"
)

// play answers GET and HEAD: the stream's headers, and for GET its body from
// the newest join on.
func (s *Server) play(w http.ResponseWriter, r *http.Request, a address) {
	st, view, err := s.find(r, a)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	span, err := parseRange(r.Header.Values("Range"))
	if err != nil {
		s.answer(w, r, err)
		return
	}
	pad, err := parsePad(r, st.Format(), s.opt.Log)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	s.headers(w.Header(), st, view)
	status := span.headers(w.Header())
	if r.Method == http.MethodHead {
		w.WriteHeader(status)
		return
	}
	l := &listening{
		server: s, entry: a.entry, from: r.RemoteAddr,
		stream: st, listener: st.Listen(stream.ListenOptions{Complete: r.URL.Query().Get("mode") == "complete"}),
		first: st.Header(view), left: span.length, pad: pad,
	}
	s.serve(w, r, l, status)
}

// find waits for the stream that a path names and checks that it can be seen in
// the way the extension asks for.
func (s *Server) find(r *http.Request, a address) (*stream.Stream, stream.View, error) {
	wait, held := time.Duration(0), s.opt.Held
	if v := r.URL.Query().Get("wait"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 || d > s.opt.MaxWait {
			return nil, stream.View{}, refuse(http.StatusBadRequest, "wait is a duration up to %v, as in ?wait=30s; got %.20q.", s.opt.MaxWait, v)
		}
		wait, held = d, d
	}
	if r.Method == http.MethodHead && r.URL.Query().Get("wait") == "" {
		held = 0 // who only asks for headers wants to know how it is now
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(stream.ErrClosed) })()
	st, err := s.hub.Open(ctx, a.entry, wait, held)
	if errors.Is(err, stream.ErrNotFound) {
		return nil, stream.View{}, s.notFound(r, a, wait)
	}
	if err != nil {
		return nil, stream.View{}, err
	}
	for _, conversion := range []string{"rate", "channels", "bits", "tracks"} {
		if r.URL.Query().Has(conversion) {
			return nil, stream.View{}, refuse(http.StatusNotAcceptable, "Nothing is converted here yet: ask without ?%s= and get the stream as it was published.", conversion)
		}
	}
	view, ok := st.Format().View(a.ext)
	if !ok {
		return nil, stream.View{}, refuse(http.StatusNotAcceptable, "This stream is %s and cannot be had as .%s; it can be played as: %s.", st.Format().Name, a.ext, views(a.entry, st.Format()))
	}
	return st, view, nil
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

// options answers a preflight; the CORS headers are set for every answer.
func (s *Server) options(w http.ResponseWriter) {
	w.Header().Set("Allow", allowed)
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
