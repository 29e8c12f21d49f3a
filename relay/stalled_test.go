package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"everfile/stream/streamtest"
)

// Listeners that read nothing, or a little now and then, beside as many that read:
// these get every byte, as soon as without them; the former are closed, the others
// moved forward. Three pairs of runs, with and without; what is asserted is bytes.
func TestStalledListeners(t *testing.T) {
	if !streamtest.Long() {
		t.Skip("by hand: EVERFILE_LONG=1")
	}
	d := streamtest.Minutes(5)
	var ratios []float64
	for round := range 3 {
		var took [2]beside
		for i := range 2 {
			with := (round + i) % 2
			t.Run(fmt.Sprintf("%d with %d stalled", round, with*stalledCount), func(t *testing.T) { took[with] = healthyBeside(t, with*stalledCount, d) })
		}
		if took[0].sum != took[1].sum {
			t.Error("what the healthy get is not the same")
		}
		ratios = append(ratios, float64(took[1].p99)/float64(took[0].p99))
	}
	t.Logf("p99 of the healthy, with the stalled against without: %.2f", ratios)
}

const (
	healthyCount = 200
	stalledCount = 200 // every second one takes a little now and then
)

// beside is how the healthy get on beside others.
type beside struct {
	sum [sha256.Size]byte // of each body
	p99 time.Duration
}

func healthyBeside(t *testing.T, stalled int, d time.Duration) (b beside) {
	ctx, child := handLoad(t, d+2*time.Minute)
	url := "http://" + child.addr + "/load.wav"
	f := newGrowing(d)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.publish(ctx, url) })
	var in sync.WaitGroup
	var late delays
	sums := make([][sha256.Size]byte, healthyCount)
	in.Add(healthyCount)
	for i := range healthyCount {
		g.Go(func() (err error) {
			sums[i], err = f.listen(ctx, url, in.Done, &late)
			return err
		})
	}
	in.Wait()
	before := child.figures(t)
	close(f.begin)
	over := make(chan struct{})
	s := &sluggards{addr: child.addr}
	g.Go(func() error { defer close(over); return s.stay(ctx, stalled, d-time.Second) })
	most := 0.0
	for done := false; !done; {
		select {
		case <-over:
			done = true
		case <-time.After(5 * time.Second):
			most = max(most, child.figures(t).rss)
		}
	}
	after := child.figures(t)
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range sums {
		if sums[i] != sums[0] {
			t.Fatalf("listener %d got other bytes than the first", i)
		}
	}
	b = beside{sums[0], late.at(990)}
	t.Logf("delivered after %v, p99 %v, p99.9 %v; server: %.3f processors, at most %.1f MiB resident, %.0f goroutines; of the stalled %d were closed by the server, at the soonest after %v; %d that took a little now and then were moved forward, %d of them closed",
		late.at(500), b.p99, late.at(999), (after.cpu-before.cpu)/d.Seconds(), most/(1<<20), after.goroutines, s.closed, s.soonest.Round(time.Second), s.moved, s.lost)
	if perRun := int(d/(45*time.Second)) * stalled / 2; s.closed < perRun {
		t.Errorf("of listeners that read nothing only %d were closed; expected %d at least", s.closed, perRun)
	}
	if s.lost > 0 || stalled > 0 && d >= 2*time.Minute && s.moved == 0 {
		t.Errorf("of %d that take a little now and then %d were closed and %d moved forward", stalled/2, s.lost, s.moved)
	}
	return b
}

// listen reads a body to its end, and returns what it is.
func (f *growing) listen(ctx context.Context, url string, in func(), late *delays) (sum [sha256.Size]byte, err error) {
	in = sync.OnceFunc(in)
	defer in()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"?wait=1m", nil)
	if err != nil {
		return sum, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	resp, err := client.Do(req)
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	body := sha256.New()
	if _, err := io.CopyN(body, resp.Body, int64(len(f.media.Header))); err != nil {
		return sum, err
	}
	in()
	buf, got := make([]byte, 8<<10), 0
	for {
		n, err := resp.Body.Read(buf)
		now := time.Now().UnixNano()
		_, _ = body.Write(buf[:n]) // never fails
		for next := got / f.size; next < (got+n)/f.size; next++ {
			late.add(time.Duration(now - f.times[next].Load()))
		}
		got += n
		if err == io.EOF {
			return [sha256.Size]byte(body.Sum(nil)), f.complete(got)
		}
		if err != nil {
			return sum, fmt.Errorf("after %d bytes: %w", got, err)
		}
	}
}

func (f *growing) complete(got int) error {
	if want := f.size * len(f.media.Frames); got != want {
		return fmt.Errorf("a listener got %d bytes of %d", got, want)
	}
	return nil
}

// sluggards are listeners that do not keep up. One goroutine uses them.
type sluggards struct {
	addr    string
	silent  []sluggard // the oldest first
	slow    []sluggard
	closed  int           // of the silent, by the server
	soonest time.Duration // after which one was
	moved   int           // at the end: of the slow
	lost    int           // of the slow: closed
}

type sluggard struct {
	conn  *net.TCPConn
	since time.Time
}

// stay keeps so many there: who is closed comes again.
func (s *sluggards) stay(ctx context.Context, n int, d time.Duration) error {
	defer func() {
		for _, c := range append(s.silent, s.slow...) {
			c.conn.Close()
		}
	}()
	for began, ticks := time.Now(), 0; time.Since(began) < d; ticks++ {
		for list, window := range map[*[]sluggard]int{&s.silent: 4 << 10, &s.slow: 32 << 10} {
			for len(*list) < n/2 {
				c, err := rawListener(ctx, s.addr, "/load.wav", nil, window)
				if err != nil {
					return err
				}
				*list = append(*list, sluggard{c, time.Now()})
			}
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
		s.lookClosed()
		if ticks%5 == 0 {
			s.takeALittle()
		}
	}
	l, err := (&fanoutServer{addr: s.addr}).listed(ctx)
	for _, one := range l.Listening {
		if one.Skips > 0 {
			s.moved++
		}
	}
	return err
}

// lookClosed notices which of the silent the server has closed, without reading.
func (s *sluggards) lookClosed() {
	var open []sluggard
	for _, c := range s.silent {
		if !rawConn(c.conn).closed() {
			open = append(open, c)
			continue
		}
		s.closed++
		if d := time.Since(c.since); s.soonest == 0 || d < s.soonest {
			s.soonest = d
		}
		c.conn.Close()
	}
	s.silent = open
}

// takeALittle has each of the slow read some.
func (s *sluggards) takeALittle() {
	lost := make([]bool, len(s.slow))
	var all sync.WaitGroup
	for i, c := range s.slow {
		all.Go(func() {
			_ = c.conn.SetReadDeadline(time.Now().Add(time.Second)) // a failure shows in the read
			_, err := io.ReadFull(c.conn, make([]byte, 16<<10))
			lost[i] = err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		})
	}
	all.Wait()
	var open []sluggard
	for i, c := range s.slow {
		if lost[i] {
			s.lost++
			c.conn.Close()
		} else {
			open = append(open, c)
		}
	}
	s.slow = open
}
