package relay

//lint:file-ignore SA1019 The library is the one this project was asked to use.
// Its authors go on under another import path with the same interface; this is
// the only file that would change.

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"nhooyr.io/websocket"
)

// socket is a WebSocket of either side. One goroutine reads; any may write.
type socket struct {
	c       *websocket.Conn
	conn    *wire         // what it runs on; nil on the dialling side
	wait    time.Duration // how long the other side may take to answer a close
	writing chan struct{} // full while a message or a close frame is written
	buf     []byte

	protocol string // the sub-protocol that both sides speak; "" is none
}

// message is what one read gives; its data is valid until the next.
type message struct {
	text bool
	data []byte
}

// errTooBig is a message over the limit; the socket can still be closed with a reason.
var errTooBig = errors.New("message too large")

// isUpgrade reports whether a request is a whole WebSocket handshake's.
func isUpgrade(r *http.Request) bool {
	if r.ProtoMajor != 1 || !r.ProtoAtLeast(1, 1) || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	for _, v := range r.Header.Values("Connection") {
		for token := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
				return true
			}
		}
	}
	return false
}

// lostUpgrade reports whether a request was a handshake before a proxy took
// something from it.
func lostUpgrade(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header.Get("Sec-WebSocket-Key") != "" && !isUpgrade(r)
}

// accept takes a socket of any origin; whether the origin may is asked before,
// so that the refusal can be a close code. The other side may take as long as wait
// to answer a close. It speaks the first of the sub-protocols that the other side
// asks for, if it asks for any.
func accept(w http.ResponseWriter, r *http.Request, wait time.Duration, protocols ...string) (*socket, error) {
	keep := &hijackKeeper{ResponseWriter: w}
	c, err := websocket.Accept(keep, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: protocols})
	if err != nil {
		return nil, err
	}
	c.SetReadLimit(-1) // read bounds it, and says so in its own words
	return &socket{c: c, conn: keep.conn, wait: wait, writing: make(chan struct{}, 1), protocol: c.Subprotocol()}, nil
}

// hijackKeeper remembers the connection that the library is given.
type hijackKeeper struct {
	http.ResponseWriter
	conn *wire
}

func (k *hijackKeeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

func (k *hijackKeeper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(k.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	k.conn = &wire{Conn: conn}
	rw.Writer.Reset(k.conn) // it is empty, and knows only the bare connection
	return k.conn, rw, nil
}

// wire is a socket's connection, made stricter than the library is.
type wire struct {
	net.Conn
	got     atomic.Int64 // bytes, of messages that are not whole yet, too
	closing atomic.Bool  // our own close frame is the next thing to be written
	closed  atomic.Bool  // it has been
}

// Read calls the connection's end an error: the library takes io.EOF in the
// middle of a message for that message's end.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.got.Add(int64(n))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Write drops what would follow our close frame: the library answers the
// other side's answer to it with another one, at which browsers fail the
// connection and tell their page 1006 instead of our code and reason.
func (w *wire) Write(b []byte) (int, error) {
	if w.closed.Load() {
		return len(b), nil
	}
	if w.closing.Load() && len(b) > 0 && b[0] == closeFrame {
		w.closed.Store(true)
	}
	return w.Conn.Write(b)
}

// closeFrame begins a close frame, which the library writes in one piece (RFC
// 6455, section 5.5.1).
const closeFrame = 0x88

// dial connects to ws:, wss:, http: or https: URLs, and asks for sub-protocols.
func dial(ctx context.Context, url string, client *http.Client, protocols ...string) (*socket, error) {
	c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: client, Subprotocols: protocols})
	if err != nil {
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		return nil, err
	}
	c.SetReadLimit(-1)
	return &socket{c: c, writing: make(chan struct{}, 1), protocol: c.Subprotocol()}, nil
}

// read waits for a whole message of at most limit bytes. A message whose
// connection broke is discarded whole. Cancelling ctx breaks the connection.
func (c *socket) read(ctx context.Context, limit int) (message, error) {
	typ, r, err := c.c.Reader(ctx)
	if err != nil {
		return message{}, err
	}
	if cap(c.buf) > max(4<<10, limit/16) {
		c.buf = nil // a rare large message must not be kept for good
	}
	c.buf = c.buf[:0]
	for {
		if len(c.buf) == cap(c.buf) {
			c.buf = append(c.buf, 0)[:len(c.buf)]
		}
		n, err := r.Read(c.buf[len(c.buf):min(cap(c.buf), limit+1)]) // it waits until that is full
		c.buf = c.buf[:len(c.buf)+n]
		if len(c.buf) > limit {
			return message{}, errTooBig
		}
		if errors.Is(err, io.EOF) {
			return message{text: typ == websocket.MessageText, data: c.buf}, nil
		}
		if err != nil {
			return message{}, err
		}
	}
}

func (c *socket) writeText(ctx context.Context, b []byte) error {
	return c.write(ctx, websocket.MessageText, b)
}

func (c *socket) writeBinary(ctx context.Context, b []byte) error {
	return c.write(ctx, websocket.MessageBinary, b)
}

func (c *socket) write(ctx context.Context, typ websocket.MessageType, b []byte) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.writing }()
	return c.c.Write(ctx, typ, b)
}

// ping returns when the other side has answered; somebody must be reading.
func (c *socket) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return c.c.Ping(ctx)
}

// closed returns the code and reason with which the other side closed, or 0.
func closed(err error) (code int, reason string) {
	var up hungUp
	if errors.As(err, &up) {
		return int(up), ""
	}
	var ce websocket.CloseError
	if errors.As(err, &ce) {
		return int(ce.Code), ce.Reason
	}
	return 0, ""
}

// close says why and waits a moment for the answer. The reason must fit. The
// library's own bound does not hold while it reads the rest of a message, which
// may be of any size.
func (c *socket) close(code int, reason string) {
	if c.conn != nil {
		_ = c.conn.SetDeadline(time.Now().Add(c.wait)) // a closed connection shows next
		c.writing <- struct{}{}                        // so that no message's middle looks like a close frame
		defer func() { <-c.writing }()
		c.conn.closing.Store(true)
	}
	_ = c.c.Close(websocket.StatusCode(code), reason) // the connection is gone either way
}

// abandon closes without a word.
func (c *socket) abandon() { _ = c.c.CloseNow() }
