package relay

import (
	"bytes"
	"io"
	"testing"

	"everfile/stream/streamtest"
)

// What Firefox records as Ogg, put with its chunk boundaries, is heard by who is
// there and by who comes in the middle: the same pages, and ffmpeg finds nothing
// wrong with either body.
func TestOggByBody(t *testing.T) {
	c := streamtest.Capture(t, "firefox-audio-opus-T100.ogg")
	want, after := demandedAfter(t, "ogg", c.Chunks)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r := start(t, protocol, wide())
		send, w := io.Pipe()
		answer := r.ask("PUT", "/a.ogg", send)
		if _, err := w.Write(c.Chunks[0]); err != nil {
			t.Fatal(err)
		}
		live := r.listen("/a.ogg?wait=1m")
		if got := live.resp.Header.Get("Content-Type"); got != `audio/ogg; codecs="opus"` {
			t.Errorf("%s: it is %s", protocol, got)
		}
		live.has(after[0])
		var late *body
		for i, chunk := range c.Chunks[1:] {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
			live.has(after[i+1])
			if i == len(c.Chunks)/2 {
				late = r.listen("/a.ogg")
				late.has(after[0] + 1)
			}
		}
		w.Close()
		head, b := want[:after[0]], late.all()
		if got := live.all(); !bytes.Equal(got, want) {
			t.Errorf("%s: the listener got %d bytes; expected %d", protocol, len(got), len(want))
		}
		if !bytes.HasPrefix(b, head) || !bytes.HasPrefix(b[len(head):], []byte("OggS")) || !bytes.HasSuffix(want[len(head):], b[len(head):]) {
			t.Errorf("%s: the late listener's %d bytes are not the header and the end of the other's", protocol, len(b))
		}
		if resp := answer(); resp.StatusCode != 200 {
			t.Errorf("%s: %s", protocol, resp.Status)
		}
		if testing.Short() || protocol != "http" {
			continue
		}
		if all, half := judge(t, want), judge(t, b); all < 700 || half < all/2-30 || half > all/2+30 {
			t.Errorf("%d frames, and %d from the middle on", all, half)
		}
	}
}

// Zeros between pages align the body, and no decoder minds.
func TestOggPadded(t *testing.T) {
	chunks := capture(t, "firefox-audio-opus-T100.ogg")[:20]
	if testing.Short() {
		chunks = chunks[:6]
	}
	want := demanded(t, "ogg", chunks)
	r, p := begun(t, "http", "/a.ogg", wide(), chunks)
	l := r.listen("/a.ogg?pad=20")
	had := 0
	for i, chunk := range chunks[1:] {
		p.send(chunk)
		p.acked(i + 2)
		had = len(l.when("a whole block", func(b []byte, _ error) bool { return len(b) > had && len(b)%padBlock == 0 }))
	}
	p.end()
	got := l.all()
	if len(got)%padBlock != 0 || len(got) <= len(want) {
		t.Errorf("%d bytes for %d of media", len(got), len(want))
	}
	if testing.Short() {
		return
	}
	if n, m := judge(t, got), judge(t, want); n != m || n < 200 {
		t.Errorf("%d frames; %d without padding", n, m)
	}
}
