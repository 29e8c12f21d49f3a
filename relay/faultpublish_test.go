package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// publish has one recorder after the other live, as its page or its program would:
// one whose run cannot go on begins another.
func (w *world) publish() {
	n := 0
	for _, r := range w.Runs {
		w.pause(r.After)
		for done := false; !done; w.pause(5 * time.Millisecond) {
			if n > 500 || w.ctx.Err() != nil {
				w.wrong("nothing gets through: %d runs in vain (%v)", n, w.ctx.Err())
				return
			}
			if w.current() != nil {
				n++
				done = w.life(n, r)
			}
		}
	}
}

// life is one life of a recorder. It reports false when it was cut short.
func (w *world) life(n int, r runPlan) bool {
	p := &publication{w: w, plan: r, run: n, media: w.media(n, r)}
	p.chunks = r.chunks(p.media)
	w.mu.Lock()
	w.runs[n] = p.media
	w.mu.Unlock()
	defer p.leave()
	return p.begin() && p.record()
}

// publication is one run on its way.
type publication struct {
	w      *world
	plan   runPlan
	run    int
	media  *streamtest.Media
	chunks [][]byte
	sent   int        // chunks
	links  []*tracked // sockets that are not over, the newest last
}

// begin sends the header, and waits until somebody hears the file.
func (p *publication) begin() bool {
	select {
	case p.w.gate <- struct{}{}:
	case <-p.w.ctx.Done():
		return false
	}
	defer func() { <-p.w.gate }()
	l := p.connect(0, nil)
	for range p.plan.Heads {
		p.send()
	}
	err := l.wait(l.ctx, func() bool { return l.first >= int64(p.plan.Heads) })
	for err == nil && !p.w.witnessed() {
		err = sleep(l.ctx, time.Millisecond)
	}
	if err != nil {
		p.ended(err)
	}
	return err == nil
}

// record sends the rest as it is recorded, and ends the file.
func (p *publication) record() bool {
	began, bytes := time.Now(), 0
	for second := p.plan.Second; p.sent < len(p.chunks); {
		bytes += len(p.chunks[p.sent])
		whole := p.media.Whole(len(p.media.Header) + bytes)
		at := p.media.Recorded(whole) - p.plan.Ahead
		_ = sleep(p.w.ctx, at-time.Since(began)) // what follows looks at the context
		if p.plan.Leave >= 0 && whole > p.plan.Leave {
			return true
		}
		if second >= 0 && whole > second {
			second = -1
			p.takeOver()
		}
		if !p.send() {
			return false
		}
	}
	l := p.links[len(p.links)-1]
	for _, old := range p.links[:len(p.links)-1] {
		old.stop()
	}
	err := l.finish()
	p.ended(err)
	return err == nil
}

// takeOver goes on over another socket, as a page would that takes its own for
// dead: with what is not acknowledged. The older one does not know.
func (p *publication) takeOver() {
	old := p.links[len(p.links)-1]
	first := old.acknowledged()
	p.connect(first, p.chunks[first:p.sent])
}

// send sends the next chunk over every socket and reports whether there is one.
func (p *publication) send() bool {
	chunk := p.chunks[p.sent]
	p.sent++
	var links []*tracked
	for _, l := range p.links {
		if err := l.send(chunk); err != nil {
			p.ended(err)
			continue
		}
		links = append(links, l)
	}
	p.links = links
	return len(links) > 0
}

// ended notes what may not be the reason for a socket's end.
func (p *publication) ended(err error) {
	var lost *lostRun
	switch {
	case err == nil:
	case errors.As(err, &lost):
		p.w.count(func(t *tally) { t.LostRuns++ })
	case strings.HasPrefix(err.Error(), "connecting: "): // the first time
		p.w.count(func(t *tally) { t.Unmet++ })
	case strings.Contains(err.Error(), "A newer connection publishes under this name"):
		p.w.count(func(t *tally) { t.Replaced++ })
	default:
		p.w.wrong("run %d ends: %w", p.run, err)
	}
}

// leave drops what connections there are.
func (p *publication) leave() {
	for _, l := range p.links {
		l.stop()
	}
}

// tracked is a link of which is known what each process has acknowledged to it.
type tracked struct {
	*link
	run    int
	chunks [][]byte // of the run

	moving sync.Mutex // protects below
	at     *process   // that it is connected to
	before int64      // what was acknowledged when it came there
	acked  map[*process]int64

	resumed int // how often it came back to a process
}

// connect opens a socket that begins with the chunks that are held.
func (p *publication) connect(first int64, held [][]byte) *tracked {
	w := p.w
	t := &tracked{run: p.run, chunks: p.chunks, acked: map[*process]int64{}}
	proxy, err := w.proxy(func(ctx context.Context) (net.Conn, error) {
		at := w.current()
		if at == nil {
			return nil, syscall.ECONNREFUSED
		}
		t.moved(at)
		return w.net.dial(ctx, at.addr)
	}, func(int) fault.Plan { return w.nextLine() })
	addr := "" // where nobody is
	if err != nil {
		w.wrong("a publisher's proxy: %w", err)
	} else {
		addr = proxy.Addr().String()
	}
	url := fmt.Sprintf("http://everfile.test%s?run=%d&key=k", w.path, p.run)
	t.link = newLink(w.ctx, url, w.client(addr, func(net.Conn) {}), w.options().Link, func(string) {})
	t.change(func() {
		t.first, t.held = first, append([][]byte(nil), held...)
		for _, b := range held {
			t.bytes += len(b)
		}
	})
	p.links = append(p.links, t)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links = append(w.links, t)
	return t
}

// nextLine is what the next of the publishers' connections suffers.
func (w *world) nextLine() (l fault.Plan) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lines < len(w.Lines) {
		l = w.Lines[w.lines]
	}
	w.lines++
	return l
}

// moved notes what the process so far has acknowledged, when the link connects
// again or is over: no acknowledgement comes in between.
func (t *tracked) moved(to *process) {
	first := t.acknowledged()
	t.moving.Lock()
	defer t.moving.Unlock()
	if t.at != nil && first > t.before {
		t.acked[t.at] = first
	}
	if to != nil && t.at == to && first > 0 {
		t.resumed++
	}
	t.at, t.before = to, first
}

// acknowledged returns how many chunks of the run are.
func (t *tracked) acknowledged() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first
}
