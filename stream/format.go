package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Format is a container: one row of the table that drives publishing, playing,
// refusals, the README and the fuzz seeds.
type Format struct {
	Name  string   // also its extension
	Types []string // MIME types a publisher may name
	Views []View   // what a stream published in it can be played as

	sniff     func(b []byte) bool
	newParser func() Parser
	newMuxer  func(*head) (Muxer, error)
	pad       func(n int) (head []byte, zeros int) // nil: the format has no filler
	timed     bool                                 // the container itself carries timestamps
	plain     bool                                 // parts are samples and nothing else
	pictures  bool                                 // parts are pictures that say nothing of time
	least     int                                  // bytes of the shortest filler
	preroll   time.Duration                        // how far behind the newest part a listener begins
	mime      func(tracks []Track, bare bool) string
}

// View is an extension under which a stream can be played.
type View struct {
	Ext   string
	Bare  bool // without the container's header
	Still bool // one frame, the newest, and nothing of the container
}

var formats = []*Format{
	{
		Name:      "webm",
		Types:     []string{"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"},
		Views:     []View{{Ext: "webm"}},
		sniff:     func(b []byte) bool { return bytes.HasPrefix(b, []byte{0x1A, 0x45, 0xDF, 0xA3}) },
		newParser: newWebMParser,
		newMuxer:  newWebMMuxer,
		pad:       webmPad,
		timed:     true,
		least:     2,
		mime:      webmType,
	},
	{
		Name:      "ogg",
		Types:     []string{"audio/ogg", "video/ogg", "application/ogg"},
		Views:     []View{{Ext: "ogg"}},
		sniff:     func(b []byte) bool { return bytes.HasPrefix(b, []byte("OggS")) },
		newParser: newOggParser,
		newMuxer:  newOggMuxer,
		pad:       oggPad,
		timed:     true,
		least:     1,
		mime:      oggType,
	},
	{
		Name:      "mp4",
		Types:     []string{"video/mp4", "audio/mp4"},
		Views:     []View{{Ext: "mp4"}},
		sniff:     func(b []byte) bool { return len(b) >= 8 && (string(b[4:8]) == "ftyp" || string(b[4:8]) == "styp") },
		newParser: newMP4Parser,
		newMuxer:  newMP4Muxer,
		pad:       mp4Pad,
		timed:     true,
		least:     8,
		mime:      mp4Type,
	},
	{
		Name:  "wav",
		Types: []string{"audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"},
		Views: []View{{Ext: "wav"}, {Ext: "pcm", Bare: true}},
		sniff: func(b []byte) bool {
			return len(b) >= 12 && (string(b[:4]) == "RIFF" || string(b[:4]) == "RF64") && string(b[8:12]) == "WAVE"
		},
		newParser: newWAVParser,
		newMuxer:  newWAVMuxer,
		plain:     true,
		preroll:   elementStart,
		mime:      wavType,
	},
	{
		Name:      "mp3",
		Types:     []string{"audio/mpeg", "audio/mp3", "audio/x-mpeg", "audio/x-mp3"},
		Views:     []View{{Ext: "mp3"}},
		sniff:     sniffMP3,
		newParser: newMP3Parser,
		newMuxer:  newMP3Muxer,
		preroll:   elementStart,
		mime:      func([]Track, bool) string { return "audio/mpeg" },
	},
	{
		Name:      "aac",
		Types:     []string{"audio/aac", "audio/aacp", "audio/x-aac"},
		Views:     []View{{Ext: "aac"}},
		sniff:     sniffADTS,
		newParser: newADTSParser,
		newMuxer:  newADTSMuxer,
		preroll:   elementStart,
		// Without codecs: one engine takes no name for them here that another does.
		mime: func([]Track, bool) string { return "audio/aac" },
	},
	{
		Name:      "flac",
		Types:     []string{"audio/flac", "audio/x-flac"},
		Views:     []View{{Ext: "flac"}},
		sniff:     func(b []byte) bool { return begins(b, "fLaC") == yes },
		newParser: newFLACParser,
		newMuxer:  newFLACMuxer,
		preroll:   elementStart,
		mime:      func([]Track, bool) string { return "audio/flac" },
	},
	{
		Name:      "mjpeg",
		Types:     []string{"multipart/x-mixed-replace", "image/jpeg", "video/x-motion-jpeg", "video/x-mjpeg"},
		Views:     []View{{Ext: "mjpeg"}, {Ext: "jpg", Bare: true, Still: true}},
		pictures:  true,
		sniff:     sniffMJPEG,
		newParser: newMJPEGParser,
		newMuxer:  newMJPEGMuxer,
		mime:      mjpegType,
	},
}

// elementStart is what a listener to a format without timestamps gets in its first
// write: media elements do not start a WAV on less, and are as late by themselves
// when they wait for it. Of an MP3 the first frames after a join are silent, too.
const elementStart = 500 * time.Millisecond

// Formats returns the table's rows. They must not be changed.
func Formats() []*Format { return formats }

// ByExt returns the format that is published under an extension, or nil.
func ByExt(ext string) *Format {
	for _, f := range formats {
		if f.Name == ext {
			return f
		}
	}
	return nil
}

// ByType returns the format of a MIME type, or nil; parameters do not matter.
func ByType(mime string) *Format {
	mime, _, _ = strings.Cut(mime, ";")
	mime = strings.ToLower(strings.TrimSpace(mime))
	for _, f := range formats {
		if slices.Contains(f.Types, mime) {
			return f
		}
	}
	return nil
}

// SniffLen is how many bytes Sniff needs at the most.
const SniffLen = 12

// Sniff returns the format that a run's first bytes belong to, or nil.
func Sniff(b []byte) *Format {
	for _, f := range formats {
		if f.sniff(b) {
			return f
		}
	}
	return nil
}

// Extensions returns every extension that some stream can be played under.
func Extensions() []string {
	var all []string
	for _, f := range formats {
		for _, v := range f.Views {
			if !slices.Contains(all, v.Ext) {
				all = append(all, v.Ext)
			}
		}
	}
	return all
}

// View returns what a stream of this format looks like under an extension; ""
// is the stream's own.
func (f *Format) View(ext string) (View, bool) {
	for _, v := range f.Views {
		if v.Ext == ext || ext == "" {
			return v, true
		}
	}
	return View{}, false
}

// has reports whether one of its own views has an extension.
func (f *Format) has(ext string) bool {
	return slices.ContainsFunc(f.Views, func(v View) bool { return v.Ext == ext })
}

// Preroll is how far behind the newest part a listener begins.
func (f *Format) Preroll() time.Duration { return f.preroll }

// Timed reports whether the container itself carries timestamps; where it does
// not, a listener's first byte is its time 0.
func (f *Format) Timed() bool { return f.timed }

// Plain reports whether every byte behind the header is a sample's.
func (f *Format) Plain() bool { return f.plain }

// Pictures reports whether the frames are pictures that an img element shows. They
// carry no time: theirs is when they come.
func (f *Format) Pictures() bool { return f.pictures }

// CanPad reports whether the format has a filler for [Format.Pad].
func (f *Format) CanPad() bool { return f.pad != nil }

// Pad returns a filler of n bytes, as a head and the number of zeros after it,
// or of n+block bytes where none is as short as n. It may stand between any two
// parts. The format must have one.
func (f *Format) Pad(n, block int) (head []byte, zeros int) {
	if n < f.least {
		n += block
	}
	return f.pad(n)
}

func oggType(tracks []Track, _ bool) string {
	var codecs []string
	for i := range tracks {
		if c := tracks[i].Codec; !slices.Contains(codecs, c) {
			codecs = append(codecs, c)
		}
	}
	return fmt.Sprintf(`audio/ogg; codecs="%s"`, strings.Join(codecs, ", "))
}

func webmType(tracks []Track, _ bool) string {
	box := "webm"
	for i := range tracks {
		if !webmOwn(tracks[i].id) {
			box = "x-matroska"
		}
	}
	return codecsType(box, tracks)
}

func mp4Type(tracks []Track, _ bool) string { return codecsType("mp4", tracks) }

// codecsType names a container with its codecs, each once.
func codecsType(box string, tracks []Track) string {
	kind := "audio"
	var codecs []string
	for i := range tracks {
		t := &tracks[i]
		if t.Type == Video {
			kind = "video"
		}
		if !slices.Contains(codecs, t.Codec) {
			codecs = append(codecs, t.Codec)
		}
	}
	return fmt.Sprintf(`%s/%s; codecs="%s"`, kind, box, strings.Join(codecs, ", "))
}

func mjpegType(_ []Track, bare bool) string {
	if bare {
		return "image/jpeg"
	}
	return "multipart/x-mixed-replace; boundary=" + mjpegBoundary
}

func wavType(tracks []Track, bare bool) string {
	t := &tracks[0]
	if !bare {
		return fmt.Sprintf(`audio/wav; codecs="%s"`, t.Codec)
	}
	encoding := "signed-int"
	if t.Float {
		encoding = "float"
	} else if t.Bits == 8 {
		encoding = "unsigned-int"
	}
	return fmt.Sprintf("audio/x-raw; rate=%d; channels=%d; bits=%d; encoding=%s; endianness=little", t.Rate, t.Channels, t.Bits, encoding)
}
