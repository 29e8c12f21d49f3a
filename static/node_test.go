package static

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// node runs scripts of ours in node, after a script that makes what they find
// there, and before one that tests them, and may run them anew by scripts(). That prints "ok NAME ." or "FAIL NAME WHY"
// for each of its tests, between tabs.
func node(t *testing.T, before, test string, files ...string) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("EVERFILE_REQUIRE") == "all" {
			t.Fatal("node is not installed, and EVERFILE_REQUIRE=all demands it")
		}
		t.Skip("SKIPPED, NOT TESTED: node is not installed")
	}
	text := fakes + before + "\nfunction scripts() {\n"
	for _, name := range files {
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	file := filepath.Join(t.TempDir(), "test.cjs")
	if err := os.WriteFile(file, []byte(text+"}\nscripts();\n"+test+"\nrun();\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		said := strings.Split(strings.TrimSpace(line), "\t")
		if len(said) != 3 {
			t.Log(line)
			continue
		}
		n++
		t.Run(said[1], func(t *testing.T) {
			if said[0] != "ok" {
				t.Error(strings.ReplaceAll(said[2], "|", "\n"))
			}
		})
	}
	if n == 0 {
		t.Fatalf("no tests ran:\n%s", out)
	}
}

// fakes are what the scripts find in place of a browser: time passes when a test
// says so, and nothing is random.
const fakes = `
const assert = require("assert");
let clock, timers, sockets, listening;

globalThis.setTimeout = (fn, ms) => timer(fn, ms, 0);
globalThis.setInterval = (fn, ms) => timer(fn, ms, ms);
globalThis.clearTimeout = globalThis.clearInterval = (t) => { timers = timers.filter((x) => x !== t); };
Math.random = () => 0.5;

function timer(fn, ms, every) {
  const t = { fn, at: clock + (ms || 0), every };
  timers.push(t);
  return t;
}

// advance lets time pass.
function advance(ms) {
  const end = clock + ms;
  for (;;) {
    const next = timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
    if (!next) { break; }
    clock = Math.max(clock, next.at);
    if (next.every) { next.at += next.every; } else { timers = timers.filter((t) => t !== next); }
    next.fn();
  }
  clock = end;
}

// Target has listeners, and leaves none behind unnoticed.
class Target {
  constructor() { this.handlers = []; }
  addEventListener(type, fn) { this.handlers.push([type, fn]); listening++; }
  removeEventListener(type, fn) {
    const before = this.handlers.length;
    this.handlers = this.handlers.filter((h) => h[0] !== type || h[1] !== fn);
    listening -= before - this.handlers.length;
  }
  fire(type) { this.handlers.filter((h) => h[0] === type).forEach((h) => h[1]({ type })); }
}

// Socket is a WebSocket whose other end is the test.
class Socket {
  constructor(url, protocol) { this.url = url; this.protocol = protocol; this.said = []; this.closing = null; sockets.push(this); }
  get binaryType() { return "blob"; }
  send(data) {
    if (!this.opened) { throw new Error("InvalidStateError"); }
    this.said.push(typeof data === "string" ? JSON.parse(data) : data);
  }
  close(code) { this.closing = this.closing || code; }
  open() { this.opened = true; if (this.onopen) { this.onopen({}); } }
  hear(m) { this.onmessage({ data: JSON.stringify(m) }); }
  end(code, reason) { this.opened = false; this.onclose({ code, reason: reason || "" }); }
}

class Track extends Target {
  constructor(kind) { super(); this.kind = kind; this.readyState = "live"; }
  stop() { this.readyState = "ended"; }
  end() { this.readyState = "ended"; this.fire("ended"); }
}

class MediaStream {
  constructor(tracks) { this.tracks = tracks; }
  getTracks() { return this.tracks; }
  getAudioTracks() { return this.tracks.filter((t) => t.kind === "audio"); }
  getVideoTracks() { return this.tracks.filter((t) => t.kind === "video"); }
}

const stream = (...kinds) => new MediaStream(kinds.map((k) => new Track(k)));

globalThis.window = Object.assign(new Target(), {
  performance: { now: () => clock },
  navigator: {},
  WebSocket: Socket,
  MediaStream,
  document: Object.assign(new Target(), {
    hidden: false,
    documentElement: { style: {} },
    createElement: () => ({
      get href() { return this.url; },
      set href(v) { this.url = v[0] === "/" ? "http://test" + v : v; },
    }),
  }),
});

const tests = [];
const test = (name, fn) => tests.push([name, fn]);

function run() {
  for (const [name, fn] of tests) {
    clock = 1000;
    timers = [];
    sockets = [];
    listening = 0;
    window.handlers = [];
    window.document.handlers = [];
    try {
      fn();
      console.log(["ok", name, "."].join("\t"));
    } catch (e) {
      console.log(["FAIL", name, String(e.stack).replace(/[\t\n]/g, "|")].join("\t"));
    }
  }
}
`
