package relay

import (
	"maps"
	"slices"
	"strings"
	"time"

	"everfile/stream"
)

// gapFrom is how far a track's timestamps jump forward where there is a gap.
const gapFrom = 500 * time.Millisecond

// maxGaps is how many gaps are told of; of others only the number is.
const maxGaps = 100

// trackSum adds up one track. Of several files in one input it adds up the tracks
// that have the same place in the header.
type trackSum struct {
	what    probedTrack // as the newest header has it
	frames  int64
	bytes   int64 // of frames
	keys    spread
	began   bool          // the present file has had a frame: the three below are set
	time    time.Duration // of the newest frame
	end     time.Duration // of the latest-ending
	key     time.Duration // of the newest keyframe, if keyed
	keyed   bool
	reorder time.Duration // so far may times go back because pictures come in the order of decoding
}

// begin starts a file, whose clock is its own.
func (t *trackSum) begin(what probedTrack) {
	t.what, t.began, t.keyed, t.reorder = what, false, false, 0
	if what.Type == "video" && !inOrder(what.Codec) {
		t.reorder = gapFrom
	}
}

// inOrder reports whether a codec's pictures come in the order in which they are shown.
func inOrder(codec string) bool {
	return codec == "mjpeg" || codec == "vp8" || codec == "vp9" || strings.HasPrefix(codec, "av01") || codec == "av1"
}

// add counts a frame and returns by how much its time jumps, which is 0 where it
// does not.
func (t *trackSum) add(p *stream.Part) (jump time.Duration) {
	t.frames++
	t.bytes += int64(len(p.Frame))
	if t.began && p.Time-t.end > gapFrom {
		jump = p.Time - t.end
	} else if t.began && p.Time < t.time-t.reorder {
		jump = p.Time - t.time
	}
	if !t.began || jump < 0 {
		t.began, t.time, t.end, t.keyed = true, p.Time, p.End(), false
	}
	t.time, t.end = max(t.time, p.Time), max(t.end, p.End())
	if p.Key && t.what.Type == "video" {
		if t.keyed {
			t.keys.add(max(0, p.Time-t.key))
		}
		t.keys.of++
		t.key, t.keyed = p.Time, true
	}
	return jump
}

func (t *trackSum) totals(media time.Duration) trackTotals {
	s := trackTotals{probedTrack: t.what, Frames: t.frames, Bytes: t.bytes, BitsPerSecond: perSecondOf(t.bytes, media), Keyframes: t.keys.of}
	if t.keys.n > 0 {
		s.Interval = &interval{t.keys.least.Seconds(), t.keys.median().Seconds(), t.keys.most.Seconds()}
	}
	return s
}

// perSecondOf is a bitrate; 0 if it took no time.
func perSecondOf(bytes int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(8*bytes) / d.Seconds())
}

// spread is the least, the median and the most of many intervals. It remembers
// how often each millisecond occurred and so needs no more for days than for minutes.
type spread struct {
	of          int64 // things between which the intervals are
	n           int64
	least, most time.Duration
	often       map[time.Duration]int64
}

// longest is above which intervals are the same to a median, so that there are
// not too many different ones.
const longest = 100 * time.Second

func (s *spread) add(d time.Duration) {
	if s.n == 0 {
		s.least, s.often = d, map[time.Duration]int64{}
	}
	s.n++
	s.least, s.most = min(s.least, d), max(s.most, d)
	s.often[min(d, longest).Round(time.Millisecond)]++
}

// median returns the lower one of two.
func (s *spread) median() time.Duration {
	var seen int64
	for _, d := range slices.Sorted(maps.Keys(s.often)) {
		if seen += s.often[d]; 2*seen >= s.n {
			return d
		}
	}
	return 0
}
