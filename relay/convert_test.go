package relay

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/stream"
	"everfile/stream/streamtest"
)

// heard is a frame of sound.
type heard struct {
	at    time.Duration
	frame string
}

// soundOf returns the frames of sound in a body, and how many tracks it has.
func soundOf(t testing.TB, b []byte) (all []heard, tracks int) {
	t.Helper()
	var scan stream.Scanner
	scan.Each = func(p *stream.Part) {
		if scan.Tracks()[p.Track].Type == stream.Audio {
			all = append(all, heard{p.Time, string(p.Frame)})
		}
	}
	if _, err := scan.Write(b); err != nil {
		t.Fatalf("a body of %d bytes: %v", len(b), err)
	}
	return all, len(scan.Tracks())
}

// talking is a recording with pictures, each chunk of which has sound, too.
func talking(t testing.TB) (chunks [][]byte) {
	for some := range slices.Chunk(capture(t, picture), 5) {
		chunks = append(chunks, bytes.Join(some, nil))
	}
	return chunks
}

// isSoundOf demands that a body holds the sound of these chunks and nothing else,
// from within the first of them on.
func isSoundOf(t testing.TB, got []byte, chunks [][]byte) {
	t.Helper()
	all, tracks := soundOf(t, got)
	want, _ := soundOf(t, demanded(t, "webm", chunks))
	first, _ := soundOf(t, demanded(t, "webm", chunks[:1]))
	if tracks != 1 || len(all) > len(want) || len(all) <= len(want)-len(first) {
		t.Fatalf("%d tracks, %d frames of sound; %d were published, %d of them before", tracks, len(all), len(want), len(first))
	}
	if !slices.Equal(all, want[len(want)-len(all):]) {
		t.Error("the frames are not those that were published")
	}
}

// Through every door: the sound of a stream with pictures, for people who count as
// its listeners; and HEAD tells of the same.
func TestAudioOnly(t *testing.T) {
	chunks := talking(t)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, p := begun(t, protocol, "/a.webm", wide(), chunks)
		published := r.s.Hub().Stream("a")
		before := r.s.Hub().Memory()
		head := r.request("HEAD", "/a?tracks=audio", nil)
		eventually(t, "HEAD has left nothing", func() bool { return r.s.Hub().Memory() == before })
		l := r.listen("/a.webm?tracks=audio")
		for _, resp := range []string{head.Status + " " + head.Header.Get("Content-Type"), l.resp.Status + " " + l.resp.Header.Get("Content-Type")} {
			if want := `200 OK audio/webm; codecs="opus"`; resp != want {
				t.Errorf("%s: %s; expected %s", protocol, resp, want)
			}
		}
		if a, b := head.Header.Get("Everfile-Edge"), l.resp.Header.Get("Everfile-Edge"); a == "0.000" || a != b {
			t.Errorf("%s: HEAD says that there are %s s, GET %s s", protocol, a, b)
		}
		l.has(1)
		if n, m := r.s.Hub().Listeners("a"), published.Listeners.Load(); n != 1 || m != 0 {
			t.Errorf("%s: %d listeners, %d of them of the pictures", protocol, n, m)
		}
		p.send(chunks[1:]...)
		p.acked(len(chunks))
		p.end()
		got := l.all()
		isSoundOf(t, got, chunks)
		if !testing.Short() {
			judge(t, got)
		}
		eventually(t, "nothing is held", func() bool { return r.s.Hub().Memory() == 0 })
	}
}

// A padded body of sound comes to rest at whole blocks.
func TestAudioOnlyPadded(t *testing.T) {
	chunks := talking(t)[:10]
	r, p := begun(t, "http", "/a.webm", wide(), chunks)
	l := r.listen("/a.webm?tracks=audio&pad=20")
	had := 0
	for i, chunk := range chunks {
		if i > 0 {
			p.send(chunk)
			p.acked(i + 1)
		}
		had = len(l.when("a whole block", func(b []byte, _ error) bool { return len(b) > had && len(b)%padBlock == 0 }))
	}
	p.end()
	isSoundOf(t, l.all(), chunks)
}

// What has no pictures is what it is.
func TestAudioOnlyOfSound(t *testing.T) {
	chunks := capture(t, sound)[:20]
	wave := [][]byte{streamtest.Wave(500 * time.Millisecond), make([]byte, 960)}
	for _, row := range []struct {
		publish, play string
		chunks        [][]byte
	}{{"/a.webm", "/a.webm", chunks}, {"/b.wav", "/b.wav", wave}, {"/c.wav", "/c.pcm", wave}} {
		r, p := begun(t, "http", row.publish, wide(), row.chunks)
		whole, l := r.listen(row.play), r.listen(row.play+"?tracks=audio")
		for _, l := range []*body{whole, l} {
			l.has(1)
		}
		p.send(row.chunks[1:]...)
		p.acked(len(row.chunks))
		p.end()
		want, got := whole.all(), l.all()
		if !bytes.Equal(got, want) || l.resp.Header.Get("Content-Type") != whole.resp.Header.Get("Content-Type") {
			t.Errorf("%s: %d bytes of %s; expected %d", row.play, len(got), l.resp.Header.Get("Content-Type"), len(want))
		}
	}
}

// silent is a recording whose sound is a track of another kind.
func silent(t *testing.T) []byte {
	b := capture(t, picture)[0]
	s := bytes.Replace(b, []byte{0x83, 0x81, byte(stream.Audio)}, []byte{0x83, 0x81, 0x11}, 1)
	if bytes.Equal(s, b) {
		t.Fatal("the capture has no sound")
	}
	return s
}

// What cannot be had is refused with a sentence, and nothing is left of it.
func TestAudioOnlyRefused(t *testing.T) {
	o := wide()
	o.Stream.Memory = 256 << 10
	r := start(t, "http", o)
	r.feed("a", capture(t, picture)[:2]...)
	r.feed("silent", silent(t))
	for path, row := range map[string]struct {
		status int
		words  string
	}{
		"/a.webm?tracks=video":           {400, `tracks says which of a stream's tracks you want, and knows only audio, as in ?tracks=audio; got "video".`},
		"/a.webm?tracks=":                {400, `got "".`},
		"/a.webm?tracks=audio,video":     {400, `got "audio,video".`},
		"/a.webm?tracks=audio&tracks=1":  {400, `got "1".`},
		"/nobody.webm?tracks=0":          {400, `got "0".`},
		"/nobody.webm?tracks=audio":      {404, "Nobody is publishing /nobody.webm now"},
		"/silent.webm?tracks=audio":      {406, "This stream has no sound. It is webm of vp8 640x360 and can be played as: /silent.webm, /silent.mjpeg, /silent.jpg."},
		"/a.webm?tracks=audio&rate=8000": {400, "rate, channels and bits are of plain samples: ask for .wav or .pcm with them."},
		"/a.webm?tracks=audio&pad=x":     {400, "pad is the least distance"},
	} {
		r.refused("GET", path, nil, row.status, row.words)
		r.refused("HEAD", path, nil, row.status, "")
	}
	chunks := capture(t, picture)
	p := r.feed("big", chunks[0])
	for _, b := range chunks[1:] {
		if _, err := p.Write(b); err != nil {
			t.Fatal(err)
		}
		if r.s.Hub().Memory() > o.Stream.Memory*9/10 {
			break
		}
	}
	r.refused("GET", "/a.webm?tracks=audio", nil, 503, "The server holds as many streams as its memory allows; try again later.")
	if n := r.s.Hub().Listeners("a"); n != 0 {
		t.Errorf("%d listeners", n)
	}
}

// A crowd that wants the same shares the work; it is over when the last has gone,
// and begins anew with the next.
func TestCrowdOfAudioOnly(t *testing.T) {
	chunks := talking(t)
	o := crowded()
	o.Stream.Check, o.Stream.Filler = 5*time.Millisecond, time.Hour // a connection that is gone is found by looking
	r, p := begun(t, "http", "/a.webm", o, chunks)
	listeners := func(n int64) func() bool {
		return func() bool { return r.s.Hub().Listeners("a") == n }
	}
	before := r.s.Hub().Memory()
	for range 3 {
		var all []*body
		for range 9 {
			l := r.listen("/a.webm?tracks=audio")
			l.has(1)
			all = append(all, l)
		}
		if !listeners(9)() {
			t.Errorf("%d listeners", r.s.Hub().Listeners("a"))
		}
		for _, l := range all {
			l.resp.Body.Close()
		}
		eventually(t, "all have gone", listeners(0))
		eventually(t, "nothing is left of it", func() bool { return r.s.Hub().Memory() == before })
	}
	var all []*body
	for range 9 {
		l := r.listen("/a.webm?tracks=audio")
		l.has(1)
		all = append(all, l)
	}
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.end()
	for _, l := range all {
		isSoundOf(t, l.all(), chunks)
	}
}

// Who speaks is told of those who only listen; the file's sound ends with the call.
func TestAudioOnlyOfACall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	path := c.startA.Publish[0].Path()
	chunks := capture(t, picture)
	p := r.publish(c.startA.Publish[0].URL)
	p.send(chunks[0])
	p.acked(1)
	listener := r.listen(path + "?tracks=audio")
	for n := int64(0); n != 1; {
		n = *c.a.hear("listeners").N
	}
	c.b.say(calls.Message{Type: "hangup", Call: c.startB.Call})
	listener.all()
	r.refused("GET", path+"?tracks=audio", nil, 404, "That call is over, and its files with it.")
}
