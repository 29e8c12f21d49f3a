package fault

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// readSize bounds what is taken at once, and with it how unevenly a limited rate
// passes.
const readSize = 1 << 10

// apart is how far apart the pieces of a split write are: long enough that each
// is read by itself.
const apart = 50 * time.Microsecond

// passage is a connection that is being passed on.
type passage struct {
	proxy     *Proxy
	near, far net.Conn // who dialled, and who was wanted
	head      string   // its first bytes
	silent    atomic.Bool
	cut       atomic.Bool // by an event: what was taken is still delivered
}

// parcel is bytes on their way, or what ends a direction.
type parcel struct {
	b   []byte
	due time.Time
	end func(net.Conn) // done to the receiver; nil: b is delivered
}

// run passes both directions and returns when both are over.
func (c *passage) run(plan Plan) {
	up := &direction{c: c, up: true, src: c.near, dst: c.far, line: plan.Up, taken: []byte(c.head), queue: make(chan parcel, 1024)}
	down := &direction{c: c, src: c.far, dst: c.near, line: plan.Down, queue: make(chan parcel, 1024)}
	var work sync.WaitGroup
	for _, d := range []*direction{up, down} {
		work.Go(d.take)
		work.Go(d.give)
	}
	work.Wait()
}

// close closes both ends.
func (c *passage) close() {
	c.near.Close()
	c.far.Close()
}

// direction takes bytes from one end and gives them to the other.
type direction struct {
	c        *passage
	up       bool
	src, dst net.Conn
	line     Line
	taken    []byte // read, and still to be passed on
	passed   int64
	framing  framing
	queue    chan parcel
}

// take reads until the direction is over, and makes its events happen.
func (d *direction) take() {
	defer close(d.queue)
	buf := make([]byte, readSize)
	for {
		for d.due() {
			e := d.line.Events[0]
			d.line.Events = d.line.Events[1:]
			if !d.suffer(e) {
				return
			}
		}
		n, err := d.read(buf)
		if n > 0 && !d.c.proxy.allow(d.c.head, d.up, n) {
			return
		}
		if n > 0 && !d.c.silent.Load() {
			d.put(parcel{b: slices.Clone(buf[:n])})
		}
		if err != nil {
			d.ended(err)
			return
		}
	}
}

// due reports whether the next event's place has come.
func (d *direction) due() bool {
	return len(d.line.Events) > 0 && d.line.Events[0].due(d.passed, &d.framing)
}

// read reads until the next event's place at the most; what came after that is
// kept.
func (d *direction) read(b []byte) (n int, err error) {
	if len(d.taken) > 0 {
		n = copy(b, d.taken)
		d.taken = d.taken[n:]
	} else {
		n, err = d.src.Read(b)
	}
	for i, c := range b[:n] {
		d.passed++
		d.framing.step(c)
		if d.due() {
			d.taken = append(slices.Clone(b[i+1:n]), d.taken...)
			return i + 1, nil // an error comes again
		}
	}
	return n, err
}

func (d *direction) put(p parcel) {
	p.due = time.Now().Add(d.line.Delay)
	select {
	case d.queue <- p:
	case <-d.c.proxy.ctx.Done():
	}
}

// suffer makes an event happen and reports whether the direction goes on.
func (d *direction) suffer(e Event) bool {
	switch e.Kind {
	case Stall:
		return sleep(d.c.proxy.ctx, e.For)
	case Cut:
		d.c.cut.Store(true)
		d.src.Close()
		d.put(parcel{end: func(c net.Conn) { c.Close() }})
	case Reset:
		reset(d.src)
		reset(d.dst)
	case HalfClose:
		d.put(parcel{end: closeWrite})
		_, _ = io.Copy(io.Discard, d.src) // until it ends in whatever way
	case Silence:
		d.c.silent.Store(true)
		_, _ = io.Copy(io.Discard, d.src) // until it ends in whatever way
	}
	return false
}

// ended tells the receiver how the sender has ended.
func (d *direction) ended(err error) {
	switch {
	case d.c.silent.Load(), d.c.cut.Load(), errors.Is(err, net.ErrClosed): // the last by us
	case errors.Is(err, io.EOF):
		d.put(parcel{end: closeWrite})
	default:
		reset(d.dst)
	}
}

// give delivers what was taken.
func (d *direction) give() {
	pieces, lost := d.line.Pieces, false
	for p := range d.queue {
		ok := sleep(d.c.proxy.ctx, time.Until(p.due))
		if !ok || lost {
			continue
		}
		if p.end != nil {
			p.end(d.dst)
			continue
		}
		var err error
		if pieces, err = d.write(p.b, pieces); err != nil {
			lost = true
			if !d.c.cut.Load() && !d.c.silent.Load() {
				d.src.Close()
			}
		}
	}
}

// write delivers bytes in as many writes as there are pieces for them.
func (d *direction) write(b []byte, pieces []int) ([]int, error) {
	for len(b) > 0 {
		n := len(b)
		if len(pieces) > 0 {
			n, pieces = min(n, max(1, pieces[0])), pieces[1:]
		}
		if _, err := d.dst.Write(b[:n]); err != nil {
			return pieces, err
		}
		if b = b[n:]; len(b) > 0 && !sleep(d.c.proxy.ctx, apart) {
			break
		}
	}
	return pieces, nil
}

// reset closes a connection so that its other end is told of a reset.
func reset(c net.Conn) {
	if l, ok := c.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0) // a closed connection is as good
	}
	c.Close()
}

func closeWrite(c net.Conn) {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite() // a closed connection is as good
		return
	}
	c.Close()
}
