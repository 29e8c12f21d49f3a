/*
 * everfile.media: what one sends in a call, as the server is told: from camera and
 * microphone, as the page says, and the screen that is shared.
 *
 *   media(options)
 *     call         its files, as in files.js
 *     say(media)   tells it; false if that cannot be done now
 *     onshare(yes) the screen is shared, or not any more
 *
 *   It has
 *     all()             {audio, video, screen?: {audio, video}}
 *     set(what, told)   {audio, video} is sent from now on; told: the server knows
 *     known()           whether that was said in this call
 *     tell()            tells what is untold; returns whether all is told
 *     start(publish)    the list of a start: a page that was loaded again shares no screen
 *                       any more, and says so when it knows what it does send
 *     source()          what files.js has to send has changed
 *     share(stream)     shares it, or with null nothing; false if nothing was shared
 *     end()             the call is over
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};

  everfile.media = function (options) {
    var media = {}, mine = null, unsaid = false, stray = false, offs = [];   // stray: the server believes that a screen is shared
    var files = options.call;

    function quiet() { while (offs.length) { offs.pop()(); } }

    media.all = function () {
      var m = mine || files.kinds(), shared = files.shared();
      return shared ? { audio: m.audio, video: m.video, screen: shared } : m;
    };

    media.set = function (what, told) {
      mine = what;
      unsaid = !told;
      stray = false;
    };

    media.known = function () { return !!mine; };

    media.tell = function () {
      if (unsaid) { unsaid = !options.say(media.all()); }
      return !unsaid;
    };

    media.start = function (publish) {
      stray = !files.shared() && publish.some(function (w) { return w.screen; });
      media.tell();
      media.source();
    };

    media.source = function () {
      var k = files.kinds();
      if (!stray || !mine && !k.audio && !k.video) { return; }
      stray = false;
      unsaid = true;
      media.tell();
    };

    /* Whoever ends it in the browser's own bar ends the picture. */
    media.share = function (stream) {
      var was = offs.length > 0;
      if (!stream && !was) { return false; }
      quiet();
      files.share(stream);
      if (stream) { offs = everfile.outlast(stream.getVideoTracks(), function () { media.share(null); }); }
      if (was !== !!stream) { options.onshare(!!stream); }
      unsaid = true;
      media.tell();
      return true;
    };

    media.end = function () {
      var was = offs.length > 0;
      quiet();
      mine = null;
      unsaid = stray = false;
      if (was) { options.onshare(false); }
    };
    return media;
  };
}(window));
