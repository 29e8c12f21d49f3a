package stream

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// The flags of a page.
const (
	oggContinued = 1 << iota // it begins with the rest of a packet
	oggBegin                 // it is the first of its logical stream
	oggEnd                   // it is the last
)

const (
	oggHead     = 27  // bytes of a page before its lacing values
	oggSum      = 22  // where among them the checksum is
	oggSegments = 255 // lacing values in a page at the most
)

// oggPage is a page (RFC 3533, section 6).
type oggPage struct {
	flags    byte
	granule  int64 // where the last packet that ends in it ends, in the codec's units; -1: none does
	serial   uint32
	sequence uint32
	lacing   []byte // of packets that next has not taken yet
	body     []byte
}

// readOggPage reads the page that b begins with and returns how long it is, or 0
// if b does not hold all of it. It believes its checksum.
func readOggPage(b []byte) (g oggPage, n int) {
	if len(b) < oggHead || len(b) < oggHead+int(b[26]) {
		return oggPage{}, 0
	}
	body := oggHead + int(b[26])
	g.lacing = b[oggHead:body]
	n = body
	for _, l := range g.lacing {
		n += int(l)
	}
	if len(b) < n {
		return oggPage{}, 0
	}
	le := binary.LittleEndian
	g.flags, g.granule, g.serial, g.sequence = b[5], int64(le.Uint64(b[6:])), le.Uint32(b[14:]), le.Uint32(b[18:])
	g.body = b[body:n]
	return g, n
}

// next takes the next packet of the page, or what of it is there: a packet that is
// not whole goes on on the next page.
func (g *oggPage) next() (data []byte, whole bool) {
	n, i := 0, 0
	for ; i < len(g.lacing) && !whole; i++ {
		n += int(g.lacing[i])
		whole = g.lacing[i] < 255
	}
	data = g.body[:n:n]
	g.lacing, g.body = g.lacing[i:], g.body[n:]
	return data, whole
}

// oggChecksum is that of a page, in which the checksum itself counts as zeros. The
// polynomial is that of hash/crc32, which takes the bits of a byte in the other
// order, and inverts what it begins with and what it returns.
func oggChecksum(page []byte) uint32 {
	sum := ^uint32(0)
	var turned [512]byte
	for first := true; len(page) > 0; first = false {
		n := copy(turned[:], page)
		if first {
			clear(turned[oggSum : oggSum+4])
		}
		for i := 0; i < n; i += 8 {
			eight := turned[i : i+8]
			v := binary.LittleEndian.Uint64(eight)
			binary.LittleEndian.PutUint64(eight, bits.ReverseBytes64(bits.Reverse64(v)))
		}
		sum = crc32.Update(sum, crc32.IEEETable, turned[:n])
		page = page[n:]
	}
	return bits.Reverse32(^sum)
}

// oggTrack writes the pages of one logical stream.
type oggTrack struct {
	serial   uint32
	sequence uint32 // of the next page
	rate     int64  // granule positions in a second
	skip     int64  // that they are ahead of the stream time (RFC 7845, section 4.2)
	granule  int64  // of the newest page
}

// page appends a page that holds a packet, or a stretch of one, in so many lacing
// values; with none it holds nothing.
func (t *oggTrack) page(b []byte, flags byte, granule int64, segments int, body []byte) []byte {
	le, from := binary.LittleEndian, len(b)
	b = append(b, 'O', 'g', 'g', 'S', 0, flags)
	b = le.AppendUint64(b, uint64(granule))
	b = le.AppendUint32(b, t.serial)
	b = le.AppendUint32(b, t.sequence)
	b = append(b, 0, 0, 0, 0, byte(segments))
	for range segments - 1 {
		b = append(b, 255)
	}
	if segments > 0 {
		b = append(b, byte(len(body)-255*(segments-1)))
	}
	b = append(b, body...)
	le.PutUint32(b[from+oggSum:], oggChecksum(b[from:]))
	t.sequence++
	return b
}

// packet appends a packet in pages of its own, of which the last has the granule
// position.
func (t *oggTrack) packet(b []byte, flags byte, granule int64, packet []byte) []byte {
	for left := len(packet)/255 + 1; left > 0; flags = oggContinued {
		segments, n, at := left, len(packet), granule
		if left > oggSegments {
			segments, n, at = oggSegments, 255*oggSegments, -1
		}
		b = t.page(b, flags, at, segments, packet[:n])
		packet, left = packet[n:], left-segments
	}
	return b
}

// oggSize is how many bytes packet appends for a packet of n.
func oggSize(n int) int {
	segments := n/255 + 1
	return n + segments + oggHead*oggPages(n)
}

// oggPages is how many pages a packet of n bytes needs.
func oggPages(n int) int { return (n/255 + oggSegments) / oggSegments }
