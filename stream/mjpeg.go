package stream

import (
	"bytes"
	"encoding/binary"
)

const (
	maxBetween = 64 << 10 // bytes between two pictures
	maxSide    = 4096     // pixels of a picture's width and height
)

// The markers of a JPEG picture (ITU-T T.81, table B.1) that matter here.
const (
	jpegTEM  = 0x01
	jpegSOF0 = 0xC0 // to SOF15, but for three of them
	jpegSOF2 = 0xC2
	jpegDHT  = 0xC4
	jpegJPG  = 0xC8
	jpegDAC  = 0xCC
	jpegRST0 = 0xD0 // to RST7
	jpegRST7 = 0xD7
	jpegSOI  = 0xD8
	jpegEOI  = 0xD9
	jpegSOS  = 0xDA
)

// jpegBegin is what every picture begins with: SOI, and another marker.
var jpegBegin = []byte{0xFF, jpegSOI, 0xFF}

// mjpegParser finds JPEG pictures (ITU-T T.81, annex B): one after the other, or
// with something between them, as the boundaries and headers of a multipart body
// (RFC 2046, section 5.1), which need not be understood. It walks a picture by its
// markers, so that a thumbnail inside is no picture, and looks at each byte once
// however it comes.
type mjpegParser struct {
	cursor
	between int // bytes since the picture before that belong to none
	head    *head
	queue   Part // what comes after the header: the first picture

	inside  bool // what Parse will be shown begins with a picture; the rest is about it
	at      int  // so much of it has been walked
	coded   bool // and is followed by coded data, which ends at a marker
	scanned bool // a scan has begun
	width   int  // 0: no frame header yet
	height  int
}

func newMJPEGParser() Parser { return &mjpegParser{cursor: cursor{format: "mjpeg"}} }

// jpegTrack describes pictures of a size.
func jpegTrack(width, height int) Track {
	return Track{Type: Video, Codec: "mjpeg", Width: width, Height: height, id: "jpeg"}
}

// sniffMJPEG knows a picture and a multipart body, which may begin with the end of a
// line (RFC 2046, section 5.1.1).
func sniffMJPEG(b []byte) bool {
	return bytes.HasPrefix(b, jpegBegin) || bytes.HasPrefix(b, []byte("--")) || bytes.HasPrefix(b, []byte("\r\n--"))
}

func (p *mjpegParser) Parse(b []byte) (int, Part, error) { return p.advance(b, p.step) }

// refuse fails at a distance from the first byte shown.
func (p *mjpegParser) refuse(at int, kind error, format string, a ...any) error {
	return p.failAt(p.off+int64(at), kind, format, a...)
}

// Rest accepts an end between two pictures, and nothing else.
func (p *mjpegParser) Rest(b []byte) (Part, error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case p.inside:
		return Part{}, p.fail(ErrSyntax, "the input ends inside a picture; its last %d bytes are left out", len(b))
	case p.head == nil:
		return Part{}, p.fail(ErrSyntax, "the input ends before any picture")
	}
	return Part{}, nil
}

func (p *mjpegParser) step(b []byte) (int, Part, error) {
	if first := p.queue; first.Kind != 0 {
		p.queue = Part{}
		return 0, first, nil
	}
	if !p.inside {
		if n, err := p.seek(b); n > 0 || err != nil || !p.inside {
			return n, Part{}, err
		}
	}
	if whole, err := p.walk(b); !whole {
		return 0, Part{}, err
	}
	n := p.at
	if bytes.Contains(b[:n], []byte(mjpegBoundary)) { // or it could say to browsers what comes after it
		return 0, Part{}, p.refuse(0, ErrSyntax, "a picture that holds %q, which separates pictures here", mjpegBoundary)
	}
	part := Part{Kind: Join, Key: true, Frame: b[:n]}
	if p.head == nil {
		p.head = &head{tracks: []Track{jpegTrack(p.width, p.height)}}
		part, p.queue = Part{Kind: Header, head: p.head}, part
	}
	p.inside, p.at, p.coded, p.scanned, p.width, p.height = false, 0, false, false, 0, 0
	return n, part, nil
}

// seek returns how many bytes come before the next picture, as far as known.
func (p *mjpegParser) seek(b []byte) (int, error) {
	n := bytes.Index(b, jpegBegin)
	if p.inside = n >= 0; !p.inside {
		n = len(b)
		for begun := min(2, len(b)); begun > 0; begun-- { // what is there may become one
			if bytes.HasSuffix(b, jpegBegin[:begun]) {
				n -= begun
				break
			}
		}
	}
	if p.between+n > maxBetween {
		return 0, p.refuse(maxBetween-p.between, ErrSyntax, "expected a JPEG picture (FF D8 FF), and got %d bytes that are none", maxBetween)
	}
	p.between += n
	if p.inside {
		p.between = 0
	}
	return n, nil
}

// walk goes on through the picture and reports whether all of it is there; then at
// is its length.
func (p *mjpegParser) walk(b []byte) (whole bool, err error) {
	b = b[:min(len(b), MaxBlock)]
	for from := -1; !whole && err == nil && p.at > from; {
		from = p.at
		if p.coded {
			p.skipCoded(b)
		}
		if !p.coded {
			whole, err = p.marker(b)
		}
	}
	if !whole && err == nil && max(p.at, len(b)) >= MaxBlock {
		err = p.refuse(0, ErrTooLarge, "a picture of more than %d bytes", MaxBlock)
	}
	return whole, err
}

// skipCoded goes to the next marker that is none of coded data: not stuffed, no
// restart, no fill byte before another (T.81, B.1.1.2 and B.1.1.5).
func (p *mjpegParser) skipCoded(b []byte) {
	for p.at < len(b) {
		i := bytes.IndexByte(b[p.at:], 0xFF)
		if i < 0 {
			p.at = len(b)
			return
		}
		if p.at += i; p.at+1 == len(b) {
			return
		}
		switch c := b[p.at+1]; {
		case c == 0 || c >= jpegRST0 && c <= jpegRST7:
			p.at += 2
		case c == 0xFF:
			p.at++
		default:
			p.coded = false
			return
		}
	}
}

// marker goes past one marker with its segment, if it is there, and reports whether
// the picture ends with it.
func (p *mjpegParser) marker(b []byte) (end bool, err error) {
	if p.at < len(b) && b[p.at] != 0xFF {
		return false, p.refuse(p.at, ErrSyntax, "expected a marker of JPEG (FF ..), got %02X", b[p.at])
	}
	for p.at+1 < len(b) && b[p.at+1] == 0xFF {
		p.at++
	}
	if p.at+1 >= len(b) {
		return false, nil
	}
	switch c := b[p.at+1]; {
	case c == jpegSOI && p.at > 0:
		return false, p.refuse(p.at, ErrSyntax, "a picture begins inside another, which has no end (FF D9)")
	case c == jpegEOI && !p.scanned:
		return false, p.refuse(p.at, ErrSyntax, "a picture ends before its first scan (FF DA)")
	case c == 0:
		return false, p.refuse(p.at, ErrSyntax, "expected a marker of JPEG, got FF 00")
	case c == jpegSOI, c == jpegEOI, c == jpegTEM, c >= jpegRST0 && c <= jpegRST7: // alone
		p.at += 2
		return c == jpegEOI, nil
	}
	return false, p.segment(b)
}

// segment goes past one that has a length, and reads it if it is a frame header.
func (p *mjpegParser) segment(b []byte) error {
	if len(b) < p.at+4 {
		return nil
	}
	c, size := b[p.at+1], int(binary.BigEndian.Uint16(b[p.at+2:]))
	if size < 2 {
		return p.refuse(p.at, ErrSyntax, "a segment FF %02X of %d bytes; its length alone has 2", c, size)
	}
	switch {
	case c >= jpegSOF0 && c < jpegRST0 && c != jpegDHT && c != jpegJPG && c != jpegDAC:
		if len(b) < p.at+2+size {
			return nil
		}
		if err := p.frame(c, b[p.at+4:p.at+2+size]); err != nil {
			return err
		}
	case c == jpegSOS && p.width == 0:
		return p.refuse(p.at, ErrSyntax, "a scan (FF DA) comes before any frame header (FF C0)")
	case c == jpegSOS:
		p.coded, p.scanned = true, true
	}
	p.at += 2 + size
	return nil
}

// frame reads a frame header (T.81, B.2.2).
func (p *mjpegParser) frame(c byte, b []byte) error {
	if len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return p.refuse(p.at, ErrSyntax, "a damaged frame header")
	}
	height, width := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	switch {
	case c > jpegSOF2:
		return p.refuse(p.at, ErrSyntax, "a JPEG of kind FF %02X; taken are those that browsers show: baseline and progressive, in Huffman codes (FF C0, C1, C2)", c)
	case p.width > 0:
		return p.refuse(p.at, ErrSyntax, "a second frame header in one picture")
	case b[0] != 8 || b[5] < 1 || b[5] > 4:
		return p.refuse(p.at, ErrSyntax, "a picture of %d components with %d bits; taken are 1 to 4 with 8", b[5], b[0])
	case width == 0 || height == 0:
		return p.refuse(p.at, ErrSyntax, "a picture of %dx%d pixels", width, height)
	case width > maxSide || height > maxSide:
		return p.refuse(p.at, ErrTooLarge, "a picture of %dx%d pixels; at most %dx%d are taken", width, height, maxSide, maxSide)
	}
	p.width, p.height = width, height
	return nil
}
