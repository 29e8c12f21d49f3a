package relay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"everfile/stream"
)

// What ?rate= may ask for, in samples a second.
const (
	minRate = 8000
	maxRate = 48000
)

// parseConversion reads how a listener wants a stream other than it was published.
func parseConversion(r *http.Request) (o stream.ConvertOptions, err error) {
	q := r.URL.Query()
	for i, v := range q["tracks"] {
		t, ok := map[string]stream.TrackType{"audio": stream.Audio, "video": stream.Video}[v]
		if !ok || i > 0 && t != o.Tracks {
			return o, refuse(http.StatusBadRequest, "tracks says which of a stream's tracks you want, audio or video, as in ?tracks=audio; got %.40q.", strings.Join(q["tracks"], " and "))
		}
		o.Tracks = t
	}
	err = parseSamples(q, &o)
	return o, err
}

// parseSamples reads what is wanted of plain samples.
func parseSamples(q url.Values, o *stream.ConvertOptions) error {
	for _, v := range q["rate"] {
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || n < minRate || n > maxRate || v[0] == '0' {
			return refuse(http.StatusBadRequest, "rate is in samples a second, a whole number from %d to %d, as in ?rate=16000; got %.20q.", minRate, maxRate, v)
		}
		o.Rate = int(n)
	}
	for _, v := range q["channels"] {
		n := slices.Index([]string{"1", "2"}, v)
		if n < 0 {
			return refuse(http.StatusBadRequest, "channels is 1 or 2, as in ?channels=1; got %.20q.", v)
		}
		o.Channels = n + 1
	}
	for _, v := range q["bits"] {
		switch v {
		case "16":
			o.Bits, o.Float = 16, false
		case "32f":
			o.Bits, o.Float = 32, true
		default:
			return refuse(http.StatusBadRequest, "bits is 16, for integers, or 32f, for floats, as in ?bits=16; got %.20q.", v)
		}
	}
	return nil
}

// converted returns a stream as it is wanted, and what to call when somebody
// listens to it or nobody will.
func (s *Server) converted(st *stream.Stream, a address, o stream.ConvertOptions) (*stream.Stream, func(), error) {
	to, release, err := st.Convert(o)
	if err != nil {
		return nil, nil, s.unplayable(st, a, err)
	}
	return to, release, nil
}

// unplayable says why a stream cannot be had as it was asked for, and what there is
// of that name and can be had; other errors stay what they are.
func (s *Server) unplayable(st *stream.Stream, a address, err error) error {
	var view *stream.ViewError
	var no *refusal
	switch {
	case errors.Is(err, stream.ErrNotSamples):
		no = refuse(http.StatusBadRequest, "rate, channels and bits are of plain samples: ask for .wav or .pcm with them.")
	case errors.Is(err, stream.ErrSoundOnly):
		no = soundOnly()
	case errors.Is(err, stream.ErrNoVideo):
		no = refuse(http.StatusNotAcceptable, "This stream has no pictures. %s", s.described(st, a))
	case errors.Is(err, stream.ErrNoAudio):
		no = refuse(http.StatusNotAcceptable, "This stream has no sound. %s", s.described(st, a))
	case errors.As(err, &view):
		no = refuse(http.StatusNotAcceptable, "This stream cannot be had like that: %s. %s", view.Why, s.described(st, a))
	default:
		return err
	}
	no.header = http.Header{"Link": s.alternates(st, a)}
	return no
}

// soundOnly is the answer to who wants pictures of what has no room for them.
func soundOnly() *refusal {
	return refuse(http.StatusBadRequest, "tracks=video is for files that may hold pictures: ask for .webm or .mp4 with it.")
}

// sources returns what there is of a name: this stream, and what is beside it.
func (s *Server) sources(st *stream.Stream, a address) []*stream.Stream {
	if all := s.hub.Sources(a.entry); slices.Contains(all, st) {
		return all
	}
	return []*stream.Stream{st} // it has just ended
}

// described says what a stream is, with what is beside it, and can be played as.
func (s *Server) described(st *stream.Stream, a address) string {
	var what, paths []string
	all := s.sources(st, a)
	for _, st := range all {
		var tracks []string
		for i := range st.Tracks() {
			tracks = append(tracks, st.Tracks()[i].Describe())
		}
		what = append(what, st.Format().Name+" of "+strings.Join(tracks, ", "))
	}
	for _, p := range stream.Views(all) {
		paths = append(paths, fmt.Sprintf("/%s.%s", a.entry, p.Ext))
	}
	return fmt.Sprintf("It is %s and can be played as: %s.", strings.Join(what, " and "), strings.Join(paths, ", "))
}

// alternates returns a Link header's values (RFC 8288): the other ways in which a
// stream, or what is beside it, can be played.
func (s *Server) alternates(st *stream.Stream, a address) (all []string) {
	for _, p := range stream.Views(s.sources(st, a)) {
		if p.Ext != a.ext {
			kind, _, _ := strings.Cut(p.ContentType, ";")
			all = append(all, fmt.Sprintf(`</%s.%s>; rel="alternate"; type="%s"`, a.entry, p.Ext, kind))
		}
	}
	return all
}
