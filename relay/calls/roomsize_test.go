package calls

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// crowd is a room of so many, whose sessions are 1 to n.
func crowd(tb testing.TB, n int, o Options, cans ...*Can) *State {
	tb.Helper()
	s := New(o)
	for i := range n {
		hello(s, i+1, cans...)
		settle(s, s.Handle(Session(i+1), Message{Type: "join", Room: "standup", Media: &Media{Audio: true, Video: true}}))
	}
	return s
}

// hello is what the message does, but for the list of who is online, which for ten
// thousand takes longer than what is looked at here.
func hello(s *State, i int, cans ...*Can) {
	c := &caller{name: fmt.Sprintf("c%d", i), session: Session(i), resume: "r"}
	c.set(cans[i%len(cans)])
	s.callers[skeleton(c.name)], s.sessions[c.session] = c, c
}

// sent is how many messages of a type, or errors of a code, are among effects; and the
// timers among them.
func sent(effects []Effect, what string) (n int, later []Later) {
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			if e.Message.Type == what || e.Message.Code == what {
				n += len(e.To)
			}
		case Later:
			if e.Message.Type == timeStart {
				later = append(later, e)
			}
		}
	}
	return n, later
}

// In a room of more than a few, what has changed is told together, once to each.
func TestStartsAreGathered(t *testing.T) {
	w := newWorld(t)
	for i := range 8 {
		w.do(fmt.Sprintf("%c hello caller=c%d", actors[i], i))
		if got := w.do(fmt.Sprintf("%c join room=standup media=a", actors[i])); !strings.Contains(strings.Join(got, "\n"), " start ") {
			t.Errorf("member %d of a few is told nothing at once: %q", i, got)
		}
	}
	starts := func(got []string) (to string) {
		for _, line := range got {
			if strings.Contains(line, "< start ") {
				to += line[:1]
			}
		}
		return to
	}
	for i := 8; i < 11; i++ {
		w.do(fmt.Sprintf("%c hello caller=c%d", actors[i], i))
		if got := w.do(fmt.Sprintf("%c join room=standup media=a", actors[i])); starts(got) != "" || !strings.HasPrefix(got[0], "a< joined") {
			t.Errorf("a join leads to %q", got)
		}
	}
	for _, row := range []struct{ line, starts string }{
		{"a media call=standup media=av", ""},
		{"b lost", ""},
		{"c leave call=standup", ""},
		{"wait 100ms", ""},
		{"wait 150ms", "adefghijk"},
		{"wait 150ms", ""},
		{"d join room=standup", ""},
		{"wait 150ms", "d"},
		{"l hello caller=c1 resume=r3", ""},
		{"wait 150ms", "adefghijkl"},
		{"e message call=standup data=1", ""},
		{"e leave call=standup", ""}, // 9 are left
		{"f leave call=standup", "aghijkdl"},
		{"wait 150ms", ""}, // what it was for has been told
	} {
		got := w.do(row.line)
		if s := starts(got); !sameLetters(s, row.starts) {
			t.Errorf("%s: starts to %q, expected %q: %q", row.line, s, row.starts, got)
		}
		w.check()
	}
	// A timer of a room that is no more means nothing to the next of that name.
	m := newWorldOf(t, Options{Few: 1})
	for _, line := range []string{"a hello caller=alice", "b hello caller=bob", "a join room=standup", "b join room=standup", "a leave call=standup", "b leave call=standup"} {
		m.do(line)
	}
	old := slices.Clone(m.later)
	m.do("a join room=standup")
	m.do("b join room=standup")
	for _, l := range old {
		if n, _ := sent(m.s.Handle(0, l.Message), "start"); n != 0 {
			t.Errorf("an old timer leads to %d starts", n)
		}
	}
	if got := starts(m.do("wait 150ms")); !sameLetters(got, "ab") {
		t.Errorf("starts to %q", got)
	}
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}

// Ten thousand who want into one room: as many get in as it holds, each of the others
// has an answer and costs nobody anything; and what those in it are told is gathered.
func TestManyJoinOneRoom(t *testing.T) {
	s := New(Options{})
	in, refused, timers := 0, 0, []Later{}
	for i := 1; i <= 10_000; i++ {
		hello(s, i, webm)
		effects := s.Handle(Session(i), Message{Type: "join", Room: "standup"})
		full, _ := sent(effects, TooMany)
		starts, later := sent(effects, "start")
		timers = append(timers, later...)
		switch {
		case full == 1 && len(effects) == 1:
			refused++
		case full == 0 && starts <= s.opt.Few:
			in++
		default:
			t.Fatalf("join %d: %d refusals, %d starts, %d effects", i, full, starts, len(effects))
		}
	}
	if in != 100 || refused != 9900 || len(timers) != 1 {
		t.Errorf("%d got in, %d did not, %d timers", in, refused, len(timers))
	}
	if n, _ := sent(s.Handle(0, timers[0].Message), "start"); n != 100 {
		t.Errorf("then %d are told; expected 100", n)
	}
	// Who leaves makes room for one.
	s.Handle(1, Message{Type: "leave", Call: "standup"})
	for i, want := range []int{0, 1} {
		if n, _ := sent(s.Handle(Session(200+i), Message{Type: "join", Room: "standup"}), TooMany); n != want {
			t.Errorf("join %d after a leave: %d refusals, expected %d", i, n, want)
		}
	}
}

// Ten thousand rooms, and nothing of them when all have gone.
func TestManyRooms(t *testing.T) {
	s := New(Options{})
	for i := 1; i <= 10_000; i++ {
		hello(s, i, webm)
		effects := s.Handle(Session(i), Message{Type: "join", Room: fmt.Sprintf("room%d", i)})
		if n, _ := sent(effects, "start"); n != 1 || len(effects) != 2 {
			t.Fatalf("room %d: %d starts, %d effects", i, n, len(effects))
		}
	}
	if len(s.calls) != 10_000 {
		t.Errorf("%d rooms", len(s.calls))
	}
	for i := 1; i <= 10_000; i++ {
		s.Handle(Session(i), Message{Type: "leave", Call: fmt.Sprintf("room%d", i)})
	}
	if len(s.calls) != 0 {
		t.Errorf("%d rooms are left", len(s.calls))
	}
}

// What it costs to get into a room that is full then, and out again: all messages that
// come of it, as JSON.
func BenchmarkJoin(b *testing.B) {
	for _, members := range []int{2, 8, 25, 100} {
		for name, cans := range map[string][]*Can{"alike": {chrome}, "mixed": {chrome, firefox, iphone, iphone11, opera12, program}} {
			b.Run(fmt.Sprintf("%d/%s", members, name), func(b *testing.B) {
				s := crowd(b, members-1, Options{}, cans...)
				hello(s, members, cans...)
				bytes := 0
				for b.Loop() {
					bytes += settle(s, s.Handle(Session(members), Message{Type: "join", Room: "standup", Media: &Media{Audio: true, Video: true}}))
					b.StopTimer()
					settle(s, s.Handle(Session(members), Message{Type: "leave", Call: "standup"}))
					b.StartTimer()
				}
				b.ReportMetric(float64(bytes)/float64(b.N)/1000, "kB/join")
			})
		}
	}
}

// settle encodes what is sent, and has the gathered starts follow at once.
func settle(s *State, effects []Effect) (bytes int) {
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			bytes += len(Encode(e.Message)) * len(e.To)
		case Later:
			if e.Message.Type == timeStart {
				bytes += settle(s, s.Handle(0, e.Message))
			}
		}
	}
	return bytes
}
