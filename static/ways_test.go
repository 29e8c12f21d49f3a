package static

import "testing"

// A way for each of the others, and what they agree on.
func TestWays(t *testing.T) {
	node(t, "", waysTest, "everfile.js", "ways.js")
}

const waysTest = `
let ways, made, done, idle, events;

window.everfile.way = (o) => {
  const w = { options: o, got: [] };
  ["set", "heard", "demand", "source", "servers", "nudge", "tap", "end", "saw"].forEach((name) => { w[name] = (...a) => { w.got.push([name].concat(a)); }; });
  w.stats = () => ({ state: "file" });
  w.of = (name) => w.got.filter((g) => g[0] === name).map((g) => g.slice(1));
  made.push(w);
  return w;
};

const peer = (who) => ({ caller: who, webrtc: true });
const peers = (...names) => names.map(peer);

function begin() {
  made = [];
  done = [];
  events = [];
  idle = null;
  ways = window.everfile.ways({
    call: { hold: (yes, who) => done.push([yes, who]), rest: (f) => { idle = f; } },
    element: "element", say: "say", on: (e) => events.push(e),
  });
}

test("one for each, from coming to going", () => {
  begin();
  ways.servers(["stun"]);
  ways.source("camera");
  ways.demand("/r/me.webm", true);
  ways.demand("/r/me.webm", false);
  ways.set(peers("bob", "carol"));
  ways.set(peers("bob", "carol"));
  assert.equal(made.length, 2);
  assert.deepEqual([made[1].of("servers"), made[1].of("source"), made[1].of("demand")], [[[["stun"]]], [["camera"]], [["/r/me.webm", false]]], "who comes later knows what was said before");
  ways.source("another");
  assert.deepEqual(made.map((w) => w.of("source").pop()[0]), ["another", "another"]);
  ways.heard("carol", 1);
  ways.heard("dave", 2);
  assert.deepEqual([made[0].of("heard"), made[1].of("heard")], [[], [["carol", 1]]]);
  ways.saw({ caller: "bob", state: "playing" });
  ways.saw({ caller: "bob", state: "playing", screen: true });
  assert.equal(made[0].of("saw").length, 1, "a screen is no face");
  made[0].options.on({ state: "direct", text: "x" });
  made[1].options.call.hold(true);
  assert.deepEqual(events, [{ state: "direct", text: "x", caller: "bob" }]);
  assert.deepEqual(done, [[true, "carol"]]);
  ways.set(peers("bob"));
  assert.deepEqual([made[0].of("end").length, made[1].of("end").length], [0, 1]);
  assert.deepEqual(done.pop(), [false, "carol"]);
  assert.deepEqual(ways.stats(), [{ state: "file", caller: "bob" }]);
  ways.end();
  assert.equal(made[0].of("end").length, 1);
  ways.set(peers("bob"));
  assert.deepEqual(made[2].of("demand"), [], "another call's files are others");
});

test("one's own file rests when all would let it", () => {
  begin();
  ways.set(peers("bob", "carol"));
  const rest = (i, yes) => made[i].options.call.rest((path) => yes && path === "/r/me.webm");
  rest(0, true);
  assert.equal(idle("/r/me.webm"), false);
  rest(1, true);
  assert.equal(idle("/r/me.webm"), true);
  assert.equal(idle("/r/me-screen.webm"), false);
  ways.set(peers("bob", "carol", "dave"));
  rest(0, true);
  assert.equal(idle("/r/me.webm"), false, "dave needs it");
  ways.set(peers("bob", "carol"));
  rest(0, true);
  assert.equal(idle("/r/me.webm"), true);
  rest(1, false);
  assert.equal(idle("/r/me.webm"), false);
  rest(1, true);
  ways.set([]);
  made[0].options.call.rest(() => true);
  assert.equal(idle("/r/me.webm"), false, "whoever is alone sends to whoever comes");
});

test("with more than four others nobody connects directly", () => {
  begin();
  ways.set(peers("a", "b", "c", "d"));
  assert.deepEqual(made.map((w) => w.of("set").pop()[0].webrtc), [true, true, true, true]);
  const list = peers("a", "b", "c", "d", "e");
  ways.set(list);
  assert.deepEqual(made.map((w) => w.of("set").pop()[0].webrtc), [false, false, false, false, false]);
  assert.equal(list[0].webrtc, true, "the list is the server's");
  made[0].options.on({ state: "file", text: "the other side's browser has no peer connections." });
  assert.match(events.pop().text, /more than 5 are here/);
  ways.set(peers("a", "b", "c", "d"));
  assert.equal(made[0].of("set").pop()[0].webrtc, true);
  made[0].options.on({ state: "file", text: "x" });
  assert.equal(events.pop().text, "x");
});

test("the call ends in the middle", () => {
  begin();
  window.everfile.way = ((way) => (o) => {
    const w = way(o);
    w.set = () => ways.end();
    return w;
  })(window.everfile.way);
  ways.set(peers("a", "b"));
  assert.deepEqual(ways.stats(), []);
  assert.equal(made.length, 1);
});
`
