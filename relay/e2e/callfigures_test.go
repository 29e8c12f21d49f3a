package e2e

import (
	"slices"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// TestCallSetup measures from the click on "Accept" to when both sides see the
// other move and hear the other, over 20 calls.
func TestCallSetup(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	var took []float64
	for range 20 {
		a.calls("bob", "video")
		b.state("ringing")
		eval[bool](a, `(window.heard = measure.onset(document.getElementById("other")), true)`)
		clicked := eval[[2]float64](b, `(async function () {
			const at = Date.now();
			document.getElementById("accept").click();
			return [at, await measure.onset(document.getElementById("other"))];
		}())`)
		both := max(eval[float64](a, `window.heard`), clicked[1]) - clicked[0]
		t.Logf("both move and sound after %.0f ms (bob's side %.0f ms)", both, clicked[1]-clicked[0])
		took = append(took, both)
		a.click("#hangup")
		for _, p := range []*tab{a, b} {
			p.state("idle")
			p.nothingLeft()
		}
	}
	slices.Sort(took)
	q := quantiles(took)
	t.Logf("20 calls: median %.0f ms, p95 %.0f ms", q[0], q[1])
}

// TestCallBothWays measures how far behind live both sides are in a call of some
// minutes, and how often they stall.
func TestCallBothWays(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := caller(startChromium(t), s, "alice", aliceTone)
	b := caller(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	sees(a)
	sees(b)
	const stats = `everfile.page.phone.stats().play[0]`
	rest(a, 8*time.Second)
	first := map[*tab]watched{a: eval[watched](a, stats), b: eval[watched](b, stats)}
	behind := map[*tab][]float64{}
	for began := time.Now(); time.Since(began) < streamtest.Minutes(2); {
		for _, p := range []*tab{a, b} {
			if w := eval[watched](p, stats); w.Behind != nil {
				behind[p] = append(behind[p], *w.Behind)
			}
		}
		rest(a, time.Second)
	}
	for _, p := range []*tab{a, b} {
		w := eval[watched](p, stats)
		q := quantiles(behind[p])
		t.Logf("behind live %.2f s median, %.2f s p95; after 8 s %d stalls, %d reopened, %d seeks", q[0], q[1],
			w.Stalls-first[p].Stalls, w.Reopens-first[p].Reopens, w.Seeks-first[p].Seeks)
	}
}

// TestSamplesBothWays measures how old sound and picture are when they are heard and
// seen, in a call without recorders: a beep at the begin of every second, and a clock
// in the picture.
func TestSamplesBothWays(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := callerWith(startChromium(t), s, "alice", "{beeps: true}", noRecorder)
	b := callerWith(startChromium(t), s, "bob", "{beeps: true}", noRecorder)
	connect(a, b, "alice", "bob")
	for _, p := range []*tab{a, b} {
		seesPictures(p)
		p.click("#headphones") // or each would turn the other down
		eval[bool](p, `(async () => { window.heard = await measure.listen(document.getElementById("other")); return true; })()`)
	}
	rest(a, settle*time.Millisecond)
	pictures := map[*tab][]float64{}
	for began := time.Now(); time.Since(began) < streamtest.Minutes(1); {
		for _, p := range []*tab{a, b} {
			age, _ := late(p)
			pictures[p] = append(pictures[p], age)
		}
		rest(a, 250*time.Millisecond)
	}
	for _, p := range []*tab{a, b} {
		var sounds []float64
		for _, age := range eval[[][2]float64](p, `heard.ages`) {
			if age[0] > settle {
				sounds = append(sounds, age[1]/1000)
			}
		}
		q, g := quantiles(sounds), quantiles(pictures[p])
		_, behind := late(p)
		t.Logf("mouth to ear %.2f s median, %.2f s p95 (%d beeps), %.2f s behind live; the picture shown is %.2f s old, %.2f s p95",
			q[0], q[1], len(sounds), behind, g[0], g[1])
	}
}
