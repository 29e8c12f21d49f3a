package relay

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"

	"everfile/static"
)

var pageTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
}

func TestPages(t *testing.T) {
	o := wide()
	o.Static = static.Files
	paths := map[string]string{"/": "index.html", "/sw.js": "sw.js", "/favicon.ico": "favicon.svg"}
	files, err := fs.Glob(static.Files, "*")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		paths["/static/"+name] = name
	}
	for _, protocol := range []string{"http", "h2"} {
		r := start(t, protocol, o)
		for url, name := range paths {
			want, err := fs.ReadFile(static.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			for _, method := range []string{"GET", "HEAD"} {
				resp := r.request(method, url, nil)
				got, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if method == "HEAD" {
					want = nil
				}
				if resp.StatusCode != 200 || resp.Request.URL.Path != url || !bytes.Equal(got, want) {
					t.Errorf("%s %s: %s from %s, %d bytes of %d", method, url, resp.Status, resp.Request.URL.Path, len(got), len(want))
				}
				for header, value := range map[string]string{
					"Content-Type":           pageTypes[path.Ext(name)],
					"Cache-Control":          "no-cache",
					"X-Content-Type-Options": "nosniff",
					"Referrer-Policy":        "same-origin",
				} {
					if got := resp.Header.Get(header); got != value {
						t.Errorf("%s: %s: %q; expected %q", url, header, got, value)
					}
				}
				csp := resp.Header.Get("Content-Security-Policy")
				for _, rule := range []string{"default-src 'self'", "media-src 'self' blob: data:", "connect-src 'self' ws: wss:", "frame-ancestors 'self'"} {
					if !strings.Contains(csp, rule) {
						t.Errorf("%s: the policy %q; expected %s in it", url, csp, rule)
					}
				}
			}
			resp := r.refused("POST", url, strings.NewReader("x"), 405, url+" is a page, which can only be read.")
			if got := resp.Header.Get("Allow"); got != "GET, HEAD" {
				t.Errorf("POST %s: Allow %q", url, got)
			}
		}
	}
}

// A page that a browser has is not sent again; one that another origin loads says how it
// came, and scripts of an origin that is let in may read it.
func TestPagesAgain(t *testing.T) {
	o := wide()
	o.Static = static.Files
	o.AllowOrigin = []string{"https://friend.example"}
	r := start(t, "http", o)
	tags := map[string]string{}
	for _, url := range []string{"/", "/static/everfile.js", "/static/soundworklet.js"} {
		resp := r.request("GET", url, nil, "Origin: https://friend.example")
		resp.Body.Close()
		tag := resp.Header.Get("ETag")
		if tags[tag] != "" || tag == "" {
			t.Errorf("%s has the tag %q of %q", url, tag, tags[tag])
		}
		tags[tag] = url
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "https://friend.example" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", url, got)
		}
		if got := resp.Header.Get("Timing-Allow-Origin"); got != "*" {
			t.Errorf("%s: Timing-Allow-Origin %q", url, got)
		}
		resp = r.request("GET", url, nil, "If-None-Match: "+tag)
		resp.Body.Close()
		if resp.StatusCode != 304 {
			t.Errorf("%s again: %s", url, resp.Status)
		}
		resp = r.request("GET", url, nil, `If-None-Match: "other"`)
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s when it was another one: %s", url, resp.Status)
		}
		r.refused("GET", url, nil, 403, "may not use this server; start it with --allow-origin", "Origin: https://stranger.example")
	}
}

func TestNoSuchPage(t *testing.T) {
	o := wide()
	o.Static = static.Files
	r := start(t, "http", o)
	for _, url := range []string{
		"/static/", "/static/none.html", "/static/static.go", "/static/sw.js/", "/static//", "/static/.", "/static/..",
		"/static/../main.go", "/static/%2e%2e/main.go", "/static/index.html/", "/static/sw%2ejs%00", "/static/a.webm",
	} {
		r.refused("GET", url, nil, 404, "There is no page /static/")
	}
	r.refused("GET", "/static", nil, 404, "/static is reserved and no stream")
	// Without pages the server has streams only.
	r = start(t, "http", wide())
	r.refused("GET", "/", nil, 400, "A stream's path is /NAME.EXT")
	r.refused("GET", "/sw.js", nil, 404, "is reserved and no stream")
	r.refused("GET", "/static/index.html", nil, 404, "is reserved and no stream")
}
