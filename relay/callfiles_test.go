package relay

import (
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

// The files of a call: publishing needs the key, the other side is told how far
// they are and the speaker how many listen; they end with the call, and their
// paths with them.
func TestCallFiles(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	path := c.startA.Publish[0].Path()
	if path+"?el=5s" != c.startB.Play[0].URL || !strings.HasPrefix(path, "/"+c.startA.Call+"/alice.") || len(c.startA.Call) < len(calls.RoomPrefix)+26 {
		t.Fatalf("alice publishes at %s in call %s, bob plays %s", path, c.startA.Call, c.startB.Play[0].URL)
	}
	r.connect(path).refused(4403, "Only alice may publish here")
	r.connect(path+"?key=wrong").refused(4403, "Only alice may publish here")
	r.connect("/"+c.startA.Call+"/carol.webm?key=x").refused(4404, "nobody of that name in this call")
	r.connect("/call-abc/carol.webm").refused(4404, "That call is over")
	r.refused("PUT", path, strings.NewReader("x"), 403, "Only alice may publish here")

	l := r.ask("GET", path, nil) // it waits for the first byte, since alice is in a call
	eventually(t, "somebody waits", func() bool { return len(r.s.hub.Names()) == 1 })
	chunks := capture(t, picture)
	p := r.publish(c.startA.Publish[0].URL)
	p.send(chunks[0])
	p.acked(1)
	listener := r.follow(l())
	listener.has(len(demanded(t, "webm", chunks[:1])))
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	for n := int64(0); n != 1; {
		n = *c.a.hear("listeners").N
	}
	edge := c.b.hear("edge")
	if edge.Caller != "alice" || edge.URL != path+"?el=5s" || edge.T == nil || *edge.T <= 0 || *edge.At <= 0 {
		t.Errorf("bob is told %s", calls.Encode(edge))
	}
	c.b.say(calls.Message{Type: "hangup", Call: c.startB.Call})
	if m := c.a.hear("ended"); m.Reason != "hangup" || m.By != "bob" {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	got := listener.all()
	if want := demanded(t, "webm", chunks); string(got) != string(want) {
		t.Errorf("the listener got %d bytes; the frames make %d", len(got), len(want))
	}
	p.refused(4404, "That call is over")
	r.refused("GET", path, nil, 404, "That call is over, and its files with it.")
	r.refused("GET", path+"?wait=30s", nil, 404, "That call is over")
	r.connect(c.startA.Publish[0].URL).refused(4404, "That call is over")
	eventually(t, "nothing is held", func() bool { return len(r.s.hub.Names()) == 0 && r.s.hub.Memory() == 0 })
}

// When a format fails in the call, the other side may ask for the next one before
// it is there, and the sender may publish it before its old socket is gone.
func TestFormatsChange(t *testing.T) {
	o := wide()
	o.Held = patience
	r := start(t, "http", o)
	c := r.call()
	url := c.startA.Publish[0].URL
	p := r.publish(url)
	p.send(capture(t, picture)...)
	p.acked(len(capture(t, picture)))
	wav := strings.Replace(url, ".webm", ".wav", 1)
	path, _, _ := strings.Cut(wav, "?")
	r.refused("HEAD", path+"?el=5s", nil, 404, "")
	if resp := r.request("HEAD", path, nil); resp.StatusCode != 200 { // of the first format's sound
		t.Errorf("HEAD %s: %s", path, resp.Status)
	}
	// An element is given what was agreed on: this, if that was it.
	if resp := r.request("HEAD", path+"?el=5s&of=webm", nil); resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "audio/wav") {
		t.Errorf("HEAD %s of WebM: %s %s", path, resp.Status, resp.Header.Get("Content-Type"))
	}
	r.refused("HEAD", strings.Replace(path, ".wav", ".mp4", 1)+"?el=5s&of=webm", nil, 406, "")
	l := r.ask("GET", path+"?el=5s", nil)
	next := r.publish(wav + "&run=2")
	next.send(streamtest.Wave(time.Second))
	next.acked(1)
	if code, _ := p.over(); code != closeReplaced {
		t.Errorf("the first socket is closed with %d", code)
	}
	resp := l()
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "audio/wav") {
		t.Errorf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	c.a.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
}

// Whoever waits for a file of a call does not wait longer than the call lasts.
func TestWaitEndsWithTheCall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	got := r.ask("GET", c.startA.Play[0].URL+"&wait=2m", nil)
	eventually(t, "somebody waits", func() bool { return len(r.s.hub.Names()) == 1 })
	c.a.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	resp := got()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != 404 || !strings.Contains(string(b), "That call is over") {
		t.Errorf("%s: %s", resp.Status, b)
	}
}

// Sound and picture of a call beside each other: whoever asks for the pictures before
// there are any gets them, though the sound is there; both sides are told how far each
// is; and the log has what was agreed on, without the room's name.
func TestCallFilesBeside(t *testing.T) {
	var log logText
	o := wide()
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	r := start(t, "http", o)
	c := r.call()
	c.b.say(calls.Message{Type: "can", Can: &calls.Can{Record: canWebM.Record, Play: []string{"audio/wav", "multipart/x-mixed-replace"}}})
	c.b.hear("start") // what is made of WebM
	c.a.hear("start")
	c.a.say(calls.Message{Type: "can", Can: &calls.Can{PCM: true, JPEG: true, Play: canWebM.Play}})
	c.startA = c.a.hear("start")
	started := c.b.hear("start")
	if len(c.startA.Publish) != 2 || len(started.Play) != 2 {
		t.Fatalf("alice is told %s, bob %s", calls.Encode(c.startA), calls.Encode(started))
	}
	sound, pictures := started.Play[0].URL, started.Play[1].URL
	got := r.ask("GET", pictures+"&wait=30s", nil)
	mic := r.publish(c.startA.Publish[0].URL)
	mic.send(streamtest.Wave(time.Second))
	mic.acked(1)
	if resp := r.request("HEAD", sound, nil); resp.StatusCode != 200 {
		t.Errorf("HEAD %s: %s", sound, resp.Status)
	}
	cam := r.publish(c.startA.Publish[1].URL)
	cam.send(paintings(t, 1)...)
	cam.acked(1)
	resp := got()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || !strings.HasPrefix(kind, "multipart/x-mixed-replace") {
		t.Errorf("GET %s: %s %s", pictures, resp.Status, kind)
	}
	told := map[string]bool{}
	for len(told) < 2 {
		m := c.b.hear("edge")
		told[m.URL] = told[m.URL] || *m.T > 0 || m.URL == pictures
	}
	if !told[sound] || !told[pictures] {
		t.Errorf("bob is told of %v; expected %s and %s", told, sound, pictures)
	}
	why := started.Play[0].Why
	if text := log.String(); !strings.Contains(text, `msg="to be played"`) || !strings.Contains(text, why) || strings.Contains(text, c.startA.Call) {
		t.Errorf("the log lacks %q, or has the room's name %s: %s", why, c.startA.Call, text)
	}
	c.a.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Error(err)
	}
	cam.refused(4404, "That call is over")
	mic.refused(4404, "That call is over")
}

// logText is a log. Any goroutine may write to it.
type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
