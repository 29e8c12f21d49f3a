package e2e

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream"
)

// gapSender publishes a recording, is silent, and begins a new run of the same file.
type gapSender struct {
	t    *testing.T
	s    *site
	name string
	file string // long enough
	stop func()
}

// longer repeats a capture for three minutes, and makes its picture a small one, so
// that a browser without a graphics card plays many of them at once.
func longer(t *testing.T, capture string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), capture)
	run(t, "ffmpeg", "-v", "error", "-stream_loop", "9", "-i", captureFile(capture), "-t", "180", "-c:a", "copy",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-s", "160x90", "-r", "10", "-g", "10", "-cluster_time_limit", "100", file)
	return file
}

func (g *gapSender) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := relay.Push(ctx, relay.PushOptions{File: g.file, URL: g.s.url + "/" + g.name + ".webm", Key: "gaps", Stderr: new(strings.Builder)})
		if ctx.Err() == nil {
			g.t.Errorf("push: %v", err)
		}
	}()
	g.stop = func() { cancel(); <-done }
	g.t.Cleanup(g.stop)
}

func (g *gapSender) stream() *stream.Stream { return g.s.server.Hub().Stream(g.name) }

// goesOn waits until more than so much is in the file; it returns when, and how
// much by then.
func (g *gapSender) goesOn(than time.Duration) (time.Time, time.Duration) {
	g.t.Helper()
	limit := time.After(patience)
	for {
		st := g.stream()
		if st != nil {
			news := st.News()
			if edge, _, _ := st.Edge(); edge > than {
				return time.Now(), edge
			}
			select {
			case <-news:
				continue
			case <-limit:
			}
		} else {
			select {
			case <-time.After(20 * time.Millisecond):
				continue
			case <-limit:
			}
		}
		g.t.Fatalf("%s does not go on", g.name)
	}
}

// gapPlayers are the ways to play a file, for a picture and for sound only.
func gapPlayers(video, audio *gapSender) (all []*gapPlayer) {
	for _, how := range []struct{ name, player, query string }{
		{"plain", "plain", "?pad=200"},
		{"el=1", "anew", "?el=1&pad=200"},
		{"watch", "watch", ""},
		{"watch el=1", "watch", "?el=1"},
	} {
		all = append(all,
			&gapPlayer{name: "video " + how.name, tag: "video", player: how.player, query: how.query, file: video},
			&gapPlayer{name: "audio " + how.name, tag: "audio", player: how.player, query: how.query, file: audio})
	}
	return all
}

// TestGaps measures what elements do where a sender was silent for a while and went
// on as a new run: for how long picture and clock stand still from then on, and until
// when; whether the file is asked for again; how far behind it is before and after.
func TestGaps(t *testing.T) {
	long(t)
	need(t, "chromium", "firefox-esr", "ffmpeg")
	picture, sound := longer(t, "chromium-vp8-opus-kf1s-T100.webm"), longer(t, "chromium-audio-opus-T100.webm")
	for _, engine := range []string{"chromium", "firefox"} {
		for _, gap := range []time.Duration{time.Second, 5 * time.Second, 20 * time.Second} {
			t.Run(fmt.Sprintf("%s/%v", engine, gap), func(t *testing.T) { measureGap(t, engine, gap, picture, sound) })
		}
	}
}

func measureGap(t *testing.T, engine string, gap time.Duration, picture, sound string) {
	s := serve(t, relay.Options{})
	video, audio := &gapSender{t: t, s: s, name: "video", file: picture}, &gapSender{t: t, s: s, name: "audio", file: sound}
	senders := []*gapSender{video, audio}
	for _, g := range senders {
		g.begin()
		g.goesOn(2 * time.Second)
	}
	players := gapPlayers(video, audio)
	q := url.Values{}
	for _, p := range players {
		q.Add("frame", p.serve(t, s))
	}
	top := &gapPlayer{name: "top", file: video}
	base, _, _ := strings.Cut(top.serve(t, s), "?")
	if engine == "firefox" {
		firefox(t, base+"?"+q.Encode())
	} else {
		startChromium(t).newTab().open(base + "?" + q.Encode())
	}
	all := func(within time.Duration) {
		for began := time.Now(); time.Since(began) < within; time.Sleep(500 * time.Millisecond) {
			if !slices.ContainsFunc(players, func(p *gapPlayer) bool { return !p.plays() }) {
				return
			}
		}
	}
	all(30 * time.Second)

	when := map[*gapSender]*gapTimes{}
	for _, g := range senders {
		when[g] = &gapTimes{silent: time.Now()}
		g.stop()
		edge, _, _ := g.stream().Edge()
		when[g].jump = edge
	}
	const ahead = 300 * time.Millisecond // of its clock is what Push has sent
	time.Sleep(gap + ahead)
	for _, g := range senders {
		g.begin()
	}
	for _, g := range senders {
		w := when[g]
		w.back, w.from = g.goesOn(w.jump)
		w.jump = w.from - w.jump
		w.from -= 100 * time.Millisecond // what came with the first message
	}
	time.Sleep(gap + 10*time.Second) // Firefox is as late as 7 s
	all(patience)
	t.Logf("%s, the sender away for %v: timestamps jump by %v and %v; s since it is back: sum of stand-stills, end of the last", engine, gap, when[video].jump, when[audio].jump)
	for _, p := range players {
		st := p.file.stream()
		edge, _, _ := st.Edge()
		now := time.Now()
		t.Log(p.row(engine == "firefox", *when[p.file], func(at float64) float64 {
			return (edge - now.Sub(time.UnixMilli(int64(at)))).Seconds()
		}))
	}
}
