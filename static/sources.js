/*
 * everfile.sources: the pictures and the samples of a MediaStream, one by one, for
 * encode.js.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var sources = everfile.sources = {};
  var C = root.AudioContext || root.webkitAudioContext;
  var RATE = 48000;        // what Opus likes best
  var STILL = 250;         // ms after which a picture that has not changed is sent again
  var WINDOW = 15;         // frames: so far back it is remembered when they came
  var FAR = 60, JUMP = 5000;   // ms that samples may differ from the clock; that are not made up for

  /* processed reads the pictures off the track: as they come from the camera. */
  function processed(camera, on) {
    var reader = new root.MediaStreamTrackProcessor({ track: camera }).readable.getReader(), last = null, over = false;

    function read() {
      reader.read().then(function (r) {
        if (r.value) {
          if (last) { last.close(); }
          last = r.value;
        }
        if (over && last) { last.close(); }
        if (over || r.done) { return; }
        on(last);
        read();
      }, function () { /* the track has ended */ });
    }

    read();
    return {
      image: function () { return last; },
      close: function () {
        over = true;
        reader.cancel().then(null, function () { /* it has ended */ });
        if (last) { last.close(); }
        last = null;
      }
    };
  }

  /* shown takes them from an element that plays the track and is nowhere to be seen. */
  function shown(track, on) {
    var video = root.document.createElement("video"), over = false, promise;

    function next() {
      video.requestVideoFrameCallback(function () {
        if (over) { return; }
        next();
        on(video);
      });
    }

    video.muted = true;
    video.setAttribute("playsinline", "");
    video.srcObject = new root.MediaStream([track]);
    next();
    promise = video.play();
    if (promise && promise.then) { promise.then(null, function () { /* then no picture comes */ }); }
    return {
      image: function () { return video.readyState > 1 ? video : null; },
      close: function () {
        over = true;
        video.pause();
        video.srcObject = null;
      }
    };
  }

  /*
   * picture(track, on) calls on(image) for each picture of the track: a VideoFrame or
   * an element, valid during the call. It returns:
   *   tick()    to be called many times a second: a picture that stands still is given
   *             again, and a hidden page, which is shown none, is given those there are
   *   rate      pictures per second, as the track says
   *   close()
   */
  sources.picture = function (track, on) {
    var now = everfile.now, at = now(), settings = track.getSettings ? track.getSettings() : {}, often = settings.frameRate || 30, source;

    function take(image) {
      at = now();
      on(image);
    }

    source = (root.MediaStreamTrackProcessor ? processed : shown)(track, take);
    return {
      rate: often,
      tick: function () {
        var image = now() - at < (root.document.hidden ? 1000 / often : STILL) ? null : source.image();
        if (image) { take(image); }
      },
      close: source.close
    };
  };

  sources.picture.able = function () {
    var V = root.HTMLVideoElement;
    return !!(root.VideoFrame && (root.MediaStreamTrackProcessor || V && V.prototype.requestVideoFrameCallback));
  };

  /* opened is a context with the stream's sound in it. Some engines want the microphone's own rate. */
  function opened(stream) {
    var context, source;
    try {
      context = new C({ sampleRate: RATE });
      source = context.createMediaStreamSource(stream);
    } catch (e) {
      if (context) { context.close(); }
      context = new C();
      source = context.createMediaStreamSource(stream);
    }
    return [context, source];
  }

  /*
   * sound(track, count, on, onfail) calls on(samples) for each 20 ms of sound: a
   * Float32Array of count channels, one after the other; onfail() if none can be had. It returns
   * {rate, frames (of 20 ms), close()}, or throws.
   */
  sources.sound = function (track, count, on, onfail) {
    var o = opened(new root.MediaStream([track])), context = o[0], many = context.sampleRate / 50, over = false, node = null, off = everfile.awake(context);

    function quit() {
      if (over) { return; }
      over = true;
      off();
      if (node) { node.port.onmessage = null; }
      o[1].disconnect();
      context.close();
    }

    context.audioWorklet.addModule(everfile.place("/static/soundworklet.js")).then(function () {
      if (over) { return; }
      node = new root.AudioWorkletNode(context, "everfile-sound", {
        channelCount: count, channelCountMode: "explicit", processorOptions: { frames: many, channels: count }
      });
      node.port.onmessage = function (e) { on(e.data); };
      o[1].connect(node);
      node.connect(context.destination);   // it runs if it leads somewhere; what it plays is silence
    }).then(null, function () { if (!over) { onfail(); } });
    return { rate: context.sampleRate, frames: many, close: quit };
  };

  /*
   * clock(ms) counts frames of sound of so many ms, and compares them with the clock
   * of the pictures. Players go by the number of samples, some without a look at their
   * timestamps: so what is missing must be there as silence.
   *   heard(now)   a frame has come
   *   owed()       so many frames are missing; if negative, so many are too many
   *   added(n)     so many were put in, or left out
   *   stamp(at)    what is written for a frame before which at ms are in the file
   * What comes late has been held up on its way: so the smallest delay of late tells
   * how the clocks stand. A page that was busy hears of all that waited before an
   * encoder has any of it: so ask what is owed when that has given something.
   */
  sources.clock = function (length) {
    var late = [], n = 0, more = 0, base = null;

    function off() {
      var least = Math.min.apply(null, late);
      if (base === null) { base = least; }
      return least - base - length * more;
    }

    function missing() {
      var ms = off();
      if (ms > JUMP) {   // the machine slept: that is a gap, in the pictures too
        base += ms;
        return 0;
      }
      return Math.abs(ms) < FAR ? 0 : Math.round(ms / length);
    }

    return {
      heard: function (now) {
        late.push(now - length * n++);
        if (late.length > WINDOW) { late.shift(); }
      },
      owed: missing,
      added: function (frames) { more += frames; },
      stamp: function (at) { return Math.max(0, Math.round(base + at)); }
    };
  };

  sources.sound.able = function () { return !!(C && root.AudioWorkletNode && C.prototype.createMediaStreamSource && root.AudioData); };
}(window));
