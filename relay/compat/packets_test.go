package compat

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// aWord is what the scripts of packets are shortened by.
var aWord = regexp.MustCompile(`^(OFFER|ANSWER|OK|ERROR|SHUTDOWN)\b`)

// packetOf writes a packet out: "OFFER off=a ans=b seq=2 tie=7 type=REFUSED".
func packetOf(short string) string {
	f := strings.Fields(short)
	m := map[string]any{"messageType": f[0], "seq": 1}
	if f[0] == Offer || f[0] == Answer {
		m["sdp"] = "v=0\r\n<&>"
	}
	for _, kv := range f[1:] {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "off":
			m["offererSessionId"] = v
		case "ans":
			m["answererSessionId"] = v
		case "type":
			m["errorType"] = v
		default:
			m[map[string]string{"seq": "seq", "tie": "tieBreaker"}[k]] = json.Number(v)
		}
	}
	b, err := json.MarshalIndent(m, "", "   ")
	if err != nil {
		panic(err)
	}
	return "SDP\n" + string(b)
}

// shortOf is what a packet came to: its short form if it is one of those that were
// said, else the server's error in short.
func shortOf(t *testing.T, text string, said map[string]string) string {
	t.Helper()
	if short, ok := said[text]; ok {
		return short
	}
	p, err := ParsePacket([]byte(text))
	if err != nil || p.MessageType != Error {
		t.Fatalf("the server says %q: %v", text, err)
	}
	if !strings.HasSuffix(p.Text, ".") || strings.ContainsAny(p.Text, "\n\r") {
		t.Errorf("%q is not a sentence", p.Text)
	}
	s := "server " + p.ErrorType
	if p.OffererSessionID != "" {
		s += " off=" + p.OffererSessionID
	}
	if p.AnswererSessionID != "" {
		s += " ans=" + p.AnswererSessionID
	}
	if p.Seq != 0 {
		s += fmt.Sprintf(" seq=%v", p.Seq)
	}
	return s + ": " + p.Text
}

// sayPackets is what a session's text leads to, in short. "(enter) ROOM" and "(leave)"
// are a session's begin and end; what is no packet in short is said as it is.
func sayPackets(t *testing.T, s *Packets) func(Session, string) []Send {
	said := map[string]string{}
	return func(who Session, text string) []Send {
		var all []Send
		switch room, enter := strings.CutPrefix(text, "(enter) "); {
		case enter:
			all = s.Enter(who, room)
		case text == "(leave)":
			all = s.Leave(who)
		default:
			if aWord.MatchString(text) {
				short := text
				text = packetOf(short)
				said[text] = short
			}
			p, err := ParsePacket([]byte(text))
			if err != nil {
				all = to(who, p.Complaint(err.Error()+"."))
				break
			}
			all = s.Handle(who, p)
		}
		for i := range all {
			all[i].Text = []byte(shortOf(t, string(all[i].Text), said))
		}
		return all
	}
}

func TestPackets(t *testing.T) {
	const (
		two = `
a (enter) r
b (enter) r
`
		offered = two + `
a OFFER off=A tie=7
	b< OFFER off=A tie=7
`
		connected = offered + `
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B
a OK off=A ans=B
	b< OK off=A ans=B
`
	)
	for name, script := range map[string]string{
		"the demo's call": connected,
		"an exchange in each direction": connected + `
b OFFER off=C tie=1
	a< OFFER off=C tie=1
a ANSWER off=C ans=D
	b< ANSWER off=C ans=D
b OK off=C ans=D
	a< OK off=C ans=D`,
		"the other one offers before OK": offered + `
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B
b OFFER off=C tie=1
	a< OFFER off=C tie=1
a OK off=A ans=B
	b< OK off=A ans=B`,
		"both connect, the first one's tieBreaker is higher": offered + `
b OFFER off=B tie=6 seq=3
	b< server CONFLICT off=B seq=3: Both have offered at once, and the other's tieBreaker is higher: answer its offer.
a ANSWER off=B ans=X
	a< server NOMATCH off=B ans=X...
b ANSWER off=A ans=B2
	a< ANSWER off=A ans=B2
a OK off=A ans=B2
	b< OK off=A ans=B2`,
		"both connect, the second one's is": offered + `
b OFFER off=B tie=8
	a< server CONFLICT off=A seq=1: Both have offered at once, and the other's tieBreaker is higher: answer its offer, which follows.
	a< OFFER off=B tie=8
b ANSWER off=A ans=X
	b< server NOMATCH off=A ans=X seq=1: Nobody in room "r" has made the offer that this answers, or it is over.
a ANSWER off=B ans=A2
	b< ANSWER off=B ans=A2`,
		"both connect, and neither wins": offered + `
b OFFER off=B tie=7
	b< server DOUBLECONFLICT off=B seq=1: Both have offered at once, with the same tieBreaker: offer again, with another.
	a< server DOUBLECONFLICT off=A seq=1: Both have offered at once, with the same tieBreaker: offer again, with another.
b OFFER off=B2 tie=4294967294
	a< OFFER off=B2 tie=4294967294
a OFFER off=A2 tie=4294967295
	b< server CONFLICT off=B2...
	b< OFFER off=A2 tie=4294967295`,
		"the browsers settle a conflict too": offered + `
b OFFER off=B tie=6
	b< server CONFLICT off=B...
a ERROR off=B type=CONFLICT
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B`,
		"offered again before an answer": offered + `
a OFFER off=A2 tie=3
	b< OFFER off=A2 tie=3
b ANSWER off=A ans=B
	b< server NOMATCH off=A ans=B...
b ANSWER off=A2 ans=B
	a< ANSWER off=A2 ans=B`,
		"unknown sessions": two + `
b ANSWER off=A ans=B
	b< server NOMATCH off=A ans=B seq=1: Nobody in room "r" has made the offer that this answers, or it is over.
a OK off=A ans=B seq=2
	a< server NOMATCH off=A ans=B seq=2: OK is about no exchange that is open in room "r".
a SHUTDOWN off=A ans=B
	a< server NOMATCH off=A ans=B seq=1: SHUTDOWN is about no exchange that is open in room "r".
a ERROR off=A type=REFUSED
a OFFER off=A tie=1
	b< OFFER off=A tie=1
a ANSWER off=A ans=B
	a< server NOMATCH off=A ans=B...
a OK off=A ans=B
	a< server NOMATCH off=A ans=B...`,
		"answered twice": offered + `
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B
b ANSWER off=A ans=C
	b< server NOMATCH off=A ans=C seq=1: That offer has been answered already.
a OK off=A ans=C
	a< server NOMATCH off=A ans=C...
b OK off=A ans=B
	b< server NOMATCH off=A ans=B...
a OK off=A ans=B
	b< OK off=A ans=B
a OK off=A ans=B
	a< server NOMATCH off=A ans=B...`,
		"refused": offered + `
b ERROR off=A type=REFUSED
	a< ERROR off=A type=REFUSED
b ANSWER off=A ans=B
	b< server NOMATCH off=A ans=B...
b OFFER off=B tie=1
	a< OFFER off=B tie=1`,
		"taken back, and ended": offered + `
a SHUTDOWN off=A
	b< SHUTDOWN off=A
b ANSWER off=A ans=B
	b< server NOMATCH off=A ans=B...
a OFFER off=C tie=1
	b< OFFER off=C tie=1
b ANSWER off=C ans=D
	a< ANSWER off=C ans=D
a OK off=C ans=D
	b< OK off=C ans=D
b SHUTDOWN off=C
	b< server NOMATCH off=C...
b SHUTDOWN off=C ans=D
	a< SHUTDOWN off=C ans=D
a SHUTDOWN off=C ans=D
	a< server NOMATCH off=C ans=D...`,
		"it fails when all is settled": connected + `
b ERROR off=A ans=B type=FAILED
	a< ERROR off=A ans=B type=FAILED`,
		"a third one": offered + `
c (enter) r
	c< server REFUSED: Two are in room "r" already; take another name for the room.
c ANSWER off=A ans=C
	c< server REFUSED off=A ans=C seq=1: Two are in room "r" already; take another name for the room.
c OFFER off=C tie=9
	c< server REFUSED off=C seq=1: Two are in room "r" already; take another name for the room.
c ERROR off=A type=REFUSED
c (leave)
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B`,
		"a third one, when there is a place": two + `
c (enter) r
	c< server REFUSED...
b (leave)
	a< server FAILED: The other one in room "r" has closed the connection; what was offered and answered between you is over.
c OFFER off=C tie=9
	a< OFFER off=C tie=9
b (enter) r
	b< server REFUSED...`,
		"rooms do not hear each other": offered + `
c (enter) r2
d (enter) r2
c OFFER off=A tie=9
	d< OFFER off=A tie=9
b ANSWER off=A ans=B
	a< ANSWER off=A ans=B
d ANSWER off=A ans=D
	c< ANSWER off=A ans=D`,
		"nobody is there": `
a (enter) r
a OFFER off=A tie=1
	a< server FAILED off=A seq=1: Nobody else is in room "r" yet; open the page there too, and connect again.
a ERROR off=A type=FAILED
b (enter) r
b OFFER off=B tie=1
	a< OFFER off=B tie=1`,
		"the other one closes before it has answered": offered + `
b (leave)
	a< server FAILED off=A seq=1: The other one in room "r" has closed the connection...
b (enter) r
b ANSWER off=A ans=B
	b< server NOMATCH off=A ans=B...`,
		"who offered closes": offered + `
a (leave)
	b< server FAILED off=A seq=1...
b ANSWER off=A ans=B
	b< server FAILED off=A ans=B seq=1: Nobody else is in room "r" yet...`,
		"the other one closes in the call": connected + `
a (leave)
	b< server FAILED off=A ans=B seq=1: The other one...
b (leave)`,
		"too many sessions": `
a (enter) 1
b (enter) 2
c (enter) 3
d (enter) 4
	d< server REFUSED: 3 pages are in rooms here, which is all that this server takes; try again later.
d OFFER off=A tie=1
	d< server REFUSED off=A seq=1: This server has no room for this page; connect again later.
d ERROR off=A type=FAILED
d (leave)
a (leave)
e (enter) 1`,
		"no such packet": two + `
a hello
	a< server FAILED: a packet is the line SDP and then a JSON object, got "hello".
a SDP
	a< server FAILED: a packet is the line SDP and then a JSON object, got "SDP".
a sdp\n{}
	a< server FAILED: a packet is the line SDP...
a {"messageType":"OFFER"}
	a< server FAILED: a packet is the line SDP...
a c:403
	a< server FAILED: a packet is the line SDP...
a SDP\n
	a< server FAILED: after the line SDP there must be a JSON object (unexpected end of JSON input).
a SDP\n[1]
	a< server FAILED: after the line SDP there must be a JSON object, got array.
a SDP\n{}x
	a< server FAILED: after the line SDP there must be a JSON object (...
a SDP\nnull
	a< server FAILED: "messageType" must be OFFER, ANSWER, OK, ERROR or SHUTDOWN, got "".
a SDP\n{"messageType":"(lost)"}
	a< server FAILED: "messageType" must be OFFER...
a SDP\n{"messageType":7,"offererSessionId":"A"}
	a< server FAILED off=A: "messageType" must be a string, got number.
a SDP\n{"messageType":"OFFER","seq":"1"}
	a< server FAILED: "seq" must be a number, got string.
a SDP\n{"messageType":"OFFER","offererSessionId":"A","sdp":"v=0","tieBreaker":1e999}
	a< server FAILED off=A: "tieBreaker" must be a number, got number 1e999.
a SDP\n{"messageType":"OFFER","seq":4,"sdp":"v=0"}
	a< server FAILED seq=4: OFFER needs an "offererSessionId".
a SDP\n{"messageType":"OFFER","offererSessionId":"` + strings.Repeat("a", 129) + `","sdp":"v=0"}
	a< server FAILED: a session's id has at most 128 bytes.
a SDP\n{"messageType":"ERROR","answererSessionId":"` + strings.Repeat("a", 129) + `"}
	a< server FAILED: a session's id has at most 128 bytes.
a SDP\n{"messageType":"ANSWER","offererSessionId":"A","sdp":"v=0"}
	a< server FAILED off=A: ANSWER needs an "answererSessionId".
a SDP\n{"messageType":"OK","offererSessionId":"A"}
	a< server FAILED off=A: OK needs an "answererSessionId".
a SDP\n{"messageType":"OFFER","offererSessionId":"A"}
	a< server FAILED off=A: OFFER needs an "sdp".
a SDP\n{"messageType":"ANSWER","offererSessionId":"A","answererSessionId":"B"}
	a< server FAILED off=A ans=B: ANSWER needs an "sdp".`,
	} {
		t.Run(name, func(t *testing.T) {
			s := NewPackets(3)
			if name != "too many sessions" {
				s = NewPackets(100)
			}
			talks(t, script, sayPackets(t, s))
			for i := range actors {
				s.Leave(Session(i + 1))
			}
			if len(s.rooms)+len(s.sessions) != 0 {
				t.Errorf("when all have gone, there are %v and %v", s.rooms, s.sessions)
			}
		})
	}
}

// Lines may end as in files, and fields that are not known are passed on.
func TestPacketVerbatim(t *testing.T) {
	s := NewPackets(2)
	s.Enter(1, "r")
	s.Enter(2, "r")
	text := "SDP\r\n{ \"sdp\":\"v=0\\r\\n\", \"messageType\" : \"OFFER\",\r\n\"offererSessionId\":\"A\",\"text\":\"t\",\"errorType\":\"e\",\"tieBreaker\":7,\"seq\":2,\"more\":[1,{}]}\r\n"
	p, err := ParsePacket([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Handle(1, p); len(got) != 1 || string(got[0].Text) != text || len(got[0].To) != 1 || got[0].To[0] != 2 {
		t.Errorf("%q leads to %v", text, got)
	}
	if got, want := s.rooms["r"].offers[1].offer, (Packet{OffererSessionID: "A", Seq: 2, TieBreaker: 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("of the packet is kept %+v", got)
	}
}

// Any packets of three: no panic, a state that is whole, and what is said by the
// server is a packet.
func FuzzPackets(f *testing.F) {
	for _, all := range [][]string{
		{"OFFER off=A tie=1", "ANSWER off=A ans=B", "", "OK off=A ans=B"},
		{"OFFER off=A tie=7", "OFFER off=B tie=8", "ANSWER off=B ans=C", "ERROR off=A type=REFUSED", "SHUTDOWN off=B ans=C"},
		{"OFFER off=A tie=7", "OFFER off=A tie=7", "OFFER off=C", "OFFER off=A tie=1e20"},
	} {
		for i, short := range all {
			if all[i] = "(leave)"; short != "" {
				all[i] = packetOf(short)
			}
		}
		f.Add(strings.Join(all, "|"))
	}
	f.Add("SDP\n{}|SDP\r\nnull|hello|SDP\n{\"seq\":\"\xff\"}|{")
	f.Fuzz(func(t *testing.T, all string) {
		s := NewPackets(3)
		for i, text := range strings.Split(all, "|") {
			who := Session(i%3 + 1)
			if s.sessions[who] == "" {
				s.Enter(who, "r")
			}
			if text == "(leave)" {
				s.Leave(who)
				continue
			}
			p, err := ParsePacket([]byte(text))
			if err != nil {
				if c := p.Complaint(err.Error()); len(c) > 3000 || !json.Valid(c[len("SDP\n"):]) || !utf8.Valid(c) {
					t.Errorf("%q is answered with %q", text, c)
				}
				continue
			}
			for _, e := range s.Handle(who, p) {
				if string(e.Text) == text && len(e.To) == 1 && e.To[0] != who {
					continue
				}
				if said, err := ParsePacket(e.Text); err != nil || said.ErrorType == "" || said.Text == "" {
					t.Errorf("%q leads to %q for %v: %v", text, e.Text, e.To, err)
				}
			}
			for name, r := range s.rooms {
				if n := len(r.members); name != "r" || n < 1 || n > 2 || len(r.offers) > n {
					t.Fatalf("room %q has %d members and %d offers", name, n, len(r.offers))
				}
			}
		}
	})
}
