/*
 * everfile.way: chooses how each side of a call is played: from its file, which is how
 * every call begins and what is always there to go back to, or from the direct
 * connection (direct.js) for as long as that carries it. Nobody dials again.
 *
 * A direction is played directly when all that the other says he sends comes through:
 * packets of sound, decoded pictures. While the connection is alive and nobody listens
 * to one's own file, what records that rests; it goes on when the server says that
 * somebody does (demand), or as soon as the connection is dead.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var LOOK = 100, TWICE = 2;     // ms between two looks at what comes; so many in a row are enough
  var RARELY = 500;              // ms between two, when it is what is played
  var STALLED = 2000;            // ms without more of something that came
  var WARM = 10000;              // ms that the file goes on after each change
  var BACK = 3000;               // ms that the last picture stays, until the file has one
  var LEFT = 12000, BRIEF = 500; // ms after which who listens to one's file is not the other any more; that it takes to say so
  var TEXT = {
    unable: "this browser has no peer connections.",
    alone: "the other side's browser has no peer connections.",
    connecting: "a direct connection is being tried.",
    down: "the direct connection is lost and is tried again",
    up: "the direct connection does not carry everything yet.",
    tap: "the browser wants a tap before it plays anything else.",
    direct: "Sound and picture go directly from browser to browser; the files rest until somebody opens them."
  };

  /*
   * way(options) returns the way of one call after the other.
   *
   *   call           its files, as in files.js
   *   element(caller)   the <video> that shows what comes directly; without, nothing does
   *   say(to, data)  a signal; false if that cannot be said now
   *   on(e)          e: {state: "file" or "direct", how the other is played; text: why;
   *                  theirs: whether the other plays what comes directly; listened: whether
   *                  somebody else listens to the other's file meanwhile}
   *
   * It has set(peer): one of a start's, or null for none; heard(from, data), a signal;
   * demand(path, on); source(stream); servers(list); saw(e): a file is played, as told by
   * files.js; nudge(): the server can be reached again; tap(); stats(); end().
   */
  everfile.way = function (options) {
    var now = everfile.now, way = {}, helpers = [], stream = null;
    var peer = null, direct = null, element = null, looks = null, hide = null, last = "";
    var playing = "file", theirs = false, theirsAt = 0, theirKinds = "", listened = false, changedAt = 0;
    var blocked = false, counting = false, countedAt = 0, good = 0, before = null, grewAt = 0, why = "";
    var silent = {}, wanted = {};   // own files that nobody listens to; when somebody began to

    function tell() {
      var sentence = playing === "direct" ? TEXT.direct : "The endless file is played: " + reason(), key;
      if (listened) { sentence += " Somebody listens to the file of " + peer.caller + "."; }
      key = playing + theirs + sentence;
      if (!peer || last === key) { return; }
      last = key;
      options.on({ state: playing, text: sentence, theirs: !!theirs, listened: !!listened });
    }

    function reason() {
      if (!everfile.direct.able()) { return TEXT.unable; }
      if (!direct) { return TEXT.alone; }
      if (direct.state() === "up") { return blocked ? TEXT.tap : TEXT.up; }
      return direct.state() === "down" ? TEXT.down + (why ? ": " + why : "") + "." : TEXT.connecting;
    }

    // ---- one's own file

    /* rest has the files rest that nobody needs now, and the others go on. */
    function rest() {
      var idle = !!direct && direct.state() === "up" && now() - changedAt >= WARM;
      options.call.rest(function (path) { return idle && silent[path] === true; });
    }

    /* others says whether somebody listens to a file of one's own who is not the other. */
    function others() {
      var n = now();
      return theirs && Object.keys(silent).some(function (path) {
        return silent[path] === false && (wanted[path] > theirsAt ? n - wanted[path] > BRIEF : n - theirsAt > LEFT);
      });
    }

    // ---- what is played

    function start() {
      var promise = element.play();
      blocked = false;
      if (!promise || !promise.then) { return; }
      promise.then(null, function (e) { blocked = !!e && e.name === "NotAllowedError"; });
    }

    function came(remote) {
      if (element.everfileStream !== remote) {
        back();
        element.muted = true;
        element.className = "";
      }
      everfile.attach(element, remote);
      start();
    }

    function change(to) {
      playing = to;
      changedAt = grewAt = now();
      good = 0;
      clearTimeout(hide);
      if (to === "direct") {
        element.className = "on";
        element.muted = false;
      } else {
        element.muted = true;
        hide = setTimeout(hidden, BACK);
      }
      tell();
      options.call.hold(to === "direct");
      rest();
    }

    function hidden() { if (element && playing === "file") { element.className = ""; } }
    function back() { if (playing === "direct") { change("file"); } }

    /* needs says whether what the other sends is to have sound, or a picture. */
    function needs(kind) { return !!peer.media && !!peer.media[kind]; }

    /* offered says whether the connection is to carry all of that. */
    function offered() {
      return (needs("audio") || needs("video")) && (!needs("audio") || theirKinds.indexOf("a") >= 0) && (!needs("video") || theirKinds.indexOf("v") >= 0);
    }

    /* grown says whether there is more of all that is needed than there was. A page
     * that is not seen may decode no pictures. */
    function grown(c) {
      return !!before && (!needs("audio") || c.audio > before.audio) && (!needs("video") || c.video > before.video || root.document.hidden);
    }

    function shown() { return !element.paused && element.readyState > 1 && (!needs("video") || element.videoWidth > 0); }

    function judge(c) {
      var n = now(), grew = grown(c);
      if (playing === "file") {
        good = grew && shown() ? good + 1 : 0;
        before = c;
        if (good >= TWICE && !blocked) { change("direct"); }
      } else if (grew) {
        before = c;
        grewAt = n;
      } else if (n - grewAt > STALLED) {
        before = c;
        back();
      }
    }

    function look() {
      var d = direct;
      rest();
      if (!d || d.state() !== "up") { return; }
      if (!offered() || element.paused && playing === "direct") {
        good = 0;
        if (now() - grewAt > STALLED) { back(); }
        return;
      }
      if (counting || playing === "direct" && now() - countedAt < RARELY) { return; }
      counting = true;
      countedAt = now();
      d.counts(function (c) {
        counting = false;
        if (c && d === direct && d.state() === "up") { judge(c); }
      });
    }

    // ---- the connection

    function said() {
      var k = direct ? direct.kinds() : {};
      return (playing === "direct" ? "d" : "f") + (k.audio ? "a" : "") + (k.video ? "v" : "") + (others() ? "l" : "");
    }

    function ticked(text) {
      var was = theirs;
      theirs = text.charAt(0) === "d";
      if (theirs && !was) { theirsAt = now(); }
      theirKinds = text.slice(1);
      listened = text.indexOf("l") >= 0;
      tell();
    }

    function linked(state, words) {
      why = words;
      changedAt = now();
      good = 0;
      before = null;
      if (state !== "up") {
        theirs = listened = false;
        back();
      }
      rest();
      tell();
    }

    function connect() {
      var to = peer.caller;
      element = options.element(to);
      looks = setInterval(look, LOOK);
      direct = everfile.direct({
        polite: peer.polite, servers: function () { return helpers; }, word: said, onstream: came, onstate: linked, ontick: ticked,
        say: function (data) { return options.say(to, data); }
      });
      direct.source(stream);
    }

    function disconnect() {
      var d = direct;
      direct = null;
      if (!d) { return; }
      d.stop();
      clearInterval(looks);
      theirs = listened = counting = false;
      theirKinds = why = "";
      before = null;
      back();
      clearTimeout(hide);
      hidden();
      if (element) { everfile.attach(element, null); }
      element = null;
    }

    // ---- what the phone tells

    way.set = function (p) {
      var came = p && peer && peer.away && !p.away;
      if (!p || peer && peer.caller !== p.caller || !p.webrtc) { disconnect(); }
      peer = p;
      if (p && p.webrtc && !direct && options.element && everfile.direct.able()) { connect(); } else if (direct && came) { direct.nudge(); }
      rest();
      tell();
    };

    way.heard = function (from, data) { if (direct && peer.caller === from) { direct.heard(data); } };

    way.demand = function (path, on) {
      if (silent[path] !== !on) { wanted[path] = now(); }
      silent[path] = !on;
      rest();
    };

    way.source = function (next) {
      stream = next;
      if (direct) { direct.source(next); }
    };

    way.saw = function (e) { if (e.state === "playing") { hidden(); } };
    way.servers = function (list) { helpers = list || []; };
    way.nudge = function () { if (direct) { direct.nudge(); } };
    way.tap = function () { if (element && element.everfileStream) { start(); } };
    way.stats = function () { return { state: playing, link: direct ? direct.state() : "", theirs: !!theirs, made: direct ? direct.made : 0 }; };

    way.end = function () {
      way.set(null);
      silent = {};
      wanted = {};
      last = "";
      playing = "file";
    };
    return way;
  };
}(window));
