package stream

import "encoding/binary"

const (
	flacInfo  = 34 // bytes of a STREAMINFO block
	flacLeast = 16 // samples of a block, but for the last one
)

// flacParser cuts native FLAC (RFC 9639) at its frames.
//
// No frame says how long it is: it ends where its CRC is right and something
// follows that can follow a frame. So it is handed out when the header of the next
// has come, or at the end. Metadata but for STREAMINFO is skipped as it comes, of
// any size. Another fLaC after a frame begins a new run.
type flacParser struct {
	cursor
	state   flacState
	last    bool // the metadata block that is skipped is the last one
	info    flacStreamInfo
	ran     bool // a header has been handed out
	samples int64

	// Of the frame that is looked through, whose first byte is the next not consumed.
	seen int    // bytes
	crc  uint16 // of them
}

type flacState uint8

const (
	flacMagic flacState = iota
	flacFirst           // the STREAMINFO block
	flacMeta
	flacFrames
)

// flacStreamInfo is what STREAMINFO says of all frames (RFC 9639, section 8.2).
type flacStreamInfo struct {
	least, most          int // samples of a block
	largest              int // bytes of a frame; 0: not said
	rate, channels, bits int
}

func newFLACParser() Parser { return &flacParser{cursor: cursor{format: "flac"}} }

func (p *flacParser) Parse(b []byte) (int, Part, error) { return p.advance(b, p.step) }

// Rest returns the last frame, which nothing follows.
func (p *flacParser) Rest(b []byte) (part Part, err error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case !p.ran:
		return Part{}, p.fail(ErrSyntax, "the input ends before any STREAMINFO block")
	case p.state == flacFirst || p.state == flacMeta:
		return Part{}, p.fail(ErrSyntax, "the input ends inside a header")
	case p.state == flacMagic || len(b) == 0:
		return Part{}, nil
	}
	whole := 0
	if h, found := readFLAC(b, &p.info); found == yes && p.seen > h.length+2 {
		if p.crc == 0 { // what follows could have been a header
			whole = p.seen
		}
		if crc16(p.crc, b[p.seen:]) == 0 {
			whole = len(b)
		}
		if whole > 0 {
			part = p.part(b[:whole], h)
			p.off += int64(whole)
		}
	}
	if torn := len(b) - whole; torn > 0 {
		err = p.fail(ErrSyntax, "the input ends inside a frame; its last %d bytes are left out", torn)
	}
	return part, err
}

func (p *flacParser) step(b []byte) (int, Part, error) {
	if p.skip > 0 {
		n, _, _ := p.discard(b)
		if p.skip == 0 && p.state == flacMeta && p.last {
			p.state = flacFrames
		}
		return n, Part{}, nil
	}
	if len(b) == 0 {
		return 0, Part{}, nil
	}
	switch p.state {
	case flacMagic:
		return p.magic(b)
	case flacFrames:
		return p.frame(b)
	}
	return p.metadata(b)
}

// magic consumes the four bytes that a file begins with, and tags before them.
func (p *flacParser) magic(b []byte) (int, Part, error) {
	if size := tagSize(b); size > 0 {
		p.skip = size
		return p.step(b)
	} else if size < 0 {
		return 0, Part{}, nil
	}
	switch begins(b, "fLaC") {
	case unknown:
		return 0, Part{}, nil
	case no:
		return 0, Part{}, p.fail(ErrSyntax, "expected fLaC, got % X", b[:min(4, len(b))])
	}
	p.state = flacFirst
	return 4, Part{}, nil
}

// metadata reads a block's head, and of STREAMINFO all of it.
func (p *flacParser) metadata(b []byte) (int, Part, error) {
	if len(b) < 4 {
		return 0, Part{}, nil
	}
	kind, size := b[0]&0x7F, int(binary.BigEndian.Uint32(b)&0xFFFFFF)
	p.last = b[0]&0x80 != 0
	switch {
	case kind == 127:
		return 0, Part{}, p.fail(ErrSyntax, "a metadata block of type 127, which is forbidden")
	case p.state == flacFirst && (kind != 0 || size != flacInfo):
		return 0, Part{}, p.fail(ErrSyntax, "expected a STREAMINFO block of %d bytes, got a block of type %d with %d", flacInfo, kind, size)
	case p.state == flacMeta && kind == 0:
		return 0, Part{}, p.fail(ErrSyntax, "a second STREAMINFO block")
	case p.state == flacMeta:
		p.skip = int64(size)
		if size == 0 && p.last {
			p.state = flacFrames
		}
		return 4, Part{}, nil
	case len(b) < 4+flacInfo:
		return 0, Part{}, nil
	}
	i, ok := readStreamInfo(b[4:])
	if !ok {
		return 0, Part{}, p.fail(ErrSyntax, "a STREAMINFO block with %d to %d samples a frame, %d Hz, %d bits", i.least, i.most, i.rate, i.bits)
	}
	p.info = i
	p.state = flacMeta
	if p.last {
		p.state = flacFrames
	}
	p.samples, p.seen, p.crc, p.ran = 0, 0, 0, true
	return 4 + flacInfo, Part{Kind: Header, head: &head{tracks: []Track{p.info.track()}}}, nil
}

// readStreamInfo reads a STREAMINFO block.
func readStreamInfo(b []byte) (i flacStreamInfo, ok bool) {
	be := binary.BigEndian
	i.least, i.most, i.largest = int(be.Uint16(b)), int(be.Uint16(b[2:])), int(be.Uint32(b[6:])&0xFFFFFF)
	v := be.Uint64(b[10:])
	i.rate, i.channels, i.bits = int(v>>44), int(v>>41&7)+1, int(v>>36&31)+1
	return i, i.least >= flacLeast && i.most >= i.least && i.rate > 0 && i.bits >= 4
}

// track describes the stream by a STREAMINFO block that fits all of its runs: no
// lengths, no checksum, and blocks as short as a run's last one.
func (i *flacStreamInfo) track() Track {
	be := binary.BigEndian
	b := be.AppendUint16(nil, flacLeast)
	b = be.AppendUint16(b, uint16(i.most))
	b = append(b, make([]byte, 6)...)
	b = be.AppendUint64(b, uint64(i.rate)<<44|uint64(i.channels-1)<<41|uint64(i.bits-1)<<36)
	b = append(b, make([]byte, 16)...)
	return Track{Type: Audio, Codec: "flac", Private: b, Rate: i.rate, Channels: i.channels, Bits: i.bits, id: "flac"}
}

// frame looks for the end of the frame that b begins with.
func (p *flacParser) frame(b []byte) (int, Part, error) {
	h, found := readFLAC(b, &p.info)
	if p.seen == 0 {
		file := flacFile(b)
		switch {
		case file == yes:
			p.state = flacMagic
			return p.step(b)
		case file == unknown || found == unknown:
			return 0, Part{}, nil
		case found == no:
			return 0, Part{}, p.fail(ErrSyntax, "expected a frame of %d Hz, %d channels and %d bits, got % X", p.info.rate, p.info.channels, p.info.bits, b[:min(8, len(b))])
		}
		p.crc, p.seen = crc16(0, b[:h.length]), h.length
	}
	limit := MaxBlock
	if p.info.largest > 0 {
		limit = min(limit, p.info.largest)
	}
	seen, crc := p.seen, p.crc
	for seen <= limit {
		if crc == 0 && seen > h.length+2 {
			switch p.follows(b[seen:]) {
			case unknown:
				p.seen, p.crc = seen, crc
				return 0, Part{}, nil
			case yes:
				p.seen = 0
				return seen, p.part(b[:seen], h), nil
			}
		}
		if seen == len(b) {
			p.seen, p.crc = seen, crc
			return 0, Part{}, nil
		}
		next := seen + 1
		for next < len(b) && next <= limit && !flacNext[b[next]] {
			next++
		}
		crc = crc16(crc, b[seen:next])
		seen = next
	}
	return 0, Part{}, p.fail(ErrTooLarge, "a frame that does not end within %d bytes, or whose CRC is wrong", limit)
}

// flacNext is what can begin something that follows a frame: another one, a file, a
// tag.
var flacNext = [256]bool{0xFF: true, 'f': true, 'I': true, 'T': true}

// flacFile reports whether b begins what may stand between two files, or another
// file, rather than a frame.
func flacFile(b []byte) answer {
	return max(begins(b, "fLaC"), begins(b, "ID3"), begins(b, "TAG"))
}

// follows reports whether b, what comes after a right CRC, can follow a frame.
func (p *flacParser) follows(b []byte) answer {
	_, next := readFLAC(b, &p.info)
	return max(flacFile(b), next)
}

// part makes a part of a whole frame.
func (p *flacParser) part(b []byte, h flacHeader) Part {
	at := sampleTime(p.samples, p.info.rate)
	p.samples += int64(h.samples)
	return Part{Kind: Join, Key: true, Time: at, Duration: sampleTime(p.samples, p.info.rate) - at, Frame: b}
}
