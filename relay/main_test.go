package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// TestMain is a server as well: that which startFanoutServer starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "bench" {
		if err := FanoutServer(context.Background(), os.Args[3], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of a test; only a test that fails uses it up.
const patience = time.Minute

// patient returns a context for one wait.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// The captures that most tests use: what real recorders sent.
const (
	sound   = "chromium-audio-opus-T100.webm"
	picture = "chromium-vp8-opus-kf1s-T100.webm"
)

// capture returns a recording's chunks as its recorder handed them out.
func capture(t testing.TB, name string) [][]byte {
	t.Helper()
	return streamtest.Capture(t, name).Chunks
}

// wide options keep everything for every listener, so that what a listener gets
// does not depend on how fast the test runs.
func wide() Options {
	return Options{
		Stream:   stream.Options{Window: time.Hour, WindowBytes: 64 << 20, HardBytes: 64 << 20, MaxLag: time.Hour},
		AckEvery: time.Millisecond,
		Stall:    time.Hour,
		Farewell: 20 * time.Millisecond,
		Parting:  20 * time.Millisecond,
		Log:      slog.New(slog.DiscardHandler),
	}
}

// running is a real server on a port of its own.
type running struct {
	t      testing.TB
	s      *Server
	url    string // scheme and authority
	addr   string
	client *http.Client
	dialer *http.Client // for sockets, which are HTTP/1.1
	stop   func() error // ends the server and returns what Serve returned; may be called again

	mu       sync.Mutex
	accepted map[string]*net.TCPConn // by the client's address
}

// start runs a server until the test is over. Which protocols it and its client
// talk is "http", "tls" (HTTP/1.1) or "h2".
func start(t testing.TB, protocol string, o Options) *running {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, s: New(o), addr: ln.Addr().String(), accepted: map[string]*net.TCPConn{}}
	transport := &http.Transport{DisableCompression: true}
	r.client = &http.Client{Transport: transport}
	r.url = "http://" + r.addr
	var config *tls.Config
	if protocol != "http" {
		if config, err = TLSSelfSigned(""); err != nil {
			t.Fatal(err)
		}
		r.url = "https://" + r.addr
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		transport.ForceAttemptHTTP2 = protocol == "h2"
	}
	r.dialer = &http.Client{Transport: &http.Transport{TLSClientConfig: transport.TLSClientConfig.Clone()}}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.s.Serve(ctx, &remembering{ln, r}, config) }()
	r.stop = sync.OnceValue(func() error {
		transport.CloseIdleConnections() // an HTTP/2 server gives its clients a second to do so
		cancel()
		select {
		case err := <-served:
			transport.CloseIdleConnections()
			return err
		case <-time.After(patience):
			return errors.New("Serve did not return")
		}
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	return r
}

// remembering keeps the accepted connections, which it must not wrap.
type remembering struct {
	net.Listener
	r *running
}

func (l *remembering) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.r.mu.Lock()
		defer l.r.mu.Unlock()
		l.r.accepted[c.RemoteAddr().String()] = c.(*net.TCPConn)
	}
	return c, err
}

// serverSide returns the server's end of a client's connection.
func (r *running) serverSide(c net.Conn) *net.TCPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted[c.LocalAddr().String()]
}

// eventually waits until f holds; what f looks at has no event to wait for.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ctx := patient(t); !f(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// sentence demands that a refusal is one line of plain words.
func sentence(t testing.TB, got, want string) {
	t.Helper()
	if len(got) < 20 || strings.ContainsAny(got, "\r\n") {
		t.Errorf("%q is not a sentence", got)
	}
	if !strings.Contains(got, want) {
		t.Errorf("got %q; expected %q in it", got, want)
	}
}
