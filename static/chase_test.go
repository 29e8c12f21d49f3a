package static

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The pursuit, run by node with a clock and an element of its own: how fast it
// plays with how much in the buffer, before and after the element ran dry.
func TestChase(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("EVERFILE_REQUIRE") == "all" {
			t.Fatal("node is not installed, and EVERFILE_REQUIRE=all demands it")
		}
		t.Skip("SKIPPED, NOT TESTED: node is not installed")
	}
	chase, err := fs.ReadFile(embedded, "chase.js")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "chase.cjs")
	if err := os.WriteFile(file, []byte(pursuit[0]+string(chase)+pursuit[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const want = `0.15 s: 1
0.27 s: 1.1
0.12 s: 1
0.27 s: 1.1
0.11 s: 1
0.27 s: 1
0.31 s: 1.1
0.04 s: 0.95
0.70 s: sought to 0.20 s
after 3 stalls
0.04 s: 0.95
0.11 s: 0.95
0.30 s: 1
0.50 s: 1.1
10 stalls aim no higher than 0.50 s: 1
after a calm minute each, 20 times
0.15 s: 1
0.30 s: 1.1
starved at 0.30 s: 1
0.6 s later with 0.6 s more: at 100.8 of 101.6
0.6 s later with 3 s more: at 103.8 of 104.0
pieces of 1 s: 3 seeks in 100 s, rate 1.1
1 s away: 0 seeks
2 s away: 0 seeks before 0.3 s are there, 1 then, to 0.2 s
that took 2 s: 0 seeks
2 s away, and again 1.6 s after the seek: 1 and 1 seeks
2 s away, and all of it comes within half a second: 1 seeks
0.8 s where seeks are worth nothing: 1.4
and after it ran dry at that: 1.1
`
	if got := strings.ReplaceAll(string(out), "\r", ""); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

var pursuit = [2]string{`
let clock = 0, gap = 0;
globalThis.window = { everfile: { now: () => clock } };
`, `
const element = { currentTime: 100, paused: false, seeking: false, readyState: 4, playbackRate: 1,
  buffered: { length: 1, end: () => 100 + gap } };
const chase = window.everfile.chase(element);
function settle(size) {
  gap = size;
  element.currentTime = 100;
  element.playbackRate = 1;
  chase.reset();
  for (let i = 0; i < 40; i++) { clock += 50; chase.step(true); }
  return element.playbackRate;
}
const show = (size) => console.log(size.toFixed(2) + " s: " + settle(size));
[0.15, 0.27, 0.12, 0.27, 0.11, 0.27, 0.31, 0.04].forEach(show);
for (let i = 0; i < 20; i++) { clock += 61000; settle(0.15); }
gap = 0.7;
chase.step(true);
console.log("0.70 s: sought to " + (100.7 - element.currentTime).toFixed(2) + " s");
for (let i = 0; i < 3; i++) { chase.stalled(); }
console.log("after 3 stalls");
[0.04, 0.11, 0.30, 0.50].forEach(show);
for (let i = 0; i < 10; i++) { chase.stalled(); }
console.log("10 stalls aim no higher than 0.50 s: " + settle(0.50));
for (let i = 0; i < 20; i++) { clock += 61000; settle(0.15); }
console.log("after a calm minute each, 20 times");
[0.15, 0.30].forEach(show);
gap = 0.3;
chase.reset();
chase.starved = true;
element.playbackRate = 1;
for (let i = 0; i < 40; i++) { clock += 50; chase.step(true); }
console.log("starved at 0.30 s: " + element.playbackRate);
for (const more of [0.6, 3]) {
  gap = 1;
  element.currentTime = 100;
  chase.reset();
  chase.step(true);
  gap += more;
  for (let i = 0; i < 12; i++) { clock += 50; chase.step(true); }
  console.log("0.6 s later with " + more + " s more: at " + element.currentTime.toFixed(1) + " of " + (100 + gap).toFixed(1));
}
gap = 1.2;
element.currentTime = 100;
chase.reset();
const sought = () => { const n = chase.seeks - before; before = chase.seeks; return n; };
let before = chase.seeks;
// Seeks are worth nothing here, and the file comes in pieces of 1 s.
for (let at = 100, i = 0; i < 100000 / 50; i++) {
  clock += 50;
  element.currentTime = at += 0.05;
  if (i % 20 === 19) { gap++; }
  chase.step(true);
}
console.log("pieces of 1 s: " + sought() + " seeks in 100 s, rate " + element.playbackRate);
const look = (ms) => { for (let i = 0; i < ms / 50; i++) { clock += 50; chase.step(true); } };
element.currentTime = 100 + gap - 0.1;
look(1000);
gap += 1;
look(100);
console.log("1 s away: " + sought() + " seeks");
element.currentTime = 100 + gap - 0.1;
look(2000);
gap += 2;
look(100);
const early = [sought()];
for (let i = 0; i < 6; i++) { gap += 0.05; look(50); }
console.log("2 s away: " + early[0] + " seeks before 0.3 s are there, " + sought() + " then, to " + (100 + gap - element.currentTime).toFixed(1) + " s");
const slow = () => {
  element.seeking = true;
  look(2000);
  element.seeking = false;
  gap += 2;
  look(1000);
};
slow();
console.log("that took 2 s: " + sought() + " seeks");
element.currentTime = 100 + gap - 0.1;
look(2000);
gap += 2;
look(50);
gap += 0.3;
look(600);
early.push(sought());
element.currentTime = 100 + gap - 0.1;
look(1600);
gap += 2;
look(50);
gap += 0.3;
look(100);
console.log("2 s away, and again 1.6 s after the seek: " + early[1] + " and " + sought() + " seeks");
slow();
element.currentTime = 100 + gap - 0.1;
look(2000);
for (let i = 0; i < 10; i++) { gap += 0.2; look(50); }
console.log("2 s away, and all of it comes within half a second: " + sought() + " seeks");
const steady = () => {
  for (let i = 0; i < 1000 / 50; i++) {
    clock += 50;
    gap += 0.05;
    element.currentTime = 100 + gap - 0.8;
    chase.step(true);
  }
  return element.playbackRate;
};
for (let i = 0; i < 20; i++) { steady(); }
console.log("0.8 s where seeks are worth nothing: " + steady());
chase.stalled();
console.log("and after it ran dry at that: " + steady());
`}
