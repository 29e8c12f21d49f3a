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
    deaf: "This browser gives pages no microphone.",
    recorder: "This browser cannot record (no MediaRecorder, no WebAudio). Watching works.",
    refused: "The camera and microphone were refused. Allow them for this page, by the icon in the address bar, and try again.",
    busy: "The camera or microphone is in use by another program. Close that and try again.",
    missing: "There is no camera and no microphone on this machine.",
    gone: "The chosen camera or microphone is not there any more. Choose another one.",
    other: "The camera and microphone do not work"
  };

  /* unreachable() is why this page gets no camera and no microphone, or "". */
  devices.unreachable = function () {
    if (everfile.camera()) { return ""; }
    return root.isSecureContext === false ? TEXT.insecure : TEXT.none;
  };

  /* trouble() is why this page cannot record at all, or "". */
  devices.trouble = function () {
    return root.MediaRecorder || root.AudioEncoder || everfile.pcm && everfile.pcm.able() ? devices.unreachable() : TEXT.recorder;
  };

  /* kind(error) is the word in TEXT for what getUserMedia refused with. */
  function kind(error) {
    if (error && !error.name) { return dated(error); }
    switch (error && error.name) {
    case "NotAllowedError": case "SecurityError": case "PermissionDeniedError": return "refused";
    case "NotReadableError": case "AbortError": case "TrackStartError": return "busy";
    case "NotFoundError": case "DevicesNotFoundError": return "missing";
    case "OverconstrainedError": return "gone";
    }
    return "other";
  }

  /* dated is kind for the errors of 2012. */
  function dated(error) {
    if (error.NOT_SUPPORTED_ERROR) { return "missing"; }
    return error === "PERMISSION_DENIED" || error.PERMISSION_DENIED && error.code === error.PERMISSION_DENIED ? "refused" : "other";
  }

  devices.kind = kind;

  function reason(error) { return error && error.message ? " (" + error.message + ")." : "."; }

  /* explain(error) is a sentence for what getUserMedia refused with. */
  devices.explain = function (error) {
    var k = kind(error);
    return TEXT[k] + (k === "other" ? reason(error) : "");
  };

  /* lacking(want, stream, error) is a sentence for what of want, {audio, video},
   * is not in the stream that best() got, or "". */
  devices.lacking = function (want, stream, error) {
    var video = want.video && !(stream && stream.getVideoTracks().length);
    var audio = want.audio && !(stream && stream.getAudioTracks().length);
    var both = video && audio, what = both ? "camera and microphone" : video ? "camera" : "microphone";
    if (!video && !audio) { return ""; }
    if (devices.unreachable()) { return devices.unreachable(); }
    switch (error ? kind(error) : "missing") {
    case "refused": return "The " + what + (both ? " were" : " was") + " refused. You can allow " + (both ? "them" : "it") + " by the icon in the address bar, and then try again under Devices.";
    case "busy": return "The " + (both ? "camera or microphone" : what) + " is in use by another program.";
    case "other": return "The " + what + (both ? " do" : " does") + " not work" + reason(error);
    }
    if (audio && !video && !(media && media.getUserMedia)) { return TEXT.deaf; }
    return both ? TEXT.missing : "There is no " + what + " on this machine.";
  };

  function constraints(camera, microphone) {
    var c = { audio: false, video: false };
    if (camera !== "none") {
      c.video = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } };
      if (camera) { c.video.deviceId = { exact: camera }; } else { c.video.facingMode = { ideal: "user" }; }
    }
    if (microphone !== "none") {
      c.audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      if (microphone) { c.audio.deviceId = { exact: microphone }; }
    }
    return c;
  }

  /* ask asks once. One of the chosen devices may be gone or in use: then any will do. */
  function ask(camera, microphone, done, fail) {
    everfile.camera()(constraints(camera, microphone), done, function (error) {
      var c = camera === "none" ? camera : "", m = microphone === "none" ? microphone : "", k = kind(error);
      if ((k === "gone" || k === "busy") && (c !== camera || m !== microphone)) { ask(c, m, done, fail); } else { fail(error); }
    });
  }

  /*
   * open(camera, microphone, done, fail) asks for them by ID; "" is whichever the
   * browser takes, "none" is none. Where there is no camera, the microphone alone
   * will do, and the other way round.
   */
  devices.open = function (camera, microphone, done, fail) {
    ask(camera, microphone, done, function (error) {
      if (kind(error) !== "missing" || camera === "none" || microphone === "none") { fail(error); return; }
      ask("none", microphone, done, function (other) {
        if (kind(other) === "missing") { ask(camera, "none", done, fail); } else { fail(other); }
      });
    });
  };

  /*
   * best(want, camera, microphone, wanted, done) gets of want, {audio, video}, what
   * can be had: done(stream, null), done(stream, error) if something is missing, or
   * done(null, error). error may be null: then there is no such device. As soon as
   * wanted() is false nobody is asked any more, and nothing is done.
   */
  devices.best = function (want, camera, microphone, wanted, done) {
    var tries = [], why = null;
    if (want.video && want.audio) { tries.push([camera, microphone]); }
    if (want.audio) { tries.push(["none", microphone]); }
    if (want.video) { tries.push([camera, "none"]); }
    function next() {
      var t = tries.shift();
      if (!wanted()) { return; }
      if (!t) { done(null, why); return; }
      ask(t[0], t[1], function (stream) {
        if (wanted()) { done(stream, why); } else { devices.stop(stream); }
      }, function (error) {
        var refused = kind(error) === "refused";
        if (!why || refused || kind(why) === "missing") { why = error; }   // what can be helped is said first
        if (refused && t[0] === "none") { tries = []; }   // who refuses that is not asked for more
        next();
      });
    }
    if (devices.unreachable()) { tries = []; }
    next();
  };

  /* tracks(stream, kind) is those of a kind, "audio" or "video"; stream may be null. */
  devices.tracks = function (stream, kind) {
    return !stream ? [] : kind === "video" ? stream.getVideoTracks() : stream.getAudioTracks();
  };

  /* stop(stream) lets go of the devices; stream may be null. */
  devices.stop = function (stream) {
    if (stream) { stream.getTracks().forEach(function (t) { t.stop(); }); }
  };

  /* settings(stream, kind) is what the browser tells of the track of a kind, as
   * deviceId and facingMode. */
  devices.settings = function (stream, kind) {
    var t = devices.tracks(stream, kind)[0];
    return t && t.getSettings ? t.getSettings() : {};
  };

  /* fill(select, list, word, now, none) writes devices into a <select>; word is
   * "camera" or "microphone", now is the one that is chosen, "none" one of the choices
   * if none. */
  devices.fill = function (select, list, word, now, none) {
    function add(value, label) {
      var o = root.document.createElement("option");
      o.value = value;
      o.textContent = label;
      o.selected = !!now && value === now;
      select.appendChild(o);
    }
    select.textContent = "";
    list.forEach(function (d, i) { add(d.id, d.label || word.charAt(0).toUpperCase() + word.slice(1) + " " + (i + 1)); });
    if (none || !list.length) { add(none ? "none" : "", "No " + word); }
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

  /* loudness(analyser, samples) is how loud it is now, 0 to 1: from -50 dB to 0 dB, as
   * ears hear it. samples is room for them. */
  devices.loudness = function (analyser, samples) {
    var i, d, sum = 0;
    analyser.getByteTimeDomainData(samples);
    for (i = 0; i < samples.length; i++) {
      d = (samples[i] - 128) / 128;
      sum += d * d;
    }
    return Math.max(0, Math.min(1, 1 + Math.log(Math.sqrt(sum / samples.length) + 1e-6) / Math.LN10 * 20 / 50));
  };

  /*
   * meter(stream, fn) calls fn(level), 0 to 1, ten times a second, and returns
   * what stops it; null without WebAudio.
   */
  devices.meter = function (stream, fn) {
    var C = root.AudioContext || root.webkitAudioContext, context, source, analyser, samples, timer, ticks = 0;
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
      if (context.state === "suspended" && ticks++ % 20 === 0) { context.resume(); }   // before the first click
      fn(devices.loudness(analyser, samples));
    }, 100);
    return function () {
      clearInterval(timer);
      if (context.close) { context.close(); }
    };
  };
}(window));
