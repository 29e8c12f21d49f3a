package relay

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"everfile/stream"
)

// crowded options make a crowd of few listeners.
func crowded() Options {
	o := wide()
	o.Stream.BatchFrom, o.Stream.Batch = 2, -1
	return o
}

// Every listener of a crowd gets what it would get alone, to the very end.
func TestCrowdGetsTheSameBody(t *testing.T) {
	chunks := capture(t, picture)
	rounds := 20
	if testing.Short() {
		chunks, rounds = chunks[:40], 5
	}
	want, first := demanded(t, "webm", chunks), len(demanded(t, "webm", chunks[:1]))
	for range rounds {
		r, p := begun(t, "http", "/a.webm", crowded(), chunks)
		var all []*body
		for range 9 {
			l := r.listen("/a.webm")
			l.has(first)
			all = append(all, l)
		}
		p.send(chunks[1:]...)
		p.end()
		for i, l := range all {
			if got := l.all(); !bytes.Equal(got, want) {
				t.Fatalf("listener %d got %d bytes, which are not the %d that the frames make", i, len(got), len(want))
			}
		}
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
}

// Some of a crowd read nothing: the others lose nothing by it, and when those
// read again they get every byte, since here the window keeps all.
func TestCrowdWithStalledListeners(t *testing.T) {
	chunks := capture(t, picture)
	want, first := demanded(t, "webm", chunks), len(demanded(t, "webm", chunks[:1]))
	r, p := begun(t, "http", "/a.webm", crowded(), chunks)
	var reading []*body
	var stalled []net.Conn
	for i := range 12 {
		if i%2 == 0 {
			l := r.listen("/a.webm")
			l.has(first)
			reading = append(reading, l)
			continue
		}
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET /a.webm HTTP/1.1\r\nHost: x\r\n\r\n")
		stalled = append(stalled, c)
	}
	s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all have begun", func() bool {
		return s.Listeners.Load() == 12 && s.BytesOut.Load() >= int64(12*(first-len(s.Header(s.Format().Views[0]))))
	})
	half := len(chunks) / 2
	p.send(chunks[1:half]...)
	for _, c := range stalled { // while the publisher goes on
		l := r.followRaw(c)
		reading = append(reading, l)
		p.send(chunks[half])
		half++
	}
	p.send(chunks[half:]...)
	p.end()
	for _, l := range reading {
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("a listener got %d bytes, which are not the %d that the frames make", len(got), len(want))
		}
	}
}

// A crowd's listeners need no goroutine of their own, and who leaves is noticed.
func TestCrowdNeedsNoGoroutines(t *testing.T) {
	o := crowded()
	o.Stream.Check, o.Stream.Filler = 5*time.Millisecond, time.Hour
	chunks := capture(t, sound)
	r, p := begun(t, "http", "/a.webm", o, chunks)
	eventually(t, "the publisher's handshake is over", func() bool { return !bytes.Contains(stacks(), []byte("http.(*persistConn)")) })
	before := runtime.NumGoroutine()
	var conns []net.Conn
	for range 40 {
		conns = append(conns, r.raw("GET /a.webm HTTP/1.1\nHost: x\n\n"))
	}
	s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are there", func() bool { return s.Listeners.Load() == 40 })
	p.send(chunks[1])
	p.acked(2)
	eventually(t, "no goroutine of their own", func() bool { return runtime.NumGoroutine() <= before+runtime.GOMAXPROCS(0) })
	for _, c := range conns[:20] {
		c.Close()
	}
	eventually(t, "half have left", func() bool { return s.Listeners.Load() == 20 })
}

// A listener that is given its own goroutine back leads nobody any more: it
// moves on while the others would compare their places with its.
func TestCrowdForgetsALeadItGivesBack(t *testing.T) {
	r, _ := begun(t, "http", "/a.webm", crowded(), capture(t, sound))
	st, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer near.Close()
	if !r.s.begin() {
		t.Fatal("the server has stopped")
	}
	defer r.s.work.Done()
	l := &listening{server: r.s, stream: st, listener: st.Listen(stream.ListenOptions{}), left: -1,
		door: &tcpDoor{hijacked: &hijacked{conn: far, stall: time.Hour}}}
	n := &lane{crew: &crew{server: r.s, stream: st}, lead: l.listener}
	n.giveBack(l, nil, errGone)
	if n.lead != nil {
		t.Error("it still leads")
	}
}
