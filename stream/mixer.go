package stream

import "slices"

// At most mixVoices are heard at once. Another takes the place of the quietest of them
// when it is louder by 3 dB, and not silent.
const (
	mixVoices  = 4
	mixLouder  = 2
	mixSilence = 1e-8 // power; 80 dB below full scale
)

// mixer sums the loudest of some voices, a block at a time. It has no clock: the
// blocks are it. One goroutine uses it.
type mixer struct {
	rate     int
	channels int // one or two
	unit     int // frames of a block: 10 ms
	voices   []*voice
	block    []float32
	limiter  limiter
}

func newMixer(rate, channels int) *mixer {
	unit := rate / 100
	return &mixer{rate: rate, channels: channels, unit: unit, block: make([]float32, unit*channels),
		limiter: limiter{held: make([]float32, unit*channels), need: 1, gain: 1}}
}

// voice returns a new voice of the mix, of a stream of so many channels. More than
// two are as good as one.
func (m *mixer) voice(channels int) *voice {
	if channels > 2 {
		channels = 1
	}
	v := &voice{rate: m.rate, channels: min(channels, m.channels)}
	m.voices = append(m.voices, v)
	return v
}

// mix appends the next block.
func (m *mixer) mix(dst []float32) []float32 {
	clear(m.block)
	for _, v := range m.voices {
		v.next(m.unit)
	}
	m.choose()
	for _, v := range m.voices {
		v.add(m.block, m.channels, m.unit)
	}
	m.voices = slices.DeleteFunc(m.voices, (*voice).done)
	return m.limiter.pass(dst, m.block, m.channels)
}

// choose says which voices are heard: those that were, unless another is much louder.
func (m *mixer) choose() {
	for {
		n, quietest, loudest := 0, (*voice)(nil), (*voice)(nil)
		for _, v := range m.voices {
			v.chosen = v.chosen && (v.playing || v.gain > 0)
			switch {
			case v.chosen:
				n++
				if quietest == nil || v.power < quietest.power {
					quietest = v
				}
			case v.playing && (loudest == nil || v.power > loudest.power):
				loudest = v
			}
		}
		switch {
		case loudest == nil:
			return
		case n < mixVoices:
		case loudest.power > max(mixSilence, mixLouder*quietest.power):
			quietest.chosen = false
		default:
			return
		}
		loudest.chosen = true
	}
}

// held is how many bytes of samples wait.
func (m *mixer) held() (bytes int) {
	for _, v := range m.voices {
		bytes += 4 * cap(v.pcm)
	}
	return bytes
}

// limitCeiling is the loudest sample that the limiter lets through, and limitRise how
// much its gain may rise within a block: 6 dB in 0.7 s.
const (
	limitCeiling = 1 - 1.0/(1<<15)
	limitRise    = 1.01
)

// limiter turns a sum down where it is louder than full scale. It is one block late, so
// that it knows what comes and need not distort, as what saturates does: its gain goes
// straight from block to block and is never more than either of them allows. What is
// not too loud, long after what was, passes bit for bit.
type limiter struct {
	held []float32 // the block that waits
	need float32   // the gain that it allows
	gain float32   // at its begin
}

// pass takes a block and appends the one before.
func (l *limiter) pass(dst, block []float32, channels int) []float32 {
	peak := float32(0)
	for _, x := range block {
		peak = max(peak, x, -x)
	}
	need := float32(1)
	if peak > limitCeiling {
		need = limitCeiling / peak
	}
	to := min(l.need, need, l.gain*limitRise)
	step := (to - l.gain) / float32(len(l.held)/channels)
	gain := l.gain
	for i, x := range l.held {
		dst = append(dst, x*gain)
		if i%channels == channels-1 {
			gain += step
		}
	}
	copy(l.held, block)
	l.need, l.gain = need, to
	return dst
}
