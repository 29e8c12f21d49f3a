package stream

import (
	"context"
	"errors"
	"io"
	"slices"
)

// ErrNoAudio answers who wants the sound of a stream that has none.
var ErrNoAudio = errors.New("the stream has no sound")

// ConvertOptions says how a stream is wanted other than it was published; the
// zero value wants nothing. Who wants the same shares the same run.
type ConvertOptions struct {
	Audio bool // its sound only
}

// converter makes the parts of one stream into those of another. It is used by
// one goroutine at a time.
type converter interface {
	// wants reports whether a part becomes something. No filler does.
	wants(p *Part) bool
	// convert appends what a wanted part becomes, nothing, one part or several, in
	// everything but their Bytes. Their frames may alias p's.
	convert(dst []*Part, p *Part) []*Part
}

// plan says what the options make of a stream. Without a converter they want it
// as it is.
func (o ConvertOptions) plan(s *Stream) (*Format, *head, converter, error) {
	switch {
	case !o.Audio:
		return nil, nil, nil, nil
	case s.head.first(Audio) < 0:
		return nil, nil, nil, ErrNoAudio
	case s.head.video() < 0:
		return nil, nil, nil, nil
	}
	h, to := s.head.only(Audio)
	return s.format, h, selection(to), nil
}

// conversion is one run of a converter: a cursor in a published stream, and a
// stream of its own that it writes. It lives as long as somebody uses it and the
// published stream goes on; all who want the same of an entry use the same one.
type conversion struct {
	opt  ConvertOptions
	from *Stream
	to   *Stream
	converter

	users int                // listeners, and callers of Convert that will be; from.entry.mu
	stop  context.CancelFunc // ends run
	done  chan struct{}      // closed when run is over

	// Accessed by one goroutine at a time: who makes it, then run.
	next int64   // sequence number of the part to read next
	in   []*Part // for step
	out  []*Part
}

// Convert returns a stream that is this one as the options want it: this one
// itself, if it is so already, or one that is made of it, with the same stream
// time, from the newest of its parts on. That ends, cleanly, when this one does.
// Any goroutine may call it.
//
// The work is done once for all who want the same. It begins with the first of
// them and ends, with all that it holds, when the last has gone: each listener by
// [Listener.Close], and the caller by release, once, when it has called Listen or
// will not.
//
// The error is [ErrNoAudio], or [ErrMemory] if there is no room for another stream.
func (s *Stream) Convert(o ConvertOptions) (to *Stream, release func(), err error) {
	format, h, conv, err := o.plan(s)
	if err != nil {
		return nil, nil, err
	}
	if conv == nil {
		return s, func() {}, nil
	}
	e := s.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.conversions[o]
	if c == nil || c.from != s {
		if c, err = newConversion(s, o, format, h, conv); err != nil {
			return nil, nil, err
		}
		c.begin()
	}
	c.users++
	return c.to, c.release, nil
}

// newConversion makes a conversion that does nothing yet.
func newConversion(s *Stream, o ConvertOptions, f *Format, h *head, conv converter) (*conversion, error) {
	if s.entry.hub.full() {
		return nil, ErrMemory
	}
	to, err := newStream(s.entry, f, h, s.opt)
	if err != nil {
		return nil, err
	}
	c := &conversion{opt: o, from: s, to: to, converter: conv, stop: func() {}, done: make(chan struct{})}
	to.made = c
	c.next = s.newest(conv.wants)
	return c, nil
}

// begin converts what is there, so that who asks knows how far the new stream is
// and can join it, and leaves the rest to a goroutine. Of a stream that has ended
// nothing is made: who comes so late gets a clean end. e.mu is held, and with it
// the source cannot end meanwhile.
func (c *conversion) begin() {
	e := c.from.entry
	if c.from.Ended() {
		c.to.finish()
		close(c.done)
		return
	}
	_, _ = c.step() // what is left and the end are run's
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
	for ctx.Err() == nil {
		wake, err := c.step()
		if err != nil {
			return
		}
		if wake == nil {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
		}
	}
}

// step converts the next parts that are there. If there are none it returns what
// to wait for, or io.EOF when none will come.
func (c *conversion) step() (wake <-chan struct{}, err error) {
	if wake, err = c.take(); len(c.in) == 0 {
		return wake, err
	}
	for _, p := range c.in {
		if c.wants(p) {
			c.out = c.convert(c.out, p)
		}
	}
	c.to.append(c.out)
	clear(c.in) // what waits holds no parts
	clear(c.out)
	c.in, c.out = c.in[:0], c.out[:0]
	return nil, nil
}

// take reads the source's log, from its oldest part on if the window has moved
// past the cursor.
func (c *conversion) take() (wake <-chan struct{}, err error) {
	s := c.from
	s.mu.Lock()
	c.next = max(c.next, s.base)
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

// newest returns the sequence number of the newest part that is wanted, or that
// of the next to come.
func (s *Stream) newest(wants func(*Part) bool) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range slices.Backward(s.parts) {
		if wants(p) {
			return s.base + int64(i)
		}
	}
	return s.base + int64(len(s.parts))
}

// hold counts one more user. A nil conversion is that of a published stream, which
// does not depend on users.
func (c *conversion) hold() {
	if c == nil {
		return
	}
	e := c.from.entry
	e.mu.Lock()
	defer e.mu.Unlock()
	c.users++
}

// release counts one less; the last one ends the conversion and waits for that.
func (c *conversion) release() {
	if c == nil {
		return
	}
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

// selection is the converter that passes some tracks on: of each track the index
// among them, or -1.
type selection []int

func (t selection) wants(p *Part) bool { return p.Kind != Filler && t[p.Track] >= 0 }

func (t selection) convert(dst []*Part, p *Part) []*Part {
	return append(dst, &Part{Kind: Body, Key: p.Key, Track: t[p.Track], Time: p.Time, Duration: p.Duration, Frame: p.Frame, lacing: p.lacing})
}

// only returns a header of the tracks of one type, and of each of h's tracks the
// index in it, or -1.
func (h *head) only(t TrackType) (some *head, to []int) {
	some, to = &head{}, make([]int, len(h.tracks))
	for i := range h.tracks {
		if to[i] = -1; h.tracks[i].Type == t {
			to[i] = len(some.tracks)
			some.tracks = append(some.tracks, h.tracks[i])
		}
	}
	return some, to
}
