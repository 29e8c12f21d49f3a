package static

import "testing"

// The live edge, told or asked for, and what a watcher makes of it.
func TestEdge(t *testing.T) {
	node(t, page, edgeTest, "everfile.js", "chase.js", "edge.js", "opener.js", "watch.js")
}

// page is what a watcher needs of a page.
const page = `
let asked, media;

class XMLHttpRequest {
  open(method, url) { asked.push(this); this.method = method; this.url = url; }
  send() {}
  abort() { this.aborted = true; }
  getResponseHeader() { return String(this.edge); }
  answer(status, edge) {
    this.readyState = 4;
    this.status = status;
    this.statusText = "";
    this.edge = edge;
    if (this.onreadystatechange) { this.onreadystatechange(); }
  }
}
window.XMLHttpRequest = XMLHttpRequest;

// Element plays from 0 on, with so much in its buffer, while it is playing.
class Element extends Target {
  constructor() {
    super();
    Object.assign(this, { paused: true, readyState: 0, playbackRate: 1, seeking: false, opened: 0, from: 0, ahead: 0.15 });
  }
  get currentTime() { return this.playing ? this.from + (clock - this.since) / 1000 : this.from; }
  set currentTime(t) { this.from = t; this.since = clock; }
  get buffered() { return { length: this.playing ? 1 : 0, start: () => 0, end: () => this.currentTime + this.ahead }; }
  set src(v) { this.url = v; this.opened++; this.playing = false; this.from = 0; this.error = null; }
  play() { this.paused = false; }
  pause() { this.paused = true; }
  load() {}
  removeAttribute(name) { if (name === "src") { this.url = ""; } }
  setAttribute() {}
  begin() {
    this.playing = true;
    this.since = clock;
    this.readyState = 4;
    this.fire("loadedmetadata");
    this.fire("playing");
  }
  fail(code) { this.playing = false; this.error = { code }; this.fire("error"); }
}
`

const edgeTest = `
const last = () => asked[asked.length - 1];
let answers;

function edge() {
  asked = [];
  answers = [];
  const e = window.everfile.edge({ url: "/a.webm", pause: () => 0, onanswer: (status) => answers.push(status) });
  e.ask();
  last().answer(200, 1);
  return e;
}

test("untold, it asks every two seconds", () => {
  edge();
  assert.deepEqual([last().method, last().url], ["HEAD", "http://test/a.webm"]);
  for (let i = 0; i < 5; i++) { advance(2000); last().answer(200, 3 + 2 * i); }
  assert.equal(asked.length, 6);
});

test("told, it does not ask", () => {
  const e = edge(), from = clock;
  for (let i = 0; i < 100; i++) {
    advance(500);
    e.told(1 + (clock - from) / 1000);
    assert.ok(e.fresh() && e.live());
    assert.equal(e.last(), 1 + (clock - from) / 1000);
    e.look();
  }
  assert.equal(asked.length, 1);
  assert.equal(e.status, 200);
  assert.equal(e.at(clock + 500), e.last() + 0.5);
  for (let i = 0; i < 10; i++) { advance(2900); e.told(1 + (clock - from) / 1000); }
  assert.equal(asked.length, 1, "and every 2.9 s is often enough");
  advance(3000);
  assert.equal(asked.length, 2, "but when no word comes it asks");
  last().answer(200, 99);
  advance(2000);
  assert.equal(asked.length, 3);
  e.look();
  assert.equal(asked.length, 4);
});

test("told, and asked for all the same", () => {
  const e = edge();
  e.told(5);
  e.ask();
  assert.equal(asked.length, 2);
  e.told(6);
  advance(100);
  last().answer(200, 6);
  assert.deepEqual(answers, [200, 200], "whoever asks gets the answer");
  advance(2500);
  assert.equal(asked.length, 2);
  e.ask();
  e.told(9);
  advance(7900);
  assert.equal(asked.length, 3, "and is given time");
  assert.ok(!last().aborted);
  advance(200);
  assert.ok(last().aborted);
});

test("told that nothing comes", () => {
  const e = edge();
  for (let i = 0; i < 10; i++) { advance(500); e.told(1 + i / 2); }
  for (let i = 0; i < 10; i++) { advance(500); e.told(5.5); }
  assert.equal(e.live(), false);
  assert.equal(e.at(clock + 1000), 5.5);
});

test("told, while somebody waits for the file", () => {
  asked = [];
  const e = window.everfile.edge({ url: "/a.webm", pause: () => 200, onanswer: () => {} });
  e.ask();
  last().answer(404);
  for (let i = 0; i < 10; i++) {
    advance(100);
    e.told(1);
    if (last().readyState !== 4) { last().answer(404); }
  }
  assert.equal(asked.length, 6, "it goes on to ask");
});

test("stopped, it neither asks nor hears", () => {
  const e = edge();
  e.stop();
  e.told(7);
  advance(60000);
  assert.equal(asked.length, 1);
  assert.equal(timers.length, 0);
});

// ---- the watcher

let element, watcher, states;

function watch() {
  asked = [];
  states = [];
  element = new Element();
  watcher = window.everfile.watch({ element, url: "/c/bob.webm", onstate: (s) => states.push(s) });
  last().answer(200, 0.2);
  advance(200);
  element.begin();
}

// tell lets so much time pass, with the server's word twice a second.
function tell(ms) {
  for (let i = 0; i < ms; i += 500) {
    advance(500);
    watcher.told(element.currentTime + 0.3);
  }
}

test("a watcher that is told asks only when the element stopped", () => {
  watch();
  const n = asked.length;
  tell(60000);
  window.fire("online");
  window.document.fire("visibilitychange");
  assert.equal(asked.length, n);
  assert.equal(states[states.length - 1], "playing");
  assert.ok(Math.abs(watcher.stats().behind - 0.3) < 0.02, "behind " + watcher.stats().behind);
  element.fire("ended");
  assert.equal(asked.length, n + 1, "ended");
  last().answer(200, 60);
  advance(100);
  assert.equal(element.opened, 2);
  advance(200);
  element.begin();
  tell(5000);
  element.fail(2);
  assert.equal(asked.length, n + 2, "an error");
  watcher.stop();
  assert.equal(timers.length, 0);
  assert.equal(listening, 0);
});

test("an element that plays what it does not say it has is nobody knows how late", () => {
  watch();
  tell(2000);
  Object.defineProperty(element, "buffered", { value: { length: 1, start: () => 0, end: () => 0.1 } });
  tell(1000);
  assert.equal(watcher.stats().behind, null);
  watcher.stop();
});

test("a watcher that is not told asks", () => {
  watch();
  const n = asked.length;
  for (let i = 0; i < 10; i++) { advance(2000); last().answer(200, element.currentTime + 0.3); }
  assert.ok(asked.length >= n + 9, asked.length - n + " in 20 s");
  watcher.stop();
});

test("far behind by the server's word, it opens again", () => {
  watch();
  tell(5000);
  for (let i = 0; i < 4; i++) { advance(500); watcher.told(element.currentTime + 5); }
  assert.equal(element.opened, 2);
  watcher.stop();
});

// wait lets time pass while the server answers.
function wait(ms) {
  for (let i = 0; i < ms; i += 500) {
    advance(500);
    last().answer(200, 1);
  }
}

test("what it never plays although it is there is unsupported", () => {
  asked = [];
  states = [];
  element = new Element();
  watcher = window.everfile.watch({ element, url: "/c/bob.webm", onstate: (s) => states.push(s) });
  last().answer(200, 1);
  for (let i = 0; i < 2; i++) {
    assert.ok(!states.includes("unsupported"), "after " + i);
    advance(200);
    element.fail(4);
    last().answer(200, 1);
    wait(25000);
  }
  assert.equal(states[states.length - 1], "unsupported");
  element.begin();
  assert.equal(states[states.length - 1], "playing");
  for (let i = 0; i < 5; i++) {
    element.fail(4);
    last().answer(200, 1);
    wait(25000);
  }
  assert.equal(states.filter((s) => s === "unsupported").length, 1, "what has played once can be played");
  watcher.stop();
});

test("that it is there is counted once for each time it does not play", () => {
  asked = [];
  states = [];
  element = new Element();
  watcher = window.everfile.watch({ element, url: "/c/bob.webm", onstate: (s) => states.push(s) });
  last().answer(200, 1);
  advance(200);
  element.fail(4);
  last().answer(200, 1);
  for (let i = 0; i < 5; i++) {
    advance(500);
    if (last().readyState !== 4) { last().answer(200, 1); }
  }
  assert.ok(!states.includes("unsupported"));
  watcher.stop();
});

test("neither the network nor an empty place is a format", () => {
  asked = [];
  states = [];
  element = new Element();
  watcher = window.everfile.watch({ element, url: "/c/bob.webm", onstate: (s) => states.push(s) });
  for (const [code, status] of [[2, 200], [2, 200], [2, 200], [4, 404], [4, 404], [4, 404]]) {
    last().answer(200, 1);
    advance(25000);
    element.fail(code);
    last().answer(status, 1);
    advance(25000);
  }
  assert.ok(!states.includes("unsupported"));
  watcher.stop();
});
`
