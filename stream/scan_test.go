package stream

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

func TestScanner(t *testing.T) {
	for _, name := range recordings(t) {
		c := streamtest.Capture(t, name)
		src := parse(Sniff(c.Data), c.Data, whole, false)
		var s Scanner
		told := 0
		s.Each = func(p *Part) {
			if told < len(src.frames) && string(p.Frame) != string(src.frames[told].Frame) {
				t.Errorf("%s: frame %d is another", name, told)
			}
			told++
		}
		for _, b := range c.Chunks {
			if n, err := s.Write(b); n != len(b) || err != nil {
				t.Fatalf("%s: %d, %v", name, n, err)
			}
		}
		if s.Format() != Sniff(c.Data) || len(s.Tracks()) != len(src.heads[0].tracks) || s.Frames() != int64(len(src.frames)) || told != len(src.frames) {
			t.Errorf("%s: %d tracks, %d frames, %d told of %d", name, len(s.Tracks()), s.Frames(), told, len(src.frames))
		}
		newest := time.Duration(0)
		for _, p := range src.frames {
			newest = max(newest, p.End())
		}
		if s.Newest() != newest || s.Media() != newest-src.frames[0].Time {
			t.Errorf("%s: %v of media up to %v, expected up to %v", name, s.Media(), s.Newest(), newest)
		}
	}
}

func TestScannerOfTwoFiles(t *testing.T) {
	var s Scanner
	one := cat(begin(opusTrack), open(idCluster, 8), num(idTimestamp, 5000), simple(2, 0, 0, opus20), simple(2, 20, 0, opus20))
	for _, b := range cut(cat(one, one), every(5)) {
		if _, err := s.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if s.Media() != 80*time.Millisecond || s.Frames() != 4 {
		t.Errorf("%v of media in %d frames", s.Media(), s.Frames())
	}
	if _, err := s.Write([]byte("\x00\x00")); !errors.Is(err, ErrSyntax) {
		t.Errorf("rubbish: %v", err)
	}
	if s.Frames() != 4 {
		t.Errorf("%d frames after rubbish", s.Frames())
	}
}

// TestScannerOffsets looks at what stands in the input where a part is said to
// begin, whichever way that was cut.
func TestScannerOffsets(t *testing.T) {
	all := samples(t)
	for _, c := range cutters(t) {
		for _, in := range all {
			s := Scanner{format: ByExt(in.format)} // some cannot be told by their first bytes
			s.feeder.parser = s.format.newParser()
			s.Begin = func() { beginsHeader(t, in, s.Offset()) }
			s.Each = func(p *Part) { beginsFrame(t, in, s.Offset(), p) }
			var err error
			for _, b := range cut(in.data, c.next) {
				if _, err = s.Write(b); err != nil {
					break
				}
			}
			if err == nil {
				err = s.End()
			}
			if s.Format() == nil {
				continue // nothing says what it is, and it does not begin like anything
			}
			want := parse(ByExt(in.format), in.data, whole, true)
			if place(err) != place(want.err) {
				t.Errorf("%s/%s: %s; expected %s", c.name, in.name, place(err), place(want.err))
			}
			if s.Frames() != int64(len(want.frames)) || s.Scanned() > int64(len(in.data)) || err == nil && s.Scanned()+int64(s.Unfinished()) != int64(len(in.data)) {
				t.Errorf("%s/%s: %d frames, %d of %d bytes scanned, %d unfinished", c.name, in.name, s.Frames(), s.Scanned(), len(in.data), s.Unfinished())
			}
		}
	}
}

func beginsHeader(t *testing.T, in sample, at int64) {
	t.Helper()
	b := in.data[at:]
	if e := readElement(b, 8, 8); in.format == "webm" && e.id != idTracks || in.format == "wav" && string(b[:4]) != "fmt " || in.format == "mjpeg" && !bytes.HasPrefix(b, jpegBegin) {
		t.Fatalf("%s: the header begins with % X", in.name, b[:8])
	}
}

func beginsFrame(t *testing.T, in sample, at int64, p *Part) {
	t.Helper()
	b := in.data[at:]
	switch in.format {
	case "wav", "mp3", "flac", "mp4", "mjpeg":
		if !bytes.HasPrefix(b, p.Frame) {
			t.Fatalf("%s: at byte %d is something else", in.name, at)
		}
		return
	case "ogg": // where a packet of several pages ends
		if !bytes.HasPrefix(b, []byte("OggS")) {
			t.Fatalf("%s: at byte %d is no page", in.name, at)
		}
		return
	case "aac": // behind its header
		if !bytes.Contains(b, p.Frame) {
			t.Fatalf("%s: the frame is not behind byte %d", in.name, at)
		}
		return
	}
	e := readElement(b, 8, 8)
	if e.id != idSimpleBlock && e.id != idBlockGroup || !bytes.Contains(b[e.head:e.head+int(e.size)], p.Frame) {
		t.Fatalf("%s: at byte %d is element %X, and not the frame's block", in.name, at, e.id)
	}
}

// TestScannerEnd: what the end completes, and what it cuts off.
func TestScannerEnd(t *testing.T) {
	talk := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, size: 0xFFFFFFFF, sized: true, data: ramp(163)}.bytes()
	flac := cat(flacStream(0), flacBare(0, "first"), flacBare(1, "last"))
	torn := cat(begin(opusTrack), open(idCluster, 8), num(idTimestamp, 0), simple(2, 0, 0, opus20))
	for _, c := range []struct {
		name    string
		in      []byte
		frames  int64
		scanned int
		words   string
	}{
		{"FLAC", flac, 2, len(flac), ""},
		{"torn FLAC", flac[:len(flac)-1], 1, len(flac) - 12, "the input ends inside a frame; its last 11 bytes are left out"},
		{"torn MP3", cat(mp3Frame(1), mp3Frame(2), mp3Frame(3)[:100]), 2, 2 * len(mp3Frame(1)), "its last 100 bytes are left out"},
		{"a rest of samples", talk, 2, len(talk) - 1, ""},
		{"a whole file", torn, 1, len(torn), ""},
		{"a torn block", torn[:len(torn)-1], 0, len(torn) - len(simple(2, 0, 0, opus20)), "the input ends inside an element"},
		{"nothing", nil, 0, 0, "any: byte 0: the input is empty"},
		{"too little", []byte("RIFF"), 0, 0, "any: byte 0: 52 49 46 46 begins no container"},
	} {
		var s Scanner
		for _, b := range cut(c.in, every(7)) {
			if _, err := s.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		err := s.End()
		if c.words != "" {
			wantErr(t, err, c.words)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if s.Frames() != c.frames || s.Scanned() != int64(c.scanned) || s.Unfinished() != len(c.in)-c.scanned {
			t.Errorf("%s: %d frames in %d bytes, %d unfinished; expected %d in %d", c.name, s.Frames(), s.Scanned(), s.Unfinished(), c.frames, c.scanned)
		}
	}
}

// TestScannerKinds: a decoder can start at a keyframe of the first video track, or
// anywhere without video.
func TestScannerKinds(t *testing.T) {
	call := cat(begin(vp8Track, opusTrack, trackEl(3, Video, "V_VP8")), cluster(0,
		simple(2, 0, 0, opus20), simple(1, 0, 0x80, "A"), simple(3, 0, 0x80, "B"), simple(1, 1, 0, "C")))
	talk := cat(begin(opusTrack), cluster(0, simple(2, 0, 0, opus20)))
	for in, want := range map[string]string{string(call): "header body join body body ", string(talk): "header join "} {
		got := ""
		var s Scanner
		s.Begin = func() { got += Header.String() + " " }
		s.Each = func(p *Part) { got += p.Kind.String() + " " }
		if _, err := s.Write([]byte(in)); err != nil || got != want {
			t.Errorf("%s, %v; expected %s", got, err, want)
		}
	}
}
