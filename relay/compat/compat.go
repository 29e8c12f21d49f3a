// Package compat is what the servers of two early WebRTC tutorials did, each as a
// pure function: (state, session, message) → messages to sessions. Pages that were
// written for them work with ours when their address is changed.
//
// [Rooms] is a broadcast in rooms: c:ROOM subscribes, m:ROOM:TEXT sends TEXT to all
// of ROOM. [Packets] passes offers and answers on between two, as plain packets of
// ROAP (draft-jennings-rtcweb-signaling-01), and answers what their first server
// left dark.
//
// The states do no I/O and have no clock. Their rooms are their own: nothing of the
// server's callers, calls and streams is known here.
package compat

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Session names a connection; 0 is none.
type Session int64

// Send delivers a text to sessions, as it is.
type Send struct {
	To   []Session
	Text []byte
}

// MaxRoom is the longest name of a room, in bytes.
const MaxRoom = 64

// CheckRoom returns a sentence if s cannot name a room: 1 to [MaxRoom] bytes of
// text without colons and control characters.
func CheckRoom(s string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' }
	if s == "" || len(s) > MaxRoom || !utf8.ValidString(s) || strings.ContainsFunc(s, control) {
		return fmt.Errorf("a room's name has 1 to %d bytes without colons and control characters, got %.80q", MaxRoom, s)
	}
	return nil
}

// to makes a text for one session.
func to(who Session, text []byte) []Send { return []Send{{To: []Session{who}, Text: text}} }
