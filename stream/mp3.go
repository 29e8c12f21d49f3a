package stream

// The versions of MPEG audio and its layers, as a frame's header has them (ISO
// 11172-3, section 2.4.1.3; ISO 13818-3; 2.5 is nobody's standard).
const (
	mpeg25  = 0
	mpeg2   = 2
	mpeg1   = 3
	layer3  = 1
	layer2  = 2
	layer1  = 3
	mp3Head = 4
)

// mpegRates are samples per second of MPEG 1; MPEG 2 has half of them, 2.5 a quarter.
var mpegRates = [3]int{44100, 48000, 32000}

// mpegBits are kilobits per second, of MPEG 1 and of the two others, by layer.
var mpegBits = [2][4][15]int{
	{
		layer1: {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		layer2: {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		layer3: {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	}, {
		layer1: {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
		layer2: {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		layer3: {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	},
}

// mp3Framing is MPEG audio layer III, of MPEG 1, 2 and 2.5. A frame may use up to
// 511 bytes of those before it (the bit reservoir), so the first two after a join
// may sound of nothing.
var mp3Framing = framing{
	name: "mp3", what: "frames of MPEG audio layer III", header: mp3Head,
	read: readMP3, split: splitMP3,
	track: func(k frameKind) Track {
		return Track{Type: Audio, Codec: "mp3", Rate: k.rate, Channels: k.channels, id: "mp3"}
	},
}

func newMP3Parser() Parser { return newFrameParser(mp3Framing) }

// readMP3 reads the header of an MPEG audio frame of any layer.
func readMP3(b []byte) (h frameHeader, ok bool) {
	version, layer := b[1]>>3&3, b[1]>>1&3
	bits, rate := b[2]>>4, b[2]>>2&3
	if b[0] != 0xFF || b[1]&0xE0 != 0xE0 || version == 1 || layer == 0 || bits == 15 || rate == 3 || b[3]&3 == 2 {
		return h, false
	}
	h.kind = frameKind{variant: version<<2 | layer, rate: mpegRates[rate], channels: 2}
	if b[3]>>6 == 3 {
		h.kind.channels = 1
	}
	table, slot := 0, 1
	switch version {
	case mpeg2:
		table, h.kind.rate = 1, h.kind.rate/2
	case mpeg25:
		table, h.kind.rate = 1, h.kind.rate/4
	}
	switch {
	case layer == layer1:
		h.samples, slot, h.refused = 384, 4, "MPEG audio of layer I; only layer III, MP3, is taken"
	case layer == layer2:
		h.samples, h.refused = 1152, "MPEG audio of layer II; only layer III, MP3, is taken"
	case version == mpeg1:
		h.samples = 1152
	default:
		h.samples = 576
	}
	if bits == 0 {
		h.refused = "an MP3 of free format, whose frames do not say how long they are; encode it at a bit rate of the table, up to 320 kbit/s"
		return h, true
	}
	h.length = slot * (h.samples/8/slot*1000*mpegBits[table][layer][bits]/h.kind.rate + int(b[2]>>1&1))
	return h, true
}

// mp3Side is how many bytes of side information follow a header and its CRC.
func mp3Side(h frameHeader) int {
	switch {
	case h.kind.variant>>2 == mpeg1 && h.kind.channels == 2:
		return 32
	case h.kind.variant>>2 == mpeg1 || h.kind.channels == 2:
		return 17
	}
	return 9
}

// splitMP3 passes every frame on but the one that an encoder has put before the
// first, which tells how long the file is and sounds of nothing.
func splitMP3(dst [][]byte, b []byte, h frameHeader) ([][]byte, bool) {
	if tells(b, mp3Head+mp3Side(h), "Xing") || tells(b, mp3Head+mp3Side(h), "Info") || tells(b, mp3Head+32, "VBRI") {
		return dst, true
	}
	return append(dst, b), true
}

func tells(b []byte, at int, s string) bool {
	return len(b) >= at+len(s) && string(b[at:at+len(s)]) == s
}

func newMP3Muxer(*head) (Muxer, error) { return &plainMuxer{}, nil }

// sniffMP3 recognises a frame of layer III, and an ID3v2 tag, which most files with
// one are.
func sniffMP3(b []byte) bool {
	if begins(b, "ID3") == yes {
		return true
	}
	if len(b) < mp3Head {
		return false
	}
	h, ok := readMP3(b)
	return ok && h.kind.variant&3 == layer3
}
