package relay

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// unwoven takes a body apart as players do: what is left of it, and the titles. It
// demands that every place is where it should be and made as it should; the last
// may be cut off.
func unwoven(t testing.TB, b []byte) (body []byte, titles []string) {
	t.Helper()
	for len(b) > 16_000 {
		body, b = append(body, b[:16_000]...), b[16_000:]
		n := 16 * int(b[0])
		if len(b) < 1+n {
			return body, titles
		}
		text := string(b[1 : 1+n])
		b = b[1+n:]
		if n == 0 {
			continue
		}
		trimmed := strings.TrimRight(text, "\x00")
		title, rest, ok := strings.Cut(strings.TrimPrefix(trimmed, "StreamTitle='"), "';")
		if !ok || rest != "" || len(text)-len(trimmed) > 15 || !strings.HasPrefix(trimmed, "StreamTitle='") {
			t.Fatalf("after %d bytes of the body stands %q", len(body), text)
		}
		titles = append(titles, title)
	}
	return append(body, b...), titles
}

const wanted = "Icy-MetaData: 1"

// frameSize is the length of each of [framed]'s frames.
const frameSize = 417

// framed makes n frames of MP3 or ADTS, no two alike.
func framed(ext string, n int) []byte {
	head := []byte{0xFF, 0xFB, 0x90, 0x00} // MPEG 1, layer III, 128 kbit/s, 44100 Hz
	if ext == "aac" {                      // AAC-LC, 44100 Hz, two channels, without CRC
		head = []byte{0xFF, 0xF1, 0x50, 0x80 | frameSize>>11, frameSize >> 3 & 0xFF, frameSize&7<<5 | 0x1F, 0xFC}
	}
	var b []byte
	for i := range n {
		frame := make([]byte, frameSize)
		for j := copy(frame, head); j < frameSize; j++ {
			frame[j] = byte(j + i>>(j&8))
		}
		b = append(b, frame...)
	}
	return b
}

// Titles stand where they must whatever carries the body, alone and in a crowd,
// and those who have not asked for them get none.
func TestTitlesInTheBody(t *testing.T) {
	for _, row := range []struct {
		protocol, ext string
		o             Options
	}{{"http", "mp3", wide()}, {"http", "mp3", crowded()}, {"tls", "mp3", wide()}, {"h2", "mp3", wide()}, {"http", "aac", wide()}} {
		file := framed(row.ext, 480)
		r := start(t, row.protocol, row.o)
		m := &stream.Metadata{Title: "first", Name: "Näme", Description: "d", Genre: "g", URL: "https://example.org", Bitrate: 128, Public: true}
		p, err := r.s.Hub().Publish("a", stream.PublishOptions{Key: "k", Metadata: m})
		if err != nil {
			t.Fatal(err)
		}
		write := func(from, to int) {
			if _, err := p.Write(file[from*frameSize : to*frameSize]); err != nil {
				t.Fatal(err)
			}
		}
		write(0, 2)
		var with, without []*body
		for range 4 {
			resp := r.request("GET", "/a."+row.ext+"?pad=100", nil, wanted)
			for name, want := range map[string]string{"icy-metaint": "16000", "icy-name": "Näme", "icy-description": "d", "icy-genre": "g", "icy-url": "https://example.org", "icy-br": "128", "icy-pub": "1"} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q; expected %q", row.protocol, name, got, want)
				}
			}
			with, without = append(with, r.follow(resp)), append(without, r.listen("/a."+row.ext))
		}
		everybody := func(frames int) {
			for i := range with {
				with[i].when("as much", func(b []byte, _ error) bool { got, _ := unwoven(t, b); return len(got) >= frames*frameSize })
				without[i].has(frames * frameSize)
			}
		}
		everybody(2)
		write(2, 48) // beyond the first place
		everybody(48)
		r.told("/admin/metadata?mode=updinfo&mount=/a&song=It%27s+the+%27second%27%3B", "k")
		write(48, 96)
		everybody(96)
		if err := p.SetTitle(""); err != nil {
			t.Error(err)
		}
		for i := 96; i < 480; i += 8 {
			write(i, i+8)
		}
		if err := p.End(); err != nil {
			t.Error(err)
		}
		want := demanded(t, row.ext, [][]byte{file[:2*frameSize], file[2*frameSize:]})
		for i := range with {
			got, titles := unwoven(t, with[i].all())
			if want := []string{"first", "It's the 'second’;", ""}; !slices.Equal(titles, want) {
				t.Errorf("%s: the titles are %q; expected %q", row.protocol, titles, want)
			}
			if !bytes.Equal(got, want) || !bytes.Equal(without[i].all(), got) {
				t.Errorf("%s %s: %d bytes without titles, %d without asking, and the file has %d", row.protocol, row.ext, len(got), len(without[i].all()), len(want))
			}
		}
	}
}

// Who is moved forward gets fewer frames, and each place where it is all the same.
func TestTitlesWhenMovedForward(t *testing.T) {
	var late atomic.Int64
	began := time.Now()
	o := wide()
	o.Stream.MaxLag = 3 * time.Second
	o.Stream.Now = func() time.Time { return began.Add(time.Duration(late.Load())) }
	r := start(t, "http", o)
	const piece = 50 // frames, of 1.3 s: worth to be moved over
	file := framed("mp3", 2+60*piece)
	p := r.feed("a", file[:2*frameSize])
	if err := p.SetTitle("T"); err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(file[:2*frameSize])
	l := r.follow(r.request("GET", "/a.mp3", nil, wanted))
	l.has(len(want))
	late.Store(int64(time.Hour))
	for rest := file[len(want):]; len(rest) > 0; rest = rest[piece*frameSize:] {
		if _, err := p.Write(rest[:piece*frameSize]); err != nil {
			t.Fatal(err)
		}
		want = append(want, rest[(piece-1)*frameSize:piece*frameSize]...)
		l.when("the newest frame", func(b []byte, _ error) bool { got, _ := unwoven(t, b); return len(got) >= len(want) })
	}
	if err := p.End(); err != nil {
		t.Error(err)
	}
	got, titles := unwoven(t, l.all())
	if !bytes.Equal(got, want) || !slices.Equal(titles, []string{"T"}) {
		t.Errorf("%d bytes and the titles %q; expected %d", len(got), titles, len(want))
	}
}

// A range is one of what is sent, titles included.
func TestTitlesInARange(t *testing.T) {
	file := framed("mp3", 200)
	r := start(t, "http", wide())
	p := r.feed("a", file[:2*frameSize])
	if err := p.SetTitle("T"); err != nil {
		t.Fatal(err)
	}
	lengths := []int{1, 16_000, 16_001, 16_011, 16_017, 16_018, 32_034, 33_000, 65_536, 70_000}
	var bodies []io.Reader
	for _, n := range lengths {
		resp := r.request("GET", "/a.mp3", nil, wanted, fmt.Sprintf("Range: bytes=0-%d", n-1))
		if resp.StatusCode != 206 {
			t.Errorf("%d: %s", n, resp.Status)
		}
		bodies = append(bodies, resp.Body)
	}
	for rest := file[2*frameSize:]; len(rest) > 0; rest = rest[9*frameSize:] {
		if _, err := p.Write(rest[:9*frameSize]); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range lengths {
		b, err := io.ReadAll(bodies[i])
		got, titles := unwoven(t, b)
		if len(b) != n || err != nil || !bytes.HasPrefix(file, got) || (len(titles) > 0) != (n >= 16_017) {
			t.Errorf("%d: %d bytes, %v, of them %d of the body, titles %q", n, len(b), err, len(got), titles)
		}
	}
}

// No format that is there to be read by other means has titles woven in, and none
// is for who has not asked for them.
func TestTitlesAreNotForContainers(t *testing.T) {
	r := start(t, "http", wide())
	r.feed("a", capture(t, sound)...)
	r.feed("b", streamtest.Wave(time.Second))
	r.feed("c", capture(t, "firefox-audio-opus-T100.ogg")...)
	r.feed("d", capture(t, "chromium-audio-opus-T100.mp4")...)
	r.feed("e", framed("mp3", 4))
	for _, path := range []string{"/a.webm", "/a.wav", "/b.wav", "/b.pcm", "/a", "/c.ogg", "/d.mp4", "/e.wav", "/e.pcm?rate=16000"} {
		for _, method := range []string{"GET", "HEAD"} {
			resp := r.request(method, path, nil, wanted)
			if resp.StatusCode != 200 {
				t.Errorf("%s %s: %s", method, path, resp.Status)
			}
			for name := range resp.Header {
				if strings.HasPrefix(strings.ToLower(name), "icy-") {
					t.Errorf("%s %s is answered with %s", method, path, name)
				}
			}
			resp.Body.Close()
		}
	}
	for _, header := range []string{"Icy-MetaData: 0", "Icy-MetaData: ", "X: 1"} {
		if resp := r.request("HEAD", "/e.mp3", nil, header); resp.Header.Get("icy-metaint") != "" {
			t.Errorf("%s is answered with titles", header)
		}
	}
	if resp := r.request("HEAD", "/e.mp3", nil, wanted); resp.Header.Get("icy-metaint") != "16000" || resp.Header.Get("icy-pub") != "0" || resp.Header.Get("icy-name") != "" {
		t.Errorf("HEAD is answered with %v", resp.Header)
	}
}

func TestTitleBlock(t *testing.T) {
	long := strings.Repeat("€", 2000)
	for _, row := range []struct{ title, want string }{
		{"", "\x01StreamTitle='';\x00"},
		{"a", "\x01StreamTitle='a';"},
		{"ab", "\x02StreamTitle='ab';" + strings.Repeat("\x00", 15)},
		{"it's; a", "\x02StreamTitle='it's; a';" + strings.Repeat("\x00", 10)},
		{"a';b", "\x02StreamTitle='a’;b';" + strings.Repeat("\x00", 11)},
		{"a'", "\x02StreamTitle='a'';" + strings.Repeat("\x00", 15)},
		{long, "\xffStreamTitle='" + long[:maxTitle/3*3] + "';"},
		{long[:4062] + "abcdef", "\xffStreamTitle='" + long[:4062] + "abc';"},
	} {
		if got := string(titleBlock(row.title)); got != row.want {
			t.Errorf("%.40q: %.60q (%d bytes); expected %.60q (%d)", row.title, got, len(got), row.want, len(row.want))
		}
	}
}

// However a body is cut into buffers and writes, and whatever the titles are, each
// stands at its place and nothing of the body is lost.
func FuzzTitles(f *testing.F) {
	f.Add([]byte{1, 200, 3, 255, 255, 0, 17}, "one\ntwo';\n\nthree", 50_000)
	f.Add([]byte{0}, "", 16_000)
	f.Add([]byte{255}, strings.Repeat("x", 5000), 32_001)
	f.Fuzz(func(t *testing.T, cuts []byte, text string, size int) {
		size = max(0, min(size, 200_000))
		titles := strings.Split(text, "\n")
		for i := range titles {
			titles[i] = tidy(titles[i], maxTitle)
		}
		asked := 0
		w := &weaving{left: icyEvery, title: func() string { asked++; return titles[(asked-1)%len(titles)] }}
		want := make([]byte, size)
		for i := range want {
			want[i] = byte(i) ^ byte(i>>8)
		}
		var got []byte
		rest := want
		for i := 0; len(rest) > 0; {
			v := &vector{}
			for range 3 {
				n := len(rest)
				if len(cuts) > 0 {
					n = min(n, 1+int(cuts[i%len(cuts)])*100)
				}
				i++
				v.add(rest[:n])
				rest = rest[n:]
			}
			w.add(v)
			sum := 0
			for _, b := range v.bufs {
				sum += len(b)
				got = append(got, b...)
			}
			if sum != v.size {
				t.Fatalf("a vector of %d bytes says it has %d", sum, v.size)
			}
		}
		if len(want)%icyEvery == 0 && len(want) > 0 {
			got = append(got, 0) // so that the last place is looked at
			want = append(want, 0)
		}
		body, told := unwoven(t, got)
		if !bytes.Equal(body, want) || asked != size/icyEvery {
			t.Fatalf("%d bytes, %d places; expected %d and %d", len(body), asked, len(want), size/icyEvery)
		}
		var expected []string
		last := ""
		for i := range asked {
			if title := titles[i%len(titles)]; title != last {
				last = title
				expected = append(expected, clip(strings.ReplaceAll(title, "';", "’;"), maxTitle))
			}
		}
		if !slices.Equal(told, expected) {
			t.Fatalf("told %q; expected %q", told, expected)
		}
	})
}
