/*
 * everfile: a MediaRecorder stream as a file that never ends.
 *
 *   everfile.can()                what this browser can do
 *   everfile.worker(done)         have the service worker control this page
 *   everfile.wire(url, media)     wire.js, byhttp.js: a WebSocket, or what does for one
 *   everfile.socket(options)      socket.js: one that comes back
 *   everfile.publish(options)     publish.js: a MediaStream becomes /NAME.webm
 *   everfile.watch(options)       watch.js: an endless file plays in an element
 *   everfile.phone(options)       phone.js: calls, made of the two
 *
 * ES5 and no build step: what you read is what runs, in the engines of 2013 as
 * well as in today's. Newer features are detected. `everfile` is the only
 * global; the other files hang themselves on it, in any order, after this one.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var nav = root.navigator || {};
  var cached = null;

  /* What recorders and elements are asked about. The server negotiates with
   * these strings, so they are spelled as the standards spell them. */
  var RECORD = [
    "video/webm;codecs=vp8,opus", "video/webm;codecs=vp9,opus", "video/webm",
    "video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/mp4",
    "audio/webm;codecs=opus", "audio/webm;codecs=pcm", "audio/webm",
    "audio/ogg;codecs=opus", "audio/mp4"
  ];
  var PLAY = [
    "video/webm;codecs=\"vp8,opus\"", "video/webm;codecs=\"vp9,opus\"",
    "video/mp4;codecs=\"avc1.42E01E,mp4a.40.2\"",
    "audio/webm;codecs=\"opus\"", "audio/ogg;codecs=\"opus\"",
    "audio/mp4;codecs=\"mp4a.40.2\"", "audio/aac", "audio/mpeg",
    "audio/flac", "audio/wav"
  ];

  /* now() is a clock that never jumps, in milliseconds. */
  everfile.now = function () {
    return root.performance && root.performance.now ? root.performance.now() : new Date().getTime();
  };

  /* random(bytes) is that many random bytes in hexadecimal. */
  everfile.random = function (bytes) {
    var c = root.crypto || root.msCrypto, s = "", i, a;
    if (c && c.getRandomValues && root.Uint8Array) {
      a = c.getRandomValues(new Uint8Array(bytes));
    } else {
      for (a = [], i = 0; i < bytes; i++) { a.push(Math.floor(Math.random() * 256)); }
    }
    for (i = 0; i < bytes; i++) { s += (a[i] < 16 ? "0" : "") + a[i].toString(16); }
    return s;
  };

  /* absolute(url, socket) is url with its scheme and host; with socket, as ws: or wss:. */
  everfile.absolute = function (url, socket) {
    var a = root.document.createElement("a");
    a.href = url.replace(/^ws(s?):/, "http$1:");
    return socket ? a.href.replace(/^http/, "ws") : a.href;
  };

  /* withQuery(url, name, value) adds a parameter, unless url already has it. */
  everfile.withQuery = function (url, name, value) {
    if (url.indexOf("?" + name + "=") >= 0 || url.indexOf("&" + name + "=") >= 0) { return url; }
    return url + (url.indexOf("?") < 0 ? "?" : "&") + name + "=" + encodeURIComponent(value);
  };

  /* listen(target, type, fn) adds a listener and returns what removes it. */
  everfile.listen = function (target, type, fn) {
    target.addEventListener(type, fn, false);
    return function () { target.removeEventListener(type, fn, false); };
  };

  /* Chromium and Firefox hand a response to the demuxer in blocks of 32 KiB, so
   * a thin stream needs padding there and nowhere else. No behaviour shows this
   * before a stream plays, hence these marks of the two engines. */
  everfile.blocks = function () {
    var chromium = root.Intl && root.Intl.v8BreakIterator || root.chrome || nav.userAgentData;
    var gecko = "MozAppearance" in root.document.documentElement.style || "mozInnerScreenX" in root;
    return !!(chromium || gecko);
  };

  /* controlled() says whether the service worker sees this page's requests. */
  everfile.controlled = function () {
    try { return !!(nav.serviceWorker && nav.serviceWorker.controller); } catch (e) { return false; }
  };

  /* padded(url) is what an element of this engine is given to play an endless file.
   * Chromium keeps what an element has read in memory, and once it has seen the end
   * of a body it may answer the same URL from there: the last half minute again, and
   * no request. A fragment of its own makes each opening another URL for it, and the
   * server never sees that. */
  everfile.padded = function (url) {
    var worker = everfile.controlled() && /\.webm($|\?)/.test(url);
    var u = everfile.withQuery(url, "wait", "30s");   // rather than a 404 while nobody sends
    if (!everfile.blocks()) { return u; }
    return (worker ? u : everfile.withQuery(u, "pad", "60")) + "#" + everfile.random(4);
  };

  /* A recorder may be absent, present with a start() that throws, or working.
   * It is tried on a canvas or a silent audio node: never on the camera. */
  function probes() {
    var made = {}, context = null;
    return {
      stream: function (kind) {
        var canvas, C;
        if (kind in made) { return made[kind]; }
        made[kind] = null;
        try {
          if (kind === "video") {
            canvas = root.document.createElement("canvas");
            canvas.getContext("2d");
            made[kind] = canvas.captureStream(1);
          } else {
            C = root.AudioContext || root.webkitAudioContext;
            context = new C();
            made[kind] = context.createMediaStreamDestination().stream;
          }
        } catch (e) { /* nothing to try it on: the type's word must do */ }
        return made[kind];
      },
      close: function () {
        var kind, i, tracks;
        for (kind in made) {
          tracks = made[kind] ? made[kind].getTracks() : [];
          for (i = 0; i < tracks.length; i++) { tracks[i].stop(); }
        }
        if (context && context.close) { context.close(); }
      }
    };
  }

  function recordable() {
    var R = root.MediaRecorder, out = [], p, i, stream, r;
    if (!R || !R.isTypeSupported) { return out; }
    p = probes();
    for (i = 0; i < RECORD.length; i++) {
      if (!R.isTypeSupported(RECORD[i])) { continue; }
      stream = p.stream(RECORD[i].slice(0, 5));
      try {
        if (stream) {
          r = new R(stream, { mimeType: RECORD[i] });
          r.start();
          r.stop();
        }
        out.push(RECORD[i]);
      } catch (e) { /* it says it can, and cannot */ }
    }
    p.close();
    return out;
  }

  function playable() {
    var v = root.document.createElement("video"), out = [], i;
    for (i = 0; v.canPlayType && i < PLAY.length; i++) {
      if (v.canPlayType(PLAY[i])) { out.push(PLAY[i]); }
    }
    return out;
  }

  /*
   * can() tells what this browser can do:
   *   record, play   MIME types that its recorder writes, its elements play
   *   blocks         its elements read in blocks of 32 KiB
   *   pcm            it has what pcm.js needs to record without a recorder
   *   worker         the service worker controls this page now
   *   webrtc, mediaDevices, binary   peer connections, getUserMedia, binary WebSocket messages
   * The slow part, trying the recorder, is done once.
   */
  everfile.can = function () {
    var W = root.WebSocket;
    cached = cached || { record: recordable(), play: playable() };
    return {
      record: everfile.encode ? everfile.encode.types(cached.record) : cached.record.slice(),
      play: cached.play.slice(),
      pcm: !!(everfile.pcm && everfile.pcm.able()),
      blocks: everfile.blocks(),
      worker: everfile.controlled(),
      webrtc: !!(root.RTCPeerConnection && root.RTCPeerConnection.prototype.createDataChannel),
      mediaDevices: !!(nav.mediaDevices && nav.mediaDevices.getUserMedia),
      binary: !!(W && root.ArrayBuffer && W.prototype && "binaryType" in W.prototype)
    };
  };

  /*
   * worker(done, within) registers the service worker and calls done(true) when
   * it controls this page, or done(false) when there is none to be had or it is
   * not ready within so many milliseconds (1000 if not given). It may well take
   * control later: ask controlled() each time it matters.
   */
  everfile.worker = function (done, within) {
    var sw, timer = null, off = null;
    function answer(yes) {
      if (!done) { return; }
      var d = done;
      done = null;
      clearTimeout(timer);
      if (off) { off(); }
      d(yes);
    }
    try { sw = nav.serviceWorker; } catch (e) { /* storage is forbidden to this page */ }
    done = done || function () {};
    if (everfile.controlled()) { answer(true); return; }
    if (!sw || !sw.register || root.isSecureContext === false) { answer(false); return; }
    timer = setTimeout(function () { answer(false); }, within || 1000);
    off = everfile.listen(sw, "controllerchange", function () { answer(true); });
    sw.register("/sw.js").then(function (registration) {
      // After a forced reload an active worker does not see the page: it must be asked.
      if (registration.active && !everfile.controlled()) { registration.active.postMessage("claim"); }
    }, function () { answer(false); });
  };
}(window));
