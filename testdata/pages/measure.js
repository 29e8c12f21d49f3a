// Looks at and listens to a media element that plays what devices.js made.
// Injected before the page's own scripts; everything hangs on window.measure.
(function () {
  "use strict";
  // devices.js counts the contexts of the page; and a test may take all this from it.
  const Context = window.AudioContext, Promise = window.Promise, AudioWorkletNode = window.AudioWorkletNode, Blob = window.Blob;
  let ac = null;
  const sources = new Map();

  async function context() {
    ac = ac || new Context({ sampleRate: 48000, latencyHint: "interactive" });
    await ac.resume();
    return ac;
  }

  // tap returns the element's sound as a node; an element has only one. That of one
  // which plays a MediaStream is the stream's, however loud the element is: Chromium
  // gives no other.
  async function tap(element) {
    await context();
    const stream = element.srcObject;
    if (stream && (!sources.has(element) || sources.get(element).mediaStream !== stream)) {
      sources.set(element, ac.createMediaStreamSource(stream));
    } else if (!sources.has(element)) {
      const source = ac.createMediaElementSource(element);
      source.connect(ac.destination);
      sources.set(element, source);
    }
    return sources.get(element);
  }

  // tone returns how far, in dB, the sound at hz is above everything else, or
  // null when there is no sound. It listens until that is enough, for three
  // seconds at the most, and takes the best.
  async function tone(element, hz, enough) {
    const analyser = await spectrum(element);
    const bins = new Float32Array(analyser.frequencyBinCount), width = ac.sampleRate / analyser.fftSize;
    let best = null;
    for (let i = 0; i < 20 && !(best >= enough); i++) {
      await new Promise((done) => setTimeout(done, 150));
      analyser.getFloatFrequencyData(bins);
      let at = -Infinity, other = -Infinity;
      for (let k = 4; k < bins.length; k++) {
        if (Math.abs(k * width - hz) < 60) { at = Math.max(at, bins[k]); } else { other = Math.max(other, bins[k]); }
      }
      if (at > -60) { best = Math.max(best === null ? -Infinity : best, at - other); }
    }
    sources.get(element).disconnect(analyser);
    return best;
  }

  // spectrum returns an analyser of the element's sound.
  async function spectrum(element) {
    const analyser = (await tap(element)).context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    sources.get(element).connect(analyser);
    return analyser;
  }

  // level returns the loudest that the sound at hz was within some seconds, in
  // dB below a tone of our microphones as it is sent.
  async function level(element, hz, seconds) {
    const analyser = await spectrum(element), own = ac.createOscillator(), gain = ac.createGain(), ours = ac.createAnalyser();
    const bins = new Float32Array(analyser.frequencyBinCount), width = ac.sampleRate / analyser.fftSize;
    ours.fftSize = analyser.fftSize;
    ours.smoothingTimeConstant = 0;
    own.frequency.value = hz;
    gain.gain.value = 0.5;
    own.connect(gain);
    gain.connect(ours);
    own.start();
    const at = (a) => {
      a.getFloatFrequencyData(bins);
      return bins.reduce((max, v, k) => (Math.abs(k * width - hz) < 20 ? Math.max(max, v) : max), -150);
    };
    let most = -150, sent = -150;
    for (let i = 0; i < seconds * 10; i++) {
      await new Promise((done) => setTimeout(done, 100));
      most = Math.max(most, at(analyser));
      sent = Math.max(sent, at(ours));
    }
    own.stop();
    sources.get(element).disconnect(analyser);
    return most - sent;
  }

  // onset returns the time at which the element both moves and sounds.
  async function onset(element) {
    const analyser = (await tap(element)).context.createAnalyser();
    analyser.fftSize = 512;
    sources.get(element).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    let first = null, moves = false, sounds = false;
    while (!(moves && sounds)) {
      await new Promise((done) => setTimeout(done, 10));
      if (element.videoWidth && element.readyState > 1) {
        const c = clock(element);
        first = first === null ? c : first;
        moves = moves || c !== first;
      }
      analyser.getFloatTimeDomainData(wave);
      sounds = sounds || Math.sqrt(wave.reduce((sum, v) => sum + v * v, 0) / wave.length) > 0.005;
    }
    const now = Date.now();
    sources.get(element).disconnect(analyser);
    return now;
  }

  // clock reads the painted time from the picture, of a <video> or an <img>, in ms
  // modulo 2^32.
  let cx = null;
  function blank() {
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 8;
    cx = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  }
  blank();
  function clock(video) {
    cx.drawImage(video, 0, 0, video.videoWidth || video.naturalWidth, (video.videoHeight || video.naturalHeight) * 2 / 9, 0, 0, 64, 8);
    const px = cx.getImageData(0, 0, 64, 8).data;
    let v = 0;
    for (let i = 0; i < 32; i++) {
      const x = (i % 16) * 4 + 1, y = (i >> 4) * 4 + 1;
      const light = px[(y * 64 + x) * 4 + 1] + px[(y * 64 + x + 1) * 4 + 1] + px[((y + 1) * 64 + x) * 4 + 1];
      v = v * 2 + (light > 3 * 128 ? 1 : 0);
    }
    return v;
  }

  // watch collects, for every frame that is shown, how old its clock is, and
  // counts stalls. stop() returns what there is.
  function watch(video) {
    const began = performance.now(), ages = [], stalls = [], rates = [];
    let on = true, frames = 0;
    const frame = () => {
      if (!on) { return; }
      frames++;
      let age;
      try {
        age = (Date.now() - clock(video)) % 2 ** 32;
      } catch (e) {
        // In the moment in which its connection broke, Chromium takes the picture for
        // another origin's, and the canvas from then on.
        blank();
        video.requestVideoFrameCallback(frame);
        return;
      }
      ages.push([performance.now() - began, (age + 2 ** 32) % 2 ** 32]);
      video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    video.addEventListener("waiting", () => stalls.push(performance.now() - began));
    return { ages, stalls, rates, frames: () => frames, stop: () => { on = false; } };
  }

  const detector = `registerProcessor("detector", class extends AudioWorkletProcessor {
    process([[x]]) {
      if (!x) { return true; }
      const now = Date.now();
      for (let i = 0; i < x.length; i++) {
        const loud = Math.abs(x[i]) > 0.15;
        if (loud && !this.beep && (this.quiet || 0) > 4000) { this.beep = []; this.at = now + i * 1000 / sampleRate; }
        this.quiet = loud ? 0 : (this.quiet || 0) + 1;
        if (this.beep) {
          this.beep.push(x[i]);
          if (this.beep.length >= sampleRate * 0.04) {
            let crossings = 0;
            for (let k = 1; k < this.beep.length; k++) { if (this.beep[k - 1] < 0 !== this.beep[k] < 0) { crossings++; } }
            this.port.postMessage({ at: this.at, hz: crossings / 2 / 0.04 });
            this.beep = null;
          }
        }
      }
      return true;
    }
  });`;

  // listen collects how old each beep is when it is heard: its pitch says which
  // of eight seconds it marked the begin of.
  async function listen(element) {
    const began = performance.now(), ages = [], source = await tap(element);
    await ac.audioWorklet.addModule(URL.createObjectURL(new Blob([detector], { type: "text/javascript" })));
    const node = new AudioWorkletNode(ac, "detector", { channelCount: 1, channelCountMode: "explicit" });
    source.connect(node);
    node.connect(ac.destination);
    node.port.onmessage = ({ data }) => {
      const which = Math.round((data.hz - 500) / 250) & 7;
      let second = Math.floor(data.at / 1000);
      while (second % 8 !== which) { second--; }
      ages.push([performance.now() - began, data.at - second * 1000]);
    };
    return { ages };
  }

  window.measure = { context, tap, tone, level, onset, clock, watch, listen };
}());
