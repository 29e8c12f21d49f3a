package fault

import (
	"fmt"
	"time"
)

// Plan is what one connection suffers; the zero Plan is nothing.
type Plan struct {
	Up   Line // from whoever dialled
	Down Line // to it
}

// Line is one direction of a connection.
type Line struct {
	Delay  time.Duration // all of it arrives so much later
	Pieces []int         // sizes of its first writes, which arrive one by one; the rest goes on as it comes
	Events []Event       // in the order in which they happen
}

// Event happens once, to one direction or by it to the connection.
type Event struct {
	Frame int   // 0: After counts from the begin; else from the end of the head of the direction's WebSocket frame of that number
	After int64 // bytes of the direction that have been taken from its sender
	Kind  Kind
	For   time.Duration // of a stall
}

func (e Event) String() string {
	s := e.Kind.String()
	if e.Kind == Stall {
		s += " " + e.For.String()
	}
	s += fmt.Sprintf(" after %d", e.After)
	if e.Frame > 0 {
		s += fmt.Sprintf(" of frame %d", e.Frame)
	}
	return s
}

// due reports whether an event's place has come.
func (e Event) due(passed int64, f *framing) bool {
	if e.Frame == 0 {
		return e.After <= passed
	}
	return f.frames > e.Frame || f.frames == e.Frame && f.past >= e.After
}

// Kind is what can happen.
type Kind int

const (
	// Stall lets nothing of this direction pass for a while.
	Stall Kind = iota
	// Cut closes: the sender sees it at once, the other end when it has got what
	// was taken before, which a Delay can make late.
	Cut
	// Reset resets both ends (RST); what is under way is lost.
	Reset
	// HalfClose ends this direction; the other goes on.
	HalfClose
	// Silence lets nothing pass in either direction any more, and neither end is
	// told anything, not even that the other closes.
	Silence
)

func (k Kind) String() string {
	return [...]string{"stall", "cut", "reset", "half-close", "silence"}[k]
}
