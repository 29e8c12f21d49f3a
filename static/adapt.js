/*
 * everfile.adapt: how much a sender's link bears, found out by how long what is
 * recorded waits to be acknowledged. There are steps: less detail, fewer pictures,
 * sound only. It goes down when more than a second waits for three, and up again
 * after calm; a step up that the link did not bear is tried half as often each time.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var SLOW = 1000, PATIENCE = 3000;        // ms that wait, and for how long, before it goes down
  var CALM = 30000, MOST = 300000;         // ms of calm before it goes up: at first, at most
  var LESS = [450000, 200000], FEW = 15;   // bits per second, with the sound 500 and 250 kbit/s; pictures per second
  var TEXT = {
    bits: "Your connection is slow: the picture is sent with less detail for now.",
    fps: "Your connection is slow: fewer pictures are sent for now.",
    sound: "Your connection is slow: only your sound is sent for now.",
    more: "Your connection is better: the picture is sent with more detail again.",
    again: "Your connection is better: your picture is sent again.",
    all: "Your connection is good again: everything is sent as before."
  };

  /* ladder is the steps from what was asked for down to sound only. */
  function ladder(most, sound) {
    var steps = [{ bits: most, fps: 0, picture: true }];
    LESS.forEach(function (b) { if (b < most) { steps.push({ bits: b, fps: 0, picture: true }); } });
    steps.push({ bits: steps[steps.length - 1].bits, fps: FEW, picture: true });
    if (sound) { steps.push({ bits: 0, fps: 0, picture: false }); }
    return steps;
  }

  function words(from, to, down, top) {
    if (down) { return !to.picture ? TEXT.sound : to.fps ? TEXT.fps : TEXT.bits; }
    return top ? TEXT.all : !from.picture ? TEXT.again : TEXT.more;
  }

  /*
   * adapt(options) begins at the top.
   *
   *   bits     of the picture, per second, when all is well
   *   sound    whether there is sound, which may go without the picture
   *   onstep(step, text)   send step from now on; a sentence for people
   *
   * It has look(wait, late), several times a second: ms that the oldest chunk waits,
   * null without a connection; late is when that is too much at once. And step:
   * {bits, fps (0: as it comes), picture}, and top(): that is all there is.
   */
  everfile.adapt = function (options) {
    var now = everfile.now, steps = ladder(options.bits, options.sound), at = 0;
    var slow = null, calm = null, climbed = null, pause = CALM;   // times; null is not
    var adapt = { step: steps[0] };

    function go(by) {
      var from = adapt.step;
      at += by;
      slow = calm = null;
      adapt.step = steps[at];
      options.onstep(adapt.step, words(from, adapt.step, by > 0, at === 0));
    }

    function down() {
      if (at === steps.length - 1) { return; }
      if (climbed !== null) { pause = Math.min(pause * 2, MOST); }
      climbed = null;
      go(1);
    }

    adapt.look = function (wait, late) {
      var n = now();
      if (wait === null) {
        slow = calm = null;
      } else if (late || wait > SLOW) {
        calm = null;
        slow = slow === null ? n : slow;
        if (late || n - slow >= PATIENCE) { down(); }
      } else {
        slow = null;
        calm = calm === null ? n : calm;
        if (climbed !== null && n - climbed >= pause) {
          climbed = null;   // that was a good step
          pause = CALM;
        }
        if (at > 0 && n - calm >= pause) {
          climbed = n;
          go(-1);
        }
      }
    };

    adapt.top = function () { return at === 0; };
    return adapt;
  };

  /* paced() returns a function(stream, fps) that has a stream's camera give so many
   * pictures a second, and with 0 as many as before. Where that cannot be done
   * nothing happens. */
  everfile.adapt.paced = function () {
    var before = [];   // [track, its constraints]

    function set(track, constraints) {
      var promise;
      try { promise = track.applyConstraints(constraints); } catch (e) { return; }
      if (promise && promise.then) { promise.then(null, function () { /* it goes on as it was */ }); }
    }

    return function (stream, fps) {
      before.forEach(function (b) { if (b[0].readyState !== "ended") { set(b[0], b[1]); } });
      before = [];
      if (!stream || !fps) { return; }
      stream.getVideoTracks().forEach(function (track) {
        var was = track.getConstraints ? track.getConstraints() : {}, less = {}, name;
        if (!track.applyConstraints || track.readyState === "ended") { return; }
        for (name in was) { less[name] = was[name]; }
        less.frameRate = { ideal: fps, max: fps };
        before.push([track, was]);
        set(track, less);
      });
    };
  };
}(window));
