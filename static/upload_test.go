package static

import "testing"

// A file that was recorded before is sent as it is, and its end is told when it has
// been heard.
func TestUpload(t *testing.T) { node(t, "", uploadTest, "everfile.js", "upload.js") }

const uploadTest = `
let request, states;

window.XMLHttpRequest = class {
  constructor() { request = this; this.upload = {}; this.headers = {}; }
  open(method, url) { this.line = method + " " + url; }
  setRequestHeader(name, value) { this.headers[name] = value; }
  send(body) { this.body = body; }
  abort() { this.aborted = true; }
  end(status, text) { this.readyState = 4; this.status = status; this.responseText = text; this.onreadystatechange(); }
};

function begin() {
  states = [];
  return window.everfile.upload({ url: "/c/alice.wav?key=k", stream: { blob: { size: 100 }, mime: "audio/wav" }, onstate: (s, text, format) => states.push(s + (format ? "!" : "") + ": " + text) });
}

test("sent", () => {
  const u = begin();
  assert.deepEqual([request.line, request.headers["Content-Type"], request.body.size], ["PUT http://test/c/alice.wav?key=k", "audio/wav", 100]);
  request.upload.onprogress({ loaded: 60 });
  request.upload.onprogress({ loaded: 100 });
  assert.equal(u.stats().total, 100);
  request.end(200, "");
  assert.deepEqual(states.map((s) => s.split(":")[0]), ["connecting", "recording"], "they who listen are behind");
  advance(3000);
  assert.match(states[2], /^stopped: What you recorded has been sent/);
  u.stop();
  assert.equal(states.length, 3);
});

test("refused, lost, stopped", () => {
  begin();
  request.end(415, "This is no WAV.");
  assert.match(states[2], /^failed!: .*This is no WAV\./);
  begin();
  request.end(0, "");
  assert.match(states[2], /^failed: .*the connection was lost/);
  const u = begin();
  let done = 0;
  u.stop(() => done++);
  request.end(0, "");
  assert.deepEqual([states.length, done, request.aborted, timers.length], [3, 1, true, 0]);
});
`
