package relay

import (
	"net/http"
	"strconv"
	"strings"

	"everfile/stream"
)

// icyEvery is how many bytes of a body lie between two places for a title, and
// icyMost how long the text at one can be: its length is a byte that counts 16s.
const (
	icyEvery = 16_000
	icyMost  = 255 * 16
)

// weaving puts titles between a body's bytes, for players that have asked for
// them: after every icyEvery bytes, counted without titles, one byte L and then 16
// times L bytes of text, padded with zeros. L is 0 when the title is what it was.
// A nil weaving does nothing.
type weaving struct {
	left  int           // bytes to the next place
	title func() string // what plays now
	told  string        // what the listener was told
}

// titlesFor returns what weaves titles into a body, and sets the headers that say
// so, if the listener has asked for them and the format is one for that. None of
// those has fillers, which count a body's bytes without titles.
func titlesFor(h http.Header, r *http.Request, st *stream.Stream) *weaving {
	if r.Header.Get("Icy-MetaData") != "1" || !st.Format().Icy() {
		return nil
	}
	m := st.Metadata()
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value} // not in Go's spelling: some players know only their own
		}
	}
	set("icy-metaint", strconv.Itoa(icyEvery))
	set("icy-name", m.Name)
	set("icy-description", m.Description)
	set("icy-genre", m.Genre)
	set("icy-url", m.URL)
	set("icy-pub", "0")
	if m.Public {
		set("icy-pub", "1")
	}
	if m.Bitrate > 0 {
		set("icy-br", strconv.Itoa(m.Bitrate))
	}
	return &weaving{left: icyEvery, title: func() string { return st.Metadata().Title }}
}

// add weaves what is due into a vector.
func (w *weaving) add(v *vector) {
	if w == nil {
		return
	}
	out := v.spare[:0]
	for _, b := range v.bufs {
		for len(b) >= w.left {
			block := w.block()
			out = append(out, b[:w.left], block)
			v.size += len(block)
			b, w.left = b[w.left:], icyEvery
		}
		if len(b) > 0 {
			out = append(out, b)
			w.left -= len(b)
		}
	}
	v.bufs, v.spare = out, v.bufs
}

var sameTitle = []byte{0}

// block is what stands at the next place.
func (w *weaving) block() []byte {
	title := w.title()
	if title == w.told {
		return sameTitle
	}
	w.told = title
	return titleBlock(title)
}

// titleBlock is a title as players read it: up to the first quote with a semicolon
// behind it, which a title therefore must not have.
func titleBlock(title string) []byte {
	const begin, end = "StreamTitle='", "';"
	text := begin + clip(strings.ReplaceAll(title, end, "’;"), icyMost-len(begin+end)) + end
	n := (len(text) + 15) / 16
	b := make([]byte, 1+16*n)
	b[0] = byte(n)
	copy(b[1:], text)
	return b
}
