package static

import "testing"

// Single pictures of many people, by one request at a time.
func TestStills(t *testing.T) {
	node(t, "", stillsTest, "everfile.js", "stills.js")
}

const stillsTest = `
class Img extends Target {
  constructor() { super(); this.urls = []; }
  set src(url) { this.urls.push(url); }
  removeAttribute() { this.urls.push(""); }
}

let stills, told;

function add(name) {
  const img = new Img();
  img.still = stills({ element: img, url: "/r/" + name + ".jpg", onstate: (word, text) => told.push(name + " " + word) });
  return img;
}

function begin() { stills = window.everfile.stills(); told = []; }

test("one after the other, each again after two seconds", () => {
  begin();
  const a = add("a"), b = add("b");
  assert.deepEqual([a.urls, b.urls], [["http://test/r/a.jpg?wait=1s&n=1"], []]);
  advance(100);
  a.fire("load");
  assert.deepEqual(b.urls, ["http://test/r/b.jpg?wait=1s&n=2"]);
  advance(100);
  b.fire("load");
  advance(1700);
  assert.equal(a.urls.length + b.urls.length, 2);
  advance(100);
  assert.deepEqual(a.urls[1], "http://test/r/a.jpg?wait=1s&n=3");
  advance(500);
  assert.equal(b.urls.length, 1, "not while another one is under way");
  a.fire("load");
  assert.equal(b.urls.length, 2);
  assert.deepEqual(told, ["a connecting", "b connecting", "a playing", "b playing"]);
  assert.equal(a.still.stats().state, "playing");
});

test("nothing there, or no answer", () => {
  begin();
  const a = add("a"), b = add("b");
  a.fire("error");
  assert.deepEqual(a.urls.pop(), "", "nothing rather than a broken one");
  assert.equal(b.urls.length, 1);
  add("c");
  advance(4000);
  assert.equal(b.urls[1], "", "it was given up");
  assert.deepEqual(told, ["a connecting", "b connecting", "a waiting", "c connecting", "b waiting"]);
});

test("stopped", () => {
  begin();
  const a = add("a"), b = add("b");
  a.still.stop();
  a.still.stop();
  assert.equal(b.urls.length, 1, "the next one does not wait for it");
  b.still.stop();
  assert.deepEqual(told, ["a connecting", "b connecting", "a stopped", "b stopped"]);
  assert.deepEqual([timers.length, listening], [0, 0]);
});
`
