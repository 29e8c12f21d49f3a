/*
 * everfile: a MediaRecorder stream as a file that never ends.
 *
 *   everfile.connect(options)     connect.js: calls and rooms, for any page: begin there
 *
 *   everfile.can()                can.js: what this browser can do
 *   everfile.worker(done)         have the service worker control this page
 *   everfile.wire(url, media)     wire.js, byhttp.js: a WebSocket, or what does for one
 *   everfile.socket(options)      socket.js: one that comes back
 *   everfile.publish(options)     publish.js: a MediaStream becomes /NAME.webm
 *   everfile.watch(options)       watch.js: an endless file plays in an element
 *   everfile.look(options)        look.js: an endless file of pictures shows in an <img>
 *   everfile.phone(options)       phone.js: calls, made of the two
 *   everfile.way(options)         way.js: and of a direct connection, where there is one
 *
 * All of these are in /static/everfile.js as the server gives it, which any page may
 * load; one of another origin, if the server was started with --allow-origin for it. URLs
 * that begin with a slash are of the server that the script came from.
 *
 * ES5 and no build step: what you read is what runs, in the engines of 2013 as
 * well as in today's. Newer features are detected. `everfile` is the only
 * global; the other files hang themselves on it, in any order, after this one.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var nav = root.navigator || {};

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

  /* origin is scheme, host and port of a URL, "" if it has none. */
  function origin(url) { return (/^\w+:\/\/[^\/?#]*/.exec(url) || [""])[0]; }

  /* source is where this script came from: what stands before /static/ in its URL, "" if
   * that is the page's own server, or it was put somewhere else. */
  function source() {
    var doc = root.document, all = doc.getElementsByTagName ? doc.getElementsByTagName("script") : [];
    var script = doc.currentScript || all[all.length - 1], at = script && script.src ? script.src.indexOf("/static/") : -1;
    return at < 0 ? "" : script.src.slice(0, at);
  }

  /* serve(url) makes url the server that all is done with, in place of the one that this
   * script came from: there is one for a page. server is its URL, "" for the page's own. */
  everfile.serve = function (url) {
    var s = url.replace(/\/+$/, "");
    everfile.server = root.location && s === origin(root.location.href) ? "" : s;
  };
  everfile.serve(source());

  /* place(url) is a URL as the page must say it. */
  everfile.place = function (url) { return everfile.server && /^\/(?!\/)/.test(url) ? everfile.server + url : url; };

  /* cors(element) has scripts see and hear what an element shows of another origin. */
  everfile.cors = function (element) { if (everfile.server) { element.crossOrigin = "anonymous"; } };

  /* absolute(url, socket) is url with its scheme and host; with socket, as ws: or wss:. */
  everfile.absolute = function (url, socket) {
    var a = root.document.createElement("a");
    a.href = everfile.place(url).replace(/^ws(s?):/, "http$1:");
    return socket ? a.href.replace(/^http/, "ws") : a.href;
  };

  /* withQuery(url, name, value) adds a parameter, unless url already has it. */
  everfile.withQuery = function (url, name, value) {
    if (url.indexOf("?" + name + "=") >= 0 || url.indexOf("&" + name + "=") >= 0) { return url; }
    return url + (url.indexOf("?") < 0 ? "?" : "&") + name + "=" + encodeURIComponent(value);
  };

  /* listen(target, type, fn) adds a listener and returns what removes it. Old tracks
   * and streams take none. */
  everfile.listen = function (target, type, fn) {
    if (!target.addEventListener) { return function () {}; }
    target.addEventListener(type, fn, false);
    return function () { target.removeEventListener(type, fn, false); };
  };

  /* size(chunk) is of a Blob or an ArrayBuffer, in bytes. */
  everfile.size = function (chunk) { return chunk.size === undefined ? chunk.byteLength : chunk.size; };

  /* living(tracks) says whether one has not ended. */
  everfile.living = function (tracks) { return tracks.some(function (t) { return t.readyState !== "ended"; }); };

  /* kinds(stream) is {audio, video}: what there is in a stream, or in a file that was
   * recorded before, {blob, mime}; null has nothing. */
  everfile.kinds = function (stream) {
    if (!stream || stream.blob) { return { audio: !!stream, video: false }; }
    return { audio: everfile.living(stream.getAudioTracks()), video: everfile.living(stream.getVideoTracks()) };
  };

  /* outlast(tracks, fn) calls fn when the last of them ends, and returns a list of
   * what keeps it from that. */
  everfile.outlast = function (tracks, fn) {
    return tracks.map(function (track) {
      return everfile.listen(track, "ended", function () { if (!everfile.living(tracks)) { fn(); } });
    });
  };

  /* awake(context) has an AudioContext run whenever the browser lets it, and returns
   * what ends that. */
  everfile.awake = function (context) {
    var over = false, off;
    function resume() {
      var promise;
      if (over || !context.resume || !/suspended|interrupted/.test(context.state)) { return; }
      promise = context.resume();
      if (promise && promise.then) { promise.then(null, function () { /* it waits for a tap */ }); }
    }
    off = everfile.listen(context, "statechange", resume);
    resume();
    return function () { over = true; off(); };
  };

  /* engine() is "chromium", "gecko", or "" for others. No behaviour shows it before a
   * stream plays, hence these marks of the two. */
  everfile.engine = function () {
    if ("MozAppearance" in root.document.documentElement.style || "mozInnerScreenX" in root) { return "gecko"; }
    return root.Intl && root.Intl.v8BreakIterator || root.chrome || nav.userAgentData ? "chromium" : "";
  };

  /* blocks(): these two hand a response to the demuxer in blocks of 32 KiB, so a thin
   * stream needs padding there and nowhere else. */
  everfile.blocks = function () { return everfile.engine() !== ""; };

  /* attach(video, stream) has a <video> show a MediaStream, in whichever way it takes
   * one; null is none. */
  everfile.attach = function (video, stream) {
    var name = "srcObject" in video ? "srcObject" : "mozSrcObject" in video ? "mozSrcObject" : "", maker = root.URL || root.webkitURL, url = "";
    if (video.everfileStream === stream) { return; }
    video.everfileStream = stream;
    if (name) { video[name] = stream; return; }
    if (!stream) { video.removeAttribute("src"); return; }
    try { url = maker.createObjectURL(stream); } catch (e) { /* the stream itself then, as Opera 12 takes it */ }
    video.src = url || stream;
  };

  /* camera() is getUserMedia in today's manner or that of 2012, as a function of
   * (constraints, done, fail), or null. The old ones know yes and no for constraints, and
   * are still there, to refuse, where a page is not secure. */
  everfile.camera = function () {
    var media = nav.mediaDevices, old = nav.getUserMedia || nav.webkitGetUserMedia || nav.mozGetUserMedia;
    if (media && media.getUserMedia) {
      return function (c, done, fail) { media.getUserMedia(c).then(done, fail); };
    }
    return !old || root.isSecureContext === false ? null : function (c, done, fail) {
      try { old.call(nav, { audio: !!c.audio, video: !!c.video }, function (stream) { done(whole(stream, c)); }, fail); } catch (e) { fail(e); }
    };
  };

  /* whole gives a stream of 2012 the methods that one has today. Where nothing tells
   * what is in it, it is what was asked for. */
  function whole(stream, c) {
    var sounds = stream.audioTracks, pictures = stream.videoTracks;
    function list(old, asked, word) {
      if (old) { return Array.prototype.slice.call(old); }
      return asked ? [{ kind: word, enabled: true, readyState: "live", stop: function () {
        this.readyState = "ended";
        if (stream.stop) { stream.stop(); }
      } }] : [];
    }
    if (stream.getAudioTracks) {
      stream.getTracks = stream.getTracks || function () { return stream.getAudioTracks().concat(stream.getVideoTracks()); };
      return stream;
    }
    sounds = list(sounds, c.audio, "audio");
    pictures = list(pictures, c.video, "video");
    stream.getAudioTracks = function () { return sounds; };
    stream.getVideoTracks = function () { return pictures; };
    stream.getTracks = function () { return sounds.concat(pictures); };
    return stream;
  }

  /* controlled() says whether the service worker sees this page's requests. A page of
   * another origin may have one, which is not ours. */
  everfile.controlled = function () {
    if (everfile.server) { return false; }
    try { return !!(nav.serviceWorker && nav.serviceWorker.controller); } catch (e) { return false; }
  };

  /* padded(url) is what an element of this engine is given to play an endless file.
   * Chromium keeps what an element has read in memory, and once it has seen the end
   * of a body it may answer the same URL from there: the last half minute again, and
   * no request. A fragment of its own makes each opening another URL for it, and the
   * server never sees that. */
  everfile.padded = function (url) {
    var worker = everfile.controlled() && /\.webm($|\?)/.test(url);
    var u = everfile.withQuery(everfile.place(url), "wait", "30s");   // rather than a 404 while nobody sends
    if (!everfile.blocks()) { return u; }
    return (worker ? u : everfile.withQuery(u, "pad", "60")) + "#" + everfile.random(4);
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
    if (!sw || !sw.register || everfile.server || root.isSecureContext === false) { answer(false); return; }
    timer = setTimeout(function () { answer(false); }, within || 1000);
    off = everfile.listen(sw, "controllerchange", function () { answer(true); });
    sw.register("/sw.js").then(function (registration) {
      // After a forced reload an active worker does not see the page: it must be asked.
      if (registration.active && !everfile.controlled()) { registration.active.postMessage("claim"); }
    }, function () { answer(false); });
  };
}(window));
