package stream

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stream is one endless file: a header and the newest parts of a log that one
// writer appends to. Any goroutine may call its exported methods.
//
// The writer never waits for a listener. What a listener has not read when the
// window moves on is lost to it, and it goes on at the newest join.
type Stream struct {
	Counters

	entry  *Entry
	made   maker // what writes it; nil: a publisher does
	format *Format
	head   *head
	header []byte // what every body begins with
	opt    *Options
	untold atomic.Int64 // losses that are not in the log yet
	told   atomic.Int64 // when some were, in Unix nanoseconds
	drawn  atomic.Pointer[drawn]

	mu    sync.Mutex // protects all below
	mux   Muxer
	parts []*Part       // parts[i] has sequence number base+i
	base  int64         // sequence number of parts[0]
	join  int64         // sequence number of the newest join, or -1 if it left the window
	bytes int           // in parts
	left  int           // of them, in the account of memory, once it has ended
	began time.Time     // stream time 0
	end   time.Duration // of the latest-ending part
	last  time.Time     // when something was appended
	seen  time.Time     // when a picture was, or the first sound
	wake  chan struct{} // closed and replaced when there is news
	woke  time.Time     // when that was last done for parts
	ended bool
	batch *time.Timer // a wake-up that waits for more parts, or nil
	idle  *time.Timer
}

// maker writes a stream for those who use it, from the first of them to the last. Any
// goroutine may call its methods.
type maker interface {
	hold()    // one user more
	release() // one less
}

func newStream(e *Entry, f *Format, h *head, opt *Options) (*Stream, error) {
	m, err := f.newMuxer(h)
	if err != nil {
		return nil, err
	}
	s := &Stream{entry: e, format: f, head: h, header: m.Header(), mux: m, opt: opt,
		join: -1, wake: make(chan struct{}), last: opt.Now()}
	s.mu.Lock() // tick sees idle only when it is set
	e.hub.streams.Add(1)
	s.idle = time.AfterFunc(opt.Check, s.tick)
	s.mu.Unlock()
	return s, nil
}

// Format returns the container the stream is in.
func (s *Stream) Format() *Format { return s.format }

// Tracks returns what the stream carries. It must not be changed.
func (s *Stream) Tracks() []Track { return s.head.tracks }

// Header returns the bytes every body of that view begins with. They must not
// be changed.
func (s *Stream) Header(v View) []byte {
	if v.Bare {
		return nil
	}
	return s.header
}

// ContentType is the exact MIME type of a view, codecs included (RFC 6381).
func (s *Stream) ContentType(v View) string { return s.format.mime(s.head.tracks, v.Bare) }

// Edge returns the stream time up to which media is in the log, the stream
// clock (server time since stream time 0), and the stream time of the newest
// join, which is negative if there is none. They differ by what the publisher
// is late, and by how long ago the join was.
func (s *Stream) Edge() (edge, clock, join time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	join = -1
	if s.join >= 0 {
		join = s.parts[s.join-s.base].Time
	}
	if !s.began.IsZero() {
		clock = s.opt.Now().Sub(s.began)
	}
	return s.end, clock, join
}

// Picture returns the stream time of the newest picture that can be decoded by itself;
// ok is false if there is none.
func (s *Stream) Picture() (at time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.join < 0 {
		return 0, false
	}
	p := s.parts[s.join-s.base]
	return p.Time, s.head.tracks[p.Track].Type == Video
}

// At returns the server's time at a stream time. The stream must have begun.
func (s *Stream) At(t time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.began.Add(t)
}

// News returns a channel that is closed when there are new parts, when the
// stream has ended, and at least every [Options].Check.
func (s *Stream) News() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wake
}

// Ended reports whether no part will come any more.
func (s *Stream) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Crowded reports whether the stream has as many listeners as are woken
// together ([Options].BatchFrom).
func (s *Stream) Crowded() bool { return s.Listeners.Load() >= int64(s.opt.BatchFrom) }

// append puts the parts of one chunk into the log and wakes the listeners.
func (s *Stream) append(parts []*Part) {
	if wake := s.add(parts); wake != nil {
		close(wake) // not under the lock that everybody who wakes will want
	}
}

// add returns the channel to close, if the listeners are to be woken now.
func (s *Stream) add(parts []*Part) (wake chan struct{}) {
	now := s.opt.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || len(parts) == 0 {
		return nil
	}
	for _, p := range parts {
		p.Arrival = now
		s.orphan(p)
		s.mux.Mux(p)
		s.end = max(s.end, p.End())
		s.keep(p)
		if p.Kind == Join {
			s.join = s.base + int64(len(s.parts)) - 1
		}
		s.trim(now)
	}
	s.last = now
	s.Parts.Add(int64(len(parts)))
	return s.news(now)
}

// keep puts a part at the log's end and into the account of memory.
func (s *Stream) keep(p *Part) {
	s.parts = append(s.parts, p)
	s.bytes += p.cost()
	s.entry.hub.memory.Add(int64(p.cost()))
}

// orphan makes sound a join while the picture has been away for a whole window:
// a camera was pulled out, or never sent anything. A listener then gets the sound
// of now, and the picture from its next keyframe on.
func (s *Stream) orphan(p *Part) {
	if s.head.video() < 0 {
		return
	}
	if s.head.tracks[p.Track].Type == Video || s.seen.IsZero() {
		s.seen = p.Arrival
	}
	if s.head.tracks[p.Track].Type == Audio && p.Arrival.Sub(s.seen) > s.opt.Window {
		p.Kind = Join
	}
}

// start returns the run-local offset at which a new run goes on: at the server's
// clock, but never before the end of the run before.
func (s *Stream) start(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began = now
	}
	return max(now.Sub(s.began), s.end)
}

// trim drops parts from the window's old end: those that are too old or too
// many, but not the newest join and what follows it, unless even that is over
// the hard limit. When memory is short everywhere, no stream holds more than its
// share.
func (s *Stream) trim(now time.Time) {
	soft, hard := s.opt.WindowBytes, s.opt.HardBytes
	if short, share := s.entry.hub.short(); short {
		soft, hard = min(soft, share), min(hard, share)
	}
	for len(s.parts) > 1 {
		p := s.parts[0]
		over := s.bytes > soft || now.Sub(p.Arrival) > s.opt.Window
		needed := s.join >= 0 && s.base >= s.join
		if s.bytes <= hard && (!over || needed) {
			return
		}
		if s.base == s.join {
			s.join = -1
		}
		s.drop(1)
	}
}

// drop forgets the n oldest parts.
func (s *Stream) drop(n int) {
	freed := 0
	for i, p := range s.parts[:n] {
		freed += p.cost()
		s.parts[i] = nil
	}
	s.parts = s.parts[n:]
	s.base += int64(n)
	s.bytes -= freed
	s.entry.hub.memory.Add(-int64(freed))
}

// news decides when the listeners learn of new parts: at once or, when there are
// many, together with what comes in the next moments: one write of two chunks
// costs them and the server half of two writes.
func (s *Stream) news(now time.Time) (wake chan struct{}) {
	if s.opt.Batch > 0 && s.Crowded() {
		if s.batch != nil {
			return nil
		}
		if wait := s.opt.Batch - now.Sub(s.woke); wait > 0 {
			s.batch = time.AfterFunc(wait, s.batched)
			return nil
		}
	}
	s.woke = now
	return s.renew()
}

func (s *Stream) batched() {
	s.mu.Lock()
	if s.batch == nil { // the stream has ended
		s.mu.Unlock()
		return
	}
	s.batch = nil
	s.woke = s.opt.Now()
	wake := s.renew()
	s.mu.Unlock()
	close(wake)
}

// renew replaces the channel that listeners wait for and returns the old one,
// which the caller closes.
func (s *Stream) renew() (wake chan struct{}) {
	wake = s.wake
	s.wake = make(chan struct{})
	return wake
}

// tick looks after a stream that nothing comes into: its listeners are woken to
// see whether their connections still stand, and now and then they are sent a
// filler, so that no proxy in between gives up.
func (s *Stream) tick() {
	now := s.opt.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.idle.Reset(s.opt.Check)
	if now.Sub(s.last) < s.opt.Check {
		return
	}
	if len(s.parts) > 0 && now.Sub(s.last) >= s.opt.Filler && s.Listeners.Load() > 0 {
		if b := s.mux.Filler(); b != nil {
			s.last = now
			s.keep(&Part{Kind: Filler, Time: s.end, Arrival: now, Bytes: b})
		}
	}
	close(s.renew())
}

// finish ends the stream: listeners get what is left and then io.EOF.
func (s *Stream) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	s.idle.Stop()
	if s.batch != nil {
		s.batch.Stop()
		s.batch = nil
	}
	s.left = s.bytes
	s.settle()
	s.entry.hub.streams.Add(-1)
	close(s.renew())
}

// settle keeps an ended stream in the account of memory for as long as somebody
// still reads it, which may be slowly. s.mu is held.
func (s *Stream) settle() {
	if !s.ended {
		return
	}
	left := 0
	if s.Listeners.Load() > 0 {
		left = s.bytes
	}
	s.entry.hub.memory.Add(int64(left - s.left))
	s.left = left
}
