package fault

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"
)

// Proxy passes connections on and is bad to them: to each by a plan that is made
// when it comes, and to many by rules that may change at any time. Any goroutine
// may call its methods.
type Proxy struct {
	ln   net.Listener
	far  func(context.Context) (net.Conn, error)
	plan func(n int) Plan
	ctx  context.Context // ends with the proxy
	stop context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex // protects below
	count  int        // connections so far
	passes map[*passage]struct{}
	rules  map[string]*rule
	news   chan struct{} // closed and replaced when rules change
}

// Rule is what is done to connections until another rule is set.
type Rule struct {
	Refuse   bool // present ones are cut, new ones closed at once
	Stall    bool // nothing passes
	Up, Down int  // bytes per second, which they share; 0: no limit
}

// rule is one with the times at which its limits let the next bytes pass.
type rule struct {
	Rule
	up, down time.Time
}

// New starts a proxy. What connects to ln is passed on to what far connects to; the
// nth connection, from 0, suffers plan(n), and nothing if plan is nil.
func New(ln net.Listener, far func(context.Context) (net.Conn, error), plan func(n int) Plan) *Proxy {
	if plan == nil {
		plan = func(int) Plan { return Plan{} }
	}
	p := &Proxy{ln: ln, far: far, plan: plan, passes: map[*passage]struct{}{}, rules: map[string]*rule{}, news: make(chan struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.work.Go(p.accept)
	return p
}

// Addr is where to connect.
func (p *Proxy) Addr() net.Addr { return p.ln.Addr() }

// Connections returns how many there have been.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// Close closes the listener and all connections and waits for them.
func (p *Proxy) Close() {
	p.stop()
	p.ln.Close()
	p.Cut("")
	p.work.Wait()
}

// Cut closes the present connections whose first bytes are prefix; "" is all.
func (p *Proxy) Cut(prefix string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.passes {
		if strings.HasPrefix(c.head, prefix) {
			c.close()
		}
	}
}

// Set makes a rule for the connections, present and new, whose first bytes are
// prefix, in place of an earlier one for that prefix. The zero Rule is none.
func (p *Proxy) Set(prefix string, r Rule) {
	p.mu.Lock()
	p.rules[prefix] = &rule{Rule: r}
	close(p.news)
	p.news = make(chan struct{})
	p.mu.Unlock()
	if r.Refuse {
		p.Cut(prefix)
	}
}

func (p *Proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		n := p.count
		p.count++
		p.mu.Unlock()
		p.work.Go(func() { p.serve(c, p.plan(n)) })
	}
}

// serve waits for a connection's first bytes, since rules go by them, and passes
// it on.
func (p *Proxy) serve(near net.Conn, plan Plan) {
	defer near.Close()
	unblock := context.AfterFunc(p.ctx, func() { near.Close() })
	head := make([]byte, readSize)
	n, err := near.Read(head)
	unblock()
	if err != nil || p.refused(string(head[:n])) {
		return
	}
	far, err := p.far(p.ctx)
	if err != nil {
		reset(near)
		return
	}
	defer far.Close()
	c := &passage{proxy: p, near: near, far: far, head: string(head[:n])}
	if !p.enter(c) {
		return
	}
	defer p.leave(c)
	c.run(plan)
}

// enter registers a connection, unless it came too late to be told of a cut.
func (p *Proxy) enter(c *passage) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || p.refuses(c.head) {
		return false
	}
	p.passes[c] = struct{}{}
	return true
}

func (p *Proxy) leave(c *passage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.passes, c)
}

func (p *Proxy) refused(head string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refuses(head)
}

// refuses reports whether a rule closes such connections. p.mu is held.
func (p *Proxy) refuses(head string) bool {
	for prefix, r := range p.rules {
		if r.Refuse && strings.HasPrefix(head, prefix) {
			return true
		}
	}
	return false
}

// allow waits until the rules let n more bytes of such a connection pass. It
// reports false when the proxy is closed.
func (p *Proxy) allow(head string, up bool, n int) bool {
	for {
		wait, news := p.wait(head, up, n)
		if news == nil {
			return sleep(p.ctx, wait)
		}
		select {
		case <-news:
		case <-p.ctx.Done():
			return false
		}
	}
}

// wait returns for how long n bytes wait for their turn, or, when they may not
// pass at all, what tells that the rules have changed.
func (p *Proxy) wait(head string, up bool, n int) (wait time.Duration, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for prefix, r := range p.rules {
		if r.Stall && strings.HasPrefix(head, prefix) {
			return 0, p.news
		}
	}
	for prefix, r := range p.rules {
		next, rate := &r.down, r.Down
		if up {
			next, rate = &r.up, r.Up
		}
		if rate > 0 && strings.HasPrefix(head, prefix) {
			if next.Before(now) {
				*next = now
			}
			*next = next.Add(time.Duration(n) * time.Second / time.Duration(rate))
			wait = max(wait, next.Sub(now))
		}
	}
	return wait, nil
}

// sleep reports false when ctx ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
