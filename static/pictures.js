/*
 * everfile.pictures: the sibling of a MediaRecorder for "image/jpeg": a camera's
 * pictures one by one, each a JPEG and a chunk. It needs a <canvas> and no recorder.
 *
 * Pictures never queue: none is taken while the last ones are on their way for too
 * long, and then they become smaller, until the network takes as many as are wanted.
 *
 *   pictures(stream, options, on)   as everfile.recorder; timeslice is the ms between two
 *                  pictures, videoBitsPerSecond what they may come to,
 *                  and on.waiting() is {ms, chunks}: how long the oldest chunk has waited,
 *                  and how many do
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var MOST = 500, CROWD = 5;           // ms that a picture may be on its way before the next one is taken; so many at once
  var FIRST = 1, CALM = 5000, MOST_CALM = 60000;   // the level to begin at; ms of calm before it goes up: at first, at most
  var HARD = 4;                        // pictures in a row that were too many
  // Widths, qualities.
  var LEVELS = [[640, 0.6], [480, 0.6], [400, 0.5], [320, 0.45], [240, 0.4], [160, 0.3]];

  /* bytes makes a Blob of a data: URL, for canvases that make none. */
  function bytes(url) {
    var text = root.atob(url.slice(url.indexOf(",") + 1)), all = new root.Uint8Array(text.length), i;
    for (i = 0; i < text.length; i++) { all[i] = text.charCodeAt(i); }
    return new root.Blob([all.buffer], { type: "image/jpeg" });
  }

  function shot(canvas, quality, done) {
    if (canvas.toBlob) { canvas.toBlob(done, "image/jpeg", quality); } else { done(bytes(canvas.toDataURL("image/jpeg", quality))); }
  }

  /*
   * pace(every, bits) is the pure part. It has level, an index of LEVELS, and:
   *   ready(now, waiting)   whether a picture is to be taken now
   *   taken(now, size)      one was, of so many bytes
   */
  everfile.pace = function (every, bits) {
    var pace = { level: FIRST }, hard = 0, since = null, calm = CALM, climbed = false;

    function go(by, now) {
      if (by > 0 && climbed) { calm = Math.min(2 * calm, MOST_CALM); }   // that was one too many
      climbed = by < 0;
      pace.level = Math.max(0, Math.min(LEVELS.length - 1, pace.level + by));
      hard = 0;
      since = now;
    }

    pace.ready = function (now, waiting) {
      since = since === null ? now : since;
      if (waiting.ms > MOST && ++hard >= HARD) { go(1, now); }
      return waiting.ms <= MOST && waiting.chunks < CROWD;
    };

    pace.taken = function (now, size) {
      if (size * 8 * 1000 / every > bits) {
        if (++hard >= HARD) { go(1, now); }
        return;
      }
      hard = Math.max(0, hard - 1);
      // A wider picture has about twice the bytes.
      if (pace.level > 0 && now - since >= calm && size * 8 * 1000 / every < bits / 2) { go(-1, now); }
    };

    return pace;
  };

  everfile.pictures = function (stream, options, on) {
    var video = root.document.createElement("video"), canvas = root.document.createElement("canvas"), cx = null;
    var tracks = stream.getVideoTracks(), offs = [], timer = null, busy = false, over = false, promise;
    var every = options.timeslice || 80, pace = everfile.pace(every, options.videoBitsPerSecond || 1e6);

    function size(width) {
      var w = Math.min(width, video.videoWidth), h = Math.round(w * video.videoHeight / video.videoWidth);
      if (canvas.width !== w || canvas.height !== h) {
        canvas.width = w;
        canvas.height = h;
      }
    }

    function take() {
      var level = LEVELS[pace.level];
      if (over || busy || !video.videoWidth || !pace.ready(everfile.now(), on.waiting())) { return; }
      size(level[0]);
      cx.drawImage(video, 0, 0, canvas.width, canvas.height);
      busy = true;
      shot(canvas, level[1], function (blob) {
        busy = false;
        if (over || !blob) { return; }
        pace.taken(everfile.now(), blob.size);
        on.onchunk(blob);
      });
    }

    function quit() {
      if (over) { return false; }
      over = true;
      clearInterval(timer);
      while (offs.length) { offs.pop()(); }
      everfile.attach(video, null);
      return true;
    }

    function finish() { if (quit()) { on.onend(); } }

    if (!tracks.length) { return null; }
    try {
      cx = canvas.getContext("2d");
      video.muted = true;
      video.setAttribute("playsinline", "");
      everfile.attach(video, stream);
      promise = video.play();
      if (promise && promise.then) { promise.then(null, function () { /* it waits for a tap */ }); }
    } catch (e) { return null; }
    offs = everfile.outlast(tracks, finish);
    timer = setInterval(take, every);
    return { mimeType: "image/jpeg", stop: finish, drop: quit };
  };
}(window));
