package stream

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Sizes that no fragment is allowed to pass.
const (
	// maxMoof bounds what describes a fragment's samples, in bytes.
	maxMoof = 1 << 20
	// maxHeld bounds how many bytes of a fragment wait for a sample that is decoded
	// before them and stands behind them.
	maxHeld = 8 << 20
	// maxPassed is the size above which a box that is skipped is taken for damage:
	// believing it would swallow the rest of the stream.
	maxPassed = 1 << 30
)

const onlyFragments = "only fragmented MP4 can grow: ffmpeg -movflags frag_keyframe+empty_moov+default_base_moof"

// mp4Parser cuts fragmented MP4 (ISO 14496-12, section 8.8) at samples.
//
// It walks the boxes as they come: moov and moof are kept until they are whole,
// what carries no media is skipped without being kept. After a moof the samples
// are taken out of the mdat as they come, those of all tracks in the order in which
// they are decoded. Recorders write one track's samples behind the other's, so the
// first ones wait until the last track's begin; what waits is bounded by maxHeld. A
// second ftyp begins a new run.
type mp4Parser struct {
	cursor
	origin int64 // where the file begins: base data offsets count from there
	tracks map[uint32]*mp4Track

	latest []byte        // the data of the present fragment's moof
	open   []*mp4Samples // its tracks whose samples have not all come
	bytes  int64         // in all its samples
	mdat   int64         // where the mdat ends that is being read; 0: none is
	last   bool          // that one lasts until the end of the file
}

func newMP4Parser() Parser { return &mp4Parser{cursor: cursor{format: "mp4"}} }

func (p *mp4Parser) Parse(b []byte) (int, Part, error) { return p.advance(b, p.step) }

// Rest accepts an end between two boxes whose samples have all come.
func (p *mp4Parser) Rest(b []byte) (Part, error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case len(p.open) > 0:
		first := int64(math.MaxInt64)
		for _, s := range p.open {
			first = min(first, s.runs[0].pos)
		}
		return Part{}, p.failAt(first, ErrSyntax, "the input ends inside a fragment, whose last samples are left out")
	case p.last:
		return Part{}, nil
	case len(b) > 0 || p.skip > 0:
		return Part{}, p.fail(ErrSyntax, "the input ends inside a box; its last %d bytes are left out", len(b))
	case p.tracks == nil:
		return Part{}, p.fail(ErrSyntax, "the input ends before any moov; a recorder's first chunk must be sent first")
	}
	return Part{}, nil
}

// step consumes one box or sample, or a stretch of what is skipped.
func (p *mp4Parser) step(b []byte) (int, Part, error) {
	if p.skip > 0 {
		return p.discard(b)
	}
	if p.mdat > 0 {
		return p.sample(b)
	}
	e := readBox(b)
	if p.off == 0 && len(b) >= 8 && !mp4Known(string(b[4:8])) {
		return 0, Part{}, p.fail(ErrSyntax, "expected a box ftyp, got % X; a recorder must be started after its socket has opened, or its header is lost: begin a new run", b[:8])
	}
	if e.head < 0 {
		return 0, Part{}, p.fail(ErrSyntax, "expected a box of MP4, got % X, which begins none", b[:8])
	}
	if e.head == 0 {
		return 0, Part{}, nil
	}
	return p.box(b, e)
}

// mp4Known reports whether a box is one of those that files consist of.
func mp4Known(kind string) bool {
	switch kind {
	case "ftyp", "styp", "moov", "moof", "mdat", "sidx", "ssix", "emsg", "free", "skip", "wide", "uuid", "meta", "mfra", "prft", "pdin", "udta":
		return true
	}
	return false
}

func (p *mp4Parser) box(b []byte, e box) (int, Part, error) {
	switch {
	case e.size == toEnd && e.kind != "mdat":
		return 0, Part{}, p.fail(ErrSyntax, "box %q has no size; only the last mdat may", e.kind)
	case len(p.open) > 0 && (e.kind == "ftyp" || e.kind == "moov"):
		return 0, Part{}, p.fail(ErrSyntax, "%v", p.tooEarly(e.kind))
	}
	switch e.kind {
	case "ftyp":
		if p.tracks != nil {
			p.tracks, p.origin = nil, p.off
		}
		return p.pass(e, 64<<10)
	case "moov":
		return p.whole(b, e, MaxHeader, (*mp4Parser).moov)
	case "moof":
		if p.tracks == nil {
			return 0, Part{}, p.fail(ErrSyntax, "a moof comes before any moov; the recorder's first chunk is missing: it must be started after its socket has opened")
		}
		return p.whole(b, e, maxMoof, (*mp4Parser).moof)
	case "mdat":
		return p.enter(e)
	}
	if mp4Known(e.kind) {
		return p.pass(e, maxPassed)
	}
	return p.pass(e, 64<<10)
}

// pass skips a box; one larger than limit is taken for damage.
func (p *mp4Parser) pass(e box, limit int64) (int, Part, error) {
	if e.size > limit {
		return 0, Part{}, p.fail(ErrSyntax, "box %q claims %d bytes; the stream is damaged here", e.kind, e.size)
	}
	p.skip = e.size - int64(e.head)
	return e.head, Part{}, nil
}

// whole waits for all of a box and gives its data to f. The limit holds before
// anything is waited for.
func (p *mp4Parser) whole(b []byte, e box, limit int64, f func(*mp4Parser, box, []byte) (Part, error)) (int, Part, error) {
	if e.size > limit {
		return 0, Part{}, p.fail(ErrTooLarge, "a %s of %d bytes; at most %d are taken", e.kind, e.size, limit)
	}
	if int64(len(b)) < e.size {
		return 0, Part{}, nil
	}
	part, err := f(p, e, b[e.head:e.size])
	if err != nil {
		kind := ErrSyntax
		if errors.Is(err, ErrTooLarge) {
			kind = ErrTooLarge
		}
		return 0, Part{}, p.fail(kind, "%v", err)
	}
	return int(e.size), part, nil
}

func (p *mp4Parser) moov(_ box, data []byte) (Part, error) {
	h, tracks, err := readMoov(data)
	if err != nil {
		return Part{}, err
	}
	p.tracks = tracks
	return Part{Kind: Header, head: h}, nil
}

// moof begins a fragment. One engine writes its last one twice: then the second
// stands for both.
func (p *mp4Parser) moof(e box, data []byte) (Part, error) {
	if len(p.open) > 0 && !bytes.Equal(data, p.latest) {
		return Part{}, p.tooEarly(e.kind)
	}
	p.latest = append([]byte(nil), data...)
	f := mp4Fragment{at: p.off, end: p.off + e.size, origin: p.origin, tracks: p.tracks, data: p.off}
	if err := f.read(p.latest); err != nil {
		return Part{}, err
	}
	p.open, p.bytes = f.open, f.bytes
	return Part{}, nil
}

// tooEarly refuses a box before which samples must come.
func (p *mp4Parser) tooEarly(kind string) error {
	return fmt.Errorf("box %q comes before the samples of the last fragment, which are said to begin at byte %d", kind, p.open[0].runs[0].pos)
}

// enter begins to read an mdat. One that no fragment waits for is skipped.
func (p *mp4Parser) enter(e box) (int, Part, error) {
	switch {
	case p.tracks == nil:
		return 0, Part{}, p.fail(ErrSyntax, "an mdat comes before any moov; %s", onlyFragments)
	case e.size == toEnd && len(p.open) == 0:
		return 0, Part{}, p.fail(ErrSyntax, "an mdat without a size, and no fragment before it that tells what is in it")
	case e.size-p.bytes > maxPassed:
		return 0, Part{}, p.fail(ErrSyntax, "an mdat of %d bytes for %d bytes of samples; the stream is damaged here", e.size, p.bytes)
	case len(p.open) == 0:
		return p.pass(e, maxPassed)
	}
	for _, s := range p.open {
		if pos := s.runs[0].pos; pos < p.off+int64(e.head) {
			return 0, Part{}, p.fail(ErrSyntax, "samples are said to begin at byte %d, before the mdat that holds them", pos)
		}
	}
	p.mdat, p.last = p.off+e.size, e.size == toEnd
	if p.last {
		p.mdat = math.MaxInt64
	}
	return e.head, Part{}, nil
}

// sample returns the sample that is decoded next, as soon as it is whole.
func (p *mp4Parser) sample(b []byte) (int, Part, error) {
	for {
		s, low := p.earliest()
		if s == nil { // what is left of the mdat is nobody's
			p.skip, p.mdat = p.mdat-p.off, 0
			return p.step(b)
		}
		pos, row := s.runs[0].pos, s.runs[0].row()
		end := pos + int64(row.size)
		switch {
		case end > p.mdat:
			return 0, Part{}, p.failAt(pos, ErrSyntax, "a sample of %d bytes, of which the mdat holds %d", row.size, p.mdat-pos)
		case end-low > maxHeld:
			return 0, Part{}, p.failAt(pos, ErrTooLarge, "a fragment in which %d bytes come before what is decoded first; at most %d are held: make shorter fragments", end-low, maxHeld)
		case end-p.off > int64(len(b)):
			return p.release(low-p.off, len(b)), Part{}, nil
		}
		part := s.part(row)
		s.advance(row)
		p.close(s)
		if row.size > 0 { // else it says nothing, and a decoder may take it for the end
			part.Frame, part.ahead = b[pos-p.off:end-p.off], int(pos-p.off)+1
			return 0, part, nil
		}
	}
}

// release says how much to consume of n bytes, of which the first gap are not
// needed any more: nothing, unless that is more than what would have to be moved to
// the front for it.
func (p *mp4Parser) release(gap int64, n int) int {
	if gap >= int64(n)-gap {
		return int(min(gap, int64(n)))
	}
	return 0
}

// earliest returns the track whose next sample in this mdat is decoded first, and
// where the first of their bytes is.
func (p *mp4Parser) earliest() (first *mp4Samples, low int64) {
	low = math.MaxInt64
	for _, s := range p.open {
		pos := s.runs[0].pos
		if pos > p.mdat || pos == p.mdat && s.runs[0].row().size > 0 {
			continue // in another mdat
		}
		low = min(low, pos)
		if first == nil || s.at < first.at {
			first = s
		}
	}
	return first, low
}

// close forgets a track whose samples have all come, and with the last the moof.
func (p *mp4Parser) close(s *mp4Samples) {
	if len(s.runs) > 0 {
		return
	}
	p.open = slices.DeleteFunc(p.open, func(t *mp4Samples) bool { return t == s })
	if len(p.open) == 0 {
		p.latest = nil
	}
}
