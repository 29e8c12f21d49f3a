package stream

import (
	"fmt"
	"time"
)

// oggMuxer writes every packet into pages of its own. Granule positions are those
// of the stream time, and pages are numbered, over all runs: a listener that comes
// late begins with the header's pages and goes on with a much later one.
type oggMuxer struct {
	header []byte
	tracks []oggTrack
}

func newOggMuxer(h *head) (Muxer, error) {
	m := &oggMuxer{tracks: make([]oggTrack, len(h.tracks))}
	all := make([][][]byte, len(h.tracks))
	for i := range h.tracks {
		t := &h.tracks[i]
		var err error
		if all[i], err = oggHeaders(t); err != nil {
			return nil, fmt.Errorf("track %d: %w", i, err)
		}
		m.tracks[i] = oggTrack{serial: uint32(i + 1), rate: int64(t.Rate)}
		if t.Codec == "opus" {
			m.tracks[i].rate = opusRate
			if lead, counted := decodedLead(t); !counted {
				m.tracks[i].skip = int64(lead)
			}
		}
		m.header = m.tracks[i].packet(m.header, oggBegin, 0, all[i][0])
	}
	for i := range m.tracks {
		for _, packet := range all[i][1:] {
			m.header = m.tracks[i].packet(m.header, 0, 0, packet)
		}
	}
	return m, nil
}

// Header returns the first pages of all streams, then the rest of their headers.
func (m *oggMuxer) Header() []byte { return m.header }

// Mux writes the part's pages; every part is a join.
func (m *oggMuxer) Mux(p *Part) {
	t := &m.tracks[p.Track]
	t.granule = max(t.granule, t.position(p.End()))
	n, frame := oggSize(len(p.Frame)), p.Frame
	p.Kind = Join
	if oggPages(len(frame)) == 1 {
		p.Bytes = t.packet(make([]byte, 0, n), 0, t.granule, frame)
		p.Frame = p.Bytes[n-len(frame):]
		return
	}
	b := append(t.packet(make([]byte, 0, n+len(frame)), 0, t.granule, frame), frame...)
	p.Bytes, p.Frame, p.apart = b[:n:n], b[n:], len(frame)
}

// position is the granule position of a stream time.
func (t *oggTrack) position(at time.Duration) int64 {
	half := int64(time.Second / 2)
	return int64(at/time.Second)*t.rate + (int64(at%time.Second)*t.rate+half)/int64(time.Second) + t.skip
}

// Filler is a page in which no packet begins or ends.
func (m *oggMuxer) Filler() []byte { return m.tracks[0].page(nil, 0, -1, 0, nil) }

// oggPad returns the zeros between two pages that readers skip on their way to
// the next one.
func oggPad(n int) (head []byte, zeros int) { return nil, n }
