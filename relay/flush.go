package relay

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// maxFlush is the most that net/http sends by one write per flush.
const maxFlush = 4080

// flushDoor writes through net/http: HTTP/2, bodies of exact length, and whatever
// cannot be hijacked.
type flushDoor struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	ctx     context.Context
	stall   time.Duration
	renewed time.Time
	took    time.Duration // the last write
	aborted atomic.Bool
}

func (d *flushDoor) name() string  { return "flush" }
func (d *flushDoor) drained() bool { return d.took < 20*time.Millisecond }
func (d *flushDoor) gone() bool    { return d.ctx.Err() != nil }

func (d *flushDoor) abort() {
	d.aborted.Store(true)
	_ = d.rc.SetWriteDeadline(time.Unix(1, 0))
}

// close ends the body by the handler's return, or tears it off. The deadline would
// outlive it on a connection that is used again.
func (d *flushDoor) close(clean bool) {
	if clean {
		_ = d.rc.SetWriteDeadline(time.Time{})
	} else if d.ctx.Err() == nil {
		panic(http.ErrAbortHandler) // net/http's way to end a response as incomplete
	}
}

func (d *flushDoor) write(v *vector, now time.Time) error {
	err := d.deadline(now) // though there may be nothing to write
	if err != nil {
		return err
	}
	err = coalesce(v.bufs, maxFlush, func(b []byte) error {
		if err := d.deadline(time.Now()); err != nil { // each piece has its time: who is slow is not gone
			return err
		}
		if _, err := d.w.Write(b); err != nil {
			return err
		}
		return d.rc.Flush()
	})
	if err == nil && len(v.bufs) == 0 {
		err = d.rc.Flush()
	}
	d.took = time.Since(now)
	return err
}

// deadline renews the write deadline, thirty times in its span at most.
func (d *flushDoor) deadline(now time.Time) error {
	if now.Sub(d.renewed) >= d.stall/30 {
		d.renewed = now
		if err := d.rc.SetWriteDeadline(now.Add(d.stall)); err != nil {
			return err
		}
	}
	if d.aborted.Load() {
		return errGone
	}
	return nil
}
