package calls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Version is the protocol's. A page that is older than its server is told to reload.
const Version = 1

// The limits of a message.
const (
	MaxMessage = 64 << 10 // bytes
	maxName    = 64
	maxTypes   = 64  // MIME types in a list of abilities
	maxType    = 128 // bytes of one
	maxText    = 200 // bytes of a reason, or of why something failed
	maxOnline  = 1000
)

// The codes of errors.
const (
	BadRequest = "bad-request"
	Taken      = "taken"
	Offline    = "offline"
	Busy       = "busy"
	NoMatch    = "no-match"
	Gone       = "gone"
	TooLarge   = "too-large"
	TooMany    = "too-many"
	Forbidden  = "forbidden"
)

// Types of messages that no caller can send.
const (
	Lost = "(lost)" // the session's connection broke
	Bye  = "(bye)"  // it was closed by its caller
	Stop = "(stop)" // the server stops

	timeAway     = "(away)"
	timeRing     = "(ring)"
	timeAnnounce = "(announce)"
	timeStart    = "(start)"
	timeRoom     = "(room)"
)

// rawJSON is passed on as it is.
type rawJSON = json.RawMessage

// Message is any control message, of either direction. Which fields have a
// meaning depends on Type; the README lists them.
type Message struct {
	Type string `json:"type"`

	V       int    `json:"v,omitempty"`
	Caller  string `json:"caller,omitempty"`
	Resume  string `json:"resume,omitempty"`
	Resumed bool   `json:"resumed,omitempty"`
	Can     *Can   `json:"can,omitempty"`

	Call   string  `json:"call,omitempty"`
	Room   any     `json:"room,omitempty"` // join: its name; start: true if the call is a room
	To     string  `json:"to,omitempty"`
	From   string  `json:"from,omitempty"`
	By     string  `json:"by,omitempty"`
	Media  *Media  `json:"media,omitempty"`
	Reason string  `json:"reason,omitempty"`
	URL    string  `json:"url,omitempty"`
	MIME   string  `json:"mime,omitempty"`
	Why    string  `json:"why,omitempty"`
	Data   rawJSON `json:"data,omitempty"`

	Code    string `json:"code,omitempty"`
	Text    string `json:"text,omitempty"`
	Re      string `json:"re,omitempty"`
	Suggest string `json:"suggest,omitempty"`

	Online     rawJSON   `json:"online,omitempty"`  // of [Presence]
	Callers    rawJSON   `json:"callers,omitempty"` // the same, in another message
	ICEServers []rawJSON `json:"iceServers,omitzero"`
	Limits     *Limits   `json:"limits,omitempty"`

	Publish []Publication `json:"publish,omitzero"`
	Play    []Playing     `json:"play,omitzero"`
	Peers   []Peer        `json:"peers,omitzero"`

	N  *int64   `json:"n,omitempty"`  // listeners
	On *bool    `json:"on,omitempty"` // demand: somebody listens
	T  *float64 `json:"t,omitempty"`  // edge: newest media in the file, s
	At *float64 `json:"at,omitempty"` // edge: the server's clock since the file began, s

	age int // of a timer
}

// Can is what a browser, or a program, can do. Lists hold MIME types.
type Can struct {
	Record []string `json:"record"`
	Play   []string `json:"play"`
	PCM    bool     `json:"pcm,omitempty"`    // can send its sound as plain samples
	JPEG   bool     `json:"jpeg,omitempty"`   // can send its picture as single ones
	Engine string   `json:"engine,omitempty"` // "chromium" or "gecko": elements that are given files in ways of their own
	WebRTC bool     `json:"webrtc,omitempty"` // has peer connections
}

// Media is what somebody sends.
type Media struct {
	Audio  bool   `json:"audio"`
	Video  bool   `json:"video"`
	Screen Screen `json:"screen,omitzero"` // beside itself; zero: it shares none
}

// Screen is what somebody sends of its screen. It is shared while there is video;
// audio is what sounds there.
type Screen struct {
	Audio bool `json:"audio"`
	Video bool `json:"video"`
}

// Presence is somebody who is online.
type Presence struct {
	Caller string `json:"caller"`
	Busy   bool   `json:"busy"`
}

// Limits are told in welcome; times in seconds, sizes in bytes.
type Limits struct {
	Message int     `json:"message"`
	Chunk   int     `json:"chunk"`
	Ring    float64 `json:"ring"`
	Grace   float64 `json:"grace"`
}

// Publication is a file that a caller shall publish.
type Publication struct {
	URL           string `json:"url"` // with the key
	MIME          string `json:"mime"`
	Timeslice     int    `json:"timeslice"`      // ms
	BitsPerSecond int    `json:"bitsPerSecond"`  // of the picture, or of the sound if there is none
	KeyframeEvery int    `json:"keyframeEvery"`  // ms
	Rate          int    `json:"rate,omitempty"` // of plain samples, in Hz; half as many or twice will do
	Screen        bool   `json:"screen,omitempty"`
	Why           string `json:"why"`
}

// Path is the URL without the key.
func (p *Publication) Path() string {
	path, _, _ := strings.Cut(p.URL, "?")
	return path
}

// Playing is a file that a caller shall play.
type Playing struct {
	Caller string `json:"caller"`
	URL    string `json:"url"`
	MIME   string `json:"mime"`
	Screen bool   `json:"screen,omitempty"` // it is the caller's screen
	Why    string `json:"why"`
}

// Peer is another member of a call.
type Peer struct {
	Caller string `json:"caller"`
	Media  Media  `json:"media"`
	WebRTC bool   `json:"webrtc"`          // both sides have it
	Polite bool   `json:"polite"`          // the receiver of this yields in a negotiation
	Away   bool   `json:"away,omitempty"`  // its control connection is lost
	Plays  int    `json:"plays,omitempty"` // in so many files it plays the receiver of this, its screen not counted
}

// Refusal is the error that answers re.
func Refusal(code string, re Message, format string, a ...any) Message {
	return Message{Type: "error", Code: code, Re: re.Type, Call: re.Call, Text: fmt.Sprintf(format, a...)}
}

// Types lists what callers may send.
func Types() []string {
	var all []string
	for t := range handlers {
		if !strings.HasPrefix(t, "(") {
			all = append(all, t)
		}
	}
	slices.Sort(all)
	return all
}

// Decode reads a caller's message. If it returns an error, that is a sentence
// for the caller, and the message has the type if there was one.
func Decode(b []byte) (Message, error) {
	var m Message
	if len(b) > MaxMessage {
		return m, fmt.Errorf("a message has at most %d bytes, got %d", MaxMessage, len(b))
	}
	if !utf8.Valid(b) { // what is passed on as it is would break the other side's socket
		return m, fmt.Errorf("a control message is text in UTF-8, which byte %d is not", invalidAt(b))
	}
	if err := json.Unmarshal(b, &m); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return m, fmt.Errorf("%q must be %s, got %s", wrong.Field, jsonKind(wrong), cut(wrong.Value))
		}
		return Message{}, fmt.Errorf("a control message is a JSON object with a type; this is not JSON of that kind (%v)", err)
	}
	if strings.HasPrefix(m.Type, "(") || m.Type == "" {
		m.Type = ""
		return m, fmt.Errorf("a message needs a \"type\"; known are: %s", strings.Join(Types(), " "))
	}
	return m, m.check()
}

// invalidAt returns where text stops to be UTF-8.
func invalidAt(b []byte) (at int) {
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n < 2 {
			break
		}
		at += n
	}
	return at
}

func cut(s string) string { return s[:min(len(s), 40)] }

func jsonKind(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "slice":
		return "a list"
	case "struct":
		return "an object"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	}
	return "a number"
}

func (m *Message) engine() string {
	if m.Can == nil {
		return ""
	}
	return m.Can.Engine
}

// room is the name in a caller's message.
func (m *Message) room() string {
	name, _ := m.Room.(string)
	return name
}

// checkRoom holds "room" against what a caller may say, which is a name, and a shared
// screen against what one is.
func (m *Message) checkRoom() error {
	switch m.Room.(type) {
	case nil, string:
	case bool:
		return errors.New("\"room\" must be a string, got bool")
	case float64:
		return errors.New("\"room\" must be a string, got number")
	default:
		return errors.New("\"room\" must be a string, got a list or an object")
	}
	if m.Media != nil && m.Media.Screen.Audio && !m.Media.Screen.Video {
		return errors.New("a \"screen\" has video, as in {\"audio\":false,\"video\":true}; without, nothing is shared, and it is left out")
	}
	return nil
}

// check holds the fields against their limits.
func (m *Message) check() error {
	if err := m.checkRoom(); err != nil {
		return err
	}
	for _, f := range []struct {
		name, value string
		limit       int
	}{{"type", m.Type, maxName}, {"caller", m.Caller, 2 * maxName}, {"to", m.To, 2 * maxName}, {"resume", m.Resume, maxName}, {"call", m.Call, maxName}, {"room", m.room(), 2 * maxName}, {"reason", m.Reason, maxText}, {"why", m.Why, maxText}, {"url", m.URL, 4 * maxName}, {"mime", m.MIME, maxType}, {"engine", m.engine(), maxName}} {
		if len(f.value) > f.limit {
			return fmt.Errorf("%q has at most %d bytes, got %d", f.name, f.limit, len(f.value))
		}
	}
	if m.Can == nil {
		return nil
	}
	for _, list := range [][]string{m.Can.Record, m.Can.Play} {
		if len(list) > maxTypes {
			return fmt.Errorf("\"can\" lists at most %d MIME types, got %d", maxTypes, len(list))
		}
		for _, t := range list {
			if len(t) > maxType {
				return fmt.Errorf("a MIME type in \"can\" has at most %d bytes, got %d", maxType, len(t))
			}
		}
	}
	return nil
}

// Encode returns a message's JSON. Raw data stays as it is.
func Encode(m Message) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)              // it is for scripts, and would make some texts six times as long
	if err := e.Encode(m); err != nil { // only by a caller's raw data, which was JSON when it came
		return Encode(Refusal(BadRequest, Message{Type: m.Type}, "This cannot be said in JSON: %v.", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
