package static

import "testing"

// The files of a call: what is published and played is what the server last said,
// and as much of it as the connection bears.
func TestFiles(t *testing.T) { phoning(t, filesTest) }

const filesTest = `
const WAV = "/c/alice.wav?key=k", JPEGS = "/c/alice.mjpeg?key=k", MIXED = "multipart/x-mixed-replace";

test("the publisher gets what start says", () => {
  talk();
  const o = publishers[0].options;
  assert.deepEqual([o.url, o.mimeType, o.only, o.timeslice, o.keyframeEvery, o.videoBitsPerSecond, o.audioBitsPerSecond], [OWN, VP8, true, 50, 1000, 800000, 0]);
  assert.equal(of("send")[0].url, "/c/alice.webm", "the key is nobody's business");
  phone.hangup();
  start({ call: "d", publish: [Object.assign(publish(OPUS), { bitsPerSecond: 48000 })] });
  assert.deepEqual([publishers[1].options.videoBitsPerSecond, publishers[1].options.audioBitsPerSecond], [0, 48000]);
});

test("files are let go of while something else is played, and keep their address", () => {
  const made = window.everfile.files;
  let files;
  window.everfile.files = (o) => (files = made(o));
  talk();
  window.everfile.files = made;
  files.hold(true, "carol");
  assert.deepEqual(running(), [1, 1]);
  files.hold(true, "bob");
  files.hold(true, "bob");
  assert.deepEqual(running(), [1, 0]);
  assert.deepEqual([of("play").pop().state, of("play").pop().url], ["direct", OTHER]);
  start();
  assert.deepEqual(running(), [1, 0], "whatever the server says again");
  start({ play: [play(OPUS)] });
  assert.equal(of("play").pop().mime, OPUS);
  files.hold(false, "bob");
  assert.deepEqual(running(), [1, 1]);
  assert.equal(watchers[1].options.element, "bob " + OPUS, "and what is opened is what it says now");
  files.hold(true);
  phone.hangup();
  start({ call: "d" });
  assert.deepEqual(running(), [1, 1], "the next call begins with its files");
});

test("one's own files rest, each by itself", () => {
  const made = window.everfile.files;
  let files;
  window.everfile.files = (o) => (files = made(o));
  begin();
  window.everfile.files = made;
  link();
  phone.source(stream("audio", "video"));
  start({ publish: [publish("audio/wav", WAV), publish("image/jpeg", JPEGS)] });
  files.rest((path) => path === "/c/alice.wav");
  assert.deepEqual(publishers.map((p) => p.rests), [true, false]);
});

test("start before source", () => {
  begin();
  link();
  start();
  assert.deepEqual(running(), [0, 1]);
  const s = stream("audio");
  phone.source(s);
  assert.deepEqual(running(), [1, 1]);
  assert.equal(publishers[0].options.stream, s);
});

test("nothing to send", () => {
  begin();
  link();
  phone.source(null);
  start();
  assert.deepEqual(running(), [0, 1]);
  phone.source(stream());
  phone.source(stream("video"));
  start({ publish: [publish("audio/wav", "/c/alice.wav?key=k")] });
  assert.equal(publishers.filter((p) => p.options.mimeType === "audio/wav").length, 0, "a picture is no sound");
  const s = stream("audio");
  s.tracks[0].readyState = "ended";
  phone.source(s);
  assert.deepEqual(running(), [0, 1], "what has ended is nothing");
});

test("the same start again touches nothing", () => {
  talk();
  const n = events.length;
  start();
  start({ publish: [Object.assign(publish(), { why: "Still." })] });
  assert.equal(publishers.length + watchers.length, 2);
  assert.deepEqual(publishers[0].runs, [VP8]);
  assert.equal(events.length, n);
});

test("another format at the same place is another run", () => {
  talk();
  start({ publish: [publish("video/webm;codecs=vp9,opus")] });
  assert.equal(publishers.length, 1);
  assert.deepEqual(publishers[0].runs, [VP8, "video/webm;codecs=vp9,opus"]);
});

test("another place is another file", () => {
  talk();
  start({ publish: [publish("audio/wav", "/c/alice.wav?key=k")], play: [play("audio/wav", "/c/bob.wav")] });
  assert.deepEqual(publishers.map((p) => p.stopped), [true, false]);
  assert.deepEqual(watchers.map((w) => w.stopped), [true, false]);
  assert.equal(watchers[1].options.element, "bob audio/wav");
  const n = events.length;
  publishers[0].options.onstate("stopped", "", false);
  assert.equal(events.length, n, "what was given up says nothing any more");
  start({ publish: [], play: [] });
  assert.deepEqual(running(), [0, 0]);
  assert.equal(now(), "talking");
});

test("another format is played anew", () => {
  talk();
  start({ play: [play(OPUS)] });
  assert.deepEqual(watchers.map((w) => w.stopped), [true, false]);
  assert.equal(watchers[1].options.element, "bob " + OPUS);
});

test("sound and picture beside each other", () => {
  begin();
  link();
  phone.source(stream("audio", "video"));
  start({
    publish: [Object.assign(publish("audio/wav", WAV), { rate: 24000 }), publish("image/jpeg", JPEGS)],
    play: [play("audio/wav", "/c/bob.wav"), play(MIXED, "/c/bob.mjpeg")],
  });
  assert.deepEqual(publishers.map((p) => [p.options.url, p.options.mimeType]), [[WAV, "audio/wav"], [JPEGS, "image/jpeg"]]);
  assert.equal(publishers[0].options.rate, 24000);
  assert.deepEqual([publishers[0].options.audioBitsPerSecond, publishers[1].options.videoBitsPerSecond], [800000, 800000]);
  assert.deepEqual(watchers.map((w) => [w.options.element, !!w.looks, w.options.single]), [["bob audio/wav", false, false], ["bob " + MIXED, true, false]]);
  phone.source(stream("audio"));
  assert.deepEqual(publishers.map((p) => p.stopped), [false, true], "a microphone has no pictures");
  phone.source(stream("video"));
  assert.deepEqual(publishers.map((p) => p.stopped), [true, true, false]);
  watchers[1].options.onstate("unsupported", "Not here.");
  assert.deepEqual(sent("failed"), [{ type: "failed", call: "c", url: "/c/bob.mjpeg", mime: MIXED, why: "Not here." }]);
  start({ publish: [], play: [play("audio/wav", "/c/bob.wav"), play("image/jpeg", "/c/bob.jpg")] });
  assert.deepEqual(watchers.map((w) => w.stopped), [false, true, false]);
  assert.equal(watchers[2].options.single, true);
});

test("a file that was recorded before", () => {
  begin();
  link();
  start({ publish: [], play: [] });
  const voice = { blob: { size: 1 }, mime: "audio/mpeg" };
  phone.source(voice);
  start({ publish: [publish("audio/wav", WAV)], play: [] });
  assert.equal(publishers.length, 0, "it is no WAV");
  start({ publish: [publish("audio/mpeg", "/c/alice.mp3?key=k")], play: [] });
  assert.deepEqual([publishers.length, publishers[0].uploads, publishers[0].options.stream], [1, true, voice]);
  phone.source({ blob: { size: 2 }, mime: "audio/mpeg" });
  assert.deepEqual(publishers.map((p) => p.stopped), [true, false], "another one is another file");
  phone.source(null);
  assert.deepEqual(running(), [0, 0]);
});

test("another source during the call", () => {
  talk();
  const s = stream("audio", "video");
  phone.source(s);
  assert.deepEqual(publishers[0].streams.slice(1), [s]);
  phone.source(s);
  assert.equal(publishers[0].runs.length, 2, "the same one is no other");
  phone.source(null);
  assert.deepEqual(running(), [0, 1]);
  phone.source(stream("audio"));
  assert.deepEqual(running(), [1, 1]);
  assert.equal(publishers.length, 2);
});

test("a format that the source has nothing for", () => {
  begin();
  link();
  phone.source(stream("video"));
  start();
  assert.deepEqual(running(), [1, 1]);
  start({ publish: [publish(OPUS)] });
  assert.deepEqual(running(), [0, 1]);
  start();
  assert.deepEqual(running(), [1, 1]);
});

test("a new source after the publisher has ended", () => {
  for (const word of ["stopping", "stopped", "failed", "refused", "replaced"]) {
    talk();
    publishers[0].options.onstate(word, "", false);
    start({ play: [] });
    assert.equal(publishers.length, 1, word + " is not tried again by itself");
    const s = stream("audio", "video");
    phone.source(s);
    assert.equal(publishers.length, 2, word);
    assert.equal(publishers[1].options.stream, s);
  }
});

test("ended while the devices are opened", () => {
  begin();
  link();
  start();
  hear({ type: "ended", call: "c", reason: "hangup", by: "bob", text: "" });
  phone.source(stream("audio", "video"));
  assert.equal(publishers.length, 0);
  assert.deepEqual(running(), [0, 0]);
});

test("a format that cannot be recorded", () => {
  talk();
  publishers[0].options.onstate("failed", "This browser cannot record \u201evp8\u201c.", true);
  assert.deepEqual(sent("failed"), [{ type: "failed", call: "c", url: OWN, mime: VP8, why: "This browser cannot record ?vp8?." }]);
  start();
  assert.equal(sent("failed").length, 1, "it is said once");
  assert.equal(publishers.length, 1, "and not tried again");
  start({ publish: [publish("video/webm;codecs=vp9,opus")] });
  assert.equal(publishers.length, 2);
  publishers[1].options.onstate("refused", "x".repeat(300), true);
  assert.equal(sent("failed")[1].why.length, 200);
});

test("a failure that is no format's", () => {
  talk();
  publishers[0].options.onstate("failed", "", false);
  publishers[0].options.onstate("lost", "", false);
  assert.equal(sent("failed").length, 0);
});

test("a format that cannot be played", () => {
  talk();
  watchers[0].options.onstate("unsupported", "Not here.");
  assert.deepEqual(sent("failed"), [{ type: "failed", call: "c", url: OTHER, mime: VP8, why: "Not here." }]);
  start();
  assert.equal(sent("failed").length, 1);
});

test("a failure without a connection is said later", () => {
  talk();
  lose();
  watchers[0].options.onstate("unsupported", "Not here.");
  assert.equal(sent("failed").length, 0);
  link(true);
  start();
  assert.equal(sent("failed").length, 1);
  start({ publish: [] });
  assert.equal(sent("failed").length, 1);
});

// slow has the first publisher's link be so slow, for so many steps.
function slow(steps) {
  for (let i = 0; i < steps; i++) {
    for (let t = 0; t < 3250; t += 250) {
      advance(250);
      publishers[0].options.onwait(1100, false);
    }
  }
}

const calm = (ms) => { for (let t = 0; t < ms; t += 250) { advance(250); publishers[0].options.onwait(100, false); } };
const asked = () => [publishers[0].options.mimeType, publishers[0].options.videoBitsPerSecond, publishers[0].options.audioBitsPerSecond];

test("a slow link is sent less, and told so", () => {
  talk();
  assert.equal(publishers[0].options.live, true);
  slow(1);
  assert.deepEqual(asked(), [VP8, 450000, 0]);
  assert.equal(publishers[0].runs.length, 2);
  assert.deepEqual(of("slow").map((e) => [e.way, e.yes, e.picture]), [["send", true, true]]);
  slow(3);
  assert.deepEqual(asked(), [OPUS, 0, 0]);
  assert.deepEqual(of("slow").map((e) => e.picture), [true, true, true, false]);
  publishers[0].options.onstate("recording", "Recording.", false);
  assert.match(of("send").pop().why, /^It can\. Your connection is slow: only your sound/);
  start();
  assert.equal(publishers[0].runs.length, 5, "and the server's word does not undo that");
  calm(30250);
  assert.deepEqual(asked(), [VP8, 200000, 0]);
  for (let i = 0; i < 3; i++) { calm(30250); }
  assert.deepEqual(asked(), [VP8, 800000, 0]);
  assert.deepEqual(of("slow").pop().yes, false);
  publishers[0].options.onstate("recording", "Recording.", false);
  assert.equal(of("send").pop().why, "It can.");
});

test("without sound a picture is what is left", () => {
  begin();
  link();
  phone.source(stream("video"));
  start();
  slow(6);
  assert.deepEqual(asked(), [VP8, 200000, 0]);
});

test("another source at a low step", () => {
  talk();
  slow(4);
  phone.source(stream("audio", "video"));
  assert.deepEqual(asked(), [OPUS, 0, 0], "the link is the same");
  phone.source(stream("video"));
  assert.deepEqual(asked(), [VP8, 800000, 0], "there is no sound to fall back to");
  assert.equal(of("slow").pop().yes, false);
  phone.source(stream("audio"));
  slow(6);
  assert.deepEqual(asked(), [VP8, 800000, 0], "and no picture to do without");
});

test("sound alone is not adapted", () => {
  begin();
  link();
  phone.source(stream("audio"));
  start({ publish: [publish(OPUS)] });
  slow(6);
  assert.equal(publishers[0].runs.length, 1);
});

test("fewer pictures, until there is a better link, or none", () => {
  for (const how of ["better", "over"]) {
    begin();
    link();
    const s = stream("audio", "video"), set = [];
    s.tracks[1].applyConstraints = (c) => { set.push(c.frameRate ? c.frameRate.max : "as it was"); };
    phone.source(s);
    start();
    slow(3);
    assert.deepEqual(set, [15]);
    if (how === "better") { calm(30250); } else { phone.hangup(); }
    assert.deepEqual(set, [15, "as it was"], how);
  }
});

test("the other's picture is left out, and told so", () => {
  talk();
  assert.equal(watchers[0].options.thin, true);
  watchers[0].options.onthin(true);
  assert.deepEqual(of("slow"), [{ type: "slow", way: "play", yes: true, picture: false, text: "Your connection is slow: only the sound of bob is played for now.", caller: "bob" }]);
  watchers[0].options.onstate("playing", "Live.");
  assert.match(of("play").pop().why, /only the sound of bob/);
  watchers[0].options.onthin(false);
  assert.equal(of("slow").pop().picture, true);
  start({ play: [play(OPUS)] });
  assert.equal(watchers[1].options.thin, false, "sound has nothing to leave out");
  watchers[0].options.onthin(true);
  assert.equal(of("slow").length, 2);
});
`
