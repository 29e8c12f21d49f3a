// Package e2e holds the tests that need browsers and other programs: they run
// the real server in the test's process and look at what arrives.
package e2e

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"everfile/relay"
	"everfile/static"
	"everfile/stream/streamtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// need skips the test when a program is missing, or there is no time.
func need(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in -short")
	}
	streamtest.Need(t, programs...)
}

// long skips tests that are run by hand.
func long(t *testing.T) {
	t.Helper()
	if !streamtest.Long() {
		t.Skip("by hand: EVERFILE_LONG=1")
	}
}

// thorough skips tests that take long and are left to .ci/run.
func thorough(t *testing.T) {
	t.Helper()
	if os.Getenv("EVERFILE_REQUIRE") != "all" {
		t.Skip("SKIPPED, NOT TESTED: it takes long, and .ci/run runs it (EVERFILE_REQUIRE=all)")
	}
}

// site is a running server.
type site struct {
	url    string // http://127.0.0.1:PORT
	server *relay.Server
	stop   func() // ends it; again is harmless
}

// follow reads a body until it ends; what it returns waits for that.
func (s *site) follow(t *testing.T, path string) func() []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("reading %s: %v", path, err)
		}
		got <- b
	}()
	return func() []byte { return <-got }
}

// get returns a page's text.
func (s *site) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", path, resp.Status, err)
	}
	return string(b)
}

// serve starts a server that ends with the test.
func serve(t *testing.T, o relay.Options) *site { return serveTLS(t, o, nil) }

func serveTLS(t *testing.T, o relay.Options, config *tls.Config) *site {
	t.Helper()
	o.Static = static.Files
	if o.Log == nil {
		level := slog.LevelWarn
		if testing.Verbose() {
			level = slog.LevelDebug
		}
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := relay.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(ctx, ln, config); err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	stop := func() { cancel(); <-done }
	t.Cleanup(stop)
	scheme := "http://"
	if config != nil {
		scheme = "https://"
	}
	return &site{url: scheme + ln.Addr().String(), server: s, stop: stop}
}
