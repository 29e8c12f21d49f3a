package stream

import (
	"fmt"
	"hash/crc32"
	"testing"

	"everfile/stream/streamtest"
)

// BenchmarkParse publishes whole captures as their recorders cut them; Copy is
// what the same bytes cost to be copied and summed, in the same run, so that the
// two can be compared on any machine.
func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"chromium-audio-opus-T20.webm", "chromium-vp8-opus-kf1s-T100.webm", "firefox-video-vp8-opus-T100.webm"} {
		c := streamtest.Capture(b, name)
		b.Run("Copy/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			sum := uint32(0)
			for b.Loop() {
				for _, chunk := range c.Chunks {
					mine := append([]byte(nil), chunk...)
					sum = crc32.Update(sum, crc32.IEEETable, mine)
				}
			}
			b.Log(sum)
		})
		b.Run("Parse/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				f := feeder{parser: newWebMParser()}
				for _, chunk := range c.Chunks {
					rest, err := f.feed(chunk, func(*Part) error { return nil })
					if err != nil {
						b.Fatal(err)
					}
					f.keep(rest)
				}
			}
		})
		b.Run("Publish/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			h := newHub(b, Options{})
			for b.Loop() {
				p := mustPublish(b, h, "x", PublishOptions{})
				mustWrite(b, p, c.Chunks...)
				p.Drop()
			}
		})
	}
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
