package relay

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"everfile/relay/fault"
	"everfile/stream"
)

// pipes is a network in memory, for tests whose clock moves only when nothing
// else can (package synctest).
type pipes struct {
	fault.Memory
	net.Listener              // the server's
	proxy        *fault.Proxy // the bad way to it
}

// line is a connection that breaks when so many bytes have passed, or that from
// then on says nothing. 0 is never.
type line struct {
	up, down int64
	silent   bool
}

func (l line) plan() (p fault.Plan) {
	e := fault.Event{Kind: fault.Cut}
	if l.silent {
		e.Kind = fault.Silence
	}
	if e.After = l.up; l.up > 0 {
		p.Up.Events = []fault.Event{e}
	}
	if e.After = l.down; l.down > 0 {
		p.Down.Events = []fault.Event{e}
	}
	return p
}

func (n *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return n.Memory.Dial(ctx, n.Addr().String())
}

// dialBadly connects through the next line.
func (n *pipes) dialBadly(ctx context.Context, _, _ string) (net.Conn, error) {
	return n.Memory.Dial(ctx, n.proxy.Addr().String())
}

// dialled returns how often somebody connected through the bad network.
func (n *pipes) dialled() int { return n.proxy.Connections() }

// startPiped runs a server in memory until the test is over; bad is a client
// whose connections are those lines.
func startPiped(t testing.TB, o Options, lines ...line) (r *running, n *pipes, bad *http.Client) {
	n = &pipes{}
	n.Listener = n.Memory.Listen()
	n.proxy = fault.New(n.Memory.Listen(), func(ctx context.Context) (net.Conn, error) { return n.dial(ctx, "", "") }, func(i int) (p fault.Plan) {
		if i < len(lines) {
			p = lines[i].plan()
		}
		return p
	})
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
		n.proxy.Close()
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
