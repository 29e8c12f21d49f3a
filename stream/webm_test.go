package stream

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// opus20 is an Opus packet of 20 ms (configuration 31, one frame), opus60 one
// of three such frames.
const (
	opus20 = "\xf8 twenty"
	opus60 = "\xfb\x03 sixty"
)

// frameCase is a good input and the frames in it, as "track@time+duration key
// bytes", times in the run's own clock.
type frameCase struct {
	name string
	in   []byte
	want []string
}

var webmCases = []frameCase{
	{"unknown sizes", cat(begin(vp8Track, opusTrack),
		open(idCluster, 8), num(idTimestamp, 0), simple(1, 0, 0x80, "A"), simple(2, 5, 0, opus20),
		open(idCluster, 8), num(idTimestamp, 1000), simple(1, 0, 0, "B")),
		[]string{"0@0s+0s k A", "1@5ms+20ms k " + opus20, "0@1s+0s - B"}},
	{"every length of unknown size", cat(ebmlHead(), open(idSegment, 1), segInfo(1e6), el(idTracks, vp8Track), everyMarker()),
		[]string{"0@1ms+0s k 1", "0@2ms+0s k 2", "0@3ms+0s k 3", "0@4ms+0s k 4", "0@5ms+0s k 5", "0@6ms+0s k 6", "0@7ms+0s k 7", "0@8ms+0s k 8"}},
	{"known sizes", cat(ebmlHead(), el(idSegment, segInfo(1e6), el(idTracks, vp8Track),
		cluster(7, simple(1, 0, 0x80, "A")), cluster(9, simple(1, 1, 0, "B"), simple(1, -2, 0, "C")))),
		[]string{"0@7ms+0s k A", "0@10ms+0s - B", "0@7ms+0s - C"}},
	{"known clusters, unknown segment", cat(begin(vp8Track), cluster(1, simple(1, 0, 0x80, "A")), cluster(2, simple(1, 0, 0, "B"))),
		[]string{"0@1ms+0s k A", "0@2ms+0s - B"}},
	{"sizes of every length", cat(ebmlHead(), open(idSegment, 3), elN(idInfo, 8, num(idTimestampScale, 1e6)), elN(idTracks, 2, vp8Track),
		elN(idCluster, 7, num(idTimestamp, 3), elN(idSimpleBlock, 1, blockData(1, 0, 0x80, "A")), elN(idSimpleBlock, 8, blockData(1, 0, 0, "B")))),
		[]string{"0@3ms+0s k A", "0@3ms+0s - B"}},
	{"block groups", cat(begin(vp8Track, pcmTrack), cluster(0,
		group(1, 0, 0, "A", num(idBlockDuration, 40)),
		group(1, 40, 0, "B", num(idReference, 0xD8), num(idBlockDuration, 40)),
		el(idBlockGroup, num(idBlockDuration, 10), el(idVoid, []byte("xx")), el(idBlock, blockData(2, 50, 0, "C"))))),
		[]string{"0@0s+40ms k A", "0@40ms+40ms - B", "1@50ms+10ms k C"}},
	{"fixed lacing", cat(begin(opusTrack), cluster(100, simple(2, 0, 0x04, "\x02"+opus20+opus20+opus20))),
		[]string{"0@100ms+20ms k " + opus20, "0@120ms+20ms k " + opus20, "0@140ms+20ms k " + opus20}},
	{"Xiph lacing", cat(begin(opusTrack), cluster(0, simple(2, 0, 0x02, "\x02\xff\x05\x08"+opusLong(260)+opus20+opus60))),
		[]string{"0@0s+20ms k " + opusLong(260), "0@20ms+20ms k " + opus20, "0@40ms+60ms k " + opus60}},
	{"EBML lacing", cat(begin(opusTrack), cluster(0, simple(2, 0, 0x06, "\x03\x88"+string(vint(0x1fff+252, 2))+string(vint(0x1fff-253, 2))+opus20+opusLong(260)+opusLong(7)+opus20))),
		[]string{"0@0s+20ms k " + opus20, "0@20ms+20ms k " + opusLong(260), "0@40ms+20ms k " + opusLong(7), "0@60ms+20ms k " + opus20}},
	{"lacing, duration from the group", cat(begin(pcmTrack), cluster(0, group(2, 3, 0x04, "\x01aabb", num(idBlockDuration, 20)))),
		[]string{"0@3ms+10ms k aa", "0@13ms+10ms k bb"}},
	{"lacing of unknown duration stays whole", cat(begin(pcmTrack), cluster(0, simple(2, 3, 0x04, "\x01aabb"))),
		[]string{"0@3ms+0s k \x01aabb"}},
	{"lacing of different durations", cat(begin(opusTrack), cluster(0, simple(2, 0, 0x02, "\x02\x08\x08"+opus60+opus20+opus20))),
		[]string{"0@0s+60ms k " + opus60, "0@60ms+20ms k " + opus20, "0@80ms+20ms k " + opus20}},
	{"lacing of one frame", cat(begin(pcmTrack, vp8Track), cluster(0, simple(2, 3, 0x04, "\x00aabb"), simple(2, 4, 0x02, "\x00cc"))),
		[]string{"0@3ms+0s k aabb", "0@4ms+0s k cc"}},
	{"lacing of pictures of unknown duration", cat(begin(vp8Track), cluster(0, simple(1, 3, 0x84, "\x01aabb"))),
		[]string{"0@3ms+33.333333ms k aa", "0@36.333333ms+33.333333ms k bb"}},
	{"lacing, duration from the track", cat(begin(trackEl(2, Audio, "A_VORBIS", num(idDefaultDuration, 5e6))), cluster(0, simple(2, 3, 0x04, "\x01aabb"))),
		[]string{"0@3ms+5ms k aa", "0@8ms+5ms k bb"}},
	{"long IDs", cat(ebmlHead(num(idEBMLMaxID, 6), num(idEBMLMaxSize, 8)), open(idSegment, 8), []byte{0x05, 1, 2, 3, 4, 5, 0x82, 'x', 'x'},
		el(idTracks, vp8Track, []byte{0x09, 1, 2, 3, 4, 0x81, 'x'}), cluster(0, []byte{0x05, 1, 2, 3, 4, 5, 0x80}, simple(1, 0, 0x80, "A"))),
		[]string{"0@0s+0s k A"}},
	{"short sizes", cat(ebmlHead(num(idEBMLMaxSize, 4)), open(idSegment, 4), el(idTracks, vp8Track), cluster(0, simple(1, 0, 0x80, "A"))),
		[]string{"0@0s+0s k A"}},
	{"what carries no media", cat(ebmlHead(el(idVoid, []byte("x"))), el(idVoid, make([]byte, 300)), open(idSegment, 8), el(idCRC32, []byte("abcd")),
		el(idSeekHead, []byte("xx")), el(idVoid, make([]byte, 200)), el(idTracks, el(idCRC32, []byte("abcd")), vp8Track, el(idVoid)), el(idTags, []byte("t")), el(idCues),
		open(idCluster, 8), el(idCRC32, []byte("abcd")), num(idTimestamp, 0), num(idPosition, 9), num(idPrevSize, 9), el(idVoid, []byte("v")), simple(1, 0, 0x80, "A"),
		el(idTags, []byte("t")), el(idCues, make([]byte, 200_000)), el(idSeekHead), el(idAttachments), el(idChapters), cluster(5, simple(1, 0, 0, "B"))),
		[]string{"0@0s+0s k A", "0@5ms+0s - B"}},
	{"odd track numbers", cat(begin(trackEl(300, Audio, "A_OPUS"), trackEl(70000, Video, "V_VP8"), trackEl(5, 17, "S_TEXT/UTF8")),
		cluster(0, simple(70000, 0, 0x80, "A"), simple(5, 0, 0, "subtitle"), simple(300, 0, 0, opus20))),
		[]string{"1@0s+0s k A", "0@0s+20ms k " + opus20}},
	{"several tracks of a kind", cat(begin(trackEl(1, Video, "V_VP8"), trackEl(2, Video, "V_VP9"), trackEl(3, Audio, "A_OPUS"), trackEl(4, Audio, "A_OPUS")),
		cluster(0, simple(4, 0, 0, opus20), simple(2, 0, 0x80, "B"), simple(1, 0, 0x80, "A"), simple(3, 0, 0, opus20))),
		[]string{"3@0s+20ms k " + opus20, "1@0s+0s k B", "0@0s+0s k A", "2@0s+20ms k " + opus20}},
	{"scale 100000", scaled(100_000, 12345), []string{"0@1.2345s+0s k A", "0@1.2346s+0s - B"}},
	{"scale 20833", scaled(20_833, 48000), []string{"0@999.984ms+0s k A", "0@1.000004833s+0s - B"}},
	{"no Info", cat(ebmlHead(), open(idSegment, 8), el(idTracks, vp8Track), cluster(2, simple(1, 0, 0x80, "A"))), []string{"0@2ms+0s k A"}},
	{"a second file", cat(begin(vp8Track), open(idCluster, 8), num(idTimestamp, 500), simple(1, 0, 0x80, "A"),
		begin(opusTrack), open(idCluster, 8), num(idTimestamp, 0), simple(2, 0, 0, opus20)),
		[]string{"0@500ms+0s k A", "0@0s+20ms k " + opus20}},
	{"a second file after known sizes", cat(ebmlHead(), el(idSegment, el(idTracks, vp8Track), cluster(5, simple(1, 0, 0x80, "A"))),
		ebmlHead(), el(idSegment, el(idTracks, vp8Track), cluster(6, simple(1, 0, 0x80, "B")))),
		[]string{"0@5ms+0s k A", "0@6ms+0s k B"}},
	{"an empty frame", cat(begin(vp8Track), cluster(0, simple(1, 0, 0x80, ""), simple(1, 1, 0, "B"))), []string{"0@0s+0s k ", "0@1ms+0s - B"}},
	{"hours", cat(begin(vp8Track), cluster(36_000_000, simple(1, 32767, 0x80, "A"), simple(1, -32768, 0, "B"))),
		[]string{"0@10h0m32.767s+0s k A", "0@9h59m27.232s+0s - B"}},
	{"header only", begin(vp8Track), nil},
}

func opusLong(n int) string { return "\xf8" + strings.Repeat("o", n-1) }

func everyMarker() (b []byte) {
	for n := 1; n <= 8; n++ {
		b = cat(b, open(idCluster, n), num(idTimestamp, uint64(n)), simple(1, 0, 0x80, string(rune('0'+n))))
	}
	return b
}

func scaled(scale, ticks uint64) []byte {
	return cat(ebmlHead(), open(idSegment, 8), segInfo(scale), el(idTracks, vp8Track), cluster(ticks, simple(1, 0, 0x80, "A"), simple(1, 1, 0, "B")))
}

func TestWebMFrames(t *testing.T) {
	for _, c := range webmCases {
		r := parse(ByExt("webm"), c.in, whole, true)
		if r.err != nil {
			t.Errorf("%s: %v", c.name, r.err)
		}
		if got := r.lines(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n\t%q\nwant\n\t%q", c.name, got, c.want)
		}
	}
}

func TestWebMTracks(t *testing.T) {
	in := begin(
		trackEl(7, Video, "V_VP9", num(idDefaultDuration, 40e6), elN(idVideo, 1, num(idPixelWidth, 640), num(idPixelHeight, 360))),
		trackEl(1, Audio, "A_PCM/FLOAT/IEEE", elN(idAudio, 1, elN(idSamplingFreq, 1, []byte{0x47, 0x3b, 0x80, 0}), num(idChannels, 2), num(idBitDepth, 32))),
		trackEl(2, Video, "V_AV1", elN(idCodecPrivate, 1, []byte{0x81, 0x05, 0x40, 0})),
		trackEl(3, Video, "V_MPEG4/ISO/AVC", elN(idCodecPrivate, 1, []byte{1, 0x42, 0xe0, 0x1e, 0xff})),
		trackEl(4, Audio, "A_\"evil\\, \r\n"))
	r := parse(ByExt("webm"), in, whole, true)
	if r.err != nil || len(r.heads) != 1 {
		t.Fatal(r.err, len(r.heads))
	}
	tr := r.heads[0].tracks
	for i, want := range []string{"vp9", "pcm", "av01.0.05M.10", "avc1.42E01E", "A_evil"} {
		if tr[i].Codec != want {
			t.Errorf("track %d: codec %q, want %q", i, tr[i].Codec, want)
		}
	}
	if v := tr[0]; v.Type != Video || v.Width != 640 || v.Height != 360 || v.FrameDuration != 40*time.Millisecond {
		t.Errorf("video track: %+v", v)
	}
	if a := tr[1]; a.Type != Audio || a.Rate != 48000 || a.Channels != 2 || a.Bits != 32 {
		t.Errorf("audio track: %+v", a)
	}
}

// TestWebMHeader: ours has what players need and nothing that promises an end.
func TestWebMHeader(t *testing.T) {
	in := cat(ebmlHead(), el(idSegment, el(idSeekHead, []byte("x")), el(idInfo, num(idTimestampScale, 1e5), elN(0x4489, 1, []byte{0x44, 0, 0, 0})),
		el(idTracks, trackEl(9, Video, "V_VP8", elN(idVideo, 1, elN(idCRC32, 1, []byte("sums")), num(idPixelWidth, 640), num(idAlphaMode, 1), num(idPixelHeight, 360), elN(0x55B0, 1, []byte("colour")))), trackEl(300, Audio, "A_OPUS", freq(48000)))))
	heads := parse(ByExt("webm"), in, whole, false).heads
	m, err := newWebMMuxer(heads[0])
	if err != nil {
		t.Fatal(err)
	}
	h := m.Header()
	again := parse(ByExt("webm"), h, whole, true)
	if again.err != nil || len(again.heads) != 1 {
		t.Fatal(again.err)
	}
	if d := again.heads[0].tracks[0].FrameDuration; d != typicalFrame {
		t.Errorf("DefaultDuration is %v", d)
	}
	if again.heads[0].tracks[1].FrameDuration != 0 {
		t.Error("a DefaultDuration in the audio track")
	}
	for _, no := range []struct {
		what string
		id   uint64
	}{{"Duration", 0x4489}, {"SeekHead", idSeekHead}, {"Cues", idCues}, {"AlphaMode", idAlphaMode}, {"CRC-32", idCRC32}} {
		if strings.Contains(string(h), string(idBytes(no.id))) {
			t.Errorf("the header holds a %s", no.what)
		}
	}
	for _, yes := range []string{"\x01\xff\xff\xff\xff\xff\xff\xff", "colour", "\x2a\xd7\xb1\x83\x0f\x42\x40", "V_VP8", "\x42\x82\x84webm"} {
		if !strings.Contains(string(h), yes) {
			t.Errorf("the header lacks %q", yes)
		}
	}
}

// TestWebMClusters looks at the bytes that listeners are sent.
func TestWebMClusters(t *testing.T) {
	write := func(tracks []Track, parts ...*Part) (all [][]byte) {
		m, _ := newWebMMuxer(&head{tracks: tracks})
		for _, p := range parts {
			m.Mux(p)
			all = append(all, p.Bytes)
		}
		return all
	}
	at := func(track int, ms int, key bool) *Part {
		return &Part{Track: track, Time: time.Duration(ms) * time.Millisecond, Key: key, Frame: []byte("F")}
	}
	cl := cat(idBytes(idCluster), unknownSize8)
	both := []Track{{Type: Video}, {Type: Audio}}
	got := write(both, at(1, 0, true), at(0, 10, true), at(1, 10, true), at(0, 30_010, false), at(0, 30_011, false), at(0, 30_010, false), at(0, 31_000, true))
	want := [][]byte{
		cat(cl, num(idTimestamp, 0), elN(idSimpleBlock, 1, blockData(2, 0, 0x80, "F"))),
		cat(cl, num(idTimestamp, 10), elN(idSimpleBlock, 1, blockData(1, 0, 0x80, "F"))),
		elN(idSimpleBlock, 1, blockData(2, 0, 0x80, "F")),
		elN(idSimpleBlock, 1, blockData(1, 30_000, 0, "F")),
		cat(cl, num(idTimestamp, 30_011), elN(idSimpleBlock, 1, blockData(1, 0, 0, "F"))), // would not fit
		cat(cl, num(idTimestamp, 30_010), elN(idSimpleBlock, 1, blockData(1, 0, 0, "F"))), // is earlier than its cluster
		cat(cl, num(idTimestamp, 31_000), elN(idSimpleBlock, 1, blockData(1, 0, 0x80, "F"))),
	}
	for i := range want {
		if string(got[i]) != string(want[i]) {
			t.Errorf("with video, block %d:\n got % x\nwant % x", i, got[i], want[i])
		}
	}
	got = write(both[1:], at(0, 0, true), at(0, 70_000, true))
	want = [][]byte{
		elN(idCluster, 1, num(idTimestamp, 0), elN(idSimpleBlock, 1, blockData(1, 0, 0x80, "F"))),
		elN(idCluster, 1, num(idTimestamp, 70_000), elN(idSimpleBlock, 1, blockData(1, 0, 0x80, "F"))),
	}
	for i := range want {
		if string(got[i]) != string(want[i]) {
			t.Errorf("sound alone, block %d:\n got % x\nwant % x", i, got[i], want[i])
		}
	}
}

func TestOpusDuration(t *testing.T) {
	ms := func(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
	for _, c := range []struct {
		packet string
		want   time.Duration
	}{
		{"", 0}, {"\x00", ms(10)}, {"\x08", ms(20)}, {"\x10", ms(40)}, {"\x18", ms(60)}, {"\x19", ms(120)},
		{"\x60", ms(10)}, {"\x68", ms(20)}, {"\x80", ms(2.5)}, {"\x88", ms(5)}, {"\x90", ms(10)}, {"\x98", ms(20)},
		{"\xf9", ms(40)}, {"\xfa", ms(40)}, {"\xfb", 0}, {"\xfb\x03", ms(60)}, {"\xfb\x83", ms(60)}, {"\xfb\x07", 0}, {"\xfb\x00", 0},
	} {
		if got := opusDuration([]byte(c.packet)); got != c.want {
			t.Errorf("% x: %v, want %v", c.packet, got, c.want)
		}
	}
}

func TestPadIsExact(t *testing.T) {
	f := ByExt("webm")
	for _, n := range []int{0, 1, 2, 3, 127, 128, 129, 130, 137, 138, 16_384, 32_767} {
		head, zeros := f.Pad(n, 32_768)
		want := n
		if n < 2 {
			want += 32_768
		}
		b := append(head[:len(head):len(head)], make([]byte, zeros)...)
		if e := readElement(b, 4, 8); len(b) != want || e.id != idVoid || e.head+int(e.size) != want {
			t.Errorf("a pad of %d has %d bytes: %+v", n, len(b), e)
		}
	}
}
