package relay

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"everfile/stream"
)

// The most that is kept of a title, which is what fits between a body's bytes, and
// of anything else that a publisher says in words; in bytes.
const (
	maxTitle = icyMost - len("StreamTitle='';")
	maxWords = 1 << 10
)

// maxBitrate is the largest bitrate that is believed, in kbit/s.
const maxBitrate = 1_000_000

// tidy makes text from anywhere fit to be stored, listed and sent: valid UTF-8 on
// one line, without control characters, of so many bytes at the most. What is no
// UTF-8 is taken for ISO 8859-1, which older sources send.
func tidy(s string, most int) string {
	if !utf8.ValidString(s) {
		latin := make([]rune, len(s))
		for i := range len(s) {
			latin[i] = rune(s[i])
		}
		s = string(latin)
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimSpace(clip(strings.TrimSpace(s), most))
}

// clip cuts valid UTF-8 to so many bytes, on a rune.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// titled joins who plays and what, the way that listeners expect it.
func titled(artist, title string) string {
	artist, title = tidy(artist, maxTitle), tidy(title, maxTitle)
	if artist == "" || title == "" {
		return artist + title
	}
	return tidy(artist+" - "+title, maxTitle)
}

// station returns what a source's headers say of its stream, or nil.
func station(h http.Header) *stream.Metadata {
	first := func(names ...string) string {
		for _, name := range names {
			if v := tidy(h.Get(name), maxWords); v != "" {
				return v
			}
		}
		return ""
	}
	m := stream.Metadata{
		Name:        first("Ice-Name", "Icy-Name"),
		Description: first("Ice-Description", "Icy-Description"),
		Genre:       first("Ice-Genre", "Icy-Genre"),
		URL:         first("Ice-Url", "Icy-Url"),
		Public:      first("Ice-Public", "Icy-Public", "Icy-Pub") == "1",
	}
	m.Bitrate = kilobits(first("Ice-Bitrate", "Icy-Bitrate", "Icy-Br"))
	if m.Bitrate == 0 {
		m.Bitrate = kilobits(audioInfo(h.Get("Ice-Audio-Info"), "bitrate"))
	}
	if m == (stream.Metadata{}) {
		return nil
	}
	return &m
}

// kilobits reads a bitrate; what is none, such as a quality, is 0.
func kilobits(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > maxBitrate {
		return 0
	}
	return n
}

// audioInfo returns a value of "ice-samplerate=44100;ice-bitrate=128;..."; some
// sources leave the prefix out.
func audioInfo(info, key string) string {
	for pair := range strings.SplitSeq(info, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.TrimPrefix(strings.TrimSpace(name), "ice-") == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// titlePath is where a source says what plays now, beside its connection.
const titlePath = "/admin/metadata"

// updateTitle answers /admin/metadata?mode=updinfo&mount=/NAME&song=TITLE. Only who
// has the key that the stream is published with may say that; see [stream.Hub.SetTitle].
func (s *Server) updateTitle(w http.ResponseWriter, r *http.Request) {
	a, title, err := parseTitle(r)
	_, key, given := r.BasicAuth()
	switch {
	case r.Method != http.MethodGet:
		err = refuse(http.StatusMethodNotAllowed, "%s is asked by GET.", titlePath).with("Allow", http.MethodGet)
	case r.Header.Get("Sec-Fetch-Site") == "cross-site": // as of an <img>, with a password that the browser keeps
		err = refuse(http.StatusForbidden, "Pages of other sites may not say what plays here.")
	case !given:
		err = unknownUser("Say with Authorization: Basic who you are; the password is the key that the stream is published with.")
	case err == nil:
		_, _, err = s.gate.allow(toPublish, a.entry, key)
	}
	if err == nil {
		err = s.hub.SetTitle(a.entry, key, title)
	}
	if errors.Is(err, stream.ErrNotFound) {
		err = refuse(http.StatusNotFound, "Nobody is publishing /%s now, so nothing plays there.", a.entry)
	}
	if err != nil {
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, r, "text/plain; charset=utf-8", []byte("Listeners are told.\n"))
}

// parseTitle reads the query of /admin/metadata.
func parseTitle(r *http.Request) (a address, title string, err error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a, "", refuse(http.StatusBadRequest, "The query cannot be read: %v.", err)
	}
	if mode := q.Get("mode"); mode != "updinfo" {
		return a, "", refuse(http.StatusBadRequest, "mode is updinfo, as in %s?mode=updinfo&mount=/NAME&song=TITLE; got %.20q.", titlePath, mode)
	}
	if !q.Has("song") && !q.Has("title") {
		return a, "", refuse(http.StatusBadRequest, "song says what plays now, as in %s?mode=updinfo&mount=/NAME&song=TITLE.", titlePath)
	}
	title = tidy(q.Get("song"), maxTitle)
	if !q.Has("song") {
		title = titled(q.Get("artist"), q.Get("title"))
	}
	a, err = parseAddress(&url.URL{Path: q.Get("mount")})
	return a, title, err
}
