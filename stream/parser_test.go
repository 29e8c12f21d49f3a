package stream

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"everfile/stream/streamtest"
)

// parsed is what a parser made of an input.
type parsed struct {
	heads   []*head
	frames  []Part
	offsets []int64 // of heads and frames, in the input
	err     error
}

// parse feeds b in chunks; clean says that the input ends after it.
func parse(f *Format, b []byte, next func(int) int, clean bool) (r parsed) {
	feed := feeder{parser: f.newParser()}
	emit := func(p *Part) error {
		r.offsets = append(r.offsets, feed.at)
		if p.Kind == Header {
			r.heads = append(r.heads, p.head)
			return nil
		}
		q := *p
		q.Frame = slices.Clone(p.Frame)
		r.frames = append(r.frames, q)
		return nil
	}
	for _, c := range cut(b, next) {
		c = slices.Clone(c)
		var rest []byte
		if rest, r.err = feed.feed(c, emit); r.err != nil {
			return r
		}
		feed.keep(rest)
		clear(c) // whoever still looks at it sees zeros
	}
	if clean {
		r.err = feed.finish(emit)
	}
	return r
}

// String shows frames as "track@time+duration k bytes".
func (r parsed) lines() (all []string) {
	for _, p := range r.frames {
		key := "-"
		if p.Key {
			key = "k"
		}
		all = append(all, fmt.Sprintf("%d@%v+%v %s %s", p.Track, p.Time, p.Duration, key, p.Frame))
	}
	return all
}

// place is where and how an input was refused.
func place(err error) string {
	if err == nil {
		return "accepted"
	}
	var p *ParseError
	if !errors.As(err, &p) {
		return err.Error()
	}
	return fmt.Sprintf("%v at %d", p.Err, p.Offset)
}

// sameParts demands that two ways of cutting gave the same.
func sameParts(t testing.TB, a, b parsed) {
	t.Helper()
	if place(a.err) != place(b.err) {
		t.Fatalf("whole: %s; cut: %s", place(a.err), place(b.err))
	}
	if !reflect.DeepEqual(a.heads, b.heads) {
		t.Fatal("another header when cut")
	}
	if !slices.Equal(a.offsets, b.offsets) {
		t.Fatalf("parts begin elsewhere when cut: %.200s, not %.200s", fmt.Sprint(b.offsets), fmt.Sprint(a.offsets))
	}
	if len(a.frames) != len(b.frames) {
		t.Fatalf("whole: %d frames; cut: %d", len(a.frames), len(b.frames))
	}
	for i := range a.frames {
		p, q := a.frames[i], b.frames[i]
		if !reflect.DeepEqual(p, q) && (len(p.Frame)+len(q.Frame) > 0 || p.Time != q.Time) {
			t.Fatalf("frame %d: whole: %.60q at %v; cut: %.60q at %v", i, p.Frame, p.Time, q.Frame, q.Time)
		}
	}
}

// sample is an input for every test that works on any.
type sample struct {
	name   string
	format string
	data   []byte
}

// samples are all hand-made inputs, good and bad, and the begin of each capture.
func samples(t testing.TB) (all []sample) {
	for _, c := range webmCases {
		all = append(all, sample{c.name, "webm", c.in})
	}
	for _, c := range webmHostile() {
		all = append(all, sample{c.name, "webm", c.in})
	}
	for _, c := range mp4Cases() {
		all = append(all, sample{c.name, "mp4", c.in})
	}
	for _, c := range mp4Hostile() {
		all = append(all, sample{c.name, "mp4", c.in})
	}
	for _, c := range wavCases() {
		all = append(all, sample{c.name, "wav", c.in})
	}
	for _, c := range wavHostile() {
		all = append(all, sample{c.name, "wav", c.in})
	}
	for _, c := range []struct {
		format string
		good   []soundCase
		bad    []hostile
	}{{"mp3", mp3Cases(), mp3Hostile()}, {"aac", adtsCases(), adtsHostile()}, {"flac", flacCases(), flacHostile()}} {
		for _, k := range c.good {
			all = append(all, sample{k.name, c.format, k.in})
		}
		for _, k := range c.bad {
			all = append(all, sample{k.name, c.format, k.in})
		}
	}
	for _, c := range mjpegCases() {
		if len(c.in) < 100_000 { // the others have tests of their own
			all = append(all, sample{c.name, "mjpeg", c.in})
		}
	}
	for _, c := range mjpegHostile() {
		if len(c.in) < 100_000 {
			all = append(all, sample{c.name, "mjpeg", c.in})
		}
	}
	for _, c := range oggCases() {
		all = append(all, sample{c.name, "ogg", c.in})
	}
	for _, c := range oggHostile() {
		all = append(all, sample{c.name, "ogg", c.in})
	}
	for _, ext := range []string{"webm", "ogg"} {
		for _, name := range streamtest.Captures(t, ext) {
			all = append(all, sample{name, ext, streamtest.Capture(t, name).Data[:20_000]})
		}
	}
	for _, name := range streamtest.Captures(t, "mp4") {
		n := 20_000
		if strings.Contains(name, "h264") {
			n = 180_000 // two fragments
		}
		all = append(all, sample{name, "mp4", streamtest.Capture(t, name).Data[:n]})
	}
	return append(all, soundFiles(t)...)
}

func TestCutsDoNotMatter(t *testing.T) {
	all := samples(t)
	for _, c := range cutters(t) {
		for _, s := range all {
			t.Run(c.name+"/"+s.name, func(t *testing.T) {
				f := ByExt(s.format)
				sameParts(t, parse(f, s.data, whole, true), parse(f, s.data, c.next, true))
			})
		}
	}
}

// TestCutsDoNotMatterToListeners goes through a publisher, where frames wait for
// the end of the chunk.
func TestCutsDoNotMatterToListeners(t *testing.T) {
	at := roomy()
	file := func(s sample, next func(int) int) (string, []byte) {
		h := newHub(t, at)
		p := mustPublish(t, h, "x", PublishOptions{Format: ByExt(s.format)})
		for _, c := range cut(s.data, next) {
			if _, err := p.Write(c); err != nil {
				defer p.Drop()
				if st, _ := h.Open(t.Context(), "x", 0, 0); st != nil {
					return place(err), body(st, logged(st))
				}
				return place(err), nil
			}
		}
		st, _ := h.Open(t.Context(), "x", 0, 0)
		err := p.End()
		if st == nil {
			return place(err), nil
		}
		return place(err), body(st, logged(st))
	}
	all := samples(t)
	for _, c := range cutters(t) {
		for _, s := range all {
			t.Run(c.name+"/"+s.name, func(t *testing.T) {
				err, want := file(s, whole)
				cutErr, got := file(s, c.next)
				if err != cutErr {
					t.Fatalf("whole: %s; cut: %s", err, cutErr)
				}
				if string(got) != string(want) {
					t.Fatalf("whole gives a body of %d bytes; cut gives another, of %d", len(want), len(got))
				}
			})
		}
	}
}

// TestTruncated ends every input after every byte: whatever is missing, frames
// before the place are the same and nothing panics.
func TestTruncated(t *testing.T) {
	for _, s := range samples(t) {
		f, data := ByExt(s.format), s.data
		full := parse(f, data, whole, true)
		for n := range min(len(data), 1200) {
			r := parse(f, data[:n], whole, false)
			if len(r.frames) > len(full.frames) {
				t.Fatalf("%s: %d frames in %d bytes, %d in all", s.name, len(r.frames), n, len(full.frames))
			}
			for i, p := range r.frames {
				if string(p.Frame) != string(full.frames[i].Frame) {
					t.Fatalf("%s: frame %d of the first %d bytes differs", s.name, i, n)
				}
			}
			if r.err != nil && place(r.err) != place(full.err) {
				t.Fatalf("%s: %d bytes: %v; all: %v", s.name, n, r.err, full.err)
			}
		}
	}
}

// allocated returns how many bytes f allocates in all.
func allocated(f func()) int64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return int64(b.TotalAlloc - a.TotalAlloc)
}

// TestUnfinishedBlockIsNotCopiedPerChunk: a block that comes in crumbs costs
// its own size, not the square of it.
func TestUnfinishedBlockIsNotCopiedPerChunk(t *testing.T) {
	f := feeder{parser: newWebMParser()}
	head := cat(begin(vp8Track), open(idCluster, 8), num(idTimestamp, 0), idBytes(idSimpleBlock), vint(MaxBlock, 4))
	n := allocated(func() {
		for _, c := range cut(append(head, make([]byte, MaxBlock-1)...), every(100)) {
			rest, err := f.feed(c, func(*Part) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			f.keep(rest)
		}
	})
	if n > 12*MaxBlock {
		t.Errorf("%d bytes allocated for a block of %d", n, MaxBlock)
	}
}

func TestSniff(t *testing.T) {
	wav := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(4000)}
	rf64 := wav
	rf64.riff = "RF64"
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"webm", "webm", begin(opusTrack)},
		{"mp4", "mp4", mp4Begin(opsTrak)},
		{"mp4 segment", "mp4", cat(bx("styp", []byte("msdh")), mp4Moov(opsTrak))},
		{"wav", "wav", wav.bytes()},
		{"rf64", "wav", rf64.bytes()},
		{"mp3", "mp3", cat(mp3Frame(1), mp3Frame(2))},
		{"mp3 of MPEG 2", "mp3", slices.Repeat(filled("\xff\xf3\x80\xc0", 208, 1), 2)},
		{"mp3 with a tag", "mp3", cat(id3v2(10, false), mp3Frame(1), mp3Frame(2))},
		{"aac", "aac", cat(adtsFrame(100, 1), adtsFrame(100, 2))},
		{"flac", "flac", flacStream(0)},
		{"layer II", "", slices.Repeat(filled("\xff\xfd\x90\x00", 522, 1), 2)},
		{"ogg", "ogg", (&oggOf{}).opusBegin()},
		{"JPEG", "mjpeg", jpegSpec{}.bytes()},
		{"multipart", "mjpeg", multipart("x", jpegSpec{}.bytes())},
		{"multipart after a line's end", "mjpeg", append([]byte("\r\n"), multipart("x", jpegSpec{}.bytes())...)},
		{"avi", "", []byte("RIFF\x00\x00\x00\x00AVI LIST")},
	} {
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{})
		var err error
		for _, b := range cut(c.in, every(1)) {
			if _, err = p.Write(b); err != nil {
				break
			}
		}
		if c.want == "" {
			wantErr(t, err, "begins no container")
			p.Fail()
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if s := streamOf(t, h, "x"); s.Format().Name != c.want {
			t.Errorf("%s: taken for %s", c.name, s.Format().Name)
		}
		p.Drop()
	}
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, []byte("short"))
	wantErr(t, p.End(), "begins no container")
}
