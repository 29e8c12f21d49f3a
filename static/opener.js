/*
 * everfile.opener: when a watcher opens its file again, and what it asks for then:
 * all of it, or, where the connection does not bear that, the sound only.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var REOPEN = 3000;                       // ms between two openings
  var FALLS = 2, SPAN = 20000;             // so often too far behind within so many ms is too slow
  var TRY = 30000, MOST = 300000;          // ms of sound only before the picture is tried again: at first, at most
  var DUE = 8000;                          // ms that the server has to say whether it has the sound alone

  /*
   * opener(options) returns the opener.
   *
   *   url          of the file
   *   thin         sound only may do
   *   open()       opens url() now
   *   onthin(yes)  from now on it is the sound only, or the picture as well again
   *
   * It has:
   *   url()     what to give the element
   *   again(fell)   opens at once the first time, then at most every 3 s, and more rarely
   *             when that does not help; fell: because the element was too far behind, for
   *             no fault of its own
   *   away()    the file was not there: as soon as it is, it may be opened
   *   look()    several times a second, while it plays
   *   helped()  it has played well for a while
   *   fails()   how often it was opened since then
   *   due()     whether it is about to open
   *   cancel()  it is not
   *   stop()
   */
  everfile.opener = function (options) {
    var now = everfile.now, opener = {}, timer = null, openedAt = -1e9, fails = 0;
    var thin = false, thinAt = 0, pause = TRY, falls = [], tried = -1e9, request = null, never = !options.thin;

    function open() {
      opener.cancel();
      openedAt = now();
      fails++;
      options.open();
    }

    opener.again = function (fell) {
      var every = REOPEN * Math.min(8, Math.pow(2, Math.max(0, fails - 1)));
      if (fell) { slow(); }
      if (timer === null) { timer = setTimeout(open, Math.max(0, openedAt + every - now())); }
    };

    opener.away = function () {
      fails = 0;
      openedAt = -1e9;
    };

    opener.helped = function () { fails = 0; };
    opener.fails = function () { return fails; };
    opener.due = function () { return timer !== null; };
    opener.url = function () { return thin ? thinned() : options.url; };

    opener.cancel = function () {
      clearTimeout(timer);
      timer = null;
    };

    // ---- sound only

    function thinned() { return everfile.withQuery(options.url, "tracks", "audio"); }

    function set(yes) {
      thin = yes;
      thinAt = now();
      falls = [];
      options.onthin(yes);
      open();
    }

    /* ask whether the server has the sound alone. One that has not is not asked again. */
    function ask() {
      var r = new root.XMLHttpRequest();
      request = r;
      r.onreadystatechange = function () {
        if (r.readyState !== 4 || r !== request) { return; }
        request = null;
        if (r.status === 200) {
          pause = now() - tried < 2 * pause ? Math.min(pause * 2, MOST) : TRY;   // the picture did not last
          set(true);
        } else if (r.status === 406) {
          never = true;
        }
      };
      r.open("HEAD", everfile.absolute(thinned()), true);
      r.timeout = DUE;
      r.send();
    }

    function slow() {
      var n = now();
      if (never || thin || request) { return; }
      falls.push(n);
      while (falls[0] < n - SPAN) { falls.shift(); }
      // A picture that was tried again has one chance.
      if (falls.length >= FALLS || n - tried < SPAN) { ask(); }
    }

    opener.look = function () {
      if (!thin || now() - thinAt < pause) { return; }
      tried = now();
      set(false);
    };

    opener.stop = function () {
      opener.cancel();
      never = true;
      if (!request) { return; }
      request.abort();
      request = null;
    };

    return opener;
  };
}(window));
