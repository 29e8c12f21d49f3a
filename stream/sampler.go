package stream

import "time"

// How far samples may be from the timestamps before that is put right, how long a
// jump of the timestamps may be to become silence, and how much stands for a frame
// that could not be decoded.
const (
	maxDrift   = 100 * time.Millisecond
	maxSilence = 10 * time.Second
	maxDamage  = 120 * time.Millisecond
)

// sampler is the converter to plain samples. What it makes has no timestamps, so
// the samples' number is the clock: where nothing came there is silence, and a
// clock that is not the samples' own has some of them inserted or left out.
type sampler struct {
	track int    // of the stream's, the one that is decoded
	from  *Track // as it is
	to    *Track // as it shall be
	count *Counters

	decoder decoder    // of the present run; nil before its first frame
	skip    int        // how many of its next samples are no sound
	filter  *resampler // nil: the rates are one

	begun   bool
	origin  time.Duration // stream time of the first sample since then
	in      int64         // samples of a channel since then
	out     int64         // and how many of the other rate are in parts
	surplus int64         // samples that are to be left out

	decoded  []float32 // scratch, and the next two
	mixed    []float32
	filtered []float32
	ready    []float32 // less than a part
}

func newSampler(track int, from, to *Track, count *Counters) *sampler {
	return &sampler{track: track, from: from, to: to, count: count}
}

func (s *sampler) wants(p *Part) bool { return p.Kind != Filler && p.Track == s.track }

func (s *sampler) convert(dst []*Part, p *Part) []*Part {
	if p.first || s.decoder == nil {
		s.decoder, _ = newDecoder(s.from) // it has been asked for before
		if s.skip = 0; p.first {
			s.skip, _ = decodedLead(s.from)
		}
	}
	rate, channels := decodedRate(s.from), s.from.Channels
	pcm := s.decode(p)
	n := min(s.skip, len(pcm)/channels)
	s.skip -= n
	pcm = pcm[n*channels:]
	at := p.Time
	if lead, counted := decodedLead(s.from); counted {
		at += sampleTime(int64(n-lead), rate)
	}
	if len(pcm) == 0 {
		return dst
	}
	return s.place(dst, at, pcm)
}

// inSamples is how many there are in a duration.
func inSamples(d time.Duration, rate int) int64 {
	r := int64(rate)
	return int64(d/time.Second)*r + int64(d%time.Second)*r/int64(time.Second)
}

// decode returns the samples of a part, which are silence where it is damaged.
func (s *sampler) decode(p *Part) []float32 {
	frames := [][]byte{p.Frame}
	if p.lacing != 0 {
		frames, _ = unlace(p.lacing, p.Frame) // the parser has read it before
	}
	pcm := s.decoded[:0]
	for _, f := range frames {
		var err error
		if pcm, err = s.decoder.decode(pcm, f); err != nil {
			s.count.Damaged.Add(1)
			n := inSamples(min(p.Duration, maxDamage), decodedRate(s.from))
			pcm = append(pcm, make([]float32, int(n)*s.from.Channels)...)
		}
	}
	s.decoded = pcm
	return pcm
}

// place puts samples where their time is, after the silence that this needs.
func (s *sampler) place(dst []*Part, at time.Duration, pcm []float32) []*Part {
	rate, channels := decodedRate(s.from), s.from.Channels
	ahead := at - s.origin - sampleTime(s.in, rate) // of what there is
	if s.begun && ahead > maxSilence {
		dst = s.rest(dst)
		s.count.Corrections.Add(1)
	}
	switch {
	case !s.begun:
		s.begin(max(0, at))
	case ahead >= maxDrift:
		s.count.Corrections.Add(1)
		dst = s.silence(dst, inSamples(ahead, rate))
	case s.surplus > 0:
		s.surplus = max(0, inSamples(-ahead, rate))
	case ahead <= -maxDrift:
		s.count.Corrections.Add(1)
		s.surplus = inSamples(-ahead, rate)
	}
	n := min(s.surplus, int64(len(pcm)/channels))
	s.surplus -= n
	return s.put(dst, pcm[int(n)*channels:])
}

func (s *sampler) begin(at time.Duration) {
	s.begun, s.origin, s.in, s.out, s.surplus = true, at, 0, 0, 0
	if mid := min(s.from.Channels, s.to.Channels); s.filter == nil && decodedRate(s.from) != s.to.Rate {
		s.filter = newResampler(decodedRate(s.from), s.to.Rate, mid)
	}
}

// silence puts so many samples of it, in pieces.
func (s *sampler) silence(dst []*Part, n int64) []*Part {
	s.surplus = 0
	zeros := make([]float32, max(1, decodedRate(s.from)/100)*s.from.Channels)
	for n > 0 {
		some := min(n, int64(len(zeros)/s.from.Channels))
		dst = s.put(dst, zeros[:int(some)*s.from.Channels])
		n -= some
	}
	return dst
}

// put mixes and resamples what comes next, and cuts off the parts that this
// completes.
func (s *sampler) put(dst []*Part, pcm []float32) []*Part {
	s.in += int64(len(pcm) / s.from.Channels)
	if s.to.Channels < s.from.Channels {
		s.mixed = remix(s.mixed[:0], pcm, s.from.Channels, s.to.Channels)
		pcm = s.mixed
	}
	if s.filter != nil {
		s.filtered = s.filter.resample(s.filtered[:0], pcm)
		pcm = s.filtered
	}
	return s.cut(dst, pcm)
}

// unit is how many samples of all channels a part has: 10 ms.
func (s *sampler) unit() int { return s.to.Rate / 100 * s.to.Channels }

// cut makes parts of samples that are mixed down and of the right rate.
func (s *sampler) cut(dst []*Part, pcm []float32) []*Part {
	s.ready = remix(s.ready, pcm, min(s.from.Channels, s.to.Channels), s.to.Channels)
	rest, unit := s.ready, s.unit()
	for ; len(rest) >= unit; rest = rest[unit:] {
		dst = append(dst, s.part(rest[:unit]))
	}
	s.ready = s.ready[:copy(s.ready, rest)]
	return dst
}

func (s *sampler) part(pcm []float32) *Part {
	at := sampleTime(s.out, s.to.Rate)
	s.out += int64(len(pcm) / s.to.Channels)
	return &Part{Kind: Body, Key: true, Time: s.origin + at, Duration: sampleTime(s.out, s.to.Rate) - at,
		Frame: appendSamples(nil, pcm, s.to)}
}

// rest makes parts of all that has been put; what comes then begins anew.
func (s *sampler) rest(dst []*Part) []*Part {
	if !s.begun {
		return dst
	}
	s.begun = false
	if s.filter != nil {
		dst = s.cut(dst, s.filter.flush(nil))
	}
	if len(s.ready) > 0 {
		dst = append(dst, s.part(s.ready))
		s.ready = s.ready[:0]
	}
	return dst
}
