package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// repack writes chunks and returns the stream that is made of them.
func repack(t testing.TB, o ConvertOptions, chunks ...[]byte) (to *Stream, parts []*Part) {
	t.Helper()
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, chunks[0])
	to, release, err := streamOf(t, h, "x").Convert(o)
	if err != nil {
		t.Fatal(err)
	}
	l := to.Listen(ListenOptions{Complete: true})
	defer l.Close()
	release()
	mustWrite(t, p, chunks[1:]...)
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	return to, drain2(t, l)
}

// TestOpusGaps: where nothing was sent there is nothing, in both directions, within a
// run and between two.
func TestOpusGaps(t *testing.T) {
	const ms = time.Millisecond
	two := func(a, b []byte) [][]byte { return [][]byte{begin(opusEl(2, 1)), a, b, begin(opusEl(2, 1)), a} }
	to, parts := repack(t, ConvertOptions{Format: ByExt("ogg")}, two(
		cluster(0, simple(2, 0, 0, opus20), simple(2, 21, 0, opus20), simple(2, 40, 0, opus60)),
		cluster(7000, simple(2, 0, 0, opus20), simple(2, 17, 0, opus20)))...)
	again := parse(to.format, body(to, parts), whole, true)
	want := "20ms 40ms 100ms 7.02s 7.037s 7.057s 7.077s 7.137s"
	ends := func(parts []Part) (all []string) {
		for _, p := range parts {
			all = append(all, fmt.Sprint(p.End()))
		}
		return all
	}
	if got := strings.Join(ends(again.frames), " "); got != want || again.err != nil {
		t.Errorf("they end at %s, %v; expected %s", got, again.err, want)
	}
	if p := again.frames[3]; p.Time != 7000*ms {
		t.Errorf("after the gap it goes on at %v", p.Time)
	}

	first, second := &oggOf{serial: 1}, &oggOf{serial: 2}
	one := cat(first.page(0, 1920, opus20, opus20), first.page(0, 5*48000, opus20), first.page(oggEnd, 5*48000+960+700, opus20, opus20))
	other := cat(second.page(oggBegin, 0, oggOpusHead), second.page(0, 0, opusTags), second.page(0, 960, opus20), second.page(0, 1920, opus20))
	to, parts = repack(t, ConvertOptions{Format: ByExt("webm")}, first.opusBegin(), one, other)
	again = parse(to.format, body(to, parts), whole, true)
	// The last packet of the first run is cut short, so that the next run begins before
	// its end; and in that the pre-skip is once more before the sound.
	last := 5000*ms + 20*ms + (700-312)*time.Second/48000
	at := []time.Duration{0, 20 * ms, 4980 * ms, 5000 * ms, 5020 * ms, last.Round(ms), last.Round(ms) + 20*ms}
	var got []time.Duration
	for _, p := range again.frames {
		got = append(got, p.Time)
	}
	if again.err != nil || !slices.Equal(got, at) {
		t.Errorf("at %v, %v; expected %v", got, again.err, at)
	}
}

// TestOpusPreSkip: packets that begin before the sound keep their distance, however
// many they are; who joins later begins with the packets of then.
func TestOpusPreSkip(t *testing.T) {
	const ms = time.Millisecond
	head := strings.Replace(oggOpusHead, "\x38\x01", "\x68\x10", 1) // 4200 samples, 87.5 ms
	for _, c := range []struct {
		begin int64 // of the first packet, in samples
		want  []time.Duration
	}{
		{0, []time.Duration{0, 20 * ms, 40 * ms, 60 * ms, 80 * ms, 100 * ms}},
		{48000, []time.Duration{88 * ms, 108 * ms, 128 * ms, 148 * ms, 168 * ms, 188 * ms}}, // a recorder's own file that was cut
	} {
		o := &oggOf{}
		file := cat(o.page(oggBegin, 0, head), o.page(0, 0, opusTags))
		media := cat(o.page(0, c.begin+3*960, opus20, opus20, opus20), o.page(0, c.begin+6*960, opus20, opus20, opus20))
		to, parts := repack(t, ConvertOptions{Format: ByExt("webm")}, file, media)
		again := parse(to.format, body(to, parts), whole, true)
		var got []time.Duration
		for _, p := range again.frames {
			got = append(got, p.Time)
		}
		if !slices.Equal(got, c.want) || again.err != nil {
			t.Errorf("from sample %d on: at %v, %v; expected %v", c.begin, got, again.err, c.want)
		}
	}
}

// TestOpusRunsOverlap: the pre-skip of a run lies before the sound of the one before it
// ends; no packet is earlier than the one before it for all that.
func TestOpusRunsOverlap(t *testing.T) {
	const ms, short = time.Millisecond, "\xe0 2.5 ms"
	first, second := &oggOf{serial: 1}, &oggOf{serial: 2}
	to, parts := repack(t, ConvertOptions{Format: ByExt("webm")}, first.opusBegin(), first.page(oggEnd, 480, short, short, short, short),
		cat(second.page(oggBegin, 0, oggOpusHead), second.page(0, 0, opusTags), second.page(0, 1920, opus20, opus20)))
	var got []time.Duration
	for _, p := range parse(to.format, body(to, parts), whole, true).frames {
		got = append(got, p.Time)
	}
	if want := []time.Duration{0, 3 * ms, 5 * ms, 8 * ms, 8 * ms, 24 * ms}; !slices.Equal(got, want) {
		t.Errorf("at %v; expected %v", got, want)
	}
}

// TestOpusHeaders: what is written into the other container of what a recorder says,
// and what is refused.
func TestOpusHeaders(t *testing.T) {
	private := func(b string) []byte { return el(idCodecPrivate, []byte(b)) }
	surround := string(opusPrivate(6, 312, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5))
	many := string(opusPrivate(255, 312, 0, 255, append([]byte{255, 0}, ramp(255)...)...))
	made := func(channels int) string { return string(opusPrivate(channels, 0, 0, 0)) }
	for name, c := range map[string]struct {
		channels int
		extra    []byte
		want     string // or
		why      string
	}{
		"ordinary":          {2, private(oggOpusHead), oggOpusHead, ""},
		"more behind it":    {2, private(oggOpusHead + "more"), oggOpusHead, ""},
		"surround":          {6, private(surround), surround, ""},
		"more behind that":  {6, private(surround + strings.Repeat("x", 100_000)), surround, ""},
		"255 channels":      {255, private(many), many, ""},
		"none, mono":        {1, nil, made(1), ""},
		"empty":             {2, private(""), made(2), ""},
		"of something else": {2, private("fLaC"), made(2), ""},
		"none, surround":    {6, nil, "", "opus of 6 channels without an OpusHead says nothing of their order"},
		"none, no channels": {0, nil, "", "opus of 0 channels without an OpusHead"},
		"short":             {2, private(oggOpusHead[:18]), "", "an OpusHead of 18 bytes; expected at least 19"},
		"no channels":       {2, private(string(opusPrivate(0, 312, 0, 0))), "", "an OpusHead of 19 bytes with 0 channels in mapping family 0"},
		"255 in family 0":   {255, private(string(opusPrivate(255, 312, 0, 0))), "", "an OpusHead of 19 bytes with 255 channels in mapping family 0"},
		"a mapping too few": {6, private(surround[:len(surround)-1]), "", "an OpusHead of 26 bytes with 6 channels in mapping family 1"},
		"version 16":        {2, private(strings.Replace(oggOpusHead, "\x01", "\x10", 1)), "", "an OpusHead of version 16; versions below 16 are taken"},
		"encrypted":         {2, cat(private(oggOpusHead), el(idEncodings, ramp(4))), "", "ogg is made of opus here, and there is none in it"},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, begin(opusEl(1, c.channels, c.extra)))
		s := streamOf(t, h, "x")
		to, release, err := s.Convert(ConvertOptions{Format: ByExt("ogg")})
		if c.why != "" {
			if wantErr(t, err, c.why); err == nil {
				release()
			}
			p.Drop()
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ogg := &oggOf{serial: 1}
		if want := cat(ogg.page(oggBegin, 0, c.want), ogg.page(0, 0, "OpusTags"+oggComment)); !bytes.Equal(to.Header(View{}), want) {
			t.Errorf("%s: the header is %q", name, to.Header(View{}))
		}
		release()
		p.Drop()

		// And back: the pages that begin it, as another publisher's, in WebM.
		webm, _ := repack(t, ConvertOptions{Format: ByExt("webm")}, to.Header(View{}))
		again := parse(webm.format, webm.header, whole, true)
		delay := uint64(sampleTime(opusSkip([]byte(c.want)), 48000))
		if k := again.heads[0].tracks[0]; string(k.Private) != c.want || k.Channels != int(c.want[9]) || k.Rate != 48000 || webm.ContentType(View{}) != `audio/webm; codecs="opus"` ||
			!bytes.Contains(k.entry, appendUint(nil, 0x56AA, delay)) || !bytes.Contains(k.entry, appendUint(nil, 0x56BB, 80_000_000)) {
			t.Errorf("%s: in WebM it is %s, %q", name, k.Describe(), k.entry)
		}
	}
}

// TestOpusLeftOut: what is no packet is left out and counted, and the others keep
// their times, in laces, too.
func TestOpusLeftOut(t *testing.T) {
	const none = "\xff" // says that it holds several frames, but not how many
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, begin(opusEl(2, 1)))
	to, release, err := streamOf(t, h, "x").Convert(ConvertOptions{Format: ByExt("ogg")})
	if err != nil {
		t.Fatal(err)
	}
	l := to.Listen(ListenOptions{Complete: true})
	release()
	mustWrite(t, p, cluster(0, simple(2, 0, 0, opus20), simple(2, 20, 0, ""), simple(2, 20, 0, none), simple(2, 40, 0, opus20),
		simple(2, 60, 0x02, fmt.Sprintf("\x02%c%c%s%s%s", len(opus20), len(none), opus20, none, opus20))))
	if err := p.End(); err != nil {
		t.Error(err)
	}
	const ms = time.Millisecond
	parts := drain2(t, l)
	l.Close()
	if got := times(parts); !slices.Equal(got, []time.Duration{0, 40 * ms, 60 * ms, 80 * ms}) || to.Damaged.Load() != 3 {
		t.Errorf("at %v, %d damaged", got, to.Damaged.Load())
	}
	if again := parse(to.format, body(to, parts), whole, true); again.err != nil || len(again.frames) != 4 {
		t.Errorf("read as %d frames, %v", len(again.frames), again.err)
	}
}

// TestOpusOfWhatHasPictures: their WebM would be without them, which nobody expects.
func TestOpusOfWhatHasPictures(t *testing.T) {
	for _, c := range []struct {
		file   []byte
		opt    ConvertOptions
		err    error
		needle string
	}{
		{mp4Begin(avcTrak, opsTrak), ConvertOptions{Format: ByExt("webm")}, nil, "no webm is made of the pictures of mp4 here"},
		{mp4Begin(avcTrak), ConvertOptions{Format: ByExt("ogg")}, ErrNoAudio, ""},
		{mp4Begin(opsTrak), ConvertOptions{Format: ByExt("webm"), Tracks: Video}, ErrNoVideo, ""},
		{mp4Begin(opsTrak), ConvertOptions{Tracks: Video}, ErrNoVideo, ""},
		{mp4Begin(opsTrak), ConvertOptions{Format: ByExt("ogg"), Tracks: Video}, ErrSoundOnly, ""},
		{begin(vp8Track, trackEl(2, Audio, "A_VORBIS")), ConvertOptions{Format: ByExt("ogg")}, nil, "ogg is made of opus here, and there is none in it"},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.file)
		_, _, err := streamOf(t, h, "x").Convert(c.opt)
		if wantErr(t, err, c.needle); c.err != nil && err != c.err {
			t.Errorf("%v; expected %v", err, c.err)
		}
		p.Drop()
	}
	to, _ := repack(t, ConvertOptions{Format: ByExt("webm"), Tracks: Audio}, mp4Begin(opsTrak))
	if got := to.ContentType(View{}); got != `audio/webm; codecs="opus"` {
		t.Error(got)
	}
}
