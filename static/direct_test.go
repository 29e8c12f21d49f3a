package static

import "testing"

// The direct connection, between two pages whose browsers and network are the test: it
// comes about whatever crosses on the way, is known to be dead when it is, comes back,
// and leaves nothing.
func TestDirect(t *testing.T) {
	node(t, "", directFakes+directTest, "everfile.js", "peer.js", "direct.js")
}

// directFakes are peer connections that do what the standard says of descriptions, and
// a network that can be cut.
const directFakes = `
let pcs, cut, held, delay;

// Soon is a promise that does not wait for the end of the script.
class Soon {
  constructor() { this.state = ""; this.fns = []; }
  settle(state, v) {
    if (this.state) { return; }
    if (state === "ok" && v && v.then) { v.then((x) => this.settle("ok", x), (e) => this.settle("bad", e)); return; }
    this.state = state;
    this.v = v;
    this.fns.forEach((f) => f());
  }
  then(ok, bad) {
    const next = new Soon();
    const go = () => {
      const f = this.state === "ok" ? ok : bad;
      if (!f) { next.settle(this.state, this.v); return; }
      try { next.settle("ok", f(this.v)); } catch (e) { next.settle("bad", e); }
    };
    if (this.state) { go(); } else { this.fns.push(go); }
    return next;
  }
}

// soon does something that may fail, and says so at once or when what is held is let go.
function soon(fn) {
  const s = new Soon(), say = (state, v) => { if (held) { held.push(() => s.settle(state, v)); } else { s.settle(state, v); } };
  try { say("ok", fn()); } catch (e) { say("bad", e); }
  return s;
}

class PC {
  constructor(config) {
    PC.tries++;
    if (PC.none) { throw new Error("There are none."); }
    Object.assign(this, { config, n: pcs.length, signalingState: "stable", iceConnectionState: "new", senders: [], candidates: [], receivers: {}, came: { audio: 0, video: 0 }, answers: 0, remoteDescription: null });
    pcs.push(this);
  }
  need() {
    if (this.needs) { return; }
    this.needs = true;
    setTimeout(() => {
      this.needs = false;
      if (this.signalingState === "stable" && this.onnegotiationneeded) { this.onnegotiationneeded(); } else if (this.signalingState !== "closed") { this.later = true; }
    }, 0);
  }
  settled() { if (this.later) { this.later = false; this.need(); } }
  open() { if (this.signalingState === "closed") { throw new Error("InvalidStateError: closed"); } }
  setLocalDescription() {
    return soon(() => {
      this.open();
      const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
      this.localDescription = { type, sdp: JSON.stringify([this.n, this.senders.filter((s) => s.track).map((s) => s.track.kind), PC.padding]) };
      this.signalingState = type === "offer" ? "have-local-offer" : "stable";
      if (type === "answer") { this.answers++; }
      setTimeout(() => { if (this.onicecandidate) { this.onicecandidate({ candidate: { candidate: "of " + this.n } }); this.onicecandidate({ candidate: null }); } }, 1);
      if (type === "answer") { meet(); this.settled(); }
    });
  }
  setRemoteDescription(d) {
    return soon(() => {
      this.open();
      const [, kinds] = JSON.parse(d.sdp);
      if (d.type === "answer" && this.signalingState !== "have-local-offer") { throw new Error("InvalidStateError: answer"); }
      if (d.type === "offer" && this.signalingState === "have-local-offer") { this.rolled = true; this.later = true; }
      this.remoteDescription = d;
      this.signalingState = d.type === "offer" ? "have-remote-offer" : "stable";
      kinds.forEach((kind) => {
        if (this.receivers[kind]) { return; }
        this.receivers[kind] = { kind };
        if (this.ontrack) { this.ontrack({ track: this.receivers[kind] }); }
      });
      if (d.type === "answer") { meet(); this.settled(); }
    });
  }
  addIceCandidate(c) { return soon(() => { this.open(); if (!this.remoteDescription) { throw new Error("InvalidStateError"); } this.candidates.push(c); }); }
  addTrack(track) {
    const s = { track, replaceTrack: (t) => soon(() => { this.open(); s.track = t; }) };
    this.open();
    this.senders.push(s);
    this.need();
    return s;
  }
  createDataChannel(label, o) {
    this.channel = { label, o, readyState: "connecting", send: (text) => { if (this.mate && !cut) { this.mate.channel.onmessage({ data: text }); } } };
    this.need();
    return this.channel;
  }
  getStats() { return soon(() => new Map([["a", { type: "inbound-rtp", kind: "audio", packetsReceived: this.came.audio }], ["v", { type: "inbound-rtp", kind: "video", packetsReceived: this.came.video * 3, framesDecoded: this.came.video }], ["x", { type: "codec" }]])); }
  close() {
    if (this.signalingState === "closed") { return; }
    this.signalingState = "closed";
    [this, this.mate].forEach((pc) => {
      if (!pc || pc.channel.readyState === "closed") { return; }
      pc.channel.readyState = "closed";
      setTimeout(() => { if (pc.channel.onclose) { pc.channel.onclose({}); } }, 5);
    });
  }
}

// meet opens the channels of two that have agreed.
function meet() {
  const of = (d) => d ? JSON.parse(d.sdp)[0] : -1;
  for (const a of pcs) {
    const b = pcs[of(a.remoteDescription)];
    if (!b || a.mate || a.signalingState !== "stable" || b.signalingState !== "stable" || of(b.remoteDescription) !== a.n) { continue; }
    a.mate = b;
    b.mate = a;
    setTimeout(() => { [a, b].forEach((pc) => { if (pc.signalingState !== "closed") { pc.channel.readyState = "open"; } }); }, 20);
  }
}

window.RTCPeerConnection = PC;
window.Promise = Promise;
window.MediaStream = class extends MediaStream {
  constructor(tracks) { super(tracks || []); }
  addTrack(t) { if (!this.tracks.includes(t)) { this.tracks.push(t); } }
};
window.crypto = undefined;
let names = 0;

// Page is one side; what it says comes to the other after a while.
class Page {
  constructor(polite) { Object.assign(this, { polite, servers: [{ urls: ["stun:x"] }], states: [], whys: [], streams: [], ticks: [], said: [], other: null, deaf: false, offline: false }); }
  begin(source) {
    this.source = source === undefined ? stream("audio", "video") : source;
    this.d = window.everfile.direct({
      polite: this.polite, servers: () => this.servers,
      say: (data) => {
        if (this.offline) { return false; }
        const text = JSON.stringify(data), to = this.other;
        this.said.push(JSON.parse(text));
        setTimeout(() => { if (to && !to.deaf && to.d) { to.d.heard(JSON.parse(text)); } }, delay);
        return true;
      },
      word: () => this.word || "",
      onstate: (s, why) => { this.states.push(s); this.whys.push(why); },
      onstream: (s) => { if (!this.streams.includes(s)) { this.streams.push(s); } },
      ontick: (w) => this.ticks.push(w),
    });
    this.d.source(this.source);
    return this;
  }
  get now() { return this.states[this.states.length - 1]; }
}

const live = () => pcs.filter((pc) => pc.signalingState !== "closed").length;

function two(source) {
  pcs = [];
  cut = false;
  held = null;
  delay = 3;
  PC.none = false;
  PC.tries = 0;
  PC.padding = "";
  window.everfile.random = (n) => ("0".repeat(2 * n) + (++names).toString(16)).slice(-2 * n);
  const a = new Page(false), b = new Page(true);
  a.other = b;
  b.other = a;
  a.begin(source);
  b.begin(source);
  return [a, b];
}

function up(...pages) {
  pages.forEach((p) => { for (let i = 0; i < 400 && p.now !== "up"; i++) { advance(100); } });
  pages.forEach((p) => assert.equal(p.now, "up", p.states.join(" ") + ": " + p.whys.join("; ")));
  assert.equal(live(), 2, "connections");
}

// over stops both and demands that nothing is left.
function over(...pages) {
  pages.forEach((p) => p.d.stop());
  advance(10);
  assert.equal(live(), 0, "connections are left");
  assert.equal(timers.length, 0, "timers are left");
  const said = pages.map((p) => p.said.length);
  advance(60000);
  assert.deepEqual(pages.map((p) => p.said.length), said);
}
`

const directTest = `
test("both offer at once, and one connection comes of it", () => {
  const [a, b] = two();
  a.word = "fav";
  up(a, b);
  assert.deepEqual([a.d.made, b.d.made, pcs[0].rolled, pcs[1].rolled], [1, 1, undefined, true], "the polite one yields");
  assert.deepEqual(a.streams[0].tracks.map((t) => t.kind), ["audio", "video"]);
  assert.deepEqual(b.d.kinds(), { audio: true, video: true });
  assert.deepEqual(pcs[0].config, { iceServers: [{ urls: ["stun:x"] }] });
  assert.equal(b.ticks.pop(), "fav");
  a.word = "x".repeat(1000);
  advance(400);
  assert.equal(b.ticks.pop().length, 16, "of a word that is too long");
  assert.deepEqual(a.states, ["connecting", "up"]);
  assert.ok(pcs[0].candidates.length > 0 && pcs[1].candidates.length > 0);
  over(a, b);
});

test("one comes later, or is slow", () => {
  for (const ms of [0, 50, 5000, 15000]) {
    for (const late of [0, 1]) {
      for (const d of [0, 3, 400]) {
        const pages = two();
        delay = d;
        pages[late].d.stop();
        advance(ms);
        pages[late].states = [];
        pages[late].begin();
        up(...pages);
        over(...pages);
      }
    }
  }
});

test("five ticks a second, and dead after 600 ms without", () => {
  const [a, b] = two();
  up(a, b);
  let n = a.ticks.length;
  advance(10000);
  n = a.ticks.length - n;
  assert.ok(n >= 48 && n <= 52, n + " ticks in 10 s");
  cut = true;
  advance(500);
  assert.equal(a.now, "up");
  advance(400);
  assert.deepEqual([a.now, b.now], ["down", "down"]);
  assert.match(a.whys.pop(), /nothing came/);
  cut = false;
  advance(300);
  assert.deepEqual([a.now, b.now, a.d.made], ["up", "up", 1], "it has come back by itself");
  over(a, b);
});

test("packets are as good as ticks", () => {
  const [a, b] = two();
  up(a, b);
  cut = true;
  for (let i = 0; i < 40; i++) { pcs[0].came.audio++; advance(100); }
  assert.deepEqual([a.now, b.now], ["up", "down"]);
  advance(900);
  assert.equal(a.now, "down", "and none any more are as bad");
  over(a, b);
});

test("a page that was held up waits for what has come meanwhile", () => {
  const [a, b] = two();
  up(a, b);
  const late = timers.filter((t) => t.every === 100);
  late.forEach((t) => { t.at += 2000; });
  advance(2150);
  assert.ok(a.now === "up" && a.states.concat(b.states).indexOf("down") < 0, a.states.join(" "));
  cut = true;
  late.forEach((t) => { t.every = 1000; });   // as in a hidden tab
  advance(4000);
  assert.deepEqual([a.now, b.now], ["down", "down"], "but not for ever");
  over(a, b);
});

test("what is dead for long is made anew", () => {
  const [a, b] = two();
  up(a, b);
  cut = true;
  advance(30000);
  assert.ok(a.d.made > 1 && live() <= 2);
  const most = a.d.made;
  assert.ok(most < 10, most + " in half a minute");
  cut = false;
  up(a, b);
  assert.deepEqual(a.states.slice(0, 3), ["connecting", "up", "down"]);
  over(a, b);
});

test("closed, five times, by either side", () => {
  const pages = two();
  up(...pages);
  for (let i = 0; i < 5; i++) {
    const closed = pcs.filter((pc) => pc.signalingState !== "closed")[i % 2];
    closed.close();
    advance(20);
    assert.deepEqual(pages.map((p) => p.now), ["down", "down"], "it is known at once");
    assert.match(pages[0].whys[pages[0].whys.length - 1], /closed/);
    up(...pages);
  }
  advance(15000);
  pcs[pcs.length - 1].close();
  advance(1000);
  assert.deepEqual(pages.map((p) => p.now), ["up", "up"], "after a good while it is tried again soon");
  over(...pages);
});

test("what a browser says of itself is too long for the server", () => {
  const [a, b] = two();
  a.d.stop();
  PC.padding = "x".repeat(60000);
  advance(5000);
  assert.equal(b.said.filter((m) => m.description).length, 0);
  assert.match(b.whys.join(), /^$/, "nothing was up yet, so nothing is lost");
  PC.padding = "";
  a.states = [];
  a.begin();
  up(a, b);
  over(a, b);
});

test("ICE says that it has failed", () => {
  const [a, b] = two();
  up(a, b);
  const pc = pcs[0];
  pc.iceConnectionState = "failed";
  pc.oniceconnectionstatechange();
  assert.equal(a.now, "down");
  assert.match(a.whys.pop(), /network/);
  up(a, b);
  over(a, b);
});

test("each connection has the newest servers", () => {
  const [a, b] = two();
  up(a, b);
  const of = (user) => [{ urls: ["turn:x"], username: user }], pc = pcs[0];
  a.servers = of("1");
  pc.close();
  advance(2000);
  up(a, b);
  const mine = () => pcs.filter((p) => p.signalingState !== "closed").map((p) => p.config.iceServers);
  assert.ok(mine().some((s) => s[0].username === "1"), JSON.stringify(mine()));
  a.servers = of("2");
  a.d.stop();
  b.servers = of("3");
  a.states = [];
  a.begin();
  advance(2000);
  up(a, b);
  assert.deepEqual(mine().map((s) => s[0].username).sort(), ["2", "3"]);
  over(a, b);
});

test("a page is loaded again", () => {
  for (const which of [0, 1]) {
    const pages = two();
    up(...pages);
    const gone = pages[which];
    gone.d.stop();
    gone.states = [];
    gone.begin();
    up(...pages);
    assert.equal(pages[1 - which].streams.length, 2, "with another stream");
    over(...pages);
  }
});

test("a connection that takes its time after another one", () => {
  const [a, b] = two();
  up(a, b);
  delay = 2500;
  a.d.stop();
  a.states = [];
  a.begin();
  advance(3000);
  assert.equal(b.now, "down", "the one before is gone");
  up(a, b);
  assert.deepEqual([a.d.made, b.d.made], [1, 2]);
  over(a, b);
});

test("who vanishes, whenever that is", () => {
  for (let n = 0; n < 12; n++) {
    for (const which of [0, 1]) {
      const pages = two(), stays = pages[1 - which], goes = pages[which];
      const say = stays.d.heard;
      let left = n;
      stays.d.heard = (m) => { if (left-- > 0) { say(m); } };
      goes.deaf = n % 2 === 1;
      advance(10 * n);
      cut = true;
      for (let t = 0; t < 120; t++) {
        advance(1000);
        assert.ok(live() <= 2);
      }
      assert.ok(stays.d.made > 2 && stays.d.made < 40, "it is tried again, and more rarely: " + stays.d.made);
      stays.d.heard = say;
      goes.deaf = cut = false;
      up(...pages);
      over(...pages);
    }
  }
});

test("what takes its time in the browser is not waited for when the call is over", () => {
  const [a, b] = two();
  held = [];
  advance(50);
  assert.ok(held.length > 0);
  a.d.stop();
  b.d.stop();
  const said = [a.said.length, b.said.length], go = held;
  held = null;
  go.forEach((f) => f());
  advance(1000);
  assert.deepEqual([a.said.length, b.said.length, live(), timers.length], said.concat(0, 0));
});

test("candidates before the description, and too many", () => {
  const [a, b] = two();
  b.d.stop();
  a.d.stop();
  b.states = [];
  a.deaf = true;
  b.begin();
  advance(5);
  const pc = pcs[pcs.length - 1];
  for (let i = 0; i < 1000; i++) { b.d.heard({ from: "a1", to: "", candidate: { candidate: String(i) } }); }
  assert.equal(pc.candidates.length, 0);
  b.d.heard({ from: "a1", to: "", description: { type: "offer", sdp: "[0,[]]" } });
  assert.equal(pc.candidates.length, 100);
  assert.equal(pc.answers, 1);
  b.d.heard({ from: "a1", to: "", candidate: { candidate: "another" } });
  assert.equal(pc.candidates.length, 101);
  over(b);
});

test("a thousand renegotiations of one connection", () => {
  const [a, b] = two();
  up(a, b);
  const pc = pcs[1], from = a.said[0].from, answers = pc.answers;
  for (let i = 0; i < 1000; i++) { b.d.heard({ from, to: "", description: { type: "offer", sdp: "[0,[]]" } }); }
  assert.equal(pc.answers, answers + 1000);
  assert.deepEqual([live(), b.d.made], [2, 1]);
  over(a, b);
});

test("more at once than a browser gets done", () => {
  const [a, b] = two();
  up(a, b);
  held = [];
  for (let i = 0; i < 1000; i++) { b.d.heard({ from: a.said[0].from, to: "", description: { type: "offer", sdp: "[0,[]]" } }); }
  assert.match(b.whys.pop(), /too much/);
  held = null;
  up(a, b);
  over(a, b);
});

test("a thousand connections", () => {
  const [a, b] = two();
  up(a, b);
  a.deaf = true;
  b.d.heard({ from: "e", to: "", description: { type: "offer", sdp: "[0,[]]" } });
  assert.equal(b.now, "down", "what is made anew is not up");
  for (let i = 0; i < 1000; i++) { b.d.heard({ from: "f" + i.toString(16), to: "", description: { type: "offer", sdp: "[0,[]]" } }); }
  assert.ok(b.d.made <= 20, b.d.made + " were made");
  assert.ok(live() <= 2);
  a.deaf = false;
  advance(90000);
  up(a, b);
  over(a, b);
});

test("what is no signal, or for somebody else", () => {
  const [a, b] = two();
  up(a, b);
  const from = b.said[0].from;
  for (const m of [null, 1, "x", [], {}, { from: 7 }, { from }, { from: "<b>", candidate: {} }, { from: "0".repeat(65), candidate: {} }, { from, to: "ffff", candidate: {} },
    { from, to: {}, candidate: {} }, { from, description: {} }, { from, description: "v=0" }, { from, description: { type: "rollback", sdp: "" } }, { from, description: { type: "offer" } },
    { from, candidate: "x" }, { from: "abc", candidate: {} }, { from: "<b>", description: { type: "offer", sdp: "[0,[]]" } }, { from: "abc", to: "ffff", description: { type: "offer", sdp: "[0,[]]" } }, { from, description: { type: "answer", sdp: "[1,[]]" } }]) {
    a.d.heard(m);
  }
  advance(1000);
  assert.deepEqual([a.now, a.d.made, live()], ["up", 1, 2]);
  over(a, b);
});

test("a description that the browser does not take", () => {
  for (const type of ["offer", "answer"]) {
    const [a, b] = two();
    if (type === "offer") { up(a, b); } else { advance(2); }
    a.d.heard({ from: b.said[0].from, to: "", description: { type, sdp: "bad" } });
    assert.equal(a.d.made, 1);
    up(a, b);
    assert.ok(a.d.made > 1);
    over(a, b);
  }
});

test("other devices", () => {
  const [a, b] = two(stream("audio"));
  up(a, b);
  assert.deepEqual(a.d.kinds(), { audio: true, video: false });
  const n = a.said.length, next = stream("audio");
  a.d.source(next);
  advance(100);
  assert.deepEqual([pcs[0].senders[0].track, a.said.length], [next.tracks[0], n], "another microphone needs no words");
  a.d.source(stream("audio", "video"));
  advance(100);
  assert.deepEqual(a.d.kinds(), { audio: true, video: true });
  assert.ok(a.said.length > n && b.streams[0].tracks.some((t) => t.kind === "video"), "a camera does");
  a.d.source({ blob: {}, mime: "audio/wav" });
  assert.deepEqual(a.d.kinds(), { audio: false, video: false });
  a.d.source(null);
  assert.deepEqual([a.now, a.d.made, live()], ["up", 1, 2]);
  over(a, b);
});

test("a description that could not be said", () => {
  const [a, b] = two(stream("audio"));
  up(a, b);
  a.offline = true;
  a.d.source(stream("audio", "video"));
  advance(1000);
  assert.equal(a.now, "up", "what there is goes on");
  a.offline = false;
  a.d.nudge();
  up(a, b);
  advance(1000);
  assert.ok(b.streams[b.streams.length - 1].tracks.some((t) => t.kind === "video"));
  assert.equal(a.d.made, 2);
  a.d.nudge();
  assert.equal(a.d.made, 2, "what is well is left alone");
  over(a, b);
});

test("a browser that has none to give", () => {
  const [a, b] = two();
  up(a, b);
  PC.none = true;
  pcs[0].close();
  PC.tries = 0;
  advance(20000);
  assert.equal(a.now, "down");
  assert.ok(PC.tries >= 8 && PC.tries <= 14, PC.tries + " were tried by two pages in 20 s");
  PC.none = false;
  up(a, b);
  over(a, b);
});

test("the end between two connections", () => {
  const [a, b] = two();
  up(a, b);
  pcs[0].close();
  advance(20);
  over(a, b);
  assert.equal(pcs.length, 2);
});

test("whether a browser has what it takes", () => {
  const able = window.everfile.direct.able;
  assert.equal(able(), true);
  for (const name of ["RTCPeerConnection", "MediaStream", "Promise"]) {
    const was = window[name];
    delete window[name];
    assert.equal(able(), false, name);
    window[name] = was;
  }
});
`
