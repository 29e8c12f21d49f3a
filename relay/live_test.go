package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"everfile/static"
	"everfile/stream"
	"everfile/stream/streamtest"
)

// quietSince starts a server with pages, whose streams' clock stands still.
func quietSince(t *testing.T, began time.Time) *running {
	o := wide()
	o.Static = static.Files
	o.Stream.Now = func() time.Time { return began }
	return start(t, "http", o)
}

// feed publishes chunks without the detour of a network.
func (r *running) feed(name string, chunks ...[]byte) *stream.Publisher {
	r.t.Helper()
	p, err := r.s.Hub().Publish(name, stream.PublishOptions{})
	for _, b := range chunks {
		if err == nil {
			_, err = p.Write(b)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// page returns a body that came with 200.
func (r *running) page(path string) string {
	r.t.Helper()
	resp := r.request("GET", path, nil)
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		r.t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return string(b)
}

// strange is a recording whose codec has a name that means something in HTML.
func strange(t *testing.T) []byte {
	b := capture(t, sound)[0]
	s := bytes.Replace(b, []byte("A_OPUS"), []byte("A<b>&z"), 1)
	if bytes.Equal(s, b) {
		t.Fatal("the capture names no codec")
	}
	return s
}

// manySince is a server with streams of every kind, two of them in rooms.
func manySince(t *testing.T, began time.Time) *running {
	r := quietSince(t, began)
	r.feed("alice", capture(t, picture)...)
	r.feed("talk", streamtest.Wave(2*time.Second))
	r.feed("hall/bob7", capture(t, sound)...)
	r.feed("gone", capture(t, sound)...).Drop()
	r.feed("odd", strange(t))
	r.feed("call-9/carol7", capture(t, sound)...)
	r.feed("mute") // has sent nothing
	st, err := r.s.Hub().Open(t.Context(), "alice", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		t.Cleanup(st.Listen(stream.ListenOptions{}).Close)
	}
	return r
}

func TestStreamsAsJSON(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 2, 1, 0, time.FixedZone("", 7200))
	r := manySince(t, began)
	body := r.page("/api/streams")
	type object = map[string]any
	var got struct{ Streams []object }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	size := func(chunks [][]byte) float64 { return float64(len(bytes.Join(chunks, nil))) }
	row := func(name, ext, contentType string, bytes float64, codecs ...any) object {
		return object{"name": name, "url": "/" + name + "." + ext, "container": ext, "codecs": codecs, "contentType": contentType,
			"listeners": 0., "since": "2026-05-04T01:02:01Z", "bytes": bytes, "live": true}
	}
	want := []object{
		row("alice", "webm", `video/webm; codecs="vp8, opus"`, size(capture(t, picture)), "vp8", "opus"),
		row("gone", "webm", `audio/webm; codecs="opus"`, size(capture(t, sound)), "opus"),
		row("odd", "webm", `audio/x-matroska; codecs="A<b>&z"`, float64(len(strange(t))), "A<b>&z"),
		row("talk", "wav", `audio/wav; codecs="1"`, float64(len(streamtest.Wave(2*time.Second))), "1"),
	}
	want[0]["listeners"] = 2.
	want[1]["live"] = false
	bitrates := map[string][2]float64{"alice": {100e3, 5e6}, "gone": {10e3, 300e3}, "odd": {0, 300e3}, "talk": {768e3, 768e3}}
	for _, s := range got.Streams {
		between := bitrates[fmt.Sprint(s["name"])]
		if bits, ok := s["bitsPerSecond"].(float64); !ok || bits < between[0] || bits > between[1] {
			t.Errorf("%s: %v bit/s; expected %v", s["name"], s["bitsPerSecond"], between)
		}
		if listening, ok := s["listening"].([]any); !ok || len(listening) != 0 { // there are no doors here
			t.Errorf("%s: %v are listening", s["name"], s["listening"])
		}
		delete(s, "bitsPerSecond")
		delete(s, "listening")
		delete(s, "views")
	}
	if !reflect.DeepEqual(got.Streams, want) {
		t.Errorf("got\n%v\nexpected\n%v", got.Streams, want)
	}
	if strings.ContainsAny(body, "<>") {
		t.Errorf("an old browser could take this for HTML: %s", body)
	}
}

func TestStreamsAsPage(t *testing.T) {
	began := time.Now().Add(-3*time.Hour - 20*time.Minute - 30*time.Second)
	r := manySince(t, began)
	page := r.page("/live")
	for _, words := range []string{
		`<html lang="en">`, `<title>Live - everfile</title>`, `<main>`, `<th scope="row" role="rowheader"><a href="/static/watch.html?url=/alice.webm">alice</a> <img class="still" src="/alice.jpg" alt="" width="160" loading="lazy"></th>`,
		`<a href="/alice.webm">/alice.webm</a> <a href="/alice.ogg">.ogg</a> <a href="/alice.wav">.wav</a> <a href="/alice.pcm">.pcm</a> <a href="/alice.mjpeg">.mjpeg</a> <a href="/alice.jpg">.jpg</a>`, `<code>curl -N <span class="origin">` + r.url + `</span>/alice.webm</code>`,
		`<audio controls preload="none" aria-label="Sound of alice"><source src="/alice.webm?el=1&amp;pad=200&amp;tracks=audio" type="audio/webm"><source src="/alice.ogg?el=1&amp;pad=200" type="audio/ogg"><source src="/alice.wav?el=1&amp;pad=200" type="audio/wav"></audio>`,
		`<audio controls preload="none" aria-label="Sound of talk"><source src="/talk.wav?el=1&amp;pad=200" type="audio/wav"></audio>`,
		`<a href="/static/watch.html?url=/talk.wav">talk</a>`, `<a href="/talk.wav">/talk.wav</a>`,
		">vp8 640x360, opus 48000 Hz mono<", ">pcm 16 bit 48000 Hz mono<", ">768 kbit/s<", ">3 h 20 min<",
		`data-label="Container">wav<`, `data-label="Listeners">2<`, `data-label="Since"><time datetime="` + began.UTC().Format(time.RFC3339),
		`gone</a> <small>its publisher is gone and may come back</small>`, "A&lt;b&gt;&amp;z 48000 Hz",
	} {
		if !strings.Contains(page, words) {
			t.Errorf("no %s in the page", words)
		}
	}
	if n := strings.Count(page, "may come back"); n != 1 {
		t.Errorf("%d publishers are gone", n)
	}
	for _, words := range []string{"<b>", "mute", "Nobody is live", `http-equiv`} {
		if strings.Contains(page, words) {
			t.Errorf("%s is in the page", words)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
	r.leads(page)
	secure := start(t, "h2", Options{Static: static.Files})
	if page := secure.page("/live"); !strings.Contains(page, "curl -T talk.webm <span class=\"origin\">"+secure.url+"</span>/talk.webm") {
		t.Errorf("over TLS the page names another origin than %s: %s", secure.url, page)
	}
}

// leads demands that all that a page loads and links to is there, on this server,
// and that it has no script or style of its own, which its policy forbids.
func (r *running) leads(page string) {
	r.t.Helper()
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(links) < 8 {
		r.t.Errorf("only %d links", len(links))
	}
	for _, m := range links {
		if resp := r.request("HEAD", html.UnescapeString(m[1]), nil); resp.StatusCode != 200 {
			r.t.Errorf("%s leads to %s", m[1], resp.Status)
		}
	}
	if m := regexp.MustCompile(`<script(?:\s[^>]*)?>[^<]|<style|\sstyle="|\son[a-z]+="`).FindString(page); m != "" {
		r.t.Errorf("the page has %s", m)
	}
}

// TestRoomsAreNotListed: neither their streams nor how many there are.
func TestRoomsAreNotListed(t *testing.T) {
	full, empty := manySince(t, time.Now()), quietSince(t, time.Now())
	for _, path := range []string{"/live", "/api/streams"} {
		if got := full.page(path); !strings.Contains(got, "alice") || regexp.MustCompile("hall|bob7|call-9|carol7").MatchString(got) {
			t.Errorf("%s tells of a room: %s", path, got)
		}
	}
	nobody := empty.page("/live")
	for _, words := range []string{"Nobody is live.", `<a href="/static/record.html">record`, "curl -T talk.webm"} {
		if !strings.Contains(nobody, words) {
			t.Errorf("no %q in the empty page: %s", words, nobody)
		}
	}
	if strings.Contains(nobody, "<table") {
		t.Errorf("the empty page has a table: %s", nobody)
	}
	empty.leads(nobody)
	empty.feed("hall/bob7", capture(t, sound)...)
	asOf := regexp.MustCompile(`As of .* UTC`)
	if got := empty.page("/live"); asOf.ReplaceAllString(got, "") != asOf.ReplaceAllString(nobody, "") {
		t.Errorf("a stream in a room changes the page to %s", got)
	}
	if got := empty.page("/api/streams"); got != "{\"streams\":[]}\n" {
		t.Errorf("without streams outside rooms: %q", got)
	}
}

// TestListNamesAreEscaped: the doors let no such name in, and the page does not
// rely on them.
func TestListNamesAreEscaped(t *testing.T) {
	r := quietSince(t, time.Now())
	r.feed(`<i>"'&x`, capture(t, sound)...)
	page := r.page("/live")
	if strings.Contains(page, "<i>") || !strings.Contains(page, "&lt;i&gt;&#34;&#39;&amp;x</a>") || !strings.Contains(page, "url=/%3ci%3e%22%27%26x.webm") {
		t.Error(page)
	}
}

func TestListsAreOnlyRead(t *testing.T) {
	r := manySince(t, time.Now().Add(-90*time.Minute)) // so long that the page stays as long as it is
	for path, headers := range map[string]map[string]string{
		"/live":           {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "Referrer-Policy": "same-origin"},
		"/api/streams":    {"Content-Type": "application/json", "Cache-Control": "no-store"},
		"/api/qr?text=hi": {"Content-Type": "image/png", "Cache-Control": "private, max-age=86400"},
	} {
		want := len(r.page(path))
		resp := r.request("HEAD", path, nil)
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 || len(b) != 0 || resp.ContentLength != int64(want) {
			t.Errorf("HEAD %s: %s, %d bytes of %d; GET has %d", path, resp.Status, len(b), resp.ContentLength, want)
		}
		headers["X-Content-Type-Options"] = "nosniff"
		for name, value := range headers {
			if got := resp.Header.Get(name); got != value {
				t.Errorf("%s: %s: %q; expected %q", path, name, got, value)
			}
		}
		plain, _, _ := strings.Cut(path, "?")
		for _, method := range []string{"PUT", "POST", "DELETE"} {
			resp := r.refused(method, path, strings.NewReader("x"), http.StatusMethodNotAllowed, plain+" can only be read, with GET or HEAD.")
			if got := resp.Header.Get("Allow"); got != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: Allow %q", method, path, got)
			}
		}
		if resp := r.request("OPTIONS", path, nil); resp.StatusCode != http.StatusNoContent || resp.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("OPTIONS %s: %s, Allow %q", path, resp.Status, resp.Header.Get("Allow"))
		}
		r.connect(plain).refused(4404, "is reserved and no stream")
	}
	policy := func(path string) string { return r.request("HEAD", path, nil).Header.Get("Content-Security-Policy") }
	if got := policy("/live"); got == "" || got != policy("/static/watch.html") {
		t.Errorf("another policy than other pages': %q", got)
	}
	for _, path := range []string{"/api/", "/api/none", "/api/streams/", "/api/streams/x", "/api/qr.png", "/api/a.webm"} {
		for _, method := range []string{"GET", "HEAD", "PUT"} {
			r.refused(method, path, nil, 404, "There is no "+path+" here; there are /api/streams and /api/qr?text=TEXT.")
		}
	}
	for _, path := range []string{"/api", "/live/", "/live.webm", "/live/a.webm"} {
		r.refused("GET", path, nil, 404, "is reserved and no stream")
	}
	// Without pages there is no page.
	r = start(t, "http", wide())
	r.refused("GET", "/live", nil, 404, "/live is reserved and no stream")
	r.page("/api/streams")
}

func TestHowPeopleSayIt(t *testing.T) {
	for bits, want := range map[int64]string{0: "silent", 1: "1 kbit/s", 1499: "1 kbit/s", 31_500: "32 kbit/s", 999_000: "999 kbit/s", 1_260_000: "1.3 Mbit/s"} {
		if got := bitrate(bits); got != want {
			t.Errorf("%d bit/s: %q; expected %q", bits, got, want)
		}
	}
	now := time.Now()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59_999 * time.Millisecond: "59 s", time.Minute: "1 min", time.Hour - 1: "59 min",
		time.Hour: "1 h 0 min", 25*time.Hour + 59*time.Minute: "25 h 59 min", 49 * time.Hour: "2 days",
	} {
		if got := age(now, now.Add(-d)); got != want {
			t.Errorf("%v: %q; expected %q", d, got, want)
		}
	}
}

// How each listener gets on is in the list.
func TestListenersAreListed(t *testing.T) {
	r, _ := begun(t, "http", "/a.webm", wide(), capture(t, sound))
	l := r.listen("/a.webm")
	l.has(100)
	var got struct {
		Streams []struct{ Listening []listenerInfo }
	}
	eventually(t, "the listener is listed with its bytes", func() bool {
		if err := json.Unmarshal([]byte(r.page("/api/streams")), &got); err != nil {
			t.Fatal(err)
		}
		return len(got.Streams) == 1 && len(got.Streams[0].Listening) == 1 && got.Streams[0].Listening[0].Bytes > 0
	})
	if st := got.Streams[0].Listening[0]; st.Skips != 0 || st.Lost != 0 || st.Lag < 0 {
		t.Errorf("%+v", st)
	}
}
