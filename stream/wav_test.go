package stream

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

type wavCase struct {
	name    string
	in      []byte
	samples []byte // of all frames together
	parts   int
}

// wavCases are good inputs.
func wavCases() []wavCase {
	d := ramp(4410*2 + 100) // 10 parts of 882 bytes at 44,100 Hz and a rest
	mono := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 44100, data: d}
	with := func(f func(*wavSpec)) []byte {
		w := mono
		f(&w)
		return w.bytes()
	}
	sized := func(n uint32) []byte { return with(func(w *wavSpec) { w.size, w.sized = n, true }) }
	endless := func(n uint32) []byte { return sized(n)[:44+8820] }
	ds64 := riffChunk("ds64", cat(make([]byte, 8), []byte{0xd8, 0x22, 0, 0, 0, 0, 0, 0}, make([]byte, 12))) // 8920
	rf64 := cat([]byte("RF64\xff\xff\xff\xffWAVE"), ds64, mono.fmt(), riffHead("data", 0xFFFFFFFF), d, riffChunk("LIST", []byte("after")))
	extensible := mono.fmt()
	extensible[8], extensible[9], extensible[4] = 0xFE, 0xFF, 40
	extensible = cat(extensible, []byte{22, 0, 16, 0, 4, 0, 0, 0, 1, 0}, make([]byte, 14))
	odd := wavSpec{tag: wavPCM, channels: 1, bits: 8, rate: 44100, data: d[:442]}
	oddSize := wavSpec{tag: wavPCM, channels: 1, bits: 8, rate: 44100, data: d[:443]}
	return []wavCase{
		{"an ordinary file", mono.bytes(), d, 11},
		{"size 0", sized(0), d, 11},
		{"size 0xFFFFFFFF, whole parts", endless(0xFFFFFFFF), d[:8820], 10},
		{"size 0x7FFFFFFF, whole parts", endless(0x7FFFFFFF), d[:8820], 10},
		{"size 0x7FFFF000, whole parts", endless(0x7FFFF000), d[:8820], 10},
		{"size 0x7FFFFFFF", sized(0x7FFFFFFF), d, 11},
		{"size 0x7FFFF000, as sox does", sized(0x7FFFF000), d, 11},
		{"size 0xFFFFFFFF, as ffmpeg does", sized(0xFFFFFFFF), d, 11},
		{"size short of the file", sized(100), d[:100], 1},
		{"a LIST of 28 bytes", with(func(w *wavSpec) { w.before = riffChunk("LIST", ramp(28)) }), d, 11},
		{"a LIST of 27 bytes", with(func(w *wavSpec) { w.before = riffChunk("LIST", ramp(27)) }), d, 11},
		{"several chunks", with(func(w *wavSpec) {
			w.before = cat(riffChunk("fact", ramp(4)), riffChunk("JUNK", nil), riffChunk("bext", ramp(601)))
		}), d, 11},
		{"RF64", rf64, d, 11},
		{"extensible", cat([]byte("RIFF\xff\xff\xff\xffWAVE"), extensible, riffHead("data", uint32(len(d))), d), d, 11},
		{"chunks after the samples", cat(mono.bytes(), riffChunk("LIST", ramp(99)), riffChunk("id3 ", ramp(10))), d, 11},
		{"a second file", cat(mono.bytes(), mono.bytes()), cat(d, d), 22},
		{"a second file after an even size in odd parts", cat(odd.bytes(), odd.bytes()), cat(d[:442], d[:442]), 4},
		{"a second file after an odd size", cat(oddSize.bytes(), []byte{0}, oddSize.bytes()), cat(d[:443], d[:443]), 4},
		{"a torn sample at the end of data", cat(with(func(w *wavSpec) { w.data = d[:883] }), []byte{0}, mono.bytes()), cat(d[:882], d), 12},
		{"no samples yet", mono.bytes()[:44], nil, 0},
	}
}

func TestWAVSamples(t *testing.T) {
	for _, c := range wavCases() {
		r := parse(ByExt("wav"), c.in, whole, c.name != "no samples yet")
		if r.err != nil {
			t.Errorf("%s: %v", c.name, r.err)
		}
		var got []byte
		for _, p := range r.frames {
			got = append(got, p.Frame...)
		}
		if !bytes.Equal(got, c.samples) || len(r.frames) != c.parts {
			t.Errorf("%s: %d bytes of samples in %d parts; expected %d in %d", c.name, len(got), len(r.frames), len(c.samples), c.parts)
		}
	}
}

func wavHostile() []hostile {
	riff := []byte("RIFF\xff\xff\xff\xffWAVE")
	good := wavSpec{tag: wavPCM, channels: 2, bits: 16, rate: 48000, data: ramp(8000)}
	with := func(f func(*wavSpec)) []byte {
		w := good
		f(&w)
		return w.bytes()
	}
	align := good.bytes()
	align[32] = 3
	return []hostile{
		{"no RIFF", []byte("GET / HTTP/1.1"), 0, "expected RIFF or RF64 ... WAVE, got 47", false},
		{"RIFX", []byte("RIFX\x00\x00\x00\x00WAVE"), 0, "expected RIFF or RF64", false},
		{"AVI", []byte("RIFF\x00\x00\x00\x00AVI "), 0, "expected RIFF or RF64 ... WAVE", false},
		{"fmt of 4 GB", cat(riff, riffHead("fmt ", 0xFFFFFFFF)), 12, `a "fmt " chunk of 4294967295 bytes`, true},
		{"ds64 of 4 GB", cat(riff, riffHead("ds64", 0xFFFFFFFE)), 12, `a "ds64" chunk of 4294967294 bytes`, true},
		{"fmt of 15 bytes", cat(riff, riffChunk("fmt ", ramp(15))), 12, "a fmt chunk of 15 bytes; expected at least 16", false},
		{"two fmt", cat(riff, good.fmt(), good.fmt()), 12 + 24, "a second fmt chunk", false},
		{"data before fmt", cat(riff, riffHead("data", 100)), 12, "before any fmt chunk", false},
		{"RIFF before samples", cat(riff, riff), 12, "a second RIFF before any samples", false},
		{"0 channels", with(func(w *wavSpec) { w.channels = 0 }), 12, "0 channels at 48000 Hz", false},
		{"33 channels", with(func(w *wavSpec) { w.channels = 33 }), 12, "33 channels", false},
		{"rate 0", with(func(w *wavSpec) { w.rate = 0 }), 12, "2 channels at 0 Hz", false},
		{"rate of 4 GHz", with(func(w *wavSpec) { w.rate = 4_000_000_000 }), 12, "at 4000000000 Hz", false},
		{"align", align, 12, "in frames of 3 bytes", false},
		{"12 bits", with(func(w *wavSpec) { w.bits = 12 }), 12, "format tag 1 with 12 bits", false},
		{"16-bit floats", with(func(w *wavSpec) { w.tag = wavFloat }), 12, "format tag 3 with 16 bits", false},
		{"A-law", with(func(w *wavSpec) { w.tag, w.bits = 6, 8 }), 12, "format tag 6 with 8 bits", false},
		{"short extensible", with(func(w *wavSpec) { w.tag = wavExtensible }), 12, "FORMAT_EXTENSIBLE fmt chunk of 16 bytes", false},
		{"LIST of 4 GB", cat(riff, riffHead("LIST", 0xFFFFFFFF), ramp(10_000)), -1, "", false},
		{"the largest format", with(func(w *wavSpec) { w.tag, w.channels, w.bits, w.rate = wavFloat, 32, 64, 768_000 }), -1, "", false},
	}
}

// wavFormats are all kinds of samples that are taken.
func wavFormats(f func(name string, w wavSpec)) {
	for _, kind := range []struct{ tag, bits int }{{wavPCM, 8}, {wavPCM, 16}, {wavPCM, 24}, {wavPCM, 32}, {wavFloat, 32}, {wavFloat, 64}} {
		for _, channels := range []int{1, 2, 6} {
			for _, rate := range []int{8000, 11025, 44100, 48000} {
				w := wavSpec{tag: kind.tag, bits: kind.bits, channels: channels, rate: rate}
				f(fmt.Sprintf("%d-bit tag %d, %d channels, %d Hz", kind.bits, kind.tag, channels, rate), w)
			}
		}
	}
}

// TestWAVThrough publishes every kind of samples and reads them back: bit for
// bit, from the begin and from the last half second, whose clock is right.
func TestWAVThrough(t *testing.T) {
	wavFormats(func(name string, w wavSpec) {
		align := w.channels * w.bits / 8
		w.data = ramp(w.rate*align + 3*align) // a second and three samples
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, cut(w.bytes(), every(1000))...)
		s := streamOf(t, h, "x")
		early := s.Listen(ListenOptions{})
		early.seq = 0
		late := s.Listen(ListenOptions{})
		first, err := late.Take(nil)
		if err != nil || len(first) == 0 {
			t.Fatalf("%s: %d parts, %v", name, len(first), err)
		}
		if n := len(body(s, first)) - len(s.header); n < min(w.rate/2*align, maxBatch-w.rate/50*align) {
			t.Errorf("%s: its first write has %d bytes", name, n)
		}
		if err := p.End(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := drain(t, early, nil); !bytes.Equal(body(s, got)[len(s.header):], w.data) {
			t.Errorf("%s: samples differ", name)
		}
		tail := body(s, drain(t, late, first))[len(s.header):]
		if len(tail)%align != 0 || !bytes.HasSuffix(w.data, tail) {
			t.Errorf("%s: a late listener's %d bytes are no end of the samples", name, len(tail))
		}
		half := w.rate / 2 * align
		if len(tail) < half || len(tail) > half+w.rate/40*align {
			t.Errorf("%s: a late listener gets %d bytes; half a second is %d", name, len(tail), half)
		}
		at := time.Duration(len(w.data)-len(tail)) * time.Second / time.Duration(w.rate*align)
		if d := (first[0].Time - at).Abs(); d > time.Microsecond {
			t.Errorf("%s: its clock is %v off", name, d)
		}
		early.Close()
		late.Close()
	})
}

// drain reads to the end; started is what the listener has already got.
func drain(t testing.TB, l *Listener, started []*Part) []*Part {
	t.Helper()
	all := started
	for {
		var err error
		n, seq := len(all), l.seq
		if all, err = l.Next(t.Context(), all, nil); err != nil {
			return all
		}
		if len(all) == n && l.seq == seq {
			t.Fatal("woken without parts by a stream that has ended")
		}
	}
}

// TestWAVHeader asks ffprobe what it makes of our headers.
func TestWAVHeader(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffprobe 24 times")
	}
	streamtest.Need(t, "ffprobe")
	codecs := map[string]string{"1 8": "pcm_u8", "1 16": "pcm_s16le", "1 24": "pcm_s24le", "1 32": "pcm_s32le", "3 32": "pcm_f32le", "3 64": "pcm_f64le"}
	dir := t.TempDir()
	wavFormats(func(name string, w wavSpec) {
		if w.rate != 11025 && w.rate != 48000 || w.channels == 2 && !streamtest.Long() {
			return
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := wavHeader(&Track{Type: Audio, Rate: w.rate, Channels: w.channels, Bits: w.bits, Float: w.tag == wavFloat})
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, strings.Map(func(r rune) rune {
				if r == ' ' || r == ',' {
					return '_'
				}
				return r
			}, name)+".wav")
			if err := os.WriteFile(file, append(b, make([]byte, w.rate*w.channels*w.bits/8)...), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_name,sample_rate,channels", "-of", "csv=p=0", file).CombinedOutput()
			want := fmt.Sprintf("%s,%d,%d", codecs[fmt.Sprint(w.tag, w.bits)], w.rate, w.channels)
			if got := strings.TrimSpace(string(out)); err != nil || got != want {
				t.Errorf("ffprobe: %q, %v; expected %q", got, err, want)
			}
		})
	})
}

func TestWAVHeaderIsCheap(t *testing.T) {
	n := allocated(func() {
		if _, err := wavHeader(&Track{Rate: 768_000, Channels: 32, Bits: 64, Float: true}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 64<<10 {
		t.Errorf("%d bytes are allocated for one header", n)
	}
}
