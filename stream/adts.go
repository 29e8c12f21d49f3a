package stream

import (
	"encoding/binary"
	"fmt"
	"time"
)

const (
	adtsHead   = 7    // bytes, without CRC
	adtsMost   = 8191 // bytes of a frame with its header
	aacSamples = 1024 // of a raw data block, per channel
)

// aacRates are samples per second by index (ISO 14496-3, table 1.18).
var aacRates = [13]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// aacChannels are those of a channel configuration; 0 says that a frame tells.
var aacChannels = [8]int{0, 1, 2, 3, 4, 5, 6, 8}

// adtsFraming is AAC in ADTS (ISO 13818-7, section 6.2; ISO 14496-3, section
// 1.A.2.2).
//
// A frame may hold up to four raw data blocks. With CRCs the header says where
// each begins, and they become parts of their own; without, only a decoder could
// tell, and they stay together.
var adtsFraming = framing{
	name: "aac", what: "ADTS frames", header: adtsHead,
	read: readADTS, split: splitADTS,
	track: func(k frameKind) Track {
		profile, rate, config := k.variant>>3, aacRate(k.rate), k.variant&7
		return Track{
			Type: Audio, Codec: fmt.Sprintf("mp4a.40.%d", profile+1), Rate: k.rate, Channels: k.channels,
			// AudioSpecificConfig (ISO 14496-3, section 1.6.2.1): object type, index of
			// the rate, channel configuration, and three flags that are not set.
			Private: binary.BigEndian.AppendUint16(nil, uint16(profile+1)<<11|uint16(rate)<<7|uint16(config)<<3),
			id:      "aac",
		}
	},
}

func newADTSParser() Parser { return newFrameParser(adtsFraming) }

func sniffADTS(b []byte) bool {
	if len(b) < adtsHead {
		return false
	}
	_, ok := readADTS(b)
	return ok
}

// aacRate returns the index of a rate.
func aacRate(rate int) (index int) {
	for index < len(aacRates)-1 && aacRates[index] != rate {
		index++
	}
	return index
}

func readADTS(b []byte) (h frameHeader, ok bool) {
	rate, config, blocks := int(b[2]>>2&15), b[2]&1<<2|b[3]>>6, int(b[6]&3)+1
	h.length = int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
	if b[0] != 0xFF || b[1]&0xF6 != 0xF0 || rate >= len(aacRates) || h.length < adtsPrefix(b)+blocks {
		return h, false
	}
	h.kind = frameKind{variant: b[2]>>6<<3 | config, rate: aacRates[rate], channels: aacChannels[config]}
	h.samples = blocks * aacSamples
	if config == 0 {
		h.refused = "AAC of channel configuration 0, which says in some frame what the channels are; only the configurations 1 to 7 are taken"
	}
	return h, true
}

// adtsPrefix is how long a frame's header is: with CRC it also has the places of
// all blocks but the first.
func adtsPrefix(b []byte) int {
	if b[1]&1 != 0 {
		return adtsHead
	}
	return adtsHead + 2*int(b[6]&3) + 2
}

// splitADTS appends the raw data blocks. Each has a CRC behind it where there are
// several and they have any.
func splitADTS(dst [][]byte, b []byte, _ frameHeader) ([][]byte, bool) {
	data, more := b[adtsPrefix(b):], int(b[6]&3)
	if b[1]&1 != 0 || more == 0 {
		return append(dst, data), true
	}
	from := 0
	for i := range more + 1 {
		to := len(data)
		if i < more {
			to = int(binary.BigEndian.Uint16(b[adtsHead+2*i:]))
		}
		if to > len(data) || to-from <= 2 {
			return dst, false
		}
		dst = append(dst, data[from:to-2])
		from = to
	}
	return dst, true
}

// adtsMuxer writes each frame behind a header of its own, without CRC.
type adtsMuxer struct {
	rate  int
	fixed [4]byte // of every header
}

func newADTSMuxer(h *head) (Muxer, error) {
	t := &h.tracks[0]
	if len(t.Private) < 2 {
		return nil, fmt.Errorf("an AudioSpecificConfig of %d bytes", len(t.Private))
	}
	config := binary.BigEndian.Uint16(t.Private)
	object, rate, channels := config>>11, config>>7&15, config>>3&15
	if object < 1 || object > 4 || int(rate) >= len(aacRates) || channels < 1 || channels > 7 {
		return nil, fmt.Errorf("ADTS has no place for AAC of type %d, rate %d, channels %d", object, rate, channels)
	}
	return &adtsMuxer{rate: t.Rate, fixed: [4]byte{
		0xFF, 0xF1, byte(object-1)<<6 | byte(rate)<<2 | byte(channels>>2), byte(channels) << 6,
	}}, nil
}

// Header is nil: there is nothing but frames.
func (m *adtsMuxer) Header() []byte { return nil }

// Mux writes a frame; every part is a join.
func (m *adtsMuxer) Mux(p *Part) {
	size := min(adtsHead+len(p.Frame), adtsMost)
	b := make([]byte, adtsHead, size)
	copy(b, m.fixed[:])
	b[3] |= byte(size >> 11)
	b[4] = byte(size >> 3)
	b[5] = byte(size<<5) | 0x1F // the buffer's fullness: variable rate
	b[6] = 0xFC | byte(m.blocks(p)-1)
	b = append(b, p.Frame[:size-adtsHead]...)
	p.Kind, p.Frame, p.Bytes = Join, b[adtsHead:], b
}

// blocks is how many raw data blocks a part holds, by how long it lasts.
func (m *adtsMuxer) blocks(p *Part) int {
	samples := p.Duration * time.Duration(m.rate) / time.Second
	return min(max(1, int(samples+aacSamples/2)/aacSamples), 4)
}

// Filler is nil: every byte belongs to a frame.
func (m *adtsMuxer) Filler() []byte { return nil }
