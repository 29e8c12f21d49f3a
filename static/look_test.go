package static

import "testing"

// Pictures in an <img>: shown, seen to move, opened again when they do not.
func TestLook(t *testing.T) { node(t, lookFakes, lookTest, "everfile.js", "look.js") }

const lookFakes = `
let img, edge, states, look, pixels;

class Image extends Target {
  constructor() { super(); this.urls = []; this.naturalWidth = 0; }
  set src(v) { this.urls.push(v); }
  removeAttribute() { this.removed = true; }
  shows(width) { this.naturalWidth = width === undefined ? 640 : width; this.fire("load"); }
}

window.document.createElement = () => ({
  getContext: () => ({ drawImage: () => {}, getImageData: () => ({ data: pixels }) }),
});
`

const lookTest = `
window.everfile.edge = (o) => {
  edge = { options: o, asks: 0, t: null, ask: () => edge.asks++, told: (t) => { edge.t = t; }, last: () => edge.t, fresh: () => edge.t !== null, stop: () => { edge.stopped = true; } };
  edge.answer = (status, text) => o.onanswer(status, text || "");
  return edge;
};

function begin(more) {
  img = new Image();
  states = [];
  pixels = [1, 2, 3];
  look = window.everfile.look(Object.assign({ element: img, url: "/c/bob.mjpeg?el=5s", onstate: (s) => states.push(s) }, more));
}

test("it is shown", () => {
  begin();
  assert.deepEqual(img.urls, ["/c/bob.mjpeg?el=5s&wait=30s&n=1"]);
  edge.answer(200);
  img.shows();
  assert.deepEqual(states, ["connecting", "playing"]);
  look.stop();
  assert.deepEqual([states[2], img.removed, edge.stopped, timers.length, listening], ["stopped", true, true, 0, 0]);
});

test("an engine that says nothing of each picture", () => {
  begin();
  img.naturalWidth = 640;
  advance(500);
  assert.deepEqual(states, ["connecting", "playing"]);
});

test("a picture that stands still while the file goes on is opened again, more and more rarely", () => {
  begin();
  img.shows();
  const at = [];
  for (let i = 0; i < 120; i++) {
    look.told(i / 2);
    advance(500);
    if (img.urls.length > at.length + 1) { at.push(i); }
    img.naturalWidth = 640;
  }
  assert.ok(at.length >= 3 && at.length <= 6, String(at));
  assert.ok(at[2] - at[1] > at[1] - at[0], String(at));
  const n = img.urls.length;
  for (let i = 120; i < 160; i++) { pixels = [i]; look.told(i / 2); advance(500); }
  assert.equal(img.urls.length, n, "what moves is left alone");
  for (let i = 0; i < 40; i++) { advance(500); }
  assert.equal(img.urls.length, n, "and so is what has stopped with its file");
});

test("what is there and cannot be shown is unsupported", () => {
  begin();
  img.fire("error");
  assert.equal(edge.asks, 2);
  edge.answer(200);
  advance(1000);
  assert.equal(img.urls.length, 2);
  img.fire("error");
  edge.answer(200);
  assert.deepEqual(states, ["connecting", "unsupported"]);
  begin();
  look.told(1);
  advance(6500);           // neither shown nor refused
  edge.answer(200);
  advance(1000);
  look.told(2);
  advance(6500);
  edge.answer(200);
  assert.equal(states[1], "unsupported");
  begin();
  img.fire("error");
  edge.answer(406);
  assert.equal(states[1], "unsupported");
});

test("an empty place is waited at, and a lost network", () => {
  begin();
  img.fire("error");
  edge.answer(404);
  assert.equal(edge.options.pause(), 1000);
  edge.answer(0);
  edge.answer(200);
  assert.deepEqual(states, ["connecting", "waiting", "lost"]);
  assert.equal(img.urls.length, 2, "at once");
  img.fire("error");
  edge.answer(404);
  edge.answer(200);
  img.fire("error");
  edge.answer(404);
  edge.answer(200);
  assert.ok(!states.includes("unsupported"));
  img.fire("error");
  edge.answer(404);
  const asks = edge.asks;
  look.nudge();
  assert.equal(edge.asks, asks + 1);
});

test("one picture at a time", () => {
  begin({ url: "/c/bob.jpg?el=5s&of=mjpeg", single: true });
  for (let i = 0; i < 5; i++) { img.shows(); advance(200); }
  assert.deepEqual(img.urls.length, 6);
  assert.equal(new Set(img.urls).size, 6);
  advance(800);
  img.shows();
  advance(0);
  assert.equal(img.urls.length, 7, "at once, if it took long");
});
`
