/*
 * What pcm.js runs beside the audio: hands out the samples of the first channel, so
 * many at once. Only engines with AudioWorklet see this file, and they know classes.
 */
class Samples extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.block = new Float32Array(options.processorOptions.frames);
    this.used = 0;
  }

  process(inputs) {
    const x = inputs[0][0] || new Float32Array(128);   // nothing is silence
    for (let i = 0; i < x.length; i++) {
      this.block[this.used++] = x[i];
      if (this.used === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.used = 0;
      }
    }
    return true;
  }
}

registerProcessor("everfile-samples", Samples);
