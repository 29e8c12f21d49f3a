package relay

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"everfile/static"
	"everfile/stream"
)

// basic is the header of somebody with a password.
func basic(password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("source:"+password))
}

// told sets a title as a source does.
func (r *running) told(path, password string) {
	r.t.Helper()
	resp := r.request("GET", path, nil, basic(password))
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(b) != "Listeners are told.\n" {
		r.t.Errorf("GET %s: %s %q, %v", path, resp.Status, b, err)
	}
}

func TestTitle(t *testing.T) {
	r := start(t, "http", wide())
	for _, path := range []string{"/a.webm?key=k", "/room/b.webm?key=k", "/open.webm"} {
		p := r.publish(path)
		p.send(capture(t, sound)[0])
		p.acked(1)
	}
	at := func(query string) string { return "/admin/metadata?mode=updinfo&" + query }
	for query, want := range map[string]string{
		"mount=/a&song=Artist+-+Title":                       "Artist - Title",
		"mount=/a.webm&song=x":                               "x",
		"mount=a&song=":                                      "",
		"mount=/a&title=T&artist=A":                          "A - T",
		"mount=/a&song=S&title=T&artist=A":                   "S",
		"mount=/a&song=%3B%27%3B%26%C3%A4":                   ";';&ä",
		"mount=/a&song=J%E4ger&charset=any":                  "Jäger",
		"mount=/a&song=%00a%0D%0Ab%7F%C2%85":                 "ab",
		"mount=/a&song=" + strings.Repeat("%E2%82%AC", 3000): strings.Repeat("€", maxTitle/3),
	} {
		r.told(at(query), "k")
		if got := r.titleOf("a"); got != want {
			t.Errorf("%.60s makes the title %.60q; expected %.60q", query, got, want)
		}
	}
	r.told(at("mount=/room/b&song=x"), "k")
	if got := r.s.Hub().Stream("room/b").Metadata().Title; got != "x" {
		t.Errorf("in a room it is %q", got)
	}
	r.told(at("mount=/a&song=kept"), "k")
	const not = "The password is not the key that this stream is published with"
	for _, row := range []struct {
		method, path, password string
		status                 int
		words                  string
	}{
		{"GET", at("mount=/a&song=x"), "", 401, not},
		{"GET", at("mount=/a&song=x"), "other", 401, not},
		{"GET", at("mount=/open&song=x"), "", 401, not},
		{"GET", at("mount=/open&song=x"), "k", 401, not},
		{"GET", at("mount=/nobody&song=x"), "k", 404, "Nobody is publishing"},
		{"GET", at("mount=/call-1/a&song=x"), "k", 404, "That call is over"},
		{"GET", at("song=x"), "k", 400, "A stream's path is /NAME.EXT"},
		{"GET", at("mount=/a.xyz&song=x"), "k", 404, `Unknown extension ".xyz"`},
		{"GET", at("mount=/a"), "k", 400, "song says what plays now"},
		{"GET", at("mount=/a&song=a;b"), "k", 400, "The query cannot be read: invalid semicolon"},
		{"GET", "/admin/metadata", "k", 400, "mode is updinfo"},
		{"GET", "/admin/metadata?mode=other&mount=/a&song=x", "k", 400, `mode is updinfo, as in /admin/metadata?mode=updinfo&mount=/NAME&song=TITLE; got "other".`},
		{"POST", at("mount=/a&song=x"), "k", 405, "is asked by GET"},
		{"HEAD", at("mount=/a&song=x"), "k", 405, ""},
		{"GET", "/admin/listclients?mount=/a", "k", 404, "is reserved"},
	} {
		r.refused(row.method, row.path, nil, row.status, row.words, basic(row.password))
	}
	r.refused("GET", at("mount=/a&song=x"), nil, 403, "Pages of other sites", basic("k"), "Sec-Fetch-Site: cross-site")
	resp := r.refused("GET", at("mount=/a&song=x"), nil, 401, "the password is the key that the stream is published with")
	if got := resp.Header.Get("WWW-Authenticate"); got != `Basic realm="everfile"` {
		t.Errorf("WWW-Authenticate %q", got)
	}
	if a, o := r.titleOf("a"), r.titleOf("open"); a != "kept" || o != "" {
		t.Errorf("the titles are %q and %q", a, o)
	}
}

// What a source says of its stream is listed, and nothing is where nothing is said.
func TestMetadataIsListed(t *testing.T) {
	o := wide()
	o.Static = static.Files
	r := start(t, "http", o)
	resp := r.request("PUT", "/a?pace=0&key=k", strings.NewReader("rubbish"), "Ice-Name: x") // of a file that never began
	resp.Body.Close()
	body, w := io.Pipe()
	defer w.Close()
	req, err := http.NewRequestWithContext(bounded(t, body), "PUT", r.url+"/a?key=k", body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"ice-name: A N\xE4me", "ICE-Description: " + strings.Repeat("d", 5000), "icy-genre: Jazz", "Ice-Url: https://example.org/", "ice-public: 1", "ice-audio-info: ice-samplerate=44100;bitrate=96"} {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	go func() {
		if resp, err := r.client.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	if _, err := w.Write(capture(t, sound)[0]); err != nil {
		t.Fatal(err)
	}
	r.feed("b", capture(t, sound)[0])
	eventually(t, "both are listed", func() bool { return len(r.s.listed()) == 2 })
	r.told("/admin/metadata?mode=updinfo&mount=/a&song=now", "k")
	var got struct{ Streams []map[string]any }
	if err := json.Unmarshal([]byte(r.page("/api/streams")), &got); err != nil {
		t.Fatal(err)
	}
	if words := "<small>A Näme: now</small>"; !strings.Contains(r.page("/live"), words) {
		t.Errorf("the page does not say %s", words)
	}
	want := `{"bitrate":96,"description":"` + strings.Repeat("d", maxWords) + `","genre":"Jazz","name":"A Näme","public":true,"title":"now","url":"https://example.org/"}`
	if b, err := json.Marshal(got.Streams[0]["metadata"]); err != nil || string(b) != want {
		t.Errorf("listed is %s, %v; expected %s", b, err, want)
	}
	if m, ok := got.Streams[1]["metadata"]; ok {
		t.Errorf("of a stream that nothing was said of it is listed %v", m)
	}
}

func TestStation(t *testing.T) {
	for _, row := range []struct {
		headers string
		want    *stream.Metadata
	}{
		{"", nil},
		{"Ice-Public: 0", nil},
		{"Ice-Name: n", &stream.Metadata{Name: "n"}},
		{"Icy-Name: n\nIcy-Br: 128\nIcy-Pub: 1", &stream.Metadata{Name: "n", Bitrate: 128, Public: true}},
		{"Ice-Name: a\nIcy-Name: b", &stream.Metadata{Name: "a"}},
		{"Ice-Bitrate: Quality 4\nIce-Audio-Info: channels=2; ice-bitrate = 64 ;x", &stream.Metadata{Bitrate: 64}},
		{"Ice-Bitrate: -1\nIce-Genre: g", &stream.Metadata{Genre: "g"}},
		{"Ice-Bitrate: 99999999999999999999\nIce-Genre: g", &stream.Metadata{Genre: "g"}},
		{"Ice-Bitrate: 1000001\nIce-Genre: g", &stream.Metadata{Genre: "g"}},
	} {
		h := http.Header{}
		for line := range strings.Lines(row.headers) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			h.Set(name, value)
		}
		if got := station(h); (got == nil) != (row.want == nil) || got != nil && *got != *row.want {
			t.Errorf("%q: %+v; expected %+v", row.headers, got, row.want)
		}
	}
}

// fit demands that text can be stored, listed and sent.
func fit(t testing.TB, s string, most int) {
	t.Helper()
	if len(s) > most || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || s != strings.TrimSpace(s) {
		t.Fatalf("%d bytes %.80q are kept", len(s), s)
	}
}

func FuzzTidy(f *testing.F) {
	for _, s := range []string{"Artist - Title", "J\xE4ger", " ä\x00\n ", strings.Repeat("€", 2000), "a';b", "\u0085\u00a0"} {
		f.Add(s, uint16(40))
	}
	f.Fuzz(func(t *testing.T, s string, most uint16) {
		got := tidy(s, int(most))
		fit(t, got, int(most))
		if again := tidy(got, int(most)); again != got {
			t.Fatalf("%q becomes %q the second time", got, again)
		}
		fit(t, titled(s, got), maxTitle)
		audioInfo(s, "bitrate")
	})
}
