/*
 * everfile.plays: the files of others that are played in a call, each in an element:
 * sound and picture by watch.js, JPEGs by look.js, what is seen now and then by stills.js.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var TEXT = { direct: "Live, directly.", mixed: "Heard together with others, in one file." };

  function bare(url) { return url.replace(/[?#].*$/, ""); }   // without what is asked of it

  function find(list, w) { return list.filter(function (f) { return f.url === w.url && f.mime === w.mime; })[0]; }

  /*
   * plays(options) returns the files of one call after the other.
   *
   *   element(caller, mime, screen, still)   the element for that file, as in phone.js
   *   mix()                     the <audio> for a mix
   *   on(type, e), failed(url, mime, why)   as in files.js
   *
   * It has set(list): what is played now, as in a start or in a plan of seats.js; what is
   * in a new list as in the old one goes on untouched; say(list), of [file, word]: these
   * are played in another way, "direct" or "mixed"; told(url, t), tap(), nudge() and
   * stats() as in files.js.
   */
  everfile.plays = function (options) {
    var plays = {}, all = [], wanted = [], said = {}, stills = everfile.stills();

    function tell(w, word, sentence) {
      var e = { state: word, text: sentence, mime: w.mime, why: w.slow ? w.why + " " + w.slow : w.why, url: bare(w.url), caller: w.caller };
      if (w.screen) { e.screen = true; }
      if (w.still) { e.still = true; }
      if (w.mix) { e.mix = true; }
      options.on("play", e);
    }

    /* fail says it once, or as often as it takes to get it said. */
    function fail(f, why) {
      f.fault = why;
      f.said = f.said || options.failed(f.url, f.mime, why) !== false;
    }

    function slow(f, thin, sentence) {
      var e = { way: "play", yes: thin, picture: !thin, text: sentence, caller: f.caller };
      if (f.screen) { e.screen = true; }
      options.on("slow", e);
    }

    function maker(w) { return w.still ? stills : /^(image|multipart)\//.test(w.mime) ? everfile.look : everfile.watch; }

    function play(w) {
      var player = w.mix ? options.mix() : options.element(w.caller, w.mime, !!w.screen, !!w.still);
      var f = {
        url: w.url, mime: w.mime, why: w.why, caller: w.caller, screen: w.screen, still: w.still, mix: w.mix,
        gone: false, watcher: null, fault: "", said: false
      };
      if (!player) { return; }
      all.push(f);
      f.watcher = maker(w)({
        element: player, url: w.url, thin: /^video\//.test(w.mime), single: /^image\//.test(w.mime),
        onthin: function (thin) {
          if (f.gone) { return; }
          f.slow = thin ? "Your connection is slow: only the sound of " + f.caller + " is played for now." : "";
          slow(f, thin, f.slow || "The picture of " + f.caller + " is tried again.");
        },
        onstate: function (state, text) {
          tell(f, state, text);
          if (state === "unsupported" && !f.gone && !f.mix) { fail(f, text); }
        },
        onstats: function (s) {
          s.caller = f.caller;
          if (f.screen) { s.screen = true; }
          if (f.mix) { s.mix = true; }
          if (!f.gone) { options.on("stats", s); }
        }
      });
      if (f.gone) { f.watcher.stop(); }
    }

    function stop(f) {
      if (f.gone) { return; }
      all.splice(all.indexOf(f), 1);
      f.gone = true;
      if (f.slow) { slow(f, false, ""); }
      f.slow = "";
      if (f.watcher) { f.watcher.stop(); }
    }

    plays.set = function (list) {
      wanted = list;
      // All that ends before anything begins: it may be the same element.
      all.slice().forEach(function (f) { if (!find(list, f)) { stop(f); } });
      list.forEach(function (w) {
        var f = find(all, w);
        if (list !== wanted) { return; }   // what was told on the way has ended the call
        if (!f) { play(w); return; }
        f.why = w.why;
        if (f.fault) { fail(f, f.fault); }
      });
    };

    plays.say = function (list, word) {
      var before = said, now = wanted;
      said = {};
      list.forEach(function (one) {
        var key = one[1] + " " + one[0].mime + " " + one[0].url;
        said[key] = true;
        if (!before[key] && wanted === now) { tell(one[0], one[1], TEXT[one[1]]); }
      });
    };

    plays.told = function (url, t) { all.forEach(function (f) { if (f.url === url && f.watcher) { f.watcher.told(t); } }); };
    plays.nudge = function () { all.forEach(function (f) { if (f.watcher) { f.watcher.nudge(); } }); };
    plays.tap = function () { all.forEach(function (f) { if (f.watcher) { f.watcher.play(); } }); };

    plays.stats = function () {
      return all.map(function (f) {
        var s = f.watcher ? f.watcher.stats() : {};
        s.url = bare(f.url);
        s.mime = f.mime;
        return s;
      });
    };
    return plays;
  };
}(window));
