package stream

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

func FuzzWebM(f *testing.F) { fuzz(f, ByExt("webm"), bytes.Clone) }

func FuzzMP4(f *testing.F) { fuzz(f, ByExt("mp4"), bytes.Clone) }

func FuzzWAV(f *testing.F) { fuzz(f, ByExt("wav"), bytes.Clone) }

func FuzzOgg(f *testing.F) { fuzz(f, ByExt("ogg"), resummed) }

func FuzzMP3(f *testing.F) { fuzz(f, ByExt("mp3"), bytes.Clone) }

func FuzzADTS(f *testing.F) { fuzz(f, ByExt("aac"), bytes.Clone) }

func FuzzFLAC(f *testing.F) { fuzz(f, ByExt("flac"), bytes.Clone) }

func FuzzMJPEG(f *testing.F) { fuzz(f, ByExt("mjpeg"), bytes.Clone) }

// fuzz starts from every sample of a format and holds, for any input: the same
// parts however it is cut, little memory, and an output that parses again to
// the same frames. What a checksum would give away is mended, mostly.
func fuzz(f *testing.F, format *Format, mend func([]byte) []byte) {
	for i, s := range samples(f) {
		if s.format == format.Name {
			f.Add(s.data, uint64(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		if len(data) > 1<<20 {
			return
		}
		if seed%8 != 0 {
			data = mend(data)
		}
		checkParser(t, format, data, seed)
	})
}

// TestSamplesLikeFuzz runs the same over the seeds in their whole length.
func TestSamplesLikeFuzz(t *testing.T) {
	for i, s := range samples(t) {
		t.Run(s.format+"/"+s.name, func(t *testing.T) { checkParser(t, ByExt(s.format), s.data, uint64(i)) })
	}
}

func checkParser(t *testing.T, format *Format, data []byte, seed uint64) {
	var a parsed
	grown := allocated(func() { a = parse(format, data, whole, true) })
	// The dearest input is a lace of frames of one byte: a part for each.
	if limit := int64(1200*len(data) + 1<<20); grown > limit {
		t.Fatalf("%d bytes of input allocate %d", len(data), grown)
	}
	sameParts(t, a, parse(format, data, randomly(seed), true))
	for i := range a.frames {
		if p := &a.frames[i]; p.Duration < 0 || p.Track < 0 || p.Track >= maxTracks {
			t.Fatalf("frame %d: %+v", i, p)
		}
	}
	checkOutput(t, format, data)
}

// checkOutput publishes an input and reads each stream that comes of it.
func checkOutput(t *testing.T, format *Format, data []byte) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: format})
	defer p.Drop()
	_, _ = p.Write(data)
	s, err := h.Open(t.Context(), "x", 0, 0)
	if err != nil {
		return
	}
	parts := logged(s)
	if len(s.header) == 0 && len(parts) < 2 {
		return // one frame alone is not believed
	}
	again := parse(format, body(s, parts), whole, format.Timed() || len(parts) > 0)
	if again.err != nil {
		t.Fatalf("the output is refused: %v", again.err)
	}
	if len(again.heads) != 1 || len(again.heads[0].tracks) != len(s.head.tracks) {
		t.Fatalf("the output has %d headers", len(again.heads))
	}
	for i := range s.head.tracks {
		if !s.head.tracks[i].same(&again.heads[0].tracks[i]) {
			t.Fatalf("track %d is %+v in the output", i, again.heads[0].tracks[i])
		}
	}
	switch {
	case !format.Timed():
		sameSamples(t, parts, again.frames)
	case format.Name == "ogg":
		sameEnds(t, s.head, parts, again.frames)
	default:
		sameFrames(t, s, parts, again.frames)
	}
}

// sameEnds compares where frames end, which is what Ogg says: their begin follows
// from it, but for those that a run's begin or end has cut short.
func sameEnds(t *testing.T, h *head, parts []*Part, again []Part) {
	if len(parts) != len(again) {
		t.Fatalf("%d parts, %d frames in the output", len(parts), len(again))
	}
	end := make([]time.Duration, len(h.tracks))
	for i, p := range parts {
		q := again[i]
		if p.Track != q.Track || !q.Key || !bytes.Equal(p.Frame, q.Frame) {
			t.Fatalf("frame %d: %+v in the output is %+v", i, p, q)
		}
		sample := time.Second/time.Duration(h.tracks[p.Track].Rate) + 1
		last := end[p.Track]
		end[p.Track] = max(last, p.End())
		if p.Time < 0 || (q.End()-end[p.Track]).Abs() > sample {
			t.Fatalf("frame %d: up to %v, in the output up to %v", i, p.End(), q.End())
		}
		if q.Time < last-sample {
			t.Fatalf("frame %d: at %v in the output; the one before it ends at %v", i, q.Time, last)
		}
	}
}

// clockStep is how finely a stream's container writes times, rounded up.
func clockStep(s *Stream, track int) time.Duration {
	if scale := s.head.tracks[track].scale; scale > 0 {
		return time.Duration((int64(time.Second) + scale - 1) / scale)
	}
	return time.Millisecond
}

func sameFrames(t *testing.T, s *Stream, parts []*Part, again []Part) {
	if len(parts) != len(again) {
		t.Fatalf("%d parts, %d frames in the output", len(parts), len(again))
	}
	last := time.Duration(-1)
	for i, p := range parts {
		q := again[i]
		if p.Track != q.Track || p.Key != q.Key || p.lacing != q.lacing || !bytes.Equal(p.Frame, q.Frame) {
			t.Fatalf("frame %d: %+v in the output is %+v", i, p, q)
		}
		step := clockStep(s, p.Track)
		if p.Time < 0 || (q.Time-p.Time).Abs() > step/2+1 {
			t.Fatalf("frame %d: at %v, in the output at %v", i, p.Time, q.Time)
		}
		if (q.Composition-p.Composition).Abs() > step/2+1 && p.Composition.Abs() < 2*time.Second {
			t.Fatalf("frame %d: composed after %v, in the output after %v", i, p.Composition, q.Composition)
		}
		if last >= 0 && last-p.Time > backJump+2*time.Minute {
			t.Fatalf("frame %d: at %v after %v", i, p.Time, last)
		}
		last = p.Time
	}
}

func sameSamples(t *testing.T, parts []*Part, again []Part) {
	var a, b []byte
	last := time.Duration(-1)
	for _, p := range parts {
		if p.Time < last {
			t.Fatalf("at %v after %v", p.Time, last)
		}
		a, last = append(a, p.Frame...), p.Time
	}
	for _, p := range again {
		b = append(b, p.Frame...)
	}
	if !slices.Equal(a, b) {
		t.Fatalf("%d bytes of samples, %d in the output", len(a), len(b))
	}
}
