package stream

import "testing"

// mp4Hostile refuses at the box whose place is marked by a length of what comes
// before it.
func mp4Hostile() []hostile {
	s := mp4Begin(opsTrak)
	v := mp4Begin(avcTrak, opsTrak)
	ftyp := mp4Ftyp()
	moov := func(boxes ...[]byte) []byte { return cat(ftyp, bx("moov", boxes...)) }
	tracks := func(traks ...[]byte) []byte { return moov(cat(traks...), mvex(1)) }
	// of is a fragment of sound whose traf holds these.
	of := func(boxes ...[]byte) []byte { return cat(s, bx("moof", bx("traf", boxes...))) }
	tfhd := bx("tfhd", be32(tfhdBaseIsMoof, 2))
	trun := func(words ...uint32) []byte { return of(tfhd, bx("trun", be32(words...))) }
	// entry is a header whose only trak has this sample description.
	entry := func(boxes ...[]byte) []byte {
		return bx("trak", bx("tkhd", be32(make([]uint32, 21)...)), bx("mdia", bx("mdhd", be32(0, 0, 0, 1000, 0, 0)), bx("hdlr", be32(0, 0), []byte("vide")), bx("minf", bx("stbl", boxes...))))
	}
	id := func(b []byte) []byte { b[8+8+12+3] = 1; return b }
	var many, trafs [][]byte
	for i := range 40 {
		many = append(many, mp4Trak(uint32(i+1), "soun", 48000, opsEntry))
	}
	for range 65 {
		trafs = append(trafs, bx("traf", tfhd))
	}
	deep := []byte(nil)
	for range 100 {
		deep = bx("mdia", deep)
	}
	samples := mp4Trak(1, "vide", 1000, avcEntry, bx("stbl", bx("stsz", be32(0, 0, 7))))
	overlap := moof(func(n uint32) []byte {
		return cat(traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset|trunSize, 1, n+8, 4))), traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset|trunSize, 1, n+8+3, 4))))
	})
	back := moof(func(n uint32) []byte {
		return traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset|trunSize, 1, n+8+4, 4)), bx("trun", be32(trunOffset|trunSize, 1, n+8, 4)))
	})
	outside := moof(func(n uint32) []byte { return traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset, 1, n+8+2))) })
	held := cat(v, frag(tr{1, 0, []smp{{20, true, 0, "I"}}}, tr{2, 0, []smp{{20, true, 0, "a"}}}))
	farAudio := moof(func(n uint32) []byte {
		return cat(traf(tfhdBaseIsMoof, 1, nil, bx("tfdt", be32(0, 1000)), bx("trun", be32(trunOffset, 1, n+8))),
			traf(tfhdBaseIsMoof, 2, nil, bx("trun", be32(trunOffset, 1, n+8+maxHeld))))
	})
	times := func(version uint32, t uint64, duration uint32) []byte {
		return of(bx("tfhd", be32(tfhdBaseIsMoof|tfhdDuration, 2, duration)), bx("tfdt", be32(version<<24), be64(t)), bx("trun", be32(trunOffset, 1, 200)))
	}
	at := func(b []byte) int { return len(b) }
	const only = "only fragmented MP4 can grow: ffmpeg -movflags"
	all := []hostile{
		{"no MP4", []byte("GET / HTTP/1.1"), 0, "expected a box ftyp, got 47 45 54 20 2F 20 48 54; a recorder must be started after its socket has opened", false},
		{"a later chunk first", one(2, 0, "A"), 0, "a moof comes before any moov", false},
		{"a moof before the moov", cat(ftyp, one(2, 0, "A")), at(ftyp), "the recorder's first chunk is missing", false},
		{"an mdat before the moov", cat(ftyp, bx("mdat", []byte("A"))), at(ftyp), "an mdat comes before any moov; " + only, false},
		{"progressive", moov(avcTrak), at(ftyp), "a moov without mvex; " + only, false},
		{"samples in the moov", moov(samples, mvex(1)), at(ftyp), "describes samples by itself; " + only, false},
		{"a size of 2", cat(s, be32(2), []byte("free")), at(s), "expected a box of MP4, got 00 00 00 02 66 72 65 65", false},
		{"a size of 64 bits in 32", cat(s, bxClaim("free", 15)), at(s), "begins none", false},
		{"a size of 0 in 64 bits", cat(s, bxClaim("mdat", 0)), at(s), "begins none", false},
		{"a size of 2^63", cat(s, bxClaim("free", 1<<63)), at(s), "begins none", false},
		{"a size of 2^64-1", cat(s, bxClaim("mdat", 1<<64-1)), at(s), "begins none", false},
		{"a box of 2^62", cat(s, bxClaim("free", 1<<62)), at(s), `box "free" claims 4611686018427387904 bytes; the stream is damaged here`, false},
		{"an unknown box of 64 KiB and a byte", cat(s, bxClaim("what", 64<<10+1)), at(s), `box "what" claims 65537 bytes`, false},
		{"an mdat of 2^62", cat(s, moofOf(one(2, 0, "A")), bxClaim("mdat", 1<<62)), at(moofOf(one(2, 0, "A"))) + at(s), "an mdat of 4611686018427387904 bytes for 1 bytes of samples", false},
		{"an mdat of nobody, 2^62", cat(s, bxClaim("mdat", 1<<62)), at(s), "an mdat of 4611686018427387904 bytes", false},
		{"a box to the end", cat(s, be32(0), []byte("free")), at(s), `box "free" has no size; only the last mdat may`, false},
		{"a moof to the end", cat(s, be32(0), []byte("moof")), at(s), `box "moof" has no size`, false},
		{"an mdat of nobody to the end", cat(s, be32(0), []byte("mdat")), at(s), "no fragment before it that tells", false},
		{"an ftyp of 64 KiB and a byte", bxClaim("ftyp", 64<<10+1), 0, `box "ftyp" claims 65537 bytes`, false},
		{"a moov of 128 KiB and a byte", cat(ftyp, bxClaim("moov", MaxHeader+1)), at(ftyp), "a moov of 131073 bytes; at most 131072 are taken", true},
		{"a moof of 1 MiB and a byte", cat(s, bxClaim("moof", maxMoof+1)), at(s), "a moof of 1048577 bytes; at most 1048576", true},
		{"40 tracks", tracks(many...), at(ftyp), "more than 32 tracks", true},
		{"no tracks", tracks(), at(ftyp), "without a track of sound or picture", false},
		{"only subtitles", tracks(textTrak), at(ftyp), "without a track of sound or picture", false},
		{"track 0", tracks(mp4Trak(0, "soun", 48000, opsEntry)), at(ftyp), "track ID 0 is used twice, or is zero", false},
		{"one ID twice", tracks(opsTrak, opsTrak), at(ftyp), "track ID 2 is used twice", false},
		{"no ticks", tracks(mp4Trak(1, "soun", 0, opsEntry)), at(ftyp), "track 1 has 0 ticks per second", false},
		{"ticks of less than a nanosecond", tracks(mp4Trak(1, "soun", 1_000_000_001, opsEntry)), at(ftyp), "1000000001 ticks per second; expected 1 to 1000000000", false},
		{"encrypted", tracks(mp4Trak(1, "vide", 1000, visual("encv"))), at(ftyp), "track 1: it is encrypted", false},
		{"a short sample description", tracks(mp4Trak(1, "vide", 1000, bx("avc1", make([]byte, 77)))), at(ftyp), `"avc1" of 85 bytes is too short`, false},
		{"a sample description that overruns", tracks(mp4Trak(1, "vide", 1000, cat(be32(900), []byte("avc1")))), at(ftyp), "a sample description that does not fit", false},
		{"a sample description to the end", tracks(mp4Trak(1, "vide", 1000, cat(be32(0), []byte("avc1")))), at(ftyp), "a sample description that does not fit", false},
		{"two sample descriptions", tracks(id(entry(bx("stsd", be32(0, 2), avcEntry, avcEntry)))), at(ftyp), "2 sample descriptions; expected one", false},
		{"no sample description", tracks(id(entry())), at(ftyp), "0 sample descriptions", false},
		{"large sample descriptions", tracks(mp4Trak(1, "vide", 1000, visual("avc1", make([]byte, maxEntries)))), at(ftyp), "at most 65536 are taken", true},
		{"a short mdhd", tracks(bx("trak", bx("mdia", bx("mdhd", be32(0))))), at(ftyp), "a mdhd of 4 bytes is too short", false},
		{"a short trex", moov(opsTrak, bx("mvex", bx("trex", be32(0, 2)))), at(ftyp), "a trex is too short", false},
		{"boxes inside themselves", tracks(bx("trak", deep)), at(ftyp), "boxes inside each other, more than 6 deep", false},
		{"a box that overruns the moov", moov(cat(be32(900), []byte("trak"))), at(ftyp), "a box in it does not fit", false},
		{"a size of 2^63 in the moov", moov(bxClaim("trak", 1<<63)), at(ftyp), "a box in it does not fit", false},
		{"an edit list of 2^32", tracks(mp4Trak(1, "soun", 48000, opsEntry, bx("edts", bx("elst", be32(0, 0xFFFFFFFF))))), at(ftyp), "an edit list that is cut off", false},
		{"an edit list beyond a day", tracks(mp4Trak(1, "soun", 1, opsEntry, elst(0, 90_000, 0))), at(ftyp), "begins more than a day into the media", false},
		{"an edit list that waits for ever", cat(ftyp, bx("moov", bx("mvhd", be32(0, 0, 0, 1, 0)), mp4Trak(1, "soun", 48000, opsEntry, elst(0xFFFFFFFF, 0xFFFFFFFF, 0)), mvex(1))), at(ftyp), "waits for more than a day", false},
		{"an edit list in a movie without ticks", tracks(mp4Trak(1, "soun", 48000, opsEntry, elst(1, 0xFFFFFFFF, 0))), at(ftyp), "waits for more than a day", false},
		{"a box that overruns the moof", cat(s, bx("moof", be32(900), []byte("traf"))), at(s), "in a moof: a box in it does not fit", false},
		{"65 trafs", cat(s, bx("moof", trafs...)), at(s), "a moof of more than 64 trafs", true},
		{"a traf of nobody", of(), at(s), "a traf without tfhd", false},
		{"two tfhds", of(tfhd, tfhd), at(s), "a second tfhd", false},
		{"a trun before the tfhd", of(bx("trun", be32(0, 0))), at(s), "a trun comes before its tfhd", false},
		{"an unknown track", of(bx("tfhd", be32(0, 77))), at(s), "samples of track 77, which the header does not name", false},
		{"a short tfhd", of(bx("tfhd", be32(tfhdSize, 2))), at(s), "a tfhd of 8 bytes is too short", false},
		{"a tfhd of nothing", of(bx("tfhd")), at(s), "a tfhd of 0 bytes is too short", false},
		{"another sample description", of(bx("tfhd", be32(tfhdDescription, 2, 3))), at(s), "samples of description 3; the track has one", false},
		{"a base of 2^63", of(bx("tfhd", be32(tfhdBase, 2), be64(1<<63))), at(s), "a base data offset of 9223372036854775808", false},
		{"a short tfdt", of(tfhd, bx("tfdt", be32(1<<24, 0))), at(s), "a tfdt of 8 bytes is too short", false},
		{"a tfdt of 2^63", times(1, 1<<63, 1), at(s), "a decode time of 9223372036854775808 ticks, beyond any clock", false},
		{"a tfdt of 146 years and more", times(1, 48000*4_700_000_000, 1), at(s), "beyond any clock", false},
		{"a tfdt and more than any clock", times(1, 48000*4_611_000_000, 1<<32-1), -1, "", false},
		{"a short trun", trun(trunOffset, 1), at(s), "a trun of 8 bytes is too short", false},
		{"2^32 samples and a short table", trun(trunOffset|trunSize, 0xFFFFFFFF, 200, 1), at(s), "a trun of 4294967295 samples with a table of 4 bytes", false},
		{"2^32 samples of no bytes", of(bx("tfhd", be32(tfhdBaseIsMoof|tfhdSize, 2, 0)), bx("trun", be32(trunOffset, 0xFFFFFFFF, 200))), at(s), "4294967295 samples without a size", false},
		{"2^32 samples of two bytes", cat(trun(trunOffset, 0xFFFFFFFF, 8+8+16+20+8), bxClaim("mdat", 1<<40)), at(trun(trunOffset, 0, 0)), "an mdat of 1099511627776 bytes for 8589934590", false},
		{"2^32 samples of 2^32 ticks", of(bx("tfhd", be32(tfhdBaseIsMoof|tfhdDuration, 2, 0xFFFFFFFF)), bx("trun", be32(trunOffset, 0xFFFFFFFF, 200))), at(s), "longer than any clock", false},
		{"and twice nearly so many", of(bx("tfhd", be32(tfhdBaseIsMoof|tfhdDuration, 2, 0xFFFFFFFF)), bx("trun", be32(trunOffset, 0x3FFFFFFF, 200)), bx("trun", be32(0, 0x3FFFFFFF))), at(s), "longer than any clock", false},
		{"a sample of 2 MiB and a byte", trun(trunOffset|trunSize, 1, 200, MaxBlock+1), at(s), "a sample of 2097153 bytes; at most 2097152 are taken", true},
		{"a sample of 2^32-1 by default", of(bx("tfhd", be32(tfhdBaseIsMoof|tfhdSize, 2, 0xFFFFFFFF)), bx("trun", be32(trunOffset, 1, 200))), at(s), "a sample of 4294967295 bytes", true},
		{"data in the moof", trun(trunOffset, 1, 20), at(s), "which is not behind their moof", false},
		{"data before the moof", trun(trunOffset, 1, 0xFFFFFF00), at(s), "which is not behind their moof", false},
		{"data without an offset", trun(0, 1), at(s), "which is not behind their moof", false},
		{"overlapping", cat(s, overlap), at(s), "samples overlap at byte", false},
		{"going back", cat(s, back), at(s), "samples overlap, or go back, at byte", false},
		{"data in the mdat's head", cat(trun(trunOffset, 1, 8+8+16+20+4), bx("mdat", []byte("AA"))), at(trun(trunOffset, 0, 0)), "before the mdat that holds them", false},
		{"data behind the mdat", cat(s, outside, bx("mdat", []byte("AA")), one(2, 0, "A")), at(s) + len(outside) + 10, `box "moof" comes before the samples of the last fragment, which are said to begin at byte`, false},
		{"data behind the mdat, and a file", cat(s, outside, bx("mdat", []byte("AA")), s), at(s) + len(outside) + 10, `box "ftyp" comes before the samples`, false},
		{"data over the mdat's end", cat(s, outside, bx("mdat", []byte("AAA"))), at(s) + len(outside) + 10, "a sample of 2 bytes, of which the mdat holds 1", false},
		{"a moof after another", cat(s, moofOf(one(2, 0, "A")), one(2, 1, "A")), at(moofOf(one(2, 0, "A"))) + at(s), `box "moof" comes before the samples`, false},
		{"too much before what is decoded first", cat(v, farAudio, be32(16<<20), []byte("mdat")), at(v) + len(farAudio) + 8 + maxHeld, "8388610 bytes come before what is decoded first; at most 8388608 are held", true},
		{"rubbish after a fragment", cat(held, []byte("\x00\x00\x00\x02")), at(held), "begins none", false},
	}
	return all
}

// TestMP4Ends says what is missing where an input ends.
func TestMP4Ends(t *testing.T) {
	s := mp4Begin(opsTrak)
	f := cat(s, frag(tr{2, 0, []smp{{960, true, 0, "AAAA"}, {960, true, 0, "BBBB"}}}))
	for _, c := range []struct {
		in     []byte
		frames int
		words  string // none: a clean end
	}{
		{nil, 0, "before any moov; a recorder's first chunk must be sent first"},
		{mp4Ftyp(), 0, "before any moov"},
		{s, 0, ""},
		{s[:len(s)-1], 0, "ends inside a box; its last"},
		{f, 2, ""},
		{f[:len(f)-1], 1, "ends inside a fragment, whose last samples are left out"},
		{f[:len(f)-8], 0, "ends inside a fragment"},
		{f[:len(f)-16], 0, "ends inside a fragment"},
		{f[:len(f)-17], 0, "ends inside a box; its last"},
		{cat(f, bx("free", ramp(5))[:7]), 2, "its last 7 bytes are left out"},
		{cat(f, bx("free", ramp(5))[:9]), 2, "its last 0 bytes are left out"},
		{cat(f, mp4Ftyp()), 2, "before any moov"},
	} {
		r := parse(ByExt("mp4"), c.in, whole, true)
		if len(r.frames) != c.frames {
			t.Errorf("%d bytes: %d frames; expected %d", len(c.in), len(r.frames), c.frames)
		}
		if c.words == "" && r.err != nil {
			t.Errorf("%d bytes: %v", len(c.in), r.err)
		} else if c.words != "" {
			wantErr(t, r.err, c.words)
		}
	}
}
