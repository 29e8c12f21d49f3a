package stream

import "time"

// maxRelative is how far into a cluster a block may lie; 16 signed bits of
// milliseconds are the format's limit.
const maxRelative = 30_000

// typicalFrame stands in the header where a recorder does not say how long a
// picture lasts. Its value does not matter to players, its presence does: one
// engine otherwise buffers more than a second of media to find out.
const typicalFrame = 33_333_333 * time.Nanosecond

// webmMuxer writes blocks into clusters of its own.
type webmMuxer struct {
	head    *head
	video   int   // index of the track whose keyframes open clusters, or -1
	cluster int64 // timestamp of the open cluster in ms, or -1
}

func newWebMMuxer(h *head) (Muxer, error) {
	return &webmMuxer{head: h, video: h.video(), cluster: -1}, nil
}

// Header returns EBML header, Segment of unknown size, Info and Tracks.
func (m *webmMuxer) Header() []byte {
	doc := "webm"
	for i := range m.head.tracks {
		if !webmOwn(m.head.tracks[i].id) {
			doc = "matroska"
		}
	}
	ebml := appendUint(nil, 0x4286, 1) // EBMLVersion
	ebml = appendUint(ebml, 0x42F7, 1) // EBMLReadVersion
	ebml = appendUint(ebml, 0x42F2, 4) // EBMLMaxIDLength
	ebml = appendUint(ebml, 0x42F3, 8) // EBMLMaxSizeLength
	ebml = appendBytes(ebml, idDocType, []byte(doc))
	ebml = appendUint(ebml, 0x4287, 4) // DocTypeVersion
	ebml = appendUint(ebml, 0x4285, 2) // DocTypeReadVersion
	info := appendUint(nil, idTimestampScale, uint64(time.Millisecond))
	info = appendBytes(info, 0x4D80, []byte("everfile")) // MuxingApp
	info = appendBytes(info, 0x5741, []byte("everfile")) // WritingApp
	var tracks []byte
	for i := range m.head.tracks {
		tracks = appendBytes(tracks, idTrackEntry, m.trackEntry(i))
	}
	b := appendBytes(nil, idEBML, ebml)
	b = append(appendID(b, idSegment), unknownSize8...)
	b = appendBytes(b, idInfo, info)
	return appendBytes(b, idTracks, tracks)
}

// webmOwn reports whether a codec is one of WebM's; any other makes the file a
// Matroska file, and players are told so.
func webmOwn(id string) bool {
	switch id {
	case "V_VP8", "V_VP9", "V_AV1", "A_OPUS", "A_VORBIS":
		return true
	}
	return false
}

var unknownSize8 = []byte{0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}

func (m *webmMuxer) trackEntry(i int) []byte {
	t := &m.head.tracks[i]
	b := appendUint(nil, idTrackNumber, uint64(i+1))
	b = appendUint(b, idTrackUID, uint64(i+1))
	if t.Type == Video && t.FrameDuration == 0 {
		b = appendUint(b, idDefaultDuration, uint64(typicalFrame))
	}
	return append(b, t.entry...)
}

// Mux writes the part's block, and before it the head of a cluster where one
// must begin.
func (m *webmMuxer) Mux(p *Part) {
	ms := max(0, p.Time.Round(time.Millisecond).Milliseconds())
	if m.video < 0 || p.Track == m.video && p.Key {
		p.Kind = Join
	}
	frame := p.Frame
	body := 4 + len(frame) // track number, relative timestamp, flags
	block := 1 + sizeLen(body) + body
	rel := ms - m.cluster
	if m.video >= 0 && p.Kind != Join && m.cluster >= 0 && rel >= 0 && rel <= maxRelative {
		b := make([]byte, 0, block)
		m.finish(p, m.appendBlock(b, p, body, rel))
		return
	}
	stamp := 2 + uintLen(uint64(ms))
	if m.video < 0 {
		b := make([]byte, 0, 4+sizeLen(stamp+block)+stamp+block)
		b = appendSize(appendID(b, idCluster), stamp+block)
		b = appendUint(b, idTimestamp, uint64(ms))
		m.finish(p, m.appendBlock(b, p, body, 0))
		return
	}
	m.cluster = ms
	b := make([]byte, 0, 4+8+stamp+block)
	b = append(appendID(b, idCluster), unknownSize8...)
	b = appendUint(b, idTimestamp, uint64(ms))
	p.Lead = len(b)
	m.finish(p, m.appendBlock(b, p, body, 0))
}

func (m *webmMuxer) appendBlock(b []byte, p *Part, body int, rel int64) []byte {
	flags := p.lacing
	if p.Key {
		flags |= 0x80
	}
	b = appendSize(append(b, idSimpleBlock), body)
	b = append(b, 0x80|byte(p.Track+1), byte(rel>>8), byte(rel), flags)
	return append(b, p.Frame...)
}

func (m *webmMuxer) finish(p *Part, b []byte) {
	p.Frame = b[len(b)-len(p.Frame):]
	p.Bytes = b
}

// Filler is a Void element without data, legal between any two of our parts.
func (m *webmMuxer) Filler() []byte { return []byte{idVoid, 0x80} }

// webmPad returns a Void element of exactly n bytes, n ≥ 2, as a head and the
// zeros after it.
func webmPad(n int) (head []byte, zeros int) {
	if n <= 128 {
		return []byte{idVoid, 0x80 | byte(n-2)}, n - 2
	}
	v := n - 9
	return []byte{idVoid, 0x01, 0, 0, 0, byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, v
}
