package stream

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// TestMP4RunContinues: a new run of the same configuration goes on in the file, at
// the server's clock; one of another, as a change of size makes it, begins a new one.
func TestMP4RunContinues(t *testing.T) {
	h := newClocked(t)
	p := mustPublish(t, h.Hub, "x", PublishOptions{Key: "k"})
	larger := bytes.Replace(avcTrak, []byte{1, 0x42, 0xe0, 0x1e, 0xff}, []byte{1, 0x42, 0xe0, 0x1f, 0xff}, 1)
	mustWrite(t, p, mp4Begin(avcTrak, opsTrak), one(1, 7000, "I"), one(2, 48000*7, "a"))
	s := streamOf(t, h.Hub, "x")
	h.now = h.now.Add(5 * time.Second)
	mustWrite(t, p, mp4Begin(opsTrak, avcTrak), one(1, 90, "J"))
	if streamOf(t, h.Hub, "x") != s {
		t.Fatal("another stream")
	}
	r := parse(ByExt("mp4"), body(s, logged(s)), whole, true)
	if got, want := r.lines(), []string{"0@0s+20ms k I", "1@0s+416.667µs k a", "0@5s+20ms k J"}; r.err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; expected %q", got, r.err, want)
	}
	mustWrite(t, p, mp4Begin(larger, opsTrak), one(1, 0, "K"))
	if again := streamOf(t, h.Hub, "x"); again == s || !s.Ended() {
		t.Error("the file goes on in another configuration")
	} else if got := again.ContentType(View{}); got != `video/mp4; codecs="avc1.42E01F, opus"` {
		t.Error(got)
	}
	p.Drop()
}

// TestMP4Written looks at the bytes that listeners are sent.
func TestMP4Written(t *testing.T) {
	turned := be32(0, 0x10000, 0, 0xFFFF0000, 0, 0, 0, 0, 0x40000000, 360<<16, 640<<16)
	in := mp4Begin(mp4Trak(9, "vide", 30000, avcEntry, elst(0, 5, 1<<16)), opsTrak)
	in = bytes.Replace(in, be32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000, 640<<16, 360<<16), turned, 1)
	r := parse(ByExt("mp4"), in, whole, true)
	if r.err != nil {
		t.Fatal(r.err)
	}
	m, _ := newMP4Muxer(r.heads[0])
	h := m.Header()
	for _, yes := range [][]byte{avcEntry, opsEntry, turned, []byte("mvex"), bx("trex", be32(0, 2, 1, 0, 0, 0)), bx("mdhd", be32(0, 0, 0, 30000, 0, 0x55c40000))} {
		if !bytes.Contains(h, yes) {
			t.Errorf("the header lacks %q", yes)
		}
	}
	if bytes.Contains(h, []byte("elst")) || bytes.Contains(h, []byte("mehd")) {
		t.Error("the header has an edit list, or a duration")
	}
	again := parse(ByExt("mp4"), h, whole, true)
	if again.err != nil || len(again.heads) != 1 || again.heads[0].tracks[0].scale != 30000 {
		t.Fatal(again.err, again.heads)
	}
	want := func(seq, id uint32, at uint64, ticks, flags uint32, data string) []byte {
		size := uint32(len(data))
		return cat(bx("moof", bx("mfhd", be32(0, seq)), bx("traf", bx("tfhd", be32(0x020000, id)), bx("tfdt", be32(1<<24), be64(at)),
			bx("trun", be32(0x701, 1, 108, ticks, size, flags)))), bx("mdat", []byte(data)))
	}
	for i, c := range []struct {
		part Part
		kind Kind
		want []byte
	}{
		{Part{Track: 0, Key: true, Time: 0, Duration: 33_366_667, Frame: []byte("key")}, Join, want(1, 1, 0, 1001, 0x2000000, "key")},
		{Part{Track: 1, Key: true, Time: 20 * time.Millisecond, Duration: 20 * time.Millisecond, Frame: []byte("sound")}, Body, want(2, 2, 960, 960, 0x2000000, "sound")},
		{Part{Track: 0, Time: 33_366_667, Frame: []byte("delta")}, Body, want(3, 1, 1001, 0, 0x1010000, "delta")},
		{Part{Track: 0, Time: 1000*time.Hour + 33_366_667, Frame: []byte("late")}, Body, want(4, 1, 1000*3600*30000+1001, 0, 0x1010000, "late")},
	} {
		p := c.part
		p.Kind = Body
		m.Mux(&p)
		if p.Kind != c.kind || !bytes.Equal(p.Bytes, c.want) || !bytes.Equal(p.Frame, c.part.Frame) || &p.Frame[0] != &p.Bytes[len(p.Bytes)-len(p.Frame)] {
			t.Errorf("part %d, kind %d:\n got %x\nwant %x", i, p.Kind, p.Bytes, c.want)
		}
	}
	m, _ = newMP4Muxer(&head{tracks: r.heads[0].tracks[1:]})
	p := Part{Kind: Body, Frame: []byte("x")}
	if m.Mux(&p); p.Kind != Join {
		t.Error("sound alone is no join")
	}
}

func TestMP4PadIsExact(t *testing.T) {
	f := ByExt("mp4")
	for n := range 20 {
		want := n
		if n < 8 {
			want += 32_768
		}
		head, zeros := f.Pad(n, 32_768)
		if b := append(head, make([]byte, zeros)...); !bytes.Equal(b, bx("free", make([]byte, want-8))) {
			t.Errorf("a pad of %d is %d bytes: %q", n, len(b), b[:min(len(b), 16)])
		}
	}
	m, _ := newMP4Muxer(&head{})
	if b := m.Filler(); !bytes.Equal(b, bx("free")) {
		t.Errorf("a filler is %q", b)
	}
}
