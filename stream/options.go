package stream

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// Options holds every duration and limit of a [Hub]; a zero field means its
// default.
type Options struct {
	Window      time.Duration // how long parts are kept after the newest (10 s)
	WindowBytes int           // and how many bytes of memory they may take (4 MiB)
	HardBytes   int           // the window never passes the newest join, but this bounds it even then (16 MiB)
	Memory      int64         // all windows together (1 GiB)
	Grace       time.Duration // how long a file stays open when its publisher is gone (30 s; negative: not at all)
	Silent      time.Duration // a publisher silent for so long may be replaced by another with the same right (3 s)
	Filler      time.Duration // a stream silent for so long sends a filler (15 s)
	Check       time.Duration // a silent stream wakes its listeners so often to look after their connections (3 s)
	MaxLag      time.Duration // a live listener later than this is moved to the newest join (3 s)
	MinSaving   time.Duration // but only if that saves so much (1 s)
	Batch       time.Duration // with many listeners a stream wakes them no oftener than this (40 ms; negative: never batch)
	BatchFrom   int           // what many is (100)

	Now    func() time.Time         // the clock (time.Now)
	Log    *slog.Logger             // where losses are told (slog.Default())
	Logged func(name string) string // how an entry is called in the log (by its name)
}

// WithDefaults returns the options with every default in its place.
func (o Options) WithDefaults() Options {
	def(&o.Window, 10*time.Second)
	def(&o.WindowBytes, 4<<20)
	def(&o.HardBytes, 16<<20)
	def(&o.Memory, 1<<30)
	def(&o.Grace, 30*time.Second)
	def(&o.Silent, 3*time.Second)
	def(&o.Filler, 15*time.Second)
	def(&o.Check, 3*time.Second)
	def(&o.MaxLag, 3*time.Second)
	def(&o.MinSaving, time.Second)
	def(&o.Batch, 40*time.Millisecond)
	def(&o.BatchFrom, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logged == nil {
		o.Logged = func(name string) string { return name }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Counters of a stream. Any goroutine may read them at any time.
type Counters struct {
	BytesIn   atomic.Int64 // from publishers
	Parts     atomic.Int64 // appended
	BytesOut  atomic.Int64 // handed to listeners
	Listeners atomic.Int64 // now
	Skips     atomic.Int64 // how often listeners, or what makes the stream, were moved forward
	LostParts atomic.Int64 // that they did not get

	// Of streams that are made of another.
	Damaged     atomic.Int64 // frames that gave no samples, and are silence, or that are no frames to another container
	Corrections atomic.Int64 // how often samples were put right to their timestamps
}
