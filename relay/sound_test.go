package relay

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"everfile/stream"
)

// soundFile is a small file that ffmpeg made.
func soundFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "sounds", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Files without timestamps are pushed whole, the last frame of a FLAC too, and
// tail knows what they are.
func TestSoundFiles(t *testing.T) {
	for _, row := range []struct{ name, kind, summary string }{
		{"tone.mp3", "audio/mpeg", "mp3 (mp3 44100 Hz stereo): "},
		{"tone.aac", "audio/aac", "aac (mp4a.40.2 44100 Hz stereo): "},
		{"tone.flac", "audio/flac", "flac (flac 44100 Hz stereo): "},
	} {
		file, ext := soundFile(t, row.name), filepath.Ext(row.name)
		want := demanded(t, ext[1:], slices.Collect(slices.Chunk(file, 100)))
		synctest.Test(t, func(t *testing.T) {
			r, _, _ := startPiped(t, quiet())
			listener := r.soon("/a" + ext)
			var stdout, stderr bytes.Buffer
			tailed := make(chan error, 1)
			go func() {
				tailed <- Tail(context.Background(), TailOptions{URL: r.url + "/a" + ext + "?wait=1m", Stdout: &stdout, Stderr: &stderr, Client: r.client})
			}()
			synctest.Wait()
			push(t, PushOptions{File: kept(t, "in", file), URL: r.url + "/a" + ext, Client: r.client}).over()
			if err := <-tailed; err != nil {
				t.Fatal(err)
			}
			l := listener()
			if got := l.resp.Header.Get("Content-Type"); got != row.kind {
				t.Errorf("%s is sent as %s", row.name, got)
			}
			if got := l.all(); !bytes.Equal(got, want) || !bytes.Equal(stdout.Bytes(), want) {
				t.Errorf("%s: %d bytes, tail got %d; expected %d", row.name, len(got), stdout.Len(), len(want))
			}
			if !strings.HasPrefix(stderr.String(), row.summary) || !strings.Contains(stderr.String(), " of media in 1.") {
				t.Errorf("%s: it says %q", row.name, &stderr)
			}
		})
	}
}

// A publisher's MIME type names the format, and other views of it there are none.
func TestSoundTypes(t *testing.T) {
	for _, row := range []struct{ name, types string }{
		{"tone.mp3", "audio/mpeg audio/mp3"}, {"tone.aac", "audio/aac audio/aacp audio/x-aac"}, {"tone.flac", "audio/flac audio/x-flac"},
	} {
		for kind := range strings.FieldsSeq(row.types) {
			if f := stream.ByType(kind + "; x=y"); f == nil || "."+f.Name != filepath.Ext(row.name) {
				t.Errorf("%s is %v", kind, f)
			}
		}
		ext := filepath.Ext(row.name)
		r, _ := begun(t, "http", "/a", wide(), [][]byte{soundFile(t, row.name)})
		if r.refused("GET", "/a.ogg", nil, 406, "can be played as: /a"+ext); ext == ".aac" {
			r.refused("GET", "/a.wav", nil, 406, "mp4a.40.2 44100 Hz stereo is not decoded here. It is aac of mp4a.40.2 44100 Hz stereo and can be played as: /a.aac.")
		}
	}
}

// What comes by PUT as MP3 or FLAC is heard as samples, as it comes.
func TestSoundAsSamples(t *testing.T) {
	for _, name := range []string{"tone.mp3", "tone.flac"} {
		ext := filepath.Ext(name)
		r := start(t, "http", wide())
		file := soundFile(t, name)
		in, w := io.Pipe()
		put := r.ask("PUT", "/a"+ext, in)
		if _, err := w.Write(file[:len(file)/2]); err != nil {
			t.Fatal(err)
		}
		l := r.listen("/a.wav?rate=16000&channels=1&wait=10s")
		l.has(1)
		if _, err := w.Write(file[len(file)/2:]); err != nil {
			t.Fatal(err)
		}
		w.Close()
		put().Body.Close()
		b := l.all()
		samples, ok := bytes.CutPrefix(b, wavHead(16000, 1))
		// Half of a second was there already, of which a listener gets all.
		if n := len(samples) / 2; !ok || n < 14000 || n > 17000 || !loud(samples) {
			t.Errorf("%s: header %t, %d samples", name, ok, n)
		}
	}
}
