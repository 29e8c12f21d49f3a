package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// oggCodec is what must be known of a codec to cut its logical stream.
type oggCodec interface {
	// brief reports whether of a packet that begins so nothing else matters:
	// comments, which may hold pictures.
	brief(b []byte) bool
	// header takes a header packet after the first one.
	header(t *Track, b []byte) error
	// samples returns how long a packet lasts; false: no decoder makes sound of it.
	samples(b []byte) (n int64, ok bool)
}

// oggBrief is how much is kept of a packet of which only the begin matters.
const oggBrief = 16

// oggRate is the highest sample rate; FLAC has 20 bits for it.
const oggRate = 1<<20 - 1

// oggIdent reads the first packet of a logical stream. more is how many header
// packets the run cannot begin without. A nil codec is one that is not known here.
func oggIdent(b []byte) (c oggCodec, t Track, more int, err error) {
	switch {
	case bytes.HasPrefix(b, []byte("OpusHead")):
		t, err = opusIdent(b)
		return &oggOpus{}, t, 1, err
	case bytes.HasPrefix(b, []byte("\x01vorbis")):
		t, err = vorbisIdent(b)
		return &oggVorbis{ident: slices.Clone(b[:min(len(b), vorbisIdentSize)])}, t, 2, err
	case bytes.HasPrefix(b, []byte("\x7FFLAC\x01")):
		t, err = flacIdent(b)
		return oggFLAC{}, t, 0, err
	}
	return nil, Track{}, 0, nil
}

// oggHeaders returns the header packets of a track. Their comments are ours: a
// recorder's say nothing of what an endless file holds now.
func oggHeaders(t *Track) ([][]byte, error) {
	p := t.Private
	switch {
	case t.Codec == "opus" && len(p) >= opusHeadSize:
		return [][]byte{p, append([]byte("OpusTags"), oggComment...)}, nil
	case t.Codec == "vorbis" && len(p) > 0:
		if all, ok := unlace(0x02, p); ok && len(all) == 3 { // Matroska has them in this form
			return all, nil
		}
	case t.Codec == "flac" && len(p) >= flacHeadSize:
		ident := append([]byte("\x7FFLAC\x01\x00\x00\x01"), p[:flacHeadSize]...)
		ident[13] &^= flacLast // the comment follows
		return [][]byte{ident, append([]byte{flacLast | 4, 0, 0, byte(len(oggComment))}, oggComment...)}, nil
	}
	return nil, fmt.Errorf("no Ogg of %s with a configuration of %d bytes; it takes Opus, Vorbis and FLAC with their headers", t.Codec, len(p))
}

// oggComment is a comment that only says who wrote the file (Vorbis I, section 5).
const oggComment = "\x08\x00\x00\x00everfile\x00\x00\x00\x00"

// oggOpus is Opus (RFC 7845).
type oggOpus struct{ tagged bool }

const opusHeadSize = 19

// opusIdent reads an OpusHead, which is also what WebM has as CodecPrivate.
func opusIdent(b []byte) (t Track, err error) {
	switch {
	case len(b) < opusHeadSize:
		return t, fmt.Errorf("an OpusHead of %d bytes; expected at least %d", len(b), opusHeadSize)
	case b[8]&0xF0 != 0:
		return t, fmt.Errorf("an OpusHead of version %d; versions below 16 are taken", b[8])
	case b[9] == 0, b[18] == 0 && b[9] > 2, b[18] != 0 && len(b) < opusHeadSize+2+int(b[9]):
		return t, fmt.Errorf("an OpusHead of %d bytes with %d channels in mapping family %d", len(b), b[9], b[18])
	}
	return Track{Type: Audio, Codec: "opus", Private: slices.Clone(b), Rate: 48000, Channels: int(b[9]), id: "opus"}, nil
}

// opusSkip is the pre-skip of an OpusHead, in samples.
func opusSkip(head []byte) int64 { return int64(binary.LittleEndian.Uint16(head[10:])) }

func (c *oggOpus) brief([]byte) bool { return !c.tagged }

func (c *oggOpus) header(_ *Track, b []byte) error {
	if !bytes.HasPrefix(b, []byte("OpusTags")) {
		return fmt.Errorf("expected OpusTags, got %.8q", b)
	}
	c.tagged = true
	return nil
}

func (c *oggOpus) samples(b []byte) (int64, bool) {
	d := opusDuration(b)
	return int64(d * 48 / time.Millisecond), d > 0
}

// oggFLAC is FLAC in Ogg (RFC 9639, section 10.1).
type oggFLAC struct{}

const (
	flacHeadSize = 4 + 4 + 34 // "fLaC" and a STREAMINFO block
	flacLast     = 0x80       // in a metadata block: no other follows
)

// flacIdent reads a first packet. The configuration is what Matroska has as
// CodecPrivate, without what an endless file cannot know: the sizes of its frames,
// how many samples there are, and their checksum.
func flacIdent(b []byte) (t Track, err error) {
	if len(b) < 9+flacHeadSize || string(b[9:13]) != "fLaC" || string(b[14:17]) != "\x00\x00\x22" || b[13]&^flacLast != 0 {
		return t, fmt.Errorf("a FLAC header of %d bytes without STREAMINFO", len(b))
	}
	private := slices.Clone(b[9 : 9+flacHeadSize])
	private[4] = flacLast
	info := private[8:]
	clear(info[4:10])
	clear(info[14:])
	info[13] &= 0xF0
	rate := int(info[10])<<12 | int(info[11])<<4 | int(info[12])>>4
	if rate == 0 {
		return t, errors.New("FLAC of 0 Hz")
	}
	return Track{Type: Audio, Codec: "flac", Private: private, Rate: rate, Channels: int(info[12]>>1&7) + 1, id: "flac"}, nil
}

func (oggFLAC) brief(b []byte) bool { return len(b) == 0 || b[0] != 0xFF }

func (oggFLAC) header(*Track, []byte) error { return nil } // STREAMINFO is all it takes

// samples reads the block size from a frame's header (RFC 9639, section 9.1).
func (oggFLAC) samples(b []byte) (int64, bool) {
	if len(b) < 5 || b[0] != 0xFF || b[1]&^1 != 0xF8 {
		return 0, false
	}
	number := bits.LeadingZeros8(^b[4]) // the frame's number, in as many bytes as its begin has ones
	if number == 1 || number == 8 {
		return 0, false
	}
	b, code := b[min(len(b), 4+max(1, number)):], b[2]>>4
	switch {
	case code == 0:
		return 0, false
	case code == 1:
		return 192, true
	case code < 6:
		return 576 << (code - 2), true
	case code == 6 && len(b) >= 1:
		return int64(b[0]) + 1, true
	case code == 7 && len(b) >= 2:
		return int64(binary.BigEndian.Uint16(b)) + 1, true
	case code >= 8:
		return 256 << (code - 8), true
	}
	return 0, false
}
