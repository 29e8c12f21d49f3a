// Gives a page a camera and a microphone whose content a test can check: a
// picture in which the time of day is painted, and a tone, or a beep at the
// begin of every second. Injected before the page's own scripts.
//
//   window.testDevices = {tone: 1000, beeps: false, width: 640, height: 360,
//     feedback: -12,   the loudspeaker, in dB, comes back through the microphone; needs measure.js
//     noise: 10,       so many spots jump about, which is hard to compress; may be set later
//     camera: "NotFoundError", microphone: ...,   it is refused with that
//     insecure: true}  there are none, as on a page that came by plain HTTP
//
// testTone(hz) changes the tone of the microphones that are there.
//
// testLeft() tells what the page still holds: devices, running AudioContexts, and
// intervals beyond those there were at testMark().
(function () {
  "use strict";
  const want = Object.assign({ tone: 1000, beeps: false, width: 640, height: 360, fps: 30 }, window.testDevices);
  const BEEP = 0.06;
  // Kept, since a test may take them from the page.
  const Context = window.AudioContext, Stream = window.MediaStream, capture = HTMLCanvasElement.prototype.captureStream, every = window.setInterval, stop = window.clearInterval;
  const streams = [], contexts = [], tones = [], intervals = new Set();
  let mark = 0;

  window.AudioContext = class extends Context {
    constructor(...options) {
      super(...options);
      contexts.push(this);
    }
  };
  window.setInterval = (...a) => {
    const id = every(...a);
    intervals.add(id);
    return id;
  };
  window.clearInterval = (id) => {
    intervals.delete(id);
    stop(id);
  };
  window.testTone = (hz) => { tones.forEach((o) => { o.frequency.value = hz; }); };
  window.testMark = () => { mark = intervals.size; };
  window.testLeft = () => {
    const live = streams.flatMap((s) => s.getTracks()).filter((t) => t.readyState !== "ended").length;
    const running = contexts.filter((c) => c.state === "running").length;
    return live || running || intervals.size > mark ? `${live} tracks, ${running} AudioContexts, ${intervals.size - mark} intervals` : "";
  };

  // ends has what makes a track's content end with it.
  function ends(track, end) {
    const last = track.stop.bind(track);
    track.stop = () => {
      if (track.readyState !== "ended") { end(); }
      last();
    };
    return track;
  }

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
    const timer = every(() => {
      cx.fillStyle = "#246";
      cx.fillRect(0, 0, want.width, want.height);
      for (let i = 0; i < 5; i++) {
        cx.fillStyle = `hsl(${i * 70}, 80%, 50%)`;
        cx.fillRect((n * 4 + i * 130) % want.width, want.height * (0.3 + 0.13 * i), 60, 30);
      }
      for (let i = 0; i < (window.testDevices.noise || 0); i++) {
        cx.fillStyle = `hsl(${Math.random() * 360}, 80%, 50%)`;
        cx.fillRect(Math.random() * want.width, Math.random() * want.height, 12, 12);
      }
      paintClock(cx, Date.now() % 2 ** 32);
      n++;
    }, 1000 / want.fps);
    return ends(capture.call(canvas, want.fps).getVideoTracks()[0], () => stop(timer));
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
    const ac = want.feedback === undefined ? new Context({ sampleRate: 48000, latencyHint: "interactive" }) : await measure.context();
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
      tones.push(osc);
    }
    if (want.feedback !== undefined) {
      const air = ac.createGain();
      air.gain.value = 10 ** (want.feedback / 20);
      (await measure.tap(document.getElementById("other"))).connect(air);
      air.connect(out);
    }
    await ac.resume();
    return ends(out.stream.getAudioTracks()[0], () => { if (want.feedback === undefined) { ac.close(); } });
  }

  if (want.insecure) {
    Object.defineProperty(navigator, "mediaDevices", { value: undefined });
    Object.defineProperty(window, "isSecureContext", { value: false });
    return;
  }
  navigator.mediaDevices.getUserMedia = async (c) => {
    const stream = new Stream(), why = [c.video && want.camera, c.audio && want.microphone].filter((x) => x);
    if (why.length) { throw new DOMException("", why.includes("NotFoundError") ? "NotFoundError" : why[0]); }
    streams.push(stream);
    if (c.video) { stream.addTrack(camera()); }
    if (c.audio) { stream.addTrack(await microphone()); }
    return stream;
  };
}());
