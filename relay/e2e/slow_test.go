package e2e

import (
	"testing"
	"time"

	"everfile/relay"
	"everfile/relay/fault"
	"everfile/stream/streamtest"
)

// A link that does not bear the picture: it is sent with less detail, and if that
// is still too much without, and the page says so; the sound goes on.
func TestSlowUplink(t *testing.T) {
	long(t)
	f := startFlapping(t, serve(t, relay.Options{}), busyPicture)
	f.net.Set("", fault.Rule{Up: 300_000 / 8})
	f.a.says("#notice-text", "Your connection is slow: the picture is sent with less detail")
	f.mark()
	f.b.until(`flap.live(3000)`)
	hearsOther(f.b, aliceTone)
	f.net.Set("", fault.Rule{Up: 100_000 / 8})
	f.a.says("#notice-text", "only your sound is sent")
	f.b.says("#cover-text", "The connection of alice is slow")
	plays(f.b)
	hearsOther(f.b, aliceTone)
	f.net.Set("", fault.Rule{})
	f.a.says("#notice-text", "your picture is sent again")
	f.mark()
	f.b.until(`flap.live(1500)`)
}

// TestSlowUplinkFigures measures how far behind live the other one is, when a
// link bears a third of what the camera would give.
func TestSlowUplinkFigures(t *testing.T) {
	long(t)
	f := startFlapping(t, serve(t, relay.Options{}), busyPicture)
	f.net.Set("", fault.Rule{Up: 300_000 / 8})
	f.a.says("#notice-text", "Your connection is slow")
	f.mark()
	f.measure(streamtest.Minutes(2))
}

// measure logs how bob gets on for a while.
func (f *flapping) measure(d time.Duration) {
	f.b.t.Helper()
	runs := eval[int](f.a, `everfile.page.phone.stats().publish[0].runs`)
	var behind []float64
	for began := time.Now(); time.Since(began) < d; {
		if w := eval[watched](f.b, `everfile.page.phone.stats().play[0]`); w.Behind != nil {
			behind = append(behind, *w.Behind)
		}
		rest(f.b, time.Second)
	}
	q := quantiles(behind)
	f.b.t.Logf("behind live %.2f s median, %.2f s p95; %d frames in %v, %d steps, %.1f s without a picture at the most", q[0], q[1],
		eval[int](f.b, `flap.frames()`), d, eval[int](f.a, `everfile.page.phone.stats().publish[0].runs`)-runs, eval[float64](f.b, `flap.gap()`))
}

// busyPicture has a camera see what is hard to compress.
const busyPicture = `window.testDevices.noise = 20`

// A listener whose link does not bear the picture is played the sound only, and
// told so; and the picture comes back.
func TestSlowDownlink(t *testing.T) {
	long(t)
	f := startFlapping(t, serve(t, relay.Options{}))
	eval[int](f.b, busyPicture)
	f.net.Set("", fault.Rule{Down: 200_000 / 8})
	f.a.says("#cover-text", "Your connection is slow: only the sound of bob is played for now.")
	plays(f.a)
	hearsOther(f.a, bobTone)
	f.net.Set("", fault.Rule{})
	f.a.says("#notice-text", "The picture of bob is tried again")
	f.mark()
	f.a.until(`flap.live(1500)`)
	f.a.until(`document.getElementById("cover").className === "cover clear"`)
}
