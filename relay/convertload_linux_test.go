package relay

import (
	"context"
	"io"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"everfile/stream/streamtest"
)

// What a conversion costs: the work is done once, so a hundred who want the same
// take little more of the server than one of them beside a hundred who take the
// file as it is. Rounds are interleaved; ratios are of neighbours in time.
func TestConversionIsShared(t *testing.T) {
	if !streamtest.Long() {
		t.Skip("by hand: EVERFILE_LONG=1")
	}
	const rounds, each, many = 5, 10 * time.Second, 100
	ctx, child := handLoad(t, 30*time.Minute)
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		_ = g.Wait() // what failed has been said
	}()
	file := streamtest.Capture(t, "chromium-audio-opus-T100.webm").File
	g.Go(func() error {
		return Push(ctx, PushOptions{File: file, URL: "http://" + child.addr + "/load.webm", Loop: true, Stderr: io.Discard})
	})
	eventually(t, "the file is there", func() bool { _, err := child.listed(ctx); return err == nil })

	// cost is the server's, in processors, with so many who listen to each path.
	cost := func(whole, converted int) float64 {
		ctx, stop := context.WithCancel(ctx)
		g, ctx := errgroup.WithContext(ctx)
		defer func() {
			stop()
			_ = g.Wait() // its listeners end with it
		}()
		(&counters{addr: child.addr, path: "/load.webm", g: g}).add(t, ctx, whole)
		(&counters{addr: child.addr, path: "/load.wav?rate=16000", g: g}).add(t, ctx, converted)
		if err := sleep(ctx, time.Second); err != nil {
			t.Fatal(err)
		}
		began, before := time.Now(), child.figures(t).cpu
		if err := sleep(ctx, each); err != nil {
			t.Fatal(err)
		}
		return (child.figures(t).cpu - before) / time.Since(began).Seconds()
	}
	var ratios []float64
	for range rounds {
		plain, one, all := cost(many, 0), cost(many, 1), cost(0, many)
		t.Logf("%d as it is: %.4f processors; and one converted: %.4f; %d converted: %.4f", many, plain, one, many, all)
		ratios = append(ratios, all/one)
	}
	t.Logf("%d converted against one and %d as it is, %d rounds: %s", many, many, rounds, portions(ratios))
}
