/*
 * everfile.store: the chunks of one run that are not in the file yet, as far as the
 * server has said.
 *
 * They are not all handed to the socket at once: what it has cannot be taken back,
 * and on a slow link would stand before everything that is said later. So there is
 * on the way what got through in the last second, and a bit more, which finds out
 * when more does.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var LIMIT = 8 * 1024 * 1024;   // bytes kept, before giving up on the run
  var MORE = 16 * 1024;          // bytes on the way beyond what got through in the last second
  var SECOND = 1000;             // ms

  /*
   * store() returns:
   *   keep(blob)         the next chunk
   *   send(fn)           calls fn(blob) for those that may go now; false if fn was
   *   acknowledge(n)     the first n chunks of the run are in the file
   *   resume(n)          so says the server on a new connection: what follows goes again;
   *                      false if that does not fit to what is here
   *   clear()            another run begins
   *   age()              ms that the oldest chunk has waited, 0 if none does
   *   empty(), full()
   *   first, chunks()    how many are in the file; how many there were
   *   bytes, total       waiting; of all runs
   */
  everfile.store = function () {
    var now = everfile.now, held = [], sent = 0, flying = 0, through = [];   // held[0] is chunk number first
    var store = { first: 0, bytes: 0, total: 0 };

    function clear() {
      held = [];
      through = [];
      store.first = store.bytes = sent = flying = 0;
    }

    function keep(chunk) {
      held.push({ blob: chunk, at: now() });
      store.bytes += everfile.size(chunk);
      store.total += everfile.size(chunk);
    }

    function acknowledge(n) {
      var t = now(), bytes;
      while (store.first < n && held.length) {
        bytes = everfile.size(held.shift().blob);
        store.bytes -= bytes;
        if (store.first++ < sent) {
          flying -= bytes;
          through.push([t, bytes]);
        }
      }
      sent = Math.max(sent, store.first);
    }

    function resume(n) {
      if (n < store.first || n > store.first + held.length) { return false; }
      acknowledge(n);
      sent = store.first;
      flying = 0;
      through = [];
      return true;
    }

    function room() {
      var since = now() - SECOND, sum = MORE;
      while (through.length && through[0][0] < since) { through.shift(); }
      through.forEach(function (one) { sum += one[1]; });
      return sum;
    }

    function send(fn) {
      var most = room(), blob;
      while (sent < store.first + held.length) {
        blob = held[sent - store.first].blob;
        if (flying > 0 && flying + everfile.size(blob) > most) { return true; }
        if (!fn(blob)) { return false; }
        flying += everfile.size(blob);
        sent++;
      }
      return true;
    }

    store.keep = keep;
    store.send = send;
    store.acknowledge = acknowledge;
    store.resume = resume;
    store.clear = clear;
    store.age = function () { return held.length ? now() - held[0].at : 0; };
    store.empty = function () { return !held.length; };
    store.full = function () { return store.bytes > LIMIT; };
    store.chunks = function () { return store.first + held.length; };
    return store;
  };
}(window));
