/*
 * everfile.look: watch.js for pictures: shows an endless file of JPEGs in an <img>, or,
 * where an <img> shows no such file, the newest picture again and again.
 *
 * An <img> says next to nothing of what it shows. So it is looked at: a picture that
 * does not change while the file goes on is opened again.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var TICK = 500, PAUSE = 200;             // ms between two looks; between two single pictures
  var STARTING = 6000, FROZEN = 5000;      // ms without a picture, without another one
  var SOON = 1000, RARELY = 30000;         // ms between two openings: at first, at most
  var REJECTED = 2;                        // times that a file was there and not shown
  var TEXT = {
    connecting: "Connecting.",
    playing: "Live.",
    waiting: "Waiting for the sender: nobody is sending under this name.",
    lost: "No connection to the server - trying again.",
    unsupported: "This cannot be played here in this format.",
    refused: "The server refuses to play this",
    stopped: "Stopped."
  };

  /* print(img) is a number that is another one for another picture, or null where
   * scripts cannot see that. */
  function print(img, canvas) {
    var pixels, sum = 0, i, cx;
    try {
      cx = canvas.getContext("2d");
      cx.drawImage(img, 0, 0, 32, 18);
      pixels = cx.getImageData(0, 0, 32, 18).data;
      for (i = 0; i < pixels.length; i++) { sum = (sum * 31 + pixels[i]) % 1000003; }
    } catch (e) { return null; }
    return sum;
  }

  /*
   * look(options) shows and returns what everfile.watch would:
   *
   *   element  an <img>; its src is ours until stop()
   *   url      "/NAME.mjpeg", or "/NAME.jpg" with single
   *   single   one picture at a time is asked for
   *   onstate(state, text)   as in watch.js
   *
   * play(), pause(), stop(), told(t), nudge(), and stats(): {behind (null: nobody knows),
   * state, reopens}.
   */
  everfile.look = function (options) {
    var img = options.element, now = everfile.now, looker = {}, offs = [], canvas = root.document.createElement("canvas");
    var edge = everfile.edge({ url: options.url, pause: between, onanswer: answered });
    var current = "", over = false, ticker = null, timer = null, times = 0, reopened = 0;
    var openedAt = 0, shown = false, failing = false, away = false, rejected = 0, pause = SOON;
    var last = null, movedAt = 0, movedTo = null;   // what was seen last, since when, and how far the file was then

    function set(word, more) {
      if (current === word || over) { return; }
      current = word;
      if (options.onstate) { options.onstate(word, TEXT[word] + (more || "")); }
    }

    function open() {
      timer = null;
      if (over) { return; }
      openedAt = movedAt = now();
      movedTo = edge.last();
      // An engine that has the same URL already asks nobody.
      img.src = everfile.withQuery(everfile.withQuery(everfile.place(options.url), "wait", "30s"), "n", ++times);
    }

    function again(ms) {
      if (timer === null) { timer = setTimeout(open, ms); }
    }

    /* reopen is for when something went wrong: more and more rarely. */
    function reopen() {
      reopened++;
      again(pause);
      pause = Math.min(2 * pause, RARELY);
    }

    function seen() {
      failing = false;
      rejected = -Infinity;   // it can
      shown = true;
      set("playing");
    }

    /* fail: nothing is shown. Why, the server knows. */
    function fail() {
      if (failing || over) { return; }
      failing = true;
      openedAt = now();
      edge.ask();
    }

    function between() { return failing && timer === null ? SOON : 0; }

    function answered(status, text) {
      if (over || !failing) { return; }
      if (status === 200) {
        failing = false;
        if (away) { open(); } else if (++rejected >= REJECTED) { set("unsupported"); } else { reopen(); }
        away = false;
      } else if (status === 406 || status === 415) {
        set("unsupported");
      } else if (status === 404) {
        away = true;
        set("waiting");
      } else if (status === 0 || status >= 500) {
        away = true;
        set("lost");
      } else {
        set("refused", " (" + status + " " + text + ").");
      }
    }

    /* still says whether the same picture has been there for too long, while the file
     * went on. */
    function still() {
      var t = now(), what = print(img, canvas);
      if (what === null || what !== last || edge.last() === null) {
        last = what;
        movedAt = t;
        movedTo = edge.last();
        if (what !== null) { pause = SOON; }
        return false;
      }
      return t - movedAt > FROZEN && edge.last() - movedTo > FROZEN / 1000;
    }

    function tick() {
      if (timer !== null || failing || current === "unsupported") { return; }
      if (!shown && img.naturalWidth > 0) { seen(); }
      if (!shown) {
        if (now() - openedAt > STARTING && edge.fresh()) { fail(); }
      } else if (!options.single && still()) {
        movedAt = now();
        reopen();
      }
    }

    function loaded() {
      if (over || !(img.naturalWidth > 0)) { return; }
      seen();
      if (options.single) { again(Math.max(0, openedAt + PAUSE - now())); }
    }

    looker.play = looker.nudge = function () { if (failing && !over) { edge.ask(); } };

    looker.pause = function () { /* pictures do not wait */ };
    looker.told = function (t) { edge.told(t); };
    looker.stats = function () { return { behind: null, state: current, reopens: reopened }; };

    looker.stop = function () {
      if (over) { return; }
      set("stopped");
      over = true;
      clearInterval(ticker);
      clearTimeout(timer);
      edge.stop();
      while (offs.length) { offs.pop()(); }
      img.removeAttribute("src");
    };

    everfile.cors(img);
    canvas.width = 32;
    canvas.height = 18;
    set("connecting");
    offs.push(everfile.listen(img, "load", loaded), everfile.listen(img, "error", fail));
    open();
    edge.ask();
    ticker = setInterval(tick, TICK);
    return looker;
  };
}(window));
