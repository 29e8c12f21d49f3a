package e2e

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// secure starts a server that speaks HTTP/2, and a client that trusts it.
func secure(t *testing.T) (*site, *http.Client) {
	t.Helper()
	config, err := relay.TLSSelfSigned(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return serveTLS(t, relay.Options{}, config), &http.Client{Transport: transport}
}

// tonesOf gives everybody a tone of its own.
func tonesOf(names ...string) map[string]float64 {
	all := map[string]float64{}
	for i, name := range names {
		all[name] = float64(500 + 300*i)
	}
	return all
}

// movesTile waits until what somebody's tile plays goes on, with a picture.
func movesTile(p *tab, who string) {
	p.t.Helper()
	v := fmt.Sprintf(`document.querySelector(%q)`, tileOf(who))
	p.until(fmt.Sprintf(`%s && %s.videoWidth > 0`, v, v))
	eval[bool](p, fmt.Sprintf(`(window.timeThen = %s.currentTime, true)`, v))
	p.until(fmt.Sprintf(`Math.abs(%s.currentTime - timeThen) > 0.5`, v))
}

// hasAll demands of a page that it plays everybody else from a file.
func hasAll(p *tab, me string, tones map[string]float64) {
	p.t.Helper()
	for who, tone := range tones {
		if who != me {
			movesTile(p, who)
			hearsIn(p, tileOf(who), int(tone))
		}
	}
}

// Six in a room, two of them browsers: everybody has everybody else's sound and
// picture, while one comes and leaves, for some minutes if it is run by hand.
func TestRoomOfSix(t *testing.T) {
	thorough(t)
	need(t, "ffmpeg")
	s, client := secure(t)
	tones := tonesOf("alice", "bob", "bot1", "bot2", "bot3", "bot4")
	lasting := time.Minute
	if streamtest.Long() {
		lasting = streamtest.Minutes(5) + 2*time.Minute
	}
	files := recordings(t, lasting, map[string]float64{"bot1": tones["bot1"], "bot2": tones["bot2"], "bot3": tones["bot3"], "bot4": tones["bot4"]})
	bots := map[string]*bot{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		bots[name] = s.bot(t, client, "standup", name, files[name])
	}
	a := enters(startChromium(t), s, "standup", "alice", int(tones["alice"]))
	b := enters(startChromium(t), s, "standup", "bob", int(tones["bob"]))
	everybody := func() {
		t.Helper()
		hasAll(a, "alice", tones)
		hasAll(b, "bob", tones)
		var work sync.WaitGroup
		for _, one := range bots {
			work.Go(func() { one.hears(tones) })
		}
		work.Wait()
	}
	everybody()
	rounds := 0
	for began := time.Now(); streamtest.Long() && time.Since(began) < streamtest.Minutes(5); rounds++ {
		name := fmt.Sprintf("bot%d", rounds%4+1)
		bots[name].end()
		for _, p := range []*tab{a, b} {
			p.until(fmt.Sprintf(`!document.querySelector('[data-tile=%s]')`, name))
		}
		bots[name] = s.bot(t, client, "standup", name, files[name])
		everybody()
	}
	t.Logf("six had each other's sound and picture %d times, %d of them after somebody had left and come back", rounds+1, rounds)
}

// A page with nine others: over HTTP/2 it plays the files of all; over HTTP/1.1 those
// that it has connections for, hears the others in a mix, and sees single pictures.
func TestRoomOfTen(t *testing.T) {
	thorough(t)
	need(t, "ffmpeg")
	tones := tonesOf("bot1", "bot2", "bot3", "bot4", "bot5", "bot6", "bot7", "bot8", "bot9")
	files := recordings(t, time.Minute, tones)
	names := slices.Sorted(maps.Keys(tones))
	fill := func(t *testing.T, s *site, client *http.Client) *tab {
		for _, name := range names {
			s.bot(t, client, "standup", name, files[name])
		}
		return enters(startChromium(t), s, "standup", "alice", aliceTone)
	}
	t.Run("HTTP/2", func(t *testing.T) {
		s, client := secure(t)
		p := fill(t, s, client)
		hasAll(p, "alice", tones)
	})
	t.Run("HTTP/1.1", func(t *testing.T) {
		s := serve(t, relay.Options{})
		p := fill(t, s, http.DefaultClient)
		p.until(`document.querySelectorAll("[data-tile][data-shows=file]:not(.mine)").length === 3 && document.querySelectorAll("[data-tile][data-shows=still]").length === 6`)
		p.says("#crowded-text", "By HTTPS there is no such limit.")
		own := eval[string](p, `[].map.call(document.querySelectorAll("[data-tile][data-shows=file]:not(.mine)"), function (t) { return t.getAttribute("data-tile"); }).join(" ")`)
		for _, who := range strings.Fields(own) {
			movesTile(p, who)
			hearsIn(p, tileOf(who), int(tones[who]))
		}
		// Of those who are mixed four are heard, since all of them are as loud.
		heard := 0
		for _, who := range names {
			if !strings.Contains(own, who) && eval[float64](p, fmt.Sprintf(`measure.level(document.getElementById("mix"), %g, 1)`, tones[who])) > -40 {
				heard++
			}
		}
		if heard != 4 {
			t.Errorf("%d of those who have no file of their own are heard in the mix; expected the loudest four", heard)
		}
		// The single pictures are others after a while.
		eval[bool](p, `(window.stillThen = [].map.call(document.querySelectorAll("[data-shows=still] img"), function (i) { return i.src; }), true)`)
		p.until(`[].every.call(document.querySelectorAll("[data-shows=still] img"), function (i, n) { return i.naturalWidth > 0 && i.src !== stillThen[n]; })`)
		// A connection is always free.
		p.until(`(window.free = window.free || fetch("/api/streams").then(function (r) { window.freed = r.ok; }), window.freed === true)`)
	})
}
