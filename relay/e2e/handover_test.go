package e2e

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// given starts the program with a listening socket that stays with us, in the
// way of systemd's socket activation.
func given(t *testing.T, program, state string, socket *os.File) *process {
	t.Helper()
	p := prepare(t, "sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --log-level warn --listen "$1" --state-dir "$2"`, program, "127.0.0.1:0", state)
	p.cmd.ExtraFiles = []*os.File{socket}
	p.start()
	if line, err := p.stdout.ReadString('\n'); err != nil {
		t.Fatalf("the server says %q: %v\n%s", line, err, &p.stderr)
	}
	return p
}

// The server is told to stop in a call, and the next process takes over its
// socket: nobody who connects meanwhile is refused, and the two hear each other
// again.
func TestHandover(t *testing.T) {
	thorough(t)
	need(t, "chromium", "go")
	program := filepath.Join(t.TempDir(), "everfile")
	run(t, "go", "build", "-o", program, "everfile")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	state := t.TempDir()
	first := given(t, program, state, socket)
	s := &site{url: "http://" + ln.Addr().String()}
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	sees(a)
	sees(b)

	var hammer sync.WaitGroup
	var tried, refused atomic.Int64
	enough := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience} // each request a connection
	hammer.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-enough:
				return
			case <-tick.C:
			}
			tried.Add(1)
			hammer.Go(func() {
				resp, err := client.Get(s.url + "/api/streams")
				if err != nil || resp.StatusCode != http.StatusOK {
					refused.Add(1)
				}
				if err == nil {
					resp.Body.Close()
				}
			})
		}
	})
	began := time.Now()
	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.all()
	stopped := time.Since(began)
	second := given(t, program, state, socket)
	for _, p := range []*tab{a, b} {
		p.until(`everfile.page.phone.stats().play.length && everfile.page.phone.stats().play[0].state === "playing" && everfile.page.phone.stats().play[0].reopens > 0`)
		plays(p)
	}
	t.Logf("the first process ended after %v; both played again, for more than a second, after %v", stopped, time.Since(began))
	sees(a)
	sees(b)
	hearsOther(a, bobTone)
	hearsOther(b, aliceTone)
	close(enough)
	hammer.Wait()
	if refused.Load() > 0 || tried.Load() < 50 {
		t.Errorf("%d of %d requests were not answered", refused.Load(), tried.Load())
	}
	a.click("#hangup")
	b.state("idle")
	b.says("#outcome", "alice hung up")
	if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	second.all()
}
