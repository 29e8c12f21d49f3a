package static

import (
	"io/fs"
	"testing"
)

// A room as the page has it, with a phone, devices and a view that only note what is
// done to them.
func TestRoomPage(t *testing.T) {
	script := func(name string) string {
		b, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	text := "\nfunction scripts2() {\nscripts();\nfakes();\n"
	for _, name := range []string{"levels.js", "seen.js", "people.js", "person.js", "share.js", "lobby.js", "room.js", "inroom.js", "roomtold.js"} {
		text += script(name)
	}
	text += "}\nfunction realCalls() {\n" + script("calls.js") + "}\nfunction buttons() {\n" + script("roompage.js")
	node(t, doms+pageFakes+text+"}\n", roomPageTests, "everfile.js", "page.js", "devices.js", "rooms.js", "chat.js")
}

const pageFakes = `
let phone, said, shown, page, own, view, outcomes, state, calls, screens, tiles, words;

// Everything that is said to the phone, but for what it is asked each time.
const to = (name) => said.filter((s) => s[0] === name).map((s) => s.slice(1));
const spoken = () => words.splice(0);

function fakes() {
  page = window.everfile.page;
  said = [];
  outcomes = [];
  words = [];
  tiles = {};
  state = "offline";
  phone = {};
  for (const name of ["join", "leave", "media", "send", "source", "share", "reject", "answer", "close", "tap"]) { phone[name] = (...a) => { said.push([name, ...a]); return phone.no !== name; }; }
  page.view = view = {
    state: () => state, mode: (s) => { const was = state; state = s; return was !== s; }, say: (s) => { if (s) { words.push(s); } },
    outcome: (s, b, f) => { outcomes.push([s, b]); view.again = f; }, wrongRoom: (s) => { view.wrong = s; },
    openPanel: () => view.open || "", panel: (n) => { view.open = n; }, onpanel: null,
  };
  for (const name of ["banner", "notice", "unnotice", "avatar", "picture", "level", "pressed", "unread", "format"]) { view[name] = (...a) => { shown[name] = a; }; }
  shown = {};
  page.own = own = {
    stream: null, want: null, muted: false, darkened: false, asking: false, has: { audio: true, video: true }, log: [],
    open: (want) => { own.want = want; own.stream = stream("audio", "video"); own.log.push("open"); if (page.inroom.own.stream && page.room.now) { page.inroom.own.stream(own.stream); } },
    close: () => { own.stream = own.want = null; own.muted = own.darkened = false; own.log.push("close"); },
    media: () => (own.stream ? { audio: own.want.audio && own.has.audio, video: own.want.video && own.has.video } : { audio: false, video: false }),
    mute: (yes) => { own.muted = yes; }, dark: (yes) => { own.darkened = yes; own.log.push("dark " + yes); }, mirror: () => true, list: () => {},
  };
  page.ring = { unlock: () => {}, title: () => {} };
  page.grid = { begin: () => { tiles = {}; }, end: () => {}, add: (k, e) => { tiles[k] = e; }, remove: (k) => { delete tiles[k]; }, large: (k) => { page.grid.now = k; } };
  page.tile = (o) => {
    const t = { key: o.key, options: o, screen: !!o.screen, element: new Element("li"), file: new Element("video"), direct: new Element("video"), still: new Element("img"), more: new Element("button") };
    t.show = (now) => { t.now = now; };
    t.speaks = () => {};
    t.large = (yes) => { t.isLarge = yes; };
    t.volume = (v) => { t.loud = v; };
    t.end = () => { t.over = true; };
    t.video = () => t.file;
    tiles[o.key] = t;
    return t;
  };
  page.grid.add = () => {};
  page.lend = { hide: () => {}, busy: () => false };
  page.incall = { buttons: () => {}, half: (e) => (/^(image|multipart)/.test(e.mime) ? "picture" : "media") };
  page.invite = { show: () => {} };
  page.calls = calls = { phone: null, me: "", link: "", talk: null, on: {}, answer: (k) => said.push(["answered", k.call, page.room.now]) };
  page.online = { go: (name) => { calls.me = name; calls.phone = phone; said.push(["go", name]); }, close: () => { calls.phone = null; calls.link = calls.me = ""; said.push(["closed"]); } };
  page.awake = (yes) => { page.isAwake = yes; };
  page.canFill = () => true;
  page.full = () => false;
  screens = [];
  window.navigator.mediaDevices = { getUserMedia: () => {}, getDisplayMedia: () => ({ then: (done, fail) => screens.push([done, fail]) }) };
  window.everfile.duck = (o) => ({ stop: () => { o.element.volume = 1; }, stream: () => {}, set: () => {}, options: o });
  window.everfile.duck.settable = (e, done) => done(true);
}

const hear = (type, e) => page.told.hear(type, e);
const both = { audio: true, video: true };

// at opens the page at the door of a room.
function at(hash) {
  dom();
  kept = {};
  clock = 1000;
  window.location.hash = hash;
  window.MediaStream = MediaStream;
  scripts2();
  page.chat.onsend = page.inroom.send;
  page.room.begin(null);
}

function linked() {
  calls.link = "open";
  if (!page.told.welcome({ caller: calls.me, resumed: false })) { return; }
  hear("state", { state: "idle" });
}

// enter goes in, as alice.
function enter(...others) {
  at("#standup");
  page.room.join("alice");
  linked();
  hear("state", { state: "joining", call: "standup", room: true });
  start(...others);
}

function start(...others) {
  hear("state", { state: "talking", call: "standup", room: true });
  others.forEach((who) => peer(who));
  advance(10);
}

function peer(who, more) { hear("peer", Object.assign({ caller: who, media: both, away: false, plays: 1 }, more)); }

const states = () => to("send").filter((s) => s[0].kind === "state").map((s) => [s[1] || "all", s[0].ask, s[0].muted]);
`

const roomPageTests = `
test("from the door in: the name, online, join, and what is said there", () => {
  at("#standup");
  assert.equal(state, "lobby");
  assert.deepEqual(own.log, ["open"]);
  assert.deepEqual(said.filter((s) => s[0] !== "source"), [], "nobody is told of who stands at the door");
  page.room.join("alice");
  page.room.join("alice");
  assert.deepEqual(to("go"), [["alice"]]);
  linked();
  assert.deepEqual(to("join"), [["standup", both]]);
  page.room.join("alice");
  hear("state", { state: "idle" });
  advance(100);
  assert.equal(to("join").length, 1, "once");
  assert.equal(state, "lobby", "until the server lets us in");
  start("ben", "anna");
  assert.equal(state, "room");
  assert.deepEqual(spoken().slice(-1), ["You are in standup with ben and anna."]);
  assert.deepEqual(states(), [["all", true, false]]);
  assert.equal(JSON.parse(kept["everfile.room"]).name, "standup");
  assert.equal(page.isAwake, true, "the screen stays on");
  page.room.leave();
  assert.equal(page.isAwake, false);
});

test("who comes and goes is said once, and told what the files do not say", () => {
  enter("ben");
  spoken();
  said = [];
  peer("anna");
  peer("anna", { plays: 2 });
  assert.deepEqual(spoken(), ["anna has come."]);
  assert.deepEqual(states(), [["anna", false, false]]);
  peer("anna", { away: true });
  assert.equal(tiles.anna.now.words, "Connection lost");
  own.muted = true;
  peer("anna");
  assert.deepEqual(states()[1], ["anna", true, true], "who was away has heard nothing");
  hear("message", { from: "ben", data: { kind: "state", muted: true, camera: false, ask: true } });
  assert.deepEqual(states()[2], ["ben", false, true]);
  assert.deepEqual([tiles.ben.now.muted, tiles.ben.now.words], [true, "Camera off"]);
  hear("left", { caller: "ben" });
  hear("left", { caller: "ben" });
  assert.deepEqual(spoken(), ["ben has left."]);
  assert.deepEqual(page.people.names(), ["anna"]);
  assert.equal(made["room-count"].textContent, "2 here");
});

test("a full room, and a name that is taken: back at the door", () => {
  at("#standup");
  page.room.join("alice");
  linked();
  hear("error", { re: "join", code: "too-many", text: "100 are in standup already." });
  assert.equal(page.told.hear("state", { state: "idle" }), false);
  assert.deepEqual([state, made["lobby-wrong"].textContent, made["lobby-wrong"].hidden, made["lobby-join"].disabled], ["lobby", "100 are in standup already.", false, false]);
  page.room.join("alice");
  assert.equal(to("join").length, 2);
  at("#standup");
  page.room.join("alice");
  hear("taken", { suggest: "alice-2", text: "" });
  assert.equal(made["lobby-help"].textContent, "alice is taken by somebody else. How about alice-2?");
  assert.equal(made["lobby-name"].value, "alice-2");
  assert.equal(focused, made["lobby-name"]);
  assert.equal(to("closed").length, 1);
  page.room.join("alice-2");
  linked();
  assert.equal(to("join").length, 1);
});

test("leaving leaves nothing, and Join again is as it was", () => {
  enter("ben");
  const ben = tiles.ben;
  own.muted = true;
  page.room.leave();
  assert.equal(to("leave").length, 1);
  assert.deepEqual([state, window.location.hash, own.stream, page.room.now, kept["everfile.room"]], ["idle", "", null, null, undefined]);
  assert.deepEqual(outcomes.slice(-1), [["You left standup.", "Join again"]]);
  assert.equal(ben.over, true);
  assert.deepEqual(to("source").slice(-1), [[null]]);
  assert.equal(timers.length, 0);
  said = [];
  view.again();
  assert.deepEqual([own.muted, window.location.hash, to("join").length, to("go").length], [true, "#standup", 1, 0]);
});

test("a camera that was switched off stays off: joined again, at the door once more, in a call", () => {
  const dark = () => { enter("ben"); own.muted = own.darkened = true; said = []; };
  const is = () => [own.muted, own.darkened];
  dark();
  page.room.leave();
  view.again();
  assert.deepEqual([is(), to("join").length], [[true, true], 1]);
  dark();
  window.location.hash = "";
  page.room.moved();
  view.again();
  assert.deepEqual(is(), [true, true]);
  dark();
  hear("taken", { suggest: "", text: "" });
  assert.deepEqual([state, is()], ["lobby", [true, true]]);
  buttons();
  made["lobby-camera"].attributes["aria-pressed"] = "false";
  made["lobby-camera"].click();
  assert.deepEqual(is(), [true, false], "the button at the door lights it");
  enter("ben");
  page.room.leave();
  own.log = [];
  view.again();
  assert.deepEqual(own.log, ["open"], "nobody's camera is opened by what was not off");
  for (const [off, want] of [[true, { audio: true, video: false }], [false, both]]) {
    enter("ben");
    page.scene = { ringing: () => {}, accepted: () => {} };
    own.muted = own.darkened = off;
    hear("knock", { call: "call-1", from: "zoe", media: both });
    realCalls();
    page.calls.phone = phone;
    page.inroom.answer();
    assert.deepEqual([to("answer"), own.want, own.muted], [[["call-1", want]], want, off]);
  }
});

test("a call that is called again has no camera that was switched off, and is muted if it was", () => {
  for (const [dark, quiet] of [[true, true], [false, false]]) {
    enter();
    page.room.leave();
    said = [];
    page.scene = { calling() {} };
    page.ring = { stop() {}, unlock() {}, title() {} };
    page.incall = { end() {} };
    page.lend = { end() {} };
    page.online = { anew() {} };
    page.view.picture = () => {};
    realCalls();
    page.calls.phone = phone;
    page.calls.link = "open";
    phone.call = (...a) => said.push(["call", ...a]);
    page.calls.call("bob", true);
    own.darkened = dark;
    own.muted = quiet;
    page.calls.finish("", "");
    own.darkened = own.muted = false;
    page.calls.again();
    assert.deepEqual([to("call").map((c) => c[1].video), own.muted], [[true, !dark], quiet]);
    page.calls.finish("", "");
  }
});

test("the address leads elsewhere", () => {
  enter();
  window.location.hash = "#other";
  page.room.moved();
  assert.equal(to("leave").length, 1);
  assert.deepEqual([state, page.room.now.room, page.room.now.state], ["lobby", "other", "lobby"]);
  window.location.hash = "#no such";
  page.room.moved();
  assert.match(view.wrong, /letters, digits/);
  assert.deepEqual([state, page.room.now, own.stream], ["idle", null, null]);
  enter();
  window.location.hash = "";
  page.room.moved();
  assert.deepEqual(outcomes.slice(-1), [["You left standup.", "Join again"]]);
  at("#standup");
  calls.talk = { peer: "bob" };
  page.room.yield();
  assert.equal(page.room.now, null);
  window.location.hash = "#other";
  page.room.moved();
  assert.match(shown.notice[0], /^Hang up first/);
  assert.equal(page.room.now, null);
});

test("loaded again in the room: there again, muted if it was; or joined anew", () => {
  for (const known of [true, false]) {
    enter("ben");
    own.muted = true;
    page.room.keep();
    const was = Object.assign({}, kept);
    dom();
    kept = was;
    scripts2();
    page.chat.onsend = page.inroom.send;
    page.room.begin({ caller: "alice", resume: "secret" });
    assert.equal(state, "room");
    assert.equal(own.muted, true);
    page.online.go("alice");
    calls.link = "open";
    page.told.welcome({ caller: "alice", resumed: known });
    advance(10);
    if (!known) {
      assert.deepEqual(to("join"), [["standup", both]]);
    } else {
      assert.equal(to("join").length, 0, "the server says where we are");
      start("ben");
    }
    if (known) {
      assert.deepEqual(spoken(), [], "nobody has come");
      assert.deepEqual(to("media"), [[both]]);
      assert.deepEqual(states(), [["all", true, true]]);
    }
  }
  // The server knows the caller, and of no room.
  page.told.hear("error", { re: "join", text: "Full." });
  assert.deepEqual(outcomes.slice(-1), [["Full.", "Join again"]]);
});

test("what one sends changes: told once, and not while the browser asks", () => {
  enter("ben");
  own.has.video = false;
  own.asking = true;
  page.inroom.settle();
  assert.deepEqual(to("media"), []);
  own.asking = false;
  page.inroom.settle();
  page.inroom.settle();
  assert.deepEqual(to("media"), [[{ audio: true, video: false }]]);
});

test("who listens and is not in the room", () => {
  enter("ben", "anna");
  hear("listeners", { url: "/standup/alice.webm", n: 2 });
  advance(3000);
  assert.equal(page.people.me.now.note, "");
  hear("listeners", { url: "/standup/alice.webm", n: 4 });
  advance(1000);
  assert.equal(page.people.me.now.note, "", "who opens a file anew counts twice for a moment");
  advance(3000);
  assert.equal(page.people.me.now.note, "2 listen to your file");
  hear("way", { caller: "ben", state: "direct", text: "", theirs: true });
  hear("listeners", { url: "/standup/alice.webm", n: 2 });
  advance(3000);
  assert.equal(page.people.me.now.note, "1 listens to your file");
  hear("listeners", { url: "/standup/alice.webm", n: 1 });
  advance(3000);
  assert.equal(page.people.me.now.note, "");
});

test("who listens is told, whatever else happens meanwhile", () => {
  enter("ben");
  for (const n of [3, 4]) {
    for (let i = 0; i < 3; i++) {
      hear("listeners", { url: "/standup/alice.webm", n });
      advance(900);
    }
    assert.equal(page.people.me.now.note, n - 1 + " listen to your file");
  }
  hear("listeners", { url: "/standup/alice.webm", n: 9 });
  advance(1000);
  hear("listeners", { url: "/standup/alice.webm", n: 4 });
  advance(3000);
  assert.equal(page.people.me.now.note, "3 listen to your file", "what was so for a moment is not");
  hear("listeners", { url: "/standup/alice.webm", n: 9 });
  page.room.leave();
  view.again();
  start("ben");
  hear("listeners", { url: "/standup/alice.webm", n: 9 });
  advance(3000);
  assert.equal(page.people.me.now.note, "8 listen to your file");
});

test("crowded: said once, and not again once it was dismissed", () => {
  enter("ben", "anna");
  spoken();
  const e = { yes: true, text: "By HTTPS there is no such limit.", names: ["anna"] };
  hear("crowded", e);
  hear("crowded", e);
  assert.deepEqual([spoken(), made.crowded.hidden], [["By HTTPS there is no such limit."], false]);
  hear("play", { caller: "anna", state: "mixed", mime: "video/webm", url: "/a" });
  assert.equal(page.people.element("anna", "image/jpeg", false), tiles.anna.still);
  tiles.anna.still.naturalWidth = 64;
  hear("play", { caller: "anna", state: "playing", still: true, mime: "image/jpeg", url: "/a.jpg" });
  assert.deepEqual([tiles.anna.now.shows, tiles.anna.now.words], ["still", ""]);
  page.inroom.dismiss();
  hear("crowded", { yes: false, text: "", names: [] });
  hear("crowded", e);
  assert.deepEqual([spoken(), made.crowded.hidden, JSON.parse(kept["everfile.room"]).dismissed], [[], true, true]);
});

test("somebody calls", () => {
  enter("ben");
  hear("knock", { call: "call-1", from: "zoe", media: both });
  assert.equal(made["knock-text"].textContent, "zoe calls you, with camera.");
  page.inroom.refuse();
  assert.deepEqual([to("reject"), made.knock.hidden], [[["call-1"]], true]);
  hear("knock", { call: "call-2", from: "zoe", media: both });
  hear("unknock", { call: "call-2" });
  page.inroom.answer();
  assert.deepEqual([to("answered"), made.knock.hidden], [[], true]);
  hear("knock", { call: "call-3", from: "zoe", media: both });
  page.inroom.answer();
  assert.deepEqual(to("answered"), [["call-3", null]], "when nothing is left of the room");
  assert.deepEqual([to("leave").length, own.stream, window.location.hash], [0, null, ""]);
});

test("a screen: begun, ended by the browser, by the room's end, too late, refused", () => {
  enter("ben");
  const share = page.share, screen = () => stream("video");
  let one = screen();
  share.toggle();
  share.toggle();
  assert.equal(screens.length, 1, "asked once");
  screens[0][0](one);
  assert.deepEqual([to("share"), share.on, made.sharing.hidden], [[[one]], true, false]);
  one.tracks[0].end();
  assert.deepEqual([to("share")[1], share.on, made.sharing.hidden], [[null], false, true]);
  share.toggle();
  screens[1][1]({ name: "NotAllowedError" });
  assert.ok(!shown.notice || !/cannot be shared/.test(shown.notice[0]));
  share.toggle();
  screens[2][1]({ name: "NotReadableError", message: "no" });
  assert.match(shown.notice[0], /cannot be shared \(no\)\.$/);
  share.toggle();
  screens[3][0](one = screen());
  page.room.leave();
  assert.equal(one.tracks[0].readyState, "ended");
  enter("ben");
  page.share.toggle();
  page.room.leave();
  screens[0][0](one = screen());
  assert.equal(one.tracks[0].readyState, "ended", "nobody wants it any more");
});

test("in a call of two the other's screen is in front for as long as it is shared", () => {
  at("");
  const is = (s) => { page.share.theirs({ caller: "bob", state: s }); return made.stage.className; };
  assert.deepEqual(["connecting", "playing", "buffering", "stopped", "connecting", "playing"].map(is),
    ["stage", "stage screened", "stage screened", "stage", "stage", "stage screened"]);
  page.share.end();
  assert.equal(made.stage.className, "stage");
});

test("tiles: where things play, which one is large, how loud", () => {
  enter("ben", "anna");
  const people = page.people;
  assert.equal(people.element("ben", "video/webm;codecs=vp8,opus", false), tiles.ben.file);
  assert.equal(people.element("ben", "multipart/x-mixed-replace", false), tiles.ben.still);
  assert.equal(people.direct("ben"), tiles.ben.direct);
  assert.equal(people.element("nobody", "video/webm", false), null);
  peer("ben", { media: { audio: true, video: true, screen: { audio: false, video: true } } });
  assert.equal(page.grid.now, "ben/screen", "a screen is large as it comes");
  assert.equal(people.element("ben", "video/webm;codecs=vp8", true), tiles["ben/screen"].file);
  people.large("anna");
  assert.deepEqual([page.grid.now, tiles.anna.isLarge, tiles["ben/screen"].isLarge], ["anna", true, false]);
  peer("ben", { media: { audio: true, video: true, screen: { audio: false, video: true } }, plays: 2 });
  assert.equal(page.grid.now, "anna", "and not again");
  people.large("ben/screen");
  peer("ben");
  assert.deepEqual([page.grid.now, people.names()], ["", ["ben", "anna"]]);
  people.hush("ben");
  assert.equal(tiles.ben.loud, 0);
  people.loudness.volume = 0.1;
  assert.deepEqual([tiles.ben.loud, tiles.anna.loud, made.mix.volume], [0, 0.1, 0.1]);
  people.hush("ben");
  assert.equal(tiles.ben.loud, 0.1);
  people.loudness.volume = 1;
});

test("the whole screen is for the video that is seen", () => {
  enter("ben");
  buttons();
  const filled = [], asked = [], ben = tiles.ben;
  page.fill = (e, video) => filled.push([e, video]);
  page.canFill = (e, video) => { asked.push(video); return true; };
  const f = (key) => window.document.handlers.filter((h) => h[0] === "keydown").forEach((h) => h[1]({ key: "f", target: { closest: () => Object.assign(new Element("li"), { attributes: { "data-tile": key } }) } }));
  for (const [now, video] of [[ben.direct, ben.direct], [ben.file, ben.file], [null, ben.file]]) {
    ben.video = () => now;
    page.person.open({ caller: "ben", volume: 1, way: {}, at: null }, ben);
    assert.ok(asked.pop() === video);
    page.person.full();
    f("ben");
    assert.ok(filled.length === 2 && filled.every((one) => one[0] === ben.element && one[1] === video));
    filled.length = 0;
    page.person.gone(ben);
  }
  f("/me");
  assert.ok(filled[0][1] === tiles["/me"].file);
  f("gone");
  assert.equal(filled.length, 1);
});

test("M on a tile: also on that of a screen; not where there is no volume to set", () => {
  enter("ben", "anna");
  const people = page.people;
  peer("ben", { media: { audio: true, video: true, screen: { audio: true, video: true } } });
  buttons();
  const press = (key, on) => {
    const target = { closest: () => ({ getAttribute: () => on, querySelector: () => "first" }) };
    window.document.handlers.filter((h) => h[0] === "keydown").forEach((h) => h[1]({ key, target }));
  };
  press("m", "ben/screen");
  assert.deepEqual([tiles.ben.loud, tiles["ben/screen"].loud, tiles.anna.loud], [0, 0, 1]);
  press("M", "ben");
  assert.deepEqual([tiles.ben.loud, tiles["ben/screen"].loud], [1, 1]);
  hear("crowded", { yes: true, text: "", names: ["anna"] });
  press("m", "anna");
  assert.equal(tiles.anna.loud, 1, "heard in the mix");
  page.person.settable = false;
  press("m", "ben");
  assert.equal(tiles.ben.loud, 1);
});

test("what a tile says", () => {
  enter("ben");
  const play = (s, more) => hear("play", Object.assign({ caller: "ben", state: s, text: "No.", mime: "video/webm", url: "/b" }, more)), now = () => [tiles.ben.now.shows, tiles.ben.now.words];
  assert.deepEqual(now(), ["", "Connecting"]);
  play("playing");
  assert.deepEqual(now(), ["", ""]);
  tiles.ben.file.videoWidth = 640;
  play("playing");
  assert.deepEqual(now(), ["file", ""]);
  play("buffering");
  assert.deepEqual(now(), ["file", "Waiting for more"]);
  play("tap");
  assert.equal(made.tap.hidden, false);
  play("unsupported");
  assert.deepEqual([now(), made.tap.hidden], [["", "No."], true]);
  tiles.ben.direct.videoWidth = 640;
  play("direct");
  hear("way", { caller: "ben", state: "direct", text: "", theirs: false });
  assert.deepEqual(now(), ["direct", ""]);
  peer("ben", { media: { audio: true, video: false } });
  assert.deepEqual(now(), ["", ""]);
  peer("ben", { media: { audio: false, video: false } });
  assert.deepEqual([now(), tiles.ben.now.muted], [["", "Neither camera nor microphone"], true]);
});

test("back from direct to the file: the last picture stays until the file plays, or for a moment", () => {
  for (const plays of [true, false]) {
    enter("ben");
    const play = (s) => hear("play", { caller: "ben", state: s, text: "", mime: "video/webm", url: "/b" });
    const way = (s) => hear("way", { caller: "ben", state: s, text: s, theirs: true }), direct = tiles.ben.direct;
    direct.videoWidth = 640;
    direct.className = "on";
    play("direct");
    way("direct");
    way("file");
    assert.deepEqual([tiles.ben.now.shows, tiles.ben.now.words], ["direct", ""]);
    play("connecting");
    assert.equal(tiles.ben.now.shows, "direct");
    advance(3000);
    direct.className = "";
    if (plays) {
      tiles.ben.file.videoWidth = 640;
      play("playing");
      assert.equal(tiles.ben.now.shows, "file");
    } else {
      advance(1000);
      assert.deepEqual([tiles.ben.now.shows, tiles.ben.now.words], ["", "Connecting"], "and no longer");
    }
    way("direct");
    direct.className = "on";
    way("file");
    page.room.leave();
    assert.equal(timers.length, 0);
  }
});

test("text in a room: one is asked whether it has come, and it waits for somebody", () => {
  enter();
  made["chat-text"].value = "Hello";
  made["chat-form"].handlers.forEach((h) => h[1]({ preventDefault: () => {} }));
  assert.deepEqual(to("send").filter((s) => s[0].kind === "chat"), [], "nobody is here");
  peer("ben");
  peer("anna");
  advance(10);
  const chats = to("send").filter((s) => s[0].kind === "chat");
  assert.deepEqual([chats[0][0].text, chats[0][0].ask, chats[0][1]], ["Hello", "ben", undefined]);
  said = [];
  hear("message", { from: "anna", data: { kind: "chat", id: "1", text: "Hi", ask: "ben" } });
  hear("message", { from: "ben", data: { kind: "chat", id: "1", text: "Hi", ask: "alice" } });
  advance(1000);
  hear("message", { from: "ben", data: { kind: "chat", id: "1", text: "Hi", ask: "alice" } });
  assert.deepEqual(to("send"), [[{ kind: "got", id: "1" }, "ben"], [{ kind: "got", id: "1" }, "ben"]]);
  assert.equal(made.messages.textContent.split("Hi").length - 1, 2, "each is shown once, from each");
});

test("whoever asks again and again is answered once a second, all of it at once", () => {
  enter("ben", "__proto__");
  said = [];
  const chat = (from, id, more) => hear("message", { from, data: Object.assign({ kind: "chat", id, text: "Hi" }, more) });
  const ask = (from) => hear("message", { from, data: { kind: "state", muted: false, camera: true, ask: true } });
  for (let i = 0; i < 50; i++) { ask("ben"); }
  ask("__proto__");
  assert.deepEqual(states(), [["ben", false, false], ["__proto__", false, false]]);
  own.muted = true;
  advance(999);
  ask("ben");
  assert.equal(states().length, 2);
  advance(1);
  assert.deepEqual(states().slice(2), [["ben", false, true]], "as it is by then");
  said = [];
  for (let i = 0; i < 200; i++) { chat("ben", "m" + i); }
  chat("ben", "m1");
  chat("__proto__", "m0");
  assert.deepEqual(to("send"), [[{ kind: "got", id: "m0" }, "ben"], [{ kind: "got", id: "m0" }, "__proto__"]]);
  advance(1000);
  const all = to("send").slice(2);
  assert.deepEqual([all.length, all[0][0].ids.length, all[0][0].ids.slice(0, 2), all[0][1]], [1, 100, ["m1", "m2"], "ben"]);
  advance(1000);
  assert.equal(to("send").length, 3, "and no more");
  ask("ben");
  chat("ben", "late");
  page.room.leave();
  assert.equal(timers.length, 0);
});

test("several messages that have come by one answer", () => {
  enter("ben");
  const say = (words) => { made["chat-text"].value = words; made["chat-form"].handlers.forEach((h) => h[1]({ preventDefault: () => {} })); };
  let n = 0;
  window.everfile.random = () => "id-" + n++;
  ["One", "Two", "Three"].forEach(say);
  const ids = to("send").filter((s) => s[0].kind === "chat").map((s) => s[0].id);
  hear("message", { from: "ben", data: { kind: "got", id: ids[0], ids: [ids[0], ids[2], null] } });
  advance(5000);
  assert.equal(made.messages.textContent.split("Not delivered yet.").length - 1, 1);
  said = [];
  page.chat.again();
  assert.deepEqual(to("send").map((s) => s[0].text), ["Two"]);
});

test("many messages: the newest are shown, and kept as there is room, once a second", () => {
  enter("ben");
  const chat = (id, text) => hear("message", { from: "ben", data: { kind: "chat", id, text } });
  const was = () => JSON.parse(kept["everfile.chat"]), list = () => made.messages.childNodes;
  const puts = [], set = window.sessionStorage.setItem;
  window.sessionStorage.setItem = (k, v) => { if (k === "everfile.chat") { puts.push(v.length); } set(k, v); };
  try {
    for (let i = 0; i < 600; i++) { chat("m" + i, "Text " + i); }
    assert.equal(puts.length, 0, "not within the second in which it began");
    assert.deepEqual([list().length, list()[0].childNodes.map((e) => e.className), list()[1].childNodes.map((e) => e.className)], [500, ["from", "said"], ["said"]]);
    assert.match(list()[0].textContent, /^ben, \d+:\d\dText 100$/);
    advance(1000);
    assert.deepEqual([puts.length, was().list.length, was().list[0].text], [1, 500, "Text 100"]);
    for (let i = 0; i < 300; i++) { chat("n" + i, "\n".repeat(9000)); }
    chat("last", "Last");
    window.fire("pagehide");
    assert.equal(puts.length, 2, "the page goes: what is new is kept");
    assert.ok(puts[1] < 101000 && puts[1] > 80000, "kept: " + puts[1]);
    assert.deepEqual([was().list.map((m) => m.id), was().call], [["n295", "n296", "n297", "n298", "n299", "last"].slice(-was().list.length), "standup"]);
    const had = kept;
    at("#standup");
    kept = had;
    page.chat.begin("standup", "", "alice");
    assert.equal(list().length, was().list.length, "there again");
    for (let i = 0; i < 500; i++) { chat("o" + i, "Text"); page.chat.got({ kind: "chat", id: "p" + i, text: "Text" }, "ben"); }
    assert.equal(list().length, 500);
  } finally { window.sessionStorage.setItem = set; }
});

test("somebody by the name of __proto__", () => {
  enter("__proto__", "constructor");
  assert.deepEqual(page.people.names(), ["__proto__", "constructor"]);
  hear("left", { caller: "__proto__" });
  assert.deepEqual(page.people.names(), ["constructor"]);
});
`
