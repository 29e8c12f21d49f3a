package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

// plainMuxer passes frames through behind a header, if there is any.
type plainMuxer struct {
	header []byte
}

func newWAVMuxer(h *head) (Muxer, error) {
	b, err := wavHeader(&h.tracks[0])
	return &plainMuxer{header: b}, err
}

// Header returns what every body begins with; it may be nothing.
func (m *plainMuxer) Header() []byte { return m.header }

// Mux copies the frame; every part is a join.
func (m *plainMuxer) Mux(p *Part) {
	p.Kind = Join
	p.Bytes = append(make([]byte, 0, len(p.Frame)), p.Frame...)
	p.Frame = p.Bytes
}

// Filler is nil: every byte belongs to a frame, or is a sample.
func (m *plainMuxer) Filler() []byte { return nil }

// wavHeader returns the header of an endless WAV file: both sizes 0xFFFFFFFF,
// the only ones that every player reads on after. Integer samples get the 44
// bytes that everything understands; float samples need the longer fmt chunk
// and a fact chunk, without which common tools refuse them.
func wavHeader(t *Track) ([]byte, error) {
	tag := wavPCM
	if t.Float {
		tag = wavFloat
	}
	var w memory
	// The encoder is only used for its header, and reserves a minute of whatever
	// it is first told.
	e := wav.NewEncoder(&w, 1, 8, 1, tag)
	e.SampleRate, e.BitDepth, e.NumChans = t.Rate, t.Bits, t.Channels
	none := &audio.IntBuffer{Format: &audio.Format{NumChannels: t.Channels, SampleRate: t.Rate}}
	if err := errors.Join(e.Write(none), e.Close()); err != nil {
		return nil, fmt.Errorf("writing a WAV header: %w", err)
	}
	b := w.b
	if len(b) != 44 {
		return nil, fmt.Errorf("a WAV header of %d bytes; expected 44", len(b))
	}
	if t.Float {
		b = append(b[:36:36], 0, 0) // cbSize
		b[16] = 18
		b = append(b, "fact\x04\x00\x00\x00\xff\xff\xff\xffdata\xff\xff\xff\xff"...)
	}
	binary.LittleEndian.PutUint32(b[4:], 0xFFFFFFFF)
	binary.LittleEndian.PutUint32(b[len(b)-4:], 0xFFFFFFFF)
	return b, nil
}

// FinishWAV writes into a WAV as listeners get it, which promises no end, how long it
// has become. It leaves everything else as it is, and a file over 4 GiB too, for
// whose length there is no place.
func FinishWAV(f io.ReadWriteSeeker) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size > math.MaxUint32 {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b := make([]byte, min(size, 58))
	if _, err := io.ReadFull(f, b); err != nil {
		return err
	}
	n := 44
	if len(b) > 44 && string(b[36:40]) != "data" {
		n = 58
	}
	if len(b) < n || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || string(b[n-8:n-4]) != "data" {
		return nil
	}
	le := binary.LittleEndian
	data, frame := uint32(size)-uint32(n), uint32(max(1, le.Uint16(b[32:])))
	le.PutUint32(b[4:], uint32(size)-8)
	le.PutUint32(b[n-4:], data)
	if n == 58 {
		le.PutUint32(b[46:], data/frame) // the fact chunk
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = f.Write(b[:n])
	return err
}

// memory is the io.WriteSeeker that the encoder wants.
type memory struct {
	b   []byte
	pos int
}

func (m *memory) Write(p []byte) (int, error) {
	if grow := m.pos + len(p) - len(m.b); grow > 0 {
		m.b = append(m.b, make([]byte, grow)...)
	}
	m.pos += copy(m.b[m.pos:], p)
	return len(p), nil
}

func (m *memory) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += int64(m.pos)
	case io.SeekEnd:
		off += int64(len(m.b))
	}
	if off < 0 || off > int64(len(m.b)) {
		return 0, errors.New("seek outside the header")
	}
	m.pos = int(off)
	return off, nil
}
