package stream

import (
	"encoding/binary"
	"time"
)

// maxGarbage is how many bytes may come that are neither a frame nor a tag.
const maxGarbage = 64 << 10

// frameHeader is what the header of one frame says.
type frameHeader struct {
	kind    frameKind
	length  int    // of the frame with its header, in bytes; 0: the header does not say
	samples int    // of each channel
	refused string // why a stream of such frames is not taken, or ""
}

// frameKind is what all frames of a run have in common.
type frameKind struct {
	variant        byte // of the codec
	rate, channels int
}

// framing is a container that is nothing but frames, each with a header that says
// how long it is: MP3, ADTS.
type framing struct {
	name   string // of the format
	what   string // its frames, in words
	header int    // how many bytes read looks at
	read   func(b []byte) (h frameHeader, ok bool)
	track  func(k frameKind) Track
	// split appends what a whole frame holds for a decoder: nothing, or one or
	// several frames without what the container has put around them.
	split func(dst [][]byte, b []byte, h frameHeader) (frames [][]byte, ok bool)
}

// frameParser cuts such a stream at its frames. A frame is handed out as soon as
// it is whole.
//
// Where a frame of the same kind ends, another may begin. Anywhere else a header
// counts only if what follows its frame is a header of the same kind, or a tag,
// since the same bits may stand in anything. Tags are skipped as they come, of any
// size, and so is some rubbish. Frames of another kind begin a new run.
type frameParser struct {
	framing
	cursor
	aligned bool // a frame of this kind has ended here
	began   bool // kind is set
	kind    frameKind
	lost    int64         // where the bytes began that are no frame
	garbage int           // how many there are since then
	samples int64         // per channel, so far
	end     time.Duration // when they end
	queue   []Part
	frames  [][]byte // for parts
}

func newFrameParser(f framing) Parser {
	return &frameParser{framing: f, cursor: cursor{format: f.name}}
}

func (p *frameParser) Parse(b []byte) (n int, part Part, err error) {
	if p.err == nil && len(p.queue) > 0 {
		part, p.queue = p.queue[0], p.queue[1:]
		return 0, part, nil
	}
	return p.advance(b, p.step)
}

// Rest leaves out a frame that is not whole. Nothing else waits for the end.
func (p *frameParser) Rest(b []byte) (Part, error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case !p.began:
		return Part{}, p.fail(ErrSyntax, "the input ends before any %s, two of them at the least", p.what)
	case len(b) > 0:
		return Part{}, p.fail(ErrSyntax, "the input ends inside a frame; its last %d bytes are left out", len(b))
	}
	return Part{}, nil
}

func (p *frameParser) step(b []byte) (int, Part, error) {
	if p.skip > 0 {
		return p.discard(b)
	}
	if len(b) == 0 {
		return 0, Part{}, nil
	}
	if b[0] != 0xFF {
		if size := tagSize(b); size > 0 {
			p.skip = size
			return p.discard(b)
		} else if size < 0 {
			return 0, Part{}, nil
		}
	}
	h, found := p.find(b)
	switch {
	case found == unknown:
		return 0, Part{}, nil
	case found == no:
		return p.rubbish(b)
	case h.refused != "":
		return 0, Part{}, p.fail(ErrSyntax, "%s", h.refused)
	case !p.began || h.kind != p.kind:
		p.began, p.aligned, p.kind, p.samples, p.end = true, true, h.kind, 0, 0
		return 0, Part{Kind: Header, ahead: 1, head: &head{tracks: []Track{p.track(h.kind)}}}, nil
	case len(b) < h.length:
		return 0, Part{}, nil
	}
	p.aligned, p.garbage = true, 0
	part, err := p.parts(b[:h.length], h)
	return h.length, part, err
}

// answer is what can be said of bytes of which more may come. Of two questions
// about them of which either will do, the larger answer is that to both.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

// find reads the header of the frame that b begins with, if it does.
func (p *frameParser) find(b []byte) (h frameHeader, found answer) {
	if b[0] != 0xFF {
		return h, no
	}
	if len(b) < p.header {
		return h, unknown
	}
	h, ok := p.read(b)
	switch {
	case !ok:
		return h, no
	case h.length == 0: // nobody can say where the next one is: it is believed in the first place only
		if p.began || p.garbage > 0 {
			return h, no
		}
		return h, yes
	case p.aligned && h.kind == p.kind:
		return h, yes
	case len(b) <= h.length:
		return h, unknown
	}
	next := b[h.length:]
	if size := tagSize(next); size > 0 {
		return h, yes
	} else if size < 0 {
		return h, unknown
	}
	if next[0] != 0xFF {
		return h, no
	}
	if len(next) < p.header {
		return h, unknown
	}
	if g, ok := p.read(next); !ok || g.length == 0 || g.kind != h.kind {
		return h, no
	}
	return h, yes
}

// rubbish consumes what cannot begin anything.
func (p *frameParser) rubbish(b []byte) (int, Part, error) {
	p.aligned = false
	if p.garbage == 0 {
		p.lost = p.off
	}
	n, most := 1, maxGarbage+1-p.garbage
	for n < min(len(b), most) && b[n] != 0xFF && b[n] != 'I' && b[n] != 'T' && b[n] != 'A' {
		n++
	}
	if p.garbage += n; p.garbage > maxGarbage {
		return 0, Part{}, p.failAt(p.lost, ErrSyntax, "expected %s; there is none in the %d bytes from here", p.what, maxGarbage)
	}
	return n, Part{}, nil
}

// parts makes the parts of a whole frame and returns the first.
func (p *frameParser) parts(b []byte, h frameHeader) (part Part, err error) {
	frames, ok := p.split(p.frames[:0], b, h)
	p.frames = frames
	if !ok {
		return Part{}, p.fail(ErrSyntax, "the parts of a frame of %d bytes do not add up", len(b))
	}
	for i, f := range frames {
		at := p.end
		p.samples += int64(h.samples / len(frames))
		p.end = sampleTime(p.samples, p.kind.rate)
		if i == 0 {
			part = Part{Kind: Join, Key: true, Time: at, Duration: p.end - at, Frame: f}
		} else {
			p.queue = append(p.queue, Part{Kind: Join, Key: true, Time: at, Duration: p.end - at, Frame: f})
		}
	}
	return part, nil
}

// sampleTime is when a sample of a rate comes, without accumulated rounding.
func sampleTime(samples int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(samples/r)*time.Second + time.Duration(samples%r*int64(time.Second)/r)
}

// The tags that stand around frames, by what they begin with, and their limits.
const (
	id3v2Head = 10
	id3v1Size = 128
	apeHead   = 32
	maxAPE    = 16 << 20 // more is taken for damage
)

// tagSize returns the size of the tag that b begins with, all of it, 0 if it
// begins none, or -1 if only more bytes can tell. An ID3v2 tag says its size in
// 28 bits, so none is larger than 256 MiB.
func tagSize(b []byte) int64 {
	switch {
	case begins(b, "ID3") == unknown, begins(b, "TAG") == unknown, begins(b, "APETAGEX") == unknown:
		return -1
	case begins(b, "ID3") == yes:
		if len(b) < id3v2Head {
			return -1
		}
		if b[3] == 0xFF || b[4] == 0xFF || (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
			return 0
		}
		size := int64(b[6])<<21 | int64(b[7])<<14 | int64(b[8])<<7 | int64(b[9])
		if b[5]&0x10 != 0 {
			size += id3v2Head // a footer
		}
		return id3v2Head + size
	case begins(b, "TAG") == yes:
		return id3v1Size
	case begins(b, "APETAGEX") == yes:
		if len(b) < apeHead {
			return -1
		}
		const isHeader = 1 << 29
		size := int64(binary.LittleEndian.Uint32(b[12:]))
		if binary.LittleEndian.Uint32(b[20:])&isHeader == 0 || size > maxAPE {
			return apeHead
		}
		return apeHead + size
	}
	return 0
}

// begins reports whether b, of which more may come, begins with s.
func begins(b []byte, s string) answer {
	if n := min(len(b), len(s)); string(b[:n]) != s[:n] {
		return no
	} else if n < len(s) {
		return unknown
	}
	return yes
}
