package stream

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"time"
)

// toEnd is the size of a box that lasts until the file ends.
const toEnd = 0

// box is the head of a box (ISO 14496-12, section 4.2).
type box struct {
	kind string
	size int64 // of all of it, or toEnd
	head int   // bytes of size and type
}

// readBox reads the head of the box that b begins with. A head of 0 means that b
// is too short, a negative one that no box has such a size.
func readBox(b []byte) box {
	if len(b) < 8 {
		return box{}
	}
	e := box{kind: string(b[4:8]), size: int64(binary.BigEndian.Uint32(b)), head: 8}
	if e.size == 1 {
		if len(b) < 16 {
			return box{}
		}
		e.size, e.head = int64(binary.BigEndian.Uint64(b[8:])), 16
		if e.size == toEnd {
			e.head = -1 // only the short form says so
		}
	}
	if e.size != toEnd && e.size < int64(e.head) {
		e.head = -1
	}
	return e
}

// eachBox calls f for each box directly inside b, a whole box's data, until f
// returns an error.
func eachBox(b []byte, f func(kind string, data []byte) error) error {
	for len(b) > 0 {
		e := readBox(b)
		if e.head <= 0 || e.size == toEnd || e.size > int64(len(b)) {
			return errors.New("a box in it does not fit")
		}
		if err := f(e.kind, b[e.head:e.size]); err != nil {
			return err
		}
		b = b[e.size:]
	}
	return nil
}

// bigReader reads big-endian fields one after the other. What is missing reads as
// zero and makes it short.
type bigReader struct {
	b     []byte
	short bool
}

// bytes returns the next n bytes, or none and nothing any more.
func (r *bigReader) bytes(n int) []byte {
	if len(r.b) < n {
		r.b, r.short = nil, true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *bigReader) u8() uint8   { return uint8(beUint(r.bytes(1))) }
func (r *bigReader) u16() uint16 { return uint16(beUint(r.bytes(2))) }
func (r *bigReader) u32() uint32 { return uint32(beUint(r.bytes(4))) }
func (r *bigReader) u64() uint64 { return beUint(r.bytes(8)) }

// full reads what a full box begins with (section 4.2): its version and flags.
func (r *bigReader) full() (version uint8, flags uint32) {
	v := r.u32()
	return uint8(v >> 24), v & 0xFFFFFF
}

// word reads a field that has 64 bits in version 1 of its box, else 32.
func (r *bigReader) word(version uint8) uint64 {
	if version == 1 {
		return r.u64()
	}
	return uint64(r.u32())
}

// maxClock is the latest time that is believed, 146 years after 0: there are
// recorders whose clock began in 1900.
const maxClock = time.Duration(1 << 62)

// ticksToTime turns ticks into a time, to the nearest nanosecond. It reports false
// beyond maxClock, of either sign. scale is 1 to 1,000,000,000 ticks a second, so
// that timeToTicks finds the same tick again.
func ticksToTime(ticks, scale int64) (time.Duration, bool) {
	if ticks < 0 {
		if ticks == math.MinInt64 {
			return 0, false
		}
		t, ok := ticksToTime(-ticks, scale)
		return -t, ok
	}
	hi, lo := bits.Mul64(uint64(ticks), uint64(time.Second))
	lo, carry := bits.Add64(lo, uint64(scale/2), 0)
	if hi += carry; hi >= uint64(scale) {
		return 0, false
	}
	t, _ := bits.Div64(hi, lo, uint64(scale))
	return time.Duration(t), t <= uint64(maxClock)
}

// timeToTicks turns a time into ticks, to the nearest.
func timeToTicks(t time.Duration, scale int64) int64 {
	if t < 0 {
		return -timeToTicks(-t, scale)
	}
	hi, lo := bits.Mul64(uint64(t), uint64(scale))
	lo, carry := bits.Add64(lo, uint64(time.Second/2), 0)
	ticks, _ := bits.Div64(hi+carry, lo, uint64(time.Second)) // scale is not above a second's nanoseconds
	return int64(ticks)
}

// mp4Box writes a box.
func mp4Box(kind string, data ...[]byte) []byte {
	n := 8
	for _, d := range data {
		n += len(d)
	}
	b := appendBoxHead(make([]byte, 0, n), kind, n)
	for _, d := range data {
		b = append(b, d...)
	}
	return b
}

func appendBoxHead(b []byte, kind string, size int) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(size)), kind...)
}

// words are 32-bit fields one after the other.
func words(v ...uint32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}
