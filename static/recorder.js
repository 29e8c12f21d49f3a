/*
 * everfile.recorder: one life of a recorder: a MediaRecorder, for WAV pcm.js, for
 * JPEG pictures.js; where encode.js does better than the MediaRecorder, that.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var VIDEO = ["video/webm;codecs=vp8,opus", "video/webm"];
  var AUDIO = ["audio/webm;codecs=opus", "audio/webm"];
  var LOOK = 1000, DEAD = 5;   // ms; so many looks without a byte: it started, and records nothing

  /*
   * recorder(stream, options, on) starts a recorder of options.mimeType, or of what
   * the stream asks for, and returns it; null if there is none that really starts.
   * Tracks that have ended are left out.
   *
   *   mimeType, only, timeslice, keyframeEvery, videoBitsPerSecond, audioBitsPerSecond, rate   as in publish
   *   on.onchunk(blob)   what was recorded since the last one; may be empty
   *   on.onend()         it has stopped, after its last chunk
   *   on.onfail(why, dead)   it broke; no chunk will follow. dead: it never gave any, nor
   *                      would another of that type
   *   on.onlost(kind, left)   a track has ended, "audio" or "video"; whether others go on
   *   on.waiting()       {ms, chunks}: how long the oldest chunk has waited, how many do
   *
   * The recorder has mimeType, stop() (its last chunk and onend follow) and
   * drop() (nothing follows).
   */
  everfile.recorder = function (stream, options, on) {
    var mime = options.mimeType || "", tracks = stream.getTracks().filter(function (t) {
      return t.readyState !== "ended" && !(t.kind === "video" && /^audio\//.test(mime)) && !(t.kind === "audio" && /^image\//.test(mime));
    });
    // Given a picture, a recorder of sound refuses.
    if (tracks.length < stream.getTracks().length && !/^image\//.test(mime)) { try { stream = new root.MediaStream(tracks); } catch (e) { /* as it is */ } }
    return watched(tracks, on, function (on) {
      if (/^audio\/wav/.test(mime)) { return everfile.pcm ? everfile.pcm(stream, options, on) : null; }
      if (/^image\//.test(mime)) { return everfile.pictures ? everfile.pictures(stream, options, on) : null; }
      return everfile.encode && everfile.encode(stream, options, on) || (root.MediaRecorder ? recorded(stream, options, on) : null);
    });
  };

  /* lack(options) is why there was none, in a sentence. */
  everfile.recorder.lack = function (options) {
    return root.MediaRecorder || options.mimeType ?
      "This browser cannot record " + (options.mimeType || "WebM") + " from this camera or microphone." :
      "This browser has no MediaRecorder.";
  };

  /* watched makes a recorder and tells which tracks end, as long as it records. */
  function watched(tracks, on, make) {
    var offs = [], recorder;
    function done() { while (offs.length) { offs.pop()(); } }
    recorder = make({
      onchunk: on.onchunk,
      waiting: on.waiting,
      onend: function () { done(); on.onend(); },
      onfail: function (why, dead) { done(); on.onfail(why, dead); }
    });
    if (!recorder) { return null; }
    tracks.forEach(function (track) {
      offs.push(everfile.listen(track, "ended", function () {
        on.onlost(track.kind, everfile.living(tracks));
      }));
    });
    return {
      mimeType: recorder.mimeType,
      stop: function () { recorder.stop(); },
      drop: function () { done(); recorder.drop(); }
    };
  }

  /* recorded tries one type after the other: isTypeSupported alone has been known
   * to say yes where start() throws, and both where nothing ever comes. */
  function recorded(stream, options, on) {
    var R = root.MediaRecorder, kinds, i, r, mime, looks = 0, look;

    function quiet() {
      clearInterval(look);
      r.ondataavailable = r.onstop = r.onerror = null;
    }

    function drop() {
      quiet();
      try { r.stop(); } catch (e) { /* it has stopped by itself */ }
    }

    function attempt(type) {
      if (R.isTypeSupported && !R.isTypeSupported(type)) { return false; }
      try {
        r = new R(stream, {
          mimeType: type,
          videoBitsPerSecond: options.videoBitsPerSecond || 800000,
          audioBitsPerSecond: options.audioBitsPerSecond || 48000,
          videoKeyFrameIntervalDuration: options.keyframeEvery || 1000   // a listener starts at a keyframe
        });
        r.ondataavailable = function (e) {
          if (e.data && e.data.size) { clearInterval(look); }
          if (e.data) { on.onchunk(e.data); }
        };
        r.onstop = function () { quiet(); on.onend(); };
        r.onerror = function (e) {
          quiet();
          on.onfail(e.error && (e.error.message || e.error.name) || "");
        };
        r.start(options.timeslice || 50);
        // A page that was held up looks once, and then gets what was recorded meanwhile.
        look = setInterval(function () {
          if (++looks < DEAD) { return; }
          drop();
          on.onfail("The browser's recorder has recorded nothing.", true);
        }, LOOK);
        return true;
      } catch (e) {
        if (r) { quiet(); }
        return false;
      }
    }

    kinds = stream.getVideoTracks().length ? VIDEO : AUDIO;
    if (options.mimeType) { kinds = options.only ? [options.mimeType] : [options.mimeType].concat(kinds); }
    for (i = 0; !mime && i < kinds.length; i++) {
      if (attempt(kinds[i])) { mime = kinds[i]; }
    }
    return !mime ? null : {
      mimeType: mime,
      stop: function () {
        if (r.state === "inactive") { quiet(); on.onend(); } else { r.stop(); }
      },
      drop: function () { drop(); }
    };
  }
}(window));
