package stream

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// maxTrafs bounds the trafs of a moof: each sample is looked for in all of them.
const maxTrafs = 2 * maxTracks

// mp4Fragment is a moof while it is read.
type mp4Fragment struct {
	at, end int64 // where the moof begins and ends
	origin  int64 // where the file begins
	tracks  map[uint32]*mp4Track
	data    int64 // where a traf's data begins, if nothing else is said
	trafs   int
	spans   [][2]int64 // of the data that its truns name

	open  []*mp4Samples
	bytes int64
}

// read reads a moof. What it finds keeps parts of data.
func (f *mp4Fragment) read(data []byte) error {
	err := eachBox(data, func(kind string, data []byte) error {
		if kind != "traf" {
			return nil
		}
		if f.trafs++; f.trafs > maxTrafs {
			return fmt.Errorf("a moof of more than %d trafs: %w", maxTrafs, ErrTooLarge)
		}
		return f.traf(data)
	})
	if err != nil {
		return fmt.Errorf("in a moof: %w", err)
	}
	return f.apart()
}

// apart demands that no byte is of two samples: a few bytes could else be very many.
func (f *mp4Fragment) apart() error {
	slices.SortFunc(f.spans, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })
	for i := 1; i < len(f.spans); i++ {
		if a, b := f.spans[i-1], f.spans[i]; b[0] < a[1] {
			return fmt.Errorf("samples overlap at byte %d", b[0])
		}
	}
	return nil
}

// traf reads the samples of one track.
func (f *mp4Fragment) traf(data []byte) error {
	var s *mp4Samples
	var base, ticks int64 // of its data; of all its samples
	var defaults mp4Run
	var decode *uint64
	version := uint8(0)
	err := eachBox(data, func(kind string, data []byte) (err error) {
		in := bigReader{b: data}
		switch kind {
		case "tfhd":
			if s != nil {
				return errors.New("a second tfhd")
			}
			s, base, defaults, err = f.tfhd(&in)
		case "tfdt":
			version, _ = in.full()
			v := in.word(version)
			decode = &v
		case "trun":
			if s == nil {
				return errors.New("a trun comes before its tfhd")
			}
			var d int64
			d, err = f.trun(&in, s, base, defaults)
			if ticks += d; ticks < 0 || ticks > int64(maxClock) {
				err = errors.New("samples that last longer than any clock")
			}
		}
		if err == nil && in.short {
			err = fmt.Errorf("a %s of %d bytes is too short", kind, len(data))
		}
		return err
	})
	if err == nil && s == nil {
		err = errors.New("a traf without tfhd")
	}
	if err != nil {
		return err
	}
	return f.keep(s, decode, version, ticks)
}

// tfhd says which track it is, where its data begins, and what its samples are where
// they do not say it themselves.
func (f *mp4Fragment) tfhd(in *bigReader) (s *mp4Samples, base int64, defaults mp4Run, err error) {
	_, flags := in.full()
	id := in.u32()
	t := f.tracks[id]
	if t == nil && !in.short {
		return nil, 0, mp4Run{}, fmt.Errorf("samples of track %d, which the header does not name", id)
	}
	if t == nil {
		t = &mp4Track{} // too short, and refused for it
	}
	if base = f.data; flags&tfhdBaseIsMoof != 0 {
		base = f.at
	}
	if flags&tfhdBase != 0 {
		v := in.u64()
		if v > math.MaxInt64/4 {
			return nil, 0, mp4Run{}, fmt.Errorf("a base data offset of %d", v)
		}
		base = f.origin + int64(v)
	}
	defaults = t.defaults
	if flags&tfhdDescription != 0 {
		if n := in.u32(); n != 1 {
			return nil, 0, mp4Run{}, fmt.Errorf("samples of description %d; the track has one", n)
		}
	}
	if flags&tfhdDuration != 0 {
		defaults.duration = in.u32()
	}
	if flags&tfhdSize != 0 {
		defaults.size = in.u32()
	}
	if flags&tfhdFlags != 0 {
		defaults.flags = in.u32()
	}
	f.data = base
	return &mp4Samples{track: t}, base, defaults, nil
}

// trun adds a run of samples to s and returns how many ticks it lasts. It begins
// behind the one before, unless it says where, counted from base.
func (f *mp4Fragment) trun(in *bigReader, s *mp4Samples, base int64, r mp4Run) (ticks int64, err error) {
	_, r.fields = in.full()
	r.count, r.pos = int64(in.u32()), f.data
	if r.fields&trunOffset != 0 {
		r.pos = base + int64(int32(in.u32()))
	}
	if r.first = r.fields&trunFirstFlags != 0; r.first {
		r.firstFlags = in.u32()
	}
	if in.short || r.count == 0 {
		return 0, nil
	}
	if r.table = in.b; int64(len(r.table)) < r.count*int64(r.width()) {
		return 0, fmt.Errorf("a trun of %d samples with a table of %d bytes", r.count, len(r.table))
	}
	size, ticks, err := r.sum()
	if err != nil {
		return 0, err
	}
	end := r.pos + size
	switch n := len(s.runs); {
	case r.pos < f.end:
		return 0, fmt.Errorf("samples are said to begin at byte %d, which is not behind their moof", r.pos)
	case n > 0 && r.pos < f.spans[len(f.spans)-1][1]:
		return 0, fmt.Errorf("samples overlap, or go back, at byte %d", r.pos)
	case end > math.MaxInt64/2:
		return 0, fmt.Errorf("samples end at byte %d", end)
	}
	f.data = end
	f.spans = append(f.spans, [2]int64{r.pos, end})
	s.runs = append(s.runs, r)
	return ticks, nil
}

// keep sets the clock of a traf's samples, and hands them on if the track is.
func (f *mp4Fragment) keep(s *mp4Samples, decode *uint64, version uint8, ticks int64) error {
	t := s.track
	if s.time = t.next; decode != nil {
		v, ok := t.unwrap(*decode, version)
		if !ok {
			return fmt.Errorf("a decode time of %d ticks, beyond any clock", *decode)
		}
		s.time = v - t.shift
	}
	at, ok := ticksToTime(s.time, t.scale)
	if _, more := ticksToTime(s.time+ticks, t.scale); !ok || !more {
		return fmt.Errorf("a decode time of %d ticks, beyond any clock", s.time)
	}
	s.at, t.next = at, s.time+ticks
	if t.index < 0 || len(s.runs) == 0 {
		return nil
	}
	for _, span := range f.spans[len(f.spans)-len(s.runs):] {
		f.bytes += span[1] - span[0]
	}
	f.open = append(f.open, s)
	return nil
}

// unwrap returns a tfdt's time in ticks. In version 0 it has 32 bits, which pass a
// video's 90 kHz in 13 hours: it is then the one that is nearest to what is expected.
func (t *mp4Track) unwrap(v uint64, version uint8) (ticks int64, ok bool) {
	if version == 0 && t.next+t.shift > 0 {
		if ahead := t.next + t.shift - int64(v); ahead > 1<<31 {
			v += uint64(ahead+1<<31) >> 32 << 32
		}
	}
	return int64(v), v <= uint64(maxClock)
}
