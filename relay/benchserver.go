package relay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"everfile/stream"
)

// FanoutServer is the process that bench fanout measures. It prints its address
// to out, then its figures for every line that comes from in, and ends with in.
func FanoutServer(ctx context.Context, door string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		quiet := slog.New(slog.DiscardHandler)
		switch door {
		case "everfile":
			done <- New(Options{Log: quiet, Stream: stream.Options{Batch: -1}}).Serve(ctx, ln, nil)
		case "everfile-40ms":
			done <- New(Options{Log: quiet}).Serve(ctx, ln, nil)
		case "flush":
			done <- serveBaseline(ctx, ln, &flushFan{})
		case "loop":
			done <- serveBaseline(ctx, ln, &loopFan{})
		default:
			done <- fmt.Errorf("no server %q; known are %s", door, strings.Join(FanoutDoors, ", "))
		}
	}()
	fmt.Fprintln(out, ln.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		p := ownStats()
		fmt.Fprintln(out, p.cpu, p.live, p.rss, runtime.NumGoroutine())
	}
	cancel()
	return <-done
}

// fan is what a baseline does with chunks and listeners.
type fan interface {
	chunk(b []byte)
	listen(ctx context.Context, w http.ResponseWriter)
}

// serveBaseline is the least server that does the same job: PUT publishes, GET
// listens, chunks are passed on as they come.
func serveBaseline(ctx context.Context, ln net.Listener, f fan) error {
	h := &http.Server{BaseContext: func(net.Listener) context.Context { return ctx }}
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "audio/wav")
			f.listen(r.Context(), w)
			return
		}
		for {
			b := make([]byte, fanoutChunk)
			if _, err := io.ReadFull(r.Body, b); err != nil {
				return
			}
			f.chunk(b)
		}
	})
	go func() { <-ctx.Done(); h.Close() }()
	if err := h.Serve(ln); err != http.ErrServerClosed && ctx.Err() == nil {
		return err
	}
	return nil
}

// flushFan is how net/http is commonly used for this: a goroutine and a channel
// for each listener, and a Flush for each chunk.
type flushFan struct {
	mu   sync.Mutex
	subs map[chan []byte]bool
}

func (f *flushFan) chunk(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subs {
		select {
		case c <- b:
		default: // a slow listener loses it
		}
	}
}

func (f *flushFan) listen(ctx context.Context, w http.ResponseWriter) {
	c := make(chan []byte, 16)
	f.mu.Lock()
	if f.subs == nil {
		f.subs = map[chan []byte]bool{}
	}
	f.subs[c] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subs, c)
	}()
	rc := http.NewResponseController(w)
	for {
		select {
		case b := <-c:
			if _, err := w.Write(b); err != nil {
				return
			}
			if rc.Flush() != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// loopFan is the floor: one goroutine writes each chunk, framed once, to each
// connection and does nothing else.
type loopFan struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (f *loopFan) chunk(b []byte) {
	framed := fmt.Appendf(nil, "%x\r\n%s\r\n", len(b), b)
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 0; i < len(f.conns); i++ {
		if _, err := f.conns[i].Write(framed); err != nil {
			f.conns[i].Close()
			f.conns[i] = f.conns[len(f.conns)-1]
			f.conns = f.conns[:len(f.conns)-1]
			i--
		}
	}
}

func (f *loopFan) listen(_ context.Context, w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n") // the next write tells
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, conn)
}
