package relay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"everfile/relay/calls"
	"everfile/stream"
)

// poster is a page that publishes by POST.
type poster struct {
	r    *running
	path string // with run and key
}

const posted = "/a.webm?run=one&key=k"

// query is what a POST of chunks says besides the run.
func query(first int, chunks ...[]byte) string {
	sizes := make([]string, len(chunks))
	for i, b := range chunks {
		sizes[i] = strconv.Itoa(len(b))
	}
	return fmt.Sprintf("&chunk=%d&sizes=%s", first, strings.Join(sizes, ","))
}

// say POSTs and demands an answer.
func (p *poster) say(query string, body []byte) ack {
	p.r.t.Helper()
	resp := p.r.request(http.MethodPost, p.path+query, bytes.NewReader(body))
	b, err := io.ReadAll(resp.Body)
	var a ack
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	if err != nil || resp.StatusCode != http.StatusOK {
		p.r.t.Fatalf("POST %s: %s %s %v", query, resp.Status, b, err)
	}
	return a
}

// begin begins a connection.
func (p *poster) begin(chunks int64, known bool) {
	p.r.t.Helper()
	if a := p.say("", nil); a.Type != "ready" || a.Chunks != chunks || *a.Known != known {
		p.r.t.Fatalf("it begins with %+v; expected %d chunks, known %t", a, chunks, known)
	}
}

func (p *poster) send(first int, acked int64, chunks ...[]byte) {
	p.r.t.Helper()
	if a := p.say(query(first, chunks...), bytes.Join(chunks, nil)); a.Type != "ack" || a.Chunks != acked {
		p.r.t.Fatalf("chunks from %d on are answered with %+v; expected %d", first, a, acked)
	}
}

// halfway POSTs a chunk of which so far one byte has come; the rest goes to out.
func (p *poster) halfway(n int, chunk []byte) (answer func() *http.Response, out *io.PipeWriter) {
	p.r.t.Helper()
	body, out := io.Pipe()
	p.r.t.Cleanup(func() { out.Close() })
	answer = p.r.ask(http.MethodPost, p.path+query(n, chunk), body)
	if _, err := out.Write(chunk[:1]); err != nil {
		p.r.t.Fatal(err)
	}
	c := p.r.s.posts.get(postID{"a", "one", "k"})
	eventually(p.r.t, "the POST is at work", func() bool { return len(c.turn) == 1 })
	return answer, out
}

// refused demands a status, a close code and a sentence.
func (p *poster) refused(query string, body io.Reader, status, code int, words string) {
	p.r.t.Helper()
	resp := p.r.refused(http.MethodPost, p.path+query, body, status, words)
	if got := resp.Header.Get("Everfile-Close"); got != strconv.Itoa(code) {
		p.r.t.Errorf("%s: close code %s, expected %d", words, got, code)
	}
}

// A run comes in many ways, and is the file that a socket's would be.
func TestPosts(t *testing.T) {
	chunks := capture(t, picture)
	want := demanded(t, "webm", chunks)
	for _, protocol := range []string{"http", "h2"} {
		r := start(t, protocol, wide())
		p := &poster{r, posted}
		p.begin(0, false)
		p.send(0, 1, chunks[0])
		l := r.listen("/a.webm")
		l.has(len(demanded(t, "webm", chunks[:1])))
		p.send(1, 5, chunks[1:5]...)
		p.send(1, 5, chunks[1:5]...)   // its answer was lost
		p.send(3, 8, chunks[3:8]...)   // and some of it came again
		p.send(8, 9, nil)              // an empty chunk counts
		p.send(9, 9)                   // and none says that one is there
		p.begin(9, true)               // the connection was lost
		p.send(9, 11, chunks[8:10]...) // which is where it goes on
		var both sync.WaitGroup        // a browser that repeats a POST which is under way
		for range 2 {
			both.Go(func() { p.send(11, 21, chunks[10:20]...) })
		}
		both.Wait()
		p.send(21, int64(len(chunks)+1), chunks[20:]...)
		if !r.s.hub.Registered("a") {
			t.Error("between two POSTs nobody has the name")
		}
		if a := p.say("&end=1", nil); a.Chunks != int64(len(chunks)+1) {
			t.Errorf("the end is answered with %+v", a)
		}
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("%s: the file shows a seam: %d bytes; expected %d", protocol, len(got), len(want))
		}
		r.refused(http.MethodGet, "/a.webm", nil, 404, "Nobody is publishing")
	}
}

// The end may come with the last chunks.
func TestPostsEndWithChunks(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := &poster{r, posted}
	p.send(0, 1, chunks[0]) // nor need a connection be begun before
	l := r.listen("/a.webm")
	if a := p.say(query(1, chunks[1:]...)+"&end=1", bytes.Join(chunks[1:], nil)); a.Chunks != int64(len(chunks)) {
		t.Errorf("answered with %+v", a)
	}
	if got, want := l.all(), demanded(t, "webm", chunks); !bytes.Equal(got, want) {
		t.Errorf("%d bytes; expected %d", len(got), len(want))
	}
	eventually(t, "nothing is left", func() bool { return !r.registered("a") })
}

// A body that breaks off in a chunk: those before it are in the file.
func TestPostBreaksOff(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	l := r.listen("/a.webm")
	body := bytes.Join(chunks[1:4], nil)
	c := r.raw(fmt.Sprintf("POST %s HTTP/1.1\nHost: x\nContent-Length: %d\n\n", posted+query(1, chunks[1:4]...), len(body)))
	if _, err := c.Write(body[:len(body)-len(chunks[3])/2]); err != nil {
		t.Fatal(err)
	}
	c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	p.begin(3, true)
	p.send(3, int64(len(chunks)), chunks[3:]...)
	p.say("&end=1", nil)
	if got, want := l.all(), demanded(t, "webm", chunks); !bytes.Equal(got, want) {
		t.Errorf("the file shows a seam: %d bytes; expected %d", len(got), len(want))
	}
}

// A newer connection takes the run from one whose body does not go on, whichever
// way either goes.
func TestPostsAreReplaced(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	stuck, _ := p.halfway(1, chunks[1])
	p.begin(1, true)
	if resp := stuck(); resp.StatusCode != http.StatusConflict || resp.Header.Get("Everfile-Close") != "4001" {
		t.Errorf("the older POST is answered %s, close code %s", resp.Status, resp.Header.Get("Everfile-Close"))
	}
	p.send(1, 2, chunks[1])
	s := r.publish(posted)
	if s.ready.Chunks != 2 || !*s.ready.Known {
		t.Errorf("the socket is told %+v", s.ready)
	}
	p.begin(2, true)
	s.refused(closeReplaced, "A newer connection")
	p.send(2, 3, chunks[2])
}

// No POST for a while is a connection lost, and the file stays open for its grace.
func TestPostsStop(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Posts = 100 * time.Millisecond
	r := start(t, "http", o)
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	l := r.listen("/a.webm")
	eventually(t, "the connection counts as lost", func() bool { return r.s.posts.get(postID{"a", "one", "k"}) == nil })
	p.send(1, 3, chunks[1:3]...) // but is taken up by whatever comes
	p.say("&end=1", nil)
	if got, want := l.all(), demanded(t, "webm", chunks[:3]); !bytes.Equal(got, want) {
		t.Errorf("the file shows a seam: %d bytes; expected %d", len(got), len(want))
	}
	o.Stream.Grace = time.Millisecond
	r = start(t, "http", o)
	p = &poster{r, posted}
	p.send(0, 1, chunks[0])
	r.listen("/a.webm").all()
	p.begin(0, false)
}

// A body that stands still does not hold the run for ever.
func TestPostStandsStill(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Posts = 100 * time.Millisecond
	r := start(t, "http", o)
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	answer, _ := p.halfway(1, chunks[1])
	if resp := answer(); resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Everfile-Close") != "1008" {
		t.Errorf("answered %s, close code %s", resp.Status, resp.Header.Get("Everfile-Close"))
	}
	p.begin(1, true)
}

// A page that is left says so, and the next one has the name at once.
func TestPostsLeave(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	next := &poster{r, "/a.webm?run=two&key=k"}
	next.refused("", nil, 409, 4409, "Somebody else publishes")
	p.say("&end=0", nil)
	(&poster{r, "/a.webm?run=two&key=stranger"}).refused("", nil, 409, 4409, "Somebody else publishes")
	next.begin(0, false)
	p.refused(query(1, chunks[1]), bytes.NewReader(chunks[1]), 409, 4409, "Somebody else publishes")
}

func TestBadPosts(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := &poster{r, posted}
	p.send(0, 2, chunks[:2]...)
	for _, row := range []struct {
		name, query, body string
		status, code      int
		words             string
	}{
		{"a gap", "&chunk=3&sizes=1", "x", 409, closePolicy, "Chunk 2 is expected here, and the first of these is 3"},
		{"no number", "&chunk=x&sizes=1", "x", 400, 4400, "chunk is the number"},
		{"a negative number", "&chunk=-1&sizes=1", "x", 400, 4400, "chunk is the number"},
		{"a number too large", "&chunk=99999999999999999999&sizes=1", "x", 400, 4400, "chunk is the number"},
		{"sizes without a number", "&sizes=1", "x", 400, 4400, "needs chunk="},
		{"no size", "&chunk=2&sizes=1,,1", "x", 400, 4400, "sizes are the bytes"},
		{"a negative size", "&chunk=2&sizes=5,-4", "x", 400, 4400, "sizes are the bytes"},
		{"a large chunk", fmt.Sprintf("&chunk=2&sizes=%d", stream.MaxChunk+1), "x", 413, closeTooBig, "A chunk has at most 4194304 bytes"},
		{"large chunks", "&chunk=2&sizes=4000000,4000000,4000000", "x", 413, closeTooBig, "At most 1000 chunks and 8388608 bytes"},
		{"many chunks", "&chunk=2&sizes=0" + strings.Repeat(",0", maxPosted), "x", 413, closeTooBig, "At most 1000 chunks"},
		{"less than it says", "&chunk=2&sizes=2", "x", 400, closePolicy, "The body broke off in chunk 2"},
		{"more than it says", "&chunk=2&sizes=", "x", 400, 4400, "The body goes on after the 0 chunks"},
		{"another end", "&end=2", "", 400, 4400, "end is 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			(&poster{&running{t: t, url: r.url, client: r.client}, posted}).refused(row.query, strings.NewReader(row.body), row.status, row.code, row.words)
		})
	}
	p.send(2, 3, chunks[2])
	for path, words := range map[string]string{
		"/b.webm?run=":                                 "?run= names the run",
		"/b.webm?run=" + strings.Repeat("a", 65):       "at most 64 characters",
		"/b.webm?key=k&run=" + strings.Repeat("a", 65): "at most 64 characters",
	} {
		(&poster{r, path}).refused("", nil, 400, 4400, words)
	}
	// A run that is not known cannot begin in its middle.
	(&poster{r, "/c.webm?run=one&key=k"}).refused("&chunk=1&sizes=1", strings.NewReader("x"), 409, closePolicy, "Chunk 0 is expected here")
	// What is no such container.
	rubbish := &poster{r, "/d.webm?run=one&key=k"}
	rubbish.refused("&chunk=0&sizes=64", strings.NewReader(strings.Repeat("rubbish!", 8)), 415, closeInvalid, "byte 0")
	(&poster{r, "/d.webm?run=one&key=stranger"}).begin(0, false) // nobody has that name
	r.refused(http.MethodPost, posted, nil, 403, "may not use this server", "Origin: https://stranger.example")
}

// In a call only its caller may, and not when it is over.
func TestPostsInACall(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Posts = time.Hour
	r := start(t, "http", o)
	c := r.call()
	url := c.startA.Publish[0].URL
	p := &poster{r, url + "&run=one"}
	p.begin(0, false)
	p.send(0, 2, chunks[:2]...)
	path, _, _ := strings.Cut(url, "?")
	(&poster{r, path + "?run=one&key=" + strings.Repeat("k", 26)}).refused("", nil, 403, 4403, "Only alice may publish here")
	(&poster{r, path + "?run=one&key=" + strings.Repeat("k", 26)}).refused(query(2, chunks[2]), bytes.NewReader(chunks[2]), 403, 4403, "Only alice may publish here")
	next := &poster{r, url + "&run=two"} // the page was loaded again
	next.begin(0, false)
	next.send(0, 1, chunks[0])
	c.a.say(calls.Message{Type: "hangup", Call: c.startA.Call})
	c.b.hear("ended")
	next.refused(query(1, chunks[1]), bytes.NewReader(chunks[1]), 404, 4404, "That call is over")
	eventually(t, "nothing is left", func() bool { return !r.registered(entryOf(path)) })
}

// A server that stops says so to who is sending, and waits for nobody who would
// have to come again.
func TestPostsGoAway(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Farewell = patience
	r := start(t, "http", o)
	p := &poster{r, posted}
	p.send(0, 1, chunks[0])
	l := r.listen("/a.webm")
	last, out := p.halfway(1, chunks[1])
	close(r.s.goodbye) // as farewell does
	r.s.mu.Lock()
	r.s.leaving = true
	r.s.mu.Unlock()
	if _, err := out.Write(chunks[1][1:]); err != nil {
		t.Fatal(err)
	}
	out.Close()
	var a ack
	if err := json.NewDecoder(last().Body).Decode(&a); err != nil || a.Type != "goaway" || a.Chunks != 2 {
		t.Errorf("answered with %+v %v", a, err)
	}
	p.send(2, 3, chunks[2])
	p.refused("", nil, 503, closeGoingAway, "The server is stopping")
	gone := make(chan struct{}) // what farewell waits for
	go func() { r.s.sockets.Wait(); close(gone) }()
	if isClosed(gone) {
		t.Error("a stopping server does not wait for who posts")
	}
	p.say("&end=0", nil)
	<-gone
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if got, want := l.all(), demanded(t, "webm", chunks[:3]); !bytes.Equal(got, want) {
		t.Errorf("the listener got %d bytes; expected %d", len(got), len(want))
	}
}

// A password in place of the key is asked for by every POST.
func TestPostsByPassword(t *testing.T) {
	r := start(t, "http", wide())
	chunks := capture(t, sound)
	say := func(password, more string, body []byte, status int) {
		t.Helper()
		var headers []string
		if password != "" {
			headers = []string{"Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+password))}
		}
		resp := r.ask("POST", "/a.webm?run=one"+more, bytes.NewReader(body), headers...)()
		if b, _ := io.ReadAll(resp.Body); resp.StatusCode != status {
			t.Errorf("password %q, %s: %s %s; expected %d", password, more, resp.Status, b, status)
		}
	}
	say("secret", "", nil, 200)
	say("secret", query(0, chunks[0]), chunks[0], 200)
	say("", query(1, chunks[1]), chunks[1], 409)
	say("wrong", "&end=1", nil, 409)
	say("secret", query(1, chunks[1]), chunks[1], 200)
}

// Connections that nobody holds are bounded, and those that bring nothing leave nothing.
func TestPostsAreBounded(t *testing.T) {
	var l posts
	for i := range maxPostings {
		if !l.add(&posting{id: postID{entry: strconv.Itoa(i)}}) {
			t.Fatalf("the %dth is too many", i)
		}
	}
	if l.add(&posting{id: postID{entry: "one"}}) || !l.add(&posting{id: postID{entry: "1"}}) {
		t.Error("one more is taken, or one that takes the place of another is not")
	}
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		p := &poster{r, posted}
		p.begin(0, false)
		if !r.s.Hub().Registered("a") {
			t.Error("the name is free")
		}
		time.Sleep(r.s.opt.Posts + time.Second)
		if r.s.Hub().Registered("a") {
			t.Error("a name is held by who has sent nothing")
		}
	})
}
