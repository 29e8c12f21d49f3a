package static

import "testing"

// The publisher, with a recorder and a server that are the test: every chunk
// arrives once, whatever the connection does.
func TestPublish(t *testing.T) { publishing(t, publishTest) }

func publishing(t *testing.T, test string) {
	t.Helper()
	node(t, "", publishFakes+test, "everfile.js", "byhttp.js", "wire.js", "socket.js", "store.js", "uplink.js", "publish.js")
}

const publishFakes = `
let recorders, states, made;

window.everfile.random = (() => { let n = 0; return () => "random" + ++n; })();
window.everfile.recorder = (s, options, on) => {
  if (options.mimeType === "none") { return null; }
  const r = { stream: s, mimeType: options.mimeType || "default", on, stop: () => on.onend(), drop: () => { r.dropped = true; } };
  recorders.push(r);
  return r;
};
window.everfile.recorder.lack = () => "It cannot.";

function begin(more) {
  recorders = [];
  states = [];
  made = window.everfile.publish(Object.assign({
    url: "/alice.webm?key=k", stream: stream("audio", "video"),
    onstate: (state, text, format) => states.push(format ? state + "!" : state),
  }, more));
}

const last = () => sockets[sockets.length - 1];
const record = (size) => recorders[recorders.length - 1].on.onchunk({ size });
const runID = () => /run=(\w+)/.exec(last().url)[1];

function ready(chunks, known) {
  if (!last().opened) { last().open(); }
  last().hear({ type: "ready", chunks, known: !!known });
}

`

const publishTest = `
test("chunks go out, in order and once", () => {
  begin();
  assert.match(last().url, /^ws:\/\/test\/alice\.webm\?key=k&run=random\d+$/);
  ready(0);
  for (let i = 1; i <= 3; i++) { record(i); }
  assert.deepEqual(last().said.map((b) => b.size), [1, 2, 3]);
  last().hear({ type: "ack", chunks: 2 });
  assert.equal(made.stats().bytes, 3);
  const id = runID();
  last().end(1006);
  record(4);
  advance(250);
  assert.equal(sockets.length, 2);
  assert.equal(runID(), id, "the same run");
  ready(3, true);
  record(5);
  assert.deepEqual(last().said.map((b) => b.size), [4, 5], "from where the server is");
  assert.deepEqual(states, ["connecting", "recording", "lost", "back"]);
  assert.equal(recorders.length, 1, "and the recorder knows nothing of it");
});

test("a server that has lost the run gets a new one", () => {
  begin();
  ready(0);
  record(1);
  last().hear({ type: "ack", chunks: 1 });
  const id = runID();
  last().end(1006);
  advance(250);
  ready(0, false);
  assert.equal(last().closing, 3000);
  last().end(3000);
  advance(0);
  assert.notEqual(runID(), id);
  ready(0);
  assert.equal(recorders.length, 2);
  assert.equal(recorders[0].dropped, true);
});

test("a dead socket is dropped after 5 s, and forgotten when it does not close", () => {
  begin();
  ready(0);
  advance(60000);
  assert.equal(last().closing, null, "while nothing waits, nothing need be heard");
  record(1);
  advance(4500);
  assert.equal(last().closing, null);
  advance(1000);
  assert.equal(last().closing, 3001);
  advance(1000 + 250);
  assert.equal(sockets.length, 2);
  ready(0, true);
  assert.equal(last().said.length, 1);
});

test("restarted, it heeds what the options say by then", () => {
  begin();
  const o = { url: "/b.webm", stream: stream("audio"), mimeType: "a", key: "x" };
  made = window.everfile.publish(o);
  ready(0);
  assert.equal(recorders[0].mimeType, "a");
  const s = stream("audio");
  o.mimeType = "b";
  made.restart(s);
  assert.equal(last().closing, 3000);
  last().end(3000);
  advance(0);
  ready(0);
  assert.equal(recorders[1].mimeType, "b");
  assert.equal(recorders[1].stream, s);
});

test("it rests, and goes on with another run", () => {
  begin();
  ready(0);
  record(1);
  const id = runID();
  made.rest(false);
  assert.equal(last().closing, null, "it does not rest");
  made.rest(true);
  assert.equal(recorders[0].dropped, true);
  assert.equal(last().closing, 3000);
  last().end(3000);
  advance(0);
  assert.match(last().url, /&paused=1$/);
  assert.notEqual(runID(), id);
  const resting = runID();
  ready(0);
  made.rest(true);
  advance(60000);
  assert.deepEqual([recorders.length, last().closing, made.stats().state], [1, null, "resting"]);
  last().end(1006);
  advance(250);
  assert.match(last().url, /&paused=1$/);
  assert.equal(runID(), resting, "a network that flaps changes nothing");
  ready(0, true);
  assert.equal(recorders.length, 1);
  made.rest(false);
  assert.equal(recorders.length, 2, "everything is ready");
  record(5);
  assert.deepEqual(last().said.map((b) => b.size), [5]);
  assert.deepEqual(states, ["connecting", "recording", "resting", "lost", "resting", "recording"]);
  last().end(1006);
  advance(250);
  assert.doesNotMatch(last().url, /paused/);
  assert.equal(runID(), resting, "the same run");
  ready(1, true);
});

test("it goes on before it could rest", () => {
  begin();
  ready(0);
  made.rest(true);
  made.rest(false);
  last().end(3000);
  advance(0);
  assert.doesNotMatch(last().url, /paused/);
  ready(0);
  assert.equal(recorders.length, 2);
  made.rest(true);
  last().end(3000);
  advance(0);
  last().open();
  made.rest(false);
  assert.equal(recorders.length, 2, "not before the server is ready");
  ready(0);
  assert.equal(recorders.length, 3);
});

test("another device, the end and a server that goes, while it rests", () => {
  for (const what of ["device", "end", "server"]) {
    begin();
    ready(0);
    made.rest(true);
    last().end(3000);
    advance(0);
    ready(0);
    if (what === "device") {
      made.restart(stream("audio"));
      last().end(3000);
      advance(0);
      assert.match(last().url, /paused/);
      ready(0);
      assert.equal(recorders.length, 1);
      made.rest(false);
      assert.equal(recorders[1].stream.tracks.length, 1);
    } else if (what === "end") {
      let stopped = 0;
      made.stop(() => stopped++);
      assert.deepEqual([stopped, last().closing], [1, 1000]);
      made.rest(false);
      assert.equal(recorders.length, 1);
    } else {
      last().hear({ type: "goaway", chunks: 0 });
      assert.equal(last().closing, 1000);
      last().end(1000);
      advance(500);
      assert.match(last().url, /paused/);
      ready(0);
      assert.equal(recorders.length, 1);
    }
  }
});

test("it stops when the last chunk is in the file", () => {
  begin();
  ready(0);
  record(1);
  let done = 0;
  made.stop(() => done++);
  assert.equal(done, 0);
  last().hear({ type: "ack", chunks: 1 });
  assert.equal(done, 1);
  assert.equal(last().closing, 1000);
  assert.deepEqual(states, ["connecting", "recording", "stopping", "stopped"]);
  assert.equal(timers.length, 0);
  assert.equal(listening, 0);
  last().end(1000);
  advance(60000);
  assert.equal(states.length, 4);
});

test("why it ends, and whether the format is to blame", () => {
  for (const [code, want] of [[4001, "replaced"], [4404, "failed"], [4415, "failed!"]]) {
    begin();
    ready(0);
    last().end(code, "Because.");
    assert.equal(states[states.length - 1], want);
    assert.equal(timers.length, 0, String(code));
  }
  begin();
  ready(0);
  last().end(1007);
  advance(0);
  ready(0);
  last().end(1007);
  assert.deepEqual(states, ["connecting", "recording", "restarted", "recording", "refused!"]);
  begin({ mimeType: "none" });
  ready(0);
  assert.equal(states[states.length - 1], "failed!");
  begin();
  ready(0);
  recorders[0].on.onfail("Broken.");
  last().end(3000);
  advance(0);
  ready(0);
  recorders[1].on.onfail("Broken.");
  assert.equal(states[states.length - 1], "failed!");
  begin();
  ready(0);
  recorders[0].on.onfail("Dead.", true);
  assert.equal(states[states.length - 1], "failed!", "another of that type would be dead as well");
});

test("a name that is taken is tried again after 3 s", () => {
  begin();
  last().end(4409);
  advance(2900);
  assert.equal(sockets.length, 1);
  advance(100);
  assert.equal(sockets.length, 2);
  assert.deepEqual(states, ["connecting", "taken"]);
});

test("a key in the address is the key", () => {
  const kept = [];
  window.sessionStorage = { getItem: () => null, setItem: (name) => kept.push(name) };
  begin();
  assert.equal(kept.length, 0);
  begin({ url: "/alice.webm" });
  assert.deepEqual(kept, ["everfile.key /alice"]);
  assert.match(last().url, /key=random\d+/);
  delete window.sessionStorage;
});
`
