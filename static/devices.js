/*
 * everfile.devices: cameras and microphones, with a sentence for each way in
 * which they cannot be had.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile;
  var devices = everfile.devices = {};
  var media = root.navigator.mediaDevices;

  var TEXT = {
    insecure: "Browsers give the camera and microphone only to secure pages, and this one came over plain HTTP from another machine. Start the server with --tls-self-signed and open the page with https, or open it on the server's own machine as http://localhost.",
    none: "This browser cannot reach cameras or microphones (no getUserMedia).",
    recorder: "This browser cannot record (no MediaRecorder). Watching works.",
    refused: "The camera and microphone were refused. Allow them for this page, by the icon in the address bar, and press Start again.",
    busy: "The camera or microphone is in use by another program. Close that and press Start again.",
    missing: "There is no camera and no microphone on this machine.",
    gone: "The chosen camera or microphone is not there any more. Choose another one.",
    other: "The camera and microphone do not work"
  };

  /* trouble() is why this page cannot record at all, or "". */
  devices.trouble = function () {
    if (!root.MediaRecorder) { return TEXT.recorder; }
    if (media && media.getUserMedia) { return ""; }
    return root.isSecureContext === false ? TEXT.insecure : TEXT.none;
  };

  /* explain(error) is a sentence for what getUserMedia refused with. */
  devices.explain = function (error) {
    switch (error && error.name) {
    case "NotAllowedError": case "SecurityError": case "PermissionDeniedError": return TEXT.refused;
    case "NotReadableError": case "AbortError": case "TrackStartError": return TEXT.busy;
    case "NotFoundError": case "DevicesNotFoundError": return TEXT.missing;
    case "OverconstrainedError": return TEXT.gone;
    }
    return TEXT.other + (error && error.message ? " (" + error.message + ")." : ".");
  };

  function constraints(camera, microphone) {
    var c = { audio: false, video: false };
    if (camera !== "none") {
      c.video = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } };
      if (camera) { c.video.deviceId = { exact: camera }; }
    }
    if (microphone !== "none") {
      c.audio = microphone ? { deviceId: { exact: microphone } } : true;
    }
    return c;
  }

  /*
   * open(camera, microphone, done, fail) asks for them by ID; "" is whichever the
   * browser takes, "none" is none. Where there is no camera, the microphone alone
   * will do, and the other way round.
   */
  devices.open = function (camera, microphone, done, fail) {
    function ask(c, m, otherwise) {
      media.getUserMedia(constraints(c, m)).then(done, otherwise);
    }
    ask(camera, microphone, function (error) {
      var name = error && error.name;
      if (name === "OverconstrainedError" && (camera || microphone)) {
        devices.open(camera === "none" ? camera : "", microphone === "none" ? microphone : "", done, fail);
      } else if (name === "NotFoundError" && camera !== "none" && microphone !== "none") {
        ask("none", microphone, function () { ask(camera, "none", function () { fail(error); }); });
      } else {
        fail(error);
      }
    });
  };

  /* list(done) calls done(cameras, microphones), arrays of {id, label}; the labels
   * are empty before permission. */
  devices.list = function (done) {
    if (!media || !media.enumerateDevices) { done([], []); return; }
    media.enumerateDevices().then(function (all) {
      var cameras = [], microphones = [], i, to;
      for (i = 0; i < all.length; i++) {
        to = all[i].kind === "videoinput" ? cameras : all[i].kind === "audioinput" ? microphones : null;
        if (to) { to.push({ id: all[i].deviceId, label: all[i].label }); }
      }
      done(cameras, microphones);
    }, function () { done([], []); });
  };

  /* changed(fn) calls fn when a device comes or goes. */
  devices.changed = function (fn) {
    if (media && media.addEventListener) { media.addEventListener("devicechange", fn, false); }
  };

  /*
   * meter(stream, fn) calls fn(level), 0 to 1, ten times a second, and returns
   * what stops it; null without WebAudio.
   */
  devices.meter = function (stream, fn) {
    var C = root.AudioContext || root.webkitAudioContext, context, source, analyser, samples, timer;
    if (!C || !stream.getAudioTracks().length) { return null; }
    try {
      context = new C();
      source = context.createMediaStreamSource(stream);
      analyser = context.createAnalyser();
      analyser.fftSize = 2048;
      source.connect(analyser);
    } catch (e) { return null; }
    samples = new Uint8Array(analyser.fftSize);
    timer = setInterval(function () {
      var i, d, sum = 0;
      analyser.getByteTimeDomainData(samples);
      for (i = 0; i < samples.length; i++) { d = (samples[i] - 128) / 128; sum += d * d; }
      // From -50 dB to 0 dB, as ears hear it.
      fn(Math.max(0, Math.min(1, 1 + Math.log(Math.sqrt(sum / samples.length) + 1e-6) / Math.LN10 * 20 / 50)));
    }, 100);
    return function () {
      clearInterval(timer);
      if (context.close) { context.close(); }
    };
  };
}(window));
