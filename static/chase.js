/*
 * everfile.chase: keeps an element close to the end of its buffer.
 *
 * Whatever an element once buffered, it stays behind by: so the buffer is
 * looked at twenty times a second, and its smallest size over 800 ms decides.
 * Above 0.25 s it plays a little faster, down to 0.15 s and not below: elements
 * have been seen to run dry with 0.11 s still in the buffer, and one that has run
 * dry buffers 1.6 s before it goes on.
 * Where it did run dry, this sender or network stutters more than that: then it
 * aims 50 ms higher. Where it came near to that it aims 20 ms higher, since small
 * stutters tell of greater ones. It comes down again 20 ms for each calm minute.
 * Above 0.6 s it seeks, and in Chromium that takes until the next keyframe has come:
 * what was buffered meanwhile is played up to 40 % faster, unless the element has run
 * dry at that within a minute.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var WINDOW = 800, HIGH = 0.25, LOW = 0.15, FAST = 1.10, FASTER = 1.4, SLOW = 0.95;
  var MORE = 0.05, MOST = 0.3, LESS = 0.02, CALM = 60000;
  var NEAR = 0.12, WARY = 0.02, WARIEST = 0.1;   // so little is near; then so much more, up to this
  var SEEK = 0.6, BACK = 0.2, EVERY = 2500, RARELY = 60000, REST = 1500, LEAP = 1000, LAND = 500;

  /*
   * chase(element) returns:
   *   step(steer)   one look; steer is false when steering is out of place
   *   ahead()       seconds buffered ahead of what plays, or null
   *   jump()        seeks to just before the buffer's end, if that is far away
   *   sought()      ms since the last seek
   *   starved       set it on "waiting", clear it on "playing"
   *   stalled()     it ran dry by itself: keep more from now on
   *   seeks         how often it sought
   *   reset()       src was set again
   */
  everfile.chase = function (element) {
    var now = everfile.now, sizes = [], seekAt = -1e9, judged = true, useless = 0;
    var chase = { starved: false, seeks: 0 };
    var margin = 0, marginAt = 0;   // what is kept beyond LOW, and since when
    var jumpAt = 0, jumpEnd = 0;    // when it last sought, and what was buffered then
    var hurtAt = -1e9;              // when it ran dry because it hurried
    var lastEnd = null, endAt = 0;   // what was buffered, and since when so much
    var oldEnd = 0, oldAt = -1e9;   // what was buffered when it went on after a rest, and when that was
    var newEnd = 0, newAt = -1e9;   // what was buffered when it last had gone far at once, and when that was

    function end() {
      var b = element.buffered;
      return b && b.length ? b.end(b.length - 1) : null;
    }

    function ahead() {
      var e = end();
      return e === null ? null : e - element.currentTime;
    }

    function sought() { return now() - seekAt; }

    function jump() {
      if (ahead() === null || ahead() <= SEEK) { return; }
      seekAt = jumpAt = now();
      jumpEnd = end();
      judged = false;
      chase.seeks++;
      sizes = [];
      // Never to the end itself: an element that is sent past it hangs.
      try { element.currentTime = end() - BACK; } catch (e) { /* not seekable: the rate must do */ }
    }

    /* judge asks half a second after a seek whether it has bought anything. Where
     * keyframes are seconds apart a seek takes as long as it saves, and some
     * engines want that much in their buffer: there the rate must do. But after an
     * outage more comes than time passes, and the first of it is no place to stay. */
    function judge(size) {
      if (judged || sought() < 500) { return; }
      judged = true;
      if (end() - jumpEnd > (now() - jumpAt) / 1000 + HIGH) {
        seekAt = -1e9;
        return;
      }
      useless = size > SEEK ? useless + 1 : 0;
    }

    /* leaps looks whether the buffer's end rested for longer than between two pieces
     * of any file, and went far within a second then: the sender was away, or the
     * network. Before what is new there is nothing, or nothing worth waiting for, and
     * how much earlier seeks have bought, and when, says nothing of this. While an
     * element seeks its end rests too, and goes far at once then: that is the seek's
     * own doing. */
    function leaps() {
      var e = end(), t = now();
      if (element.seeking || !judged) {
        lastEnd = e;
        endAt = t;
      }
      if (e === lastEnd) { return; }
      if (e !== null && lastEnd !== null) {
        if (t - endAt > REST) {
          oldEnd = lastEnd;
          oldAt = t;
        }
        if (e - lastEnd > SEEK) {
          newEnd = e;
          newAt = t;
        }
        if (t - oldAt < LEAP && e - oldEnd > (t - oldAt) / 1000 + SEEK) {
          seekAt = oldAt = -1e9;
        }
      }
      lastEnd = e;
      endAt = t;
    }

    /* landed says whether a seek would not end before what is new: Chromium hangs, if
     * it is sent to where there is nothing. */
    function landed(t) { return t - newAt > LAND || end() - newEnd > BACK + 0.05; }

    function rate(r) {
      r = Math.round(r * 100) / 100;
      if (Math.abs(r - element.playbackRate) > 0.015) {
        element.playbackRate = r;
        sizes = [];
      }
    }

    function stalled() {
      if (element.playbackRate > FAST) { hurtAt = now(); }
      margin = Math.min(MOST, margin + MORE);
      marginAt = now();
    }

    /* wary: it was closer to running dry than it should be. */
    function wary() {
      if (now() - marginAt < 1000 || margin >= WARIEST) { return; }
      margin = Math.min(WARIEST, margin + WARY);
      marginAt = now();
    }

    function step(steer) {
      var size = ahead(), t = now(), least = size, low, high, i;
      if (margin > 0 && t - marginAt > CALM) {
        margin = Math.max(0, margin - LESS);
        marginAt = t;
      }
      low = LOW + margin;
      high = HIGH + margin;
      leaps();
      if (size === null || element.paused) { return; }
      if (element.seeking) { seekAt = t; return; }   // the time since a seek is that since its end
      judge(size);
      if (size > SEEK && landed(t) && judged && sought() > (useless > 1 ? RARELY : EVERY * (1 + 3 * useless))) { jump(); return; }
      if (element.readyState < 3) { return; }
      if (!steer) { rate(1); return; }
      if (size < NEAR && sought() > 2 * WINDOW && !chase.starved) { wary(); }
      sizes.push([t, size]);
      while (sizes[0][0] < t - WINDOW) { sizes.shift(); }
      for (i = 0; i < sizes.length; i++) { least = Math.min(least, sizes[i][1]); }
      if (least < low / 2) {
        rate(SLOW);
      } else if (!chase.starved && (least > high || (least > (high + low) / 2 && element.playbackRate > 1))) {
        rate(Math.max(1.02, Math.min(least > SEEK && t - hurtAt > RARELY ? FASTER : FAST, 1 + least - low)));
      } else {
        rate(1);
      }
    }

    function reset() {
      sizes = [];
      seekAt = -1e9;
      judged = true;
      chase.starved = false;
      lastEnd = null;
      oldAt = newAt = -1e9;
    }

    chase.step = step;
    chase.ahead = ahead;
    chase.jump = jump;
    chase.stalled = stalled;
    chase.sought = sought;
    chase.reset = reset;
    return chase;
  };
}(window));
