package relay

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// shake opens a WebSocket by hand.
func (r *running) shake(path string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", path)
	in := bufio.NewReader(c)
	if _, err := http.ReadResponse(in, nil); err != nil {
		r.t.Fatal(err)
	}
	return c, in
}

// A message whose connection ends in it is discarded whole, wherever that is.
func TestTornMessage(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	for _, n := range []int{0, 1, 100, 511, 512, 513, 600, 1023} {
		path := fmt.Sprintf("/torn%d.webm?run=r&key=k", n)
		c, in := r.shake(path)
		frame := []byte{0x82, 0x80 | 126, 4, 0, 0, 0, 0, 0} // a message of 1024 bytes, mask 0
		if _, err := c.Write(append(frame, chunks[0][:n]...)); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, in) // until the server has noticed
		p := r.publish(path)
		if p.ready.Chunks != 0 {
			t.Errorf("%d of 1024 bytes came; the server counts %d chunks", n, p.ready.Chunks)
		}
		p.end()
	}
}

// A close frame is the last thing that the server writes, whatever it is
// answered: browsers take anything after it for a broken connection, and do not
// tell their page the code.
func TestOneCloseFrame(t *testing.T) {
	r := start(t, "http", wide())
	for _, row := range []struct {
		path string
		send []byte
		code uint16
	}{
		{"/a.xyz", nil, 4404},
		{"/ws", []byte{0x82, 0x80 | 1, 0, 0, 0, 0, 0}, closeUnsupported},
		{"/a.webm", []byte{0x81, 0x80 | 1, 0, 0, 0, 0, 'x'}, closeUnsupported},
		{"/a.webm", []byte{0x82, 0x80 | 4, 0, 0, 0, 0, 'R', 'I', 'F', 'F'}, closeInvalid},
	} {
		c, in := r.shake(row.path)
		if _, err := c.Write(row.send); err != nil {
			t.Fatal(err)
		}
		for {
			head := make([]byte, 2)
			if _, err := io.ReadFull(in, head); err != nil {
				t.Fatalf("%s: %v", row.path, err)
			}
			n := int(head[1])
			if n == 126 {
				long := make([]byte, 2)
				_, _ = io.ReadFull(in, long)
				n = int(binary.BigEndian.Uint16(long))
			}
			body := make([]byte, n)
			if _, err := io.ReadFull(in, body); err != nil {
				t.Fatalf("%s: %v", row.path, err)
			}
			if head[0] != closeFrame {
				continue
			}
			if code := binary.BigEndian.Uint16(body); code != row.code {
				t.Errorf("%s: closed with %d %q, expected %d", row.path, code, body[2:], row.code)
			}
			answer := append([]byte{closeFrame, 0x80 | 2, 0, 0, 0, 0}, body[:2]...)
			if _, err := c.Write(answer); err != nil {
				t.Fatal(err)
			}
			break
		}
		if rest, _ := io.ReadAll(in); len(bytes.TrimSpace(rest)) > 0 {
			t.Errorf("%s: after its close frame the server writes % x", row.path, rest)
		}
	}
}

// While a message is on its way, however slowly, its publisher is told that it is
// heard.
func TestBeat(t *testing.T) {
	o := wide()
	o.Beat = 10 * time.Millisecond
	r := start(t, "http", o)
	c, in := r.shake("/a.webm?run=r&key=k")
	hear := func(want string) {
		t.Helper()
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			t.Fatal(err)
		}
		text := make([]byte, head[1])
		if _, err := io.ReadFull(in, text); err != nil || string(text) != want {
			t.Fatalf("heard %s, %v; expected %s", text, err, want)
		}
	}
	hear(`{"type":"ready","chunks":0,"known":false}`)
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	next := []byte{0x82, 0x80 | 126, 0xFF, 0xFF, 0, 0, 0, 0}
	for range 3 {
		if _, err := c.Write(next); err != nil {
			t.Fatal(err)
		}
		hear(`{"type":"ack","chunks":0}`)
		next = []byte{0}
	}
}

// What passes is tried again.
func TestPasses(t *testing.T) {
	for code, want := range map[int]bool{4409: true, 4503: true, 4404: false, closeReplaced: false, closeInvalid: false, closeGoingAway: false} {
		if passes(code) != want {
			t.Errorf("%d passes: %t", code, !want)
		}
	}
}
