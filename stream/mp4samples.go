package stream

import (
	"errors"
	"fmt"
	"math/bits"
	"time"
)

// The flags of tfhd and trun (ISO 14496-12, sections 8.8.7 and 8.8.8), and those of
// a sample that make it no keyframe (8.8.3.1).
const (
	tfhdBase        = 0x000001
	tfhdDescription = 0x000002
	tfhdDuration    = 0x000008
	tfhdSize        = 0x000010
	tfhdFlags       = 0x000020
	tfhdBaseIsMoof  = 0x020000

	trunOffset      = 0x001
	trunFirstFlags  = 0x004
	trunDuration    = 0x100
	trunSize        = 0x200
	trunFlags       = 0x400
	trunComposition = 0x800
	trunRow         = trunDuration | trunSize | trunFlags | trunComposition

	sampleNotSync = 0x0001_0000
	sampleDepends = 0x0100_0000
	sampleAlone   = 0x0200_0000 // it depends on no other
)

// mp4Samples are the samples of a traf that have not come yet.
type mp4Samples struct {
	track *mp4Track
	runs  []mp4Run
	time  int64         // the first one's decode time in ticks
	at    time.Duration // and in the run's clock
}

// mp4Run is what has not come yet of a trun, whose samples stand side by side.
type mp4Run struct {
	pos    int64 // where the next one is, in the run's bytes
	count  int64
	fields uint32 // trun's flags: what a row of the table holds
	first  bool   // the next one's flags are in firstFlags
	table  []byte

	duration, size, flags, firstFlags uint32 // where the table has none
}

// mp4Row is what a trun says about one sample.
type mp4Row struct {
	duration, size, flags uint32
	composition           int32 // version 0 has it unsigned, but some write negative ones there too
}

func (r *mp4Run) width() int { return 4 * bits.OnesCount32(r.fields&trunRow) }

// row returns the next sample.
func (r *mp4Run) row() mp4Row {
	w := mp4Row{duration: r.duration, size: r.size, flags: r.flags}
	in := bigReader{b: r.table}
	if r.fields&trunDuration != 0 {
		w.duration = in.u32()
	}
	if r.fields&trunSize != 0 {
		w.size = in.u32()
	}
	if r.fields&trunFlags != 0 {
		w.flags = in.u32()
	}
	if r.fields&trunComposition != 0 {
		w.composition = int32(in.u32())
	}
	if r.first {
		w.flags = r.firstFlags
	}
	return w
}

// part makes a part of the next sample, all but its frame.
func (s *mp4Samples) part(w mp4Row) Part {
	key := w.flags&(sampleNotSync|sampleDepends) == 0 || s.track.kind == Audio
	return Part{Kind: Body, Track: s.track.index, Key: key, Time: s.at,
		Duration: s.track.brief(int64(w.duration)), Composition: s.track.brief(int64(w.composition))}
}

// brief turns a few ticks into a time; more than an hour is none.
func (t *mp4Track) brief(ticks int64) time.Duration {
	if d, ok := ticksToTime(ticks, t.scale); ok && d.Abs() <= time.Hour {
		return d
	}
	return 0
}

// advance leaves the next sample behind.
func (s *mp4Samples) advance(w mp4Row) {
	r := &s.runs[0]
	r.pos += int64(w.size)
	r.table, r.first = r.table[r.width():], false
	if r.count--; r.count == 0 {
		s.runs = s.runs[1:]
	}
	s.time += int64(w.duration)
	s.at, _ = ticksToTime(s.time, s.track.scale) // that it is none too large was seen to before
}

// sum returns how many bytes and ticks the samples of a trun have.
func (r *mp4Run) sum() (size, ticks int64, err error) {
	largest := uint32(0)
	if r.fields&(trunSize|trunDuration) == 0 {
		size, ticks, largest = r.count*int64(r.size), r.times(r.duration), r.size
	} else {
		q := *r
		for range r.count {
			w := q.row()
			q.table, q.first = q.table[q.width():], false
			size, ticks, largest = size+int64(w.size), ticks+int64(w.duration), max(largest, w.size)
		}
	}
	switch {
	case largest > MaxBlock:
		return 0, 0, fmt.Errorf("a sample of %d bytes; at most %d are taken: %w", largest, MaxBlock, ErrTooLarge)
	case size == 0 && r.fields&trunSize == 0:
		return 0, 0, fmt.Errorf("%d samples without a size", r.count)
	case ticks < 0 || ticks > int64(maxClock):
		return 0, 0, errors.New("samples that last longer than any clock")
	}
	return size, ticks, nil
}

// times returns how long all samples last if each lasts so many ticks, or -1 if that
// is too long for any clock.
func (r *mp4Run) times(duration uint32) int64 {
	if v := uint64(r.count) * uint64(duration); v <= uint64(maxClock) {
		return int64(v)
	}
	return -1
}
