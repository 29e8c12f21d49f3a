package relay

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"everfile/stream"
)

// speakText has a publisher ask for the sub-protocol of WebSockets without binary.
func (r *running) speakText(path string) *publisher {
	r.t.Helper()
	return r.connectWith(path, r.dialer, base64Protocol)
}

func (p *publisher) text(s string) {
	p.t.Helper()
	if err := p.c.writeText(p.ctx, []byte(s)); err != nil {
		p.t.Fatal(err)
	}
}

// Chunks as text are the chunks that they stand for.
func TestBase64(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	p := r.speakText(posted)
	if p.c.protocol != base64Protocol {
		t.Errorf("the sub-protocol is %q", p.c.protocol)
	}
	if a := p.ack(); a.Type != "ready" {
		t.Fatalf("it begins with %+v", a)
	}
	p.text(base64.StdEncoding.EncodeToString(chunks[0]))
	p.acked(1)
	l := r.listen("/a.webm")
	p.text("") // counts, and is nothing
	p.send(chunks[1])
	for _, b := range chunks[2:] {
		p.text(base64.StdEncoding.EncodeToString(b))
	}
	p.acked(len(chunks) + 1)
	p.end()
	if got, want := l.all(), demanded(t, "webm", chunks); !bytes.Equal(got, want) {
		t.Errorf("%d bytes; expected %d", len(got), len(want))
	}
}

func TestBadBase64(t *testing.T) {
	large := strings.Repeat("A", (stream.MaxChunk+2)/3*4)
	for _, row := range []struct {
		name, text string
		code       int
		words      string
	}{
		{"no base64", "GkXfo?==", closeInvalid, "Byte 5 of 8 in this message is no base64"},
		{"without its padding", "GkXfo", closeInvalid, "is no base64"},
		{"with a rest that is not zero", "Gl==", closeInvalid, "is no base64"},
		{"of URLs", "-_-_", closeInvalid, "Byte 0 of 4 in this message is no base64"},
		{"JSON", `{"type":"hello"}`, closeInvalid, "Byte 0 of 16"},
		{"over the limit", large + "AAAA", closeTooBig, "A message over 4194304 bytes"},
		{"over the limit, with nothing in it", strings.Repeat("\n", base64.StdEncoding.EncodedLen(stream.MaxChunk)+1), closeTooBig, "A message over 4194304 bytes"},
		{"by one byte", large, closeTooBig, "A message over 4194304 bytes"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := start(t, "http", wide())
			p := r.speakText("/a.webm")
			p.ack()
			go func() { _ = p.c.writeText(p.ctx, []byte(row.text)) }() // it may be closed before all is written
			p.refused(row.code, row.words)
		})
	}
	r := start(t, "http", wide())
	p := r.speakText("/a.webm")
	p.ack()
	go func() { _ = p.c.writeBinary(p.ctx, make([]byte, stream.MaxChunk+1)) }()
	p.refused(closeTooBig, "A message over 4194304 bytes")
	p = r.publish("/b.webm") // without the sub-protocol
	p.text("GkXfow==")
	p.refused(closeUnsupported, "Text on a media socket")
}
