package relay

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A listener that takes nothing for long is closed, at once and with all that waits
// for it; one that takes little, so that a single write lasts longer than that, is
// not.
func TestStall(t *testing.T) {
	if testing.Short() {
		t.Skip("not in -short")
	}
	for _, protocol := range []string{"http", "tls"} {
		t.Run(protocol, func(t *testing.T) { stall(t, protocol) })
	}
}

func stall(t *testing.T, protocol string) {
	t.Parallel()
	chunks := heavy(8)
	o := wide()
	o.Stall = 3 * time.Second
	r, p := begun(t, protocol, "/a.wav", o, chunks)
	s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	slow, _ := r.narrow("/a.wav")
	_, still := r.narrow("/a.wav")
	eventually(t, "both listen", func() bool { return s.Listeners.Load() == 2 })
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 64 {
		<-tick.C
		if _, err := io.ReadFull(slow, make([]byte, 8<<10)); err != nil {
			t.Fatalf("who takes little: %v", err)
		}
	}
	eventually(t, "who takes nothing is closed", func() bool { return s.Listeners.Load() == 1 })
	if runtime.GOOS == "linux" && !rawConn(still).closed() {
		t.Error("what was not sent to it is still waited for")
	}
	slow.Close()
	eventually(t, "nobody listens", func() bool { return s.Listeners.Load() == 0 })
}

// narrow listens over a connection that takes little at a time. It returns what to
// read from, and what that runs on.
func (r *running) narrow(path string) (net.Conn, *net.TCPConn) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	bare := c.(*net.TCPConn)
	if err := bare.SetReadBuffer(64 << 10); err != nil {
		r.t.Fatal(err)
	}
	if strings.HasPrefix(r.url, "https") {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		r.t.Fatal(err)
	}
	return c, bare
}
