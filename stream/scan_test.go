package stream

import (
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

// TestScannerFinish: what only the end completes is told, and what is torn is not.
func TestScannerFinish(t *testing.T) {
	endless := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(167), sized: true, size: 0xFFFFFFFF}.bytes()
	flac := cat(flacStream(0), flacBare(0, "first"), flacBare(1, "last"))
	for _, c := range []struct {
		name               string
		in                 []byte
		frames, unfinished int
	}{
		{"FLAC", flac, 2, 0},
		{"torn FLAC", flac[:len(flac)-1], 1, 11},
		{"a torn sample", endless, 2, 1},
		{"MP3", cat(mp3Frame(1), mp3Frame(2), mp3Frame(3)[:100]), 2, 100},
		{"nothing", nil, 0, 0},
	} {
		var s Scanner
		if _, err := s.Write(c.in); err != nil {
			t.Fatal(err)
		}
		s.Finish()
		if s.Frames() != int64(c.frames) || s.Unfinished() != c.unfinished {
			t.Errorf("%s: %d frames, %d bytes unfinished; expected %d, %d", c.name, s.Frames(), s.Unfinished(), c.frames, c.unfinished)
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
