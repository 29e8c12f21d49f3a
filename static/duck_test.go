package static

import "testing"

// The echo guard: a voice opens its gate, noise does not, and the loudspeaker's
// own sound does not for long.
func TestDuck(t *testing.T) { node(t, "", duckTest, "everfile.js", "duck.js") }

const duckTest = `
const gate = () => window.everfile.duck.gate();

// say is a time of one level; it returns the last gain.
function say(g, level, ms) {
  let gain;
  for (let i = 0; i < ms; i += 20) { gain = g.step(level, 20); }
  return gain;
}

// speech makes levels of phrases, syllables and pauses, 50 a second.
function speech(level, seconds, seed) {
  const out = [];
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const gauss = () => Math.sqrt(-2 * Math.log(random() + 1e-9)) * Math.cos(6.283 * random());
  while (out.length < seconds * 50) {
    for (let n = 50 + 150 * random(); n > 0;) {
      const loud = level + 4 * gauss(), length = Math.round(6 + 10 * random()), gap = Math.round(1 + 4 * random());
      for (let i = 0; i < length; i++) { out.push(loud - 12 * Math.abs(i / length - 0.4)); }
      for (let i = 0; i < gap; i++) { out.push(loud - 25); }
      n -= length + gap;
    }
    for (let i = 15 + 75 * random(); i > 0; i--) { out.push(-100); }
  }
  return out.slice(0, seconds * 50);
}

const sum = (...dbs) => 10 * Math.log10(dbs.reduce((s, d) => s + Math.pow(10, d / 10), 0));

// room returns the share of the time in which the gate is open, and of the own
// words that it is open for. The loudspeaker is heard after a delay, as loud as
// it is by then.
function room(own, other, coupling, delay) {
  const g = gate(), gains = [];
  let open = 0, words = 0, covered = 0;
  for (let i = 0; i < other.length; i++) {
    const j = i - delay / 20;
    gains.push(g.step(sum(-65, own[i], j < 0 ? -100 : other[j] + coupling + gains[j]), 20));
    open += g.open;
    if (own[i] > -35) { words++; covered += g.open; }
  }
  return { open: open / other.length, covered: covered / words };
}

const silence = (seconds) => Array(seconds * 50).fill(-100);

test("a voice opens it", () => {
  const g = gate();
  assert.equal(say(g, -65, 2000), 0);
  assert.ok(g.step(-30, 20) < 0, "at once");
  assert.equal(say(g, -30, 40), -20, "and all the way in 50 ms");
  assert.equal(say(g, -30, 3000), -20);
  assert.equal(say(g, -65, 280), -20, "it holds between two words");
  const half = say(g, -65, 200);
  assert.ok(half < -5 && half > -15, "and lets go slowly: " + half);
  assert.equal(say(g, -65, 300), 0);
});

test("quiet sounds and noise do not", () => {
  const g = gate();
  assert.equal(say(g, -46, 5000), 0, "under -45 dBFS");
  say(g, -30, 30000);
  assert.equal(g.open, false, "what is always there is noise");
  say(g, -22, 1000);
  assert.equal(g.open, false, "and less than 12 dB over it is no voice");
  say(g, -14, 100);
  assert.equal(g.open, true);
});

test("a microphone that is switched off is no measure of the noise", () => {
  const g = gate();
  say(g, -50, 20000);
  say(g, -100, 20000);
  say(g, -42, 1000);
  assert.equal(g.open, false);
});

test("a tone from the loudspeaker opens it twice, and not for long", () => {
  const r = room(silence(60), Array(3000).fill(-15), -10, 120);
  assert.ok(r.open < 0.1, "open " + r.open);
});

test("a voice from the loudspeaker does not keep it open", () => {
  for (const [coupling, delay] of [[-5, 120], [-15, 120], [-15, 300], [-25, 60], [-35, 120]]) {
    for (let seed = 1; seed < 6; seed++) {
      const r = room(silence(120), speech(-15, 120, seed * 7919), coupling, delay);
      assert.ok(r.open < 0.2, "coupling " + coupling + " dB, " + delay + " ms, seed " + seed + ": open " + r.open);
    }
  }
});

test("what was learned of the loudspeaker is forgotten", () => {
  const g = gate(), open = (level) => { const before = g.open; say(g, level, 60); const o = g.open; say(g, -65, 3000); return o && !before; };
  say(g, -65, 1000);
  for (let i = 0; i < 2; i++) {
    say(g, -20, 100);
    say(g, -45, 1500);
  }
  say(g, -65, 3000);
  assert.equal(open(-16), false, "no louder than the echo was");
  assert.equal(open(-10), true, "louder");
  say(g, -65, 30000);
  assert.equal(open(-20), true, "and half a minute later");
});

test("one's own voice opens it all the same", () => {
  for (const coupling of [-100, -15, -25]) {
    for (let seed = 1; seed < 6; seed++) {
      const r = room(speech(-20, 120, seed * 104729), speech(-15, 120, seed * 7919), coupling, 120);
      assert.ok(r.covered > 0.9, "coupling " + coupling + " dB, seed " + seed + ": covered " + r.covered);
    }
  }
});

// ---- the element

let level, contexts;

class AudioContext {
  constructor() { this.state = "running"; contexts.push(this); }
  createMediaStreamSource(s) { this.stream = s; return { connect() {}, disconnect() {} }; }
  createAnalyser() {
    return { getFloatTimeDomainData: (a) => { for (let i = 0; i < a.length; i++) { a[i] = (i % 2 ? 1 : -1) * Math.pow(10, level / 20); } } };
  }
  close() { this.closed = true; }
}

function begin(more) {
  contexts = [];
  level = -65;
  window.AudioContext = AudioContext;
  const element = { volume: 0.8 };
  return [element, window.everfile.duck(Object.assign({ element, stream: stream("audio") }, more))];
}

const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, a + " is not " + b);

test("the volume that was chosen is what it ducks from and comes back to", () => {
  const [element, duck] = begin();
  advance(1000);
  near(element.volume, 0.8);
  level = -20;
  advance(200);
  near(element.volume, 0.08);
  near(duck.gain(), 0.1);
  duck.volume(0.5);
  near(element.volume, 0.05);
  level = -65;
  advance(2000);
  near(element.volume, 0.5);
  near(duck.gain(), 1);
});

test("switched off it is as loud as ever, and costs nothing", () => {
  const [element, duck] = begin();
  level = -20;
  advance(200);
  duck.set(false);
  near(element.volume, 0.8);
  advance(1000);
  near(element.volume, 0.8);
  assert.equal(timers.length, 0);
  assert.equal(contexts[0].closed, true);
  duck.set(true);
  advance(200);
  near(element.volume, 0.08);
  duck.stop();
  near(element.volume, 0.8);
  assert.equal(timers.length, 0);
  assert.equal(contexts[1].closed, true);
  assert.equal(begin({ on: false })[1].gain(), 1);
  assert.equal(contexts.length, 0);
});

test("the stream comes and goes", () => {
  const [element, duck] = begin({ stream: null });
  assert.equal(contexts.length, 0);
  const s = stream("audio");
  duck.stream(s);
  assert.equal(contexts[0].stream, s);
  level = -20;
  advance(200);
  near(element.volume, 0.08);
  duck.stream(stream("video"));
  near(element.volume, 0.8);
  assert.equal(timers.length, 0);
});

test("without WebAudio it does nothing", () => {
  const [, duck] = begin({ on: false });
  delete window.AudioContext;
  duck.set(true);
  assert.equal(duck.gain(), 1);
  assert.equal(timers.length, 0);
});

test("whether the volume can be set at all", () => {
  const answers = [];
  for (const volume of [1, 0.3, 0]) {
    const element = { volume };
    window.everfile.duck.settable(element, (yes) => answers.push(yes));
    advance(10);
    assert.equal(element.volume, volume);
  }
  // An iPhone takes it without a word, and is as loud as ever.
  window.everfile.duck.settable({ get volume() { return 1; }, set volume(v) { /* no */ } }, (yes) => answers.push(yes));
  advance(10);
  assert.deepEqual(answers, [true, true, true, false]);
});
`
