package static

import "testing"

// The phone, with publishers and watchers that only note what is done to them:
// whatever the order of things, what runs is what the server last said, and no
// call outlives its end.
func TestPhone(t *testing.T) { phoning(t, phoneTest) }

func phoning(t *testing.T, test string) {
	t.Helper()
	node(t, "", phoneFakes+test, "everfile.js", "can.js", "adapt.js", "tabs.js", "seats.js", "stills.js", "plays.js", "files.js",
		"peer.js", "direct.js", "way.js", "ways.js", "roster.js", "parting.js", "media.js", "phone.js")
}

const phoneFakes = `
let phone, control, said, events, publishers, watchers, linked, onevent;

// Img shows what it is told to; a test says when that is there.
let imgs;
class Img extends Target {
  constructor(caller) { super(); this.caller = caller; this.shown = []; imgs.push(this); }
  set src(url) { this.shown.push(url); }
  removeAttribute() { this.shown.push(""); }
}

let able = {};
window.everfile.can = () => Object.assign({}, able);
window.everfile.look = (o) => Object.assign(window.everfile.watch(o), { looks: true });
window.everfile.upload = (o) => Object.assign(window.everfile.publish(o), { uploads: true });
window.everfile.control = (o) => {
  control = o;
  control.word = "connecting";
  return {
    send: (m) => { if (linked) { said.push(m); } return linked; },
    hello: () => said.push(Object.assign({ type: "hello" }, o.hello())),
    reconnect: () => said.push({ type: "(reconnect)" }),
    close: () => said.push({ type: "(close)" }),
    state: () => control.word,
  };
};
window.everfile.publish = (o) => {
  const p = { options: o, stopped: false, nudged: 0, runs: [o.mimeType], streams: [o.stream], nudge: () => p.nudged++ };
  p.stop = () => { p.stopped = true; };
  p.rest = (yes) => { p.rests = yes; };
  p.restart = (s) => { p.runs.push(o.mimeType); p.streams.push(s || null); };
  p.stats = () => ({ state: "recording" });
  publishers.push(p);
  o.onstate("connecting", "Connecting.", false);
  return p;
};
window.everfile.watch = (o) => {
  const w = { options: o, stopped: false, nudged: 0, nudge: () => w.nudged++, told: (t) => { w.edge = t; }, play: () => { w.played = true; }, stats: () => ({ behind: 1 }) };
  w.stop = () => { w.stopped = true; o.onstate("stopped", "Stopped."); };
  watchers.push(w);
  return w;
};

function begin(resume) {
  said = [];
  events = [];
  publishers = [];
  watchers = [];
  imgs = [];
  linked = false;
  onevent = () => {};
  phone = window.everfile.phone({
    caller: "alice", resume,
    element: (caller, mime, screen, still) => (still ? new Img(caller) : caller + " " + mime),
    on: (type, e) => { events.push(Object.assign({ type }, e)); onevent(type, e); },
  });
}

const hear = (m) => control.onmessage(m);
const of = (type) => events.filter((e) => e.type === type);
const states = () => of("state").map((e) => e.state);
const sent = (type) => said.filter((m) => m.type === type);
const now = () => phone.stats().state;
const both = { audio: true, video: true }, voice = { audio: true, video: false };

function link(resumed) {
  linked = true;
  control.hello();
  control.word = "open";
  control.onstate("open", "");
  hear({ type: "welcome", v: 1, caller: "alice", resume: "secret", resumed: !!resumed, online: [] });
}

function lose() {
  linked = false;
  control.word = "lost";
  control.onstate("lost", "");
}

const OWN = "/c/alice.webm?key=k", OTHER = "/c/bob.webm", VP8 = "video/webm;codecs=vp8,opus", OPUS = "audio/webm;codecs=opus";
const publish = (mime, url) => ({ url: url || OWN, mime: mime || VP8, timeslice: 50, bitsPerSecond: 800000, keyframeEvery: 1000, why: "It can." });
const play = (mime, url) => ({ caller: "bob", url: url || OTHER, mime: mime || VP8, why: "It can." });

function start(more) {
  hear(Object.assign({ type: "start", call: "c", publish: [publish()], play: [play()], peers: [{ caller: "bob", media: both, away: false }] }, more));
}

// talk is a call that runs.
function talk() {
  begin();
  link();
  phone.source(stream("audio", "video"));
  hear({ type: "invite", call: "c", from: "bob", media: both });
  phone.accept(both);
  start();
  assert.equal(now(), "talking");
}

const running = () => [publishers.filter((p) => !p.stopped).length, watchers.filter((w) => !w.stopped).length];
`

const phoneTest = `
test("signals and demand", () => {
  const way = window.everfile.way, got = [];
  window.everfile.way = (o) => {
    const w = {};
    ["set", "heard", "demand", "source", "servers", "nudge", "tap", "end", "saw"].forEach((name) => { w[name] = (...a) => got.push([name].concat(a)); });
    w.stats = () => ({});
    w.options = o;
    got.way = w;
    return w;
  };
  const of = (name) => got.filter((g) => g[0] === name).map((g) => g.slice(1));
  talk();
  window.everfile.way = way;
  assert.deepEqual(of("set"), [[{ caller: "bob", media: both, away: false }]]);
  hear({ type: "signal", call: "c", from: "bob", data: 1 });
  hear({ type: "signal", call: "other", from: "bob", data: 2 });
  assert.deepEqual(of("heard"), [["bob", 1]]);
  hear({ type: "demand", url: "/c/alice.webm", on: false });
  assert.deepEqual(of("demand"), [["/c/alice.webm", false]]);
  assert.equal(got.way.options.say("bob", 3), true);
  assert.deepEqual(sent("signal"), [{ type: "signal", call: "c", to: "bob", data: 3 }]);
  hear({ type: "error", code: "gone", re: "signal", call: "c", text: "Not connected." });
  assert.equal(events.filter((e) => e.type === "error").length, 0, "it is said again by itself");
  got.way.options.on({ state: "direct", text: "x", theirs: false });
  assert.equal(events.pop().type, "way");
  watchers[0].options.onstate("playing", "Live.");
  assert.equal(of("saw").pop()[0].state, "playing");
  lose();
  assert.equal(got.way.options.say("bob", 4), false);
  const n = of("nudge").length;
  link(true);
  assert.equal(of("nudge").length, n + 1);
  start();
  const servers = [{ urls: ["turn:x"], username: "later" }], before = of("servers").length;
  start({ iceServers: servers });
  assert.deepEqual([of("servers").length, of("servers").pop()], [before + 1, [servers]]);
  start();
  start({ iceServers: null });
  start({ iceServers: "turn:x" });
  assert.equal(of("servers").length, before + 1, "none were sent: those there are stay");
  phone.hangup();
  assert.equal(of("end").length, 1);
  hear({ type: "signal", call: "c", from: "bob", data: 5 });
  assert.equal(of("heard").length, 1);
});

test("what the page can is said again when it is something else", () => {
  let settled;
  window.everfile.measure = (done) => { settled = done; };
  talk();
  assert.equal(sent("can").length, 0);
  able = { pcm: true };
  settled();
  settled();
  assert.deepEqual(sent("can"), [{ type: "can", can: { pcm: true } }]);
  lose();
  able = {};
  settled();
  assert.equal(sent("can").length, 1);
  link(true);
  assert.equal(sent("can").length, 1, "hello has said it");
  able = { jpeg: true };
  phone.source(stream("audio"));
  assert.equal(sent("can").length, 2, "a permission may change it");
  phone.source({ blob: {}, mime: "audio/wav" });
  assert.deepEqual(sent("can")[2].can, { jpeg: true, record: ["audio/wav"] });
  phone.source(null);
  assert.deepEqual(sent("can")[3].can, { jpeg: true });
  able = {};
  delete window.everfile.measure;
});

test("an outgoing call, from the first word to the last", () => {
  begin();
  assert.equal(phone.call("bob", both), false, "not before there is a connection");
  link();
  assert.deepEqual(states(), ["idle"]);
  assert.equal(phone.call("bob", both), true);
  assert.deepEqual(sent("invite"), [{ type: "invite", to: "bob", media: both }]);
  assert.equal(phone.call("carol", both), false);
  hear({ type: "ringing", call: "c", to: "bob", media: both });
  phone.source(stream("audio", "video"));
  start();
  hear({ type: "ended", call: "c", reason: "hangup", by: "bob", text: "bob hung up." });
  assert.deepEqual(states(), ["idle", "calling", "talking", "idle"]);
  assert.deepEqual(of("state")[2], { type: "state", state: "talking", call: "c", peer: "bob", media: both, incoming: false });
  assert.deepEqual(of("ended"), [{ type: "ended", reason: "hangup", by: "bob", text: "bob hung up.", peer: "bob" }]);
  assert.ok(events.indexOf(of("ended")[0]) < events.indexOf(of("state")[3]), "ended, then idle");
  assert.deepEqual(running(), [0, 0]);
});

test("an incoming call", () => {
  talk();
  assert.deepEqual(states(), ["idle", "ringing", "talking"]);
  assert.equal(of("state")[1].incoming, true);
  assert.deepEqual(sent("accept"), [{ type: "accept", call: "c", media: both }]);
  assert.equal(watchers[0].options.element, "bob " + VP8);
  assert.equal(watchers[0].options.url, OTHER);
  assert.deepEqual(of("peer"), [{ type: "peer", caller: "bob", media: both, away: false, plays: 0 }]);
  phone.hangup();
  assert.deepEqual(sent("hangup")[0].call, "c");
  assert.deepEqual(running(), [0, 0]);
  hear({ type: "ended", call: "c", reason: "hangup", by: "alice", text: "" });
  assert.equal(of("ended").length, 1);
});

test("refused, cancelled", () => {
  begin();
  link();
  hear({ type: "invite", call: "c", from: "bob", media: voice });
  phone.reject();
  assert.equal(sent("reject")[0].call, "c");
  assert.equal(of("ended")[0].reason, "refused");
  phone.call("bob", voice);
  hear({ type: "ringing", call: "d", to: "bob", media: voice });
  phone.cancel();
  assert.equal(sent("cancel")[0].call, "d");
  assert.equal(of("ended")[1].reason, "cancelled");
  assert.equal(now(), "idle");
});

test("both at once", () => {
  begin();
  link();
  phone.call("bob", both);
  hear({ type: "invite", call: "c", from: "bob", media: both });
  assert.deepEqual(states(), ["idle"]);
  start();
  assert.deepEqual(states(), ["idle", "talking"]);
  begin();
  link();
  phone.call("bob", both);
  hear({ type: "ringing", call: "c", to: "bob" });
  start();
  assert.deepEqual(states(), ["idle", "calling", "talking"]);
});

test("an invite that crosses ours, which is refused, rings", () => {
  begin();
  link();
  phone.call("carol", both);
  hear({ type: "invite", call: "c", from: "bob", media: both });
  hear({ type: "error", re: "invite", code: "bad-request", text: "You are in a call." });
  assert.deepEqual(states(), ["idle", "ringing"]);
  assert.equal(of("state")[1].peer, "bob");
  begin();
  link();
  phone.call("bob", both);
  hear({ type: "invite", call: "c", from: "bob", media: both });
  hear({ type: "ended", call: "c", reason: "cancelled", by: "bob" });
  assert.equal(now(), "calling", "theirs is over, ours is not");
  hear({ type: "error", re: "invite", code: "offline", text: "bob is not online." });
  assert.equal(now(), "idle");
});

test("nobody there", () => {
  begin();
  link();
  phone.call("bob", both);
  hear({ type: "error", re: "invite", code: "offline", text: "bob is not online." });
  assert.deepEqual(of("error"), [{ type: "error", code: "offline", text: "bob is not online.", re: "invite" }]);
  assert.equal(now(), "idle");
  assert.equal(phone.call("bob", both), true);
});

test("what one sends changes", () => {
  begin();
  link();
  phone.source(stream("audio"));
  assert.equal(phone.media(voice), false);
  phone.call("bob", both);
  phone.media(voice);
  assert.equal(sent("media").length, 0);
  hear({ type: "ringing", call: "c", to: "bob", media: both });
  assert.deepEqual(sent("media"), [{ type: "media", call: "c", media: voice }]);
  hear({ type: "ringing", call: "c", to: "bob", media: voice });
  start();
  assert.equal(sent("media").length, 1);
  lose();
  phone.media(both);
  link(true);
  start();
  assert.deepEqual(sent("media")[1].media, both);
});

test("edges go to the watcher of that file", () => {
  talk();
  hear({ type: "edge", caller: "bob", url: OTHER, t: 4.5, at: 5 });
  hear({ type: "edge", caller: "bob", url: "/c/carol.webm", t: 9, at: 9 });
  assert.equal(watchers[0].edge, 4.5);
});

test("the rest is passed on", () => {
  talk();
  hear({ type: "message", call: "c", from: "bob", data: { a: 1 } });
  hear({ type: "listeners", url: "/c/alice.webm", n: 2 });
  start({ peers: [{ caller: "bob", media: voice, away: true }] });
  watchers[0].options.onstats({ behind: 0.3 });
  watchers[0].options.onstate("playing", "Live.");
  phone.tap();
  hear({ type: "something new" });
  hear({ type: "toString" });
  assert.deepEqual(of("message"), [{ type: "message", from: "bob", data: { a: 1 } }]);
  assert.deepEqual(of("listeners"), [{ type: "listeners", n: 2, url: "/c/alice.webm" }]);
  assert.deepEqual(of("peer")[1], { type: "peer", caller: "bob", media: voice, away: true, plays: 0 });
  assert.deepEqual(of("stats"), [{ type: "stats", behind: 0.3, caller: "bob" }]);
  assert.deepEqual(of("play"), [{ type: "play", state: "playing", text: "Live.", mime: VP8, why: "It can.", url: OTHER, caller: "bob" }]);
  assert.equal(watchers[0].played, true);
  assert.equal(phone.send({ b: 2 }), true);
  assert.deepEqual(sent("message"), [{ type: "message", call: "c", data: { b: 2 } }]);
  const s = phone.stats();
  assert.deepEqual([s.state, s.peer, s.publish[0].url, s.play[0].behind], ["talking", "bob", "/c/alice.webm", 1]);
});

test("a newer server", () => {
  begin();
  hear({ type: "welcome", v: 2, caller: "alice", resume: "", resumed: false, online: [] });
  assert.equal(of("reload").length, 1);
});

test("the page hangs up in the middle of an event", () => {
  for (const type of ["state", "peer", "play", "send"]) {
    begin();
    link();
    phone.source(stream("audio", "video"));
    onevent = (t) => { if (t === type && now() === "talking") { phone.hangup(); } };
    start({ publish: [publish(), publish("audio/wav", "/c/alice.wav?key=k")], play: [play(), play(VP8, "/c/carol.webm")] });
    if (type === "play") { watchers[0].options.onstate("playing", ""); }
    assert.equal(now(), "idle", type);
    assert.deepEqual(running(), [0, 0], type);
  }
});

test("called again from the end of a call", () => {
  talk();
  onevent = (t) => { if (t === "ended") { phone.call("bob", voice); } };
  hear({ type: "ended", call: "c", reason: "hangup", by: "bob" });
  hear({ type: "ringing", call: "d", to: "bob", media: voice });
  assert.equal(now(), "calling");
  assert.deepEqual(states(), ["idle", "ringing", "talking", "calling"]);
});
`
