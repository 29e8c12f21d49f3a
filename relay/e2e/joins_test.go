package e2e

import (
	"net/url"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// Every recording that a browser plays as a plain file it also plays joined in
// the middle, five times.
func TestElementsJoin(t *testing.T) {
	long(t)
	need(t, "chromium", "firefox-esr")
	b := startChromium(t)
	for _, name := range slices.Concat(streamtest.Captures(t, "webm"), streamtest.Captures(t, "ogg"), streamtest.Captures(t, "mp4")) {
		path := "/x" + filepath.Ext(name)
		for _, engine := range []string{"chromium", "firefox"} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				s, reports := serveWithPages(t, relay.Options{})
				push(t, captureFile(name), s.url+path, true)
				untilLive(t, s.url+path)
				page := s.url + "/static/test/joins.html?" + url.Values{
					"url": {path + "?pad=60"}, "joins": {"5"}, "control": {"/static/test/captures/" + name},
				}.Encode()
				if engine == "firefox" {
					firefox(t, page)
				} else {
					(&browser{t: t, ctx: b.ctx}).newTab().open(page)
				}
				select {
				case p := <-reports:
					if p.Control != "" {
						t.Skipf("it does not play the untouched file either: %s", p.Control)
					}
					if len(p.Joins) != 5 {
						t.Fatalf("%d joins", len(p.Joins))
					}
					for i, err := range p.Joins {
						if err != "" {
							t.Errorf("join %d: %s", i, err)
						}
					}
				case <-time.After(3 * patience):
					t.Fatal("no report")
				}
			})
		}
	}
}
