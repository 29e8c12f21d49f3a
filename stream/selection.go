package stream

// selection is the converter that passes some tracks on: of each track the index
// among them, or -1.
type selection []int

func (t selection) wants(p *Part) bool { return p.Kind != Filler && t[p.Track] >= 0 }

func (t selection) convert(dst []*Part, p *Part) []*Part {
	return append(dst, &Part{Kind: Body, Key: p.Key, Track: t[p.Track], Time: p.Time, Duration: p.Duration, Composition: p.Composition, Frame: p.Frame, lacing: p.lacing})
}

func (t selection) rest(dst []*Part) []*Part { return dst }

// only returns a header of the tracks of one type, and of each of h's tracks the
// index in it, or -1.
func (h *head) only(t TrackType) (some *head, to []int) {
	some, to = &head{}, make([]int, len(h.tracks))
	for i := range h.tracks {
		if to[i] = -1; h.tracks[i].Type == t {
			to[i] = len(some.tracks)
			some.tracks = append(some.tracks, h.tracks[i])
		}
	}
	return some, to
}
