package relay

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// webcaster is a client of the sub-protocol.
type webcaster struct {
	t    testing.TB
	c    *socket
	ctx  context.Context
	left chan error // why the socket is over
}

// webcaster connects and says nothing yet. Whatever the server says is an error.
func (r *running) webcaster(path string) *webcaster {
	r.t.Helper()
	c, err := dial(patient(r.t), r.url+path, r.dialer, "other", webcastProtocol)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	if c.protocol != webcastProtocol {
		r.t.Errorf("the server speaks %q", c.protocol)
	}
	w := &webcaster{t: r.t, c: c, ctx: patient(r.t), left: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		m, err := c.read(ctx, 1<<20)
		if err == nil {
			w.t.Errorf("the server says %q", m.data)
		}
		w.left <- err
	})
	r.t.Cleanup(func() {
		cancel()
		c.abandon()
		reading.Wait()
	})
	return w
}

func (w *webcaster) say(text string) {
	w.t.Helper()
	if err := w.c.writeText(w.ctx, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *webcaster) send(chunks ...[]byte) {
	w.t.Helper()
	for _, b := range chunks {
		if err := w.c.writeBinary(w.ctx, b); err != nil {
			w.t.Fatal(err)
		}
	}
}

// refused demands that the server closes with a code and a sentence.
func (w *webcaster) refused(code int, words string) {
	w.t.Helper()
	select {
	case err := <-w.left:
		got, reason := closed(err)
		if got != code || len(reason) > maxReason {
			w.t.Errorf("closed with %d, %d bytes %q (%v); expected %d", got, len(reason), reason, err, code)
		}
		sentence(w.t, reason, words)
	case <-patient(w.t).Done():
		w.t.Fatal("the socket stays open")
	}
}

func hello(mime string) string {
	return `{"type":"hello","data":{"mime":"` + mime + `","user":"source","password":"hackme","audio":{"channels":2,"bitrate":128}}}`
}

// listenFrom opens a body before its file begins, and returns when it has.
func (r *running) listenFrom(path string, begin func()) *body {
	r.t.Helper()
	answer := r.ask("GET", path+"?wait=1m", nil)
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), ".")
	eventually(r.t, "somebody waits for "+name, func() bool { return r.registered(name) })
	begin()
	resp := answer()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s", path, resp.Status)
	}
	return r.follow(resp)
}

// Whatever names the container, and however the client closes, the listener gets
// what the frames make.
func TestWebcast(t *testing.T) {
	webm, wave := capture(t, sound), streamtest.Wave(time.Second)
	waves := [][]byte{wave[:10], wave[10:19_244], wave[19_244:]} // 200 ms: who comes begins half a second back
	for _, row := range []struct {
		path, mime, ext string
		chunks          [][]byte
		code            int
	}{
		{"/a", "audio/webm;codecs=opus", "webm", webm, closeNormal},
		{"/a.webm", "audio/webm;codecs=opus", "webm", webm, closeNoStatus},
		{"/a.webm", "", "webm", webm, closeNoStatus},
		{"/room/a", "", "webm", webm, closeNormal},
		{"/a", "audio/wav", "wav", waves, closeNoStatus},
		{"/a", "", "wav", waves, closeNoStatus},
	} {
		r := start(t, "http", wide())
		w := r.webcaster(row.path)
		w.say(hello(row.mime))
		first := 1
		if row.ext == "wav" {
			first = 2 // the header needs two
		}
		l := r.listenFrom(row.path, func() { w.send(row.chunks[:first]...) })
		l.has(len(demanded(t, row.ext, row.chunks[:first])))
		w.send(nil) // means nothing
		w.say(`{"type":"news","data":[1,2]}`)
		w.say(`{"type":"bye"}`)
		w.send(row.chunks[first:]...)
		w.c.close(row.code, "")
		if got, want := l.all(), demanded(t, row.ext, row.chunks); !bytes.Equal(got, want) {
			t.Errorf("%s as %q: %d bytes, which are not the %d that the frames make", row.path, row.mime, len(got), len(want))
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

// Any other close is a connection lost.
func TestWebcastThatIsLost(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	w := r.webcaster("/a")
	w.say(hello(""))
	l := r.listenFrom("/a", func() { w.send(chunks[0]) })
	had := len(l.has(len(demanded(t, "webm", chunks[:1]))))
	w.c.close(closeGoingAway, "")
	eventually(t, "the publisher is gone", func() bool { return !r.s.listed()[0].Live })
	r.connect("/a?key=other").refused(4409, "Somebody else publishes")
	w = r.webcaster("/a?key=hackme")
	w.say(`{"type":"hello","data":{"mime":"","password":"ignored, since the address names the key"}}`)
	w.send(chunks[:5]...)
	l.has(had + 1)
}

// The title is what the listing says plays, and who has the key may say it elsewhere.
func TestWebcastMetadata(t *testing.T) {
	r := start(t, "http", wide())
	w := r.webcaster("/a")
	w.say(hello("audio/webm"))
	w.send(capture(t, sound)[0])
	for _, row := range []struct{ data, want string }{
		{`{"title":"T","artist":"A","year":1999}`, "A - T"},
		{`{"title":"only \u0000a title\n"}`, "only a title"},
		{`{"artist":"A"}`, "A"},
		{`{"comment":"says nothing of it"}`, "A"},
		{`{"title":7,"artist":null}`, "A"},
		{`{"title":"` + strings.Repeat("ä", 10_000) + `"}`, strings.Repeat("ä", maxTitle/2)},
		{`{"title":""}`, ""},
		{`{"title":"last"}`, "last"},
	} {
		w.say(`{"type":"metadata","data":` + row.data + `}`)
		if err := w.c.ping(w.ctx, patience); err != nil { // answered when all before it is read
			t.Fatal(err)
		}
		if got := r.titleOf("a"); got != row.want {
			t.Errorf("%.40s makes the title %.40q; expected %.40q", row.data, got, row.want)
		}
	}
	r.told("/admin/metadata?mode=updinfo&mount=/a&song=by+key", "hackme")
	if got := r.titleOf("a"); got != "by key" {
		t.Errorf("by key it is %q", got)
	}
}

// titleOf is what is listed as playing under a name.
func (r *running) titleOf(name string) string {
	for _, l := range r.s.listed() {
		if l.Name == name && l.Metadata != nil {
			return l.Metadata.Title
		}
	}
	return ""
}

// A client that says nothing does not stay.
func TestWebcastWithoutHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		r.webcaster("/a").refused(4408, `Nobody has said hello here in 10s; send {"type":"hello","data":{"mime":"audio/webm"}} first.`)
		if r.registered("a") {
			t.Error("it has held a name")
		}
	})
}

func TestWebcastServerStops(t *testing.T) {
	r := start(t, "http", wide())
	early, w := r.webcaster("/b"), r.webcaster("/a")
	w.say(hello("audio/webm"))
	w.send(capture(t, sound)[0])
	eventually(t, "it is live", func() bool { return len(r.s.listed()) == 1 })
	go func() { _ = r.stop() }() // the end of the test waits for it
	w.refused(closeGoingAway, "The server is stopping; connect again.")
	early.refused(closeGoingAway, "The server is stopping; connect again.")
}

// webcastsThatAreNone is every mistake that a client can make.
func webcastsThatAreNone(h *healthy) {
	const lost = "what came before onopen is lost, its header too. Start the recorder in onopen."
	for _, row := range []struct {
		path  string
		hello string // "" for none
		data  []byte
		code  int
		words string
	}{
		{"/a", "", h.chunks[0], closeProtocol, `Media before any hello; send {"type":"hello"`},
		{"/a", "hello", nil, closeProtocol, `A text frame is {"type":TYPE,"data":DATA}, got "hello".`},
		{"/a", "[]", nil, closeProtocol, `A text frame is {"type":TYPE,"data":DATA}, got "[]".`},
		{"/a", `{"data":{}}`, nil, closeProtocol, `A text frame is {"type":TYPE,"data":DATA}`},
		{"/a", `{"type":7}`, nil, closeProtocol, `A text frame is {"type":TYPE,"data":DATA}`},
		{"/a", "\xff", nil, closeProtocol, `A text frame is {"type":TYPE,"data":DATA}`},
		{"/a", `{"type":"metadata","data":{"title":"x"}}`, nil, closeProtocol, "The first frame is a hello with a mime"},
		{"/a", `{"type":"hello"}`, nil, closeProtocol, "The first frame is a hello with a mime"},
		{"/a", `{"type":"hello","data":{}}`, nil, closeProtocol, "The first frame is a hello with a mime"},
		{"/a", `{"type":"hello","data":"audio/webm"}`, nil, closeProtocol, "The first frame is a hello with a mime"},
		{"/a", `{"type":"hello","data":{"mime":["audio/webm"]}}`, nil, closeProtocol, "The first frame is a hello with a mime"},
		{"/a", `{"type":"hello","data":{"mime":"","x":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, closeTooBig, "A text frame of 1048618 bytes; it has at most 65536."},
		{"/a", hello("audio/mystery"), nil, 4415, `"audio/mystery" is no type that is known here; known are: video/webm audio/webm`},
		{"/a.webm", hello("audio/wav"), nil, 4415, `The path says .webm and the hello "audio/wav"; which is it?`},
		{"/a.pcm", hello(""), nil, 4415, ".pcm can be played, not published."},
		{"/a.xyz", hello(""), nil, 4404, `Unknown extension ".xyz"`},
		{"/a", `{"type":"hello","data":{"mime":"","password":"` + strings.Repeat("p", 65) + `"}}`, nil, 4400, "run and key are at most 64 characters, and so is a password in its place."},
		{healthyPath, hello(""), nil, 4409, "Somebody else publishes under this name"},
		{"/call-nobody/a", hello(""), nil, 4404, "That call is over"},
		{"/a", hello("video/webm;codecs=vp8,opus"), h.chunks[1], closeInvalid, "These bytes do not begin like webm: " + lost},
		{"/a", hello("audio/webm"), h.chunks[0][1:], closeInvalid, "These bytes do not begin like webm: " + lost},
		{"/a.webm", hello(""), h.chunks[1], closeInvalid, "These bytes do not begin like webm: " + lost},
		{"/a", hello("audio/wav"), h.chunks[1], closeInvalid, "These bytes do not begin like wav: " + lost},
		{"/a", hello(""), h.chunks[1], closeInvalid, "These bytes do not begin like any container: " + lost},
		{"/a", hello("audio/webm"), append([]byte{0x1A, 0x45, 0xDF, 0xA3}, make([]byte, 20)...), closeInvalid, "webm: byte "},
	} {
		w := h.webcaster(row.path)
		if row.hello != "" {
			w.say(row.hello)
		}
		if row.data != nil {
			w.send(row.data)
		}
		w.refused(row.code, row.words)
		eventually(h.t, "the name is free", func() bool { return !h.registered("a") })
	}
	for _, row := range []struct {
		frame string
		code  int
		words string
	}{
		{"what?", closeProtocol, "A text frame is"},
		{hello("audio/webm"), closeProtocol, "A second hello; another recorder needs a socket of its own."},
		{`{"type":"metadata"}`, closeProtocol, `The data of metadata is an object, as in {"title":"...","artist":"..."}.`},
		{`{"type":"metadata","data":"x"}`, closeProtocol, "The data of metadata is an object"},
		{`{"type":"metadata","data":null}`, closeProtocol, "The data of metadata is an object"},
		{`{"type":"metadata","data":{"title":"` + strings.Repeat("x", 1<<20) + `"}}`, closeTooBig, "A text frame of 1048"},
	} {
		w := h.webcaster("/b")
		w.say(hello("audio/webm"))
		w.say(row.frame)
		w.refused(row.code, row.words)
		eventually(h.t, "the name is free", func() bool { return !h.registered("b") })
	}
	w := h.webcaster("/c")
	w.say(hello("audio/webm"))
	w.send(make([]byte, 4<<20+1))
	w.refused(closeTooBig, "A message over 4194304 bytes")
}

// Any text at any moment: a refusal that fits into a close frame, or a title that
// is fit to be sent.
func FuzzWebcast(f *testing.F) {
	for _, s := range []string{hello("audio/webm"), hello(""), `{"type":"metadata","data":{"title":"T","artist":"A"}}`,
		`{"type":"x"}`, `{"TYPE":"hello","DATA":{"MIME":"x"}}`, `{"type":"hello","data":null}`, "[", "", `{"type":"metadata","data":{"title":"\u0000\ud800';"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(err error) {
			if err == nil {
				return
			}
			if no, ok := err.(*refusal); !ok || no.code != closeProtocol && no.code != closeTooBig || len(reason(no.text)) > maxReason || len(no.text) > 400 {
				t.Fatalf("refused with %+v", err)
			}
		}
		frame, err := parseFrame(b)
		check(err)
		_, _, err = frame.hello()
		check(err)
		title, ok, err := frame.title()
		check(err)
		if ok {
			fit(t, title, maxTitle)
		}
	})
}
