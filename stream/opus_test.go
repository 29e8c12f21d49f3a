package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// judgedSamples are the sound of a file as libopus decodes it.
func judgedSamples(t testing.TB, file string, rate, channels int) []float32 {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-c:a", "libopus", "-i", file, "-map", "0:a:0",
		"-ar", strconv.Itoa(rate), "-ac", strconv.Itoa(channels), "-f", "f32le", "-")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, errs.String())
	}
	return streamtest.Floats(out.Bytes())
}

// sampled publishes a file in chunks and returns the stream that is made of it,
// and its samples as floats.
func sampled(t testing.TB, data []byte, next func(int) int, o ConvertOptions) (to *Stream, pcm []float32) {
	t.Helper()
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	o.Format = ByExt("wav")
	var l *Listener
	for _, b := range cut(data, next) {
		mustWrite(t, p, b)
		if s := h.Stream("x"); s != nil && l == nil {
			var release func()
			var err error
			if to, release, err = s.Convert(o); err != nil {
				t.Fatal(err)
			}
			l = to.Listen(ListenOptions{Complete: true})
			l.seq = 0
			release()
		}
	}
	_ = p.End() // a recorder may have been stopped in the middle of a frame
	defer l.Close()
	return to, samplesIn(t, to, drain2(t, l))
}

// samplesIn reads the samples of parts.
func samplesIn(t testing.TB, to *Stream, parts []*Part) (pcm []float32) {
	t.Helper()
	d, err := newDecoder(&to.Tracks()[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range parts {
		if p.Kind != Join || i > 0 && p.Time < parts[i-1].End() {
			t.Fatalf("part %d is %d at %v; the one before ends at %v", i, p.Kind, p.Time, parts[i-1].End())
		}
		if pcm, err = d.decode(pcm, p.Frame); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// TestOpus: every recording's sound is what libopus makes of it, at the same
// sample; and what a recogniser wants of it below 6 kHz, too.
func TestOpus(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for _, name := range streamtest.Captures(t, "webm") {
		if name == "chromium-audio-pcm-T100.webm" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streamtest.Capture(t, name)
			to, got := sampled(t, c.Data, every(500), ConvertOptions{})
			track := to.Tracks()[0]
			want := judgedSamples(t, c.File, 48000, track.Channels)
			if n := to.Corrections.Load() + to.Damaged.Load(); n != 0 || track.Rate != 48000 || track.Bits != 16 {
				t.Errorf("%s: %d corrections and damaged frames", track.Describe(), n)
			}
			same := streamtest.Ratio(want, got)
			_, low := sampled(t, c.Data, every(500), ConvertOptions{Rate: 16000, Channels: 1})
			mono := remix(nil, want, track.Channels, 1)
			below6 := streamtest.LowRatio(mono, low, 48000, 16000, 6000)
			off := len(got)/track.Channels - len(want)/track.Channels
			t.Logf("%s: %.1f dB, at 16 kHz %.1f dB; %d samples, %d more than ffmpeg", track.Describe(), same, below6, len(got)/track.Channels, off)
			if same < 40 || below6 < 40 || max(off, -off) > 48 || len(low) != (len(got)/track.Channels+2)/3 {
				t.Errorf("that is not the same sound; %d samples at 16 kHz", len(low))
			}
		})
	}
}

// TestOpusMade: stereo, hybrid and SILK packets of other durations, as an encoder
// makes them.
func TestOpusMade(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	streamtest.Need(t, "ffmpeg")
	for _, c := range []struct {
		args     []string
		channels int
	}{
		{[]string{"-b:a", "96k", "-frame_duration", "20"}, 2},
		{[]string{"-b:a", "24k", "-frame_duration", "60", "-application", "voip"}, 1},
		{[]string{"-b:a", "12k", "-frame_duration", "40", "-application", "voip"}, 1},
		{[]string{"-b:a", "64k", "-frame_duration", "2.5"}, 2},
		{[]string{"-b:a", "32k", "-frame_duration", "120", "-application", "voip"}, 2},
	} {
		t.Run(fmt.Sprint(c.args), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "made.webm")
			args := append([]string{"-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.3*sin(2*PI*(300+200*t)*t)+0.1*random(0)|0.4*sin(2*PI*880*t):s=48000:d=5", "-ac", strconv.Itoa(c.channels), "-c:a", "libopus"}, c.args...)
			if out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, file)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := judgedSamples(t, file, 48000, c.channels)
			to, got := sampled(t, data, every(100), ConvertOptions{})
			if n := to.Tracks()[0].Channels; n != c.channels {
				t.Fatalf("%d channels", n)
			}
			same := streamtest.Ratio(want, got)
			t.Logf("%.1f dB, %d samples and %d", same, len(got), len(want))
			if same < 40 || len(got) < len(want) || len(got) > len(want)+c.channels*48000*120/1000 {
				t.Error("that is not the same sound")
			}
		})
	}
}

// packets are the Opus packets of a recording.
func packets(t testing.TB, name string) (all [][]byte) {
	src := parse(ByExt("webm"), streamtest.Capture(t, name).Data, whole, false)
	for _, p := range src.frames {
		if src.heads[0].tracks[p.Track].Codec == "opus" {
			all = append(all, p.Frame)
		}
	}
	return all
}

// TestOpusDamaged: whatever comes, there are no more samples than a packet has and
// none that is louder than full scale; what comes after is heard again.
func TestOpusDamaged(t *testing.T) {
	all := packets(t, "chromium-audio-opus-T100.webm")
	d, err := newDecoder(&Track{Type: Audio, Codec: "opus", Channels: 1})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i, p := range all {
		p = slices.Clone(p)
		switch i % 5 {
		case 1:
			p = p[:len(p)/3]
		case 2:
			for j := range p {
				p[j] ^= byte(i * j)
			}
		case 3:
			p = nil
		}
		got, err := d.decode(nil, p)
		if err != nil {
			refused++
		}
		sane(t, got, opusLongest)
	}
	got, err := d.decode(nil, all[0])
	if refused < len(all)/5 || err != nil || len(got) != 48*60 {
		t.Errorf("%d of %d refused; then %d samples, %v", refused, len(all), len(got), err)
	}
}

// panicking is a decoder with a mistake in it.
type panicking struct{}

func (panicking) DecodeToFloat32(_ []byte, out []float32) (int, error) { return len(out[:1<<40]), nil }

// TestOpusPanics: a packet that makes the decoder panic is a damaged one, and the
// next is decoded by another.
func TestOpusPanics(t *testing.T) {
	d := &opusDecoder{channels: 1, gain: 1, dec: panicking{}}
	packet := packets(t, "chromium-audio-opus-T100.webm")[0]
	got, err := d.decode([]float32{7}, packet)
	if wantErr(t, err, "the opus decoder failed"); !slices.Equal(got, []float32{7}) {
		t.Errorf("%d samples", len(got))
	}
	if got, err = d.decode(got, packet); err != nil || len(got) != 1+48*60 {
		t.Errorf("then %d samples, %v", len(got), err)
	}
}

func sane(t testing.TB, pcm []float32, most int) {
	t.Helper()
	if len(pcm) > most {
		t.Fatalf("%d samples; expected at most %d", len(pcm), most)
	}
	for _, v := range pcm {
		if !(v >= -1 && v <= 1) {
			t.Fatalf("a sample of %g", v)
		}
	}
}

// FuzzOpus looks for packets that are too much for the decoder.
func FuzzOpus(f *testing.F) {
	for i, p := range packets(f, "firefox-audio-opus-T100.webm") {
		if i%50 == 0 {
			f.Add(p, byte(i))
		}
	}
	for _, c := range webmCases {
		f.Add([]byte(c.name), byte(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, n byte) {
		d, err := newDecoder(&Track{Type: Audio, Codec: "opus", Channels: 1 + int(n&1)})
		if err != nil {
			t.Fatal(err)
		}
		for len(b) > 0 { // several packets, so that what one leaves behind meets the next
			k := min(len(b), 1+int(n))
			got, _ := d.decode(nil, b[:k])
			sane(t, got, 2*opusLongest)
			b = b[k:]
		}
	})
}

// opusPrivate is an identification header.
func opusPrivate(channels, preSkip, gain, family int, more ...byte) []byte {
	b := append([]byte("OpusHead\x01"), byte(channels))
	b = binary.LittleEndian.AppendUint16(b, uint16(preSkip))
	b = binary.LittleEndian.AppendUint32(b, 48000)
	b = binary.LittleEndian.AppendUint16(b, uint16(gain))
	return append(append(b, byte(family)), more...)
}

// TestOpusGain: the header's gain is applied.
func TestOpusGain(t *testing.T) {
	all := packets(t, "chromium-audio-opus-T100.webm")[:20]
	levels := map[int]float64{}
	for _, gain := range []int{0, -20 * 256} {
		d, err := newDecoder(&Track{Type: Audio, Codec: "opus", Channels: 1, Private: opusPrivate(1, 312, gain, 0)})
		if err != nil {
			t.Fatal(err)
		}
		var pcm []float32
		for _, p := range all {
			if pcm, err = d.decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
		levels[gain] = below(power(pcm))
	}
	if d := levels[-20*256] - levels[0]; math.Abs(d-20) > 0.01 {
		t.Errorf("a gain of -20 dB makes %.2f dB", -d)
	}
}

// TestPreSkip: what the encoder put before the sound is left out at a run's begin,
// and at the next run's, however late a listener comes to it, and once.
func TestPreSkip(t *testing.T) {
	const ms = time.Millisecond
	from := &Track{Type: Audio, Codec: "opus", Channels: 1, Private: opusPrivate(1, 3120, 0, 0)} // 65 ms
	to := &Track{Type: Audio, id: "pcm", Rate: 48000, Channels: 1, Bits: 16}
	all := packets(t, "chromium-audio-opus-T100.webm") // of 60 ms
	feed := func(s *sampler, dst []*Part, at time.Duration, first bool) []*Part {
		for i := range 5 {
			dst = s.convert(dst, &Part{Kind: Join, Time: at + time.Duration(i)*60*ms, Duration: 60 * ms, Frame: all[i], first: first && i == 0})
		}
		return dst
	}
	length := func(parts []*Part) (d time.Duration) {
		for _, p := range parts {
			d += p.Duration
		}
		return d
	}
	for first, want := range map[bool]time.Duration{true: 235 * ms, false: 300 * ms} {
		s := newSampler(0, from, to, new(Counters))
		parts := s.rest(feed(s, nil, time.Second, first))
		begin := time.Second
		if !first {
			begin -= 65 * ms
		}
		if d := length(parts); d != want || parts[0].Time != begin {
			t.Errorf("a run's begin %t: %v from %v; expected %v from %v", first, d, parts[0].Time, want, begin)
		}
	}
	s := newSampler(0, from, to, new(Counters))
	parts := s.rest(feed(s, feed(s, nil, 0, true), 365*ms, true))
	if d := length(parts); d != 600*ms || s.count.Corrections.Load() != 1 { // the gap is 365 - 235 ms
		t.Errorf("two runs make %v, %d corrections", d, s.count.Corrections.Load())
	}
}
