package static

import "testing"

// How a sender goes down to what its link bears, and up again.
func TestAdapt(t *testing.T) { node(t, "", adaptTest, "everfile.js", "adapt.js") }

const adaptTest = `
let adapt, steps, said;

function begin(more) {
  steps = [];
  said = [];
  adapt = window.everfile.adapt(Object.assign({ bits: 800000, sound: true, onstep: (step, text) => {
    steps.push(name(step));
    said.push(text);
  } }, more));
}

const name = (s) => s.picture ? s.bits / 1000 + (s.fps ? "@" + s.fps : "") : "sound";
const now = () => name(adapt.step);

// wait lets time pass in which the oldest chunk waits for so long.
function wait(ms, forMs, late) {
  for (let i = 0; i < forMs; i += 250) { advance(250); adapt.look(ms, !!late); }
}

test("down when more than a second waits for three", () => {
  begin();
  wait(900, 60000);
  assert.deepEqual(steps, []);
  wait(1100, 3000);
  assert.deepEqual(steps, []);
  wait(900, 250);
  wait(1100, 3000);
  assert.deepEqual(steps, [], "not in a row");
  wait(1100, 250);
  assert.deepEqual(steps, ["450"]);
  for (let i = 0; i < 10; i++) { wait(null, 500); wait(1100, 3250); }
  assert.deepEqual(steps, ["450", "200", "200@15", "sound"]);
  assert.equal(adapt.top(), false);
  assert.match(said[0], /slow: the picture is sent with less detail/);
  assert.match(said[3], /slow: only your sound is sent/);
});

test("far too late is enough", () => {
  begin();
  wait(4100, 250, true);
  assert.deepEqual(steps, ["450"]);
});

test("no connection is no slow one, and no calm", () => {
  begin();
  for (let i = 0; i < 20; i++) { wait(1100, 2750); wait(null, 250); }
  assert.deepEqual(steps, []);
  wait(1100, 3250);
  for (let i = 0; i < 20; i++) { wait(100, 29750); wait(null, 250); }
  assert.deepEqual(steps, ["450"]);
});

test("up after 30 s of calm, one by one", () => {
  begin();
  for (let i = 0; i < 4; i++) { wait(1100, 3250); }
  assert.equal(now(), "sound");
  wait(100, 29000);
  wait(1100, 250);
  wait(100, 30000);
  assert.equal(now(), "sound");
  wait(100, 250);
  assert.equal(now(), "200@15");
  assert.match(said[said.length - 1], /better: your picture is sent again/);
  wait(100, 30250);
  wait(100, 30250);
  wait(100, 30250);
  assert.equal(now(), "800");
  assert.equal(adapt.top(), true);
  assert.match(said[said.length - 1], /good again/);
  wait(100, 600000);
  assert.equal(steps.length, 8);
});

test("what the link does not bear is tried more and more rarely", () => {
  begin();
  wait(1100, 3250);
  const pauses = [];
  for (let i = 0; i < 6; i++) {
    const from = clock;
    while (now() === "450") { wait(100, 250); }
    pauses.push(Math.floor((clock - from) / 1000));
    wait(100, 5000);
    wait(1100, 3250);
    assert.equal(now(), "450");
  }
  assert.deepEqual(pauses, [30, 60, 120, 240, 300, 300]);
  wait(100, 301000);
  assert.equal(now(), "800");
  wait(100, 301000);      // it lasts: that was a good step
  wait(1100, 3250);
  const from = clock;
  while (now() === "450") { wait(100, 250); }
  assert.equal(Math.floor((clock - from) / 1000), 30);
});

test("the ladder fits to what is sent", () => {
  begin({ bits: 300000, sound: false });
  for (let i = 0; i < 5; i++) { wait(1100, 3250); }
  assert.deepEqual(steps, ["200", "200@15"]);
  begin({ bits: 1000000 });
  for (let i = 0; i < 5; i++) { wait(1100, 3250); }
  assert.deepEqual(steps, ["450", "200", "200@15", "sound"]);
  begin({ bits: 100000 });
  for (let i = 0; i < 5; i++) { wait(1100, 3250); }
  assert.deepEqual(steps, ["100@15", "sound"]);
});

test("fewer pictures, and as many as before", () => {
  const paced = window.everfile.adapt.paced(), s = stream("audio", "video"), video = s.tracks[1], set = [];
  video.getConstraints = () => ({ width: { ideal: 640 }, frameRate: { ideal: 30 } });
  video.applyConstraints = (c) => { set.push(c); return Promise.reject(new Error("no")); };
  paced(s, 0);
  paced(s, 15);
  assert.deepEqual(set, [{ width: { ideal: 640 }, frameRate: { ideal: 15, max: 15 } }]);
  paced(s, 0);
  paced(null, 0);
  assert.deepEqual(set.slice(1), [{ width: { ideal: 640 }, frameRate: { ideal: 30 } }]);
  paced(stream("video"), 15);   // where it cannot be done
  video.applyConstraints = () => { throw new Error("no"); };
  paced(s, 15);
  paced(null, 0);
});
`
