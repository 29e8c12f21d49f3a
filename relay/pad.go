package relay

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"everfile/stream"
)

// padBlock is the unit in which some engines hand a body's bytes to their
// demuxers: what does not fill one stays unseen until more comes.
const padBlock = 32 << 10

// The interval between pads that a request may ask for, and the longest that a
// listener who does not keep up is brought to.
const (
	minPad = 20 * time.Millisecond
	maxPad = 800 * time.Millisecond
)

// padding aligns a body to padBlock with fillers, at most once per interval. A
// nil padding does nothing. What counts is the body's length so far, without
// the transfer's own framing.
type padding struct {
	format *stream.Format
	asked  time.Duration
	every  time.Duration // asked, or a multiple while the listener is behind
	sent   int64         // of the body
	last   time.Time
	calm   int // pads in a row that were drained in time
	timer  *time.Timer
	log    *slog.Logger
}

// parsePad reads ?pad=MILLISECONDS. Formats without a filler ignore it.
func parsePad(r *http.Request, f *stream.Format, log *slog.Logger) (*padding, error) {
	v := r.URL.Query().Get("pad")
	if v == "" || v == "0" {
		return nil, nil
	}
	ms, err := strconv.Atoi(v)
	if err != nil || ms < 0 || ms > 10_000 {
		return nil, refuse(http.StatusBadRequest, "pad is the least distance of two alignments in milliseconds, as in ?pad=200; got %.20q.", v)
	}
	if !f.CanPad() {
		return nil, nil
	}
	d := max(minPad, time.Duration(ms)*time.Millisecond)
	return &padding{format: f, asked: d, every: d, log: log}, nil
}

// due returns when to come back for a pad, or nil when none is owed.
func (p *padding) due() <-chan time.Time {
	if p == nil || p.sent%padBlock == 0 {
		return nil
	}
	wait := max(0, p.every-time.Since(p.last))
	if p.timer == nil {
		p.timer = time.NewTimer(wait)
	} else {
		p.timer.Reset(wait)
	}
	return p.timer.C
}

// zeros is what fillers are made of.
var zeros [2 * padBlock]byte

// add appends a filler to a write that leaves nothing pending, if it is time
// for one. A listener that has not taken the last write gets none, and its
// interval doubles; 16 pads without that bring it halfway back.
func (p *padding) add(v *vector, now time.Time, drained func() bool) {
	if p == nil {
		return
	}
	p.sent += int64(v.size)
	rest := int(p.sent % padBlock)
	if rest == 0 || now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	if !drained() {
		p.calm = 0
		if p.every < maxPad {
			p.every = min(2*p.every, maxPad)
			p.log.Debug("a listener is slow: padding less", "every", p.every)
		}
		return
	}
	if p.calm++; p.calm >= 16 && p.every > p.asked {
		p.calm, p.every = 0, max(p.every/2, p.asked)
	}
	head, n := p.format.Pad(padBlock-rest, padBlock)
	v.add(head)
	v.add(zeros[:n])
	p.sent += int64(len(head) + n)
}

func (p *padding) stop() {
	if p != nil && p.timer != nil {
		p.timer.Stop()
	}
}
