package stream

import (
	"fmt"
	"testing"
	"time"
)

// Streams whose keyframes never come again hold no more than their share of the
// memory together, whatever their own limits allow; the others keep their joins.
func TestSharesOfMemory(t *testing.T) {
	const limit = 4 << 20
	h := newHub(t, Options{Memory: limit})
	thrifty := mustPublish(t, h, "thrifty", PublishOptions{Format: ByExt("webm")})
	mustWrite(t, thrifty, begin(vp8Track), cluster(0, simple(1, 0, 0x80, "k"), simple(1, 10, 0, "d")))
	var greedy []*Publisher
	for i := range 8 {
		p := mustPublish(t, h, fmt.Sprint("greedy", i), PublishOptions{Format: ByExt("webm")})
		mustWrite(t, p, begin(vp8Track), cluster(0, simple(1, 0, 0x80, "k")))
		greedy = append(greedy, p)
	}
	for j := range 12 {
		for _, p := range greedy {
			mustWrite(t, p, cluster(uint64(j*40), simple(1, 0, 0, string(make([]byte, 1<<20)))))
		}
	}
	// Each stream may keep the part that took it over its share.
	if n := h.Memory(); n > limit+9<<20 {
		t.Errorf("%d bytes are held, the limit is %d", n, limit)
	}
	mustWrite(t, thrifty, cluster(20, simple(1, 0, 0, "d")))
	if _, _, join := streamOf(t, h, "thrifty").Edge(); join != 0 {
		t.Errorf("a stream within its share has lost its join: %v", join)
	}
	for _, p := range append(greedy, thrifty) {
		if err := p.End(); err != nil {
			t.Error(err)
		}
	}
	if n := h.Memory(); n != 0 {
		t.Errorf("%d bytes are left in the account", n)
	}
}

// What an unfinished frame has brought counts, too, and no longer than it is kept.
func TestUnfinishedFramesCount(t *testing.T) {
	h := newHub(t, Options{})
	p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("webm"), Run: "r", Key: "k"})
	data := cluster(0, simple(1, 0, 0x80, string(make([]byte, 1<<20))))
	mustWrite(t, p, begin(vp8Track), data[:900_000])
	if n := h.Memory(); n < 900_000 {
		t.Errorf("%d bytes in the account, 900,000 are kept", n)
	}
	p.Drop()
	p = mustPublish(t, h, "x", PublishOptions{Format: ByExt("webm"), Run: "s", Key: "k"})
	if n := h.Memory(); n != 0 {
		t.Errorf("%d bytes of a run that is over", n)
	}
	p.Drop()
}

// The picture goes away and the sound goes on: who comes then hears what is said
// then, and sees the picture from its next keyframe on.
func TestSoundWithoutItsPicture(t *testing.T) {
	now := time.Unix(1000, 0)
	h := newHub(t, Options{Now: func() time.Time { return now }})
	p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("webm")})
	mustWrite(t, p, begin(vp8Track, opusTrack), cluster(0, simple(1, 0, 0x80, "k")))
	s := streamOf(t, h, "x")
	speak := func(from, to int) {
		for ms := from; ms < to; ms += 100 {
			now = now.Add(100 * time.Millisecond)
			mustWrite(t, p, cluster(uint64(ms), simple(2, 0, 0, "\x08s")))
		}
	}
	speak(0, 9_000)
	if _, _, join := s.Edge(); join != 0 {
		t.Errorf("sound is a join at %v, although the picture was here a moment ago", join)
	}
	speak(9_000, 60_000)
	l := s.Listen(ListenOptions{})
	defer l.Close()
	got, err := l.Take(nil)
	if err != nil || len(got) != 1 || got[0].Time < 59*time.Second || got[0].Lead == 0 {
		t.Fatalf("joined at %+v (%v)", got, err)
	}
	mustWrite(t, p, cluster(60_000, simple(1, 0, 0, "delta"), simple(2, 10, 0, "\x08s"), simple(1, 20, 0x80, "key")))
	got, err = l.Take(nil)
	var frames []string
	for _, p := range got {
		frames = append(frames, string(p.Frame))
	}
	if err != nil || fmt.Sprintf("%q", frames) != `["\bs" "key"]` {
		t.Errorf("then %q (%v)", frames, err)
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
}

// A follower is given exactly what its own Take would give, or has to take.
func TestFollow(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("webm")})
	mustWrite(t, p, begin(trackEl(1, Video, "V_VP8"), trackEl(2, Video, "V_VP8")),
		cluster(0, simple(1, 0, 0x80, "K1"), simple(2, 0, 0x80, "K2")))
	s := streamOf(t, h, "x")
	take := func(l *Listener) int {
		got, err := l.Take(nil)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	old, same := s.Listen(ListenOptions{}), s.Listen(ListenOptions{})
	take(old)
	take(same)
	mustWrite(t, p, cluster(1000, simple(1, 0, 0x80, "K1b")))
	late := s.Listen(ListenOptions{})
	take(old)
	if !same.Follow(old) || take(same) != 0 {
		t.Error("the same place and the same tracks, but it cannot follow")
	}
	take(late)
	mustWrite(t, p, cluster(1010, simple(2, 0, 0, "delta2"), simple(2, 10, 0x80, "K2b")))
	take(late)
	if old.Follow(late) {
		t.Error("follows one who was not shown all that it is to be shown")
	}
	if n := take(old); n != 2 {
		t.Errorf("its own Take gives %d parts", n)
	}
	for _, l := range []*Listener{old, same, late} {
		l.Close()
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
}

// Without a key nobody is replaced, however silent; and who brings nothing ends
// nobody's file.
func TestStrangersEndNothing(t *testing.T) {
	now := time.Unix(1000, 0)
	h := newHub(t, Options{Now: func() time.Time { return now }})
	o := PublishOptions{Format: ByExt("webm")}
	p := mustPublish(t, h, "x", o)
	mustWrite(t, p, begin(opusTrack))
	s := streamOf(t, h, "x")
	now = now.Add(time.Hour)
	if _, err := h.Publish("x", o); err != ErrBusy {
		t.Errorf("a stranger who comes after an hour of silence: %v", err)
	}
	p.Drop()
	q := mustPublish(t, h, "x", o)
	wantErr(t, q.End(), "the input ends before any Tracks element")
	if s.Ended() {
		t.Error("somebody who brought nothing has ended the file")
	}
	r := mustPublish(t, h, "x", o)
	mustWrite(t, r, begin(opusTrack))
	if streamOf(t, h, "x") != s {
		t.Error("the file did not go on")
	}
	if err := r.End(); err != nil || !s.Ended() {
		t.Errorf("the end: %v, %v", err, s.Ended())
	}
}

// A WAV file that promises more samples than it has is told so wherever it ends.
func TestWAVPromisesTooMuch(t *testing.T) {
	for _, n := range []int{0, 1, 2, 960, 961, 1000} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("wav")})
		b := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data\x00\x10\x00\x00")
		mustWrite(t, p, append(b, make([]byte, n)...))
		s := streamOf(t, h, "x")
		wantErr(t, p.End(), fmt.Sprintf("the input ends %d bytes before its data chunk does", 4096-n))
		samples := 0
		for _, part := range s.parts {
			samples += len(part.Bytes)
		}
		if samples != n/2*2 {
			t.Errorf("of %d bytes %d are in the file", n, samples)
		}
	}
}
