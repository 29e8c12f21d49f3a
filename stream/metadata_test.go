package stream

import (
	"errors"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// What is said of a file lasts as long as the file, and another begins anew.
func TestMetadata(t *testing.T) {
	h := newHub(t, roomy())
	wave := streamtest.Wave(100 * time.Millisecond)
	said := Metadata{Name: "n", Bitrate: 128}
	p := mustPublish(t, h, "x", PublishOptions{Key: "k", Metadata: &said})
	said.Name = "changed later"
	mustWrite(t, p, wave)
	s := streamOf(t, h, "x")
	expect := func(want Metadata) {
		t.Helper()
		if got := s.Metadata(); got != want {
			t.Errorf("got %+v; expected %+v", got, want)
		}
		if i := h.Infos(func(string) bool { return true }); len(i) == 1 && i[0].Metadata != want {
			t.Errorf("listed is %+v; expected %+v", i[0].Metadata, want)
		}
	}
	expect(Metadata{Name: "n", Bitrate: 128})
	if err := p.SetTitle("one"); err != nil {
		t.Error(err)
	}
	expect(Metadata{Name: "n", Bitrate: 128, Title: "one"})
	p.Drop()
	if err := p.SetTitle("late"); !errors.Is(err, ErrReplaced) {
		t.Errorf("who has gone sets a title: %v", err)
	}
	p = mustPublish(t, h, "x", PublishOptions{Key: "k"}) // goes on, and says nothing
	mustWrite(t, p, wave)
	expect(Metadata{Name: "n", Bitrate: 128, Title: "one"})
	p.Drop()
	p = mustPublish(t, h, "x", PublishOptions{Key: "k", Metadata: &Metadata{Genre: "g"}})
	expect(Metadata{Genre: "g"})
	mustWrite(t, p, wave)
	if err := p.End(); err != nil {
		t.Error(err)
	}
	expect(Metadata{Genre: "g"}) // for those who still read it
	p = mustPublish(t, h, "x", PublishOptions{Metadata: &Metadata{Name: "of a file that never began"}})
	p.Drop() // and its name waits
	p = mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, wave)
	s = streamOf(t, h, "x")
	expect(Metadata{})
}

// Whose a name is can be shown by its key only.
func TestTitleByKey(t *testing.T) {
	h := newHub(t, roomy())
	if err := h.SetTitle("x", "k", "t"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody's name: %v", err)
	}
	p := mustPublish(t, h, "x", PublishOptions{Key: "k"})
	mustWrite(t, p, streamtest.Wave(100*time.Millisecond))
	s := streamOf(t, h, "x")
	for _, key := range []string{"", "other", "k2"} {
		if err := h.SetTitle("x", key, "t"); !errors.Is(err, ErrKey) || s.Metadata().Title != "" {
			t.Errorf("key %q: %v, %+v", key, err, s.Metadata())
		}
	}
	if err := h.SetTitle("x", "k", "t"); err != nil || s.Metadata().Title != "t" {
		t.Errorf("%v, %+v", err, s.Metadata())
	}
	cam := mustPublish(t, h, "cam", asPictures(PublishOptions{Key: "k"}))
	mustWrite(t, cam, jpegSpec{}.bytes())
	if err := h.SetTitle("cam", "k", "of pictures"); err != nil || streamOf(t, h, "cam").Metadata().Title != "of pictures" {
		t.Errorf("%v, %+v", err, streamOf(t, h, "cam").Metadata())
	}
	if err := h.SetTitle("cam", "l", "t"); !errors.Is(err, ErrKey) {
		t.Errorf("pictures, by another key: %v", err)
	}
	cam.Drop()
	p.Drop()
	if err := h.SetTitle("x", "k", "while away"); err != nil || s.Metadata().Title != "while away" {
		t.Errorf("in the grace period: %v, %+v", err, s.Metadata())
	}
	p = mustPublish(t, h, "open", PublishOptions{})
	for _, key := range []string{"", "k"} {
		if err := h.SetTitle("open", key, "t"); !errors.Is(err, ErrKey) {
			t.Errorf("a name without a key, asked with %q: %v", key, err)
		}
	}
	p.Drop()
}

func TestBegins(t *testing.T) {
	webm, wave := []byte{0x1A, 0x45, 0xDF, 0xA3}, streamtest.Wave(time.Millisecond)[:SniffLen]
	for _, f := range Formats() {
		for _, b := range [][]byte{nil, webm, wave, wave[1:]} {
			if got := f.Begins(b); got != (Sniff(b) == f) {
				t.Errorf("%s begins with % X: %t", f.Name, b, got)
			}
		}
	}
}
