package relay

import (
	"bytes"
	"net/http"
	"time"

	"everfile/stream"
)

// filling keeps a body of plain samples on the wall clock, for players that give
// up on silence: where nothing comes it is given zeros, and what comes too late
// for its place is left out. A nil filling does nothing.
type filling struct {
	rate  int64 // frames per second; a frame is a sample of each channel
	frame int64 // bytes
	zero  byte  // of silence
	begun bool
	late  bool  // what comes is left out, up to its place
	at    int64 // stream time at which the body is, in frames
	timer *time.Timer
}

const (
	fillAfter = 300 * time.Millisecond // so late may samples be
	fillEvery = 100 * time.Millisecond
	fillMost  = 5 * time.Second // of silence at once
)

// parseFill reads ?fill=silence.
func parseFill(r *http.Request, st *stream.Stream) (*filling, error) {
	v := r.URL.Query().Get("fill")
	if v == "" {
		return nil, nil
	}
	t := &st.Tracks()[0]
	if v != "silence" || !st.Format().Plain() {
		return nil, refuse(http.StatusBadRequest, "fill=silence keeps WAV and PCM on the clock while their publisher is away; got %.20q for a stream of %s.", v, st.Format().Name)
	}
	f := &filling{rate: int64(t.Rate), frame: int64(t.Channels * t.Bits / 8)}
	if t.Bits == 8 {
		f.zero = 0x80 // eight bits are unsigned
	}
	return f, nil
}

// frames is how many there are until a stream time.
func (f *filling) frames(t time.Duration) int64 {
	return int64(t/time.Second)*f.rate + int64(t%time.Second)*f.rate/int64(time.Second)
}

// add puts a vector's parts in their places, and silence where the clock has
// passed without any.
func (f *filling) add(v *vector, clock time.Duration) {
	for _, p := range v.parts {
		v.add(f.place(v, p))
	}
	if late := f.frames(clock) - f.at; f.begun && late > f.frames(fillAfter) {
		f.silence(v, late-f.frames(fillAfter-fillEvery))
	}
}

// place returns what of a part is to be sent, after the silence that it needs.
func (f *filling) place(v *vector, p *stream.Part) []byte {
	b, from := p.Bytes, f.frames(p.Time)
	gap := from - f.at
	switch {
	case !f.begun || gap > f.frames(fillMost): // it was moved forward, and has lost that time
		f.begun, f.at, f.late = true, from, false
	case gap > f.frames(fillAfter):
		f.silence(v, gap)
	case gap < -f.frames(fillAfter):
		f.late = true
	case gap >= 0:
		f.late = false // between these the run goes on to the frame, whatever its time's rounding
	}
	if f.late {
		b = b[min(-gap*f.frame, int64(len(b))):]
	}
	f.at += int64(len(b)) / f.frame
	return b
}

// silence adds so many frames of it, or as many as one write may have.
func (f *filling) silence(v *vector, frames int64) {
	frames = min(frames, f.frames(fillMost))
	f.at += frames
	for left := frames * f.frame; left > 0; {
		n := min(left, int64(len(zeros))/f.frame*f.frame)
		if f.zero != 0 {
			v.add(bytes.Repeat([]byte{f.zero}, int(n)))
		} else {
			v.add(zeros[:n])
		}
		left -= n
	}
}

// due returns when to look at the clock again.
func (f *filling) due() <-chan time.Time {
	if f.timer == nil {
		f.timer = time.NewTimer(fillEvery)
	} else {
		f.timer.Reset(fillEvery)
	}
	return f.timer.C
}

func (f *filling) stop() {
	if f != nil && f.timer != nil {
		f.timer.Stop()
	}
}
