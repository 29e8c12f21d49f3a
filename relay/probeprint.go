package relay

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// What a probe prints, as the JSON names it. Times are seconds, sizes bytes.

type probedHeader struct {
	Type      string        `json:"type"` // "header"
	Offset    int64         `json:"offset"`
	Container string        `json:"container"`
	Tracks    []probedTrack `json:"tracks"`
}

type probedTrack struct {
	Track    int    `json:"track"`
	Type     string `json:"type"` // "audio", "video"
	Codec    string `json:"codec"`
	Rate     int    `json:"rate,omitempty"`
	Channels int    `json:"channels,omitempty"`
	Bits     int    `json:"bits,omitempty"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
	Words    string `json:"-"`
}

type probedPart struct {
	Type     string  `json:"type"` // "part"
	Offset   int64   `json:"offset"`
	Kind     string  `json:"kind"` // "join": a decoder can start here; "body"
	Track    int     `json:"track"`
	Time     float64 `json:"time"`
	Duration float64 `json:"duration,omitempty"` // not there: the container does not say
	Size     int     `json:"size"`               // of the codec's frame
	Key      bool    `json:"key"`
	Jump     float64 `json:"jump,omitempty"` // by how much its time is not where it should be
}

type probedTotals struct {
	Type          string        `json:"type"`      // "totals"
	Container     string        `json:"container"` // "": unknown
	Bytes         int64         `json:"bytes"`
	Frames        int64         `json:"frames"`
	Duration      float64       `json:"duration"`
	BitsPerSecond int64         `json:"bitsPerSecond"`
	Tracks        []trackTotals `json:"tracks"`
	Gaps          []gap         `json:"gaps"`               // the first hundred
	MoreGaps      int64         `json:"moreGaps,omitempty"` // how many others there are
}

type trackTotals struct {
	probedTrack
	Frames        int64     `json:"frames"`
	Bytes         int64     `json:"bytes"` // of its frames
	BitsPerSecond int64     `json:"bitsPerSecond"`
	Keyframes     int64     `json:"keyframes,omitempty"` // of video
	Interval      *interval `json:"keyframeInterval,omitempty"`
}

type interval struct {
	Least  float64 `json:"least"`
	Median float64 `json:"median"`
	Most   float64 `json:"most"`
}

type gap struct {
	Offset int64   `json:"offset"` // of the part after it
	Track  int     `json:"track"`
	From   float64 `json:"from"` // time of the part before it
	To     float64 `json:"to"`
}

// lines prints objects of JSON.
type lines struct{ *json.Encoder }

func (l lines) header(h probedHeader) { _ = l.Encode(h) } // the writer keeps its error
func (l lines) part(p probedPart)     { _ = l.Encode(p) }
func (l lines) totals(t probedTotals) { _ = l.Encode(t) }

// onlyTotals leaves the parts out.
type onlyTotals struct{ printer }

func (onlyTotals) header(probedHeader) {}
func (onlyTotals) part(probedPart)     {}

// table prints columns for people.
type table struct {
	out    io.Writer
	headed bool
}

func (t *table) header(h probedHeader) {
	if !t.headed {
		t.headed = true
		fmt.Fprintf(t.out, "%12s  %-6s  %5s  %12s  %8s  %8s\n", "offset", "kind", "track", "time", "lasts", "size")
	}
	var tracks []string
	for _, k := range h.Tracks {
		tracks = append(tracks, fmt.Sprintf("%d: %s", k.Track, k.Words))
	}
	fmt.Fprintf(t.out, "%12d  %-6s  %s\n", h.Offset, "header", strings.Join(tracks, ", "))
}

func (t *table) part(p probedPart) {
	lasts := "-"
	if p.Duration > 0 {
		lasts = fmt.Sprintf("%.3f", p.Duration)
	}
	line := fmt.Sprintf("%12d  %-6s  %5d  %12.3f  %8s  %8d", p.Offset, p.Kind, p.Track, p.Time, lasts, p.Size)
	if p.Key {
		line += "  key"
	}
	if p.Jump != 0 {
		line += fmt.Sprintf("  jumps by %+.3f", p.Jump)
	}
	fmt.Fprintln(t.out, line)
}

func (t *table) totals(s probedTotals) {
	name := s.Container
	if name == "" {
		name = "unknown container"
	}
	fmt.Fprintf(t.out, "%s: %d bytes, %d frames, %.3f s, %.0f kbit/s\n", name, s.Bytes, s.Frames, s.Duration, float64(s.BitsPerSecond)/1000)
	for _, k := range s.Tracks {
		fmt.Fprintf(t.out, "track %d: %s, %d frames, %d bytes, %.0f kbit/s", k.Track, k.Words, k.Frames, k.Bytes, float64(k.BitsPerSecond)/1000)
		if k.Type == "video" {
			fmt.Fprintf(t.out, ", %d keyframes", k.Keyframes)
		}
		if i := k.Interval; i != nil {
			fmt.Fprintf(t.out, " every %.3f to %.3f s, median %.3f s", i.Least, i.Most, i.Median)
		}
		fmt.Fprintln(t.out)
	}
	for _, g := range s.Gaps {
		fmt.Fprintf(t.out, "gap before byte %d: track %d goes from %.3f s to %.3f s\n", g.Offset, g.Track, g.From, g.To)
	}
	if s.MoreGaps > 0 {
		fmt.Fprintf(t.out, "and %d more gaps\n", s.MoreGaps)
	}
}
