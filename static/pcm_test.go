package static

import "testing"

// Sound without a MediaRecorder: the header of a WAV file that never ends, then
// samples; and the recorder that is chosen for a MIME type.
func TestPCM(t *testing.T) {
	node(t, contexts, pcmTest, "everfile.js", "can.js", "recorder.js", "pcm.js")
}

// contexts are a fake of WebAudio.
const contexts = `
let made, recorders;

class AudioContext extends Target {
  constructor() {
    super();
    this.sampleRate = 48000;
    this.state = "suspended";
    this.resumed = 0;
    this.links = [];
    made.push(this);
  }
  node(name) {
    return { name, disconnect: () => { this.links = this.links.filter((l) => l[0] !== name); }, connect: (to) => this.links.push([name, to.name || "destination"]) };
  }
  get destination() { return {}; }
  createMediaStreamSource(s) { this.stream = s; return this.node("source"); }
  createScriptProcessor(frames, ins, outs) {
    this.processor = Object.assign(this.node("processor"), { frames, ins, outs });
    return this.processor;
  }
  resume() { this.resumed++; return Promise.resolve(); }
  close() { this.closed = true; }
  play(floats) { this.processor.onaudioprocess({ inputBuffer: { getChannelData: () => Float32Array.from(floats) } }); }
}

window.AudioContext = AudioContext;
window.Blob = class {
  constructor(parts) { this.bytes = Buffer.concat(parts.map((p) => Buffer.from(p))); this.size = this.bytes.length; }
};
window.DataView = DataView;
window.navigator.mediaDevices = { getUserMedia: () => {} };
`

const pcmTest = `
let chunks, ends, lost;

const on = {
  onchunk: (b) => chunks.push(b.bytes), onend: () => ends++, onfail: () => { throw new Error("failed"); },
  onlost: (kind, left) => lost.push(kind + (left ? ", not all" : "")),
};

function begin(s, options) {
  made = [];
  recorders = [];
  chunks = [];
  ends = 0;
  lost = [];
  return window.everfile.recorder(s, options || { mimeType: "audio/wav", only: true }, on);
}

class MediaRecorder {
  constructor(s, o) { this.stream = s; this.options = o; this.state = "inactive"; recorders.push(this); }
  static isTypeSupported(type) { return type !== "video/x"; }
  start(timeslice) { this.state = "recording"; this.timeslice = timeslice; }
  stop() { this.state = "inactive"; this.onstop(); }
}

test("the header, then the samples", () => {
  const r = begin(stream("audio", "video"));
  assert.equal(r.mimeType, "audio/wav");
  const c = made[0], p = c.processor;
  assert.deepEqual([p.frames, p.ins, p.outs], [1024, 1, 1]);
  assert.deepEqual(c.links, [["source", "processor"], ["processor", "destination"]]);
  assert.equal(c.stream.getVideoTracks().length, 0);
  assert.equal(c.resumed, 1);
  c.play([0, 1, -1, 0.5, 2, -2]);
  const b = chunks[0];
  assert.equal(b.length, 44 + 12);
  assert.equal(b.toString("latin1", 0, 4), "RIFF");
  assert.equal(b.readUInt32LE(4), 0xFFFFFFFF);
  assert.equal(b.toString("latin1", 8, 16), "WAVEfmt ");
  assert.deepEqual([b.readUInt32LE(16), b.readUInt16LE(20), b.readUInt16LE(22), b.readUInt32LE(24), b.readUInt32LE(28), b.readUInt16LE(32), b.readUInt16LE(34)],
    [16, 1, 1, 48000, 96000, 2, 16]);
  assert.equal(b.toString("latin1", 36, 40), "data");
  assert.equal(b.readUInt32LE(40), 0xFFFFFFFF);
  assert.deepEqual([0, 1, 2, 3, 4, 5].map((i) => b.readInt16LE(44 + 2 * i)), [0, 32767, -32767, 16384, 32767, -32767]);
  c.play([0.25]);
  assert.equal(chunks[1].length, 2, "the header comes once");
  assert.equal(chunks[1].readInt16LE(0), 8192);
});

// level is how strong a tone comes out, of 1, in samples of 16 bit.
function level(bytes, hz, rate) {
  let re = 0, im = 0;
  const n = bytes.length / 2;
  for (let i = 0; i < n; i++) {
    const v = bytes.readInt16LE(2 * i) / 32767;
    re += v * Math.cos(2 * Math.PI * hz * i / rate);
    im += v * Math.sin(2 * Math.PI * hz * i / rate);
  }
  return 2 * Math.hypot(re, im) / n;
}

const sine = (hz, from, n) => Array.from({ length: n }, (_, i) => Math.sin(2 * Math.PI * hz * (from + i) / 48000));

test("half the rate has the voice, and nothing that was above it", () => {
  for (const [hz, back, least, most] of [[1000, 1000, 0.99, 1.01], [8000, 8000, 0.95, 1.01], [17000, 7000, 0, 0.01], [14500, 9500, 0, 0.01]]) {
    const r = begin(stream("audio"), { mimeType: "audio/wav", only: true, rate: 24000 });
    for (let at = 0; at < 48000; at += 1024) { made[0].play(sine(hz, at, 1024)); }
    assert.equal(chunks[0].readUInt32LE(24), 24000);
    const all = Buffer.concat(chunks).subarray(44);
    assert.equal(all.length, 2 * 24064);
    const l = level(all, back, 24000);
    assert.ok(l >= least && l <= most, hz + " Hz: " + l);
    r.drop();
  }
  begin(stream("audio"), { mimeType: "audio/wav", rate: 48000 });
  made[0].play([0]);
  assert.equal(chunks[0].readUInt32LE(24), 48000);
  begin(stream("audio"), { mimeType: "audio/wav", rate: 24000 });
  for (const n of [1, 2, 3, 5, 7, 10]) { made[0].play(sine(1000, 0, n)); }
  assert.equal(Buffer.concat(chunks).length, 44 + 2 * 14, "however it is cut");
});

test("a worklet, where there is one", () => {
  let added, modules = [], nodes = [];
  AudioContext.prototype.audioWorklet = { addModule: (url) => { modules.push(url); return { then: (ok) => { added = ok; return { then: (x, fail) => { added.fail = fail; } }; } }; } };
  window.AudioWorkletNode = class {
    constructor(context, name, options) { Object.assign(this, context.node("worklet"), { options, name: "worklet", port: {} }); nodes.push(this); }
  };
  window.everfile.serve("http://there");
  begin(stream("audio"));
  window.everfile.serve("");
  made = [];
  let r = begin(stream("audio"));
  assert.deepEqual(modules, ["http://there/static/soundworklet.js", "/static/soundworklet.js"], "the server's, wherever the page is");
  assert.deepEqual(made[0].links, []);
  added();
  assert.deepEqual(made[0].links, [["source", "worklet"], ["worklet", "destination"]]);
  nodes[0].port.onmessage({ data: Float32Array.from([0, 1]) });
  assert.equal(chunks[0].length, 44 + 4);
  r.stop();
  assert.deepEqual([ends, made[0].closed, made[0].links], [1, true, []]);
  r = begin(stream("audio"));
  r.drop();
  added();
  assert.deepEqual(made[0].links, [], "stopped before it was there");
  begin(stream("audio"));
  added.fail(new Error("no"));
  made[0].play([1]);
  assert.equal(chunks[0].length, 44 + 2, "or else without");
  delete AudioContext.prototype.audioWorklet;
  delete window.AudioWorkletNode;
});

test("a file of what was decoded", () => {
  const two = [Float32Array.from(sine(1000, 0, 100001)), new Float32Array(100001)];
  const blob = window.everfile.pcm.file({ sampleRate: 48000, length: 100001, numberOfChannels: 2, getChannelData: (c) => two[c] });
  assert.equal(blob.bytes.readUInt32LE(24), 24000);
  assert.equal(blob.bytes.length, 44 + 2 * 50001);
  const l = level(blob.bytes.subarray(44), 1000, 24000);
  assert.ok(Math.abs(l - 0.5) < 0.01, "both channels, mixed: " + l);
});

test("stop and drop", () => {
  for (const how of ["stop", "drop"]) {
    const r = begin(stream("audio")), c = made[0];
    const listening = c.processor.onaudioprocess;
    r[how]();
    r[how]();
    assert.equal(ends, how === "stop" ? 1 : 0);
    assert.equal(c.closed, true);
    assert.deepEqual(c.links, []);
    listening({ inputBuffer: { getChannelData: () => [1] } });
    assert.equal(chunks.length, 0, "and nothing follows");
  }
  assert.equal(listening, 0);
});

test("it ends with its last track", () => {
  const s = stream("audio", "audio");
  begin(s);
  s.tracks[0].end();
  assert.equal(ends, 0);
  s.tracks[1].end();
  assert.equal(ends, 1);
});

test("a context that is interrupted is woken", () => {
  begin(stream("audio"));
  made[0].state = "running";
  made[0].fire("statechange");
  assert.equal(made[0].resumed, 1);
  made[0].state = "interrupted";
  made[0].fire("statechange");
  assert.equal(made[0].resumed, 2);
});

test("without sound there is no recorder", () => {
  assert.equal(begin(stream("video")), null);
  assert.equal(made.length, 0);
  const create = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = () => { throw new Error("no"); };
  assert.equal(begin(stream("audio")), null);
  assert.equal(made[0].closed, true);
  AudioContext.prototype.createMediaStreamSource = create;
});

test("can says so", () => {
  const everfile = window.everfile, element = window.document.createElement;
  window.document.createElement = () => ({});
  assert.equal(everfile.can().pcm, true);
  delete window.navigator.mediaDevices.getUserMedia;
  assert.equal(everfile.can().pcm, false);
  window.navigator.mediaDevices.getUserMedia = () => {};
  const pcm = everfile.pcm;
  delete everfile.pcm;
  assert.equal(everfile.can().pcm, false, "a page that has not loaded it cannot");
  assert.equal(begin(stream("audio")), null);
  everfile.pcm = pcm;
  window.document.createElement = element;
});

test("tracks that end are told, and left out of the next recorder", () => {
  window.MediaRecorder = MediaRecorder;
  const s = stream("audio", "video");
  let r = begin(s, {});
  s.tracks[0].end();
  assert.deepEqual(lost, ["audio, not all"]);
  r.drop();
  s.tracks[1].fire("ended");
  assert.equal(lost.length, 1, "what is dropped tells nothing");
  assert.equal(listening, 0);
  r = begin(s, {});
  assert.deepEqual(recorders[0].stream.getTracks().map((t) => t.kind), ["video"]);
  s.tracks[1].end();
  assert.deepEqual(lost, ["video"]);
  r.stop();
  assert.equal(listening, 0);
  delete window.MediaRecorder;
});

test("a recorder that gives nothing for five seconds is dead", () => {
  window.MediaRecorder = MediaRecorder;
  const throws = on.onfail, failed = [];
  on.onfail = (why, dead) => failed.push(dead);
  begin(stream("audio", "video"), {});
  recorders[0].ondataavailable({ data: { size: 0, bytes: "" } });
  advance(4999);
  assert.deepEqual(failed, []);
  advance(1);
  assert.deepEqual([failed, recorders[0].state, ends, listening], [[true], "inactive", 0, 0]);
  const r = begin(stream("audio", "video"), {});
  recorders[0].ondataavailable({ data: { size: 1, bytes: "x" } });
  advance(60000);
  r.stop();
  begin(stream("audio", "video"), {}).drop();
  begin(stream("audio", "video"), {}).stop();
  advance(60000);
  assert.deepEqual(failed, [true]);
  on.onfail = throws;
  delete window.MediaRecorder;
});

test("the MIME type chooses the recorder", () => {
  const wav = { mimeType: "audio/wav", only: true };
  assert.equal(begin(stream("audio", "video"), {}), null, "there is no MediaRecorder");
  assert.match(window.everfile.recorder.lack({}), /no MediaRecorder/);
  window.MediaRecorder = MediaRecorder;
  begin(stream("audio", "video"), wav);
  assert.equal(recorders.length, 0);
  let r = begin(stream("audio", "video"), {});
  assert.equal(r.mimeType, "video/webm;codecs=vp8,opus");
  assert.equal(recorders[0].options.videoKeyFrameIntervalDuration, 1000);
  assert.equal(recorders[0].timeslice, 50);
  recorders[0].ondataavailable({ data: { bytes: "x" } });
  assert.deepEqual(chunks, ["x"]);
  r.stop();
  assert.equal(ends, 1);
  r = begin(stream("audio", "video"), { mimeType: "audio/webm;codecs=opus", keyframeEvery: 500, timeslice: 100, audioBitsPerSecond: 32000 });
  assert.equal(r.mimeType, "audio/webm;codecs=opus");
  assert.equal(recorders[0].stream.getVideoTracks().length, 0, "a recorder of sound is given no picture");
  assert.deepEqual([recorders[0].options.videoKeyFrameIntervalDuration, recorders[0].timeslice, recorders[0].options.audioBitsPerSecond], [500, 100, 32000]);
  assert.equal(begin(stream("audio", "video"), { mimeType: "video/x" }).mimeType, "video/webm;codecs=vp8,opus");
  assert.equal(begin(stream("audio", "video"), { mimeType: "video/x", only: true }), null);
  delete window.MediaRecorder;
});
`
