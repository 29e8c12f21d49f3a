package static

import "testing"

// The control socket: it comes back, as the same caller, and there is never more
// than one of it.
func TestControl(t *testing.T) {
	node(t, "", controlTest, "everfile.js", "byhttp.js", "wire.js", "socket.js", "control.js")
}

const controlTest = `
let states, heard, token, control;

function begin() {
  states = [];
  heard = [];
  token = "";
  control = window.everfile.control({
    hello: () => ({ caller: "alice", can: {}, resume: token }),
    onmessage: (m) => heard.push(m),
    onstate: (state, text) => states.push(state === "refused" ? state + ": " + text : state),
  });
}

const last = () => sockets[sockets.length - 1];
const alive = () => sockets.filter((s) => s.closing === null && s.onclose && !s.gone);
const welcome = (more) => Object.assign({ type: "welcome", v: 1, caller: "alice", resume: "secret", resumed: false }, more);

function connect(more) {
  last().open();
  last().hear(welcome(more));
}

function lose(code) {
  last().gone = true;
  last().end(code || 1006);
}

test("says hello and is open with the welcome", () => {
  begin();
  assert.equal(sockets.length, 1);
  assert.equal(last().url, "ws://test/ws");
  assert.equal(control.send({ type: "who" }), false);
  last().open();
  assert.deepEqual(last().said, [{ caller: "alice", can: {}, resume: "", type: "hello", v: 1 }]);
  assert.equal(control.send({ type: "who" }), false, "before the welcome nothing else is said");
  assert.deepEqual(states, ["connecting"]);
  last().hear(welcome());
  assert.deepEqual(states, ["connecting", "open"]);
  assert.equal(heard[0].type, "welcome");
  assert.equal(control.send({ type: "who" }), true);
  assert.equal(control.state(), "open");
});

test("comes back, more and more rarely, and with its token", () => {
  begin();
  connect();
  token = "secret";
  const pauses = [];
  lose();
  for (let i = 0; i < 7; i++) {
    const n = sockets.length, from = clock;
    while (sockets.length === n) { advance(50); }
    pauses.push(clock - from);
    lose();
  }
  assert.deepEqual(pauses, [250, 500, 500, 500, 500, 500, 500]);
  const from = clock;
  for (let lost = 0; lost < 80000;) {
    const n = sockets.length, away = clock;
    lost = away - from + 3250;
    while (sockets.length === n) { advance(50); }
    assert.ok(clock - away <= Math.max(500, Math.min(lost < 60000 ? 2000 : 5000, lost / 8)) + 50, "after " + lost + " ms it waited " + (clock - away));
    assert.ok(lost < 65000 || clock - away >= 4950, "after a minute it waited " + (clock - away));
    lose();
  }
  advance(5000);
  last().open();
  assert.equal(last().said[0].resume, "secret");
  last().hear(welcome({ resumed: false }));
  assert.equal(heard[heard.length - 1].resumed, false, "that the server has forgotten is passed on");
  assert.deepEqual(states, ["connecting", "open", "lost", "open"]);
  lose();
  const n = sockets.length;
  advance(250);
  assert.equal(sockets.length, n + 1, "after a welcome the pauses begin anew");
  for (let i = 2; i < 5; i++) {
    lose();
    advance(500);
    assert.equal(sockets.length, n + i);
  }
});

test("a stale socket says nothing any more", () => {
  begin();
  connect();
  const old = last();
  advance(26500);              // it asks, gets no answer, and closes a socket that does not close
  assert.equal(old.closing, 3001);
  assert.equal(sockets.length, 1, "and no second one before that is forgotten");
  advance(1250);
  assert.equal(sockets.length, 2);
  const said = heard.length;
  old.hear({ type: "online", callers: [] });
  old.end(4001);
  assert.equal(heard.length, said);
  assert.notEqual(control.state(), "replaced");
  connect();
  assert.equal(control.state(), "open");
  advance(1000);
  assert.equal(sockets.length, 2);
});

test("asks after 20 s of silence, and drops who does not answer", () => {
  begin();
  connect();
  advance(19500);
  assert.equal(last().said.length, 1);
  advance(1500);
  assert.deepEqual(last().said[1], { type: "who" });
  last().hear({ type: "online", callers: [] });
  advance(10000);
  assert.equal(last().closing, null, "it has answered");
  advance(11000);
  assert.equal(last().said.length, 3);
  advance(4500);
  assert.equal(last().closing, null);
  advance(1500);
  assert.equal(last().closing, 3001);
  assert.equal(control.send({ type: "who" }), false);
});

test("in a call it asks after 3 s", () => {
  begin();
  connect();
  last().hear({ type: "start", call: "c", publish: [], play: [], peers: [] });
  for (let i = 0; i < 20; i++) { advance(500); last().hear({ type: "edge" }); }
  assert.equal(last().said.length, 1);
  advance(4000);
  assert.deepEqual(last().said[1], { type: "who" });
  last().hear({ type: "ended", call: "c" });
  advance(15000);
  assert.equal(last().said.length, 2, "and after the call not");
});

test("a connection that is not made in 10 s is made anew", () => {
  begin();
  advance(9500);
  assert.equal(last().closing, null);
  advance(1000);
  assert.equal(last().closing, 3001);
  advance(1500);
  assert.equal(sockets.length, 2);
});

test("no welcome in 5 s is no connection", () => {
  begin();
  last().open();
  advance(6000);
  assert.equal(last().closing, 3001);
});

test("another window took over: for good", () => {
  begin();
  connect();
  lose(4001);
  assert.equal(control.state(), "replaced");
  control.reconnect();
  window.fire("online");
  advance(60000);
  assert.equal(sockets.length, 1);
  assert.equal(timers.length, 0);
  assert.equal(listening, 0);
});

test("refused: for good, with the server's words", () => {
  begin();
  last().open();
  last().gone = true;
  last().end(4403, "Not from there.");
  advance(60000);
  assert.deepEqual(states, ["connecting", "refused: Not from there."]);
  assert.equal(sockets.length, 1);
  assert.equal(timers.length, 0);
});

test("the server goes away and comes back", () => {
  begin();
  connect();
  last().hear({ type: "goaway" });
  lose(1001);
  advance(250);
  assert.equal(sockets.length, 2);
  connect({ resumed: true });
  assert.equal(control.state(), "open");
});

test("a hello that the network kept too long is said again", () => {
  begin();
  last().open();
  lose(4408);
  advance(250);
  assert.equal(sockets.length, 2);
  assert.deepEqual(states, ["connecting", "lost"]);
});

test("close leaves nothing behind", () => {
  for (const when of [() => {}, () => last().open(), () => connect(), () => { connect(); lose(); }]) {
    sockets = [];
    begin();
    when();
    const n = sockets.length, lastOne = last();
    control.close();
    assert.equal(control.state(), "closed");
    assert.equal(timers.length, 0);
    assert.equal(listening, 0);
    const said = states.length + heard.length;
    if (!lastOne.gone) {
      assert.equal(lastOne.closing, 1000);
      lastOne.open();
      lastOne.hear(welcome());
      lastOne.end(1000);
    }
    advance(60000);
    assert.equal(sockets.length, n);
    assert.equal(states.length + heard.length, said);
  }
});

test("closed while a dead socket is waited for", () => {
  begin();
  connect();
  advance(26500);
  control.close();
  assert.equal(timers.length, 0);
});

test("the network is back: at once", () => {
  begin();
  connect();
  lose();
  for (let i = 0; i < 5; i++) { advance(5000); if (last().onclose && !last().gone) { lose(); } }
  const n = sockets.length;
  window.fire("online");
  assert.equal(sockets.length, n + 1);
  connect();
  window.fire("online");
  assert.deepEqual(last().said[1], { type: "who" }, "and a socket from before is asked whether it lives");
});

test("a name that is taken leaves the socket open", () => {
  begin();
  last().open();
  last().hear({ type: "error", code: "taken", re: "hello", suggest: "alice-2" });
  advance(60000);
  assert.equal(last().closing, null);
  assert.equal(sockets.length, 1);
  control.hello();
  assert.equal(last().said.length, 2);
  last().hear(welcome());
  assert.equal(control.state(), "open");
});

test("reconnect is at once, and never two", () => {
  begin();
  connect();
  control.reconnect();
  assert.equal(last().closing, 1000);
  assert.equal(sockets.length, 1);
  lose(1000);
  advance(0);
  assert.equal(sockets.length, 2);
  assert.equal(alive().length, 1);
});

test("what is no JSON is no message", () => {
  begin();
  connect();
  last().onmessage({ data: "{" });
  assert.equal(heard.length, 1);
});
`
