package relay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"everfile/stream"
)

// pipes is a network in memory, for tests whose clock moves only when nothing
// else can (package synctest).
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
	work     sync.WaitGroup // forwarding

	mu    sync.Mutex // protects below
	lines []line     // what the next connections through the bad network suffer
	dials int        // through it
}

// line is a connection that breaks when so many bytes have passed, or that from
// then on says nothing. 0 is never.
type line struct {
	up, down int64
	silent   bool
}

func (n *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (n *pipes) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c, s := net.Pipe()
	select {
	case n.accepted <- s:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// dialBadly connects through the next line.
func (n *pipes) dialBadly(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	var l line
	if n.dials < len(n.lines) {
		l = n.lines[n.dials]
	}
	n.dials++
	n.mu.Unlock()
	far, err := n.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	client, near := net.Pipe()
	var dead atomic.Bool
	n.work.Go(func() { l.forward(far, near, l.up, &dead) })
	n.work.Go(func() { l.forward(near, far, l.down, &dead) })
	return client, nil
}

// forward copies until the limit. A silent line takes everything after that and
// tells neither side of the other.
func (l line) forward(dst, src net.Conn, limit int64, dead *atomic.Bool) {
	defer src.Close()
	if limit == 0 {
		limit = 1 << 62
	}
	buf := make([]byte, 32<<10)
	for limit > 0 || l.silent {
		n, err := src.Read(buf)
		if n = int(min(int64(n), limit)); n > 0 && !dead.Load() {
			_, _ = dst.Write(buf[:n]) // the other side may be gone, which shows on its own
			limit -= int64(n)
		}
		if limit == 0 && l.silent {
			dead.Store(true)
		}
		if err != nil {
			break
		}
	}
	if !dead.Load() {
		dst.Close()
	}
}

// dialled returns how often somebody connected through the bad network.
func (n *pipes) dialled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// startPiped runs a server in memory until the test is over; bad is a client
// whose connections are those lines.
func startPiped(t testing.TB, o Options, lines ...line) (r *running, n *pipes, bad *http.Client) {
	n = &pipes{accepted: make(chan net.Conn), closed: make(chan struct{}), lines: lines}
	good := &http.Transport{DialContext: n.dial, DisableCompression: true}
	r = &running{t: t, s: New(o), url: "http://everfile.test", client: &http.Client{Transport: good}}
	r.dialer = r.client
	bad = &http.Client{Transport: &http.Transport{DialContext: n.dialBadly}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.s.Serve(ctx, n, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) { // a test may close the network
			t.Errorf("Serve returned %v", err)
		}
		good.CloseIdleConnections()
		bad.CloseIdleConnections()
		n.work.Wait()
	})
	return r, n, bad
}

// quiet options send no fillers.
func quiet() Options {
	o := wide()
	o.Stream.Filler = time.Hour
	return o
}

// endless is a WAV file as listeners get it.
func endless(file []byte) []byte {
	b := append([]byte(nil), file...)
	copy(b[4:], "\xff\xff\xff\xff")
	copy(b[40:], "\xff\xff\xff\xff")
	return b
}

// endsLike reports whether a listener got a file's header and then its last joins
// to the end, which is all of it for one who came in time.
func endsLike(got, file []byte) bool {
	head := 44
	if bytes.HasPrefix(file, []byte{0x1A, 0x45, 0xDF, 0xA3}) {
		head = bytes.Index(file, []byte{0x1F, 0x43, 0xB6, 0x75})
	}
	return len(got) > head+10_000 && bytes.Equal(got[:head], file[:head]) && bytes.HasSuffix(file, got[head:])
}

// stream returns the stream of a name.
func (r *running) stream(name string) *stream.Stream {
	r.t.Helper()
	s, err := r.s.Hub().Open(r.t.Context(), name, 0, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// kept writes a file for a test.
func kept(t testing.TB, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
