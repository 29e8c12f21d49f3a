package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The load: 20 ms of 48 kHz 16-bit mono sound at a time.
const (
	fanoutRate   = 50
	fanoutChunk  = 1920
	fanoutUnit   = 960 // the time stands in the samples as often as this
	fanoutProbes = 20  // listeners that look at it
	fanoutDial   = 64  // connections that are opened at a time
	fanoutMagic  = "everfile"
)

// fanoutLoad is a publisher and all listeners.
type fanoutLoad struct {
	addr   string
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	total  atomic.Int64
	on     atomic.Bool // delays are kept

	mu     sync.Mutex // protects below
	delays []time.Duration
	failed error
}

func newFanoutLoad(addr string) *fanoutLoad {
	l := &fanoutLoad{addr: addr}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *fanoutLoad) stop() {
	l.cancel()
	l.wg.Wait()
}

func (l *fanoutLoad) bytes() int64 { return l.total.Load() }

func (l *fanoutLoad) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}

func (l *fanoutLoad) fail(err error) {
	if l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = errors.Join(l.failed, err)
}

// publish starts the stream and returns when it runs.
func (l *fanoutLoad) publish(ctx context.Context) error {
	r, w := io.Pipe()
	req, err := http.NewRequestWithContext(l.ctx, http.MethodPut, "http://"+l.addr+"/bench.wav", r)
	if err != nil {
		return err
	}
	l.wg.Add(2)
	go func() {
		defer l.wg.Done()
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			err = fmt.Errorf("publishing ended: %s", resp.Status)
			resp.Body.Close()
		}
		l.fail(err)
	}()
	started := make(chan struct{})
	go func() {
		defer l.wg.Done()
		defer w.Close()
		l.chunks(w, started)
	}()
	select {
	case <-started:
		return sleep(ctx, time.Second)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chunks writes a WAV header, padded to a chunk for the sake of the servers that
// know no headers, and then a chunk every 20 ms.
func (l *fanoutLoad) chunks(w io.Writer, started chan struct{}) {
	head := make([]byte, fanoutChunk)
	copy(head, "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00")
	copy(head[36:], "JUNK")
	binary.LittleEndian.PutUint32(head[40:], fanoutChunk-44-8)
	copy(head[fanoutChunk-8:], "data\xff\xff\xff\xff")
	if _, err := w.Write(head); err != nil {
		return
	}
	close(started)
	b := make([]byte, fanoutChunk)
	tick := time.NewTicker(time.Second / fanoutRate)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.ctx.Done():
			return
		}
		for at := 0; at < len(b); at += fanoutUnit {
			copy(b[at:], fanoutMagic)
			binary.LittleEndian.PutUint64(b[at+len(fanoutMagic):], uint64(time.Now().UnixNano()))
		}
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// connect opens n listeners and returns when all have got something.
func (l *fanoutLoad) connect(ctx context.Context, n int) error {
	places := make(chan struct{}, fanoutDial)
	var ready sync.WaitGroup
	for i := range n {
		ready.Add(1)
		l.wg.Add(1)
		go func() {
			defer l.wg.Done()
			l.listen(places, &ready, i < fanoutProbes)
		}()
	}
	done := make(chan struct{})
	go func() { ready.Wait(); close(done) }()
	select {
	case <-done:
		return l.err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listen reads a body raw, since what is measured is the server.
func (l *fanoutLoad) listen(places chan struct{}, ready *sync.WaitGroup, probe bool) {
	places <- struct{}{}
	once := sync.OnceFunc(func() { <-places; ready.Done() })
	defer once()
	conn, err := new(net.Dialer).DialContext(l.ctx, "tcp", l.addr)
	if err != nil {
		l.fail(err)
		return
	}
	defer context.AfterFunc(l.ctx, func() { conn.Close() })()
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /bench.wav HTTP/1.1\r\nHost: bench\r\n\r\n"); err != nil {
		l.fail(err)
		return
	}
	buf := make([]byte, 8<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			l.fail(err)
			return
		}
		once()
		l.total.Add(int64(n))
		if probe && l.on.Load() {
			l.probe(buf[:n], time.Now())
		}
	}
}

// probe keeps how old the times are that stand in b.
func (l *fanoutLoad) probe(b []byte, now time.Time) {
	for {
		i := bytes.Index(b, []byte(fanoutMagic))
		if i < 0 || len(b) < i+16 {
			return
		}
		d := now.Sub(time.Unix(0, int64(binary.LittleEndian.Uint64(b[i+8:]))))
		l.mu.Lock()
		l.delays = append(l.delays, d)
		l.mu.Unlock()
		b = b[i+16:]
	}
}

// measure begins to keep delays and returns the bytes delivered so far.
func (l *fanoutLoad) measure() int64 {
	l.on.Store(true)
	return l.bytes()
}

func (l *fanoutLoad) latency() (p50, p99 time.Duration) {
	l.on.Store(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.delays) == 0 {
		return 0, 0
	}
	slices.Sort(l.delays)
	return l.delays[len(l.delays)/2], l.delays[len(l.delays)*99/100]
}
