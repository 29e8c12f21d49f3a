package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"everfile/stream"
)

// publisher is the other side of a publishing socket.
type publisher struct {
	t     testing.TB
	c     *socket
	ctx   context.Context // for all writes
	ready ack
	acks  chan ack
	left  chan error // why the socket is over
}

// connect opens a publishing socket and reads until it is over.
func (r *running) connect(path string) *publisher {
	r.t.Helper()
	return r.connectWith(path, r.dialer)
}

func (r *running) connectWith(path string, client *http.Client, protocols ...string) *publisher {
	r.t.Helper()
	c, err := dial(patient(r.t), r.url+path, client, protocols...)
	if err != nil {
		r.t.Fatalf("%s: %v", path, err)
	}
	p := &publisher{t: r.t, c: c, ctx: patient(r.t), acks: make(chan ack, 10_000), left: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() { p.read(ctx) })
	r.t.Cleanup(func() {
		cancel()
		c.abandon()
		reading.Wait()
	})
	return p
}

func (p *publisher) read(ctx context.Context) {
	for {
		m, err := p.c.read(ctx, 1<<20)
		if err != nil {
			p.left <- err
			close(p.acks)
			return
		}
		var a ack
		if err := json.Unmarshal(m.data, &a); err != nil || !m.text {
			p.t.Errorf("got %q, which is no message", m.data)
		}
		p.acks <- a
	}
}

// publish opens a publishing socket that is accepted.
func (r *running) publish(path string) *publisher {
	r.t.Helper()
	p := r.connect(path)
	p.ready = p.ack()
	if p.ready.Type != "ready" || p.ready.Known == nil {
		r.t.Fatalf("%s: got %+v before ready", path, p.ready)
	}
	return p
}

// ack returns the next message.
func (p *publisher) ack() ack {
	p.t.Helper()
	select {
	case a, ok := <-p.acks:
		if !ok {
			p.t.Fatalf("the socket is over: %v", <-p.left)
		}
		return a
	case <-patient(p.t).Done():
		p.t.Fatal("no acknowledgement")
	}
	return ack{}
}

// acked waits until n chunks are in the file.
func (p *publisher) acked(n int) {
	p.t.Helper()
	for last := int64(-1); last < int64(n); {
		a := p.ack()
		if a.Type != "ack" || a.Chunks <= last || a.Chunks > int64(n) || a.Known != nil {
			p.t.Fatalf("got %+v after %d, waiting for %d", a, last, n)
		}
		last = a.Chunks
	}
}

func (p *publisher) send(chunks ...[]byte) {
	p.t.Helper()
	for _, b := range chunks {
		if err := p.c.writeBinary(p.ctx, b); err != nil {
			p.t.Fatal(err)
		}
	}
}

// over waits for the server to close the socket.
func (p *publisher) over() (code int, reason string) {
	p.t.Helper()
	select {
	case err := <-p.left:
		code, reason := closed(err)
		if code == 0 {
			p.t.Errorf("the socket broke without a close frame: %v", err)
		}
		return code, reason
	case <-patient(p.t).Done():
		p.t.Fatal("the socket stays open")
	}
	return 0, ""
}

// refused demands that a socket is closed with a code and a sentence.
func (p *publisher) refused(code int, words string) {
	p.t.Helper()
	got, reason := p.over()
	if got != code {
		p.t.Errorf("closed with %d %q; expected %d", got, reason, code)
	}
	if len(reason) > maxReason {
		p.t.Errorf("a reason of %d bytes", len(reason))
	}
	sentence(p.t, reason, words)
}

// end closes with 1000, which ends the file.
func (p *publisher) end() { p.c.close(closeNormal, "") }

// demanded returns the body that these chunks make for a listener who is there
// from the first join on, by way of no server.
func demanded(t testing.TB, ext string, chunks [][]byte) []byte {
	t.Helper()
	b, _ := demandedAfter(t, ext, chunks)
	return b
}

// demandedAfter also returns how long the body is after each chunk.
func demandedAfter(t testing.TB, ext string, chunks [][]byte) (body []byte, after []int) {
	t.Helper()
	o := wide().Stream
	now := time.Now()
	o.Now = func() time.Time { return now }
	hub := stream.NewHub(o)
	defer hub.Close()
	p, err := hub.Publish("x", stream.PublishOptions{Format: stream.ByExt(ext)})
	if err != nil {
		t.Fatal(err)
	}
	var l *stream.Listener
	var out bytes.Buffer
	read := func() error {
		parts, err := l.Next(t.Context(), nil, nil)
		for _, p := range parts {
			out.Write(p.Bytes)
		}
		return err
	}
	for _, c := range chunks {
		if _, err := p.Write(c); err != nil {
			t.Fatal(err)
		}
		s, err := hub.Open(t.Context(), "x", 0, 0)
		if err != nil {
			after = append(after, 0) // no whole header yet
			continue
		}
		if l == nil {
			l = s.Listen(stream.ListenOptions{})
			defer l.Close()
			out.Write(s.Header(s.Format().Views[0]))
		}
		if _, _, join := s.Edge(); join >= 0 && out.Len() == len(s.Header(s.Format().Views[0])) {
			_ = read()
		}
		for l.Pending() {
			_ = read()
		}
		after = append(after, out.Len())
	}
	_ = p.End() // an unfinished frame is left out, as it is for everybody
	for !errors.Is(read(), io.EOF) {
	}
	return out.Bytes(), after
}
