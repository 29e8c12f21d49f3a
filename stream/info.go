package stream

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Info is what a listing says of one stream, as it was at one moment.
type Info struct {
	Name        string        // of its entry, with the room: "NAME" or "ROOM/NAME"
	Format      *Format       // the container it is published in; of media and pictures the media's
	Tracks      []Track       // what it carries; they must not be changed
	ContentType string        // in that container, codecs included (RFC 6381)
	Views       []Playable    // every way in which it can be played
	Listeners   int64         // now, those of what is made of it included
	BytesIn     int64         // from publishers, since it began
	Bitrate     int64         // bits per second of media, of what came in the last 5 s; 0: nothing did
	Since       time.Time     // when its first part came; before that, when its header did
	Edge        time.Duration // stream time up to which there is media
	Live        bool          // somebody publishes it; false: the publisher is gone and may come back
	Metadata    Metadata      // what its publisher says of it

	sources []*Stream
}

// Infos returns the streams whose names are wanted, sorted by name; a name's media and
// pictures are told together. Names under which nothing has begun yet, or whose file
// has ended, have none. Each stream is looked at by itself, so no two need be of the
// same moment.
func (h *Hub) Infos(wanted func(name string) bool) []Info {
	h.mu.Lock()
	var entries []*Entry
	for key, e := range h.entries {
		if wanted(nameOf(key)) {
			entries = append(entries, e)
		}
	}
	h.mu.Unlock()
	slices.SortFunc(entries, func(a, b *Entry) int { // media before pictures
		return cmp.Or(strings.Compare(nameOf(a.name), nameOf(b.name)), cmp.Compare(len(a.name), len(b.name)))
	})
	all := make([]Info, 0, len(entries))
	for _, e := range entries {
		s, live, listeners := e.held()
		if s == nil {
			continue
		}
		i := s.info(live, listeners)
		if n := len(all) - 1; n >= 0 && all[n].Name == i.Name {
			all[n].add(i)
		} else {
			all = append(all, i)
		}
	}
	return all
}

// add tells of pictures together with the media beside them.
func (i *Info) add(p Info) {
	i.Tracks = slices.Concat(i.Tracks, p.Tracks)
	i.sources = append(i.sources, p.sources...)
	i.Views = Views(i.sources)
	i.Listeners += p.Listeners
	i.BytesIn += p.BytesIn
	i.Bitrate += p.Bitrate
	i.Edge = max(i.Edge, p.Edge)
	i.Live = i.Live || p.Live
	if i.Metadata == (Metadata{}) {
		i.Metadata = p.Metadata
	}
	if p.Since.Before(i.Since) {
		i.Since = p.Since
	}
}

// held returns the stream, if there is one, whether somebody publishes it, and how
// many listen.
func (e *Entry) held() (s *Stream, live bool, listeners int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stream, e.pub != nil, e.listeners()
}

func (s *Stream) info(live bool, listeners int64) Info {
	now := s.opt.Now()
	i := Info{
		Name: nameOf(s.entry.name), Format: s.format, sources: []*Stream{s}, Tracks: s.head.tracks, ContentType: s.ContentType(s.format.Views[0]),
		Views: s.Playables(), Listeners: listeners, BytesIn: s.BytesIn.Load(), Live: live,
		Metadata: s.Metadata(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i.Bitrate, i.Edge = s.bitrate(now), s.end
	if i.Since = s.began; i.Since.IsZero() {
		i.Since = s.last // nothing was appended, so this is still when it was made
	}
	return i
}

// rateSpan is how far back a bitrate looks, and rateLeast how much media it is
// of at the least: a frame or two have none.
const (
	rateSpan  = 5 * time.Second
	rateLeast = time.Second
)

// bitrate is that of what came lately. It divides by how long that lasts and not
// by how long it took to come, for after an outage half a minute may come at
// once. s.mu is held.
func (s *Stream) bitrate(now time.Time) int64 {
	bytes, from, to := 0, time.Duration(math.MaxInt64), time.Duration(0)
	for _, p := range slices.Backward(s.parts) {
		if now.Sub(p.Arrival) > rateSpan {
			break
		}
		if p.Kind != Filler {
			bytes += len(p.Bytes)
			from, to = min(from, p.Time), max(to, p.End())
		}
	}
	if bytes == 0 {
		return 0
	}
	return int64(float64(8*bytes) / max(rateLeast, to-from).Seconds())
}
