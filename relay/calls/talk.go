package calls

import "strings"

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
			s.tell(k)
		}
	}
}

// failed: somebody could not record or play a file. The next best format is
// tried; if there is none, the call goes on without it. It is not tried with him
// again as long as he is here. What is said of a file that is given up already
// means nothing any more.
func (s *State) failed(c *caller, m Message) {
	k := s.its(c, m)
	if k == nil {
		return
	}
	path, _, _ := strings.Cut(m.URL, "?")
	sender, screen := k.publisher(path)
	switch {
	case k.ringing || sender == nil:
		s.refuse(c.session, NoMatch, m, "No file of this call is at %.80q.", path)
	case screen && !sender.media.Screen.Video: // is not shared any more
	case k.give(sender, screen, c, path, m.MIME):
		s.tell(k)
	}
}

// publisher returns whose file a path is, and whether it is that of a screen; nil if
// it is nobody's.
func (k *call) publisher(path string) (m *member, screen bool) {
	file, ok := strings.CutPrefix(path, "/"+k.id+"/")
	name, _, dotted := strings.Cut(file, ".")
	name, screen = strings.CutSuffix(name, ScreenSuffix)
	for _, m := range k.members {
		if ok && dotted && m.name == name {
			return m, screen
		}
	}
	return nil, false
}

// give notes what c failed at, if it is what a sender and he do now.
func (k *call) give(sender *member, screen bool, c *caller, path, mime string) bool {
	a := k.agree(sender, screen)
	if sender.caller == c {
		for _, i := range a.files {
			if f := formats[i]; k.path(sender, screen, f.ext) == path && (mime == "" || mime == f.mime) {
				c.party(screen).unrecorded |= 1 << i
				return true
			}
		}
		return false
	}
	for j, other := range k.others(sender) {
		if other.caller != c {
			continue
		}
		for _, i := range a.plays[j] {
			if w := ways[i]; k.path(sender, screen, w.ext) == path && (mime == "" || mime == w.mime) {
				c.party(screen).cannotPlay(i)
				return true
			}
		}
	}
	return false
}

// relay passes data on, as it is. Who is away in a room misses what is said to all.
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
	var to []*caller
	found := k.named && m.To == "" // there may be nobody else
	for _, other := range k.callers() {
		if other == c || m.To != "" && other.name != m.To {
			continue
		}
		found = true
		if other.session == 0 && (!k.named || m.To != "") {
			s.refuse(c.session, Gone, m, "%s is not connected at the moment; this did not arrive.", other.name)
			continue
		}
		to = append(to, other)
	}
	s.send(Message{Type: m.Type, Call: k.id, From: c.name, Data: m.Data}, to...)
	if !found {
		s.refuse(c.session, NoMatch, m, "%.64s is not in this call.", m.To)
	}
}
