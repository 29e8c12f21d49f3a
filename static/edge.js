/*
 * everfile.edge: how far an endless file has come, by the server's word;
 * everfile.lag: how far an element is behind that.
 *
 * An element tells only what it has buffered, and that saturates about two
 * seconds ahead of what plays. So the server is asked (HEAD, every two seconds)
 * for the newest media time in the file; in between, the clock goes on. In a call
 * the server tells it by itself, and then it is not asked.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var EVERY = 2000, HIDDEN = 5000, DUE = 8000, TOLD = 3000;   // ms
  var BEHIND = 3, SECOND = 1000;                 // s behind live that are too much; ms

  /*
   * edge({url, pause, onanswer}) asks until stop(). pause() says after how many ms
   * it asks again, 0 if that does not matter now; onanswer(status, text) gets the HTTP
   * status, 0 for none. The edge has:
   *   ask()      asks now
   *   asked      when it last did
   *   look()     asks now, unless it is told
   *   told(t)    t is the edge now, by word that came in another way
   *   status     of the last answer; may be overwritten by who knows better
   *   at(when)   the edge in seconds at that moment of everfile.now(), or null
   *   last()     the edge of the last answer, as it was, or null
   *   live()     whether the file is growing
   *   fresh()    whether the last answer is recent enough to act on
   *   stop()
   */
  everfile.edge = function (options) {
    var url = everfile.absolute(options.url), now = everfile.now;
    var edge = { status: 0, asked: 0 };
    var request = null, timer = null, over = false;
    var time = null, told = 0;                 // the last answer, and when it was true
    var before = null, beforeTold = 0, growing = true;
    var wordAt = -1e9;                         // when told() was last called

    function ask() {
      var asked = now(), r = new root.XMLHttpRequest();
      if (over) { return; }
      abort();
      edge.asked = asked;
      request = r;
      r.onreadystatechange = function () {
        if (r.readyState !== 4) { return; }
        request = null;
        if (r.status === 200) { note(parseFloat(r.getResponseHeader("Everfile-Edge")), (asked + now()) / 2, SECOND); }
        answer(r.status, r.statusText);
      };
      r.open("HEAD", url, true);
      r.send();
      timer = setTimeout(function () { abort(); answer(0, ""); }, DUE);
    }

    function answer(status, text) {
      clearTimeout(timer);
      edge.status = status;
      options.onanswer(status, text);
      if (over || request) { return; }
      clearTimeout(timer);
      timer = setTimeout(ask, options.pause() || (!due() ? TOLD : root.document.hidden ? HIDDEN : EVERY));
    }

    /* due says whether there is no word but by asking. */
    function due() { return now() - wordAt >= TOLD; }

    function look() { if (due()) { ask(); } }

    function hear(t) {
      if (over) { return; }
      wordAt = now();
      edge.status = 200;
      note(t, wordAt, EVERY);
      if (request || options.pause()) { return; }   // whoever asks still needs the answer
      clearTimeout(timer);
      timer = setTimeout(ask, TOLD);
    }

    function abort() {
      clearTimeout(timer);
      if (request) {
        request.onreadystatechange = null;
        request.abort();
      }
      request = null;
    }

    function note(t, when, apart) {
      if (isNaN(t)) { return; }
      // Two answers close together say nothing about growth.
      if (before === null || when - beforeTold >= apart) {
        growing = before === null || t < before || (t - before) > (when - beforeTold) / 4000;
        before = t;
        beforeTold = when;
      }
      time = t;
      told = when;
    }

    function at(when) {
      return time === null ? null : time + (growing ? (when - told) / 1000 : 0);
    }

    function last() { return time; }

    function live() { return growing; }

    function fresh() { return time !== null && now() - told < 1.5 * EVERY; }

    function stop() {
      over = true;
      abort();
    }

    edge.ask = ask;
    edge.look = look;
    edge.told = hear;
    edge.at = at;
    edge.last = last;
    edge.live = live;
    edge.fresh = fresh;
    edge.stop = stop;
    return edge;
  };

  /*
   * lag(element, chase, edge) returns:
   *   reset()     src was set again
   *   orient()    one look at where the element is
   *   behind()    seconds behind live, or null
   *   late(age)   it has been too far behind for a while, age ms after it was opened
   *   hopeless()  opening again because of that was tried and does not help
   *   more()      the file has more than a second after what plays
   */
  everfile.lag = function (element, chase, edge) {
    var now = everfile.now, lag = {};
    var joined = null, origin = "", certain = false, since = 0;   // of this opening
    var times = 0, distrust = false;

    function reset() {
      joined = null;
      if (!certain) { origin = ""; }
      since = 0;
    }

    /* orient: Chromium's currentTime is the file's own clock, others count from
     * where they joined. The first buffered moment tells which, set against the
     * edge at that time. Near the stream's start both are the same, until the
     * buffer's end meets the edge or stays away from it. */
    function orient() {
      var b = element.buffered;
      if (!b || !b.length || origin === "file" || edge.last() === null) { return; }
      joined = joined || { start: b.start(0), at: now() };
      certain = joined.start > 0.5;
      origin = certain || edge.at(joined.at) - joined.start < 1.5 ||
        edge.live() && Math.abs(edge.at(now()) - b.end(b.length - 1)) < 0.3 ? "file" : "join";
    }

    function behind() {
      var gap = chase.ahead();
      if (gap < -1) { return null; }   // QtWebKit plays what it does not say it has
      if (gap === null || origin !== "file" || distrust) { return gap; }
      return Math.max(gap, edge.at(now()) - element.currentTime, 0);
    }

    /* Only what the server has said counts here: when the sender falls silent, a
     * clock that goes on would find the element late for something that does not
     * exist. */
    function late(age) {
      var n = now(), gap = chase.ahead(), by = gap;
      if (origin === "file" && !distrust && edge.live() && edge.fresh()) { by = Math.max(gap, edge.last() - element.currentTime); }
      if (!(by > BEHIND) || age < 1.5 * SECOND) {
        if (by < BEHIND && age > 5 * SECOND) { times = 0; }
        since = 0;
        return false;
      }
      since = since || n;
      if (n - since <= SECOND / 2) { return false; }
      since = 0;
      return true;
    }

    /* hopeless: if opening again has not helped four times and the element is at
     * the end of what it was given, it is the clocks that disagree. */
    function hopeless() {
      if (++times <= 4 || !(chase.ahead() < 1)) { return false; }
      distrust = true;
      return true;
    }

    function more() { return origin === "file" && edge.at(now()) - element.currentTime > 1; }

    lag.reset = reset;
    lag.orient = orient;
    lag.behind = behind;
    lag.late = late;
    lag.hopeless = hopeless;
    lag.more = more;
    return lag;
  };
}(window));
