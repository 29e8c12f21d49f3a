package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"everfile/relay"
)

// axe is the accessibility checker's script, which .ci/run fetches.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("EVERFILE_AXE")
	if path == "" {
		if os.Getenv("EVERFILE_REQUIRE") == "all" {
			t.Fatal("EVERFILE_AXE names no axe.min.js, and EVERFILE_REQUIRE=all demands it")
		}
		t.Skip("SKIPPED, NOT TESTED: EVERFILE_AXE names no axe.min.js (.ci/run fetches it)")
	}
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// look has the page appear in a colour scheme and a width.
func (p *tab) look(scheme string, width int64) {
	p.t.Helper()
	p.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err == nil {
			_, err = cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 740, DeviceScaleFactor: 1})
		}
		return chromedp.Void{}, err
	})
}

// accessible runs the checker in both schemes, wide and narrow, and demands that
// nothing needs sideways scrolling.
func (p *tab) accessible(state string) {
	p.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 360} {
			p.look(scheme, width)
			p.until(fmt.Sprintf(`innerWidth === %d`, width))
			where := fmt.Sprintf("%s, %s, %d px", state, scheme, width)
			// Colours that are on their way would be judged as they are now.
			found := eval[[]string](p, `Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => 0)))
				.then(() => axe.run()).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 120) + " " + n.failureSummary.replace(/\s+/g, " ")).join(" | ")))`)
			for _, v := range found {
				p.t.Errorf("%s: %s", where, v)
			}
			if over := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				p.t.Errorf("%s: %d px wider than the window", where, over)
			}
		}
	}
}

// Nothing that keeps anybody out, in any state of any page.
func TestAccessible(t *testing.T) {
	checker := axe(t)
	need(t, "chromium")
	s := serve(t, relay.Options{})
	b := startChromium(t)
	for _, page := range []string{"/", "/live", "/static/record.html", "/static/watch.html"} {
		p := b.newTab(checker)
		p.open(s.url + page)
		p.accessible(page)
		p.close()
	}
	alice := caller(b, s, "alice", aliceTone, checker)
	alice.accessible("idle, alone")
	taken := b.newTab(checker, old)
	taken.open(s.url + "/")
	taken.state("offline")
	eval[bool](taken, `(document.getElementById("name").value = "Alice", document.getElementById("online").click(), true)`)
	taken.until(`document.getElementById("name").value === "Alice-2"`)
	taken.accessible("name taken")
	if focus := eval[string](taken, `document.activeElement.id + " " + getSelection().toString()`); !strings.HasPrefix(focus, "name") {
		t.Errorf("after a taken name the focus is on %q", focus)
	}
	taken.close()
	bob := caller(b, s, "bob", bobTone, checker)
	alice.until(`document.querySelector("#people [data-caller=bob]")`)
	alice.accessible("idle, with people")
	alice.calls("bob", "video")
	bob.state("ringing")
	bob.focus("#ringing") // on no button: somebody may be typing
	alice.state("calling")
	alice.accessible("calling")
	bob.accessible("ringing")
	bob.click("#accept")
	sees(alice)
	sees(bob)
	alice.accessible("talking")
	for _, panel := range []string{"chat", "details", "devices"} {
		alice.click("#" + panel + "-button")
		alice.until(fmt.Sprintf(`!document.getElementById("%s-panel").hidden`, panel))
		alice.accessible("talking, " + panel)
	}
	bob.click("#mute")
	bob.click("#camera")
	alice.says("#cover-text", "switched the camera off")
	alice.accessible("talking, without picture")
	bob.click("#hangup")
	alice.state("idle")
	alice.accessible("ended")
	bob.close()
	carol := caller(b, s, "carol", bobTone, checker, noRecorder+`delete window.AudioContext;`)
	connect(carol, alice, "carol", "alice")
	carol.says("#notice-text", "alice sees you and cannot hear you")
	alice.says("#cover-text", "carol cannot be heard")
	carol.accessible("talking, seen and not heard")
	alice.click("#details-button")
	alice.accessible("talking, pictures only")
	carol.click("#hangup")
	alice.state("idle")
	carol.close()
	dave := callerWith(b, s, "dave", "{insecure: true}", checker)
	connect(dave, alice, "dave", "alice")
	dave.says("#notice-text", "send what you record with the button below")
	dave.accessible("talking, with a file that records")

	erin, frank := peering(b, s, "erin", aliceTone, checker), peering(b, s, "frank", bobTone)
	connect(erin, frank, "erin", "frank")
	direct(erin, bobTone)
	direct(frank, aliceTone)
	erin.accessible("talking, directly")
	erin.click("#details-button")
	erin.until(`!document.getElementById("details-panel").hidden`)
	erin.accessible("talking, directly, details")
}

// Nor in a room, with any number of people in it: a phone that needs no server says who
// is there.
func TestAccessibleRoom(t *testing.T) {
	checker := axe(t)
	need(t, "chromium")
	s := serve(t, relay.Options{})
	p := startChromium(t).newTab("window.testDevices = {}", script(t, "measure.js"), script(t, "devices.js"), script(t, "fakeroom.js"), checker)
	p.open(s.url + "/#no such room")
	p.until(`document.getElementById("rooms-name").getAttribute("aria-invalid")`)
	p.focus("#rooms-name")
	p.accessible("no name of a room")
	eval[bool](p, `(testRoom.taken = "alice-2", location.hash = "standup", true)`)
	p.state("lobby")
	p.focus("#lobby")
	p.accessible("at the door")
	p.press("#lobby-join")
	p.focus("#lobby-name") // which is taken, and another one is offered
	p.until(`document.getElementById("lobby-name").value === "alice-2"`)
	p.accessible("at the door, name taken")
	eval[bool](p, `(testRoom.refuses = "100 are in standup already, and no more go in.", true)`)
	p.press("#lobby-join")
	p.says("#lobby-wrong", "100 are in")
	p.accessible("at the door, full")
	eval[bool](p, `(testRoom.refuses = "", true)`)
	p.press("#lobby-join")
	p.state("room")
	p.focus("#talking") // on no button
	p.accessible("room, alone")
	for i, name := range []string{"ben", "anna", "carol", "dave", "erin", "frank", "grace", "heidi"} {
		eval[bool](p, fmt.Sprintf(`(testRoom.come(%q, {audio: true, video: %t}), true)`, name, i%3 != 2))
		if i == 0 || i == 2 || i == 7 {
			p.accessible(fmt.Sprintf("room, with %d", i+1))
		}
	}
	eval[bool](p, `(testRoom.say("message", {from: "anna", data: {kind: "state", muted: true, camera: false}}),
		testRoom.say("peer", {caller: "dave", media: {audio: true, video: true}, away: true, plays: 0}),
		testRoom.say("listeners", {url: "/standup/alice.webm", n: 30}), true)`)
	p.says(`[data-tile="/me"] .tile-note`, "listen to your file")
	p.press(`[data-tile=ben] .pin`)
	p.until(`document.querySelector("[data-size=large]").getAttribute("data-tile") === "ben"`)
	p.accessible("room, one large")
	for _, panel := range []string{"chat", "invite", "devices"} {
		p.press("#" + panel + "-button")
		p.until(fmt.Sprintf(`!document.getElementById("%s-panel").hidden && document.getElementById("%s-panel").contains(document.activeElement)`, panel, panel))
		p.accessible("room, " + panel)
	}
	p.press(`[data-tile=ben] .tile-more`)
	p.says("#person-title", "ben")
	p.accessible("room, about ben")
	eval[bool](p, `(testRoom.leave("ben"), true)`) // whose panel goes with him, and the focus nowhere
	p.focus("#talking")
	p.press(`[data-tile=carol] .pin`)
	eval[bool](p, `(testRoom.leave("carol"), true)`)
	p.focus(`[data-tile=dave] .pin`)
	eval[bool](p, `(testRoom.come("anna", {audio: true, video: true, screen: {audio: false, video: true}}), true)`)
	p.until(`document.querySelector('[data-tile="anna/screen"]').getAttribute("data-shows") === "file"`)
	p.accessible("room, with a screen")
	eval[bool](p, `(navigator.mediaDevices.getDisplayMedia = () => navigator.mediaDevices.getUserMedia({video: true}),
		testRoom.say("crowded", {yes: true, text: "This connection carries only a few files at once. By HTTPS there is no such limit.", names: ["erin"]}),
		testRoom.say("knock", {call: "call-1", from: "zoe", media: {audio: true, video: true}}), true)`)
	p.press("#share")
	p.until(`!document.getElementById("sharing").hidden`)
	p.accessible("room, crowded, sharing, and somebody calls")
	p.press("#hangup")
	p.focus("#outcome")
	p.accessible("room, left")
}
