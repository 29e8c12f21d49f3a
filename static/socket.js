/*
 * everfile.socket: one WebSocket, or what stands in for one (wire.js), that is made
 * again whenever it is lost.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var FIRST = 250, SECOND = 500, MOST = 5000;   // ms between two tries
  var MINUTE = 60000;
  var DEAD = 1000;                              // ms that a socket has to close when it is told to

  /*
   * socket(options) keeps one WebSocket.
   *
   *   url()                  where, asked each time
   *   onopen()               it is open
   *   onmessage(m)           JSON has come
   *   onclose(code, reason)  it has closed; returns the ms until the next try, or nothing:
   *                          soon, then after a part of the time that it was away by
   *                          then, 5 s at most, and not all clients at once
   *   often                  how small a part: an eighth (8). Chromium holds sockets back
   *                          for seconds once dozens of them in a page have failed
   *   soon                   ms at most between two tries in the first minute (5 s)
   *   media                  it is for chunks; else for texts
   *
   * It has open() (unless it waits for the next try), retry() (at once), send(data)
   * -> bool, drop(code, reason, within), settled() (the next loss is a first one again),
   * connected(), heard (when the last message came, or it was made; may be set) and
   * stop(code, reason), after which nothing is called and no timer is left.
   */
  everfile.socket = function (options) {
    var now = everfile.now, ws = null, over = false, delay = FIRST, lost = null, next = null, dead = null, off;
    var socket = { heard: 0 };

    function connect() {
      var w;
      clearTimeout(next);
      next = null;
      if (over || ws) { return; }
      try { w = everfile.wire(options.url(), !!options.media); } catch (e) { again(options.onclose(4400, e.message)); return; }
      ws = w;
      socket.heard = now();
      // An older socket may still have something to say. Nobody listens.
      w.onopen = function () { if (w === ws && options.onopen) { options.onopen(); } };
      w.onmessage = function (e) { if (w === ws) { receive(e.data); } };
      w.onclose = function (e) { if (w === ws) { closed(e.code, e.reason); } };
    }

    function receive(data) {
      var m;
      try { m = JSON.parse(data); } catch (e) { return; }
      socket.heard = now();
      options.onmessage(m);
    }

    function closed(code, reason) {
      clearTimeout(dead);
      ws = dead = null;
      if (lost === null) { lost = now(); }
      again(options.onclose(code, reason));
    }

    function again(wait) {
      var away;
      if (over || ws) { return; }
      if (wait === undefined) {
        wait = delay * (0.75 + Math.random() / 2);
        away = now() - lost;
        delay = Math.min(delay * 2, away < MINUTE && options.soon || MOST, Math.max(SECOND, away / (options.often || 8)));
      }
      clearTimeout(next);
      next = setTimeout(connect, wait);
    }

    /* A socket that is dead would not say so for minutes: it is forgotten after a
     * second, or within as many ms, when something is on its way still. */
    socket.drop = function (code, reason, within) {
      if (!ws) { return; }
      try { ws.close(code || 3001, reason || "no answer"); } catch (e) { /* closing already */ }
      dead = dead || setTimeout(function () { closed(1006, ""); }, within || DEAD);
    };

    socket.send = function (data) {
      if (!ws) { return false; }
      try { ws.send(data); } catch (e) { return false; }
      return true;
    };

    socket.open = function () { if (next === null) { connect(); } };

    socket.settled = function () {
      delay = FIRST;
      lost = null;
    };

    socket.retry = function () {
      delay = FIRST;
      connect();
    };

    socket.connected = function () { return !!ws; };

    socket.stop = function (code, reason) {
      var last = ws;
      if (over) { return; }
      over = true;
      ws = null;
      clearTimeout(next);
      clearTimeout(dead);
      off();
      if (last) { try { last.close(code, reason); } catch (e) { /* closed already */ } }
    };

    off = everfile.listen(root, "online", socket.retry);
    return socket;
  };
}(window));
