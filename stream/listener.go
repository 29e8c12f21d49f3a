package stream

import (
	"context"
	"io"
	"time"
)

// maxBatch bounds what Take gives at once, in bytes, so that a listener whose
// connection stalls has little left to send when it recovers.
const maxBatch = 256 << 10

// Listener is a cursor in a stream's log. It is used by one goroutine; Close is
// called once, by that goroutine.
type Listener struct {
	s        *Stream
	seq      int64  // of the next part; -1 before the first join is known
	from     int64  // where the latest Take began
	before   uint32 // what was shown then
	took     int64  // how many bytes it gave
	complete bool
	shown    uint32 // tracks whose keyframe this listener has got since it joined
	lost     int64
}

// ListenOptions says how a listener reads.
type ListenOptions struct {
	// Complete listeners are moved forward only when the window has left them
	// behind, not because they are late.
	Complete bool
}

// Listen returns a listener that begins at the newest join, or at the next one
// if there is none.
func (s *Stream) Listen(o ListenOptions) *Listener {
	s.Listeners.Add(1)
	return &Listener{s: s, seq: -1, complete: o.Complete}
}

// Close gives the listener up.
func (l *Listener) Close() { l.s.Listeners.Add(-1) }

// Lost returns how many parts this listener was moved past.
func (l *Listener) Lost() int64 { return l.lost }

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
	if s.ended || l.seq < 0 && s.join >= 0 || l.seq >= 0 && l.seq < s.base+int64(len(s.parts)) && (l.seq >= s.base || s.join >= 0) {
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
		return dst, s.over()
	}
	l.from, l.before = l.seq, l.shown
	n := 0
	for _, p := range s.parts[l.seq-s.base:] {
		if n > 0 && n+len(p.Bytes) > maxBatch {
			break
		}
		l.seq++
		if p = l.show(p); p != nil {
			n += len(p.Bytes)
			dst = append(dst, p)
		}
	}
	l.took = int64(n)
	s.BytesOut.Add(l.took)
	return dst, nil
}

// Follow puts the listener where another of its stream is now, if that one's
// latest Take began where this one stands: what Take would give here are the
// very parts that it gave there. It takes no lock; both listeners are the
// caller's.
func (l *Listener) Follow(lead *Listener) bool {
	if l.s != lead.s || l.seq != lead.from || l.complete != lead.complete || l.shown != lead.before {
		return false
	}
	l.from, l.before, l.took = lead.from, lead.before, lead.took
	l.seq, l.shown = lead.seq, lead.shown
	l.s.BytesOut.Add(l.took)
	return true
}

// over is io.EOF when there will be no more parts.
func (s *Stream) over() error {
	if s.ended {
		return io.EOF
	}
	return nil
}

// place puts the cursor where reading can go on; false means that there is
// nothing to read yet.
func (l *Listener) place() bool {
	s := l.s
	switch next := s.base + int64(len(s.parts)); {
	case l.seq < 0: // has not begun
		if s.join < 0 {
			return false
		}
		l.seq, l.shown = s.first(), 0
	case l.seq == next:
		return false
	case l.seq < s.base: // fell out of the window
		if s.join < 0 {
			return false
		}
		l.skip()
	case !l.complete && s.join > l.seq && l.late():
		l.skip()
	}
	return true
}

// late reports whether the cursor is far behind the stream's clock and the
// newest join is worth the loss. The clock alone decides, not how old the part
// is: after an outage everything has just arrived.
func (l *Listener) late() bool {
	s := l.s
	at := s.parts[l.seq-s.base].Time
	if s.parts[s.join-s.base].Time-at < s.opt.MinSaving {
		return false
	}
	return s.opt.Now().Sub(s.began)-at > s.opt.MaxLag
}

// skip moves the cursor to the newest join and counts what that loses.
func (l *Listener) skip() {
	n := l.s.join - l.seq
	l.lost += n
	l.s.Skips.Add(1)
	l.s.LostParts.Add(n)
	l.s.untold.Add(1)
	l.seq, l.shown = l.s.join, 0
}

// tellLosses logs how often listeners were moved forward, once a second at most.
func (s *Stream) tellLosses() {
	if s.untold.Load() == 0 {
		return
	}
	now := s.opt.Now().UnixNano()
	if last := s.told.Load(); now-last < int64(time.Second) || !s.told.CompareAndSwap(last, now) {
		return
	}
	s.opt.Log.Warn("slow listeners were moved to the newest join", "entry", s.entry.name,
		"times", s.untold.Swap(0), "lost parts so far", s.LostParts.Load())
}

// first is where a new listener begins: at the newest join, or before it by the
// format's preroll.
func (s *Stream) first() int64 {
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
