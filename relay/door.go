package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errFinished = errors.New("the body is complete")
	errGone     = errors.New("the other side has gone")
)

// finished says whether an error of Next is a clean end.
func finished(err error) error {
	if errors.Is(err, io.EOF) {
		return errFinished
	}
	return err
}

// door writes one body. All methods are called by the listener's goroutine.
type door interface {
	name() string
	// write sends a vector, which may be empty, in one write if it can. The
	// vector's buffers are used up.
	write(v *vector, now time.Time) error
	// drained reports whether the network has taken all that was written.
	drained() bool
	// gone reports whether the other side has closed the connection.
	gone() bool
	// close ends the body; clean says that it is complete.
	close(clean bool)
	// abort breaks a write that may be under way. Any goroutine may call it.
	abort()
}

// openDoor picks the cheapest way to write a response of a protocol. One of exact
// length is net/http's, which keeps the connection for the next request: Apple's
// players ask for two bytes before they ask for the file.
func (s *Server) openDoor(w http.ResponseWriter, r *http.Request, status int, exact bool) (door, error) {
	rc := http.NewResponseController(w)
	if r.ProtoMajor != 1 || exact {
		w.WriteHeader(status)
		return &flushDoor{w: w, rc: rc, ctx: r.Context(), stall: s.opt.Stall}, nil
	}
	conn, _, err := rc.Hijack()
	if err != nil {
		w.WriteHeader(status)
		return &flushDoor{w: w, rc: rc, ctx: r.Context(), stall: s.opt.Stall}, nil
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, err
	}
	chunked := r.ProtoAtLeast(1, 1)
	h := &hijacked{conn: conn, stall: s.opt.Stall, chunked: chunked, head: responseHead(w.Header(), r, status, chunked)}
	if t, ok := conn.(*tls.Conn); ok {
		h.raw = rawConn(t.NetConn())
		return &tlsDoor{hijacked: h, bare: t.NetConn()}, nil
	}
	h.raw = rawConn(conn)
	h.patient = true
	return &tcpDoor{hijacked: h}, nil
}

// responseHead is the status line and headers of a hijacked response.
func responseHead(h http.Header, r *http.Request, status int, chunked bool) []byte {
	var b bytes.Buffer
	version := "1.1"
	if !r.ProtoAtLeast(1, 1) {
		version = "1.0"
	}
	fmt.Fprintf(&b, "HTTP/%s %d %s\r\n", version, status, http.StatusText(status))
	if chunked {
		h.Set("Transfer-Encoding", "chunked")
	}
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	_ = h.Write(&b) // a bytes.Buffer does not fail
	b.WriteString("\r\n")
	return b.Bytes()
}

// hijacked is what the two doors on a connection of their own share.
type hijacked struct {
	conn    net.Conn
	raw     connState
	head    []byte // until it is sent
	chunked bool
	stall   time.Duration
	patient bool      // a write goes on after its deadline, see patiently
	renewed time.Time // when the deadline was last set
	aborted atomic.Bool
}

// deadline renews the write deadline, thirty times in stall at most: it costs as
// much as a sixth of a write.
func (h *hijacked) deadline(now time.Time) error {
	if now.Sub(h.renewed) < h.stall/30 {
		return nil
	}
	h.renewed = now
	limit := h.stall
	if h.patient {
		limit /= patientWrites
	}
	if err := h.conn.SetWriteDeadline(now.Add(limit)); err != nil {
		return err
	}
	if h.aborted.Load() { // asked after, so that an abort is never overruled
		return errGone
	}
	return nil
}

func (h *hijacked) drained() bool { return h.raw.unsent() == 0 }
func (h *hijacked) gone() bool    { return h.raw.closed() }

func (h *hijacked) abort() {
	h.aborted.Store(true)
	_ = h.conn.SetDeadline(time.Unix(1, 0))
}

func (h *hijacked) close(clean bool) {
	if clean {
		end := h.head // if nothing came, not even a header
		if h.chunked {
			end = append(end, "0\r\n\r\n"...)
		}
		if h.deadline(time.Now()) == nil { // a crew may have left none
			_, _ = h.conn.Write(end) // it is over either way
		}
	}
	_ = h.conn.Close()
}

// frame puts the response's head and the chunk's size before the vector, and
// what ends the chunk behind it. size is scratch for the chunk's size line.
func (h *hijacked) frame(v *vector, size *[20]byte) {
	pre := h.head
	h.head = nil
	if h.chunked && v.size > 0 {
		line := strconv.AppendInt(size[:0], int64(v.size), 16)
		line = append(line, "\r\n"...)
		v.bufs = append(v.bufs, crlf)
		if pre != nil {
			line = append(pre, line...)
		}
		pre = line
	}
	if pre != nil {
		v.bufs = slices.Insert(v.bufs, 0, pre)
	}
}

var crlf = []byte("\r\n")

// tcpDoor sends each vector by one system call. That works only on the bare
// connection: through any wrapper it becomes a call per buffer.
type tcpDoor struct {
	*hijacked
	size [20]byte
	bufs net.Buffers
}

func (d *tcpDoor) name() string { return "tcp" }

func (d *tcpDoor) write(v *vector, now time.Time) error {
	d.frame(v, &d.size)
	if len(v.bufs) == 0 {
		return nil
	}
	if err := d.deadline(now); err != nil {
		return err
	}
	d.bufs = v.bufs
	err := d.patiently(func() (int64, error) { return d.bufs.WriteTo(d.conn) })
	d.bufs = nil
	return err
}

// patientWrites is how many writes that take nothing make a stall.
const patientWrites = 3

// patiently repeats a write that goes on where it stopped, for as long as the
// other side takes anything: who is slow is not gone. The kernel takes more only in
// large steps, so what it has still to send tells as well. A connection that takes
// nothing is reset.
func (d *tcpDoor) patiently(write func() (int64, error)) error {
	for idle := 0; ; {
		unsent := d.raw.unsent()
		n, err := write()
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if idle++; n > 0 || d.raw.unsent() < unsent {
			idle = 0
		}
		if idle == patientWrites {
			resetOnClose(d.conn)
			return err
		}
		d.renewed = time.Time{}
		if err := d.deadline(time.Now()); err != nil {
			return err
		}
	}
}

// shareable reports whether a crew may write to this door: nothing but chunks is
// to come, and the kernel can be asked to take what it can.
func (d *tcpDoor) shareable() bool { return d.chunked && d.head == nil && d.raw.canWrite() }

// undeadline takes the write deadline away: a crew's writes do not wait.
func (d *tcpDoor) undeadline() bool {
	d.renewed = time.Time{}
	err := d.conn.SetWriteDeadline(time.Time{})
	if d.aborted.Load() { // asked after, so that an abort is never overruled
		d.abort()
		return false
	}
	return err == nil
}

// writeRest writes the rest of a chunk that a crew could not, and may wait.
func (d *tcpDoor) writeRest(b []byte) error {
	if err := d.deadline(time.Now()); err != nil {
		return err
	}
	return d.patiently(func() (int64, error) {
		n, err := d.conn.Write(b)
		b = b[n:]
		return int64(n), err
	})
}

// resetOnClose has a connection's close throw away what is not sent: the kernel
// would keep that, and wait, for minutes.
func resetOnClose(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // it is closed either way
	}
}

// maxRecord is the most that a TLS record holds; a write of one is one record.
const maxRecord = 16 << 10

// tlsDoor sends each vector in as few records as it fits into.
type tlsDoor struct {
	*hijacked
	bare net.Conn
}

var records = sync.Pool{New: func() any { b := make([]byte, 0, maxRecord); return &b }}

func (d *tlsDoor) name() string { return "tls" }

// close says goodbye only at a clean end: a connection that takes nothing would
// keep the goodbye waiting.
func (d *tlsDoor) close(clean bool) {
	if !clean {
		resetOnClose(d.bare)
		_ = d.bare.Close()
		return
	}
	d.hijacked.close(true)
}

func (d *tlsDoor) write(v *vector, now time.Time) error {
	var size [20]byte
	d.frame(v, &size)
	if len(v.bufs) == 0 {
		return nil
	}
	return coalesce(v.bufs, maxRecord, func(b []byte) error {
		if err := d.deadline(time.Now()); err != nil { // each record has its time: a TLS write that failed cannot go on
			return err
		}
		_, err := d.conn.Write(b)
		return err
	})
}

// coalesce copies buffers together and writes them in pieces of at most limit.
func coalesce(bufs [][]byte, limit int, write func([]byte) error) error {
	p := records.Get().(*[]byte)
	defer records.Put(p)
	b := (*p)[:0]
	for _, buf := range bufs {
		for len(buf) > 0 {
			n := min(limit-len(b), len(buf))
			b = append(b, buf[:n]...)
			buf = buf[n:]
			if len(b) == limit {
				if err := write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
	}
	if len(b) > 0 {
		return write(b)
	}
	return nil
}
