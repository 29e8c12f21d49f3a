package calls

import "slices"

// seekable is asked for with every file that a page plays: its script seeks over
// what the sender left out, and the last picture stays meanwhile. Beyond so much
// the body ends, and it opens the file again.
const seekable = "?el=5s"

// soonest makes a WAV so large that Chromium, which wants 229,000 bytes of one
// before it plays, has those in half a second.
const soonest = "&rate=48000&channels=2&bits=32f"

// How often keyframes are asked for, in ms: a listener begins at one.
const (
	keyframes     = 1000
	manyKeyframes = 500
)

// screenBits is how many a second the picture of a screen has: it is large, and its
// text must be read.
const screenBits = 2_500_000

// start sends each member the whole state of the call, if it is not what the
// member was told last.
func (s *State) start(k *call) {
	k.soon = 0
	starts := make([]Message, len(k.members))
	for i := range k.members {
		starts[i] = Message{Type: "start", Call: k.id, Publish: []Publication{}, Play: []Playing{}, Peers: k.peers(i)}
		if k.named {
			starts[i].Room = true
		}
	}
	agreed := make([][]agreement, len(k.members))
	for i, me := range k.members {
		agreed[i] = k.agreed(me)
		for _, a := range agreed[i] {
			k.spread(starts, i, a)
		}
	}
	for i, me := range k.members {
		if me.session != 0 && !sameStart(&starts[i], &me.told) {
			me.told = starts[i]
			if servers := s.opt.ICEServers(me.name); len(servers) > 0 { // those of welcome end after a while
				starts[i].ICEServers = servers
			}
			s.send(starts[i], me.caller)
		}
	}
	for i, m := range k.members {
		s.unfit(k, m, agreed[i])
	}
}

// spread puts what member i publishes of something into its start, and how each of
// the others plays that into theirs.
func (k *call) spread(starts []Message, i int, a agreement) {
	me := k.members[i]
	starts[i].Publish = append(starts[i].Publish, k.publications(me, a)...)
	for j, other := range k.others(me) {
		to := &starts[j+count(j >= i)] // others are the members without this one
		to.Play = append(to.Play, k.playings(me, other, a, a.plays[j])...)
		if !a.screen {
			starts[i].Peers[j].Plays = len(a.plays[j])
		}
	}
}

// peers is what member i is told of the others. Of two the one who joined later is
// polite.
func (k *call) peers(i int) []Peer {
	me := k.members[i]
	all := make([]Peer, 0, len(k.members)-1)
	for j, other := range k.members {
		if j != i {
			all = append(all, Peer{
				Caller: other.name, Media: other.media, WebRTC: me.able.webrtc && other.able.webrtc,
				Polite: i > j, Away: other.session == 0,
			})
		}
	}
	return all
}

// sameStart reports whether two starts say the same of a call.
func sameStart(a, b *Message) bool {
	return a.Type == b.Type && a.Call == b.Call &&
		slices.Equal(a.Publish, b.Publish) && slices.Equal(a.Play, b.Play) && slices.Equal(a.Peers, b.Peers)
}

// others returns who listens to a member.
func (k *call) others(me *member) []*member {
	all := make([]*member, 0, len(k.members))
	for _, m := range k.members {
		if m != me {
			all = append(all, m)
		}
	}
	return all
}

// agreed negotiates all that a member publishes: itself, and its screen if it shares
// that.
func (k *call) agreed(me *member) []agreement {
	all := []agreement{k.agree(me, false)}
	if me.media.Screen.Video {
		all = append(all, k.agree(me, true))
	}
	return all
}

// agree negotiates what a member publishes of itself, or of its screen.
func (k *call) agree(me *member, screen bool) agreement {
	var receivers []*party
	for _, other := range k.others(me) {
		receivers = append(receivers, other.party(screen))
	}
	if screen {
		return negotiateScreen(&me.screens, me.media.Screen, receivers)
	}
	return negotiate(&me.able, me.media, receivers)
}

// party is a caller's side of a negotiation about somebody, or about a screen.
func (c *caller) party(screen bool) *party {
	if screen {
		return &c.screens
	}
	return &c.able
}

// publications is what a member is told to publish.
func (k *call) publications(me *member, a agreement) []Publication {
	all := []Publication{}
	for _, i := range a.files {
		f := formats[i]
		p := Publication{
			URL: k.path(me, a.screen, f.ext) + "?key=" + me.key, MIME: f.mime, Timeslice: f.every,
			BitsPerSecond: f.bits, KeyframeEvery: k.keyframes(me, a), Screen: a.screen, Why: a.why,
		}
		if f.pcm {
			p.Rate = samplesPerSecond
		}
		if a.screen {
			p.BitsPerSecond = screenBits
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
		url := k.path(me, a.screen, w.ext) + seekable
		if from := formats[w.of].ext; from != w.ext {
			url += "&of=" + from
		}
		if w.query != "" {
			url += "&" + w.query
		}
		if w.mime == formats[wavSound].mime && other.able.engine == chromium {
			url += soonest
		}
		all = append(all, Playing{Caller: me.name, URL: url, MIME: w.mime, Screen: a.screen, Why: a.because(other.party(a.screen), i)})
	}
	return all
}

// unfit tells all when somebody wants to be heard, or its screen to be seen, and there
// is no format for it.
func (s *State) unfit(k *call, m *member, agreed []agreement) {
	var now [2]string
	for i, a := range agreed {
		if len(a.files) == 0 {
			now[i] = a.why
		}
	}
	for i, text := range []string{"%s cannot be heard: %s", "The screen of %s cannot be seen: %s"} {
		if now[i] != "" && now[i] != m.unfit[i] {
			s.send(Refusal(NoMatch, Message{Type: "start", Call: k.id}, text, m.name, now[i]), k.callers()...)
		}
	}
	m.unfit = now
}

// path is where a member publishes.
func (k *call) path(m *member, screen bool, ext string) string {
	name := m.name
	if screen {
		name += ScreenSuffix
	}
	return "/" + k.id + "/" + name + "." + ext
}
