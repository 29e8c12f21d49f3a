package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// pushing is a push under way.
type pushing struct {
	t      testing.TB
	cancel context.CancelCauseFunc
	stderr bytes.Buffer // once it is over
	done   chan error
}

func push(t testing.TB, o PushOptions) *pushing {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &pushing{t: t, cancel: cancel, done: make(chan error, 1)}
	o.Stderr = &p.stderr
	go func() { p.done <- Push(ctx, o) }()
	t.Cleanup(func() { cancel(nil) })
	return p
}

// end waits for the push to end.
func (p *pushing) end() error {
	p.t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(3 * patience):
		p.t.Fatal("the push does not end")
	}
	return nil
}

// over demands that the push ends well.
func (p *pushing) over() {
	p.t.Helper()
	if err := p.end(); err != nil {
		p.t.Fatal(err)
	}
}

// fails demands that it ends with one sentence.
func (p *pushing) fails(want string) {
	p.t.Helper()
	err := p.end()
	if err == nil {
		p.t.Fatalf("no error; expected %s", want)
	}
	sentence(p.t, err.Error(), want)
}

// soon asks for a file before there is one.
func (r *running) soon(path string) func() *body {
	answer := r.ask("GET", path+"?wait=1m", nil)
	synctest.Wait()
	return func() *body {
		r.t.Helper()
		resp := answer()
		if resp.StatusCode != 200 {
			r.t.Fatalf("GET %s: %s", path, resp.Status)
		}
		return r.follow(resp)
	}
}

// What is pushed arrives as if somebody had published it by himself, at the
// speed of its timestamps and no further ahead than it may be.
func TestPush(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)
	wav := streamtest.Wave(7 * time.Second)
	for _, row := range []struct {
		path  string
		file  []byte
		stdin bool
		want  []byte
	}{
		{"/a.webm", video, false, demanded(t, "webm", capture(t, picture))},
		{"/a.webm", video, true, demanded(t, "webm", capture(t, picture))},
		{"/room/a", video, false, demanded(t, "webm", capture(t, picture))},
		{"/a.wav", wav, false, endless(wav)},
		{"/a.wav", wav, true, endless(wav)},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, wide())
			listener := r.soon(row.path)
			o := PushOptions{File: kept(t, "in", row.file), URL: r.url + row.path, Client: r.client}
			if row.stdin {
				o.File, o.Stdin = "-", iotest.HalfReader(bytes.NewReader(row.file))
			}
			began := time.Now()
			p := push(t, o)
			synctest.Wait()
			name, _, _ := strings.Cut(row.path[1:], ".")
			st := r.stream(name)
			for !st.Ended() {
				edge, clock, _ := st.Edge()
				if ahead := edge - clock; (ahead < 250*time.Millisecond || ahead > 450*time.Millisecond) && len(p.done) == 0 && clock < 6*time.Second {
					t.Fatalf("%s: %v ahead after %v", row.path, ahead, clock)
				}
				time.Sleep(70 * time.Millisecond)
				synctest.Wait()
			}
			p.over()
			if edge, _, _ := st.Edge(); time.Since(began) < edge-100*time.Millisecond || time.Since(began) > edge+200*time.Millisecond {
				t.Errorf("%s: %v of media took %v", row.path, edge, time.Since(began))
			}
			if got := listener().all(); !bytes.Equal(got, row.want) {
				t.Errorf("%s, stdin %t: %d bytes arrive; expected %d", row.path, row.stdin, len(got), len(row.want))
			}
			if got := p.stderr.String(); !strings.HasSuffix(got, "bytes are in the file; it has ended.\n") {
				t.Errorf("it says %q", got)
			}
		})
	}
}

// With --loop the listener's file goes on, in one response, with one header, and
// its clock rises without a gap.
func TestPushLoop(t *testing.T) {
	recording := bytes.Join(capture(t, sound), nil)
	once := framesOf(t, recording)
	wav := streamtest.Wave(1500 * time.Millisecond)
	for _, row := range []struct {
		path string
		file []byte
	}{{"/a.webm", recording}, {"/a.wav", wav}} {
		synctest.Test(t, func(t *testing.T) {
			o := wide()
			o.Stream.Grace = time.Second
			r, _, _ := startPiped(t, o)
			listener := r.soon(row.path)
			p := push(t, PushOptions{File: kept(t, "in", row.file), URL: r.url + row.path, Client: r.client, Loop: true})
			time.Sleep(45 * time.Second)
			p.cancel(errors.New("enough"))
			if err := p.end(); err == nil || err.Error() != "enough" {
				t.Errorf("push returned %v", err)
			}
			got := listener().all()
			if row.path == "/a.wav" {
				if want := endless(append(row.file[:44:44], bytes.Repeat(row.file[44:], 40)...)); !bytes.HasPrefix(want, got) || len(got) < 45*96_000 {
					t.Errorf("%d bytes of sound, which are not those of the file again and again", len(got))
				}
				return
			}
			if n := bytes.Count(got, []byte{0x1A, 0x45, 0xDF, 0xA3}); n != 1 {
				t.Errorf("%d headers", n)
			}
			frames := framesOf(t, got)
			if len(frames) < 2*len(once) {
				t.Errorf("%d frames after two passes over %d", len(frames), len(once))
			}
			for i := range frames[1:] {
				if step := frames[i+1] - frames[i]; step <= 0 || step > 130*time.Millisecond {
					t.Errorf("frame %d of %d (%d in a pass) comes %v after the one before", i+1, len(frames), len(once), step)
				}
			}
		})
	}
}

// framesOf returns when the frames of a file are.
func framesOf(t testing.TB, b []byte) (times []time.Duration) {
	t.Helper()
	s := stream.Scanner{Each: func(p *stream.Part) { times = append(times, p.Time) }}
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
	return times
}

func TestPushBadArguments(t *testing.T) {
	dir := t.TempDir()
	text := kept(t, "notes.txt", []byte("hello, this is no recording at all"))
	short := kept(t, "short", []byte("hello"))
	header := kept(t, "header.wav", streamtest.Wave(0))
	for _, row := range []struct{ file, url, want string }{
		{filepath.Join(dir, "none.webm"), "/a.webm", "none.webm: no such file or directory"},
		{dir, "/a.webm", "is a directory"},
		{text, "/a.webm", "this cannot be published: any: byte 0: 68 65 6C 6C"},
		{short, "/a.webm", "the input ends before any sound or picture"},
		{header, "/a.wav", "the input ends before any sound or picture"},
		{text, "caller1.webm", `"caller1.webm" is no stream's URL; expected one as in http://localhost:8080/caller1.webm`},
		{text, "localhost:8080/a.webm", "is no stream's URL; expected one as in http://"},
		{text, "ftp://localhost/a.webm", "is no stream's URL; expected one as in http://"},
		{text, "http:///a.webm", "is no stream's URL; expected one as in http://"},
		{text, "http://%zz/a.webm", "is no stream's URL; expected one as in http://"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, n, bad := startPiped(t, wide())
			o := PushOptions{File: row.file, URL: row.url, Client: bad, Loop: true}
			if strings.HasPrefix(row.url, "/") {
				o.URL = r.url + row.url
			}
			push(t, o).fails(row.want)
			if n.dialled() > 0 {
				t.Errorf("%s to %s: a name was taken for nothing", row.file, row.url)
			}
		})
	}
}

// Being told to stop ends a push at once, whatever it waits for: its time, its
// input, or a server that is away. No goroutine outlives the test's bubble.
func TestPushIsCancelled(t *testing.T) {
	recording := bytes.Join(capture(t, sound), nil)
	for _, waits := range []string{"time", "input", "nothing yet", "server"} {
		synctest.Test(t, func(t *testing.T) {
			r, n, bad := startPiped(t, wide(), line{up: 5000})
			input, w := io.Pipe()
			defer w.Close()
			o := PushOptions{File: kept(t, "in", recording), URL: r.url + "/a.webm", Client: bad}
			switch waits {
			case "input", "nothing yet":
				o.File, o.Stdin = "-", input
			case "server":
				defer time.AfterFunc(100*time.Millisecond, func() { n.Close() }).Stop()
			}
			p := push(t, o)
			if waits == "input" {
				if _, err := w.Write(recording[:20_000]); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(5 * time.Second)
			select {
			case err := <-p.done:
				t.Fatalf("waiting for %s, it ended by itself: %v", waits, err)
			default:
			}
			began := time.Now()
			p.cancel(errors.New("told to stop"))
			if err := p.end(); err == nil || err.Error() != "told to stop" || !time.Now().Equal(began) {
				t.Errorf("waiting for %s, it ended %v later with %v", waits, time.Since(began), err)
			}
		})
	}
}

// A file that was cut off inside a frame can be sent again and again.
func TestPushLoopsATornFile(t *testing.T) {
	video := bytes.Join(capture(t, picture), nil)[:200_000]
	synctest.Test(t, func(t *testing.T) {
		o := wide()
		o.Stream.Grace = time.Second
		r, _, client := startPiped(t, o)
		listener := r.soon("/a.webm")
		p := push(t, PushOptions{File: kept(t, "in", video), URL: r.url + "/a.webm", Client: client, Loop: true})
		l := listener()
		time.Sleep(30 * time.Second) // some passes
		p.cancel(nil)
		_ = p.end() // it was told to
		var scan stream.Scanner
		if _, err := scan.Write(l.all()); err != nil || scan.Media() < 25*time.Second {
			t.Errorf("%v of media (%v)", scan.Media(), err)
		}
		if !strings.Contains(p.stderr.String(), "are no whole frame and are left out") {
			t.Errorf("it says %q", &p.stderr)
		}
	})
}
