package stream

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpenWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		open := func(ctx context.Context, wait, held time.Duration) (*Stream, time.Duration, error) {
			at := time.Now()
			s, err := h.Open(ctx, "x", wait, held)
			return s, time.Since(at), err
		}
		if _, d, err := open(t.Context(), 0, 10*time.Second); err != ErrNotFound || d != 0 {
			t.Errorf("nobody there: %v after %v", err, d)
		}
		if _, d, err := open(t.Context(), 5*time.Second, 10*time.Second); err != ErrNotFound || d != 5*time.Second {
			t.Errorf("asked to wait: %v after %v", err, d)
		}
		if n := len(h.entries); n != 0 {
			t.Errorf("%d entries are left of it", n)
		}
		p := mustPublish(t, h, "x", PublishOptions{})
		if _, d, err := open(t.Context(), 0, 10*time.Second); err != ErrNotFound || d != 10*time.Second {
			t.Errorf("registered: %v after %v", err, d)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, io.ErrNoProgress)
		defer cancel()
		if _, d, err := open(ctx, time.Minute, 0); err != io.ErrNoProgress || d != time.Second {
			t.Errorf("cancelled: %v after %v", err, d)
		}
		go func() {
			time.Sleep(3 * time.Second)
			if _, err := p.Write(begin(opusTrack)); err != nil {
				t.Error(err)
			}
		}()
		if s, d, err := open(t.Context(), 0, 10*time.Second); s == nil || err != nil || d != 3*time.Second {
			t.Errorf("published: %v after %v", err, d)
		}
		p.Drop()
	})
}

// TestClose ends a hub with everything in it: publishers, one in grace, waiters
// and listeners. Nothing is left of them.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		var wg sync.WaitGroup
		names := []string{"a", "b", "grace"}
		var pubs []*Publisher
		for _, name := range names {
			p := mustPublish(t, h, name, PublishOptions{Key: "k"})
			mustWrite(t, p, file(name, [][]byte{vp8Track, opusTrack}, 1, 2))
			s := streamOf(t, h, name)
			for range 10 {
				wg.Go(func() {
					l := s.Listen(ListenOptions{})
					defer l.Close()
					if n := len(drain2(t, l)); n != 4 {
						t.Errorf("%s: %d parts before the end", name, n)
					}
				})
			}
			if name == "grace" {
				p.Drop()
				continue
			}
			pubs = append(pubs, p)
			wg.Go(func() { <-p.Gone() })
		}
		silent := mustPublish(t, h, "silent", PublishOptions{})
		pubs = append(pubs, silent)
		for _, name := range []string{"silent", "nobody"} {
			wg.Go(func() {
				if _, err := h.Open(t.Context(), name, time.Hour, 0); err != ErrClosed {
					t.Errorf("waiting for %s: %v", name, err)
				}
			})
		}
		synctest.Wait()
		h.Close()
		wg.Wait()
		for _, p := range pubs {
			if _, err := p.Write(nil); err != ErrClosed || p.Cause() != ErrClosed {
				t.Errorf("a publisher gets %v", err)
			}
			p.Drop()
		}
		if n := h.Memory(); n != 0 || len(h.entries) != 0 {
			t.Errorf("%d bytes and %d entries are left", n, len(h.entries))
		}
		if _, err := h.Publish("new", PublishOptions{}); err != ErrClosed {
			t.Errorf("publishing: %v", err)
		}
		if _, err := h.Open(t.Context(), "new", time.Second, 0); err != ErrClosed {
			t.Errorf("opening: %v", err)
		}
		h.Close()
	})
}

// TestCloseInBetween: whoever comes while a hub closes is turned away, however
// far he has got.
func TestCloseInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		e, err := h.acquire("x")
		if err != nil {
			t.Fatal(err)
		}
		h.Close()
		if _, _, err := e.attach(PublishOptions{}, false); err != ErrClosed {
			t.Errorf("publishing: %v", err)
		}
		if _, _, err := await(t.Context(), [2]*Entry{e, e}, "", time.Hour, true); err != ErrClosed {
			t.Errorf("waiting: %v", err)
		}
		h.release(e)
	})
}

// drain2 reads to the end, wakings without parts included.
func drain2(t testing.TB, l *Listener) (all []*Part) {
	for {
		var err error
		if all, err = l.Next(t.Context(), all, nil); err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			return all
		}
	}
}

// TestEverybodyAtOnce is for the race detector: runs come and go, replace each
// other and end, while listeners read and others wait.
func TestEverybodyAtOnce(t *testing.T) {
	h := newHub(t, Options{Check: time.Nanosecond, Grace: time.Nanosecond, Batch: time.Nanosecond, BatchFrom: 2, Silent: time.Nanosecond, WindowBytes: 2000})
	data := cut(file("run", [][]byte{vp8Track, opusTrack}, 1, 2), every(50))
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var pubs, reads sync.WaitGroup
	for i := range 4 {
		pubs.Go(func() {
			for n := range rounds {
				p, err := h.Publish("x", PublishOptions{Run: string(rune('a' + n%3)), Key: "k"})
				if errors.Is(err, ErrBusy) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				for _, b := range data {
					if _, err := p.Write(b); err != nil {
						break
					}
				}
				switch (n + i) % 3 {
				case 0:
					_ = p.End()
				case 1:
					p.Drop()
				default:
					p.Fail()
				}
			}
		})
		reads.Go(func() {
			for ctx.Err() == nil {
				s, err := h.Open(ctx, "x", time.Hour, 0)
				if err != nil {
					return
				}
				l := s.Listen(ListenOptions{Complete: i == 0})
				for err == nil {
					_, err = l.Next(ctx, nil, nil)
				}
				l.Close()
				s.Edge()
				h.Infos(func(string) bool { return true })
			}
		})
	}
	pubs.Wait()
	cancel()
	reads.Wait()
	h.Close()
	if n := len(h.entries); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// What is under a room is what has that first segment, pictures and media as one.
func TestUnder(t *testing.T) {
	h := newHub(t, Options{})
	for _, name := range []string{"room/a", "room/b", "room2/a", "room", "a"} {
		p := mustPublish(t, h, name, PublishOptions{})
		defer p.Drop()
	}
	got := h.Under("room")
	slices.Sort(got)
	if want := []string{"room/a", "room/b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, expected %q", got, want)
	}
	if got := h.Under("nowhere"); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
