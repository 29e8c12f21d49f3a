package stream

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// TestResumeAtEveryByte cuts a run's connection after every byte of it, in
// chunks of one and of seven bytes: nothing is lost, nothing comes twice.
func TestResumeAtEveryByte(t *testing.T) {
	data := file("only", [][]byte{vp8Track, opusTrack}, 1, 2)
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, data)
	s := streamOf(t, h, "x")
	want := body(s, logged(s))
	p.Drop()
	for _, size := range []int{1, 7} {
		chunks := cut(data, every(size))
		for n := range len(chunks) + 1 {
			h := newHub(t, roomy())
			o := PublishOptions{Run: "r", Key: "k"}
			p := mustPublish(t, h, "x", o)
			mustWrite(t, p, chunks[:n]...)
			p.Drop()
			p = mustPublish(t, h, "x", o)
			at, known := p.Resumed()
			if at != int64(n) || !known {
				t.Fatalf("cut after chunk %d: resumed at %d, known %t", n, at, known)
			}
			mustWrite(t, p, chunks[at:]...)
			s := streamOf(t, h, "x")
			if got := body(s, logged(s)); !bytes.Equal(got, want) {
				t.Fatalf("cut after chunk %d: got %q, want %q", n, got, want)
			}
			if err := p.End(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestNewerReplacesOlder: of two connections of one run the newer writes, and
// what the older had not written yet is not counted.
func TestNewerReplacesOlder(t *testing.T) {
	h := newHub(t, roomy())
	data := cut(file("only", [][]byte{vp8Track, opusTrack}, 1, 2), every(30))
	o := PublishOptions{Run: "r", Key: "k"}
	old := mustPublish(t, h, "x", o)
	mustWrite(t, old, data[:3]...)
	select {
	case <-old.Gone():
		t.Error("gone before anybody came")
	default:
	}
	young := mustPublish(t, h, "x", o)
	select {
	case <-old.Gone():
	default:
		t.Fatal("not gone when replaced")
	}
	if err := old.Cause(); err != ErrReplaced {
		t.Errorf("cause: %v", err)
	}
	if n, err := old.Write(data[3]); err != ErrReplaced || n != 0 {
		t.Errorf("the older one writes: %d, %v", n, err)
	}
	if n, known := young.Resumed(); n != 3 || !known {
		t.Errorf("resumed at %d, known %t", n, known)
	}
	old.Drop() // must not start a grace period, nor end what the younger writes
	mustWrite(t, young, data[3:]...)
	if err := old.End(); err != nil {
		t.Error(err)
	}
	if n := streamOf(t, h, "x").Parts.Load(); n != 4 {
		t.Errorf("%d parts", n)
	}
	if err := young.End(); err != nil {
		t.Error(err)
	}
	if n := len(h.entries); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

func TestBusy(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name   string
		silent time.Duration
		drop   bool
		key    string
		run    string
		want   error
	}{
		{"another key", time.Minute, false, "other", "new", ErrBusy},
		{"no key", time.Minute, false, "", "new", ErrBusy},
		{"the same run, another key", time.Minute, false, "other", "r", ErrBusy},
		{"another run", 2999 * ms, false, "k", "new", ErrBusy},
		{"another run after 3 s of silence", 3000 * ms, false, "k", "new", nil},
		{"the same run at once", 0, false, "k", "r", nil},
		{"in grace, another key", time.Second, true, "other", "new", ErrBusy},
		{"in grace, another run", 0, true, "k", "new", nil},
		{"in grace, no key", time.Second, true, "", "new", ErrBusy},
	} {
		h := newClocked(t)
		holder := mustPublish(t, h.Hub, "x", PublishOptions{Run: "r", Key: "k"})
		h.now = h.now.Add(time.Minute)
		mustWrite(t, holder, begin(vp8Track))
		if c.drop {
			holder.Drop()
		}
		h.now = h.now.Add(c.silent)
		p, err := h.Publish("x", PublishOptions{Run: c.run, Key: c.key})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, expected %v", c.name, err, c.want)
		}
		if err == nil {
			if !c.drop && holder.Cause() != ErrReplaced {
				t.Errorf("%s: the holder has %v", c.name, holder.Cause())
			}
			p.Drop()
		}
		holder.Drop()
		if n := h.entries["x"].holders; n != 1 { // the grace period's
			t.Errorf("%s: %d hold the entry", c.name, n)
		}
	}
}

// TestFreeAfterEnd: a name whose file ended cleanly is anybody's.
func TestFreeAfterEnd(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Key: "a"})
	mustWrite(t, p, begin(vp8Track))
	if err := p.End(); err != nil {
		t.Error(err)
	}
	p = mustPublish(t, h, "x", PublishOptions{Key: "b"})
	if _, err := p.Write([]byte("rubbish, and enough")); err == nil {
		t.Error("rubbish is taken")
	}
	p.Fail() // before any file: free at once
	p = mustPublish(t, h, "x", PublishOptions{Key: "c"})
	mustWrite(t, p, begin(vp8Track))
	if _, err := p.Write([]byte("\x00\x00\x00\x00")); !errors.Is(err, ErrSyntax) {
		t.Errorf("rubbish in a file: %v", err)
	}
	p.Fail() // the file stays open for who has the right
	if _, err := h.Publish("x", PublishOptions{Key: "d"}); err != ErrBusy {
		t.Errorf("somebody else: %v", err)
	}
	s := streamOf(t, h, "x")
	p = mustPublish(t, h, "x", PublishOptions{Key: "c", Run: "new"})
	mustWrite(t, p, begin(vp8Track))
	if streamOf(t, h, "x") != s {
		t.Error("a new run after a refused one begins another file")
	}
	p.Drop()
}

func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{Key: "k"})
		mustWrite(t, p, file("only", [][]byte{vp8Track, opusTrack}, 1, 2))
		s := streamOf(t, h, "x")
		l := s.Listen(ListenOptions{})
		p.Drop()
		time.Sleep(30*time.Second - time.Millisecond)
		if streamOf(t, h, "x") != s {
			t.Error("the file ended within the grace period")
		}
		time.Sleep(2 * time.Millisecond)
		if got := drain(t, l, nil); len(got) < 4 {
			t.Errorf("%d parts", len(got))
		}
		if _, err := h.Open(t.Context(), "x", 0, 0); err != ErrNotFound || len(h.entries) != 0 {
			t.Errorf("after the grace period: %v, %d entries", err, len(h.entries))
		}
		if h.Memory() == 0 {
			t.Error("what somebody still reads costs nothing")
		}
		if l.Close(); h.Memory() != 0 {
			t.Errorf("%d bytes are left in the account when nobody reads it", h.Memory())
		}
	})
}

// TestGraceThatFiresLate: a timer that fires while the publisher comes back ends
// nothing.
func TestGraceThatFiresLate(t *testing.T) {
	h := newHub(t, roomy())
	o := PublishOptions{Run: "r", Key: "k"}
	p := mustPublish(t, h, "x", o)
	mustWrite(t, p, begin(vp8Track))
	s := streamOf(t, h, "x")
	p.Drop()
	fired := p.e.grace
	p = mustPublish(t, h, "x", o)
	p.e.expire(fired)
	if streamOf(t, h, "x") != s {
		t.Error("the file ended although its publisher is back")
	}
	p.Drop()
	if p.e.expire(fired); streamOf(t, h, "x") != s {
		t.Error("an earlier grace period's timer ended a later one")
	}
}

// TestAnonymousRunsDoNotResume: without a name of its own each is another life.
func TestAnonymousRunsDoNotResume(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	data := begin(vp8Track)
	mustWrite(t, p, data[:20])
	p.Drop()
	p = mustPublish(t, h, "x", PublishOptions{})
	if n, known := p.Resumed(); n != 0 || known {
		t.Errorf("resumed at %d, known %t", n, known)
	}
	mustWrite(t, p, data)
	p.Drop()
}

// TestEndInTheMiddle: what was whole is in the file, and the publisher is told.
func TestEndInTheMiddle(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	data := file("only", [][]byte{vp8Track, opusTrack}, 1, 2)
	mustWrite(t, p, data[:len(data)-2])
	s := streamOf(t, h, "x")
	wantErr(t, p.End(), "ends inside an element")
	if n := s.Parts.Load(); n != 3 {
		t.Errorf("%d parts", n)
	}
	if err := p.End(); err != nil {
		t.Errorf("a second End: %v", err)
	}
	if _, err := p.Write(data); err == nil {
		t.Error("written after the end")
	}
}

// A run whose bytes were refused is over: the same ID begins anew, and the file
// goes on.
func TestRefusedRunsDoNotResume(t *testing.T) {
	h := newHub(t, roomy())
	o := PublishOptions{Format: ByExt("webm"), Run: "r", Key: "k"}
	chunks := streamtest.Capture(t, "chromium-audio-opus-T100.webm").Chunks
	p := mustPublish(t, h, "a", o)
	mustWrite(t, p, chunks[:5]...)
	s := streamOf(t, h, "a")
	if _, err := p.Write(make([]byte, 8)); err == nil {
		t.Fatal("zeros were taken")
	}
	p.Fail()
	p = mustPublish(t, h, "a", o)
	if n, known := p.Resumed(); n != 0 || known {
		t.Fatalf("resumed at %d, known %v", n, known)
	}
	mustWrite(t, p, chunks[:5]...)
	if streamOf(t, h, "a") != s {
		t.Error("the file did not go on")
	}
	p.Drop()
}
