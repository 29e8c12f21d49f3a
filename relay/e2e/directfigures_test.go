package e2e

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"everfile/relay"
)

// gaps notes when nothing was heard of the other for 50 ms or more, whichever element
// plays, in s of the audio clock: [from, to].
const gaps = `window.gaps = [];
window.hearGaps = async () => {
	const ac = await measure.context(), direct = document.getElementById("direct"), mix = ac.createGain(), open = ac.createGain();
	const code = "registerProcessor('loud', class extends AudioWorkletProcessor { process([[x]]) {" +
		"if (x && x.some((v) => Math.abs(v) > 0.02)) { if (this.last && currentTime - this.last > 0.05) { this.port.postMessage([this.last, currentTime]); } this.last = currentTime; }" +
		"return true; } });";
	let source = null;
	await ac.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
	const node = new AudioWorkletNode(ac, "loud", { channelCount: 1, channelCountMode: "explicit" });
	node.port.onmessage = (e) => gaps.push(e.data);
	const set = () => { open.gain.value = direct.muted ? 0 : 1; };
	direct.addEventListener("volumechange", set);
	set();
	direct.addEventListener("playing", async () => {
		if (source) { source.disconnect(); }
		source = await measure.tap(direct);
		source.connect(open);
	});
	open.connect(mix);
	(await measure.tap(document.getElementById("other"))).connect(mix);
	mix.connect(node);
	node.connect(ac.destination);
	return true;
};
window.longest = (since) => Math.max(0, ...gaps.filter((g) => g[1] >= since).map((g) => g[1] - g[0]));
window.audioNow = async () => (await measure.context()).currentTime;`

func ftoa(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// glass returns how old the pictures of an element are, in ms: median and p95.
func glass(p *tab, element string, d time.Duration) [2]float64 {
	p.t.Helper()
	eval[bool](p, `(window.seen = measure.watch(document.querySelector("`+element+`")), true)`)
	rest(p, d)
	var ages []float64
	for _, a := range eval[[][2]float64](p, `(seen.stop(), seen.ages)`) {
		if a[1] < 1e5 {
			ages = append(ages, a[1])
		}
	}
	return quantiles(ages)
}

// TestDirectFigures measures glass to glass before and after a call goes over, the gap
// in the sound when it does, and how long it takes back to the file, from the last
// packet to the first sound: of a file that is still recorded, and of one that rests.
func TestDirectFigures(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := peering(startChromium(t), s, "alice", aliceTone, muted, gaps, `window.noPeers = true`)
	b := peering(startChromium(t), s, "bob", bobTone, muted, gaps)
	eval[bool](b, `hearGaps()`)
	connect(a, b, "alice", "bob")
	onFiles(b, aliceTone)
	rest(b, settle*time.Millisecond)
	before := glass(b, "#other", 15*time.Second)
	over := func() float64 {
		now := eval[float64](b, `audioNow()`)
		eval[bool](a, `(noPeers = false, true)`)
		direct(a, bobTone)
		direct(b, aliceTone)
		rest(b, time.Second)
		return eval[float64](b, `longest(`+ftoa(now)+`)`)
	}
	gap := over()
	after := glass(b, "#direct", 15*time.Second)
	t.Logf("no sound for %.3f s when it went over; glass to glass %.0f / %.0f ms on the file, %.0f / %.0f ms directly", gap, before[0], before[1], after[0], after[1])
	var ups, warm, cold []float64
	ups = append(ups, gap)
	for i := range 10 {
		took := &warm
		if i%2 == 0 {
			took = &cold
			resting(a)
		} else {
			a.until(`everfile.page.phone.stats().publish[0].state === "recording"`)
		}
		now := eval[float64](b, `audioNow()`)
		eval[bool](b, `(noPeers = true, true)`)
		eval[bool](a, `(noPeers = true, true)`)
		eval[bool](a, mutes)
		onFiles(b, aliceTone)
		*took = append(*took, eval[float64](b, `longest(`+ftoa(now)+`)`))
		eval[bool](b, `(noPeers = false, true)`)
		ups = append(ups, over())
		t.Logf("back on the file %v after %.2f s, over again with %.3f s without sound", map[bool]string{true: "that rests", false: "that is recorded"}[i%2 == 0], (*took)[len(*took)-1], ups[len(ups)-1])
	}
	slices.Sort(ups)
	t.Logf("the longest gap when it goes over: median %.3f s, worst %.3f s", quantiles(ups)[0], ups[len(ups)-1])
	t.Logf("back on the file after the last packet: %.2f s while it is recorded, %.2f s when it rests (medians of 5): %v %v", quantiles(warm)[0], quantiles(cold)[0], warm, cold)
	if ups[len(ups)-1] > 0.3 {
		t.Error("expected no gap over 0.3 s when it goes over")
	}
}
