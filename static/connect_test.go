package static

import "testing"

// The layer for any page: a phone that only notes what is said to it, and a machine
// with or without a camera.
func TestConnect(t *testing.T) {
	node(t, "", connectFakes+connectTest, "everfile.js", "devices.js", "stage.js", "connect.js")
}

const connectFakes = `
let me, phone, events, cameras, give, stored;

class Element extends Target {
  constructor(tag) { super(); this.tag = tag; this.style = {}; this.srcObject = null; this.attributes = {}; this.parentNode = { inserted: [], insertBefore: (e) => this.parentNode.inserted.push(e) }; }
  setAttribute(name, value) { this.attributes[name] = value; }
  play() { this.plays = (this.plays || 0) + 1; return { then: (ok, bad) => bad({ name: "NotAllowedError" }) }; }
}
window.document.createElement = ((make) => (tag) => (tag === "a" ? make(tag) : new Element(tag)))(window.document.createElement);

window.everfile.worker = () => {};
window.everfile.camera = () => (constraints, done, fail) => {
  const kinds = ["audio", "video"].filter((k) => constraints[k]);
  if (kinds.some((k) => give.indexOf(k) < 0)) { fail({ name: "NotFoundError" }); return; }
  const s = stream(...kinds);
  cameras.push(s);
  done(s);
};
window.everfile.phone = (o) => {
  const p = { options: o, said: [], answers: {} };
  ["call", "join", "accept", "answer", "reject", "hangup", "leave", "send", "share", "media", "source", "tap", "hello", "stats", "close"].forEach((name) => {
    p[name] = (...a) => { p.said.push([name].concat(a)); return name in p.answers ? p.answers[name] : true; };
  });
  p.of = (name) => p.said.filter((m) => m[0] === name).map((m) => m.slice(1));
  phone = p;
  return p;
};

function begin(options) {
  events = [];
  cameras = [];
  give = ["audio", "video"];
  me = window.everfile.connect(Object.assign({ caller: "alice", on: (type, e) => events.push(Object.assign({ type }, e)) }, options));
  state("idle");
}

const tell = (type, e) => phone.options.on(type, e || {});
const state = (word, more) => tell("state", Object.assign({ state: word, call: word === "idle" ? "" : "c", peer: word === "idle" ? "" : "bob", media: null, incoming: false }, more));
const of = (type) => events.filter((e) => e.type === type);
const open = () => cameras.filter((s) => s.tracks.some((t) => t.readyState === "live")).length;
const both = { audio: true, video: true }, voice = { audio: true, video: false };
`

const connectTest = `
test("it rings, is answered, and is over", () => {
  begin();
  const got = [];
  const fn = (e) => got.push(e);
  me.on("invite", fn);
  state("ringing", { media: both });
  state("ringing", { media: voice });
  assert.deepEqual(got, [{ call: "c", from: "bob", media: both, room: false }], "once");
  assert.equal(cameras.length, 0, "nobody has answered yet");
  assert.equal(me.answer(), true);
  assert.deepEqual(phone.of("accept"), [[both]]);
  assert.equal(open(), 1);
  assert.equal(phone.of("source").pop()[0], cameras[0]);
  assert.equal(phone.of("media").length, 0, "it is what was said");
  assert.deepEqual([of("camera")[0].stream, of("camera")[0].text], [cameras[0], ""]);
  state("talking");
  assert.equal(cameras.length, 1);
  tell("ended", { reason: "hangup", text: "bob hung up." });
  assert.deepEqual([open(), phone.of("source").pop()[0]], [0, null], "the light goes out");
  state("idle");
  me.off("invite", fn);
  state("ringing", { media: both });
  assert.equal(got.length, 1);
  assert.equal(of("invite").length, 2, "the same call may ring again later");
  me.reject("Later.");
  assert.deepEqual(phone.of("reject"), [["Later."]]);
});

test("a call that does not come about leaves no camera on", () => {
  begin();
  phone.answers.call = false;
  assert.equal(me.call("bob"), false);
  assert.equal(cameras.length, 0);
  delete phone.answers.call;
  assert.equal(me.call("bob", voice), true);
  assert.deepEqual(phone.of("call").pop(), ["bob", voice]);
  assert.equal(open(), 1);
  tell("error", { re: "invite", code: "offline", text: "bob is not online." });
  assert.equal(open(), 0);
  me.call("bob", voice);
  state("calling");
  tell("error", { re: "message", code: "gone", text: "" });
  assert.equal(open(), 1);
  state("idle");
  assert.equal(open(), 0);
});

test("a camera is asked for once in a call", () => {
  const camera = window.everfile.camera;
  let asked = 0;
  begin();
  window.everfile.camera = () => () => { asked++; };   // and its user has not answered
  me.call("bob", voice);
  state("calling");
  state("talking");
  state("idle");
  me.call("bob", voice);
  state("talking");   // they have called at the same moment
  window.everfile.camera = camera;
  assert.equal(asked, 2, "in two calls");
});

test("a camera that is not there, or refused", () => {
  begin();
  give = ["audio"];
  me.call("bob", both);
  assert.equal(open(), 1);
  assert.deepEqual(phone.of("media"), [[voice]]);
  assert.match(of("camera")[0].text, /no camera/);
  assert.deepEqual([of("error")[0].re, of("error")[0].text], ["camera", of("camera")[0].text]);
  begin();
  give = [];
  me.call("bob", both);
  assert.deepEqual(phone.of("media"), [[{ audio: false, video: false }]], "one can listen");
  assert.equal(phone.of("source").pop()[0], null);
});

test("muted, before and after the camera opens", () => {
  begin();
  me.mute(true);
  me.call("bob");
  const [sound, picture] = cameras[0].tracks;
  assert.deepEqual([sound.enabled, picture.enabled], [false, true]);
  me.mute(false);
  me.mute(true, "video");
  assert.deepEqual([sound.enabled, picture.enabled], [true, false]);
  const s = stream("audio");
  begin({ stream: s });
  me.mute(true);
  assert.equal(s.tracks[0].enabled, false);
});

test("a stream of the page's own", () => {
  const s = stream("audio");
  begin({ stream: s });
  me.call("bob", voice);
  assert.deepEqual([cameras.length, phone.of("source").pop()[0]], [0, s]);
  state("talking");
  state("idle");
  assert.deepEqual([phone.of("source").pop()[0], s.tracks[0].readyState], [null, "live"], "which is the page's");
  begin({ camera: false });
  me.call("bob", voice);
  state("talking");
  state("idle");
  assert.equal(phone.of("source").length, 0, "the page does that");
  me.source(s);
  assert.equal(phone.of("source").pop()[0], s);
});

test("of a stream of the page's own is said what there is in it", () => {
  const s = stream("audio");
  begin({ stream: s });
  assert.equal(me.call("bob"), true);
  state("idle");
  me.join("r", both);
  state("talking", { room: true });
  tell("knock", { call: "d", from: "dave", media: both });
  me.answer();
  state("ringing");
  me.answer({ video: true });
  assert.deepEqual(["call", "join", "answer", "accept"].map((name) => phone.of(name).pop().pop()), [voice, voice, voice, { audio: false, video: false }]);
  state("idle");
  s.tracks[0].end();
  me.call("bob");
  assert.deepEqual(phone.of("call").pop(), ["bob", { audio: false, video: false }], "which has ended");
  begin({ camera: false });
  me.call("bob");
  assert.deepEqual(phone.of("call").pop(), ["bob", both], "the page is still to give it");
  me.source(s);
  me.source({ blob: {}, mime: "audio/wav" });
  me.call("bob");
  assert.deepEqual(phone.of("call").pop(), ["bob", voice], "a recorded file is heard");
});

test("a room, and what rings there", () => {
  begin();
  assert.equal(me.join("r", voice), true);
  assert.deepEqual([phone.of("join").pop(), open()], [["r", voice], 1]);
  state("talking", { room: true });
  tell("knock", { call: "d", from: "dave", media: both });
  assert.deepEqual(of("invite").pop(), { type: "invite", call: "d", from: "dave", media: both, room: true });
  assert.equal(me.answer(voice), true);
  assert.deepEqual(phone.of("answer"), [["d", voice]]);
  tell("knock", { call: "e", from: "dave", media: both });
  me.reject("Later.");
  assert.deepEqual(phone.of("reject"), [["e", "Later."]]);
  tell("unknock", { call: "e", from: "dave", text: "" });
  assert.equal(me.answer(), false);
  assert.equal(me.reject(), false);
  me.share("screen");
  me.send(1, "bob");
  me.leave();
  assert.deepEqual([phone.of("share"), phone.of("send"), phone.of("leave")], [[["screen"]], [[1, "bob"]], [[]]]);
});

test("refused, and replaced", () => {
  begin();
  tell("link", { state: "lost", text: "" });
  assert.equal(of("error").length, 0);
  tell("link", { state: "refused", text: "start it with --allow-origin" });
  assert.deepEqual(of("error"), [{ type: "error", code: "refused", text: "start it with --allow-origin", re: "connect" }]);
  tell("link", { state: "replaced", text: "Another window." });
  assert.equal(of("error")[1].code, "replaced");
});

test("a page that is loaded again is in its call again", () => {
  stored = {};
  window.sessionStorage = { getItem: (k) => (k in stored ? stored[k] : null), setItem: (k, v) => { stored[k] = v; } };
  begin();
  assert.deepEqual([phone.options.caller, phone.options.resume], ["alice", ""]);
  tell("welcome", { caller: "alice-2", resume: "secret" });
  me.call("bob", voice);
  begin();
  assert.deepEqual([phone.options.caller, phone.options.resume], ["alice-2", "secret"]);
  state("talking");
  assert.deepEqual(cameras[0].tracks.map((t) => t.kind), ["audio"], "with what it sent");
  begin();
  state("calling");
  assert.deepEqual([cameras.length, phone.of("source").pop()[0] === cameras[0]], [1, true], "it rings at the other side yet");
  state("talking");
  assert.deepEqual([cameras.length, open()], [1, 1]);
  state("idle");
  assert.equal(open(), 0);
  begin({ resume: "" });
  assert.deepEqual([phone.options.caller, phone.options.resume], ["alice", ""]);
  begin({ resume: "mine" });
  tell("welcome", { caller: "alice", resume: "new" });
  assert.equal(phone.options.resume, "mine");
  assert.equal(Object.keys(stored).length, 1, "that one keeps its own");
  for (const bad of ["{", "null", "1"]) {
    Object.keys(stored).forEach((k) => { stored[k] = bad; });
    begin();
    assert.equal(phone.options.resume, "");
  }
  window.sessionStorage.getItem = () => { throw new Error("forbidden"); };
  begin();
  assert.equal(phone.options.resume, "");
  delete window.sessionStorage;
});

test("one element for whoever there is", () => {
  const video = new Element("video");
  begin({ element: video });
  const element = phone.options.element;
  assert.equal(element("bob", "video/webm", false, false), video);
  assert.equal(element("carol", "video/webm", false, false), null, "one at a time");
  assert.equal(element("bob", "video/webm", true, false), null);
  const img = element("bob", "multipart/x-mixed-replace", false, false);
  assert.equal(img.tag, "img");
  assert.deepEqual([video.style.display, img.style.display], ["none", ""]);
  assert.equal(element("bob", "image/jpeg", false, true), img);
  tell("play", { caller: "bob", mime: "multipart/x-mixed-replace", state: "stopped" });
  assert.deepEqual([video.style.display, img.style.display], ["", "none"]);
  tell("left", { caller: "carol", text: "" });
  assert.equal(element("carol", "audio/wav", false, false), null);
  tell("left", { caller: "bob", text: "" });
  assert.equal(element("carol", "audio/wav", false, false), video);
  state("idle");
  assert.equal(element("dave", "audio/wav", false, false), video);
});

test("what comes directly is shown in the same element", () => {
  const videos = { bob: new Element("video") };
  begin({ elements: (caller) => videos[caller] || null });
  const from = phone.options.direct("bob");
  assert.equal(from.volume, 0);
  window.everfile.attach(from, "direct stream");
  tell("way", { caller: "bob", state: "direct" });
  assert.equal(videos.bob.srcObject, null, "the file lets go first");
  advance(0);
  assert.equal(videos.bob.srcObject, "direct stream");
  assert.equal(from.muted, true, "and is heard once");
  assert.equal(videos.bob.plays, 1);
  me.tap();
  assert.deepEqual([videos.bob.plays, phone.of("tap").length], [2, 1]);
  tell("way", { caller: "bob", state: "file" });
  assert.equal(videos.bob.srcObject, null, "and is gone before the file is there again");
  tell("way", { caller: "bob", state: "direct" });
  tell("way", { caller: "bob", state: "file" });
  advance(0);
  assert.equal(videos.bob.srcObject, null, "it was over at once");
  tell("way", { caller: "carol", state: "direct" });
  const own = () => "mine";
  begin({ elements: () => null, direct: own });
  assert.equal(phone.options.direct, own);
});

test("the server is where the script came from, or where one says", () => {
  const e = window.everfile, doc = window.document;
  assert.equal(e.server, "");
  assert.equal(e.place("/ws"), "/ws");
  begin({ server: "https://there:1/" });
  assert.equal(e.server, "https://there:1");
  assert.deepEqual(["/ws", "//x/y", "https://z/", "blob:1"].map(e.place), ["https://there:1/ws", "//x/y", "https://z/", "blob:1"]);
  assert.equal(e.absolute("/ws", true), "wss://there:1/ws");
  assert.match(e.padded("/a.webm"), /^https:\/\/there:1\/a\.webm\?wait=30s/);
  const video = {};
  e.cors(video);
  assert.equal(video.crossOrigin, "anonymous");
  window.navigator.serviceWorker = { controller: {} };
  assert.equal(e.controlled(), false, "that one is the page's");
  e.serve("");
  assert.equal(e.controlled(), true);
  delete window.navigator.serviceWorker;
  const own = {};
  e.cors(own);
  assert.deepEqual(own, {});
  for (const [src, page, server] of [
    ["http://s:8080/static/everfile.js", "http://page/", "http://s:8080"],
    ["https://s/static/everfile.js?v=1", "https://s/x", ""],
    ["http://s/under/static/everfile.js", "http://page/", "http://s/under"],
    ["http://cdn/everfile.js", "http://page/", ""],
    ["", "http://page/", ""],
  ]) {
    window.location = { href: page };
    doc.currentScript = { src };
    scripts();
    assert.equal(window.everfile.server, server, src);
    doc.currentScript = null;
    doc.getElementsByTagName = () => [{ src: "http://other/static/x.js" }, { src }];
    scripts();
    assert.equal(window.everfile.server, server, "without currentScript: " + src);
  }
  delete window.location;
  delete doc.currentScript;
  delete doc.getElementsByTagName;
});
`
