package e2e

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"everfile/relay"
	"everfile/relay/fault"
	"everfile/static"
	"everfile/stream/streamtest"
)

// behind puts a bad network between one page and the server.
func (s *site) behind(t *testing.T) (*site, *fault.Proxy) {
	t.Helper()
	ln, err := fault.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimPrefix(s.url, "http://")
	p := fault.New(ln, func(ctx context.Context) (net.Conn, error) { return fault.Dial(ctx, addr) }, nil)
	t.Cleanup(p.Close)
	return &site{url: "http://" + p.Addr().String(), server: s.server, stop: s.stop}, p
}

// flap measures how the other's picture goes on. It is gone when the page was
// loaded again.
const flap = `window.flap = (function () {
	let seen = null, from = 0, at = 0, near = null;
	const now = () => performance.now();
	return {
		begin() {
			seen = measure.watch(document.getElementById("other"));
			seen.t0 = now();
			this.mark();
			setInterval(() => { if (near === null && this.live(900)) { near = this.since(); } }, 50);
			return true;
		},
		mark() { from = seen.ages.length; at = now() - seen.t0; near = null; return true; },
		// near is after how many s, since the mark, pictures came that were less than
		// 0.8 s behind live: it takes about 0.1 s to record one.
		near() { return near; },
		frames() { return seen.ages.length - from; },
		// gap is the longest time without a picture since the mark, in s.
		gap() {
			const times = [at, ...seen.ages.slice(from).map((a) => a[0]), now() - seen.t0];
			return Math.max(...times.slice(1).map((t, i) => t - times[i])) / 1000;
		},
		// live says whether pictures come that are no older than so many ms.
		live(ms) {
			const last = seen.ages.slice(from).slice(-5);
			return last.length === 5 && last.every((a) => a[1] < ms) && now() - seen.t0 - last[4][0] < 500;
		},
		since() { return (now() - seen.t0 - at) / 1000; },
	};
}())`

// flapping is a call between two pages, alice's behind a network of her own.
type flapping struct {
	a, b *tab
	net  *fault.Proxy // alice's
	url  string       // of alice's file, not by that network
}

func startFlapping(t *testing.T, s *site, aliceScripts ...string) *flapping {
	t.Helper()
	mine, network := s.behind(t)
	f := &flapping{net: network}
	f.a = caller(startChromium(t), mine, "alice", aliceTone, append(aliceScripts, flap)...)
	f.b = caller(startChromium(t), s, "bob", bobTone, flap)
	connect(f.a, f.b, "alice", "bob")
	for _, p := range []*tab{f.a, f.b} {
		sees(p)
		eval[bool](p, `flap.begin()`)
		p.until(`flap.live(1000)`)
	}
	f.url = f.b.file("other-url")
	return f
}

// goesOn waits until both sees the other live again, and returns after how long.
func (f *flapping) goesOn(t *testing.T, since time.Time) map[string]time.Duration {
	t.Helper()
	took := map[string]time.Duration{}
	for name, p := range map[string]*tab{"alice": f.a, "bob": f.b} {
		p.until(`flap.live(1500)`)
		took[name] = time.Since(since).Round(10 * time.Millisecond)
	}
	return took
}

func (f *flapping) mark() {
	for _, p := range []*tab{f.a, f.b} {
		eval[bool](p, `flap.mark()`)
	}
}

// holes returns the longest time that a body's sound leaves out.
func holes(t *testing.T, body []byte) time.Duration {
	t.Helper()
	j := streamtest.JudgeBytes(t, "side.webm", body)
	if len(j.Errors) > 0 {
		t.Errorf("ffmpeg complains of the whole body: %v", j.Errors)
	}
	j.Rises(t)
	var last, most time.Duration
	for _, f := range j.Frames {
		if f.Video {
			continue
		}
		if last > 0 {
			most = max(most, f.PTS-last)
		}
		last = f.PTS
	}
	return most
}

// The network of one of two is cut, or nothing passes any more, and comes back: the
// call goes on by itself. What was said in a short cut is in the file; after a
// longer one, what is said now comes first.
func TestFlap(t *testing.T) {
	long(t)
	flapFor(t, fault.Rule{Refuse: true}, 6*time.Second)
}

// TestFlaps is TestFlap for other times, and for networks that say nothing.
func TestFlaps(t *testing.T) {
	long(t)
	for name, rule := range map[string]fault.Rule{"cut": {Refuse: true}, "stalled": {Stall: true}} {
		for _, d := range []time.Duration{time.Second, 3 * time.Second, 10 * time.Second, 25 * time.Second} {
			t.Run(fmt.Sprintf("%s for %v", name, d), func(t *testing.T) { flapFor(t, rule, d) })
		}
	}
}

func flapFor(t *testing.T, rule fault.Rule, d time.Duration) {
	t.Helper()
	f := startFlapping(t, serve(t, relay.Options{}))
	const inCut = 2500 // Hz, far from both
	body := new(site).follow(t, f.url+"?mode=complete")
	f.net.Set("", rule)
	eval[bool](f.a, fmt.Sprintf(`(testTone(%d), true)`, inCut))
	rest(f.b, d)
	eval[bool](f.a, fmt.Sprintf(`(testTone(%d), true)`, aliceTone))
	f.net.Set("", fault.Rule{})
	back := time.Now()
	f.mark()
	took := f.goesOn(t, back)
	near := map[*tab]float64{}
	for _, p := range []*tab{f.a, f.b} {
		p.until(`flap.near() !== null`)
		near[p] = eval[float64](p, `flap.near()`)
	}
	t.Logf("live again after %v (bob sees alice) and %v (alice sees bob); less than 0.8 s behind live after %.2f s and %.2f s", took["bob"], took["alice"], near[f.b], near[f.a])
	if late := max(took["alice"], took["bob"]); late > 8*time.Second {
		t.Errorf("only after %v", late)
	}
	hearsOther(f.b, aliceTone)
	hearsOther(f.a, bobTone)
	for _, p := range []*tab{f.a, f.b} {
		p.state("talking")
	}
	f.a.click("#hangup")
	f.b.state("idle")
	said := body()
	hole, came := holes(t, said), lasts(t, said, inCut)
	t.Logf("of what alice said in %v without a network %v arrived; the longest hole in all is %v", d, came, hole)
	if d <= 3*time.Second && rule.Refuse && (hole > 200*time.Millisecond || came < d-300*time.Millisecond) {
		t.Errorf("of what was said in a cut of %v only %v arrived, with a hole of %v", d, came, hole)
	} else if d >= 6*time.Second && (hole < d/2 || came > d/2) {
		t.Errorf("after a cut of %v what was said in it came first: %v of it arrived, the longest hole is %v", d, came, hole)
	}
}

// In the call the sender's page is loaded again, takes another camera, loses its
// microphone: the other's picture goes on soon, and while the file has the same
// tracks, in the same response.
func TestSenderChanges(t *testing.T) {
	long(t)
	f := startFlapping(t, serve(t, relay.Options{}))
	for _, c := range []struct {
		name   string
		same   bool // tracks
		change func()
	}{
		{"another camera", true, func() { eval[bool](f.a, `(everfile.page.own.again(), true)`) }},
		{"loaded again", true, func() { f.a.reload(); f.a.state("talking") }},
		{"another microphone after it went", true, func() { lose(f.a, "audio") }},
		{"no microphone any more", false, func() {
			eval[bool](f.a, `(function () {
				const get = navigator.mediaDevices.getUserMedia;
				navigator.mediaDevices.getUserMedia = async (c) => {
					if (c.audio) { throw new DOMException("", "NotFoundError"); }
					return get(c);
				};
				return true;
			}())`)
			lose(f.a, "audio")
		}},
	} {
		before := eval[watched](f.b, `everfile.page.phone.stats().play[0]`)
		eval[bool](f.b, `flap.mark()`)
		c.change()
		f.b.until(`flap.since() > 1 && flap.live(1500)`)
		rest(f.b, 2*time.Second)
		f.b.until(`flap.live(1500)`)
		gap := eval[float64](f.b, `flap.gap()`)
		after := eval[watched](f.b, `everfile.page.phone.stats().play[0]`)
		again := after.Reopens - before.Reopens
		t.Logf("%s: %.2f s without a picture, opened again %d times, %d seeks, %.2f s behind live", c.name, gap, again, after.Seeks-before.Seeks, *after.Behind)
		if c.same && again != 0 {
			t.Errorf("%s: the file was opened again %d times; expected the same response to go on", c.name, again)
		}
		if gap > 2 {
			t.Errorf("%s: %.2f s without a picture; expected 2 at most", c.name, gap)
		}
	}
}

// lose ends a track as a device that is unplugged does.
func lose(p *tab, kind string) {
	p.t.Helper()
	eval[bool](p, fmt.Sprintf(`(function () {
		var t = everfile.page.own.stream.getTracks().filter(function (t) { return t.kind === %q; })[0];
		t.stop();
		t.dispatchEvent(new Event("ended"));
		return true;
	}())`, kind))
}

// The server is replaced in a call, by a process that takes over its calls: the
// call goes on.
func TestServerIsReplaced(t *testing.T) {
	long(t)
	dir, listen := t.TempDir(), "127.0.0.1:0"
	start := func() (url string, stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		done, out := make(chan error, 1), &lines{got: make(chan string, 16)}
		o := relay.ServeOptions{Options: relay.Options{Static: static.Files}, Listen: listen, StateDir: dir}
		go func() { done <- relay.Serve(ctx, o, out) }()
		select {
		case text := <-out.got:
			url = strings.TrimSuffix(regexp.MustCompile(`http://\S+`).FindString(text), "/")
		case err := <-done:
			t.Fatal(err)
		}
		stopped := false
		stop = func() {
			if stopped {
				return
			}
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Serve: %v", err)
			}
		}
		t.Cleanup(stop)
		return url, stop
	}
	url, stop := start()
	listen = strings.TrimPrefix(url, "http://")
	f := startFlapping(t, &site{url: url})
	for range 2 {
		f.mark()
		began := time.Now()
		stop()
		took := time.Since(began)
		t.Logf("the old process took %v", took.Round(time.Millisecond))
		if took >= 2*time.Second {
			t.Error("its publishers did not go by themselves")
		}
		_, stop = start()
		for _, p := range []*tab{f.a, f.b} {
			p.until(`flap.since() > 3 && flap.live(1500)`)
			p.state("talking")
			gap := eval[float64](p, `flap.gap()`)
			t.Logf("%.2f s without a picture", gap)
			if gap > 2 {
				t.Errorf("%.2f s without a picture", gap)
			}
		}
		hearsOther(f.b, aliceTone)
		hearsOther(f.a, bobTone)
	}
	f.a.click("#hangup")
	f.b.says("#outcome", "alice hung up")
}

// lines passes on what is printed.
type lines struct{ got chan string }

func (l *lines) Write(b []byte) (int, error) {
	select {
	case l.got <- string(b):
	default:
	}
	return len(b), nil
}
