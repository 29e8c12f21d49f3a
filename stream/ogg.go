package stream

import (
	"bytes"
	"math"
	"slices"
	"time"
)

// oggParser cuts Ogg (RFC 3533) at packets.
//
// A page is looked at when it is whole and its checksum is right. The first pages
// of all logical streams come first and say what each is; when the header packets
// of all that are sound of a known codec have come, they make a Header part, and
// each packet after that is a part of its own. A page that begins a logical stream
// after others than such begins another file. Zeros between pages are skipped: they
// are our own padding.
type oggParser struct {
	cursor
	streams []*oggStream
	closed  bool // pages that begin no stream have come, so no stream begins any more
	told    bool // the Header part was returned
	heads   int  // bytes of header packets that are kept
	packets []oggPacket
	queue   []Part
	next    int // in queue
}

// oggStream is a logical stream.
type oggStream struct {
	serial   uint32
	sequence uint32   // of the next page
	codec    oggCodec // nil: this one is left out
	track    Track
	index    int   // among the tracks
	heads    int   // header packets still to come
	skip     int64 // granule position of time 0
	at       int64 // granule position where the next packet begins

	open  bool   // a packet goes on on the next page
	torn  []byte // what there is of it
	size  int    // how long it is so far
	brief bool   // only its begin is kept
}

// oggPacket is a packet of sound that ends on the page in hand.
type oggPacket struct {
	data    []byte
	samples int64
}

// maxOggComment is how long a comment may be, which is skipped and not kept (RFC
// 7845, section 5.2).
const maxOggComment = 120 << 20

func newOggParser() Parser { return &oggParser{cursor: cursor{format: "ogg"}} }

func (p *oggParser) Parse(b []byte) (n int, part Part, err error) {
	if p.err != nil {
		return 0, Part{}, p.err
	}
	if p.next == len(p.queue) {
		clear(p.queue) // what waits for the next page holds no chunk
		p.queue, p.next = p.queue[:0], 0
		n, p.err = p.step(b)
		p.off += int64(n)
	}
	if p.err == nil && p.next < len(p.queue) {
		part = p.queue[p.next]
		p.next++
	}
	return n, part, p.err
}

// Rest accepts an end between two packets, and nothing else.
func (p *oggParser) Rest(b []byte) (Part, error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case len(b) > 0:
		return Part{}, p.fail(ErrSyntax, "the input ends inside a page; its last %d bytes are left out", len(b))
	case !p.told:
		return Part{}, p.fail(ErrSyntax, "the input ends before the headers of its streams are whole")
	}
	for _, s := range p.streams {
		if s.open {
			return Part{}, p.fail(ErrSyntax, "the input ends inside a packet, of which %d bytes have come", s.size)
		}
	}
	return Part{}, nil
}

// held is how many bytes of unfinished packets there are.
func (p *oggParser) held() (n int) {
	for _, s := range p.streams {
		n += len(s.torn)
	}
	return n
}

// step consumes one page, or the zeros before it.
func (p *oggParser) step(b []byte) (int, error) {
	if p.off > 0 {
		if n := len(b) - len(bytes.TrimLeft(b, "\x00")); n > 0 {
			return n, nil
		}
	}
	const capture = "OggS\x00"
	if n := min(len(b), len(capture)); string(b[:n]) != capture[:n] {
		return 0, p.fail(ErrSyntax, "expected a page of Ogg (4F 67 67 53 00), got % X", b[:n])
	}
	g, n := readOggPage(b)
	if n == 0 {
		return 0, nil
	}
	if got, want := oggChecksum(b[:n]), uint32(b[oggSum])|uint32(b[oggSum+1])<<8|uint32(b[oggSum+2])<<16|uint32(b[oggSum+3])<<24; got != want {
		return 0, p.fail(ErrSyntax, "a page with the checksum %08X; its %d bytes have %08X, so it is damaged", want, n, got)
	}
	if err := p.page(g); err != nil {
		return 0, err
	}
	return n, nil
}

func (p *oggParser) page(g oggPage) error {
	if g.flags&oggBegin != 0 {
		return p.begin(g)
	}
	s := p.stream(g.serial)
	switch {
	case s == nil && len(p.streams) == 0:
		return p.fail(ErrSyntax, "page %d of stream %08X, whose first page is missing; a recorder must be started after its socket has opened, or its header is lost: begin a new run", g.sequence, g.serial)
	case s == nil:
		return p.fail(ErrSyntax, "page %d of stream %08X, which no page began", g.sequence, g.serial)
	}
	if !p.closed {
		if !slices.ContainsFunc(p.streams, func(s *oggStream) bool { return s.codec != nil }) {
			return p.fail(ErrSyntax, "no stream of Opus, Vorbis or FLAC")
		}
		p.closed = true
		p.announce() // FLAC needs no more than its first page
	}
	if s.codec == nil {
		return nil
	}
	return p.take(s, g)
}

func (p *oggParser) stream(serial uint32) *oggStream {
	for _, s := range p.streams {
		if s.serial == serial {
			return s
		}
	}
	return nil
}

// begin takes the first page of a logical stream.
func (p *oggParser) begin(g oggPage) error {
	if p.closed {
		*p = oggParser{cursor: p.cursor, packets: p.packets, queue: p.queue}
	}
	if p.stream(g.serial) != nil {
		return p.fail(ErrSyntax, "stream %08X begins twice", g.serial)
	}
	if len(p.streams) == maxTracks {
		return p.fail(ErrTooLarge, "more than %d streams", maxTracks)
	}
	s := &oggStream{serial: g.serial, sequence: g.sequence + 1}
	first, whole := g.next()
	if whole {
		var err error
		if s.codec, s.track, s.heads, err = oggIdent(first); err != nil {
			return p.fail(ErrSyntax, "%v", err)
		}
	}
	if s.codec != nil {
		if p.heads += len(first); p.heads > MaxHeader {
			return p.fail(ErrTooLarge, "a header of more than %d bytes", MaxHeader)
		}
		if s.track.Codec == "opus" {
			s.skip = opusSkip(s.track.Private)
		}
		for _, other := range p.streams {
			if other.codec != nil {
				s.index++
			}
		}
	}
	p.streams = append(p.streams, s)
	return nil
}

// announce begins the run, if nothing that it needs is still to come.
func (p *oggParser) announce() {
	h := &head{}
	for _, s := range p.streams {
		if s.heads > 0 {
			return
		}
		if s.codec != nil {
			h.tracks = append(h.tracks, s.track)
		}
	}
	p.told = true
	p.queue = append(p.queue, Part{Kind: Header, head: h})
}

// take goes through the packets of a page. Where a page before it was lost, so is
// the packet that was on both, and nothing else.
func (p *oggParser) take(s *oggStream, g oggPage) error {
	if g.sequence != s.sequence {
		s.open, s.torn = false, nil
	}
	s.sequence = g.sequence + 1
	if len(g.lacing) == 0 {
		return nil
	}
	if g.flags&oggContinued == 0 {
		s.open, s.torn = false, nil
	} else if !s.open {
		if _, whole := g.next(); !whole {
			return nil
		}
	}
	clear(p.packets)
	p.packets = p.packets[:0]
	for len(g.lacing) > 0 {
		data, whole := g.next()
		data, err := p.gather(s, data, whole)
		if err == nil && whole {
			err = p.packet(s, data)
		}
		if err != nil {
			return err
		}
	}
	return p.place(s, &g)
}

// gather puts together what stands on several pages; a packet of one page is not
// copied. The limits hold before anything is kept.
func (p *oggParser) gather(s *oggStream, data []byte, whole bool) ([]byte, error) {
	if !s.open {
		s.brief, s.size = s.codec.brief(data), 0
	}
	s.size += len(data)
	spans := s.open || !whole
	switch {
	case s.brief && s.size > maxOggComment:
		return nil, p.fail(ErrTooLarge, "a comment of more than %d bytes", maxOggComment)
	case s.brief:
	case s.heads > 0 && p.heads+p.held()+len(data) > MaxHeader:
		return nil, p.fail(ErrTooLarge, "a header of more than %d bytes", MaxHeader)
	case spans && p.held()+len(data) > MaxBlock: // of all streams together
		return nil, p.fail(ErrTooLarge, "a packet of more than %d bytes", MaxBlock)
	}
	if !spans {
		return data, nil
	}
	if s.brief {
		data = data[:min(len(data), max(0, oggBrief-len(s.torn)))]
	}
	s.torn, s.open = append(s.torn, data...), !whole
	if !whole {
		return nil, nil
	}
	data, s.torn = s.torn, nil // the part's now: others of the chunk wait with it
	return data, nil
}

// packet takes a whole packet.
func (p *oggParser) packet(s *oggStream, data []byte) error {
	if s.heads > 0 {
		if err := s.codec.header(&s.track, data); err != nil {
			return p.fail(ErrSyntax, "%v", err)
		}
		if !s.brief {
			p.heads += len(data)
		}
		if s.heads--; s.heads == 0 {
			p.announce()
		}
		return nil
	}
	n, ok := s.codec.samples(data)
	if !ok {
		return nil
	}
	if !p.told {
		return p.fail(ErrSyntax, "sound of stream %08X comes before the headers of all streams are whole", s.serial)
	}
	p.packets = append(p.packets, oggPacket{data, n})
	return nil
}

// place gives the packets of a page their times and queues them as parts.
//
// The page says where the last of them ends. From there they are counted back,
// but not past the end of the packets before: what a decoder throws away at the
// begin of a run takes no time. A page that says less than that is not believed,
// except a last one, which cuts its packets short (RFC 7845, section 4).
func (p *oggParser) place(s *oggStream, g *oggPage) error {
	if len(p.packets) == 0 {
		return nil
	}
	total := int64(0)
	for _, k := range p.packets {
		total += k.samples
	}
	from, end := s.at, s.at+total
	begin := from
	switch {
	case g.granule >= 0 && g.flags&oggEnd != 0 && g.granule < end:
		end = max(from, g.granule)
	case g.granule >= from:
		begin, end = g.granule-total, g.granule
	}
	if rate := int64(s.track.Rate); end/rate > math.MaxInt64/4/int64(time.Second) {
		return p.fail(ErrSyntax, "granule position %d, beyond any clock", end)
	}
	for _, k := range p.packets {
		at := s.time(min(max(begin, from), end))
		begin += k.samples
		to := s.time(min(max(begin, from), end))
		p.queue = append(p.queue, Part{Kind: Join, Key: true, Track: s.index, Time: at, Duration: to - at, Frame: k.data})
	}
	s.at = end
	return nil
}

// time is that of a granule position. What comes before the first sample to be
// heard is at time 0, like that.
func (s *oggStream) time(granule int64) time.Duration {
	n, rate := max(0, granule-s.skip), int64(s.track.Rate)
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate*int64(time.Second)/rate)
}
