package stream

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// filled is a frame of n bytes: its header, and then one byte over and over.
func filled(header string, n int, fill byte) []byte {
	b := []byte(header)
	for len(b) < n {
		b = append(b, fill)
	}
	return b
}

// mp3Frame is one of MPEG 1, layer III, 128 kbit/s, 44,100 Hz, stereo.
func mp3Frame(i int) []byte { return filled("\xff\xfb\x90\x00", 417, byte(i)) }

// telling is a frame in which an encoder says something at a place.
func telling(header string, n, at int, what string) []byte {
	b := filled(header, n, 0)
	copy(b[at:], what)
	return b
}

// id3v2 is a tag with n bytes of data in which frames of MP3 and AAC seem to be.
func id3v2(n int, footer bool) []byte {
	b := []byte{'I', 'D', '3', 4, 0, 0, byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
	b = append(b, make([]byte, n)...)
	for i := 10; i+8 <= len(b); i += 8 {
		copy(b[i:], "\xff\xfb\x90\x00\xff\xf1\x50\x80")
	}
	if footer {
		b[5] |= 0x10
		b = append(b, "3DI\x04\x00\x10\x00\x00\x00\x00"...)
	}
	return b
}

func id3v1() []byte { return filled("TAG", 128, ' ') }

// ape is an APEv2 tag of n bytes of items, with a header and a footer.
func ape(n int) []byte {
	end := func(flags uint32) []byte {
		b := []byte("APETAGEX\xd0\x07\x00\x00")
		b = binary.LittleEndian.AppendUint32(b, uint32(n+32))
		b = binary.LittleEndian.AppendUint32(b, 1)
		return append(binary.LittleEndian.AppendUint32(b, flags), make([]byte, 8)...)
	}
	return cat(end(1<<31|1<<29), make([]byte, n), end(1<<31))
}

// adtsFrame is one of AAC LC, 44,100 Hz, stereo, with a raw data block of n bytes.
func adtsFrame(n int, fill byte) []byte { return adtsOf(0xF1, 0, make([]byte, n), fill) }

// adtsOf has any second byte, number of further blocks, and data that a fill, unless
// it is 0, replaces.
func adtsOf(second byte, more int, data []byte, fill byte) []byte {
	n := 7 + len(data)
	b := []byte{0xFF, second, 1<<6 | 4<<2, 2<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1F, 0xFC | byte(more)}
	if fill != 0 {
		data = filled("", len(data), fill)
	}
	return append(b, data...)
}

// soundCase is an input, what it holds, and what its end is told.
type soundCase struct {
	name   string
	in     []byte
	frames [][]byte
	heads  int
	end    string // of the refusal at the end; "" is none
}

func mp3Cases() []soundCase {
	var all [][]byte
	for i := range 4 {
		all = append(all, mp3Frame(i))
	}
	f := cat(all...)
	padded := filled("\xff\xfb\x92\x00", 418, 9)
	other := func(i int) []byte { return filled("\xff\xf3\x80\xc0", 208, byte(i)) } // MPEG 2, 22,050 Hz, mono
	quarter := func(i int) []byte { return filled("\xff\xe3\x80\xc0", 417, byte(i)) }
	crc := func(i int) []byte { return filled("\xff\xfa\x90\x00", 417, byte(i)) }
	lonely := filled("\xff\xfb\x90\x00", 500, 7) // no frame follows where it should
	with := func(frames ...[]byte) [][]byte { return frames }
	return []soundCase{
		{"frames", f, all, 1, ""},
		{"padding, as 44,100 Hz needs it", cat(all[0], padded, all[1], padded), with(all[0], padded, all[1], padded), 1, ""},
		{"CRCs", cat(crc(1), crc(2), crc(3)), with(crc(1), crc(2), crc(3)), 1, ""},
		{"MPEG 2, mono", cat(other(1), other(2)), with(other(1), other(2)), 1, ""},
		{"MPEG 2.5", cat(quarter(1), quarter(2)), with(quarter(1), quarter(2)), 1, ""},
		{"ID3v2", cat(id3v2(300, false), f), all, 1, ""},
		{"ID3v2, empty", cat(id3v2(0, false), f), all, 1, ""},
		{"ID3v2 with a footer", cat(id3v2(300, true), f), all, 1, ""},
		{"several ID3v2, also between frames", cat(id3v2(9, false), id3v2(8, false), f, id3v2(2000, false), f), append(all[:4:4], all...), 1, ""},
		{"ID3v1", cat(f, id3v1()), all, 1, ""},
		{"ID3v1 between files", cat(f, id3v1(), f, id3v1()), append(all[:4:4], all...), 1, ""},
		{"APEv2 and ID3v1", cat(f, ape(500), id3v1()), all, 1, ""},
		{"APEv2 without a header", cat(f, ape(500)[32:]), all, 1, ""},
		{"Xing", cat(telling("\xff\xfb\x90\x00", 417, 36, "Xing"), f), all, 1, ""},
		{"Info", cat(id3v2(10, false), telling("\xff\xfb\x90\x00", 417, 36, "Info"), f), all, 1, ""},
		{"VBRI", cat(telling("\xff\xfb\x90\x00", 417, 36, "VBRI"), f), all, 1, ""},
		{"Xing, mono", cat(telling("\xff\xfb\x90\xc0", 417, 21, "Xing"), filled("\xff\xfb\x90\xc0", 417, 1)), with(filled("\xff\xfb\x90\xc0", 417, 1)), 1, ""},
		{"Xing, MPEG 2, mono", cat(telling("\xff\xf3\x80\xc0", 208, 13, "Xing"), other(1)), with(other(1)), 1, ""},
		{"rubbish before", cat(ramp(1000), f), all, 1, ""},
		{"rubbish between", cat(all[0], all[1], []byte("IT IS NOT A LABEL"), all[2], all[3]), all, 1, ""},
		{"what looks like a frame before", cat(lonely, f), all, 1, ""},
		{"what looks like a frame between", cat(all[0], all[1], []byte{0}, lonely, all[2], all[3]), all, 1, ""},
		{"a frame and a tag after rubbish", cat(all[0], all[1], []byte("x"), all[2], id3v1()), all[:3], 1, ""},
		{"as much rubbish as may be", cat(all[0], all[1], make([]byte, maxGarbage), all[2], all[3]), all, 1, ""},
		{"another rate and mono", cat(f, other(1), other(2)), append(all[:4:4], other(1), other(2)), 2, ""},
		{"one frame of another kind", cat(all[0], all[1], other(1), all[2], all[3]), all, 1, ""},
		{"a torn frame", f[:4*417-1], all[:3], 1, "byte 1251: the input ends inside a frame; its last 416 bytes are left out"},
		{"a torn header", append(f[:4*417:4*417], 0xFF), all, 1, "its last 1 bytes are left out"},
		{"one frame", all[0], nil, 0, "byte 0: the input ends before any frames of MPEG audio layer III, two of them at the least"},
		{"a torn tag", id3v2(300, false)[:100], nil, 0, "the input ends before any frames"},
		{"nothing", nil, nil, 0, "the input ends before any frames"},
	}
}

func mp3Hostile() []hostile {
	f := cat(mp3Frame(1), mp3Frame(2))
	at := len(f)
	layer2 := filled("\xff\xfd\x90\x00", 522, 1) // 160 kbit/s
	layer1 := filled("\xff\xff\x90\x00", 312, 1) // 288 kbit/s
	free := filled("\xff\xfb\x00\x00", 700, 1)
	return []hostile{
		{"no sound at all", cat([]byte("GET / HTTP/1.1"), make([]byte, 70_000)), 0, "expected frames of MPEG audio layer III; there is none in the 65536 bytes from here", false},
		{"too much rubbish between", cat(f, make([]byte, maxGarbage+1), f), at, "there is none in the 65536 bytes", false},
		{"headers that nothing follows", cat(f, []byte{0}, []byte(strings.Repeat("\xff\xfb\x90\x00", 20_000))), at, "there is none in the 65536 bytes", false},
		{"layer I", cat(layer1, layer1), 0, "MPEG audio of layer I; only layer III, MP3, is taken", false},
		{"layer II", cat(id3v2(10, false), layer2, layer2), 20, "MPEG audio of layer II; only layer III, MP3, is taken", false},
		{"free format", cat(id3v2(10, false), free, free), 20, "an MP3 of free format", false},
		{"an ID3v2 tag of 256 MiB", cat([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), make([]byte, 100_000)), -1, "", false},
		{"an ID3v2 tag of a size that cannot be", cat([]byte("ID3\x04\x00\x00\x80\x00\x00\x00"), make([]byte, 70_000)), 0, "there is none in the 65536 bytes", false},
		{"an APEv2 tag of 4 GB", cat(f, []byte("APETAGEX\xd0\x07\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\xa0"), make([]byte, 70_000)), at + 32, "there is none in the 65536 bytes", false},
	}
}

func adtsCases() []soundCase {
	var all, raw [][]byte
	for i := range 4 {
		all = append(all, adtsFrame(100+i, byte(i+1)))
		raw = append(raw, all[i][7:])
	}
	f := cat(all...)
	mono := []byte("\xff\xf1\x50\x40\x02\x7f\xfcmono-mono-mo") // 19 bytes
	protected := func(data []byte) []byte { return adtsOf(0xF0, 0, cat([]byte("\x12\x34"), data), 0) }
	two := adtsOf(0xF1, 1, cat(raw[0], raw[1]), 0)
	two16 := binary.BigEndian.AppendUint16(nil, uint16(len(raw[0])+2))
	split := adtsOf(0xF0, 1, cat(two16, []byte("cc"), raw[0], []byte("cc"), raw[1], []byte("cc")), 0)
	return []soundCase{
		{"frames", f, raw, 1, ""},
		{"CRCs", cat(protected(raw[0]), protected(raw[1])), raw[:2], 1, ""},
		{"MPEG 2", cat(adtsOf(0xF9, 0, raw[0], 0), adtsOf(0xF9, 0, raw[1], 0)), raw[:2], 1, ""},
		{"two blocks", cat(two, all[2], all[3]), [][]byte{cat(raw[0], raw[1]), raw[2], raw[3]}, 1, ""},
		{"two blocks with CRCs", cat(split, all[2], all[3]), raw, 1, ""},
		{"ID3v2 as in HLS", cat(id3v2(63, false), f, id3v2(63, false), f), append(raw[:4:4], raw...), 1, ""},
		{"rubbish", cat(filled("", 3000, 1), f, filled("", 3000, 1), f), append(raw[:4:4], raw...), 1, ""},
		{"what looks like a frame", cat(all[0][:50], f), raw, 1, ""},
		{"mono after stereo", cat(f, mono, mono), append(raw[:4:4], mono[7:], mono[7:]), 2, ""},
		{"the smallest frames", []byte(strings.Repeat("\xff\xf1\x50\x80\x01\x1f\xfcx", 100)), slices.Repeat([][]byte{[]byte("x")}, 100), 1, ""},
		{"a torn frame", f[:len(f)-1], raw[:3], 1, "its last 109 bytes are left out"},
		{"one frame", all[0], nil, 0, "byte 0: the input ends before any ADTS frames"},
	}
}

func adtsHostile() []hostile {
	f := cat(adtsFrame(100, 1), adtsFrame(100, 2))
	none := []byte("\xff\xf1\x50\x00\x02\x7f\xfcnone-none-no")
	broken := func(place uint16) []byte {
		return adtsOf(0xF0, 1, cat(binary.BigEndian.AppendUint16(nil, place), make([]byte, 40)), 0)
	}
	return []hostile{
		{"no sound at all", make([]byte, 70_000), 0, "expected ADTS frames; there is none in the 65536 bytes from here", false},
		{"MP3", slices.Repeat(mp3Frame(1), 200), 0, "expected ADTS frames", false},
		{"frames of nothing", []byte(strings.Repeat("\xff\xf1\x50\x80\x00\xff\xfc", 10_000)), 0, "expected ADTS frames", false},
		{"a forbidden rate", []byte(strings.Repeat("\xff\xf1\x74\x80\x01\x1f\xfcx", 10_000)), 0, "expected ADTS frames", false},
		{"channels that a frame tells", cat(none, none), 0, "AAC of channel configuration 0", false},
		{"a block that begins before the first", cat(f, broken(0), f), len(f), "the parts of a frame of 49 bytes do not add up", false},
		{"a block that begins after the last", cat(f, broken(1000), f), len(f), "do not add up", false},
		{"the largest frames", slices.Repeat(adtsFrame(8191-7, 3), 20), -1, "", false},
	}
}

func TestFrameCases(t *testing.T) {
	for _, c := range []struct {
		format string
		cases  []soundCase
	}{{"mp3", mp3Cases()}, {"aac", adtsCases()}, {"flac", flacCases()}} {
		for _, k := range c.cases {
			t.Run(c.format+"/"+k.name, func(t *testing.T) {
				r := parse(ByExt(c.format), k.in, whole, true)
				if k.end != "" {
					wantErr(t, r.err, k.end)
				} else if r.err != nil {
					t.Error(r.err)
				}
				if len(r.heads) != k.heads || len(r.frames) != len(k.frames) {
					t.Fatalf("%d headers, %d frames; expected %d, %d", len(r.heads), len(r.frames), k.heads, len(k.frames))
				}
				for i, p := range r.frames {
					if !slices.Equal(p.Frame, k.frames[i]) || p.Kind != Join || !p.Key {
						t.Errorf("frame %d: % X...", i, p.Frame[:min(8, len(p.Frame))])
					}
				}
			})
		}
	}
}

// TestMP3Headers has the lengths that the standard's tables give.
func TestMP3Headers(t *testing.T) {
	for _, c := range []struct {
		header                          string
		length, samples, rate, channels int
	}{
		{"\xff\xfb\x90\x00", 417, 1152, 44100, 2}, {"\xff\xfb\x92\x00", 418, 1152, 44100, 2}, {"\xff\xfb\xe4\x00", 960, 1152, 48000, 2},
		{"\xff\xfb\x18\xc0", 144, 1152, 32000, 1}, {"\xff\xfa\xe8\x40", 1440, 1152, 32000, 2},
		{"\xff\xf3\x80\xc0", 208, 576, 22050, 1}, {"\xff\xf3\x14\x00", 24, 576, 24000, 2}, {"\xff\xf3\xe8\x00", 720, 576, 16000, 2},
		{"\xff\xe3\x40\xc4", 208, 576, 11025, 1}, {"\xff\xe3\x88\x00", 576, 576, 8000, 2},
		{"\xff\xfd\x94\x00", 480, 1152, 48000, 2}, {"\xff\xff\x94\x00", 288, 384, 48000, 2}, {"\xff\xff\x92\x00", 316, 384, 44100, 2},
	} {
		h, ok := readMP3([]byte(c.header))
		if !ok || h.length != c.length || h.samples != c.samples || h.kind.rate != c.rate || h.kind.channels != c.channels {
			t.Errorf("% X: %+v, %t; expected %+v", c.header, h, ok, c)
		}
	}
	for _, bad := range []string{"\xff\xfb\xf0\x00", "\xff\xfb\x9c\x00", "\xff\xf9\x90\x00", "\xff\xeb\x90\x00", "\xff\xfb\x90\x02", "\xff\xdb\x90\x00", "\xfe\xfb\x90\x00"} {
		if h, ok := readMP3([]byte(bad)); ok {
			t.Errorf("% X: %+v", bad, h)
		}
	}
}

func TestADTSTrack(t *testing.T) {
	for _, c := range []struct {
		in             []byte
		codec, private string
		rate, channels int
	}{
		{adtsFrame(100, 1), "mp4a.40.2", "\x12\x10", 44100, 2},
		{[]byte("\xff\xf1\x4c\x40\x02\x7f\xfcmono-mono-mo"), "mp4a.40.2", "\x11\x88", 48000, 1},
		{[]byte("\xff\xf1\x31\xc0\x02\x7f\xfcmain-main-ma"), "mp4a.40.1", "\x0e\x38", 7350, 8},
	} {
		r := parse(ByExt("aac"), cat(c.in, c.in), whole, true)
		if r.err != nil {
			t.Errorf("%s: %v", c.codec, r.err)
			continue
		}
		tr := r.heads[0].tracks[0]
		if tr.Codec != c.codec || string(tr.Private) != c.private || tr.Rate != c.rate || tr.Channels != c.channels {
			t.Errorf("%+v, % X; expected %+v", tr, tr.Private, c)
		}
	}
}

// TestADTSHeader compares our headers with those that came.
func TestADTSHeader(t *testing.T) {
	for _, c := range adtsCases() {
		if c.heads != 1 {
			continue
		}
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("aac")})
		mustWrite(t, p, c.in)
		s := streamOf(t, h, "x")
		blocks := 0
		for i, part := range logged(s) {
			b := part.Bytes
			blocks += int(b[6]&3) + 1
			if g, ok := readADTS(b); !ok || g.length != len(b) || b[1] != 0xF1 || string(b[7:]) != string(c.frames[i]) {
				t.Errorf("%s: part %d: % X", c.name, i, b[:9])
			}
		}
		if want := map[string]int{"two blocks": 4, "frames": 4, "CRCs": 2}[c.name]; want != 0 && blocks != want {
			t.Errorf("%s: %d blocks; expected %d", c.name, blocks, want)
		}
		p.Drop()
	}
}

// TestFrameTimes: clocks count samples, and never round twice.
func TestFrameTimes(t *testing.T) {
	for _, c := range []struct {
		format string
		in     []byte
		each   int64
		rate   int64
	}{
		{"mp3", slices.Repeat(mp3Frame(1), 3000), 1152, 44100},
		{"aac", slices.Repeat(adtsFrame(20, 1), 3000), 1024, 44100},
	} {
		r := parse(ByExt(c.format), c.in, whole, true)
		if len(r.frames) != 3000 {
			t.Fatalf("%d frames", len(r.frames))
		}
		for i, p := range r.frames {
			at := time.Duration(int64(i) * c.each * int64(time.Second) / c.rate)
			if p.Time != at || i > 0 && r.frames[i-1].End() != p.Time {
				t.Fatalf("%s: frame %d is at %v and lasts %v; expected %v", c.format, i, p.Time, p.Duration, at)
			}
		}
	}
}

// soundFiles are small files that ffmpeg made; testdata/README.md says how.
func soundFiles(t testing.TB) (all []sample) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "sounds", "*"))
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sample{filepath.Base(file), filepath.Ext(file)[1:], b})
	}
	return all
}

func TestWhatFormatsAre(t *testing.T) {
	for _, f := range Formats() {
		timed, plain := f.Name == "webm" || f.Name == "ogg" || f.Name == "mp4", f.Name == "wav"
		if f.Timed() != timed || f.Plain() != plain || f.CanPad() != timed || f.Pictures() != (f.Name == "mjpeg") || (f.Preroll() > 0) == (timed || f.Pictures()) {
			t.Errorf("%s: timed %t, plain %t, can be padded %t, preroll %v", f.Name, f.Timed(), f.Plain(), f.CanPad(), f.Preroll())
		}
	}
}
