package stream

import (
	"context"
	"io"
	"sync/atomic"
	"time"
)

// maxBatch bounds what Take gives at once, in bytes, so that a listener whose
// connection stalls has little left to send when it recovers.
const maxBatch = 256 << 10

// Listener is a cursor in a stream's log. It is used by one goroutine; Close is
// called once, by that goroutine.
type Listener struct {
	s      *Stream
	seq    int64  // of the next part; -1 before the first join is known
	since  int64  // then: it begins at the first join from here on; -1: at the newest
	from   int64  // where the latest Take began
	before uint32 // what was shown then
	took   int64  // how many bytes it gave
	opt    ListenOptions
	shown  uint32        // tracks whose keyframe this listener has got since it joined
	latest time.Duration // end of what it has got
	heard  time.Duration // end of what it has got of the tracks that set the pace
	over   bool          // it ends here: Element

	// Read by anybody.
	at    atomic.Int64 // stream time of the cursor, ns; 0 before it has begun
	bytes atomic.Int64
	skips atomic.Int64
	lost  atomic.Int64 // parts
}

// ListenOptions says how a listener reads.
type ListenOptions struct {
	// Complete listeners are moved forward only when the window has left them
	// behind, not because they are late.
	Complete bool
	// MaxLag is how late a listener may be before it is moved; 0: [Options].MaxLag.
	MaxLag time.Duration
	// Element, if it is not 0, ends the body where its timestamps would jump forward
	// by more than this, and where the listener would be moved: a media element stands
	// still for as long as the jump, if nobody seeks. Who opens the stream anew is at
	// once where it goes on.
	Element time.Duration
}

// Listen returns a listener that begins at the newest join. If there is none it
// begins at the next one; if several come at once, a complete listener at the first
// of them.
func (s *Stream) Listen(o ListenOptions) *Listener {
	if s.made != nil {
		s.made.hold()
	}
	if o.MaxLag <= 0 {
		o.MaxLag = s.opt.MaxLag
	}
	if s.format.pictures {
		o.Element = 0 // what shows them takes them as they come
	}
	l := &Listener{s: s, seq: -1, since: -1, opt: o}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Complete && s.join < 0 {
		l.since = s.base + int64(len(s.parts))
	}
	s.Listeners.Add(1) // who sees it can be sure of what this listener gets
	s.settle()
	return l
}

// Close gives the listener up. Of a stream that is made of another the last one
// to close ends the work; see [Stream.Convert].
func (l *Listener) Close() {
	l.s.Listeners.Add(-1)
	l.s.mu.Lock()
	l.s.settle()
	l.s.mu.Unlock()
	if l.s.made != nil {
		l.s.made.release()
	}
}

// Next is Wait and Take in one.
func (l *Listener) Next(ctx context.Context, dst []*Part, until <-chan time.Time) ([]*Part, error) {
	if err := l.Wait(ctx, until); err != nil {
		return dst, err
	}
	return l.Take(dst)
}

// Wait returns when Take has something to give, and also when the caller should
// look after its connection: at until, and at least every [Options].Check. The
// end of the stream wakes it too, so a context that never ends is no leak.
func (l *Listener) Wait(ctx context.Context, until <-chan time.Time) error {
	wake := l.pending()
	if wake == nil {
		return nil
	}
	if until == nil && ctx.Done() == nil {
		<-wake // a thousand listeners waiting so cost a tenth less than by select
		return nil
	}
	select {
	case <-wake:
		return nil
	case <-until:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pending returns what to wait for, or nil when there is nothing to wait for.
func (l *Listener) pending() <-chan struct{} {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || l.over || l.seq < 0 && s.join >= 0 || l.seq >= 0 && l.seq < s.base+int64(len(s.parts)) && (l.seq >= s.base || s.join >= 0) {
		return nil
	}
	return s.wake
}

// Pending reports whether Take would give something now, the end included.
func (l *Listener) Pending() bool { return l.pending() == nil }

// Take appends what is there to dst, without waiting. After the last part it
// returns io.EOF.
func (l *Listener) Take(dst []*Part) ([]*Part, error) {
	s := l.s
	defer s.tellLosses() // runs after the lock is given back
	s.mu.Lock()
	defer s.mu.Unlock()
	if !l.place() {
		return dst, l.end()
	}
	l.from, l.before = l.seq, l.shown
	n := 0
	for _, p := range s.parts[l.seq-s.base:] {
		if n > 0 && n+len(p.Bytes) > maxBatch {
			break
		}
		if l.opt.Element > 0 && l.jumps(p) {
			l.over = true
			break
		}
		l.seq++
		if p = l.show(p); p != nil {
			n += len(p.Bytes)
			dst = append(dst, p)
		}
	}
	l.note(int64(n))
	if len(dst) == 0 {
		return dst, l.end()
	}
	return dst, nil
}

// note counts what was taken.
func (l *Listener) note(n int64) {
	s := l.s
	l.took = n
	s.BytesOut.Add(n)
	l.bytes.Add(n)
	if i := l.seq - 1 - s.base; i >= 0 && i < int64(len(s.parts)) {
		l.at.Store(int64(s.parts[i].End()))
	}
}

// Follow puts the listener where another of its stream is now, if that one's
// latest Take began where this one stands: what Take would give here are the
// very parts that it gave there. It takes no lock; both listeners are the
// caller's.
func (l *Listener) Follow(lead *Listener) bool {
	if l.s != lead.s || l.seq != lead.from || l.opt != lead.opt || l.shown != lead.before {
		return false
	}
	l.from, l.before, l.took = lead.from, lead.before, lead.took
	l.seq, l.shown, l.latest, l.heard, l.over = lead.seq, lead.shown, lead.latest, lead.heard, lead.over
	l.s.BytesOut.Add(l.took)
	l.bytes.Add(l.took)
	l.at.Store(lead.at.Load())
	return true
}

// end is io.EOF when there will be no more parts for this listener.
func (l *Listener) end() error {
	if l.s.ended || l.over {
		return io.EOF
	}
	return nil
}

// place puts the cursor where reading can go on; false means that there is
// nothing to read yet.
func (l *Listener) place() bool {
	s := l.s
	switch next := s.base + int64(len(s.parts)); {
	case l.over:
		return false
	case l.seq < 0: // has not begun
		if s.join < 0 {
			return false
		}
		l.seq, l.shown = s.first(l.since), 0
	case l.seq == next:
		return false
	case l.seq < s.base: // fell out of the window
		if s.join < 0 {
			return false
		}
		return l.skip()
	case !l.opt.Complete && s.join > l.seq && l.late():
		return l.skip()
	}
	return true
}

// first is where a new listener begins: at the first join since a part, or, if
// that is negative, at the newest, or before it by the format's preroll.
func (s *Stream) first(since int64) int64 {
	if since >= 0 {
		for i := max(since, s.base); ; i++ {
			if s.parts[i-s.base].Kind == Join {
				return i
			}
		}
	}
	i := s.join
	from := s.parts[i-s.base].End() - s.format.preroll
	for s.format.preroll > 0 && i > s.base && s.parts[i-1-s.base].End() > from {
		i--
	}
	return i
}

// show returns the part as this listener may see it: of a further video track
// nothing before its own keyframe, except the head of a cluster that others
// need. Nil means nothing at all.
func (l *Listener) show(p *Part) *Part {
	if p.Kind == Filler || l.s.head.tracks[p.Track].Type != Video {
		return p
	}
	bit := uint32(1) << p.Track
	if p.Key {
		l.shown |= bit
	}
	if l.shown&bit != 0 {
		return p
	}
	if p.Lead == 0 {
		return nil
	}
	return &Part{Kind: Filler, Time: p.Time, Arrival: p.Arrival, Bytes: p.Bytes[:p.Lead]}
}
