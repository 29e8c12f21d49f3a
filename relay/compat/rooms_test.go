package compat

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// actors are the sessions of the tests' scripts.
const actors = "abcdefghijklmnopqrst"

// talks runs a script of one of the protocols and compares. Each line "a TEXT" is what
// a session says, "a (leave)" its end; lines that begin with a tab are what must
// come of it, "a< TEXT", in which ... stands for anything. In a TEXT, \n is a line
// break.
func talks(t *testing.T, script string, do func(who Session, text string) []Send) {
	t.Helper()
	var pending []string
	said := ""
	settle := func() {
		if len(pending) > 0 {
			t.Errorf("%s: %q came and was not expected", said, pending)
		}
	}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "\t"):
			want := strings.TrimPrefix(line, "\t")
			if len(pending) == 0 {
				t.Errorf("%s: nothing came; expected %s", said, want)
				continue
			}
			if !like(pending[0], want) {
				t.Errorf("%s:\n   came %s\nexpected %s", said, pending[0], want)
			}
			pending = pending[1:]
		default:
			settle()
			said, pending = line, nil
			for _, e := range do(Session(strings.IndexByte(actors, line[0])+1), strings.ReplaceAll(line[2:], `\n`, "\n")) {
				for _, who := range e.To {
					pending = append(pending, fmt.Sprintf("%c< %s", actors[who-1], strings.ReplaceAll(string(e.Text), "\n", `\n`)))
				}
			}
		}
	}
	settle()
}

// like reports whether got is want, in which ... stands for anything.
func like(got, want string) bool {
	for i, part := range strings.Split(want, "...") {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return got == "" || strings.HasSuffix(want, "...")
}

// sayRooms is what a session's text leads to.
func sayRooms(r *Rooms) func(Session, string) []Send {
	return func(who Session, text string) []Send {
		if text == "(leave)" {
			r.Leave(who)
			return nil
		}
		m, err := ParseRooms([]byte(text))
		if err != nil {
			return to(who, RoomsSentence(err.Error()))
		}
		return r.Handle(who, m)
	}
}

// lines is a script of n lines.
func lines(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

func TestRooms(t *testing.T) {
	for name, script := range map[string]string{
		"the tutorial's call": `
a c:403
b c:403
b m:403:1:{"type":"offer","sdp":"v=0:x"}
	a< 1:{"type":"offer","sdp":"v=0:x"}
	b< 1:{"type":"offer","sdp":"v=0:x"}
a m:403:0:{"type":"answer"}
	a< 0:{"type":"answer"}
	b< 0:{"type":"answer"}`,
		"verbatim, an empty text too": `
a c:r
a m:r:  :: Ünï \n"x"
	a<   :: Ünï \n"x"
a m:r:
	a< 
a m:r: x \n
	a<  x \n`,
		"rooms do not hear each other": `
a c:1
b c:2
a m:1:x
	a< x
a m:2:x
	a< e:You are not in room "2"; subscribe to it first: c:2.
c m:1:x
	c< e:You are not in room "1"; subscribe to it first: c:1.`,
		"subscribing twice is once": `
a c:1
a c:1
a m:1:x
	a< x`,
		"in several rooms": `
a c:1
a c:2
b c:2
b m:2:x
	a< x
	b< x
a m:1:y
	a< y`,
		"who leaves hears nothing more": `
a c:1
b c:1
b (leave)
a m:1:x
	a< x
b m:1:x
	b< e:You are not in room "1"...`,
		"no such text": `
a hello
	a< e:here c:ROOM subscribes and m:ROOM:TEXT sends TEXT to all of ROOM, got "hello"
a {"type":"hello","caller":"x"}
	a< e:here c:ROOM...
a C:403
	a< e:here c:ROOM...
a c:
	a< e:a room's name has 1 to 64 bytes without colons and control characters, got ""
a c:1:2
	a< e:a room's name has 1 to 64 bytes...got "1:2"
a c:1\n
	a< e:a room's name...
a m:403
	a< e:a message is m:ROOM:TEXT, got "m:403" without a second colon
a m::x
	a< e:a room's name has 1 to 64 bytes...
a c:` + strings.Repeat("r", 65) + `
	a< e:a room's name has 1 to 64 bytes...
a c:` + strings.Repeat("r", 64),
		"too many rooms": lines(MaxRooms, func(i int) string { return fmt.Sprintf("a c:%d\n", i) }) + `
a c:more
	a< e:One connection is in at most 8 rooms; open another for room "more".
a (leave)
a c:more`,
		"too many members": lines(MaxMembers, func(i int) string { return fmt.Sprintf("%c c:1\n", actors[i]) }) + `
q c:1
	q< e:Room "1" is full: it has 16 members; take another number.
a (leave)
q c:1
a c:1
	a< e:Room "1" is full...`,
		"too many sessions": lines(18, func(i int) string { return fmt.Sprintf("%c c:%d\n", actors[i], i) }) + `
s c:x
	s< e:18 pages are in rooms here, which is all that this server takes; try again later.
a c:more
b (leave)
s c:x`,
	} {
		t.Run(name, func(t *testing.T) {
			r := NewRooms(18)
			talks(t, script, sayRooms(r))
			for i := range actors {
				r.Leave(Session(i + 1))
			}
			if len(r.rooms)+len(r.sessions) != 0 {
				t.Errorf("when all have gone, there are %v and %v", r.rooms, r.sessions)
			}
		})
	}
}

// A text that is no UTF-8 would have a browser close its connection.
func TestNotText(t *testing.T) {
	for _, text := range []string{"m:1:\xff", "c:\xff", "\xff"} {
		if _, err := ParseRooms([]byte(text)); err == nil || !strings.Contains(err.Error(), "must be UTF-8") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParsePacket([]byte("SDP\n{\"messageType\":\"ERROR\",\"sdp\":\"\xff\"}")); err == nil || !strings.Contains(err.Error(), "must be UTF-8") {
		t.Errorf("a packet: %v", err)
	}
	if err := CheckRoom("\xff"); err == nil {
		t.Error("it can name a room")
	}
}

// Any texts of three: no panic, sentences that are short, a state that is whole,
// and nothing delivered that was not said.
func FuzzRooms(f *testing.F) {
	for _, s := range []string{
		"c:403\nc:403\nm:403:1:{\"type\":\"offer\"}\nm:403:0:x", "c:1\n\nc:2\nm:1:", "m:::\nc::\nc:\xff", "hello\n{}\nm:",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := NewRooms(2)
		for i, text := range strings.Split(s, "\n") {
			who := Session(i%3 + 1)
			if text == "" {
				r.Leave(who)
				continue
			}
			m, err := ParseRooms([]byte(text))
			if err != nil {
				if len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
					t.Errorf("%q", err)
				}
				continue
			}
			if err := CheckRoom(m.Room); err != nil {
				t.Fatalf("%q is taken for a room's name: %v", m.Room, err)
			}
			whole := fmt.Sprintf("m:%s:%s", m.Room, m.Text)
			if m.Subscribe {
				whole = "c:" + m.Room
			}
			if whole != text {
				t.Fatalf("%q is taken for %q", text, whole)
			}
			for _, e := range r.Handle(who, m) {
				if string(e.Text) != string(m.Text) && !(strings.HasPrefix(string(e.Text), "e:") && slices.Equal(e.To, []Session{who})) {
					t.Errorf("%q leads to %q for %v", text, e.Text, e.To)
				}
			}
		}
		for room, members := range r.rooms {
			if len(members) == 0 || len(members) > MaxMembers {
				t.Errorf("room %q has %d members", room, len(members))
			}
		}
		if len(r.sessions) > 2 {
			t.Errorf("%d sessions", len(r.sessions))
		}
	})
}
