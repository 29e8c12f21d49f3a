package stream

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The element IDs of RFC 8794 and RFC 9559 that this package reads or writes.
const (
	idEBML           = 0x1A45DFA3
	idEBMLMaxID      = 0x42F2
	idEBMLMaxSize    = 0x42F3
	idDocType        = 0x4282
	idVoid           = 0xEC
	idCRC32          = 0xBF
	idSegment        = 0x18538067
	idInfo           = 0x1549A966
	idTimestampScale = 0x2AD7B1
	idTracks         = 0x1654AE6B
	idCluster        = 0x1F43B675
	idSeekHead       = 0x114D9B74
	idCues           = 0x1C53BB6B
	idTags           = 0x1254C367
	idChapters       = 0x1043A770
	idAttachments    = 0x1941A469

	idTrackEntry      = 0xAE
	idTrackNumber     = 0xD7
	idTrackUID        = 0x73C5
	idTrackType       = 0x83
	idDefaultDuration = 0x23E383
	idTrackScale      = 0x23314F
	idCodecID         = 0x86
	idCodecPrivate    = 0x63A2
	idEncodings       = 0x6D80
	idCodecDelay      = 0x56AA
	idSeekPreRoll     = 0x56BB
	idVideo           = 0xE0
	idPixelWidth      = 0xB0
	idPixelHeight     = 0xBA
	idAlphaMode       = 0x53C0
	idAudio           = 0xE1
	idSamplingFreq    = 0xB5
	idChannels        = 0x9F
	idBitDepth        = 0x6264

	idTimestamp     = 0xE7
	idPosition      = 0xA7
	idPrevSize      = 0xAB
	idSimpleBlock   = 0xA3
	idBlockGroup    = 0xA0
	idBlock         = 0xA1
	idBlockDuration = 0x9B
	idReference     = 0xFB
)

// unknownSize is the size of an element that ends where something follows that
// cannot be inside it (RFC 8794, section 6.2).
const unknownSize = -1

// element is the head of an EBML element.
type element struct {
	id   uint64
	size int64 // of the data, or unknownSize
	head int   // bytes of ID and size
}

// readElement reads the head of the element that b begins with. A head of 0
// means that b is too short, a negative one that no element begins so: an ID
// longer than maxID or a size field longer than maxSize bytes.
func readElement(b []byte, maxID, maxSize int) element {
	id, n := readID(b, maxID)
	if n <= 0 {
		return element{head: n}
	}
	size, m := readSize(b[n:], maxSize)
	if m <= 0 {
		return element{head: m}
	}
	return element{id: id, size: size, head: n + m}
}

// readID reads an element ID with its marker bit, as RFC 8794 section 5 writes it.
func readID(b []byte, max int) (id uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = bits.LeadingZeros8(b[0]) + 1
	if n > max {
		return 0, -1
	}
	if len(b) < n {
		return 0, 0
	}
	return beUint(b[:n]), n
}

// readSize reads a variable-size integer; all data bits set means unknownSize,
// at any length (RFC 8794, sections 4 and 6.2).
func readSize(b []byte, max int) (v int64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = bits.LeadingZeros8(b[0]) + 1
	if n > max || n > 8 {
		return 0, -1
	}
	if len(b) < n {
		return 0, 0
	}
	u := beUint(b[:n]) &^ (1 << (7 * n))
	if u == 1<<(7*n)-1 {
		return unknownSize, n
	}
	return int64(u), n
}

// beUint reads up to eight bytes as a big-endian unsigned integer.
func beUint(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// ebmlUint and ebmlFloat read the data of an element of that type; longer data
// than the type allows reads as zero, like an absent element.
func ebmlUint(b []byte) uint64 {
	if len(b) > 8 {
		return 0
	}
	return beUint(b)
}

func ebmlFloat(b []byte) float64 {
	switch len(b) {
	case 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	return 0
}

// children calls f for each element directly inside b, a whole parent's data.
// It reports false when b is not a sequence of whole elements or f says stop.
func children(b []byte, f func(id uint64, data, whole []byte) bool) bool {
	for len(b) > 0 {
		e := readElement(b, 8, 8)
		if e.head <= 0 || e.size < 0 || e.size > int64(len(b)-e.head) {
			return false
		}
		end := e.head + int(e.size)
		if !f(e.id, b[e.head:end], b[:end]) {
			return false
		}
		b = b[end:]
	}
	return true
}

// appendID, appendSize, appendUint and appendBytes write elements.
func appendID(b []byte, id uint64) []byte {
	for s := 24; s >= 0; s -= 8 {
		if id>>s != 0 {
			b = append(b, byte(id>>s))
		}
	}
	return b
}

func sizeLen(v int) int {
	n := 1
	for v >= 1<<(7*n)-1 {
		n++
	}
	return n
}

func appendSize(b []byte, v int) []byte {
	n := sizeLen(v)
	for i := n - 1; i >= 0; i-- {
		c := byte(v >> (8 * i))
		if i == n-1 {
			c |= 1 << (8 - n)
		}
		b = append(b, c)
	}
	return b
}

func uintLen(v uint64) int { return max(1, (bits.Len64(v)+7)/8) }

func appendUint(b []byte, id, v uint64) []byte {
	n := uintLen(v)
	b = appendSize(appendID(b, id), n)
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func appendBytes(b []byte, id uint64, data []byte) []byte {
	return append(appendSize(appendID(b, id), len(data)), data...)
}
