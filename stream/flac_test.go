package stream

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// flacStream is fLaC, a STREAMINFO block for 44,100 Hz, stereo, 16 bits and blocks
// of 16 to 4096 samples, and other blocks.
func flacStream(largest int, others ...[]byte) []byte {
	b := []byte("fLaC\x00\x00\x00\x22\x00\x10\x10\x00\x00\x00\x00")
	if len(others) == 0 {
		b[4] = 0x80
	}
	b = append(b, byte(largest>>16), byte(largest>>8), byte(largest))
	b = binary.BigEndian.AppendUint64(b, 44100<<44|1<<41|15<<36)
	return cat(append(b, make([]byte, 16)...), cat(others...))
}

func flacBlock(kind byte, last bool, n int) []byte {
	if last {
		kind |= 0x80
	}
	return append([]byte{kind, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...)
}

// flacBare is a frame of 192 samples; its body stands as it is between a header
// with that number and the CRCs.
func flacBare(number uint64, body string) []byte {
	return flacWith("\xff\xf8\x19\x18", number, "", body)
}

// flacWith has any first four bytes and any after the number.
func flacWith(head string, number uint64, extra, body string) []byte {
	b := append(appendCoded([]byte(head), number), extra...)
	b = append(append(b, crc8(b)), body...)
	return binary.BigEndian.AppendUint16(b, crc16(0, b))
}

func flacCases() []soundCase {
	var all [][]byte
	for i := range 4 {
		all = append(all, flacBare(uint64(i)*100, string(ramp(60+i))))
	}
	f := cat(all...)
	file := cat(flacStream(0), f)
	other := flacStream(0)
	other[8+12] = 0x44 // 3 channels
	fooling := flacBare(7, string(cat(ramp(20), flacBare(8, "x")[:6], ramp(20))))
	// A checksum that is right inside a frame, but nothing follows there.
	right := binary.BigEndian.AppendUint16(nil, crc16(0, flacHead(9, "abcdef")))
	early := flacBare(9, "abcdef"+string(right)+"ghijkl")
	return []soundCase{
		{"frames", file, all, 1, ""},
		{"metadata", cat(flacStream(0, flacBlock(4, false, 40), flacBlock(1, false, 0), flacBlock(6, true, 5000)), f), all, 1, ""},
		{"an empty last block", cat(flacStream(0, flacBlock(1, true, 0)), f), all, 1, ""},
		{"tags", cat(id3v2(300, false), file, id3v1()), all, 1, ""},
		{"a second file", cat(file, file), append(all[:4:4], all...), 2, ""},
		{"a second file after a tag", cat(file, id3v1(), id3v2(20, false), file), append(all[:4:4], all...), 2, ""},
		{"other channels", cat(file, other), all, 2, ""},
		{"the size of a frame is kept", cat(flacStream(len(all[3])), f), all, 1, ""},
		{"a header inside a frame", cat(flacStream(0), fooling, all[0]), [][]byte{fooling, all[0]}, 1, ""},
		{"a right checksum inside a frame", cat(flacStream(0), early, all[0]), [][]byte{early, all[0]}, 1, ""},
		{"one frame", cat(flacStream(0), all[0]), all[:1], 1, ""},
		{"no frames", flacStream(0), nil, 1, ""},
		{"a torn frame", file[:len(file)-1], all[:3], 1, "the input ends inside a frame; its last 71 bytes are left out"},
		{"a torn header", cat(file, all[0][:3]), all, 1, "its last 3 bytes are left out"},
		{"torn metadata", flacStream(0, flacBlock(6, true, 5000))[:100], nil, 1, "the input ends inside a header"},
		{"nothing", nil, nil, 0, "the input ends before any STREAMINFO block"},
	}
}

// flacHead is a frame of [flacBare] without its last checksum.
func flacHead(number uint64, body string) []byte {
	b := flacBare(number, body)
	return b[:len(b)-2]
}

func flacHostile() []hostile {
	start := len(flacStream(0))
	info := func(at int, v ...byte) []byte {
		b := flacStream(0)
		copy(b[8+at:], v)
		return b
	}
	f := flacBare(1, string(ramp(60)))
	bad := slices.Clone(f)
	bad[20]++
	return []hostile{
		{"no fLaC", []byte("OggS\x00\x02aaaaaaa"), 0, "expected fLaC, got 4F 67 67 53", false},
		{"no STREAMINFO", cat([]byte("fLaC"), flacBlock(4, false, 34)), 4, "expected a STREAMINFO block of 34 bytes, got a block of type 4 with 34", false},
		{"a STREAMINFO of 16 MB", []byte("fLaC\x00\xff\xff\xff"), 4, "got a block of type 0 with 16777215", false},
		{"two STREAMINFO", cat(flacStream(0, nil), flacBlock(0, false, 34)), 42, "a second STREAMINFO block", false},
		{"type 127", cat(flacStream(0, nil), flacBlock(127, false, 3)), 42, "a metadata block of type 127", false},
		{"blocks of 15 samples", info(0, 0, 15), 4, "with 15 to 4096 samples a frame", false},
		{"blocks turned round", info(0, 0xFF, 0xFF), 4, "with 65535 to 4096 samples", false},
		{"rate 0", info(10, 0, 0, 0x02), 4, "0 Hz", false},
		{"3 bits", info(12, 0x42, 0x20), 4, "3 bits", false},
		{"a picture of 16 MB", cat(flacStream(0, nil), []byte{0x86, 0xFF, 0xFF, 0xFF}, make([]byte, 100_000)), -1, "", false},
		{"no frame", cat(flacStream(0), make([]byte, 100)), start, "expected a frame of 44100 Hz, 2 channels and 16 bits, got 00", false},
		{"another rate", cat(flacStream(0), flacWith("\xff\xf8\x1a\x18", 0, "", "body")), start, "expected a frame of 44100 Hz", false},
		{"a longer block", cat(flacStream(0), flacWith("\xff\xf8\xd9\x18", 0, "", "body")), start, "expected a frame", false},
		{"a frame whose header's checksum is wrong", cat(flacStream(0), f[:5], []byte{f[5] + 1}, f[6:]), start, "expected a frame", false},
		{"a damaged frame", cat(flacStream(100), f, bad, f, f), start + len(f), "a frame that does not end within 100 bytes, or whose CRC is wrong", true},
		{"a frame larger than it may be", cat(flacStream(len(f)-1), f, f), start, "a frame that does not end within 67 bytes", true},
	}
}

func TestFLACFrameWithoutEnd(t *testing.T) {
	in := cat(flacStream(0), flacHead(1, ""), make([]byte, MaxBlock+100))
	refused(t, ByExt("flac"), hostile{"", in, len(flacStream(0)), "a frame that does not end within 2097152 bytes", true})
}

func TestFLACHeaders(t *testing.T) {
	info := func(rate, channels, bits int) *flacStreamInfo {
		return &flacStreamInfo{most: 65535, rate: rate, channels: channels, bits: bits}
	}
	for _, c := range []struct {
		head, extra string
		number      uint64
		info        *flacStreamInfo
		samples     int // 0: refused
	}{
		{"\xff\xf8\xc9\x18", "", 0, info(44100, 2, 16), 4096},
		{"\xff\xf8\xc9\xa8", "", 1 << 30, info(44100, 2, 16), 4096},
		{"\xff\xf9\xc9\x18", "", 1<<36 - 1, info(44100, 2, 16), 4096},
		{"\xff\xf8\xc9\x18", "", 1<<36 - 1, info(44100, 2, 16), 0},
		{"\xff\xf8\x1a\x00", "", 0, info(48000, 1, 13), 192},
		{"\xff\xf8\x50\x0c", "", 0, info(12345, 1, 24), 4608},
		{"\xff\xf8\x6c\x7e", "\x0f\x30", 5, info(48000, 8, 32), 16},
		{"\xff\xf8\x7d\x02", "\xff\xfe\x12\x34", 5, info(0x1234, 1, 8), 65535},
		{"\xff\xf8\x7e\x02", "\xff\xff\x12\x34", 5, info(46600, 1, 8), 0},
		{"\xff\xf8\x8e\x04", "\x12\x34", 5, info(46600, 1, 12), 256},
		{"\xff\xf8\x0a\x18", "", 0, info(48000, 2, 16), 0}, {"\xff\xf8\x1f\x18", "", 0, info(48000, 2, 16), 0},
		{"\xff\xf8\x1a\xb8", "", 0, info(48000, 2, 16), 0}, {"\xff\xf8\x1a\x16", "", 0, info(48000, 2, 16), 0},
		{"\xff\xf8\x1a\x19", "", 0, info(48000, 2, 16), 0}, {"\xff\xfa\x1a\x18", "", 0, info(48000, 2, 16), 0},
		{"\xff\xf8\x1a\x1c", "", 0, info(48000, 2, 16), 0}, {"\xff\xf8\x1a\x28", "", 0, info(48000, 2, 16), 0},
	} {
		b := flacWith(c.head, c.number, c.extra, "")
		h, found := readFLAC(b, c.info)
		if c.samples == 0 && found != no || c.samples != 0 && (found != yes || h.samples != c.samples || h.length != len(b)-2) {
			t.Errorf("% X: %+v, %d; expected %d samples", b, h, found, c.samples)
		}
		for n := range len(b) - 2 {
			if _, cut := readFLAC(b[:n], c.info); cut == yes || cut == no && found == yes {
				t.Errorf("% X: %d", b[:n], cut)
			}
		}
	}
}

// TestFLACNumbers: a listener's frames are numbered by the samples before them,
// whatever the runs say, and nothing else of them changes.
func TestFLACNumbers(t *testing.T) {
	h := newClocked(t)
	want := uint64(0)
	for range 2 {
		p := mustPublish(t, h.Hub, "x", PublishOptions{Key: "k"})
		mustWrite(t, p, cat(flacStream(0), flacBare(77, "first"), flacWith("\xff\xf8\x69\x18", 78, "\x63", "a short one"), flacBare(79, "third"), []byte("fLaC")))
		p.Drop()
		h.now = h.now.Add(time.Second)
	}
	s := streamOf(t, h.Hub, "x")
	for i, p := range logged(s) {
		body, samples, extra := []string{"first", "a short one", "third"}[i%3], uint64(192), ""
		head := "\xff\xf9\x19\x18"
		if i%3 == 1 {
			samples, head, extra = 100, "\xff\xf9\x69\x18", "\x63"
		}
		if expected := flacWith(head, want, extra, body); !slices.Equal(p.Bytes, expected) || !slices.Equal(p.Frame, expected) {
			t.Errorf("part %d: % X; expected % X", i, p.Bytes, expected)
		}
		want += samples
	}
	if n := len(logged(s)); n != 6 {
		t.Errorf("%d parts", n)
	}
}
