package static

import "testing"

// Tabs of one site count each other's connections, by a channel or by storage.
func TestTabs(t *testing.T) {
	node(t, "", tabsTest, "everfile.js", "tabs.js")
}

const tabsTest = `
let ids = 0;
window.everfile.random = () => "id" + ids++;
let channels, changes, born, RealDate = Date;

class Channel {
  constructor(name) { this.name = name; channels.push(this); }
  postMessage(data) {
    channels.slice().forEach((c) => { if (c !== this && c.name === this.name && c.onmessage) { c.onmessage({ data: JSON.parse(JSON.stringify(data)) }); } });
  }
  close() { channels = channels.filter((c) => c !== this); }
}

class Store {
  constructor() { this.all = {}; }
  get length() { return Object.keys(this.all).length; }
  key(i) { return Object.keys(this.all)[i]; }
  getItem(k) { return this.all[k]; }
  setItem(k, v) { this.all[k] = v; told(); }
  removeItem(k) { delete this.all[k]; }
}
const told = () => { if (window.document.busy) { return; } window.document.busy = true; window.fire("storage"); window.document.busy = false; };

let wall;
globalThis.Date = class extends RealDate { getTime() { return wall(); } };

function fresh(channel) {
  channels = [];
  changes = 0;
  wall = () => 1e12 + clock;
  if (channel) { window.BroadcastChannel = Channel; delete window.localStorage; } else { delete window.BroadcastChannel; window.localStorage = new Store(); }
}

const open = (server) => { advance(1); return window.everfile.tabs(server || "http://s/", () => { changes++; }); };

for (const channel of [true, false]) {
  const by = channel ? "by a channel: " : "by storage: ";

  test(by + "who came first is counted by who came later", () => {
    fresh(channel);
    const a = open();
    a.hold(4);
    const b = open();
    assert.equal(b.before(), 4, "what was there is known at once");
    b.hold(1);
    advance(2500);
    assert.equal(a.before(), 0, "and never the other way round");
    a.hold(2);
    advance(2500);
    assert.equal(b.before(), 2);
    assert.ok(changes > 0);
    const c = open();
    assert.equal(c.before(), 3);
    a.stop();
    advance(2500);
    assert.deepEqual([b.before(), c.before()], [0, 1]);
    b.stop();
    c.stop();
    assert.deepEqual([timers.length, listening], [0, 0]);
  });

  test(by + "two that begin at the same moment do not both give way", () => {
    fresh(channel);
    const a = window.everfile.tabs("http://s/", () => {}), b = window.everfile.tabs("http://s/", () => {});
    a.hold(4);
    b.hold(4);
    advance(2500);
    assert.deepEqual([a.before(), b.before()].sort(), [0, 4]);
    a.stop();
    b.stop();
  });

  test(by + "one that has died is forgotten", () => {
    fresh(channel);
    const a = open();
    a.hold(4);
    const b = open();
    timers = timers.slice(2);   // a's
    channels.slice(0, 1).forEach((c) => { c.onmessage = null; });
    advance(8000);
    assert.equal(b.before(), 4);
    advance(15000);
    assert.equal(b.before(), 0);
    b.stop();
  });

  test(by + "other servers are others' connections", () => {
    fresh(channel);
    const a = open("http://t/");
    a.hold(4);
    const b = open("http://s/");
    assert.equal(b.before(), 0);
    a.stop();
    b.stop();
  });

  test(by + "a page that is left lets go", () => {
    fresh(channel);
    const a = open();
    a.hold(4);
    const b = open();
    window.fire("unload");
    advance(2500);
    assert.equal(b.before(), 0);
    a.stop();
    b.stop();
  });
}

test("rubbish in the channel, or in the storage", () => {
  fresh(true);
  const a = open();
  for (const m of [null, 1, {}, { id: 1, born: 0, n: 9 }, { id: "x", born: "0", n: 9 }, { id: "x", born: 0, n: -1 }, { id: "x", born: 0, n: 1e9 }]) {
    new Channel("everfile.seats http://s/").postMessage(m);
  }
  assert.equal(a.before(), 0);
  a.stop();
  fresh(false);
  window.localStorage.all["everfile.seats http://s/ x"] = "{";
  window.localStorage.all["everfile.seats http://s/ y"] = "null";
  window.localStorage.all["other"] = "1";
  const b = open();
  assert.equal(b.before(), 0);
  assert.deepEqual(Object.keys(window.localStorage.all), ["other"], "and our own is swept");
  b.stop();
});

test("without either a tab is alone", () => {
  delete window.BroadcastChannel;
  delete window.localStorage;
  const a = open();
  a.hold(3);
  advance(20000);
  assert.equal(a.before(), 0);
  a.stop();
  assert.equal(timers.length, 0);
});
`
