package calls

import (
	"slices"
	"strings"
)

// format is something that a sender can publish.
type format struct {
	mime    string // what the sender is told
	ext     string // of the file's path
	name    string // for people
	sound   bool
	picture bool
	bits    int  // per second, of the picture or of the sound
	every   int  // ms between two chunks
	pcm     bool // can be made without a recorder, of samples
	jpeg    bool // can be made without a recorder, of single pictures
	aac     bool // nothing here decodes it
}

// The rows of the table of formats.
const (
	webmVP8 = iota
	webmVP9
	webmOpus
	oggOpus
	mpegSound
	flacSound
	mp4H264
	mp4Any
	mp4AAC
	mp4Sound
	adtsSound
	wavSound
	jpegPicture
)

// samplesPerSecond is the rate of a voice that is sent as plain samples.
const samplesPerSecond = 24_000

// formats is what senders publish in, the best first.
var formats = []*format{
	webmVP8:     {mime: "video/webm;codecs=vp8,opus", ext: "webm", name: "WebM with VP8 and Opus", sound: true, picture: true, bits: 800_000, every: 50},
	webmVP9:     {mime: "video/webm;codecs=vp9,opus", ext: "webm", name: "WebM with VP9 and Opus", sound: true, picture: true, bits: 800_000, every: 50},
	webmOpus:    {mime: "audio/webm;codecs=opus", ext: "webm", name: "WebM with Opus", sound: true, bits: 48_000, every: 50},
	oggOpus:     {mime: "audio/ogg;codecs=opus", ext: "ogg", name: "Ogg with Opus", sound: true, bits: 48_000, every: 50},
	mpegSound:   {mime: "audio/mpeg", ext: "mp3", name: "MP3", sound: true, bits: 128_000, every: 50},
	flacSound:   {mime: "audio/flac", ext: "flac", name: "FLAC", sound: true, bits: 512_000, every: 50},
	mp4H264:     {mime: "video/mp4;codecs=avc1.42E01E,mp4a.40.2", ext: "mp4", name: "MP4 with H.264 and AAC", sound: true, picture: true, bits: 800_000, every: 50, aac: true},
	mp4Any:      {mime: "video/mp4", ext: "mp4", name: "MP4", sound: true, picture: true, bits: 800_000, every: 50, aac: true},
	mp4AAC:      {mime: "audio/mp4;codecs=mp4a.40.2", ext: "mp4", name: "MP4 with AAC", sound: true, bits: 64_000, every: 50, aac: true},
	mp4Sound:    {mime: "audio/mp4", ext: "mp4", name: "MP4, sound only", sound: true, bits: 64_000, every: 50, aac: true},
	adtsSound:   {mime: "audio/aac", ext: "aac", name: "AAC", sound: true, bits: 64_000, every: 50, aac: true},
	wavSound:    {mime: "audio/wav", ext: "wav", name: "WAV, uncompressed", sound: true, bits: 16 * samplesPerSecond, every: 40, pcm: true},
	jpegPicture: {mime: "image/jpeg", ext: "mjpeg", name: "JPEG pictures", picture: true, bits: 1_000_000, every: 80, jpeg: true},
}

// way is one way in which a receiver plays something that is published: as it is,
// or as something that the server makes of it.
type way struct {
	of      int    // row of formats
	ext     string // of the path that is played
	query   string // of its URL, after the first parameter
	mime    string // what the receiver must be able to play
	name    string // for people, where the server makes it
	sound   bool
	picture bool
}

// plain reports whether that is the file as it was sent.
func (w *way) plain() bool {
	return w.ext == formats[w.of].ext && w.mime == formats[w.of].plays() && w.query == ""
}

// plays is the type that a receiver must know to play a format as it is.
func (f *format) plays() string {
	switch f.mime {
	case "video/mp4":
		return formats[mp4H264].mime
	case "audio/mp4":
		return formats[mp4AAC].mime
	case "image/jpeg":
		return multipart
	}
	return f.mime
}

// multipart is what a file of pictures is played as; an engine that does not show
// it in an <img> asks for the newest picture again and again.
const (
	multipart = "multipart/x-mixed-replace"
	still     = "image/jpeg"
)

// ways is what a receiver may be given, in the order in which it is: one file that
// has both before two; what starts soonest first, and samples before what the
// source is compressed in if that has no filler.
var ways = makeWays()

func makeWays() (all []*way) {
	add := func(w way) {
		w.name = nameOf(w.mime, w.of)
		all = append(all, &w)
	}
	plain := func(rows ...int) {
		for _, i := range rows {
			f := formats[i]
			add(way{of: i, ext: f.ext, mime: f.plays(), sound: f.sound, picture: f.picture})
		}
	}
	made := func(w way, rows ...int) {
		for _, i := range rows {
			w.of = i
			add(w)
		}
	}
	plain(webmVP8, webmVP9, mp4H264, mp4Any, webmOpus)
	made(way{ext: "webm", query: "tracks=audio", mime: formats[webmOpus].mime, sound: true}, webmVP8, webmVP9)
	made(way{ext: "webm", mime: formats[webmOpus].mime, sound: true}, oggOpus)
	plain(wavSound)
	made(way{ext: "wav", mime: formats[wavSound].mime, sound: true}, webmVP8, webmVP9, webmOpus, oggOpus, mpegSound, flacSound)
	plain(mpegSound, oggOpus, flacSound)
	made(way{ext: "ogg", mime: formats[oggOpus].mime, sound: true}, webmVP8, webmVP9, webmOpus)
	plain(mp4AAC, mp4Sound, adtsSound)
	made(way{ext: "aac", mime: formats[adtsSound].mime, sound: true}, mp4H264, mp4Any, mp4AAC, mp4Sound)
	plain(jpegPicture)
	made(way{ext: "mjpeg", mime: multipart, picture: true}, webmVP8)
	made(way{ext: "jpg", mime: still, picture: true}, jpegPicture, webmVP8)
	return all
}

// nameOf says for people what a file is played as.
func nameOf(mime string, of int) string {
	switch mime {
	case formats[of].plays():
		return formats[of].name
	case multipart:
		return "its pictures"
	case still:
		return "its newest picture, again and again"
	}
	for _, f := range formats {
		if f.mime == mime {
			return f.name
		}
	}
	return mime
}

// kindOfFile says for people what somebody plays who plays a type, whatever that is
// made of.
func kindOfFile(mime string) string {
	switch mime {
	case multipart:
		return formats[jpegPicture].name
	case still:
		return "single " + formats[jpegPicture].name
	}
	return nameOf(mime, jpegPicture)
}

// alone is what an engine surely plays that plays a format: the same container with
// the same sound, and no picture.
var alone = map[int]int{webmVP8: webmOpus, webmVP9: webmOpus, mp4H264: mp4AAC}

// set is some rows of a table, a bit each.
type set uint64

func (s set) has(i int) bool { return s&(1<<i) != 0 }

// abilities is what a [Can] comes to, without what has failed.
type abilities struct {
	record set    // of formats
	play   set    // of ways
	engine string // "chromium", "gecko", or another
	webrtc bool
}

// abilities reduces lists of MIME types to rows of the tables. The lists themselves
// are not kept.
func (c *Can) abilities() abilities {
	record, play := plain(c.Record), plain(c.Play)
	for both, sound := range alone {
		if slices.Contains(play, strings.ToLower(formats[both].plays())) {
			play = append(play, strings.ToLower(formats[sound].plays()))
		}
	}
	a := abilities{webrtc: c.WebRTC}
	if c.Engine == chromium || c.Engine == gecko {
		a.engine = c.Engine
	}
	webm := slices.ContainsFunc(record, func(t string) bool { return strings.Contains(t, "/webm") })
	for i, f := range formats {
		bare := i == mp4Any || i == mp4Sound
		if f.pcm && c.PCM || f.jpeg && c.JPEG || slices.Contains(record, strings.ToLower(f.mime)) && !(bare && webm) {
			a.record |= 1 << i // who records WebM too means other codecs by a bare MP4 than iPhones do
		}
	}
	for i, w := range ways {
		if slices.Contains(play, strings.ToLower(w.mime)) {
			a.play |= 1 << i
		}
	}
	return a
}

// The engines that are treated in ways of their own.
const (
	chromium = "chromium" // reads in blocks
	gecko    = "gecko"    // shows nothing before the next keyframe
)

// can is the other way round.
func (a abilities) can() Can {
	c := Can{WebRTC: a.webrtc, Engine: a.engine}
	for i, f := range formats {
		switch {
		case !a.record.has(i):
		case f.pcm:
			c.PCM = true
		case f.jpeg:
			c.JPEG = true
		default:
			c.Record = append(c.Record, f.mime)
		}
	}
	for i, w := range ways {
		if a.play.has(i) && !slices.Contains(c.Play, w.mime) {
			c.Play = append(c.Play, w.mime)
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
