/*
 * everfile.files: the files of a call: those that are published, those that are
 * played (plays.js), as far as there are connections for them (seats.js). The server
 * says which, as whole lists; what is in a new list as in the old one goes on
 * untouched. Sound and picture of somebody may be two files, and a shared screen is
 * one more.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var SOUND = "audio/webm;codecs=opus";   // what is left of a WebM without its picture
  var OVER = /^(stopping|stopped|failed|refused|replaced)$/;   // a publisher in these begins nothing any more

  /* find is the first of a list with this url. */
  function find(list, url) { return list.filter(function (f) { return f.url === url; })[0]; }

  function bare(url) { return url.replace(/[?#].*$/, ""); }   // without the key

  /*
   * files(options) returns the files of one call after the other.
   *
   *   me()                      one's own name
   *   element, mix              as in plays.js
   *   on(type, e)               "send", "play", "slow", "stats" and "crowded", as in phone.js
   *   failed(url, mime, why)    this cannot be recorded or played in this format;
   *                             returns false if that must be said again later
   *
   * It has:
   *   set(publish, play, room)  the lists of a "start", and whether it is of a room
   *   source(stream)      what is sent: a MediaStream, or {blob, mime}, a file that was
   *                       recorded before; null is nothing
   *   share(stream)       what is sent as one's screen, a MediaStream or null
   *   kinds(), shared()   {audio, video}: what there is to send; of the screen, or null
   *   told(url, t)        the file at url has t seconds now
   *   tap()               plays again, in a click
   *   nudge()             the network is most likely back
   *   hold(yes, caller)   what that one sends comes in another way, his screen excepted: the
   *                       files are let go of; or not any more: they are opened again
   *   rest(idle)          idle(path): nobody needs that file of one's own now, and nothing
   *                       is recorded for it until somebody does
   *   stats()             {publish: [...], play: [...]}
   *   end()               stops everything
   */
  everfile.files = function (options) {
    var files = {}, wanted = { publish: [], play: [], room: false }, sends = [], held = {};   // held: by caller
    var own = { stream: null, paced: everfile.adapt.paced() }, shared = { stream: null, paced: everfile.adapt.paced() };
    var plays = everfile.plays({ element: options.element, mix: options.mix, on: options.on, failed: options.failed });
    var seats = everfile.seats({ onchange: playing, oncrowded: function (e) { options.on("crowded", e); } });

    function source(w) { return w.screen ? shared : own; }

    /* usable says whether a source has something for a file of that kind, or for its
     * picture: silence and darkness are something, tracks that have ended are not. */
    function usable(mime, from) {
      var stream = from.stream, tracks;
      if (stream && stream.blob) { return mime === stream.mime; }
      tracks = !stream ? [] : /^audio\//.test(mime) ? stream.getAudioTracks() : /^(video|image\/.*)$/.test(mime) ? stream.getVideoTracks() : stream.getTracks();
      return everfile.living(tracks);
    }

    function tell(f, word, sentence) {
      var e = { state: word, text: sentence, mime: f.mime, why: f.slow ? f.why + " " + f.slow : f.why, url: bare(f.url) };
      if (f.screen) { e.screen = true; }
      options.on("send", e);
    }

    function slow(f, less, pictured, sentence) {
      var e = { way: "send", yes: less, picture: pictured, text: sentence };
      if (f.screen) { e.screen = true; }
      options.on("slow", e);
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
      if (f.adapt) { f.from.paced(f.from.stream, step.fps); }
    }

    /* adapting is for a picture: it may be sent with less detail, or not at all. */
    function adapting(f, w) {
      if (f.slow) { slow(f, false, true, "Everything is sent as before."); }
      f.asked = w;
      f.slow = "";
      f.sounds = usable(SOUND, f.from);
      f.adapt = !/^video\/webm/.test(w.mime) || !usable("video", f.from) ? null : everfile.adapt({
        bits: w.bitsPerSecond, sound: f.sounds,
        onstep: function (step, words) {
          f.slow = f.adapt.top() ? "" : words;
          format(f, w);
          f.publisher.restart();
          if (!f.gone) { slow(f, !f.adapt.top(), step.picture, words); }
        }
      });
    }

    function publish(w) {
      var f = { url: w.url, mime: w.mime, why: w.why, screen: w.screen, from: source(w), over: false, gone: false, publisher: null, fault: "", said: false };
      f.options = {
        url: w.url,
        live: true,
        onstate: function (state, text, wrong) {
          if (f.gone) { return; }
          f.over = f.over || OVER.test(state);
          tell(f, state, text);
          if (wrong) { fail(f, text); }
        },
        onwait: function (ms, late) { if (f.adapt && !f.gone) { f.adapt.look(ms, late); } }
      };
      f.options.stream = f.from.stream;
      adapting(f, w);
      format(f, w);
      sends.push(f);
      f.publisher = (f.from.stream.blob ? everfile.upload : everfile.publish)(f.options);
      if (f.gone) { f.publisher.stop(); }   // by what it said while it began
    }

    function unpublish(f) {
      if (f.gone) { return; }
      sends.splice(sends.indexOf(f), 1);
      f.gone = true;
      if (f.adapt) { f.from.paced(null, 0); }
      if (f.publisher) { f.publisher.stop(); }
      if (!f.over) { tell(f, "stopped", "Stopped: nothing is sent."); }
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
        if (!w || !usable(w.mime, f.from) || f.over && w.mime !== f.mime) { unpublish(f); }
      });
      list.forEach(function (w) {
        var f = find(sends, w.url);
        if (list !== wanted.publish) { return; }   // what was told on the way has ended the call
        if (!f) {
          if (usable(w.mime, source(w))) { publish(w); }
          return;
        }
        f.why = w.why;
        if (f.mime !== w.mime) { change(f, w); } else if (f.fault) { fail(f, f.fault); }
      });
    }

    files.rest = function (idle) {
      sends.forEach(function (f) { if (f.publisher && f.publisher.rest) { f.publisher.rest(idle(bare(f.url))); } });
    };

    /* replace has what is sent from a source come from another stream. */
    function replace(from, next) {
      var another = !!(next && next.blob || from.stream && from.stream.blob);   // kind of source
      if (next === from.stream) { return; }
      from.stream = next;
      sends.slice().forEach(function (f) {
        if (f.from !== from) { return; }
        if (f.over || another || !usable(f.mime, from)) { unpublish(f); return; }
        if (f.sounds !== usable(SOUND, from) || !!f.adapt !== usable("video", from)) { adapting(f, f.asked); }
        format(f, f.asked);
        f.publisher.restart(next);
      });
      sending();
    }

    files.source = function (stream) { replace(own, stream); };

    files.share = function (stream) {
      replace(shared, stream);
      playing();
    };

    files.kinds = function () { return everfile.kinds(own.stream); };
    files.shared = function () { return shared.stream && everfile.kinds(shared.stream); };

    // ---- playing

    function playing() {
      var now = wanted, here = [], elsewhere = [], mixed, all;
      wanted.play.forEach(function (w) { if (held["." + w.caller] && !w.screen) { elsewhere.push(w); } else { here.push(w); } });
      all = wanted.room ? seats.plan(here, out(elsewhere)) : seats.all(here);
      if (now !== wanted) { return; }   // what was told on the way has ended the call
      plays.set(all);
      if (now !== wanted) { return; }
      mixed = here.filter(function (w) { return all.indexOf(w) < 0; });
      plays.say(elsewhere.map(function (w) { return [w, "direct"]; }).concat(mixed.map(function (w) { return [w, "mixed"]; })));
    }

    /* out is who must not be heard in a mix: oneself, and who is heard directly. */
    function out(elsewhere) {
      var names = [options.me()];
      if (shared.stream && shared.stream.getAudioTracks().length) { names.push(options.me() + "-screen"); }
      elsewhere.forEach(function (w) { if (names.indexOf(w.caller) < 0) { names.push(w.caller); } });
      return names;
    }

    /* hold: the address stays, for whoever asks for it. */
    files.hold = function (yes, who) {
      if (!!held["." + who] === yes) { return; }
      held["." + who] = yes;
      playing();
    };

    // ---- what the phone may do

    files.set = function (toPublish, toPlay, room) {
      var now = wanted = { publish: toPublish, play: toPlay, room: !!room };
      playing();
      if (now === wanted) { sending(); }
    };

    files.told = plays.told;
    files.tap = plays.tap;

    files.nudge = function () {
      sends.forEach(function (f) { if (f.publisher) { f.publisher.nudge(); } });
      plays.nudge();
    };

    files.stats = function () {
      return {
        publish: sends.map(function (f) {
          var s = f.publisher ? f.publisher.stats() : {};
          s.url = bare(f.url);
          s.mime = f.mime;
          return s;
        }),
        play: plays.stats()
      };
    };

    files.end = function () {
      held = {};
      shared.stream = null;
      files.set([], [], false);
      seats.end();
    };
    return files;
  };
}(window));
