package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// viaEvents asks for a line of events (HTML, section 9.2, Server-sent events).
const viaEvents = "events"

// eventsPing is the longest pause in a line of events: proxies know nothing of
// what it is for, and some cut what is silent for half a minute.
const eventsPing = 15 * time.Second

// events is a control line where WebSockets are missing or do not get through:
// the server's side is one endless response, the other's are POSTs that name the
// line's secret id (saying.go).
//
// The first event is "line", {"id":ID}; then each message is one without a name,
// "ping" wants a POST in answer, and the last is "bye", {"code":N,"reason":S},
// the close code and reason of a socket.
type events struct {
	id   string
	w    http.ResponseWriter
	rc   *http.ResponseController
	lost <-chan struct{} // closed when nobody reads the events any more
	wait time.Duration   // how long the last event may take

	writing chan struct{} // full while an event is written
	in      chan message  // taken by read
	turn    chan struct{} // full while a POST is at work; next is its
	next    int64         // number of the message that is expected
	pong    chan struct{} // has something after a POST
	gone    chan struct{} // closed at the end

	once sync.Once
	code int // with which the other side closed, or 0; set before gone is closed
}

// openLines are the lines of events that there are, by their ids. Any goroutine may
// call its methods.
type openLines struct {
	mu  sync.Mutex // protects below
	all map[string]*events
}

func (l *openLines) add(e *events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]*events{}
	}
	l.all[e.id] = e
}

func (l *openLines) remove(e *events) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, e.id)
}

func (l *openLines) get(id string) *events {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[id]
}

// controlEvents is a session over a line of events, which lasts as long as the
// request.
func (s *Server) controlEvents(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform") // a proxy that compresses it would collect it
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	e := &events{
		id: rand.Text(), w: w, lost: r.Context().Done(), rc: http.NewResponseController(w), wait: s.opt.CloseWait,
		writing: make(chan struct{}, 1), in: make(chan message), turn: make(chan struct{}, 1),
		pong: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	// A page that is left says goodbye by a POST, which the end of its event stream
	// may overtake.
	defer context.AfterFunc(r.Context(), func() {
		select {
		case <-time.After(s.opt.Parting):
			e.abandon()
		case <-e.gone:
		}
	})()
	s.lines.add(e)
	defer s.lines.remove(e)
	hello, stop := context.WithTimeout(s.ctx, s.opt.PingWithin)
	defer stop()
	id, err := json.Marshal(map[string]string{"id": e.id})
	if err != nil || e.write(hello, "line", id) != nil {
		return
	}
	s.talk(s.ctx, e, min(s.opt.PingEvery, eventsPing), "")
	e.abandon()
	_ = e.rc.SetWriteDeadline(time.Time{}) // the connection may serve other requests
}

// read waits for what a POST brings.
func (e *events) read(ctx context.Context, limit int) (message, error) {
	select {
	case m := <-e.in:
		if len(m.data) > limit {
			return message{}, errTooBig
		}
		return m, nil
	case <-e.gone:
		return message{}, hungUp(e.code)
	case <-ctx.Done():
		return message{}, context.Cause(ctx)
	}
}

// writeText writes a message without line breaks, as our JSON is.
func (e *events) writeText(ctx context.Context, b []byte) error { return e.write(ctx, "", b) }

// write writes an event and sends it; one that does not get away before ctx ends
// is the line's end.
func (e *events) write(ctx context.Context, name string, data []byte) error {
	select {
	case e.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-e.writing }()
	switch {
	case isClosed(e.gone):
		return io.ErrClosedPipe
	case isClosed(e.lost):
		return nil // it may be about to say goodbye
	}
	deadline, _ := ctx.Deadline()
	_ = e.rc.SetWriteDeadline(deadline) // a closed connection shows next
	torn := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(torn)
		_ = e.rc.SetWriteDeadline(time.Now())
	})
	defer func() {
		if !stop() {
			<-torn // the response is nobody's any more when its handler has returned
		}
	}()
	if name != "" {
		name = "event: " + name + "\n"
	}
	if _, err := fmt.Fprintf(e.w, "%sdata: %s\n\n", name, data); err != nil {
		return err
	}
	return e.rc.Flush()
}

// ping has the other side POST.
func (e *events) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	select {
	case <-e.pong: // an older one
	default:
	}
	if err := e.write(ctx, "ping", []byte("{}")); err != nil {
		return err
	}
	select {
	case <-e.pong:
		return nil
	case <-e.gone:
		return hungUp(e.code)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// closeWith tells the last event.
func (e *events) closeWith(no *refusal) {
	b, err := json.Marshal(bye{no.closing(), no.text})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), e.wait)
		defer cancel()
		_ = e.write(ctx, "bye", b) // the connection is gone either way
	}
	e.abandon()
}

// bye is the data of the last event.
type bye struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

func (e *events) abandon() { e.hangUp(0) }

// hangUp ends the line with the code that the other side gave, if it did.
func (e *events) hangUp(code int) {
	e.once.Do(func() {
		e.code = code
		close(e.gone)
	})
}
