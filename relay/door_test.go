package relay

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// raw sends a request by hand and returns the connection.
func (r *running) raw(request string) net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	deadline, _ := patient(r.t).Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// begun starts a server with a stream that has its first chunk.
func begun(t testing.TB, protocol, path string, o Options, chunks [][]byte) (*running, *publisher) {
	t.Helper()
	r := start(t, protocol, o)
	p := r.publish(path)
	p.send(chunks[0])
	p.acked(1)
	return r, p
}

func TestEveryDoorGivesTheSameBody(t *testing.T) {
	for _, name := range []string{sound, picture} {
		chunks := capture(t, name)
		if testing.Short() {
			chunks = chunks[:40]
		}
		want, first := demanded(t, "webm", chunks), len(demanded(t, "webm", chunks[:1]))
		for _, door := range []struct {
			protocol string
			major    int
		}{{"http", 1}, {"tls", 1}, {"h2", 2}} {
			t.Run(door.protocol+"/"+name, func(t *testing.T) {
				r, p := begun(t, door.protocol, "/a.webm", wide(), chunks)
				l := r.listen("/a.webm")
				if l.resp.ProtoMajor != door.major {
					t.Errorf("the listener got %s", l.resp.Proto)
				}
				l.has(first)
				p.send(chunks[1:]...)
				p.acked(len(chunks))
				p.end()
				if got := l.all(); !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, which are not the %d that the frames make", len(got), len(want))
				}
			})
		}
	}
}

// exactHeaders are what every endless body has, and nothing else but its times.
var exactHeaders = http.Header{
	"Content-Type":           {`video/webm; codecs="vp8, opus"`},
	"Cache-Control":          {"no-store, no-transform"},
	"X-Accel-Buffering":      {"no"},
	"X-Content-Type-Options": {"nosniff"},
	"Accept-Ranges":          {"none"},
	"Link":                   {`</a.wav>; rel="alternate"; type="audio/wav"`, `</a.pcm>; rel="alternate"; type="audio/x-raw"`, `</a.mjpeg>; rel="alternate"; type="multipart/x-mixed-replace"`, `</a.jpg>; rel="alternate"; type="image/jpeg"`},
	"Vary":                   {"Origin"},
}

func TestHeaders(t *testing.T) {
	chunks := capture(t, picture)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, _ := begun(t, protocol, "/a.webm", wide(), chunks)
		for _, method := range []string{"GET", "HEAD"} {
			resp := r.request(method, "/a.webm", nil, "Accept-Encoding: gzip")
			h := resp.Header.Clone()
			for _, name := range []string{"Date", "Everfile-Edge", "Everfile-Clock"} {
				if h.Get(name) == "" {
					t.Errorf("%s %s: no %s", protocol, method, name)
				}
				h.Del(name)
			}
			h.Del("Connection") // of one hop, as is Transfer-Encoding
			if !maps.EqualFunc(h, exactHeaders, slices.Equal) || resp.StatusCode != 200 || resp.ContentLength != -1 {
				t.Errorf("%s %s: %s, length %d, %v; expected exactly %v", protocol, method, resp.Status, resp.ContentLength, h, exactHeaders)
			}
			resp.Body.Close()
		}
	}
}

func TestHTTP10IsNotChunkedAndClosesAtTheEnd(t *testing.T) {
	chunks := capture(t, sound)[:20]
	r, p := begun(t, "http", "/a.webm", wide(), chunks)
	c := r.raw("GET /a.webm HTTP/1.0\n\n")
	b := bufio.NewReader(c)
	status, err := b.ReadString('\n')
	if err != nil || status != "HTTP/1.0 200 OK\r\n" {
		t.Fatalf("got %q, %v", status, err)
	}
	for {
		line, err := b.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "Transfer-Encoding") || strings.HasPrefix(line, "Content-Length") {
			t.Errorf("an endless HTTP/1.0 body has %q", line)
		}
		if line == "\r\n" {
			break
		}
	}
	got := make([]byte, len(demanded(t, "webm", chunks[:1])))
	if _, err := io.ReadFull(b, got); err != nil {
		t.Fatal(err)
	}
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.end()
	rest, err := io.ReadAll(b)
	if got = append(got, rest...); err != nil || !bytes.Equal(got, demanded(t, "webm", chunks)) {
		t.Errorf("got %d bytes (%v), not those of the frames", len(got), err)
	}
}

// A stream that ends before anything came must still be answered.
func TestStreamThatEndsBeforeItsFirstPart(t *testing.T) {
	chunks := capture(t, sound)
	header := chunks[0][:bytes.Index(chunks[0], []byte{0x1F, 0x43, 0xB6, 0x75})]
	wave := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data\xff\xff\xff\xff")
	for _, row := range []struct {
		publish, play string
		header        []byte
		length        int
	}{
		{"/a.webm", "/a.webm", header, len(demanded(t, "webm", [][]byte{header}))},
		{"/b.wav", "/b.wav", wave, 44},
		{"/c.wav", "/c.pcm", wave, 0},
	} {
		r, p := begun(t, "http", row.publish, wide(), [][]byte{row.header})
		l := r.listen(row.play)
		l.has(row.length)
		p.end()
		if got := l.all(); len(got) != row.length {
			t.Errorf("%s: a body of %d bytes; expected %d", row.play, len(got), row.length)
		}
	}
}

func TestUpgradeLostInAProxy(t *testing.T) {
	chunks := capture(t, sound)
	r, _ := begun(t, "http", "/a.webm", wide(), chunks)
	resp := r.refused("GET", "/a.webm", nil, 426, "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
	if got := resp.Header.Get("Upgrade"); got != "websocket" {
		t.Errorf("Upgrade %q", got)
	}
	// A handshake that is none must not hold a name.
	r.raw("GET /b.webm?key=secret HTTP/1.1\nHost: x\nUpgrade: websocket\n\n").Read(make([]byte, 1))
	r.publish("/b.webm?key=other")
}
