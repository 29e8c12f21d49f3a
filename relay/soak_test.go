package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"everfile/relay/calls"
	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// People come, call each other over networks that flap, hang up or vanish, and
// others listen and leave; half an hour of it. Every sample of a call is counted.
// When all have gone the server has as many goroutines as at the begin; and of its
// memory it needs no more late than early.
func TestSoak(t *testing.T) {
	if !streamtest.Long() {
		t.Skip("by hand: EVERFILE_LONG=1")
	}
	d := streamtest.Minutes(30)
	ctx, child := handLoad(t, d+10*time.Minute)
	begin := child.figures(t)
	people, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	s := &soak{t: t, addr: child.addr}
	s.load = &callsLoad{addr: child.addr, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	for i := range soakPairs {
		s.people.Go(func() { s.pair(people, i) })
	}
	for range soakListeners {
		s.people.Go(func() { s.passerBy(people) })
	}
	s.people.Go(func() { s.files(people) })
	heap := s.watch(people, child)
	s.people.Wait()
	t.Logf("%d calls of two, %d ended by a hang-up; %d samples counted, %d cuts of the network, %d times somebody listened in passing",
		s.count.calls, s.count.hangups, s.load.got, s.count.cuts, s.count.passed)
	end := child.figures(t)
	for began := time.Now(); end.goroutines > begin.goroutines && time.Since(began) < 2*time.Minute; end = child.figures(t) {
		_ = sleep(ctx, time.Second) // what follows asks anew
	}
	third := len(heap) / 3
	middle, last := mean(heap[third:2*third]), mean(heap[2*third:])
	t.Logf("goroutines %.0f before, %.0f after; in use %.2f MiB in the middle third, %.2f in the last (× %.2f), %.2f when all had gone, %.2f before",
		begin.goroutines, end.goroutines, middle/(1<<20), last/(1<<20), last/middle, end.live/(1<<20), begin.live/(1<<20))
	if end.goroutines > begin.goroutines {
		t.Error("goroutines are left")
	}
	if last > 1.1*middle {
		t.Error("it needs ever more memory")
	}
}

const (
	soakPairs     = 15
	soakListeners = 150 // enough for crews
)

type soak struct {
	t      *testing.T
	addr   string
	load   *callsLoad
	people sync.WaitGroup

	mu    sync.Mutex // protects below
	count struct{ calls, hangups, cuts, passed int }
}

func (s *soak) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// upTo returns a random time.
func upTo(least, most time.Duration) time.Duration { return least + rand.N(most-least) }

// watch samples the server's memory until ctx is done.
func (s *soak) watch(ctx context.Context, child *fanoutServer) (heap []float64) {
	for n := 1; sleep(ctx, 10*time.Second) == nil; n++ {
		p := child.figures(s.t)
		heap = append(heap, p.live)
		if n%6 == 0 {
			s.t.Logf("minute %d: %.2f MiB in use, %.1f resident, %.0f goroutines", n/6, p.live/(1<<20), p.rss/(1<<20), p.goroutines)
		}
	}
	return heap
}

// pair has two people call each other again and again.
func (s *soak) pair(ctx context.Context, i int) {
	for n := 0; ctx.Err() == nil; n++ {
		name := fmt.Sprintf("soak-%d-%d-", i, n)
		a := &benchCaller{load: s.load, name: name + "a", peer: name + "b", rings: true}
		b := &benchCaller{load: s.load, name: name + "b", peer: name + "a"}
		if err := s.call(ctx, a, b); err != nil && ctx.Err() == nil {
			s.t.Errorf("%s: %v", name, err)
			return
		}
	}
}

// call is one, of which the media flap.
func (s *soak) call(ctx context.Context, a, b *benchCaller) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, c := range []*benchCaller{a, b} {
		if err := c.online(ctx); err != nil {
			return err
		}
		defer c.socket.abandon()
	}
	proxy, err := s.flapping(ctx)
	if err != nil {
		return err
	}
	defer proxy.Close()
	g, gctx := errgroup.WithContext(ctx)
	long := upTo(2*time.Second, 20*time.Second)
	var started [2]calls.Message
	for i, c := range []*benchCaller{a, b} {
		g.Go(func() (err error) {
			started[i], err = c.connect(gctx)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	s.note(func() { s.count.calls++ })
	g, gctx = errgroup.WithContext(ctx)
	var talked sync.WaitGroup
	talked.Add(2)
	for i, c := range []*benchCaller{a, b} {
		g.Go(func() error {
			got, err := c.listen(gctx, started[i].Play[0].URL+"&mode=complete", time.Now())
			s.load.note(func() { s.load.got += got })
			return err
		})
		g.Go(func() error {
			defer talked.Done()
			return s.talk(gctx, "http://"+proxy.Addr().String()+started[i].Publish[0].URL+"&run="+c.name, long)
		})
	}
	talked.Wait()
	if rand.N(3) > 0 {
		s.note(func() { s.count.hangups++ })
		err = a.say(ctx, calls.Message{Type: "hangup", Call: a.call})
	} else {
		a.socket.abandon() // without a word
		if rand.N(2) > 0 {
			b.socket.abandon()
		}
	}
	return errors.Join(err, g.Wait())
}

// talk publishes numbered samples for a while, and ends the file or leaves it.
func (s *soak) talk(ctx context.Context, url string, long time.Duration) error {
	l := newLink(ctx, url, s.load.client, LinkOptions{}, func(string) {})
	defer l.stop()
	b := []byte(callHeader)
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for n := range int(long / callEvery) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := l.send(appendSamples(b, n*callSamples)); err != nil {
			return err
		}
		b = nil
	}
	if rand.N(2) > 0 {
		return l.finish()
	}
	return l.wait(ctx, func() bool { return len(l.held) == 0 })
}

// flapping is a network that breaks every few seconds.
func (s *soak) flapping(ctx context.Context) (*fault.Proxy, error) {
	ln, err := fault.Listen(ctx)
	if err != nil {
		return nil, err
	}
	p := fault.New(ln, func(ctx context.Context) (net.Conn, error) { return fault.Dial(ctx, s.addr) }, nil)
	s.people.Go(func() {
		for sleep(ctx, upTo(time.Second, 8*time.Second)) == nil {
			s.note(func() { s.count.cuts++ })
			p.Set("", fault.Rule{Refuse: true})
			_ = sleep(ctx, upTo(100*time.Millisecond, 1500*time.Millisecond)) // what follows looks again
			p.Set("", fault.Rule{})
		}
	})
	return p, nil
}

// files publishes one file after the other outside rooms.
func (s *soak) files(ctx context.Context) {
	for ctx.Err() == nil {
		f := newGrowing(upTo(20*time.Second, time.Minute))
		close(f.begin)
		if err := f.publish(ctx, "http://"+s.addr+"/soak.wav"); err != nil && ctx.Err() == nil {
			s.t.Errorf("publishing: %v", err)
		}
	}
}

// passerBy listens for a while, or stops reading for one, and leaves.
func (s *soak) passerBy(ctx context.Context) {
	for sleep(ctx, upTo(0, time.Second)) == nil {
		conn, err := rawListener(ctx, s.addr, "/soak.wav", nil, 0)
		if err != nil {
			if ctx.Err() == nil {
				s.t.Errorf("listening: %v", err)
			}
			continue
		}
		s.note(func() { s.count.passed++ })
		if rand.N(10) == 0 {
			_ = sleep(ctx, upTo(0, 40*time.Second)) // the end is looked for above
		} else {
			_ = conn.SetReadDeadline(time.Now().Add(upTo(500*time.Millisecond, 10*time.Second))) // else the file's end is soon
			if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				s.t.Errorf("listening: %v", err)
			}
		}
		conn.Close()
	}
}
