package static

import "testing"

// The phone in a room: who comes and goes, what is played of whom, what rings there,
// and the way back after whatever broke.
func TestRoom(t *testing.T) { phoning(t, roomFakes+roomTest) }

const roomFakes = `
const file = (who, mime, more) => Object.assign({ caller: who, url: "/r/" + who + ".webm?el=5s", mime: mime || VP8, why: "It can." }, more);
const screenOf = (who) => file(who, VP8, { url: "/r/" + who + "-screen.webm?el=5s", screen: true });
const peer = (who, more) => Object.assign({ caller: who, media: both, webrtc: false, polite: false }, more);
const mine = { url: "/r/alice.webm?key=k", mime: VP8, timeslice: 50, bitsPerSecond: 800000, keyframeEvery: 1000, why: "It can." };
const myScreen = Object.assign({}, mine, { url: "/r/alice-screen.webm?key=s", bitsPerSecond: 2500000, screen: true });

// there is a start of the room r with so many others in it.
function there(who, more) {
  hear(Object.assign({ type: "start", call: "r", room: true, publish: [mine], play: who.map((w) => file(w)), peers: who.map((w) => peer(w)) }, more));
}

function join(...who) {
  begin();
  link();
  phone.source(stream("audio", "video"));
  phone.join("r", both);
  there(who);
}

const urls = () => watchers.filter((w) => !w.stopped).map((w) => w.options.url);
const last = (type) => of(type).pop();
`

const roomTest = `
test("a room, from the first word to the last", () => {
  begin();
  assert.equal(phone.join("r", both), false, "not before there is a connection");
  link();
  phone.source(stream("audio", "video"));
  assert.equal(phone.join("r", both), true);
  assert.deepEqual(sent("join"), [{ type: "join", room: "r", media: both }]);
  assert.deepEqual(last("state"), { type: "state", state: "joining", call: "r", room: true, peer: "", media: null, incoming: false });
  assert.equal(phone.join("s", both), false, "one at a time");
  assert.equal(phone.call("bob", both), false);
  there(["bob", "carol"]);
  assert.deepEqual(last("state"), { type: "state", state: "talking", call: "r", room: true, peer: "", media: null, incoming: false });
  assert.deepEqual(of("peer").map((e) => e.caller), ["bob", "carol"]);
  assert.deepEqual(running(), [1, 2]);
  assert.equal(phone.send({ a: 1 }), true);
  assert.equal(phone.send({ a: 2 }, "carol"), true);
  assert.deepEqual(sent("message"), [{ type: "message", call: "r", data: { a: 1 } }, { type: "message", call: "r", to: "carol", data: { a: 2 } }]);
  assert.equal(phone.leave(), true);
  assert.deepEqual(sent("leave"), [{ type: "leave", call: "r", reason: undefined }]);
  assert.deepEqual(of("ended"), [{ type: "ended", reason: "left", by: "alice", text: "You left the room.", peer: "", room: true, call: "r" }]);
  assert.deepEqual(running(), [0, 0]);
  assert.equal(now(), "idle");
  hear({ type: "ended", call: "r", reason: "left" });
  assert.equal(of("ended").length, 1);
  assert.equal(phone.leave(), false);
  assert.equal(timers.length, 0);
});

test("alone in a room", () => {
  join();
  assert.deepEqual([now(), running()], ["talking", [1, 0]]);
  assert.equal(of("peer").length, 0);
  assert.equal(publishers[0].rests, undefined, "who is alone sends to whoever comes");
});

test("somebody goes, and comes again", () => {
  join("bob", "carol");
  hear({ type: "left", call: "r", caller: "bob", text: "bob has left." });
  hear({ type: "left", call: "other", caller: "carol", text: "" });
  assert.deepEqual(of("left"), [{ type: "left", caller: "bob", text: "bob has left." }]);
  there(["carol"]);
  assert.equal(of("left").length, 1, "it is told once");
  assert.deepEqual(urls(), ["/r/carol.webm?el=5s"]);
  assert.equal(watchers[1].stopped, false, "whoever stays is not touched");
  there(["carol", "bob"]);
  assert.deepEqual(of("peer").map((e) => e.caller), ["bob", "carol", "bob"]);
  there(["bob"]);
  assert.deepEqual(last("left"), { type: "left", caller: "carol", text: "" });
});

test("it cannot be joined", () => {
  begin();
  link();
  phone.join("r", both);
  hear({ type: "error", code: "too-many", re: "join", text: "The room is full." });
  assert.deepEqual(of("error"), [{ type: "error", code: "too-many", text: "The room is full.", re: "join" }]);
  assert.deepEqual(states(), ["idle", "joining", "idle"]);
  assert.equal(of("ended").length, 0);
  assert.equal(phone.join("s", both), true);
});

test("the connection comes back in a room", () => {
  for (const resumed of [true, false]) {
    join("bob");
    lose();
    assert.equal(now(), "talking", "the media goes on without");
    phone.media(voice);
    link(resumed);
    assert.deepEqual(sent("join").map((m) => m.media), [both, voice], "to be told anew who is there");
    there(["bob"]);
    advance(5000);
    assert.deepEqual([now(), running()], ["talking", [1, 1]]);
    assert.equal(of("ended").length, 0);
  }
  hear({ type: "error", code: "too-many", re: "join", text: "The room is full." });
  assert.deepEqual([last("ended").reason, last("ended").text], ["gone", "The room is full."]);
});

test("a page that is loaded again is in the room again", () => {
  begin("secret");
  link(true);
  there(["bob"], { publish: [mine, myScreen] });
  assert.deepEqual(states(), ["talking"]);
  assert.equal(of("state")[0].room, true);
  assert.equal(sent("media").length, 0, "nobody knows yet what it sends");
  phone.source(stream("audio"));
  assert.deepEqual(sent("media"), [{ type: "media", call: "r", media: voice }], "and no screen any more");
  begin("secret");
  link(true);
  there(["bob"], { publish: [mine, myScreen] });
  phone.media(both);
  phone.source(stream("audio", "video"));
  assert.deepEqual(sent("media"), [{ type: "media", call: "r", media: both }]);
});

test("joined again at once", () => {
  join("bob");
  phone.leave();
  phone.join("r", voice);
  there(["bob"]);
  assert.equal(sent("leave").length, 1, "what was on its way is not what we left");
  assert.equal(now(), "joining");
  hear({ type: "ended", call: "r", reason: "left" });
  assert.equal(now(), "joining");
  there(["bob"]);
  assert.equal(now(), "talking");
});

test("left without a connection", () => {
  join("bob");
  lose();
  assert.equal(phone.leave(), true);
  link(true);
  there(["bob"]);
  assert.equal(now(), "idle");
  assert.equal(sent("leave").length, 1);
  join("bob");
  lose();
  phone.leave();
  link(true);
  phone.join("r", both);
  there(["bob"]);
  assert.deepEqual(said.slice(-2).map((m) => m.type), ["leave", "join"], "first things first");
  assert.equal(now(), "joining");
  hear({ type: "ended", call: "r", reason: "left" });
  there(["bob"]);
  assert.equal(now(), "talking");
});

test("it rings in a room", () => {
  join("bob");
  hear({ type: "invite", call: "c", from: "dave", media: voice });
  assert.deepEqual(of("knock"), [{ type: "knock", call: "c", from: "dave", media: voice }]);
  assert.equal(now(), "talking");
  assert.equal(phone.answer("x"), false);
  assert.equal(phone.answer("c", voice), true);
  assert.deepEqual(said.slice(-2).map((m) => [m.type, m.call]), [["leave", "r"], ["accept", "c"]]);
  assert.deepEqual(states(), ["idle", "joining", "talking", "ringing"]);
  there(["bob"]);
  hear({ type: "ended", call: "r", reason: "left" });
  start();
  assert.deepEqual([now(), phone.stats().peer], ["talking", "bob"]);
  assert.equal(last("state").room, undefined);
});

test("what rings in a room is refused, or stops", () => {
  join("bob");
  hear({ type: "invite", call: "c", from: "dave", media: voice });
  assert.equal(phone.reject("x"), false);
  assert.equal(phone.reject("c", "Later."), true);
  assert.deepEqual(sent("reject"), [{ type: "reject", call: "c", reason: "Later." }]);
  hear({ type: "ended", call: "c", reason: "refused" });
  assert.equal(of("unknock").length, 0);
  hear({ type: "invite", call: "d", from: "dave", media: voice });
  hear({ type: "ended", call: "d", reason: "cancelled", text: "dave cancelled." });
  assert.deepEqual(of("unknock"), [{ type: "unknock", call: "d", from: "dave", text: "dave cancelled." }]);
  assert.equal(phone.answer("d", voice), false);
  assert.equal(now(), "talking");
  hear({ type: "invite", call: "e", from: "dave", media: voice });
  phone.leave();
  assert.equal(now(), "ringing", "who leaves the room hears it ring");
});

test("what knocks does not ring where nobody is any more", () => {
  const knocked = () => {
    join("bob");
    hear({ type: "invite", call: "c", from: "dave", media: both });
    assert.equal(of("knock").length, 1);
  };
  const quiet = (why) => assert.deepEqual([states().slice(-2), now(), phone.accept(both)], [["talking", "idle"], "idle", false], why);
  knocked();
  phone.close();
  quiet("closed");
  assert.deepEqual([sent("leave").length, of("ended").length, said[said.length - 1].type], [1, 1, "(close)"]);
  for (const word of ["replaced", "refused"]) {
    knocked();
    linked = false;
    control.onstate(word, "The server says so.");
    quiet(word);
    assert.deepEqual([of("unknock").length, last("unknock").call, last("ended").text === last("unknock").text], [1, "c", true]);
  }
  knocked();
  lose();
  hear({ type: "error", re: "hello", code: "taken", suggest: "alice-2", text: "alice is in use." });
  quiet("the name is taken");
});

test("a room that a page comes back to while it rings", () => {
  begin("secret");
  link(true);
  hear({ type: "invite", call: "c", from: "dave", media: voice });
  there(["bob"]);
  assert.deepEqual(states(), ["ringing", "talking"]);
  assert.equal(last("knock").call, "c");
});

test("a call comes before a room that one is in still", () => {
  talk();
  there(["dave"]);
  assert.deepEqual(sent("leave"), [{ type: "leave", call: "r" }]);
  assert.equal(phone.stats().call, "c");
  join("bob");
  start();
  assert.deepEqual([sent("leave").length, phone.stats().call], [1, "c"]);
});

test("one's screen is shared", () => {
  join("bob");
  const s = stream("video");
  assert.equal(phone.share(s), true);
  assert.deepEqual(sent("media"), [{ type: "media", call: "r", media: { audio: true, video: true, screen: { audio: false, video: true } } }]);
  assert.deepEqual(of("share"), [{ type: "share", yes: true }]);
  there(["bob"], { publish: [mine, myScreen] });
  assert.deepEqual(publishers.map((p) => p.options.stream === s), [false, true]);
  assert.deepEqual([publishers[1].options.url, publishers[1].options.videoBitsPerSecond], [myScreen.url, 2500000]);
  publishers[1].options.onstate("recording", "Recording.", false);
  assert.equal(last("send").screen, true);
  publishers[0].options.onstate("recording", "Recording.", false);
  assert.equal(last("send").screen, undefined);
  phone.media(voice);
  assert.deepEqual(sent("media").pop().media, { audio: true, video: false, screen: { audio: false, video: true } });
  phone.source(stream("audio"));
  assert.equal(publishers[1].streams.length, 1, "the camera is not the screen");
  s.tracks[0].end();
  assert.deepEqual(publishers.map((p) => p.stopped), [false, true]);
  assert.deepEqual(sent("media").pop().media, voice);
  assert.deepEqual(last("share"), { type: "share", yes: false });
  assert.equal(phone.share(null), false);
  phone.share(stream("video"));
  phone.leave();
  assert.equal(of("share").length, 4);
  assert.equal(listening, 0);
  assert.equal(phone.share(stream("video")), false, "nobody is there to see it");
});

test("another screen, and one with sound", () => {
  join("bob");
  const s = stream("video"), t = stream("video", "audio");
  phone.share(s);
  there(["bob"], { publish: [mine, myScreen] });
  phone.share(t);
  assert.deepEqual(publishers[1].streams, [s, t]);
  s.tracks[0].end();
  assert.equal(of("share").length, 1, "that one is not shared any more");
  assert.deepEqual(sent("media").pop().media.screen, { audio: true, video: true });
});

test("the others' screens", () => {
  join("bob");
  there(["bob"], { play: [file("bob"), screenOf("bob")] });
  assert.deepEqual(watchers.map((w) => w.options.element), ["bob " + VP8, "bob " + VP8]);
  watchers[1].options.onstate("playing", "Live.");
  watchers[1].options.onstats({ behind: 1 });
  watchers[1].options.onthin(true);
  assert.deepEqual(["play", "stats", "slow"].map((type) => [last(type).caller, last(type).screen]), [["bob", true], ["bob", true], ["bob", true]]);
  watchers[0].options.onstate("playing", "Live.");
  assert.equal(last("play").screen, undefined);
});

test("the page leaves in the middle of an event", () => {
  for (const type of ["state", "peer", "play", "send", "crowded", "share"]) {
    begin();
    link();
    phone.source(stream("audio", "video"));
    onevent = (t) => { if (t === type && now() === "talking") { phone.leave(); } };
    phone.join("r", both);
    const many = ["bob", "carol", "dave", "erin", "fred", "gina"];
    there(many);
    if (type === "play" && now() === "talking") { watchers[0].options.onstate("playing", ""); }
    if (type === "share") { phone.share(stream("video")); }
    assert.equal(now(), "idle", type);
    assert.deepEqual(running(), [0, 0], type);
    assert.equal(timers.length, 0, type);
  }
});

test("who is heard directly is not in the mix, and neither is one's own screen", () => {
  const made = window.everfile.files;
  let files;
  window.everfile.files = (o) => (files = made(o));
  join("bob", "carol", "dave", "erin", "fred", "gina");
  window.everfile.files = made;
  assert.equal(urls().pop(), "/r/mix.wav?without=alice,bob,carol,dave");
  files.hold(true, "fred");
  assert.equal(urls().pop(), "/r/mix.wav?without=alice,fred,bob,carol,dave");
  phone.share(stream("video"));
  assert.equal(urls().pop(), "/r/mix.wav?without=alice,fred,bob,carol,dave", "a screen without sound is not heard");
  phone.share(stream("video", "audio"));
  assert.equal(urls().pop(), "/r/mix.wav?without=alice,alice-screen,fred,bob,carol,dave");
});

test("a screen is played from its file, however its owner is", () => {
  const made = window.everfile.files;
  let files;
  window.everfile.files = (o) => (files = made(o));
  join("bob");
  window.everfile.files = made;
  there(["bob"], { play: [file("bob"), screenOf("bob")] });
  files.hold(true, "bob");
  assert.deepEqual(urls(), ["/r/bob-screen.webm?el=5s"]);
  assert.deepEqual(of("play").filter((e) => e.state === "direct").map((e) => e.url), ["/r/bob.webm"]);
  files.hold(false, "bob");
  assert.equal(urls().length, 2);
});

test("more than the connections carry", () => {
  join("bob", "carol", "dave", "erin");
  assert.equal(of("crowded").length, 0);
  there(["bob", "carol", "dave", "erin", "fred"]);
  assert.deepEqual(urls(), ["/r/bob.webm?el=5s", "/r/carol.webm?el=5s", "/r/dave.webm?el=5s", "/r/mix.wav?without=alice,bob,carol,dave"]);
  assert.deepEqual(last("crowded").names, ["erin", "fred"]);
  assert.match(last("crowded").text, /erin and fred are heard together.*HTTPS/);
  assert.deepEqual(of("play").filter((e) => e.state === "mixed").map((e) => e.caller), ["erin", "fred"]);
  watchers[4].options.onstats({ behind: 1 });
  assert.deepEqual([last("stats").caller, last("stats").mix], ["mix", true]);
  watchers[4].options.onstate("unsupported", "Not here.");
  assert.equal(sent("failed").length, 0, "it is no file of the list");
  there(["bob", "carol", "dave", "erin"]);
  assert.equal(urls().length, 4);
  assert.deepEqual(last("crowded").yes, false);
});
`
