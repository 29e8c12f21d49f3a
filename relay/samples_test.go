package relay

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

// wavHead is what a WAV body of 16 bits begins with.
func wavHead(rate, channels int) []byte {
	le := binary.LittleEndian
	b := append([]byte(nil), "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00"...)
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*rate*channels))
	b = le.AppendUint16(b, uint16(2*channels))
	return append(b, "\x10\x00data\xff\xff\xff\xff"...)
}

// loud reports whether there is sound in samples of 16 bits.
func loud(b []byte) bool {
	for ; len(b) > 1; b = b[2:] {
		if v := int16(binary.LittleEndian.Uint16(b)); v > 1000 || v < -1000 {
			return true
		}
	}
	return false
}

// Through every door: a caller's sound as WAV and as plain samples, as long as what
// was published; and HEAD tells of the same.
func TestSamples(t *testing.T) {
	chunks := talking(t)
	whole, _ := soundOf(t, demanded(t, "webm", chunks))
	length := whole[len(whole)-1].at + 60*time.Millisecond - whole[0].at
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, p := begun(t, protocol, "/a.webm", wide(), chunks)
		before := r.s.Hub().Memory()
		for path, contentType := range map[string]string{
			"/a.wav": `audio/wav; codecs="1"`, "/a.wav?rate=16000&bits=32f": `audio/wav; codecs="3"`,
			"/a.pcm?rate=8000": `audio/x-raw; rate=8000; channels=1; bits=16; encoding=signed-int; endianness=little`,
		} {
			if resp := r.request("HEAD", path, nil); resp.StatusCode != 200 || resp.Header.Get("Content-Type") != contentType || resp.Header.Get("Everfile-Edge") == "0.000" {
				t.Errorf("%s: HEAD %s: %s, %s", protocol, path, resp.Status, resp.Header)
			}
		}
		eventually(t, "HEAD has left nothing", func() bool { return r.s.Hub().Memory() == before })
		wav, low, bare, stereo := r.listen("/a.wav"), r.listen("/a.wav?rate=16000&channels=1"), r.listen("/a.pcm?channels=1&rate=16000"), r.listen("/a.wav?tracks=audio&channels=2&wait=1s&maxlag=1m")
		for _, l := range []*body{wav, low, bare, stereo} {
			l.has(1)
		}
		if n := r.s.Hub().Listeners("a"); n != 4 {
			t.Errorf("%s: %d listeners", protocol, n)
		}
		p.send(chunks[1:]...)
		p.acked(len(chunks))
		p.end()
		for _, row := range []struct {
			l              *body
			rate, channels int
			header         []byte
		}{{wav, 48000, 1, wavHead(48000, 1)}, {low, 16000, 1, wavHead(16000, 1)}, {bare, 16000, 1, nil}, {stereo, 48000, 2, wavHead(48000, 2)}} {
			b := row.l.all()
			samples, ok := bytes.CutPrefix(b, row.header)
			got := time.Duration(len(samples)/2/row.channels) * time.Second / time.Duration(row.rate)
			// The first chunk may have been there already, all but half a second.
			if !ok || got > length+100*time.Millisecond || got < length-500*time.Millisecond || !loud(samples) {
				t.Errorf("%s: %s: header %t, %v of sound; %v were published", protocol, row.l.resp.Request.URL, ok, got, length)
			}
		}
		if !bytes.Equal(bare.all(), low.all()[44:]) {
			t.Errorf("%s: .pcm is not .wav without its header", protocol)
		}
		eventually(t, "nothing is held", func() bool { return r.s.Hub().Memory() == 0 })
	}
}

// What is asked for and is so already is the stream itself, byte for byte.
func TestSamplesAsTheyAre(t *testing.T) {
	chunks := [][]byte{streamtest.Wave(500 * time.Millisecond), make([]byte, 960)}
	r, p := begun(t, "http", "/a.wav", wide(), chunks)
	var all []*body
	for _, query := range []string{"", "?rate=48000", "?bits=16&channels=1&rate=48000"} {
		l := r.listen("/a.wav" + query)
		l.has(1)
		all = append(all, l)
	}
	half := r.listen("/a.wav?rate=24000")
	half.has(1)
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.end()
	want := demanded(t, "wav", chunks)
	for _, l := range all {
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes; expected %d", l.resp.Request.URL, len(got), len(want))
		}
	}
	if got := half.all(); len(got) != 44+(len(want)-44)/2 || !bytes.HasPrefix(got, wavHead(24000, 1)) {
		t.Errorf("at half the rate %d bytes of %d", len(got), len(want))
	}
}

// What cannot be had, or is no wish at all, is refused with a sentence.
func TestSamplesRefused(t *testing.T) {
	r := start(t, "http", wide())
	r.feed("a", capture(t, sound)[:2]...)
	r.feed("silent", silent(t))
	r.feed("odd", strange(t))
	r.feed("six", sixChannels())
	const rate = "rate is in samples a second, a whole number from 8000 to 48000, as in ?rate=16000; got "
	for path, row := range map[string]struct {
		status int
		words  string
	}{
		"/a.wav?rate=7999":               {400, rate + `"7999".`},
		"/a.wav?rate=48001":              {400, rate + `"48001".`},
		"/a.wav?rate=":                   {400, rate + `"".`},
		"/a.wav?rate=16e3":               {400, rate + `"16e3".`},
		"/a.wav?rate=-16000":             {400, rate + `"-16000".`},
		"/a.wav?rate=%2B16000":           {400, rate + `"+16000".`},
		"/a.wav?rate=016000":             {400, rate + `"016000".`},
		"/a.wav?rate=16000.5":            {400, rate + `"16000.5".`},
		"/a.wav?rate=16000&rate=1":       {400, rate + `"1".`},
		"/a.wav?rate=999999999999999999": {400, rate},
		"/a.wav?channels=3":              {400, `channels is 1 or 2, as in ?channels=1; got "3".`},
		"/a.wav?channels=0":              {400, `channels is 1 or 2, as in ?channels=1; got "0".`},
		"/a.wav?channels=":               {400, `channels is 1 or 2, as in ?channels=1; got "".`},
		"/a.wav?bits=24":                 {400, `bits is 16, for integers, or 32f, for floats, as in ?bits=16; got "24".`},
		"/a.pcm?bits=":                   {400, `got "".`},
		"/nobody.wav?bits=8":             {400, `got "8".`},
		"/nobody.wav?rate=8000":          {404, "Nobody is publishing /nobody.wav now"},
		"/a.webm?rate=16000":             {400, "rate, channels and bits are of plain samples: ask for .wav or .pcm with them."},
		"/a?bits=16":                     {400, "rate, channels and bits are of plain samples: ask for .wav or .pcm with them."},
		"/silent.wav":                    {406, "This stream has no sound. It is webm of vp8 640x360 and can be played as: /silent.webm, /silent.mjpeg, /silent.jpg."},
		"/silent.pcm?rate=8000":          {406, "This stream has no sound. It is webm of vp8 640x360 and can be played as: /silent.webm, /silent.mjpeg, /silent.jpg."},
		"/odd.wav":                       {406, "This stream cannot be had like that: A<b>&z 48000 Hz mono is not decoded here. It is webm of A<b>&z 48000 Hz mono and can be played as: /odd.webm."},
		"/six.webm":                      {406, "This stream cannot be had like that: no webm is made of wav here. It is wav of pcm 16 bit 48000 Hz 6 channels and can be played as: /six.wav, /six.pcm."},
		"/six.wav?channels=2":            {406, "This stream cannot be had like that: 6 channels can be mixed to one here, but not to 2."},
		"/a.wav?pad=x":                   {400, "pad is the least distance"},
		"/a.wav?fill=noise":              {400, "fill=silence keeps WAV and PCM on the clock"},
	} {
		r.refused("GET", path, nil, row.status, row.words)
		r.refused("HEAD", path, nil, row.status, "")
	}
	if n := r.s.Hub().Listeners("a"); n != 0 {
		t.Errorf("%d listeners", n)
	}
}

// sixChannels is a WAV file of them.
func sixChannels() []byte {
	b := append(wavHead(48000, 6), make([]byte, 12*480)...)
	return b
}

// Every answer for a stream says how else it can be played, and so does the list.
func TestAlternates(t *testing.T) {
	r := start(t, "http", wide())
	r.feed("a", capture(t, picture)[:3]...)
	r.feed("hall/b", streamtest.Wave(time.Second))
	r.feed("silent", silent(t))
	const wav, pcm, webm = `</a.wav>; rel="alternate"; type="audio/wav"`, `</a.pcm>; rel="alternate"; type="audio/x-raw"`, `</a.webm>; rel="alternate"; type="video/webm"`
	const mjpeg, jpg = `</a.mjpeg>; rel="alternate"; type="multipart/x-mixed-replace"`, `</a.jpg>; rel="alternate"; type="image/jpeg"`
	for path, want := range map[string][]string{
		"/a.webm": {wav, pcm, mjpeg, jpg}, "/a.wav?rate=8000": {webm, pcm, mjpeg, jpg}, "/a.pcm": {webm, wav, mjpeg, jpg}, "/a": {webm, wav, pcm, mjpeg, jpg},
		"/a.webm?tracks=audio": {wav, pcm, mjpeg, jpg}, "/a.webm?rate=8000": {wav, pcm, mjpeg, jpg}, "/a.webm?mode=x": {wav, pcm, mjpeg, jpg},
		"/a.mjpeg": {webm, wav, pcm, jpg}, "/a.jpg": {webm, wav, pcm, mjpeg},
		"/hall/b.wav":  {`</hall/b.pcm>; rel="alternate"; type="audio/x-raw"`},
		"/hall/b.webm": {`</hall/b.wav>; rel="alternate"; type="audio/wav"`, `</hall/b.pcm>; rel="alternate"; type="audio/x-raw"`},
		"/silent.webm": {`</silent.mjpeg>; rel="alternate"; type="multipart/x-mixed-replace"`, `</silent.jpg>; rel="alternate"; type="image/jpeg"`}, "/nobody.wav": nil,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp := r.request(method, path, nil)
			resp.Body.Close()
			if got := resp.Header.Values("Link"); !slices.Equal(got, want) {
				t.Errorf("%s %s: %s: %q; expected %q", method, path, resp.Status, got, want)
			}
		}
	}
	var list struct {
		Streams []struct {
			Name  string
			Views []struct{ URL, ContentType string }
		}
	}
	if err := json.Unmarshal([]byte(r.page("/api/streams")), &list); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list.Streams {
		for _, v := range s.Views {
			got = append(got, v.URL+" "+v.ContentType)
		}
	}
	const mjpegType = "multipart/x-mixed-replace; boundary=everfile-picture-5f1c92d7e04ab836"
	want := []string{`/a.webm video/webm; codecs="vp8, opus"`, `/a.wav audio/wav; codecs="1"`, `/a.pcm audio/x-raw; rate=48000; channels=1; bits=16; encoding=signed-int; endianness=little`,
		"/a.mjpeg " + mjpegType, "/a.jpg image/jpeg", `/silent.webm video/webm; codecs="vp8"`, "/silent.mjpeg " + mjpegType, "/silent.jpg image/jpeg"}
	if !slices.Equal(got, want) {
		t.Errorf("the list says %q; expected %q", got, want)
	}
}

// Who waits for WAV gets what is published as WebM, and counts as its listener.
func TestSamplesWait(t *testing.T) {
	r := start(t, "http", wide())
	asked := r.ask("GET", "/a.wav?wait=1m&rate=8000", nil)
	eventually(t, "somebody waits", func() bool { return r.registered("a") })
	p := r.feed("a", capture(t, sound)[:10]...)
	l := r.follow(asked())
	l.has(44 + 1600)
	var list struct{ Streams []listing }
	if err := json.Unmarshal([]byte(r.page("/api/streams")), &list); err != nil || len(list.Streams) != 1 || list.Streams[0].Listeners != 1 || len(list.Streams[0].Listening) != 1 {
		t.Errorf("the list says %+v, %v", list, err)
	}
	_ = p.End() // the recorder was stopped in the middle of a frame
	l.all()
}

// What is converted can be kept on the clock like what is not.
func TestSamplesFilled(t *testing.T) {
	r, p := begun(t, "http", "/a.webm", wide(), capture(t, sound)[:6])
	l := r.listen("/a.wav?rate=8000&fill=silence")
	l.has(1)
	had := len(l.has(44 + 2*800))
	l.has(had + 2*8000) // a second of nothing
	p.end()
	l.all()
}

// In a call: who speaks is told of those who listen to the samples; they end with
// the call.
func TestSamplesOfACall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	path := c.startA.Publish[0].Path()
	if !strings.HasSuffix(path, ".webm") {
		t.Fatalf("publishes %s", path)
	}
	chunks := capture(t, picture)
	p := r.publish(c.startA.Publish[0].URL)
	p.send(chunks[:20]...)
	p.acked(20)
	l := r.listen(strings.TrimSuffix(path, ".webm") + ".wav?rate=16000&channels=1")
	for n := int64(0); n != 1; {
		n = *c.a.hear("listeners").N
	}
	if b := l.has(44 + 3200); !bytes.HasPrefix(b, wavHead(16000, 1)) {
		t.Errorf("it begins % x", b[:44])
	}
	c.b.say(calls.Message{Type: "hangup", Call: c.startB.Call})
	l.all()
}

// Many at once, of all kinds, while the publisher goes on.
func TestCrowdOfSamples(t *testing.T) {
	chunks := talking(t)
	r, p := begun(t, "http", "/a.webm", crowded(), chunks)
	var all [][]*body
	for _, path := range []string{"/a.wav?rate=16000&channels=1", "/a.pcm?rate=16000", "/a.wav?bits=32f"} {
		var some []*body
		for range 9 {
			l := r.listen(path)
			l.has(1)
			some = append(some, l)
		}
		all = append(all, some)
	}
	if n := r.s.Hub().Listeners("a"); n != 27 {
		t.Errorf("%d listeners", n)
	}
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.end()
	for _, some := range all {
		want := some[0].all()
		for _, l := range some {
			if got := l.all(); !bytes.Equal(got, want) || len(got) < 100_000 {
				t.Errorf("%s: %d bytes; another got %d", l.resp.Request.URL, len(got), len(want))
			}
		}
	}
	eventually(t, "nothing is held", func() bool { return r.s.Hub().Memory() == 0 })
}
