package static

import "testing"

// One's own devices in a call: what is asked for, what is kept, what is let go.
func TestOwn(t *testing.T) {
	node(t, machine+settings, ownTest, "everfile.js", "page.js", "devices.js", "own.js")
}

const settings = `
let stored = {};
window.localStorage = { getItem: (k) => stored[k], setItem: (k, v) => { stored[k] = v; }, removeItem: (k) => { delete stored[k]; } };
`

const ownTest = `
const own = window.everfile.page.own;
let streams, said, hints;

// begin is a machine, and a call that has nothing yet.
function begin(c, m) {
  plug(c, m);
  stored = {};
  streams = [];
  said = [];
  hints = [];
  own.onstream = (s) => streams.push(kinds(s));
  own.onlack = (text) => said.push(text);
  own.onask = (text) => hints.push(text);
}

// over ends the call, which leaves nothing.
function over() {
  own.close();
  given.forEach((s) => s.tracks.forEach((t) => assert.equal(t.readyState, "ended", "a track that nobody has stopped")));
  assert.equal(timers.length, 0, "timers");
  assert.deepEqual([own.stream, own.want, own.asking, own.muted, own.darkened], [null, null, false, false, false]);
}

const track = (kind) => own.stream.tracks.find((t) => t.kind === kind);

test("what was asked for is sent, and let go of at the end", () => {
  begin();
  own.open(both);
  assert.deepEqual([streams, said, own.media()], [["audio video"], [""], both]);
  over();
});

test("the call is over before the browser has answered", () => {
  begin();
  held = true;
  own.open(both);
  assert.equal(own.asking, true);
  own.close();
  waiting();
  assert.deepEqual(streams, []);
  over();
});

test("who is asked for a while is told where to look", () => {
  begin();
  held = true;
  own.open(voice);
  advance(900);
  assert.deepEqual(hints, []);
  advance(200);
  assert.deepEqual(hints, ["Allow the microphone in your browser."]);
  waiting();
  assert.deepEqual(said, [""]);
  own.again();
  waiting();
  advance(5000);
  assert.equal(hints.length, 1);
  over();
});

test("muted and dark stay so with other devices", () => {
  begin();
  own.open(both);
  own.mute(true);
  own.dark(true);
  own.choose("microphone", "other");
  assert.deepEqual([track("audio").enabled, track("video").enabled], [false, false]);
  assert.equal(given[0].tracks[0].readyState, "ended");
  over();
});

test("a device is remembered once it has worked", () => {
  begin();
  own.open(both);
  own.choose("camera", "gone");
  assert.equal(track("video").device, "some");
  assert.deepEqual(stored, {});
  own.choose("camera", "left");
  assert.equal(track("video").device, "left");
  assert.deepEqual(stored, { "everfile.camera": "left" });
  own.choose("microphone", "busy");
  assert.deepEqual(stored, { "everfile.camera": "left" });
  over();
});

test("a device that goes is replaced at once, and if it goes again and again more rarely", () => {
  begin();
  own.open(voice);
  advance(10000);
  const times = [];
  for (let i = 0; i < 5; i++) {
    const before = asked.length, at = clock;
    track("audio").end();
    while (asked.length === before) { advance(100); }
    times.push(clock - at);
  }
  assert.deepEqual(times, [100, 100, 1000, 2000, 4000]);
  track("audio").end();
  over();
});

test("both go at the same time", () => {
  begin();
  own.open(both);
  own.stream.tracks.forEach((t) => t.end());
  advance(100);
  assert.deepEqual(asked, ["av", "av"]);
  own.stream.tracks.forEach((t) => t.end());
  advance(1000);
  assert.deepEqual(asked, ["av", "av", "av"], "which counts once");
  over();
});

test("another camera is refused: the present one goes on", () => {
  begin();
  own.open(both);
  camera = "NotAllowedError";
  own.choose("camera", "left");
  assert.deepEqual(own.media(), both);
  assert.deepEqual(streams, ["audio video"]);
  assert.equal(own.asking, false);
  over();
});

test("all is refused: what there is goes on", () => {
  begin();
  own.open(voice);
  microphone = "NotAllowedError";
  own.choose("microphone", "other");
  assert.deepEqual(own.media(), voice);
  over();
});

test("a camera for a voice call", () => {
  begin("NotFoundError");
  own.open(voice);
  own.dark(false);
  assert.deepEqual(streams, ["audio"], "there is none: the sound goes on as it is");
  assert.match(said[1], /^There is no camera/);
  camera = "";
  own.dark(false);
  assert.deepEqual(streams, ["audio", "audio video"]);
  assert.deepEqual(own.media(), both);
  over();
});

test("phones open one camera at a time", () => {
  begin();
  own.open(both);
  const first = track("video");
  const free = give;
  give = (c) => (c.video && first.readyState === "live" ? { name: "NotReadableError" } : free(c));
  own.choose("camera", "back");
  give = free;
  assert.equal(track("video").device, "back");
  assert.deepEqual(own.media(), both);
  over();
});

test("neither is wanted", () => {
  begin();
  own.open({ audio: false, video: false });
  assert.deepEqual([asked, streams, said], [[], [""], [""]]);
  over();
});
`
