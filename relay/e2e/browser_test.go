package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for something that must come.
const patience = 60 * time.Second

// browser is one Chromium process.
type browser struct {
	t         *testing.T
	ctx       context.Context
	oneWindow bool // tabs hide each other
}

// startChromium starts a process that ends with the test. Media may play
// without a click unless the flags say otherwise.
func startChromium(t *testing.T, more ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	need(t, "chromium")
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("chromium"),
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("mute-audio", false),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("use-fake-ui-for-media-stream", true),
		chromedp.Flag("use-fake-device-for-media-stream", true),
	)
	actx, stop := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(actx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // the first one must have no limit: the browser lives as long
		t.Fatalf("starting Chromium: %v", err)
	}
	return &browser{t: t, ctx: ctx}
}

// tab is one page of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
	end func()

	mu     sync.Mutex // protects below
	errors []string
}

// newTab opens a tab in which the scripts run before every page's own. The test
// fails if a page throws.
func (b *browser) newTab(scripts ...string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewWindow(!b.oneWindow))
	b.t.Cleanup(cancel)
	p := &tab{t: b.t, ctx: ctx}
	inject := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		// The measuring scripts bring worklets in blobs, which our pages forbid.
		if _, err := cdp.Call(ctx, t, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: len(scripts) > 0}); err != nil {
			return chromedp.Void{}, err
		}
		for _, s := range scripts {
			if _, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: s}); err != nil {
				return chromedp.Void{}, err
			}
		}
		return chromedp.Void{}, nil
	}
	if err := chromedp.Do(ctx, inject); err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	thrown := chromedp.Events(ctx, runtime.ExceptionThrown)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ev, err := range thrown {
			if err != nil {
				return
			}
			p.mu.Lock()
			p.errors = append(p.errors, fmt.Sprintf("%s %s", ev.ExceptionDetails.Text, thrownValue(ev.ExceptionDetails)))
			p.mu.Unlock()
		}
	}()
	p.end = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	b.t.Cleanup(func() {
		p.end()
		if len(p.errors) > 0 {
			b.t.Errorf("the page threw: %s", strings.Join(p.errors, "; "))
		}
	})
	return p
}

// close closes the tab before its test ends.
func (p *tab) close() { p.end() }

func (p *tab) open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

func (p *tab) reload() {
	p.t.Helper()
	p.do(chromedp.Reload())
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns the value of an expression, awaiting it if it is a promise.
func eval[T any](p *tab, js string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// until waits for an expression to become true. An expression that throws is
// not true yet.
func (p *tab) until(js string) {
	p.t.Helper()
	p.untilWithin(js, patience)
}

// untilWithin polls inside the page and without a user gesture, which would let
// media play that a browser refuses to play by itself. A navigation meanwhile
// destroys what polls: then it begins again.
func (p *tab) untilWithin(js string, limit time.Duration) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	poll := fmt.Sprintf(`new ((async function () {}()).constructor)(function (done) { // the page may have no Promise
		(function look() {
			try { if (%s) { done(true); return; } } catch (e) { /* not yet */ }
			setTimeout(look, 50);
		}());
	})`, js)
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise))
		if ok {
			return
		}
		if ctx.Err() != nil {
			p.t.Fatalf("waiting for %s: %v; the page says %q", js, err, eval[string](p, `document.body ? document.body.innerText.slice(0, 600) : ""`))
		}
	}
}

// script is a file of testdata/pages.
func script(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "pages", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// front makes a tab the visible one of its window.
func front(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, t, page.BringToFront, cdp.Empty{})
	return chromedp.Void{}, err
}

// thrownValue describes what was thrown, with its stack if it has one.
func thrownValue(d *runtime.ExceptionDetails) string {
	if d.Exception == nil {
		return ""
	}
	return d.Exception.Description
}
