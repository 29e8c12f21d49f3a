/*
 * everfile.publish: records a MediaStream and sends it into an endless file.
 *
 * One life of a recorder is a *run*; what the recorder hands out at once is a
 * *chunk*, and each chunk is one binary message. The server says how many chunks
 * of the run are in the file; those after that are kept here and sent again when
 * the connection was lost, so listeners notice nothing of it.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var LIMIT = 8 * 1024 * 1024;      // bytes kept unacknowledged, before giving up on the run
  var QUIET = 10000;                // ms without an ack, before the socket counts as dead
  var LAST = 5000;                  // ms that stop() waits for the last ack
  var TEXT = {
    connecting: "Connecting.",
    recording: "Recording: the file is being written.",
    back: "Connected again: nothing is lost, recording goes on.",
    lost: "No connection - trying again.",
    overflow: "The connection was away for too long: what waited was dropped, and recording begins anew.",
    restarted: "Recording begins anew in the same file.",
    taken: "This name is in use by somebody else - trying again in 3 seconds.",
    replaced: "Stopped: another window is publishing under this name.",
    refused: "Stopped: the server refused the data.",
    failed: "Stopped.",
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
   *   timeslice            ms per chunk (50)
   *   videoBitsPerSecond   (800000)
   *   audioBitsPerSecond   (48000)
   *   onstate(state, text) one of the words above, and a sentence for people
   *   onack(chunks)        so many chunks of this run are in the file
   *
   * The publisher has:
   *   run         the ID of the present run
   *   stop(done)  ends the recorder, waits for the last chunk to arrive, ends the file
   *   restart(stream)  begins a new run of the same file, with another stream if given
   *   stats()     {state, mimeType, chunks, acked, bytes (unacknowledged), total, reconnects, runs, seconds}
   */
  everfile.publish = function (options) {
    var stream = options.stream, key = options.key || keyOf(options.url);
    var publisher = { run: "" };
    var current = "", over = false, stopping = false, onstopped = [];
    var socket = null, ready = false, heard = 0, delay = 250, connectTimer = null, lastTimer = null;
    var recorder = null, mime = "", flushed = false, began = 0;
    var held = [], first = 0, sent = 0, waiting = 0;   // held[0] is chunk number first; sent is the next to send
    var produced = 0, counts = { reconnects: 0, runs: 0 }, failures = 0, wasReady = false, renewing = false;
    var offs = [], watchdog;

    function tell(word, more) {
      var text = TEXT[word] + (more ? " " + more : "");
      if (word !== "track") { current = word; }
      if (options.onstate) { options.onstate(word, text); }
    }

    // ---- the recorder

    function record() {
      recorder = everfile.recorder(stream, {
        mimeType: options.mimeType, timeslice: options.timeslice,
        videoBitsPerSecond: options.videoBitsPerSecond, audioBitsPerSecond: options.audioBitsPerSecond,
        onchunk: keep,
        onend: function () {
          recorder = null;
          flushed = true;
          // If nobody asked for it, all tracks have ended.
          if (stopping) { finish(); } else { stop(); }
        },
        onfail: function (why) {
          recorder = null;
          if (failures++) { give("failed", why); } else { renew("restarted", why); }
        }
      });
      if (!recorder) {
        give("failed", root.MediaRecorder ? "This browser's recorder cannot write WebM from this camera or microphone."
          : "This browser has no MediaRecorder.");
        return;
      }
      mime = recorder.mimeType;
      began = everfile.now();
    }

    function silence() {
      if (recorder) { recorder.drop(); }
      recorder = null;
    }

    // ---- what is not acknowledged

    function keep(blob) {
      held.push(blob);
      waiting += blob.size;
      produced += blob.size;
      if (waiting > LIMIT) { renew("overflow"); } else { send(); }
    }

    function acknowledge(chunks) {
      while (first < chunks && held.length) {
        waiting -= held.shift().size;
        first++;
      }
      if (sent < first) { sent = first; }
    }

    function send() {
      while (ready && sent < first + held.length) {
        try { socket.send(held[sent - first]); } catch (e) { drop(); return; }
        sent++;
      }
    }

    /* renew gives up what waits and begins a new run: on a new socket, once the
     * old one is closed, because the name is not free before. */
    function renew(word, why) {
      silence();
      held = [];
      first = sent = waiting = 0;
      publisher.run = everfile.random(16);
      counts.runs++;
      wasReady = false;
      renewing = !!socket;
      if (word) { tell(word, why); }
      if (socket) { drop(3000, "new run"); } else if (connectTimer === null) { connect(); }
    }

    // ---- the socket

    function connect() {
      var ws, url = everfile.absolute(options.url, true);
      clearTimeout(connectTimer);
      connectTimer = null;
      if (over || socket) { return; }
      if (!current) { tell("connecting"); }
      url = everfile.withQuery(everfile.withQuery(url, "run", publisher.run), "key", key);
      try { ws = new root.WebSocket(url); } catch (e) { give("failed", e.message); return; }
      socket = ws;
      ready = false;
      heard = everfile.now();
      ws.onmessage = function (e) { if (ws === socket) { receive(e.data); } };
      ws.onclose = function (e) { if (ws === socket) { closed(e.code, e.reason); } };
    }

    function receive(data) {
      var m;
      try { m = JSON.parse(data); } catch (e) { return; }
      heard = everfile.now();
      if (m.type === "ready") {
        welcome(m.chunks || 0, m.known);
      } else if (m.type === "ack") {
        acknowledge(m.chunks);
        if (options.onack) { options.onack(m.chunks); }
        finish();
      }
    }

    /* welcome compares what the server has of this run with what is kept here. */
    function welcome(chunks, known) {
      delay = 250;
      if (chunks < first || chunks > first + held.length || (known === false && first > 0)) {
        renew("restarted");
        return;
      }
      acknowledge(chunks);
      sent = first;
      ready = true;
      if (!recorder && !flushed) {
        record();
        if (over) { return; }
      }
      if (!stopping) { tell(wasReady ? "back" : "recording"); }
      wasReady = true;
      send();
      finish();
    }

    function closed(code, reason) {
      var ours = renewing;
      socket = null;
      ready = renewing = false;
      if (over) { return; }
      if (code === 4001) {
        give("replaced");
      } else if (code === 1007 || code === 1003 || code === 1009) {
        if (failures++ || stopping) { give("refused", reason); return; }
        renew("restarted", reason);
      } else if (code === 4409) {
        tell("taken");
        again(3000);
      } else if (code >= 4000 && code < 5000) {
        give("failed", reason || "The server closed the connection with " + code + ".");
      } else if (ours) {
        again(0);
      } else {
        lost();
      }
    }

    /* lost tries again: soon at first, then every 5 s, and not all clients at once. */
    function lost() {
      counts.reconnects++;
      if (!stopping) { tell("lost", recorder ? "Recording goes on meanwhile." : ""); }
      again(delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, 5000);
    }

    function again(ms) {
      clearTimeout(connectTimer);
      connectTimer = setTimeout(connect, ms);
    }

    /* drop closes a socket. One that is dead would not say so for minutes, so it
     * is forgotten after a second. */
    function drop(code, reason) {
      var ws = socket;
      if (!ws) { return; }
      ready = false;
      try { ws.close(code || 3001, reason || "no answer"); } catch (e) { /* closing already */ }
      setTimeout(function () { if (ws === socket) { closed(1006, ""); } }, 1000);
    }

    function check() {
      if (!socket) { return; }
      if (ready && !held.length) { heard = everfile.now(); }
      if (everfile.now() - heard > QUIET) { heard = everfile.now(); drop(); }
    }

    // ---- the end

    function stop(done) {
      if (done) { onstopped.push(done); }
      if (over) { settle(); return; }
      if (stopping) { return; }
      stopping = true;
      tell("stopping");
      lastTimer = setTimeout(function () { give("stopped"); }, LAST);
      if (recorder) {
        recorder.stop();   // hands out the last chunk, then ends
      } else {
        flushed = true;
        finish();
      }
    }

    /* finish ends the file once the last chunk is in it. */
    function finish() {
      if (!over && stopping && flushed && !held.length) { give("stopped"); }
    }

    /* give stops everything, for good. 1000 tells the server that the file ends. */
    function give(word, why) {
      var i;
      if (over) { return; }
      over = true;
      silence();
      clearTimeout(connectTimer);
      clearTimeout(lastTimer);
      clearInterval(watchdog);
      for (i = 0; i < offs.length; i++) { offs[i](); }
      if (socket) { try { socket.close(1000, "end"); } catch (e) { /* closed already */ } }
      tell(word, why);
      settle();
    }

    function settle() {
      while (onstopped.length) { onstopped.shift()(); }
    }

    function restart(next) {
      if (over || stopping) { return; }
      if (next) {
        stream = next;
        follow();
      }
      renew("restarted");
    }

    function follow() {
      var tracks = stream.getTracks(), from = stream;
      function watchTrack(track) {
        offs.push(everfile.listen(track, "ended", function () {
          if (!over && from === stream) { tell("track", track.kind === "video" ? "(The picture has stopped.)" : "(The sound has stopped.)"); }
        }));
      }
      for (var i = 0; i < tracks.length; i++) { watchTrack(tracks[i]); }
    }

    function stats() {
      return {
        state: current, mimeType: mime, chunks: first + held.length, acked: first, bytes: waiting,
        total: produced, reconnects: counts.reconnects, runs: counts.runs,
        seconds: began && !over ? (everfile.now() - began) / 1000 : 0
      };
    }

    offs.push(everfile.listen(root, "online", function () {
      // A socket from before the network went is most likely dead.
      if (socket && ready && everfile.now() - heard > 1000 && held.length) { drop(); }
      if (!socket && !over) { delay = 250; connect(); }
    }));
    watchdog = setInterval(check, 1000);
    follow();
    renew("");
    publisher.stop = stop;
    publisher.restart = restart;
    publisher.stats = stats;
    return publisher;
  };
}(window));
