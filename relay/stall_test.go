package relay

import (
	"io"
	"net"
	"runtime"
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
	t.Parallel()
	chunks := heavy(8)
	o := wide()
	o.Stall = 3 * time.Second
	r, p := begun(t, "http", "/a.wav", o, chunks)
	s, err := r.s.Hub().Open(t.Context(), "a", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	slow, still := r.narrow("/a.wav"), r.narrow("/a.wav")
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

// narrow listens over a connection that takes little at a time.
func (r *running) narrow(path string) net.Conn {
	r.t.Helper()
	c, err := rawListener(patient(r.t), r.addr, path, nil, 64<<10)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}
