package relay

import (
	"io/fs"
	"log/slog"
	"time"

	"everfile/relay/calls"
	"everfile/stream"
)

// Options of a [Server]; a zero field means its default.
type Options struct {
	Stream stream.Options // durations and limits of the streams
	Calls  calls.Options  // and of the calls
	Link   LinkOptions    // and of push, which is the other side
	ICE    ICE            // what callers' peer connections may use

	Static      fs.FS    // the pages; nil: none
	AllowOrigin []string // origins besides the server's own that may use it from a page; "*" is any

	Held       time.Duration // GET waits so long for a stream whose name is registered (10 s)
	MaxWait    time.Duration // the longest ?wait= (5 min)
	Ahead      time.Duration // how far a body with a Content-Length is read ahead of its timestamps (1 s)
	AckEvery   time.Duration // acknowledgements are at least so far apart (200 ms)
	Beat       time.Duration // and at most so far while anything comes: a large chunk on a thin link is no dead one (1 s)
	PingEvery  time.Duration // sockets are pinged so often (20 s)
	PingWithin time.Duration // and closed when no answer came after this (25 s)
	Parting    time.Duration // a control line whose event stream broke may say goodbye for so long (1 s)
	Posts      time.Duration // a run that comes by POST has lost its connection when none came for so long (8 s)
	Stall      time.Duration // a listener that takes nothing for so long is closed (30 s)
	Unsent     int           // bytes the kernel may hold for a listener that have not been sent (64 KiB)
	Outbox     int           // bytes that may wait for a control socket before it is cut off (2 MiB)
	Talk       int           // bytes a second that are read of one, 4 times as many at once (128 KiB)
	Hello      time.Duration // a request's head must arrive within this, and so must a hello, or a source's first byte (10 s)
	Idle       time.Duration // a connection without a request is closed after this (2 min)
	CloseWait  time.Duration // how long the other side of a socket may take to answer a close (3 s)
	Unheard    time.Duration // who publishes in a call is told that nobody listens any more after this (10 s)
	Farewell   time.Duration // how long a stopping server lets publishers finish their run (2 s)
	Drain      time.Duration // how long a stopping server then lets connections take what is left (2 s)

	Log *slog.Logger // (slog.Default())
}

// LinkOptions are the durations of a publisher that comes back; a zero field means
// its default.
type LinkOptions struct {
	Dial      time.Duration // a connection is made within this (10 s)
	AckWithin time.Duration // sent chunks may wait so long for the next acknowledgement, or a socket for its first word, before the connection is taken for dead (15 s)
	Retry     time.Duration // pause before the next connection, twice as long each time (250 ms)
	RetryMost time.Duration // but no longer than this (5 s)
	RetryHeld time.Duration // pause when somebody else has the name (3 s)
	Stood     time.Duration // after a connection that lasted so long the pauses begin anew (10 s)
}

func (o LinkOptions) withDefaults() LinkOptions {
	def(&o.Dial, 10*time.Second)
	def(&o.AckWithin, 15*time.Second)
	def(&o.Retry, 250*time.Millisecond)
	def(&o.RetryMost, 5*time.Second)
	def(&o.RetryHeld, 3*time.Second)
	def(&o.Stood, 10*time.Second)
	return o
}

func (o Options) withDefaults() Options {
	o.Link = o.Link.withDefaults()
	def(&o.ICE.For, 24*time.Hour)
	if o.ICE.Now == nil {
		o.ICE.Now = time.Now
	}
	def(&o.Held, 10*time.Second)
	def(&o.MaxWait, 5*time.Minute)
	def(&o.Ahead, time.Second)
	def(&o.AckEvery, 200*time.Millisecond)
	def(&o.Beat, time.Second)
	def(&o.PingEvery, 20*time.Second)
	def(&o.PingWithin, 25*time.Second)
	def(&o.Parting, time.Second)
	def(&o.Posts, 8*time.Second)
	def(&o.Stall, 30*time.Second)
	def(&o.Unsent, 64<<10)
	def(&o.Outbox, 2<<20)
	def(&o.Talk, 128<<10)
	def(&o.Hello, 10*time.Second)
	def(&o.Idle, 2*time.Minute)
	def(&o.CloseWait, 3*time.Second)
	def(&o.Unheard, 10*time.Second)
	def(&o.Farewell, 2*time.Second)
	def(&o.Drain, 2*time.Second)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Stream.Logged == nil {
		o.Stream.Logged = logged
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
