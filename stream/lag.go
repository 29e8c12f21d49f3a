package stream

import "time"

// ListenerStats says how a listener gets on.
type ListenerStats struct {
	Lag   time.Duration // the stream's clock minus the stream time at the cursor
	Bytes int64         // taken
	Skips int64         // how often it was moved forward
	Lost  int64         // parts that it was moved past
}

// Stats returns how the listener gets on. Any goroutine may call it.
func (l *Listener) Stats() ListenerStats {
	st := ListenerStats{Bytes: l.bytes.Load(), Skips: l.skips.Load(), Lost: l.lost.Load()}
	if at := l.at.Load(); at > 0 {
		_, clock, _ := l.s.Edge()
		st.Lag = max(0, clock-time.Duration(at))
	}
	return st
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
	return s.opt.Now().Sub(s.began)-at > l.opt.MaxLag
}

// skip moves the cursor to the newest join and counts what that loses. An
// element is done instead: that is a jump. It reports whether reading goes on.
func (l *Listener) skip() bool {
	n := l.s.join - l.seq
	l.lost.Add(n)
	l.skips.Add(1)
	l.s.Skips.Add(1)
	l.s.LostParts.Add(n)
	l.s.untold.Add(1)
	l.seq, l.shown = l.s.join, 0
	l.over = l.opt.Element > 0
	return !l.over
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
	s.opt.Log.Warn("who read too slowly was moved to the newest join", "entry", s.opt.Logged(s.entry.name),
		"times", s.untold.Swap(0), "lost parts so far", s.LostParts.Load())
}

// pictureJump is how far the timestamps of an [ListenOptions].Element may jump at
// least where there is no sound: a picture alone may be a slow one.
const pictureJump = 3 * time.Second

// jumps reports whether an element would stand still before this part: there was
// nothing for so long, or no sound. A run may begin with its picture, and an element
// that has one frame of it stands still until then.
func (l *Listener) jumps(p *Part) bool {
	pace, limit := Audio, l.opt.Element
	if l.s.head.first(Audio) < 0 {
		pace, limit = Video, max(limit, pictureJump)
	}
	if !l.s.format.Timed() || p.Kind == Filler {
		return false
	}
	paced, since := l.s.head.tracks[p.Track].Type == pace, l.latest
	if paced {
		since = l.heard // no later than the latest
	}
	if l.heard > 0 && p.Time-since > limit {
		return true
	}
	l.latest = max(l.latest, p.End())
	if paced {
		l.heard = max(l.heard, p.End())
	}
	return false
}
