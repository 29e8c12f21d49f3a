/*
 * everfile.can: what this browser can do, found out by doing it: the server decides
 * by this what is recorded and played in a call.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var nav = root.navigator || {};
  var WITHIN = 3000;   // ms that an element has to play a sample: some wait for a tap, and say nothing
  var cached = null, asked = false;

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
    "audio/flac", "audio/wav",
    "multipart/x-mixed-replace", "image/jpeg"   // what an <img> shows; the first not in Internet Explorer
  ];
  var PICTURES = /^(multipart|image)\//;

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

  /* says is what an element says of a type: "", "maybe" or "probably". */
  function says(element, type) {
    if (PICTURES.test(type)) { return type === "image/jpeg" || !root.document.documentMode ? "probably" : ""; }
    return element.canPlayType ? element.canPlayType(type).replace("no", "") : "";   // its word in 2009
  }

  function playable() {
    var v = root.document.createElement("video");
    return PLAY.filter(function (type) { return says(v, type); });
  }

  /* jpeg: a canvas becomes a JPEG, which not every engine knew. */
  function jpeg() {
    var canvas = root.document.createElement("canvas");
    try {
      canvas.width = canvas.height = 1;
      return !!everfile.pictures && !!root.Blob && canvas.toDataURL("image/jpeg").indexOf("data:image/jpeg") === 0;
    } catch (e) { return false; }
  }

  /*
   * can() tells what this browser can do:
   *   record, play   MIME types that its recorder writes, its elements play
   *   pcm, jpeg      it has what pcm.js and pictures.js need to do without a recorder
   *   engine, blocks   whose it is, where that matters; its elements read in blocks of 32 KiB
   *   worker         the service worker controls this page now
   *   webrtc, mediaDevices, binary   peer connections, getUserMedia, binary WebSocket messages
   * The slow part, trying the recorder, is done once.
   */
  everfile.can = function () {
    var W = root.WebSocket, camera = everfile.camera();
    cached = cached || { record: recordable(), play: playable(), jpeg: jpeg() };
    return {
      record: !camera ? [] : everfile.encode ? everfile.encode.types(cached.record) : cached.record.slice(),
      play: cached.play.slice(),
      pcm: !!(everfile.pcm && everfile.pcm.able()),
      jpeg: !!camera && cached.jpeg,
      engine: everfile.engine(),
      blocks: everfile.blocks(),
      worker: everfile.controlled(),
      webrtc: !!(everfile.direct && everfile.direct.able()),
      mediaDevices: !!camera,
      binary: !!(W && root.ArrayBuffer && W.prototype && "binaryType" in W.prototype)
    };
  };

  /* attempt has an element play a sample, and calls done(false) if it cannot. */
  function attempt(type, done) {
    var element = root.document.createElement(type.slice(0, 5) === "video" ? "video" : "audio"), offs, timer;
    function end(yes) {
      clearTimeout(timer);
      while (offs.length) { offs.pop()(); }
      element.removeAttribute("src");
      done(yes);
    }
    timer = setTimeout(function () { end(true); }, WITHIN);
    offs = [
      everfile.listen(element, "loadeddata", function () { end(true); }),
      everfile.listen(element, "error", function () { end(false); })
    ];
    element.preload = "auto";
    element.src = "data:" + type.replace(/;.*/, "") + ";base64," + everfile.samples[type];
  }

  /*
   * measure(done) settles, once in a page's life, what canPlayType is not sure of:
   * each such type is tried on a sample. can() knows the result from then on; done()
   * is called if that is another one than before.
   */
  everfile.measure = function (done) {
    var v = root.document.createElement("video");
    if (asked || !everfile.samples) { return; }
    asked = true;
    everfile.can().play.forEach(function (type) {
      if (says(v, type) !== "maybe" || !everfile.samples[type]) { return; }
      attempt(type, function (yes) {
        if (yes) { return; }
        cached.play.splice(cached.play.indexOf(type), 1);
        done();
      });
    });
  };

  /*
   * abilities(say) keeps the other side up to date. can() is what to say first; tell()
   * calls say(can), which returns whether it was said, if it is another one by now;
   * lend(mime) tells, too: the type of a file that is sent, the only thing that is
   * recorded then, or "".
   */
  everfile.abilities = function (say) {
    var lent = "", told = "", able = {};

    able.can = function () {
      var c = everfile.can();
      if (lent) { c.record = [lent]; }
      told = JSON.stringify(c);
      return c;
    };

    able.tell = function () {
      var before = told, c = able.can();
      if (told !== before && !say(c)) { told = before; }
    };

    /* It is asked for with each source: a permission has come, or a device. */
    able.lend = function (mime) {
      lent = mime;
      able.tell();
    };
    return able;
  };
}(window));
