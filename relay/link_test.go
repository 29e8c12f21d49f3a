package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// Wherever the network breaks, in whichever direction, and whether or not it
// says so, the listener's file has every byte once and in order. Where it breaks
// early, the file comes too late for a listener to be there when it begins.
func TestPushResumes(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)
	sound := streamtest.Wave(9 * time.Second)
	broken := map[string][]line{
		"early, after the first bytes":          {{up: 400}, {up: 401}, {up: 402}},
		"inside messages":                       {{up: 3_000}, {up: 50_000}, {up: 50_001}, {up: 123_457}},
		"late":                                  {{up: 400_000}, {up: 100_000}},
		"early, before a word has come":         {{down: 181}, {down: 200}, {down: 222}},
		"between acknowledgements":              {{down: 300}, {down: 500}, {down: 777}, {down: 250}},
		"in both directions":                    {{up: 30_000, down: 400}, {up: 300, down: 4_000}, {up: 20_000, down: 200}},
		"while it connects":                     {{up: 40_000}, {up: 10}, {down: 10}, {up: 1}, {down: 1}},
		"without saying so":                     {{up: 20_000, silent: true}},
		"without saying so in either direction": {{up: 20_000, down: 1_000, silent: true}},
		"without its first word":                {{up: 30_000}, {down: 185, silent: true}},
		"without a word more":                   {{down: 250, silent: true}},
	}
	for name, lines := range broken {
		for _, row := range []struct {
			path       string
			file, want []byte
		}{
			{"/a.webm", video, demanded(t, "webm", capture(t, picture))},
			{"/a.wav", sound, endless(sound)},
		} {
			t.Run(name+row.path, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, n, bad := startPiped(t, quiet(), lines...)
					listener := r.soon(row.path)
					p := push(t, PushOptions{File: kept(t, "in", row.file), URL: r.url + row.path, Client: bad, Key: "k"})
					l := listener()
					st := r.stream("a")
					p.over()
					got := l.all()
					if n := st.BytesIn.Load(); n != int64(len(row.file)) || !endsLike(got, row.want) {
						t.Errorf("the server got %d bytes of %d, the listener %d, which are not the last of %d", n, len(row.file), len(got), len(row.want))
					}
					if !strings.HasPrefix(name, "early") && !bytes.Equal(got, row.want) {
						t.Errorf("%d bytes arrive; expected %d", len(got), len(row.want))
					}
					if n.dialled() != len(lines)+1 {
						t.Errorf("%d connections; expected %d", n.dialled(), len(lines)+1)
					}
					if !strings.HasPrefix(p.stderr.String(), "Trying again: ") {
						t.Errorf("it says %q", &p.stderr)
					}
				})
			})
		}
	}
}

// What is silent is not dead: an input that has nothing to say for long keeps
// its connection.
func TestPushWaitsForItsInput(t *testing.T) {
	chunks := capture(t, sound)
	synctest.Test(t, func(t *testing.T) {
		r, n, bad := startPiped(t, wide())
		input, w := io.Pipe()
		p := push(t, PushOptions{File: "-", Stdin: input, URL: r.url + "/a.webm", Client: bad})
		var st *stream.Stream
		sent := 0
		var scan stream.Scanner
		for _, c := range chunks[:3] {
			if _, err := w.Write(c); err != nil {
				t.Fatal(err)
			}
			sent += len(c)
			if _, err := scan.Write(c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2*LinkOptions{}.withDefaults().AckWithin + time.Second)
			st = r.stream("a")
		}
		w.Close()
		p.over()
		if got := st.BytesIn.Load(); got != int64(sent-scan.Unfinished()) || n.dialled() != 1 {
			t.Errorf("%d bytes of %d over %d connections", got, sent, n.dialled())
		}
	})
}

// A server that has forgotten the run gets the file again from its begin, where
// there is a file; one that had nothing of it yet is no reason to begin again.
func TestPushToAForgetfulServer(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)
	want := demanded(t, "webm", capture(t, picture))
	for _, row := range []struct {
		cut   line
		stdin bool
		again bool
	}{
		{cut: line{up: 200_000}, again: true},
		{cut: line{up: 400}},
		{cut: line{up: 200_000}, stdin: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := wide()
			o.Stream.Grace = time.Millisecond
			r, _, bad := startPiped(t, o, row.cut)
			listener := r.soon("/a.webm")
			in := PushOptions{File: kept(t, "in", video), URL: r.url + "/a.webm", Client: bad}
			if row.stdin {
				in.File, in.Stdin = "-", bytes.NewReader(video)
			}
			p := push(t, in)
			l := listener()
			if row.stdin {
				p.fails("the server has only 0 chunks of this run and the rest of them is gone here; start again")
				return
			}
			if row.again {
				l.all() // ends with the grace period
				l = r.soon("/a.webm")()
			}
			p.over()
			if again := strings.Contains(p.stderr.String(), "gets it again from the begin"); again != row.again {
				t.Errorf("it says %q", &p.stderr)
			}
			if got := l.all(); !bytes.Equal(got, want) {
				t.Errorf("%d bytes arrive; expected %d", len(got), len(want))
			}
		})
	}
}

func TestPushIsRefused(t *testing.T) {
	for _, row := range []struct{ path, want string }{
		{"/a.webm", "the server refused: webm: byte 0: expected an EBML header"},
		{"/a.xyz", `the server refused: Unknown extension ".xyz"; known are: .webm .ogg .mp4 .wav .pcm .mp3 .aac .flac .mjpeg .jpg.`},
		{"/a.pcm", "the server refused: .pcm can be played, not published."},
		{"/", "the server refused: A stream's path is /NAME.EXT"},
		{"/events", "the server refused: /events is reserved"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, wide())
			began := time.Now()
			push(t, PushOptions{File: kept(t, "in", streamtest.Wave(time.Minute)), URL: r.url + row.path, Client: r.client}).fails(row.want)
			if time.Since(began) > 5*time.Second {
				t.Errorf("%s: it noticed after %v", row.path, time.Since(began))
			}
		})
	}
}

// Who comes with the same key takes the name over, and the push does not fight.
func TestPushIsReplaced(t *testing.T) {
	chunks := capture(t, sound)
	synctest.Test(t, func(t *testing.T) {
		o := wide()
		o.Stream.Silent = time.Nanosecond
		r, n, bad := startPiped(t, o)
		input, w := io.Pipe() // of which nothing more comes
		defer w.Close()
		p := push(t, PushOptions{File: "-", Stdin: input, URL: r.url + "/a.webm", Key: "k", Client: bad})
		if _, err := w.Write(bytes.Join(chunks[:10], nil)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		r.connect("/a.webm?run=other&key=stranger").refused(4409, "Somebody else publishes")
		r.publish("/a.webm?run=other&key=k")
		p.fails("the server refused: A newer connection publishes under this name; this one is done.")
		if n.dialled() != 1 {
			t.Errorf("%d connections", n.dialled())
		}
	})
}

// A name that somebody else has is waited for.
func TestPushWaitsForAName(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)
	chunks := capture(t, sound)
	synctest.Test(t, func(t *testing.T) {
		o := wide()
		o.Stream.Silent = time.Hour
		r, n, bad := startPiped(t, o)
		holder := r.publish("/a.webm")
		holder.send(chunks[0])
		holder.acked(1)
		p := push(t, PushOptions{File: kept(t, "in", video), URL: r.url + "/a.webm", Client: bad})
		time.Sleep(11 * time.Second)
		if n.dialled() < 3 || n.dialled() > 4 || len(p.done) > 0 {
			t.Errorf("%d connections in 11 s", n.dialled())
		}
		holder.end()
		synctest.Wait()
		listener := r.soon("/a.webm")
		l := listener()
		st := r.stream("a")
		p.over()
		if got, want := l.all(), demanded(t, "webm", capture(t, picture)); !endsLike(got, want) || st.BytesIn.Load() != int64(len(video)) {
			t.Errorf("the server got %d bytes of %d, the listener %d, which are not the last of %d", st.BytesIn.Load(), len(video), len(got), len(want))
		}
		if got := p.stderr.String(); strings.Count(got, "Trying again: ") != 1 {
			t.Errorf("it says %q", got)
		}
		sentence(t, strings.Split(p.stderr.String(), "\n")[0], "Trying again: Somebody else publishes under this name")
	})
}

// A server that was never there is an error at once, without the key in it.
func TestPushToNobody(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for url, want := range map[string]string{
		"http://" + nobody.Addr().String(): "connecting: dial tcp " + nobody.Addr().String(),
		other.URL:                          "connecting: failed to WebSocket dial: expected handshake response status code 101 but got 404",
	} {
		transport := &http.Transport{}
		p := push(t, PushOptions{File: kept(t, "in.wav", streamtest.Wave(time.Second)), URL: url + "/a.wav", Key: "secret", Client: &http.Client{Transport: transport}})
		err := p.end()
		if err == nil {
			t.Fatal("no error")
		}
		sentence(t, err.Error(), want)
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the key stands in %q", err)
		}
		transport.CloseIdleConnections()
	}
}

// A server may say more than this client knows, and say it twice.
func TestLinkReadsOn(t *testing.T) {
	heard := make(chan int, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := accept(w, r, time.Second)
		if err != nil {
			return
		}
		defer c.abandon()
		say := func(words ...string) {
			for _, m := range words {
				if err := c.writeText(r.Context(), []byte(m)); err != nil {
					t.Error(err)
				}
			}
		}
		say(`{"type":"welcome"}`, `rubbish`, `{"type":"ack","chunks":7}`, `{"type":"ready","chunks":0,"known":false}`, `{"type":"ready","chunks":0}`)
		n := 0
		for {
			m, err := c.read(r.Context(), 1<<20)
			if err != nil {
				if code, _ := closed(err); code != closeNormal {
					err = errors.Join(err, errors.New("no clean end"))
					t.Error(err)
				}
				break
			}
			n += len(m.data)
			say(`{"type":"ack","chunks":1}`)
		}
		heard <- n
	}))
	defer s.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	file := streamtest.Wave(20 * time.Millisecond)
	p := push(t, PushOptions{File: kept(t, "in.wav", file), URL: s.URL + "/a.wav", Client: &http.Client{Transport: transport}})
	p.over()
	if n := <-heard; n != len(file) {
		t.Errorf("the server got %d bytes of %d", n, len(file))
	}
}
