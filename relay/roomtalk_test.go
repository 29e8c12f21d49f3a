package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

// voice is what a member of a room sends, and what it can play.
type voice struct {
	name   string
	media  calls.Media
	can    calls.Can
	ext    string
	chunks [][]byte
	want   []byte  // the body of who is there from the first join on
	after  []int   // its length after each chunk
	hz     float64 // of its tone
}

// roomTalk is a room's members, in the order of joining, and what each has heard.
type roomTalk struct {
	t       *testing.T
	r       *running
	members []*roomMember
	count   struct{ joins, leaves, bodies, bytes, samples, tones int }
}

type roomMember struct {
	*phone
	*voice
	start calls.Message
	file  *publisher
	sent  int
	hears map[string]*roomHearing // by sender
}

// roomHearing is a file that somebody plays.
type roomHearing struct {
	sender *voice
	url    string
	from   int // chunks that were sent before it was asked for
	body   *body
}

var (
	playsAll = []string{"video/webm;codecs=vp8,opus", "audio/ogg;codecs=opus", "audio/wav"}
	playsWAV = []string{"audio/wav"}
)

// sines is a WAV file of a tone: 16 kHz, 16 bit, mono, in chunks of 100 ms.
func sines(hz float64, chunks int) [][]byte {
	all := make([][]byte, chunks)
	for i := range all {
		if i == 0 {
			all[i] = []byte(callHeader)
		}
		for n := range callRate / 10 {
			v := 12_000 * math.Sin(2*math.Pi*hz*float64(i*callRate/10+n)/callRate)
			all[i] = binary.LittleEndian.AppendUint16(all[i], uint16(int16(v)))
		}
	}
	return all
}

// pitch is the frequency of what sounds on the first channel of 16-bit WAV, by the
// usual time between two rises through zero, and the number of its samples. It is 0
// where hardly anything sounds. The first quarter of a second may be a decoder's begin.
func pitch(t testing.TB, wav []byte) (hz float64, samples int) {
	t.Helper()
	if len(wav) < 44 || string(wav[:4]) != "RIFF" || wav[34] != 16 {
		t.Fatalf("no WAV of 16 bits: %.44q", wav)
	}
	channels, rate := int(wav[22]), int(binary.LittleEndian.Uint32(wav[24:]))
	samples = (len(wav) - 44) / 2 / channels
	var periods []int
	armed, rise := false, 0
	for i := rate / 4; i < samples; i++ {
		v := int16(binary.LittleEndian.Uint16(wav[44+2*channels*i:]))
		switch {
		case v < -200:
			armed = true
		case v >= 0 && armed:
			armed = false
			periods, rise = append(periods, i-rise), i
		}
	}
	if len(periods) < 50 {
		return 0, samples
	}
	slices.Sort(periods)
	middle := periods[len(periods)/4 : len(periods)*3/4]
	sum := 0
	for _, p := range middle {
		sum += p
	}
	return float64(rate) * float64(len(middle)) / float64(sum), samples
}

// voices are six of different kinds, whose tones are different but for what Firefox recorded;
// Chromium's recordings have none that stays.
func voices(t *testing.T, r *running) []*voice {
	audio := calls.Media{Audio: true}
	all := []*voice{
		{name: "alice", media: audio, can: calls.Can{PCM: true, Play: playsAll}, ext: "wav", chunks: sines(440, 60)},
		{name: "bob", media: audio, can: calls.Can{PCM: true, Play: playsWAV}, ext: "wav", chunks: sines(620, 60)},
		{name: "carol", media: audio, can: calls.Can{Record: []string{"audio/webm;codecs=opus"}, Play: playsAll}, ext: "webm", chunks: capture(t, "firefox-audio-opus-T100.webm")[:60]},
		{name: "dave", media: audio, can: calls.Can{Record: []string{"audio/ogg;codecs=opus"}, Play: playsWAV}, ext: "ogg", chunks: capture(t, "firefox-audio-opus-T100.ogg")[:60]},
		{name: "erin", media: *both, can: calls.Can{Record: []string{"video/webm;codecs=vp8,opus"}, Play: playsAll}, ext: "webm", chunks: capture(t, "firefox-video-vp8-opus-T100.webm")[:60]},
		{name: "frank", media: audio, can: calls.Can{PCM: true, Play: playsWAV}, ext: "wav", chunks: sines(1700, 60)},
	}
	for _, v := range all {
		v.want, v.after = demandedAfter(t, v.ext, v.chunks)
		p := r.publish("/" + v.name + "." + v.ext) // outside the room: as what it sounds there
		p.send(v.chunks[:3]...)
		p.acked(3)
		l := r.listen("/" + v.name + ".wav?mode=complete")
		p.send(v.chunks[3:]...)
		p.acked(len(v.chunks))
		p.end()
		if v.hz, _ = pitch(t, l.all()); v.hz == 0 {
			t.Fatalf("%s makes no sound", v.name)
		}
		t.Logf("%s sounds of %.0f Hz", v.name, v.hz)
	}
	return all
}

// join has somebody come in, who then publishes and plays, as the others play him.
func (k *roomTalk) join(v *voice) {
	m := &roomMember{phone: k.r.dialPhone(), voice: v, hears: map[string]*roomHearing{}}
	m.phone.name = v.name
	m.say(calls.Message{Type: "hello", Caller: v.name, Can: &v.can})
	m.phone.hear("welcome")
	m.start = m.phone.join("standup", &v.media)
	for _, o := range k.members {
		if j := o.phone.hear("joined"); j.Caller != v.name || j.Call != "standup" {
			k.t.Errorf("%s is told %s", o.voice.name, calls.Encode(j))
		}
		o.start = o.phone.hear("start")
	}
	k.members = append(k.members, m)
	k.count.joins++
	k.follow()
}

// follow has each do what it was told: publish, then play all others.
func (k *roomTalk) follow() {
	for i, m := range k.members {
		if len(m.start.Peers) != len(k.members)-1 {
			k.t.Errorf("%s is told of %d others; there are %d", m.voice.name, len(m.start.Peers), len(k.members)-1)
		}
		for j, p := range m.start.Peers {
			if o := k.members[j+btoi(j >= i)]; p.Caller != o.voice.name || p.Polite != (j < i) {
				k.t.Errorf("%s is told %+v where %s is number %d", m.voice.name, p, o.voice.name, j)
			}
		}
		if m.file == nil && len(m.start.Publish) == 1 {
			m.file = k.r.publish(m.start.Publish[0].URL + "&run=" + m.voice.name)
			m.sent = 3 // the header, and more
			m.file.send(m.chunks[:m.sent]...)
			m.file.acked(m.sent)
		}
	}
	for _, m := range k.members {
		for _, p := range m.start.Play {
			if m.hears[p.Caller] == nil {
				o := k.member(p.Caller)
				m.hears[p.Caller] = &roomHearing{sender: o.voice, url: p.URL, from: o.sent, body: k.r.listen(p.URL)}
				k.count.bodies++
			}
		}
		if len(m.hears) != len(k.members)-1 {
			k.t.Errorf("%s hears %d of %d others", m.voice.name, len(m.hears), len(k.members)-1)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (k *roomTalk) member(name string) *roomMember {
	for _, m := range k.members {
		if m.voice.name == name {
			return m
		}
	}
	k.t.Fatalf("%s is not in the room", name)
	return nil
}

// speak has everybody send so many chunks more, if he has them, and everybody hear that.
func (k *roomTalk) speak(chunks int) {
	for _, m := range k.members {
		if m.file == nil {
			continue
		}
		to := min(m.sent+chunks, len(m.chunks))
		m.file.send(m.chunks[m.sent:to]...)
		if to > m.sent {
			m.file.acked(to)
		}
		m.sent = to
	}
	for _, m := range k.members {
		for name, h := range m.hears {
			o := k.member(name)
			h.body.has(h.least(o.sent))
		}
	}
}

// least is how many bytes a listener surely has when so many chunks are sent: those
// since it came.
func (h *roomHearing) least(sent int) int {
	u, _ := url.Parse(h.url)
	if strings.HasSuffix(u.Path, "."+h.sender.ext) {
		return 44 + h.sender.after[sent-1] - h.sender.after[h.from-1]
	}
	return 44 // of what is made of it there is no telling before it ends
}

// leave has somebody go; what the others have of him ends, and all of it is there.
func (k *roomTalk) leave(name string) {
	m := k.member(name)
	m.say(calls.Message{Type: "leave", Call: "standup"})
	if e := m.phone.hear("ended"); e.Reason != "left" {
		k.t.Errorf("%s is told %s", name, calls.Encode(e))
	}
	at := 0
	for i, o := range k.members {
		if o == m {
			at = i
			continue
		}
		if l := o.phone.hear("left"); l.Caller != name || l.Text == "" {
			k.t.Errorf("%s is told %s", o.voice.name, calls.Encode(l))
		}
		o.start = o.phone.hear("start")
	}
	k.members = append(k.members[:at:at], k.members[at+1:]...)
	if m.file != nil {
		m.file.refused(4404, name+" has left this room, and its files with it.")
	}
	for _, o := range k.members {
		if h := o.hears[name]; h != nil {
			delete(o.hears, name)
			k.judge(o.voice.name, h, m.sent)
		}
	}
	for _, h := range m.hears {
		h.body.resp.Body.Close()
	}
	m.socket.(*socket).close(closeNormal, "") // who is in nothing has gone then
	k.count.leaves++
	eventually(k.t, name+"'s name is free", func() bool {
		k.r.s.board.mu.Lock()
		defer k.r.s.board.mu.Unlock()
		return len(k.r.s.board.sessions) == len(k.members)
	})
	k.follow()
}

// judge holds a body that has ended against what was sent: byte for byte where it is
// as it was sent, and by its tone and length where the server made it.
func (k *roomTalk) judge(who string, h *roomHearing, sent int) {
	k.t.Helper()
	got := h.body.all()
	k.count.bytes += len(got)
	v := h.sender
	what := fmt.Sprintf("%s of %s, chunks %d to %d (%s)", who, v.name, h.from, sent, h.url)
	if strings.Contains(h.url, "."+v.ext+"?") {
		head := 44
		if v.ext == "webm" {
			head = bytes.Index(v.want, []byte{0x1F, 0x43, 0xB6, 0x75})
		}
		want := v.want[:v.after[sent-1]]
		if !bytes.HasPrefix(got, want[:head]) || !bytes.HasSuffix(want[head:], got[head:]) || len(got) < head+len(want)-v.after[h.from-1] {
			k.t.Errorf("%s: %d bytes, which are not the last %d or more of %d", what, len(got), len(want)-v.after[h.from-1], len(want))
		}
	}
	if !strings.Contains(h.url, ".wav?") {
		return
	}
	hz, samples := pitch(k.t, got)
	k.count.samples += samples
	rate := int(binary.LittleEndian.Uint32(got[24:]))
	if least := (sent - h.from - 3) * rate / 10; samples < least {
		k.t.Errorf("%s: %d samples, expected %d or more", what, samples, least)
	}
	if hz != 0 {
		k.count.tones++
	}
	if math.Abs(hz-v.hz) > v.hz/20 && hz != 0 {
		k.t.Errorf("%s: sounds of %.0f Hz, expected %.0f", what, hz, v.hz)
	}
}

// Six in a room, of different tones in different containers, who come and go: each has
// everything of everybody from when it came, and when all have gone nothing is left.
func TestRoomTalk(t *testing.T) {
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("EVERFILE_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("EVERFILE_SEED=%d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	changes := 6
	if streamtest.Long() {
		changes = 300
	}
	r := start(t, "http", wide())
	all := voices(t, r)
	k := &roomTalk{t: t, r: r}
	for _, i := range rnd.Perm(len(all)) {
		k.join(all[i])
		k.speak(2)
	}
	out := []*voice{}
	for range changes {
		if len(out) > 0 && (len(k.members) < 3 || rnd.IntN(2) == 0) {
			i := rnd.IntN(len(out))
			k.join(out[i])
			out = append(out[:i:i], out[i+1:]...)
		} else {
			m := k.members[rnd.IntN(len(k.members))*rnd.IntN(2)] // often the first: no wait of a test is endless
			k.speak(5)
			k.leave(m.voice.name)
			out = append(out, m.voice)
		}
		k.speak(4)
	}
	for _, v := range out {
		k.join(v)
	}
	k.speak(len(all[0].chunks))
	for len(k.members) > 0 {
		k.leave(k.members[rnd.IntN(len(k.members))].voice.name)
	}
	r.nothingLeft()
	t.Logf("%d joins, %d leaves, %d bodies, %d bytes, %d samples, %d tones", k.count.joins, k.count.leaves, k.count.bodies, k.count.bytes, k.count.samples, k.count.tones)
	if k.count.tones < 15 || k.count.bodies < 30 {
		t.Error("too little was heard")
	}
}
