/*
 * everfile.uplink: brings the chunks of one run after the other into a file, each
 * once, whatever the connection does.
 *
 * In a call what is said now comes first: when more than three seconds wait, they
 * are given up, and a new run goes on from now. They go nowhere: nobody records
 * here yet who would still want them.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var CHECK = 250, QUIET = 5000;   // ms between two looks; without an ack, before the socket counts as dead
  var BEHIND = 3000, BACK = 1000;  // ms that may wait in a call; and while it is found out that the network is back
  var SETTLE = 1500;               // ms after the connection came back, in which what has waited goes out
  var OWN = 500, OTHER = 3000;     // ms until the next try, when the name is held by an older connection of ours, by others

  /*
   * uplink(options) connects, and returns the uplink.
   *
   *   url, key            where, and the right to write there
   *   live                what is said now comes first
   *   onready(again, left)    connected: the run begins, or again goes on; left: something
   *                       was given up while there was no connection
   *   onack(chunks)       so many chunks of the run are in the file
   *   onrenew(word, why)  a new run begins: no chunk of the older one may come any more.
   *                       word is "overflow", "behind", "restarted", what renew was given, or ""
   *   onlost()            no connection; it tries again
   *   ontaken()           somebody else writes under this name; it tries again
   *   onleave()           the server is about to stop
   *   onrefused(why)      the server does not take these bytes
   *   onover(word, why, format)   "replaced" or "failed", for good; format: another one may do
   *   onwait(ms, late)    four times a second: how long the oldest chunk has waited, null
   *                       without a connection; late when it is about to be given up
   *
   * It has run (the ID), runs, reconnects, keep(blob), renew(word, why, code), nudge()
   * (the network is most likely back), stop() (the file ends), store, ready(): whether it
   * is connected, patient: nothing is given up, and resting, which may be set before a
   * renew(): the run brings nothing for now.
   */
  everfile.uplink = function (options) {
    var now = everfile.now, store = everfile.store(), uplink = { run: "", runs: 0, reconnects: 0, patient: false, resting: false };
    var socket, watchdog, off, over = false, ready = false, readyAt = 0, again = false;
    var renewing = false, renewedAt = 0, left = false;

    function keep(blob) {
      store.keep(blob);
      if (store.full()) { renew("overflow"); } else { send(); }
    }

    function send() {
      if (ready && !store.send(socket.send)) { drop(); }
    }

    // ---- runs

    /* renew gives up what waits and begins a new run: on a new socket, once the
     * old one is closed, because the name is not free before. What that one has
     * on its way still arrives, if anything does. */
    function renew(word, why, code) {
      var flowing = now() - socket.heard < 1000;
      store.clear();
      uplink.run = everfile.random(16);
      uplink.runs++;
      uplink.patient = again = false;
      renewing = socket.connected();
      renewedAt = now();
      options.onrenew(word, why);
      if (renewing) { drop(code || 3000, "new run", flowing ? 3000 : 1000); } else { socket.open(); }
    }

    function late() {
      return options.live && !uplink.patient && store.age() > BEHIND + BACK && !(ready && now() - readyAt < SETTLE);
    }

    /* abandon gives up what has waited for too long. While away that is told later. */
    function abandon() {
      left = left || !ready;
      renew(ready ? "behind" : "");
    }

    // ---- the socket

    function address() {
      var url = everfile.withQuery(everfile.withQuery(options.url, "run", uplink.run), "key", options.key);
      ready = false;
      return uplink.resting ? everfile.withQuery(url, "paused", "1") : url;
    }

    function receive(m) {
      if (m.type === "ready") {
        welcome(m.chunks || 0, m.known);
      } else if (m.type === "ack") {
        store.acknowledge(m.chunks);
        send();
        options.onack(m.chunks);
      } else if (m.type === "goaway") {
        options.onleave();
      }
    }

    /* welcome compares what the server has of this run with what is kept here. */
    function welcome(chunks, known) {
      var resumed = again, lost = left;
      socket.settled();
      if (known === false && store.first > 0 || !store.resume(chunks)) { renew("restarted"); return; }
      if (late()) { abandon(); return; }
      ready = again = true;
      left = false;
      readyAt = now();
      options.onready(resumed, lost);
      send();
    }

    /* closed returns when to try again, for everfile.socket. */
    function closed(code, reason) {
      var ours = renewing;
      ready = renewing = false;
      if (code === 4001) {
        options.onover("replaced", "", false);
      } else if (code === 1007 || code === 1003 || code === 1009) {
        options.onrefused(reason);
      } else if (code === 4409) {
        if (options.live || uplink.runs > 1 && now() - renewedAt < QUIET) { return OWN; }
        options.ontaken();
        return OTHER;
      } else if (code === 4503) {   // its memory is full for now
        options.onlost();
        return OTHER;
      } else if (code >= 4000 && code < 5000) {
        options.onover("failed", reason || "The server closed the connection with " + code + ".", code === 4415);
      } else if (ours) {
        return code === 1000 ? undefined : 0;   // who goes away needs a moment
      } else {
        uplink.reconnects++;
        options.onlost();
      }
    }

    function drop(code, reason, within) {
      ready = false;
      socket.drop(code, reason, within);
    }

    function check() {
      var n = now();
      if (ready && store.empty()) { socket.heard = n; }
      if (options.onwait && !uplink.patient) { options.onwait(ready ? store.age() : null, ready && late()); }
      if (over) { return; }
      if (late()) {
        abandon();
      } else if (socket.connected() && n - socket.heard > QUIET) {
        socket.heard = n;
        drop();
      }
    }

    function stop() {
      over = true;
      clearInterval(watchdog);
      off();
      socket.stop(1000, "end");
    }

    // In a call the control socket looks for the network, and nudges.
    socket = everfile.socket({ url: address, onmessage: receive, onclose: closed, media: true, often: options.live ? 4 : 8 });
    off = everfile.listen(root, "online", function () {
      // A socket from before the network went is most likely dead.
      if (ready && now() - socket.heard > 1000 && !store.empty()) { drop(); }
    });
    watchdog = setInterval(check, CHECK);
    uplink.store = store;
    uplink.keep = keep;
    uplink.renew = renew;
    uplink.stop = stop;
    uplink.ready = function () { return ready; };
    uplink.nudge = function () { if (!socket.connected()) { socket.retry(); } };
    return uplink;
  };
}(window));
