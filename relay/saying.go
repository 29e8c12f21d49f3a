package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"everfile/relay/calls"
)

// What one POST to a line of events may bring.
const (
	maxSaying = 4 * calls.MaxMessage // bytes
	maxSaid   = burst                // messages
)

// saying is the body of a POST to a line of events: messages of which the first
// has that number, counted from 0 on each line. What was said before is passed
// over, so that it may be said again when no answer came.
type saying struct {
	First    int64             `json:"first"`
	Messages []json.RawMessage `json:"messages"`
	Close    int               `json:"close"` // the close code, when this is the last; 0: it is not
}

// controlPost takes what the other side of a line of events says. It is answered
// when the session has taken that, {"next":N}, N being the number of the message
// that is expected then; so who says too much waits for the answer.
func (s *Server) controlPost(w http.ResponseWriter, r *http.Request, id string) {
	e := s.lines.get(id)
	if e == nil {
		s.answer(w, r, errNoLine)
		return
	}
	select {
	case e.pong <- struct{}{}:
	default:
	}
	next, err := s.inTurn(w, r, e)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, r, "application/json", fmt.Appendf(nil, "{\"next\":%d}\n", next))
}

// inTurn reads what is said and hands it on, when those who came before have done so:
// who waits is held by nothing but its request.
func (s *Server) inTurn(w http.ResponseWriter, r *http.Request, e *events) (next int64, err error) {
	if err := e.await(r.Context()); err != nil {
		return 0, err
	}
	defer func() { <-e.turn }()
	said, err := s.readSaying(w, r)
	if err != nil {
		return 0, err
	}
	return e.take(r.Context(), said)
}

// await waits for the turn.
func (e *events) await(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-e.gone:
		return errNoLine
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errNoLine answers for every id that is not of an open line.
var errNoLine = refuse(http.StatusNotFound, "There is no such line, or it has ended; open another with new EventSource(\"/ws?via=events\").")

func (s *Server) readSaying(w http.ResponseWriter, r *http.Request) (said saying, err error) {
	body := &prompt{Reader: http.MaxBytesReader(w, r.Body, maxSaying), ctx: r.Context(), rc: http.NewResponseController(w), within: s.opt.PingWithin}
	b, err := io.ReadAll(body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return said, refuse(http.StatusRequestEntityTooLarge, "At most %d bytes are said at once.", maxSaying)
	case err != nil:
		return said, refuse(http.StatusBadRequest, "The body broke off after %d bytes: %v.", len(b), err)
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return said, refuse(http.StatusBadRequest, "What is said is {\"first\":N,\"messages\":[...]}; this is not JSON of that kind (%v).", err)
	}
	if len(said.Messages) > maxSaid || said.First < 0 {
		return said, refuse(http.StatusBadRequest, "At most %d messages are said at once, counted from 0; got %d from %d on.", maxSaid, len(said.Messages), said.First)
	}
	return said, nil
}

// take hands on what is new of what was said, in its order. The caller has the turn.
func (e *events) take(ctx context.Context, said saying) (next int64, err error) {
	if said.First > e.next {
		return 0, refuse(http.StatusConflict, "Message %d is expected here, and the first of these is %d.", e.next, said.First)
	}
	for _, m := range said.Messages[min(int64(len(said.Messages)), e.next-said.First):] {
		select {
		case e.in <- message{text: true, data: m}:
			e.next++
		case <-e.gone:
			return 0, errNoLine
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	if said.Close != 0 {
		e.hangUp(said.Close)
	}
	return e.next, nil
}
