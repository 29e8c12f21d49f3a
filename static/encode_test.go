package static

import "testing"

// A recorder of the browser's encoders: what it writes and when, what it leaves
// out, and how it ends.
func TestEncode(t *testing.T) {
	node(t, encoders, encodeTest, "everfile.js", "can.js", "recorder.js", "webmwriter.js", "sources.js")
}

// Sound has a time by its number of samples, pictures by the clock.
func TestSoundClock(t *testing.T) {
	node(t, encoders, soundClockTest, "everfile.js", "sources.js")
}

// What runs beside the audio hands out so many samples at once.
func TestSoundWorklet(t *testing.T) {
	node(t, `
let registered;
globalThis.AudioWorkletProcessor = class {
  constructor() { this.port = { said: [], postMessage(block, moved) { this.said.push([...block]); assert.equal(moved[0], block.buffer); } }; }
};
globalThis.registerProcessor = (name, made) => { registered = made; };
`, `
test("blocks of samples, one channel after the other", () => {
  const p = new registered({ processorOptions: { frames: 3, channels: 2 } });
  assert.ok(p instanceof AudioWorkletProcessor);
  assert.equal(p.process([[Float32Array.of(1, 2), Float32Array.of(-1, -2)]]), true);
  assert.equal(p.port.said.length, 0);
  p.process([[Float32Array.of(3, 4), Float32Array.of(-3, -4)]]);
  p.process([[Float32Array.of(5, 6)]]);
  assert.deepEqual(p.port.said, [[1, 2, 3, -1, -2, -3], [4, 5, 6, -4, 5, 6]]);
});

test("nothing is silence", () => {
  const p = new registered({ processorOptions: { frames: 128, channels: 1 } });
  p.process([[]]);
  assert.deepEqual(p.port.said, [Array(128).fill(0)]);
});
`, "soundworklet.js")
}

// encoders are a fake of WebCodecs, whose work is done when the test says so, and of
// what pictures and sound come from. All promises are kept at once.
const encoders = `
const fs = require("fs");
let made, contexts, videos, recorders;

const kept = (value) => ({ then: (fn) => kept(fn ? fn(value) : value) });

class Encoder {
  constructor(o) { this.o = o; this.state = "unconfigured"; this.configs = []; this.queue = []; this.keys = []; made.push(this); }
  static isConfigSupported(config) { return kept({ supported: true, config }); }
  get encodeQueueSize() { return this.queue.length; }
  configure(config) { this.state = "configured"; this.configs.push(config); }
  encode(data, o) {
    if (this.state !== "configured") { throw new Error("InvalidStateError"); }
    assert.equal(data.closed, undefined);
    this.count = (this.count || 0) + 1;
    this.queue.push({ timestamp: data.timestamp, type: o && !o.keyFrame ? "delta" : "key" });
  }
  // work finishes what waits.
  work() {
    for (const c of this.queue.splice(0)) {
      const text = c.type[0] + c.timestamp / 1000 + ";";
      this.o.output({ type: c.type, timestamp: c.timestamp, byteLength: text.length, copyTo: (b) => b.set(Buffer.from(text)) });
    }
  }
  flush() { this.work(); return kept(); }
  close() { assert.notEqual(this.state, "closed"); this.state = "closed"; }
}

class VideoEncoder extends Encoder {}
class AudioEncoder extends Encoder {}

class VideoFrame {
  constructor(image, o) { this.timestamp = o.timestamp; this.displayWidth = image.width; this.displayHeight = image.height; }
  close() { this.closed = true; }
}

class AudioData {
  constructor(o) { Object.assign(this, o); }
  close() { this.closed = true; }
}

class AudioContext extends Target {
  constructor(o) { super(); this.sampleRate = o ? o.sampleRate : 44100; this.state = "suspended"; this.woken = 0; contexts.push(this); }
  get audioWorklet() { return { addModule: (url) => { this.module = url; return kept(); } }; }
  createMediaStreamSource(s) { this.stream = s; return { connect: () => {}, disconnect: () => { this.cut = true; } }; }
  resume() { this.woken++; return kept(); }
  close() { this.closed = true; }
}

class AudioWorkletNode {
  constructor(context, name, o) { this.o = o; this.port = {}; context.node = this; }
  connect() {}
}

class MediaRecorder {
  constructor(s, o) { this.stream = s; this.options = o; this.state = "inactive"; recorders.push(this); }
  static isTypeSupported() { return true; }
  start() { this.state = "recording"; }
  stop() { this.state = "inactive"; this.onstop(); }
}

class HTMLVideoElement {
  constructor() { this.width = 640; this.height = 480; this.readyState = 2; videos.push(this); }
  requestVideoFrameCallback(fn) { this.next = fn; }
  setAttribute() {}
  play() { return kept(); }
  pause() { this.paused = true; }
  show() { const fn = this.next; this.next = null; fn(); }
}

Object.assign(window, {
  AudioContext, AudioWorkletNode, AudioData, AudioEncoder, VideoEncoder, VideoFrame, HTMLVideoElement, MediaRecorder,
  Blob: class { constructor(parts) { this.bytes = Buffer.concat(parts.map((p) => Buffer.from(p))); this.size = this.bytes.length; } },
});
window.document.createElement = () => new HTMLVideoElement();
Track.prototype.getSettings = () => ({ frameRate: 20, channelCount: 1 });
`

const encodeTest = `
let chunks, ends, fails, recorder;

const on = { onchunk: (b) => chunks.push(b.bytes.toString("latin1")), onend: () => ends++, onfail: (why) => fails.push(why), onlost: () => {} };

// load runs encode.js anew, as a page does.
function load(heeds) {
  made = [];
  contexts = [];
  videos = [];
  recorders = [];
  window.document.hidden = false;
  window.MediaRecorder = heeds === undefined ? MediaRecorder : heeds;
  (0, eval)(fs.readFileSync("encode.js", "utf8"));
  recorders = [];
}

function begin(s, options, recorder) {
  load(recorder);
  return again(s, options);
}

function again(s, options) {
  made = [];
  chunks = [];
  ends = 0;
  fails = [];
  recorder = window.everfile.recorder(s || stream("audio", "video"), options || {}, on);
  return recorder;
}

const kind = (K) => made.find((e) => e instanceof K);
const eyes = () => kind(VideoEncoder), ears = () => kind(AudioEncoder);
const say = () => contexts[contexts.length - 1].node.port.onmessage({ data: new Float32Array(960) });
const show = () => { videos[videos.length - 1].show(); };
const work = () => made.forEach((e) => e.work());
// said is what frames there are in the chunks: k for key, d for delta, and the encoder's time.
const said = (c) => (c === undefined ? chunks.join("") : c).match(/[kd]-?[\d.]+;/g) || [];

test("the first chunk is the header, what was said before, and the first picture", () => {
  const r = begin();
  assert.equal(r.mimeType, "video/webm;codecs=vp8,opus");
  assert.equal(recorders.length, 0);
  advance(10);
  say();
  work();
  assert.deepEqual(chunks, [], "a file with a picture begins at one");
  advance(10);
  show();
  assert.deepEqual([eyes().configs[0].width, eyes().configs[0].height, eyes().configs[0].framerate, eyes().configs[0].bitrate, eyes().configs[0].latencyMode],
    [640, 480, 20, 800000, "realtime"]);
  assert.deepEqual([ears().configs[0].sampleRate, ears().configs[0].numberOfChannels, ears().configs[0].bitrate], [48000, 1, 48000]);
  work();
  advance(20);
  assert.equal(chunks.length, 1);
  assert.equal(chunks[0].slice(0, 4), "\x1a\x45\xdf\xa3");
  assert.deepEqual(said(), ["k0;", "k20;"]);
});

test("a chunk is what comes in a timeslice", () => {
  begin(null, { timeslice: 100 });
  show();
  work();
  for (let i = 0; i < 50; i++) {
    advance(20);
    say();
    work();
  }
  assert.ok(chunks.length >= 9 && chunks.length <= 12, chunks.length + " chunks in a second");
});

test("the picture that is nearest to when a keyframe is due is one", () => {
  begin(stream("video"), { keyframeEvery: 520 });
  for (let i = 0; i < 61; i++) {
    show();
    work();
    advance(50);
  }
  assert.deepEqual(said().filter((s) => s[0] === "k"), ["k0;", "k500;", "k1000;", "k1500;", "k2000;", "k2500;", "k3000;"]);
});

test("pictures that the encoder has no time for are left out", () => {
  begin();
  for (let i = 0; i < 10; i++) {
    show();
    advance(50);
  }
  assert.equal(eyes().queue.length, 3);
  work();
  advance(50);
  show();
  assert.equal(eyes().queue.length, 1);
  assert.deepEqual(fails, []);
});

test("no more than so many are in the encoder, whatever it says of its queue", () => {
  begin();
  Object.defineProperty(eyes(), "encodeQueueSize", { value: 0 });
  for (let i = 0; i < 30; i++) {
    show();
    advance(50);
  }
  assert.equal(eyes().queue.length, 9);
});

test("an encoder may leave some out", () => {
  begin(stream("video"));
  for (let i = 0; i < 200; i++) {
    show();
    if (i % 2) { eyes().queue.pop(); }
    work();
    advance(50);
  }
  assert.deepEqual(fails, []);
  assert.ok(said().length >= 100);
});

test("a picture that stands still is sent again, and a hidden page's are sent on", () => {
  begin();
  show();
  work();
  advance(1000);
  assert.equal(eyes().queue.length, 3, "at most that many wait");
  work();
  advance(60);
  assert.equal(said().filter((s) => s !== "k0;").length, 3);
  work();
  window.document.hidden = true;
  timers = timers.filter((t) => t.every !== 20);   // they come once a second there
  const before = said().length;
  for (let i = 0; i < 50; i++) { advance(20); say(); work(); }
  const pictures = said().length - before - 50;
  assert.ok(pictures > 12 && pictures <= 21, pictures + " pictures of 20 in a second");
});

test("a picture of another size begins with a keyframe", () => {
  begin();
  show();
  work();
  videos[0].width = 480;
  videos[0].height = 640;
  advance(50);
  show();
  assert.deepEqual(eyes().configs.map((c) => c.width), [640, 480]);
  assert.equal(eyes().queue[0].type, "key");
});

test("sound alone", () => {
  const sound = { mimeType: "audio/webm;codecs=opus", audioBitsPerSecond: 32000 };
  begin(stream("audio", "video"), sound);
  assert.equal(recorders.length, 1, "has no keyframes: the MediaRecorder does");
  window.everfile.serve("http://there");   // the server's, wherever the page is
  const r = begin(stream("audio", "video"), sound, null);
  assert.equal(r.mimeType, "audio/webm;codecs=opus");
  assert.equal(eyes(), undefined);
  advance(20);
  say();
  work();
  assert.equal(ears().configs[0].bitrate, 32000);
  assert.deepEqual(said(), ["k0;"]);
  assert.equal(contexts[0].woken, 1);
  assert.equal(contexts[0].module, "http://there/static/soundworklet.js");
  window.everfile.serve("");
  contexts[0].state = "interrupted";
  contexts[0].fire("statechange");
  assert.equal(contexts[0].woken, 2);
});

test("sound that is missing is silence, what is too much is left out", () => {
  begin(stream("audio"), {}, null);
  const hear = (n) => { for (let i = 0; i < n; i++) { say(); work(); } };
  for (let i = 0; i < 50; i++) { advance(20); hear(1); }
  advance(200);
  for (let i = 0; i < 50; i++) { advance(20); hear(1); }
  assert.equal(ears().count, 110);
  hear(20);
  for (let i = 0; i < 50; i++) { advance(20); hear(1); }
  assert.ok(ears().count >= 160 && ears().count < 163, ears().count + " frames in 3.2 s");
});

test("stop hands out what the encoders have, drop nothing", () => {
  for (const how of ["stop", "drop"]) {
    begin();
    show();
    work();
    advance(60);
    show();
    say();
    const before = chunks.length;
    recorder[how]();
    recorder[how]();
    assert.equal(ends, how === "stop" ? 1 : 0);
    assert.deepEqual(said(chunks.slice(before).join("")), how === "stop" ? ["d60;", "k0;"] : []);
    assert.deepEqual(made.map((e) => e.state), ["closed", "closed"]);
    assert.ok(contexts[0].closed && contexts[0].cut && videos[0].paused);
    advance(10000);
    assert.deepEqual([ends, fails.length], [how === "stop" ? 1 : 0, 0], "and nothing follows");
    assert.equal(listening, 0);
    assert.equal(timers.length, 0);
  }
});

test("an encoder that never ends does not keep it from ending", () => {
  begin();
  show();
  work();
  made.forEach((e) => { e.flush = () => ({ then: () => {} }); });
  recorder.stop();
  assert.equal(ends, 0);
  advance(500);
  assert.equal(ends, 1);
});

test("it ends when all its tracks have", () => {
  const s = stream("audio", "video");
  begin(s);
  show();
  work();
  s.tracks[0].stop();
  advance(250);
  assert.equal(ends, 0);
  s.tracks[1].stop();
  advance(250);
  assert.equal(ends, 1);
});

test("what breaks is said once, and then there is the MediaRecorder", () => {
  const s = stream("audio", "video");
  begin(s);
  show();
  eyes().o.error(new Error("Broken."));
  ears().o.error(new Error("Broken too."));
  assert.deepEqual(fails, ["Broken."]);
  advance(10000);
  assert.deepEqual([chunks.length, ends, timers.length, listening], [0, 0, 0, 0]);
  assert.equal(again(s).mimeType, "video/webm;codecs=vp8,opus");
  assert.equal(recorders.length, 1);
});

test("what throws is said too", () => {
  begin();
  show();
  work();
  window.VideoFrame = class { constructor() { throw new Error("No picture."); } };
  advance(50);
  show();
  window.VideoFrame = VideoFrame;
  assert.deepEqual(fails, ["No picture."]);
});

test("an encoder that falls behind is given up, after a while", () => {
  for (const slow of [true, false]) {
    begin();
    for (let i = 0; i < 100; i++) {
      say();
      ears().work();
      if (i % 5 === 0) { show(); }
      if (i === 0 || !slow || i > 90) { work(); }
      advance(20);
    }
    assert.deepEqual(fails, [], "for two seconds it may");
    for (let i = 0; i < 250; i++) {
      say();
      ears().work();
      if (!slow) { work(); }
      if (i % 5 === 0 && videos[0].next) { show(); }
      advance(20);
      if (fails.length) { break; }
    }
    assert.deepEqual(fails, slow ? ["The browser's encoder is too slow."] : []);
  }
});

test("a busy moment is forgiven, and another", () => {
  begin();
  for (let i = 0; i < 1500; i++) {
    say();
    ears().work();
    if (i % 5 === 0) { show(); }
    if (i % 150 < 50) { work(); }
    advance(20);
  }
  assert.deepEqual(fails, []);
});

test("no picture, no sound: given up as well", () => {
  for (const quiet of ["picture", "sound"]) {
    begin();
    videos[0].readyState = quiet === "picture" ? 0 : 2;
    for (let i = 0; i < 300 && !fails.length; i++) {
      if (quiet !== "picture" && i % 5 === 0) { show(); }
      if (quiet !== "sound") { say(); }
      work();
      advance(20);
    }
    assert.equal(fails.length, 1, quiet);
  }
});

test("an element is asked before the encoders are", () => {
  const asked = [], had = window.VideoEncoder;
  window.Audio = class { canPlayType() { asked.push("element"); return ""; } };
  window.VideoEncoder = class extends Encoder { static isConfigSupported() { asked.push("encoder"); return kept({ supported: false }); } };
  load(null);
  window.VideoEncoder = had;
  delete window.Audio;
  assert.deepEqual(asked, ["element", "encoder"]);
});

test("who has it, and for what", () => {
  const both = ["video/webm;codecs=vp8,opus", "audio/webm;codecs=opus"], types = () => window.everfile.encode.types(["audio/mp4"]).slice(1);
  begin(null, { mimeType: "video/mp4", only: true });
  assert.equal(made.length, 0);
  assert.equal(recorders.length, 1);
  assert.deepEqual(types(), both);
  assert.deepEqual(window.everfile.encode.types(both), both);
  for (const mime of ["", "video/webm", "video/webm;codecs=vp8,opus", "audio/webm", "audio/webm;codecs=opus"]) {
    begin(null, { mimeType: mime }, class extends MediaRecorder { static isTypeSupported(type) { return !/^audio/.test(type); } });
    assert.equal(recorders.length, 0, mime);
    recorder.drop();
  }
  for (const mime of ["video/webm;codecs=vp9,opus", "audio/webm;codecs=pcm", "audio/ogg;codecs=opus"]) {
    begin(null, { mimeType: mime });
    assert.equal(recorders.length, 1, mime);
  }
  begin(stream("audio", "audio", "video"));
  assert.equal(recorders.length, 1, "two sounds are mixed by the MediaRecorder");

  load(class extends MediaRecorder { constructor(s, o) { super(s, o); this.every = o.videoKeyFrameIntervalDuration; } });
  again();
  assert.equal(recorders.length, 1, "a MediaRecorder that gives keyframes when they are due is kept");
  assert.deepEqual(types(), []);

  load(null);
  window.navigator.mediaDevices = { getUserMedia() {} };
  assert.deepEqual(window.everfile.can().record, both);
  assert.notEqual(again(), null, "none at all");
  assert.equal(recorders.length, 0);

  for (const name of ["VideoEncoder", "AudioEncoder"]) {
    const had = window[name];
    window[name] = class extends Encoder { static isConfigSupported() { return kept({ supported: false }); } };
    load();
    again();
    assert.equal(recorders.length, 1, name);
    assert.deepEqual(types(), name === "VideoEncoder" ? both.slice(1) : []);
    window[name] = had;
  }
});

test("a microphone that wants its own rate", () => {
  const create = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = function (s) {
    if (this.sampleRate !== 44100) { throw new Error("NotSupportedError"); }
    return create.call(this, s);
  };
  begin(stream("audio"), {}, null);
  AudioContext.prototype.createMediaStreamSource = create;
  assert.equal(contexts[0].closed, true);
  assert.equal(ears().configs[0].sampleRate, 44100);
  assert.equal(contexts[1].node.o.processorOptions.frames, 882);
});
`

const soundClockTest = `
// times gives frames of 20 ms: come(i) is when frame i comes, and held of them are
// heard of before anything is encoded. It returns the times written, how many frames
// of silence there were, and how many were left out.
function times(n, come, held) {
  const clock = window.everfile.sources.clock(20), out = { stamps: [], silent: 0, left: 0 };
  let owed = 0, made = 0, i = 0;
  while (i < n) {
    const before = out.stamps.length;
    let put = 0;
    for (let k = 0; k < (held || 1) && i < n; k++, i++) {
      clock.heard(come(i));
      for (; owed > 0; owed--) { clock.added(1); put++; out.silent++; }
      if (owed < 0) { owed++; clock.added(-1); out.left++; } else { put++; }
    }
    for (; put > 0; put--) {
      owed = clock.owed();
      out.stamps.push(clock.stamp(made++ * 20));
    }
  }
  return out;
}

const last = (out) => out.stamps[out.stamps.length - 1];
const steps = (out) => [...new Set(out.stamps.slice(1).map((x, i) => x - out.stamps[i]))];

test("what is late by chance changes nothing", () => {
  const out = times(500, (i) => 100 + i * 20 + (i % 7 === 0 ? 15 : 0) + (i % 50 > 40 ? (50 - i % 50) * 20 : 0));
  assert.deepEqual([steps(out), out.silent, out.left], [[20], 0, 0]);
});

test("a page that was busy for two seconds has lost nothing", () => {
  const out = times(1000, (i) => (Math.floor(i / 100) + 1) * 2000, 100);
  assert.deepEqual([steps(out), out.silent, out.left], [[20], 0, 0]);
});

test("a clock that is faster or slower is followed", () => {
  for (const drift of [1.0002, 0.9998, 1.2, 0.9]) {
    const out = times(30000, (i) => 50 + i * 20 * drift);
    assert.deepEqual(steps(out), [20], "the samples and their times agree");
    const off = last(out) - 29999 * 20 * drift - 50;
    assert.ok(Math.abs(off) <= 200, drift + ": " + off + " ms off after 10 minutes");
    assert.ok(drift > 1 ? out.silent > 0 && !out.left : out.left > 0 && !out.silent);
  }
});

test("what is missing is silence", () => {
  const out = times(300, (i) => i * 20 + (i >= 100 ? 4000 : 0));
  assert.deepEqual([steps(out), out.silent, out.left, last(out)], [[20], 200, 0, 299 * 20 + 4000]);
});

test("what is there twice is left out", () => {
  const out = times(300, (i) => (i < 100 ? i * 20 + 500 : i * 20));
  assert.deepEqual([steps(out), out.silent, out.left, last(out)], [[20], 0, 25, 299 * 20]);
});

test("a machine that slept leaves a gap", () => {
  const out = times(300, (i) => i * 20 + (i >= 100 ? 3600000 : 0));
  assert.deepEqual([out.silent, out.left, last(out)], [0, 0, 299 * 20 + 3600000]);
});
`
