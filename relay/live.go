package relay

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"everfile/stream"
)

// listing is a stream in the list: an object of /api/streams, and a row of /live.
type listing struct {
	Name          string    `json:"name"`
	URL           string    `json:"url"` // its path here
	Container     string    `json:"container"`
	Codecs        []string  `json:"codecs"` // of each track, as a MIME type names them
	ContentType   string    `json:"contentType"`
	Views         []view    `json:"views"`         // every way to play it, its own first
	BitsPerSecond int64     `json:"bitsPerSecond"` // 0: silent
	Listeners     int64     `json:"listeners"`
	Since         time.Time `json:"since"`
	Bytes         int64     `json:"bytes"` // from publishers
	Live          bool      `json:"live"`  // false: its publisher is gone and may come back

	Listening []listenerInfo `json:"listening"` // the latest of them first; not all, if they are very many

	Tracks  []string `json:"-"` // in words
	Shown   bool     `json:"-"` // browsers show it as it is; else there is a page that plays it
	Picture string   `json:"-"` // path of the newest picture; "": there is none

	Metadata *metadata `json:"metadata,omitempty"` // nil: its publisher says nothing
	Sounds   []view    `json:"-"`                  // what an <audio> may choose from; none: there is no sound
}

// view is one way to play a stream.
type view struct {
	URL         string `json:"url"`
	ContentType string `json:"contentType"`
}

// metadata is [stream.Metadata] as an object of /api/streams.
type metadata struct {
	Title       string `json:"title,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Genre       string `json:"genre,omitempty"`
	URL         string `json:"url,omitempty"`
	Bitrate     int    `json:"bitrate,omitempty"` // kbit/s
	Public      bool   `json:"public,omitempty"`
}

// listenerInfo is how one listener gets on.
type listenerInfo struct {
	Lag   float64 `json:"lag"` // s behind the stream's clock
	Bytes int64   `json:"bytes"`
	Skips int64   `json:"skips"` // how often it was moved forward, being late
	Lost  int64   `json:"lost"`  // frames that it was moved past
}

// maxListed is how many listeners of a stream are listed.
const maxListed = 100

// outside reports whether an entry is in no room, and so may be told of: what is
// in a room is for those who know the room.
func outside(entry string) bool { return !strings.Contains(entry, "/") }

// listening returns how the listeners of each entry outside rooms get on.
func (s *Server) listening() map[string][]listenerInfo {
	s.mu.Lock()
	active := slices.Collect(maps.Keys(s.active))
	s.mu.Unlock()
	all := map[string][]listenerInfo{}
	for _, l := range active {
		if !outside(l.entry) {
			continue
		}
		st := l.listener.Stats()
		all[l.entry] = append(all[l.entry], listenerInfo{st.Lag.Seconds(), st.Bytes, st.Skips, st.Lost})
	}
	for entry, list := range all {
		slices.SortFunc(list, func(a, b listenerInfo) int { return cmp.Compare(b.Lag, a.Lag) })
		all[entry] = list[:min(len(list), maxListed)]
	}
	return all
}

// listed returns the streams that anybody may be told of.
func (s *Server) listed() []listing {
	all, listening := []listing{}, s.listening()
	for _, i := range s.hub.Infos(outside) {
		l := listing{
			Name: i.Name, URL: "/" + i.Name + "." + i.Format.Name,
			Container: i.Format.Name, ContentType: i.ContentType,
			BitsPerSecond: i.Bitrate, Listeners: i.Listeners, Since: i.Since.UTC(), Codecs: []string{}, Bytes: i.BytesIn, Live: i.Live,
			Listening: append([]listenerInfo{}, listening[i.Name]...), // [] rather than null
		}
		for _, v := range i.Views {
			l.Views = append(l.Views, view{"/" + i.Name + "." + v.Ext, v.ContentType})
			if v.Still {
				l.Picture = "/" + i.Name + "." + v.Ext
			}
		}
		l.Shown = i.Format.Pictures()
		l.Sounds = sounds(l.Views, i.Tracks)
		if m := metadata(i.Metadata); m != (metadata{}) {
			l.Metadata = &m
		}
		for n := range i.Tracks {
			l.Codecs = append(l.Codecs, i.Tracks[n].Codec)
			l.Tracks = append(l.Tracks, i.Tracks[n].Describe())
		}
		all = append(all, l)
	}
	return all
}

// sounds returns those of a stream's views that are given to an <audio> without a
// script: its sound alone, whole blocks at a time, to its end.
func sounds(views []view, tracks []stream.Track) (all []view) {
	if !slices.ContainsFunc(tracks, func(t stream.Track) bool { return t.Type == stream.Audio }) {
		return nil
	}
	pictures := slices.ContainsFunc(tracks, func(t stream.Track) bool { return t.Type == stream.Video })
	for _, v := range views {
		kind, _, _ := strings.Cut(v.ContentType, ";")
		_, kind, _ = strings.Cut(kind, "/")
		if !slices.Contains(audible, kind) {
			continue
		}
		query := "?el=1&pad=200"
		if pictures && strings.HasPrefix(v.ContentType, "video/") {
			query += "&tracks=audio"
		}
		all = append(all, view{v.URL + query, "audio/" + kind})
	}
	return all
}

// audible are the subtypes of MIME types that elements may play as sound.
var audible = []string{"webm", "ogg", "mp4", "wav", "mpeg", "aac", "flac"}

//go:embed live.tmpl
var liveText string

var liveTemplate = template.Must(template.New("live").Funcs(template.FuncMap{"bitrate": bitrate, "age": age, "ext": path.Ext}).Parse(liveText))

// live is the page that lists the streams. It stands without scripts; one that
// is there knows the origin even where a proxy has changed the scheme.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	page := struct {
		Origin  string
		Now     time.Time
		Streams []listing
	}{"http://" + r.Host, time.Now().UTC(), s.listed()}
	if r.TLS != nil {
		page.Origin = "https://" + r.Host
	}
	var b bytes.Buffer
	if err := liveTemplate.Execute(&b, page); err != nil {
		s.answer(w, r, err)
		return
	}
	pageHeaders(w.Header())
	reply(w, r, "text/html; charset=utf-8", b.Bytes())
}

// pageHeaders sets what every page has: it is asked for anew each time, and
// loads nothing from elsewhere.
func pageHeaders(h http.Header) {
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob: data:; connect-src 'self' ws: wss:; frame-ancestors 'self'")
	h.Set("Referrer-Policy", "same-origin")
}

// bitrate writes bits per second as people say them.
func bitrate(bits int64) string {
	switch {
	case bits >= 1e6:
		return fmt.Sprintf("%.1f Mbit/s", float64(bits)/1e6)
	case bits > 0:
		return fmt.Sprintf("%d kbit/s", max(1, (bits+500)/1000))
	}
	return "silent"
}

// age writes how long something has been going on, in the units that matter then.
func age(now, since time.Time) string {
	d := max(0, now.Sub(since))
	switch m := int(d.Minutes()); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", m)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	default:
		return fmt.Sprintf("%d days", m/60/24)
	}
}
