package stream

import (
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"everfile/stream/streamtest"
)

// BenchmarkParse publishes whole captures as their recorders cut them, and a
// minute or so of the other containers; Copy is what the same bytes cost to be
// copied and summed, in the same run, so that the two can be compared on any
// machine.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"chromium-audio-opus-T20.webm", "chromium-vp8-opus-kf1s-T100.webm", "firefox-video-vp8-opus-T100.webm", "firefox-audio-opus-T100.ogg", "chromium-h264-opus-T100.mp4", "chromium-audio-opus-T100.mp4"} {
		c := streamtest.Capture(b, name)
		benchmarkParse(b, name, Sniff(c.Data).Name, c.Chunks)
	}
	for _, s := range soundFiles(b) {
		benchmarkParse(b, s.name, s.format, cut(slices.Repeat(s.data, 50), every(1000)))
	}
}

func benchmarkParse(b *testing.B, name, format string, chunks [][]byte) {
	size := 0
	for _, chunk := range chunks {
		size += len(chunk)
	}
	b.Run("Copy/"+name, func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		sum := uint32(0)
		for b.Loop() {
			for _, chunk := range chunks {
				mine := append([]byte(nil), chunk...)
				sum = crc32.Update(sum, crc32.IEEETable, mine)
			}
		}
		b.Log(sum)
	})
	b.Run("Parse/"+name, func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		for b.Loop() {
			f := feeder{parser: ByExt(format).newParser()}
			for _, chunk := range chunks {
				rest, err := f.feed(chunk, func(*Part) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				f.keep(rest)
			}
		}
	})
	b.Run("Publish/"+name, func(b *testing.B) {
		b.SetBytes(int64(size))
		b.ReportAllocs()
		h := newHub(b, Options{})
		for b.Loop() {
			p := mustPublish(b, h, "x", PublishOptions{})
			mustWrite(b, p, chunks...)
			p.Drop()
		}
	})
}

// BenchmarkListeners appends a frame and lets each listener take it.
func BenchmarkListeners(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHub(b, Options{Batch: -1})
			p := mustPublish(b, h, "x", PublishOptions{})
			mustWrite(b, p, cat(begin(opusTrack), open(idCluster, 8), num(idTimestamp, 0)))
			s := streamOf(b, h, "x")
			all := make([]*Listener, n)
			for i := range all {
				all[i] = s.Listen(ListenOptions{})
				defer all[i].Close()
			}
			frame := simple(2, 0, 0, opusLong(1000))
			parts := make([]*Part, 0, 16)
			b.ReportAllocs()
			for b.Loop() {
				mustWrite(b, p, frame)
				for _, l := range all {
					var err error
					if parts, err = l.Take(parts[:0]); err != nil || len(parts) != 1 {
						b.Fatal(len(parts), err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/listener")
			p.Drop()
		})
	}
}

// BenchmarkSamples converts ten seconds of sound, as a listener's request does;
// x is how much faster that is than the sound.
func BenchmarkSamples(b *testing.B) {
	opus := begin(opusEl(1, 1))
	all := packets(b, "chromium-audio-opus-T100.webm")
	for i, p := range all[:10*1000/60] {
		opus = append(opus, cluster(uint64(i*60), simple(1, 0, 0x80, string(p)))...)
	}
	pcm := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 48000, data: ramp(2 * 480_000)}.bytes()
	type conversion struct {
		name string
		file []byte
		opt  ConvertOptions
	}
	all16 := ConvertOptions{Rate: 16000, Channels: 1}
	rows := []conversion{
		{"Opus-48k", opus, ConvertOptions{}}, {"Opus-16k", opus, all16},
		{"PCM-16k", pcm, all16}, {"PCM-44k", pcm, ConvertOptions{Rate: 44100}}, {"PCM-float", pcm, ConvertOptions{Bits: 32, Float: true}},
	}
	for _, s := range soundFiles(b) {
		if s.name == "tone.mp3" || s.name == "tone.flac" {
			file := slices.Repeat(s.data, 10)
			rows = append(rows, conversion{s.name, file, ConvertOptions{}}, conversion{s.name + "-16k", file, all16})
		}
	}
	for _, c := range rows {
		b.Run(c.name, func(b *testing.B) {
			h := newHub(b, roomy())
			p := mustPublish(b, h, "x", PublishOptions{})
			mustWrite(b, p, c.file)
			s := streamOf(b, h, "x")
			c.opt.Format = ByExt("wav")
			plan, err := c.opt.plan(s)
			if err != nil {
				b.Fatal(err)
			}
			from := logged(s)
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				conv := plan.make(new(Counters))
				var parts []*Part
				for _, p := range from {
					parts = conv.convert(parts[:0], p)
				}
				conv.rest(parts[:0])
			}
			media := from[len(from)-1].End().Seconds() * float64(b.N)
			b.ReportMetric(media/b.Elapsed().Seconds(), "x")
			p.Drop()
		})
	}
}
