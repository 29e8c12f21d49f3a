package stream

import (
	"context"
	"io"
	"slices"
	"time"
)

// converter makes the parts of one stream into those of another. It is used by
// one goroutine at a time.
type converter interface {
	// wants reports whether a part becomes something. No filler does.
	wants(p *Part) bool
	// convert appends what a wanted part becomes, nothing, one part or several, in
	// everything but their Bytes. Their frames may alias p's.
	convert(dst []*Part, p *Part) []*Part
	// rest appends what is left at the source's end. Again there is nothing.
	rest(dst []*Part) []*Part
}

// conversion is one run of a converter: a cursor in a published stream, and a
// stream of its own that it writes. It lives as long as somebody uses it and the
// published stream goes on; all who want the same of an entry use the same one.
type conversion struct {
	plan
	from      *Stream
	to        *Stream
	converter converter

	users int                // listeners, and callers of Convert that will be; from.entry.mu
	stop  context.CancelFunc // ends run
	ready chan struct{}      // closed when what was there at the begin is converted
	done  chan struct{}      // closed when run is over

	// Accessed by one goroutine at a time: who makes it, then run.
	next int64   // sequence number of the part to read next
	late bool    // it has just begun, or lost parts: pictures wait for a keyframe
	in   []*Part // for step
	out  []*Part
}

// Convert returns a stream that is this one as the options want it: this one
// itself, if it is so already, or one that is made of it, with the same stream
// time, from the newest of its parts on. That ends, cleanly, when this one does.
// Any goroutine may call it.
//
// The work is done once for all who want the same, and not by the publisher. It
// begins with the first of them and ends, with all that it holds, when the last has
// gone: each listener by [Listener.Close], and the caller by release, once, when it
// has called Listen or will not.
//
// The error is [ErrNoAudio], [ErrNoVideo], [ErrSoundOnly], [ErrNotSamples] or a
// *[ViewError] if there is no such stream to be had, or [ErrMemory] if there is no
// room for another.
func (s *Stream) Convert(o ConvertOptions) (to *Stream, release func(), err error) {
	to, release, err = s.begin(o)
	if err == nil && to != s {
		<-to.made.(*conversion).ready // so that who asks knows how far the new stream is and can join it
	}
	return to, release, err
}

// begin is Convert for who need not know how far the new stream is.
func (s *Stream) begin(o ConvertOptions) (to *Stream, release func(), err error) {
	p, err := o.plan(s)
	if err != nil {
		return nil, nil, err
	}
	if p.make == nil {
		return s, func() {}, nil
	}
	c, err := s.conversion(p)
	if err != nil {
		return nil, nil, err
	}
	return c.to, c.release, nil
}

// conversion returns the one that does what is planned, with one user more.
func (s *Stream) conversion(p plan) (c *conversion, err error) {
	e := s.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	if c = e.conversions[p.opt]; c == nil || c.from != s {
		if c, err = newConversion(s, p); err != nil {
			return nil, err
		}
		c.begin()
	}
	c.users++
	return c, nil
}

// newConversion makes a conversion that does nothing yet.
func newConversion(s *Stream, p plan) (*conversion, error) {
	if s.entry.hub.full() {
		return nil, ErrMemory
	}
	to, err := newStream(s.entry, p.format, p.head, s.opt)
	if err != nil {
		return nil, err
	}
	c := &conversion{plan: p, from: s, to: to, converter: p.make(&to.Counters),
		stop: func() {}, ready: make(chan struct{}), done: make(chan struct{})}
	to.made = c
	s.mu.Lock()
	defer s.mu.Unlock()
	c.next, c.late = c.edge(), true
	return c, nil
}

// begin leaves the work to a goroutine. Of a stream that has ended nothing is made:
// who comes so late gets a clean end. e.mu is held.
func (c *conversion) begin() {
	e := c.from.entry
	if c.from.Ended() {
		c.to.finish()
		close(c.ready)
		close(c.done)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stop = cancel
	if e.conversions == nil {
		e.conversions = map[ConvertOptions]*conversion{}
	}
	e.conversions[c.opt] = c
	e.hub.work.Go(func() { c.run(ctx) })
}

// run converts until the source has ended or nobody listens any more.
func (c *conversion) run(ctx context.Context) {
	defer close(c.done)
	defer c.to.finish()
	_, err := c.step()
	close(c.ready)
	for wake := (<-chan struct{})(nil); err == nil && ctx.Err() == nil; {
		if wake, err = c.step(); wake == nil {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
}

// maxMade is about how many parts wait to be appended together.
const maxMade = 256

// step converts the next parts that are there. If there are none it returns what
// to wait for, or io.EOF when none will come.
func (c *conversion) step() (wake <-chan struct{}, err error) {
	wake, err = c.take()
	c.to.tellLosses()
	if len(c.in) == 0 {
		if err != nil {
			c.out = c.converter.rest(c.out)
			c.put()
		}
		return wake, err
	}
	for _, p := range c.wanted() {
		if c.out = c.converter.convert(c.out, p); len(c.out) >= maxMade {
			c.put()
		}
	}
	c.put()
	clear(c.in) // what waits holds no parts
	c.in = c.in[:0]
	return nil, nil
}

// wanted returns those of the parts taken that are to be converted.
func (c *conversion) wanted() []*Part {
	all := slices.DeleteFunc(c.in, func(p *Part) bool {
		if !c.converter.wants(p) || c.late && !c.begins(p) {
			return true
		}
		c.late = false
		return false
	})
	if older := len(all) - 1; c.newest && older > 0 {
		c.to.Skips.Add(1)
		c.to.LostParts.Add(int64(older))
		return all[older:]
	}
	return all
}

// put appends what was made.
func (c *conversion) put() {
	c.to.append(c.out)
	clear(c.out)
	c.out = c.out[:0]
}

// take reads the source's log. A conversion that the window has left behind goes
// on at the live edge, like a listener.
func (c *conversion) take() (wake <-chan struct{}, err error) {
	s := c.from
	s.mu.Lock()
	if c.next < s.base {
		at := c.edge()
		c.to.Skips.Add(1)
		c.to.LostParts.Add(at - c.next)
		c.to.untold.Add(1)
		c.next, c.late = at, true
	}
	there := s.parts[c.next-s.base:]
	c.in = append(c.in, there[:min(len(there), maxParts)]...)
	began, ended, wake := s.began, s.ended, s.wake
	s.mu.Unlock()
	c.next += int64(len(c.in))
	c.to.mu.Lock()
	c.to.began = began // the clocks are one
	c.to.mu.Unlock()
	if ended {
		return nil, io.EOF
	}
	return wake, nil
}

// begins reports whether what is made can begin with a wanted part.
func (c *conversion) begins(p *Part) bool {
	return !c.keyed || p.Key && p.Track == c.from.head.video()
}

// edge returns the sequence number of the newest wanted part to begin with, or of one
// before it by what the plan goes back; if there is none, that of the next to come.
// from.mu is held.
func (c *conversion) edge() int64 {
	s := c.from
	at := s.base + int64(len(s.parts))
	newest := time.Duration(-1)
	for i, p := range slices.Backward(s.parts) {
		if !c.converter.wants(p) || !c.begins(p) {
			continue
		}
		if newest >= 0 && p.End() <= newest-c.back {
			break
		}
		at = s.base + int64(i)
		if newest = max(newest, p.End()); c.back == 0 {
			break
		}
	}
	return at
}

// hold counts one more user.
func (c *conversion) hold() {
	e := c.from.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	c.users++
}

// release counts one less; the last one ends the conversion and waits for that.
func (c *conversion) release() {
	e := c.from.entry
	e.mu.Lock()
	c.users--
	last := c.users == 0
	if last && e.conversions[c.opt] == c {
		delete(e.conversions, c.opt)
	}
	e.mu.Unlock()
	if last {
		c.stop()
		<-c.done
	}
}
