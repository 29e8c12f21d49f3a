package stream

import (
	"errors"
	"fmt"
	"time"
)

// ConvertOptions says how a stream is wanted other than it was published; the
// zero value wants nothing. Who wants the same shares the same run, in whatever
// words.
type ConvertOptions struct {
	Format *Format   // in this container; nil: its own
	Tracks TrackType // its pictures only, or its sound only; 0: all that the container takes

	// Of plain samples, each as it comes where it is zero: samples a second,
	// channels, and bits of a sample, which are integers or floats.
	Rate     int
	Channels int
	Bits     int
	Float    bool // with Bits
}

// samples reports whether something is wanted that only plain samples have.
func (o *ConvertOptions) samples() bool { return o.Rate != 0 || o.Channels != 0 || o.Bits != 0 }

// What is wanted and cannot be had. A [ViewError] says more.
var (
	ErrNoAudio    = errors.New("the stream has no sound")
	ErrNoVideo    = errors.New("the stream has no pictures")
	ErrSoundOnly  = errors.New("the container has no room for pictures")
	ErrNotSamples = errors.New("only plain samples have a rate, channels and bits")
)

// ViewError says why a stream cannot be had in some way.
type ViewError struct {
	Why string // a clause, as in "it is so, because vorbis is not decoded here"
}

func (e *ViewError) Error() string { return e.Why }

// plan is what becomes of a stream: the file, and what fills it.
type plan struct {
	opt    ConvertOptions // the same for all that mean the same
	format *Format
	head   *head
	back   time.Duration             // how much of what is there already it begins with
	keyed  bool                      // it begins with a keyframe of the first track of pictures
	newest bool                      // of what has come together only the newest is converted
	make   func(*Counters) converter // nil: the stream is it already
}

// making is a row of the table of what streams can be made into besides what they
// are. Its plan fails where it cannot.
type making struct {
	to   string // the container
	plan func(s *Stream, to *Format, o ConvertOptions) (plan, error)
}

// Of several rows for one container the first that can does.
var makings = []making{
	{"wav", planSamples},
	{"webm", planOpus},
	{"ogg", planOpus},
	{"aac", planAAC},
	{"mjpeg", planPictures},
}

// plan says what the options make of a stream.
func (o ConvertOptions) plan(s *Stream) (p plan, err error) {
	to := o.Format
	if to == nil {
		to = s.format
	}
	if to != s.format {
		err = &ViewError{Why: fmt.Sprintf("no %s is made of %s here", to.Name, s.format.Name)}
	}
	switch {
	case o.samples() && !to.plain:
		return plan{}, ErrNotSamples
	case o.Tracks == Video && !to.video:
		return plan{}, ErrSoundOnly
	}
	for _, m := range makings {
		if m.to != to.Name || to == s.format && !to.plain { // of its own container only samples are made
			continue
		}
		if p, err = m.plan(s, to, o); err == nil {
			return p, nil
		}
	}
	if err != nil || o.Tracks == 0 {
		return plan{}, err
	}
	return planTracks(s, to, o)
}

// planTracks leaves out the tracks of the other type.
func planTracks(s *Stream, to *Format, o ConvertOptions) (plan, error) {
	h, tracks := s.head.only(o.Tracks)
	switch {
	case len(h.tracks) == 0 && o.Tracks == Video:
		return plan{}, ErrNoVideo
	case len(h.tracks) == 0:
		return plan{}, ErrNoAudio
	case len(h.tracks) == len(tracks):
		return plan{}, nil
	}
	return plan{
		opt: ConvertOptions{Format: to, Tracks: o.Tracks}, format: to, head: h, keyed: o.Tracks == Video,
		make: func(*Counters) converter { return selection(tracks) },
	}, nil
}

// Samples are converted between and up to these, which are checked before anything
// of their size is made.
const (
	minRate     = 1000
	maxRate     = 192_000
	maxChannels = 8
)

// planSamples makes plain samples of the first sound that can be decoded. What is
// not asked for stays as it is.
func planSamples(s *Stream, to *Format, o ConvertOptions) (plan, error) {
	track := s.head.first(Audio)
	if track < 0 {
		return plan{}, ErrNoAudio
	}
	_, err := newDecoder(&s.head.tracks[track])
	for i := track + 1; i < len(s.head.tracks) && err != nil; i++ {
		if _, other := newDecoder(&s.head.tracks[i]); other == nil {
			track, err = i, nil
		}
	}
	from := &s.head.tracks[track]
	want := o.samplesOf(from)
	switch {
	case s.format == to && want.same(from):
		return plan{}, nil
	case err != nil:
		return plan{}, &ViewError{Why: err.Error()}
	}
	if want.Float {
		want.Bits, want.Codec = 32, "3" // 64 are no use to anybody whose samples are changed
	}
	if rate := decodedRate(from); min(rate, want.Rate) < minRate || max(rate, want.Rate) > maxRate || from.Channels > maxChannels {
		return plan{}, &ViewError{Why: fmt.Sprintf("%s is outside of what is converted here, %d channels of %d to %d Hz", from.Describe(), maxChannels, minRate, maxRate)}
	}
	if _, err := newPCMDecoder(&want, false); err != nil {
		return plan{}, &ViewError{Why: fmt.Sprintf("samples of %d bits in %d channels are not made here", want.Bits, want.Channels)}
	}
	if want.Channels != from.Channels && want.Channels > 1 && (from.Channels > 1 || want.Channels > 2) {
		return plan{}, &ViewError{Why: fmt.Sprintf("%d channels can be mixed to one here, but not to %d", from.Channels, want.Channels)}
	}
	return plan{
		opt:    ConvertOptions{Format: to, Rate: want.Rate, Channels: want.Channels, Bits: want.Bits, Float: want.Float},
		format: to, head: &head{tracks: []Track{want}}, back: to.preroll + opusSettle,
		make: func(c *Counters) converter { return newSampler(track, from, &want, c) },
	}, nil
}

// samplesOf describes a track's sound as samples, with what is asked for.
func (o *ConvertOptions) samplesOf(t *Track) Track {
	want := Track{Type: Audio, Codec: "1", Rate: decodedRate(t), Channels: t.Channels, Bits: 16, id: "pcm"}
	if t.Bits != 0 && t.Codec != "opus" {
		want.Bits, want.Float = t.Bits, t.Float
	}
	if t.Codec == "flac" { // 12 and 20 bits are as good as 16 and 24
		want.Bits = (want.Bits + 7) / 8 * 8
	}
	if o.Rate != 0 {
		want.Rate = o.Rate
	}
	if o.Channels != 0 {
		want.Channels = o.Channels
	}
	if o.Bits != 0 {
		want.Bits, want.Float = o.Bits, o.Float
	}
	if want.Float {
		want.Codec = "3"
	}
	return want
}

// Playable is one way in which a stream can be played.
type Playable struct {
	View
	Format      *Format // of this container
	ContentType string  // with its codecs (RFC 6381), if nothing else is asked for
}

// Playables returns every way in which the stream can be played, its own first.
func (s *Stream) Playables() []Playable {
	all := s.playables(nil, s.format)
	for _, f := range formats {
		if f != s.format {
			all = s.playables(all, f)
		}
	}
	return all
}

// playables appends the views of a container that the stream is or can be made
// into.
func (s *Stream) playables(all []Playable, f *Format) []Playable {
	p, err := ConvertOptions{Format: f}.plan(s)
	if err != nil {
		return all
	}
	if p.make == nil {
		p.head = s.head
	}
	for _, v := range f.Views {
		all = append(all, Playable{View: v, Format: f, ContentType: f.mime(p.head.tracks, v.Bare)})
	}
	return all
}

// Playable returns how the stream can be played under an extension, "" being its
// own. The error is [ErrNoAudio] or a *[ViewError].
func (s *Stream) Playable(ext string) (Playable, error) {
	if v, ok := s.format.View(ext); ok {
		return Playable{View: v, Format: s.format, ContentType: s.ContentType(v)}, nil
	}
	for _, f := range formats {
		v, ok := f.View(ext)
		if !ok {
			continue
		}
		p, err := ConvertOptions{Format: f}.plan(s)
		if err != nil {
			return Playable{}, err
		}
		return Playable{View: v, Format: f, ContentType: f.mime(p.head.tracks, v.Bare)}, nil
	}
	return Playable{}, &ViewError{Why: "nothing is called ." + ext + " here"}
}
