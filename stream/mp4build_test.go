package stream

import (
	"bytes"
	"encoding/binary"
)

// A small builder of MP4 inputs, apart from the product's own writer.

func bx(kind string, data ...[]byte) []byte {
	d := cat(data...)
	return cat(be32(uint32(8+len(d))), []byte(kind), d)
}

// bx64 has its size in 64 bits.
func bx64(kind string, data ...[]byte) []byte {
	d := cat(data...)
	return cat(be32(1), []byte(kind), be64(uint64(16+len(d))), d)
}

// bxClaim is the head of a box that says it has size bytes.
func bxClaim(kind string, size uint64) []byte { return cat(be32(1), []byte(kind), be64(size)) }

func be32(v ...uint32) (b []byte) {
	for _, w := range v {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func be64(v ...uint64) (b []byte) {
	for _, w := range v {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

// mp4Trak is a trak; extra boxes come before its mdia.
func mp4Trak(id uint32, handler string, scale uint32, entry []byte, extra ...[]byte) []byte {
	return bx("trak", bx("tkhd", be32(3, 0, 0, id, 0, 0, 0, 0, 0, 0), be32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000, 640<<16, 360<<16)), cat(extra...),
		bx("mdia", bx("mdhd", be32(0, 0, 0, scale, 0, 0)), bx("hdlr", be32(0, 0), []byte(handler), make([]byte, 13)),
			bx("minf", bx("stbl", bx("stsd", be32(0, 1), entry), bx("stts", be32(0, 0)), bx("stsz", be32(0, 0, 0))))))
}

func visual(kind string, boxes ...[]byte) []byte {
	return bx(kind, make([]byte, 24), be32(640<<16|360), make([]byte, 50), cat(boxes...))
}

func audible(kind string, channels, rate uint32, boxes ...[]byte) []byte {
	return bx(kind, make([]byte, 16), be32(channels<<16|16, 0, rate<<16), cat(boxes...))
}

func elst(entries ...uint32) []byte {
	return bx("edts", bx("elst", be32(0, uint32(len(entries)/3)), be32(entries...)))
}

var (
	avcEntry = visual("avc1", bx("btrt", be32(1, 2, 3)), bx("avcC", []byte{1, 0x42, 0xe0, 0x1e, 0xff}))
	opsEntry = audible("Opus", 2, 48000, bx("dOps", []byte{0, 2, 1, 56, 0, 0, 0xbb, 0x80, 0, 0, 0}))
	avcTrak  = mp4Trak(1, "vide", 1000, avcEntry)
	opsTrak  = mp4Trak(2, "soun", 48000, opsEntry)
	textTrak = mp4Trak(3, "text", 1000, bx("tx3g", make([]byte, 40)))
)

func mp4Ftyp() []byte { return bx("ftyp", []byte("isom"), be32(0), []byte("isomiso5")) }

func mvex(ids ...uint32) []byte {
	var all [][]byte
	for _, id := range ids {
		all = append(all, bx("trex", be32(0, id, 1, 960, 2, 0x2000000)))
	}
	return bx("mvex", all...)
}

func mp4Moov(traks ...[]byte) []byte {
	return bx("moov", bx("mvhd", be32(0, 0, 0, 600, 0), make([]byte, 80)), cat(traks...), mvex(1, 2, 3))
}

func mp4Begin(traks ...[]byte) []byte { return cat(mp4Ftyp(), mp4Moov(traks...)) }

// smp is a sample of a fragment, tr a track's samples in it, which begin at a decode
// time.
type smp struct {
	ticks uint32
	key   bool
	later int32
	data  string
}

type tr struct {
	id      uint32
	at      uint64
	samples []smp
}

// frag is a moof of 32-bit tfdts and everything said in the truns, and its mdat, in
// which the tracks stand one behind the other.
func frag(trs ...tr) []byte {
	var data []byte
	moof := func(base int) []byte {
		var trafs [][]byte
		data = nil
		for _, t := range trs {
			rows := be32(0xF01, uint32(len(t.samples)), uint32(base+len(data)))
			for _, s := range t.samples {
				flags := uint32(0x1010000)
				if s.key {
					flags = 0x2000000
				}
				rows = append(rows, be32(s.ticks, uint32(len(s.data)), flags, uint32(s.later))...)
				data = append(data, s.data...)
			}
			trafs = append(trafs, bx("traf", bx("tfhd", be32(0x020000, t.id)), bx("tfdt", be32(0, uint32(t.at))), bx("trun", rows)))
		}
		return bx("moof", bx("mfhd", be32(0, 1)), cat(trafs...))
	}
	return cat(moof(len(moof(0))+8), bx("mdat", data))
}

// moofOf is a fragment without its mdat.
func moofOf(frag []byte) []byte { return frag[:bytes.Index(frag, []byte("mdat"))-4] }

// one is a fragment of one key sample of 20 ticks.
func one(id uint32, at uint64, data string) []byte {
	return frag(tr{id, at, []smp{{20, true, 0, data}}})
}
