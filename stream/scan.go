package stream

import "time"

// Scanner looks into a file or stream from outside: it is given bytes, cut
// anywhere, and tells what they hold. It is used by one goroutine. The zero
// Scanner finds the container out by itself.
type Scanner struct {
	// Each is called for every frame, if it is set. The part's Kind says whether a
	// decoder can start there (Join, Body), its Frame is valid until Each returns,
	// its Time counts in the file's own clock.
	Each func(*Part)
	// Begin is called for every header, if it is set. Tracks is what it says; what
	// follows may be another file, with a clock of its own.
	Begin func()
	// Now is the clock by which frames that carry no time get theirs, for who reads
	// them live; without one it is 0.
	Now func() time.Time

	format  *Format
	feeder  feeder
	head    *head
	frames  int64
	first   time.Duration
	newest  time.Duration
	passed  time.Duration // in files before the present one
	started bool
	stamps  stamps
}

// Write takes the next bytes. Its error is a *ParseError; frames before that
// place have been told.
func (s *Scanner) Write(b []byte) (int, error) {
	s.begin()
	rest, err := s.feeder.feed(b, s.emit)
	s.feeder.keep(rest)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// End says that the input is over, so that what its last bytes make is told as
// well; what is cut off stays unfinished. Its error is a *ParseError if something
// is, or if nothing ever was a file. It is called once, after Writes without an
// error.
func (s *Scanner) End() error {
	s.begin()
	return s.feeder.finish(s.emit)
}

func (s *Scanner) begin() {
	if s.feeder.parser == nil {
		s.feeder.parser = &sniffer{found: func(f *Format) { s.format = f }}
	}
}

func (s *Scanner) emit(p *Part) error {
	if p.Kind == Header { // another file may follow the first
		s.head = p.head
		s.passed, s.started = s.Media(), false
		if s.Begin != nil {
			s.Begin()
		}
		return nil
	}
	if s.format.pictures && s.Now != nil {
		p.Time = s.stamps.at(s.Now())
	}
	if s.head.joins(p) {
		p.Kind = Join
	}
	if !s.started {
		s.started, s.first, s.newest = true, p.Time, p.Time
	}
	s.frames++
	s.newest = max(s.newest, p.End())
	if s.Each != nil {
		s.Each(p)
	}
	return nil
}

// Offset returns where what Each or Begin is just being told of begins: the
// number of bytes of the input before the element or samples that hold it. Frames
// that share an element share its offset.
func (s *Scanner) Offset() int64 { return s.feeder.at }

// Scanned returns how many bytes of the input have made sense so far, without
// those of something that is not whole yet.
func (s *Scanner) Scanned() int64 { return s.feeder.off }

// Unfinished returns how many of the newest bytes belong to something that is not
// whole yet.
func (s *Scanner) Unfinished() int { return len(s.feeder.rest) }

// Format returns the container, or nil before it is known.
func (s *Scanner) Format() *Format { return s.format }

// Tracks returns what the newest header says, or nil before there was one.
func (s *Scanner) Tracks() []Track {
	if s.head == nil {
		return nil
	}
	return s.head.tracks
}

// Frames returns how many frames there were.
func (s *Scanner) Frames() int64 { return s.frames }

// Media returns how much media there was, by its own timestamps.
func (s *Scanner) Media() time.Duration {
	if !s.started {
		return s.passed
	}
	return s.passed + s.newest - s.first
}

// Newest returns the end of the newest frame in the file's own clock.
func (s *Scanner) Newest() time.Duration { return s.newest }
