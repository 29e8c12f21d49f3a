package stream

import (
	"bytes"
	"encoding/binary"
	"math"
)

// A small builder of WebM and WAV inputs, apart from the product's own writers
// where those could share a mistake with its readers.

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// vint is a variable-size integer of n bytes.
func vint(v uint64, n int) []byte {
	b := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		b[i], v = byte(v), v>>8
	}
	b[0] |= 1 << (8 - n)
	return b
}

// idBytes writes an ID, or any number, without leading zeros.
func idBytes(id uint64) []byte {
	b := binary.BigEndian.AppendUint64(nil, id)
	return bytes.TrimLeft(b, "\x00")
}

// el is an element with a size of 4 bytes, elN with one of n.
func el(id uint64, data ...[]byte) []byte { return elN(id, 4, data...) }

func elN(id uint64, n int, data ...[]byte) []byte {
	d := cat(data...)
	return cat(idBytes(id), vint(uint64(len(d)), n), d)
}

// num is an element that holds a number.
func num(id, v uint64) []byte {
	d := idBytes(v)
	if len(d) == 0 {
		d = []byte{0}
	}
	return elN(id, 1, d)
}

func str(id uint64, s string) []byte { return elN(id, 1, []byte(s)) }

// open is the head of an element of unknown size whose marker has n bytes.
func open(id uint64, n int) []byte { return cat(idBytes(id), vint(1<<(7*n)-1, n)) }

// claim is the head of an element that says it has size bytes.
func claim(id, size uint64) []byte { return cat(idBytes(id), vint(size, 8)) }

func ebmlHead(extra ...[]byte) []byte { return el(idEBML, str(idDocType, "webm"), cat(extra...)) }

func segInfo(scale uint64) []byte { return el(idInfo, num(idTimestampScale, scale)) }

func trackEl(number uint64, kind TrackType, codec string, extra ...[]byte) []byte {
	return el(idTrackEntry, num(idTrackNumber, number), num(idTrackType, uint64(kind)), str(idCodecID, codec), cat(extra...))
}

func freq(hz float64) []byte {
	return elN(idAudio, 1, elN(idSamplingFreq, 1, binary.BigEndian.AppendUint64(nil, math.Float64bits(hz))), num(idChannels, 2))
}

// begin is a file's begin with a Segment of unknown size.
func begin(tracks ...[]byte) []byte {
	return cat(ebmlHead(), open(idSegment, 8), segInfo(1e6), el(idTracks, tracks...))
}

var (
	vp8Track  = trackEl(1, Video, "V_VP8")
	opusTrack = trackEl(2, Audio, "A_OPUS")
	pcmTrack  = trackEl(2, Audio, "A_PCM/FLOAT/IEEE", freq(48000))
)

func blockData(number uint64, rel int16, flags byte, data string) []byte {
	n := 1
	for number >= 1<<(7*n)-1 {
		n++
	}
	return cat(vint(number, n), []byte{byte(uint16(rel) >> 8), byte(rel), flags}, []byte(data))
}

func simple(number uint64, rel int16, flags byte, data string) []byte {
	return el(idSimpleBlock, blockData(number, rel, flags, data))
}

func group(number uint64, rel int16, flags byte, data string, extra ...[]byte) []byte {
	return el(idBlockGroup, el(idBlock, blockData(number, rel, flags, data)), cat(extra...))
}

// cluster has a known size.
func cluster(ticks uint64, blocks ...[]byte) []byte {
	return el(idCluster, num(idTimestamp, ticks), cat(blocks...))
}

// wavSpec is a WAV file to be made; zero sizes are those of an ordinary file.
type wavSpec struct {
	riff           string
	tag            int
	channels, bits int
	rate           int
	size           uint32 // of the data chunk, if sized
	sized          bool
	before         []byte // chunks between fmt and data
	data           []byte
}

func (w wavSpec) bytes() []byte {
	if w.riff == "" {
		w.riff = "RIFF"
	}
	if !w.sized {
		w.size = uint32(len(w.data))
	}
	return cat([]byte(w.riff+"\xff\xff\xff\xffWAVE"), w.fmt(), w.before, riffHead("data", w.size), w.data)
}

func (w wavSpec) fmt() []byte {
	align := w.channels * w.bits / 8
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(w.tag))
	b = le.AppendUint16(b, uint16(w.channels))
	b = le.AppendUint32(b, uint32(w.rate))
	b = le.AppendUint32(b, uint32(w.rate*align))
	b = le.AppendUint16(b, uint16(align))
	return riffChunk("fmt ", le.AppendUint16(b, uint16(w.bits)))
}

func riffHead(id string, size uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte(id), size)
}

// riffChunk pads odd data, as RIFF wants it.
func riffChunk(id string, data []byte) []byte {
	b := cat(riffHead(id, uint32(len(data))), data)
	if len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// ramp is n bytes that are not the same anywhere soon.
func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}
