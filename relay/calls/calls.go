// Package calls is who is there, who rings whom, and who talks to whom, as one
// pure function: (state, session, message) → effects.
//
// A *session* is a control connection; a *caller* is a name that one session
// holds, and that survives the session for a grace period; a *call* is a room of
// two; a *room* is a call of many, which has a name, and which is joined and left
// instead of ringing. A caller can be in one of each. The state does no I/O
// and has no clock: what is to be sent, allowed and forbidden, and what shall
// happen later, it returns as effects; whoever applies them brings timers back
// as messages.
//
// The paths of a call's files, /ROOM/CALLER.EXT and /ROOM/CALLER-screen.EXT, exist
// while it runs: [Allow] names the room and each caller's key to publish there,
// [Forbid] ends it.
package calls

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"time"
)

// Session names a control connection. Whoever accepts it gives it a number that
// is never used again; 0 is no session.
type Session int64

// Options of a [State]; a zero field means its default.
type Options struct {
	Ring     time.Duration // how long it rings (45 s)
	Grace    time.Duration // how long a caller whose connection was lost is expected back (30 s)
	Reload   time.Duration // how long a page that said goodbye while it rang, or in a room, is (5 s)
	Announce time.Duration // lists of who is online are at least so far apart (300 ms)
	Gather   time.Duration // in a larger room what has changed is told together, after this (150 ms)
	Few      int           // a room of more members than this is a larger one (8)
	Callers  int           // at most so many (10,000)
	Room     int           // members of a room, at most (100)
	Reserved []string      // names that no room may have, besides those of calls
	Chunk    int           // bytes that a publisher may send at once, which callers are told
	Random   func() string // an unguessable word of at least 128 bits (crypto/rand)

	// ICEServers lists what helps a caller's peer connections through its network, each
	// an RTCIceServer as JSON (nobody). It may be asked with a lock held.
	ICEServers func(caller string) []json.RawMessage
}

func (o Options) withDefaults() Options {
	if o.Ring == 0 {
		o.Ring = 45 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	if o.Reload == 0 {
		o.Reload = 5 * time.Second
	}
	if o.Announce == 0 {
		o.Announce = 300 * time.Millisecond
	}
	if o.Gather == 0 {
		o.Gather = 150 * time.Millisecond
	}
	if o.Few == 0 {
		o.Few = 8
	}
	if o.Callers == 0 {
		o.Callers = 10_000
	}
	if o.ICEServers == nil {
		o.ICEServers = func(string) []rawJSON { return []rawJSON{} }
	}
	if o.Room == 0 {
		o.Room = 100
	}
	if o.Random == nil {
		o.Random = func() string { return strings.ToLower(rand.Text()) }
	}
	return o
}

// RoomPrefix begins the names of calls' rooms, and of no others.
const RoomPrefix = "call-"

// ScreenSuffix ends the names of the files of shared screens, and no caller's.
const ScreenSuffix = "-screen"

// State is every caller and call of a server. One goroutine at a time may call
// its methods. It keeps nothing of the messages that it is given, but their raw
// data is passed on in effects and must not be changed afterwards.
type State struct {
	opt      Options
	callers  map[string]*caller // by skeleton
	sessions map[Session]*caller
	calls    map[string]*call
	present  rawJSON // who is online, until that changes
	waiting  bool    // an announcement is on its way
	ages     int     // of everything that was ever awaited
	out      []Effect
}

// New returns a state without callers.
func New(o Options) *State {
	return &State{opt: o.withDefaults(), callers: map[string]*caller{}, sessions: map[Session]*caller{}, calls: map[string]*call{}}
}

// Grace returns how long a caller that is away is expected back.
func (s *State) Grace() time.Duration { return s.opt.Grace }

// Effect is something to do: a [Send], [Later], [Allow], [Forbid] or [Dismiss].
// Effects are applied in their order.
type Effect any

// Send delivers a message to sessions.
type Send struct {
	To      []Session
	Message Message
}

// Later gives the message to Handle again, with session 0, after a time. It need
// not be taken back: a timer that has no meaning any more is ignored.
type Later struct {
	After   time.Duration
	Message Message
}

// Allow opens a room, or says who is in it now: each of these callers, and no other,
// may publish with its key under its own name, and under that with [ScreenSuffix];
// and anybody who knows the room's name may listen.
type Allow struct {
	Room string
	Keys map[string]string // caller → key
}

// Forbid ends a room's files and closes its paths.
type Forbid struct{ Room string }

// Dismiss closes a session that another one has replaced.
type Dismiss struct{ Session Session }

// caller is a name that is held.
type caller struct {
	name    string
	session Session // 0: away
	resume  string  // who knows this comes back as this caller
	able    party
	screens party // the same for files of screens, whose failures say nothing of others
	call    *call // the one it is in, or that rings; nil: free
	room    *call // the one it is in, besides; nil: none
	away    int   // age of the timer that awaits it, if it is away
}

// member is a caller in a call.
type member struct {
	*caller
	key   string    // the right to publish in the room
	media Media     // what it sends, or would like to
	told  Message   // the start that it was sent last
	unfit [2]string // why it cannot be heard, and its screen not be seen, as was told last
}

// call is a room: of two who ring each other, or a named one.
type call struct {
	id      string // the room's name too
	named   bool
	members []*member // in the order of joining
	ringing bool      // the first member rings the second
	soon    int       // age of the timer after which all are told of changes; 0: none runs
}

// Handle does what a message asks for. Messages of callers come from [Decode];
// [Lost], [Bye], [Stop] and timers have types that Decode refuses.
func (s *State) Handle(who Session, m Message) []Effect {
	s.out = nil
	h, ok := handlers[m.Type]
	switch {
	case !ok:
		s.refuse(who, BadRequest, m, "Unknown type %.40q; known are: %s.", m.Type, strings.Join(Types(), " "))
	case h.named == nil:
		h.any(s, who, m)
	case s.sessions[who] == nil:
		s.refuse(who, BadRequest, m, "Say hello first: {\"type\":\"hello\",\"caller\":\"NAME\"}.")
	default:
		h.named(s, s.sessions[who], m)
	}
	out := s.out
	s.out = nil
	return out
}

// handler is a message's meaning: for a caller, or for anybody.
type handler struct {
	any   func(*State, Session, Message)
	named func(*State, *caller, Message)
}

var handlers map[string]handler

func init() { // refers to functions that refer to it
	handlers = map[string]handler{
		"hello": {any: (*State).hello},
		"can":   {named: (*State).can},
		"who":   {named: (*State).who},

		"invite": {named: (*State).invite},
		"accept": {named: (*State).accept},
		"reject": {named: (*State).reject},
		"cancel": {named: (*State).hangup},
		"hangup": {named: (*State).hangup},

		"join":  {named: (*State).join},
		"leave": {named: (*State).leave},

		"media":   {named: (*State).media},
		"failed":  {named: (*State).failed},
		"message": {named: (*State).relay},
		"signal":  {named: (*State).relay},

		Lost: {any: (*State).lost}, Bye: {any: (*State).lost}, Stop: {any: (*State).stop},
		timeAway: {any: (*State).expire}, timeRing: {any: (*State).noAnswer}, timeAnnounce: {any: (*State).announce},
		timeStart: {any: (*State).gathered}, timeRoom: {any: (*State).walkedOut},
	}
}

func (s *State) effect(e Effect) { s.out = append(s.out, e) }

// send delivers to callers that are connected.
func (s *State) send(m Message, to ...*caller) {
	var sessions []Session
	for _, c := range to {
		if c.session != 0 {
			sessions = append(sessions, c.session)
		}
	}
	if len(sessions) > 0 {
		s.effect(Send{To: sessions, Message: m})
	}
}

// refuse answers a message with an error.
func (s *State) refuse(who Session, code string, re Message, format string, a ...any) {
	if who != 0 {
		s.effect(Send{To: []Session{who}, Message: Refusal(code, re, format, a...)})
	}
}
