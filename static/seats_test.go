package static

import "testing"

// Which files a page plays where it has only a few connections: a function of what is
// to be played, the connections, and what it played before.
func TestSeats(t *testing.T) {
	node(t, "", seatsTest, "everfile.js", "tabs.js", "seats.js")
}

const seatsTest = `
const plan = (list, more) => window.everfile.seats.plan(Object.assign({ list, limit: 4, out: ["me"], query: "", last: null }, more));
const file = (name, mime) => ({ caller: name.replace(/-screen$/, ""), url: "/r/" + name + ".webm?el=5s", mime: mime || "video/webm", screen: /-screen$/.test(name) || undefined });
const all = (...names) => names.map((n) => file(n));
const mixOf = (p) => (p.play.filter((w) => w.mix)[0] || { url: "" }).url;
const stills = (p) => p.play.filter((w) => w.still).map((w) => w.url);

test("who fits plays everybody", () => {
  const list = all("a", "b", "c", "d");
  const p = plan(list);
  assert.equal(p.play, list);
  assert.deepEqual([p.own, p.mixed, p.without], [["a", "b", "c", "d"], [], []]);
  assert.deepEqual(plan([]).play, []);
  assert.equal(plan(all("a", "b", "c", "d", "e", "f"), { limit: Infinity }).play.length, 6, "HTTP/2");
});

test("the first ones keep their files, the others are mixed", () => {
  const p = plan(all("a", "b", "c", "d", "e"), { query: "&rate=48000" });
  assert.deepEqual([p.own, p.mixed], [["a", "b", "c"], ["d", "e"]]);
  assert.equal(mixOf(p), "/r/mix.wav?without=me,a,b,c&rate=48000");
  assert.deepEqual(stills(p), ["/r/d.jpg", "/r/e.jpg"]);
  assert.equal(p.play.filter((w) => !w.still).length, 4, "and the mix has the fourth place");
});

test("whoever joins or leaves among the mixed leaves the mix alone", () => {
  const p = plan(all("a", "b", "c", "d", "e"));
  const q = plan(all("a", "b", "c", "d", "e", "f"), { last: p });
  const r = plan(all("a", "b", "c", "e", "f"), { last: q });
  assert.deepEqual([q.mixed, r.mixed], [["d", "e", "f"], ["e", "f"]]);
  assert.deepEqual([mixOf(q), mixOf(r)], [mixOf(p), mixOf(p)]);
  assert.deepEqual(stills(r), ["/r/e.jpg", "/r/f.jpg"]);
});

test("a seat that falls free stays so for whoever had it", () => {
  const p = plan(all("a", "b", "c", "d", "e", "f"));
  const q = plan(all("a", "c", "d", "e", "f"), { last: p });
  assert.deepEqual([q.own, mixOf(q)], [["a", "c"], mixOf(p)]);
  const back = plan(all("a", "c", "d", "e", "f", "b"), { last: q });
  assert.deepEqual([back.own, mixOf(back)], [["a", "c", "b"], mixOf(p)]);
});

test("two free seats are given away", () => {
  const p = plan(all("a", "b", "c", "d", "e", "f"));
  const q = plan(all("a", "c", "d", "e", "f"), { last: p });
  const r = plan(all("c", "d", "e", "f", "g"), { last: q });
  assert.deepEqual([r.own, r.mixed], [["c", "d", "e"], ["f", "g"]]);
  assert.equal(mixOf(r), "/r/mix.wav?without=me,c,d,e");
  const back = plan(all("c", "d", "e", "f", "a"), { last: r });
  assert.deepEqual([back.mixed, mixOf(back)], [["f", "a"], mixOf(r)], "who comes back is heard in the mix then");
});

test("when all fit again there is no mix", () => {
  const p = plan(all("a", "b", "c", "d", "e"));
  const q = plan(all("b", "c", "d", "e"), { last: p });
  assert.deepEqual([q.play.length, mixOf(q), q.mixed], [4, "", []]);
});

test("fewer connections: the last ones give way", () => {
  const p = plan(all("a", "b", "c", "d", "e"));
  const q = plan(all("a", "b", "c", "d", "e"), { last: p, limit: 2 });
  assert.deepEqual([q.own, mixOf(q)], [["a"], "/r/mix.wav?without=me,a"]);
  const r = plan(all("a", "b"), { last: q, limit: 1 });
  assert.deepEqual([r.own, r.mixed, mixOf(r)], [[], ["a", "b"], "/r/mix.wav?without=me"]);
  const s = plan(all("a", "b", "c", "d", "e"), { last: r, limit: 4 });
  assert.deepEqual(s.own, ["a", "b", "c"]);
});

test("who is heard in another way is not in the mix", () => {
  const p = plan(all("b", "c", "d"), { limit: 2, out: ["me", "a"] });
  assert.equal(mixOf(p), "/r/mix.wav?without=me,a,b");
  const q = plan(all("b", "d"), { limit: 1, out: ["me", "a", "c"], last: p });
  assert.equal(mixOf(q), "/r/mix.wav?without=me,a,c", "c is heard directly from now on, b in the mix");
  const r = plan(all("a", "b", "d"), { limit: 1, out: ["me", "c"], last: q });
  assert.equal(mixOf(r), "/r/mix.wav?without=me,c", "and a has come back to files");
});

test("sound and picture beside each other stay together", () => {
  const two = (n) => [file(n, "audio/wav"), file(n, "multipart/x-mixed-replace")];
  const p = plan(two("a").concat(two("b"), all("c")));
  assert.deepEqual([p.own, p.mixed], [["a", "c"], ["b"]], "three places: two and one");
  assert.deepEqual(stills(p), ["/r/b.jpg"]);
  assert.deepEqual(stills(plan([file("a", "audio/ogg"), file("b", "audio/ogg")], { limit: 1 })), [], "sound has no picture");
});

test("a screen is one more", () => {
  const p = plan(all("a", "b", "c", "d", "d-screen"));
  assert.deepEqual([p.own, p.mixed, stills(p)], [["a", "b", "c"], ["d", "d-screen"], ["/r/d.jpg", "/r/d-screen.jpg"]]);
  assert.deepEqual(p.play.filter((w) => w.still).map((w) => [w.caller, w.screen]), [["d", undefined], ["d", true]]);
});

test("a mix leaves at most sixteen names out", () => {
  let p = plan(all("a", "b", "c", "d", "e"), { out: ["me"] });
  for (let i = 0; i < 40; i++) {
    p = plan(all("a", "b", "c", "d", "e"), { last: p, out: ["me", "x" + i] });
    assert.ok(p.without.length <= 16);
    ["me", "x" + i].concat(p.own).forEach((n) => assert.ok(p.without.indexOf(n) >= 0, n));
  }
});

test("how many connections there are", () => {
  const limit = window.everfile.seats.limit;
  assert.deepEqual([limit(0, 0), limit(1, 0), limit(2, 0), limit(0, 4), limit(1, 9)], [4, 4, 3, 1, 1]);
});

test("the protocol is what requests went by", () => {
  const unlimited = window.everfile.seats.unlimited, was = window.performance.getEntriesByType;
  const by = (navigation, resource) => {
    window.performance.getEntriesByType = (type) => (type === "navigation" ? navigation : resource);
    return unlimited("https://here:1/");
  };
  const entry = (nextHopProtocol, name) => [{ nextHopProtocol, name: name || "https://here:1/x" }];
  for (const p of ["h2", "h3", "h3-29"]) { assert.equal(by(entry(p), []), true, p); }
  assert.equal(by(entry("http/1.1"), []), false);
  assert.equal(by(entry(""), entry("h2")), true, "a service worker's page");
  assert.equal(by(entry("h2", "https://there/"), []), false, "another server's");
  window.performance.getEntriesByType = was;
  assert.equal(unlimited("https://here:1/"), false, "nobody knows");
});

test("who is crowded out is told, and what is held counted", () => {
  const told = [], tabs = window.everfile.tabs, held = [];
  let before = 0, changed;
  window.everfile.tabs = (server, onchange) => { changed = onchange; return { before: () => before, hold: (n) => held.push(n), stop: () => held.push("stop") }; };
  const seats = window.everfile.seats({ onchange: () => told.push("change"), oncrowded: (e) => told.push(e) });
  window.everfile.byhttp = { open: 0 };
  seats.plan(all("a", "b", "c", "d", "e-screen", "f"), ["me"]);
  seats.plan(all("a", "b", "c", "d", "e-screen", "f"), ["me"]);
  assert.deepEqual([told.length, told[0].yes, told[0].names], [1, true, ["d", "e-screen", "f"]]);
  assert.match(told[0].text, /: d, the screen of e and f are heard together.*HTTPS/);
  assert.equal(held.pop(), 4);
  seats.plan(all("a"), ["me"]);
  assert.deepEqual([told.length, told[1].yes, told[1].names, held.pop()], [2, false, [], 1]);
  before = 4;
  changed();
  assert.equal(told.pop(), "change");
  seats.plan(all("a", "b"), ["me"]);
  assert.deepEqual([told.pop().names, held.pop()], [["a", "b"], 1]);
  before = 0;
  window.everfile.byhttp.open = 3;
  seats.plan(all("a", "b", "c"), ["me"]);
  assert.deepEqual(told.pop().names, ["b", "c"], "wires that are no WebSockets take connections too");
  seats.end();
  assert.equal(held.pop(), "stop");
  window.everfile.tabs = tabs;
  delete window.everfile.byhttp;
});

test("an older tab that is known by storage", () => {
  const open = window.everfile.tabs, entry = (n) => JSON.stringify({ born: Date.now() - 1000, n, at: Date.now() });
  const store = { ["everfile.seats http://test/ older"]: entry(3) };
  let opened = 0, plans = 0, inside = 0, deepest = 0, played;
  window.localStorage = {
    get length() { return Object.keys(store).length; },
    key: (i) => Object.keys(store)[i],
    getItem: (k) => store[k],
    setItem: (k, v) => { store[k] = v; },
    removeItem: (k) => { delete store[k]; },
  };
  window.everfile.tabs = (...a) => { if (++opened > 20) { throw new Error("tabs without end"); } return open(...a); };
  const playing = () => {
    plans++;
    deepest = Math.max(deepest, ++inside);
    const p = seats.plan(all("a", "b", "c"), ["me"]);
    played = p.filter((w) => !w.still).length;
    inside--;
  };
  const seats = window.everfile.seats({ onchange: playing, oncrowded: () => {} });
  playing();
  assert.deepEqual([opened, plans, deepest], [1, 1, 1], "while it plans nobody plans");
  advance(0);
  assert.deepEqual([plans, played], [2, 2], "one file and the mix: the older tab has three connections");
  advance(4000);
  assert.deepEqual([opened, plans, deepest], [1, 2, 1]);
  store["everfile.seats http://test/ older"] = entry(4);
  seats.plan(all("a"), ["me"]);
  assert.equal(plans, 2, "what it reads as it holds another number is told after that");
  advance(0);
  assert.deepEqual([opened, plans, deepest, played], [1, 3, 1, 1]);
  store["everfile.seats http://test/ older"] = entry(0);
  window.fire("storage");
  seats.end();
  advance(0);
  assert.equal(plans, 3, "and not to what is over");
  assert.deepEqual([timers.length, listening], [0, 0]);
  window.everfile.tabs = open;
  delete window.localStorage;
});
`
