/*
 * everfile.page.ring: how a page makes itself heard and seen when somebody calls.
 *
 *   unlock(done)      call it in a click: done() if from then on the page may ring aloud
 *   probe(done)       done(true) if it may already; some browsers let it, after a reload say
 *   start(name, text) rings: sound, title, vibration, and a notification if the page is not in front
 *   waiting()         the soft tone of a call that is not answered yet
 *   hush()            silent, the title goes on
 *   stop()            all of it ends, at once
 *   canAsk(), ask(done)   notifications: may it ask, and do so in a click
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, doc = root.document;
  var ring = everfile.page.ring = {};
  var context = null, unlocked = false, buffers = {}, source = null, resting = null;
  var flashing = null, title = doc.title, notification = null;

  // Each note: when (s), pitch (Hz), how loud, how long it takes to fade (s).
  var SOUNDS = {
    ring: { seconds: 3.2, notes: [
      [0, 659.3, 0.30, 0.5], [0.16, 830.6, 0.28, 0.5], [0.32, 987.8, 0.30, 0.7], [0.64, 1318.5, 0.22, 0.8],
      [1.12, 659.3, 0.30, 0.5], [1.28, 830.6, 0.28, 0.5], [1.44, 987.8, 0.30, 0.9]
    ] },
    waiting: { seconds: 4, notes: [[0, 440, 0.05, 0.7], [0, 554.4, 0.04, 0.7], [0.5, 440, 0.04, 0.9]] }
  };

  /* render writes a sound into a buffer that can be looped: what fades beyond its
   * end goes on at its beginning. So no timer is needed, which would be late in a
   * hidden page. */
  function render(sound) {
    var rate = context.sampleRate, length = Math.round(sound.seconds * rate);
    var buffer = context.createBuffer(1, length, rate), data = buffer.getChannelData(0), n, i, note, t, end, w;
    for (n = 0; n < sound.notes.length; n++) {
      note = sound.notes[n];
      end = Math.round(Math.min(sound.seconds, note[3] * 3) * rate);
      w = 2 * Math.PI * note[1];
      for (i = 0; i < end; i++) {
        t = i / rate;
        data[(Math.round(note[0] * rate) + i) % length] += note[2] * Math.min(1, t / 0.008) * Math.min(1, (end - i) / rate / 0.05) *
          Math.exp(-4 * t / note[3]) * (Math.sin(w * t) + 0.35 * Math.exp(-6 * t) * Math.sin(2 * w * t) + 0.2 * Math.exp(-14 * t) * Math.sin(4 * w * t));
      }
    }
    return buffer;
  }

  function make() {
    var C = root.AudioContext || root.webkitAudioContext;
    if (!context && C) { try { context = new C(); } catch (e) { /* too many of them: silent then */ } }
    return !!context;
  }

  function resume() {
    var promise;
    clearTimeout(resting);
    try { promise = context.resume && context.resume(); } catch (e) { /* the engine's own pace */ }
    if (promise && promise.then) { promise.then(null, function () { /* not yet */ }); }
  }

  /* rest lets the sound card sleep when nothing sounds. */
  function rest() {
    clearTimeout(resting);
    resting = setTimeout(function () {
      if (context && unlocked && !source && context.suspend) { context.suspend(); }
    }, 500);
  }

  function ran() {
    if (context && (context.state === "running" || !context.state)) { unlocked = true; }
    return unlocked;
  }

  function sound(name) {
    silence();
    if (!make()) { return; }
    buffers[name] = buffers[name] || render(SOUNDS[name]);
    source = context.createBufferSource();
    source.buffer = buffers[name];
    source.loop = true;
    source.connect(context.destination);
    source.start(0);
    resume();
  }

  function silence() {
    if (!source) { return; }
    try { source.stop(0); } catch (e) { /* it never started */ }
    source.disconnect();
    source = null;
    rest();
  }

  ring.probe = function (done) {
    if (!make()) { done(true); return; }   // nothing to turn on here
    resume();
    setTimeout(function () {
      if (ran()) { rest(); }
      done(unlocked);
    }, 400);
  };

  ring.unlock = function (done) {
    if (!unlocked) { ring.probe(function (aloud) { if (aloud && done) { done(); } }); }
  };

  function vibrate(pattern) {
    try { if (root.navigator.vibrate) { root.navigator.vibrate(pattern); } } catch (e) { /* not here */ }
  }

  function flash(text) {
    var on = false, calm = root.matchMedia && root.matchMedia("(prefers-reduced-motion: reduce)").matches;
    function turn() {
      on = !on;
      doc.title = on || calm ? text : title;
    }
    clearInterval(flashing);
    turn();
    flashing = setInterval(turn, 1000);
  }

  function notify(text, more) {
    var N = root.Notification;
    if (!N || N.permission !== "granted" || !doc.hidden && doc.hasFocus && doc.hasFocus()) { return; }
    try {
      notification = new N(text, { body: more, tag: "everfile-call", requireInteraction: true, icon: "/favicon.ico" });
      notification.onclick = function () {
        root.focus();
        this.close();
      };
    } catch (e) { /* not on Android */ }
  }

  ring.start = function (text, more) {
    var pattern = [], i;
    ring.stop();
    sound("ring");
    for (i = 0; i < 15; i++) { pattern.push(350, 150, 350, 2350); }
    if (unlocked) { vibrate(pattern); }
    flash(text);
    notify(text, more);
  };

  ring.waiting = function () {
    ring.stop();
    sound("waiting");
  };

  ring.hush = function () {
    if (!source) { return; }
    silence();
    vibrate(0);
  };

  ring.stop = function () {
    ring.hush();
    clearInterval(flashing);
    if (flashing) { doc.title = title; }
    flashing = null;
    if (notification) { notification.close(); }
    notification = null;
  };

  /* title(text) is the title when nothing rings. */
  ring.title = function (text) {
    title = text ? text + " - everfile" : "everfile";
    if (!flashing) { doc.title = title; }
  };

  /* Android has notifications for service workers only, and throws. Without permission
   * a new one shows nothing. */
  ring.canAsk = function () {
    var N = root.Notification;
    if (!N || root.isSecureContext === false || N.permission !== "default") { return false; }
    try { return !!new N(""); } catch (e) { return false; }
  };

  ring.ask = function (done) {
    var promise;
    function answered() { done(root.Notification.permission); }
    promise = root.Notification.requestPermission(answered);   // older ones call back, newer ones promise
    if (promise && promise.then) { promise.then(answered, answered); }
  };
}(window));
