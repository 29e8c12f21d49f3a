/*
 * everfile.duck: while one speaks, the other's loudspeaker is turned down.
 *
 * The echo cancellers of browsers may know nothing of a file's sound. Without them
 * the other's voice comes back through one's own microphone, and what one says
 * comes back from there. So the microphone has a gate, and while it is open the
 * element is 20 dB quieter.
 *
 * The loudspeaker opens the gate too. What tells it from a voice is that it becomes
 * quieter with the ducking, and comes back with its end: an opening that happened so
 * twice in a row was an echo, and from then on it takes more than that to open.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var TICK = 20;                                // ms
  var DEPTH = 20, ATTACK = 50, HOLD = 300, RELEASE = 400;   // dB; ms
  var ABOVE = 12, LEAST = -45, HYSTERESIS = 6;  // dB: over the noise, dBFS, and how much less holds it open
  var HEARD = 150, DUCKED = 400;                // ms after it opened: until when it is as loud as before, from when quieter
  var FALL = 14, MARGIN = 6;                    // dB that an echo falls at least; that a voice must be above it
  var SOON = 2500, TWICE = 2, NEARLY = 4;       // ms between two openings that belong together; dB that do not matter
  var FORGET = 0.3, UP = 2, DOWN = 30;          // dB per s: the echo's level; the noise's
  var MUTE = -90;                               // dBFS: no microphone is that silent

  /*
   * gate() is the pure part. step(level, ms) takes the microphone's level in dBFS
   * over the last ms, and returns the gain in dB, 0 to -20. open says how it is.
   */
  function gate() {
    var g = { open: false }, gain = 0, noise = -60, echo = -100;
    var age = 0, quiet = 0, peak = 0, later = 0, since = 1e9, times = 0;

    /* follow tracks the noise: what is there all the time. */
    function follow(level, s) {
      if (level > MUTE) { noise = level < noise ? Math.max(level, noise - DOWN * s) : Math.min(level, noise + UP * s); }
      echo -= FORGET * s;
    }

    function begin(level) {
      g.open = true;
      age = quiet = 0;
      peak = level;
      later = -200;
      if (since > SOON) { times = 0; }
    }

    /* judge: was it a voice, which stayed, or an echo, which fell with the ducking? */
    function judge() {
      g.open = false;
      since = 0;
      if (later > peak - FALL) { times = 0; return; }
      if (++times >= TWICE) { echo = Math.max(echo, peak); }
    }

    /* echoing: the volume is on its way up after what was an echo, and this is no more. */
    function echoing(level) { return times > 0 && gain < -NEARLY && level < peak; }

    g.step = function (level, ms) {
      var s = ms / 1000, hold;
      follow(level, s);
      if (!g.open) {
        since += ms;
        if (level > Math.max(noise + ABOVE, LEAST, echo + MARGIN) && !echoing(level)) { begin(level); }
      } else {
        age += ms;
        if (age <= HEARD) { peak = Math.max(peak, level); }
        if (age >= DUCKED) { later = Math.max(later, level); }
        hold = Math.max(noise + ABOVE - HYSTERESIS, LEAST - HYSTERESIS, peak - FALL);
        quiet = level > hold ? 0 : quiet + ms;
        if (quiet >= HOLD && age >= DUCKED) { judge(); }
      }
      gain += g.open ? -DEPTH * ms / ATTACK : DEPTH * ms / RELEASE;
      gain = Math.max(-DEPTH, Math.min(0, gain));
      return gain;
    };

    return g;
  }

  /* ear(stream) is how loud a stream is: level() in dBFS, stop(); or null. */
  function ear(stream) {
    var C = root.AudioContext || root.webkitAudioContext, context = null, looks = 0, source, analyser, floats, bytes;
    if (!C || !stream || !stream.getAudioTracks().length) { return null; }
    try {
      context = new C();
      source = context.createMediaStreamSource(stream);
      analyser = context.createAnalyser();
      analyser.fftSize = 1024;
      source.connect(analyser);
    } catch (e) {
      if (context && context.close) { context.close(); }
      return null;
    }

    /* Before the first click a page may not listen: so it is asked for again and again. */
    function wake() {
      var promise = context.state === "suspended" && looks++ % 100 === 0 ? context.resume() : null;
      if (promise && promise.then) { promise.then(null, function () { /* closed meanwhile */ }); }
    }

    if (analyser.getFloatTimeDomainData) { floats = new Float32Array(1024); } else { bytes = new Uint8Array(1024); }
    return {
      level: function () {
        var i, d, sum = 0;
        wake();
        if (floats) { analyser.getFloatTimeDomainData(floats); } else { analyser.getByteTimeDomainData(bytes); }
        for (i = 0; i < 1024; i++) {
          d = floats ? floats[i] : (bytes[i] - 128) / 128;
          sum += d * d;
        }
        return 10 * Math.log(sum / 1024 + 1e-10) / Math.LN10;
      },
      stop: function () {
        source.disconnect();
        if (context.close) { context.close(); }
      }
    };
  }

  /*
   * duck(options) begins at once:
   *
   *   element   whose volume is turned down
   *   stream    with one's own microphone, or null
   *   on        false begins switched off, as for headphones
   *
   * It returns set(on), stream(stream), volume(v) (0 to 1, what the user has chosen;
   * at first what the element has), gain() (1, or less while it ducks) and stop(),
   * after which the element is as loud as was chosen.
   */
  everfile.duck = function (options) {
    var element = options.element, base = element.volume, on = options.on !== false;
    var stream = options.stream, listener = null, timer = null, last = 0, door = null, factor = 1;

    function apply(f) {
      var v = Math.max(0, Math.min(1, base * f));
      factor = f;
      if (element.volume !== v) { element.volume = v; }
    }

    function tick() {
      var now = everfile.now();
      apply(Math.pow(10, door.step(listener.level(), now - last) / 20));
      last = now;
    }

    function rest() {
      clearInterval(timer);
      timer = null;
      if (listener) { listener.stop(); }
      listener = null;
      apply(1);
    }

    function begin() {
      rest();
      listener = on ? ear(stream) : null;
      if (!listener) { return; }
      door = gate();
      last = everfile.now();
      timer = setInterval(tick, TICK);
    }

    begin();
    return {
      set: function (yes) {
        if (on !== !!yes) { on = !!yes; begin(); }
      },
      stream: function (next) {
        if (stream !== next) { stream = next; begin(); }
      },
      volume: function (v) { base = v; apply(factor); },
      gain: function () { return factor; },
      stop: function () { on = false; rest(); }
    };
  };

  /* settable(element, done) calls done(yes): whether scripts set its volume. On iPhones
   * only the keys at their side do. */
  everfile.duck.settable = function (element, done) {
    var was = element.volume;
    element.volume = was > 0.5 ? was / 2 : 1;
    setTimeout(function () {
      var yes = element.volume !== was;
      element.volume = was;
      done(yes);
    }, 0);
  };

  everfile.duck.gate = gate;
}(window));
