package stream

import (
	"errors"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

func TestScanner(t *testing.T) {
	for _, name := range streamtest.Captures(t, "webm") {
		c := streamtest.Capture(t, name)
		src := parse(ByExt("webm"), c.Data, whole, false)
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
		if s.Format() != ByExt("webm") || len(s.Tracks()) != len(src.heads[0].tracks) || s.Frames() != int64(len(src.frames)) || told != len(src.frames) {
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
