package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// mp3Decoder turns frames of MPEG 1 and 2 layer III into samples. One goroutine
// uses it.
//
// The library decodes what a reader gives it and forgets everything at the
// reader's end. It asks for no byte more than the frame has whose samples are
// wanted, so it is given exactly one frame for each call and never sees an end.
type mp3Decoder struct {
	track   Track
	in      frameReader
	library *mp3.Decoder // nil: the next frame begins anew
	held    int          // bytes of earlier frames that the library can use for the next
	own     []byte       // the newest of them, where alone is to use them
	out     [2 * 1152 * 2]byte
}

func newMP3Decoder(t *Track) (decoder, error) {
	if t.Rate < 16000 { // MPEG 1 and 2 have no such rates
		return nil, errMPEG25
	}
	return &mp3Decoder{track: *t}, nil
}

var errMPEG25 = errors.New("MPEG 2.5 is not decoded here")

// decode appends a frame's samples, interleaved, 1.0 being full scale, to dst. An
// error means that this frame gives no samples; later ones may.
//
// A frame that needs bytes of others which were never given, as the first after a
// join, is as long as any other and silent.
func (d *mp3Decoder) decode(dst []float32, frame []byte) (samples []float32, err error) {
	h, err := d.header(frame)
	if err != nil {
		return dst, err
	}
	defer func() {
		if r := recover(); r != nil { // hostile bytes make the library index beyond its tables
			err = fmt.Errorf("mp3: %v", r)
		}
		if err != nil {
			samples, d.library, d.held, d.own = dst, nil, 0, nil
		}
	}()
	if d.in.b, err = d.complete(frame, h); err != nil {
		return dst, err
	}
	if d.library == nil { // this decodes the frame
		if d.library, err = mp3.NewDecoder(&d.in); err != nil {
			return dst, err
		}
	}
	out := d.out[:4*h.samples]
	if n, err := d.library.Read(out); err != nil {
		return dst, err
	} else if n != len(out) {
		return dst, fmt.Errorf("mp3: %d bytes of samples; expected %d", n, len(out))
	}
	if len(d.in.b) > 0 {
		return dst, fmt.Errorf("mp3: %d bytes of a frame were not used", len(d.in.b))
	}
	// The library always makes two channels.
	for i := 0; i < len(out); i += 2 {
		if d.track.Channels == 2 || i%4 == 0 {
			dst = append(dst, float32(int16(binary.LittleEndian.Uint16(out[i:])))/32768)
		}
	}
	return dst, nil
}

// header reads the frame's header and demands that it is whole, and of the track.
func (d *mp3Decoder) header(frame []byte) (h frameHeader, err error) {
	if len(frame) < mp3Head {
		return h, errors.New("mp3: a frame without a header")
	}
	h, ok := readMP3(frame)
	if !ok || h.kind.variant&3 != layer3 || h.length != len(frame) || h.kind.rate != d.track.Rate || h.kind.channels != d.track.Channels {
		return h, fmt.Errorf("mp3: % X begins no frame of %d bytes, %d Hz, %d channels", frame[:mp3Head], len(frame), d.track.Rate, d.track.Channels)
	}
	return h, nil
}

// complete returns the frame as the library can decode it. One that refers to
// more bytes of earlier frames than there are becomes silent: its side
// information says so, and that its own bytes are kept for later frames.
func (d *mp3Decoder) complete(frame []byte, h frameHeader) ([]byte, error) {
	side, bits := mp3Head, 9 // of the number of bytes before this frame
	if frame[1]&1 == 0 {
		side += 2 // a CRC
	}
	if h.kind.variant>>2 != mpeg1 {
		bits = 8
	}
	data := side + mp3Side(h)
	if len(frame) < data {
		return nil, fmt.Errorf("mp3: a frame of %d bytes has no side information", len(frame))
	}
	if h.kind.rate == 22050 {
		return d.alone(frame, side, data), nil
	}
	shift := 16 - bits
	back := int(binary.BigEndian.Uint16(frame[side:]) >> shift)
	if back > d.held {
		back = min(d.held, 1<<bits-1)
		frame = bytes.Clone(frame)
		clear(frame[side:data])
		binary.BigEndian.PutUint16(frame[side:], uint16(back<<shift))
	}
	d.held = back + len(frame) - data
	return frame, nil
}

// alone returns a frame of 22,050 Hz that needs no other. Only those have padding,
// which the library takes for half a byte, so that the bytes of earlier frames
// would not be where the next one looks for them. Here they stand in the frame
// itself, which is as large as can be.
func (d *mp3Decoder) alone(frame []byte, side, data int) []byte {
	const largest, back = 522, 255 // bytes: of a frame, and before one
	b := make([]byte, largest)
	b[0], b[1], b[2], b[3] = frame[0], frame[1]|1, 0xE0, frame[3] // no CRC, 160 kbit/s, no padding
	if n := int(frame[side]); n <= len(d.own) {
		to := mp3Head + copy(b[mp3Head:], frame[side:data])
		b[mp3Head] = 0
		to += copy(b[to:], d.own[len(d.own)-n:])
		copy(b[to:], frame[data:])
	}
	d.own = append(d.own, frame[data:]...)
	d.own = append(d.own[:0], d.own[max(0, len(d.own)-back):]...)
	return b
}

// frameReader reads one frame. It is nothing but a Reader, for the library looks
// through all of what can seek.
type frameReader struct{ b []byte }

func (r *frameReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}
