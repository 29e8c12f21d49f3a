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

// How often keyframes are asked for, in ms: a listener begins at one.
const (
	keyframes     = 1000
	manyKeyframes = 500
)

// start sends each member the whole state of the call, if it is not what the
// member was told last.
func (s *State) start(k *call) {
	starts := make([]Message, len(k.members))
	for i, me := range k.members {
		starts[i] = Message{Type: "start", Call: k.id, Publish: []Publication{}, Play: []Playing{}, Peers: []Peer{}}
		for j, other := range k.members {
			if other != me {
				starts[i].Peers = append(starts[i].Peers, Peer{
					Caller: other.name, Media: other.media, WebRTC: me.able.webrtc && other.able.webrtc,
					Polite: k.members[0] != me && j == 0, Away: other.session == 0,
				})
			}
		}
	}
	agreed := make([]agreement, len(k.members))
	for i, me := range k.members {
		a := k.agree(me)
		agreed[i] = a
		starts[i].Publish = k.publications(me, a)
		for j, other := range k.others(me) {
			to := &starts[slices.Index(k.members, other)]
			to.Play = append(to.Play, k.playings(me, other, a, a.plays[j])...)
			starts[i].Peers[j].Plays = len(a.plays[j])
		}
	}
	for i, me := range k.members {
		if me.session != 0 && !reflect.DeepEqual(starts[i], me.told) {
			me.told = starts[i]
			s.send(starts[i], me.caller)
		}
	}
	for i, m := range k.members {
		s.unfit(k, m, agreed[i])
	}
}

// others returns who listens to a member.
func (k *call) others(me *member) (all []*member) {
	for _, m := range k.members {
		if m != me {
			all = append(all, m)
		}
	}
	return all
}

// agree negotiates what a member publishes.
func (k *call) agree(me *member) agreement {
	var receivers []*party
	for _, other := range k.others(me) {
		receivers = append(receivers, &other.able)
	}
	return negotiate(&me.able, me.media, receivers)
}

// publications is what a member is told to publish.
func (k *call) publications(me *member, a agreement) []Publication {
	all := []Publication{}
	for _, i := range a.files {
		f := formats[i]
		p := Publication{
			URL: k.path(me, f.ext) + "?key=" + me.key, MIME: f.mime, Timeslice: f.every,
			BitsPerSecond: f.bits, KeyframeEvery: k.keyframes(me, a), Why: a.why,
		}
		if f.pcm {
			p.Rate = samplesPerSecond
		}
		all = append(all, p)
	}
	return all
}

// keyframes returns how often a member sends them: some engines show nothing before
// the next one, and who gets single pictures gets no others.
func (k *call) keyframes(me *member, a agreement) int {
	for j, other := range k.others(me) {
		for _, i := range a.plays[j] {
			if w := ways[i]; w.picture && (other.able.engine == gecko || w.of != jpegPicture && !w.sound) {
				return manyKeyframes
			}
		}
	}
	return keyframes
}

// playings is how somebody is told to play what a member publishes. The URL of
// something that is made says what it is made of, so that it is not made of what
// was published there before.
func (k *call) playings(me, other *member, a agreement, rows []int) (all []Playing) {
	for _, i := range rows {
		w := ways[i]
		url := k.path(me, w.ext) + seekable
		if from := formats[w.of].ext; from != w.ext {
			url += "&of=" + from
		}
		if w.query != "" {
			url += "&" + w.query
		}
		if w.mime == formats[wavSound].mime && other.able.engine == chromium {
			url += soonest
		}
		all = append(all, Playing{Caller: me.name, URL: url, MIME: w.mime, Why: a.because(&other.able, i)})
	}
	return all
}

// soonest makes a WAV so large that Chromium, which wants 229,000 bytes of one
// before it plays, has those in half a second.
const soonest = "&rate=48000&channels=2&bits=32f"

// unfit tells all when somebody wants to be heard and there is no format for it.
func (s *State) unfit(k *call, m *member, a agreement) {
	why := a.why
	if len(a.files) > 0 {
		why = ""
	}
	if why != "" && why != m.unfit {
		s.send(Refusal(NoMatch, Message{Type: "start", Call: k.id}, "%s cannot be heard: %s", m.name, why), k.callers()...)
	}
	m.unfit = why
}

// path is where a member publishes.
func (k *call) path(m *member, ext string) string { return "/" + k.id + "/" + m.name + "." + ext }

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
// tried; if there is none, the call goes on without it. It is not tried with him
// again as long as he is here. What is said of a file that is given up already
// means nothing any more.
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
		if k.give(sender, c, path, m.MIME) {
			s.start(k)
		}
		return
	}
	s.refuse(c.session, NoMatch, m, "No file of this call is at %.80q.", path)
}

// give notes what c failed at, if it is what a sender and he do now.
func (k *call) give(sender *member, c *caller, path, mime string) bool {
	a := k.agree(sender)
	if sender.caller == c {
		for _, i := range a.files {
			if f := formats[i]; k.path(sender, f.ext) == path && (mime == "" || mime == f.mime) {
				c.able.unrecorded |= 1 << i
				return true
			}
		}
		return false
	}
	for j, other := range k.others(sender) {
		for _, i := range a.plays[j] {
			if w := ways[i]; other.caller == c && k.path(sender, w.ext) == path && (mime == "" || mime == w.mime) {
				c.able.cannotPlay(i)
				return true
			}
		}
	}
	return false
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
