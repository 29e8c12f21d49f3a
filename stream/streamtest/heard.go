package streamtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Heard is one thing in a listener's body: a frame of a numbered [Media], or
// something that means nothing.
type Heard struct {
	Filler bool
	Run, N int           // of the frame
	Time   time.Duration // by the body's clock; WAV has none
}

func (h Heard) String() string {
	if h.Filler {
		return "filler"
	}
	return fmt.Sprintf("%d/%d", h.Run, h.N)
}

// Hear reads a body that the server made of numbered media, by a reader of its
// own: nothing in it is the server's. Every frame must be, byte for byte, that of
// the run and number that it says it is. rest is how many bytes at the end are no
// whole frame.
func Hear(body []byte, media map[int]*Media) (all []Heard, rest int, err error) {
	if bytes.HasPrefix(body, []byte("RIFF")) {
		return hearWAV(body, media)
	}
	r := &webmReader{b: body, media: media}
	for len(r.b) > 0 {
		n, err := r.next()
		if err != nil {
			return r.all, 0, fmt.Errorf("byte %d of %d: %w", len(body)-len(r.b), len(body), err)
		}
		if n == 0 {
			break
		}
		r.b = r.b[n:]
	}
	return r.all, len(r.b), nil
}

// frameOf returns a frame by its run and number.
func frameOf(media map[int]*Media, run, n int) (MediaFrame, error) {
	m := media[run]
	if m == nil || n < 0 || n >= len(m.Frames) {
		return MediaFrame{}, fmt.Errorf("frame %d of run %d was never sent", n, run)
	}
	return m.Frames[n], nil
}

const wavHead = 44

func hearWAV(body []byte, media map[int]*Media) (all []Heard, rest int, err error) {
	if len(body) < wavHead {
		return nil, len(body), nil
	}
	if string(body[36:wavHead]) != "data\xff\xff\xff\xff" {
		return nil, 0, fmt.Errorf("a header that ends in %q", body[36:wavHead])
	}
	for b := body[wavHead:]; ; {
		if len(b) < 4 {
			return all, len(b), nil
		}
		sample := int(binary.LittleEndian.Uint32(b))
		run, n := sample>>wavShift, sample&(1<<wavShift-1)/wavUnit
		f, err := frameOf(media, run, n)
		if err != nil {
			return all, 0, err
		}
		if len(b) < len(f.Data) && bytes.HasPrefix(f.Data, b) {
			return all, len(b), nil
		}
		if !bytes.HasPrefix(b, f.Data) {
			return all, 0, fmt.Errorf("after %d frames, sample %d of run %d: the samples of frame %d do not follow", len(all), sample&(1<<wavShift-1), run, n)
		}
		all = append(all, Heard{Run: run, N: n})
		b = b[len(f.Data):]
	}
}

type webmReader struct {
	b       []byte
	media   map[int]*Media
	cluster time.Duration
	all     []Heard
}

// next reads one element, or the head of one that others stand in, and returns
// its length; 0: it is not whole.
func (r *webmReader) next() (n int, err error) {
	id, size, head := ebmlHead(r.b)
	if head == 0 {
		return 0, nil
	}
	switch id {
	case ebmlSegment, ebmlCluster:
		return head, nil
	case ebmlHeader, ebmlInfo, ebmlTracks, ebmlTime, ebmlBlock, ebmlVoid:
	default:
		return 0, fmt.Errorf("element %X", id)
	}
	if size < 0 {
		return 0, fmt.Errorf("element %X of no size", id)
	}
	if len(r.b)-head < size {
		return 0, nil
	}
	data := r.b[head : head+size]
	switch id {
	case ebmlTime:
		var ms int64
		for _, c := range data {
			ms = ms<<8 | int64(c)
		}
		r.cluster = time.Duration(ms) * time.Millisecond
	case ebmlBlock:
		err = r.block(data)
	case ebmlVoid:
		r.all = append(r.all, Heard{Filler: true})
	}
	return head + size, err
}

func (r *webmReader) block(data []byte) error {
	if len(data) < 4+numberAt+6 {
		return errors.New("a block too short for a number")
	}
	rel := time.Duration(int16(binary.BigEndian.Uint16(data[1:]))) * time.Millisecond
	d := data[4:]
	run, n := int(binary.BigEndian.Uint16(d[numberAt:])), int(binary.BigEndian.Uint32(d[numberAt+2:]))
	f, err := frameOf(r.media, run, n)
	if err != nil {
		return err
	}
	if !bytes.Equal(d, f.Data) {
		return fmt.Errorf("frame %d of run %d is not as it was sent", n, run)
	}
	if !bytes.Equal(data[:4], blockHead(f, rel)) {
		return fmt.Errorf("frame %d of run %d stands in a block that begins % X", n, run, data[:4])
	}
	r.all = append(r.all, Heard{Run: run, N: n, Time: r.cluster + rel})
	return nil
}

// ebmlHead reads an element's ID and size; size -1 is unknown, head 0 that not
// even this is whole.
func ebmlHead(b []byte) (id uint32, size, head int) {
	n := ebmlLength(b)
	if n == 0 || n > 4 {
		return 0, 0, 0
	}
	for _, c := range b[:n] {
		id = id<<8 | uint32(c)
	}
	b = b[n:]
	k := ebmlLength(b)
	if k == 0 {
		return 0, 0, 0
	}
	v := uint64(b[0]) & (1<<(8-k) - 1)
	for _, c := range b[1:k] {
		v = v<<8 | uint64(c)
	}
	if v == 1<<(7*k)-1 {
		return id, -1, n + k
	}
	return id, int(v), n + k
}

// ebmlLength returns how long the number at the begin of b is, if it is whole.
func ebmlLength(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	n := 1
	for m := byte(0x80); n < 9 && b[0]&m == 0; m >>= 1 {
		n++
	}
	if n > 8 || n > len(b) {
		return 0
	}
	return n
}
