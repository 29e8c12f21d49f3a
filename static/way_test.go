package static

import "testing"

// What plays in a call: the file, or the direct connection while that carries all that
// the other says he sends; and which of one's own files rest meanwhile.
func TestWay(t *testing.T) {
	node(t, "", wayFakes+wayTest, "everfile.js", "way.js")
}

const wayFakes = `
let way, links, events, done, element, idle, counts;

const call = {
  hold: (yes) => done.push("hold " + yes),
  rest: (f) => { idle = f; },
};

window.everfile.direct = (o) => {
  const d = { options: o, word: "connecting", made: 1, sources: [], heard: [], nudged: 0, stopped: false };
  links.push(d);
  return Object.assign(d, {
    state: () => d.word,
    source: (s) => d.sources.push(s),
    heard: (m) => d.got.push(m),
    got: [],
    nudge: () => { d.nudged++; },
    kinds: () => ({ audio: true, video: false }),
    counts: (f) => f(counts),
    stop: () => { d.stopped = true; },
  });
};
window.everfile.direct.able = () => able;
let able;

const bob = (more) => Object.assign({ caller: "bob", media: { audio: true, video: true }, webrtc: true, polite: true, away: false }, more);

function begin(peer) {
  links = [];
  events = [];
  done = [];
  able = true;
  idle = () => false;
  counts = { audio: 0, packets: 0, video: 0 };
  window.document.hidden = false;
  element = {
    srcObject: null, muted: false, paused: true, readyState: 4, videoWidth: 640, className: "",
    play: () => { element.paused = false; return element.refuses ? { then: (ok, bad) => bad({ name: "NotAllowedError" }) } : undefined; },
  };
  way = window.everfile.way({
    call, element: (who) => (who === "bob" ? element : null),
    say: (to, data) => { done.push("say " + to); return data !== "no"; },
    on: (e) => events.push(e),
  });
  way.servers([{ urls: ["stun:x"] }]);
  way.source("the camera");
  way.set(peer || bob());
}

const link = () => links[links.length - 1];
function linked(word, why) { link().word = word; link().options.onstate(word, why || ""); }

// flow lets media come for a while.
function flow(ms, what) {
  for (let i = 0; i < ms; i += 100) {
    (what || ["audio", "video"]).forEach((k) => { counts = Object.assign({}, counts, { [k]: counts[k] + 3 }); });
    advance(100);
  }
}

const remote = { remote: true };
function up(word) {
  linked("up");
  link().options.onstream(remote);
  link().options.ontick(word || "fav");
}

const last = () => events[events.length - 1];

// direct is a call that has gone over.
function direct(peer, word) {
  begin(peer);
  up(word);
  flow(500);
  assert.equal(way.stats().state, "direct");
}
`

const wayTest = `
test("the file first, the connection when it carries sound and picture", () => {
  begin();
  assert.deepEqual([last().state, last().theirs], ["file", false]);
  assert.match(last().text, /being tried/);
  assert.deepEqual([link().options.polite, link().options.servers(), link().sources], [true, [{ urls: ["stun:x"] }], ["the camera"]]);
  way.servers([{ urls: ["stun:y"] }]);
  assert.deepEqual([links.length, link().options.servers()], [1, [{ urls: ["stun:y"] }]], "the newest, for the next attempt");
  way.servers(undefined);
  assert.deepEqual(link().options.servers(), []);
  assert.equal(link().options.word(), "fa");
  up();
  assert.deepEqual([element.srcObject, element.muted, element.className], [remote, true, ""]);
  flow(1000, ["audio"]);
  assert.equal(way.stats().state, "file", "there is no picture yet");
  assert.match(last().text, /carry everything/);
  flow(1000, ["video"]);
  assert.equal(way.stats().state, "file", "there is no sound");
  element.videoWidth = 0;
  flow(1000);
  assert.equal(way.stats().state, "file", "nothing is shown");
  element.videoWidth = 640;
  assert.deepEqual(done, []);
  flow(400);
  assert.deepEqual([way.stats().state, element.muted, element.className, done], ["direct", false, "on", ["hold true"]]);
  assert.deepEqual(last().state, "direct");
  assert.equal(link().options.word(), "da");
});

test("one packet is not enough", () => {
  begin();
  up();
  flow(100);
  advance(100);
  flow(100);
  advance(100);
  assert.equal(way.stats().state, "file");
});

test("what the other does not send is not waited for", () => {
  direct(bob({ media: { audio: true, video: false } }), "fa");
  way.end();
  direct(bob({ media: { audio: false, video: true } }), "fv");
  way.end();
  begin(bob({ media: { audio: false, video: false } }));
  up("f");
  flow(1000);
  assert.equal(way.stats().state, "file", "and nothing is nothing to go over for");
});

test("what the other sends by his file alone is played from there", () => {
  begin();
  up("fa");
  flow(1000);
  assert.equal(way.stats().state, "file");
  link().options.ontick("fv");
  flow(1000);
  assert.equal(way.stats().state, "file");
  link().options.ontick("fav");
  flow(1000);
  assert.equal(way.stats().state, "direct");
  link().options.ontick("da");
  flow(2500);
  assert.equal(way.stats().state, "file", "its camera goes another way now");
  assert.deepEqual(done, ["hold true", "hold false"]);
});

test("the other switches a camera on, which takes its time to come through", () => {
  direct(bob({ media: { audio: true, video: false } }), "fa");
  flow(20000, ["audio"]);
  way.set(bob());
  flow(1000, ["audio"]);
  link().options.ontick("dav");
  flow(500, ["audio"]);
  flow(3000);
  assert.deepEqual([way.stats().state, done], ["direct", ["hold true"]]);
});

test("back on the file when it dies, and over again, as often as that happens", () => {
  direct();
  for (let i = 0; i < 5; i++) {
    done = [];
    linked("down", "nothing came");
    assert.deepEqual([way.stats().state, element.muted, done], ["file", true, ["hold false"]]);
    assert.match(last().text, /is lost and is tried again: nothing came\.$/);
    assert.equal(element.className, "on", "the last picture stays");
    way.saw({ state: "connecting" });
    assert.equal(element.className, "on");
    way.saw({ state: "playing" });
    assert.equal(element.className, "", "until the file has one");
    flow(500);
    assert.equal(way.stats().state, "file");
    up();
    flow(500);
    assert.equal(way.stats().state, "direct");
  }
  linked("down");
  advance(3100);
  assert.equal(element.className, "", "or for three seconds");
});

test("another stream begins silent and unseen", () => {
  direct();
  const next = { remote: 2 };
  link().options.onstream(next);
  assert.deepEqual([way.stats().state, element.srcObject, element.muted, element.className], ["file", next, true, ""]);
});

test("sound that stops coming though the connection is alive", () => {
  direct();
  flow(1500, ["video"]);
  assert.equal(way.stats().state, "direct");
  flow(2000, ["video"]);
  assert.equal(way.stats().state, "file");
  flow(1000);
  assert.equal(way.stats().state, "direct");
});

test("a page that is not seen decodes no pictures", () => {
  direct();
  window.document.hidden = true;
  flow(6000, ["audio"]);
  assert.equal(way.stats().state, "direct");
  window.document.hidden = false;
  flow(6000, ["audio"]);
  assert.equal(way.stats().state, "file");
});

test("an element that was paused from outside", () => {
  direct();
  element.paused = true;
  flow(3000);
  assert.equal(way.stats().state, "file");
});

test("a browser that wants a tap", () => {
  begin();
  element.refuses = true;
  up();
  flow(1000);
  assert.equal(way.stats().state, "file");
  link().options.ontick("dav");
  assert.match(last().text, /wants a tap/);
  element.refuses = false;
  way.tap();
  flow(500);
  assert.equal(way.stats().state, "direct");
});

test("one's own file rests when nobody listens, ten seconds after the last change", () => {
  begin();
  way.demand("/c/alice.webm", false);
  advance(20000);
  assert.equal(idle("/c/alice.webm"), false, "not without a connection");
  up();
  flow(9000);
  assert.equal(idle("/c/alice.webm"), false, "it stays warm");
  flow(2000);
  assert.equal(idle("/c/alice.webm"), true);
  assert.equal(idle("/c/alice.mjpeg"), false, "another file is another one's");
  way.demand("/c/alice.webm", true);
  assert.equal(idle("/c/alice.webm"), false, "somebody listens");
  way.demand("/c/alice.webm", false);
  assert.equal(idle("/c/alice.webm"), true, "nobody does any more");
  linked("down");
  assert.equal(idle("/c/alice.webm"), false, "the other will need it");
  up();
  flow(9000);
  assert.equal(idle("/c/alice.webm"), false);
});

test("what the other plays", () => {
  direct();
  link().options.ontick("dav");
  assert.deepEqual([last().theirs, way.stats().theirs], [true, true]);
  const n = events.length;
  link().options.ontick("dav");
  assert.equal(events.length, n, "is told once");
  linked("down");
  assert.equal(last().theirs, false);
});

test("who else listens to one's own file is told to the other, and of the other's", () => {
  begin();
  way.demand("/c/alice.webm", true);   // the other, as long as he plays it
  up();
  flow(20000);
  assert.equal(link().options.word(), "da");
  link().options.ontick("dav");
  flow(9900);
  assert.equal(link().options.word(), "da", "that he has left is told after ten seconds");
  way.demand("/c/alice.webm", false);
  flow(5000);
  assert.equal(link().options.word(), "da");
  way.demand("/c/alice.webm", true);
  flow(400);
  assert.equal(link().options.word(), "da", "he may be the one, and say so with his next word");
  flow(200);
  assert.equal(link().options.word(), "dal");
  link().options.ontick("fav");
  assert.equal(link().options.word(), "da", "now he is");
  link().options.ontick("dav");
  flow(6000);
  way.demand("/c/alice.webm", true);
  flow(6000);
  assert.equal(link().options.word(), "da", "what is told again is nothing new");
  flow(200);
  assert.equal(link().options.word(), "dal", "who listened before and after is somebody else");
  assert.equal(last().listened, false);
  link().options.ontick("davl");
  assert.equal(last().listened, true);
  assert.match(last().text, /Somebody listens to the file of bob\.$/);
  assert.equal(way.stats().state, "direct", "and that is no track");
  link().options.ontick("davl");
  const n = events.length;
  link().options.ontick("dav");
  assert.deepEqual([events.length, last().listened], [n + 1, false]);
  link().options.ontick("davl");
  linked("down");
  assert.equal(last().listened, false, "without a connection nothing is known of it");
});

test("browsers that cannot", () => {
  begin(bob({ webrtc: false }));
  assert.equal(links.length, 0);
  assert.match(last().text, /The endless file is played: the other side's browser has no/);
  able = false;
  way.set(bob());
  assert.equal(links.length, 0);
  assert.match(last().text, /this browser has no/);
  assert.deepEqual([timers.length, way.stats().link], [0, ""]);
  way.heard("bob", {});
  way.nudge();
  way.tap();
  way.end();
  const n = events.length;
  way.set(bob());
  assert.equal(events.length, n + 1, "each call is told");
});

test("signals go to whom they are for", () => {
  begin();
  way.heard("carol", 1);
  way.heard("bob", 2);
  assert.deepEqual(link().got, [2]);
  assert.equal(link().options.say(3), true);
  assert.equal(link().options.say("no"), false);
  assert.deepEqual(done, ["say bob", "say bob"]);
});

test("the start again, the other away and back, other devices", () => {
  direct();
  way.set(bob());
  way.set(bob({ away: true }));
  assert.deepEqual([links.length, link().nudged, way.stats().state], [1, 0, "direct"]);
  way.set(bob());
  assert.equal(link().nudged, 1);
  way.nudge();
  assert.equal(link().nudged, 2);
  way.source("another");
  assert.deepEqual(link().sources, ["the camera", "another"]);
  way.set(bob({ webrtc: false }));
  assert.deepEqual([link().stopped, way.stats().state, element.srcObject], [true, "file", null], "another browser may have come back");
});

test("nothing is left of a call", () => {
  direct();
  way.demand("/c/alice.webm", false);
  way.end();
  assert.deepEqual([link().stopped, timers.length, element.srcObject, element.className, element.muted], [true, 0, null, "", true]);
  const n = events.length;
  way.set(bob({ caller: "bob" }));
  assert.ok(events.length > n, "the next one is told anew");
  assert.equal(links.length, 2);
  up();
  flow(12000);
  assert.equal(idle("/c/alice.webm"), false);
});
`
