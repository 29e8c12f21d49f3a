/*
 * everfile.page.levels: who speaks, by how loud each is. One AudioContext and one
 * timer do for all; both are there only while somebody is followed.
 *
 *   gate()                  pure: step(level, ms) says whether that is somebody who speaks
 *   ear(element)            a stream of what an element plays, without taking its sound
 *                           away from it; null where that cannot be had
 *   follow(stream, fn)      fn(yes) whenever that changes; returns what ends it, or null.
 *                           The stream's tracks end with it
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var levels = page.levels = {};
  var TICK = 100;                            // ms
  var OPEN = 0.38, SHUT = 0.24;              // of the way from -50 dB to 0 dB: begins to speak; does so no more
  var SURE = 150, HOLD = 800;                // ms that it takes
  var context = null, asleep = null, followed = [], timer = null, samples = null;

  levels.gate = function () {
    var yes = false, since = 0;
    return {
      step: function (level, ms) {
        var turns = yes ? level < SHUT : level > OPEN;
        since = turns ? since + ms : 0;
        if (since >= (yes ? HOLD : SURE)) {
          yes = !yes;
          since = 0;
        }
        return yes;
      }
    };
  };

  function tick() {
    followed.slice().forEach(function (one) {
      var yes = one.gate.step(one.source ? everfile.devices.loudness(one.analyser, samples) : 0, TICK);
      if (yes !== one.yes) {
        one.yes = yes;
        one.fn(yes);
      }
    });
  }

  function begin() {
    var C = root.AudioContext || root.webkitAudioContext;
    if (context) { return true; }
    if (!C) { return false; }
    try { context = new C(); } catch (e) { return false; }   // too many of them
    asleep = everfile.awake(context);
    timer = setInterval(tick, TICK);
    return true;
  }

  function rest() {
    if (followed.length || !context) { return; }
    clearInterval(timer);
    asleep();
    if (context.close) { context.close(); }
    context = null;
  }

  /* connect listens to a stream's sound; a file that is opened anew has another track. */
  function connect(one) {
    if (one.source) { one.source.disconnect(); }
    one.source = null;
    // Pictures cost, and only the sound is wanted.
    one.stream.getVideoTracks().forEach(function (t) { t.stop(); });
    if (!everfile.living(one.stream.getAudioTracks())) { return; }
    try {
      one.source = context.createMediaStreamSource(one.stream);
      one.source.connect(one.analyser);
    } catch (e) { one.source = null; }
  }

  levels.ear = function (element) {
    try {
      // The tracks of such a stream are those that are played, and are not ours to stop.
      if (element.srcObject) { return new root.MediaStream(element.srcObject.getAudioTracks().map(function (t) { return t.clone(); })); }
      return element.captureStream ? element.captureStream() : null;
    } catch (e) { return null; }   // what this browser does not let scripts hear
  };

  levels.follow = function (sound, done) {
    var one, off;
    if (!sound || !begin()) { return null; }
    one = { stream: sound, fn: done, gate: levels.gate(), yes: false, source: null, analyser: context.createAnalyser() };
    one.analyser.fftSize = 2048;
    samples = samples || new Uint8Array(2048);
    followed.push(one);
    connect(one);
    off = everfile.listen(sound, "addtrack", function () { connect(one); });
    return function () {
      if (followed.indexOf(one) < 0) { return; }
      followed.splice(followed.indexOf(one), 1);
      off();
      if (one.source) { one.source.disconnect(); }
      sound.getTracks().forEach(function (t) { t.stop(); });
      if (one.yes) { done(false); }
      rest();
    };
  };
}(window));
