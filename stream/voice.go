package stream

import (
	"math"
	"time"
)

// How much of a voice waits to be mixed. What it begins with covers a packet of the
// usual length and then some; a voice whose packets are further apart than that waits
// for more, so that it is not broken off between two of them.
const (
	voiceAim    = 200 * time.Millisecond // at the least
	voiceMost   = 3 * time.Second        // and at the most: what comes through a pipe is in pieces of seconds
	voiceMargin = 100 * time.Millisecond // more than its packets are apart
	voiceOver   = 500 * time.Millisecond // more than that is late, and skipped
)

// How a voice is kept in time. Once in voiceCheck, or in two of its packets, the least
// that has waited is compared with what should have; farther off than voiceSlack, a piece as long as
// some period of its sound is left out or played twice, and farther than voiceFar,
// all of it is left out at once. Either way the two ends overlap by voiceSplice, in
// the place where they are most alike.
const (
	voiceCheck  = time.Second
	voiceSlack  = 30 * time.Millisecond
	voiceFar    = 100 * time.Millisecond
	voiceSplice = 10 * time.Millisecond
	voiceLeast  = 2500 * time.Microsecond // 400 Hz
	voiceLong   = 12500 * time.Microsecond
	voiceGaps   = 10 * time.Second // for so long a gap between two packets counts, and up to twice that
)

// Who begins or ceases to be heard does so within voiceFade. How loud a voice is, is
// smoothed over voiceLevel, and known voiceAhead before it is heard.
const (
	voiceFade  = 15 * time.Millisecond
	voiceLevel = 400 * time.Millisecond
	voiceAhead = 100 * time.Millisecond
)

// voice is what one stream brings to a mix: the samples that have come and not been
// mixed yet. Its clock are the blocks that are taken from it; it starts no goroutine,
// and one goroutine uses it.
type voice struct {
	rate     int
	channels int // one or two
	ended    bool

	pcm  []float32
	head int // what comes next, in numbers of pcm

	playing bool    // it has begun, and has not run dry since
	chosen  bool    // it is one of the loudest
	gain    float32 // how far it is faded in
	power   float64 // smoothed

	gaps   gaps
	begun  bool // something has come
	since  int  // frames mixed since something came
	low    int  // the least that waited since the latest check
	checks int  // frames mixed since that
}

// frames is how many there are in a duration; a frame is a sample of each channel.
func (v *voice) frames(d time.Duration) int { return int(inSamples(d, v.rate)) }

// fill is how many frames wait.
func (v *voice) fill() int { return (len(v.pcm) - v.head) / v.channels }

// aim is how many there should be, right after some have come.
func (v *voice) aim() int {
	most := v.frames(voiceMost)
	return min(max(v.frames(voiceAim), v.gaps.usual()+v.frames(voiceMargin)), most)
}

// put appends what has come, interleaved. What is too late for its place is left out,
// so that no more waits than should.
func (v *voice) put(pcm []float32) {
	if len(pcm) == 0 {
		return
	}
	if v.begun && v.since > 0 && v.since <= v.frames(voiceMost) {
		v.gaps.add(v.since)
	}
	v.begun, v.since = true, 0
	if v.head > 0 && len(v.pcm)+len(pcm) > cap(v.pcm) {
		v.pcm = v.pcm[:copy(v.pcm, v.pcm[v.head:])]
		v.head = 0
	}
	v.pcm = append(v.pcm, pcm...)
	if over := v.fill() - v.aim(); over > v.frames(voiceOver) {
		v.skip(over)
	}
}

// next makes the voice ready for a block of n frames: it begins when enough waits.
func (v *voice) next(n int) {
	if fill, aim := v.fill(), v.aim(); !v.playing && (fill >= aim || v.ended && fill > 0) {
		v.playing = true
		if !v.ended {
			v.drop(fill - aim)
		}
		v.low, v.checks = v.fill(), 0
	}
	now := 0.0
	if v.playing {
		ahead := min(v.fill()-n, v.frames(voiceAhead))
		now = meanSquare(v.take(max(0, ahead), n))
	}
	v.power += (now - v.power) * (1 - math.Exp(-float64(n)/float64(v.frames(voiceLevel))))
}

// take returns up to n of the frames that wait, from one on.
func (v *voice) take(from, n int) []float32 {
	waiting := v.pcm[v.head:]
	waiting = waiting[min(from*v.channels, len(waiting)):]
	return waiting[:min(n*v.channels, len(waiting))]
}

func meanSquare(pcm []float32) float64 {
	sum := float32(0)
	for _, x := range pcm {
		sum += x * x
	}
	return float64(sum) / float64(max(1, len(pcm)))
}

// add adds the next n frames to a block of some channels, if the voice is heard, and
// lets them go. It fades out before it runs dry.
func (v *voice) add(block []float32, channels, n int) {
	v.since += n
	v.gaps.pass(n, v.frames(voiceGaps))
	if !v.playing {
		return
	}
	enough := v.fill() >= n+v.frames(voiceFade)
	goal := float32(0)
	if v.chosen && enough {
		goal = 1
	}
	pcm := v.take(0, n)
	if v.gain != 0 || goal != 0 {
		v.fade(block, channels, pcm, goal)
	}
	v.drop(len(pcm) / v.channels)
	if len(pcm) < n*v.channels {
		v.gain = 0
	}
	if !enough && v.gain == 0 {
		v.playing = false // what is left of one that has ended is let go by the next blocks
		return
	}
	v.keepTime(n)
}

// fade adds samples, with a gain that goes towards its goal.
func (v *voice) fade(block []float32, channels int, pcm []float32, goal float32) {
	step := 1 / float32(v.frames(voiceFade))
	for len(pcm) > 0 {
		switch {
		case v.gain < goal:
			v.gain = min(goal, v.gain+step)
		case v.gain > goal:
			v.gain = max(goal, v.gain-step)
		case goal == 0:
			return
		}
		block[0] += v.gain * pcm[0]
		if channels == 2 {
			block[1] += v.gain * pcm[v.channels-1]
		}
		block, pcm = block[channels:], pcm[v.channels:]
	}
}

// drop lets n frames go, that nobody hears any more.
func (v *voice) drop(n int) { v.head += n * v.channels }

// done reports that nothing will be heard of the voice any more.
func (v *voice) done() bool { return v.ended && v.fill() == 0 }

// keepTime compares, now and then, how much waits with how much should. A clock that
// is not the mix's own shows by that.
func (v *voice) keepTime(n int) {
	v.low = min(v.low, v.fill())
	if v.checks += n; v.checks < max(v.frames(voiceCheck), 2*v.gaps.usual()) || v.ended {
		return
	}
	late := v.low - (v.aim() - v.gaps.usual())
	switch {
	case late > v.frames(voiceFar):
		v.skip(late)
	case late > v.frames(voiceSlack):
		v.shorten(v.frames(voiceLeast), v.frames(voiceLong))
	case late < -v.frames(voiceSlack):
		v.lengthen(v.frames(voiceLeast), v.frames(voiceLong))
	}
	v.low, v.checks = v.fill(), 0
}

// skip leaves out about n frames, and no more.
func (v *voice) skip(n int) {
	if v.gain == 0 {
		v.drop(n)
		return
	}
	v.shorten(max(1, n-v.frames(voiceSplice)), n)
}

// shorten leaves out a piece of so many frames at the least and at the most.
func (v *voice) shorten(least, most int) {
	n := v.frames(voiceSplice)
	if v.fill() < most+n {
		return
	}
	lag := v.alike(least, most)
	x := v.pcm[v.head:]
	v.overlap(x, x, x[lag*v.channels:])
	// What is heard next is moved, rather than all that waits.
	head := v.head + lag*v.channels
	copy(v.pcm[head:], x[:n*v.channels])
	v.head = head
}

// lengthen plays a piece of so many frames at the least and at the most twice.
func (v *voice) lengthen(least, most int) {
	n := v.frames(voiceSplice)
	if v.fill() < most+n {
		return
	}
	lag := v.alike(least, most)
	x := v.pcm[v.head:]
	longer := append(make([]float32, 0, len(x)+lag*v.channels), x[:lag*v.channels]...)
	longer = append(longer, x...)
	v.overlap(longer[lag*v.channels:], x[lag*v.channels:], x)
	v.pcm, v.head = longer, 0
}

// overlap writes what goes over from one sound into another.
func (v *voice) overlap(dst, from, to []float32) {
	n := v.frames(voiceSplice)
	for i := range n {
		w := (float32(i) + 0.5) / float32(n)
		for c := i * v.channels; c < (i+1)*v.channels; c++ {
			dst[c] = from[c]*(1-w) + to[c]*w
		}
	}
}

// alike returns how far on, between two bounds, the sound is most like what is heard
// next.
func (v *voice) alike(least, most int) (lag int) {
	x, n := v.pcm[v.head:], v.frames(voiceSplice)
	best := float32(math.Inf(1))
	for at := least; at <= most; at++ {
		sum := float32(0)
		for i := 0; i < n && sum < best; i++ {
			d := x[i*v.channels] - x[(at+i)*v.channels]
			sum += d * d
		}
		if sum < best {
			best, lag = sum, at
		}
	}
	return max(lag, least)
}

// gaps remembers how far packets have been apart lately. The longest gap is not
// counted, since a network may stand still once.
type gaps struct {
	now, before [2]int // the longest and the second of this span, and of the one before
	age         int
}

func (g *gaps) add(gap int) {
	switch {
	case gap > g.now[0]:
		g.now = [2]int{gap, g.now[0]}
	case gap > g.now[1]:
		g.now[1] = gap
	}
}

// pass lets time go by; what is older than a span and the one before is forgotten.
func (g *gaps) pass(n, span int) {
	if g.age += n; g.age >= span {
		g.before, g.now, g.age = g.now, [2]int{}, 0
	}
}

// usual is the second longest gap.
func (g *gaps) usual() int { return max(g.now[1], g.before[1]) }
