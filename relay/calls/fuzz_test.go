package calls

import (
	"encoding/json"
	"strings"
	"testing"
)

// Any bytes of two callers: no panic, a state that is whole, answers that are
// JSON, and nothing kept that is beyond the limits.
func FuzzDecode(f *testing.F) {
	for _, lines := range []string{
		`{"type":"hello","caller":"alice","can":{"record":["video/webm;codecs=vp8,opus"],"play":["audio/wav"],"pcm":true}}
{"type":"hello","caller":"bob","can":{"play":["video/webm;codecs=\"vp8,opus\""]}}
{"type":"invite","to":"bob","media":{"audio":true,"video":true}}
{"type":"accept","call":"call-r3","media":{"audio":true}}
{"type":"message","call":"call-r3","data":{"kind":"chat","text":"hello"}}
{"type":"signal","call":"call-r3","to":"alice","data":{"sdp":"v=0"}}
{"type":"failed","call":"call-r3","url":"/call-r3/alice.webm","why":"no"}
{"type":"hangup","call":"call-r3"}`,
		`{"type":"hello","caller":"a","resume":"r1"}
{"type":"who"}
{"type":"can","can":{}}
{"type":"cancel"}
{"type":"reject","call":"x","reason":"later"}
{"type":"media","call":"x"}`,
		`{"type":"hello","caller":"alice","can":{"record":["video/webm;codecs=vp8,opus"],"play":["audio/wav"],"pcm":true}}
{"type":"hello","caller":"bob","can":{"play":["video/webm;codecs=\"vp8,opus\"","audio/wav"],"pcm":true}}
{"type":"join","room":"standup","media":{"audio":true,"video":false,"screen":{"audio":false,"video":true}}}
{"type":"join","room":"standup"}
{"type":"invite","to":"bob","media":{"screen":{"video":true}}}
{"type":"media","call":"standup","media":{"audio":true,"video":true,"screen":{"audio":true,"video":true}}}
{"type":"message","call":"standup","data":1}
{"type":"failed","call":"standup","url":"/standup/alice-screen.webm","why":"no"}
{"type":"join","room":"standup","media":{"screen":{"video":true}}}
{"type":"signal","call":"standup","to":"alice","data":{"sdp":"v=0"}}
{"type":"leave","call":"standup"}
{"type":"leave","call":"standup"}
{"type":"join","room":"static"}
{"type":"join","room":true}`,
		`{"type":"hello","caller":"carol-screen"}
{"type":"hello","caller":"alice"}`,
		`c:403`, `{"type":"(lost)"}`, `[]`, `{"type":7}`, `{"TYPE":"who","n":1e400}`,
	} {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		w := newWorldOf(t, Options{Few: 1})
		for i, line := range strings.Split(lines, "\n") {
			m, err := Decode([]byte(line))
			if err != nil {
				if s := err.Error(); len(s) > 1000 {
					t.Errorf("a refusal of %d bytes", len(s))
				}
				continue
			}
			if strings.HasPrefix(m.Type, "(") {
				t.Fatalf("a caller says %s", m.Type)
			}
			if i%7 == 0 { // a timer, between what callers say
				w.wait("1s", false)
			}
			for _, e := range w.s.Handle(Session(i%2+1), m) {
				switch e := e.(type) {
				case Later:
					w.later = append(w.later, e)
				case Send:
					if b := Encode(e.Message); !json.Valid(b) || len(b) > MaxMessage+4096 {
						t.Errorf("answered with %d bytes: %.200s", len(b), b)
					}
				case Allow:
					w.rooms[e.Room] = e.Keys
				case Forbid:
					delete(w.rooms, e.Room)
				}
			}
			w.check()
		}
	})
}
