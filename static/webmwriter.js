/*
 * everfile.webm: writes WebM as it is recorded: a file without an end (RFC 9559),
 * VP8 in its first track and Opus in its second, or one of them.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var UNKNOWN = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];   // a size
  var CLUSTER = 0x1F43B675, TIMESTAMP = 0xE7, SIMPLEBLOCK = 0xA3;
  var VIDEO = 1, AUDIO = 2;               // track numbers, and what the format calls those types
  var FAR = 30000, EVERY = 5000;          // ms: a block's time is 16 bits from its cluster's; how long one of sound lasts
  var DELAY = 312, RATE = 48000;          // samples that an Opus encoder begins with, and what it counts in
  var PREROLL = 80000000;                 // ns after which a decoder that joined is right (RFC 7845, 4.6)

  /* bytes is a number, big end first, without zeros before it. */
  function bytes(n) {
    var b = [n % 256];
    for (n = Math.floor(n / 256); n > 0; n = Math.floor(n / 256)) { b.unshift(n % 256); }
    return b;
  }

  /* size is a number as a variable-size integer; a size of ones only would mean unknown. */
  function size(n) {
    var length = 1, b;
    while (n >= Math.pow(2, 7 * length) - 1) { length++; }
    b = bytes(n);
    while (b.length < length) { b.unshift(0); }
    b[0] |= 256 >> length;
    return b;
  }

  function element(id, data) { return bytes(id).concat(size(data.length), data); }

  function uint(id, n) { return element(id, bytes(n)); }

  function letters(s) { return s.split("").map(function (c) { return c.charCodeAt(0); }); }

  function text(id, s) { return element(id, letters(s)); }

  function float(id, x) {
    var view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, x);
    return element(id, [0, 1, 2, 3].map(function (i) { return view.getUint8(i); }));
  }

  function little(n, length) {
    for (var b = []; length > 0; length--) { b.push(n % 256); n = Math.floor(n / 256); }
    return b;
  }

  function join(lists) { return Array.prototype.concat.apply([], lists); }

  function picture(video) {
    return element(0xAE, join([
      uint(0xD7, VIDEO), uint(0x73C5, VIDEO), uint(0x83, VIDEO), uint(0x9C, 0), text(0x86, "V_VP8"),
      element(0xE0, uint(0xB0, video.width).concat(uint(0xBA, video.height)))
    ]));
  }

  function sound(audio) {
    var head = join([letters("OpusHead"), [1, audio.channels], little(DELAY, 2), little(audio.rate, 4), little(0, 2), [0]]);
    return element(0xAE, join([
      uint(0xD7, AUDIO), uint(0x73C5, AUDIO), uint(0x83, AUDIO), uint(0x9C, 0), text(0x86, "A_OPUS"),
      element(0x63A2, head),
      uint(0x56AA, Math.round(DELAY * 1e9 / RATE)), uint(0x56BB, PREROLL),
      element(0xE1, float(0xB5, RATE).concat(uint(0x9F, audio.channels)))
    ]));
  }

  /*
   * webm(tracks) returns the writer of one file. tracks has video: {width, height}
   * and audio: {rate (before it was encoded), channels}, or one of them. It has:
   *   header()   the file's begin
   *   block(kind, ms, key, data)   a frame, "video" or "audio": its time in whole
   *              milliseconds, whether it is a keyframe, its bytes
   * Both return a list of Uint8Arrays, data itself among them.
   */
  everfile.webm = function (tracks) {
    var cluster = null;   // ms at which the open one begins

    function begin() {
      var list = (tracks.video ? picture(tracks.video) : []).concat(tracks.audio ? sound(tracks.audio) : []);
      return [new Uint8Array(join([
        element(0x1A45DFA3, join([
          uint(0x4286, 1), uint(0x42F7, 1), uint(0x42F2, 4), uint(0x42F3, 8), text(0x4282, "webm"), uint(0x4287, 4), uint(0x4285, 2)
        ])),
        bytes(0x18538067), UNKNOWN,
        element(0x1549A966, uint(0x2AD7B1, 1000000).concat(text(0x4D80, "everfile"), text(0x5741, "everfile"))),
        element(0x1654AE6B, list)
      ]))];
    }

    /* opens says whether a cluster begins here: at each keyframe of a picture. */
    function opens(video, ms, key) {
      return cluster === null || (video && key) || Math.abs(ms - cluster) > FAR || !tracks.video && ms - cluster >= EVERY;
    }

    function write(kind, ms, key, data) {
      var video = kind === "video", head = [], rel;
      if (opens(video, ms, key)) {
        cluster = ms;
        head = bytes(CLUSTER).concat(UNKNOWN, uint(TIMESTAMP, ms));
      }
      rel = ms - cluster & 0xFFFF;
      return [new Uint8Array(head.concat(
        [SIMPLEBLOCK], size(data.length + 4), [0x80 | (video ? VIDEO : AUDIO), rel >> 8, rel & 0xFF, key ? 0x80 : 0]
      )), data];
    }

    return { header: begin, block: write };
  };
}(window));
