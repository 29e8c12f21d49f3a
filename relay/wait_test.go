package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

// registered reports whether somebody publishes under a name or waits for it.
func (r *running) registered(name string) bool {
	return slices.Contains(r.s.Hub().Names(), name)
}

func TestWait(t *testing.T) {
	chunks := capture(t, sound)
	for _, protocol := range []string{"http", "h2"} {
		o := wide()
		o.Held, o.MaxWait = patience, 2*patience
		r := start(t, protocol, o)
		asked := r.ask("GET", "/a.webm?wait=1m", nil)
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		p := r.publish("/a.webm")
		held := r.ask("GET", "/a.webm", nil) // registered, so that it needs no ?wait=
		p.send(chunks[0])
		for _, answer := range []func() *http.Response{asked, held} {
			resp := answer()
			if resp.StatusCode != 200 {
				t.Errorf("%s: %s", resp.Request.URL, resp.Status)
			}
			r.follow(resp).has(len(demanded(t, "webm", chunks[:1])))
		}
	}
}

func TestWaitInVain(t *testing.T) {
	o := wide()
	o.Held = time.Millisecond
	r := start(t, "http", o)
	r.publish("/silent.webm") // a name without a stream
	for path, words := range map[string]string{
		"/nobody.webm":          "Nobody is publishing /nobody.webm now; add ?wait=30s to wait for it.",
		"/nobody.webm?wait=0":   "Nobody is publishing /nobody.webm now; add ?wait=30s to wait for it.",
		"/nobody.webm?wait=1ms": "Nobody has published /nobody.webm within 1ms.",
		"/silent.webm":          "Somebody is connected to publish /silent.webm but has sent nothing that can be played yet; try again in a moment.",
		"/silent.webm?wait=2ms": "Somebody is connected to publish /silent.webm but has sent nothing that can be played yet; try again in a moment.",
	} {
		r.refused("GET", path, nil, 404, words)
	}
	for _, wait := range []string{"x", "5", "-1s", "6m", "1000h"} {
		r.refused("GET", "/nobody.webm?wait="+wait, nil, 400, "wait is a duration up to 5m0s, as in ?wait=30s; got \""+wait+"\".")
	}
}

// Somebody who waits does not make others wait.
func TestWaitingIsNotContagious(t *testing.T) {
	o := wide()
	o.Held = time.Hour
	r := start(t, "http", o)
	waiting := r.ask("GET", "/a.webm?wait=1m", nil)
	eventually(t, "somebody waits", func() bool { return r.registered("a") })
	r.refused("GET", "/a.webm", nil, 404, "Nobody is publishing /a.webm now; add ?wait=30s to wait for it.")
	r.publish("/a.webm").send(capture(t, sound)[0])
	r.follow(waiting()).has(1)
}

// HEAD asks how it is now.
func TestHeadDoesNotWait(t *testing.T) {
	o := wide()
	o.Held = time.Hour
	r := start(t, "http", o)
	r.publish("/silent.webm")
	r.refused("HEAD", "/silent.webm", nil, 404, "")
}

func TestWhoGoesAwayWhileWaitingLeavesNothing(t *testing.T) {
	for _, protocol := range []string{"http", "tls", "h2"} {
		r := start(t, protocol, wide())
		ctx, cancel := context.WithCancel(patient(t))
		req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/a.webm?wait=4m", nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			resp, err := r.client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			done <- err
		}()
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", protocol, err)
		}
		eventually(t, protocol+": nobody waits", func() bool { return !r.registered("a") })
	}
}
