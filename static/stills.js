/*
 * everfile.stills: pictures of several people, each shown again about every two seconds,
 * by one request at a time, whoever it is for.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var EVERY = 2000, DUE = 4000;   // ms between two pictures of somebody; that one may take
  var WAIT = "1s";                // that the server may wait for one that is not there
  var TEXT = {
    connecting: "Connecting.",
    playing: "A picture every two seconds.",
    waiting: "There is no picture at the moment.",
    stopped: "Stopped."
  };

  /*
   * stills() returns a function of {element, url, onstate}, as in look.js, which shows
   * that file in an <img>, in turn with all others, and returns what look.js does.
   */
  everfile.stills = function () {
    var all = [], busy = null, timer = null, times = 0;

    function set(one, word) {
      if (one.word === word) { return; }
      one.word = word;
      one.options.onstate(word, TEXT[word]);
    }

    /* next asks for the picture that is due the longest. */
    function next() {
      var one = all.slice().sort(function (a, b) { return a.at - b.at; })[0], wait;
      if (busy) { return; }
      clearTimeout(timer);
      if (!one) { return; }
      wait = one.at + EVERY - everfile.now();
      if (wait > 0) { timer = setTimeout(next, wait); } else { load(one); }
    }

    function load(one) {
      var img = one.options.element, offs;
      function end(word) {
        if (busy !== one) { return; }
        busy = null;
        clearTimeout(timer);
        while (offs.length) { offs.pop()(); }
        if (word) { set(one, word); }
        if (word === "waiting") { img.removeAttribute("src"); }   // nothing rather than a broken one
        next();
      }
      busy = one;
      one.end = end;
      one.at = everfile.now();
      offs = [
        everfile.listen(img, "load", function () { end("playing"); }),
        everfile.listen(img, "error", function () { end("waiting"); })
      ];
      timer = setTimeout(function () { end("waiting"); }, DUE);
      // An engine that has the same URL already asks nobody.
      img.src = everfile.absolute(everfile.withQuery(everfile.withQuery(one.options.url, "wait", WAIT), "n", ++times));
    }

    return function (o) {
      var one = { options: o, at: -1e9, word: "", end: null };
      function nothing() { /* pictures come by themselves */ }
      all.push(one);
      everfile.cors(o.element);
      set(one, "connecting");
      next();
      return {
        play: nothing, pause: nothing, nudge: nothing, told: nothing,
        stats: function () { return { behind: null, state: one.word, reopens: 0 }; },
        stop: function () {
          if (all.indexOf(one) < 0) { return; }
          all.splice(all.indexOf(one), 1);
          if (one.end) { one.end(""); }
          next();
          o.element.removeAttribute("src");
          set(one, "stopped");
        }
      };
    };
  };
}(window));
