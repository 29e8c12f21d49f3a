package stream

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// planAAC puts the frames of the first track of AAC in MP4 behind headers of ADTS.
func planAAC(s *Stream, to *Format, _ ConvertOptions) (plan, error) {
	if s.head.first(Audio) < 0 {
		return plan{}, ErrNoAudio
	}
	err := errors.New("aac is made of the AAC in MP4 here, and there is none in it")
	for i := range s.head.tracks {
		t := &s.head.tracks[i]
		if !strings.HasPrefix(t.id, "mp4a") {
			continue
		}
		var kind frameKind
		if kind, err = adtsKind(t); err == nil {
			return plan{
				opt: ConvertOptions{Format: to}, format: to, head: &head{tracks: []Track{adtsFraming.track(kind)}}, back: to.preroll,
				make: func(c *Counters) converter { return &aacRepacker{track: i, rate: kind.rate, count: c} },
			}, nil
		}
	}
	return plan{}, &ViewError{Why: err.Error()}
}

// The object types of AAC (ISO 14496-3, table 1.17) that say that another one is
// extended by what a decoder may leave out: the upper half of its frequencies, and
// the sides of a stereo picture.
const (
	aacSBR = 5
	aacPS  = 29
)

// adtsKind returns how ADTS describes a track's frames. ADTS has two bits for the
// object type, sampling rates by their index only, and the usual channel
// configurations; and frames of 1024 samples. Extensions it does not say: decoders
// find them in the frames.
func adtsKind(t *Track) (k frameKind, err error) {
	if t.id != "mp4a.40" {
		return k, fmt.Errorf("ADTS is made of AAC as MPEG-4 has it (mp4a.40), and it is %s", t.id)
	}
	in := configReader{b: t.Private}
	object, rate := in.object(), in.rate()
	config := in.bits(4)
	if object == aacSBR || object == aacPS {
		in.rate() // of what comes out of the extension
		object = in.object()
	}
	short, core := in.bits(1), in.bits(1)
	k = frameKind{variant: byte(object-1)<<3 | byte(config), rate: rate}
	switch {
	case in.at > 8*len(in.b):
		return k, fmt.Errorf("its AudioSpecificConfig of %d bytes is cut off", len(in.b))
	case object < 1 || object > 4:
		return k, fmt.Errorf("ADTS has no place for AAC of object type %d", object)
	case aacRates[aacRate(rate)] != rate:
		return k, fmt.Errorf("ADTS has no place for AAC of %d Hz", rate)
	case config < 1 || config > 7:
		return k, fmt.Errorf("ADTS has no place for AAC of channel configuration %d", config)
	case short != 0:
		return k, errors.New("ADTS has no place for AAC frames of 960 samples")
	case core != 0:
		return k, errors.New("ADTS has no place for AAC that depends on another coder")
	}
	k.channels = aacChannels[config]
	return k, nil
}

// configReader reads the bits of an AudioSpecificConfig (ISO 14496-3, section
// 1.6.2.1). Behind the end there are zeros.
type configReader struct {
	b  []byte
	at int // the next bit
}

func (r *configReader) bits(n int) (v int) {
	for range n {
		v <<= 1
		if i := r.at / 8; i < len(r.b) {
			v |= int(r.b[i]>>(7-r.at%8)) & 1
		}
		r.at++
	}
	return v
}

func (r *configReader) object() int {
	n := r.bits(5)
	if n == 31 {
		n = 32 + r.bits(6)
	}
	return n
}

// rate is 0 where the index is one that means nothing.
func (r *configReader) rate() int {
	i := r.bits(4)
	switch {
	case i == 15:
		return r.bits(24)
	case i < len(aacRates):
		return aacRates[i]
	}
	return 0
}

// aacRepacker is the converter that passes frames of AAC on.
type aacRepacker struct {
	track int
	rate  int
	count *Counters
}

func (r *aacRepacker) wants(p *Part) bool { return p.Kind != Filler && p.Track == r.track }

func (r *aacRepacker) convert(dst []*Part, p *Part) []*Part {
	if len(p.Frame) > adtsMost-adtsHead {
		r.count.Damaged.Add(1) // ADTS has 13 bits for it, and no frame of AAC is as long
		return dst
	}
	// Not as long as the container says: a last sample is often said to be shorter.
	d := aacSamples * time.Second / time.Duration(r.rate)
	return append(dst, &Part{Kind: Body, Key: true, Time: p.Time, Duration: d, Frame: p.Frame})
}

func (r *aacRepacker) rest(dst []*Part) []*Part { return dst }
