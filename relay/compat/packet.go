package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Types of packets, as the draft names them.
const (
	Offer    = "OFFER"
	Answer   = "ANSWER"
	OK       = "OK"
	Error    = "ERROR"
	Shutdown = "SHUTDOWN"
)

// Types of errors.
const (
	NoMatch        = "NOMATCH"        // no such session
	Refused        = "REFUSED"        // not with this one
	Conflict       = "CONFLICT"       // both offered, and this offer lost
	DoubleConflict = "DOUBLECONFLICT" // both offered, and neither won
	Failed         = "FAILED"         // anything else
)

// maxID is the longest id of a session, in bytes.
const maxID = 128

// Packet is the JSON object of a packet. Fields that are not listed are passed on
// unread.
type Packet struct {
	MessageType       string  `json:"messageType"`
	OffererSessionID  string  `json:"offererSessionId,omitempty"`
	AnswererSessionID string  `json:"answererSessionId,omitempty"`
	Seq               float64 `json:"seq"` // JavaScript's number
	SDP               string  `json:"sdp,omitempty"`
	TieBreaker        float64 `json:"tieBreaker,omitempty"`
	ErrorType         string  `json:"errorType,omitempty"`
	Text              string  `json:"text,omitempty"` // of an error by the server: a sentence

	raw []byte // as it came, to be passed on
}

// firstLine begins a packet; JSON follows.
const firstLine = "SDP"

// ParsePacket reads the line SDP and the JSON object after it. Its error is a
// sentence without a full stop; the packet then has what could be read. It keeps
// text, which must not be changed any more.
func ParsePacket(text []byte) (Packet, error) {
	if !utf8.Valid(text) {
		return Packet{}, errNotText
	}
	first, object, ok := bytes.Cut(text, []byte("\n"))
	if !ok || string(bytes.TrimSuffix(first, []byte("\r"))) != firstLine {
		return Packet{}, fmt.Errorf("a packet is the line SDP and then a JSON object, got %.80q", text)
	}
	p := Packet{raw: text}
	if err := json.Unmarshal(object, &p); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case !errors.As(err, &wrong):
			return Packet{}, fmt.Errorf("after the line SDP there must be a JSON object (%w)", err)
		case wrong.Field == "":
			return Packet{}, fmt.Errorf("after the line SDP there must be a JSON object, got %.40s", wrong.Value)
		}
		return p.short(), fmt.Errorf("%q must be a %s, got %.40s", wrong.Field, kind(wrong), wrong.Value)
	}
	if err := p.check(); err != nil {
		return p.short(), err
	}
	return p, nil
}

func kind(e *json.UnmarshalTypeError) string {
	if e.Type.Kind().String() == "string" {
		return "string"
	}
	return "number"
}

// short returns the packet without ids that are too long to be kept or repeated.
func (p Packet) short() Packet {
	for _, id := range []*string{&p.OffererSessionID, &p.AnswererSessionID} {
		if len(*id) > maxID {
			*id = ""
		}
	}
	return p
}

func (p *Packet) check() error {
	switch {
	case p.MessageType != Offer && p.MessageType != Answer && p.MessageType != OK && p.MessageType != Error && p.MessageType != Shutdown:
		return fmt.Errorf("\"messageType\" must be OFFER, ANSWER, OK, ERROR or SHUTDOWN, got %.40q", p.MessageType)
	case len(p.OffererSessionID) > maxID || len(p.AnswererSessionID) > maxID:
		return fmt.Errorf("a session's id has at most %d bytes", maxID)
	case p.MessageType == Error: // of which anything may be missing: what it is about was not understood
	case p.OffererSessionID == "":
		return fmt.Errorf("%s needs an \"offererSessionId\"", p.MessageType)
	case (p.MessageType == Answer || p.MessageType == OK) && p.AnswererSessionID == "":
		return fmt.Errorf("%s needs an \"answererSessionId\"", p.MessageType)
	case (p.MessageType == Offer || p.MessageType == Answer) && p.SDP == "":
		return fmt.Errorf("%s needs an \"sdp\"", p.MessageType)
	}
	return nil
}

// Complaint is the packet that tells a sentence about p, of which as much is repeated
// as was read; of the zero Packet it is about nothing in particular.
func (p Packet) Complaint(text string) []byte { return complain(p, Failed, "%s", text) }

// complain is the error that answers re.
func complain(re Packet, errorType, format string, a ...any) []byte {
	var b bytes.Buffer
	b.WriteString(firstLine + "\n")
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// Strings and two numbers that came as JSON: it cannot fail.
	_ = e.Encode(Packet{
		MessageType: Error, OffererSessionID: re.OffererSessionID, AnswererSessionID: re.AnswererSessionID,
		Seq: re.Seq, ErrorType: errorType, Text: fmt.Sprintf(format, a...),
	})
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
