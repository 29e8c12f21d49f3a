package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

// Twice the listeners that this machine carries: those who are there lose time, all
// of them alike, and each gets what can be decoded; the memory is bounded; callers
// are answered. Listeners and server share the machine, so both are its load.
func TestOverload(t *testing.T) {
	if !streamtest.Long() {
		t.Skip("by hand: EVERFILE_LONG=1")
	}
	streamtest.Need(t, "ffmpeg")
	d, file := streamtest.Minutes(1), heavyPicture(t)
	ctx, child := handLoad(t, d+5*time.Minute)
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		_ = g.Wait() // what failed has been said
	}()
	url := "http://" + child.addr + "/load.webm"
	g.Go(func() error {
		return Push(ctx, PushOptions{File: file, URL: url, Loop: true, Stderr: io.Discard})
	})
	eventually(t, "the file is there", func() bool { _, err := child.listed(ctx); return err == nil })

	c := &counters{addr: child.addr, path: "/load.webm", g: g}
	const few = 1000
	c.add(t, ctx, few)
	one := c.cost(t, ctx, child, 5*time.Second) / few
	n := int(2 * float64(runtime.NumCPU()) / one)
	if most := openFiles() - 200; n > most {
		t.Logf("twice what the processors carry would be %d, but so many files cannot be open", n)
		n = most
	}
	t.Logf("a listener takes %.3f ms of processor a second, so %d are twice what %d processors carry", 1000*one, n, runtime.NumCPU())
	bodies := collect(t, ctx, g, url, 20)
	calm := child.figures(t)
	c.add(t, ctx, n-few)
	ask := newAsker(t, ctx, child.addr)
	if err := sleep(ctx, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	before, sent, most := c.each(), child.sent(t, ctx), 0.0
	for began := time.Now(); time.Since(began) < d; {
		took := c.cost(t, ctx, child, 5*time.Second)
		p := child.figures(t)
		most = max(most, p.rss)
		t.Logf("%.2f processors, %.1f MiB resident, control answers after %v at the most", took, p.rss/(1<<20), ask.most())
	}
	due := float64(child.sent(t, ctx) - sent)
	var got []float64
	for i, b := range c.each() {
		got = append(got, float64(b-before[i])/due)
	}
	t.Logf("of what was sent in %v, %.0f kbit/s, the %d listeners got: %s", d, due*8/1000/d.Seconds(), n, portions(got))
	l, err := child.listed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	late := l.Listening
	t.Logf("%d are listening; the latest is %.1f s behind, the %dth latest %.1f s; %.1f MiB resident before, %.1f at the most; %v",
		l.Listeners, late[0].Lag, len(late), late[len(late)-1].Lag, calm.rss/(1<<20), most/(1<<20), ask)
	cancel()
	for i, body := range bodies() {
		j := streamtest.JudgeBytes(t, "body.webm", body)
		if len(j.Errors) > 0 || len(j.Frames) == 0 {
			t.Errorf("body %d: %d frames, %v", i, len(j.Frames), j.Errors)
		}
		j.Rises(t)
	}
}

// heavyPicture makes a file of about 3 Mbit/s, a keyframe a second.
func heavyPicture(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heavy.webm")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30,noise=alls=40:allf=t",
		"-f", "lavfi", "-i", "sine=1000", "-t", "20", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "3M", "-g", "30", "-c:a", "libopus", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return file
}

// sent returns how many bytes the publisher has sent.
func (s *fanoutServer) sent(t *testing.T, ctx context.Context) int64 {
	t.Helper()
	l, err := s.listed(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return l.Bytes
}

// counters are listeners that count what they get, and do no more.
type counters struct {
	addr, path string
	g          *errgroup.Group
	got        []*atomic.Int64
}

// add has more listen, and returns when all of them have got something.
func (c *counters) add(t *testing.T, ctx context.Context, n int) {
	t.Helper()
	places := make(chan struct{}, fanoutDial)
	var in sync.WaitGroup
	in.Add(n)
	for range n {
		got := new(atomic.Int64)
		c.got = append(c.got, got)
		places <- struct{}{}
		from := net.IPv4(127, 0, 1, byte(1+len(c.got)/20_000)) // an address has no more ports
		c.g.Go(func() error {
			conn, err := rawListener(ctx, c.addr, c.path, from, 0)
			<-places
			in.Done()
			if err != nil {
				return err
			}
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			buf := make([]byte, 8<<10)
			for {
				n, err := conn.Read(buf)
				got.Add(int64(n))
				if err != nil && ctx.Err() == nil {
					t.Errorf("a listener lost its file after %d bytes: %v", got.Load(), err)
				}
				if err != nil {
					return nil
				}
			}
		})
	}
	in.Wait()
	if ctx.Err() != nil {
		t.Fatal(context.Cause(ctx))
	}
}

// each returns how many bytes each has got so far.
func (c *counters) each() (all []int64) {
	for _, got := range c.got {
		all = append(all, got.Load())
	}
	return all
}

// cost returns how many processors server and listeners take together.
func (c *counters) cost(t *testing.T, ctx context.Context, child *fanoutServer, d time.Duration) float64 {
	t.Helper()
	sum := func() float64 { return child.figures(t).cpu + ownStats().cpu }
	began, before := time.Now(), sum()
	if err := sleep(ctx, d); err != nil {
		t.Fatal(err)
	}
	return (sum() - before) / time.Since(began).Seconds()
}

// collect has some keep what they get; what it returns is called once they are done.
func collect(t *testing.T, ctx context.Context, g *errgroup.Group, url string, n int) func() [][]byte {
	bodies := make([][]byte, n)
	for i := range n {
		g.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			if err != nil {
				return err
			}
			resp, err := new(http.Client).Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			bodies[i], _ = io.ReadAll(resp.Body) // it ends where the test does
			return nil
		})
	}
	return func() [][]byte {
		_ = g.Wait()
		return bodies
	}
}

// asker rings somebody, and gives up, again and again: how long it takes until the
// control socket answers.
type asker struct {
	mu   sync.Mutex // protects below
	took []time.Duration
	last time.Duration // the longest since most was called
}

func newAsker(t *testing.T, ctx context.Context, addr string) *asker {
	t.Helper()
	r := &running{t: t, url: "http://" + addr, dialer: new(http.Client)}
	other, _ := r.phone("other", "")
	p, _ := r.phone("asker", "")
	a := &asker{}
	var done sync.WaitGroup
	t.Cleanup(func() {
		p.socket.abandon()
		other.socket.abandon()
		done.Wait()
	})
	done.Go(func() {
		for _, err := other.socket.read(ctx, 1<<20); err == nil; {
			_, err = other.socket.read(ctx, 1<<20)
		}
	})
	done.Go(func() {
		for sleep(ctx, 250*time.Millisecond) == nil {
			for _, m := range []calls.Message{{Type: "invite", To: "other", Media: both}, {Type: "cancel"}} {
				took, err := p.answered(ctx, m)
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("control: %v", err)
					}
					return
				}
				a.note(took)
			}
		}
	})
	return a
}

// answered sends a message and returns after how long ringing or ended came.
func (p *phone) answered(ctx context.Context, m calls.Message) (time.Duration, error) {
	began := time.Now()
	m.Call = p.call
	if err := p.socket.writeText(ctx, calls.Encode(m)); err != nil {
		return 0, err
	}
	for {
		raw, err := p.socket.read(ctx, 1<<20)
		if err != nil {
			return 0, err
		}
		var got calls.Message
		if err := json.Unmarshal(raw.data, &got); err != nil {
			return 0, err
		}
		switch got.Type {
		case "ringing", "ended":
			p.call = got.Call
			return time.Since(began), nil
		case "error":
			return 0, fmt.Errorf("%s: %s", got.Code, got.Text)
		}
	}
}

func (a *asker) note(took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, took)
	a.last = max(a.last, took)
}

// most returns the longest since the last time.
func (a *asker) most() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.last
	a.last = 0
	return last.Round(time.Millisecond)
}

func (a *asker) String() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(a.took)
	n := len(a.took)
	if n == 0 {
		return "control has answered nothing"
	}
	return fmt.Sprintf("control answers after %v, p99 %v, %v at the most (%d)", a.took[n/2].Round(100*time.Microsecond),
		a.took[n*99/100].Round(time.Millisecond), a.took[n-1].Round(time.Millisecond), n)
}

// openFiles is how many files this process may have open.
func openFiles() int {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return 1024
	}
	return int(min(r.Cur, 1<<20))
}
