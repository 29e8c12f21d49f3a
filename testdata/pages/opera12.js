// Takes from Chromium what Opera Mobile 12.1 (2012) did not have, as far as our pages
// could use it, and puts its own manners in place: getUserMedia by callbacks and for
// the camera alone, a stream as an element's src, play() that returns nothing. Injected
// before the page's own scripts, and after those of the tests, which keep what they need.
(function () {
  "use strict";
  const Stream = window.MediaStream, camera = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const media = HTMLMediaElement.prototype, canvas = HTMLCanvasElement.prototype;
  const src = Object.getOwnPropertyDescriptor(media, "src"), stream = Object.getOwnPropertyDescriptor(media, "srcObject");
  const play = media.play, can = media.canPlayType;

  function take(from, ...names) {
    for (const name of names) {
      delete from[name];
      if (name in from) { Object.defineProperty(from, name, { value: undefined, configurable: true, writable: true }); }
    }
  }

  // RTCPeerConnection is taken by all tests.
  take(window, "MediaRecorder", "BlobEvent", "MediaStreamTrackProcessor", "ImageCapture", "AudioEncoder", "VideoEncoder", "AudioDecoder", "VideoDecoder",
    "MediaSource", "SourceBuffer", "AudioContext", "webkitAudioContext", "OfflineAudioContext", "AudioWorklet", "AudioWorkletNode", "MediaStream");
  take(window, "fetch", "Request", "Response", "Headers", "ReadableStream", "AbortController", "WebTransport", "TextEncoder", "TextDecoder", "BroadcastChannel",
    "ServiceWorker", "MutationObserver", "ResizeObserver", "IntersectionObserver", "URLSearchParams", "requestAnimationFrame", "OffscreenCanvas", "createImageBitmap", "File");
  take(window, "Symbol", "Promise", "Map", "Set", "WeakMap", "WeakSet", "Proxy", "Reflect", "BigInt", "Intl");
  take(Navigator.prototype, "mediaDevices", "webkitGetUserMedia", "serviceWorker", "sendBeacon", "permissions", "wakeLock");
  take(URL, "createObjectURL", "revokeObjectURL");
  take(Blob.prototype, "arrayBuffer", "stream", "text");
  take(Element.prototype, "classList", "closest", "remove", "append");
  take(media, "srcObject", "captureStream");
  take(canvas, "captureStream", "toBlob");

  Navigator.prototype.getUserMedia = function (c, ok, no) {
    if (!c.video) {
      setTimeout(() => no({ code: 1, NOT_SUPPORTED_ERROR: 1 }), 0);
      return;
    }
    camera({ video: true }).then(ok, () => no({ code: 1, PERMISSION_DENIED: 1 }));
  };
  Object.defineProperty(media, "src", {
    configurable: true,
    get() { return src.get.call(this); },
    set(v) { if (v instanceof Stream) { stream.set.call(this, v); } else { src.set.call(this, v); } },
  });
  media.play = function () { play.call(this).catch(() => {}); };
  media.canPlayType = function (type) {
    return /^(audio|video)\/(wav|x-wav|ogg|webm)/.test(type) && !/opus|vp9|vp09|av01|avc1|mp4a|flac/i.test(type) ? can.call(this, type) : "";
  };
}());
