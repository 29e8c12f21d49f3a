package relay

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// body is a response that is being read.
type body struct {
	t    testing.TB
	resp *http.Response

	mu   sync.Mutex // protects below
	b    []byte
	err  error // io.EOF after a clean end
	news chan struct{}
}

// listen opens a body and reads it as it comes.
func (r *running) listen(path string) *body {
	r.t.Helper()
	resp := r.request(http.MethodGet, path, nil)
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("GET %s: %s", path, resp.Status)
	}
	return r.follow(resp)
}

// followRaw reads the response on a connection of one's own.
func (r *running) followRaw(c net.Conn) *body {
	r.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.follow(resp)
}

func (r *running) follow(resp *http.Response) *body {
	l := &body{t: r.t, resp: resp, news: make(chan struct{})}
	var reading sync.WaitGroup
	reading.Go(l.read)
	r.t.Cleanup(func() {
		resp.Body.Close()
		reading.Wait()
	})
	return l
}

func (l *body) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.resp.Body.Read(buf)
		l.mu.Lock()
		l.b, l.err = append(l.b, buf[:n]...), err
		close(l.news)
		l.news = make(chan struct{})
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// when waits until cond holds for what has come, and returns that.
func (l *body) when(what string, cond func(b []byte, err error) bool) []byte {
	l.t.Helper()
	for ctx := patient(l.t); ; {
		l.mu.Lock()
		b, err, news := l.b, l.err, l.news
		l.mu.Unlock()
		if cond(b, err) {
			return b
		}
		if err != nil {
			l.t.Fatalf("waiting for %s, the body of %d bytes ended: %v", what, len(b), err)
		}
		select {
		case <-news:
		case <-ctx.Done():
			l.t.Fatalf("waiting for %s, %d bytes came", what, len(b))
		}
	}
}

// has waits for n bytes and returns all that came.
func (l *body) has(n int) []byte {
	l.t.Helper()
	return l.when("bytes", func(b []byte, _ error) bool { return len(b) >= n })
}

// all waits for a clean end.
func (l *body) all() []byte {
	l.t.Helper()
	return l.when("a clean end", func(_ []byte, err error) bool { return err == io.EOF })
}

// bounded returns a request's context; at its end the body is closed, which the
// client otherwise waits for.
func bounded(t testing.TB, send io.Reader) context.Context {
	ctx := patient(t)
	if c, ok := send.(io.Closer); ok {
		context.AfterFunc(ctx, func() { c.Close() })
	}
	return ctx
}

// request sends a request with headers given as "Name: value".
func (r *running) request(method, path string, send io.Reader, headers ...string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(bounded(r.t, send), method, r.url+path, send)
	if err != nil {
		r.t.Fatal(err)
	}
	setHeaders(req, headers)
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	r.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func setHeaders(req *http.Request, headers []string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
}

// ask sends a request from a goroutine; what it returns waits for the answer.
func (r *running) ask(method, path string, send io.Reader, headers ...string) func() *http.Response {
	ctx := bounded(r.t, send)
	got := make(chan *http.Response, 1)
	failed := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, method, r.url+path, send)
		var resp *http.Response
		if err == nil {
			setHeaders(req, headers)
			resp, err = r.client.Do(req)
		}
		if err != nil {
			failed <- err
			return
		}
		got <- resp
	}()
	return func() *http.Response {
		r.t.Helper()
		select {
		case resp := <-got:
			r.t.Cleanup(func() { resp.Body.Close() })
			return resp
		case err := <-failed:
			r.t.Fatalf("%s %s: %v", method, path, err)
		}
		return nil
	}
}

// refused demands a status and a sentence.
func (r *running) refused(method, path string, send io.Reader, status int, words string, headers ...string) *http.Response {
	r.t.Helper()
	resp := r.request(method, path, send, headers...)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if resp.StatusCode != status {
		r.t.Errorf("%s %.60s: %s; expected %d", method, path, resp.Status, status)
	}
	if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		r.t.Errorf("a refusal of type %q", got)
	}
	if method != http.MethodHead {
		sentence(r.t, strings.TrimSuffix(string(b), "\n"), words)
	}
	return resp
}

// skipHead reads a response's head by hand.
func skipHead(t *testing.T, b *bufio.Reader) {
	t.Helper()
	for {
		line, err := b.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			return
		}
	}
}
