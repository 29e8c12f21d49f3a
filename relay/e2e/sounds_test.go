package e2e

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"everfile/relay"
	"everfile/stream"
	"everfile/stream/streamtest"
)

// MP3, AAC and FLAC are heard in both browsers, which say beforehand that they
// play what the server calls them. All three when somebody has time.
func TestSoundsInBrowsers(t *testing.T) {
	long(t)
	need(t, "firefox-esr", "chromium", "ffmpeg")
	b := startChromium(t)
	for _, c := range []struct{ name, args, kind string }{
		{"tone.mp3", "-c:a libmp3lame -b:a 128k", "audio/mpeg"},
		{"tone.aac", "-c:a aac -b:a 128k -f adts", "audio/aac"},
		{"tone.flac", "-c:a flac", "audio/flac"},
	} {
		if c.name != "tone.mp3" && !streamtest.Long() {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			if stream.ByType(c.kind) == nil {
				t.Fatalf("%s is no type of ours", c.kind)
			}
			file := filepath.Join(t.TempDir(), c.name)
			args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=880:sample_rate=44100:duration=60", "-af", "volume=12dB", "-ac", "2"}
			run(t, "ffmpeg", append(append(args, strings.Fields(c.args)...), file)...)
			s, reports := serveWithPages(t, relay.Options{})
			push(t, file, s.url+"/"+c.name, true)
			p := (&browser{t: t, ctx: b.ctx}).newTab(script(t, "measure.js"))
			p.open(s.url + "/static/watch.html?url=/" + c.name)
			p.until(`new Audio().canPlayType("` + c.kind + `") !== ""`)
			p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "playing"`)
			moving(p)
			hears(p, 880)
			firefoxPlays(t, s, reports, url.Values{"url": {"/" + c.name}, "tag": {"audio"}, "tone": {"880"}}).heard(t)
		})
	}
}
