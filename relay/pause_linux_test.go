package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"testing"
)

// A paced body is not read while its timestamps are ahead, so a client that has gone
// shows in the connection only: its name is free for who comes next.
func TestPacedBodyOfWhoHasGone(t *testing.T) {
	o := wide()
	o.Stream.Grace = -1
	r := start(t, "http", o)
	// A recorder's header, and then a frame of Opus each 59 s: forty minutes in a piece.
	head, _, ok := bytes.Cut(capture(t, sound)[0], []byte{0x1F, 0x43, 0xB6, 0x75})
	if !ok {
		t.Fatal("there is no cluster")
	}
	body := bytes.Clone(head)
	for i := range 200 {
		body = append(body, 0x1F, 0x43, 0xB6, 0x75, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xE7, 0x84)
		body = binary.BigEndian.AppendUint32(body, uint32(i*59_000))
		body = append(body, 0xA3, 0x85, 0x81, 0, 0, 0x80, 0xFC)
	}
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "PUT /a.webm HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", len(body))
	if _, err := c.Write(body); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return r.s.Hub().Stream("a") != nil })
	c.Close()
	eventually(t, "it is gone", func() bool { return !r.s.Hub().Registered("a") })
}
