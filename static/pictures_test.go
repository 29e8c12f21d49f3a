package static

import "testing"

// A camera's pictures one by one: as many and as large as the network takes.
func TestPictures(t *testing.T) {
	node(t, canvasFakes, picturesTest, "everfile.js", "recorder.js", "pictures.js")
}

const canvasFakes = `
let made, held, blobs;

window.Uint8Array = Uint8Array;
window.atob = (s) => Buffer.from(s, "base64").toString("latin1");
window.Blob = class { constructor(parts, o) { this.bytes = Buffer.from(parts[0]); this.size = this.bytes.length; this.type = o.type; } };

class Video {
  constructor() { this.videoWidth = 1280; this.videoHeight = 720; this.srcObject = null; }
  setAttribute() {}
  play() {}
}

class Canvas {
  constructor() { this.drawn = 0; }
  getContext() { return { drawImage: () => this.drawn++ }; }
  toBlob(done, type, quality) { this.quality = quality; this.ready = () => done({ size: this.width * 20, type }); if (!held) { this.ready(); } }
}

window.document.createElement = (name) => (made[name] = name === "video" ? new Video() : new Canvas());
`

const picturesTest = `
let chunks, ends, waiting;

const on = { onchunk: (b) => chunks.push(b), onend: () => ends++, onfail: assert.fail, onlost: () => {}, waiting: () => waiting };

function begin(s) {
  made = {};
  chunks = [];
  ends = 0;
  held = false;
  waiting = { ms: 0, chunks: 0 };
  return window.everfile.recorder(s || stream("audio", "video"), { mimeType: "image/jpeg", only: true, timeslice: 80, videoBitsPerSecond: 2e6 }, on);
}

test("a picture every so often, each a chunk", () => {
  const s = stream("audio", "video"), r = begin(s);
  assert.equal(r.mimeType, "image/jpeg");
  assert.equal(made.video.srcObject, s);
  advance(800);
  assert.equal(chunks.length, 10);
  assert.deepEqual([made.canvas.width, made.canvas.height], [480, 270]);
  held = true;
  advance(800);
  assert.equal(made.canvas.drawn, 11, "one at a time");
  r.stop();
  made.canvas.ready();
  assert.deepEqual([chunks.length, ends, made.video.srcObject], [10, 1, null]);
  assert.equal(timers.length + listening, 0);
});

test("without a picture nothing", () => {
  assert.equal(begin(stream("audio")), null);
  begin();
  made.video.videoWidth = 0;
  advance(800);
  assert.equal(chunks.length, 0);
});

test("pictures do not queue", () => {
  begin();
  advance(80);
  waiting = { ms: 100, chunks: 5 };
  advance(800);
  assert.equal(chunks.length, 1);
  waiting = { ms: 100, chunks: 4 };
  advance(80);
  assert.equal(made.canvas.width, 480, "many on a long way are not too large");
  assert.equal(chunks.length, 2);
  waiting = { ms: 501, chunks: 1 };
  advance(800);
  assert.equal(chunks.length, 2);
  waiting = { ms: 0, chunks: 0 };
  advance(80);
  assert.equal(chunks.length, 3);
  assert.ok(made.canvas.width < 480, "these were");
});

test("it ends with its track, and dropped says nothing", () => {
  const s = stream("video");
  begin(s);
  s.tracks[0].end();
  assert.equal(ends, 1);
  begin().drop();
  assert.equal(ends, 0);
  assert.equal(timers.length + listening, 0);
});

test("a canvas that makes no Blob", () => {
  const toBlob = Canvas.prototype.toBlob;
  delete Canvas.prototype.toBlob;
  Canvas.prototype.toDataURL = (type, quality) => "data:" + type + ";base64," + Buffer.from([255, 216, 255, 217]).toString("base64");
  begin();
  advance(80);
  assert.deepEqual([chunks[0].type, chunks[0].bytes.toString("hex")], ["image/jpeg", "ffd8ffd9"]);
  Canvas.prototype.toBlob = toBlob;
});

test("the pace: down when it is too much, up after calm, and more rarely when that was too much", () => {
  const p = window.everfile.pace(100, 800000), levels = [];
  let t = 0;
  const run = (ms, size, wait) => { for (const end = t + ms; t < end; t += 100) { if (p.ready(t, { ms: wait, chunks: 1 })) { p.taken(t, size); } } levels.push(p.level); };
  run(1000, 5000, 0);
  run(500, 12000, 0);      // 960 kbit/s of 800
  run(500, 12000, 0);
  run(6000, 4000, 0);
  run(6000, 4000, 0);
  run(400, 4000, 600);
  run(8000, 4000, 0);      // that step up was one too many
  run(3000, 4000, 0);
  assert.deepEqual(levels, [1, 2, 3, 2, 1, 2, 2, 1]);
  run(60000, 12000, 0);
  assert.equal(p.level, 5, "there is an end to it");
  run(200000, 100, 0);
  assert.equal(p.level, 0);
});
`
