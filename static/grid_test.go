package static

import "testing"

// Where the tiles of a room are, what a room is called, and who speaks.
func TestGrid(t *testing.T) {
	node(t, doms, gridTest, "everfile.js", "page.js", "devices.js", "rooms.js", "grid.js", "levels.js")
}

// doms is as much of a document as the pages' scripts ask for: elements by id or made,
// that note where they are put.
const doms = `
let made, focused;

class Element extends Target {
  constructor(tag) {
    super();
    Object.assign(this, { tagName: tag.toUpperCase(), style: {}, hidden: false, text: "", className: "", value: "", attributes: {}, parts: {}, childNodes: [], parentNode: null, puts: 0, volume: 1 });
    this.videoWidth = this.naturalWidth = 0;
  }
  get textContent() { return this.text + this.childNodes.map((c) => c.textContent).join(""); }
  set textContent(s) { this.text = s; this.childNodes.slice().forEach((c) => { c.parentNode = null; }); this.childNodes = []; }
  get firstChild() { return this.childNodes[0] || null; }
  get lastChild() { return this.childNodes[this.childNodes.length - 1] || null; }
  get clientWidth() { return this.width || 0; }
  get clientHeight() { return this.height || 0; }
  getAttribute(n) { return n in this.attributes ? this.attributes[n] : null; }
  setAttribute(n, v) { this.attributes[n] = String(v); }
  removeAttribute(n) { delete this.attributes[n]; }
  hasAttribute(n) { return n in this.attributes; }
  querySelector(s) { return this.parts[s] = this.parts[s] || Object.assign(new Element(/button|more|pin/.test(s) ? "button" : "p"), { parentNode: this }); }
  querySelectorAll() { return []; }
  cloneNode() { return new Element(this.tagName); }
  appendChild(e) { if (e.parentNode && e.parentNode.childNodes) { e.parentNode.removeChild(e); } this.childNodes.push(e); e.parentNode = this; e.puts++; return e; }
  insertBefore(e, next) { this.appendChild(e); this.childNodes.splice(this.childNodes.indexOf(next), 0, this.childNodes.pop()); return e; }
  removeChild(e) { this.childNodes = this.childNodes.filter((c) => c !== e); e.parentNode = null; if (e.contains(focused)) { focused = window.document.body; } }
  contains(e) { for (; e; e = e.parentNode) { if (e === this) { return true; } } return false; }
  focus() { focused = this; }
  select() {}
  play() {}
  click() { this.fire("click"); }
}

function dom() {
  made = {};
  Object.assign(window.document, {
    body: new Element("body"), getElementById: (id) => made[id] = made[id] || new Element(/button|join|again/.test(id) ? "button" : "p"),
    createElement: (tag) => new Element(tag), createTextNode: (t) => Object.assign(new Element("#text"), { text: t }), querySelector: () => new Element("li"), querySelectorAll: () => [],
  });
  focused = window.document.body;
  for (const id of ["crowded", "knock", "sharing", "tap", "alone", "lobby-wrong"]) { window.document.getElementById(id).hidden = true; }
}
Object.defineProperty(window.document, "activeElement", { get: () => focused });
window.location = { hash: "", host: "test", protocol: "http:", pathname: "/", search: "", hostname: "test" };
window.history = { pushState: (a, b, url) => { window.location.hash = (/#.*/.exec(url) || [""])[0]; } };
let kept = {};
window.sessionStorage = { getItem: (k) => kept[k], setItem: (k, v) => { kept[k] = v; }, removeItem: (k) => { delete kept[k]; } };
dom();
`

const gridTest = `
const page = window.everfile.page, grid = page.grid;

for (const [w, h, what] of [[980, 560, "wide"], [348, 480, "a phone"], [348, 90, "a phone, with a panel"], [600, 1000, "high"], [1900, 900, "very wide"]]) {
  for (const n of [1, 2, 3, 4, 6, 9, 16, 30, 100]) {
    for (const large of [-1, 0, n - 1]) {
      test(what + ": " + n + (large < 0 ? "" : ", one of them large: " + large), () => {
        const places = grid.plan(n, w, h, large);
        assert.equal(places.length, n);
        places.forEach((p, i) => {
          assert.ok(p.w > 0 && p.h > 0 && p.x >= 0 && p.y >= 0 && p.x + p.w <= w, JSON.stringify(p));
          places.forEach((q, j) => assert.ok(i === j || p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y, i + " is over " + j));
          if (i !== large || n === 1) { assert.ok(p.w / p.h < 1.83 && p.w / p.h > 1.29, "aspect " + p.w / p.h); }
          if (large >= 0 && n > 1 && i !== large) { assert.ok(p.w * p.h < places[large].w * places[large].h || h < 100, "not the large one"); }
        });
        if (n <= 9 && h > 400) { assert.ok(places.every((p) => p.y + p.h <= h), "without scrolling"); }
        if (large < 0) { assert.equal(new Set(places.map((p) => p.w + " " + p.h)).size, 1, "all alike"); }
      });
    }
  }
}

test("how loud something is", () => {
  const loud = (level) => window.everfile.devices.loudness({ getByteTimeDomainData: (a) => a.forEach((_, i) => { a[i] = i % 2 ? 128 + level : 128 - level; }) }, new Uint8Array(64));
  assert.deepEqual([0, 1, 7, 127].map((l) => Math.round(loud(l) * 100)), [0, 16, 50, 100]);
});

test("addresses that lead to this machine alone", () => {
  const was = window.location.hostname;
  const is = (name) => { window.location.hostname = name; return page.local(); };
  assert.ok(["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"].every(is));
  assert.ok(!["", "localhost.example", "example.org", "192.168.1.27", "127.example.org", "[::2]"].some(is));
  window.location.hostname = was;
});

test("in rows as one would", () => {
  const rows = (n, w, h) => { const c = {}; grid.plan(n, w, h).forEach((p) => { c[p.y] = (c[p.y] || 0) + 1; }); return Object.values(c).join(); };
  assert.deepEqual([1, 2, 3, 4, 6, 9, 16].map((n) => rows(n, 980, 560)), ["1", "2", "2,1", "2,2", "3,3", "3,3,3", "4,4,4,4"]);
  assert.deepEqual([2, 6].map((n) => rows(n, 348, 480)), ["1,1", "2,2,2"]);
  assert.deepEqual(grid.plan(0, 980, 560), []);
  assert.deepEqual(grid.plan(3, 0, 0), []);
});

test("a tile that stays is given another place, and is not put anywhere again", () => {
  dom();
  const box = new Element("ul"), li = {};
  Object.assign(box, { width: 980, height: 560 });
  grid.begin(box);
  for (const name of ["a", "b", "c", "d"]) { grid.add(name, li[name] = new Element("li")); }
  const before = li.b.style.left + li.b.style.top;
  grid.remove("a");
  grid.large("c");
  assert.equal(li.c.getAttribute("data-size"), "large");
  grid.large("");
  grid.add("e", li.e = new Element("li"));
  assert.notEqual(li.b.style.left + li.b.style.top, before);
  assert.deepEqual(box.childNodes, [li.b, li.c, li.d, li.e]);
  assert.deepEqual(["b", "c", "d"].map((n) => li[n].puts), [1, 1, 1]);
  box.width = 300;
  window.fire("resize");
  assert.ok(parseInt(li.b.style.width, 10) <= 300);
  li.d.querySelector("button").focus();
  grid.remove("d");
  assert.equal(focused, li.e.querySelector("button"), "the focus goes to the next one");
  grid.remove("e");
  assert.equal(focused, li.c.querySelector("button"));
  grid.end();
  assert.equal(listening, 0);
  assert.equal(box.childNodes.length, 0);
});

test("names of rooms", () => {
  for (const [hash, room, wrong] of [["", "", ""], ["#standup", "standup", ""], ["#a%62c", "abc", ""], ["#no such", "", "letters"], ["#%", "", "letters"], ["#a.b", "", "letters"], ["#" + "x".repeat(65), "", "letters"], ["#call-x", "", "those of calls"]]) {
    window.location.hash = hash;
    const at = page.rooms.at();
    assert.equal(at.room, room, hash);
    assert.ok(wrong ? at.wrong.includes(wrong) : at.wrong === "", at.wrong);
  }
  const one = page.rooms.friendly();
  assert.match(one, /^[a-z]+-[a-z]+-[a-z2-9]{6}$/);
  assert.equal(page.rooms.wrong(one), "");
  assert.equal(page.rooms.link("standup"), "http://test/#standup");
  window.location.hash = "#standup";
  page.rooms.leave();
  assert.equal(window.location.hash, "");
});

test("who speaks: not who coughs, and not only between two words", () => {
  const gate = page.levels.gate();
  const steps = (level, n) => { let yes; for (let i = 0; i < n; i++) { yes = gate.step(level, 100); } return yes; };
  assert.equal(steps(0.1, 20), false);
  assert.equal(steps(0.6, 1), false, "a click");
  assert.equal(steps(0.1, 5), false);
  assert.equal(steps(0.6, 2), true);
  assert.equal(steps(0.3, 50), true, "between the two thresholds it stays");
  assert.equal(steps(0.1, 5), true, "a pause");
  assert.equal(steps(0.6, 1), true);
  assert.equal(steps(0.1, 7), true);
  assert.equal(steps(0.1, 1), false);
  assert.equal(steps(0.3, 50), false);
});

test("one AudioContext for all who are followed, and none afterwards", () => {
  let contexts = 0, open = 0, level = 128;
  window.AudioContext = class extends Target {
    constructor() { super(); contexts++; open++; this.state = "running"; }
    createAnalyser() { return { getByteTimeDomainData: (a) => a.forEach((_, i) => { a[i] = i % 2 ? level : 256 - level; }) }; }
    createMediaStreamSource() { return { connect() {}, disconnect() {} }; }
    close() { open--; }
  };
  Object.setPrototypeOf(MediaStream.prototype, Target.prototype);
  const said = [], sound = () => Object.assign(stream("audio", "video"), { handlers: [] });
  const one = sound(), stop = [page.levels.follow(one, (yes) => said.push(["a", yes])), page.levels.follow(sound(), (yes) => said.push(["b", yes]))];
  assert.equal(one.getVideoTracks()[0].readyState, "ended", "only the sound is wanted");
  level = 200;
  advance(300);
  assert.deepEqual(said, [["a", true], ["b", true]]);
  stop[0]();
  stop[0]();
  assert.deepEqual(said[2], ["a", false]);
  assert.equal(one.getAudioTracks()[0].readyState, "ended");
  level = 128;
  advance(2000);
  assert.deepEqual(said[3], ["b", false]);
  stop[1]();
  assert.deepEqual([contexts, open, timers.length, listening], [1, 0, 0, 0]);
  assert.equal(page.levels.follow(null, () => {}), null);
  delete window.AudioContext;
});
`
