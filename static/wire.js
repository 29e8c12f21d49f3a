/*
 * everfile.wire: what looks like a WebSocket, whichever way it goes.
 *
 * Old WebSockets send text only: then chunks go as text, in base64. Where there
 * are none at all, or something between here and the server lets none through,
 * other ways are gone (byhttp.js). Which it is, is found out and kept for the page,
 * but never for good: a server that was away for a moment looks the same.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var FIRST = 2, LATER = 10;         // WebSockets in a row that may fail unopened: on this page, once one has opened
  var AGAIN = 60000, MOST = 600000;  // ms until a WebSocket is tried again: at first, at most
  var HANGS = 3000;                  // ms that it has to open then
  var DEAD = 3001;                   // the code with which a wire is closed that does not answer
  var PROTOCOL = "everfile.base64", BASE64 = ";base64,";
  var failed = 0, opened = false;    // in a row; ever
  var until = 0, pause = AGAIN;      // when a WebSocket is tried again, while the other way is gone; 0: it is not
  var doubt = 0;                     // 1: the other way would do; 2: and after that a WebSocket has failed
  var text = false;                  // our WebSockets send text only

  /* make asks for text if that may be needed: in the browsers of 2012 only the
   * WebSocket itself tells, and over one that sends text, binary may go as well. */
  function make(url, media) {
    var W = root.WebSocket || root.MozWebSocket;
    return media && (text || !("binaryType" in W.prototype)) ? new W(url, PROTOCOL) : new W(url);
  }

  function most() { return opened ? LATER : FIRST; }

  /* another is how to go without a WebSocket, or nothing: that is not possible, or
   * not called for. */
  function another(media) {
    var way = media ? everfile.byhttp.chunks : everfile.byhttp.messages;
    if (!way.able()) { return null; }
    return !(root.WebSocket || root.MozWebSocket) || everfile.now() < until || failed >= most() ? way : null;
  }

  /* watch notes what becomes of a wire that goes another way. If that gets nowhere
   * either, it was not the WebSocket's fault, which is then tried in turn. If it gets
   * through where WebSockets did before, a server that was away may just have come
   * back: only one that fails even now says that they do not get through here. */
  function watch(wire) {
    wire.onway = function (through) {
      failed = most() - 1;
      if (!through) {
        until = doubt = 0;
      } else if (opened && !until && doubt < 2) {
        doubt = 1;
        return false;
      } else if (everfile.now() >= until) {
        until = everfile.now() + pause;
        pause = Math.min(2 * pause, MOST);
      }
      return true;
    };
    return wire;
  }

  /* read hands on a chunk in base64. */
  function read(chunk, done) {
    var reader, bytes, s = "", i;
    if (chunk.byteLength !== undefined) {
      bytes = new root.Uint8Array(chunk);
      for (i = 0; i < bytes.length; i++) { s += String.fromCharCode(bytes[i]); }
      done(root.btoa(s));
      return;
    }
    reader = new root.FileReader();
    reader.onload = function () {
      var at = reader.result.indexOf(BASE64);   // after a type, which may have commas; without it there is nothing
      done(at < 0 ? "" : reader.result.slice(at + BASE64.length));
    };
    reader.onerror = function () { done(null); };
    reader.readAsDataURL(chunk);
  }

  /* byText gives ws a send for chunks, which takes time, and a close that waits for
   * what was sent before. */
  function byText(ws) {
    var queue = [], busy = false, waiting = 0;

    function next() {
      var one = queue[0];
      if (busy || !one) { return; }
      if (one.close) {
        queue = [];
        ws.close(one.close[0], one.close[1]);
        return;
      }
      busy = true;
      read(one, function (s) {
        busy = false;
        waiting -= everfile.size(queue.shift());
        try {
          if (s === null) { throw new Error("a chunk cannot be read"); }
          ws.send(s);
        } catch (e) {
          queue = [];      // what is not there is not passed over: it goes over the next one
          ws.close(DEAD, "");
          return;
        }
        next();
      });
    }

    return {
      send: function (chunk) {
        if (ws.readyState !== undefined && ws.readyState !== 1) { throw new Error("not open"); }
        queue.push(chunk);
        waiting += everfile.size(chunk);
        next();
      },
      close: function (code, reason) {
        if (code === DEAD) { queue = []; ws.close(code, reason); return; }   // nobody listens
        queue.push({ close: [code, reason] });
        next();
      },
      waiting: function () { return waiting; }
    };
  }

  /* bySocket is a wire over a WebSocket. */
  function bySocket(url, media) {
    var ws, coder = null, slow = null, was = false, told = false;
    var wire = {
      way: "socket",
      get bufferedAmount() { return (ws.bufferedAmount || 0) + (coder ? coder.waiting() : 0); },
      send: function (data) {
        if (coder && typeof data !== "string") { coder.send(data); return; }
        try { ws.send(data); } catch (e) {
          if (was && typeof data !== "string" && ws.readyState === 1) { text = true; }   // it takes no chunks: the next one sends text
          throw e;
        }
      },
      close: function (code, reason) {
        if (!was) { fail(code === DEAD ? most() : failed); }
        if (coder) { coder.close(code, reason); } else { ws.close(code, reason); }
      }
    };

    /* fail: it has not opened, and so many in a row now. One that hangs has been waited
     * for long enough; one that was not wanted any more is none. */
    function fail(count) {
      clearTimeout(slow);
      if (!told && count > failed && doubt) { doubt = 2; }
      if (!told) { failed = count; }
      told = true;
    }

    url = everfile.absolute(url, true);
    ws = make(url, media);
    if (media && (text || !("binaryType" in ws))) {
      coder = byText(ws);
      wire.way = "base64";
    }
    if (until) { slow = setTimeout(function () { wire.close(DEAD, "no answer"); wire.onclose({ code: 1006, reason: "" }); }, HANGS); }
    ws.onopen = function (e) {
      clearTimeout(slow);
      was = opened = true;
      failed = until = doubt = 0;
      pause = AGAIN;
      if (wire.onopen) { wire.onopen(e); }
    };
    ws.onmessage = function (e) { wire.onmessage(e); };
    ws.onclose = function (e) {
      if (!was) { fail(failed + 1); }
      wire.onclose(e);
    };
    return wire;
  }

  /*
   * wire(url, media) opens one, which is like a WebSocket: send(data), close(code,
   * reason), onopen, onmessage, onclose and bufferedAmount. It is for texts, or, if
   * media, for chunks that are numbered and acknowledged, as /NAME.EXT takes them,
   * Blobs or ArrayBuffers. Its way is "socket", "base64", "messages" or "chunks".
   *
   * wire.able() says whether there is any way at all.
   */
  everfile.wire = function (url, media) {
    var way = another(media);
    return way ? watch(way(url)) : bySocket(url, media);
  };

  everfile.wire.able = function () { return !!(root.WebSocket || root.MozWebSocket) || everfile.byhttp.messages.able() && everfile.byhttp.chunks.able(); };
}(window));
