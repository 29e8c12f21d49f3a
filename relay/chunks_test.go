package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"everfile/stream"
)

func textOnMediaSocket(h *healthy) {
	p := h.publish("/text.webm")
	p.send(h.chunks[0])
	p.acked(1)
	if err := p.c.writeText(patient(h.t), []byte(`{"type":"hello"}`)); err != nil {
		h.t.Fatal(err)
	}
	p.refused(closeUnsupported, "Text on a media socket; send the recorder's chunks as binary messages.")
}

func notTheExtension(h *healthy) {
	wave := []byte("RIFF\xff\xff\xff\xffWAVEfmt ")
	for _, row := range []struct {
		path string
		data []byte
		want string
	}{
		{"/a.webm", []byte("hello, this is no recording"), "webm: byte 0: expected an EBML header"},
		{"/b.webm", h.chunks[5], "webm: byte 0: expected an EBML header"},
		{"/c.webm", wave, "webm: byte 0:"},
		{"/d.wav", h.chunks[0], "wav: byte 0: expected RIFF or RF64"},
		{"/e", []byte("hello, this is no recording"), "any: byte 0: 68 65 6C 6C"},
	} {
		p := h.publish(row.path)
		p.send(row.data)
		p.refused(closeInvalid, row.want)
		status := 415
		if row.path == "/e" { // nothing but the bytes says what they are
			status = 400
		}
		h.refused("PUT", row.path, bytes.NewReader(row.data), status, row.want)
	}
	// What was good before the rubbish is played, and the place is named.
	good := bytes.Join(h.chunks[:3], nil)
	rubbish := bytes.Repeat([]byte{0}, 20)
	p := h.publish("/turns.webm")
	p.send(h.chunks[:3]...)
	p.acked(3)
	l := h.listen("/turns.webm")
	p.send(rubbish)
	code, reason := p.over()
	var at int
	if _, err := fmt.Sscanf(reason, "webm: byte %d:", &at); code != closeInvalid || err != nil || at > len(good) || at < len(good)-len(h.chunks[2]) {
		h.t.Errorf("closed with %d %q; the rubbish begins at byte %d or in the block before", code, reason, len(good))
	}
	l.has(len(demanded(h.t, "webm", h.chunks[:1])))
}

// beginning is a capture's header with an element's head behind it.
func beginning(h *healthy, id []byte, size uint64) []byte {
	tracks := bytes.Index(h.chunks[0], []byte{0x16, 0x54, 0xAE, 0x6B})
	cluster := bytes.Index(h.chunks[0], []byte{0x1F, 0x43, 0xB6, 0x75})
	if tracks < 0 || cluster < tracks {
		h.t.Fatal("the capture does not begin with its header")
	}
	b := h.chunks[0][:tracks:tracks]
	if id[0] == 0xA3 {
		b = append(h.chunks[0][:cluster:cluster], "\x1F\x43\xB6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xE7\x81\x00"...)
	}
	b = append(b, id...)
	return binary.BigEndian.AppendUint64(b, 1<<56|size)
}

func headerTooLarge(h *healthy) {
	b := beginning(h, []byte{0x16, 0x54, 0xAE, 0x6B}, stream.MaxHeader+1)
	h.tooLarge(b, "a header of more than 131072 bytes")
}

func blockTooLarge(h *healthy) {
	b := beginning(h, []byte{0xA3}, stream.MaxBlock+1)
	h.tooLarge(b, "a block of 2097153 bytes; at most 2097152 are taken")
}

// tooLarge publishes what is refused already for what it announces.
func (h *healthy) tooLarge(b []byte, words string) {
	p := h.publish("/large.webm?key=k")
	p.send(b)
	p.refused(closeTooBig, words)
	h.refused("PUT", "/larger.webm", bytes.NewReader(b), 413, words)
}

func messageTooLarge(h *healthy) {
	p := h.publish("/message.webm")
	p.send(make([]byte, stream.MaxChunk+1))
	p.refused(closeTooBig, "A message over 4194304 bytes")
	// One that is just not too large is looked at.
	p = h.publish("/message.webm")
	p.send(make([]byte, stream.MaxChunk))
	p.refused(closeInvalid, "webm: byte 0")
}

func endsInsideBlock(h *healthy) {
	torn := bytes.Join(h.chunks[:4], nil)
	torn = torn[:len(torn)-7]
	words := "the input ends inside an element"
	h.refused("PUT", "/torn.webm?pace=0", bytes.NewReader(torn), 415, words)
	h.refused("PUT", "/torn.webm", io.MultiReader(bytes.NewReader(torn)), 415, words) // chunked
	// On a socket the publisher has said goodbye: the file ends without the torn frame.
	p := h.publish("/torn.webm")
	p.send(h.chunks[0])
	p.acked(1)
	l := h.listen("/torn.webm")
	l.has(len(demanded(h.t, "webm", h.chunks[:1])))
	p.send(torn[len(h.chunks[0]):])
	p.acked(2)
	p.end()
	if got, want := l.all(), demanded(h.t, "webm", [][]byte{h.chunks[0], torn[len(h.chunks[0]):]}); !bytes.Equal(got, want) {
		h.t.Errorf("a torn file's listener got %d bytes; expected %d", len(got), len(want))
	}
}

func byteByByte(h *healthy) {
	p := h.publish("/slow.webm?run=slow")
	bytewise := bytes.Join(h.chunks[:2], nil)
	for i := range bytewise {
		p.send(bytewise[i : i+1])
		if i%500 == 499 {
			p.acked(i + 1)
		}
	}
	p.acked(len(bytewise))
	l := h.listen("/slow.webm")
	p.send(h.chunks[2])
	p.acked(len(bytewise) + 1)
	p.end()
	if got := l.all(); !bytes.HasSuffix(demanded(h.t, "webm", h.chunks[:3]), got[len(got)-100:]) {
		h.t.Error("the slow publisher's stream does not end like its frames")
	}
	r, w := io.Pipe()
	go func() {
		for i := range bytewise {
			if _, err := w.Write(bytewise[i : i+1]); err != nil {
				return // the request has failed, which the answer says
			}
		}
		w.CloseWithError(io.EOF)
	}()
	h.refused("PUT", "/slowbody.webm", r, 415, "the input ends inside an element") // chunk 1 ends there
}
