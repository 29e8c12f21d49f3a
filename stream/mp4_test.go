package stream

import (
	"slices"
	"testing"
	"time"
)

// traf is made by hand: tfhd's flags and fields, and what follows.
func traf(flags, id uint32, fields []byte, boxes ...[]byte) []byte {
	return bx("traf", bx("tfhd", be32(flags, id), fields), cat(boxes...))
}

// moof puts trafs into one whose size is known to whoever makes them: m is given it.
func moof(m func(size uint32) []byte) []byte {
	size := len(bx("moof", m(0)))
	return bx("moof", m(uint32(size)))
}

func mp4Cases() []frameCase {
	both := mp4Begin(avcTrak, opsTrak)
	sound := mp4Begin(opsTrak)
	skipped := cat(bx("styp", []byte("msdh")), bx("sidx", ramp(40)), bx64("emsg", ramp(3)), bx("free"), bx("skip", ramp(9)), bx64("uuid", ramp(20)),
		bx("meta", ramp(5)), bx("mfra", ramp(8)), bx("prft", ramp(16)), bx("what"))
	far := moof(func(n uint32) []byte {
		return traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset, 1, n+uint32(len(skipped))+8)))
	})
	based := func(base uint64) []byte {
		return moof(func(uint32) []byte {
			return cat(traf(tfhdBase|tfhdSize, 2, cat(be64(base), be32(3)), bx("tfdt", be32(1<<24), be64(0)), bx("trun", be32(1, 2, 8))))
		})
	}
	hint := len(sound) + len(based(0))
	chained := moof(func(n uint32) []byte {
		return cat(traf(0, 1, nil, bx("tfdt", be32(0, 5)), bx("trun", be32(trunOffset|trunSize|trunDuration, 1, n+8, 40, 2))),
			traf(0, 2, nil, bx("trun", be32(trunSize, 2, 1, 3)), bx("trun", be32(0, 1))))
	})
	first := moof(func(n uint32) []byte {
		return traf(tfhdBaseIsMoof|tfhdDuration|tfhdFlags, 1, be32(33, 0x1010000), bx("tfdt", be32(0, 0)), bx("trun", be32(trunOffset|trunFirstFlags, 3, n+8, 0x2000000)))
	})
	apart := moof(func(n uint32) []byte {
		return cat(traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset, 1, n+8)), bx("trun", be32(trunOffset, 1, n+8+2+10))))
	})
	return []frameCase{
		{"sound", cat(sound, frag(tr{2, 48000, []smp{{960, true, 0, "A"}, {480, false, 0, "BB"}}}), one(2, 96000, "C")),
			[]string{"0@1s+20ms k A", "0@1.02s+10ms k BB", "0@2s+416.667µs k C"}},
		{"tracks behind each other", cat(both, frag(tr{1, 100, []smp{{30, true, 0, "I"}, {30, false, 0, "P"}, {30, false, 0, "Q"}}}, tr{2, 4800, []smp{{960, true, 0, "a"}, {960, true, 0, "b"}, {2400, true, 0, "c"}}})),
			[]string{"0@100ms+30ms k I", "1@100ms+20ms k a", "1@120ms+20ms k b", "0@130ms+30ms - P", "1@140ms+50ms k c", "0@160ms+30ms - Q"}},
		{"two ftyps", cat(mp4Ftyp(), sound, one(2, 0, "A")), []string{"0@0s+416.667µs k A"}},
		{"no ftyp", cat(bx("styp", []byte("msdh")), mp4Moov(opsTrak), one(2, 0, "A")), []string{"0@0s+416.667µs k A"}},
		{"what carries no media", cat(mp4Ftyp(), skipped, mp4Moov(opsTrak), skipped, one(2, 0, "A"), skipped, far, skipped, bx("mdat", []byte("BB")), skipped),
			[]string{"0@0s+416.667µs k A", "0@416.667µs+20ms k BB"}},
		{"sizes of 64 bits", cat(bx64("ftyp", []byte("isom")), bx64("moov", mp4Moov(opsTrak)[8:]), bx64("moof", traf(0, 2, nil, bx("trun", be32(trunOffset, 1, 16+8+16+20+16)))), bx64("mdat", []byte("AA"))),
			[]string{"0@0s+20ms k AA"}},
		{"an mdat to the end", cat(sound, moofOf(one(2, 0, "A")), be32(0), []byte("mdatAand what follows")), []string{"0@0s+416.667µs k A"}},
		{"an mdat with more in it", cat(sound, moofOf(one(2, 0, "A")), bx("mdat", []byte("A and what else")), one(2, 960, "B")), []string{"0@0s+416.667µs k A", "0@20ms+416.667µs k B"}},
		{"an empty mdat and one of nobody", cat(sound, bx("mdat"), bx("mdat", []byte("nobody's")), one(2, 0, "A")), []string{"0@0s+416.667µs k A"}},
		{"offsets from the file's begin", cat(sound, based(uint64(hint)), bx("mdat", []byte("onetwo"))), []string{"0@0s+20ms k one", "0@20ms+20ms k two"}},
		{"of a second file", cat(sound, sound, based(uint64(hint)), bx("mdat", []byte("onetwo"))), []string{"0@0s+20ms k one", "0@20ms+20ms k two"}},
		{"data behind the data before", cat(both, chained, bx("mdat", []byte("VVabbbcc"))), []string{"1@0s+20ms k a", "0@5ms+40ms k VV", "1@20ms+20ms k bbb", "1@40ms+20ms k cc"}},
		{"the first sample's flags", cat(mp4Begin(avcTrak), first, bx("mdat", []byte("IIPPQQ"))), []string{"0@0s+33ms k II", "0@33ms+33ms - PP", "0@66ms+33ms - QQ"}},
		{"two mdats", cat(sound, apart, bx("mdat", []byte("AA..")), bx("mdat", []byte("BB"))), []string{"0@0s+20ms k AA", "0@20ms+20ms k BB"}},
		{"no tfdt", cat(sound, frag(tr{2, 480, []smp{{960, true, 0, "A"}}}), moof(func(n uint32) []byte { return traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset, 1, n+8))) }), bx("mdat", []byte("BB"))),
			[]string{"0@10ms+20ms k A", "0@30ms+20ms k BB"}},
		{"32 bits pass", cat(sound, one(2, 1<<32-20, "A"), one(2, 0, "B"), one(2, 1<<32-1000, "C")),
			[]string{"0@24h51m18.484916667s+416.667µs k A", "0@24h51m18.485333333s+416.667µs k B", "0@24h51m18.4645s+416.667µs k C"}},
		{"a track that is left out", cat(mp4Begin(textTrak, opsTrak), frag(tr{3, 0, []smp{{1, true, 0, "text"}}}, tr{2, 0, []smp{{960, true, 0, "A"}}}, tr{3, 9, []smp{{1, true, 0, "more"}}}), one(3, 0, "only"), one(2, 960, "B")),
			[]string{"0@0s+20ms k A", "0@20ms+416.667µs k B"}},
		{"sound that is primed", cat(mp4Begin(avcTrak, mp4Trak(2, "soun", 48000, opsEntry, elst(0, 960, 1<<16))), frag(tr{2, 0, []smp{{960, true, 0, "a"}, {960, true, 0, "b"}}}, tr{1, 0, []smp{{30, true, 0, "I"}}})),
			[]string{"1@-20ms+20ms k a", "1@0s+20ms k b", "0@0s+30ms k I"}},
		{"a track that waits", cat(mp4Begin(avcTrak, mp4Trak(2, "soun", 48000, opsEntry, elst(300, 0xFFFFFFFF, 1<<16, 0, 0, 1<<16))), frag(tr{2, 0, []smp{{960, true, 0, "a"}}}, tr{1, 0, []smp{{30, true, 0, "I"}}})),
			[]string{"0@0s+30ms k I", "1@500ms+20ms k a"}},
		{"a sample of nothing", cat(sound, frag(tr{2, 0, []smp{{960, true, 0, "A"}, {960, true, 0, ""}, {960, true, 0, "C"}, {960, true, 0, ""}}})), []string{"0@0s+20ms k A", "0@40ms+20ms k C"}},
		{"a trun of nothing", cat(sound, frag(tr{2, 0, nil}), one(2, 0, "A")), []string{"0@0s+416.667µs k A"}},
		{"a moof twice, as one engine ends", cat(sound, moofOf(one(2, 0, "A")), one(2, 0, "A")), []string{"0@0s+416.667µs k A"}},
		{"a second file", cat(mp4Begin(avcTrak), one(1, 500, "I"), sound, one(2, 0, "A")), []string{"0@500ms+20ms k I", "0@0s+416.667µs k A"}},
		{"a second moov", cat(sound, one(2, 960, "A"), mp4Moov(avcTrak), one(1, 500, "I")), []string{"0@20ms+416.667µs k A", "0@500ms+20ms k I"}},
		{"a duration of days", cat(sound, frag(tr{2, 0, []smp{{1 << 31, true, 0, "A"}}})), []string{"0@0s+0s k A"}},
		{"header only", both, nil},
	}
}

func TestMP4Frames(t *testing.T) {
	for _, c := range mp4Cases() {
		r := parse(ByExt("mp4"), c.in, whole, true)
		if r.err != nil {
			t.Errorf("%s: %v", c.name, r.err)
		}
		if got := r.lines(); !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n\t%q\nwant\n\t%q", c.name, got, c.want)
		}
	}
}

// TestMP4Composition: what is decoded before it is shown says by how much, in both
// versions of the box, and is written so again.
func TestMP4Composition(t *testing.T) {
	in := cat(mp4Begin(avcTrak), frag(tr{1, 0, []smp{{40, true, 80, "I"}, {40, false, -40, "P"}, {40, false, 0, "Q"}, {40, false, -1 << 31, "R"}}}))
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, in)
	s := streamOf(t, h, "x")
	parts := logged(s)
	again := parse(ByExt("mp4"), body(s, parts), whole, true)
	if again.err != nil || len(again.frames) != 4 {
		t.Fatal(len(again.frames), again.err)
	}
	for i, want := range []time.Duration{80, -40, 0, 0} {
		if a, b := parts[i].Composition, again.frames[i].Composition; a != want*time.Millisecond || b != a {
			t.Errorf("sample %d: %v, in the output %v; expected %v ms", i, a, b, want)
		}
	}
	p.Drop()
}

// TestMP4Tracks: what a header says, in the words of no container.
func TestMP4Tracks(t *testing.T) {
	hvcC := cat([]byte{1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93}, make([]byte, 10))
	esds := func(object byte, config ...byte) []byte {
		d := cat([]byte{4, byte(13 + 2 + len(config)), object, 0x15}, make([]byte, 11), []byte{5, byte(len(config))}, config)
		return bx("esds", be32(0), []byte{3, 0x80, 0x80, byte(3 + len(d)), 0, 1, 0}, d)
	}
	for _, c := range []struct {
		entry   []byte
		kind    string
		want    string
		private string
	}{
		{avcEntry, "vide", "avc1.42E01E 640x360", "\x01\x42\xe0\x1e\xff"},
		{visual("avc3"), "vide", "avc3 640x360", ""},
		{visual("hvc1", bx("hvcC", hvcC)), "vide", "hvc1.1.6.L93.90 640x360", string(hvcC)},
		{visual("vp09", bx("vpcC", be32(1<<24), []byte{0, 31, 0x82, 2, 2, 2, 0, 0})), "vide", "vp09.00.31.08 640x360", "\x01\x00\x00\x00\x00\x1f\x82\x02\x02\x02\x00\x00"},
		{visual("av01", bx("av1C", []byte{0x81, 0x05, 0x40, 0})), "vide", "av01.0.05M.10 640x360", "\x81\x05\x40\x00"},
		{opsEntry, "soun", "opus 48000 Hz stereo", "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"},
		{audible("mp4a", 2, 44100, esds(0x40, 0x12, 0x08)), "soun", "mp4a.40.2 44100 Hz mono", "\x12\x08"},
		{audible("mp4a", 2, 44100, esds(0x40, 0xf8, 0xe8)), "soun", "mp4a.40.39 44100 Hz stereo", "\xf8\xe8"},
		{audible("mp4a", 2, 44100, esds(0x6b)), "soun", "mp4a.6B 44100 Hz stereo", ""},
		{audible("mp4a", 2, 44100), "soun", "mp4a 44100 Hz stereo", ""},
		{audible("fLaC", 1, 0, bx("dfLa", be32(0, 0x80000022))), "soun", "flac 96000 Hz mono", "\x00\x00\x00\x00\x80\x00\x00\x22"},
		{audible("ac-3", 6, 48000, bx("btrt", be32(1, 2, 3)), bx("dac3", []byte("xyz"))), "soun", "ac-3 48000 Hz 6 channels", "xyz"},
		{audible("a\",\\", 1, 8000, bx("btrt", be32(1, 2, 3)), bx("none", []byte("conf"))), "soun", "a 8000 Hz mono", "\x00\x00\x00\x0cnoneconf"},
	} {
		r := parse(ByExt("mp4"), mp4Begin(mp4Trak(7, c.kind, 96000, c.entry)), whole, true)
		if r.err != nil || len(r.heads) != 1 {
			t.Errorf("%s: %d headers, %v", c.want, len(r.heads), r.err)
			continue
		}
		tr := r.heads[0].tracks[0]
		if got := tr.Describe(); got != c.want || string(tr.Private) != c.private {
			t.Errorf("got %s with %q; expected %s with %q", got, tr.Private, c.want, c.private)
		}
	}
	r := parse(ByExt("mp4"), mp4Begin(opsTrak, avcTrak, mp4Trak(4, "soun", 48000, opsEntry)), whole, true)
	if got, want := ByExt("mp4").mime(r.heads[0].tracks, false), `video/mp4; codecs="opus, avc1.42E01E"`; got != want {
		t.Errorf("%s; expected %s", got, want)
	}
	if got, want := ByExt("mp4").mime(r.heads[0].tracks[:1], false), `audio/mp4; codecs="opus"`; got != want {
		t.Errorf("%s; expected %s", got, want)
	}
}

// TestMP4SameTracks says which tracks continue a file.
func TestMP4SameTracks(t *testing.T) {
	avc := func(boxes ...[]byte) []byte { return mp4Trak(1, "vide", 1000, visual("avc1", boxes...)) }
	a, b := bx("avcC", []byte("abcd")), bx("avcC", []byte("abce"))
	for _, c := range []struct {
		name string
		a, b []byte
		want bool
	}{
		{"other bitrates and order", avc(bx("btrt", be32(1, 2, 3)), a), avc(a, bx("btrt", be32(4, 5, 6))), true},
		{"other ticks", avc(a), mp4Trak(9, "vide", 90000, visual("avc1", a)), true},
		{"another configuration", avc(a), avc(b), false},
		{"another sample entry", avc(a), mp4Trak(1, "vide", 1000, visual("avc3", a)), false},
		{"Opus, another pre-skip", opsTrak, mp4Trak(2, "soun", 48000, audible("Opus", 2, 48000, bx("dOps", []byte{0, 2, 9, 9, 0, 0, 0, 0, 0, 0, 0}))), true},
		{"Opus, other channels", opsTrak, mp4Trak(2, "soun", 48000, audible("Opus", 2, 48000, bx("dOps", []byte{0, 1, 1, 56, 0, 0, 0, 0, 0, 0, 0}))), false},
	} {
		x := parse(ByExt("mp4"), mp4Begin(c.a), whole, true)
		y := parse(ByExt("mp4"), mp4Begin(c.b), whole, true)
		if _, ok := x.heads[0].match(y.heads[0]); ok != c.want {
			t.Errorf("%s: %t", c.name, ok)
		}
	}
}

// TestTicks: every tick of every clock is found again, and nothing overflows.
func TestTicks(t *testing.T) {
	for _, scale := range []int64{1, 3, 600, 1000, 44100, 48000, 90000, 30000, 10_000_000, 999_999_937, 1_000_000_000} {
		for _, ticks := range []int64{0, 1, 2, 999, 1 << 20, 1<<40 + 1, 1<<32 - 1, 4_700_000_000 * scale} {
			for _, v := range []int64{ticks, -ticks} {
				d, ok := ticksToTime(v, scale)
				if exact := float64(v) / float64(scale); ok != (exact < 4.61e9 && exact > -4.61e9 || v == 0) {
					t.Errorf("%d ticks of %d: taken %t", v, scale, ok)
				}
				if ok && timeToTicks(d, scale) != v {
					t.Errorf("%d ticks of %d: %d again", v, scale, timeToTicks(d, scale))
				}
			}
		}
	}
	if _, ok := ticksToTime(-1<<63, 1); ok {
		t.Error("-2^63 s are taken")
	}
	if d, _ := ticksToTime(2, 3); d != 666_666_667 {
		t.Errorf("two thirds of a second are %d ns", d)
	}
}

// TestFragmentIsNotCopiedPerChunk: a fragment that comes in crumbs, and whose tracks
// stand behind each other, costs its own size, not the square of it.
func TestFragmentIsNotCopiedPerChunk(t *testing.T) {
	const n, size = 300, 5000
	var video, audio []smp
	for range n {
		video = append(video, smp{10, false, 0, string(make([]byte, size))})
		audio = append(audio, smp{480, true, 0, "sound"})
	}
	in := cat(mp4Begin(avcTrak, opsTrak), frag(tr{1, 0, video}, tr{2, 0, audio}))
	f := feeder{parser: newMP4Parser()}
	moved, frames := 0, 0
	grown := allocated(func() {
		for _, c := range cut(in, every(100)) {
			had := len(f.rest)
			rest, err := f.feed(c, func(*Part) error { frames++; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if len(rest) != len(f.rest) && had > 0 {
				moved += len(rest)
			}
			f.keep(rest)
		}
	})
	if frames != 2*n+1 {
		t.Errorf("%d frames", frames)
	}
	if grown > int64(14*len(in)) || moved > 2*len(in) {
		t.Errorf("%d bytes allocated and %d moved for a fragment of %d", grown, moved, len(in))
	}
}

// TestSamplesComeAsTheyAre: nothing waits for a fragment's end where the order allows
// it.
func TestSamplesComeAsTheyAre(t *testing.T) {
	in := cat(mp4Begin(opsTrak), frag(tr{2, 0, []smp{{960, true, 0, "AAAA"}, {960, true, 0, "BBBB"}, {960, true, 0, "CCCC"}}}))
	for cutOff, want := range map[int]int{0: 3, 1: 2, 4: 2, 5: 1, 8: 1, 9: 0, 12: 0} {
		r := parse(ByExt("mp4"), in[:len(in)-cutOff], every(3), true)
		if len(r.frames) != want {
			t.Errorf("%d bytes short: %d frames; expected %d", cutOff, len(r.frames), want)
		}
		if cutOff > 0 {
			wantErr(t, r.err, "ends inside a fragment")
		}
	}
}
