package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
)

// planOpus puts the packets of the first track of Opus into another container.
// Pictures stay behind where the container has no room for them anyway; where it
// has, nobody would expect them to be gone.
func planOpus(s *Stream, to *Format, o ConvertOptions) (plan, error) {
	track := slices.IndexFunc(s.head.tracks, func(t Track) bool { return t.Codec == "opus" && !t.encoded })
	switch {
	case s.head.first(Audio) < 0:
		return plan{}, ErrNoAudio
	case track < 0:
		return plan{}, &ViewError{Why: fmt.Sprintf("%s is made of opus here, and there is none in it", to.Name)}
	case to.video && s.head.video() >= 0:
		return plan{}, &ViewError{Why: fmt.Sprintf("no %s is made of the pictures of %s here", to.Name, s.format.Name)}
	case o.Tracks == Video:
		return plan{}, ErrNoVideo
	}
	from := &s.head.tracks[track]
	private, err := opusConfig(from)
	if err != nil {
		return plan{}, &ViewError{Why: err.Error()}
	}
	t := newOpusTrack(private)
	return plan{
		opt: ConvertOptions{Format: to}, format: to, head: &head{tracks: []Track{t}},
		make: func(c *Counters) converter { return newOpusRepacker(track, from, c) },
	}, nil
}

// opusConfig returns a track's identification header without what may stand behind
// it, or an ordinary one where there is none.
func opusConfig(t *Track) ([]byte, error) {
	b := t.Private
	if !bytes.HasPrefix(b, []byte("OpusHead")) {
		if t.Channels < 1 || t.Channels > 2 {
			return nil, fmt.Errorf("opus of %d channels without an OpusHead says nothing of their order", t.Channels)
		}
		b = append([]byte("OpusHead"), 1, byte(t.Channels), 0, 0)
		b = binary.LittleEndian.AppendUint32(b, opusRate)
		return append(b, 0, 0, 0), nil
	}
	if _, err := opusIdent(b); err != nil {
		return nil, err
	}
	n := opusHeadSize
	if b[18] != 0 {
		n += 2 + int(b[9]) // the channel mapping
	}
	return b[:n], nil
}

// opusSettle is how much a decoder that begins in the middle must decode before what
// it gives is right (RFC 7845, section 4.6).
const opusSettle = 80 * time.Millisecond

// newOpusTrack describes Opus by its identification header, for any container. Times
// count the pre-skip, as WebM's do.
func newOpusTrack(private []byte) Track {
	channels := int(private[9])
	audio := appendBytes(nil, idSamplingFreq, binary.BigEndian.AppendUint64(nil, math.Float64bits(opusRate)))
	audio = appendUint(audio, idChannels, uint64(channels))
	entry := appendUint(nil, idTrackType, uint64(Audio))
	entry = appendBytes(entry, idCodecID, []byte("A_OPUS"))
	entry = appendBytes(entry, idCodecPrivate, private)
	entry = appendUint(entry, idCodecDelay, uint64(sampleTime(opusSkip(private), opusRate)))
	entry = appendUint(entry, idSeekPreRoll, uint64(opusSettle))
	entry = appendBytes(entry, idAudio, audio)
	return Track{Type: Audio, Codec: "opus", Private: private, Rate: opusRate, Channels: channels, id: "A_OPUS", entry: entry}
}

// opusRepacker is the converter that passes packets of Opus on, each with the
// duration that it says itself. Times count the pre-skip afterwards, whether they did
// before or not.
type opusRepacker struct {
	track int
	lead  time.Duration // of the pre-skip, if times did not count it before; else 0
	count *Counters

	left time.Duration // of the lead, what the packets of this run have not used up
	last time.Duration // when the newest packet begins
	end  time.Duration // and when it is over
}

// opusJitter is how far a packet's time may be from the end of the one before it to
// be taken for that: containers round, and pages of Ogg should add up.
const opusJitter = time.Millisecond

func newOpusRepacker(track int, from *Track, count *Counters) *opusRepacker {
	r := &opusRepacker{track: track, count: count}
	if n, counted := decodedLead(from); !counted {
		r.lead = sampleTime(int64(n), opusRate)
	}
	return r
}

func (r *opusRepacker) wants(p *Part) bool { return p.Kind != Filler && p.Track == r.track }

func (r *opusRepacker) convert(dst []*Part, p *Part) []*Part {
	packets := [][]byte{p.Frame}
	if p.lacing != 0 {
		packets, _ = unlace(p.lacing, p.Frame) // the parser has read it before
	}
	at := p.Time
	for _, b := range packets {
		d := opusDuration(b)
		if d == 0 {
			r.count.Damaged.Add(1) // no decoder takes it
			continue
		}
		if r.lead > 0 {
			at = r.begin(p, d)
		}
		if (at - r.end).Abs() <= opusJitter {
			at = r.end
		}
		at = max(at, r.last) // a run may begin before the sound of the one before it ends
		r.last, r.end = at, at+d
		dst = append(dst, &Part{Kind: Body, Key: true, Time: at, Duration: d, Frame: b})
		at += d
	}
	return dst
}

// begin is when a packet begins whose time did not count the pre-skip. The first of
// a run begin before the sound does, and their times were cut short by that.
func (r *opusRepacker) begin(p *Part, d time.Duration) time.Duration {
	if p.first {
		r.left = r.lead
	}
	at := p.Time + r.lead
	if r.left > 0 && p.Duration > 0 {
		at, r.left = p.End()+r.lead-d, 0
	}
	at -= r.left
	r.left -= min(r.left, d)
	return at
}

func (r *opusRepacker) rest(dst []*Part) []*Part { return dst }
