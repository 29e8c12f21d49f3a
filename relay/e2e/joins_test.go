package e2e

import (
	"net/url"
	"path/filepath"
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
	for _, name := range append(streamtest.Captures(t, "webm"), streamtest.Captures(t, "ogg")...) {
		file := "/x" + filepath.Ext(name)
		for _, engine := range []string{"chromium", "firefox"} {
			t.Run(name+"/"+engine, func(t *testing.T) {
				s, reports := serveWithPages(t, relay.Options{})
				push(t, captureFile(name), s.url+file, true)
				untilLive(t, s.url+file)
				page := s.url + "/static/test/joins.html?" + url.Values{
					"url": {file + "?pad=60"}, "joins": {"5"}, "control": {"/static/test/captures/" + name},
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
