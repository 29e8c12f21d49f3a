package stream

import (
	"errors"
	"time"
)

// PublishOptions says who publishes what.
type PublishOptions struct {
	Format *Format // the container of the chunks; nil: whichever they begin like
	Run    string  // names this life of a recorder, so that it can be resumed; "" cannot
	Key    string  // the right to the name; another publisher needs the same while it is held

	// Takeover has a run with the same key begin at once, even if its holder was
	// not silent: the key is one person's alone.
	Takeover bool

	// Paused begins a run that brings nothing for now; see [Entry.pause].
	Paused bool

	Metadata *Metadata // what is said of the stream; nil: nothing new
}

// Publisher is one connection that appends to an entry. Write, End, Drop and
// Fail are called by one goroutine; whichever of the last three comes first
// gives the publisher up.
type Publisher struct {
	e       *Entry
	run     *run
	known   bool
	resumed int64
	gone    chan struct{} // closed when cause is set
	cause   error         // why this publisher may not write any more; e.mu
	last    time.Time     // of the latest Write; e.mu
	held    bool          // this publisher still holds the entry; e.mu
}

// Publish begins a run under a name, or resumes one. It returns ErrBusy if
// somebody else holds the name, ErrMemory if there is no room for another
// stream, ErrClosed if the hub is.
//
// A newer connection of the same run and key replaces the older. Another run
// with the same key waits until the name is free or its holder has been silent
// for [Options].Silent, unless it takes over; without a key there is no telling who is whose, and it
// waits until the name is free.
//
// Pictures, if the options say that it is these, are published beside the name's
// media, which may come and go by itself; but who holds the one by a key has the right
// to the other.
func (h *Hub) Publish(name string, o PublishOptions) (*Publisher, error) {
	both, err := h.acquireBoth(name)
	if err != nil {
		return nil, err
	}
	own, other := both[placeOf(o.Format)], both[1-placeOf(o.Format)]
	defer h.release(other)
	p, grace, err := both.attach(own, other, o)
	if err != nil || grace {
		h.release(own)
	}
	return p, err
}

// attach makes a publisher the one who writes to one of a name's sources, unless the
// other is somebody else's. Both are held meanwhile, always in this order, so that
// nobody takes that one in between.
func (both sources) attach(own, other *Entry, o PublishOptions) (*Publisher, bool, error) {
	both[0].mu.Lock()
	defer both[0].mu.Unlock()
	both[1].mu.Lock()
	defer both[1].mu.Unlock()
	return own.attach(o, other.bars(o.Key))
}

// attach makes a publisher the one who writes; barred says that the name is somebody
// else's, who is not kept from going on with a run of before that. It reports whether
// it ended a grace period, whose hold on the entry is then the caller's to release.
// e.mu is held.
func (e *Entry) attach(o PublishOptions, barred bool) (p *Publisher, grace bool, err error) {
	now := e.hub.opt.Now()
	resume := o.Run != "" && e.run != nil && !e.run.failed && e.run.id == o.Run && e.key == o.Key && (o.Format == nil || e.run.format == o.Format)
	switch {
	case e.hub.closed.Load(): // between acquire and here
		return nil, false, ErrClosed
	case e.pub != nil && !resume && (o.Key == "" || e.key != o.Key || !o.Takeover && (e.paused || now.Sub(e.pub.last) < e.hub.opt.Silent)),
		e.grace != nil && e.key != "" && e.key != o.Key, barred && !resume:
		return nil, false, ErrBusy
	case e.stream == nil && e.hub.full():
		return nil, false, ErrMemory
	}
	if e.pub != nil {
		e.pub.detach(ErrReplaced)
	}
	grace = e.cancelGrace()
	if !resume {
		e.run.forget(e.hub)
		e.run = newRun(o)
	}
	e.key = o.Key
	if o.Paused && e.run.to == nil {
		e.pause()
	}
	e.describe(o.Metadata)
	e.pub = &Publisher{e: e, run: e.run, known: resume, resumed: e.run.chunks, gone: make(chan struct{}), last: now, held: true}
	e.hall.tell()
	return e.pub, grace, nil
}

// Resumed returns how many chunks of the run were in the file when this
// publisher came, and whether the server knew the run at all.
func (p *Publisher) Resumed() (chunks int64, known bool) { return p.resumed, p.known }

// Gone is closed when the publisher was replaced, its name ended or the hub closed.
func (p *Publisher) Gone() <-chan struct{} { return p.gone }

// Cause returns why, once Gone is closed: ErrReplaced, ErrClosed, or what
// [Hub.End] was given.
func (p *Publisher) Cause() error {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	return p.cause
}

// detach takes the right to write from a publisher. e.mu is held.
func (p *Publisher) detach(cause error) {
	p.e.pub, p.cause = nil, cause
	close(p.gone)
}

// Write appends one chunk, whole, and counts it; an empty chunk counts too. The
// number returned is how many chunks of the run are now in the file. What an
// unfinished frame at the chunk's end has brought so far is kept with the run.
//
// A *ParseError means that the chunk is not what the format allows: frames
// before that place are in the file, the run is over. Other errors are ErrReplaced
// and ErrClosed.
func (p *Publisher) Write(chunk []byte) (chunks int64, err error) {
	e := p.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.cause != nil {
		return 0, p.cause
	}
	p.last = e.hub.opt.Now()
	r := p.run
	rest, err := r.feeder.feed(chunk, e.emit)
	e.flush()
	r.feeder.keep(rest)
	r.account(e.hub)
	if s := e.stream; s != nil {
		s.BytesIn.Add(int64(len(chunk)))
	}
	if err != nil {
		r.failed = true
		return r.chunks, err
	}
	r.chunks++
	return r.chunks, nil
}

// Media returns how much media, by its own timestamps, the run has brought.
func (p *Publisher) Media() time.Duration {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	return p.run.media
}

// End closes the file cleanly. It returns a *ParseError if the last frame was
// not whole, which is then left out.
func (p *Publisher) End() error {
	return p.leave(func() error {
		e := p.e
		err := p.run.feeder.finish(e.emit)
		e.flush()
		if p.run.to == nil && e.stream != nil && !e.paused {
			p.wait() // it brought nothing, so the file is not its to end
		} else {
			e.end()
		}
		return err
	})
}

// Drop gives the publisher up without ending the file: it stays open for the
// grace period, and the run may be resumed.
func (p *Publisher) Drop() {
	_ = p.leave(func() error { p.wait(); return nil })
}

// wait begins the grace period, which of a paused entry has no end. e.mu is held.
func (p *Publisher) wait() {
	g := &grace{}
	if !p.e.paused {
		g.timer = time.AfterFunc(p.e.hub.opt.Grace, func() { p.e.expire(g) })
	}
	p.e.grace, p.held = g, false // the hold is the timer's now
}

// Fail gives the publisher up because its bytes were refused: a run of the same
// right may continue the file, but an entry whose file never began is free at once.
func (p *Publisher) Fail() {
	p.e.mu.Lock()
	began := p.e.stream != nil
	p.e.mu.Unlock()
	if began {
		p.Drop()
		return
	}
	_ = p.leave(func() error { p.e.end(); return nil })
}

// leave runs f, if the publisher still writes, and gives up its hold.
func (p *Publisher) leave(f func() error) (err error) {
	e := p.e
	e.mu.Lock()
	held := p.held
	if held && p.cause == nil {
		e.pub, p.cause = nil, ErrReplaced
		err = f()
	}
	held = p.held
	p.held = false
	e.mu.Unlock()
	if held {
		e.hub.release(e)
	}
	return err
}

// emit takes a part from the parser. e.mu is held.
func (e *Entry) emit(part *Part) error {
	r := e.run
	if part.Kind == Header {
		e.flush()
		return e.begin(r, part.head)
	}
	if e.stream == nil {
		return errors.New("a frame before any header")
	}
	part.Track = r.to[part.Track]
	if !r.decodable(part, e.stream.head) {
		return nil
	}
	r.mark(part)
	if r.format.pictures {
		part.Time = r.stamps.at(e.hub.opt.Now())
	}
	if r.jumps(part) {
		e.flush() // so that the log's end is the file's
		r.rebase(part, e.stream.start(e.hub.opt.Now()))
	}
	r.place(part)
	if r.parts = append(r.parts, part); len(r.parts) == maxParts {
		e.flush()
	}
	return nil
}

// flush hands the chunk's parts to the log. e.mu is held.
func (e *Entry) flush() {
	if r := e.run; len(r.parts) > 0 {
		e.stream.append(r.parts)
		clear(r.parts)
		r.parts = r.parts[:0]
		e.resume()
	}
}
