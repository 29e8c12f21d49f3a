// Gives a page a camera and a microphone whose content a test can check: a
// picture in which the time of day is painted, and a tone, or a beep at the
// begin of every second. Injected before the page's own scripts.
//
//   window.testDevices = {tone: 1000, beeps: false, width: 640, height: 360}
(function () {
  "use strict";
  const want = Object.assign({ tone: 1000, beeps: false, width: 640, height: 360, fps: 30 }, window.testDevices);
  const BEEP = 0.06;

  // The clock is two rows of 16 black or white fields: 32 bits of milliseconds.
  function paintClock(cx, ms) {
    const w = want.width / 16, h = want.height / 9;
    for (let i = 0; i < 32; i++) {
      cx.fillStyle = (ms / 2 ** (31 - i)) & 1 ? "#fff" : "#000";
      cx.fillRect((i % 16) * w, (i >> 4) * h, w + 0.5, h);
    }
  }

  function camera() {
    const canvas = document.createElement("canvas");
    canvas.width = want.width;
    canvas.height = want.height;
    const cx = canvas.getContext("2d", { alpha: false });
    let n = 0;
    setInterval(() => {
      cx.fillStyle = "#246";
      cx.fillRect(0, 0, want.width, want.height);
      for (let i = 0; i < 5; i++) {
        cx.fillStyle = `hsl(${i * 70}, 80%, 50%)`;
        cx.fillRect((n * 4 + i * 130) % want.width, want.height * (0.3 + 0.13 * i), 60, 30);
      }
      paintClock(cx, Date.now() % 2 ** 32);
      n++;
    }, 1000 / want.fps);
    return canvas.captureStream(want.fps).getVideoTracks()[0];
  }

  const beeper = `registerProcessor("beeper", class extends AudioWorkletProcessor {
    process(_, [[out]]) {
      const second = Math.floor(Date.now() / 1000);
      if (this.second !== undefined && second !== this.second) { this.left = Math.round(sampleRate * ${BEEP}); this.phase = 0; }
      this.second = second;
      const step = 2 * Math.PI * (500 + 250 * (second % 8)) / sampleRate;
      for (let i = 0; i < out.length; i++) {
        out[i] = this.left > 0 ? 0.8 * Math.sin(this.phase += step) : 0.0005 * (Math.random() - 0.5);
        this.left--;
      }
      return true;
    }
  });`;

  async function microphone() {
    const ac = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
    const out = ac.createMediaStreamDestination();
    out.channelCount = 1;
    if (want.beeps) {
      await ac.audioWorklet.addModule(URL.createObjectURL(new Blob([beeper], { type: "text/javascript" })));
      new AudioWorkletNode(ac, "beeper", { numberOfInputs: 0, outputChannelCount: [1] }).connect(out);
    } else {
      const osc = ac.createOscillator(), gain = ac.createGain();
      osc.frequency.value = want.tone;
      gain.gain.value = 0.5;
      osc.connect(gain);
      gain.connect(out);
      osc.start();
    }
    await ac.resume();
    return out.stream.getAudioTracks()[0];
  }

  navigator.mediaDevices.getUserMedia = async (c) => {
    const stream = new MediaStream();
    if (c.video) { stream.addTrack(camera()); }
    if (c.audio) { stream.addTrack(await microphone()); }
    return stream;
  };
}());
