package relay

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"everfile/stream"
)

const handshake = "GET %s HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n"

// frame is the begin of a masked binary message of n bytes. Its mask is zeros.
func frame(b []byte, n int64) []byte {
	head := []byte{0x82, 0xff}
	for s := 56; s >= 0; s -= 8 {
		head = append(head, byte(n>>s))
	}
	return append(append(head, 0, 0, 0, 0), b...)
}

// A message that claims to be endless is refused at the limit, and its socket
// is given up though neither the message nor an answer ever comes.
func TestMessageThatNeverEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a close that is never answered")
	}
	r := start(t, "http", wide())
	c := r.raw(strings.Replace(handshake, "%s", "/a.webm", 1))
	if _, err := c.Write(frame(make([]byte, stream.MaxChunk+1), 1<<62)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("after %d bytes: %v", len(got), err)
	}
	if !bytes.Contains(got, append([]byte{1009 >> 8, 1009 & 255}, "A message over"...)) {
		t.Errorf("no close frame in %q", got)
	}
}

// A replaced publisher that does not answer its close frame is cut off.
func TestReplacedPublisherThatIsDead(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a close that is never answered")
	}
	r := start(t, "http", wide())
	c := r.raw(strings.Replace(handshake, "%s", "/a.webm?run=one&key=k", 1))
	if _, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dead publisher has the name", func() bool { return r.registered("a") })
	p := r.publish("/a.webm?run=one&key=k")
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Errorf("the dead publisher's connection: %v", err)
	}
	p.send(capture(t, sound)[0])
	p.acked(1)
}

// Publishers are pinged, and one that answers nothing is given up.
func TestPing(t *testing.T) {
	o := wide()
	o.PingEvery = time.Millisecond
	r, p := begun(t, "http", "/alive.webm", o, capture(t, sound))
	c := r.raw(strings.Replace(handshake, "%s", "/a.webm?run=one&key=k", 1))
	b := bufio.NewReader(c)
	skipHead(t, b)
	for { // frames of the server are short here: two bytes of head
		head := make([]byte, 2)
		if _, err := io.ReadFull(b, head); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Discard(int(head[1])); err != nil {
			t.Fatal(err)
		}
		if head[0] == 0x89 {
			break
		}
	}
	p.send(capture(t, sound)[1])
	p.acked(2)
	o.PingWithin = time.Millisecond
	r = start(t, "http", o)
	c = r.raw(strings.Replace(handshake, "%s", "/a.webm", 1))
	if _, err := io.Copy(io.Discard, c); err != nil { // ends when the server closes it
		t.Error(err)
	}
}
