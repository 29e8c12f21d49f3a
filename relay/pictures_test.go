package relay

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/relay/calls"
	"everfile/static"
	"everfile/stream/streamtest"
)

// TestPicturesBeside: sound and pictures by two sockets under one name, each of them
// with a run of its own, are told of together.
func TestPicturesBeside(t *testing.T) {
	pictures := paintings(t, 3)
	o := wide()
	o.Static = static.Files
	r := start(t, "http", o)
	cam, mic := r.publish("/a.mjpeg?run=cam&key=k"), r.publish("/a.wav?run=mic&key=k")
	cam.send(pictures[0])
	cam.acked(1)
	mic.send(streamtest.Wave(time.Second))
	mic.acked(1)
	r.connect("/a.mjpeg?run=x&key=l").refused(4409, "Somebody else publishes under this name")
	r.connect("/a.wav?run=x").refused(4409, "Somebody else publishes under this name")

	link := func(exts ...string) (all []string) {
		kinds := map[string]string{"wav": "audio/wav", "pcm": "audio/x-raw", "mjpeg": "multipart/x-mixed-replace", "jpg": "image/jpeg"}
		for _, ext := range exts {
			all = append(all, fmt.Sprintf(`</a.%s>; rel="alternate"; type="%s"`, ext, kinds[ext]))
		}
		return all
	}
	for path, want := range map[string][]string{
		"/a": link("wav", "pcm", "mjpeg", "jpg"), "/a.wav": link("pcm", "mjpeg", "jpg"), "/a.pcm?rate=8000": link("wav", "mjpeg", "jpg"),
		"/a.mjpeg": link("wav", "pcm", "jpg"), "/a.jpg": link("wav", "pcm", "mjpeg"), "/a.webm": link("wav", "pcm", "mjpeg", "jpg"),
	} {
		if got := r.request("HEAD", path, nil).Header.Values("Link"); !slices.Equal(got, want) {
			t.Errorf("HEAD %s: %q; expected %q", path, got, want)
		}
	}
	const both = "It is wav of pcm 16 bit 48000 Hz mono and mjpeg of mjpeg 64x48 and can be played as: /a.wav, /a.pcm, /a.mjpeg, /a.jpg."
	r.refused("GET", "/a.webm", nil, 406, "This stream cannot be had like that: no webm is made of wav here. "+both)
	r.refused("GET", "/a.mjpeg?tracks=audio", nil, 406, "This stream has no sound. "+both)

	heard, seen, missed := r.listen("/a"), r.listen("/a.mjpeg"), r.listen("/a.mjpeg")
	for _, l := range []*body{heard, seen, missed} {
		l.has(1)
	}
	list := r.page("/api/streams")
	for _, words := range []string{`"name":"a","url":"/a.wav","container":"wav","codecs":["1","mjpeg"]`, `"listeners":3`, `{"url":"/a.jpg","contentType":"image/jpeg"}`} {
		if !strings.Contains(list, words) {
			t.Errorf("no %s in %s", words, list)
		}
	}
	page := r.page("/live")
	if n := strings.Count(list, `"name"`); n != 1 || !strings.Contains(page, `<a href="/static/watch.html?url=/a.wav">a</a> <img class="still" src="/a.jpg" alt=""`) {
		t.Errorf("%d streams are listed; %s", n, page)
	}

	cam.c.abandon() // it comes back, and the sound goes on
	mic.send(make([]byte, 960))
	mic.acked(2)
	again := r.insist("/a.mjpeg?run=cam&key=k")
	if again.ready.Chunks != 1 || !*again.ready.Known {
		t.Errorf("the pictures' run: %+v", again.ready)
	}
	again.send(pictures[1:]...)
	again.acked(3)
	again.end()
	named := boundary(t, seen.resp.Header)
	samePictures(t, unpacked(t, seen.all(), named), pictures)
	mic.send(make([]byte, 960))
	mic.acked(3)
	mic.end()
	if got, want := heard.all(), demanded(t, "wav", [][]byte{streamtest.Wave(time.Second), make([]byte, 960), make([]byte, 960)}); !bytes.HasPrefix(want, got[:44]) || !bytes.HasSuffix(want, got[44:]) {
		t.Errorf("%d bytes of sound; expected the last of %d", len(got), len(want))
	}
	eventually(t, "nothing is held", func() bool { return len(r.s.hub.Names()) == 0 && r.s.hub.Memory() == 0 })
}

// TestStillPolled: who has the newest picture is told so, and sent nothing.
func TestStillPolled(t *testing.T) {
	pictures := paintings(t, 2)
	now := time.Date(2026, 5, 4, 3, 2, 1, 5e8, time.UTC)
	o := wide()
	o.Stream.Now = func() time.Time { return now }
	for _, protocol := range []string{"http", "h2"} {
		r := start(t, protocol, o)
		p := r.feed("a", pictures[0])
		first := r.request("GET", "/a.jpg", nil)
		tag := first.Header.Get("ETag")
		if tag == "" {
			t.Fatal("no tag")
		}
		const taken, before, after = "Mon, 04 May 2026 03:02:01 GMT", "Mon, 04 May 2026 03:02:00 GMT", "Mon, 04 May 2026 03:02:02 GMT"
		polled := func(want int, headers ...string) {
			t.Helper()
			for _, method := range []string{"GET", "HEAD"} {
				resp := r.request(method, "/a.jpg", nil, headers...)
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode != want || err != nil || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("ETag") == "" || resp.Header.Get("Last-Modified") == "" {
					t.Errorf("%s %s %q: %s, %v, %v; expected %d", protocol, method, headers, resp.Status, resp.Header, err, want)
				}
				if whole := want == 200 && method == "GET"; (len(b) > 0) != whole {
					t.Errorf("%s %s %q: %d bytes", protocol, method, headers, len(b))
				}
			}
		}
		polled(304, "If-None-Match: "+tag)
		polled(304, `If-None-Match: "x", W/`+tag)
		polled(304, "If-None-Match: *")
		polled(200, `If-None-Match: "x"`)
		polled(200, `If-None-Match: "x"`, "If-Modified-Since: "+after)
		polled(304, "If-Modified-Since: "+taken)
		polled(304, "If-Modified-Since: "+after)
		polled(200, "If-Modified-Since: "+before)
		polled(200, "If-Modified-Since: yesterday")
		if _, err := p.Write(pictures[1]); err != nil { // at the same moment
			t.Fatal(err)
		}
		polled(200, "If-None-Match: "+tag)
		isStillNow(t, r, pictures[1])
	}
}

// TestStillOfVideo: the newest keyframe as a picture, which nobody decodes for who has
// it already; and what is a picture to nobody.
func TestStillOfVideo(t *testing.T) {
	o := wide()
	o.Held, o.Stream.Memory = patience, 512<<10
	r := start(t, "http", o)
	chunks := capture(t, picture)
	p := r.feed("a", chunks[0])
	resp := r.request("GET", "/a.jpg", nil)
	m, err := jpeg.Decode(resp.Body)
	if err != nil || m.Bounds().Dx() != 640 || m.Bounds().Dy() != 360 || resp.Header.Get("Content-Type") != "image/jpeg" || resp.ContentLength < 1000 {
		t.Fatalf("%s, %v, %v", resp.Status, resp.Header, err)
	}
	head := r.request("HEAD", "/a.jpg", nil)
	tag := resp.Header.Get("ETag")
	if head.StatusCode != 200 || head.ContentLength != resp.ContentLength || head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %s, %v", head.Status, head.Header)
	}
	eventually(t, "nothing is left of it", func() bool { return r.s.Hub().Listeners("a") == 0 })
	for codec, words := range map[string]string{"vp9": "vp9.", "av1": "av01.", "h264": "avc1."} {
		r.feed(codec, capture(t, "chromium-"+codec+"-opus-T100.webm")[:4]...)
		r.refused("GET", "/"+codec+".jpg", nil, 406, "This stream cannot be had like that: of video only vp8 is made into pictures here, and its picture is "+words)
		r.s.Hub().End(codec, nil)
	}
	for _, b := range chunks[1:] { // the next keyframe
		if _, err := p.Write(b); err != nil {
			t.Fatal(err)
		}
		resp = r.request("GET", "/a.jpg", nil)
		if resp.Header.Get("ETag") != tag {
			break
		}
	}
	newest := resp.Header.Get("ETag")
	for i := 0; r.s.Hub().Memory() <= o.Stream.Memory*9/10; i++ { // until there is none for a conversion
		r.feed(fmt.Sprint(i), streamtest.Wave(100*time.Millisecond))
	}
	eventually(t, "the conversion before has ended, and there is no memory for another", func() bool {
		resp := r.request("GET", "/a.jpg", nil, "If-None-Match: "+tag)
		resp.Body.Close()
		if refused := resp.StatusCode == 503; refused == (resp.Header.Get("ETag") != "") {
			t.Errorf("%s with the tag %q", resp.Status, resp.Header.Get("ETag"))
		}
		return resp.StatusCode == 503
	})
	if resp := r.request("GET", "/a.jpg", nil, "If-None-Match: "+newest); resp.StatusCode != 304 || newest == tag {
		t.Errorf("who has it: %s, tag %s after %s", resp.Status, newest, tag)
	}
}

// TestStillWaits: for the first picture, as long as any request waits.
func TestStillWaits(t *testing.T) {
	o := wide()
	o.Held = patience
	r := start(t, "http", o)
	chunks := capture(t, picture)
	head := bytes.Index(chunks[0], []byte{0x1F, 0x43, 0xB6, 0x75}) // the first cluster
	p := r.feed("a", chunks[0][:head])
	const none = "Somebody is connected to publish /a.jpg but has sent nothing that can be played yet"
	r.refused("GET", "/a.jpg?wait=1ms", nil, 404, none)
	if resp := r.refused("HEAD", "/a.jpg", nil, 404, none); resp.Header.Get("ETag") != "" {
		t.Error("a refusal has a tag")
	}
	asked := r.ask("GET", "/a.jpg", nil)
	eventually(t, "somebody waits", func() bool { return r.s.Hub().Listeners("a") == 1 })
	if _, err := p.Write(chunks[0][head:]); err != nil {
		t.Fatal(err)
	}
	if _, err := jpeg.Decode(asked().Body); err != nil {
		t.Error(err)
	}
	q := r.feed("b", chunks[0][:head])
	asked = r.ask("GET", "/b.jpg", nil)
	eventually(t, "somebody waits", func() bool { return r.s.Hub().Listeners("b") == 1 })
	if err := q.End(); err != nil {
		t.Fatal(err)
	}
	if resp := asked(); resp.StatusCode != 404 {
		t.Errorf("after the stream's end: %s", resp.Status)
	}
}

// TestPicturesOfACall: the key is the same, listeners are told of, and the pictures
// end with the call.
func TestPicturesOfACall(t *testing.T) {
	r := start(t, "http", wide())
	c := r.call()
	url := strings.Replace(c.startA.Publish[0].URL, ".webm", ".mjpeg", 1)
	path, _, _ := strings.Cut(url, "?")
	r.connect(path).refused(4403, "Only alice may publish here")
	cam := r.publish(url)
	cam.send(painted(t, 9))
	cam.acked(1)
	l := r.listen(path)
	l.has(1)
	for n := int64(0); n != 1; {
		n = *c.a.hear("listeners").N
	}
	asked := r.ask("GET", c.startB.Play[0].URL, nil) // it waits, as pictures alone are not what it asks for
	mic := r.publish(c.startA.Publish[0].URL)
	mic.send(capture(t, sound)[0])
	mic.acked(1)
	other := r.follow(asked())
	other.has(1)
	if edge := c.b.hear("edge"); *edge.T == 0 {
		t.Errorf("bob is told %s before there is sound", calls.Encode(edge))
	}
	for n := int64(0); n != 2; {
		n = *c.a.hear("listeners").N
	}
	c.b.say(calls.Message{Type: "hangup", Call: c.startB.Call})
	l.all()
	other.all()
	cam.refused(4404, "That call is over")
	r.refused("GET", strings.Replace(path, ".mjpeg", ".jpg", 1), nil, 404, "That call is over, and its files with it.")
	eventually(t, "nothing is held", func() bool { return len(r.s.hub.Names()) == 0 && r.s.hub.Memory() == 0 })
}
