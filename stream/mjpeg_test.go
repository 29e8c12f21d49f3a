package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// segment is a JPEG segment with its length.
func segment(c byte, data ...byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xFF, c}, uint16(2+len(data))), data...)
}

// jpegSpec is a JPEG picture to be made, of the right shape but without a meaning;
// the zero value is a good one.
type jpegSpec struct {
	sof           byte // 0: baseline
	width, height int  // 0: 16
	before        []byte
	coded         []byte
	scans         int
	after         []byte
}

func (s jpegSpec) frame() []byte {
	be := binary.BigEndian
	b := be.AppendUint16(be.AppendUint16([]byte{8}, uint16(s.height)), uint16(s.width))
	return segment(max(s.sof, 0xC0), append(b, 1, 1, 0x11, 0)...)
}

func (s jpegSpec) bytes() []byte {
	if s.width == 0 {
		s.width = 16
	}
	if s.height == 0 {
		s.height = 16
	}
	b := cat([]byte{0xFF, 0xD8}, segment(0xE0, []byte("JFIF\x00\x01\x01")...), s.before, segment(0xDB, ramp(65)...), s.frame())
	for range max(1, s.scans) {
		b = cat(b, segment(0xC4, ramp(20)...), segment(0xDA, 1, 1, 0, 0, 63, 0), s.coded, []byte("coded\xff\x00data"))
	}
	return cat(b, s.after, []byte{0xFF, 0xD9})
}

// multipart is a body as cameras send it.
func multipart(boundary string, pictures ...[]byte) (b []byte) {
	for _, p := range pictures {
		b = append(b, fmt.Sprintf("--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", boundary, len(p))...)
		b = append(append(b, p...), "\r\n"...)
	}
	return b
}

// shown is a listener's body.
func shown(pictures ...[]byte) (b []byte) {
	const between = "\r\n--" + mjpegBoundary + "\r\nContent-Type: image/jpeg\r\n\r\n"
	b = append(b, between[2:]...)
	for _, p := range pictures {
		b = append(append(b, p...), between...)
	}
	return b
}

type mjpegCase struct {
	name     string
	in       []byte
	pictures [][]byte
}

// mjpegCases are good inputs.
func mjpegCases() []mjpegCase {
	one, two := jpegSpec{}.bytes(), jpegSpec{width: 4096, height: 4096, coded: ramp(300)[1:200]}.bytes()
	case1 := func(name string, s jpegSpec) mjpegCase { return mjpegCase{name, s.bytes(), [][]byte{s.bytes()}} }
	nested := segment(0xE1, cat([]byte("Exif\x00\x00"), one, []byte{0xFF, 0xD9, 0xFF, 0xD8})...)
	between := bytes.Repeat([]byte("\xff\xd8\xd8 "), maxBetween/4)
	return []mjpegCase{
		{"one picture", one, [][]byte{one}},
		{"pictures of two sizes", cat(one, two, one), [][]byte{one, two, one}},
		{"multipart", multipart("b", one, two), [][]byte{one, two}},
		{"multipart without lengths, to its end", cat([]byte("--b\nContent-type: image/jpeg\n\n"), one, []byte("\n--b\n\n"), two, []byte("\n--b--\n")), [][]byte{one, two}},
		{"64 KiB between", cat(one, between, two, between, one), [][]byte{one, two, one}},
		{"64 KiB before", cat(between, one), [][]byte{one}},
		{"what looks like a begin", cat([]byte("\xff\xd8\xd8\xff"), one, []byte{0xFF, 0xD8, 0}, two, []byte{0xFF, 0xD8}), [][]byte{one, two}},
		case1("progressive", jpegSpec{sof: 0xC2, scans: 3}),
		case1("extended", jpegSpec{sof: 0xC1}),
		case1("stuffed bytes, restarts and fill bytes", jpegSpec{coded: []byte("a\xff\x00b\xff\xd0c\xff\xd7d\xff\xff\x00e\xff\xff\xd3"), after: []byte{0xFF, 0xFF, 0xFF}}),
		case1("a thumbnail", jpegSpec{before: nested}),
		case1("a thumbnail after the scan", jpegSpec{after: nested}),
		case1("markers that stand alone", jpegSpec{before: []byte{0xFF, 0x01, 0xFF, 0xD0, 0xFF, 0xFF, 0x01}}),
		case1("an empty segment", jpegSpec{before: segment(0xFE)}),
		case1("the longest segment", jpegSpec{before: segment(0xFE, ramp(65533)...)}),
		{"the largest picture", largest(0), [][]byte{largest(0)}},
	}
}

// largest is a picture of MaxBlock bytes and some.
func largest(more int) []byte {
	s := jpegSpec{}
	s.coded = make([]byte, MaxBlock-len(s.bytes())+more)
	return s.bytes()
}

func TestMJPEGPictures(t *testing.T) {
	for _, c := range mjpegCases() {
		r := parse(ByExt("mjpeg"), c.in, whole, true)
		if r.err != nil || len(r.heads) != 1 {
			t.Fatalf("%s: %v, %d headers", c.name, r.err, len(r.heads))
		}
		sameParts(t, r, parse(ByExt("mjpeg"), c.in, every(4099), true))
		var got [][]byte
		for _, p := range r.frames {
			if got = append(got, p.Frame); !p.Key || p.Kind != Join || p.Time != 0 || p.Duration != 0 {
				t.Errorf("%s: %+v", c.name, p)
			}
		}
		if !slices.EqualFunc(got, c.pictures, bytes.Equal) {
			t.Errorf("%s: %d pictures, which are not the %d", c.name, len(got), len(c.pictures))
		}
	}
	r := parse(ByExt("mjpeg"), jpegSpec{width: 640, height: 360}.bytes(), whole, true)
	if got := r.heads[0].tracks[0].Describe(); got != "mjpeg 640x360" {
		t.Errorf("the track is %q", got)
	}
}

func mjpegHostile() []hostile {
	good := jpegSpec{}.bytes()
	soi := []byte{0xFF, 0xD8}
	sized := func(w, h int) []byte { return cat(soi, jpegSpec{width: w, height: h}.frame()) }
	scan := cat(sized(16, 16), segment(0xDA, 1, 1, 0, 0, 63, 0))
	frame := func(b ...byte) []byte { return cat(soi, segment(0xC0, b...)) }
	return []hostile{
		{"no picture", make([]byte, maxBetween+1), maxBetween, "expected a JPEG picture (FF D8 FF), and got 65536 bytes that are none", false},
		{"64 KiB and a byte between", cat(good, make([]byte, maxBetween+1), good), len(good) + maxBetween, "expected a JPEG picture", false},
		{"begins of begins", bytes.Repeat([]byte{0xFF, 0xD8, 0xD8}, maxBetween), maxBetween, "expected a JPEG picture", false},
		{"65535x65535", sized(65535, 65535), 2, "a picture of 65535x65535 pixels; at most 4096x4096", true},
		{"4097 wide", sized(4097, 1), 2, "4097x1 pixels", true},
		{"4097 high", cat(good, sized(1, 4097)), len(good) + 2, "1x4097 pixels", true},
		{"no width", sized(0, 16), 2, "a picture of 0x16 pixels", false},
		{"no height yet", sized(16, 0), 2, "a picture of 16x0 pixels", false},
		{"no end for ever", cat(scan, make([]byte, MaxBlock)), 0, "a picture of more than 2097152 bytes", true},
		{"no end for ever, later", cat(good, scan, make([]byte, MaxBlock)), len(good), "a picture of more than", true},
		{"FF for ever", cat(soi, bytes.Repeat([]byte{0xFF}, MaxBlock)), 0, "a picture of more than", true},
		{"FF for ever in a scan", cat(scan, bytes.Repeat([]byte{0xFF}, MaxBlock)), 0, "a picture of more than", true},
		{"restarts for ever", cat(scan, bytes.Repeat([]byte{0xFF, 0xD1}, MaxBlock/2)), 0, "a picture of more than", true},
		{"segments for ever", cat(soi, bytes.Repeat(segment(0xFE), MaxBlock/4)), 0, "a picture of more than", true},
		{"a byte too large", largest(1), 0, "a picture of more than", true},
		{"a segment of length 0", cat(soi, []byte{0xFF, 0xE0, 0, 0}), 2, "a segment FF E0 of 0 bytes", false},
		{"a segment of length 1", cat(soi, []byte{0xFF, 0xFF, 0xE0, 0, 1}), 3, "a segment FF E0 of 1 bytes", false},
		{"a scan of length 0", cat(sized(16, 16), []byte{0xFF, 0xDA, 0, 0}), len(sized(16, 16)), "a segment FF DA of 0 bytes", false},
		{"no marker", cat(soi, segment(0xE0), []byte{0x12}), 6, "expected a marker of JPEG (FF ..), got 12", false},
		{"a stuffed byte outside of a scan", cat(soi, []byte{0xFF, 0x00}), 2, "got FF 00", false},
		{"a picture in another", cat(scan, []byte("data"), good), len(scan) + 4, "begins inside another", false},
		{"two begins", cat(soi, good), 2, "begins inside another", false},
		{"an end at once", cat(soi, []byte{0xFF, 0xD9}), 2, "ends before its first scan", false},
		{"no scan", cat(sized(16, 16), []byte{0xFF, 0xD9}), len(sized(16, 16)), "ends before its first scan", false},
		{"a scan before the frame header", cat(soi, segment(0xDA, 1)), 2, "a scan (FF DA) comes before", false},
		{"two frame headers", cat(sized(16, 16), jpegSpec{width: 16, height: 16}.frame()), len(sized(16, 16)), "a second frame header", false},
		{"lossless", cat(soi, jpegSpec{sof: 0xC3, width: 16, height: 16}.frame()), 2, "a JPEG of kind FF C3; taken are", false},
		{"arithmetic codes", cat(soi, jpegSpec{sof: 0xC9, width: 16, height: 16}.frame()), 2, "a JPEG of kind FF C9", false},
		{"the last kind", cat(soi, jpegSpec{sof: 0xCF, width: 16, height: 16}.frame()), 2, "a JPEG of kind FF CF", false},
		{"12 bits", frame(12, 0, 16, 0, 16, 1, 1, 0x11, 0), 2, "1 components with 12 bits", false},
		{"no components", frame(8, 0, 16, 0, 16, 0), 2, "0 components", false},
		{"5 components", frame(append([]byte{8, 0, 16, 0, 16, 5}, make([]byte, 15)...)...), 2, "5 components", false},
		{"components that are not there", frame(8, 0, 16, 0, 16, 3, 1), 2, "a damaged frame header", false},
		{"a short frame header", frame(8, 0, 16), 2, "a damaged frame header", false},
		{"a part of its own making", jpegSpec{after: segment(0xFE, []byte("\r\n--"+mjpegBoundary+"\r\nContent-Type: text/html\r\n\r\n<script>")...)}.bytes(), 0, "a picture that holds", false},
	}
}

func TestMJPEGHostile(t *testing.T) {
	for _, h := range mjpegHostile() {
		t.Run(h.name, func(t *testing.T) {
			refused(t, ByExt("mjpeg"), h)
			sameParts(t, parse(ByExt("mjpeg"), h.in, whole, true), parse(ByExt("mjpeg"), h.in, every(4099), true))
		})
	}
}

// TestMJPEGEnds: where an input may end.
func TestMJPEGEnds(t *testing.T) {
	one := jpegSpec{}.bytes()
	for _, c := range []struct {
		name  string
		in    []byte
		words string
	}{
		{"between pictures", cat(one, []byte("\r\n--b")), ""},
		{"nothing", nil, "mjpeg: byte 0: the input ends before any picture"},
		{"no picture", []byte("--b\r\n\r\n"), "mjpeg: byte 7: the input ends before any picture"},
		{"inside a picture", cat(one, one[:20]), fmt.Sprintf("mjpeg: byte %d: the input ends inside a picture; its last 20 bytes are left out", len(one))},
	} {
		for _, next := range []func(int) int{whole, every(1)} {
			r := parse(ByExt("mjpeg"), c.in, next, true)
			if c.words == "" && r.err != nil {
				t.Errorf("%s: %v", c.name, r.err)
			} else if c.words != "" {
				wantErr(t, r.err, c.words)
			}
		}
	}
}

// TestMJPEGCrumbs: a picture that comes in crumbs is looked at once.
func TestMJPEGCrumbs(t *testing.T) {
	in := largest(0)
	steps := 0
	p := newMJPEGParser().(*mjpegParser)
	for n := 1; n <= len(in); n += 64 {
		before := p.at
		if _, part, err := p.Parse(in[:n]); err != nil || part.Kind != 0 || p.at < n-64 || p.at < before {
			t.Fatalf("of %d bytes %d are walked, after %d; %v", n, p.at, before, err)
		}
		steps++
	}
	if n, part, err := p.Parse(in); n != len(in) || part.Kind != Header || err != nil {
		t.Errorf("after %d steps: %d, %v, %v", steps, n, part.Kind, err)
	}
}

// TestMJPEGBody: what a listener gets, byte for byte, from every place on.
func TestMJPEGBody(t *testing.T) {
	pictures := [][]byte{jpegSpec{}.bytes(), jpegSpec{width: 99}.bytes(), jpegSpec{scans: 2}.bytes()}
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("mjpeg")})
	for i, picture := range pictures {
		mustWrite(t, p, picture)
		s := streamOf(t, h, "x")
		if s.ContentType(s.format.Views[0]) != "multipart/x-mixed-replace; boundary="+mjpegBoundary || s.ContentType(s.format.Views[1]) != "image/jpeg" {
			t.Errorf("types %q and %q", s.ContentType(s.format.Views[0]), s.ContentType(s.format.Views[1]))
		}
		l := s.Listen(ListenOptions{})
		parts, err := l.Take(nil)
		if err != nil || !bytes.Equal(body(s, parts), shown(picture)) || len(parts) != 1 || !bytes.Equal(parts[0].Frame, picture) {
			t.Errorf("picture %d: %d parts, %v, %d bytes", i, len(parts), err, len(body(s, parts)))
		}
		l.Close()
		if got := body(s, logged(s)); !bytes.Equal(got, shown(pictures[:i+1]...)) {
			t.Errorf("%d pictures: %d bytes", i+1, len(got))
		}
	}
	p.Drop()
}

// TestMJPEGTimes: a picture's time is when it came, through every run.
func TestMJPEGTimes(t *testing.T) {
	h := newClocked(t)
	one := jpegSpec{}.bytes()
	var want []time.Duration
	began := h.now
	p := mustPublish(t, h.Hub, "x", PublishOptions{Run: "a", Key: "k"})
	send := func(d time.Duration) {
		h.now = h.now.Add(d)
		mustWrite(t, p, one)
		want = append(want, h.now.Sub(began))
	}
	for _, d := range []time.Duration{0, 40 * time.Millisecond, 3 * time.Second, time.Microsecond} {
		send(d)
	}
	if got := p.Media(); got != h.now.Sub(began) {
		t.Errorf("%v of media after %v", got, h.now.Sub(began))
	}
	p.Drop()
	p = mustPublish(t, h.Hub, "x", PublishOptions{Run: "a", Key: "k"}) // resumes
	send(2 * time.Second)
	p.Drop()
	p = mustPublish(t, h.Hub, "x", PublishOptions{Run: "b", Key: "k"}) // goes on
	send(2 * time.Second)
	send(2 * time.Minute)
	s := streamOf(t, h.Hub, "x")
	var got []time.Duration
	for _, q := range logged(s) {
		got = append(got, q.Time)
	}
	for i := range want {
		if i >= len(got) || (got[i]-want[i]).Abs() > time.Millisecond {
			t.Fatalf("the times are %v; expected %v", got, want)
		}
	}
	if edge, clock, join := s.Edge(); edge != got[len(got)-1] || join != edge || (clock-edge).Abs() > time.Millisecond {
		t.Errorf("edge %v, clock %v, join %v", edge, clock, join)
	}
	p.Drop()
}

// TestMJPEGSlowListener: who is late goes on at the newest picture, and gets it whole.
func TestMJPEGSlowListener(t *testing.T) {
	h := newClocked(t)
	p := mustPublish(t, h.Hub, "x", PublishOptions{Format: ByExt("mjpeg")})
	var pictures [][]byte
	send := func(n int) {
		for range n {
			one := jpegSpec{width: 100 + len(pictures)}.bytes()
			pictures = append(pictures, one)
			mustWrite(t, p, one)
			h.now = h.now.Add(100 * time.Millisecond)
		}
	}
	send(3)
	s := streamOf(t, h.Hub, "x")
	l := s.Listen(ListenOptions{Element: time.Second})
	defer l.Close()
	got, err := l.Take(nil)
	if err != nil || len(got) != 1 {
		t.Fatal(len(got), err)
	}
	send(50)
	if got, err = l.Take(got); err != nil || len(got) != 2 {
		t.Fatalf("%d pictures, %v; expected the one of then and the one of now", len(got), err)
	}
	if !bytes.Equal(body(s, got), shown(pictures[2], pictures[52])) {
		t.Errorf("got %d bytes", len(body(s, got)))
	}
	if st := l.Stats(); st.Skips != 1 || st.Lost != 49 {
		t.Errorf("%+v", st)
	}
	p.Drop()
}

// TestMJPEGScanner: who reads live has a clock to give pictures a time.
func TestMJPEGScanner(t *testing.T) {
	now := time.Now()
	live := Scanner{Now: func() time.Time { return now }}
	var file Scanner
	for i := range 5 {
		for _, s := range []*Scanner{&live, &file} {
			if _, err := s.Write(multipart("x", jpegSpec{}.bytes())); err != nil {
				t.Fatal(err)
			}
		}
		if want := time.Duration(i) * time.Second; live.Media() != want || live.Newest() != want || file.Media() != 0 {
			t.Errorf("%v up to %v, and %v; expected %v and none", live.Media(), live.Newest(), file.Media(), want)
		}
		now = now.Add(time.Second)
	}
	if what := live.Format(); !what.Pictures() || what.Timed() || ByExt("wav").Pictures() || ByExt("webm").Pictures() {
		t.Errorf("pictures are %s", what.Name)
	}
	if !strings.Contains(live.Tracks()[0].Describe(), "mjpeg 16x16") {
		t.Errorf("%q", live.Tracks()[0].Describe())
	}
}
