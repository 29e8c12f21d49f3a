package stream

import "time"

// run is one life of a recorder.
type run struct {
	id      string
	format  *Format // nil until it is sniffed
	feeder  feeder
	counted int // bytes of the feeder's in the hub's account
	chunks  int64
	to      []int         // the stream's tracks for the run's
	started bool          // offset is set
	offset  time.Duration // stream time minus the run's own clock
	base    time.Duration // stream time at which the run began
	last    time.Duration // own clock of the newest frame
	media   time.Duration // how much media the run has brought
	failed  bool          // its bytes were refused: it cannot be resumed
	keyed   uint32        // video tracks that have shown a keyframe
	shown   uint32        // tracks that have shown a frame
	stamps  stamps        // for frames without a time
	parts   []*Part       // of the chunk that is being written
}

// stamps are the times of frames that carry none: when they come, after the first.
// No two are the same.
type stamps struct {
	first time.Time
	last  time.Duration
}

func (s *stamps) at(now time.Time) time.Duration {
	if s.first.IsZero() {
		s.first, s.last = now, -1
	}
	s.last = max(now.Sub(s.first), s.last+1)
	return s.last
}

func newRun(o PublishOptions) *run {
	r := &run{id: o.Run, format: o.Format}
	if o.Format == nil {
		r.feeder.parser = &sniffer{found: func(f *Format) { r.format = f }}
	} else {
		r.feeder.parser = o.Format.newParser()
	}
	return r
}

// account keeps the hub's memory true about the run's unfinished frame.
func (r *run) account(h *Hub) {
	n := r.feeder.held()
	h.memory.Add(int64(n - r.counted))
	r.counted = n
}

// forget gives back what the run held.
func (r *run) forget(h *Hub) {
	if r != nil {
		r.feeder = feeder{}
		r.account(h)
	}
}

// A run's own clock may jump; what jumps further than a recorder's does is
// continued like a new run, so that listeners' clocks never run backwards.
const (
	backJump    = 10 * time.Second
	forwardJump = time.Minute
)

// maxParts is how many parts of one chunk wait to be appended together.
const maxParts = 1024

// decodable reports false for a picture that nobody could decode: its track has
// shown no keyframe in this run yet.
func (r *run) decodable(p *Part, h *head) bool {
	if h.tracks[p.Track].Type == Video && p.Key {
		r.keyed |= 1 << p.Track
	}
	return h.tracks[p.Track].Type != Video || r.keyed&(1<<p.Track) != 0
}

// mark tells the first frame of each track.
func (r *run) mark(p *Part) {
	bit := uint32(1) << p.Track
	p.first = r.shown&bit == 0
	r.shown |= bit
}

func (r *run) jumps(p *Part) bool {
	step := p.Time - r.last
	return !r.started || step < -backJump || step > forwardJump
}

// rebase makes the run's own clock go on at a stream time. Whole milliseconds,
// so that rounding is the same for all its frames.
func (r *run) rebase(p *Part, at time.Duration) {
	r.base = at.Round(time.Millisecond)
	r.offset, r.started, r.last = r.base-p.Time, true, p.Time
}

// place turns a part's time from the run's clock into the stream's.
func (r *run) place(p *Part) {
	if step := p.Time - r.last; step > 0 {
		r.media += step
		r.last = p.Time
	}
	p.Time = max(p.Time+r.offset, r.base)
}
