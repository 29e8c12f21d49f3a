package stream

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// opusEl is an Opus track as recorders describe it.
func opusEl(number uint64, channels int, extra ...[]byte) []byte {
	return trackEl(number, Audio, "A_OPUS", elN(idAudio, 1, num(idChannels, uint64(channels))), cat(extra...))
}

// TestPlayables: what each stream can be played as, and why not as more.
func TestPlayables(t *testing.T) {
	wav := func(channels, bits, rate, tag int) []byte {
		return wavSpec{tag: tag, channels: channels, bits: bits, rate: rate, data: ramp(1600)}.bytes()
	}
	pcm16 := elN(idAudio, 1, num(idChannels, 2), num(idBitDepth, 16))
	own := `webm audio/webm; codecs="opus", ogg audio/ogg; codecs="opus", `
	pictures := ", mjpeg multipart/x-mixed-replace; boundary=" + mjpegBoundary + ", jpg image/jpeg"
	for name, c := range map[string]struct {
		file []byte
		want string
		why  string // of .wav
	}{
		"opus":            {begin(opusEl(1, 2)), own + `wav audio/wav; codecs="1", pcm audio/x-raw; rate=48000; channels=2; bits=16; encoding=signed-int; endianness=little`, ""},
		"with a picture":  {begin(vp8Track, opusEl(2, 1)), `webm video/webm; codecs="vp8, opus", ogg audio/ogg; codecs="opus", wav audio/wav; codecs="1", pcm audio/x-raw; rate=48000; channels=1; bits=16; encoding=signed-int; endianness=little` + pictures, ""},
		"wav":             {wav(1, 16, 8000, wavPCM), `wav audio/wav; codecs="1", pcm audio/x-raw; rate=8000; channels=1; bits=16; encoding=signed-int; endianness=little`, ""},
		"wav of 30":       {wav(30, 32, 96000, wavFloat), `wav audio/wav; codecs="3", pcm audio/x-raw; rate=96000; channels=30; bits=32; encoding=float; endianness=little`, ""},
		"pcm":             {begin(trackEl(1, Audio, "A_PCM/INT/BIG", pcm16)), `webm audio/x-matroska; codecs="pcm", wav audio/wav; codecs="1", pcm audio/x-raw; rate=8000; channels=2; bits=16; encoding=signed-int; endianness=little`, ""},
		"vorbis, opus":    {begin(trackEl(1, Audio, "A_VORBIS"), opusEl(2, 1)), `webm audio/webm; codecs="vorbis, opus", ogg audio/ogg; codecs="opus", wav audio/wav; codecs="1", pcm audio/x-raw; rate=48000; channels=1; bits=16; encoding=signed-int; endianness=little`, ""},
		"vorbis":          {begin(trackEl(1, Audio, "A_VORBIS", freq(44100))), `webm audio/webm; codecs="vorbis"`, "vorbis 44100 Hz stereo is not decoded here"},
		"no sound":        {begin(vp8Track), `webm video/webm; codecs="vp8"` + pictures, "the stream has no sound"},
		"opus of 6":       {begin(opusEl(1, 6)), `webm audio/webm; codecs="opus"`, "opus of 6 channels is not decoded here, only mono and stereo"},
		"two opuses":      {begin(opusEl(1, 2, str(0x63A2, string(opusPrivate(2, 312, 0, 255, 2, 0, 0, 1))))), `webm audio/webm; codecs="opus", ogg audio/ogg; codecs="opus"`, "opus of 2 channels is not decoded here"},
		"one opus":        {begin(opusEl(1, 2, str(0x63A2, string(opusPrivate(2, 312, 0, 1, 1, 1, 0, 1))))), own + `wav audio/wav; codecs="1", pcm audio/x-raw; rate=48000; channels=2; bits=16; encoding=signed-int; endianness=little`, ""},
		"encrypted":       {begin(opusEl(1, 2, el(0x6D80, ramp(4)))), `webm audio/webm; codecs="opus"`, "its opus is compressed or encrypted once more"},
		"pcm of 12 bits":  {begin(trackEl(1, Audio, "A_PCM/INT/LIT", elN(idAudio, 1, num(idBitDepth, 12)))), `webm audio/x-matroska; codecs="pcm"`, "pcm of 12 bits in 1 channels is not read here"},
		"pcm, very fast":  {begin(trackEl(1, Audio, "A_PCM/FLOAT/IEEE", elN(idAudio, 1, num(idBitDepth, 32), elN(idSamplingFreq, 1, []byte{0x4e, 0, 0, 0})))), `webm audio/x-matroska; codecs="pcm"`, "is outside of what is converted here, 8 channels of 1000 to 192000 Hz"},
		"pcm of no rate":  {begin(trackEl(1, Audio, "A_PCM/INT/LIT", elN(idAudio, 1, num(idBitDepth, 16), elN(idSamplingFreq, 1, []byte{0, 0, 0, 0})))), `webm audio/x-matroska; codecs="pcm"`, "pcm 0 Hz mono is outside of"},
		"pcm of channels": {begin(trackEl(1, Audio, "A_PCM/INT/LIT", elN(idAudio, 1, num(idBitDepth, 16), num(idChannels, 60_000)))), `webm audio/x-matroska; codecs="pcm"`, "is outside of"},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.file)
		s := streamOf(t, h, "x")
		var got bytes.Buffer
		for i, p := range s.Playables() {
			if i > 0 {
				got.WriteString(", ")
			}
			fmt.Fprint(&got, p.Ext, " ", p.ContentType)
			if same, err := s.Playable(p.Ext); err != nil || same != p {
				t.Errorf("%s: .%s is %v, %v", name, p.Ext, same, err)
			}
		}
		if got.String() != c.want {
			t.Errorf("%s: %s\nexpected %s", name, &got, c.want)
		}
		if _, err := s.Playable("wav"); c.why != "" {
			wantErr(t, err, c.why)
			_, _, err := s.Convert(ConvertOptions{Format: ByExt("wav")})
			wantErr(t, err, c.why)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Playable("gif"); err == nil {
			t.Errorf("%s: it can be played as anything", name)
		}
		p.Drop()
	}
}

// TestSameSamples: who means the same, in whatever words, shares a stream; who
// means what there is gets that.
func TestSameSamples(t *testing.T) {
	wav := ByExt("wav")
	file := func(tag, channels, bits int) []byte {
		return wavSpec{tag: tag, channels: channels, bits: bits, rate: 44100, data: ramp(8 * 441 * channels * bits / 8)}.bytes()
	}
	for name, c := range map[string]struct {
		file   []byte
		itself []ConvertOptions
		same   [][]ConvertOptions
	}{
		"wav": {
			file(wavPCM, 2, 16),
			[]ConvertOptions{{}, {Format: wav}, {Rate: 44100}, {Channels: 2}, {Bits: 16}, {Format: wav, Tracks: Audio, Rate: 44100, Channels: 2, Bits: 16}},
			[][]ConvertOptions{
				{{Rate: 16000}, {Format: wav, Rate: 16000, Channels: 2}, {Tracks: Audio, Rate: 16000, Bits: 16}},
				{{Channels: 1}, {Rate: 44100, Channels: 1, Bits: 16}},
				{{Bits: 32, Float: true}, {Bits: 32, Float: true, Channels: 2}},
			},
		},
		"float": {
			file(wavFloat, 1, 32),
			[]ConvertOptions{{}, {Bits: 32, Float: true}, {Rate: 44100}},
			[][]ConvertOptions{{{Rate: 8000}, {Rate: 8000, Bits: 32, Float: true}}, {{Bits: 16}, {Bits: 16, Rate: 44100}}},
		},
		"double": {
			file(wavFloat, 1, 64),
			[]ConvertOptions{{}, {Channels: 1}},
			[][]ConvertOptions{{{Bits: 32, Float: true}, {Bits: 32, Float: true, Rate: 44100}}, {{Rate: 8000}, {Rate: 8000, Bits: 32, Float: true}}},
		},
		"opus": {
			begin(vp8Track, opusEl(2, 1)),
			[]ConvertOptions{{}, {Format: ByExt("webm")}},
			[][]ConvertOptions{
				{{Format: wav}, {Format: wav, Rate: 48000}, {Format: wav, Tracks: Audio, Channels: 1, Bits: 16}},
				{{Format: wav, Rate: 16000}, {Format: wav, Channels: 1, Rate: 16000}},
				{{Tracks: Audio}, {Tracks: Audio, Format: ByExt("webm")}},
				{{Tracks: Video}, {Tracks: Video, Format: ByExt("webm")}},
				{{Format: ByExt("ogg")}, {Tracks: Audio, Format: ByExt("ogg")}},
			},
		},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.file)
		s := streamOf(t, h, "x")
		convert := func(o ConvertOptions) *Stream {
			to, release, err := s.Convert(o)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			t.Cleanup(release)
			return to
		}
		for _, o := range c.itself {
			if to := convert(o); to != s {
				t.Errorf("%s: %+v is another stream", name, o)
			}
		}
		var all []*Stream
		for _, group := range c.same {
			first := convert(group[0])
			for _, o := range group[1:] {
				if to := convert(o); to != first {
					t.Errorf("%s: %+v and %+v are not one", name, group[0], o)
				}
			}
			if first == s || slices.Contains(all, first) {
				t.Errorf("%s: %+v is nothing of its own", name, group[0])
			}
			all = append(all, first)
		}
		if n := len(s.entry.conversions); n != len(all) {
			t.Errorf("%s: %d conversions; expected %d", name, n, len(all))
		}
		p.Drop()
	}
}

// TestHostileOptions: what no samples can have is refused before anything is made.
func TestHostileOptions(t *testing.T) {
	wav := ByExt("wav")
	h := newHub(t, Options{})
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, begin(opusEl(1, 2)))
	q := mustPublish(t, h, "six", PublishOptions{})
	mustWrite(t, q, wavSpec{tag: wavPCM, channels: 6, bits: 16, rate: 48000, data: ramp(12)}.bytes())
	m := mustPublish(t, h, "one", PublishOptions{})
	mustWrite(t, m, begin(opusEl(1, 1)))
	r := mustPublish(t, h, "thirty", PublishOptions{})
	mustWrite(t, r, wavSpec{tag: wavPCM, channels: 30, bits: 16, rate: 48000, data: ramp(60)}.bytes())
	for _, c := range []struct {
		name string
		opt  ConvertOptions
		want string
	}{
		{"x", ConvertOptions{Rate: 16000}, "only plain samples"},
		{"x", ConvertOptions{Format: ByExt("webm"), Channels: 1}, "only plain samples"},
		{"x", ConvertOptions{Tracks: Audio, Bits: 16}, "only plain samples"},
		{"x", ConvertOptions{Format: wav, Rate: -5}, "is outside of"},
		{"x", ConvertOptions{Format: wav, Rate: 1 << 40}, "is outside of"},
		{"x", ConvertOptions{Format: wav, Channels: -1}, "samples of 16 bits in -1 channels"},
		{"x", ConvertOptions{Format: wav, Channels: 1 << 40}, "2 channels can be mixed to one here, but not to 1099511627776"},
		{"x", ConvertOptions{Format: wav, Bits: 17}, "samples of 17 bits in 2 channels are not made here"},
		{"x", ConvertOptions{Format: wav, Bits: -8}, "samples of -8 bits in 2 channels are not made here"},
		{"one", ConvertOptions{Format: wav, Channels: 1 << 40}, "1 channels can be mixed to one here, but not to 1099511627776"},
		{"six", ConvertOptions{Channels: 2}, "6 channels can be mixed to one here, but not to 2"},
		{"six", ConvertOptions{Format: ByExt("webm")}, "webm is made of opus here, and there is none in it"},
		{"thirty", ConvertOptions{Channels: 1}, "pcm 16 bit 48000 Hz 30 channels is outside of"},
	} {
		_, _, err := streamOf(t, h, c.name).Convert(c.opt)
		wantErr(t, err, c.want)
		var view *ViewError
		if !errors.Is(err, ErrNotSamples) && !errors.As(err, &view) {
			t.Errorf("%+v: %T", c.opt, err)
		}
	}
	if n := h.streams.Load(); n != 4 {
		t.Errorf("%d streams", n)
	}
	for _, p := range []*Publisher{p, q, m, r} {
		p.Drop()
	}
}

// TestSamplesCut: the same bytes, however the source was cut.
func TestSamplesCut(t *testing.T) {
	data := streamtest.Capture(t, "chromium-audio-opus-T20.webm").Data[:40_000]
	wave := wavSpec{tag: wavPCM, channels: 2, bits: 24, rate: 44100, data: ramp(44100)}.bytes()
	for _, o := range []ConvertOptions{{}, {Rate: 16000, Channels: 1}, {Rate: 44101, Bits: 32, Float: true}} {
		for name, data := range map[string][]byte{"opus": data, "wav": wave} {
			if name == "wav" && o.Rate == 0 {
				continue
			}
			_, want := sampled(t, data, every(2000), o)
			for _, c := range cutters(t) {
				if c.name == "1" && testing.Short() {
					continue
				}
				if _, got := sampled(t, data, c.next, o); !slices.Equal(got, want) || len(got) < 2000 {
					t.Errorf("%s, %+v: cut by %s it is another, %d samples and %d", name, o, c.name, len(got), len(want))
				}
			}
		}
	}
}

// shifted is a minute of a recording's sound, over and over, with holes in it: at
// a time of the sound the timestamps go ahead.
func shifted(t testing.TB, holes map[time.Duration]time.Duration) (file []byte, length time.Duration) {
	all := packets(t, "chromium-audio-opus-T100.webm")
	file = cat(begin(opusEl(1, 1)))
	var shift time.Duration
	for at := time.Duration(0); at < time.Minute; at += 60 * time.Millisecond {
		shift += holes[at]
		length = at + shift + 60*time.Millisecond
		file = append(file, cluster(uint64((at+shift).Milliseconds()), simple(1, 0, 0x80, string(all[int(at/(60*time.Millisecond))%len(all)])))...)
	}
	return file, length
}

// TestLength: of a minute with three holes in it, within 20 ms, at every rate; the
// holes are silence and where they were.
func TestLength(t *testing.T) {
	holes := map[time.Duration]time.Duration{9 * time.Second: 300 * time.Millisecond, 24 * time.Second: 1700 * time.Millisecond, 42 * time.Second: 5100 * time.Millisecond}
	file, want := shifted(t, holes)
	for _, rate := range []int{48000, 16000, 44100} {
		to, got := sampled(t, file, every(4000), ConvertOptions{Rate: rate})
		d := sampleTime(int64(len(got)), rate)
		if off := d - want; max(off, -off) > 20*time.Millisecond || to.Corrections.Load() != 3 {
			t.Errorf("at %d Hz %v; expected %v; %d corrections", rate, d, want, to.Corrections.Load())
		}
		var shift time.Duration
		for _, at := range []time.Duration{9 * time.Second, 24 * time.Second, 42 * time.Second} {
			// The filter reaches over an edge by what it is long.
			from, till := inSamples(at+shift+10*time.Millisecond, rate), inSamples(at+shift+holes[at]-10*time.Millisecond, rate)
			if p := power(got[from:till]); p != 0 {
				t.Errorf("at %d Hz the hole at %v has a power of %g", rate, at, p)
			}
			if p := power(got[inSamples(at+shift-time.Second, rate):inSamples(at+shift, rate)]); p < 1e-4 {
				t.Errorf("at %d Hz there is nothing before the hole at %v", rate, at)
			}
			shift += holes[at]
		}
	}
}

// TestSamplesJoin: who comes in the middle begins half a second before, like every
// listener of WAV, be there a conversion already or not; and with all that is
// there, if that is less.
func TestSamplesJoin(t *testing.T) {
	c := streamtest.Capture(t, "chromium-vp8-opus-kf1s-T100.webm")
	for chunks, want := range map[int]time.Duration{3: 0, 80: 500 * time.Millisecond} {
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.Chunks[:chunks]...)
		for range 2 {
			s := streamOf(t, h, "x")
			to, release, err := s.Convert(ConvertOptions{Format: ByExt("wav"), Rate: 16000})
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			l := to.Listen(ListenOptions{})
			defer l.Close()
			parts, err := l.Take(nil)
			if err != nil || len(parts) == 0 {
				t.Fatalf("%d parts, %v", len(parts), err)
			}
			edge, _, _ := to.Edge()
			published := sounds(s)
			end := published[len(published)-1].End()
			if back := edge - parts[0].Time; want > 0 && (back < want || back >= want+20*time.Millisecond) || want == 0 && parts[0].Time > published[0].Time {
				t.Errorf("after %d chunks it begins %v back, at %v", chunks, back, parts[0].Time)
			}
			if late := end - edge; late < 0 || late > 25*time.Millisecond {
				t.Errorf("after %d chunks it is %v behind", chunks, late)
			}
		}
		p.Drop()
	}
}

// TestSamplesGoOn: a new run is the same file; its sound stands where its time is,
// and one after hours does not bring hours of silence.
func TestSamplesGoOn(t *testing.T) {
	all := packets(t, "chromium-audio-opus-T100.webm")
	run := begin(opusEl(1, 1))
	for i := range 20 {
		run = append(run, cluster(uint64(i*60), simple(1, 0, 0x80, string(all[i])))...)
	}
	for pause, want := range map[time.Duration]time.Duration{
		5 * time.Second:  5*time.Second + 1200*time.Millisecond,
		3 * time.Hour:    2400 * time.Millisecond,
		15 * time.Second: 2400 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHub(t, Options{Window: 100 * time.Hour, WindowBytes: 1 << 30, HardBytes: 1 << 30})
			p := mustPublish(t, h, "x", PublishOptions{Key: "k"})
			mustWrite(t, p, run)
			to, release, err := streamOf(t, h, "x").Convert(ConvertOptions{Format: ByExt("wav")})
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			d := logged(to)[0].Time // it began with the newest of what was there
			time.Sleep(pause)
			p.Drop()
			p = mustPublish(t, h, "x", PublishOptions{Key: "k"})
			mustWrite(t, p, run)
			synctest.Wait()
			all := logged(to)
			for _, p := range all {
				d += p.Duration
			}
			if last := all[len(all)-1]; d != want || last.End() != pause+1200*time.Millisecond {
				t.Errorf("after %v: %v of sound up to %v; expected %v", pause, d, last.End(), want)
			}
			p.Drop()
		})
	}
}

// TestConversionFallsBehind: what the window has left behind is given up for the
// live edge, and counted; the publisher does not notice.
func TestConversionFallsBehind(t *testing.T) {
	all := packets(t, "chromium-audio-opus-T100.webm")
	h := newHub(t, Options{Window: 2 * time.Second, Now: roomy().Now, WindowBytes: 40 * 1500})
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, begin(opusEl(1, 1)))
	s := streamOf(t, h, "x")
	o := ConvertOptions{Format: ByExt("wav")}
	plan, err := o.plan(s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConversion(s, plan)
	if err != nil {
		t.Fatal(err)
	}
	write := func(from, n int) {
		for i := from; i < from+n; i++ {
			mustWrite(t, p, cluster(uint64(i*60), simple(1, 0, 0x80, string(all[i]))))
		}
	}
	step := func() {
		for wake := (<-chan struct{})(nil); wake == nil; {
			if wake, err = c.step(); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0, 5)
	step()
	if edge, _, _ := c.to.Edge(); edge != 300*time.Millisecond {
		t.Errorf("up to %v", edge)
	}
	write(5, 195) // it is stopped meanwhile
	step()
	edge, _, _ := c.to.Edge()
	behind := int64((500*time.Millisecond + opusSettle) / (60 * time.Millisecond)) // what it goes back
	if edge != 12*time.Second || c.to.Skips.Load() != 1 || c.to.LostParts.Load() != 195-behind-1 {
		t.Errorf("up to %v, %d skips, %d parts lost; expected %d", edge, c.to.Skips.Load(), c.to.LostParts.Load(), 195-behind-1)
	}
	c.to.finish()
	p.Drop()
}

// TestSamplesAreShared: one decoder for many, gone with the last of them.
func TestSamplesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, opusEl(2, 1))
		s := w.stream()
		var all []*Listener
		var to *Stream
		for range 50 {
			one, release, err := s.Convert(ConvertOptions{Format: ByExt("wav"), Rate: 8000})
			if err != nil {
				t.Fatal(err)
			}
			if to != nil && one != to {
				t.Fatal("another stream")
			}
			to = one
			all = append(all, to.Listen(ListenOptions{}))
			release()
		}
		w.frame(2, true, 50)
		synctest.Wait()
		decoder := to.made.(*conversion).converter.(*sampler).decoder
		w.step(20 * time.Millisecond)
		w.frame(2, true, 50)
		synctest.Wait()
		if decoder == nil || to.made.(*conversion).converter.(*sampler).decoder != decoder || len(s.entry.conversions) != 1 {
			t.Errorf("%d conversions", len(s.entry.conversions))
		}
		if n := w.h.Listeners("x"); n != 50 {
			t.Errorf("%d listeners", n)
		}
		for i, l := range all {
			if isOver(to) {
				t.Errorf("it is over after %d have gone", i)
			}
			l.Close()
		}
		if synctest.Wait(); !isOver(to) || len(s.entry.conversions) != 0 || w.h.streams.Load() != 1 {
			t.Error("it goes on")
		}
		w.window()
	})
}
