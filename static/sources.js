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
  var WINDOW = 15;         // packets of 20 ms: so far back it is remembered when samples came
  var NEAR = 20, FAR = 100, EVERY = 10;   // ms that clocks may differ, and that are made up for at once; packets a ms

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
    var o = opened(new root.MediaStream([track])), context = o[0], many = context.sampleRate / 50, over = false, node = null, off;

    function resume() {
      if (over || !/suspended|interrupted/.test(context.state)) { return; }
      context.resume().then(null, function () { /* it waits for a tap */ });
    }

    function quit() {
      if (over) { return; }
      over = true;
      off();
      if (node) { node.port.onmessage = null; }
      o[1].disconnect();
      context.close();
    }

    off = everfile.listen(context, "statechange", resume);
    resume();
    context.audioWorklet.addModule("/static/encodeworklet.js").then(function () {
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
   * clock() brings samples, whose number is a time too, onto another clock, that of
   * the pictures. All times are in milliseconds.
   *   heard(at, now)   the samples from at (by their number) on have come now
   *   stamp(at)        what is written for them, or null: they must be left out
   * What comes late has been held up on its way: so the smallest delay of late tells
   * how the two clocks stand. A page that was busy hears of all that waited before the
   * encoder has any of it: so ask for a stamp when that is done. The clocks run apart a
   * little, and a millisecond in ten packets, which nobody hears, makes up for that.
   * Where samples are missing, or came twice, the two are brought together at once.
   */
  sources.clock = function () {
    var late = [], shift = null, last = -1, n = 0;

    function came(at, now) {
      late.push(now - at);
      if (late.length > WINDOW) { late.shift(); }
    }

    function time(at) {
      var least = Math.min.apply(null, late), off = shift === null ? 0 : least - shift, ms;
      if (shift === null || Math.abs(off) > FAR) {
        shift = least;
      } else if (Math.abs(off) > NEAR && ++n % EVERY === 0) {
        shift += off > 0 ? 1 : -1;
      }
      ms = Math.max(0, Math.round(at + shift));
      if (ms <= last) { return null; }
      last = ms;
      return ms;
    }

    return { heard: came, stamp: time };
  };

  sources.sound.able = function () { return !!(C && root.AudioWorkletNode && C.prototype.createMediaStreamSource && root.AudioData); };
}(window));
