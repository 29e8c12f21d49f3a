package static

import "testing"

// Which way a wire goes, and what goes over those that are no WebSockets.
func TestWire(t *testing.T) {
	node(t, httpFakes, wireTest, "everfile.js", "byhttp.js", "wire.js", "socket.js", "control.js", "store.js", "uplink.js")
}

const httpFakes = `
let requests, streams, beacons;

// XHR is a request that the test answers.
class XHR {
  constructor() { this.upload = {}; this.headers = {}; }
  open(method, url, async) { Object.assign(this, { method, url, async, readyState: 1 }); }
  setRequestHeader(name, value) { this.headers[name] = value; }
  send(body) { this.body = body; requests.push(this); }
  abort() { this.aborted = true; }
  getResponseHeader(name) { return name === "Everfile-Close" ? this.code || null : null; }
  answer(status, body, code) {
    Object.assign(this, { status, code, responseText: typeof body === "string" ? body : JSON.stringify(body), readyState: 4 });
    this.onreadystatechange();
  }
  get said() { return JSON.parse(this.body); }
  get query() { return Object.fromEntries(new URL(this.url).searchParams); }
}

// Events is an EventSource whose other end is the test.
class Events extends Target {
  constructor(url) { super(); this.url = url; streams.push(this); }
  addEventListener(type, fn) { this.handlers.push([type, fn]); }
  emit(type, data) { if (!this.closed) { this.handlers.filter((h) => h[0] === type).forEach((h) => h[1]({ data: JSON.stringify(data) })); } }
  close() { this.closed = true; }
}

// Text is a WebSocket of 2011.
class Text extends Socket {
  constructor(url, protocol) { super(url, protocol); this.readyState = 1; }
  send(data) {
    if (typeof data !== "string") { throw new TypeError("text only"); }
    this.said.push(data);
  }
}

// Reader is a FileReader that is done when the test says so.
class Reader {
  readAsDataURL(blob) { readers.push(() => { this.result = blob.size ? "data:video/webm;codecs=vp8,opus;base64,(" + blob.size + ")" : "data:"; this.onload(); }); }
}
let readers;

class Blob {
  constructor(parts) { this.parts = parts; this.size = parts.reduce((n, p) => n + p.size, 0); }
}
`

const wireTest = `
const hidden = "binaryType";

// fresh loads the scripts anew, so that nothing is known of earlier pages.
function fresh(more) {
  requests = [];
  streams = [];
  beacons = [];
  readers = [];
  Object.assign(window, { WebSocket: Socket, EventSource: Events, XMLHttpRequest: XHR, FileReader: Reader, Blob, Uint8Array, btoa, onpagehide: null }, more);
  window.navigator.sendBeacon = (url, body) => { beacons.push([url, body && JSON.parse(body)]); return true; };
  scripts();
}

function open(media) {
  const said = [], w = window.everfile.wire(media ? "/a.webm?run=one" : "/ws", media);
  w.onopen = () => said.push("open");
  w.onmessage = (e) => said.push(JSON.parse(e.data));
  w.onclose = (e) => said.push("close " + e.code + (e.reason ? " " + e.reason : ""));
  w.heard = said;
  return w;
}

const socket = () => sockets[sockets.length - 1];
const request = () => requests[requests.length - 1];
const source = () => streams[streams.length - 1];

// fail has WebSockets fail until another way is gone.
function fail() {
  for (let i = 0; i < 20; i++) {
    const n = sockets.length, w = open(false);
    if (sockets.length === n) { return w; }
    socket().end(1006);
  }
  throw new Error("no other way was gone");
}

function line() {
  source().emit("line", { id: "secret" });
}

test("a WebSocket that opens is all there is", () => {
  fresh();
  const w = open(true);
  assert.equal(w.way, "socket");
  assert.equal(socket().url, "ws://test/a.webm?run=one");
  assert.equal(socket().protocol, undefined);
  socket().open();
  w.send({ size: 5 });
  assert.deepEqual(socket().said, [{ size: 5 }]);
  socket().hear({ type: "ack" });
  socket().end(4001, "why");
  assert.deepEqual(w.heard, ["open", { type: "ack" }, "close 4001 why"]);
  assert.equal(requests.length + streams.length, 0);
});

test("text only: chunks in base64, in their order", () => {
  fresh({ WebSocket: function (url, protocol) { const s = new Text(url, protocol); return new Proxy(s, { has: (o, k) => k !== hidden && k in o }); } });
  const w = open(true);
  assert.equal(w.way, "base64");
  assert.equal(socket().protocol, "everfile.base64");
  assert.equal(sockets.length, 1, "and not a second one: they would take the run from each other");
  w.send({ size: 5 });
  w.send({ size: 0 });
  w.send(new Uint8Array([0, 255, 16]).buffer);
  assert.equal(readers.length, 1, "one after the other");
  assert.equal(w.bufferedAmount, 8);
  w.close(1000, "end");
  assert.equal(socket().closing, null);
  readers[0]();
  readers[1]();
  assert.deepEqual(socket().said, ["(5)", "", "AP8Q"]);
  assert.equal(socket().closing, 1000, "and the end is after them");
  assert.equal(w.bufferedAmount, 0);
  const c = open(false);
  assert.equal(socket().protocol, undefined);
  c.send("{}");
  assert.deepEqual(socket().said, ["{}"]);
});

test("a WebSocket of 2012 has binary in itself only", () => {
  fresh({ WebSocket: function (url, protocol) { return new Socket(url, protocol); } });
  const w = open(true);
  assert.equal(socket().protocol, "everfile.base64", "that must be asked for before it is known");
  assert.equal(w.way, "socket");
});

test("binary that is refused when it is tried", () => {
  fresh({ WebSocket: Text });
  let w = open(true);
  assert.equal(w.way, "socket");
  socket().open();
  assert.throws(() => w.send({ size: 5 }));
  w = open(true);
  assert.equal(w.way, "base64");
  assert.equal(socket().protocol, "everfile.base64");
});

test("no WebSocket at all", () => {
  fresh({ WebSocket: undefined });
  assert.ok(window.everfile.wire.able());
  assert.equal(open(false).way, "messages");
  assert.equal(open(true).way, "chunks");
  fresh({ WebSocket: undefined, EventSource: undefined });
  assert.ok(!window.everfile.wire.able());
  assert.throws(() => open(false));
});

test("what is no WebSocket is counted while it is there", () => {
  const open1 = () => window.everfile.byhttp.open;
  fresh({ WebSocket: undefined });
  assert.equal(open1(), 0);
  const a = open(false), b = open(true);
  assert.equal(open1(), 2);
  line();
  a.close(3001);
  a.close(3001);
  assert.equal(open1(), 1);
  request().answer(0, "");
  assert.equal(open1(), 0, b.heard.join());
  fresh();
  open(true);
  assert.equal(open1(), 0);
});

test("WebSockets that never open", () => {
  fresh();
  open(false);
  socket().end(1006);
  open(false);
  socket().end(1006);
  const w = open(false);
  assert.equal(w.way, "messages");
  line();
  assert.deepEqual(w.heard, ["open"]);
  assert.equal(open(true).way, "chunks", "for media, too");
  advance(59000);
  assert.equal(open(false).way, "messages");
  advance(1000);
  assert.equal(open(false).way, "socket", "but not for ever");
  socket().end(1006);
  assert.equal(open(false).way, "messages", "one failure is enough then");
  line();
  advance(119000);
  assert.equal(open(false).way, "messages");
  advance(1000);
  assert.equal(open(false).way, "socket", "though more and more rarely");
  socket().open();
  socket().end(1006);
  assert.equal(open(false).way, "socket");
});

test("one that hangs is one too many", () => {
  fresh();
  open(false).close(3001, "no answer");
  const w = open(false);
  assert.equal(w.way, "messages");
  line();
  advance(60000);
  const again = open(false);
  assert.equal(again.way, "socket");
  advance(3000);
  assert.deepEqual(again.heard, ["close 1006"], "and the next time nobody waits as long");
  assert.equal(socket().closing, 3001);
  assert.equal(open(false).way, "messages");
});

test("one that is not wanted any more has not failed", () => {
  fresh();
  for (let i = 0; i < 5; i++) {
    open(true).close(3000, "new run");
    socket().end(1006);
  }
  assert.equal(open(true).way, "socket");
});

test("where one has opened it takes more to doubt it", () => {
  fresh();
  open(false);
  socket().end(1006);
  open(false);
  socket().open();
  socket().end(1006);
  for (let i = 0; i < 10; i++) {
    assert.equal(open(false).way, "socket");
    socket().end(1006);
  }
  let w = open(false);
  assert.equal(w.way, "messages");
  line();
  advance(0);
  assert.deepEqual(w.heard, ["close 1006"], "the server may just have come back");
  assert.equal(open(false).way, "socket", "and then it would open");
  socket().end(1006);
  w = open(false);
  assert.equal(w.way, "messages");
  line();
  assert.deepEqual(w.heard, ["open"], "but it does not");
  advance(60000);
  assert.equal(open(false).way, "socket");
  socket().end(1006);
  w = open(false);
  line();
  assert.deepEqual(w.heard, ["open"], "which need not be found out again");
});

test("an outage, and WebSockets that work after it", () => {
  fresh();
  open(false);
  socket().open();
  socket().end(1006);
  for (let i = 0; i < 20; i++) {
    const w = open(false);
    if (w.way === "socket") { socket().end(1006); } else { source().onerror(); }
  }
  while (open(false).way === "socket") { socket().end(1006); }
  line();
  assert.equal(open(false).way, "socket");
  socket().open();
  assert.equal(open(true).way, "socket");
});

test("a refusal is an answer too", () => {
  fresh();
  fail();
  line();
  advance(60000);
  open(true);
  socket().end(1006);
  const w = open(true);
  assert.equal(w.way, "chunks");
  request().answer(409, "Somebody else publishes under this name.\n", "4409");
  advance(0);
  assert.deepEqual(w.heard, ["close 4409 Somebody else publishes under this name."]);
  assert.equal(open(true).way, "chunks", "so this way it is");
  const left = open(true);
  left.close(1000, "end");
  assert.equal(open(true).way, "chunks", "who is not wanted any more has not failed");
  advance(120000);
  assert.equal(open(true).way, "socket");
});

test("a server that is away is not the WebSocket's fault", () => {
  fresh();
  fail();
  source().onerror();
  const ways = [];
  for (let i = 0; i < 4; i++) {
    const w = open(false);
    ways.push(w.way);
    if (w.way === "socket") { socket().end(1006); } else { source().onerror(); }
  }
  assert.deepEqual(ways, ["socket", "messages", "socket", "messages"]);
  open(false);
  socket().open();
  assert.equal(open(true).way, "socket");
  fresh();
  fail();
  line();
  open(false);
  source().onerror();
  assert.equal(open(false).way, "socket", "even if the other way did once");
});

test("messages: numbered, several in one POST, one POST at a time", () => {
  fresh({ WebSocket: undefined });
  const w = open(false);
  assert.equal(source().url, "http://test/ws?via=events");
  assert.throws(() => w.send("1"), "it is not open yet");
  line();
  for (let i = 1; i <= 3; i++) { w.send(String(i)); }
  assert.equal(requests.length, 1);
  assert.equal(w.bufferedAmount, 3);
  assert.equal(request().url, "http://test/ws?via=secret");
  assert.equal(request().headers["Content-Type"], "text/plain");
  assert.deepEqual(request().said, { first: 0, messages: [1] });
  request().answer(200, { next: 1 });
  assert.deepEqual(request().said, { first: 1, messages: [2, 3] });
  request().answer(200, { next: 3 });
  assert.equal(w.bufferedAmount, 0);
  assert.equal(requests.length, 2);
  source().onmessage({ data: '{"type":"welcome"}' });
  assert.deepEqual(w.heard, ["open", { type: "welcome" }]);
  source().emit("ping", {});
  assert.deepEqual(request().said, { first: 3, messages: [] }, "a question is answered");
  w.send("4");
  w.close(1000, "bye");
  request().answer(200, { next: 3 });
  assert.deepEqual(request().said, { first: 3, messages: [4], close: 1000 });
  assert.equal(source().closed, undefined);
  request().answer(200, { next: 4 });
  assert.equal(source().closed, true);
  advance(0);
  assert.deepEqual(w.heard.slice(2), ["close 1000"]);
  assert.equal(listening, 0);
  assert.equal(timers.length, 0);
});

test("messages: an answer that is lost", () => {
  fresh({ WebSocket: undefined });
  const w = open(false);
  line();
  w.send("1");
  request().answer(0, "");
  w.send("2");
  assert.equal(requests.length, 2);
  assert.deepEqual(request().said, { first: 0, messages: [1, 2] }, "the same numbers again");
  request().answer(502, "");
  assert.equal(requests.length, 2);
  advance(600);
  assert.deepEqual(request().said, { first: 0, messages: [1, 2] });
  request().answer(200, { next: 2 });
  w.send("3");
  for (let i = 0; i < 3; i++) {
    request().answer(0, "");
    advance(1000);
  }
  assert.deepEqual(w.heard, ["open", "close 1006"], "not for ever");
  assert.equal(source().closed, true);
  fresh({ WebSocket: undefined });
  const gone = open(false);
  line();
  gone.send("1");
  request().answer(404, "There is no such line.");
  advance(0);
  assert.deepEqual(gone.heard, ["open", "close 1006"], "and not where nobody is");
  assert.equal(requests.length, 1);
});

test("messages: a POST that is stuck", () => {
  fresh({ WebSocket: undefined });
  const w = open(false);
  line();
  w.send("1");
  assert.equal(request().timeout, 10000);
  advance(7000);
  request().upload.onprogress();
  assert.equal(request().timeout, 17000, "and not one that is slow");
});

test("messages: how a line ends", () => {
  fresh({ WebSocket: undefined });
  let w = open(false);
  line();
  source().emit("bye", { code: 4001, reason: "Another window." });
  advance(0);
  assert.deepEqual(w.heard, ["open", "close 4001 Another window."]);
  w = open(false);
  line();
  source().onerror();
  assert.equal(source().closed, true, "it must not come back by itself");
  advance(0);
  assert.deepEqual(w.heard, ["open", "close 1006"]);
  assert.throws(() => w.send("1"));
  w = open(false);
  line();
  w.send("1");
  w.close(3001, "no answer");
  assert.deepEqual([request().aborted, source().closed, w.heard.length], [true, true, 1], "nobody waits for who is dead");
  advance(0);
  assert.deepEqual(w.heard, ["open", "close 3001 no answer"]);
  w = open(false);
  line();
  w.send("1");
  window.fire("pagehide");
  assert.deepEqual(beacons, [["http://test/ws?via=secret", { first: 0, messages: [1], close: 1001 }]]);
  advance(0);
  assert.deepEqual(w.heard, ["open", "close 1006"], "should the page come back");
  assert.equal(listening, 0);
  assert.equal(timers.length, 0);
});

function begun(chunks) {
  fresh({ WebSocket: undefined });
  const w = open(true);
  assert.equal(request().url, "http://test/a.webm?run=one");
  request().answer(200, { type: "ready", chunks: chunks || 0, known: !!chunks });
  return w;
}

test("chunks: numbered, several in one POST, one POST at a time", () => {
  const w = begun(7);
  assert.deepEqual(w.heard, ["open", { type: "ready", chunks: 7, known: true }]);
  for (const size of [10, 20, 0]) { w.send({ size }); }
  assert.equal(requests.length, 2);
  assert.deepEqual(request().query, { run: "one", chunk: "7", sizes: "10" });
  assert.deepEqual(request().body, { size: 10 });
  assert.equal(w.bufferedAmount, 30);
  request().answer(200, { type: "ack", chunks: 8 });
  assert.deepEqual(request().query, { run: "one", chunk: "8", sizes: "20,0" });
  assert.deepEqual(request().body.parts, [{ size: 20 }, { size: 0 }]);
  request().answer(200, { type: "goaway", chunks: 10 });
  assert.deepEqual(w.heard.slice(2), [{ type: "ack", chunks: 8 }, { type: "ack", chunks: 10 }, { type: "goaway", chunks: 10 }]);
  assert.equal(requests.length, 3);
  advance(2000);
  assert.deepEqual(request().query, { run: "one", chunk: "10", sizes: "" }, "that it is here, is said");
  w.send({ size: 5 });
  w.close(1000, "end");
  request().answer(200, { type: "ack", chunks: 10 });
  request().answer(200, { type: "ack", chunks: 11 });
  assert.deepEqual(request().query, { run: "one", end: "1" });
  request().answer(200, { type: "ack", chunks: 11 });
  advance(0);
  assert.equal(w.heard[w.heard.length - 1], "close 1000");
  assert.equal(w.bufferedAmount, 0);
  assert.equal(listening, 0);
  assert.equal(timers.length, 0);
});

test("chunks: no more at once than a server takes", () => {
  const w = begun();
  w.send({ size: 1 });
  for (let i = 0; i < 500; i++) { w.send({ size: 1 }); }
  request().answer(200, { type: "ack", chunks: 1 });
  assert.equal(request().body.size, 200);
  request().answer(200, { type: "ack", chunks: 201 });
  w.send({ size: 1000000 });
  w.send({ size: 1 });
  request().answer(200, { type: "ack", chunks: 401 });
  request().answer(200, { type: "ack", chunks: 501 });
  assert.deepEqual(request().query.sizes, "1000000", "but a large one goes alone");
});

test("chunks: browsers that make no Blobs of Blobs", () => {
  const w = begun();
  window.Blob = function () { throw new TypeError("Illegal constructor"); };
  for (let i = 1; i < 4; i++) { w.send({ size: i }); }
  request().answer(200, { type: "ack", chunks: 1 });
  assert.deepEqual([request().query.sizes, request().body], ["2", { size: 2 }]);
});

test("chunks: what is sent is a sign of life", () => {
  const w = begun();
  w.send({ size: 100000 });
  w.heard.length = 0;
  advance(1000);
  request().upload.onprogress();
  request().upload.onprogress();
  advance(500);
  request().upload.onprogress();
  assert.deepEqual(w.heard, [{ type: "ack", chunks: 0 }, { type: "ack", chunks: 0 }]);
});

test("a wire that is closed does not wait for ever", () => {
  const c = begun();
  c.send({ size: 1 });
  const posted = request();
  const m = open(false);
  line();
  m.close(1000, "bye");
  c.close(3000, "new run");
  advance(4900);
  assert.equal(posted.aborted, undefined);
  advance(100);
  assert.deepEqual([posted.aborted, request().aborted, source().closed], [true, true, true]);
  assert.deepEqual([c.heard[2], m.heard[1]], ["close 1006", "close 1006"]);
  assert.equal(timers.length, 0);
});

test("chunks: how a connection ends", () => {
  for (const [status, text, code, want] of [
    [0, "", 0, "close 1006"],
    [502, "Bad Gateway", 0, "close 1006"],
    [200, "<html>Log in to this network", 0, "close 1006"],
    [413, "too large for this proxy", 0, "close 1009"],
    [409, "A newer connection.\n", "4001", "close 4001 A newer connection."],
    [415, "Byte 7.\n", "1007", "close 1007 Byte 7."],
    [200, { type: "ack", chunks: 5 }, 0, "close 1006"],
  ]) {
    const w = begun();
    w.send({ size: 1 });
    request().answer(status, text, code);
    assert.equal(w.heard.length, 2, "not from within");
    advance(0);
    assert.equal(w.heard[2], want);
    assert.equal(timers.length, 0);
  }
  let w = begun();
  w.send({ size: 1 });
  w.send({ size: 2 });
  w.close(3000, "new run");
  request().answer(200, { type: "ack", chunks: 1 });
  assert.equal(request().query.sizes, "2", "what is on its way still arrives");
  request().answer(200, { type: "ack", chunks: 2 });
  assert.deepEqual(request().query, { run: "one", end: "0" });
  request().answer(200, { type: "ack", chunks: 2 });
  advance(0);
  assert.equal(w.heard[w.heard.length - 1], "close 3000");
  w = begun();
  w.send({ size: 1 });
  w.close(3001, "no answer");
  assert.equal(request().aborted, true);
  advance(0);
  assert.equal(w.heard[2], "close 3001 no answer");
  w = begun();
  window.fire("pagehide");
  assert.deepEqual(beacons, [["http://test/a.webm?run=one&end=0", undefined]]);
  assert.equal(listening, 0);
});

test("an uplink by POST: lost, and gone on with", () => {
  fresh({ WebSocket: undefined });
  const told = [];
  const up = window.everfile.uplink({
    url: "/a.webm", key: "k", onready: (again) => told.push(again ? "again" : "ready"), onack: (n) => told.push(n),
    onrenew: () => {}, onlost: () => told.push("lost"), onwait: () => {},
  });
  up.renew("");
  const run = request().query.run;
  request().answer(200, { type: "ready", chunks: 0, known: false });
  up.keep({ size: 1 });
  up.keep({ size: 2 });
  request().answer(0, "");           // the first arrived, the answer did not
  up.keep({ size: 3 });
  const n = requests.length;
  while (requests.length === n) { advance(50); }
  assert.deepEqual(request().query, { run, key: "k" });
  request().answer(200, { type: "ready", chunks: 1, known: true });
  assert.deepEqual(request().query, { run, key: "k", chunk: "1", sizes: "2" });
  request().answer(200, { type: "ack", chunks: 2 });
  assert.deepEqual(request().query, { run, key: "k", chunk: "2", sizes: "3" });
  request().answer(200, { type: "ack", chunks: 3 });
  assert.deepEqual(told, ["ready", "lost", "again", 2, 3]);
  up.stop();
  assert.deepEqual(request().query, { run, key: "k", end: "1" });
});
`
