package fault

// framing follows what one side of a WebSocket says: after an HTTP head, frames
// (RFC 6455, section 5.2). Where something else is said it counts rubbish.
type framing struct {
	frames int   // whose heads are over
	past   int64 // bytes of the newest of them

	ended int    // how much of the HTTP head's end is there
	head  []byte // of the next frame
	left  uint64 // bytes of the frame still to come
}

const httpEnd = "\r\n\r\n"

// step takes the next byte.
func (f *framing) step(c byte) {
	switch {
	case f.ended < len(httpEnd):
		if c == httpEnd[f.ended] {
			f.ended++
		} else {
			f.ended = 0
		}
	case f.left > 0:
		f.left--
		f.past++
	default:
		f.head = append(f.head, c)
		if len(f.head) == f.length() {
			f.begin()
		}
	}
}

// length is how long the next frame's head is, as far as that is known.
func (f *framing) length() int {
	if len(f.head) < 2 {
		return 2
	}
	n := 2
	switch f.head[1] & 0x7F {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.head[1]&0x80 != 0 {
		n += 4 // the mask
	}
	return n
}

func (f *framing) begin() {
	size := f.head[1:2]
	f.left = uint64(size[0] & 0x7F)
	switch f.left {
	case 126:
		size = f.head[2:4]
	case 127:
		size = f.head[2:10]
	}
	if f.left > 125 {
		f.left = 0
		for _, c := range size {
			f.left = f.left<<8 | uint64(c)
		}
	}
	f.frames++
	f.past, f.head = 0, f.head[:0]
}
