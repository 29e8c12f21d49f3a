package relay

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"go.uber.org/goleak"
)

// healthy is a stream that must not notice what happens beside it.
type healthy struct {
	*running
	t      *testing.T // of the row
	chunks [][]byte
	p      *publisher
	l      *body
	later  func() // what the row does when the healthy stream has ended
}

const healthyPath = "/room/healthy.webm"

// TestBadInput runs each trouble beside a healthy stream, whose listener must
// get what the publisher's frames demand, neither more nor less; afterwards no
// goroutine and no memory may be left.
func TestBadInput(t *testing.T) {
	rows := []struct {
		name string
		do   func(h *healthy)
	}{
		{"unknown extension", unknownExtension},
		{"bad name", badName},
		{"no such stream", noSuchStream},
		{"a second publisher", secondPublisher},
		{"text on a media socket", textOnMediaSocket},
		{"bytes that are not what the extension says", notTheExtension},
		{"a header over 128 KiB", headerTooLarge},
		{"a block over 2 MiB", blockTooLarge},
		{"a message over 4 MiB", messageTooLarge},
		{"a body that ends inside a block", endsInsideBlock},
		{"`Range` of every kind", everyRange},
		{"wrong method", wrongMethod},
		{"a listener that reads nothing", readsNothing},
		{"a publisher that sends one byte a second", byteByByte},
	}
	chunks := capture(t, picture)
	want := demanded(t, "webm", chunks)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			besides(t, chunks, want, row.do)
		})
	}
}

func besides(t *testing.T, chunks [][]byte, want []byte, trouble func(h *healthy)) {
	others := goleak.IgnoreCurrent()
	before := heap()
	h := &healthy{running: start(t, "http", wide()), t: t, chunks: chunks, later: func() {}}
	h.p = h.publish(healthyPath)
	h.p.send(chunks[0])
	h.p.acked(1)
	h.l = h.listen(healthyPath)
	h.l.has(len(demanded(t, "webm", chunks[:1])))
	half := len(chunks) / 2
	h.p.send(chunks[1:half]...)
	trouble(h)
	h.p.send(chunks[half:]...)
	h.p.acked(len(chunks))
	h.p.end()
	if got := h.l.all(); !bytes.Equal(got, want) {
		t.Errorf("the healthy stream's listener got %d bytes, which are not the %d that its frames make", len(got), len(want))
	}
	h.later()
	if err := h.stop(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if n := h.s.Hub().Memory(); n != 0 {
		t.Errorf("%d bytes of parts are left", n)
	}
	goleak.VerifyNone(t, others)
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// heap returns what is in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools hold survives the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestReasonIsCutOnARune(t *testing.T) {
	for n := range 140 {
		for _, shift := range []string{"", "x"} {
			text := shift + strings.Repeat("ä", n)
			got := reason(text)
			if len(got) > maxReason || !utf8.ValidString(got) || len(text) <= maxReason && got != text {
				t.Errorf("%d bytes: %q", len(text), got)
			}
		}
	}
}

func unknownExtension(h *healthy) {
	for _, method := range []string{"GET", "HEAD", "PUT", "POST"} {
		h.refused(method, "/a.xyz", nil, 404, `Unknown extension ".xyz"; known are: .webm .ogg .mp4 .wav .pcm .mp3 .aac .flac .mjpeg .jpg.`)
	}
	h.connect("/a.xyz").refused(4404, `Unknown extension ".xyz"`)
	h.refused("PUT", "/a.pcm", strings.NewReader("abc"), 415, ".pcm can be played, not published.")
	h.connect("/a.pcm").refused(4415, ".pcm can be played, not published.")
}

func badName(h *healthy) {
	long := strings.Repeat("n", 65)
	for _, path := range []string{
		"/..", "/../a.webm", "/a/../b.webm", "/%2e.webm", "/%2e%2e/a.webm", "/a%2eb.webm", "/.webm", "//a.webm", "/a//b.webm",
		"/" + long + ".webm", "/" + long + "/a.webm", "/a/" + long, "/a/b/c.webm", "/%00.webm", "/a%20b.webm", "/ä.webm",
	} {
		h.refused("GET", path, nil, 400, "names are 1 to 64 of A-Z a-z 0-9 _ -")
		h.refused("PUT", path, strings.NewReader("abc"), 400, "names are 1 to 64 of A-Z a-z 0-9 _ -")
		h.connect(path).refused(4400, "A stream's path is /NAME.EXT or /ROOM/NAME.EXT;")
	}
	// What follows the first dot is the extension, so a name cannot have one.
	h.refused("PUT", "/a.b.webm", strings.NewReader("abc"), 404, `Unknown extension ".b.webm"`)
	h.connect("/a.b.webm").refused(4404, `Unknown extension ".b.webm"`)
	for _, path := range []string{"/static/a.webm", "/events", "/api.webm", "/recordings/a.webm", "/robots.txt"} {
		h.refused("PUT", path, strings.NewReader("abc"), 404, "is reserved")
		h.connect(path).refused(4404, "is reserved")
	}
	h.connect("/room/mix.webm").refused(4404, "reserved inside rooms")
}

func noSuchStream(h *healthy) {
	h.refused("GET", "/nobody.webm", nil, 404, "Nobody is publishing /nobody.webm now; add ?wait=30s to wait for it.")
	h.refused("HEAD", "/nobody.webm", nil, 404, "")
	h.refused("GET", "/room/nobody", nil, 404, "Nobody is publishing /room/nobody now")
	h.refused("GET", healthyPath+"?rate=8000", nil, 400, "rate, channels and bits are of plain samples")
}

func secondPublisher(h *healthy) {
	h.connect(healthyPath).refused(4409, "Somebody else publishes under this name")
	h.connect(healthyPath+"?run=other&key=other").refused(4409, "Somebody else publishes")
	resp := h.refused("PUT", healthyPath, bytes.NewReader(h.chunks[0]), 409, "Somebody else publishes under this name")
	if got := resp.Header.Get("Retry-After"); got != "3" {
		h.t.Errorf("Retry-After %q", got)
	}
	// A live body that has nothing to say for now must be answered all the same.
	never, w := io.Pipe()
	defer w.Close()
	h.refused("PUT", healthyPath, never, 409, "Somebody else publishes under this name")
}

func wrongMethod(h *healthy) {
	for _, method := range []string{"DELETE", "PATCH", "SOURCE", "PROPFIND"} {
		resp := h.refused(method, healthyPath, nil, 405, method+" is not something a stream does")
		if got := resp.Header.Get("Allow"); got != "GET, HEAD, PUT, POST, OPTIONS" {
			h.t.Errorf("Allow %q", got)
		}
	}
}

func readsNothing(h *healthy) {
	c, err := net.Dial("tcp", h.addr)
	if err != nil {
		h.t.Fatal(err)
	}
	h.later = func() { c.Close() }
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		h.t.Fatal(err)
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", healthyPath)
	s, err := h.s.Hub().Open(h.t.Context(), "room/healthy", 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	eventually(h.t, "the second listener is there", func() bool { return s.Listeners.Load() == 2 })
}
