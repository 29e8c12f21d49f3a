package stream

import (
	"encoding/binary"
	"time"
)

// Sizes of a data chunk at and above this one mean "until the end": ffmpeg
// writes 0xFFFFFFFF to a pipe, sox a little less than 0x7FFFFFFF.
const endlessWAV = 0x7FFF0000

// The format tags of WAVE that hold plain samples.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavExtensible = 0xFFFE
)

// wavParser cuts RIFF and RF64 WAVE files every 10 ms of samples, so that parts
// do not depend on how the bytes came.
type wavParser struct {
	cursor
	state wavState
	ds64  int64 // size of the data chunk according to RF64, or -1
	head  *head

	frame   int   // bytes of one sample of all channels
	unit    int   // bytes of a part
	left    int64 // bytes of the data chunk still to come, or -1 if it does not end
	pad     int64 // bytes after the data chunk that make its size even
	samples int64 // per channel, so far
}

type wavState uint8

const (
	wavRIFF wavState = iota
	wavChunks
	wavData
	wavAfter
)

func newWAVParser() Parser { return &wavParser{cursor: cursor{format: "wav"}, ds64: -1} }

func (p *wavParser) Parse(b []byte) (int, Part, error) { return p.advance(b, p.step) }

// Rest returns the samples after the last whole 10 ms.
func (p *wavParser) Rest(b []byte) (part Part, err error) {
	switch {
	case p.err != nil:
		return Part{}, p.err
	case p.state < wavData:
		return Part{}, p.fail(ErrSyntax, "the input ends before any samples")
	case p.state != wavData:
		return Part{}, nil
	}
	if missing := p.left - int64(len(b)); missing > 0 {
		err = p.fail(ErrSyntax, "the input ends %d bytes before its data chunk does", missing)
	}
	if n := len(b) / p.frame * p.frame; n > 0 {
		part = p.part(b[:n])
	}
	return part, err
}

func (p *wavParser) step(b []byte) (int, Part, error) {
	if p.skip > 0 {
		return p.discard(b)
	}
	switch p.state {
	case wavRIFF:
		return p.riff(b)
	case wavData:
		return p.data(b)
	}
	return p.chunk(b)
}

func (p *wavParser) riff(b []byte) (int, Part, error) {
	const riff, rf64 = "RIFF____WAVE", "RF64____WAVE"
	for i := range len(riff) {
		if i == len(b) {
			return 0, Part{}, nil
		}
		if riff[i] != '_' && b[i] != riff[i] && b[i] != rf64[i] {
			return 0, Part{}, p.fail(ErrSyntax, "expected RIFF or RF64 ... WAVE, got % X", b[:i+1])
		}
	}
	p.state, p.ds64, p.head = wavChunks, -1, nil
	return 12, Part{}, nil
}

// chunk reads a chunk's head; before the samples fmt and ds64 matter, after
// them only another file.
func (p *wavParser) chunk(b []byte) (int, Part, error) {
	if len(b) < 8 {
		return 0, Part{}, nil
	}
	id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
	switch {
	case id == "RIFF" || id == "RF64":
		if p.state == wavAfter {
			p.state = wavRIFF
			return p.step(b)
		}
		return 0, Part{}, p.fail(ErrSyntax, "a second %s before any samples", id)
	case p.state == wavAfter:
	case id == "fmt " || id == "ds64":
		if size > 4096 {
			return 0, Part{}, p.fail(ErrTooLarge, "a %q chunk of %d bytes", id, size)
		}
		n := 8 + int(size+size&1)
		if len(b) < n {
			return 0, Part{}, nil
		}
		part, err := p.describe(id, b[8:8+size])
		if err != nil {
			return 0, Part{}, err
		}
		return n, part, nil
	case id == "data":
		if p.head == nil {
			return 0, Part{}, p.fail(ErrSyntax, "a data chunk comes before any fmt chunk")
		}
		p.state, p.left, p.pad = wavData, size, size&1
		if size == 0xFFFFFFFF && p.ds64 > 0 {
			p.left, p.pad = p.ds64, p.ds64&1
		} else if size == 0 || size >= endlessWAV {
			p.left = -1
		}
		return 8, Part{}, nil
	}
	p.skip = size + size&1
	return 8, Part{}, nil
}

// describe reads a fmt or ds64 chunk.
func (p *wavParser) describe(id string, b []byte) (Part, error) {
	if id == "ds64" {
		if len(b) >= 16 {
			p.ds64 = int64(min(binary.LittleEndian.Uint64(b[8:]), 1<<62))
		}
		return Part{}, nil
	}
	if p.head != nil {
		return Part{}, p.fail(ErrSyntax, "a second fmt chunk")
	}
	if len(b) < 16 {
		return Part{}, p.fail(ErrSyntax, "a fmt chunk of %d bytes; expected at least 16", len(b))
	}
	le := binary.LittleEndian
	tag, channels, rate := int(le.Uint16(b)), int(le.Uint16(b[2:])), int64(le.Uint32(b[4:]))
	align, bits := int(le.Uint16(b[12:])), int(le.Uint16(b[14:]))
	if tag == wavExtensible {
		if len(b) < 40 {
			return Part{}, p.fail(ErrSyntax, "a WAVE_FORMAT_EXTENSIBLE fmt chunk of %d bytes; expected 40", len(b))
		}
		tag = int(le.Uint16(b[24:]))
	}
	ok := tag == wavPCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32) ||
		tag == wavFloat && (bits == 32 || bits == 64)
	if !ok {
		return Part{}, p.fail(ErrSyntax, "format tag %d with %d bits; taken are 8, 16, 24, 32 bit integers and 32, 64 bit floats", tag, bits)
	}
	if channels < 1 || channels > maxTracks || rate < 1000 || rate > 768_000 || align != channels*bits/8 {
		return Part{}, p.fail(ErrSyntax, "%d channels at %d Hz in frames of %d bytes", channels, rate, align)
	}
	t := Track{Type: Audio, Codec: "1", Rate: int(rate), Channels: channels, Bits: bits, Float: tag == wavFloat, id: "pcm"}
	if t.Float {
		t.Codec = "3"
	}
	p.head = &head{tracks: []Track{t}}
	p.frame, p.unit, p.samples = align, int(rate/100)*align, 0
	return Part{Kind: Header, head: p.head}, nil
}

func (p *wavParser) data(b []byte) (int, Part, error) {
	if p.left >= 0 && p.left < int64(p.unit) {
		n := int(p.left) / p.frame * p.frame
		if len(b) < n {
			return 0, Part{}, nil
		}
		p.skip = p.left - int64(n) + p.pad // a torn sample, and the pad byte
		p.state, p.left = wavAfter, 0
		if n == 0 {
			return p.step(b)
		}
		return n, p.part(b[:n]), nil
	}
	if len(b) < p.unit {
		return 0, Part{}, nil
	}
	if p.left > 0 {
		p.left -= int64(p.unit)
	}
	return p.unit, p.part(b[:p.unit]), nil
}

// part makes a part of whole frames.
func (p *wavParser) part(b []byte) Part {
	t := p.time()
	p.samples += int64(len(b) / p.frame)
	return Part{Kind: Join, Key: true, Time: t, Duration: p.time() - t, Frame: b}
}

// time is the run's clock at the next sample.
func (p *wavParser) time() time.Duration { return sampleTime(p.samples, p.head.tracks[0].Rate) }
