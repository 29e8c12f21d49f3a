package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// maxHeld bounds what a link keeps unacknowledged; beyond it send waits.
const maxHeld = 8 << 20

// link is a publisher's side of a run: chunks are kept until they are
// acknowledged and sent again, in order, over each new connection.
//
// send and finish are called by one goroutine.
type link struct {
	url    string
	client *http.Client
	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex // protects below
	held  [][]byte   // not acknowledged
	first int64      // number of held[0] in the run
	bytes int        // in held
	sent  int        // of held, over the present connection
	last  bool       // no more chunks will come
	err   error      // why the link is over
	news  chan struct{}
}

func newLink(ctx context.Context, url string, client *http.Client) *link {
	ctx, cancel := context.WithCancel(ctx)
	l := &link{url: url, client: client, cancel: cancel, done: make(chan struct{}), news: make(chan struct{})}
	go l.run(ctx)
	return l
}

// stop gives the run up.
func (l *link) stop() {
	l.cancel()
	<-l.done
}

// send keeps a chunk and has it sent. It waits while too much is unacknowledged.
func (l *link) send(ctx context.Context, chunk []byte) error {
	if err := l.wait(ctx, func() bool { return l.bytes+len(chunk) <= maxHeld || len(l.held) == 0 }); err != nil {
		return err
	}
	l.change(func() { l.held, l.bytes = append(l.held, chunk), l.bytes+len(chunk) })
	return nil
}

// finish waits until everything is acknowledged and the file has ended.
func (l *link) finish(ctx context.Context) error {
	l.change(func() { l.last = true })
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// change runs f under the lock and wakes whoever waits.
func (l *link) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.news)
	l.news = make(chan struct{})
}

// wait returns when cond holds, with an error when the link is over.
func (l *link) wait(ctx context.Context, cond func() bool) error {
	for {
		l.mu.Lock()
		err, ok, news := l.err, cond(), l.news
		l.mu.Unlock()
		if err != nil || ok {
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// run connects again and again until the run is finished or refused.
func (l *link) run(ctx context.Context) {
	defer close(l.done)
	backoff := 250 * time.Millisecond
	for {
		began := time.Now()
		err := l.connection(ctx)
		if over := l.over(ctx, err); over {
			return
		}
		if time.Since(began) > 10*time.Second {
			backoff = 250 * time.Millisecond
		}
		if code, _ := closed(err); code == closeStatus+http.StatusConflict {
			backoff = 3 * time.Second // the name's holder may be gone by then
		}
		_ = sleep(ctx, backoff) // ctx is looked at by the next connection
		backoff = min(2*backoff, 5*time.Second)
	}
}

// over decides whether an error ends the link, and keeps it if so.
func (l *link) over(ctx context.Context, err error) bool {
	code, reason := closed(err)
	var lost *lostRun
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case err == nil, errors.As(err, &lost):
	case code == closeStatus+http.StatusConflict:
		return false
	case code == closeInvalid, code == closeTooBig, code == closeUnsupported, code >= closeStatus:
		err = fmt.Errorf("the server refused: %s", reason)
	default:
		return false
	}
	l.change(func() {
		if l.err == nil {
			l.err = err
		}
		if err == nil {
			l.last = true
		}
	})
	return true
}

// lostRun is a run that cannot go on: the server no longer has its beginning.
type lostRun struct{ chunks int64 }

func (e *lostRun) Error() string {
	return fmt.Sprintf("the server has only %d chunks of this run and the rest of them is gone here; start again", e.chunks)
}

// connection publishes over one socket. nil means that the file has ended.
func (l *link) connection(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	dialing, stop := context.WithTimeout(ctx, 10*time.Second)
	c, err := dial(dialing, l.url, l.client)
	stop()
	if err != nil {
		cancel()
		return err
	}
	read := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		err := l.readAcks(ctx, c, ready)
		read <- err
		cancel() // wakes the writer
	}()
	err = l.writeChunks(ctx, c, ready)
	if err == nil {
		c.close(closeNormal, "")
		cancel()
		<-read
		return nil
	}
	cancel()
	c.abandon()
	if e := <-read; e != nil && !errors.Is(e, context.Canceled) {
		err = e // it knows the close code
	}
	return err
}

// readAcks drops chunks as they are acknowledged; the first message says where
// the server stands.
func (l *link) readAcks(ctx context.Context, c *socket, ready chan struct{}) error {
	for {
		m, err := c.read(ctx, 64<<10)
		if err != nil {
			return err
		}
		a, ok := parseAck(m.data)
		if !ok {
			continue
		}
		l.mu.Lock()
		gap := a.Chunks < l.first || a.Chunks > l.first+int64(len(l.held))
		l.mu.Unlock()
		if gap {
			return &lostRun{a.Chunks}
		}
		l.change(func() {
			n := int(a.Chunks - l.first)
			for _, b := range l.held[:n] {
				l.bytes -= len(b)
			}
			l.held, l.first = l.held[n:], a.Chunks
			l.sent = max(0, l.sent-n)
			if a.Type == "ready" {
				l.sent = 0
			}
		})
		if a.Type == "ready" {
			close(ready)
		}
	}
}

// writeChunks sends what is held until everything is acknowledged and no more
// will come.
func (l *link) writeChunks(ctx context.Context, c *socket, ready <-chan struct{}) error {
	select {
	case <-ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for {
		var chunk []byte
		var done bool
		err := l.wait(ctx, func() bool {
			done = l.last && len(l.held) == 0
			chunk = nil
			if l.sent < len(l.held) {
				chunk = l.held[l.sent]
				l.sent++
			}
			return done || chunk != nil
		})
		if err != nil || done {
			return err
		}
		if err := c.writeBinary(ctx, chunk); err != nil {
			return err
		}
	}
}
