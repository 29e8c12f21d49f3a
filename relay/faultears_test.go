package relay

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"everfile/relay/fault"
)

// hearing is a body that somebody has read.
type hearing struct {
	complete bool
	from     string // as the server calls the listener
	body     []byte
	err      error // nil at a clean end
}

// ask asks for the name's file.
func (w *world) ask(client *http.Client, query string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://everfile.test"+w.path+query, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(req)
}

// hear reads a body to its end.
func (h *hearing) hear(resp *http.Response) {
	h.body, h.err = io.ReadAll(resp.Body)
	resp.Body.Close()
}

// witness hears every file of a process from its begin, since publishers wait for
// it, until the process is told to stop.
func (p *process) witness() {
	defer close(p.heard)
	var from atomic.Value
	client := p.w.client(p.addr, func(c net.Conn) { from.Store(c.LocalAddr().String()) })
	for p.ctx.Err() == nil {
		resp, err := p.w.ask(client, "?mode=complete&wait=5s")
		if err != nil {
			if p.ctx.Err() == nil {
				p.w.wrong("process %d: its witness: %w", p.n, err)
			}
			return
		}
		h := hearing{complete: true, from: from.Load().(string)}
		h.hear(resp)
		switch {
		case resp.StatusCode == http.StatusOK:
			p.bodies = append(p.bodies, h)
		case resp.StatusCode != http.StatusNotFound && p.ctx.Err() == nil:
			p.w.wrong("process %d: its witness is told %s %s", p.n, resp.Status, h.body)
			return
		}
	}
}

// witnessed reports whether there is a file and somebody hears it.
func (w *world) witnessed() bool {
	p := w.current()
	if p == nil {
		return false
	}
	st := p.s.Hub().Stream("a")
	return st != nil && st.Listeners.Load() > 0
}

// ear listens now and then, over bad lines.
func (w *world) ear(e earPlan) {
	if !w.pause(e.After) {
		return
	}
	for _, line := range e.Lines {
		for !w.witnessed() {
			if !w.pause(5 * time.Millisecond) {
				return
			}
		}
		w.listen(line, e.Complete)
	}
}

// listen listens once. The gate makes sure that the witness is there first.
func (w *world) listen(line fault.Line, complete bool) {
	select {
	case w.gate <- struct{}{}:
	case <-w.over:
		return
	case <-w.ctx.Done():
		return
	}
	p := w.current()
	if p == nil {
		<-w.gate
		return
	}
	var from atomic.Value
	far := func(ctx context.Context) (net.Conn, error) {
		c, err := w.net.dial(ctx, p.addr)
		if err == nil {
			from.Store(c.LocalAddr().String())
		}
		return c, err
	}
	proxy, err := w.proxy(far, func(int) fault.Plan { return fault.Plan{Down: line} })
	if err != nil {
		<-w.gate
		w.wrong("a listener's proxy: %w", err)
		return
	}
	query := "?wait=0"
	if complete {
		query += "&mode=complete"
	}
	resp, err := w.ask(w.client(proxy.Addr().String(), func(net.Conn) {}), query)
	<-w.gate
	if err != nil {
		return // the line broke
	}
	h := hearing{complete: complete}
	h.hear(resp)
	if resp.StatusCode != http.StatusOK {
		return // it ended in between
	}
	h.from = from.Load().(string)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.others = append(p.others, h)
}
