package relay

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// faster is by how much schedules are faster than life: every duration of the
// product is that much shorter. Media is not, so a frame is worth half a second.
const faster = 50

// schedule is everything that happens to one name.
type schedule struct {
	WAV      bool
	Video    bool
	Size     int  // of a frame
	Narrow   bool // the window is faster too, so that slow listeners fall out of it
	Crowd    bool // two listeners are many
	Real     bool // it happens on a machine's own clock, on which others run too
	Runs     []runPlan
	Lines    []fault.Plan // of the publishers' connections, in the order in which they come; the rest are good
	Restarts []restart    // of the server's process
	Ears     []earPlan
}

// runPlan is one life of a recorder.
type runPlan struct {
	After  time.Duration // the run before it
	Frames int
	Every  int  // frames between clusters and keyframes
	Sized  bool // WAV: it says how long it is
	Jump   int  // the frame before which its clock jumps; 0: none
	JumpBy time.Duration
	Ahead  time.Duration // so early it sends
	Heads  int           // in how many chunks its header comes
	Cuts   []int         // sizes of the other chunks, again and again
	Second int           // so many frames are recorded when another socket takes over; -1: none does
	Leave  int           // and when the recorder is gone without a word; -1: it ends its file
}

// restart is a server's end, and the begin of another that knows nothing.
type restart struct {
	After time.Duration // the one before it
	Down  time.Duration // nobody answers
}

// earPlan is a listener that comes back.
type earPlan struct {
	After    time.Duration
	Complete bool
	Lines    []fault.Line // of its connections
}

func drawSchedule(t *rapid.T) schedule {
	s := schedule{
		WAV:    rapid.Bool().Draw(t, "wav"),
		Size:   rapid.SampledFrom([]int{8, 30, 300, 1500}).Draw(t, "size"),
		Narrow: rapid.Bool().Draw(t, "narrow"),
		Crowd:  rapid.Bool().Draw(t, "crowd"),
	}
	s.Video = !s.WAV && rapid.Bool().Draw(t, "video")
	s.Runs = some(t, 1, 3, drawRun, "runs")
	s.Lines = some(t, 0, 15, drawConnection, "lines")
	s.Restarts = some(t, 0, 2, drawRestart, "restarts")
	s.Ears = some(t, 0, 4, drawEar, "ears")
	return s
}

// some draws a list.
func some[T any](t *rapid.T, least, most int, draw func(*rapid.T) T, label string) []T {
	n := least + even(t, most-least, label+"#")
	return rapid.SliceOfN(rapid.Custom(draw), n, n).Draw(t, label)
}

// even draws from 0 to most, the large as often as the small; rapid itself prefers
// the small.
func even(t *rapid.T, most int, label string) int {
	return rapid.Custom(func(t *rapid.T) (v int) {
		for m := most; m > 0; m >>= 1 {
			v <<= 1
			if rapid.Bool().Draw(t, "bit") {
				v++
			}
		}
		return v % (most + 1)
	}).Draw(t, label)
}

// maybe draws a number, or -1 more often than not.
func maybe(t *rapid.T, most int, label string) int {
	if even(t, 3, label+"?") < 3 {
		return -1
	}
	return even(t, most, label)
}

func millis(t *rapid.T, most int, label string) time.Duration {
	return time.Duration(even(t, most, label)) * time.Millisecond
}

func drawRun(t *rapid.T) runPlan {
	return runPlan{
		After:  millis(t, 900, "after"), // the grace period is 600 ms
		Frames: 1 + even(t, 299, "frames"),
		Every:  even(t, 12, "every"),
		Sized:  rapid.Bool().Draw(t, "sized"),
		Jump:   max(0, maybe(t, 100, "jump")),
		JumpBy: time.Duration(even(t, 20, "by")-10) * time.Minute,
		Ahead:  max(0, time.Duration(maybe(t, 300, "ahead"))) * time.Millisecond,
		Heads:  1 + even(t, 2, "heads"),
		Cuts:   append(rapid.SliceOfN(rapid.SampledFrom([]int{1, 7, 50, 320, 333, 1000, 4000}), 0, 12).Draw(t, "cuts"), 1000),
		Second: maybe(t, 200, "second"),
		Leave:  maybe(t, 300, "leave"),
	}
}

func drawConnection(t *rapid.T) fault.Plan {
	kinds := []fault.Kind{fault.Stall, fault.Cut, fault.Cut, fault.Reset, fault.HalfClose, fault.Silence}
	p := fault.Plan{Up: drawLine(t, "up", kinds), Down: drawLine(t, "down", kinds)}
	for _, events := range [][]fault.Event{p.Up.Events, p.Down.Events} {
		for i := range events {
			if even(t, 1, "of a frame") == 1 { // the places at which a mistake is likely
				events[i].Frame, events[i].After = 1+even(t, 40, "frame"), int64(max(0, maybe(t, 50, "in it")))
			}
		}
	}
	return p
}

func drawLine(t *rapid.T, label string, kinds []fault.Kind) fault.Line {
	return fault.Line{
		Delay:  max(0, time.Duration(maybe(t, 150, label+" delay"))) * time.Millisecond,
		Pieces: rapid.SliceOfN(rapid.IntRange(1, 600), 0, 20).Draw(t, label+" pieces"),
		Events: drawEvents(t, label, kinds),
	}
}

// greeting is about how many bytes each side of a WebSocket says before its first
// message.
const greeting = 300

// drawEvents draws some that happen within a handshake, a few messages, or much.
func drawEvents(t *rapid.T, label string, kinds []fault.Kind) []fault.Event {
	var all []fault.Event
	at := 0
	for range even(t, 2, label+" events") {
		switch even(t, 7, label+" when") {
		case 0:
			at += even(t, greeting, label+" at")
		case 1, 2, 3:
			at += greeting + even(t, 2_000, label+" at")
		default:
			at += greeting + even(t, 40_000, label+" at")
		}
		e := fault.Event{After: int64(at), Kind: kinds[even(t, len(kinds)-1, label+" kind")]}
		if e.Kind == fault.Stall {
			e.For = millis(t, 400, label+" for")
		}
		all = append(all, e)
	}
	return all
}

func drawRestart(t *rapid.T) restart {
	return restart{After: millis(t, 5000, "after"), Down: millis(t, 300, "down")}
}

func drawEar(t *rapid.T) earPlan {
	kinds := []fault.Kind{fault.Stall, fault.Stall, fault.Stall, fault.Cut, fault.Reset}
	line := func(t *rapid.T) fault.Line { return drawLine(t, "ear", kinds) }
	return earPlan{
		After:    millis(t, 3000, "after"),
		Complete: rapid.Bool().Draw(t, "complete"),
		Lines:    some(t, 1, 4, line, "lines"),
	}
}

// shorter is about a second of a schedule.
func (s schedule) shorter() schedule {
	const part = 4
	s.Runs = slices.Clone(s.Runs[:1])
	s.Runs[0].After /= part
	s.Runs[0].Frames = 1 + s.Runs[0].Frames/part
	s.Restarts, s.Ears = slices.Clone(s.Restarts), slices.Clone(s.Ears)
	for i := range s.Restarts {
		s.Restarts[i].After /= part
	}
	for i := range s.Ears {
		s.Ears[i].After /= part
	}
	return s
}

// options are the product's, faster.
func (s schedule) options() Options {
	o := Options{Stream: Options{}.Stream.WithDefaults()}.withDefaults()
	window, drain := o.Stream.Window, o.Drain
	divide(reflect.ValueOf(&o).Elem(), faster)
	if !s.Narrow || s.Real {
		o.Stream.Window = window
	}
	if s.Real {
		o.Drain = drain
	}
	if s.Crowd {
		o.Stream.BatchFrom = 2
	}
	return o
}

// divide makes all durations of a struct, and of those in it, shorter.
func divide(v reflect.Value, by int64) (n int) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == reflect.TypeFor[time.Duration]():
			f.SetInt(f.Int() / by)
			n++
		case f.Kind() == reflect.Struct:
			n += divide(f, by)
		}
	}
	return n
}

// media is what the recorder of the nth life, from 1, records.
func (s schedule) media(n int, r runPlan) *streamtest.Media {
	return streamtest.NewMedia(streamtest.MediaOptions{WAV: s.WAV, Video: s.Video, Run: n, Frames: r.Frames, Size: s.Size, Every: r.Every, Sized: r.Sized, Jump: r.Jump, JumpBy: r.JumpBy})
}

// chunks cuts a recorder's file where the plan says.
func (r runPlan) chunks(m *streamtest.Media) [][]byte {
	var all [][]byte
	head, rest := m.Header, m.Bytes()[len(m.Header):]
	for i := r.Heads; i > 0; i-- {
		n := len(head) / i
		all, head = append(all, head[:n]), head[n:]
	}
	for i := 0; len(rest) > 0; i++ {
		n := min(r.Cuts[i%len(r.Cuts)], len(rest))
		all, rest = append(all, rest[:n]), rest[n:]
	}
	return all
}
