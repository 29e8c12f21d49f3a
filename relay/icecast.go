package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"everfile/stream"
)

// methodSource is the verb of Icecast's sources before they learnt PUT.
const methodSource = "SOURCE"

// untilClose reports whether a request is an Icecast source's whose body goes on
// until the connection closes. net/http takes a request without a length for one
// without a body; so it is, by the letter, and a PUT or POST therefore needs a
// second sign.
func untilClose(r *http.Request) bool {
	if r.ProtoMajor != 1 || len(r.TransferEncoding) > 0 {
		return false
	}
	if r.Method == methodSource {
		return true
	}
	if r.Method != http.MethodPut && r.Method != http.MethodPost || r.Header.Get("Content-Length") != "" || isForm(r) {
		return false
	}
	_, _, auth := r.BasicAuth()
	return auth || r.Header.Get("Expect") != "" || hasIce(r.Header)
}

// unannounced reports whether a request is that of a source which does not say who
// it is before it is asked. Some try so first, with an empty body, and take any other
// answer for the end.
func unannounced(r *http.Request) bool {
	key, err := keyOf(r)
	if key != "" || err != nil || r.Header.Get("Authorization") != "" {
		return false
	}
	return r.Method == methodSource || r.Header.Get("Content-Length") == "0" && hasIce(r.Header)
}

// hasIce reports whether there is a header that only sources send.
func hasIce(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, "Ice-") || strings.HasPrefix(name, "Icy-") {
			return true
		}
	}
	return false
}

// source is the connection of a publisher who is done when it closes.
type source struct {
	conn   net.Conn
	body   io.Reader   // the connection, after what was read ahead of it
	legacy bool        // it has been answered before it sent anything
	minor  int         // of the version of its HTTP/1
	header http.Header // of every answer
	first  *time.Timer // ends the wait for the first byte; nil when that has come
	within time.Duration
}

// publishSource appends what comes until the connection closes. The name is asked
// for before the connection is taken, and nothing is sent before it is granted.
func (s *Server) publishSource(w http.ResponseWriter, r *http.Request, a address) {
	contentType := r.Header.Get("Content-Type")
	p, err := s.openBody(r, a, contentType)
	c, lost := takeSource(w, r)
	if lost != nil {
		if p != nil {
			p.Fail()
		}
		s.opt.Log.Debug("a source was lost before it began", "entry", logged(a.entry), "err", lost)
		return
	}
	defer c.conn.Close()
	defer context.AfterFunc(s.ctx, func() { c.conn.Close() })()
	if err != nil {
		s.dismiss(c, err)
		return
	}
	ctx, stop := untilGone(r.Context(), p, c.wake)
	defer stop()
	c.legacy = r.Method == methodSource
	c.welcome(r, s.opt.Stall)
	c.within = s.opt.Hello
	c.first = time.AfterFunc(c.within, c.wake)
	defer c.first.Stop()
	n, err := s.appendBody(ctx, p, a, c, false)
	switch {
	case c.legacy: // it does not listen any more
	case err != nil:
		s.dismiss(c, unnamed(err, a, contentType))
	default:
		c.answer(http.StatusOK, thanks(n), s.opt.Stall)
	}
}

// takeSource takes the connection from net/http.
func takeSource(w http.ResponseWriter, r *http.Request) (*source, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	ahead, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &source{conn: conn, body: io.MultiReader(bytes.NewReader(ahead), conn), minor: r.ProtoMinor, header: w.Header()}, nil
}

// welcome tells the source that it may send, if it waits for that.
func (c *source) welcome(r *http.Request, within time.Duration) {
	text := ""
	switch {
	case c.legacy:
		text = "HTTP/1.0 200 OK\r\n\r\n"
	case strings.EqualFold(r.Header.Get("Expect"), "100-continue"):
		text = "HTTP/1.1 100 Continue\r\n\r\n"
	default:
		return
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(within))
	_, _ = io.WriteString(c.conn, text) // a closed connection shows at the next read
}

// Read reads on. A source that sends nothing at all does not hold its name for long.
func (c *source) Read(b []byte) (int, error) {
	n, err := c.body.Read(b)
	if n > 0 && c.first != nil && c.first.Stop() {
		c.first = nil
	}
	if c.first != nil && (n > 0 || errors.Is(err, os.ErrDeadlineExceeded)) { // it comes as the time is over, or never
		err = refuse(http.StatusRequestTimeout, "Nothing came in %v; send the stream's first bytes at once.", c.within)
	}
	return n, err
}

// wake ends a read that waits. Any goroutine may call it.
func (c *source) wake() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) }

// answer sends the whole answer.
func (c *source) answer(status int, text string, within time.Duration) {
	text += "\n"
	c.header.Set("Content-Type", "text/plain; charset=utf-8")
	c.header.Set("X-Content-Type-Options", "nosniff")
	c.header.Set("Cache-Control", "no-store")
	c.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	resp := http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: c.minor, Header: c.header, Close: true,
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(within))
	_ = resp.Write(c.conn) // whoever has left does not want it
}

// dismiss answers with a refusal. What still comes is thrown away for a moment, so
// that the connection's end does not overtake the answer.
func (s *Server) dismiss(c *source, err error) {
	no := refusalOf(err)
	for k, v := range no.header {
		c.header[k] = v
	}
	c.answer(no.status, no.text, s.opt.Stall)
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && !errors.Is(err, stream.ErrClosed) {
		_ = half.CloseWrite()
		_ = c.conn.SetReadDeadline(time.Now().Add(s.opt.Drain))
		_, _ = io.Copy(io.Discard, c.body)
	}
}

// notAlone is the answer to a SOURCE that says where its body ends.
func notAlone() *refusal {
	return refuse(http.StatusMethodNotAllowed, "%s sends until it closes the connection, by HTTP/1 and unchunked; otherwise PUT it.", methodSource).with("Allow", allowed)
}
