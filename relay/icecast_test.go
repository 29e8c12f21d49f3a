package relay

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// says demands the next bytes of a connection.
func says(t testing.TB, b *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b, got); err != nil || string(got) != want {
		t.Fatalf("the server says %q, %v; expected %q", got, err, want)
	}
}

// answered reads a whole answer.
func answered(t testing.TB, b *bufio.Reader, status int, words string) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status || !resp.Close {
		t.Errorf("%s, %v; expected %d and the connection's end", resp.Status, err, status)
	}
	sentence(t, strings.TrimSuffix(string(text), "\n"), words)
	return resp
}

func halfClose(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// A source of either time is told that it may send, its body is the file, and the
// file ends with the connection.
func TestSource(t *testing.T) {
	chunks := capture(t, sound)
	want := demanded(t, "webm", chunks)
	thanks := fmt.Sprintf("%d bytes are in the file; it has ended.", len(bytes.Join(chunks, nil)))
	for _, row := range []struct{ request, welcome, end string }{
		{"SOURCE /a HTTP/1.0\nContent-Type: video/webm\n" + basic("k") + "\n\n", "HTTP/1.0 200 OK\r\n\r\n", ""},
		{"SOURCE /a.webm HTTP/1.1\nHost: x\nExpect: 100-continue\n" + basic("k") + "\n\n", "HTTP/1.0 200 OK\r\n\r\n", ""},
		{"SOURCE /a HTTP/1.1\nHost: x\n" + basic("k") + "\n\n", "HTTP/1.0 200 OK\r\n\r\n", ""},
		{"SOURCE /a?key=k HTTP/1.0\n\n", "HTTP/1.0 200 OK\r\n\r\n", ""},
		{"PUT /a HTTP/1.1\nHost: x\nContent-Type: audio/webm\nExpect: 100-continue\nIce-Public: 1\n\n", "HTTP/1.1 100 Continue\r\n\r\n", thanks},
		{"PUT /a HTTP/1.1\nHost: x\nExpect: 100-Continue\n\n", "HTTP/1.1 100 Continue\r\n\r\n", thanks},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\n\n", "", thanks},
		{"PUT /a.webm HTTP/1.1\nHost: x\n" + basic("k") + "\n\n", "", thanks},
		{"PUT /a.webm HTTP/1.0\nicy-name: n\n\n", "", thanks},
		{"POST /a HTTP/1.0\nContent-Type: audio/webm\n" + basic("k") + "\n\n", "", thanks},
	} {
		r := start(t, "http", wide())
		c := r.raw(row.request)
		b := bufio.NewReader(c)
		says(t, b, row.welcome)
		l := r.listenFrom("/a", func() { c.Write(chunks[0]) })
		l.has(len(demanded(t, "webm", chunks[:1])))
		for _, chunk := range chunks[1:] {
			c.Write(chunk)
		}
		halfClose(t, c)
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("%.40q: the listener got %d bytes; expected %d", row.request, len(got), len(want))
		}
		if row.end != "" {
			answered(t, b, 200, row.end)
		}
		if rest, err := io.ReadAll(b); err != nil || len(rest) > 0 {
			t.Errorf("%.40q: at the end the server says %q, %v", row.request, rest, err)
		}
	}
}

// Bytes that come together with the request's head are not lost.
func TestSourceThatDoesNotWait(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	c := r.raw("")
	l := r.listenFrom("/a", func() {
		c.Write(append([]byte("SOURCE /a HTTP/1.0\r\nContent-Type: audio/webm\r\n"+basic("k")+"\r\n\r\n"), chunks[0]...))
	})
	l.has(len(demanded(t, "webm", chunks[:1])))
	c.Write(bytes.Join(chunks[1:], nil))
	halfClose(t, c)
	if want := demanded(t, "webm", chunks); !bytes.Equal(l.all(), want) {
		t.Errorf("the listener got %d bytes; expected %d", len(l.all()), len(want))
	}
}

// Only who asks for it is told to continue, and a body with a length or in chunks
// needs no closing.
func TestExpectContinue(t *testing.T) {
	whole := bytes.Join(capture(t, sound), nil)
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(whole), whole)
	for _, row := range []struct{ head, body, welcome string }{
		{fmt.Sprintf("Content-Length: %d\nExpect: 100-continue\nIce-Name: n", len(whole)), string(whole), "HTTP/1.1 100 Continue\r\n\r\n"},
		{"Transfer-Encoding: chunked\nExpect: 100-continue\nIce-Name: n", chunked, "HTTP/1.1 100 Continue\r\n\r\n"},
		{"Transfer-Encoding: chunked\n" + basic("k"), chunked, ""},
		{fmt.Sprintf("Content-Length: %d\n%s", len(whole), basic("k")), string(whole), ""},
	} {
		r := start(t, "http", wide())
		c := r.raw("PUT /a?pace=0 HTTP/1.1\nHost: x\nConnection: close\n" + row.head + "\n\n")
		b := bufio.NewReader(c)
		says(t, b, row.welcome)
		io.WriteString(c, row.body)
		answered(t, b, 200, fmt.Sprintf("%d bytes are in the file", len(whole)))
	}
	// Who may not send is not told to.
	r, _ := begun(t, "http", "/a?key=k", wide(), capture(t, sound))
	for _, head := range []string{"Transfer-Encoding: chunked", "Ice-Name: n"} {
		c := r.raw("PUT /a HTTP/1.1\nHost: x\nExpect: 100-continue\n" + head + "\n\n")
		answered(t, bufio.NewReader(c), 409, "Somebody else publishes under this name")
	}
}

// The password is the key: with it the name is held, and the file goes on.
func TestPasswordIsTheKey(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	c := r.raw("SOURCE /a HTTP/1.0\nContent-Type: audio/webm\n" + basic("k") + "\n\n")
	l := r.listenFrom("/a", func() { c.Write(chunks[0]) })
	had := len(l.has(len(demanded(t, "webm", chunks[:1]))))
	if err := c.(*net.TCPConn).SetLinger(0); err != nil { // a reset is a connection lost
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "the source is gone", func() bool { return !r.s.listed()[0].Live })
	r.refused("PUT", "/a", bytes.NewReader(chunks[0]), 409, "Somebody else publishes", basic("other"))
	r.refused("PUT", "/a?key=other", bytes.NewReader(chunks[0]), 409, "Somebody else publishes", basic("k"))
	if resp := r.request("PUT", "/a?pace=0", bytes.NewReader(bytes.Join(chunks, nil)), basic("k")); resp.StatusCode != 200 {
		t.Errorf("with the same password: %s", resp.Status)
	}
	if got := l.all(); len(got) <= had {
		t.Errorf("the file did not go on: %d bytes, then %d", had, len(got))
	}
}

// An Authorization of another kind is for a proxy in between.
func TestOtherAuthorization(t *testing.T) {
	r := start(t, "http", wide())
	whole := bytes.Join(capture(t, sound), nil)
	if resp := r.request("PUT", "/a?pace=0", bytes.NewReader(whole), "Authorization: Bearer x"); resp.StatusCode != 200 {
		t.Errorf("PUT with a token: %s", resp.Status)
	}
	if resp := r.request("PUT", "/a?pace=0&key=k", bytes.NewReader(whole), "Authorization: Basic x"); resp.StatusCode != 200 {
		t.Errorf("PUT with a key: %s", resp.Status)
	}
}

// A source that sends nothing does not hold its name.
func TestSourceThatSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, n, _ := startPiped(t, quiet())
		for _, row := range []struct{ request, answer string }{
			{"SOURCE /a HTTP/1.0\r\n" + basic("k") + "\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"},
			{"PUT /b HTTP/1.1\r\nHost: x\r\nIce-Name: n\r\n\r\n", "HTTP/1.1 408 Request Timeout\r\n"},
		} {
			c, err := n.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, row.request)
			b, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(b), row.answer) {
				t.Errorf("%q is answered with %q, %v", row.request, b, err)
			}
			if strings.Contains(row.answer, "408") && !strings.HasSuffix(string(b), "\r\n\r\nNothing came in 10s; send the stream's first bytes at once.\n") {
				t.Errorf("the answer is %q", b)
			}
		}
		synctest.Wait()
		for _, name := range []string{"a", "b"} {
			if r.s.Hub().Registered(name) {
				t.Errorf("%s is held by who has sent nothing", name)
			}
		}
	})
}

// A server that stops does not wait for sources.
func TestStopWithSources(t *testing.T) {
	o := wide()
	o.Drain = time.Hour
	r := start(t, "http", o)
	var conns []*bufio.Reader
	for i, request := range []string{"SOURCE /a0 HTTP/1.0\n" + basic("k") + "\n\n", "PUT /a1 HTTP/1.1\nHost: x\nIce-Name: n\n\n"} {
		c := r.raw(request)
		c.Write(capture(t, sound)[0])
		conns = append(conns, bufio.NewReader(c))
		eventually(t, "it is live", func() bool { return len(r.s.listed()) == i+1 })
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	says(t, conns[0], "HTTP/1.0 200 OK\r\n\r\n")
	answered(t, conns[1], 503, "The server is stopping; connect again.")
	if b, err := io.ReadAll(conns[0]); err != nil || len(b) > 0 {
		t.Errorf("SOURCE ends with %q, %v", b, err)
	}
}

// sourcesThatAreNone is what a source can do wrong, and that it holds nothing then.
func sourcesThatAreNone(h *healthy) {
	for _, row := range []struct {
		request, body string
		status        int
		words         string
	}{
		{"SOURCE / HTTP/1.0\n" + basic("k") + "\n\n", "", 400, "A stream's path is /NAME.EXT"},
		{"SOURCE /static/a HTTP/1.0\n" + basic("k") + "\n\n", "", 404, "is reserved"},
		{"SOURCE /a.xyz HTTP/1.0\n" + basic("k") + "\n\n", "", 404, `Unknown extension ".xyz"`},
		{"SOURCE /a.pcm HTTP/1.0\n" + basic("k") + "\n\n", "", 415, ".pcm can be played, not published."},
		{"SOURCE /a HTTP/1.0\nContent-Type: audio/mystery\n" + basic("k") + "\n\n", "", 415, `"audio/mystery" is no type that is known here; known are: video/webm audio/webm`},
		{"SOURCE " + healthyPath + " HTTP/1.0\n" + basic("k") + "\n\n", "", 409, "Somebody else publishes under this name"},
		{"SOURCE /call-nobody/a HTTP/1.0\n" + basic("k") + "\n\n", "", 404, "That call is over"},
		{"SOURCE /a HTTP/1.0\n" + basic(strings.Repeat("p", 65)) + "\n\n", "", 400, "run and key are at most 64 characters, and so is a password in its place."},
		{"SOURCE /a HTTP/1.0\nContent-Length: 0\nice-name: n\nConnection: Keep-Alive\n\n", "", 401, "Say with Authorization: Basic who you are; the password is the key that you hold the name by."},
		{"PUT /a HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 0\nice-name: n\n\n", "", 401, "Say with Authorization: Basic who you are"},
		{"SOURCE /a HTTP/1.0\nAuthorization: Basic no:base64\n\n", "", 401, "The Authorization is not that of a user and a password, user:password in base64."},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\nAuthorization: basic\n\n", "", 401, "The Authorization is not that of a user and a password"},
		{"PUT " + healthyPath + " HTTP/1.1\nHost: x\n" + basic("wrong") + "\n\n", "", 409, "Somebody else publishes under this name"},
		{"SOURCE /a HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n" + basic("k") + "\n\n", "", 405, "SOURCE sends until it closes the connection, by HTTP/1 and unchunked; otherwise PUT it."},
		{"SOURCE /a HTTP/1.1\nHost: x\nOrigin: https://stranger.example\n\n", "", 403, "Pages of https://stranger.example may not use this server"},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\n\n", "no media at all", 400, "any: byte 0: 6E 6F 20 6D 65 64 69 61 20 61 74 20 begins no container that is known here, and neither an extension nor a Content-Type says what it is."},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\n\n", "", 400, "any: byte 0: the input is empty, and neither an extension nor a Content-Type says what it is."},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\nContent-Type: application/ogg\n\n", "no media at all", 415, "ogg: byte 0: expected a page of Ogg"},
		{"PUT /a HTTP/1.1\nHost: x\nIce-Name: n\nContent-Type: video/webm\n\n", "no media at all", 415, "webm: byte 0: expected an EBML header"},
		{"PUT " + healthyPath + " HTTP/1.1\nHost: x\nIce-Name: n\n\n", strings.Repeat("x", 1<<20), 409, "Somebody else publishes under this name"},
	} {
		c := h.raw(row.request)
		go func() {
			io.WriteString(c, row.body)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		b := bufio.NewReader(c)
		resp := answered(h.t, b, row.status, row.words)
		if resp.StatusCode == 409 && resp.Header.Get("Retry-After") != "3" {
			h.t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
		}
		if got := resp.Header.Get("WWW-Authenticate"); (resp.StatusCode == 401) != (got == `Basic realm="everfile"`) {
			h.t.Errorf("WWW-Authenticate %q", got)
		}
		c.Close()
		eventually(h.t, "nothing is held", func() bool { return !h.registered("a") })
	}
	// What has been answered already can only be closed.
	c := h.raw("SOURCE /a HTTP/1.0\n" + basic("k") + "\n\n")
	io.WriteString(c, "this is no media")
	if b, err := io.ReadAll(c); err != nil || string(b) != "HTTP/1.0 200 OK\r\n\r\n" {
		h.t.Errorf("rubbish is answered with %q, %v", b, err)
	}
	// Heads that are none, or too long.
	for _, request := range []string{"SOURCE HTTP/1.0\n\n", "SOURCE /a ICE/1.0\n\n", "SOURCE /a HTTP/1.1\n\n"} {
		if b, err := io.ReadAll(h.raw(request)); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400 Bad Request") {
			h.t.Errorf("%q is answered with %q, %v", request, b, err)
		}
	}
	c = h.raw("SOURCE /a HTTP/1.0\n")
	go fmt.Fprintf(c, "Ice-Name: %s\r\n\r\n", strings.Repeat("n", 1<<20))
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "HTTP/1.1 431 Request Header Fields Too Large\r\n" {
		h.t.Errorf("a megabyte of name is answered with %q, %v", line, err)
	}
	// As long as a head can be, which is far more than is kept.
	c = h.raw("SOURCE /long HTTP/1.0\n" + basic("k") + "\nIce-Name: " + strings.Repeat("n", 30<<10) + "\n\n")
	c.Write(h.chunks[0])
	eventually(h.t, "it is live", func() bool { return len(h.s.listed()) == 1 })
	if m := h.s.listed()[0].Metadata; len(m.Name) != maxWords {
		h.t.Errorf("%d bytes of a name are kept", len(m.Name))
	}
}

// By HTTP/2 there is no connection to take.
func TestSourceByHTTP2(t *testing.T) {
	r := start(t, "h2", wide())
	r.refused("SOURCE", "/a", nil, 405, "SOURCE sends until it closes the connection, by HTTP/1", basic("k"))
	if resp := r.request("PUT", "/a?pace=0", bytes.NewReader(bytes.Join(capture(t, sound), nil)), "Ice-Name: n", basic("k")); resp.StatusCode != 200 {
		t.Errorf("PUT by HTTP/2: %s", resp.Status)
	}
}
