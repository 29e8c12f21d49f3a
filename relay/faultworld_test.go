package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// world is one schedule under way: one name, the servers that have it one after
// the other, who publishes and who listens.
type world struct {
	schedule
	net  network
	path string
	ctx  context.Context // bounds every wait; only a world in which something hangs uses it up
	over chan struct{}   // closed when nothing more will be published
	gate chan struct{}   // held while a file may begin that its witness does not hear yet

	mu      sync.Mutex // protects below
	now     *process   // nil: nobody answers
	all     []*process
	runs    map[int]*streamtest.Media
	proxies []*fault.Proxy
	lines   int // of schedule.Lines that are used up
	links   []*tracked
	faults  []error

	tally tally
}

// network is what a world's connections are made of.
type network interface {
	listen() (net.Listener, error)
	dial(ctx context.Context, addr string) (net.Conn, error)
}

type memory struct{ *fault.Memory }

func (m memory) listen() (net.Listener, error) { return m.Listen(), nil }
func (m memory) dial(ctx context.Context, addr string) (net.Conn, error) {
	return m.Dial(ctx, addr)
}

type tcp struct{}

func (tcp) listen() (net.Listener, error) { return fault.Listen(context.Background()) }
func (tcp) dial(ctx context.Context, addr string) (net.Conn, error) {
	return fault.Dial(ctx, addr)
}

// run lets a schedule happen and returns what is wrong with the outcome.
func (s schedule) run(n network) (tally, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w := &world{schedule: s, net: n, path: "/a.webm", ctx: ctx, over: make(chan struct{}), gate: make(chan struct{}, 1), runs: map[int]*streamtest.Media{}}
	if s.WAV {
		w.path = "/a.wav"
	}
	w.start()
	var others sync.WaitGroup
	others.Go(w.restart)
	for _, e := range s.Ears {
		others.Go(func() { w.ear(e) })
	}
	w.publish()
	close(w.over)
	others.Wait() // the ears, too: their files end
	w.stop()
	for _, p := range w.proxies {
		p.Close()
	}
	if len(w.faults) == 0 {
		w.judge()
	}
	return w.tally, errors.Join(w.faults...)
}

// wrong notes what must not be.
func (w *world) wrong(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Errorf(format, a...))
}

func (w *world) count(f func(*tally)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.tally)
}

// process is one life of the server, and its witness: a complete listener on a
// good connection, who is there before anything is.
type process struct {
	w      *world
	n      int
	s      *Server
	addr   string
	ctx    context.Context // ends when it is told to stop
	stop   context.CancelFunc
	served chan error
	losses losses
	heard  chan struct{} // closed when the witness has heard everything
	bodies []hearing     // of the witness

	mu     sync.Mutex // protects below
	others []hearing
}

// start has another process answer.
func (w *world) start() {
	ln, err := w.net.listen()
	if err != nil {
		w.wrong("listening: %w", err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &process{w: w, addr: ln.Addr().String(), ctx: ctx, stop: stop, served: make(chan error, 1), heard: make(chan struct{})}
	o := w.options()
	o.Log = slog.New(&p.losses)
	o.Stream.Log = o.Log
	p.s = New(o)
	w.mu.Lock()
	defer w.mu.Unlock()
	p.n = len(w.all)
	w.now, w.all = p, append(w.all, p)
	go func() { p.served <- p.s.Serve(ctx, ln, nil) }()
	go p.witness()
}

// stop ends the process that answers, if one does, as a signal would.
func (w *world) stop() {
	w.mu.Lock()
	p := w.now
	w.now = nil
	w.mu.Unlock()
	if p == nil {
		return
	}
	p.stop()
	if err := <-p.served; err != nil {
		w.wrong("process %d: Serve returned %w", p.n, err)
	}
	<-p.heard
}

func (w *world) current() *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// restart replaces the process, again and again.
func (w *world) restart() {
	for _, r := range w.Restarts {
		if !w.pause(r.After) {
			return
		}
		w.stop()
		w.pause(r.Down)
		w.start()
	}
}

// pause waits, and reports false when nothing more will be published.
func (w *world) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.over:
	case <-w.ctx.Done():
	}
	return false
}

// proxy puts a bad network before whatever far connects to.
func (w *world) proxy(far func(context.Context) (net.Conn, error), plan func(int) fault.Plan) (*fault.Proxy, error) {
	ln, err := w.net.listen()
	if err != nil {
		return nil, err
	}
	p := fault.New(ln, far, plan)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.proxies = append(w.proxies, p)
	return p, nil
}

// client makes requests that all go to one address, each on its own connection,
// which told is told of.
func (w *world) client(addr string, told func(net.Conn)) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := w.net.dial(ctx, addr)
			if err == nil {
				told(c)
			}
			return c, err
		},
	}}
}

// losses reads from a server's log how many parts each listener was moved past.
type losses struct {
	mu   sync.Mutex // protects below
	lost map[string]int64
}

func (l *losses) Enabled(context.Context, slog.Level) bool { return true }
func (l *losses) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *losses) WithGroup(string) slog.Handler            { return l }

func (l *losses) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "listener left" {
		return nil
	}
	var from string
	var lost int64
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "from":
			from = a.Value.String()
		case "lost":
			lost = a.Value.Int64()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == nil {
		l.lost = map[string]int64{}
	}
	l.lost[from] = lost
	return nil
}

// of returns what a listener lost, and whether the log tells it.
func (l *losses) of(from string) (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.lost[from]
	return n, ok
}
