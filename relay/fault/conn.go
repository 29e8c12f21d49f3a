package fault

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a connection in memory. It ends as TCP does: by Close the
// other end gets what is under way and then io.EOF; by Close after SetLinger(0)
// what is under way is lost and the other end gets ECONNRESET.
type conn struct {
	in, out       *half
	local, remote address

	mu     sync.Mutex // protects below
	abrupt bool
	closed bool
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *conn) LocalAddr() net.Addr         { return c.local }
func (c *conn) RemoteAddr() net.Addr        { return c.remote }

// SetLinger makes Close a reset if seconds is 0.
func (c *conn) SetLinger(seconds int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abrupt = seconds == 0
	return nil
}

// CloseWrite ends what this end writes.
func (c *conn) CloseWrite() error {
	c.out.change(func() { c.out.finished = true })
	return nil
}

func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	for _, h := range []*half{c.in, c.out} {
		h.change(func() {
			h.reset = h.reset || c.abrupt
			h.finished = h.finished || h == c.out
			h.deaf = h.deaf || h == c.in
			if h == c.in {
				h.buf = nil
			}
		})
	}
	c.in.forget(&c.in.readBy)
	c.out.forget(&c.out.writtenBy)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // neither fails
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.bound(&c.in.readBy, t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.out.bound(&c.out.writtenBy, t)
	return nil
}

// half is one direction of a connection.
type half struct {
	size int

	mu        sync.Mutex // protects below
	news      *sync.Cond
	buf       []byte
	finished  bool // nothing more is written
	deaf      bool // nothing more is read
	reset     bool
	readBy    deadline
	writtenBy deadline
}

type deadline struct {
	timer *time.Timer
	over  bool
}

func newHalf(size int) *half {
	h := &half{size: size}
	h.news = sync.NewCond(&h.mu)
	return h
}

// change runs f under the lock and wakes whoever waits.
func (h *half) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.news.Broadcast()
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.deaf:
			return 0, net.ErrClosed
		case h.readBy.over:
			return 0, os.ErrDeadlineExceeded
		case h.reset:
			return 0, syscall.ECONNRESET
		case len(b) == 0:
			return 0, nil
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[n:]
			h.news.Broadcast()
			return n, nil
		case h.finished:
			return 0, io.EOF
		}
		h.news.Wait()
	}
}

func (h *half) write(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch room := h.size - len(h.buf); {
		case h.finished:
			return n, net.ErrClosed
		case h.writtenBy.over:
			return n, os.ErrDeadlineExceeded
		case h.reset:
			return n, syscall.ECONNRESET
		case h.deaf:
			return n, syscall.EPIPE
		case len(b) == 0:
			return n, nil
		case room > 0:
			k := min(room, len(b))
			h.buf = append(h.buf, b[:k]...)
			n, b = n+k, b[k:]
			h.news.Broadcast()
			continue
		}
		h.news.Wait()
	}
}

// bound sets one of the half's deadlines.
func (h *half) bound(d *deadline, t time.Time) {
	h.forget(d)
	h.change(func() {
		wait := time.Until(t)
		d.over = !t.IsZero() && wait <= 0
		if t.IsZero() || d.over {
			return
		}
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			h.change(func() { d.over = d.over || d.timer == timer })
		})
		d.timer = timer
	})
}

// forget takes a deadline away.
func (h *half) forget(d *deadline) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.over = nil, false
}
