package stream

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestInfos: every stream there is, by name, and nothing else.
func TestInfos(t *testing.T) {
	h := newClocked(t)
	at := h.now
	publish := func(name string, chunks ...[]byte) *Publisher {
		p := mustPublish(t, h.Hub, name, PublishOptions{Key: "k"})
		mustWrite(t, p, chunks...)
		h.now = h.now.Add(time.Second)
		return p
	}
	vp9Track := trackEl(1, Video, "V_VP9")
	call := file("call", [][]byte{vp8Track, opusTrack}, 1, 2)
	talk := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, data: ramp(4000)}.bytes()
	publish("z", call)                         // after 0 s
	publish("gone", talk).Drop()               // 1 s
	late := publish("r/late", begin(vp9Track)) // 2 s
	publish("connected")                       // has sent nothing
	if err := publish("ended", call).End(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		defer streamOf(t, h.Hub, "z").Listen(ListenOptions{}).Close()
	}
	infos := func() (all []string) {
		for _, i := range h.Infos(func(string) bool { return true }) {
			var codecs []string
			for _, track := range i.Tracks {
				codecs = append(codecs, track.Codec)
			}
			all = append(all, fmt.Sprintf("%s: %s %v %s, %d listeners, %d bytes since %v, edge %v, live %t",
				i.Name, i.Format.Name, codecs, i.ContentType, i.Listeners, i.BytesIn, i.Since.Sub(at), i.Edge, i.Live))
		}
		return all
	}
	want := []string{
		fmt.Sprintf(`gone: wav [1] audio/wav; codecs="1", 0 listeners, %d bytes since 1s, edge 250ms, live false`, len(talk)),
		fmt.Sprintf(`r/late: webm [vp9] video/webm; codecs="vp9", 0 listeners, %d bytes since 2s, edge 0s, live true`, len(begin(vp9Track))),
		fmt.Sprintf(`z: webm [vp8 opus] video/webm; codecs="vp8, opus", 2 listeners, %d bytes since 0s, edge 40ms, live true`, len(call)),
	}
	if got := infos(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nexpected\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What began counts from its first frame, and a new run does not begin it anew.
	mustWrite(t, late, cluster(0, simple(1, 0, 0x80, "key")))
	publish("gone", talk)
	for i, words := range map[int]string{0: "since 1s, edge 4.25s, live true", 1: "since 5s, edge 0s, live true"} {
		if got := infos()[i]; !strings.HasSuffix(got, words) {
			t.Errorf("got %s; expected %s", got, words)
		}
	}
	h.Close()
	if got := h.Infos(func(string) bool { return true }); len(got) != 0 {
		t.Errorf("a closed hub lists %v", got)
	}
}

// TestBitrate: what came lately, by how long it lasts.
func TestBitrate(t *testing.T) {
	const rate = 8 * 16_000 // of 8 kHz, 16 bit, mono
	endless := wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, size: 0xFFFFFFFF, sized: true}.bytes()
	large := cluster(0, simple(2, 0, 0x80, "\xf8"+string(ramp(90_000))))
	small := cluster(6000, simple(2, 0, 0x80, opus20), simple(2, 1000, 0x80, opus20), simple(2, 1980, 0x80, opus20))
	for _, c := range []struct {
		name   string
		chunks [][]byte
		pause  time.Duration // after each
		want   func(parts []*Part) int64
	}{
		{"only a header", [][]byte{endless}, 0, func([]*Part) int64 { return 0 }},
		{"as it comes", [][]byte{endless, ramp(16_000), ramp(16_000)}, time.Second, func([]*Part) int64 { return rate }},
		{"half a minute at once", [][]byte{endless, ramp(30 * 16_000)}, 0, func([]*Part) int64 { return rate }},
		{"half a second so far", [][]byte{endless, ramp(8_000)}, 0, func([]*Part) int64 { return rate / 2 }},
		{"silent for five seconds", [][]byte{endless, ramp(16_000)}, 5 * time.Second, func([]*Part) int64 { return rate }},
		{"and for more", [][]byte{endless, ramp(16_000)}, 5*time.Second + 1, func([]*Part) int64 { return 0 }},
		{"less than before", [][]byte{begin(opusTrack), large, small}, 3 * time.Second, func(parts []*Part) int64 {
			bytes := 0
			for _, p := range parts[1:] {
				bytes += len(p.Bytes)
			}
			return int64(bytes * 8 / 2) // two seconds
		}},
	} {
		h := newClocked(t)
		p := mustPublish(t, h.Hub, "x", PublishOptions{})
		for _, b := range c.chunks {
			mustWrite(t, p, b)
			h.now = h.now.Add(c.pause)
		}
		if got, want := h.Infos(func(string) bool { return true })[0].Bitrate, c.want(logged(streamOf(t, h.Hub, "x"))); got != want {
			t.Errorf("%s: %d bit/s; expected %d", c.name, got, want)
		}
	}
}

// TestFillersHaveNoBitrate: a stream that only keeps its connections open is silent.
func TestFillersHaveNoBitrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, file("x", [][]byte{vp8Track, opusTrack}, 1, 2))
		s := streamOf(t, h, "x")
		defer s.Listen(ListenOptions{}).Close()
		for parts := logged(s); parts[len(parts)-1].Kind != Filler; parts = logged(s) {
			<-s.News()
		}
		if got := h.Infos(func(string) bool { return true })[0].Bitrate; got != 0 {
			t.Errorf("%d bit/s", got)
		}
	})
}
