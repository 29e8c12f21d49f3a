/*
 * everfile.publish: records a MediaStream and sends it into an endless file.
 *
 * One life of a recorder is a *run*; what the recorder hands out at once is a
 * *chunk*, and each chunk is one binary message. The server says how many chunks
 * of the run are in the file; those after that are kept and sent again when
 * the connection was lost (uplink.js), so listeners notice nothing of it.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var LAST = 5000, LEAVE = 2000;      // ms that the last ack is waited for: at the end, and when the server stops
  var REPLACE = 1000, MISS = 2500;    // ms that a device which has gone may be replaced in: one of two, all of them
  var TEXT = {
    connecting: "Connecting.",
    recording: "Recording: the file is being written.",
    back: "Connected again: nothing is lost, recording goes on.",
    lost: "No connection - trying again.",
    overflow: "The connection was away for too long: what waited was dropped, and recording begins anew.",
    behind: "Some seconds did not get through and were left out, so that the other side hears what is said now.",
    restarted: "Recording begins anew in the same file.",
    moved: "The server is being replaced: recording goes on with the next one.",
    taken: "This name is in use by somebody else - trying again in 3 seconds.",
    replaced: "Stopped: another window is publishing under this name.",
    refused: "Stopped: the server refused the data.",
    failed: "Stopped.",
    resting: "Nobody listens: nothing is recorded until somebody does.",
    track: "A camera or microphone has gone.",
    stopping: "Sending the last bit.",
    stopped: "Stopped: the file has ended."
  };

  /* keyOf is the right to write under a name. It lives as long as the tab, so
   * that the page has the same right after a reload. */
  function keyOf(url) {
    var name = "everfile.key " + everfile.absolute(url).replace(/^\w+:\/\/[^\/]*|[?#].*$/g, "").replace(/\.\w+$/, "");
    var key = null;
    try {
      key = root.sessionStorage.getItem(name);
      if (!key) { root.sessionStorage.setItem(name, key = everfile.random(16)); }
    } catch (e) { /* no storage: the right lasts as long as the page */ }
    return key || everfile.random(16);
  }

  /*
   * publish(options) starts to publish and returns the publisher.
   *
   *   url       where: "/NAME.webm"
   *   stream    what: a MediaStream
   *   key       the right to write there (default: 128 bits of this tab's own)
   *   mimeType  what the recorder shall write, tried first (default: WebM, VP8 and Opus)
   *   only      mimeType or nothing
   *   timeslice            ms per chunk (50)
   *   keyframeEvery        ms (1000)
   *   videoBitsPerSecond   (800000)
   *   audioBitsPerSecond   (48000)
   *   rate                 of plain samples, in Hz, or near that (what the microphone has)
   *   onstate(state, text, format) one of the words above, a sentence for people, and
   *             whether it stopped for the format, so that another may do
   *   onack(chunks)        so many chunks of this run are in the file
   *   live      for a call: what is said now comes first; and a file does not end because
   *             its devices have, if others come soon
   *   onwait(ms, late)     as in uplink.js
   *
   * The publisher has:
   *   run         the ID of the present run
   *   stop(done)  ends the recorder, waits for the last chunk to arrive, ends the file
   *   restart(stream)  begins a new run of the same file, with another stream if given;
   *               what the options say by then of the format is heeded
   *   nudge()     the network is most likely back: tries at once
   *   rest(yes)   nothing is recorded, but everything is ready for the next run; or that
   *               begins
   *   stats()     {state, mimeType, chunks, acked, bytes (unacknowledged), total, reconnects, runs, seconds}
   */
  everfile.publish = function (options) {
    var stream = options.stream, publisher = { run: "" };
    var current = "", over = false, stopping = false, onstopped = [], timer = null;
    var recorder = null, mime = "", flushed = false, leaving = false, failures = 0, began = 0, meanwhile = "";
    var uplink;

    function tell(word, more, format) {
      var text = TEXT[word] + (more ? " " + more : "");
      if (word !== "track") { current = word; }
      if (options.onstate) { options.onstate(word, text, !!format); }
    }

    /* later does one thing, unless another one is to be done, or a new run begins. */
    function later(fn, ms) {
      clearTimeout(timer);
      timer = setTimeout(function () { fn(); }, ms);
    }

    // ---- the recorder

    function record() {
      recorder = everfile.recorder(stream, options, {
        onchunk: uplink.keep,
        waiting: function () { return { ms: uplink.store.age(), chunks: uplink.store.chunks() - uplink.store.first }; },
        onend: function () {
          recorder = null;
          flushed = true;
          // If nobody asked for it, all tracks have ended.
          if (stopping || leaving) { finish(); } else if (options.live) { later(stop, MISS); } else { stop(); }
        },
        onfail: function (why, dead) {
          recorder = null;
          if (failures++ || dead) { give("failed", why, true); } else { uplink.renew("restarted", why); }
        },
        onlost: lose
      });
      if (!recorder) {
        give("failed", everfile.recorder.lack(options), true);
        return;
      }
      mime = recorder.mimeType;
      began = began || everfile.now();
    }

    /* lose: a track has ended, and in the file one half stands still, and with it
     * every element. If no other stream is given soon, what is left goes on. */
    function lose(kind, left) {
      tell("track", kind === "video" ? "(The picture has stopped.)" : "(The sound has stopped.)");
      if (left && !over && !stopping && !leaving) { later(function () { uplink.renew("restarted"); }, REPLACE); }
    }

    function silence() {
      if (recorder) { recorder.drop(); }
      recorder = null;
    }

    // ---- what the uplink says

    function ready(again, left) {
      if (!recorder && !flushed && !uplink.resting) {
        record();
        if (over) { return; }
      }
      if (left) { tell("behind"); }
      if (!stopping) { tell(uplink.resting ? "resting" : again ? "back" : "recording"); }
      finish();
    }

    function renewed(word, why) {
      silence();
      if (!stopping) { clearTimeout(timer); }
      publisher.run = uplink.run;
      leaving = false;
      flushed = uplink.patient = stopping;
      if (word) { tell(word, why); }
    }

    function lost() {
      var more = recorder ? "Recording goes on meanwhile." : "";
      if (leaving) {
        uplink.renew("moved");
      } else if (!stopping && (current !== "lost" || more !== meanwhile)) {
        tell("lost", meanwhile = more);
      }
    }

    /* leave: the run ends, and the file with it; the next server's begins with another. */
    function leave() {
      if (over || stopping || leaving) { return; }
      leaving = uplink.patient = true;
      later(move, LEAVE);
      if (recorder) { recorder.stop(); } else { flushed = true; finish(); }
    }

    function move() { uplink.renew("moved", "", 1000); }

    // ---- the end

    function stop(done) {
      if (done) { onstopped.push(done); }
      if (over) { answer(); return; }
      if (stopping) { return; }
      stopping = uplink.patient = true;
      tell("stopping");
      later(function () { give("stopped"); }, LAST);
      if (recorder) {
        recorder.stop();   // hands out the last chunk, then ends
      } else {
        flushed = true;
        finish();
      }
    }

    /* finish ends the file, or goes to the next server, once the last chunk is in it. */
    function finish() {
      if (over || !flushed || !uplink.store.empty()) { return; }
      if (stopping) { give("stopped"); } else if (leaving) { move(); }
    }

    /* give stops everything, for good: the file ends. */
    function give(word, why, format) {
      if (over) { return; }
      over = true;
      silence();
      clearTimeout(timer);
      uplink.stop();
      tell(word, why, format);
      answer();
    }

    function answer() {
      while (onstopped.length) { onstopped.shift()(); }
    }

    publisher.stop = stop;

    publisher.restart = function (next) {
      if (over || stopping) { return; }
      stream = next || stream;
      uplink.renew("restarted");
    };

    publisher.rest = function (yes) {
      if (over || stopping || leaving || uplink.resting === yes) { return; }
      uplink.resting = yes;
      if (yes) {
        uplink.renew("");
      } else if (uplink.ready()) {
        ready(false, false);
      }
    };

    publisher.nudge = function () { uplink.nudge(); };

    publisher.stats = function () {
      var store = uplink.store;
      return {
        state: current, mimeType: mime, chunks: store.chunks(), acked: store.first, bytes: store.bytes,
        total: store.total, reconnects: uplink.reconnects, runs: uplink.runs,
        seconds: began && !over ? (everfile.now() - began) / 1000 : 0
      };
    };

    uplink = everfile.uplink({
      url: options.url, key: options.key || (/[?&]key=/.test(options.url) ? "" : keyOf(options.url)),
      live: options.live, onwait: options.onwait,
      onready: ready, onrenew: renewed, onlost: lost, onleave: leave, onover: give,
      onack: function (chunks) {
        if (options.onack) { options.onack(chunks); }
        finish();
      },
      ontaken: function () { tell("taken"); },
      onrefused: function (why) {
        if (failures++ || stopping) { give("refused", why, true); } else { uplink.renew("restarted", why); }
      }
    });
    tell("connecting");
    uplink.renew("");
    return publisher;
  };
}(window));
