package static

import "testing"

// When a watcher opens its file again, and when the sound only.
func TestOpener(t *testing.T) {
	node(t, page, openerTest, "everfile.js", "chase.js", "edge.js", "opener.js", "watch.js")
}

const openerTest = `
let opener, opened, told;
const last = () => asked[asked.length - 1];

function begin(thin) {
  asked = [];
  opened = [];
  told = [];
  opener = window.everfile.opener({ url: "/c/bob.webm", thin, open: () => opened.push([clock, opener.url()]), onthin: (yes) => told.push(yes) });
}

test("at once, then at most every 3 s, and more rarely when that does not help", () => {
  begin();
  const from = clock;
  for (let i = 0; i < 1200; i++) { opener.again(); advance(50); }
  assert.deepEqual(opened.map((o) => Math.round((o[0] - from) / 1000)), [0, 3, 9, 21, 45]);
  opener.helped();
  advance(24000);
  assert.equal(opened.length, 6);
  opener.again();
  advance(0);
  assert.equal(opened.length, 7);
  opener.again();
  assert.ok(opener.due());
  opener.away();
  opener.cancel();
  opener.again();
  advance(0);
  assert.equal(opened.length, 8, "what was away may be opened as soon as it is there");
});

// fall is too far behind for so many times.
function fall(n) {
  for (let i = 0; i < n; i++) { opener.again(true); advance(9000); }
}

test("too far behind twice in 20 s: the sound only, and the picture again after a while", () => {
  begin(true);
  opener.again(true);
  advance(21000);
  fall(1);
  assert.equal(asked.length, 0, "once in 20 s is nothing");
  opener.again(true);
  assert.deepEqual([last().method, last().url], ["HEAD", "http://test/c/bob.webm?tracks=audio"]);
  const n = opened.length;
  last().answer(200, 1);
  assert.deepEqual(told, [true]);
  assert.equal(opened.length, n + 1);
  assert.equal(opened[n][1], "/c/bob.webm?tracks=audio");
  for (let i = 0; i < 3; i++) { opener.again(true); }
  assert.equal(asked.length, 1);
  for (const pause of [30, 60, 120, 240, 300, 300]) {
    const from = clock;
    while (opener.url() !== "/c/bob.webm") { advance(250); opener.look(); }
    assert.equal((clock - from) / 1000, pause);
    assert.equal(told.pop(), false);
    advance(5000);
    opener.again(true);
    last().answer(200, 1);
    assert.deepEqual(told, [true, true], "a picture that was tried again has one chance");
    told.pop();
  }
  opener.stop();
  assert.equal(timers.length, 0);
});

test("a picture that lasts begins anew", () => {
  begin(true);
  fall(2);
  last().answer(200, 1);
  advance(30000);
  opener.look();
  assert.deepEqual(told, [true, false]);
  advance(100000);
  fall(2);
  last().answer(200, 1);
  advance(29000);
  opener.look();
  assert.equal(told.length, 3);
  advance(1000);
  opener.look();
  assert.deepEqual(told, [true, false, true, false]);
});

test("where there is no sound alone, that is that", () => {
  begin(true);
  fall(2);
  last().answer(406);
  fall(5);
  assert.equal(asked.length, 1);
  assert.deepEqual(told, []);
  begin(true);
  fall(2);
  last().answer(0);
  fall(1);
  assert.equal(asked.length, 2, "no answer is no no");
  begin(false);
  fall(5);
  assert.equal(asked.length, 0);
});

test("a fault of the element's own is no slow link's", () => {
  begin(true);
  for (let i = 0; i < 10; i++) { opener.again(false); advance(5000); }
  assert.equal(asked.length, 0);
});

test("stopped, it does nothing", () => {
  begin(true);
  fall(2);
  const r = last();
  opener.again();
  opener.stop();
  assert.ok(r.aborted);
  r.answer(200, 1);
  assert.deepEqual(told, []);
  assert.equal(timers.length, 0);
});

// ---- the watcher

let element, watcher, states;

function watch(more) {
  asked = [];
  states = [];
  element = new Element();
  watcher = window.everfile.watch(Object.assign({ element, url: "/c/bob.webm", onstate: (s) => states.push(s) }, more));
  last().answer(200, 0.2);
  advance(200);
  element.begin();
}

test("a file that ends and begins again with the next server", () => {
  watch();
  advance(60000);
  element.fire("ended");
  last().answer(404);                  // the old one, before it stops
  advance(0);
  assert.equal(element.opened, 2, "a request that the server holds");
  element.fail(2);                     // it has stopped
  for (let i = 0; i < 3; i++) {
    last().answer(0);
    assert.equal(states[states.length - 1], "lost");
    const n = asked.length;
    advance(250);
    assert.equal(asked.length, n + 1, "asks soon");
  }
  last().answer(404);                  // the next one: nobody has come yet
  advance(250);
  assert.equal(element.opened, 2);
  last().answer(200, 0.1);
  advance(0);
  assert.equal(element.opened, 3, "and opens at once");
  element.fail(2);
  last().answer(0);
  advance(250);
  last().answer(200, 0.2);
  advance(0);
  assert.equal(element.opened, 4, "and again, since it was away");
  element.begin();
  assert.equal(states[states.length - 1], "playing");
  watcher.stop();
});

test("while it is waited for, it is asked for more and more rarely", () => {
  watch();
  advance(60000);
  element.fire("ended");
  const n = asked.length;
  for (let i = 0; i < 600; i++) {
    if (last().readyState !== 4) { last().answer(0); }
    advance(50);
  }
  assert.ok(asked.length - n > 15 && asked.length - n < 40, asked.length - n + " times in 30 s");
  const asks = asked.length;
  for (let i = 0; i < 10; i++) { watcher.told(60 + i); }
  assert.equal(asked.length, asks, "not at every word");
  advance(60000);
  watcher.nudge();
  assert.ok(!last().aborted);
  watcher.stop();
});

test("behind with an empty buffer twice, the watcher plays the sound", () => {
  let thin = 0;
  watch({ thin: true, onthin: (yes) => { thin = yes; } });
  Object.defineProperty(element, "buffered", { get: () => ({ length: element.playing ? 1 : 0, start: () => element.from, end: () => element.currentTime + 0.1 }) });
  for (let round = 0; round < 2; round++) {
    assert.equal(element.opened, 1 + round);
    for (let i = 0; i < 8; i++) { advance(500); watcher.told(element.currentTime + 0.3); }
    for (let i = 0; i < 12 && element.playing; i++) { advance(500); watcher.told(element.currentTime + 5); }
    assert.equal(element.playing, false, "it was opened again");
    element.from = 20;
    advance(500);
    if (!round) { element.begin(); }
  }
  assert.match(last().url, /bob\.webm\?tracks=audio$/);
  last().answer(200, 1);
  assert.equal(thin, true);
  assert.match(element.url, /\?tracks=audio&wait=/);
  watcher.stop();
});
`
