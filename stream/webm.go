package stream

import (
	"math"
	"time"
)

// webmParser cuts WebM and Matroska (RFC 9559) at blocks.
//
// It walks the elements as they come: it descends into Segment and Cluster,
// whatever their size says, keeps EBML header, Info and Tracks until they are
// whole, skips what carries no media without keeping it, and returns a Header
// part for Tracks and one part for every frame of a block. A second EBML header
// begins a new run.
type webmParser struct {
	cursor
	level     webmLevel
	segment   int64 // offset at which the Segment ends, or unknownSize
	cluster   int64 // the same of the Cluster
	maxID     int
	maxSize   int
	headBytes int64

	scale       int64 // ns per tick
	tracks      map[uint64]*webmTrack
	ran         bool  // a whole file has come before
	clusterTime int64 // ticks, or -1 before the Timestamp element
	queue       []Part
}

type webmLevel uint8

const (
	atTop webmLevel = iota
	inSegment
	inCluster
)

// webmTrack is what blocks of a track number need to become parts.
type webmTrack struct {
	index int // among the tracks passed on, or -1
	track *Track
}

func newWebMParser() Parser {
	p := &webmParser{cursor: cursor{format: "webm"}}
	p.reset()
	return p
}

// reset forgets the run; the next element must be an EBML header.
func (p *webmParser) reset() {
	p.ran = p.tracks != nil
	p.level, p.maxID, p.maxSize, p.headBytes = atTop, 4, 8, 0
	p.scale, p.tracks, p.clusterTime = int64(time.Millisecond), nil, -1
}

func (p *webmParser) Parse(b []byte) (n int, part Part, err error) {
	if p.err == nil && len(p.queue) > 0 {
		part, p.queue = p.queue[0], p.queue[1:]
		return 0, part, nil
	}
	return p.advance(b, p.step)
}

// Rest accepts an end between two elements, and nothing else.
func (p *webmParser) Rest(b []byte) (Part, error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case len(b) > 0 || p.skip > 0:
		return Part{}, p.fail(ErrSyntax, "the input ends inside an element; its last %d bytes are left out", len(b))
	case p.tracks == nil && (!p.ran || p.level != atTop || p.headBytes > 0):
		return Part{}, p.fail(ErrSyntax, "the input ends before any Tracks element; a recorder's first chunk must be sent first")
	}
	return Part{}, nil
}

// step consumes one element, or the head of one that it descends into, or a
// stretch of one that it skips.
func (p *webmParser) step(b []byte) (int, Part, error) {
	if p.skip > 0 {
		return p.discard(b)
	}
	p.leave()
	e := readElement(b, p.maxID, p.maxSize)
	if p.off == 0 && len(b) > 0 && b[0] != idEBML>>24 {
		return 0, Part{}, p.fail(ErrSyntax, "expected an EBML header (1A 45 DF A3), got % X; a recorder must be started after its socket has opened, or its header is lost: begin a new run", b[:min(4, len(b))])
	}
	if e.head < 0 {
		return 0, Part{}, p.fail(ErrSyntax, "expected an element of WebM, got % X, which begins none", b[:min(8, len(b))])
	}
	if e.head == 0 {
		return 0, Part{}, nil
	}
	if p.level == inCluster && p.cluster == unknownSize && endsCluster(e.id) {
		p.level = inSegment
	}
	if p.level == inSegment && p.segment == unknownSize && (e.id == idEBML || e.id == idSegment) {
		p.reset()
	}
	if err := p.fits(e); err != nil {
		return 0, Part{}, err
	}
	switch p.level {
	case atTop:
		return p.top(b, e)
	case inSegment:
		return p.inSegment(b, e)
	}
	return p.inCluster(b, e)
}

// leave steps out of containers of known size that end here.
func (p *webmParser) leave() {
	if p.level == inCluster && (p.off == p.cluster || p.cluster == unknownSize && p.off == p.segment) {
		p.level = inSegment
	}
	if p.level == inSegment && p.off == p.segment {
		p.reset()
	}
}

// endsCluster reports whether an element cannot be inside a Cluster, so that
// one of unknown size ends before it.
func endsCluster(id uint64) bool {
	switch id {
	case idCluster, idCues, idTags, idInfo, idTracks, idSeekHead, idChapters, idAttachments, idEBML, idSegment:
		return true
	}
	return false
}

// fits checks an element's size against what holds it.
func (p *webmParser) fits(e element) error {
	end := int64(unknownSize)
	switch p.level {
	case inSegment:
		end = p.segment
	case inCluster:
		end = p.cluster
		if end == unknownSize {
			end = p.segment
		}
	}
	if e.size == unknownSize {
		if e.id == idSegment || e.id == idCluster {
			return nil
		}
		return p.fail(ErrSyntax, "element %X has no size; only Segment and Cluster may", e.id)
	}
	if end != unknownSize && e.size > end-p.off-int64(e.head) {
		return p.fail(ErrSyntax, "element %X of %d bytes is longer than what holds it", e.id, e.size)
	}
	return nil
}

func (p *webmParser) top(b []byte, e element) (int, Part, error) {
	switch e.id {
	case idEBML:
		return p.whole(b, e, (*webmParser).ebmlHeader)
	case idSegment:
		if p.headBytes == 0 {
			break
		}
		p.level, p.segment = inSegment, p.end(e)
		return e.head, Part{}, nil
	case idVoid, idCRC32:
		return p.pass(e, 1<<20)
	}
	return 0, Part{}, p.fail(ErrSyntax, "expected an EBML header or a Segment, got element %X", e.id)
}

func (p *webmParser) inSegment(b []byte, e element) (int, Part, error) {
	switch e.id {
	case idInfo:
		return p.whole(b, e, (*webmParser).info)
	case idTracks:
		if p.tracks != nil {
			return p.pass(e, MaxHeader)
		}
		return p.whole(b, e, (*webmParser).tracksElement)
	case idCluster:
		if p.tracks == nil {
			return 0, Part{}, p.fail(ErrSyntax, "a Cluster comes before any Tracks element; the recorder's first chunk is missing")
		}
		p.level, p.cluster, p.clusterTime = inCluster, p.end(e), -1
		return e.head, Part{}, nil
	case idCues, idTags, idSeekHead, idChapters, idAttachments, idVoid:
		return p.pass(e, 1<<30)
	case idSegment, idEBML:
		return 0, Part{}, p.fail(ErrSyntax, "element %X stands inside a Segment of known size", e.id)
	}
	return p.pass(e, 64<<10)
}

func (p *webmParser) inCluster(b []byte, e element) (int, Part, error) {
	switch e.id {
	case idTimestamp:
		return p.whole(b, e, (*webmParser).timestamp)
	case idSimpleBlock:
		return p.whole(b, e, (*webmParser).simpleBlock)
	case idBlockGroup:
		return p.whole(b, e, (*webmParser).blockGroup)
	case idVoid:
		return p.pass(e, 1<<30)
	case idSegment, idEBML, idCluster:
		return 0, Part{}, p.fail(ErrSyntax, "element %X stands inside a Cluster of known size", e.id)
	}
	return p.pass(e, 64<<10)
}

func (p *webmParser) end(e element) int64 {
	if e.size == unknownSize || e.size > math.MaxInt64-p.off-int64(e.head) {
		return unknownSize
	}
	return p.off + int64(e.head) + e.size
}

// pass skips an element; one larger than limit is taken for damage, since
// believing it would swallow the rest of the stream.
func (p *webmParser) pass(e element, limit int64) (int, Part, error) {
	if e.size > limit {
		return 0, Part{}, p.fail(ErrSyntax, "element %X claims %d bytes; the stream is damaged here", e.id, e.size)
	}
	p.skip = e.size
	return e.head, Part{}, nil
}

// whole waits for all of an element and gives its data to f. The limits hold
// before anything is waited for.
func (p *webmParser) whole(b []byte, e element, f func(*webmParser, []byte) (Part, error)) (int, Part, error) {
	if e.id == idSimpleBlock || e.id == idBlockGroup {
		if e.size > MaxBlock {
			return 0, Part{}, p.fail(ErrTooLarge, "a block of %d bytes; at most %d are taken", e.size, MaxBlock)
		}
	} else if e.id != idTimestamp && e.size > MaxHeader-p.headBytes {
		return 0, Part{}, p.fail(ErrTooLarge, "a header of more than %d bytes", MaxHeader)
	} else if e.id == idTimestamp && e.size > 8 {
		return 0, Part{}, p.fail(ErrSyntax, "a cluster's timestamp of %d bytes", e.size)
	}
	n := e.head + int(e.size)
	if len(b) < n {
		return 0, Part{}, nil
	}
	if p.level != inCluster {
		p.headBytes += int64(n)
	}
	part, err := f(p, b[e.head:n])
	if err != nil {
		return 0, Part{}, err
	}
	return n, part, nil
}
