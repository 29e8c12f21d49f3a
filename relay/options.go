package relay

import (
	"io/fs"
	"log/slog"
	"time"

	"everfile/stream"
)

// Options of a [Server]; a zero field means its default.
type Options struct {
	Stream stream.Options // durations and limits of the streams

	Static      fs.FS    // the pages; nil: none
	AllowOrigin []string // origins besides the server's own that may use it from a page; "*" is any

	Held       time.Duration // GET waits so long for a stream whose name is registered (10 s)
	MaxWait    time.Duration // the longest ?wait= (5 min)
	Ahead      time.Duration // how far a body with a Content-Length is read ahead of its timestamps (1 s)
	AckEvery   time.Duration // acknowledgements are at least so far apart (200 ms)
	PingEvery  time.Duration // sockets are pinged so often (20 s)
	PingWithin time.Duration // and closed when no answer came after this (25 s)
	Stall      time.Duration // a listener that takes nothing for so long is closed (2 min)
	Unsent     int           // bytes the kernel may hold for a listener that have not been sent (64 KiB)
	Hello      time.Duration // a request's head must arrive within this (10 s)
	Drain      time.Duration // how long a stopping server lets connections take what is left (3 s)

	Log *slog.Logger // (slog.Default())
}

func (o Options) withDefaults() Options {
	def(&o.Held, 10*time.Second)
	def(&o.MaxWait, 5*time.Minute)
	def(&o.Ahead, time.Second)
	def(&o.AckEvery, 200*time.Millisecond)
	def(&o.PingEvery, 20*time.Second)
	def(&o.PingWithin, 25*time.Second)
	def(&o.Stall, 2*time.Minute)
	def(&o.Unsent, 64<<10)
	def(&o.Hello, 10*time.Second)
	def(&o.Drain, 3*time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stream.Log == nil {
		o.Stream.Log = o.Log
	}
	return o
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
