package static

import "testing"

// Cameras and microphones that can be had, or not, in all the ways of a browser.
func TestDevices(t *testing.T) { node(t, machine, devicesTest, "everfile.js", "devices.js") }

// machine is a browser's getUserMedia: camera and microphone are "" or what it
// refuses with. It answers at once, or when the test says answer(), once it is held.
const machine = `
let camera, microphone, asked, given, held, waiting;

Track.prototype.getSettings = function () { return { deviceId: this.device, facingMode: "user" }; };

function give(c) {
  const why = [c.video && camera, c.audio && microphone];
  for (const name of ["NotFoundError", "NotAllowedError", "NotReadableError"]) { if (why.includes(name)) { return { name }; } }
  if ([c.video, c.audio].some((x) => x && x.deviceId && /gone/.test(x.deviceId.exact))) { return { name: "OverconstrainedError" }; }
  if ([c.video, c.audio].some((x) => x && x.deviceId && /busy/.test(x.deviceId.exact))) { return { name: "NotReadableError" }; }
  const s = stream(...["audio", "video"].filter((k) => c[k]));
  s.tracks.forEach((t) => { t.device = c[t.kind].deviceId ? c[t.kind].deviceId.exact : "some"; });
  given.push(s);
  return s;
}

window.navigator.mediaDevices = {
  getUserMedia: (c) => {
    asked.push((c.audio ? "a" : "") + (c.video ? "v" : ""));
    return { then: (done, fail) => {
      waiting = () => { const r = give(c); waiting = null; if (r.name) { fail(r); } else { done(r); } };
      if (!held) { waiting(); }
    } };
  },
};

function plug(c, m) {
  camera = c || "";
  microphone = m || "";
  asked = [];
  given = [];
  held = false;
  waiting = null;
}

const MISSING = "NotFoundError", REFUSED = "NotAllowedError", BUSY = "NotReadableError";
const both = { audio: true, video: true }, voice = { audio: true, video: false };
const kinds = (s) => (s ? s.tracks.map((t) => t.kind).sort().join(" ") : "");
`

const devicesTest = `
test("what it takes to record", () => {
  const trouble = window.everfile.devices.trouble;
  assert.match(trouble(), /no MediaRecorder/);
  for (const name of ["MediaRecorder", "AudioEncoder"]) {
    window[name] = class {};
    assert.equal(trouble(), "", name);
    delete window[name];
  }
});

const devices = window.everfile.devices, always = () => true;

for (const [what, c, m, want, got, asks, words] of [
  ["both", "", "", both, "audio video", "av", ""],
  ["voice", MISSING, "", voice, "audio", "a", ""],
  ["no camera", MISSING, "", both, "audio", "av a", "There is no camera on this machine."],
  ["no microphone", "", MISSING, both, "video", "av a v", "There is no microphone on this machine."],
  ["neither", MISSING, MISSING, both, "", "av a v", "There is no camera and no microphone on this machine."],
  ["the camera refused", REFUSED, "", both, "audio", "av a", "The camera was refused."],
  ["both refused", REFUSED, REFUSED, both, "", "av a", "The camera and microphone were refused."],
  ["no camera, and the microphone refused", MISSING, REFUSED, both, "", "av a", "The camera and microphone were refused."],
  ["voice refused", "", REFUSED, voice, "", "a", "The microphone was refused."],
  ["the camera in use", BUSY, "", both, "audio", "av a", "The camera is in use"],
  ["the microphone in use", "", BUSY, both, "video", "av a v", "The microphone is in use"],
  ["no camera, and the microphone in use", MISSING, BUSY, both, "", "av a v", "The camera or microphone is in use"],
]) {
  test("best: " + what, () => {
    let n = 0, s, why;
    plug(c, m);
    devices.best(want, "", "", always, (stream, error) => { n++; s = stream; why = error; });
    assert.equal(n, 1);
    assert.equal(kinds(s), got);
    assert.equal(asked.join(" "), asks);
    const said = devices.lacking(want, s, why);
    assert.ok(words ? said.startsWith(words) : said === "", said);
  });
}

test("best: of devices that were chosen one is gone, or in use", () => {
  for (const [c, m] of [["gone", "right"], ["right", "busy"], ["gone", "busy"]]) {
    let s;
    plug();
    devices.best(both, c, m, always, (stream) => { s = stream; });
    assert.equal(kinds(s), "audio video");
    assert.deepEqual(asked, ["av", "av"]);
    assert.deepEqual(s.tracks.map((t) => t.device), ["some", "some"]);
  }
  plug();
  devices.best(both, "left", "right", always, (s) => assert.deepEqual(s.tracks.map((t) => t.device), ["right", "left"]));
});

test("best: not wanted any more", () => {
  let wanted = true;
  const never = () => assert.fail("done");
  plug(MISSING);
  held = true;
  devices.best(both, "", "", () => wanted, never);
  wanted = false;
  waiting();
  assert.deepEqual(asked, ["av"], "and nobody is asked for the rest");
  wanted = true;
  plug();
  held = true;
  devices.best(both, "", "", () => wanted, never);
  wanted = false;
  waiting();
  assert.deepEqual(given[0].tracks.map((t) => t.readyState), ["ended", "ended"]);
});

test("open: only what is missing is gone without", () => {
  for (const [c, m, want, words] of [
    ["", "", "audio video", ""], [MISSING, "", "audio", ""], ["", MISSING, "video", ""],
    [REFUSED, "", "", "The camera and microphone were refused."], [BUSY, "", "", "The camera or microphone is in use"],
    [MISSING, REFUSED, "", "The camera and microphone were refused."], [MISSING, MISSING, "", "There is no camera and no microphone"],
  ]) {
    let s = null, why = "";
    plug(c, m);
    devices.open("", "", (stream) => { s = stream; }, (error) => { why = devices.explain(error); });
    assert.equal(kinds(s), want);
    assert.ok(words ? why.startsWith(words) : why === "", why);
  }
});

test("a browser of 2012 with a camera and no microphone", () => {
  const media = window.navigator.mediaDevices;
  plug("", "");
  // devices.js has seen the one of today; what is asked is what is there now.
  delete window.navigator.mediaDevices;
  window.navigator.getUserMedia = (c, done, fail) => {
    if (c.video) { done({ stop: () => {}, videoTracks: [{ kind: "video" }], audioTracks: [] }); } else { fail({ code: 1, NOT_SUPPORTED_ERROR: 1 }); }
  };
  let got = null, why = null;
  devices.best(both, "", "", always, (s, error) => { got = s; why = error; });
  assert.deepEqual([got.getVideoTracks().length, got.getAudioTracks().length, why], [1, 0, null]);
  assert.equal(devices.unreachable(), "");
  devices.best(voice, "", "", always, (s, error) => { got = s; why = error; });
  assert.deepEqual([got, devices.kind(why)], [null, "missing"]);
  assert.equal(devices.kind({ code: 1, PERMISSION_DENIED: 1 }), "refused");
  assert.equal(devices.kind("PERMISSION_DENIED"), "refused");
  assert.equal(devices.kind({}), "other");
  delete window.navigator.getUserMedia;
  window.navigator.mediaDevices = media;
});
`
