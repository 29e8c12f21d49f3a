/*
 * everfile.edge: how far an endless file has come, by the server's word.
 *
 * An element tells only what it has buffered, and that saturates about two
 * seconds ahead of what plays. So the server is asked (HEAD, every two seconds)
 * for the newest media time in the file; in between, the clock goes on.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var EVERY = 2000, HIDDEN = 5000, DUE = 8000;   // ms

  /*
   * edge({url, rarely, onanswer}) asks until stop(). rarely() says whether a
   * question every 10 s is enough for now; onanswer(status, text) gets the HTTP
   * status, 0 for none. The edge has:
   *   ask()      asks now
   *   status     of the last answer; may be overwritten by who knows better
   *   at(when)   the edge in seconds at that moment of everfile.now(), or null
   *   last()     the edge of the last answer, as it was, or null
   *   live()     whether the file is growing
   *   fresh()    whether the last answer is recent enough to act on
   *   stop()
   */
  everfile.edge = function (options) {
    var url = everfile.absolute(options.url), now = everfile.now;
    var edge = { status: 0 };
    var request = null, timer = null, over = false;
    var time = null, told = 0;                 // the last answer, and when it was true
    var before = null, beforeTold = 0, growing = true;

    function ask() {
      var asked = now(), r = new root.XMLHttpRequest();
      if (over) { return; }
      abort();
      request = r;
      r.onreadystatechange = function () {
        if (r.readyState !== 4) { return; }
        request = null;
        if (r.status === 200) { note(parseFloat(r.getResponseHeader("Everfile-Edge")), (asked + now()) / 2); }
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
      timer = setTimeout(ask, options.rarely() ? 10000 : root.document.hidden ? HIDDEN : EVERY);
    }

    function abort() {
      clearTimeout(timer);
      if (request) {
        request.onreadystatechange = null;
        request.abort();
      }
      request = null;
    }

    function note(t, when) {
      if (isNaN(t)) { return; }
      // Two answers close together say nothing about growth.
      if (before === null || when - beforeTold >= 1000) {
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
    edge.at = at;
    edge.last = last;
    edge.live = live;
    edge.fresh = fresh;
    edge.stop = stop;
    return edge;
  };
}(window));
