package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/relay/calls"
	"everfile/stream/streamtest"
)

// hum is a WAV file that does not end, of a tone of 16 kHz, 16 bits, one channel.
func hum(hz float64, d time.Duration) []byte {
	b := wavHead(16000, 1)
	for i := range int(d.Seconds() * 16000) {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(8000*math.Sin(2*math.Pi*hz*float64(i)/16000))))
	}
	return b
}

// hums reports whether a tone is in samples of 16 bits, 16 kHz and one channel.
func hums(b []byte, hz float64) bool {
	b = b[:len(b)/2*2]
	var re, im float64
	for i := 0; i < len(b); i += 2 {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i/2) / 16000)
		v := float64(int16(binary.LittleEndian.Uint16(b[i:])))
		re, im = re+v*c, im+v*s
	}
	return math.Hypot(re, im) > 2000*float64(len(b)/2)/2
}

const lowMix = "/standup/mix.wav?rate=16000&channels=1"

// Through every door: everybody of a room in one file, and HEAD and OPTIONS tell of
// the same.
func TestMix(t *testing.T) {
	for _, protocol := range []string{"http", "tls", "h2"} {
		r := start(t, protocol, wide())
		a := r.feed("standup/alice", hum(500, time.Second))
		before := r.s.Hub().Memory()
		for path, contentType := range map[string]string{
			"/standup/mix.wav": `audio/wav; codecs="1"`, "/standup/mix": `audio/wav; codecs="1"`, "/standup/mix.wav?bits=32f": `audio/wav; codecs="3"`,
			"/standup/mix.pcm":                      "audio/x-raw; rate=48000; channels=2; bits=16; encoding=signed-int; endianness=little",
			"/standup/mix.pcm?rate=8000&channels=1": "audio/x-raw; rate=8000; channels=1; bits=16; encoding=signed-int; endianness=little",
		} {
			resp := r.request("HEAD", path, nil)
			h := resp.Header
			if resp.StatusCode != 200 || h.Get("Content-Type") != contentType || h.Get("Everfile-Edge") != "0.500" || h.Get("Cache-Control") != "no-store, no-transform" {
				t.Errorf("%s: HEAD %s: %s, %s", protocol, path, resp.Status, h)
			}
		}
		if got := r.request("HEAD", "/standup/mix.wav", nil).Header.Get("Link"); got != `</standup/mix.pcm>; rel="alternate"; type="audio/x-raw"` {
			t.Errorf("%s: Link: %s", protocol, got)
		}
		if resp := r.request("OPTIONS", lowMix, nil); resp.StatusCode != 204 || resp.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("%s: OPTIONS: %s, %s", protocol, resp.Status, resp.Header)
		}
		eventually(t, "HEAD has left nothing", func() bool { return r.s.Hub().Memory() == before })
		all, others, bare := r.listen(lowMix), r.listen(lowMix+"&without=alice,x"), r.listen("/standup/mix.pcm?rate=16000&channels=1")
		if b := all.has(44 + 16000); !bytes.HasPrefix(b, wavHead(16000, 1)) || loud(b[44:44+16000]) {
			t.Errorf("%s: it begins % x, and is loud: %t", protocol, b[:44], loud(b[44:]))
		}
		if _, err := a.Write(hum(500, 400*time.Millisecond)[44:]); err != nil {
			t.Fatal(err)
		}
		b := r.feed("standup/bob", hum(700, time.Second))
		tones := func(hz ...float64) func(b []byte, _ error) bool {
			return func(b []byte, _ error) bool {
				for _, f := range hz {
					found := false
					for at := 44; at+1600 <= len(b) && !found; at += 1600 {
						found = hums(b[at:at+1600], f)
					}
					if !found {
						return false
					}
				}
				return true
			}
		}
		all.when("both are heard", tones(500, 700))
		bare.when("both are heard without a header", tones(500, 700))
		if got := others.when("one is heard", tones(700)); tones(500)(got, nil) {
			t.Errorf("%s: who is not to be heard is", protocol)
		}
		if n := r.s.Hub().Listeners("standup/bob"); n != 2 {
			t.Errorf("%s: %d listen to one", protocol, n)
		}
		_, _ = a.End(), b.End()
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		all.all() // with a clean end
	}
}

// What a mix is asked for in vain is refused with a sentence.
func TestMixRefused(t *testing.T) {
	r := start(t, "http", wide())
	r.feed("standup/alice", hum(500, time.Second))
	names := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprint("n", i))
		}
		return strings.Join(all, ",")
	}
	const name = "without says who of the room is not to be heard"
	for path, row := range map[string]struct {
		status int
		words  string
	}{
		"/standup/mix.webm":                          {406, "This stream cannot be had like that: webm is made of opus here, and there is none in it. It is wav of pcm 16 bit 48000 Hz stereo and can be played as: /standup/mix.wav, /standup/mix.pcm."},
		"/standup/mix.mp3":                           {406, "can be played as: /standup/mix.wav, /standup/mix.pcm."},
		"/standup/mix.jpg":                           {406, "can be played as: /standup/mix.wav, /standup/mix.pcm."},
		"/standup/mix.gif":                           {404, `Unknown extension ".gif"`},
		"/standup/mix.wav?rate=7999":                 {400, "rate is in samples a second"},
		"/standup/mix.wav?channels=3":                {400, "channels is 1 or 2"},
		"/standup/mix.wav?bits=24":                   {400, "bits is 16"},
		"/standup/mix.wav?tracks=video":              {400, "tracks=video is for files that may hold pictures"},
		"/standup/mix.wav?without=":                  {400, name},
		"/standup/mix.wav?without=alice,":            {400, name},
		"/standup/mix.wav?without=alice,,bob":        {400, name},
		"/standup/mix.wav?without=alice&without=a.b": {400, name},
		"/standup/mix.wav?without=standup/alice":     {400, name},
		"/standup/mix.wav?without=%00":               {400, name},
		"/standup/mix.wav?without=" + names(17):      {400, "without has 16 names at the most."},
		"/standup/mix.wav?pad=200":                   {200, ""},
		"/standup/mix.wav?mode=x":                    {400, "mode is live or complete"},
		"/standup/mix.wav?maxlag=x":                  {400, "maxlag is a duration"},
		"/empty/mix.wav":                             {404, "Nobody is publishing in the room empty now; add ?wait=30s to wait for somebody."},
		"/empty/mix.wav?wait=10ms":                   {404, "Nobody has published in the room empty within 10ms."},
		"/empty/mix.wav?wait=x":                      {400, "wait is a duration"},
		"/empty/mix.wav?wait=1h":                     {400, "wait is a duration"},
		"/call-abc/mix.wav":                          {404, "That call is over, and its files with it."},
		"/api/mix.wav":                               {404, "There is no /api/mix.wav here"},
		"/recordings/mix.wav":                        {404, "/recordings is reserved and no stream"},
		"/a/b/mix.wav":                               {400, "A stream's path is"},
		"/standup/%6dix.wav":                         {400, "A stream's path is"},
		"/mix.wav":                                   {404, "Nobody is publishing /mix.wav now"},
		"/standup/mixed.wav":                         {404, "Nobody is publishing /standup/mixed.wav now"},
	} {
		if row.status == 200 {
			resp := r.request("HEAD", path, nil)
			if resp.StatusCode != 200 {
				t.Errorf("%s: %s", path, resp.Status)
			}
			continue
		}
		r.refused("GET", path, nil, row.status, row.words)
		r.refused("HEAD", strings.Replace(path, "wait=10ms", "wait=0s", 1), nil, row.status, "")
	}
	r.refused("GET", lowMix, nil, 416, "only ranges from byte 0 exist", "Range: bytes=100-")
	if resp := r.request("HEAD", "/standup/mix.wav?without="+names(16)+"&without=n1,n2,n3", nil); resp.StatusCode != 200 {
		t.Errorf("16 names, some of them twice: %s", resp.Status)
	}
	if resp := r.request("GET", lowMix, nil, "Range: bytes=0-1"); resp.StatusCode != 206 || resp.ContentLength != 2 {
		t.Errorf("two bytes: %s, %d", resp.Status, resp.ContentLength)
	}
	eventually(t, "nothing is left of any", func() bool { return r.s.Hub().Listeners("standup/alice") == 0 })
}

// A room's mix is nobody's to publish, in no way; outside rooms it is a name like any.
func TestMixIsNobodys(t *testing.T) {
	r := start(t, "http", wide())
	file := string(hum(500, time.Second))
	for _, path := range []string{"/standup/mix", "/standup/mix.wav", "/standup/mix.webm", "/standup/mix.mjpeg"} {
		for _, method := range []string{"PUT", "POST", "SOURCE", "DELETE"} {
			r.refused(method, path, strings.NewReader(file), 404, `"mix" is reserved inside rooms; choose another name.`)
		}
		r.refused("POST", path+"?run=abc&key=k", nil, 404, `"mix" is reserved inside rooms`)
		r.connect(path).refused(4404, `"mix" is reserved inside rooms`)
		r.connectWith(path, r.dialer, webcastProtocol).refused(4404, `"mix" is reserved inside rooms`)
	}
	if n := r.s.Hub().Names(); len(n) != 0 {
		t.Errorf("%q are left", n)
	}
	p := r.publish("/mix.wav")
	p.send([]byte(file))
	p.acked(1)
	r.listen("/mix.wav").has(44 + 8000)
	p.end()
}

// What is heard of a call: silence before anybody speaks, then who does; it ends with
// the call, and is then as unknown as its other files.
func TestMixOfACall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	path := c.startA.Publish[0].Path()
	mix := path[:strings.LastIndex(path, "/")] + "/mix.wav?rate=16000&channels=1"
	l := r.listen(mix)
	if b := l.has(44 + 16000 + 3200); loud(b[44:]) {
		t.Error("it is loud before anybody speaks")
	}
	p := r.publish(c.startA.Publish[0].URL)
	chunks := capture(t, picture)
	p.send(chunks[0])
	p.acked(1)
	for n := int64(0); n != 1; { // who speaks is told that somebody listens
		n = *c.a.hear("listeners").N
	}
	heard := 44
	for i := 1; !loud(l.has(heard)[44:]); i += 10 { // some of it is silent
		p.send(chunks[i : i+10]...)
		p.acked(i + 10)
		heard += 2 * 16000 * 3 / 10
	}
	c.b.say(calls.Message{Type: "hangup", Call: c.startB.Call})
	l.all()
	r.refused("GET", mix, nil, 404, "That call is over, and its files with it.")
	r.refused("GET", mix+"&wait=1s", nil, 404, "That call is over, and its files with it.")
	eventually(t, "nothing is held", func() bool { return len(r.s.hub.Names()) == 0 && r.s.hub.Memory() == 0 })
}

// Who comes first waits for a room; ten of them share one run, which is over when the
// last has gone.
func TestMixWaits(t *testing.T) {
	o := wide()
	o.Stream.Check, o.Stream.Filler = 5*time.Millisecond, time.Hour
	r := start(t, "http", o)
	var waiting []func() *http.Response
	for range 10 {
		waiting = append(waiting, r.ask("GET", lowMix+"&wait=1m", nil))
	}
	p := r.feed("standup/alice", hum(500, time.Second))
	var all []*body
	for _, answer := range waiting {
		l := r.follow(answer())
		l.has(44 + 16000)
		all = append(all, l)
	}
	eventually(t, "one run listens for all", func() bool { return r.s.Hub().Listeners("standup/alice") == 1 })
	for _, l := range all {
		l.resp.Body.Close()
	}
	eventually(t, "it is over", func() bool { return r.s.Hub().Listeners("standup/alice") == 0 })
	_ = p.End()
	eventually(t, "nothing is held", func() bool { return r.s.hub.Memory() == 0 })
	stopped := r.ask("GET", "/elsewhere/mix.wav?wait=1m", nil)
	eventually(t, "somebody waits", func() bool { return bytes.Contains(stacks(), []byte("AwaitRoom")) })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if resp := stopped(); resp.StatusCode != 503 {
		t.Errorf("who waits when the server stops: %s", resp.Status)
	}
}

// What browsers recorded, each chunk when it came: ffmpeg finds nothing wrong with the
// mix, one voice in it is the same sound as her own file, and all of them are there as
// long as they spoke. What is not decoded here is left out.
func TestMixOfCaptures(t *testing.T) {
	streamtest.Need(t, "ffmpeg")
	recordings := map[string]streamtest.Recording{
		"alice": streamtest.Capture(t, sound), "bob": streamtest.Capture(t, "firefox-video-vp8-opus-T100.webm"),
		"carol": streamtest.Capture(t, "firefox-audio-opus-T100.ogg"), "dave": streamtest.Capture(t, "chromium-h264-opus-T100.mp4"),
		"eve": streamtest.Capture(t, "webkit-audio-aac-T100.mp4"),
	}
	var own, one, all, wide48 []byte
	synctest.Test(t, func(t *testing.T) {
		o := quiet()
		o.Stream.Grace = time.Second
		r, _, _ := startPiped(t, o)
		var ending []*publisher
		listeners := map[*[]byte]func() *http.Response{}
		for to, path := range map[*[]byte]string{
			&own: "/standup/alice.wav?rate=16000&channels=1&wait=1m", &one: lowMix + "&without=bob,carol&without=dave&wait=1m",
			&all: lowMix + "&wait=1m", &wide48: "/standup/mix.wav?wait=1m",
		} {
			listeners[to] = r.ask("GET", path, nil)
		}
		synctest.Wait()
		began := time.Now()
		const length = 8 * time.Second
		for name, rec := range recordings {
			_, ext, _ := strings.Cut(rec.Name, ".")
			p := r.publish("/standup/" + name + "." + ext)
			ending = append(ending, p)
			go func() {
				for i, chunk := range rec.Chunks {
					if rec.At[i] >= length {
						return
					}
					time.Sleep(time.Until(began.Add(rec.At[i])))
					p.send(chunk)
				}
			}()
		}
		time.Sleep(length)
		for _, p := range ending {
			p.end()
		}
		for to, answer := range listeners {
			*to = r.follow(answer()).all()
		}
	})
	for name, b := range map[string][]byte{"of one": one, "of all": all, "as it is": wide48} {
		if n := judge(t, b); n == 0 {
			t.Errorf("%s: ffmpeg hears nothing", name)
		}
	}
	floats := func(b []byte) (pcm []float32) {
		for b = b[44:]; len(b) > 1; b = b[2:] {
			pcm = append(pcm, float32(int16(binary.LittleEndian.Uint16(b)))/(1<<15))
		}
		return pcm
	}
	hers, mixed := floats(own), floats(one)
	piece := hers[3*16000 : 5*16000]
	at := streamtest.Find(piece, mixed, 3*16000+8000, 16000)
	same := streamtest.Ratio(piece, mixed[at:])
	t.Logf("her own file and the mix of her: %.1f dB, %d samples later", same, at-3*16000)
	if same < 40 {
		t.Error("that is not the same sound")
	}
	// 8 s and a second of grace, after half a second of silence.
	if n := len(all) - 44; n < 2*16000*9 || n > 2*16000*11 || len(wide48)-44 < 4*48000*9 {
		t.Errorf("%d and %d bytes", n, len(wide48)-44)
	}
	if bytes.Equal(all, one) || !loud(all[44+2*16000*5:44+2*16000*6]) {
		t.Error("the others are not heard")
	}
}
