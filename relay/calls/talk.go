package calls

import (
	"reflect"
	"slices"
	"strings"
)

// seekable is asked for with every file that a page plays: its script seeks over
// what the sender left out, and the last picture stays meanwhile. Beyond so much
// the body ends, and it opens the file again.
const seekable = "?el=5s"

// start sends each member the whole state of the call, if it is not what the
// member was told last.
func (s *State) start(k *call) {
	for _, me := range k.members {
		m := Message{Type: "start", Call: k.id, Publish: []Publication{}, Play: []Playing{}, Peers: []Peer{}}
		if f, why := k.format(me); f != nil {
			m.Publish = append(m.Publish, Publication{
				URL: k.path(me, f) + "?key=" + me.key, MIME: f.mime, Timeslice: 50,
				BitsPerSecond: f.bits, KeyframeEvery: 1000, Why: why,
			})
		}
		for i, other := range k.members {
			if other == me {
				continue
			}
			m.Peers = append(m.Peers, Peer{
				Caller: other.name, Media: other.media, WebRTC: me.can.webrtc && other.can.webrtc,
				Polite: k.members[0] != me && i == 0, Away: other.session == 0,
			})
			if f, why := k.format(other); f != nil && me.plays(f) {
				m.Play = append(m.Play, Playing{Caller: other.name, URL: k.path(other, f) + seekable, MIME: f.mime, Why: why})
			}
		}
		if me.session != 0 && !reflect.DeepEqual(m, me.told) {
			me.told = m
			s.send(m, me.caller)
		}
	}
	s.unfit(k)
}

// unfit tells all when somebody wants to be heard and there is no format for it.
func (s *State) unfit(k *call) {
	for _, m := range k.members {
		f, why := k.format(m)
		if f != nil {
			why = ""
		}
		if why != "" && why != m.unfit {
			s.send(Refusal(NoMatch, Message{Type: "start", Call: k.id}, "%s cannot be heard: %s", m.name, why), k.callers()...)
		}
		m.unfit = why
	}
}

// format returns what a member publishes in, or nil, and why.
func (k *call) format(m *member) (*format, string) {
	var others []abilities
	for _, other := range k.members {
		if other != m {
			others = append(others, other.can)
		}
	}
	row, why := negotiate(m.can, m.media, others, m.failed)
	if row < 0 {
		return nil, why
	}
	return formats[row], why
}

func (m *member) plays(f *format) bool { return m.can.play.has(slices.Index(formats, f)) }

// path is where a member publishes.
func (k *call) path(m *member, f *format) string { return "/" + k.id + "/" + m.name + "." + f.ext }

// media: what somebody sends has changed.
func (s *State) media(c *caller, m Message) {
	k := s.its(c, m)
	switch {
	case k == nil:
	case m.Media == nil:
		s.refuse(c.session, BadRequest, m, "What is sent now? Say {\"media\":{\"audio\":true,\"video\":false}}.")
	default:
		k.member(c).media = *m.Media
		if k.ringing {
			s.ring(k, k.callers()...)
		} else {
			s.start(k)
		}
	}
}

// failed: somebody could not record or play a file. The next best format is
// tried; if there is none, the call goes on without it. What is said of a file
// that is given up already means nothing any more.
func (s *State) failed(c *caller, m Message) {
	k := s.its(c, m)
	if k == nil {
		return
	}
	path, _, _ := strings.Cut(m.URL, "?")
	for _, sender := range k.members {
		if k.ringing || !strings.HasPrefix(path, "/"+k.id+"/"+sender.name+".") {
			continue
		}
		f, _ := k.format(sender)
		if f != nil && k.path(sender, f) == path && (m.MIME == "" || m.MIME == f.mime) {
			sender.failed |= 1 << slices.Index(formats, f)
			s.start(k)
		}
		return
	}
	s.refuse(c.session, NoMatch, m, "No file of this call is at %.80q.", path)
}

// relay passes data on, as it is.
func (s *State) relay(c *caller, m Message) {
	k := s.its(c, m)
	switch {
	case k == nil:
		return
	case k.ringing:
		s.refuse(c.session, BadRequest, m, "Nobody has accepted this call yet.")
		return
	case m.Data == nil:
		s.refuse(c.session, BadRequest, m, "There is no \"data\" to pass on.")
		return
	case m.Type == "signal" && m.To == "":
		s.refuse(c.session, BadRequest, m, "A signal needs a \"to\".")
		return
	}
	found := false
	for _, other := range k.members {
		if other.caller == c || m.To != "" && other.name != m.To {
			continue
		}
		found = true
		if other.session == 0 {
			s.refuse(c.session, Gone, m, "%s is not connected at the moment; this did not arrive.", other.name)
			continue
		}
		s.send(Message{Type: m.Type, Call: k.id, From: c.name, Data: m.Data}, other.caller)
	}
	if !found {
		s.refuse(c.session, NoMatch, m, "%.64s is not in this call.", m.To)
	}
}
