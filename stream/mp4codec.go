package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Where the boxes begin inside a sample entry of pictures and of sound (ISO
// 14496-12, sections 12.1.3 and 12.2.3), from its data's first byte.
const (
	visualEntry = 78
	audioEntry  = 28
)

// describe reads the track's sample description, of which there must be one.
func (t *mp4Track) describe() (Track, error) {
	in := bigReader{b: t.entries}
	in.full()
	if n := in.u32(); n != 1 || in.short {
		return Track{}, fmt.Errorf("%d sample descriptions; expected one", n)
	}
	e := readBox(in.b)
	if e.head <= 0 || e.size == toEnd || e.size > int64(len(in.b)) {
		return Track{}, errors.New("a sample description that does not fit")
	}
	entry := in.b[:e.size]
	k := Track{Type: t.kind, id: e.kind, entry: append([]byte(nil), entry...), scale: t.scale, shape: append([]byte(nil), t.shape...)}
	if e.kind == "encv" || e.kind == "enca" {
		return Track{}, errors.New("it is encrypted")
	}
	in = bigReader{b: entry[e.head:]}
	in.u64() // reserved, and where the data is
	if t.kind == Video {
		in.bytes(16)
		k.Width, k.Height = int(in.u16()), int(in.u16())
		in.bytes(visualEntry - 28)
	} else {
		in.u64()
		k.Channels, k.Bits = int(in.u16()), int(in.u16())
		in.u32()
		k.Rate = int(in.u32() >> 16)
		if k.Rate == 0 { // 96 kHz do not fit there
			k.Rate = int(t.scale)
		}
	}
	if in.short {
		return Track{}, fmt.Errorf("a sample description %q of %d bytes is too short", e.kind, e.size)
	}
	k.configure(in.b)
	return k, nil
}

// configure reads the boxes of a sample entry: Private is what a decoder is
// configured with, without what else the recorder says there, such as bitrates.
func (t *Track) configure(data []byte) {
	var other []byte
	t.Codec = t.id
	err := eachBox(data, func(kind string, data []byte) error {
		switch kind {
		case "avcC", "hvcC", "vpcC", "av1C", "dfLa", "dac3", "dec3":
			t.Private = append([]byte(nil), data...)
		case "dOps":
			t.Private = mp4OpusHead(data)
		case "esds":
			t.esds(data)
		case "btrt", "free", "skip", "wide":
		default:
			other = append(other, mp4Box(kind, data)...)
		}
		return nil
	})
	if err != nil {
		other = data
	}
	if t.Private == nil {
		t.Private = append([]byte(nil), other...)
	}
	t.name()
}

// name sets the codec's name as MIME types have it (RFC 6381; the bindings of VP9
// and AV1 to this format; ISO 14496-15, annex E). What is not known is named by its
// sample entry.
func (t *Track) name() {
	p := t.Private
	switch t.id {
	case "avc1", "avc3":
		if len(p) >= 4 {
			t.Codec = fmt.Sprintf("%s.%02X%02X%02X", t.id, p[1], p[2], p[3])
		}
	case "hvc1", "hev1":
		if len(p) >= 13 {
			t.Codec = t.id + hevcName(p)
		}
	case "vp08", "vp09":
		if len(p) >= 7 { // behind version and flags
			t.Codec = fmt.Sprintf("%s.%02d.%02d.%02d", t.id, p[4], p[5], p[6]>>4)
		}
	case "av01":
		t.Codec = av1Name(p)
	case "Opus":
		t.Codec, t.Rate, t.Bits = "opus", 48000, 0
		if len(p) >= 10 {
			t.Channels = int(p[9])
		}
	case "fLaC":
		t.Codec = "flac"
	}
	t.Codec = quotable(t.Codec)
}

// hevcName is what follows the sample entry in the name of HEVC.
func hevcName(p []byte) string {
	space := [...]string{"", "A", "B", "C"}[p[1]>>6]
	tier := "L"
	if p[1]&0x20 != 0 {
		tier = "H"
	}
	s := fmt.Sprintf(".%s%d.%X.%s%d", space, p[1]&31, bits.Reverse32(binary.BigEndian.Uint32(p[2:])), tier, p[12])
	for _, c := range bytes.TrimRight(p[6:12], "\x00") {
		s += fmt.Sprintf(".%X", c)
	}
	return s
}

// mp4OpusHead makes an Opus identification header (RFC 7845, section 5.1) of a dOps
// (Encapsulation of Opus in ISOBMFF, section 4.3.2), which has the same fields, but
// big-endian; nil if it is none.
func mp4OpusHead(d []byte) []byte {
	if len(d) < 11 || d[0] != 0 {
		return nil
	}
	be, le := binary.BigEndian, binary.LittleEndian
	b := append([]byte("OpusHead"), 1, d[1])
	b = le.AppendUint16(b, be.Uint16(d[2:]))
	b = le.AppendUint32(b, be.Uint32(d[4:]))
	b = le.AppendUint16(b, be.Uint16(d[8:]))
	return append(b, d[10:]...) // channel mapping: bytes only
}

// esds reads an elementary stream descriptor (ISO 14496-14, section 5.6; ISO
// 14496-1, section 7.2.6): which codec it is and, for AAC, its AudioSpecificConfig.
func (t *Track) esds(d []byte) {
	in := bigReader{b: d}
	in.full()
	if in.descriptor() != 3 {
		return
	}
	in.u16()
	flags := in.u8()
	if flags&0x80 != 0 {
		in.u16() // the stream that it depends on
	}
	if flags&0x40 != 0 {
		in.bytes(int(in.u8())) // a URL
	}
	if flags&0x20 != 0 {
		in.u16() // the clock's stream
	}
	if in.descriptor() != 4 {
		return
	}
	object := in.u8()
	in.bytes(12) // type, buffer and bitrates
	t.id = fmt.Sprintf("%s.%02X", t.id, object)
	t.Codec = t.id
	if in.descriptor() != 5 || len(in.b) < 2 || object != 0x40 {
		return
	}
	t.Private = append([]byte(nil), in.b...)
	kind := int(in.b[0] >> 3)
	if kind == 31 {
		kind = 32 + int(in.b[0]&7<<3|in.b[1]>>5)
	} else if n := int(in.b[1] >> 3 & 15); n > 0 && n < 8 && in.b[0]&7 != 7 {
		t.Channels = n + n/7 // more to be trusted than the sample entry, which says 2 for mono
	}
	t.Codec = fmt.Sprintf("%s.%d", t.id, kind)
}

// descriptor reads the head of a descriptor and leaves its data, and nothing else,
// to be read. It returns its tag, or 0 if there is none.
func (r *bigReader) descriptor() (tag uint8) {
	tag = r.u8()
	n := 0
	for range 4 {
		c := r.u8()
		if n = n<<7 | int(c&0x7F); c&0x80 == 0 {
			break
		}
	}
	if n > len(r.b) {
		n, tag = 0, 0
	}
	r.b = r.b[:n]
	return tag
}
