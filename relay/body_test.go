package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"everfile/stream"
)

func TestPublishByBody(t *testing.T) {
	chunks := capture(t, sound)
	whole := bytes.Join(chunks, nil)
	r := start(t, "http", wide())
	for _, row := range []struct{ path, contentType string }{
		{"/a.webm", ""}, {"/b", ""}, {"/c", "audio/webm; codecs=opus"}, {"/d.webm", "application/x-www-form-urlencoded"},
	} {
		resp := r.request(http.MethodPut, row.path+"?pace=0", bytes.NewReader(whole), "Content-Type: "+row.contentType)
		if resp.StatusCode != 200 {
			t.Errorf("PUT %s: %s", row.path, resp.Status)
		}
	}
	r.refused("PUT", "/a.webm?pace=fast", bytes.NewReader(chunks[0]), 400, "pace is 0")
	r.refused("PUT", "/a.webm?key="+strings.Repeat("k", 65), bytes.NewReader(chunks[0]), 400, "run and key are at most 64 characters")
	if _, err := r.s.Hub().Open(t.Context(), "a", 0, 0); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a refused body leaves %v", err)
	}
}

// A body that ends is a file that ends, whatever carries it.
func TestBodyMakesTheFile(t *testing.T) {
	chunks := capture(t, sound)
	want := demanded(t, "webm", chunks)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r := start(t, protocol, wide())
		send, w := io.Pipe()
		answer := r.ask("POST", "/a.webm", send)
		if _, err := w.Write(chunks[0]); err != nil {
			t.Fatal(err)
		}
		l := r.listen("/a.webm?wait=1m")
		l.has(len(demanded(t, "webm", chunks[:1])))
		for _, chunk := range chunks[1:] {
			if _, err := w.Write(chunk); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("%s: the listener got %d bytes; expected %d", protocol, len(got), len(want))
		}
		if resp := answer(); resp.StatusCode != 200 {
			t.Errorf("%s: %s", protocol, resp.Status)
		}
	}
}

// A body that breaks off is a publisher lost: it is told, if it still reads, and
// the file stays open for the grace period.
func TestBodyBreaksOff(t *testing.T) {
	chunks := capture(t, sound)
	r := start(t, "http", wide())
	c := r.raw("PUT /a.webm HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n")
	whole := bytes.Join(chunks[:5], nil)
	fmt.Fprintf(c, "%x\r\n%s\r\n400\r\nabc", len(whole), whole)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 400 {
		t.Errorf("%s, %v", resp.Status, err)
	}
	sentence(t, strings.TrimSpace(string(b)), fmt.Sprintf("The body broke off after %d bytes: unexpected EOF.", len(whole)+3))
	r.listen("/a.webm").has(1)
}
