/*
 * everfile.pcm: the sibling of a MediaRecorder for "audio/wav": a MediaStream's
 * sound as it is, 16 bit mono, in a WAV file of unknown size. It needs WebAudio and
 * no recorder, so browsers without one can talk, and whoever reads the file needs
 * no decoder.
 *
 *   pcm.file(buffer)            a WAV file of an AudioBuffer
 *   pcm.able()                  whether this browser can do that
 *   pcm(stream, options, on)    as everfile.recorder: of the options it heeds rate, which
 *                               is wished for; a chunk is what 1024 frames are (21 ms at
 *                               48 kHz), taken by an AudioWorklet where there is one, or
 *                               else on the page's own thread
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var FRAMES = 1024, UNKNOWN = 0xFFFFFFFF, TAPS = 31, NEARLY = 0.9, VOICE = 24000;
  var WORKLET = "/static/soundworklet.js", PROCESSOR = "everfile-sound";
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

  /* halver() returns what makes of floats half as many: a low-pass, a windowed sinc, so
   * that nothing above the new limit comes back below it. */
  function halver() {
    var taps = [], sum = 0, past = [], i, x;
    for (i = 0; i < TAPS; i++) {
      x = i - (TAPS - 1) / 2;
      taps[i] = (x === 0 ? 0.46 : Math.sin(0.46 * Math.PI * x) / (Math.PI * x)) *
        (0.42 - 0.5 * Math.cos(2 * Math.PI * (i + 0.5) / TAPS) + 0.08 * Math.cos(4 * Math.PI * (i + 0.5) / TAPS));
      sum += taps[i];
    }
    for (i = 0; i < TAPS; i++) { past.push(0); }
    return function (floats) {
      var all = past.concat(Array.prototype.slice.call(floats)), out = [], at, k, v;
      for (at = TAPS; at < all.length; at += 2) {
        for (v = 0, k = 0; k < TAPS; k++) { v += taps[k] * all[at - k]; }
        out.push(v / sum);
      }
      past = all.slice(at - TAPS);   // and whatever is odd
      return out;
    };
  }

  /* lower(rate, wanted) is what brings samples down towards a rate that is wished for,
   * by halves: {rate, of(floats)}. */
  function lower(from, wanted) {
    var halvers = [];
    for (; from / 2 >= wanted * NEARLY; from /= 2) { halvers.push(halver()); }
    return { rate: from, of: function (floats) { return halvers.reduce(function (all, halve) { return halve(all); }, floats); } };
  }

  everfile.pcm = function (stream, options, on) {
    var tracks = stream.getAudioTracks(), offs = [], first = true, over = false;
    var context, source, node, lowered;

    function hand(floats) {
      var parts;
      if (over) { return; }
      parts = [samples(lowered.of(floats))];
      if (first) { parts.unshift(header(lowered.rate)); }
      first = false;
      on.onchunk(new root.Blob(parts));
    }

    /* link puts a node behind the microphone. It runs only if it leads somewhere; what
     * it plays is silence. */
    function link(n) {
      if (over) { return; }
      node = n;
      source.connect(node);
      node.connect(context.destination);
    }

    function script() {
      var n = context[maker](FRAMES, 1, 1);   // it mixes what comes down to one channel
      n.onaudioprocess = function (e) { hand(e.inputBuffer.getChannelData(0)); };
      link(n);
    }

    function worklet() {
      context.audioWorklet.addModule(everfile.place(WORKLET)).then(function () {
        var n = new root.AudioWorkletNode(context, PROCESSOR, { channelCount: 1, channelCountMode: "explicit", processorOptions: { frames: FRAMES, channels: 1 } });
        n.port.onmessage = function (e) { hand(e.data); };
        link(n);
      }).then(null, function (e) {
        if (over) { return; }
        if (proto[maker]) { script(); } else if (quit()) { on.onfail(e.message || ""); }
      });
    }

    function quit() {
      if (over) { return false; }
      over = true;
      while (offs.length) { offs.pop()(); }
      source.disconnect();
      if (node) {
        node.onaudioprocess = null;
        node.disconnect();
      }
      if (context.close) { context.close(); }
      return true;
    }

    function finish() { if (quit()) { on.onend(); } }

    if (!tracks.length || !everfile.pcm.able()) { return null; }
    try {
      context = new C();
      source = context.createMediaStreamSource(stream);
      lowered = lower(context.sampleRate, options.rate || Infinity);
      if (context.audioWorklet && root.AudioWorkletNode) { worklet(); } else { script(); }
    } catch (e) {
      if (context && context.close) { context.close(); }
      return null;
    }
    // A recorder ends with the last of its tracks. A node would go on with silence.
    offs = everfile.outlast(tracks, finish).concat(everfile.awake(context));
    return { mimeType: "audio/wav", stop: finish, drop: quit };
  };

  /* file(buffer) is a WAV file of what an AudioContext has decoded. */
  everfile.pcm.file = function (buffer) {
    var lowered = lower(buffer.sampleRate, VOICE), parts = [], block = Math.round(lowered.rate), at, i, c, floats, left;
    for (at = 0; at < buffer.length; at += block) {
      floats = new Float32Array(Math.min(block, buffer.length - at));
      for (c = 0; c < buffer.numberOfChannels; c++) {
        left = buffer.getChannelData(c);
        for (i = 0; i < floats.length; i++) { floats[i] += left[at + i] / buffer.numberOfChannels; }
      }
      parts.push(samples(lowered.of(floats)));
    }
    return new root.Blob([header(lowered.rate)].concat(parts));
  };

  everfile.pcm.able = function () {
    var way = proto[maker] || C && root.AudioWorkletNode;
    return !!(way && proto.createMediaStreamSource && everfile.camera() && root.Blob && root.DataView);
  };
}(window));
