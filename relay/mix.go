package relay

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"everfile/relay/calls"
	"everfile/stream"
)

// maxWithout is how many names ?without= may have.
const maxWithout = 16

// mixes serves /ROOM/mix.wav, everybody of a room in one file, to those who want to
// read it. It reports whether the request is for that; publishing it is not.
func (s *Server) mixes(w http.ResponseWriter, r *http.Request) bool {
	a, err := parsePath(r.URL)
	room, ok := a.mixed()
	if err != nil || !ok || isUpgrade(r) {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		s.playMix(w, r, a, room)
	case http.MethodOptions:
		s.options(w, readable)
	default:
		return false
	}
	return true
}

// playMix is play for a room's mix.
func (s *Server) playMix(w http.ResponseWriter, r *http.Request, a address, room string) {
	st, release, err := s.mix(r, room)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	defer release()
	view, err := st.Playable(a.ext)
	if err != nil {
		s.answer(w, r, s.unplayable(st, a, err))
		return
	}
	w.Header()["Link"] = s.alternates(st, a)
	s.playAs(w, r, a, view, func() (*stream.Stream, func(), error) { return st, func() {}, nil })
}

// mix returns the mix that a request is for, and what to call when somebody listens to
// it or nobody will.
func (s *Server) mix(r *http.Request, room string) (*stream.Stream, func(), error) {
	as, err := parseConversion(r)
	if err != nil {
		return nil, nil, err
	}
	if as.Tracks == stream.Video {
		return nil, nil, soundOnly()
	}
	without, err := parseWithout(r.URL.Query())
	if err != nil {
		return nil, nil, err
	}
	over, err := s.findRoom(r, room)
	if err != nil {
		return nil, nil, err
	}
	return s.hub.Mix(over, stream.MixOptions{Room: room, Without: without, As: as, Ask: s.demand.ask})
}

// parseWithout reads who is not to be heard.
func parseWithout(q url.Values) (names []string, err error) {
	for _, v := range q["without"] {
		for name := range strings.SplitSeq(v, ",") {
			if !calls.ValidName(name) && !isScreen(name) {
				return nil, refuse(http.StatusBadRequest, "without says who of the room is not to be heard, names of 1 to %d of A-Z a-z 0-9 _ -, as in ?without=alice,bob; got %.80q.", maxName, name)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			if len(names) > maxWithout {
				return nil, refuse(http.StatusBadRequest, "without has %d names at the most.", maxWithout)
			}
		}
	}
	return names, nil
}

// findRoom waits for a room, if the request has the patience: until it is opened, or
// somebody publishes in it. The context that it returns ends with the room, if that
// was opened.
func (s *Server) findRoom(r *http.Request, room string) (over context.Context, err error) {
	over, open, err := s.gate.room(room)
	if err != nil || open {
		return over, err
	}
	wait, _, err := s.patience(r)
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Get("wait") == "" {
		wait = 0 // nobody holds a room
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.ctx, func() { cancel(stream.ErrClosed) })()
	err = s.hub.AwaitRoom(ctx, room, wait)
	if over, open, gone := s.gate.room(room); open || gone != nil { // it was opened meanwhile, though nobody sends
		return over, gone
	}
	switch {
	case errors.Is(err, stream.ErrNotFound) && wait > 0:
		return nil, refuse(http.StatusNotFound, "Nobody has published in the room %s within %v.", room, wait)
	case errors.Is(err, stream.ErrNotFound):
		return nil, refuse(http.StatusNotFound, "Nobody is publishing in the room %s now; add ?wait=30s to wait for somebody.", room)
	case err != nil:
		return nil, err
	}
	return over, nil
}
