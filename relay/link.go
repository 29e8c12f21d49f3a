package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// maxHeld bounds what a link keeps unacknowledged; beyond it send waits.
const maxHeld = 8 << 20

// link is a publisher's side of a run: chunks are kept until they are
// acknowledged and sent again, in order, over each new connection. It connects
// when there is something to send.
//
// send and finish are called by one goroutine.
type link struct {
	url    string
	client *http.Client
	opt    LinkOptions
	tell   func(why string) // a connection broke and will be made again
	ctx    context.Context  // ends with the link; its cause is why
	cancel context.CancelCauseFunc
	done   chan struct{}

	// Accessed by run only.
	met  bool // there has been a connection
	told bool // of its loss

	mu    sync.Mutex // protects below
	held  [][]byte   // not acknowledged
	first int64      // number of held[0] in the run
	bytes int        // in held
	sent  int        // of held, over the present connection
	words int        // messages from the server
	last  bool       // no more chunks will come
	err   error      // why the link is over
	news  chan struct{}
}

func newLink(ctx context.Context, url string, client *http.Client, o LinkOptions, tell func(why string)) *link {
	l := &link{url: url, client: client, opt: o.withDefaults(), tell: tell, done: make(chan struct{}), news: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	go l.run()
	return l
}

// stop gives the run up.
func (l *link) stop() {
	l.cancel(nil)
	<-l.done
}

// send keeps a chunk and has it sent. It waits while too much is unacknowledged.
func (l *link) send(chunk []byte) error {
	if err := l.wait(l.ctx, func() bool { return l.bytes+len(chunk) <= maxHeld || len(l.held) == 0 }); err != nil {
		return err
	}
	l.change(func() { l.held, l.bytes = append(l.held, chunk), l.bytes+len(chunk) })
	return nil
}

// finish waits until everything is acknowledged and the file has ended.
func (l *link) finish() error {
	l.change(func() { l.last = true })
	<-l.done
	return l.err
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
func (l *link) run() {
	defer close(l.done)
	backoff := l.opt.Retry
	for {
		began := time.Now()
		err := l.connection()
		if l.over(err) {
			l.cancel(l.err)
			return
		}
		if time.Since(began) > l.opt.Stood {
			backoff = l.opt.Retry
		}
		why := err.Error()
		if code, reason := closed(err); passes(code) {
			backoff, why = l.opt.RetryHeld, reason
		}
		if !l.told {
			l.told = true
			l.tell(why)
		}
		_ = sleep(l.ctx, backoff) // ctx is looked at by the next connection
		backoff = min(2*backoff, l.opt.RetryMost)
	}
}

// over decides whether an error ends the link, and keeps it if so. A server that
// cannot be reached does, unless it could before.
func (l *link) over(err error) bool {
	code, reason := closed(err)
	var lost *lostRun
	switch {
	case l.ctx.Err() != nil:
		err = context.Cause(l.ctx)
	case err == nil, errors.As(err, &lost):
	case !l.met:
		err = fmt.Errorf("connecting: %w", err)
	case passes(code):
		return false
	case code == closeInvalid, code == closeTooBig, code == closeUnsupported, code >= closeStatus:
		err = fmt.Errorf("the server refused: %s", reason)
	default:
		return false
	}
	l.change(func() { l.err = err })
	return true
}

// passes reports whether what a server refuses with this code it may take a moment
// later: the name's holder may be gone by then, or there may be memory again.
func passes(code int) bool {
	return code == closeStatus+http.StatusConflict || code == closeStatus+http.StatusServiceUnavailable
}

// lostRun is a run that cannot go on: the server no longer has its beginning.
type lostRun struct{ chunks int64 }

func (e *lostRun) Error() string {
	return fmt.Sprintf("the server has only %d chunks of this run and the rest of them is gone here; start again", e.chunks)
}

// connection publishes over one socket. nil means that the file has ended.
func (l *link) connection() error {
	if err := l.wait(l.ctx, func() bool { return l.first > 0 || len(l.held) > 0 || l.last }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		return err
	}
	l.met = true
	read := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		defer cancel() // wakes the writer
		read <- l.readAcks(ctx, c, ready)
	}()
	var watching sync.WaitGroup
	watching.Go(func() { l.watch(ctx, c, ready) })
	err = l.writeChunks(ctx, c, ready)
	if err == nil {
		c.close(closeNormal, "")
	}
	cancel()
	c.abandon()
	watching.Wait()
	select {
	case <-ready:
		l.told = false
	default:
	}
	if e := <-read; err != nil && !errors.Is(e, context.Canceled) {
		err = e // it knows the close code
	}
	return err
}

func (l *link) dial(ctx context.Context) (*socket, error) {
	ctx, stop := context.WithTimeout(ctx, l.opt.Dial)
	defer stop()
	c, err := dial(ctx, l.url, l.client)
	var long *url.Error
	if errors.As(err, &long) {
		err = long.Err // without the URL, which has the key in it
	}
	return c, err
}

// watch abandons a connection that is dead without having said so.
func (l *link) watch(ctx context.Context, c *socket, ready <-chan struct{}) {
	for {
		words, waiting := l.waiting(ready)
		if sleep(ctx, l.opt.AckWithin) != nil {
			return
		}
		if now, _ := l.waiting(ready); waiting && now == words {
			c.abandon()
			return
		}
	}
}

// waiting returns how much the server has said so far and whether it owes more.
func (l *link) waiting(ready <-chan struct{}) (words int, owing bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-ready:
		return l.words, l.sent > 0
	default:
		return l.words, true
	}
}

// readAcks drops chunks as they are acknowledged; the first message says where
// the server stands.
func (l *link) readAcks(ctx context.Context, c *socket, ready chan struct{}) error {
	for begun := false; ; {
		m, err := c.read(ctx, 64<<10)
		if err != nil {
			return err
		}
		a, ok := parseAck(m.data)
		if !ok || !begun && a.Type != "ready" {
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
			l.words++
			if !begun {
				l.sent = 0
			}
		})
		if !begun {
			begun = true
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
