/*
 * What sources.js and pcm.js run beside the audio: it hands out samples, so many at
 * once, one channel after the other. No input is silence: so a listener's time goes on.
 */
(function (root) {
  "use strict";

  var QUANTUM = 128;   // frames that an engine brings at once, unless it says otherwise

  // A class in the language of 2009.
  function Sound(options) {
    var o = options.processorOptions, it = root.Reflect.construct(root.AudioWorkletProcessor, [options], Sound);
    it.frames = o.frames;
    it.channels = o.channels;
    it.block = new Float32Array(o.frames * o.channels);
    it.used = 0;
    return it;
  }

  Sound.prototype = Object.create(root.AudioWorkletProcessor.prototype);
  Sound.prototype.constructor = Sound;

  Sound.prototype.process = function (inputs) {
    var input = inputs[0], n = input.length ? input[0].length : QUANTUM, i, c;
    for (i = 0; i < n; i++) {
      for (c = 0; c < this.channels; c++) {
        this.block[c * this.frames + this.used] = input.length ? (input[c] || input[0])[i] : 0;
      }
      if (++this.used === this.frames) {
        this.port.postMessage(this.block, [this.block.buffer]);
        this.block = new Float32Array(this.frames * this.channels);
        this.used = 0;
      }
    }
    return true;
  };

  root.registerProcessor("everfile-sound", Sound);
}(globalThis));
