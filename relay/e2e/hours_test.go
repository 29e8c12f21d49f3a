package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"everfile/relay"
	"everfile/stream/streamtest"
)

// watched is what a watching page says about itself.
type watched struct {
	Behind                 *float64
	State                  string
	Stalls, Reopens, Seeks int
}

const stats = `everfile.page.watcher.stats()`

// rest lets a page play for a while. Each look is short, so that no call
// outlives its limit.
func rest(p *tab, d time.Duration) {
	p.t.Helper()
	for began := time.Now(); time.Since(began) < d; {
		eval[bool](p, `new Promise((done) => setTimeout(() => done(true), 1000))`)
	}
}

// One watch of half an hour: it must be as close to live at the end as at the
// begin, although the clocks of the two sides drift, and must not stall.
func TestLongWatch(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	p := watch(startChromium(t), s, "alice")
	rest(p, 8*time.Second)
	first := eval[watched](p, stats)
	pauses := watchPauses(t, s.url+"/alice.webm")
	eval[bool](p, traceStalls)
	var behind [][]float64 // a slice a minute
	told := 0
	for began := time.Now(); time.Since(began) < streamtest.Minutes(30); {
		var here []float64
		for range 60 {
			if w := eval[watched](p, stats); w.Behind != nil {
				here = append(here, *w.Behind)
			}
			rest(p, time.Second)
		}
		slices.Sort(here)
		behind = append(behind, here)
		w := eval[watched](p, stats)
		for _, p := range pauses() {
			t.Logf("  the sender's bytes paused for %v until %s", p.d, p.at.Format("05.000"))
		}
		all := eval[[]string](p, `window.stalled`)
		for _, s := range all[told:] {
			t.Logf("  stalled %s", s)
		}
		told = len(all)
		t.Logf("minute %d: behind live %.2f s median, %.2f s p95; since 8 s %d stalls, %d reopened, %d seeks",
			len(behind), here[len(here)/2], here[len(here)*95/100], w.Stalls-first.Stalls, w.Reopens-first.Reopens, w.Seeks-first.Seeks)
	}
	w := eval[watched](p, stats)
	t.Logf("at 8 s %+v, at the end %+v", first, w)
	hears(p, 1000)
	a, b := behind[0], behind[len(behind)-1]
	t.Logf("behind live: first minute %.2f s, last minute %.2f s, stalls %d, reopened %d times", a[len(a)/2], b[len(b)/2], w.Stalls-first.Stalls, w.Reopens-first.Reopens)
}

// traceStalls notes when the element ran dry, and how much it had in each of the
// looks before.
const traceStalls = `(() => {
	const v = document.querySelector("video"), had = [];
	window.stalled = [];
	setInterval(() => {
		const b = v.buffered;
		had.push([Date.now(), b.length ? b.end(b.length - 1) - v.currentTime : 0]);
		while (had.length > 30) { had.shift(); }
	}, 50);
	v.addEventListener("waiting", () => {
		const now = Date.now();
		window.stalled.push("at " + (now / 1000 % 60).toFixed(3) + ", ahead: " +
			had.map((x) => (x[0] - now) + ":" + x[1].toFixed(2)).join(" "));
	});
	return true;
})()`

// pause is a time in which a file did not grow.
type pause struct {
	at time.Time // its end
	d  time.Duration
}

// watchPauses reads a file until the test ends; what it returns tells the pauses
// over 150 ms since it was last called.
func watchPauses(t *testing.T, url string) func() []pause {
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []pause
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		defer resp.Body.Close()
		b := make([]byte, 64<<10)
		for last := time.Now(); ; {
			if _, err := resp.Body.Read(b); err != nil {
				return
			}
			now := time.Now()
			if d := now.Sub(last); d > 150*time.Millisecond {
				mu.Lock()
				all = append(all, pause{now, d})
				mu.Unlock()
			}
			last = now
		}
	}()
	return func() []pause {
		mu.Lock()
		defer mu.Unlock()
		got := all
		all = nil
		return got
	}
}

// A tab in the background, where timers tick once a second: when it comes back
// it is live again within two seconds.
func TestHiddenTab(t *testing.T) {
	long(t)
	need(t, "chromium")
	s := serve(t, relay.Options{})
	record(startChromium(t), s, "alice", 1000)
	b := startChromium(t, chromedp.Flag("disable-background-timer-throttling", false),
		chromedp.Flag("disable-renderer-backgrounding", false), chromedp.Flag("disable-backgrounding-occluded-windows", false))
	b.oneWindow = true
	p := watch(b, s, "alice")
	other := b.newTab()
	other.open(s.url + "/")
	show := func(tab *tab) { tab.do(front) }
	show(p)
	p.until(`document.visibilityState === "visible"`)
	rest(p, 8*time.Second)
	before := eval[watched](p, stats)
	show(other)
	p.until(`document.visibilityState === "hidden"`)
	for began := time.Now(); time.Since(began) < streamtest.Minutes(10); {
		rest(p, 10*time.Second)
	}
	hidden := eval[watched](p, stats)
	eval[bool](p, `(() => {
		document.addEventListener("visibilitychange", () => {
			if (document.hidden) { return; }
			const shown = performance.now();
			window.back = [];
			const timer = setInterval(() => {
				const s = everfile.page.watcher.stats();
				window.back.push([performance.now() - shown, s.behind]);
				if (performance.now() - shown > 5000) { clearInterval(timer); }
			}, 50);
		});
		return true;
	})()`)
	show(p)
	p.until(`window.back && window.back.length > 60`)
	back := eval[[][2]*float64](p, `window.back`)
	live := -1.0
	for _, x := range back {
		if x[1] == nil || *x[1] > 0.6 {
			live = -1
		} else if live < 0 {
			live = *x[0]
		}
	}
	after := eval[watched](p, stats)
	t.Logf("before %s, hidden %s, after %s", before, hidden, after)
	if live < 0 || live > 2000 {
		t.Fatalf("live (0.6 s) for good after %.0f ms; expected 2000 at the most: %v", live, back)
	}
	t.Logf("live (0.6 s) for good after %.0f ms", live)
	hears(p, 1000)
}

func (w watched) String() string {
	behind := "unknown"
	if w.Behind != nil {
		behind = fmt.Sprintf("%.2f s behind", *w.Behind)
	}
	return fmt.Sprintf("{%s, %s, %d stalls, %d reopened, %d seeks}", w.State, behind, w.Stalls, w.Reopens, w.Seeks)
}
