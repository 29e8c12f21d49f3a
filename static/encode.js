/*
 * everfile.encode: the sibling of a MediaRecorder for WebM of VP8 and Opus, made of
 * the browser's encoders (WebCodecs) and of webmwriter.js. It gives a keyframe when
 * one is due and each frame at once. It is for browsers whose MediaRecorder does not
 * know when keyframes are due (Firefox gives one in 7 s, and who listens waits for
 * that), or that have none.
 *
 *   encode(stream, options, on)   as everfile.recorder; null where that is not wanted or
 *                                 not to be had. Where it breaks or is too slow it says
 *                                 so by on.onfail, and there is none any more
 *   encode.types(list)            a list of MIME types that are recorded, with these
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var MINE = /^((video|audio)\/webm(; *codecs="?(vp8, *)?opus"?)?)?$/;
  var TYPES = ["video/webm;codecs=vp8,opus", "audio/webm;codecs=opus"];
  var FRAME = 20;                         // ms of sound that are encoded at once
  var QUEUE = 2, WORK = 8;                // pictures that may wait for the encoder, or be in it: more are left out
  var LATE = 1000, LOOK = 250, LOOKS = 12;   // ms that an encoder may be late; between looks at that; so many times in a row
  var TICK = 20, FLUSH = 500;             // ms between two looks at what is due; for what is in the encoders, at the end
  var can = { video: false, audio: false }, broken = false;

  // ---- whether

  function picture(w, h, rate, bits) {
    return { codec: "vp8", width: w, height: h, bitrate: bits, framerate: rate, latencyMode: "realtime" };
  }

  function sound(rate, channels, bits) {
    return { codec: "opus", sampleRate: rate, numberOfChannels: channels, bitrate: bits };
  }

  /* heeds says whether the MediaRecorder knows that keyframes can be asked for: one
   * that does not never looks at what they are asked for by. */
  function heeds() {
    var looked = false, options = Object.defineProperty({}, "videoKeyFrameIntervalDuration", {
      enumerable: true,
      get: function () { looked = true; return 1000; }
    });
    try { new root.MediaRecorder(new root.MediaStream(), options); } catch (e) { /* it has looked, or not */ }
    return looked;
  }

  /* ask is answered a moment later: until then there is no such encoder. */
  function ask(kind, Encoder, config) {
    if (!Encoder || !Encoder.isConfigSupported) { return; }
    Encoder.isConfigSupported(config).then(function (answer) { can[kind] = answer.supported === true; }, function () { /* no */ });
  }

  /* begin asks an element something first, whose answer does not matter: an engine on
   * GStreamer (WebKitGTK 2.50) loads that in two threads at once otherwise, and dies. */
  function begin() {
    if (root.MediaRecorder && heeds()) { return; }
    if (root.Audio) { new root.Audio().canPlayType("audio/webm"); }
    ask("video", root.VideoEncoder, picture(640, 480, 30, 800000));
    ask("audio", root.AudioEncoder, sound(48000, 1, 48000));
  }

  /* able says whether tracks of a kind can be recorded, of which there is one or none. */
  function able(kind, tracks) {
    var source = kind === "video" ? "picture" : "sound";
    return !broken && tracks.length < 2 && (!tracks.length || can[kind] && everfile.sources[source].able());
  }

  /* plain says whether the MediaRecorder does as well: sound has no keyframes to wait for. */
  function plain(video) {
    var R = root.MediaRecorder;
    return !video.length && !!R && !!R.isTypeSupported && R.isTypeSupported(TYPES[1]);
  }

  // ---- one life of it

  everfile.encode = function (stream, options, on) {
    var video = stream.getVideoTracks(), audio = stream.getAudioTracks(), tracks = video.concat(audio);
    var began = everfile.now(), over = false, ending = false, offs = [], looks = 0;
    var see = null, hear = null;   // what pictures and sound come from
    var size = null, voice = null; // of the pictures, {width, height}; of the sound, {rate, channels}
    var file = null, early = [], parts = [], flushedAt = -1e9;
    var waiting = [], spokeAt = 0;   // when the pictures were taken that the encoder has; when the last sound came out
    var pictures = null, sounds = null;

    function time() { return everfile.now() - began; }

    // ---- out

    function flush() {
      if (!parts.length) { return; }
      flushedAt = time();
      on.onchunk(new root.Blob(parts));
      parts = [];
    }

    /* due: a chunk is what has been written in a timeslice. */
    function due() { if (time() - flushedAt >= (options.timeslice || 50) - 2) { flush(); } }

    function write(kind, ms, key, data) {
      parts.push.apply(parts, file.block(kind, ms, key, data));
    }

    /* open begins the file: with a picture in it at its first keyframe. What was said before comes first. */
    function open() {
      file = everfile.webm({ video: size, audio: voice });
      parts = file.header();
      early.forEach(function (e) { write("audio", e[0], true, e[1]); });
      early = [];
    }

    function bytes(chunk) {
      var data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      return data;
    }

    // ---- pictures

    function seen(chunk) {
      var key = chunk.type === "key", ms = Math.round(chunk.timestamp / 1000);
      while (waiting.length && waiting[0] <= ms) { waiting.shift(); }   // an encoder leaves some out, to keep to its bits
      if (over || !file && !key) { return; }
      if (!file) { open(); }
      write("video", ms, key, bytes(chunk));
      due();
    }

    function look() {
      var interval = options.keyframeEvery || 1000, keyAt = -1e9, last = -1;
      pictures = new root.VideoEncoder({ output: seen, error: failed });

      function fit(w, h) {
        if (size && size.width === w && size.height === h) { return; }
        size = { width: w, height: h };
        keyAt = -1e9;
        pictures.configure(picture(w, h, see.rate, options.videoBitsPerSecond || 800000));
      }

      function take(image) {
        var ms = Math.round(time()), frame, key;
        if (over || ending || ms <= last || pictures.encodeQueueSize > QUEUE || waiting.length > WORK) { return; }
        frame = new root.VideoFrame(image, { timestamp: ms * 1000 });
        fit(frame.displayWidth, frame.displayHeight);
        key = ms - keyAt >= interval - 500 / see.rate;   // the picture that is nearest to when it is due
        pictures.encode(frame, { keyFrame: key });
        frame.close();
        waiting.push(ms);
        last = ms;
        if (key) { keyAt = ms; }
      }

      see = everfile.sources.picture(video[0], guarded(take));
    }

    // ---- sound

    function said(ms, data) {
      if (over) { return; }
      if (!file && !video.length) { open(); }
      if (file) { write("audio", ms, true, data); } else { early.push([ms, data]); }
      due();
    }

    function listen() {
      var settings = audio[0].getSettings ? audio[0].getSettings() : {}, count = settings.channelCount > 1 ? 2 : 1;
      var clock = everfile.sources.clock(FRAME), n = 0, owed = 0;

      function put(samples) {
        var frame = new root.AudioData({
          format: "f32-planar", sampleRate: hear.rate, numberOfFrames: hear.frames, numberOfChannels: count, timestamp: n++ * FRAME * 1000, data: samples
        });
        sounds.encode(frame);
        frame.close();
      }

      function take(samples) {
        if (over || ending) { return; }
        clock.heard(time());
        for (; owed > 0; owed--) {
          clock.added(1);
          put(new Float32Array(samples.length));
        }
        if (owed < 0) {
          owed++;
          clock.added(-1);   // this one is left out
        } else {
          put(samples);
        }
        tick();   // a hidden page's timers are slow
      }

      sounds = new root.AudioEncoder({
        output: function (chunk) {
          spokeAt = time();
          owed = clock.owed();
          said(clock.stamp(chunk.timestamp / 1000), bytes(chunk));
        },
        error: failed
      });
      hear = everfile.sources.sound(audio[0], count, guarded(take), function () { failed(); });
      voice = { rate: hear.rate, channels: count };
      sounds.configure(sound(hear.rate, count, options.audioBitsPerSecond || 48000));
    }

    // ---- how it goes on, and ends

    function tick() {
      if (over || ending) { return; }
      if (see) { see.tick(); }
      due();
    }

    /* watched: an encoder that gives nothing for a while is of no use, nor is one that is as late as that. */
    function watched() {
      var t = time();
      if (!everfile.living(tracks)) { end(); return; }
      looks = !file || waiting.length && t - waiting[0] > LATE || sounds && t - spokeAt > LATE ? looks + 1 : 0;
      if (looks >= LOOKS) { failed({ message: "The browser's encoder is too slow." }); }
    }

    function close(encoder) { if (encoder && encoder.state !== "closed") { encoder.close(); } }

    function rest() {
      while (offs.length) { offs.pop()(); }
      if (see) { see.close(); }
      if (hear) { hear.close(); }
      see = hear = null;
    }

    function quit() {
      if (over) { return false; }
      over = true;
      rest();
      close(pictures);
      close(sounds);
      return true;
    }

    function failed(e) {
      broken = true;
      if (quit()) { on.onfail(e && e.message || "The browser's encoder has failed."); }
    }

    function guarded(fn) {
      return function (x) { try { fn(x); } catch (e) { failed(e); } };
    }

    function finish() {
      if (over) { return; }
      flush();
      if (quit()) { on.onend(); }
    }

    function end() {
      var left = 1;
      function one() { if (--left === 0) { finish(); } }
      if (over || ending) { return; }
      ending = true;
      rest();
      setTimeout(finish, FLUSH);
      [pictures, sounds].forEach(function (encoder) {
        if (!encoder || encoder.state !== "configured") { return; }
        left++;
        encoder.flush().then(one, one);
      });
      one();
    }

    function every(fn, ms) {
      var timer = setInterval(fn, ms);
      offs.push(function () { clearInterval(timer); });
    }

    if (!MINE.test(options.mimeType || "") || !tracks.length || !able("video", video) || !able("audio", audio) || plain(video)) { return null; }
    try {
      if (video.length) { look(); }
      if (audio.length) { listen(); }
    } catch (e) {
      broken = true;
      quit();
      return null;
    }
    every(guarded(tick), TICK);
    every(watched, LOOK);
    return { mimeType: options.mimeType || TYPES[video.length ? 0 : 1], stop: end, drop: quit };
  };

  everfile.encode.types = function (list) {
    return list.concat(TYPES.filter(function (type, i) {
      return able("audio", [1]) && (i > 0 || able("video", [1])) && list.indexOf(type) < 0;
    }));
  };

  begin();
}(window));
