package stream

import (
	"encoding/binary"
	"math"
)

// mp4Muxer writes every sample as a fragment of its own.
type mp4Muxer struct {
	head  *head
	video int    // index of the track whose keyframes are joins, or -1
	count uint32 // of fragments; nobody minds that it begins anywhere, and passes 2^32
}

func newMP4Muxer(h *head) (Muxer, error) {
	return &mp4Muxer{head: h, video: h.video()}, nil
}

// Bytes of the boxes of a fragment, and of all that stands before its sample; a
// composition offset has 4 more.
const (
	mfhdBytes = 16
	tfhdBytes = 16
	tfdtBytes = 20
	trunBytes = 32
	trafBytes = 8 + tfhdBytes + tfdtBytes + trunBytes
	moofBytes = 8 + mfhdBytes + trafBytes
	leadBytes = moofBytes + 8
)

// Mux writes moof and mdat (ISO 14496-12, section 8.8). Its time is in the ticks of
// the recorder's track, each from the stream time by itself, so that nothing adds up.
func (m *mp4Muxer) Mux(p *Part) {
	t := &m.head.tracks[p.Track]
	if m.video < 0 || p.Track == m.video && p.Key {
		p.Kind = Join
	}
	fields, extra := uint32(trunOffset|trunDuration|trunSize|trunFlags), 0
	later := timeToTicks(p.Composition, t.scale)
	if later != int64(int32(later)) {
		later = 0 // a run of coarser ticks said so; ours are too fine for it
	}
	if later != 0 {
		fields, extra = fields|trunComposition|1<<24, 4 // version 1: it has a sign
	}
	flags := uint32(sampleAlone)
	if !p.Key {
		flags = sampleNotSync | sampleDepends
	}
	m.count++
	be := binary.BigEndian
	b := make([]byte, 0, leadBytes+extra+len(p.Frame))
	b = appendBoxHead(b, "moof", moofBytes+extra)
	b = appendBoxHead(b, "mfhd", mfhdBytes)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, m.count)
	b = appendBoxHead(b, "traf", trafBytes+extra)
	b = appendBoxHead(b, "tfhd", tfhdBytes)
	b = be.AppendUint32(b, tfhdBaseIsMoof)
	b = be.AppendUint32(b, uint32(p.Track+1))
	b = appendBoxHead(b, "tfdt", tfdtBytes)
	b = be.AppendUint32(b, 1<<24) // 64 bits
	b = be.AppendUint64(b, uint64(timeToTicks(max(0, p.Time), t.scale)))
	b = appendBoxHead(b, "trun", trunBytes+extra)
	b = be.AppendUint32(b, fields)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(leadBytes+extra))
	b = be.AppendUint32(b, uint32(min(timeToTicks(p.Duration, t.scale), math.MaxUint32)))
	b = be.AppendUint32(b, uint32(len(p.Frame)))
	b = be.AppendUint32(b, flags)
	if extra > 0 {
		b = be.AppendUint32(b, uint32(later))
	}
	b = appendBoxHead(b, "mdat", 8+len(p.Frame))
	b = append(b, p.Frame...)
	p.Frame = b[len(b)-len(p.Frame):]
	p.Bytes = b
}

// Filler is a free box without data, legal between any two of our parts.
func (m *mp4Muxer) Filler() []byte { return mp4Box("free") }

// mp4Pad returns a free box of exactly n bytes, n ≥ 8, as a head and the zeros after
// it.
func mp4Pad(n int) (head []byte, zeros int) { return appendBoxHead(nil, "free", n), n - 8 }

// Header returns ftyp and a moov without durations and edit lists: it promises no
// end. Of the recorder's there are the sample entries, byte for byte, since only
// they hold the decoders' configurations, and how pictures are turned.
func (m *mp4Muxer) Header() []byte {
	n := uint32(len(m.head.tracks))
	moov := mp4Box("mvhd", words(0, 0, 0, 1000, 0, 0x10000, 0x1000000, 0, 0), unturned, words(0, 0, 0, 0, 0, 0, n+1))
	var mvex []byte
	for i := range m.head.tracks {
		id := uint32(i + 1)
		moov = append(moov, m.head.tracks[i].trak(id)...)
		mvex = append(mvex, mp4Box("trex", words(0, id, 1, 0, 0, 0))...)
	}
	return append(mp4Box("ftyp", []byte("iso5\x00\x00\x00\x00iso5iso6mp41")), mp4Box("moov", moov, mp4Box("mvex", mvex))...)
}

// unturned is the matrix that leaves pictures as they are (section 6.2.2).
var unturned = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

// trak is a track of the header.
func (t *Track) trak(id uint32) []byte {
	handler, media, volume := "vide\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00video\x00", mp4Box("vmhd", words(1, 0, 0)), uint32(0)
	if t.Type == Audio {
		handler, media, volume = "soun\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00sound\x00", mp4Box("smhd", words(0, 0)), 0x1000000
	}
	const enabledInMovie, und, here = 3, 0x55C40000, 1
	stbl := mp4Box("stbl",
		mp4Box("stsd", words(0, 1), t.entry),
		mp4Box("stts", words(0, 0)),
		mp4Box("stsc", words(0, 0)),
		mp4Box("stsz", words(0, 0, 0)),
		mp4Box("stco", words(0, 0)))
	data := mp4Box("dinf", mp4Box("dref", words(0, 1), mp4Box("url ", words(here))))
	return mp4Box("trak",
		mp4Box("tkhd", words(enabledInMovie, 0, 0, id, 0, 0, 0, 0, 0, volume), t.shape),
		mp4Box("mdia",
			mp4Box("mdhd", words(0, 0, 0, uint32(t.scale), 0, und)),
			mp4Box("hdlr", words(0, 0), []byte(handler)),
			mp4Box("minf", media, data, stbl)))
}
