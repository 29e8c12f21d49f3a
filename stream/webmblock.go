package stream

import (
	"encoding/binary"
	"time"
)

// block is a SimpleBlock or Block (RFC 9559, section 10) taken apart.
type block struct {
	track    *webmTrack
	time     time.Duration
	key      bool
	duration time.Duration // of all its frames, from the BlockGroup
	lacing   byte          // the flags' lacing bits
	data     []byte
}

const lacingBits = 0x06

func (p *webmParser) simpleBlock(data []byte) (Part, error) {
	b, err := p.block(data)
	if err != nil || b.track == nil {
		return Part{}, err
	}
	b.key = data[len(data)-len(b.data)-1]&0x80 != 0
	return p.frames(b)
}

func (p *webmParser) blockGroup(data []byte) (Part, error) {
	var body []byte
	var duration uint64
	key := true
	ok := children(data, func(id uint64, data, _ []byte) bool {
		switch id {
		case idBlock:
			if body != nil {
				return false
			}
			body = data
		case idBlockDuration:
			duration = ebmlUint(data)
		case idReference:
			key = false
		}
		return true
	})
	if !ok || body == nil {
		return Part{}, p.fail(ErrSyntax, "a damaged BlockGroup")
	}
	b, err := p.block(body)
	if err != nil || b.track == nil {
		return Part{}, err
	}
	b.key = key
	if duration < uint64(time.Hour)/uint64(p.scale) {
		b.duration = time.Duration(int64(duration) * p.scale)
	}
	return p.frames(b)
}

// block reads a block's own head. Its track is nil if nobody is sent that track.
func (p *webmParser) block(data []byte) (block, error) {
	num, n := readSize(data, 8)
	if n <= 0 || num < 0 || len(data) < n+3 {
		return block{}, p.fail(ErrSyntax, "a block without track number, timestamp and flags")
	}
	if p.clusterTime < 0 {
		return block{}, p.fail(ErrSyntax, "a block comes before its Cluster's timestamp")
	}
	t := p.tracks[uint64(num)]
	if t == nil {
		return block{}, p.fail(ErrSyntax, "a block of track %d, which the header does not name", num)
	}
	if t.index < 0 {
		return block{}, nil
	}
	rel := int64(int16(binary.BigEndian.Uint16(data[n:])))
	return block{
		track:  t,
		time:   time.Duration((p.clusterTime + rel) * p.scale),
		lacing: data[n+2] & lacingBits,
		data:   data[n+3:],
	}, nil
}

// frames turns a block into parts: the first is returned, the others wait in
// the queue. A lace stays one part where nobody knows how long its frames last.
func (p *webmParser) frames(b block) (Part, error) {
	part := Part{Kind: Body, Track: b.track.index, Time: b.time, Frame: b.data, Duration: b.duration,
		Key: b.key || b.track.track.Type == Audio}
	if b.lacing == 0 {
		if part.Duration == 0 {
			part.Duration = b.track.frameDuration(b.data)
		}
		return part, nil
	}
	laced, ok := unlace(b.lacing, b.data)
	if !ok {
		return Part{}, p.fail(ErrSyntax, "a block whose lacing does not add up")
	}
	var each []time.Duration
	for _, f := range laced {
		d := b.track.frameDuration(f)
		if d == 0 {
			d = b.duration / time.Duration(len(laced))
		}
		if d == 0 && b.track.track.Type == Video {
			d = typicalFrame // as our header says
		}
		if d == 0 && len(laced) > 1 {
			part.lacing = b.lacing
			return part, nil
		}
		each = append(each, d)
	}
	for i, f := range laced {
		part.Frame, part.Duration = f, each[i]
		p.queue = append(p.queue, part)
		part.Time += each[i]
	}
	part, p.queue = p.queue[0], p.queue[1:]
	return part, nil
}

// unlace splits the data of a laced block into its frames (RFC 9559, section 10.3).
func unlace(lacing byte, b []byte) (frames [][]byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	count := int(b[0]) + 1
	b = b[1:]
	sizes := make([]int, 0, count)
	switch lacing {
	case 0x04: // all of one size
		if len(b)%count != 0 {
			return nil, false
		}
		for range count {
			sizes = append(sizes, len(b)/count)
		}
	case 0x02:
		if sizes, b, ok = xiphSizes(sizes, count, b); !ok {
			return nil, false
		}
	default:
		if sizes, b, ok = ebmlSizes(sizes, count, b); !ok {
			return nil, false
		}
	}
	for _, n := range sizes {
		if n < 1 || n > len(b) { // empty frames would make a few bytes many parts
			return nil, false
		}
		frames, b = append(frames, b[:n]), b[n:]
	}
	return frames, true
}

// xiphSizes reads sizes written as sums of bytes that end with one below 255;
// the last frame takes what is left.
func xiphSizes(sizes []int, count int, b []byte) ([]int, []byte, bool) {
	sum := 0
	for range count - 1 {
		n := 0
		for {
			if len(b) == 0 {
				return nil, nil, false
			}
			c := b[0]
			b = b[1:]
			n += int(c)
			if c != 255 {
				break
			}
		}
		sizes, sum = append(sizes, n), sum+n
	}
	return append(sizes, len(b)-sum), b, true
}

// ebmlSizes reads the first size as a variable-size integer and the others as
// signed differences; the last frame takes what is left.
func ebmlSizes(sizes []int, count int, b []byte) ([]int, []byte, bool) {
	sum, size := 0, int64(0)
	for i := range count - 1 {
		v, n := readSize(b, 8)
		if n <= 0 || v < 0 {
			return nil, nil, false
		}
		b = b[n:]
		if i == 0 {
			size = v
		} else {
			size += v - (1<<(7*n-1) - 1)
		}
		if size < 0 || size > MaxBlock {
			return nil, nil, false
		}
		sizes, sum = append(sizes, int(size)), sum+int(size)
	}
	return append(sizes, len(b)-sum), b, true
}

// frameDuration is how long a frame lasts, if the container or the frame says.
func (t *webmTrack) frameDuration(f []byte) time.Duration {
	if t.track.Codec == "opus" && !t.track.encoded {
		return opusDuration(f)
	}
	return t.track.FrameDuration
}

// opusDuration reads the duration of an Opus packet from its first two bytes
// (RFC 6716, section 3.1); 0 if they are no packet's.
func opusDuration(b []byte) time.Duration {
	if len(b) == 0 {
		return 0
	}
	var frame time.Duration
	switch config := b[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [...]time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid: 10, 20 ms
		frame = time.Duration(10<<(config&1)) * time.Millisecond
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = 2500 * time.Microsecond << (config & 3)
	}
	count := 1
	switch b[0] & 3 {
	case 1, 2:
		count = 2
	case 3:
		if len(b) < 2 {
			return 0
		}
		count = int(b[1] & 63)
	}
	if d := frame * time.Duration(count); d <= 120*time.Millisecond {
		return d
	}
	return 0
}
