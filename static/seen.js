/*
 * everfile.page.seen: what a tile shows and says, by what is known of somebody.
 *
 *   seen(p, at)   p is somebody and at that one's tile, or the screen's, as in people.js;
 *                 returns what tile.show takes. In at.seen it keeps that there was a
 *                 picture, which stays while the file stands still
 */
(function (root) {
  "use strict";

  var page = root.everfile.page;

  /* there is the place that has a picture now, or "". */
  function there(p, at, direct) {
    var tile = at.tile;
    if (direct) { return tile.direct.videoWidth > 0 ? "direct" : ""; }
    if (at.picture.state === "playing" && tile.still.naturalWidth > 0) { return "still"; }
    if (at.media.state === "playing" && tile.file.videoWidth > 0) { at.seen = true; }
    if (at.seen && /playing|buffering|silent/.test(at.media.state) && tile.file.videoWidth > 0) { return "file"; }
    // What came directly stays a moment (way.js), until the file plays.
    return at.media.state !== "playing" && tile.direct.className === "on" && tile.direct.videoWidth > 0 ? "direct" : "";
  }

  /* wordsOf says what is not seen or heard, and why. */
  function wordsOf(p, at, direct, shows) {
    var first = at.media.state ? at.media : at.picture, s = direct ? "playing" : first.state, screen = at.tile.screen;
    if (p.away) { return "Connection lost"; }
    if (!screen && !p.media.audio && !p.media.video) { return "Neither camera nor microphone"; }
    if (s === "unsupported" || s === "refused") { return first.text; }
    if (s === "buffering") { return "Waiting for more"; }
    if (s === "silent") { return "Nothing comes at the moment"; }
    if (!screen && p.media.video && p.state.camera === false) { return "Camera off"; }
    if (/^(playing|direct|mixed)$/.test(s)) { return !screen && !shows && (p.slow || p.state.slow) ? "Only sound for now" : ""; }
    return shows ? "" : "Connecting";
  }

  page.seen = function (p, at) {
    var screen = at.tile.screen, direct = !screen && p.way.state === "direct", picture = there(p, at, direct);
    var dark = !screen && (!p.media.video || p.state.camera === false || p.away && direct);
    return {
      shows: dark ? "" : picture,
      words: wordsOf(p, at, direct, picture),
      muted: !screen && (p.state.muted === true || !p.media.audio),
      note: ""
    };
  };
}(window));
