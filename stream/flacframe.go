package stream

import (
	"encoding/binary"
	"errors"
)

// flacHeader is what the header of a FLAC frame says (RFC 9639, section 9.1).
type flacHeader struct {
	length  int // of the header, in bytes
	number  int // how many of them, from the fifth on, are the coded number
	block   int // how many say how long the block is
	samples int // of each channel
}

// flacRates are samples per second by code; 0 is none.
var flacRates = [12]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// flacBits are bits per sample by code; 0 is none, and -1 is forbidden.
var flacBits = [8]int{0, 8, 12, -1, 16, 20, 24, 32}

// readFLAC reads the header of a frame that agrees with a STREAMINFO block.
func readFLAC(b []byte, info *flacStreamInfo) (h flacHeader, found answer) {
	if len(b) > 0 && b[0] != 0xFF || len(b) > 1 && b[1]&0xFE != 0xF8 {
		return h, no
	}
	if len(b) < 5 {
		return h, unknown
	}
	block, rate, channels, bits := b[2]>>4, b[2]&15, int(b[3]>>4)+1, flacBits[b[3]>>1&7]
	if channels > 8 && channels <= 11 {
		channels = 2 // one of them is stored as a difference
	}
	h.number = codedLength(b[4])
	if block == 0 || rate == 15 || channels != info.channels || bits != 0 && bits != info.bits || b[3]&1 != 0 ||
		h.number == 0 || h.number == 7 && b[1]&1 == 0 {
		return h, no
	}
	at, sized, rated := 4+h.number, 0, 0 // both numbers may stand behind the coded one
	if block == 6 || block == 7 {
		sized = int(block) - 5
	}
	if rate >= 12 {
		rated = min(int(rate)-11, 2)
	}
	h.length, h.block = at+sized+rated+1, sized
	if len(b) < h.length {
		return h, unknown
	}
	switch {
	case block == 1:
		h.samples = 192
	case block < 6:
		h.samples = 144 << block
	case block > 7:
		h.samples = 1 << block
	default:
		h.samples = bigEndian(b[at:at+sized]) + 1
	}
	hertz := bigEndian(b[at+sized : at+sized+rated])
	switch rate {
	case 12:
		hertz *= 1000
	case 13:
	case 14:
		hertz *= 10
	default:
		hertz = flacRates[rate]
	}
	if h.samples > info.most || hertz != info.rate && (hertz != 0 || rate != 0) || crc8(b[:h.length]) != 0 {
		return h, no
	}
	return h, yes
}

// rewrite appends a whole frame with other first bytes, another number, and the
// checksums that they need. Its rate is left out if they do not announce it.
func (h *flacHeader) rewrite(b, frame []byte, first [4]byte, number uint64) []byte {
	begin := len(b)
	b = appendCoded(append(b, first[:]...), number)
	end := h.length - 1
	if first[2]&15 == 0 {
		end = 4 + h.number + h.block
	}
	b = append(b, frame[4+h.number:end]...)
	b = append(b, crc8(b[begin:]))
	b = append(b, frame[h.length:len(frame)-2]...)
	return binary.BigEndian.AppendUint16(b, crc16(0, b[begin:]))
}

func bigEndian(b []byte) (v int) {
	for _, c := range b {
		v = v<<8 | int(c)
	}
	return v
}

// codedLength is how many bytes a coded number has that begins with c; 0: none
// does. It is coded as UTF-8 codes characters, up to 36 bits.
func codedLength(c byte) int {
	switch {
	case c < 0x80:
		return 1
	case c < 0xC0 || c == 0xFF:
		return 0
	}
	n := 2
	for m := byte(0x20); c&m != 0; m >>= 1 {
		n++
	}
	return n
}

// appendCoded writes a number as short as it can be.
func appendCoded(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	n := 2
	for n < 7 && v>>(5*n+1) != 0 {
		n++
	}
	b = append(b, ^byte(0xFF>>n)|byte(v>>(6*(n-1))))
	for n -= 2; n >= 0; n-- {
		b = append(b, 0x80|byte(v>>(6*n))&0x3F)
	}
	return b
}

// flacMuxer writes the frames of all runs with sample numbers that go on, since
// players take them for timestamps. They are numbered by samples and not by
// frames, as a run's last frame may be shorter than others.
type flacMuxer struct {
	header  []byte
	info    flacStreamInfo
	samples uint64 // so far
}

func newFLACMuxer(h *head) (Muxer, error) {
	private := h.tracks[0].Private
	if len(private) != flacInfo {
		return nil, errors.New("no STREAMINFO block")
	}
	info, ok := readStreamInfo(private)
	if !ok {
		return nil, errors.New("a damaged STREAMINFO block")
	}
	const last = 0x80 // of the metadata blocks, whose type is 0
	return &flacMuxer{header: append([]byte{'f', 'L', 'a', 'C', last, 0, 0, flacInfo}, private...), info: info}, nil
}

// Header is fLaC and a STREAMINFO block that does not say how long the file is.
func (m *flacMuxer) Header() []byte { return m.header }

// Mux writes a frame with its number; every part is a join. The numbers have 36
// bits, which is two weeks at 48 kHz, and then begin at 0 again.
func (m *flacMuxer) Mux(p *Part) {
	const variable = 0xF9 // the second byte of frames that are numbered by samples
	f := p.Frame
	b := make([]byte, 0, len(f)+6)
	if h, found := readFLAC(f, &m.info); found == yes && len(f) > h.length+2 {
		b = h.rewrite(b, f, [4]byte{f[0], variable, f[2], f[3]}, m.samples&(1<<36-1))
		m.samples += uint64(h.samples)
	} else {
		b = append(b, f...)
	}
	p.Kind, p.Frame, p.Bytes = Join, b, b
}

// Filler is nil: every byte belongs to a frame.
func (m *flacMuxer) Filler() []byte { return nil }

// The two checksums of FLAC, of the polynomials x^8+x^2+x+1 and x^16+x^15+x^2+1.
// Over something with its checksum behind it they are 0.
var (
	crc8Table   = crcTable(8, 0x07)
	crc16Tables = crc16After()
)

// crc16After is, for each byte, the sum that is left of it when 0 to 7 zeros follow.
func crc16After() (t [8][256]uint16) {
	t[0] = crcTable(16, 0x8005)
	for i := range 7 {
		for x, c := range t[i] {
			t[i+1][x] = c<<8 ^ t[0][c>>8]
		}
	}
	return t
}

func crcTable(bits int, poly uint16) (table [256]uint16) {
	for i := range table {
		c := uint16(i) << (bits - 8)
		for range 8 {
			if c>>(bits-1)&1 != 0 {
				c = c<<1 ^ poly
			} else {
				c <<= 1
			}
		}
		table[i] = c & (1<<bits - 1)
	}
	return table
}

func crc8(b []byte) byte {
	var c byte
	for _, x := range b {
		c = byte(crc8Table[c^x])
	}
	return c
}

// crc16 takes eight bytes at a time: what each does to the sum when so many zeros
// follow it stands in a table of its own.
func crc16(c uint16, b []byte) uint16 {
	t := &crc16Tables
	for ; len(b) >= 8; b = b[8:] {
		c = t[7][b[0]^byte(c>>8)] ^ t[6][b[1]^byte(c)] ^ t[5][b[2]] ^ t[4][b[3]] ^ t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
	}
	for _, x := range b {
		c = c<<8 ^ t[0][byte(c>>8)^x]
	}
	return c
}
