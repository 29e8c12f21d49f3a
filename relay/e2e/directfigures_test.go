package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream/streamtest"
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
// heardAgain is when the longest silence since then ended, in s after that; audioThen is
// the end of it.
window.heardAgain = (since) => {
	const g = gaps.filter((g) => g[1] >= since).sort((x, y) => y[1] - y[0] - x[1] + x[0])[0];
	window.audioThen = g ? g[1] + 0.01 : since;
	return g ? g[1] - since : 0;
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

// TestDirectLatency measures how old pictures and sounds are, before a call goes over
// and after. What comes directly is heard before the element, which adds nothing.
func TestDirectLatency(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := peeringWith(startChromium(t), s, "alice", "{beeps: true}", `window.noPeers = true`)
	b := peeringWith(startChromium(t), s, "bob", "{beeps: true}")
	connect(a, b, "alice", "bob")
	sees(b)
	measured := func(element string) (picture, sound [2]float64) {
		b.t.Helper()
		eval[bool](b, `(async () => { window.heard = await measure.listen(document.querySelector("`+element+`")); return true; })()`)
		rest(b, settle*time.Millisecond)
		picture = glass(b, element, 30*time.Second)
		var ages []float64
		for _, a := range eval[[][2]float64](b, `heard.ages`) {
			if a[0] > settle {
				ages = append(ages, a[1])
			}
		}
		if len(ages) < 20 {
			t.Errorf("in 30 s %d beeps were heard in %s", len(ages), element)
		}
		return picture, quantiles(ages)
	}
	picture, sound := measured("#other")
	t.Logf("on the file: glass to glass %.0f / %.0f ms, mouth to ear %.0f / %.0f ms (median, p95)", picture[0], picture[1], sound[0], sound[1])
	eval[bool](a, `(noPeers = false, true)`)
	b.until(`everfile.page.phone.stats().way.state === "direct"`)
	straight, ear := measured("#direct")
	t.Logf("directly: glass to glass %.0f / %.0f ms, mouth to ear %.0f / %.0f ms", straight[0], straight[1], ear[0], ear[1])
	if straight[0] > picture[0]/2 || ear[0] > sound[0] {
		t.Error("it is not much sooner")
	}
}

// TestDirectFigures measures the gap in the sound when a call goes over, and how long
// it takes back to the file, from the last packet to the first sound: of a file that is
// still recorded, and of one that rests.
func TestDirectFigures(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	a := peering(startChromium(t), s, "alice", aliceTone, muted, gaps, `window.noPeers = true`)
	b := peering(startChromium(t), s, "bob", bobTone, muted, gaps)
	eval[bool](b, `hearGaps()`)
	connect(a, b, "alice", "bob")
	onFiles(b, aliceTone)
	rest(b, settle*time.Millisecond)
	over := func() float64 {
		now := eval[float64](b, `audioNow()`)
		eval[bool](a, `(noPeers = false, true)`)
		direct(a, bobTone)
		direct(b, aliceTone)
		rest(b, time.Second)
		return eval[float64](b, `longest(`+ftoa(now)+`)`)
	}
	// What there is in two seconds without any change is the machine's, not ours.
	var steady float64
	calm := func() {
		now := eval[float64](b, `audioNow()`)
		rest(b, 2*time.Second)
		steady = max(steady, eval[float64](b, `longest(`+ftoa(now)+`)`))
	}
	calm()
	ups := []float64{over()}
	took := map[string][]float64{}
	for i := range 10 {
		file := "that is recorded"
		if i%2 == 0 {
			file = "that rests"
			resting(a)
		}
		now := eval[float64](b, `audioNow()`)
		eval[bool](b, `(noPeers = true, true)`)
		eval[bool](a, `(noPeers = true, true)`)
		eval[bool](a, mutes)
		onFiles(b, aliceTone)
		back := eval[float64](b, `heardAgain(`+ftoa(now)+`)`)
		took[file] = append(took[file], back)
		rest(b, time.Second)
		eval[bool](b, `(noPeers = false, true)`)
		ups = append(ups, over())
		calm()
		t.Logf("back on the file %s after %.2f s, over again with %.3f s without sound", file, back, ups[len(ups)-1])
	}
	slices.Sort(ups)
	t.Logf("the longest gap when it goes over: median %.3f s, worst %.3f s; without any change %.3f s", quantiles(ups)[0], ups[len(ups)-1], steady)
	for file, all := range took {
		t.Logf("back on the file %s after the last packet: median %.2f s: %.2f", file, quantiles(all)[0], all)
	}
	if steady > 0.1 {
		t.Log("the machine is too busy to tell the gaps of a change from its own")
	} else if ups[len(ups)-1] > 0.3 {
		t.Error("expected no gap over 0.3 s when it goes over")
	}
}

// TestDirectFile measures how soon who opens a side's file in the direct phase has it,
// though nothing is recorded until then, and when that rests again after he has left.
func TestDirectFile(t *testing.T) {
	long(t)
	need(t, "curl", "ffmpeg")
	s := serve(t, relay.Options{})
	a := peering(startChromium(t), s, "alice", aliceTone)
	b := peering(startChromium(t), s, "bob", bobTone)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	url := a.file("own-url")
	var first, calm []float64
	for range 7 {
		resting(a)
		resting(b)
		file := filepath.Join(t.TempDir(), "side.webm")
		curl := launch(t, "sh", "-c", `curl -sN --max-time 5 -o "$1" -w '%{time_starttransfer}' "$0" || true`, url, file)
		b.says("#more", "Somebody listens to the file of alice")
		a.says("#more", "1 listens to your file")
		out := string(curl.all())
		left := time.Now()
		at, err := strconv.ParseFloat(out, 64)
		if err != nil || at <= 0 {
			t.Fatalf("curl has the first byte after %q s", out)
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		j := streamtest.JudgeBytes(t, "side.webm", body)
		j.Rises(t)
		if len(j.Errors) > 0 || len(j.Frames) < 100 {
			t.Errorf("ffmpeg reads %d frames of 5 s and complains of %v", len(j.Frames), j.Errors)
		}
		resting(a)
		rests := time.Since(left).Seconds()
		a.until(`document.getElementById("more").hidden`)
		b.until(`document.getElementById("more").hidden`)
		if state := eval[string](b, `everfile.page.phone.stats().publish[0].state`); state != "resting" {
			t.Errorf("bob's file is %s, which nobody has opened", state)
		}
		first, calm = append(first, at), append(calm, rests)
		t.Logf("the first byte after %.2f s; it rests %.1f s after curl has left", at, rests)
	}
	m := quantiles(first)
	t.Logf("the first byte: median %.2f s, worst %.2f s; it rests %.1f to %.1f s after", m[0], first[len(first)-1], slices.Min(calm), slices.Max(calm))
	if m[0] > 1 {
		t.Error("expected the first byte within a second")
	}
	if slices.Min(calm) < 9.5 || slices.Max(calm) > 11.5 {
		t.Error("expected it to rest after 10 to 11 s")
	}
}
