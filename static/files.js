/*
 * everfile.files: the files of a call: those that are published, those that are
 * played. The server says which, as whole lists; what is in a new list as in the
 * old one goes on untouched. Sound and picture of somebody may be two files.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var SOUND = "audio/webm;codecs=opus";   // what is left of a WebM without its picture
  var OVER = /^(stopping|stopped|failed|refused|replaced)$/;   // a publisher in these begins nothing any more

  /* find is the first of a list with this url, and with this mime if one is given. */
  function find(list, url, mime) {
    return list.filter(function (f) { return f.url === url && (mime === undefined || f.mime === mime); })[0];
  }

  function bare(url) { return url.replace(/[?#].*$/, ""); }   // without the key

  /*
   * files(options) returns the files of one call after the other.
   *
   *   element(caller, mime)     the media element for that caller's file
   *   on(type, e)               "send", "play", "slow" and "stats", as in phone.js
   *   failed(url, mime, why)    this cannot be recorded or played in this format;
   *                             returns false if that must be said again later
   *
   * It has:
   *   set(publish, play)  the lists of a "start"
   *   source(stream)      what is sent: a MediaStream, or {blob, mime}, a file that was
   *                       recorded before; null is nothing
   *   told(url, t)        the file at url has t seconds now
   *   tap()               plays again, in a click
   *   nudge()             the network is most likely back
   *   hold(yes)           what is played comes in another way: the files are let go of; or
   *                       not any more: they are opened again
   *   rest(idle)          idle(path): nobody needs that file of one's own now, and nothing
   *                       is recorded for it until somebody does
   *   stats()             {publish: [...], play: [...]}
   *   end()               stops everything
   */
  everfile.files = function (options) {
    var files = {}, wanted = { publish: [], play: [] }, sends = [], plays = [], stream = null, held = false;
    var paced = everfile.adapt.paced();

    /* usable says whether the stream has something for a file of that kind, or for its
     * picture: silence and darkness are something, tracks that have ended are not. */
    function usable(mime) {
      var tracks;
      if (stream && stream.blob) { return mime === stream.mime; }
      tracks = !stream ? [] : /^audio\//.test(mime) ? stream.getAudioTracks() : /^(video|image\/.*)$/.test(mime) ? stream.getVideoTracks() : stream.getTracks();
      return everfile.living(tracks);
    }

    function tell(type, f, word, sentence) {
      var e = { state: word, text: sentence, mime: f.mime, why: f.slow ? f.why + " " + f.slow : f.why, url: bare(f.url) };
      if (type === "play") { e.caller = f.caller; }
      options.on(type, e);
    }

    /* fail says it once, or as often as it takes to get it said. */
    function fail(f, why) {
      f.fault = why;
      f.said = f.said || options.failed(f.url, f.mime, why) !== false;
    }

    // ---- publishing

    /* format writes into the publisher's options what it reads at each run. */
    function format(f, w) {
      var o = f.options, step = f.adapt ? f.adapt.step : { picture: true, bits: w.bitsPerSecond, fps: 0 };
      var sound = /^audio\//.test(w.mime), thin = !step.picture;
      o.mimeType = thin ? SOUND : w.mime;
      o.only = true;   // the other side was asked about this one
      o.timeslice = w.timeslice;
      o.keyframeEvery = w.keyframeEvery;
      o.rate = w.rate;
      o.videoBitsPerSecond = sound || thin ? 0 : step.bits;
      o.audioBitsPerSecond = sound ? w.bitsPerSecond : 0;
      if (f.adapt) { paced(stream, step.fps); }
    }

    /* adapting is for a picture: it may be sent with less detail, or not at all. */
    function adapting(f, w) {
      if (f.slow) { options.on("slow", { way: "send", yes: false, picture: true, text: "Everything is sent as before." }); }
      f.asked = w;
      f.slow = "";
      f.sounds = usable(SOUND);
      f.adapt = !/^video\/webm/.test(w.mime) || !usable("video") ? null : everfile.adapt({
        bits: w.bitsPerSecond, sound: f.sounds,
        onstep: function (step, words) {
          f.slow = f.adapt.top() ? "" : words;
          format(f, w);
          f.publisher.restart();
          if (!f.gone) { options.on("slow", { way: "send", yes: !f.adapt.top(), picture: step.picture, text: words }); }
        }
      });
    }

    function publish(w) {
      var f = { url: w.url, mime: w.mime, why: w.why, over: false, gone: false, publisher: null, fault: "", said: false };
      f.options = {
        url: w.url,
        live: true,
        onstate: function (state, text, wrong) {
          if (f.gone) { return; }
          f.over = f.over || OVER.test(state);
          tell("send", f, state, text);
          if (wrong) { fail(f, text); }
        },
        onwait: function (ms, late) { if (f.adapt && !f.gone) { f.adapt.look(ms, late); } }
      };
      f.options.stream = stream;
      adapting(f, w);
      format(f, w);
      sends.push(f);
      f.publisher = (stream.blob ? everfile.upload : everfile.publish)(f.options);
      if (f.gone) { f.publisher.stop(); }   // by what it said while it began
    }

    function unpublish(f) {
      if (f.gone) { return; }
      sends.splice(sends.indexOf(f), 1);
      f.gone = true;
      if (f.adapt) { paced(null, 0); }
      if (f.publisher) { f.publisher.stop(); }
      if (!f.over) { tell("send", f, "stopped", "Stopped: nothing is sent."); }
    }

    /* change is another format at the same place: listeners open the file again. */
    function change(f, w) {
      f.mime = w.mime;
      f.fault = "";
      f.said = false;
      adapting(f, w);
      format(f, w);
      f.publisher.restart();
    }

    function sending() {
      var list = wanted.publish;
      sends.slice().forEach(function (f) {
        var w = find(wanted.publish, f.url);
        if (!w || !usable(w.mime) || f.over && w.mime !== f.mime) { unpublish(f); }
      });
      list.forEach(function (w) {
        var f = find(sends, w.url);
        if (list !== wanted.publish) { return; }   // what was told on the way has ended the call
        if (!f) {
          if (usable(w.mime)) { publish(w); }
          return;
        }
        f.why = w.why;
        if (f.mime !== w.mime) { change(f, w); } else if (f.fault) { fail(f, f.fault); }
      });
    }

    files.rest = function (idle) {
      sends.forEach(function (f) { if (f.publisher && f.publisher.rest) { f.publisher.rest(idle(bare(f.url))); } });
    };

    files.source = function (next) {
      var another = !!(next && next.blob || stream && stream.blob);   // kind of source
      if (next === stream) { return; }
      stream = next;
      sends.slice().forEach(function (f) {
        if (f.over || another || !usable(f.mime)) { unpublish(f); return; }
        if (f.sounds !== usable(SOUND) || !!f.adapt !== usable("video")) { adapting(f, f.asked); }
        format(f, f.asked);
        f.publisher.restart(stream);
      });
      sending();
    };

    // ---- playing

    function play(w) {
      var player = options.element(w.caller, w.mime);
      var f = { url: w.url, mime: w.mime, why: w.why, caller: w.caller, gone: false, watcher: null, fault: "", said: false };
      if (!player) { return; }
      plays.push(f);
      f.watcher = (/^(image|multipart)\//.test(w.mime) ? everfile.look : everfile.watch)({
        element: player, url: w.url, thin: /^video\//.test(w.mime), single: /^image\//.test(w.mime),
        onthin: function (thin) {
          if (f.gone) { return; }
          f.slow = thin ? "Your connection is slow: only the sound of " + f.caller + " is played for now." : "";
          options.on("slow", { way: "play", yes: thin, picture: !thin, text: f.slow || "The picture of " + f.caller + " is tried again." });
        },
        onstate: function (state, text) {
          tell("play", f, state, text);
          if (state === "unsupported" && !f.gone) { fail(f, text); }
        },
        onstats: function (s) {
          s.caller = f.caller;
          if (!f.gone) { options.on("stats", s); }
        }
      });
      if (f.gone) { f.watcher.stop(); }
    }

    function unplay(f) {
      if (f.gone) { return; }
      plays.splice(plays.indexOf(f), 1);
      f.gone = true;
      if (f.watcher) { f.watcher.stop(); }
    }

    /* hold: the address stays, for whoever asks for it. */
    files.hold = function (yes) {
      if (held === yes) { return; }
      held = yes;
      if (yes) {
        plays.slice().forEach(function (f) {
          if (f.slow) { options.on("slow", { way: "play", yes: false, picture: true, text: "" }); }
          f.slow = "";
          unplay(f);
        });
      }
      playing();
    };

    function playing() {
      var list = wanted.play;
      // All that ends before anything begins: it may be the same element.
      plays.slice().forEach(function (f) { if (!find(wanted.play, f.url, f.mime)) { unplay(f); } });
      list.forEach(function (w) {
        var f = find(plays, w.url, w.mime);
        if (list !== wanted.play) { return; }
        if (held) { tell("play", w, "direct", "Live, directly."); return; }
        if (!f) { play(w); return; }
        f.why = w.why;
        if (f.fault) { fail(f, f.fault); }
      });
    }

    // ---- what the phone may do

    files.set = function (toPublish, toPlay) {
      wanted = { publish: toPublish, play: toPlay };
      playing();
      sending();
    };

    files.told = function (url, t) {
      plays.forEach(function (f) { if (f.url === url && f.watcher) { f.watcher.told(t); } });
    };

    files.nudge = function () {
      sends.forEach(function (f) { if (f.publisher) { f.publisher.nudge(); } });
      plays.forEach(function (f) { if (f.watcher) { f.watcher.nudge(); } });
    };

    files.tap = function () { plays.forEach(function (f) { if (f.watcher) { f.watcher.play(); } }); };

    files.stats = function () {
      function all(list, one) {
        return list.map(function (f) {
          var s = f[one] ? f[one].stats() : {};
          s.url = bare(f.url);
          s.mime = f.mime;
          return s;
        });
      }
      return { publish: all(sends, "publisher"), play: all(plays, "watcher") };
    };

    files.end = function () {
      held = false;
      files.set([], []);
    };
    return files;
  };
}(window));
