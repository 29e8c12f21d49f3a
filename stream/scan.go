package stream

import "time"

// Scanner looks into a file or stream from outside: it is given bytes, cut
// anywhere, and tells what they hold. It is used by one goroutine. The zero
// Scanner finds the container out by itself.
type Scanner struct {
	// Each is called for every frame, if it is set. The part's Frame is valid
	// until it returns; its Time counts in the file's own clock.
	Each func(*Part)

	format  *Format
	feeder  feeder
	tracks  []Track
	frames  int64
	first   time.Duration
	newest  time.Duration
	passed  time.Duration // in files before the present one
	started bool
}

// Write takes the next bytes. Its error is a *ParseError; frames before that
// place have been told.
func (s *Scanner) Write(b []byte) (int, error) {
	if s.feeder.parser == nil {
		s.feeder.parser = &sniffer{found: func(f *Format) { s.format = f }}
	}
	rest, err := s.feeder.feed(b, s.emit)
	s.feeder.keep(rest)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s *Scanner) emit(p *Part) error {
	if p.Kind == Header { // another file may follow the first
		s.tracks = p.head.tracks
		s.passed, s.started = s.Media(), false
		return nil
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

// Finish is called when no more bytes will come. It tells the frame that this
// completes, which stands in front of what is unfinished.
func (s *Scanner) Finish() {
	if s.feeder.parser == nil {
		return
	}
	rest := s.feeder.rest
	p, _ := s.feeder.parser.Rest(rest) // what is torn stays unfinished
	if p.Kind != 0 {
		_ = s.emit(&p) // it never fails
	}
	s.feeder.rest = rest[len(p.Frame):]
}

// Unfinished returns how many of the newest bytes belong to something that is not
// whole yet.
func (s *Scanner) Unfinished() int { return len(s.feeder.rest) }

// Format returns the container, or nil before it is known.
func (s *Scanner) Format() *Format { return s.format }

// Tracks returns what the newest header says, or nil before there was one.
func (s *Scanner) Tracks() []Track { return s.tracks }

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
