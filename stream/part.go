package stream

import (
	"fmt"
	"slices"
	"time"
)

// Kind says what a part is to somebody who wants to start reading at it.
type Kind uint8

const (
	// Header begins a run: it describes the tracks and holds no media.
	Header Kind = iota + 1
	// Join is a part at which a decoder can start.
	Join
	// Body is a part that needs the ones before it.
	Body
	// Filler means nothing to a decoder and keeps proxies from closing.
	Filler
)

// String returns "header", "join", "body" or "filler".
func (k Kind) String() string {
	if names := [...]string{"none", "header", "join", "body", "filler"}; int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// Part is the smallest thing a log holds: one codec frame as it stands in the
// container, with what later readers need so that nobody parses it again.
//
// A part in a log is immutable and shared by all listeners.
type Part struct {
	Kind     Kind
	Key      bool          // the frame can be decoded by itself
	Track    int           // index into the header's tracks
	Time     time.Duration // stream time of the frame's begin
	Duration time.Duration // how long it lasts; 0 when the container does not say

	// Composition is how much later than decoded the frame is shown (ISO 14496-12,
	// section 8.6.1.3), where Time says when it is decoded; it may be negative. It is
	// 0 where Time says when the frame is shown, as in WebM, and for sound.
	Composition time.Duration

	Arrival time.Time // when the server had read it whole
	Lead    int       // Bytes[:Lead] opens a container unit (a WebM cluster) that later parts need
	Frame   []byte    // the codec's own bytes, inside Bytes unless they are split there
	Bytes   []byte    // what a listener is sent

	first  bool // of its track in a run: what decodes it begins anew
	lacing byte // WebM: Frame is a whole lace whose frames' durations nobody knows
	apart  int  // Ogg: how many bytes Frame has behind Bytes, since the pages split it
	ahead  int  // 1 + how far from the first byte that Parse was shown the part begins; 0: where what was consumed last does
	head   *head
}

// End is the stream time at which the part's frame is over, as far as known.
func (p *Part) End() time.Duration { return p.Time + p.Duration }

// partCost is what a part weighs in memory besides its bytes. Without it a window
// of the smallest frames would be many times as large as it says.
const partCost = 160

func (p *Part) cost() int { return len(p.Bytes) + p.apart + partCost }

// TrackType tells sound from picture.
type TrackType uint8

// The two types of track that are passed on; others are left out.
const (
	Video TrackType = 1
	Audio TrackType = 2
)

// String returns "video" or "audio".
func (t TrackType) String() string {
	if t == Video {
		return "video"
	}
	return "audio"
}

// Track describes one track of a stream, in the words of no container.
type Track struct {
	Type     TrackType
	Codec    string // as in the codecs parameter of a MIME type: "vp8", "opus", "avc1.42E01E", "1" (WAV PCM)
	Private  []byte // the codec's configuration, as the container carries it
	Rate     int    // audio: samples per second
	Channels int    // audio
	Bits     int    // PCM: bits per sample
	Float    bool   // PCM: samples are IEEE floats
	Width    int    // video: pixels
	Height   int    // video: pixels

	FrameDuration time.Duration // of every frame, where the container states it

	id      string // the container's own name of the codec
	entry   []byte // WebM: the children of the TrackEntry that are copied; MP4: the sample entry
	scale   int64  // MP4: ticks per second
	shape   []byte // MP4: how the picture is turned, and its size (of tkhd: matrix, width, height)
	encoded bool   // WebM: frames are compressed or encrypted; nothing here can look into them
}

// Describe says in a few words what the track is: "vp8 640x360", "opus 48000 Hz mono".
func (t *Track) Describe() string {
	if t.Type == Video {
		return fmt.Sprintf("%s %dx%d", t.Codec, t.Width, t.Height)
	}
	codec := t.Codec
	if t.id == "pcm" {
		codec = fmt.Sprintf("pcm %d bit", t.Bits)
		if t.Float {
			codec += " float"
		}
	}
	channels := fmt.Sprintf("%d channels", t.Channels)
	switch t.Channels {
	case 1:
		channels = "mono"
	case 2:
		channels = "stereo"
	}
	return fmt.Sprintf("%s %d Hz %s", codec, t.Rate, channels)
}

// same reports whether frames of u continue a file that began with t: type,
// codec and configuration, but neither numbers nor picture size, since
// recorders swap the ones and change the other at a keyframe. Opus decoders
// need to know the number of channels and nothing else.
func (t *Track) same(u *Track) bool {
	if t.Type != u.Type || t.id != u.id || t.Channels != u.Channels || t.encoded != u.encoded {
		return false
	}
	if t.Codec == "opus" {
		return true
	}
	return t.Rate == u.Rate && t.Bits == u.Bits && t.Float == u.Float && string(t.Private) == string(u.Private)
}

// head is what a run's header says.
type head struct {
	tracks []Track
}

// video returns the index of the first video track, or -1.
func (h *head) video() int { return h.first(Video) }

// first returns the index of the first track of a type, or -1.
func (h *head) first(t TrackType) int {
	return slices.IndexFunc(h.tracks, func(k Track) bool { return k.Type == t })
}

// joins reports whether a decoder can start at a frame: at a keyframe of the
// first video track, and where there is no video anywhere.
func (h *head) joins(p *Part) bool {
	v := h.video()
	return v < 0 || p.Track == v && p.Key
}

// match maps the tracks of n, the header of a new run, to those of h, so that
// n's frames can continue h's file. It reports false when a track is missing,
// additional or of another codec.
func (h *head) match(n *head) (to []int, ok bool) {
	if len(h.tracks) != len(n.tracks) {
		return nil, false
	}
	used := make([]bool, len(h.tracks))
	to = make([]int, len(n.tracks))
next:
	for i := range n.tracks {
		for j := range h.tracks {
			if !used[j] && h.tracks[j].same(&n.tracks[i]) {
				used[j], to[i] = true, j
				continue next
			}
		}
		return nil, false
	}
	return to, true
}
