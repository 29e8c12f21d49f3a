package relay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestOneGoroutinePerListener(t *testing.T) {
	const n = 50
	r, p := begun(t, "http", "/a.webm", wide(), capture(t, sound))
	eventually(t, "the publisher's handshake is over", func() bool { return !bytes.Contains(stacks(), []byte("http.(*persistConn)")) })
	before := runtime.NumGoroutine()
	for range n {
		c := r.raw("GET /a.webm HTTP/1.1\nHost: x\n\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); line != "HTTP/1.1 200 OK\r\n" {
			t.Fatal(line, err)
		}
	}
	eventually(t, "one goroutine per listener", func() bool { return runtime.NumGoroutine() == before+n })
	p.send(capture(t, sound)[1])
	p.acked(2)
	eventually(t, "one goroutine per listener that has got something", func() bool { return runtime.NumGoroutine() == before+n })
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}

// A listener that goes away is noticed even when nothing is ever sent to it.
func TestClosedConnectionIsNoticed(t *testing.T) {
	for _, protocol := range []string{"http", "tls", "h2"} {
		o := wide()
		o.Stream.Check, o.Stream.Filler = 5*time.Millisecond, time.Hour
		r, _ := begun(t, protocol, "/a.webm", o, capture(t, sound))
		s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		l := r.listen("/a.webm")
		l.has(1)
		eventually(t, "the listener is there", func() bool { return s.Listeners.Load() == 1 })
		l.resp.Body.Close()
		eventually(t, protocol+": the listener is given up", func() bool { return s.Listeners.Load() == 0 })
	}
}

func TestStop(t *testing.T) {
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, p := begun(t, protocol, "/a.webm", wide(), capture(t, sound))
		l := r.listen("/a.webm")
		l.has(1)
		if err := r.stop(); err != nil {
			t.Errorf("%s: Serve returned %v", protocol, err)
		}
		l.all() // with the terminating chunk, or it would be no clean end
		p.refused(closeGoingAway, "The server is stopping; connect again.")
	}
}

// Publishers by body and listeners that wait are answered when the server stops.
func TestStopAnswersWhoWaits(t *testing.T) {
	r := start(t, "http", wide())
	send, w := io.Pipe()
	defer w.Close()
	publishing := r.ask("PUT", "/a.webm", send)
	if _, err := w.Write(capture(t, sound)[0]); err != nil {
		t.Fatal(err)
	}
	waiting := r.ask("GET", "/b.webm?wait=1m", nil)
	if _, err := r.s.Hub().Open(patient(t), "a", patience, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "somebody waits", func() bool { return r.registered("b") })
	if err := r.stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	for _, answer := range []func() *http.Response{publishing, waiting} {
		if resp := answer(); resp.StatusCode != 503 {
			t.Errorf("%s %s: %s", resp.Request.Method, resp.Request.URL.Path, resp.Status)
		}
	}
}

// heavy is a WAV stream of 6 MB a second, in messages of a megabyte.
func heavy(messages int) [][]byte {
	le := binary.LittleEndian
	b := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x03\x00\x08\x00")
	b = le.AppendUint32(b, 192_000)
	b = le.AppendUint32(b, 192_000*32)
	b = append(b, 32, 0, 32, 0)
	b = append(b, "data\xff\xff\xff\xff"...)
	chunks := [][]byte{append(b, make([]byte, 61_440)...)}
	for range messages {
		chunks = append(chunks, make([]byte, 1<<20))
	}
	return chunks
}

// One listener that takes nothing must not keep the server from stopping.
func TestStopWithAStalledListener(t *testing.T) {
	chunks := heavy(8)
	for _, protocol := range []string{"http", "tls", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			o := wide()
			o.Stall, o.Drain = math.MaxInt64/4, 30*time.Millisecond
			r, p := begun(t, protocol, "/a.wav", o, chunks)
			switch protocol {
			case "http":
				r.raw("GET /a.wav HTTP/1.1\nHost: x\n\n")
			case "tls":
				c, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, "GET /a.wav HTTP/1.1\r\nHost: x\r\n\r\n")
			case "h2":
				r.request("GET", "/a.wav", nil) // its body is not read: 4 MiB, then flow control
			}
			s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the listener has begun", func() bool { return s.Listeners.Load() == 1 && s.BytesOut.Load() > 0 })
			p.send(chunks[1:]...)
			p.acked(len(chunks))
			if err := r.stop(); err != nil {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// A listener that reads nothing for long costs bounded memory and others
// nothing. When it reads again, what it gets decodes, and it is at the live edge.
func TestStalledListenerComesBack(t *testing.T) {
	once := capture(t, picture)
	chunks := slices.Concat(once, once, once, once, once, once)
	if testing.Short() {
		chunks = chunks[:3*len(once)]
	}
	want, after := demandedAfter(t, "webm", chunks)
	o := wide()
	o.Stream.WindowBytes = 256 << 10
	r, p := begun(t, "http", "/a.webm", o, chunks)
	healthy := r.listen("/a.webm")
	healthy.has(after[0])
	dialer := net.Dialer{}
	c, err := dialer.DialContext(patient(t), "tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /a.webm HTTP/1.1\r\nHost: x\r\n\r\n")
	s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both have begun", func() bool { return s.Listeners.Load() == 2 && s.BytesOut.Load() >= int64(after[0]) })
	for i, chunk := range chunks[1:] {
		p.send(chunk)
		healthy.has(after[i+1])
		if m := r.s.Hub().Memory(); m > 512<<10 {
			t.Fatalf("the window holds %d bytes", m)
		}
	}
	p.acked(len(chunks))
	stalled := r.followRaw(c)
	newest := want[bytes.LastIndex(want, []byte{0x1F, 0x43, 0xB6, 0x75}):]
	stalled.when("the live edge", func(b []byte, _ error) bool { return bytes.HasSuffix(b, newest) })
	p.end()
	got := stalled.all()
	if lost := len(want) - len(got); lost < len(want)/2 {
		t.Errorf("only %d of %d bytes were not kept for a listener that took nothing", lost, len(want))
	}
	if !bytes.Equal(healthy.all(), want) {
		t.Error("the other listener has noticed")
	}
	if !testing.Short() {
		judge(t, got)
	}
}
