package calls

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// actors are the sessions of the tests' scripts.
const actors = "abcdefghijklmn"

// webm and wav are what two kinds of browsers can.
var (
	webm = &Can{
		Record: []string{"video/webm;codecs=vp8,opus", "audio/webm;codecs=opus"},
		Play:   []string{`video/webm;codecs="vp8,opus"`, `audio/webm; codecs="opus"`, "audio/wav"},
		PCM:    true, WebRTC: true,
	}
	wav = &Can{Play: []string{"audio/wav"}, PCM: true}
)

// world is a state and what its effects have done.
type world struct {
	t     *testing.T
	s     *State
	later []Later
	rooms map[string]map[string]string // allowed
	lists bool                         // lists of who is online are shown
}

func newWorld(t *testing.T) *world { return newWorldOf(t, Options{}) }

func newWorldOf(t *testing.T, o Options) *world {
	n := 0
	o.Random = func() string { n++; return fmt.Sprintf("r%d", n) }
	o.Reserved = []string{"static", "api"}
	return &world{t: t, rooms: map[string]map[string]string{}, s: New(o)}
}

// do runs one line, "a invite to=bob media=av", and returns what came of it, a
// line each. "wait 31s" lets the timers of up to that length run, "once" only the
// oldest of them.
func (w *world) do(line string) []string {
	f := strings.Fields(line)
	if f[0] == "wait" {
		w.lists = len(f) > 2 && f[2] == "lists"
		return w.wait(f[1], len(f) > 2 && f[2] == "once")
	}
	m := Message{Type: f[1]}
	for _, kv := range f[2:] {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "caller":
			m.Caller, m.Can = v, webm
		case "resume":
			m.Resume = v
		case "to":
			m.To = v
		case "call":
			m.Call = v
		case "media":
			v, screen, _ := strings.Cut(v, "+")
			m.Media = &Media{Audio: strings.Contains(v, "a"), Video: strings.Contains(v, "v")}
			m.Media.Screen = Screen{Audio: strings.Contains(screen, "a"), Video: strings.Contains(screen, "v")}
		case "room":
			m.Room = v
		case "can":
			m.Can = map[string]*Can{"webm": webm, "wav": wav, "none": {}, "chrome": chrome, "firefox": firefox, "iphone11": iphone11}[v]
		case "data":
			m.Data = json.RawMessage(v)
		case "url":
			m.URL = v
		case "mime":
			m.MIME = v
		case "reason":
			m.Reason = v
		default:
			w.t.Fatalf("%s: %s", line, kv)
		}
	}
	w.lists = m.Type == "who"
	switch m.Type {
	case "lost":
		m.Type = Lost
	case "bye":
		m.Type = Bye
	case "stop":
		m.Type = Stop
	}
	return w.apply(w.s.Handle(Session(strings.Index(actors, f[0])+1), m))
}

// wait gives back the timers that are due.
func (w *world) wait(d string, once bool) []string {
	limit, err := time.ParseDuration(d)
	if err != nil {
		w.t.Fatal(err)
	}
	due := w.later
	w.later = nil
	var out []string
	for i, e := range due {
		if e.After > limit || once && e.After != limit {
			w.later = append(w.later, e)
			continue
		}
		out = append(out, w.apply(w.s.Handle(0, e.Message))...)
		if once {
			w.later = append(w.later, due[i+1:]...)
			break
		}
	}
	return out
}

func (w *world) apply(effects []Effect) []string {
	var out []string
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			if e.Message.Type == "online" && !w.lists {
				continue
			}
			if b := Encode(e.Message); !json.Valid(b) {
				w.t.Fatalf("%s", b)
			}
			for _, to := range e.To {
				out = append(out, fmt.Sprintf("%c< %s", actors[to-1], show(e.Message)))
			}
		case Later:
			w.later = append(w.later, e)
		case Allow:
			w.rooms[e.Room] = e.Keys
			out = append(out, fmt.Sprintf("allow %s %v", e.Room, e.Keys))
		case Forbid:
			delete(w.rooms, e.Room)
			out = append(out, "forbid "+e.Room)
		case Dismiss:
			out = append(out, fmt.Sprintf("dismiss %c", actors[e.Session-1]))
		}
	}
	return out
}

// show is a message in short.
func show(m Message) string {
	var b strings.Builder
	b.WriteString(m.Type)
	field := func(k, v string) {
		if v != "" {
			fmt.Fprintf(&b, " %s=%s", k, v)
		}
	}
	field("code", m.Code)
	field("re", m.Re)
	field("suggest", m.Suggest)
	field("caller", m.Caller)
	if m.Resumed {
		field("resumed", "true")
	}
	if m.Type != "error" {
		field("call", m.Call)
	}
	if m.Room == true {
		b.WriteString(" room")
	}
	field("to", m.To)
	field("from", m.From)
	field("reason", m.Reason)
	field("by", m.By)
	if m.Media != nil {
		field("media", media(*m.Media))
	}
	var present []Presence
	if m.Type == "online" && json.Unmarshal(m.Callers, &present) != nil {
		field("callers", "broken")
	}
	for _, p := range present {
		field(p.Caller, fmt.Sprint(p.Busy))
	}
	for _, p := range m.Publish {
		v := p.URL + " " + p.MIME
		if p.KeyframeEvery != keyframes && formats[webmVP8].mime == p.MIME {
			v += fmt.Sprintf(" %dms", p.KeyframeEvery)
		}
		if p.Rate != 0 {
			v += fmt.Sprintf(" %dHz", p.Rate)
		}
		if p.Screen {
			v += fmt.Sprintf(" screen %d", p.BitsPerSecond)
		}
		field("publish", v)
	}
	for _, p := range m.Play {
		v := p.URL + " " + p.MIME
		if p.Screen {
			v += " screen"
		}
		field("play", v)
	}
	for _, p := range m.Peers {
		v := p.Caller + ":" + media(p.Media)
		if p.Plays > 1 {
			v += fmt.Sprintf(":%d", p.Plays)
		}
		if p.Polite {
			v += ":polite"
		}
		if p.Away {
			v += ":away"
		}
		field("peer", v)
	}
	field("data", string(m.Data))
	return b.String()
}

func media(m Media) string {
	s := ""
	if m.Audio {
		s += "a"
	}
	if m.Video {
		s += "v"
	}
	if s == "" {
		s = "none"
	}
	if m.Screen.Video {
		s += "+v"
	}
	if m.Screen.Audio {
		s += "a"
	}
	return s
}

// play runs a script: lines that do something, and indented lines that are what
// must come of the one before.
func play(t *testing.T, script string) {
	t.Helper()
	newWorld(t).play(script)
}

func (w *world) play(script string) {
	t := w.t
	t.Helper()
	var got []string
	last := ""
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		if !strings.HasPrefix(line, "\t\t\t") || strings.TrimSpace(line) == "" {
			line = strings.TrimSpace(line)
			if len(got) > 0 {
				t.Fatalf("%s: also came of it: %q", last, got)
			}
			if line != "" && !strings.HasPrefix(line, "#") {
				last, got = line, w.do(line)
			}
			continue
		}
		want := strings.TrimSpace(line)
		if len(got) == 0 || got[0] != want {
			t.Fatalf("line %d, %s: got %q, expected %q", i+1, last, strings.Join(got, "\n"), want)
		}
		got = got[1:]
	}
	if len(got) > 0 {
		t.Fatalf("%s: also came of it: %q", last, got)
	}
	w.check()
}
