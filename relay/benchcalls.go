package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// CallsOptions is what the command bench calls is told.
type CallsOptions struct {
	Calls int           // at once, of two callers each
	Time  time.Duration // how long they talk
	Out   io.Writer
}

// The callers' sound: 16 kHz, 16 bit, mono, a message every 20 ms.
const (
	callRate    = 16_000
	callEvery   = 20 * time.Millisecond
	callSamples = callRate / 50
)

// callsLoad is all callers of a run.
type callsLoad struct {
	o      CallsOptions
	addr   string
	client *http.Client

	mu      sync.Mutex // protects below
	answers []time.Duration
	begun   []time.Duration // from accept to the first sound
	sent    int64           // samples
	got     int64
}

// BenchCalls holds many calls at once on a server in a process of its own. Every
// caller is what a program would be: a control socket, a socket for its sound, a
// GET for the other's. Each sample has its number, and each listener sees that
// none is missing.
func BenchCalls(ctx context.Context, o CallsOptions) error {
	if o.Calls < 1 || o.Time <= 0 {
		return fmt.Errorf("calls and time must be above zero")
	}
	ctx, cancel := context.WithTimeout(ctx, o.Time+2*time.Minute)
	defer cancel()
	child, err := startFanoutServer(ctx, "everfile-40ms")
	if err != nil {
		return err
	}
	defer child.stop()
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * o.Calls}
	defer transport.CloseIdleConnections()
	l := &callsLoad{o: o, addr: child.addr, client: &http.Client{Transport: transport}}
	before, err := child.stats()
	if err != nil {
		return err
	}
	var in, talking, talked sync.WaitGroup
	in.Add(2 * o.Calls)
	talking.Add(2 * o.Calls)
	talked.Add(2 * o.Calls)
	g, ctx := errgroup.WithContext(ctx)
	for i := range 2 * o.Calls {
		g.Go(func() error {
			c := &benchCaller{load: l, name: fmt.Sprintf("caller%d", i), peer: fmt.Sprintf("caller%d", i^1), rings: i%2 == 0}
			c.in, c.talking, c.talked = once(&in), once(&talking), once(&talked)
			defer func() { c.in(); c.talking(); c.talked() }() // an error must not hold the others up
			if err := c.run(ctx, &in, &talked); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			return nil
		})
	}
	talking.Wait()
	first, firstErr := child.stats()
	talked.Wait()
	last, lastErr := child.stats()
	if err := errors.Join(g.Wait(), firstErr, lastErr); err != nil {
		return err
	}
	return l.report(before, first, last)
}

// note keeps what a caller has seen.
func (l *callsLoad) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func once(wg *sync.WaitGroup) func() { return sync.OnceFunc(wg.Done) }

func (l *callsLoad) report(before, first, last processStats) error {
	n := float64(2 * l.o.Calls)
	for _, d := range [][]time.Duration{l.answers, l.begun} {
		slices.Sort(d)
	}
	at := func(d []time.Duration, percent int) time.Duration {
		if len(d) == 0 {
			return 0
		}
		return d[len(d)*percent/100].Round(100 * time.Microsecond)
	}
	fmt.Fprintf(l.o.Out, "%d callers in %d calls for %v\n", 2*l.o.Calls, l.o.Calls, l.o.Time)
	fmt.Fprintf(l.o.Out, "sound: %d samples sent, %d arrived, %d missing\n", l.sent, l.got, l.sent-l.got)
	fmt.Fprintf(l.o.Out, "control: a message reaches the other side after %v, p99 %v (%d messages)\n", at(l.answers, 50), at(l.answers, 99), len(l.answers))
	fmt.Fprintf(l.o.Out, "from start to the first sound: %v, p99 %v\n", at(l.begun, 50), at(l.begun, 99))
	fmt.Fprintf(l.o.Out, "server: %.2f processors, %.1f KiB a caller in use, %.1f MiB resident\n",
		(last.cpu-first.cpu)/l.o.Time.Seconds(), (last.live-before.live)/1024/n, last.rss/1024/1024)
	if l.sent != l.got {
		return fmt.Errorf("%d samples are missing", l.sent-l.got)
	}
	return nil
}
