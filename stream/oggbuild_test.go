package stream

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// A small builder of Ogg inputs, apart from the product's own writer, with which
// its reader could share a mistake.

// oggOf makes the pages of one logical stream.
type oggOf struct{ serial, sequence uint32 }

// page holds whole packets.
func (o *oggOf) page(flags byte, granule int64, packets ...string) []byte {
	var lacing []byte
	for _, p := range packets {
		lacing = append(append(lacing, bytes.Repeat([]byte{255}, len(p)/255)...), byte(len(p)%255))
	}
	return o.laced(flags, granule, lacing, strings.Join(packets, ""))
}

// torn ends with a packet that goes on on the next page.
func (o *oggOf) torn(flags byte, granule int64, packets ...string) []byte {
	var lacing []byte
	for i, p := range packets {
		lacing = append(lacing, bytes.Repeat([]byte{255}, len(p)/255)...)
		if i < len(packets)-1 {
			lacing = append(lacing, byte(len(p)%255))
		} else if len(p)%255 != 0 {
			panic("a packet can only be torn after a multiple of 255 bytes")
		}
	}
	return o.laced(flags, granule, lacing, strings.Join(packets, ""))
}

func (o *oggOf) laced(flags byte, granule int64, lacing []byte, body string) []byte {
	le := binary.LittleEndian
	b := append([]byte("OggS\x00"), flags)
	b = le.AppendUint64(b, uint64(granule))
	b = le.AppendUint32(b, o.serial)
	b = le.AppendUint32(b, o.sequence)
	b = append(b, 0, 0, 0, 0, byte(len(lacing)))
	b = append(append(b, lacing...), body...)
	o.sequence++
	return summed(b)
}

// summed sets a page's checksum, bit by bit (RFC 3533, section 6).
func summed(page []byte) []byte {
	clear(page[22:26])
	sum := uint32(0)
	for _, c := range page {
		sum ^= uint32(c) << 24
		for range 8 {
			carry := sum>>31 != 0
			if sum <<= 1; carry {
				sum ^= 0x04C11DB7
			}
		}
	}
	binary.LittleEndian.PutUint32(page[22:], sum)
	return page
}

// resummed sets the checksums of all pages that are whole, so that what a fuzzer
// has changed in them is looked at.
func resummed(data []byte) []byte {
	data = bytes.Clone(data)
	for b := data; len(b) > 27; {
		at := bytes.Index(b, []byte("OggS"))
		if at < 0 || len(b[at:]) < 27 {
			break
		}
		b = b[at:]
		n := 27 + int(b[26])
		for _, l := range b[27:min(n, len(b))] {
			n += int(l)
		}
		if n > len(b) {
			break
		}
		summed(b[:n])
		b = b[n:]
	}
	return data
}

// oggOpusHead has 312 samples of pre-skip, as the captures have.
const oggOpusHead = "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"

const opusTags = "OpusTags\x04\x00\x00\x00test\x00\x00\x00\x00"

// opusBegin is the header of a stream of Opus.
func (o *oggOf) opusBegin() []byte {
	return cat(o.page(oggBegin, 0, oggOpusHead), o.page(0, 0, opusTags))
}

// vorbisHead says blocks of 256 and 2048 samples.
const vorbisHead = "\x01vorbis\x00\x00\x00\x00\x02\x80\xbb\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xb8\x01"

const vorbisTags = "\x03vorbis\x04\x00\x00\x00test\x00\x00\x00\x00\x01"

// vorbisSetup ends with modes, each short or long; before them is what only a
// decoder understands.
func vorbisSetup(long ...bool) string {
	b, n := []byte("\x05vorbis codebooks and floors"), 0
	put := func(v uint64, bits int) {
		for range bits {
			if n%8 == 0 {
				b = append(b, 0)
			}
			b[len(b)-1] |= byte(v&1) << (n % 8)
			v >>= 1
			n++
		}
	}
	put(5, 3) // where a byte begins is chance
	put(uint64(len(long)-1), 6)
	for i, l := range long {
		flag := uint64(0)
		if l {
			flag = 1
		}
		put(flag, 1)
		put(0, 32)
		put(uint64(i), 8)
	}
	put(1, 1)
	return string(b)
}

// oggFLACHead is a first packet that claims to know everything.
func oggFLACHead() string {
	info := make([]byte, 34)
	copy(info, "\x10\x00\x10\x00\x00\x00\x0e\x00\x10\x00\x0b\xb8\x02\xf0\x00\x02\xee\x00checksum")
	return "\x7fFLAC\x01\x00\x00\x01fLaC\x00\x00\x00\x22" + string(info)
}

// flacComment is a metadata block of n bytes.
func flacComment(n int) string { return "\x84\x00\x00\x10" + strings.Repeat("c", n) }

// oggFLACFrame has 4096 samples.
const oggFLACFrame = "\xff\xf8\xc9\x18\x00 flac"

const oggHour = 3600 * 48000
