package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// oggCases are good inputs and the frames in them, as "track@time+duration key
// bytes", times in the run's own clock.
func oggCases() []frameCase {
	o := func() *oggOf { return &oggOf{serial: 7} }
	opus := func(f func(o *oggOf) []byte) []byte {
		o := o()
		return cat(o.opusBegin(), f(o))
	}
	three := []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+60ms k " + opus60, "0@73.5ms+20ms k " + opus20}
	long, longer := opusLong(255*2), opusLong(255*300)
	return []frameCase{
		{"a packet a page", opus(func(o *oggOf) []byte {
			return cat(o.page(0, 960, opus20), o.page(0, 3840, opus60), o.page(0, 4800, opus20))
		}), three},
		{"packets in one page", opus(func(o *oggOf) []byte { return o.page(0, 4800, opus20, opus60, opus20) }), three},
		{"no granule positions", opus(func(o *oggOf) []byte { return cat(o.page(0, -1, opus20, opus60), o.page(0, -1, opus20)) }), three},
		{"lengths of 254 to 511 bytes", opus(func(o *oggOf) []byte {
			return o.page(0, 4800, opusLong(254), opusLong(255), opusLong(256), opusLong(510), opusLong(511))
		}), []string{"0@0s+13.5ms k " + opusLong(254), "0@13.5ms+20ms k " + opusLong(255), "0@33.5ms+20ms k " + opusLong(256),
			"0@53.5ms+20ms k " + opusLong(510), "0@73.5ms+20ms k " + opusLong(511)}},
		{"more pre-skip than packets", cat(o().page(oggBegin, 0, strings.Replace(oggOpusHead, "\x38\x01", "\x00\x0f", 1)), (&oggOf{7, 1}).page(0, 0, opusTags), // 3840
			(&oggOf{7, 2}).page(0, 4800, opus20, opus20, opus60)),
			[]string{"0@0s+0s k " + opus20, "0@0s+0s k " + opus20, "0@0s+20ms k " + opus60}},
		{"a last page that ends early", opus(func(o *oggOf) []byte {
			return cat(o.page(0, 960, opus20), o.page(oggEnd, 960+480, opus20, opus20, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+10ms k " + opus20, "0@23.5ms+0s k " + opus20, "0@23.5ms+0s k " + opus20}},
		{"nothing but a last page", opus(func(o *oggOf) []byte { return o.page(oggEnd, 1272, opus20, opus20) }),
			[]string{"0@0s+13.5ms k " + opus20, "0@13.5ms+6.5ms k " + opus20}},
		{"a last page that ends before the one before it", opus(func(o *oggOf) []byte {
			return cat(o.page(0, 960, opus20), o.page(oggEnd, 0, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+0s k " + opus20}},
		{"begins after an hour", opus(func(o *oggOf) []byte { return cat(o.page(0, oggHour+1272, opus20), o.page(0, oggHour+2232, opus20)) }),
			[]string{"0@1h0m0s+20ms k " + opus20, "0@1h0m0.02s+20ms k " + opus20}},
		{"a hole of a second", opus(func(o *oggOf) []byte { return cat(o.page(0, 960, opus20), o.page(0, 960+48000+960, opus20)) }),
			[]string{"0@0s+13.5ms k " + opus20, "0@1.0135s+20ms k " + opus20}},
		{"an overlap of half a packet", opus(func(o *oggOf) []byte {
			return cat(o.page(0, 960, opus20), o.page(0, 960+480, opus20), o.page(0, 960+480+960, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+10ms k " + opus20, "0@23.5ms+20ms k " + opus20}},
		{"a position that goes back", opus(func(o *oggOf) []byte {
			return cat(o.page(0, 960, opus20), o.page(0, 959, opus20), o.page(0, 1, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+20ms k " + opus20, "0@33.5ms+20ms k " + opus20}},
		{"no packets of sound", opus(func(o *oggOf) []byte { return o.page(0, 960, "", "\xfb", "\xfb\x07", opus20, "\xfb\x00") }),
			[]string{"0@0s+13.5ms k " + opus20}},
		{"a packet on two pages", opus(func(o *oggOf) []byte {
			return cat(o.torn(0, 960, opus20, long), o.page(oggContinued, 2880, opus20, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@13.5ms+20ms k " + long + opus20, "0@33.5ms+20ms k " + opus20}},
		{"a packet that ends with its page but not its lacing", opus(func(o *oggOf) []byte {
			return cat(o.torn(0, -1, long), o.page(oggContinued, 960, ""))
		}), []string{"0@0s+13.5ms k " + long}},
		{"a packet on three pages", opus(func(o *oggOf) []byte {
			return cat(o.torn(0, -1, longer[:255*255]), o.torn(oggContinued, -1, longer[255*255:]), o.page(oggContinued, 960, "end"))
		}), []string{"0@0s+13.5ms k " + longer + "end"}},
		{"a page is lost", opus(func(o *oggOf) []byte {
			a := o.page(0, 960, opus20)
			o.sequence++
			return cat(a, o.page(0, 3840, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@53.5ms+20ms k " + opus20}},
		{"the end of a packet is lost", opus(func(o *oggOf) []byte {
			a := o.torn(0, 960, opus20, long)
			o.sequence++
			return cat(a, o.page(0, 2880, opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@33.5ms+20ms k " + opus20}},
		{"the middle of a packet is lost", opus(func(o *oggOf) []byte {
			a := o.torn(0, 960, opus20, long)
			o.sequence++
			return cat(a, o.page(oggContinued, 3840, "lost", opus20))
		}), []string{"0@0s+13.5ms k " + opus20, "0@53.5ms+20ms k " + opus20}},
		{"the begin of a packet is lost", opus(func(o *oggOf) []byte {
			return cat(o.torn(oggContinued, -1, long), o.torn(oggContinued, -1, long), o.page(oggContinued, 960, "lost", opus20))
		}), []string{"0@0s+13.5ms k " + opus20}},
		{"a packet is not continued", opus(func(o *oggOf) []byte { return cat(o.torn(0, -1, long), o.page(0, 960, opus20)) }),
			[]string{"0@0s+13.5ms k " + opus20}},
		{"zeros and empty pages between pages", opus(func(o *oggOf) []byte {
			return cat(make([]byte, 5), o.torn(0, -1, long), make([]byte, 70_000), o.page(oggContinued, -1), o.page(oggContinued, 960, opus20), make([]byte, 3))
		}), []string{"0@0s+13.5ms k " + long + opus20}},
		{"a comment larger than a header", cat(o().page(oggBegin, 0, oggOpusHead), bigComment(&oggOf{7, 1}), (&oggOf{7, 10}).page(0, 960, opus20)),
			[]string{"0@0s+13.5ms k " + opus20}},
		{"Vorbis", vorbisFile(), []string{"0@0s+0s k \x02a", "0@0s+21.333333ms k \x02b", "0@21.333333ms+12ms k \x00c", "0@33.333333ms+2.666667ms k \x00d"}},
		{"Vorbis that begins before time 0", func() []byte {
			o := o()
			return cat(o.page(oggBegin, 0, vorbisHead), o.page(0, 0, vorbisTags, vorbisSetup(false, true)), o.page(0, 1600, "\x02a", "\x02b", "\x02c"))
		}(), []string{"0@0s+0s k \x02a", "0@0s+12ms k \x02b", "0@12ms+21.333333ms k \x02c"}},
		{"FLAC", func() []byte {
			o := o()
			return cat(o.page(oggBegin, 0, oggFLACHead()), o.page(0, 0, flacComment(100)), o.page(0, 4096, oggFLACFrame), o.page(oggEnd, 5096, oggFLACFrame))
		}(), []string{"0@0s+85.333333ms k " + oggFLACFrame, "0@85.333333ms+20.833333ms k " + oggFLACFrame}},
		{"FLAC with a large picture", func() []byte {
			o := o()
			picture := flacComment(3 * 255 * 255)
			b := o.page(oggBegin, 0, oggFLACHead())
			for flags := byte(0); len(picture) > 255*255; flags, picture = oggContinued, picture[255*255:] {
				b = append(b, o.torn(flags, -1, picture[:255*255])...)
			}
			return cat(b, o.page(oggContinued, 0, picture), o.page(0, 4096, oggFLACFrame))
		}(), []string{"0@0s+85.333333ms k " + oggFLACFrame}},
		{"two streams and others", twoStreams(), []string{"1@0s+85.333333ms k " + oggFLACFrame, "0@0s+13.5ms k " + opusLong(255) + opus20,
			"0@13.5ms+20ms k " + opus20, "1@85.333333ms+85.333333ms k " + oggFLACFrame}},
		{"a second file after the end", cat(opus(func(o *oggOf) []byte { return o.page(oggEnd, 960, opus20) }), opus(func(o *oggOf) []byte { return o.page(0, 960, opus60[:2]) })),
			[]string{"0@0s+13.5ms k " + opus20, "0@0s+13.5ms k " + opus60[:2]}},
		{"a second file inside a packet", cat(opus(func(o *oggOf) []byte { return o.torn(0, 960, opus20, long) }), vorbisFile()),
			[]string{"0@0s+13.5ms k " + opus20, "0@0s+0s k \x02a", "0@0s+21.333333ms k \x02b", "0@21.333333ms+12ms k \x00c", "0@33.333333ms+2.666667ms k \x00d"}},
		{"header only", o().opusBegin(), nil},
	}
}

// bigComment is an OpusTags larger than a header may be, and two empty pages.
func bigComment(o *oggOf) []byte {
	b := o.torn(0, -1, opusTags+strings.Repeat("p", 255*255-len(opusTags)))
	for range 2 {
		b = append(b, o.torn(oggContinued, -1, strings.Repeat("p", 255*255))...)
	}
	return cat(b, o.page(oggContinued, 0, "end"), o.page(0, -1), o.page(0, -1))
}

func vorbisFile() []byte {
	o := &oggOf{serial: 9}
	return cat(o.page(oggBegin, 0, vorbisHead), o.page(0, 0, vorbisTags, vorbisSetup(false, true)),
		o.page(0, 1600, "\x02a", "\x02b", "\x00c"), o.page(0, 1728, "\x00d", "\x03no sound", ""))
}

// twoStreams has Opus, FLAC, a picture and something that nobody knows.
func twoStreams() []byte {
	unknown, opus, theora, flac := &oggOf{serial: 1}, &oggOf{serial: 2}, &oggOf{serial: 3}, &oggOf{serial: 4}
	return cat(unknown.page(oggBegin, 0, "unknown"), opus.page(oggBegin, 0, oggOpusHead), theora.page(oggBegin, 0, "\x80theora"), flac.page(oggBegin, 0, oggFLACHead()),
		theora.page(0, 0, "\x81theora"), flac.page(0, 0, flacComment(9)), opus.page(0, 0, opusTags), theora.torn(0, -1, strings.Repeat("t", 255)),
		unknown.page(0, 5, "anything"), opus.torn(0, -1, opusLong(255)), flac.page(0, 4096, oggFLACFrame), opus.page(oggContinued, 1920, opus20, opus20),
		theora.page(oggContinued, 1, "t"), flac.page(0, 8192, oggFLACFrame))
}

func TestOggFrames(t *testing.T) {
	for _, c := range oggCases() {
		r := parse(ByExt("ogg"), c.in, whole, true)
		if r.err != nil {
			t.Errorf("%s: %v", c.name, r.err)
		}
		if got := r.lines(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n\t%.300q\nwant\n\t%.300q", c.name, got, c.want)
		}
	}
}

// TestOggTracks: what a listener, or another container, is told of each codec.
func TestOggTracks(t *testing.T) {
	r := parse(ByExt("ogg"), twoStreams(), whole, true)
	if r.err != nil || len(r.heads) != 1 || len(r.heads[0].tracks) != 2 {
		t.Fatal(r.err, len(r.heads))
	}
	v := parse(ByExt("ogg"), vorbisFile(), whole, true)
	tracks := append(r.heads[0].tracks, v.heads[0].tracks...)
	for i, want := range []string{
		fmt.Sprintf("audio opus 48000 Hz mono %q", oggOpusHead),
		fmt.Sprintf("audio flac 48000 Hz stereo %q", "fLaC\x80\x00\x00\x22\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00\x0b\xb8\x02\xf0"+strings.Repeat("\x00", 20)),
		fmt.Sprintf("audio vorbis 48000 Hz stereo %q", "\x02\x1e\x18"+vorbisHead+"\x03vorbis\x08\x00\x00\x00everfile\x00\x00\x00\x00\x01"+vorbisSetup(false, true)),
	} {
		tr := &tracks[i]
		if got := fmt.Sprintf("%v %s %q", tr.Type, tr.Describe(), tr.Private); got != want {
			t.Errorf("track %d:\n got %s\nwant %s", i, got, want)
		}
	}
	for _, c := range []struct {
		tracks []Track
		want   string
	}{{tracks[:1], `audio/ogg; codecs="opus"`}, {tracks, `audio/ogg; codecs="opus, flac, vorbis"`}, {[]Track{tracks[0], tracks[0]}, `audio/ogg; codecs="opus"`}} {
		if got := ByExt("ogg").mime(c.tracks, false); got != c.want {
			t.Errorf("type %s, expected %s", got, c.want)
		}
	}
}

// oggHostile refuses at the page whose place is marked by the length of what comes
// before it.
func oggHostile() []hostile {
	o := &oggOf{serial: 7}
	start := o.opusBegin()
	n := len(start)
	opus := func(head string) []byte { return (&oggOf{}).page(oggBegin, 0, head) }
	bos := len(opus(oggOpusHead))
	damaged := o.page(0, 960, opus20)
	damaged[30] ^= 1
	vorbis := func(second, third string) []byte {
		o := &oggOf{}
		return cat(o.page(oggBegin, 0, vorbisHead), o.page(0, 0, second), o.page(0, 0, third))
	}
	vorbisAt := len((&oggOf{}).page(oggBegin, 0, vorbisHead))
	setupAt := vorbisAt + len((&oggOf{}).page(0, 0, vorbisTags))
	var many, manyHeads []byte
	for i := range 33 {
		many = append(many, (&oggOf{serial: uint32(i)}).page(oggBegin, 0, "unknown")...)
		manyHeads = append(manyHeads, (&oggOf{serial: uint32(i)}).page(oggBegin, 0, oggOpusHead+strings.Repeat("x", 30_000))...)
	}
	two := cat((&oggOf{serial: 1}).page(oggBegin, 0, oggOpusHead), (&oggOf{serial: 2}).page(oggBegin, 0, oggOpusHead), (&oggOf{1, 1}).page(0, 0, opusTags))
	return []hostile{
		{"no Ogg", []byte("GET / HTTP/1.1"), 0, "expected a page of Ogg (4F 67 67 53 00), got 47 45 54 20 2F", false},
		{"another version", []byte("OggS\x01"), 0, "got 4F 67 67 53 01", false},
		{"zeros first", cat(make([]byte, 4), start), 0, "got 00 00 00 00 4F", false},
		{"a later chunk first", cat(o.page(0, 960, opus20), start), 0, "whose first page is missing; a recorder must be started after its socket has opened", false},
		{"no page", cat(start, []byte("hello")), n, "got 68 65 6C 6C 6F", false},
		{"no page after zeros", cat(start, make([]byte, 9), []byte("hello")), n + 9, "got 68 65 6C 6C 6F", false},
		{"a damaged page", cat(start, damaged), n, "its 36 bytes have", false},
		{"an unknown stream", cat(start, (&oggOf{serial: 0x99}).page(0, 960, opus20)), n, "page 0 of stream 00000099, which no page began", false},
		{"a stream twice", cat(opus(oggOpusHead), opus(oggOpusHead)), bos, "stream 00000000 begins twice", false},
		{"33 streams", many, 32 * len(opus("unknown")), "more than 32 streams", true},
		{"five large heads", manyHeads, 4 * len(opus(oggOpusHead+strings.Repeat("x", 30_000))), "a header of more than 131072 bytes", true},
		{"no known codec", cat((&oggOf{serial: 1}).page(oggBegin, 0, "\x80theora"), (&oggOf{1, 1}).page(0, 0, "x")), len(opus("\x80theora")), "no stream of Opus, Vorbis or FLAC", false},
		{"a first packet on two pages", cat((&oggOf{}).torn(oggBegin, 0, oggOpusHead+strings.Repeat("x", 255-19)), (&oggOf{0, 1}).page(oggContinued, 0, "x")), 27 + 1 + 255, "no stream of Opus", false},
		{"no first packet", cat((&oggOf{}).page(oggBegin, 0), (&oggOf{0, 1}).page(0, 0, "x")), 27, "no stream of Opus", false},
		{"OpusHead cut off", opus(oggOpusHead[:18]), 0, "an OpusHead of 18 bytes; expected at least 19", false},
		{"OpusHead 2", opus(strings.Replace(oggOpusHead, "\x01", "\x10", 1)), 0, "an OpusHead of version 16", false},
		{"OpusHead of no channels", opus(strings.Replace(oggOpusHead, "\x01\x01", "\x01\x00", 1)), 0, "with 0 channels in mapping family 0", false},
		{"OpusHead of 3 channels", opus(strings.Replace(oggOpusHead, "\x01\x01", "\x01\x03", 1)), 0, "with 3 channels in mapping family 0", false},
		{"OpusHead without mapping", opus(strings.Replace(oggOpusHead, "\x01\x01", "\x01\x03", 1)[:18] + "\x01\x02\x01\x00\x01"), 0, "of 23 bytes with 3 channels in mapping family 1", false},
		{"OpusHead with mapping", opus(strings.Replace(oggOpusHead, "\x01\x01", "\x01\x03", 1)[:18] + "\x01\x02\x01\x00\x01\x02"), -1, "", false},
		{"no OpusTags", cat(opus(oggOpusHead), (&oggOf{0, 1}).page(0, 960, opus20)), bos, `expected OpusTags, got "\xf8 twenty"`, false},
		{"OpusTags lost", cat(opus(oggOpusHead), (&oggOf{0, 2}).page(oggContinued, 0, "rest", opus20)), bos, "expected OpusTags", false},
		{"sound before a header", cat(two, (&oggOf{1, 2}).page(0, 960, opus20)), len(two), "sound of stream 00000001 comes before the headers of all streams are whole", false},
		{"Vorbis cut off", opus(vorbisHead[:29]), 0, "a Vorbis header of 29 bytes; expected 30", false},
		{"Vorbis 2", opus(strings.Replace(vorbisHead, "\x00", "\x02", 1)), 0, "a Vorbis header of version 2", false},
		{"Vorbis of no channels", opus(strings.Replace(vorbisHead, "\x02", "\x00", 1)), 0, "with 0 channels", false},
		{"Vorbis of 0 Hz", opus(strings.Replace(vorbisHead, "\x80\xbb", "\x00\x00", 1)), 0, "at 0 Hz", false},
		{"Vorbis of 2^24 Hz", opus(strings.Replace(vorbisHead, "\x80\xbb\x00\x00", "\x00\x00\x00\x01", 1)), 0, "at 16777216 Hz", false},
		{"Vorbis, long blocks shorter", opus(strings.Replace(vorbisHead, "\xb8", "\x8b", 1)), 0, "in blocks of 2^11 and 2^8 samples", false},
		{"Vorbis, blocks of 2^5", opus(strings.Replace(vorbisHead, "\xb8", "\xb5", 1)), 0, "in blocks of 2^5", false},
		{"Vorbis, blocks of 2^14", opus(strings.Replace(vorbisHead, "\xb8", "\xe8", 1)), 0, "and 2^14 samples", false},
		{"Vorbis without comment", vorbis(vorbisSetup(false, true), vorbisTags), vorbisAt, `expected a Vorbis header that begins with "\x03vorbis"`, false},
		{"Vorbis without setup", vorbis(vorbisTags, "\x00sound"), setupAt, `expected a Vorbis header that begins with "\x05vorbis", got "\x00sound"`, false},
		{"Vorbis without modes", vorbis(vorbisTags, "\x05vorbis"+strings.Repeat("\xff", 50)), setupAt, "a Vorbis setup header without modes", false},
		{"Vorbis with an empty setup", vorbis(vorbisTags, "\x05vorbis"), setupAt, "a Vorbis setup header without modes", false},
		{"FLAC cut off", opus(oggFLACHead()[:50]), 0, "a FLAC header of 50 bytes without STREAMINFO", false},
		{"FLAC without STREAMINFO", opus(strings.Replace(oggFLACHead(), "fLaC\x00", "fLaC\x01", 1)), 0, "without STREAMINFO", false},
		{"FLAC of 0 Hz", opus(strings.Replace(oggFLACHead(), "\x0b\xb8\x02", "\x00\x00\x02", 1)), 0, "FLAC of 0 Hz", false},
		{"FLAC 2", cat(opus(strings.Replace(oggFLACHead(), "FLAC\x01", "FLAC\x02", 1)), (&oggOf{0, 1}).page(0, 0, flacComment(1))), len(opus(oggFLACHead())), "no stream of Opus", false},
		{"position 2^62", cat(start, (&oggOf{7, 2}).page(0, 1<<62, opus20)), n, "granule position 4611686018427387904, beyond any clock", false},
		{"position of all ones but one", cat(start, (&oggOf{7, 2}).page(0, -2, opus20)), -1, "", false},
	}
}

// oggEndless are packets that never end.
func oggEndless() []hostile {
	endless := func(begin []byte, first string, all ...*oggOf) []byte {
		b := bytes.Clone(begin)
		for flags := byte(0); len(b) < MaxBlock+300_000; flags, first = oggContinued, "" {
			for _, o := range all {
				b = append(b, o.torn(flags, -1, first+strings.Repeat("x", 255*255-len(first)))...)
			}
		}
		return b
	}
	full := 27 + 255 + 255*255
	one, two := &oggOf{serial: 1}, &oggOf{serial: 2}
	both := cat(one.page(oggBegin, 0, oggOpusHead), two.page(oggBegin, 0, oggOpusHead), one.page(0, 0, opusTags), two.page(0, 0, opusTags))
	opus, head, vorbis := &oggOf{serial: 3}, &oggOf{serial: 4}, &oggOf{serial: 5}
	start, bare, setup := opus.opusBegin(), head.page(oggBegin, 0, oggOpusHead), cat(vorbis.page(oggBegin, 0, vorbisHead), vorbis.page(0, 0, vorbisTags))
	return []hostile{
		{"an endless packet", endless(start, "", opus), len(start) + 32*full, "a packet of more than 2097152 bytes", true},
		{"endless packets of two streams", endless(both, "", one, two), len(both) + 32*full, "a packet of more than 2097152 bytes", true},
		{"an endless setup header", endless(setup, "\x05vorbis", vorbis), len(setup) + 2*full, "a header of more than 131072 bytes", true},
		{"an endless comment", endless(bare, "OpusTags", head), -1, "", false},
	}
}

// TestOggEndless cuts them, too; they are too long to be among the samples.
func TestOggEndless(t *testing.T) {
	for _, h := range oggEndless() {
		t.Run(h.name, func(t *testing.T) {
			refused(t, ByExt("ogg"), h)
			sameParts(t, parse(ByExt("ogg"), h.in, whole, true), parse(ByExt("ogg"), h.in, every(4099), true))
		})
	}
}

// TestOggEnds: what is cut off is said.
func TestOggEnds(t *testing.T) {
	o := &oggOf{serial: 7}
	start := o.opusBegin()
	page := o.page(0, 960, opus20)
	for _, c := range []struct {
		name, words string
		in          []byte
	}{
		{"nothing", "before the headers of its streams are whole", nil},
		{"one header page", "before the headers of its streams are whole", start[:len(start)-len((&oggOf{}).page(0, 0, opusTags))]},
		{"inside a page", "inside a page; its last 35 bytes are left out", cat(start, page[:35])},
		{"inside a packet", "inside a packet, of which 510 bytes have come", cat(start, o.torn(0, -1, opusLong(510)))},
		{"a second file without its header", "before the headers of its streams are whole", cat(start, page, (&oggOf{}).page(oggBegin, 0, oggOpusHead))},
	} {
		r := parse(ByExt("ogg"), c.in, whole, true)
		wantErr(t, r.err, c.words)
		if want := fmt.Sprintf("%v at %d", ErrSyntax, len(c.in)); c.name != "inside a page" && place(r.err) != want {
			t.Errorf("%s: %s, expected %s", c.name, place(r.err), want)
		}
	}
}

func TestFLACSamples(t *testing.T) {
	for _, c := range []struct {
		frame string
		want  int64 // -1: no frame
	}{
		{"", -1}, {"\xff\xf8\xc9\x18", -1}, {"\xff\xf8\x09\x18\x00", -1}, {"\xff\xf0\xc9\x18\x00", -1}, {"\x84\x00\x00\x10\x00", -1},
		{"\xff\xf8\x19\x18\x00", 192}, {"\xff\xf9\x29\x18\x00", 576}, {"\xff\xf8\x59\x18\x00", 4608}, {"\xff\xf8\x89\x18\x00", 256}, {"\xff\xf8\xf9\x18\x00", 32768},
		{"\xff\xf8\x69\x18\x7f\x0f", 16}, {"\xff\xf8\x69\x18\xc2\x80\x0f", 16}, {"\xff\xf8\x79\x18\xfe\x80\x80\x80\x80\x80\x80\xff\xff", 65536},
		{"\xff\xf8\x79\x18\xfe\x80\x80\x80\x80\x80\x80\xff", -1}, {"\xff\xf8\x69\x18\xfe\x80", -1}, {"\xff\xf8\xc9\x18\x80", -1}, {"\xff\xf8\xc9\x18\xff", -1},
	} {
		n, ok := oggFLAC{}.samples([]byte(c.frame))
		if ok != (c.want >= 0) || ok && n != c.want {
			t.Errorf("% x: %d samples, %t; expected %d", c.frame, n, ok, c.want)
		}
	}
}

func TestVorbisModes(t *testing.T) {
	for _, want := range [][]bool{{false}, {true}, {false, true}, {true, false, true}, slices.Repeat([]bool{true, false, false}, 21)} {
		for _, zeros := range []string{"", "\x00\x00"} {
			if got := vorbisModes([]byte(vorbisSetup(want...) + zeros)); !slices.Equal(got, want) {
				t.Errorf("modes %v, expected %v", got, want)
			}
		}
	}
}
