package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// hostile is an input that is refused, where, and with which words.
type hostile struct {
	name  string
	in    []byte
	at    int // offset of the refusal; -1: not refused, only bounded
	words string
	large bool // ErrTooLarge, not ErrSyntax
}

// webmHostile refuses at the element whose place is marked by a length of what
// comes before it.
func webmHostile() []hostile {
	v := begin(vp8Track)
	kc := cat(v, open(idCluster, 8), num(idTimestamp, 0))
	var many [][]byte
	for i := range 40 {
		many = append(many, trackEl(uint64(i+1), Audio, "A_OPUS"))
	}
	headWith := func(scale []byte) []byte { return cat(ebmlHead(), open(idSegment, 8), scale) }
	fromSeg := len(cat(ebmlHead(), open(idSegment, 8)))
	after := func(b []byte) int { return len(b) }
	all := []hostile{
		{"no EBML", []byte("GET / HTTP/1.1"), 0, "expected an EBML header (1A 45 DF A3), got 47 45 54 20", false},
		{"a later chunk first", cluster(0, simple(1, 0, 0x80, "A")), 0, "header is lost", false},
		{"no element", cat(v, []byte{0, 0}), after(v), "begins none", false},
		{"DocType", el(idEBML, str(idDocType, "avi")), 0, `expected DocType webm or matroska, got "avi"`, false},
		{"no DocType", el(idEBML), 0, "DocType", false},
		{"EBMLMaxIDLength 9", ebmlHead(num(idEBMLMaxID, 9)), 0, "longer than 8 bytes", false},
		{"EBMLMaxIDLength 0", ebmlHead(num(idEBMLMaxID, 0)), 0, "longer than 8 bytes", false},
		{"EBMLMaxSizeLength 9", ebmlHead(num(idEBMLMaxSize, 9)), 0, "longer than 8 bytes", false},
		{"EBMLMaxSizeLength exceeded", cat(ebmlHead(num(idEBMLMaxSize, 4)), open(idSegment, 8)), after(ebmlHead(num(idEBMLMaxSize, 4))), "begins none", false},
		{"no Segment", cat(ebmlHead(), segInfo(1e6)), after(ebmlHead()), "expected an EBML header or a Segment, got element 1549A966", false},
		{"Cluster before Tracks", cat(headWith(nil), cluster(0)), fromSeg, "before any Tracks", false},
		{"scale 0", headWith(segInfo(0)), fromSeg, "TimestampScale of 0", false},
		{"scale huge", headWith(segInfo(1 << 62)), fromSeg, "TimestampScale of 4611686018427387904", false},
		{"scale of all ones", headWith(segInfo(1<<64 - 1)), fromSeg, "TimestampScale", false},
		{"Info damaged", headWith(el(idInfo, []byte{0x2a, 0xd7})), fromSeg, "Info element is damaged", false},
		{"40 tracks", headWith(el(idTracks, many...)), fromSeg, "more than 32 tracks", true},
		{"no tracks", headWith(el(idTracks)), fromSeg, "no track of sound or picture", false},
		{"only subtitles", headWith(el(idTracks, trackEl(1, 17, "S_TEXT/UTF8"))), fromSeg, "no track of sound or picture", false},
		{"track 0", headWith(el(idTracks, trackEl(0, Video, "V_VP8"))), fromSeg, "is zero", false},
		{"same number twice", headWith(el(idTracks, vp8Track, vp8Track)), fromSeg, "used twice", false},
		{"track scale", headWith(el(idTracks, trackEl(1, Video, "V_VP8", elN(idTrackScale, 1, []byte{0x40, 0, 0, 0})))), fromSeg, "TrackTimestampScale of 2", false},
		{"Tracks damaged", headWith(el(idTracks, []byte{0xae, 0x89, 1})), fromSeg, "damaged", false},
		{"TrackEntry damaged", headWith(el(idTracks, el(idTrackEntry, []byte{0xd7}))), fromSeg, "TrackEntry is damaged", false},
		{"unknown size inside TrackEntry", headWith(el(idTracks, el(idTrackEntry, open(idVideo, 1)))), fromSeg, "damaged", false},
		{"header of 128 KiB and a bit", headWith(claim(idTracks, MaxHeader)), fromSeg, "a header of more than 131072 bytes", true},
		{"header in pieces", cat(headWith(el(idInfo, num(idTimestampScale, 1e6), el(idVoid, make([]byte, 100_000)))), claim(idTracks, 40_000)),
			after(headWith(el(idInfo, num(idTimestampScale, 1e6), el(idVoid, make([]byte, 100_000))))), "a header of more than", true},
		{"EBML header of 2^55", claim(idEBML, 1<<55), 0, "a header of more than", true},
		{"unknown size on EBML", open(idEBML, 1), 0, "has no size", false},
		{"unknown size on Tracks", headWith(open(idTracks, 8)), fromSeg, "element 1654AE6B has no size", false},
		{"unknown size on SimpleBlock", cat(kc, open(idSimpleBlock, 1), []byte("xxxx")), after(kc), "element A3 has no size; only Segment and Cluster may", false},
		{"unknown size on Void", cat(kc, open(idVoid, 8)), after(kc), "has no size", false},
		{"block of 2^56-2", cat(kc, claim(idSimpleBlock, 1<<56-2)), after(kc), "a block of 72057594037927934 bytes; at most 2097152", true},
		{"block of 2 MiB and a byte", cat(kc, claim(idSimpleBlock, MaxBlock+1)), after(kc), "at most 2097152 are taken", true},
		{"block group of 2 MiB and a byte", cat(kc, claim(idBlockGroup, MaxBlock+1)), after(kc), "at most 2097152 are taken", true},
		{"unknown element of 2^40", cat(kc, claim(0x7c7c, 1<<40)), after(kc), "element 7C7C claims 1099511627776 bytes", false},
		{"Void of 2^40", cat(v, claim(idVoid, 1<<40)), after(v), "claims 1099511627776 bytes", false},
		{"Void of 2^40 at the top", claim(idVoid, 1<<40), 0, "", false},
		{"timestamp of 9 bytes", cat(v, open(idCluster, 8), el(idTimestamp, make([]byte, 9))), after(v) + 12, "timestamp of 9 bytes", false},
		{"timestamp of 2^63", cat(v, open(idCluster, 8), num(idTimestamp, 1<<63)), after(v) + 12, "beyond any clock", false},
		{"block before timestamp", cat(v, open(idCluster, 8), simple(1, 0, 0x80, "A")), after(v) + 12, "before its Cluster's timestamp", false},
		{"unknown track", cat(kc, simple(77, 0, 0x80, "A")), after(kc), "a block of track 77, which the header does not name", false},
		{"block of 3 bytes", cat(kc, el(idSimpleBlock, []byte{0x81, 0, 0})), after(kc), "without track number", false},
		{"empty block", cat(kc, el(idSimpleBlock)), after(kc), "without track number", false},
		{"track number of 9 bytes", cat(kc, el(idSimpleBlock, make([]byte, 20))), after(kc), "without track number", false},
		{"group without block", cat(kc, el(idBlockGroup, num(idBlockDuration, 1))), after(kc), "damaged BlockGroup", false},
		{"group with two", cat(kc, el(idBlockGroup, el(idBlock, blockData(1, 0, 0, "A")), el(idBlock, blockData(1, 0, 0, "A")))), after(kc), "damaged BlockGroup", false},
		{"cluster overruns segment", cat(ebmlHead(), el(idSegment, el(idTracks, vp8Track), claim(idCluster, 10_000))),
			len(ebmlHead()) + 8 + len(el(idTracks, vp8Track)), "element 1F43B675 of 10000 bytes is longer than what holds it", false},
		{"block overruns cluster", cat(v, el(idCluster, num(idTimestamp, 0), claim(idSimpleBlock, 100))), after(v) + 8 + 3, "longer than what holds it", false},
		{"block overruns segment", cat(ebmlHead(), el(idSegment, el(idTracks, vp8Track), open(idCluster, 8), num(idTimestamp, 0), claim(idSimpleBlock, 100))),
			len(ebmlHead()) + 8 + len(el(idTracks, vp8Track)) + 15, "longer than what holds it", false},
		{"EBML in a known cluster", cat(v, el(idCluster, num(idTimestamp, 0), ebmlHead())), after(v) + 8 + 3, "element 1A45DFA3 stands inside a Cluster", false},
		{"Cluster in a known cluster", cat(v, el(idCluster, num(idTimestamp, 0), cluster(1))), after(v) + 8 + 3, "element 1F43B675 stands inside a Cluster", false},
		{"EBML in a known segment", cat(ebmlHead(), el(idSegment, el(idTracks, vp8Track), ebmlHead())),
			len(ebmlHead()) + 8 + len(el(idTracks, vp8Track)), "element 1A45DFA3 stands inside a Segment of known size", false},
		{"Segment in a known segment", cat(ebmlHead(), el(idSegment, el(idTracks, vp8Track), open(idSegment, 8))),
			len(ebmlHead()) + 8 + len(el(idTracks, vp8Track)), "element 18538067 stands inside a Segment of known size", false},
	}
	return append(all, badLacing(kc)...)
}

func badLacing(kc []byte) (all []hostile) {
	for name, data := range map[string]string{
		"fixed: does not divide":      "\x04\x02four",
		"fixed: nothing":              "\x04",
		"fixed: empty frames":         "\x04\xff",
		"Xiph: sum too large":         "\x02\x02\x05\x05abc",
		"Xiph: sizes cut off":         "\x02\x02\xff\xff",
		"Xiph: no count":              "\x02",
		"Xiph: an empty frame":        "\x02\x01\x00abc",
		"Xiph: an empty last frame":   "\x02\x01\x03abc",
		"EBML: sum too large":         "\x06\x01\x8aabc",
		"EBML: below zero":            "\x06\x02\x81\x80abc",
		"EBML: sizes cut off":         "\x06\x03\x81",
		"EBML: size field of 9 bytes": "\x06\x01\x00abc",
		"EBML: unknown size":          "\x06\x01\xffabc",
		"EBML: 2^55":                  "\x06\x01\x01\x7f\xff\xff\xff\xff\xff\xffabc",
		"EBML: an empty frame":        "\x06\x01\x80abc",
	} {
		in := cat(kc, group(1, 0, data[0], data[1:], num(idBlockDuration, 1000)))
		all = append(all, hostile{"lacing, " + name, in, len(kc), "lacing does not add up", false})
	}
	return all
}

func TestHostile(t *testing.T) {
	for _, c := range []struct {
		format string
		table  []hostile
	}{{"webm", webmHostile()}, {"ogg", oggHostile()}, {"mp4", mp4Hostile()}, {"wav", wavHostile()}, {"mp3", mp3Hostile()}, {"aac", adtsHostile()}, {"flac", flacHostile()}} {
		for _, h := range c.table {
			t.Run(c.format+"/"+h.name, func(t *testing.T) {
				refused(t, ByExt(c.format), h)
			})
		}
	}
}

func refused(t *testing.T, f *Format, h hostile) {
	// A stream that goes on behind the bad place, as one that was damaged would.
	in := append(h.in[:len(h.in):len(h.in)], make([]byte, 8)...)
	if h.at < 0 {
		in = h.in
	}
	var r parsed
	grown := allocated(func() { r = parse(f, in, whole, false) })
	if limit := int64(20*len(in) + 64<<10); grown > limit {
		t.Errorf("%d bytes of input allocate %d", len(in), grown)
	}
	if h.at < 0 {
		if r.err != nil {
			t.Errorf("refused: %v", r.err)
		}
		return
	}
	var p *ParseError
	if !errors.As(r.err, &p) {
		t.Fatalf("not refused: %v, %q", r.err, r.lines())
	}
	if p.Offset != int64(h.at) {
		t.Errorf("refused at byte %d, not %d: %v", p.Offset, h.at, p)
	}
	want := ErrSyntax
	if h.large {
		want = ErrTooLarge
	}
	if !errors.Is(r.err, want) {
		t.Errorf("%v is %v", r.err, p.Err)
	}
	wantErr(t, r.err, h.words)
	if s := r.err.Error(); !strings.HasPrefix(s, fmt.Sprintf("%s: byte %d: ", f.Name, h.at)) || strings.ContainsAny(s, "\r\n") {
		t.Errorf("a bad sentence: %q", s)
	}
}

// TestManySmallFrames: what a chunk of the cheapest frames costs while it is
// written is bounded by a small multiple of it.
func TestManySmallFrames(t *testing.T) {
	lace := cat(begin(trackEl(1, Audio, "A_VORBIS", num(idDefaultDuration, 5e6))), open(idCluster, 8), num(idTimestamp, 0))
	in := append([]byte(nil), lace...)
	for range 200 {
		in = append(in, simple(1, 0, 0x04, "\xff"+strings.Repeat("x", 256))...)
	}
	h := newHub(t, Options{WindowBytes: 1000})
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, in)
	s := streamOf(t, h, "x")
	if n := s.Parts.Load(); n != 200*256 {
		t.Errorf("%d parts", n)
	}
	if n := cap(p.run.parts); n > 4096 {
		t.Errorf("%d parts of one chunk waited to be appended", n)
	}
	p.Drop()
}
