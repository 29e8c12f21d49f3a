package stream

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/mewkiz/flac/frame"
)

// flacDecoder turns FLAC frames of up to 24 bits into samples. One goroutine uses
// it.
type flacDecoder struct {
	info flacStreamInfo
	buf  []byte // for the frame as the library is given it
}

func newFLACDecoder(t *Track) (decoder, error) {
	info, ok := flacConfig(t.Private)
	switch {
	case !ok:
		return nil, errors.New("flac without its STREAMINFO block is not decoded here")
	case info.bits > 24: // the library's samples have no room for their sums
		return nil, fmt.Errorf("flac of %d bits is not decoded here, up to 24 are", info.bits)
	}
	return &flacDecoder{info: info}, nil
}

// flacConfig reads a codec's configuration: a STREAMINFO block, before which
// Matroska and Ogg have fLaC and the block's head, and MP4 (dfLa) four zeros and that.
func flacConfig(b []byte) (flacStreamInfo, bool) {
	const head = 8
	if len(b) >= head+flacInfo && b[4]&0x7F == 0 && (string(b[:4]) == "fLaC" || string(b[:4]) == "\x00\x00\x00\x00") {
		b = b[head : head+flacInfo]
	}
	if len(b) != flacInfo {
		return flacStreamInfo{}, false
	}
	return readStreamInfo(b)
}

// decode appends a frame's samples, interleaved, 1.0 being full scale, to dst. An
// error means that this frame gives no samples; later ones may.
func (d *flacDecoder) decode(dst []float32, b []byte) (samples []float32, err error) {
	// What the library allocates follows from the header: at most 2 MiB.
	h, found := readFLAC(b, &d.info)
	if found != yes || len(b) <= h.length+2 || crc16(0, b) != 0 {
		return dst, fmt.Errorf("flac: % X begins no frame of %d bytes", b[:min(4, len(b))], len(b))
	}
	defer func() {
		if r := recover(); r != nil {
			samples, err = dst, fmt.Errorf("flac: %v", r)
		}
	}()
	// The library logs rates that are rare, and knows no size of samples that stands
	// in STREAMINFO only: of both the frame says nothing, and the size is told apart.
	d.buf = h.rewrite(d.buf[:0], b, [4]byte{b[0], b[1], b[2] & 0xF0, b[3] & 0xF0}, 0)
	f, err := frame.New(bytes.NewReader(d.buf))
	if err != nil {
		return dst, err
	}
	f.BitsPerSample = uint8(d.info.bits)
	if err := f.Parse(); err != nil {
		return dst, err
	}
	if len(f.Subframes) != d.info.channels {
		return dst, fmt.Errorf("flac: %d channels; expected %d", len(f.Subframes), d.info.channels)
	}
	for _, s := range f.Subframes {
		if len(s.Samples) != h.samples {
			return dst, fmt.Errorf("flac: %d samples; expected %d", len(s.Samples), h.samples)
		}
	}
	scale := 1 / float32(int64(1)<<(d.info.bits-1))
	for i := range h.samples {
		for _, s := range f.Subframes {
			dst = append(dst, float32(s.Samples[i])*scale)
		}
	}
	return dst, nil
}
