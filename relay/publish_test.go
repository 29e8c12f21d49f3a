package relay

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestReadyAndAcks(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := r.publish("/a.webm?run=one&key=k")
	if p.ready.Chunks != 0 || *p.ready.Known {
		t.Errorf("a new run is told %+v, known %t", p.ready, *p.ready.Known)
	}
	p.send(chunks[:5]...)
	p.acked(5)
	p.send(nil) // counts, and is nothing
	p.acked(6)
	p.send(chunks[5])
	p.acked(7)
}

// Acknowledgements keep their distance, and one that waits holds nobody up.
func TestAcksKeepTheirDistance(t *testing.T) {
	chunks := capture(t, sound)
	want := demanded(t, "webm", chunks)
	o := wide()
	o.AckEvery = time.Hour
	r := start(t, "http", o)
	p := r.publish("/a.webm?run=one&key=k")
	p.send(chunks[0])
	p.acked(1)
	l := r.listen("/a.webm")
	p.send(chunks[1:]...)
	l.when("the last frame", func(b []byte, _ error) bool {
		return len(b) > 100 && bytes.HasSuffix(want, b[len(b)-100:])
	})
	select {
	case a := <-p.acks:
		t.Errorf("an hour too early: %+v", a)
	default:
	}
}

// A run is cut in the middle of a message and resumed: the torn message does not
// count, nothing is missing and nothing is twice.
func TestResume(t *testing.T) {
	chunks := capture(t, picture)
	want := demanded(t, "webm", chunks)
	r := start(t, "http", wide())
	p := r.publish("/a.webm?run=one&key=k")
	p.send(chunks[0])
	p.acked(1)
	l := r.listen("/a.webm")
	l.has(len(demanded(t, "webm", chunks[:1])))
	p.send(chunks[1:10]...)
	p.acked(10)
	p.c.abandon()
	c := r.raw(strings.Replace(handshake, "%s", "/a.webm?run=one&key=k", 1))
	// A whole message, then, when that is acknowledged, one that tears.
	c.Write(frame(chunks[10], int64(len(chunks[10]))))
	answers := bufio.NewReader(c)
	for said := ""; !strings.HasSuffix(said, `"ack","chunks":11}`); {
		b, err := answers.ReadByte()
		if err != nil {
			t.Fatalf("after %q: %v", said, err)
		}
		said += string(b)
	}
	c.Write(frame(chunks[11][:len(chunks[11])/2], int64(len(chunks[11]))))
	c.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, answers); err != nil {
		t.Fatal(err) // the server closes when it has seen the end
	}
	p = r.publish("/a.webm?run=one&key=k")
	if !*p.ready.Known || p.ready.Chunks != 11 {
		t.Fatalf("told %+v, known %t", p.ready, *p.ready.Known)
	}
	p.send(chunks[11:]...)
	p.acked(len(chunks))
	p.end()
	if got := l.all(); !bytes.Equal(got, want) {
		t.Errorf("the file shows a seam: %d bytes; expected %d", len(got), len(want))
	}
}

func TestNewerSocketReplacesTheOlder(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	old := r.publish("/a.webm?run=one&key=k")
	old.send(chunks[:3]...)
	old.acked(3)
	r.connect("/a.webm?run=one&key=stranger").refused(4409, "Somebody else publishes")
	r.connect("/a.webm?run=two&key=k").refused(4409, "Somebody else publishes")
	r.connect("/a.webm").refused(4409, "Somebody else publishes")
	p := r.publish("/a.webm?run=one&key=k")
	old.refused(closeReplaced, "A newer connection publishes under this name")
	if p.ready.Chunks != 3 || !*p.ready.Known {
		t.Errorf("the newer socket is told %+v, known %t", p.ready, *p.ready.Known)
	}
	p.send(chunks[3:5]...)
	p.acked(5)
}

// A publisher that is silent, though connected, makes way for the same right.
func TestSilentPublisherIsReplaced(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Stream.Silent = time.Nanosecond
	r := start(t, "http", o)
	old := r.publish("/a.webm?run=one&key=k")
	old.send(chunks[:3]...)
	old.acked(3)
	r.connect("/a.webm?run=two&key=stranger").refused(4409, "Somebody else publishes")
	p := r.publish("/a.webm?run=two&key=k")
	old.refused(closeReplaced, "A newer connection")
	if p.ready.Chunks != 0 || *p.ready.Known {
		t.Errorf("the new run is told %+v, known %t", p.ready, *p.ready.Known)
	}
}

// Code 1000 ends the file; anything else keeps it open for the grace period.
func TestHowAFileEnds(t *testing.T) {
	chunks := capture(t, sound)
	for _, row := range []struct {
		name  string
		leave func(p *publisher)
		ends  bool
	}{
		{"1000", func(p *publisher) { p.end() }, true},
		{"1001", func(p *publisher) { p.c.close(closeGoingAway, "") }, false},
		{"abrupt", func(p *publisher) { p.c.abandon() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t, "http", wide())
			p := r.publish("/a.webm?run=one&key=k")
			p.send(chunks[:3]...)
			p.acked(3)
			l := r.listen("/a.webm")
			row.leave(p)
			if row.ends {
				l.all()
				r.refused("GET", "/a.webm", nil, 404, "Nobody is publishing")
				return
			}
			p = r.publish("/a.webm?run=one&key=k")
			if !*p.ready.Known || p.ready.Chunks != 3 {
				t.Errorf("told %+v, known %t", p.ready, *p.ready.Known)
			}
			had := len(l.has(1))
			p.send(chunks[3:6]...)
			l.has(had + 1)
		})
	}
}

func TestGraceRunsOut(t *testing.T) {
	chunks := capture(t, sound)
	o := wide()
	o.Stream.Grace = time.Millisecond
	r, p := begun(t, "http", "/a.webm?run=one&key=k", o, chunks)
	l := r.listen("/a.webm")
	p.c.abandon()
	l.all()
	if p = r.publish("/a.webm?run=one&key=k"); *p.ready.Known {
		t.Error("a run is known after its grace period")
	}
}

// A page is loaded again: another recorder, the same right. The same response
// goes on, decodes, and its clock never turns back.
func TestNewRunContinuesTheFile(t *testing.T) {
	chunks := capture(t, picture)
	if testing.Short() {
		chunks = chunks[:30]
	}
	r := start(t, "http", wide())
	p := r.publish("/a.webm?run=one&key=k")
	p.send(chunks[0])
	p.acked(1)
	l := r.listen("/a.webm")
	l.has(len(demanded(t, "webm", chunks[:1])))
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.c.abandon()
	p = r.insist("/a.webm?run=two&key=k")
	p.send(chunks...)
	p.acked(len(chunks))
	p.end()
	once := len(demanded(t, "webm", chunks))
	got := l.all()
	if len(got) < 2*once-2000 || bytes.Count(got, []byte{0x1A, 0x45, 0xDF, 0xA3}) != 1 {
		t.Errorf("two runs give %d bytes, one %d, with %d headers", len(got), once, bytes.Count(got, []byte{0x1A, 0x45, 0xDF, 0xA3}))
	}
	if n, half := judge(t, got), judge(t, got[:once]); n < 2*half-2 {
		t.Errorf("%d frames; the first run has %d", n, half)
	}
}

// insist publishes as soon as the name's last holder is known to be gone.
func (r *running) insist(path string) (p *publisher) {
	r.t.Helper()
	eventually(r.t, "the name is free", func() bool {
		p = r.connect(path)
		select {
		case a, ok := <-p.acks:
			p.ready = a
			return ok
		case <-patient(r.t).Done():
			return false
		}
	})
	return p
}

// A new run of other codecs cannot continue the file: listeners get a clean end.
func TestOtherCodecsEndTheFile(t *testing.T) {
	o := wide()
	o.Stream.Silent = time.Nanosecond
	r := start(t, "http", o)
	p := r.publish("/a.webm?run=one&key=k")
	p.send(capture(t, sound)[:3]...)
	p.acked(3)
	l := r.listen("/a.webm")
	l.has(1)
	p = r.publish("/a.webm?run=two&key=k")
	p.send(capture(t, picture)[:3]...)
	p.acked(3)
	l.all()
	if got := r.listen("/a.webm").resp.Header.Get("Content-Type"); got != `video/webm; codecs="vp8, opus"` {
		t.Errorf("the new file is %s", got)
	}
}
