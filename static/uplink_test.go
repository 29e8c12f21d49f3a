package static

import "testing"

// What the publisher does when the network, the server or a device goes away in a
// call.
func TestUplink(t *testing.T) { publishing(t, uplinkTest) }

const uplinkTest = `
const sizes = () => last().said.map((b) => b.size);

// away takes the connection for so long; a chunk of 1 byte is recorded every 50 ms.
function away(ms) {
  last().end(1006);
  for (let i = 0; i < ms; i += 50) {
    live(50);
    if (last().onclose && !last().opened && !last().gone) {
      last().gone = true;
      last().end(1006);
    }
  }
  const n = sockets.length;
  while (sockets.length === n) { live(50); }
}

// live lets time pass, with what is recorded in it.
function live(ms) {
  for (let i = 0; i < ms; i += 50) {
    advance(50);
    const r = recorders[recorders.length - 1];
    if (!r.dropped && !r.stopped) { record(1); }
  }
}

test("in a call, what was said in three seconds away arrives", () => {
  begin({ live: true });
  ready(0);
  live(1000);
  last().hear({ type: "ack", chunks: 20 });
  const id = runID();
  away(3000);
  ready(20, true);
  assert.equal(runID(), id);
  assert.ok(sizes().length >= 60, sizes().length + " chunks");
  assert.deepEqual(states, ["connecting", "recording", "lost", "back"]);
  last().hear({ type: "ack", chunks: 20 + sizes().length });
  live(2000);
  assert.equal(last().closing, null);
});

test("in a call, after six seconds away what is said now comes first", () => {
  begin({ live: true });
  ready(0);
  live(1000);
  const id = runID();
  away(6000);
  assert.notEqual(runID(), id);
  assert.equal(recorders[0].dropped, true);
  assert.equal(states[states.length - 1], "lost", "told when it is back");
  ready(0, false);
  assert.equal(recorders.length, 2);
  live(100);
  assert.deepEqual(sizes(), [1, 1]);
  assert.deepEqual(states, ["connecting", "recording", "lost", "lost", "behind", "recording"], "lost, and then that nothing is recorded");
});

test("in a call, a page that was asleep", () => {
  begin({ live: true });
  ready(0);
  record(1);
  last().end(1006);
  advance(250);
  last().open();
  clock += 6000;   // in which no timer ran
  const id = runID();
  ready(0, true);
  assert.deepEqual(sizes(), []);
  last().end(3000);
  advance(0);
  assert.notEqual(runID(), id);
  ready(0, false);
  assert.deepEqual(states.slice(3), ["behind", "recording"]);
});

test("elsewhere nothing is left out", () => {
  begin();
  ready(0);
  live(1000);
  away(20000);
  ready(0, true);
  assert.ok(sizes().length >= 420, sizes().length + " chunks");
  assert.deepEqual(states, ["connecting", "recording", "lost", "back"]);
});

test("too much at once is given up, and said", () => {
  begin();
  ready(0);
  for (let i = 0; i < 9; i++) { record(1024 * 1024); }
  assert.equal(states[states.length - 1], "overflow");
  assert.equal(recorders[0].dropped, true);
  assert.equal(last().closing, 3000);
});

test("in a call, a link that is too slow", () => {
  const waits = [];
  begin({ live: true, onwait: (ms, late) => waits.push([ms, late]) });
  assert.equal(states.length, 1);
  advance(1000);
  assert.deepEqual(waits[3], [null, false]);
  ready(0);
  live(4000);
  assert.equal(last().closing, null);
  live(500);
  assert.deepEqual(states.slice(2), ["behind"]);
  assert.deepEqual(waits.filter((w) => w[1]).length, 1);
  assert.ok(waits.some((w) => w[0] > 3000 && !w[1]));
  assert.equal(last().closing, 3000);
  advance(1000);
  assert.equal(sockets.length, 2, "it is dead: nothing was heard");
});

test("what is on its way has time to arrive before the next run", () => {
  begin({ live: true });
  ready(0);
  live(4000);
  last().hear({ type: "ack", chunks: 1 });
  made.restart();
  advance(2900);
  assert.equal(sockets.length, 1);
  advance(100);
  assert.equal(sockets.length, 2);
  last().end(4409);
  advance(500);
  assert.equal(sockets.length, 3, "the older one still holds the name");
  assert.ok(!states.includes("taken"));
});

test("a large chunk on a thin link is not cut short", () => {
  begin();
  ready(0);
  record(60000);
  for (let i = 0; i < 60; i++) {
    advance(1000);
    last().hear({ type: "ack", chunks: 0 });
  }
  assert.equal(last().closing, null);
  assert.equal(sockets.length, 1);
  advance(6000);
  assert.notEqual(last().closing, null, "and silence is silence");
});

test("a server whose memory is full is asked again", () => {
  begin();
  ready(0);
  record(1);
  last().end(4503);
  advance(3000);
  assert.equal(sockets.length, 2);
  assert.ok(!states.includes("failed"));
});

test("no more is on its way than gets through", () => {
  begin();
  ready(0);
  record(20000);
  record(1000);
  assert.deepEqual(sizes(), [20000], "one always goes");
  last().hear({ type: "ack", chunks: 1 });
  for (let i = 0; i < 99; i++) { record(1000); }
  assert.equal(sizes().length, 1 + 36, "16 KiB and what got through in the last second");
  advance(1100);
  last().hear({ type: "ack", chunks: 11 });
  assert.equal(sizes().length, 37, "that is not more in a second");
  last().hear({ type: "ack", chunks: 31 });
  assert.equal(sizes().length, 31 + 46);
  last().end(1006);
  advance(250);
  ready(41, true);
  assert.equal(sizes().length, 16, "on a new connection it begins small");
});

test("the server goes away", () => {
  for (const how of ["acked", "deaf", "closed"]) {
    begin({ live: true });
    ready(0);
    record(1);
    const r = recorders[0], id = runID();
    r.stop = () => { r.stopped = true; record(2); r.on.onend(); };
    last().hear({ type: "goaway", chunks: 0 });
    last().hear({ type: "goaway", chunks: 0 });
    assert.deepEqual(sizes(), [1, 2], how);
    assert.equal(last().closing, null);
    if (how === "acked") { last().hear({ type: "ack", chunks: 2 }); } else if (how === "deaf") {
      advance(1900);
      last().hear({ type: "goaway", chunks: 0 });
      advance(100);
    }
    if (how === "closed") {
      last().end(1001);
      advance(0);
    } else {
      assert.equal(last().closing, 1000, how);
      last().end(1000);
      advance(200);
      assert.equal(sockets.length, 1);
      advance(50);
    }
    assert.equal(sockets.length, 2, how);
    assert.notEqual(runID(), id);
    last().end(1006);
    advance(500);
    ready(0, false);
    assert.equal(recorders.length, 2);
    record(3);
    assert.deepEqual(sizes(), [3]);
    assert.deepEqual(states, ["connecting", "recording", "moved", "lost", "recording"]);
    made.stop();
    sockets = [];
  }
});

test("one of two devices goes", () => {
  begin({ live: true });
  ready(0);
  recorders[0].on.onlost("audio", true);
  assert.equal(states[2], "track");
  advance(900);
  assert.equal(last().closing, null);
  advance(100);
  assert.equal(last().closing, 3000, "what is left goes on");
  last().end(3000);
  advance(0);
  ready(0);
  recorders[1].on.onlost("audio", true);
  advance(500);
  const s = stream("audio", "video");
  made.restart(s);
  last().end(3000);
  advance(0);
  ready(0);
  advance(5000);
  assert.equal(last().closing, null, "another one came");
  assert.equal(sockets.length, 3);
  assert.equal(recorders.length, 3);
  assert.equal(recorders[2].stream, s);
});

test("all devices go", () => {
  for (const call of [true, false]) {
    begin({ live: call });
    ready(0);
    recorders[0].on.onlost("audio", false);
    recorders[0].on.onend();
    assert.equal(last().closing, call ? null : 1000);
    if (!call) { continue; }
    advance(2400);
    assert.equal(recorders.length, 1);
    made.restart(stream("audio"));
    last().end(3000);
    advance(0);
    ready(0);
    assert.equal(recorders.length, 2, "in a call others may come");
    recorders[1].on.onend();
    advance(2500);
    assert.equal(states[states.length - 1], "stopped");
  }
});

test("when the network is back it tries at once", () => {
  begin();
  ready(0);
  last().end(1006);
  made.nudge();
  assert.equal(sockets.length, 2);
  made.nudge();
  assert.equal(sockets.length, 2);
  ready(0, true);
  record(1);
  advance(1100);
  window.fire("online");
  assert.equal(last().closing, 3001, "and doubts a silent socket");
});
`
