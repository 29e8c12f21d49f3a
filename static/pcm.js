/*
 * everfile.pcm: the sibling of a MediaRecorder for "audio/wav": a MediaStream's
 * sound as it is, 16 bit mono, in a WAV file of unknown size. It needs WebAudio and
 * no recorder, so browsers without one can talk, and whoever reads the file needs
 * no decoder.
 *
 *   pcm.able()                  whether this browser can do that
 *   pcm(stream, options, on)    as everfile.recorder: options are ignored, a chunk
 *                               is what 2048 frames are (43 ms at 48 kHz)
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var FRAMES = 2048, UNKNOWN = 0xFFFFFFFF;
  var C = root.AudioContext || root.webkitAudioContext, proto = C && C.prototype || {};
  var maker = proto.createScriptProcessor ? "createScriptProcessor" : "createJavaScriptNode";   // its name of 2012

  /* header is the 44 bytes before the samples, of a file that never ends. */
  function header(rate) {
    var view = new DataView(new ArrayBuffer(44)), at = 0;
    function text(s) { for (var i = 0; i < s.length; i++) { view.setUint8(at++, s.charCodeAt(i)); } }
    function u32(n) { view.setUint32(at, n, true); at += 4; }
    function u16(n) { view.setUint16(at, n, true); at += 2; }
    text("RIFF");
    u32(UNKNOWN);
    text("WAVEfmt ");
    u32(16);
    u16(1);          // PCM
    u16(1);          // one channel
    u32(rate);
    u32(2 * rate);   // bytes per second
    u16(2);          // bytes per frame
    u16(16);         // bits per sample
    text("data");
    u32(UNKNOWN);
    return view.buffer;
  }

  /* samples makes floats of -1 to 1 into 16 bit, little end first. */
  function samples(floats) {
    var view = new DataView(new ArrayBuffer(2 * floats.length)), i;
    for (i = 0; i < floats.length; i++) {
      view.setInt16(2 * i, Math.round(Math.max(-1, Math.min(1, floats[i])) * 32767), true);
    }
    return view.buffer;
  }

  everfile.pcm = function (stream, options, on) {
    var tracks = stream.getAudioTracks(), offs = [], first = true, over = false;
    var context, source, node;

    function hand(e) {
      var parts = [samples(e.inputBuffer.getChannelData(0))];
      if (over) { return; }
      if (first) { parts.unshift(header(context.sampleRate)); }
      first = false;
      on.onchunk(new root.Blob(parts));
    }

    function resume() {
      var promise;
      if (over || !context.resume || !/suspended|interrupted/.test(context.state)) { return; }
      promise = context.resume();
      if (promise && promise.then) { promise.then(null, function () { /* it waits for a tap */ }); }
    }

    function quit() {
      if (over) { return false; }
      over = true;
      while (offs.length) { offs.pop()(); }
      node.onaudioprocess = null;
      source.disconnect();
      node.disconnect();
      if (context.close) { context.close(); }
      return true;
    }

    function finish() { if (quit()) { on.onend(); } }

    /* A recorder ends with the last of its tracks. A node would go on with silence. */
    function follow(track) {
      offs.push(everfile.listen(track, "ended", function () {
        if (!tracks.some(function (t) { return t.readyState !== "ended"; })) { finish(); }
      }));
    }

    if (!tracks.length || !everfile.pcm.able()) { return null; }
    try {
      context = new C();
      source = context.createMediaStreamSource(stream);
      node = context[maker](FRAMES, 1, 1);   // it mixes what comes down to one channel
      node.onaudioprocess = hand;
      source.connect(node);
      node.connect(context.destination);     // it runs only if it leads somewhere; what it plays is silence
    } catch (e) {
      if (context && context.close) { context.close(); }
      return null;
    }
    tracks.forEach(follow);
    if (context.addEventListener) { offs.push(everfile.listen(context, "statechange", resume)); }
    resume();
    return { mimeType: "audio/wav", stop: finish, drop: quit };
  };

  everfile.pcm.able = function () {
    var media = root.navigator.mediaDevices;
    return !!(proto[maker] && proto.createMediaStreamSource && media && media.getUserMedia && root.Blob && root.DataView);
  };
}(window));
