package stream

import (
	"errors"
	"fmt"
)

// Sizes that no input is allowed to pass. All are checked before anything of
// that size is kept.
const (
	MaxHeader = 128 << 10 // what describes the tracks, in bytes; what is skipped does not count
	MaxBlock  = 2 << 20   // one codec frame with its envelope, in bytes
	MaxChunk  = 4 << 20   // one chunk of a publisher, in bytes
	maxTracks = 32
)

// The two ways in which bytes can be refused. A [ParseError] unwraps to one.
var (
	ErrSyntax   = errors.New("not what the container's format allows")
	ErrTooLarge = errors.New("larger than this server takes")
)

// ParseError says where in a run the bytes stopped making sense.
type ParseError struct {
	Format string // "webm", "ogg", "mp4" ...
	Offset int64  // from the first byte of the run
	Text   string // what was expected there and what came
	Err    error  // ErrSyntax or ErrTooLarge
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s", e.Format, e.Offset, e.Text)
}

// Unwrap returns ErrSyntax or ErrTooLarge.
func (e *ParseError) Unwrap() error { return e.Err }

// Parser finds parts in the bytes of one run. It has the shape of a
// bufio.SplitFunc: it is shown all bytes not yet consumed and returns how many
// it consumes now. No call reads, waits or starts anything.
//
// The same bytes cut in any way give the same parts.
type Parser interface {
	// Parse returns the number of bytes of b that it consumed and, when they
	// complete one, a part. A part of Kind 0 is none. When both are zero the
	// parser needs more bytes than b holds. A part begins with b, or, if nothing is
	// consumed, where the one before it began. The part's Frame may alias b; its
	// Bytes are nil, since those are the muxer's; its Time counts in the run's
	// own clock. A failed parser stays failed.
	Parse(b []byte) (n int, p Part, err error)

	// Rest is called once, at a clean end, with the bytes that were not
	// consumed. It returns the part that they make (a WAV's last samples), a
	// part of Kind 0 if they make none, and an error if something was cut off.
	Rest(b []byte) (Part, error)
}

// Muxer writes the frames of a stream's runs as one file. It is used by one
// goroutine at a time.
type Muxer interface {
	// Header returns what comes before the first part in every listener's body.
	Header() []byte
	// Mux sets p.Bytes, p.Frame and p.Lead from p.Frame, Track, Time and Key,
	// and p.Kind to Join where a decoder can start; a part that is one already
	// stays one.
	Mux(p *Part)
	// Filler returns bytes that mean nothing and come next in the file, or nil
	// where the format has no such thing.
	Filler() []byte
}

// holder is a parser that itself keeps bytes of frames that are not whole: where
// those of several tracks come by turns, they cannot all wait to be consumed.
type holder interface {
	held() int
}

// feeder keeps what a parser has not consumed from one chunk to the next.
type feeder struct {
	parser Parser
	rest   []byte // not consumed by earlier chunks
	off    int64  // how many bytes are consumed
	at     int64  // where the newest part begins
}

// feed parses b after what was left of earlier chunks and hands each part to
// emit. It stops at the first error, which may be emit's. What it returns is not
// consumed yet and must be given to keep, but only when nobody looks at the
// parts' frames any more: they may alias what keep overwrites.
func (f *feeder) feed(b []byte, emit func(*Part) error) (rest []byte, err error) {
	if len(f.rest) > 0 {
		f.rest = append(f.rest, b...)
		b = f.rest
	}
	for {
		n, p, err := f.parser.Parse(b)
		if n > 0 {
			f.at, f.off = f.off, f.off+int64(n)
		}
		b = b[n:]
		if err != nil {
			return b, err
		}
		if p.Kind != 0 {
			part := p // the one allocation of a part besides its bytes
			if p.ahead > 0 {
				f.at, part.ahead = f.off-int64(n)+int64(p.ahead-1), 0
			}
			if err := emit(&part); err != nil {
				return b, err
			}
		} else if n == 0 {
			return b, nil
		}
	}
}

// keep copies what feed has left over to the front of the feeder's own buffer,
// which it gives back when a rare large block has left it far too big.
func (f *feeder) keep(rest []byte) {
	if len(rest) == len(f.rest) {
		return // nothing was consumed: a large block in many small chunks is not moved for each
	}
	if cap(f.rest) > 64<<10 && len(rest) < 4<<10 {
		f.rest = nil
	}
	f.rest = append(f.rest[:0], rest...)
}

// held is how many bytes wait for the rest of their frames.
func (f *feeder) held() int {
	n := cap(f.rest)
	if h, ok := f.parser.(holder); ok {
		n += h.held()
	}
	return n
}

// finish hands out what the end of the input completes.
func (f *feeder) finish(emit func(*Part) error) error {
	p, err := f.parser.Rest(f.rest)
	f.rest, f.at, f.off = f.rest[len(p.Frame):], f.off, f.off+int64(len(p.Frame)) // it stands in front
	if p.Kind != 0 {
		return errors.Join(emit(&p), err)
	}
	return err
}

// sniffer is the parser of a run that nobody named a container for: it becomes
// the parser of whichever the first bytes belong to.
type sniffer struct {
	found  func(*Format)
	parser Parser
}

func (s *sniffer) Parse(b []byte) (int, Part, error) {
	if s.parser == nil {
		f := Sniff(b)
		if f == nil && len(b) < SniffLen {
			return 0, Part{}, nil
		}
		if f == nil {
			return 0, Part{}, s.unknown(b)
		}
		s.found(f)
		s.parser = f.newParser()
	}
	return s.parser.Parse(b)
}

func (s *sniffer) Rest(b []byte) (Part, error) {
	if s.parser == nil {
		return Part{}, s.unknown(b)
	}
	return s.parser.Rest(b)
}

func (s *sniffer) held() int {
	if h, ok := s.parser.(holder); ok {
		return h.held()
	}
	return 0
}

func (s *sniffer) unknown(b []byte) error {
	if len(b) == 0 {
		return &ParseError{Format: "any", Text: "the input is empty", Err: ErrSyntax}
	}
	return &ParseError{Format: "any", Text: fmt.Sprintf("% X begins no container that is known here", b[:min(len(b), SniffLen)]), Err: ErrSyntax}
}
