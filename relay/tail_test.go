package relay

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// Tail's output is the file as everybody else gets it, and it ends with it.
func TestTail(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)
	wav := streamtest.Wave(7 * time.Second)
	for _, row := range []struct {
		path       string
		file, want []byte
		summary    string
	}{
		{"/a.webm", video, demanded(t, "webm", capture(t, picture)),
			`webm \(vp8 640x360, opus 48000 Hz mono\): 626651 bytes, 899 frames, 20\.0 s of media in 20\.0 s, 25\d kbit/s`},
		{"/a.wav", wav, endless(wav), `wav \(pcm 16 bit 48000 Hz mono\): 672044 bytes, 700 frames, 7\.0 s of media in 7\.0 s, 7[67]\d kbit/s`},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, quiet())
			listener := r.soon(row.path)
			var stdout, stderr bytes.Buffer
			tailed := make(chan error, 1)
			go func() {
				tailed <- Tail(context.Background(), TailOptions{URL: r.url + row.path + "?wait=1m", Stdout: &stdout, Stderr: &stderr, Client: r.client})
			}()
			synctest.Wait()
			push(t, PushOptions{File: kept(t, "in", row.file), URL: r.url + row.path, Client: r.client}).over()
			if err := <-tailed; err != nil {
				t.Fatal(err)
			}
			if got := listener().all(); !bytes.Equal(stdout.Bytes(), got) || !bytes.Equal(got, row.want) {
				t.Errorf("%s: %d bytes; another listener got %d, the file makes %d", row.path, stdout.Len(), len(got), len(row.want))
			}
			if ok, err := regexp.MatchString("^"+row.summary+"\n$", stderr.String()); err != nil || !ok {
				t.Errorf("%s: it says %q", row.path, &stderr)
			}
		})
	}
}

// What tail says about lag is what it is, for somebody who came late too:
// a push is 0.3 s ahead of the clock.
func TestTailLag(t *testing.T) {
	for path, file := range map[string][]byte{
		"/a.webm": bytes.Join(capture(t, picture), nil),
		"/a.wav":  streamtest.Wave(15 * time.Second),
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, quiet())
			p := push(t, PushOptions{File: kept(t, "in", file), URL: r.url + path, Client: r.client})
			time.Sleep(5*time.Second + time.Millisecond)
			l := r.request("GET", path, nil)
			tail := newTailing(l)
			if got := tail.what(); got != "unknown container" {
				t.Errorf("before the first byte it is %s", got)
			}
			buf := make([]byte, 32<<10)
			for time.Since(tail.began) < 8*time.Second {
				n, err := l.Body.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				tail.take(buf[:n])
				if lag := tail.lag(); time.Since(tail.began) > 100*time.Millisecond && (lag < -500*time.Millisecond || lag > -150*time.Millisecond) {
					t.Fatalf("%s: %v behind live after %v", path, lag, time.Since(tail.began))
				}
			}
			if got := tail.line(); !strings.Contains(got, " kbit/s  0.00 s behind") || !strings.HasSuffix(got, " s behind live  8s") || strings.Contains(got, "  0 kbit/s") {
				t.Errorf("%s: the line is %q", path, got)
			}
			l.Body.Close()
			p.cancel(nil)
			_ = p.end() // it was told to
		})
	}
}

func TestTailIsToldToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		p := push(t, PushOptions{File: kept(t, "in", streamtest.Wave(15*time.Second)), URL: r.url + "/a.wav", Client: r.client})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		var stdout, stderr bytes.Buffer
		err := Tail(ctx, TailOptions{URL: r.url + "/a.wav?wait=1m", Stdout: &stdout, Stderr: &stderr, Client: r.client})
		if err != nil || !strings.HasPrefix(stderr.String(), "wav (pcm 16 bit 48000 Hz mono): ") || stdout.Len() < 4*96_000 {
			t.Errorf("after %d bytes: %v, %q", stdout.Len(), err, &stderr)
		}
		p.cancel(nil)
		_ = p.end() // it was told to
	})
}

// deaf is an output that is closed.
type deaf struct{ error }

func (d deaf) Write([]byte) (int, error) { return 0, d.error }

func TestTailBadArguments(t *testing.T) {
	r, _ := begun(t, "http", "/a.webm", wide(), capture(t, sound))
	r.feed("odd", strange(t))
	closed := deaf{errors.New("the output has been closed by whoever read it")}
	for _, row := range []struct {
		url    string
		stdout interface{ Write([]byte) (int, error) }
		want   string
	}{
		{r.url + "/nobody.webm", nil, "404 Not Found: Nobody is publishing /nobody.webm now; add ?wait=30s to wait for it."},
		{r.url + "/odd.wav", nil, "406 Not Acceptable: This stream cannot be had like that: A<b>&z 48000 Hz mono is not decoded here. It is webm of A<b>&z 48000 Hz mono and can be played as: /odd.webm."},
		{"localhost:8080/a.webm", nil, `"localhost:8080/a.webm" is no stream's URL; expected one as in http://localhost:8080/caller1.webm`},
		{"a.webm", nil, "is no stream's URL"},
		{r.url + "/a.webm", closed, closed.Error()},
	} {
		var stdout, stderr bytes.Buffer
		o := TailOptions{URL: row.url, Stdout: &stdout, Stderr: &stderr, Client: r.client}
		if row.stdout != nil {
			o.Stdout = row.stdout
		}
		err := Tail(patient(t), o)
		if err == nil {
			t.Fatalf("%s: no error", row.url)
		}
		sentence(t, err.Error(), row.want)
		if stdout.Len() > 0 {
			t.Errorf("%s: %d bytes of an error go to the output", row.url, stdout.Len())
		}
	}
}

// Whatever it is, it is copied whole; what is told about it is that nobody
// knows it, or up to where it made sense.
func TestTailOfSomethingElse(t *testing.T) {
	zip := append([]byte("PK\x03\x04\x00\x00"), make([]byte, 200_000)...)
	turns := append(bytes.Join(capture(t, sound)[:3], nil), make([]byte, 200_000)...)
	for _, row := range []struct {
		body []byte
		want string
	}{
		{zip, "unknown container: 200006 bytes, 0 frames, 0.0 s of media in "},
		{zip, "; any: byte 0: 50 4B 03 04"},
		{turns, "; webm: byte "},
		{nil, "unknown container: 0 bytes, 0 frames, 0.0 s of media in "},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(row.body) }))
		var stdout, stderr bytes.Buffer
		if err := Tail(patient(t), TailOptions{URL: s.URL + "/a.zip", Stdout: &stdout, Stderr: &stderr, Client: s.Client()}); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(stdout.Bytes(), row.body) {
			t.Errorf("%d bytes of %d", stdout.Len(), len(row.body))
		}
		if got := stderr.String(); !strings.Contains(got, row.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("it says %q; expected %q in it", got, row.want)
		}
		s.Close()
	}
}

// A body that breaks off is no clean end.
func TestTailOfABrokenBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(streamtest.Wave(time.Second))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer s.Close()
	var stdout, stderr bytes.Buffer
	err := Tail(patient(t), TailOptions{URL: s.URL + "/a.wav", Stdout: &stdout, Stderr: &stderr, Client: s.Client()})
	if err == nil || !strings.HasPrefix(stderr.String(), "wav (pcm 16 bit 48000 Hz mono): ") {
		t.Errorf("%v, %q", err, &stderr)
	}
}

// What tail writes into a file is a whole file at the end, with its length in it.
func TestTailToFile(t *testing.T) {
	wav, video := streamtest.Wave(2*time.Second), capture(t, picture)
	for _, row := range []struct {
		path string
		file []byte
		want []byte         // from the longest header on; nil: whatever
		ends map[int]uint32 // where → what stands there
	}{
		{"/a.wav", wav, wav[58:], map[int]uint32{4: 44 + 192_000 - 8, 40: 192_000}},
		{"/a.wav?bits=32f&channels=2", wav, nil, map[int]uint32{4: 58 + 768_000 - 8, 46: 96_000, 54: 768_000}},
		{"/a.webm", bytes.Join(video, nil), demanded(t, "webm", video)[58:], map[int]uint32{0: 0xA3DF451A}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, quiet())
			file := filepath.Join(t.TempDir(), "out")
			o := TailOptions{URL: r.url + row.path, File: file, Stdout: io.Discard, Stderr: io.Discard, Client: r.client}
			if err := Tail(context.Background(), o); err == nil || !strings.HasPrefix(err.Error(), "404") {
				t.Errorf("a stream that is not there: %v", err)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("there is a file of a stream that is not there")
			}
			if err := os.WriteFile(file, make([]byte, 10<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			path, query, _ := strings.Cut(row.path, "?")
			o.URL = r.url + path + "?wait=1m&" + query
			tailed := make(chan error, 1)
			go func() { tailed <- Tail(context.Background(), o) }()
			synctest.Wait()
			push(t, PushOptions{File: kept(t, "in", row.file), URL: r.url + path, Client: r.client}).over()
			if err := <-tailed; err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil || len(got) < 58 || row.want != nil && !bytes.Equal(got[58:], row.want) {
				t.Fatalf("%s: %d bytes, %v; expected %d", row.path, len(got), err, len(row.want)+58)
			}
			for at, v := range row.ends {
				if n := binary.LittleEndian.Uint32(got[at:]); n != v {
					t.Errorf("%s: %d at byte %d; expected %d", row.path, n, at, v)
				}
			}
		})
	}
}
