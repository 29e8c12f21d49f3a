package stream

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOggPages looks at the bytes that listeners are sent.
func TestOggPages(t *testing.T) {
	const ms = time.Millisecond
	src := parse(ByExt("ogg"), twoStreams(), whole, true).heads[0]
	m, err := newOggMuxer(src)
	if err != nil {
		t.Fatal(err)
	}
	mux := func(track int, at, long time.Duration, frame string) []byte {
		p := &Part{Track: track, Time: at, Duration: long, Key: true, Frame: []byte(frame)}
		m.Mux(p)
		if p.Kind != Join || string(p.Frame) != frame {
			t.Errorf("a part of kind %d with %d bytes at %v", p.Kind, len(p.Frame), at)
		}
		return p.Bytes
	}
	opus, flac := &oggOf{serial: 1}, &oggOf{serial: 2}
	ident := strings.Replace(oggFLACHead(), "\x00\x00\x0e\x00\x10\x00\x0b\xb8\x02\xf0\x00\x02\xee\x00checksum", "\x00\x00\x00\x00\x00\x00\x0b\xb8\x02\xf0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 1)
	for i, c := range []struct{ got, want []byte }{
		{m.Header(), cat(opus.page(oggBegin, 0, oggOpusHead), flac.page(oggBegin, 0, ident),
			opus.page(0, 0, "OpusTags\x08\x00\x00\x00everfile\x00\x00\x00\x00"), flac.page(0, 0, "\x84\x00\x00\x10\x08\x00\x00\x00everfile\x00\x00\x00\x00"))},
		{mux(0, 0, 13500*time.Microsecond, opus20), opus.page(0, 960, opus20)},
		{mux(1, 0, 85333333, oggFLACFrame), flac.page(0, 4096, oggFLACFrame)},
		{mux(0, 13500*time.Microsecond, 20*ms, opus20), opus.page(0, 1920, opus20)},
		{m.Filler(), opus.page(0, -1)},
		{mux(0, time.Hour, 20*ms, opusLong(255)), opus.page(0, oggHour+960+312, opusLong(255))},
		{mux(0, 10*ms, 20*ms, opus20), opus.page(0, oggHour+960+312, opus20)}, // no position goes back
		{mux(1, 100*time.Hour, 0, ""), flac.page(0, 100*oggHour, "")},
		{mux(0, 2*time.Hour, 20*ms, opusLong(255*255-1)), opus.page(0, 2*oggHour+1272, opusLong(255*255-1))},
		{mux(0, 3*time.Hour, 20*ms, opusLong(255*255)), cat(opus.torn(0, -1, opusLong(255*255)), opus.page(oggContinued, 3*oggHour+1272, ""))},
		{mux(0, 4*time.Hour, 20*ms, opusLong(255*600+7)), cat(opus.torn(0, -1, opusLong(255*255)), opus.torn(oggContinued, -1, strings.Repeat("o", 255*255)),
			opus.page(oggContinued, 4*oggHour+1272, strings.Repeat("o", 255*90+7)))},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%d:\n got %.200x\nwant %.200x", i, c.got, c.want)
		}
	}
}

// TestOggTakes says which tracks a file can have, whatever they come from.
func TestOggTakes(t *testing.T) {
	for _, track := range []Track{
		{Codec: "vp8"}, {Codec: "opus"}, {Codec: "opus", Private: []byte("OpusHead")}, {Codec: "vorbis"}, {Codec: "vorbis", Private: []byte("\x02\x05\x05abc")},
		{Codec: "vorbis", Private: []byte("\x01\x01abc")}, {Codec: "flac", Private: []byte("fLaC")},
	} {
		track.Type, track.Rate = Audio, 48000
		if _, err := newOggMuxer(&head{tracks: []Track{track}}); err == nil {
			t.Errorf("%s with %q is taken", track.Codec, track.Private)
		} else {
			wantErr(t, err, "track 0: no Ogg of "+track.Codec)
		}
	}
}

// TestOggLargePackets: what stands on several pages is whole for who converts it,
// and counted twice, as it is kept.
func TestOggLargePackets(t *testing.T) {
	large := opusLong(255*600 + 7)
	o := &oggOf{}
	in := cat(o.opusBegin(), o.torn(0, -1, large[:255*255]), o.torn(oggContinued, -1, large[255*255:255*510]), o.page(oggContinued, 1920, large[255*510:], opus20))
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, cut(in, every(1000))...)
	s := streamOf(t, h, "x")
	parts := logged(s)
	if len(parts) != 2 || string(parts[0].Frame) != large || string(parts[1].Frame) != opus20 {
		t.Fatalf("%d parts", len(parts))
	}
	if n := h.Memory(); n < int64(2*len(large)) {
		t.Errorf("%d bytes in the account; a frame of %d is kept twice", n, len(large))
	}
	again := parse(s.format, body(s, parts), whole, true)
	if again.err != nil || len(again.frames) != 2 || string(again.frames[0].Frame) != large {
		t.Errorf("read again as %d frames, %v", len(again.frames), again.err)
	}
	p.Drop()
}

// TestUnfinishedPacketsCount: they wait in the parser, and count like what waits
// before it, no longer than they are kept.
func TestUnfinishedPacketsCount(t *testing.T) {
	for _, format := range []*Format{ByExt("ogg"), nil} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{Format: format, Run: "r", Key: "k"})
		o := &oggOf{}
		mustWrite(t, p, o.opusBegin(), o.page(0, 960, opus20))
		before := h.Memory()
		for flags := byte(0); o.sequence < 13; flags = oggContinued {
			mustWrite(t, p, o.torn(flags, -1, strings.Repeat("x", 255*255)))
		}
		if n := h.Memory() - before; n < 10*255*255 {
			t.Errorf("%d bytes in the account, %d are kept", n, 10*255*255)
		}
		p.Drop()
		p = mustPublish(t, h, "x", PublishOptions{Format: format, Run: "s", Key: "k"})
		if n := h.Memory() - before; n > 0 {
			t.Errorf("%d bytes of a run that is over", n)
		}
		p.Drop()
	}
}

// TestOggTwoFiles: one file after another of the same codec goes on without a
// seam, of another it ends.
func TestOggTwoFiles(t *testing.T) {
	const ms = time.Millisecond
	first, second := &oggOf{serial: 1}, &oggOf{serial: 2}
	one := cat(first.opusBegin(), first.page(oggEnd, 1920, opus20, opus20))
	two := cat(second.page(oggBegin, 0, strings.Replace(oggOpusHead, "\x38\x01", "\x00\x00", 1)), second.page(0, 0, opusTags), second.page(0, 96000+1920, opus20, opus20))
	h := newClocked(t)
	p := mustPublish(t, h.Hub, "x", PublishOptions{})
	mustWrite(t, p, one)
	s := streamOf(t, h.Hub, "x")
	h.now = h.now.Add(5 * time.Second)
	mustWrite(t, p, two, one)
	if streamOf(t, h.Hub, "x") != s {
		t.Fatal("another stream")
	}
	parts := logged(s)
	want := []time.Duration{0, 13500 * time.Microsecond, 5000 * ms, 5020 * ms, 5040 * ms, 5053500 * time.Microsecond}
	if got := times(parts); !slices.Equal(got, want) {
		t.Errorf("at %v, expected %v", got, want)
	}
	again := parse(s.format, body(s, parts), whole, true)
	if again.err != nil || len(again.heads) != 1 || len(again.frames) != 6 {
		t.Errorf("read again as %d headers, %d frames, %v", len(again.heads), len(again.frames), again.err)
	}
	mustWrite(t, p, vorbisFile())
	if !s.Ended() || streamOf(t, h.Hub, "x").ContentType(View{}) != `audio/ogg; codecs="vorbis"` {
		t.Error("Vorbis continues a file of Opus")
	}
	mustWrite(t, p, twoStreams())
	if streamOf(t, h.Hub, "x").ContentType(View{}) != `audio/ogg; codecs="opus, flac"` {
		t.Error("two streams continue a file of one")
	}
	p.Drop()
}

// TestFLACRunsContinue: what differs between two files of the same encoder is not
// what a decoder needs.
func TestFLACRunsContinue(t *testing.T) {
	o := &oggOf{}
	one := cat(o.page(oggBegin, 0, oggFLACHead()), o.page(0, 0, flacComment(1)))
	for _, c := range []struct {
		old, new string
		want     bool
	}{{"checksum", "MUSKCEHC", true}, {"\x02\xee\x00", "\x07\x07\x07", true}, {"\x10\x00\x10\x00", "\x10\x00\x12\x00", false}, {"\x0b\xb8\x02", "\x0a\xc4\x42", false}} {
		o := &oggOf{}
		two := cat(o.page(oggBegin, 0, strings.Replace(oggFLACHead(), c.old, c.new, 1)), o.page(0, 0, flacComment(1)))
		a, b := parse(ByExt("ogg"), one, whole, true), parse(ByExt("ogg"), two, whole, true)
		if _, ok := a.heads[0].match(b.heads[0]); ok != c.want {
			t.Errorf("%q instead of %q: %t", c.new, c.old, ok)
		}
	}
}

// TestOggFillers: a stream that is silent for long keeps its pages in order.
func TestOggFillers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{Window: time.Hour})
		p := mustPublish(t, h, "x", PublishOptions{})
		o := &oggOf{}
		mustWrite(t, p, o.opusBegin(), o.page(0, 960, opus20))
		s := streamOf(t, h, "x")
		defer s.Listen(ListenOptions{}).Close()
		for parts := logged(s); parts[len(parts)-1].Kind != Filler; parts = logged(s) {
			<-s.News()
		}
		mustWrite(t, p, o.page(0, 1920, opus20))
		parts := logged(s)
		r := parse(s.format, body(s, parts), whole, true)
		if r.err != nil || len(parts) != 3 || len(r.frames) != 2 {
			t.Fatalf("%d parts are read as %d frames, %v", len(parts), len(r.frames), r.err)
		}
		b := body(s, parts)
		for n := uint32(0); len(b) > 0; n++ {
			g, size := readOggPage(b)
			if size == 0 || g.sequence != n {
				t.Fatalf("page %d has number %d", n, g.sequence)
			}
			b = b[size:]
		}
		p.Drop()
	})
}
