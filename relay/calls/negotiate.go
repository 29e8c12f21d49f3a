package calls

import (
	"fmt"
	"slices"
	"strings"
)

// format is something that one side can record and another can play.
type format struct {
	mime  string // what the recorder is told
	ext   string // of the file's path
	name  string // for people
	video bool
	bits  int  // per second, of the picture or of the sound
	pcm   bool // can be made without a recorder
}

// formats is the table of negotiation, the best first.
var formats = []*format{
	{mime: "video/webm;codecs=vp8,opus", ext: "webm", name: "WebM with VP8 and Opus", video: true, bits: 800_000},
	{mime: "video/webm;codecs=vp9,opus", ext: "webm", name: "WebM with VP9 and Opus", video: true, bits: 800_000},
	{mime: "audio/webm;codecs=opus", ext: "webm", name: "WebM with Opus", bits: 48_000},
	{mime: "audio/wav", ext: "wav", name: "WAV, uncompressed", bits: 768_000, pcm: true},
}

// fits reports whether the format carries the best of what is sent, or at least
// its sound.
func (f *format) fits(m Media) bool { return f.video && m.Video || !f.video && m.Audio }

// set is some rows of the table, a bit each.
type set uint32

func (s set) has(i int) bool { return s&(1<<i) != 0 }

// abilities is what a [Can] comes to.
type abilities struct {
	record, play set
	webrtc       bool
}

// abilities reduces lists of MIME types to rows of the table. The lists
// themselves are not kept.
func (c *Can) abilities() abilities {
	record, play := plain(c.Record), plain(c.Play)
	a := abilities{webrtc: c.WebRTC}
	for i, f := range formats {
		if f.pcm && c.PCM || slices.Contains(record, f.mime) {
			a.record |= 1 << i
		}
		if slices.Contains(play, f.mime) {
			a.play |= 1 << i
		}
	}
	return a
}

// can is the other way round.
func (a abilities) can() Can {
	c := Can{WebRTC: a.webrtc}
	for i, f := range formats {
		if a.record.has(i) {
			c.Record = append(c.Record, f.mime)
		}
		if a.play.has(i) {
			c.Play = append(c.Play, f.mime)
		}
	}
	return c
}

// unquoted takes from a MIME type what is written differently in different places.
var unquoted = strings.NewReplacer(" ", "", `"`, "")

func plain(types []string) []string {
	all := make([]string, len(types))
	for i, t := range types {
		all[i] = unquoted.Replace(strings.ToLower(t))
	}
	return all
}

// negotiate returns the row of the table in which a sender publishes what it
// sends: the one that most of the receivers play as it is, and of those the best;
// rows that have failed are out. It is -1 when nothing is sent, or nothing that
// anybody could play. why says in a sentence what made it so.
func negotiate(sender abilities, sends Media, receivers []abilities, failed set) (row int, why string) {
	row = -1
	most := 0
	for i, f := range formats {
		if !f.fits(sends) || !sender.record.has(i) || failed.has(i) {
			continue
		}
		n := 0
		for _, r := range receivers {
			if r.play.has(i) {
				n++
			}
		}
		if n > most {
			row, most = i, n
		}
	}
	if row < 0 {
		return row, unmatched(sender, sends, receivers, failed)
	}
	return row, formats[row].name + ": " + reason(sender, sends, failed, row)
}

// reason says what kept a better row out.
func reason(sender abilities, sends Media, failed set, row int) string {
	for i, f := range formats[:row] {
		switch {
		case !f.fits(sends):
		case failed.has(i):
			return f.name + " was tried and failed."
		case !sender.record.has(i):
			return f.name + " cannot be recorded there."
		default:
			return f.name + " cannot be played there."
		}
	}
	return "recorded by one side and played by the other as it is."
}

// unmatched says why a sender cannot be heard; "" if it sends nothing.
func unmatched(sender abilities, sends Media, receivers []abilities, failed set) string {
	var records, plays, tried []string
	for i, f := range formats {
		if !f.fits(sends) {
			continue
		}
		if failed.has(i) {
			tried = append(tried, f.name)
			continue
		}
		if sender.record.has(i) {
			records = append(records, f.name)
		}
		if slices.ContainsFunc(receivers, func(r abilities) bool { return r.play.has(i) }) {
			plays = append(plays, f.name)
		}
	}
	if !sends.Audio && !sends.Video || len(receivers) == 0 {
		return ""
	}
	text := fmt.Sprintf("it can record %s, the other side can play %s", list(records), list(plays))
	if len(tried) > 0 {
		text += "; tried and failed: " + list(tried)
	}
	return text + "."
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing that this server knows"
	}
	return strings.Join(names, ", ")
}
