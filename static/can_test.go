package static

import "testing"

// What a browser can do is found out by doing it, whatever it says; and what it does
// in the manner of 2012 is done like that.
func TestCan(t *testing.T) {
	node(t, abilitiesFakes, canTest, "everfile.js", "can.js", "samples.js", "pictures.js")
}

const abilitiesFakes = `
let words, elements, broken, streams;

// Element is a <video>, <audio> or <canvas>.
class Element extends Target {
  constructor(name) { super(); this.name = name; elements.push(this); }
  canPlayType(type) { return words[type] || ""; }
  removeAttribute(name) { this[name] = ""; }
  toDataURL(type) { return "data:" + (broken ? "image/png" : type) + ";base64,AAAA"; }
  getContext() { return {}; }
  captureStream() { const s = stream("video"); streams.push(s); return s; }
}

window.document.createElement = (name) => new Element(name);
window.Blob = class {};
window.Uint8Array = Uint8Array;
window.AudioContext = class {
  createMediaStreamDestination() { const s = stream("audio"); streams.push(s); return { stream: s }; }
  close() { this.closed = true; }
};
`

const canTest = `
const everfile = window.everfile;
const VP8 = 'video/webm;codecs="vp8,opus"';

function begin(w) {
  words = w || {};
  elements = [];
  streams = [];
  broken = false;
  window.navigator.mediaDevices = { getUserMedia: () => {} };
}

// The lists are made once in a page's life, so this is the first test.
test("what it is not sure of is tried; what cannot start is left out", () => {
  begin({ [VP8]: "probably", "audio/mpeg": "maybe", "audio/wav": "maybe", "audio/aac": "maybe", "audio/flac": "no" });
  window.MediaRecorder = class {
    constructor(s, o) { this.type = o.mimeType; this.stream = s; }
    static isTypeSupported(type) { return /webm/.test(type); }
    start() { if (/vp9|pcm/.test(this.type)) { throw new Error("NotSupportedError"); } }
    stop() {}
  };
  const can = everfile.can();
  assert.deepEqual(can.record, ["video/webm;codecs=vp8,opus", "video/webm", "audio/webm;codecs=opus", "audio/webm"]);
  assert.ok(streams.length === 2 && streams.every((s) => s.tracks[0].readyState === "ended"), "and lets go of what it was tried on");
  assert.deepEqual(can.play, [VP8, "audio/aac", "audio/mpeg", "audio/wav", "multipart/x-mixed-replace", "image/jpeg"]);
  let changes = 0;
  elements = [];
  everfile.measure(() => changes++);
  const tried = elements.filter((e) => e.src);
  assert.deepEqual(tried.map((e) => e.src.split(";")[0]), ["data:audio/aac", "data:audio/mpeg", "data:audio/wav"]);
  assert.ok(tried.every((e) => /^[A-Za-z0-9+\/]+=*$/.test(e.src.split("base64,")[1])));
  tried[0].fire("error");
  tried[1].fire("loadeddata");
  advance(10000);
  tried[2].fire("error");
  assert.equal(changes, 1, "who says nothing has not failed");
  assert.deepEqual(everfile.can().play, [VP8, "audio/mpeg", "audio/wav", "multipart/x-mixed-replace", "image/jpeg"]);
  assert.equal(listening, 0);
  everfile.measure(() => changes++);
  assert.equal(elements.filter((e) => e.src).length, 0, "once");
});

test("without a camera nothing is recorded", () => {
  begin();
  assert.deepEqual([everfile.can().jpeg, everfile.can().record.length], [true, 4]);
  delete window.navigator.mediaDevices;
  assert.deepEqual([everfile.can().jpeg, everfile.can().record.length, everfile.can().mediaDevices], [false, 0, false]);
});

test("the engine, by its marks", () => {
  assert.equal(everfile.engine(), "");
  window.chrome = {};
  assert.deepEqual([everfile.engine(), everfile.blocks()], ["chromium", true]);
  delete window.chrome;
  window.mozInnerScreenX = 0;
  assert.equal(everfile.engine(), "gecko");
  delete window.mozInnerScreenX;
});

test("getUserMedia of 2012", () => {
  begin();
  delete window.navigator.mediaDevices;
  assert.equal(everfile.camera(), null);
  for (const name of ["getUserMedia", "webkitGetUserMedia", "mozGetUserMedia"]) {
    let got = null, why = null, wanted = null, stopped = 0;
    window.navigator[name] = function (c, done, fail) {
      assert.equal(this, window.navigator);
      wanted = c;
      if (c.audio) { fail({ code: 1, PERMISSION_DENIED: 1 }); } else { done({ stop: () => stopped++ }); }
    };
    everfile.camera()({ audio: { ideal: 1 }, video: { ideal: 1 } }, (s) => { got = s; }, (e) => { why = e; });
    assert.deepEqual(wanted, { audio: true, video: true });
    assert.equal(why.code, 1);
    everfile.camera()({ audio: false, video: { ideal: 1 } }, (s) => { got = s; }, assert.fail);
    assert.deepEqual([got.getAudioTracks().length, got.getVideoTracks().length, got.getTracks()[0].kind], [0, 1, "video"]);
    everfile.listen(got.getTracks()[0], "ended", () => {})();
    got.getTracks()[0].stop();
    assert.deepEqual([stopped, got.getTracks()[0].readyState], [1, "ended"]);
    delete window.navigator[name];
  }
  window.navigator.getUserMedia = () => { throw new Error("strings only"); };
  let thrown = null;
  everfile.camera()({ video: true }, assert.fail, (e) => { thrown = e; });
  assert.equal(thrown.message, "strings only");
  delete window.navigator.getUserMedia;
});

test("a stream in an element, in every manner", () => {
  const s = stream("video"), now = { srcObject: null }, moz = { mozSrcObject: null }, old = { removeAttribute: (n) => { delete old[n]; } };
  everfile.attach(now, s);
  assert.equal(now.srcObject, s);
  everfile.attach(moz, s);
  assert.equal(moz.mozSrcObject, s);
  window.URL = { createObjectURL: () => "blob:1" };
  everfile.attach(old, s);
  assert.equal(old.src, "blob:1");
  everfile.attach(old, null);
  assert.equal("src" in old, false);
  delete window.URL;
  everfile.attach(old, s);
  assert.equal(old.src, s, "as Opera takes it");
});
`
