package stream

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// Who publishes pauses: who comes then waits, and gets the next run from its header on,
// with a keyframe first; who was there goes on; and nothing of before is kept for
// nobody.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{Check: time.Hour})
		publish := func(run string, paused bool) *Publisher {
			return mustPublish(t, h, "x", PublishOptions{Run: run, Key: "k", Takeover: true, Paused: paused})
		}
		p := publish("one", false)
		mustWrite(t, p, file("old", [][]byte{vp8Track, opusTrack}, 1, 2))
		s := streamOf(t, h, "x")
		there := s.Listen(ListenOptions{})
		if _, err := there.Take(nil); err != nil {
			t.Fatal(err)
		}
		p.Drop()
		p = publish("two", true)
		if !h.Paused("x") || h.Memory() == 0 {
			t.Errorf("paused: %v; %d bytes for who is still reading", h.Paused("x"), h.Memory())
		}
		there.Close()
		p.Drop()
		p = publish("three", true)
		if n := h.Memory(); n != 0 {
			t.Errorf("%d bytes are kept for nobody", n)
		}
		if s, err := h.Open(t.Context(), "x", 0, time.Second); err != ErrNotFound {
			t.Errorf("who asks in the pause gets %v, %v", s, err)
		}
		if all := h.Sources("x"); len(all) != 0 || !h.Registered("x") {
			t.Errorf("%d sources, registered: %v", len(all), h.Registered("x"))
		}

		asked := make(chan *Stream, 1)
		go func() {
			s, err := h.Open(t.Context(), "x", time.Minute, time.Minute)
			if err != nil {
				t.Error(err)
			}
			asked <- s
		}()
		synctest.Wait()
		time.Sleep(20 * time.Second)
		next := cat(begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0), simple(2, 0, 0x80, "\xf8new early"),
			simple(1, 5, 0x80, "new key"), simple(2, 20, 0x80, "\xf8new two"))
		key := bytes.Index(next, []byte("new key"))
		mustWrite(t, p, next[:key]) // a header, and sound before there is a picture, let nobody in
		synctest.Wait()
		if len(asked) > 0 || !h.Paused("x") {
			t.Error("who waits is let in before there is anything to begin with")
		}
		mustWrite(t, p, next[key:])
		synctest.Wait()
		if len(asked) == 0 {
			t.Fatal("who waits is not told")
		}
		got := <-asked
		if got != s || h.Paused("x") {
			t.Errorf("it is another file, or still paused: %v", h.Paused("x"))
		}
		l := got.Listen(ListenOptions{})
		defer l.Close()
		parts, err := l.Take(nil)
		if err != nil || len(parts) == 0 || parts[0].Kind != Join || !bytes.Contains(parts[0].Bytes, []byte("new key")) || parts[0].Time < 20*time.Second {
			t.Errorf("who waited begins with %q, %v", body(got, parts), err)
		}
		if bytes.Contains(body(got, parts), []byte("old")) {
			t.Error("and gets what was before")
		}
		if err := p.End(); err != nil {
			t.Error(err)
		}
	})
}

// A paused publisher is no silent one, and one whose connection is lost is not gone.
func TestPausedIsNeitherSilentNorGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{Grace: time.Second, Silent: time.Second})
		o := PublishOptions{Run: "one", Key: "k", Paused: true}
		p := mustPublish(t, h, "x", o)
		time.Sleep(time.Hour)
		if _, err := h.Publish("x", PublishOptions{Run: "other", Key: "k"}); err != ErrBusy {
			t.Errorf("somebody else takes it: %v", err)
		}
		p.Drop()
		time.Sleep(time.Hour)
		if !h.Registered("x") || !h.Paused("x") {
			t.Error("it is forgotten")
		}
		if _, err := h.Publish("x", PublishOptions{Run: "other", Key: "l"}); err != ErrBusy {
			t.Errorf("somebody without the right takes it: %v", err)
		}
		p = mustPublish(t, h, "x", o)
		if n, known := p.Resumed(); !known || n != 0 {
			t.Errorf("it comes back to %d chunks, known %v", n, known)
		}
		mustWrite(t, p, file("one", [][]byte{vp8Track, opusTrack}, 1, 2))
		p.Drop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if h.entry("x") != nil {
			t.Error("once it goes on, it has the same grace as others")
		}
	})
}

// However a pause ends, nothing is left of it.
func TestPauseEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(h *Hub, p *Publisher)
	}{
		{"by its publisher", func(_ *Hub, p *Publisher) { _ = p.End() }},
		{"with the call", func(h *Hub, _ *Publisher) { h.End("x", io.EOF) }},
		{"with the call, its publisher's connection lost", func(h *Hub, p *Publisher) { p.Drop(); h.End("x", io.EOF) }},
		{"with the server", func(h *Hub, p *Publisher) { p.Drop(); h.Close() }},
	} {
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{Run: "one", Key: "k"})
		mustWrite(t, p, file("one", [][]byte{vp8Track, opusTrack}, 1, 2))
		l := streamOf(t, h, "x").Listen(ListenOptions{})
		if _, err := l.Take(nil); err != nil {
			t.Fatal(err)
		}
		p.Drop()
		p = mustPublish(t, h, "x", PublishOptions{Run: "two", Key: "k", Paused: true})
		c.end(h, p)
		p.Drop() // again is harmless
		if _, err := l.Take(nil); err != io.EOF {
			t.Errorf("%s: who listened gets %v", c.name, err)
		}
		l.Close()
		if n := len(h.entries); n != 0 || h.Paused("x") {
			t.Errorf("%s: %d entries are left", c.name, n)
		}
	}
}

// What is made of a paused file waits with it.
func TestPauseOfAConversion(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Run: "one", Key: "k"})
	mustWrite(t, p, file("one", [][]byte{vp8Track, opusTrack}, 1, 2))
	s := streamOf(t, h, "x")
	to, release, err := s.Convert(ConvertOptions{Tracks: Audio})
	if err != nil {
		t.Fatal(err)
	}
	l := to.Listen(ListenOptions{})
	release()
	if parts, err := l.Take(nil); err != nil || len(parts) == 0 { // from here on, not from what is newest later
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	p.Drop()
	p = mustPublish(t, h, "x", PublishOptions{Run: "two", Key: "k", Paused: true})
	if n := h.Listeners("x"); n != 1 {
		t.Errorf("%d listen", n)
	}
	s.mu.Lock()
	kept := len(s.parts)
	s.mu.Unlock()
	if kept == 0 {
		t.Error("what was before is gone, and the conversion may not have read it yet")
	}
	mustWrite(t, p, file("two", [][]byte{vp8Track, opusTrack}, 1, 2))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for got := []byte(nil); !bytes.Contains(got, []byte("two one")); {
		parts, err := l.Next(ctx, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, body(to, parts)...)
	}
	l.Close()
	if err := p.End(); err != nil {
		t.Error(err)
	}
}
