package relay

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"time"
)

// appleHeaders is what AVFoundation, which plays for Safari, sends with each request.
var appleHeaders = []string{
	"X-Playback-Session-Id: 6B1C2A31-9F0E-4A7C-8C61-4E4B3D0B5C11",
	"Accept: */*",
	"Accept-Encoding: identity",
	"Accept-Language: en-GB,en;q=0.9",
	"User-Agent: AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5_1 like Mac OS X; en_gb)",
	"Connection: keep-alive",
}

// apple sends a request as Apple's players do, for a range unless that is empty, and
// reports whether it went over a connection that had been used before.
func (r *running) apple(method, path, bytesRange string) (resp *http.Response, reused bool) {
	r.t.Helper()
	ctx := httptrace.WithClientTrace(patient(r.t), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	setHeaders(req, appleHeaders)
	if bytesRange != "" {
		req.Header.Set("Range", "bytes="+bytesRange)
	}
	if resp, err = r.client.Do(req); err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	r.t.Cleanup(func() { resp.Body.Close() })
	return resp, reused
}

// appleFiles is what Apple's players are given, under which type, which must name
// the codecs where the container has several; and in how many chunks there is
// something to play.
var appleFiles = []struct {
	path, kind string
	first      int
	chunks     func(t *testing.T) [][]byte
}{
	{"/a.mp4", `audio/mp4; codecs="mp4a.40.2"`, 2, captured("webkit-audio-aac-T100.mp4")},
	{"/a.mp4", `video/mp4; codecs="avc1.42C01F, opus"`, 2, captured("chromium-h264-opus-T100.mp4")},
	{"/room/a.wav", appleWAVType, 2, appleWAV},
	{"/a.mp3", "audio/mpeg", 1, sliced("tone.mp3")},
	{"/a.aac", "audio/aac", 1, sliced("tone.aac")},
	{"/room/a", "audio/mpeg", 1, sliced("tone.mp3")}, // no extension: the type is all there is
}

const appleWAVType = `audio/wav; codecs="1"`

// appleWAV is half a second of plain samples, its header for itself.
func appleWAV(*testing.T) [][]byte {
	head := []byte("RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00data\xff\xff\xff\xff")
	samples := make([]byte, 48000)
	for i := range samples {
		samples[i] = byte(i / 2)
	}
	return append([][]byte{head}, slices.Collect(slices.Chunk(samples, 9600))...)
}

func captured(name string) func(*testing.T) [][]byte {
	return func(t *testing.T) [][]byte { return capture(t, name) }
}

func sliced(name string) func(*testing.T) [][]byte {
	return func(t *testing.T) [][]byte { return slices.Collect(slices.Chunk(soundFile(t, name), 1000)) }
}

// extOf is the extension of a path, or of what is published under one without.
func extOf(path string) string {
	if _, ext, ok := strings.Cut(path, "."); ok {
		return ext
	}
	return "mp3"
}

// TestApple asks as Safari does: two bytes first, on a connection that is used
// again; then for the file, several times at once and by ranges far beyond what
// there is, and sometimes by HEAD before.
func TestApple(t *testing.T) {
	for _, file := range appleFiles {
		for _, protocol := range []string{"http", "tls", "h2"} {
			t.Run(protocol+file.path+" "+file.kind, func(t *testing.T) {
				chunks, ext := file.chunks(t), extOf(file.path)
				want, after := demandedAfter(t, ext, chunks)
				n := file.first
				r := start(t, protocol, wide())
				p := r.publish(strings.TrimSuffix(file.path, "."+ext) + "." + ext)
				p.send(chunks[:n]...)
				p.acked(n)

				head, _ := r.apple("HEAD", file.path, "")
				unending(t, head, http.StatusOK, "")
				for i := range 3 {
					reused := r.probe(file.path, file.kind, want[:2])
					if !reused {
						t.Errorf("probe %d: the connection of the request before was not used again", i)
					}
				}
				var bodies []*body
				for i, row := range []struct {
					ask, answer string
					status      int
				}{
					{"0-", "", http.StatusOK},
					{"", "", http.StatusOK},
					{"0-9223372036854775806", "bytes 0-9223372036854775806/*", http.StatusPartialContent},
					{"0-10485759", "bytes 0-10485759/*", http.StatusPartialContent},
				} {
					resp, reused := r.apple("GET", file.path, row.ask)
					unending(t, resp, row.status, row.answer)
					if got := resp.Header.Get("Content-Type"); got != file.kind {
						t.Errorf("bytes=%s: it is sent as %s", row.ask, got)
					}
					if i == 0 && !reused {
						t.Error("the file itself does not come over the connection of the probe")
					}
					bodies = append(bodies, r.follow(resp))
				}
				r.probe(file.path, file.kind, want[:2]) // while others play
				for _, l := range bodies {
					l.has(after[n-1])
				}
				p.send(chunks[n:]...)
				p.acked(len(chunks))
				p.end()
				for i, l := range bodies {
					if got := l.all(); !bytes.Equal(got, want[:min(len(want), 10<<20)]) {
						t.Errorf("body %d has %d bytes, which are not the stream's %d", i, len(got), len(want))
					}
				}
			})
		}
	}
}

// unending demands what makes a player take a body for one without an end.
func unending(t *testing.T, resp *http.Response, status int, contentRange string) {
	t.Helper()
	if resp.StatusCode != status || resp.Header.Get("Content-Range") != contentRange {
		t.Errorf("%s %s: %s, Content-Range %q; expected %d %q", resp.Request.Method, resp.Request.Header.Get("Range"),
			resp.Status, resp.Header.Get("Content-Range"), status, contentRange)
	}
	if _, ok := resp.Header["Content-Length"]; ok || resp.ContentLength > 0 || resp.Header.Get("Content-Encoding") != "" {
		t.Errorf("%s %s: Content-Length %q, Content-Encoding %q", resp.Request.Method, resp.Request.Header.Get("Range"),
			resp.Header.Get("Content-Length"), resp.Header.Get("Content-Encoding"))
	}
}

// probe asks for the first two bytes and reports whether the connection had been
// used before.
func (r *running) probe(path, kind string, want []byte) (reused bool) {
	r.t.Helper()
	resp, reused := r.apple("GET", path, "0-1")
	r.probed(resp, kind, want)
	return reused
}

func (r *running) probed(resp *http.Response, kind string, want []byte) {
	r.t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !bytes.Equal(b, want) {
		r.t.Errorf("the probe got %q, %v; expected %q", b, err, want)
	}
	if resp.StatusCode != http.StatusPartialContent || resp.Header.Get("Content-Range") != "bytes 0-1/*" || resp.ContentLength != 2 || resp.Header.Get("Content-Type") != kind {
		r.t.Errorf("the probe is answered with %s, %v", resp.Status, resp.Header)
	}
}

// A probe that comes before the publisher waits, and is answered as soon as there
// is a header, be there sound in it or not. Two wait at once.
func TestAppleProbesFirst(t *testing.T) {
	chunks := appleWAV(t)[:2]
	want := demanded(t, "wav", chunks)
	for _, protocol := range []string{"http", "tls", "h2"} {
		o := wide()
		o.MaxWait, o.Stream.Check, o.Stream.Filler = 2*patience, time.Hour, time.Hour
		r := start(t, protocol, o)
		headers := append([]string{"Range: bytes=0-1"}, appleHeaders...)
		var answers []func() *http.Response
		for range 2 {
			answers = append(answers, r.ask("GET", "/a.wav?wait=1m", nil, headers...))
		}
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		p := r.publish("/a.wav")
		p.send(chunks[0])
		p.acked(1)
		for _, answer := range answers {
			r.probed(answer(), appleWAVType, want[:2])
		}
		resp, _ := r.apple("GET", "/a.wav", "0-")
		l := r.follow(resp)
		l.has(2)
		p.send(chunks[1])
		p.acked(2)
		p.end()
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes; expected %d", protocol, len(got), len(want))
		}
	}
}

// A range that ends with its stream leaves no connection on which somebody waits
// for the rest.
func TestRangeLongerThanTheFile(t *testing.T) {
	for _, protocol := range []string{"http", "h2"} {
		r, p := begun(t, protocol, "/a.wav", wide(), [][]byte{bytes.Join(appleWAV(t)[:2], nil)})
		resp, _ := r.apple("GET", "/a.wav", "0-65535")
		l := r.follow(resp)
		l.has(44)
		p.end()
		l.when("an end", func(_ []byte, err error) bool { return err != nil })
		if l.err == io.EOF {
			t.Errorf("%s: %d bytes of 65536 are taken for all", protocol, len(l.b))
		}
	}
}

// deadlines is a response that remembers its write deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error {
	d.last = t
	return nil
}

// A body that has ended leaves no deadline to the next one on its connection.
func TestFlushDoorLeavesNoDeadline(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	d := &flushDoor{w: w, rc: http.NewResponseController(w), ctx: context.Background(), stall: time.Hour}
	if err := d.write(written(10), time.Now()); err != nil || w.last.IsZero() {
		t.Fatalf("a write sets the deadline %v, %v", w.last, err)
	}
	if d.close(true); !w.last.IsZero() {
		t.Errorf("the deadline %v is left", w.last)
	}
}
