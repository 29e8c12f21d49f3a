package relay

import (
	"net/http"
	"strings"
	"testing"
)

// from is a client whose requests come from a page of some origin.
type from struct {
	origin string
	base   http.RoundTripper
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Origin", f.origin)
	return f.base.RoundTrip(r)
}

func TestOrigin(t *testing.T) {
	chunks := capture(t, sound)
	const friend, stranger = "https://friend.example", "https://stranger.example"
	for _, row := range []struct {
		allow  []string
		origin string // SELF is the server's own
		in     bool
		header string
	}{
		{nil, "SELF", true, ""},
		{nil, stranger, false, ""},
		{nil, "null", false, ""},
		{[]string{friend}, friend, true, friend},
		{[]string{friend}, "SELF", true, ""},
		{[]string{friend}, stranger, false, ""},
		{[]string{friend}, friend + ".evil.example", false, ""},
		{[]string{"*"}, stranger, true, stranger},
	} {
		o := wide()
		o.AllowOrigin = row.allow
		r, _ := begun(t, "http", "/a.webm", o, chunks)
		origin := strings.Replace(row.origin, "SELF", r.url, 1)
		page := &http.Client{Transport: from{origin, r.client.Transport}}
		for _, method := range []string{"GET", "HEAD", "PUT", "OPTIONS"} {
			if !row.in {
				r.refused(method, "/a.webm", nil, 403, "Pages of "+origin+" may not use this server; start it with --allow-origin "+origin, "Origin: "+origin)
				continue
			}
			resp := r.request(method, "/a.webm", nil, "Origin: "+origin)
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != row.header {
				t.Errorf("%s for %s with %v: Access-Control-Allow-Origin %q", method, origin, row.allow, got)
			}
			if resp.Header.Get("Vary") != "Origin" {
				t.Errorf("%s: Vary %q", method, resp.Header.Get("Vary"))
			}
			resp.Body.Close()
		}
		if row.in {
			r.connectWith("/b.webm", page).ack()
		} else {
			r.connectWith("/b.webm", page).refused(4403, "may not use this server")
		}
	}
}

func TestPreflight(t *testing.T) {
	o := wide()
	o.AllowOrigin = []string{"https://friend.example"}
	r := start(t, "http", o)
	resp := r.request("OPTIONS", "/a.webm", nil, "Origin: https://friend.example", "Access-Control-Request-Method: PUT")
	want := map[string]string{
		"Allow":                         "GET, HEAD, PUT, POST, OPTIONS",
		"Access-Control-Allow-Origin":   "https://friend.example",
		"Access-Control-Allow-Methods":  "GET, HEAD, PUT, POST, OPTIONS",
		"Access-Control-Allow-Headers":  "Range, Content-Type, If-None-Match, If-Modified-Since",
		"Access-Control-Expose-Headers": "Everfile-Edge, Everfile-Clock, ETag, Link, Retry-After",
		"Access-Control-Max-Age":        "600",
	}
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("a preflight's answer is %s", resp.Status)
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: %q; expected %q", name, got, value)
		}
	}
}
