/*
 * everfile.recorder: one life of a MediaRecorder.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var VIDEO = ["video/webm;codecs=vp8,opus", "video/webm"];
  var AUDIO = ["audio/webm;codecs=opus", "audio/webm"];

  /*
   * recorder(stream, options) starts the first recorder that really starts and
   * returns it, or null: isTypeSupported alone has been known to say yes where
   * start() throws.
   *
   *   mimeType, timeslice, videoBitsPerSecond, audioBitsPerSecond   as in publish
   *   onchunk(blob)   what was recorded since the last one; may be empty
   *   onend()         it has stopped, after its last chunk
   *   onfail(why)     it broke; no chunk will follow
   *
   * The recorder has mimeType, stop() (its last chunk and onend follow) and
   * drop() (nothing follows).
   */
  everfile.recorder = function (stream, options) {
    var R = root.MediaRecorder, kinds, i, r, mime;

    function quiet() { r.ondataavailable = r.onstop = r.onerror = null; }

    function attempt(type) {
      if (R.isTypeSupported && !R.isTypeSupported(type)) { return false; }
      try {
        r = new R(stream, {
          mimeType: type,
          videoBitsPerSecond: options.videoBitsPerSecond || 800000,
          audioBitsPerSecond: options.audioBitsPerSecond || 48000,
          videoKeyFrameIntervalDuration: 1000   // a listener starts at a keyframe
        });
        r.ondataavailable = function (e) { if (e.data) { options.onchunk(e.data); } };
        r.onstop = function () { quiet(); options.onend(); };
        r.onerror = function (e) {
          quiet();
          options.onfail(e.error && (e.error.message || e.error.name) || "");
        };
        r.start(options.timeslice || 50);
        return true;
      } catch (e) {
        if (r) { quiet(); }
        return false;
      }
    }

    if (!R) { return null; }
    kinds = stream.getVideoTracks().length ? VIDEO : AUDIO;
    if (options.mimeType) { kinds = [options.mimeType].concat(kinds); }
    for (i = 0; !mime && i < kinds.length; i++) {
      if (attempt(kinds[i])) { mime = kinds[i]; }
    }
    return !mime ? null : {
      mimeType: mime,
      stop: function () {
        if (r.state === "inactive") { quiet(); options.onend(); } else { r.stop(); }
      },
      drop: function () {
        quiet();
        try { r.stop(); } catch (e) { /* it has stopped by itself */ }
      }
    };
  };
}(window));
