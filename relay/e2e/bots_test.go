package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"everfile/relay/calls"
)

// bot is a caller in a room without a browser: it says its part by POST, hears the
// server by an event stream, and publishes a file by PUT.
type bot struct {
	t      *testing.T
	s      *site
	client *http.Client
	name   string
	line   string
	end    func() // closes the line, waits for everything; again is harmless

	mu    sync.Mutex // protects below
	said  int64
	start calls.Message // the newest
	news  chan struct{} // closed and replaced when that changes
}

// bot has somebody join a room and publish a recording there until the test or the
// recording ends.
func (s *site) bot(t *testing.T, client *http.Client, room, name, recording string) *bot {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b := &bot{t: t, s: s, client: client, name: name, news: make(chan struct{})}
	var work sync.WaitGroup
	b.end = sync.OnceFunc(func() { cancel(); work.Wait() })
	t.Cleanup(b.end)
	resp := b.do(ctx, http.MethodGet, s.url+"/ws?via=events", "", nil)
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	b.line = b.event(lines)
	work.Go(func() {
		defer resp.Body.Close()
		for b.event(lines) != "" {
		}
	})
	webm := []string{"video/webm;codecs=vp8,opus"}
	b.say(ctx, calls.Message{Type: "hello", Caller: name, Can: &calls.Can{Record: webm, Play: webm}})
	b.say(ctx, map[string]any{"type": "join", "room": room, "media": calls.Media{Audio: true, Video: true}})
	work.Go(func() {
		m, ok := b.wait(ctx, func(m calls.Message) bool { return len(m.Publish) > 0 })
		if !ok {
			return
		}
		f, err := os.Open(recording)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		// A body with a length is a recording: it is taken as fast as it plays.
		resp, err := b.try(ctx, http.MethodPut, s.url+m.Publish[0].URL, "video/webm", f)
		if err == nil {
			resp.Body.Close()
		}
	})
	return b
}

func (b *bot) try(ctx context.Context, method, url, mime string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	if f, ok := body.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			req.ContentLength = info.Size()
		}
	}
	if mime != "" {
		req.Header.Set("Content-Type", mime)
	}
	return b.client.Do(req)
}

func (b *bot) do(ctx context.Context, method, url, mime string, body io.Reader) *http.Response {
	b.t.Helper()
	resp, err := b.try(ctx, method, url, mime, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

// event reads one: it notes what the server says, and answers its pings. It returns
// the line's id if it was that, and "" at the end.
func (b *bot) event(lines *bufio.Scanner) (id string) {
	kind := ""
	for lines.Scan() {
		word, data, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case word == "event":
			kind = data
		case word == "data" && kind == "line":
			var line struct{ ID string }
			if err := json.Unmarshal([]byte(data), &line); err != nil {
				b.t.Error(err)
			}
			return line.ID
		case word == "data" && kind == "ping":
			b.say(context.Background(), nil)
			kind = ""
		case word == "data" && kind == "":
			b.hear([]byte(data))
		}
		if word == "data" {
			kind = ""
		}
	}
	return ""
}

func (b *bot) hear(data []byte) {
	var kind struct{ Type, Text string }
	if err := json.Unmarshal(data, &kind); err != nil {
		b.t.Error(err)
	}
	switch kind.Type {
	case "error":
		b.t.Errorf("%s is told: %s", b.name, kind.Text)
	case "start":
		var m calls.Message
		if err := json.Unmarshal(data, &m); err != nil {
			b.t.Error(err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.start = m
		close(b.news)
		b.news = make(chan struct{})
	}
}

// say says a message, or nothing, which is an answer to a ping.
func (b *bot) say(ctx context.Context, m any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := []any{}
	if m != nil {
		messages = append(messages, m)
	}
	body, err := json.Marshal(map[string]any{"first": b.said, "messages": messages})
	if err != nil {
		b.t.Error(err)
		return
	}
	b.said += int64(len(messages))
	resp, err := b.try(ctx, http.MethodPost, b.s.url+"/ws?via="+b.line, "text/plain", bytes.NewReader(body))
	if err != nil {
		return // the line has ended
	}
	resp.Body.Close()
}

// until waits for a start that is as wanted.
func (b *bot) until(ok func(calls.Message) bool) calls.Message {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m, there := b.wait(ctx, ok)
	if !there {
		b.t.Fatalf("%s was last told %+v", b.name, m)
	}
	return m
}

func (b *bot) wait(ctx context.Context, ok func(calls.Message) bool) (calls.Message, bool) {
	for {
		b.mu.Lock()
		m, news := b.start, b.news
		b.mu.Unlock()
		if ok(m) {
			return m, true
		}
		select {
		case <-news:
		case <-ctx.Done():
			return m, false
		}
	}
}

// hears demands that of everybody whom the bot is told of some seconds arrive, with
// their tone and a picture that moves.
func (b *bot) hears(tones map[string]float64) {
	b.t.Helper()
	plays := b.until(func(m calls.Message) bool {
		all := map[string]bool{}
		for _, p := range m.Play {
			all[p.Caller] = true
		}
		for who := range maps.Keys(tones) {
			if who != b.name && !all[who] {
				return false
			}
		}
		return true
	}).Play
	var work sync.WaitGroup
	for _, p := range plays {
		work.Go(func() {
			body := b.some(p.URL, 3*time.Second)
			if got := lasts(b.t, body, tones[p.Caller]); got < time.Second {
				b.t.Errorf("%s hears %s for %v in %d bytes of %s", b.name, p.Caller, got, len(body), p.URL)
			}
		})
	}
	work.Wait()
}

// some reads a file for a while.
func (b *bot) some(path string, d time.Duration) []byte {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := b.try(ctx, http.MethodGet, b.s.url+path, "", nil)
	if err != nil {
		b.t.Error(err)
		return nil
	}
	defer resp.Body.Close()
	defer time.AfterFunc(d, cancel).Stop()
	body, _ := io.ReadAll(resp.Body) // until it is enough
	if resp.StatusCode != http.StatusOK {
		b.t.Errorf("%s: %s %s", path, resp.Status, body)
	}
	return body
}

// recordings makes a file for each tone, so long, all with the same moving picture, in a
// folder.
func recordings(t *testing.T, d time.Duration, tones map[string]float64) map[string]string {
	t.Helper()
	dir, all := t.TempDir(), map[string]string{}
	seconds, picture := fmt.Sprint(d.Seconds()), filepath.Join(dir, "picture.webm")
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10", "-t", seconds,
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "80k", "-g", "10", picture)
	for name, hz := range tones {
		all[name] = filepath.Join(dir, name+".webm")
		run(t, "ffmpeg", "-v", "error", "-i", picture, "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%g:sample_rate=48000", hz),
			"-t", seconds, "-c:v", "copy", "-c:a", "libopus", "-b:a", "32k", all[name])
	}
	return all
}
