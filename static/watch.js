/*
 * everfile.watch: plays an endless file in a plain <video> or <audio>, close to
 * live, and brings it back whenever it stops.
 *
 * The element is given the file's URL and nothing else. What keeps it close to
 * live: play() and not the autoplay attribute (which waits for two seconds of
 * buffer), the gentle pursuit in chase.js, and the URL once more when the
 * element is lost.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var TICK = 50, SECOND = 1000;             // ms
  var BEHIND = 3, REOPEN = 3000;            // s behind live that are too much; ms between two openings
  var FROZEN = 4000, STARTING = 8000;       // ms without progress: while playing, before the first frame
  var HELD = 5000;                          // ms after which a 404 was not said at once
  var TEXT = {
    connecting: "Connecting.",
    playing: "Live.",
    buffering: "Waiting for more of the stream.",
    waiting: "Waiting for the sender: nobody is sending under this name.",
    silent: "The sender is silent. It goes on as soon as something comes.",
    lost: "No connection to the server - trying again.",
    tap: "The browser wants a tap before it plays.",
    paused: "Paused.",
    unsupported: "This cannot be played here in this format.",
    refused: "The server refuses to play this",
    stopped: "Stopped."
  };

  /*
   * watch(options) plays and returns the watcher.
   *
   *   element  a <video> or <audio>; its src is ours until stop()
   *   url      "/NAME.webm", on this page's own server
   *   onstate(state, text)   one of the words above, and a sentence for people
   *   onstats(stats)         stats(), four times a second
   *
   * The watcher has:
   *   play()   plays (again), from live; call it in a click after the state "tap"
   *   pause()  pauses
   *   stop()   leaves the element empty and no timer behind
   *   stats()  {behind, currentTime, buffered, state, reopens, stalls, seeks, rate, startMs}:
   *            behind = seconds behind live or null, buffered = seconds in the element
   *            ahead of what plays, startMs = from setting src to "playing" or null
   */
  everfile.watch = function (options) {
    var element = options.element, url = options.url, now = everfile.now, watcher = {};
    var chase = everfile.chase(element);
    var edge = everfile.edge({ url: options.url, rarely: pending, onanswer: answered });
    var current = "", over = false, wanted = true, offs = [], ticker = null, saidAt = 0;
    var counts = { reopens: 0, stalls: 0 };

    // This opening of the file.
    var opened = false, openedAt = 0, played = false, loading = false, promised = false, startup = null;
    var lastTime = -1, movedAt = 0, lateSince = 0, joined = null, origin = "", certain = false;
    // Between openings.
    var reopener = null, reopenedAt = -1e9, fails = 0, lates = 0, distrust = false, probing = false, held = true;

    function set(word, more) {
      if (current === word || over) { return; }
      current = word;
      if (options.onstate) { options.onstate(word, TEXT[word] + (more || "")); }
    }

    // ---- opening

    /* address: Chromium keeps what an element has read in memory, and once it has
     * seen the end of a body it may answer the same URL from there: the last half
     * minute again, and no request. A fragment of its own makes each opening
     * another URL for it, and the server never sees that. */
    function address() {
      var worker = everfile.controlled() && /\.webm($|\?)/.test(url);
      var u = everfile.withQuery(url, "wait", "30s");   // rather than a 404 while nobody sends
      if (!everfile.blocks()) { return u; }
      return (worker ? u : everfile.withQuery(u, "pad", "60")) + "#" + everfile.random(4);
    }

    function open() {
      clearTimeout(reopener);
      reopener = startup = joined = null;
      openedAt = movedAt = now();
      opened = loading = true;
      played = probing = false;
      if (!certain) { origin = ""; }
      lastTime = -1;
      lateSince = 0;
      chase.reset();
      if (current !== "waiting" && current !== "tap") { set("connecting"); }
      element.src = address();
      start();
    }

    function start() {
      var promise = element.play();   // undefined in engines before 2016
      promised = !!(promise && promise.then);
      if (!promised) { return; }
      promise.then(null, function (e) {
        // The other refusal, AbortError, only means that src was set again.
        if (!over && e && e.name === "NotAllowedError") { refuse(); }
      });
    }

    function refuse() {
      wanted = false;
      set("tap");
    }

    /* reopen sets src again: at once the first time, then at most every 3 s, and
     * more rarely when that does not help. */
    function reopen() {
      var every = REOPEN * Math.min(8, Math.pow(2, Math.max(0, fails - 1)));
      if (reopener !== null || over || !wanted) { return; }
      reopener = setTimeout(function () {
        reopener = null;
        if (!wanted) { return; }
        reopenedAt = now();
        fails++;
        counts.reopens++;
        open();
      }, Math.max(0, reopenedAt + every - now()));
    }

    /* ask: the element has stopped. What the server says now decides how it goes on. */
    function ask() {
      held = now() - openedAt > HELD;
      opened = false;
      probing = true;
      edge.ask();
    }

    /* pending: the request is out and nothing has come yet. */
    function pending() { return opened && !played && edge.status === 404; }

    function answered(status, text) {
      if (over) { return; }
      if (status === 200) {
        if (probing) { reopen(); }
        return;
      }
      // While it plays, that comes first, whatever this is.
      if (!wanted || !probing && played) { return; }
      if (status === 404) {
        set("waiting");
        fails = 0;
        // A server that holds the request is asked to; one that says 404 at once is polled.
        if (probing && held) { reopen(); }
      } else if (status === 0 || status >= 500) {
        set("lost");
      } else if (status === 406 || status === 415) {
        set("unsupported");
      } else {
        set("refused", " (" + status + " " + text + ").");
      }
    }

    // ---- how it plays

    /* orient: Chromium's currentTime is the file's own clock, others count from
     * where they joined. The first buffered moment tells which, set against the
     * edge at that time. Near the stream's start both are the same, until the
     * buffer's end meets the edge or stays away from it. */
    function orient() {
      var b = element.buffered;
      if (!b || !b.length || origin === "file" || edge.last() === null) { return; }
      joined = joined || { start: b.start(0), at: now() };
      certain = joined.start > 0.5;
      origin = certain || edge.at(joined.at) - joined.start < 1.5 ||
        edge.live() && Math.abs(edge.at(now()) - b.end(b.length - 1)) < 0.3 ? "file" : "join";
    }

    function behind() {
      var gap = chase.ahead();
      if (!opened || gap === null || origin !== "file" || distrust) { return opened ? gap : null; }
      return Math.max(gap, edge.at(now()) - element.currentTime, 0);
    }

    /* frozen says whether the element should play something and does not. */
    function frozen() {
      var t = element.currentTime, n = now();
      if (t !== lastTime || element.paused) {
        if (t > lastTime && lastTime >= 0 && played && element.readyState > 2) { set("playing"); }
        lastTime = t;
        movedAt = n;
        return false;
      }
      if (played && edge.fresh() && !edge.live() && !(origin === "file" && edge.at(n) - t > 1)) {
        // There is nothing to play, which is no fault of the element's.
        if (n - movedAt > SECOND) { set("silent"); }
        movedAt = Math.max(movedAt, n - FROZEN / 2);
        return false;
      }
      if (!played && edge.status === 404) { movedAt = n; }
      return n - movedAt > (played ? FROZEN : STARTING * Math.min(4, 1 + fails));
    }

    /* late says whether opening again is the quickest way back to live. Only what
     * the server has said counts here: when the sender falls silent, a clock that
     * goes on would find the element late for something that does not exist. */
    function late() {
      var n = now(), gap = chase.ahead(), by = gap;
      if (origin === "file" && !distrust && edge.live() && edge.fresh()) { by = Math.max(gap, edge.last() - element.currentTime); }
      if (!played || !(by > BEHIND) || n - openedAt < 1.5 * SECOND) {
        if (played && by < BEHIND && n - openedAt > 5 * SECOND) { lates = 0; }
        lateSince = 0;
        return false;
      }
      lateSince = lateSince || n;
      return n - lateSince > SECOND / 2;
    }

    /* catchUp opens again. If that has not helped four times and the element is at
     * the end of what it was given, it is the clocks that disagree. */
    function catchUp() {
      lateSince = 0;
      if (reopener !== null) { return; }
      if (++lates > 4 && chase.ahead() < 1) { distrust = true; } else { reopen(); }
    }

    function tick() {
      var n = now();
      if (opened && wanted) {
        orient();
        if (played) { chase.step(!root.document.hidden); }   // a hidden page's tick a second cannot steer
        if (!promised && element.paused && element.readyState > 2) { refuse(); }
        if (late()) {
          catchUp();
        } else if (frozen()) {
          ask();
        } else if (played && n - openedAt > 10 * SECOND && !(behind() > BEHIND)) {
          fails = 0;
        }
      }
      if (options.onstats && n - saidAt >= 250) {
        saidAt = n;
        options.onstats(stats());
      }
    }

    // ---- what the element and the page say

    function on(target, type, fn) {
      offs.push(everfile.listen(target, type, function () { if (!over) { fn(); } }));
    }

    function listen() {
      on(element, "loadedmetadata", function () {
        loading = false;
        edge.status = 200;
        if (current === "waiting" || current === "lost") { set("connecting"); }
        if (!edge.fresh()) { edge.ask(); }
      });
      on(element, "playing", function () {
        if (startup === null) { startup = Math.round(now() - openedAt); }
        played = true;
        chase.starved = false;
        set("playing");
      });
      on(element, "waiting", function () {
        if (!played || element.seeking) { return; }
        if (!chase.starved && chase.sought() > SECOND) {
          counts.stalls++;
          chase.stalled();
        }
        chase.starved = true;
        if (current === "playing") { set("buffering"); }
      });
      on(element, "ended", function () { if (opened) { ask(); } });
      on(element, "error", function () { if (opened && element.error) { ask(); } });
      on(element, "pause", function () {
        // By media keys, say. A new src and the end of a file pause an element too.
        if (wanted && opened && !loading && !element.ended) { wanted = false; set("paused"); }
      });
      on(element, "play", function () { if (current === "paused") { play(); } });
      on(root.document, "visibilitychange", visible);
      on(root, "online", function () { edge.ask(); });
    }

    /* visible: while hidden, timers ran once a second or less, so what they would
     * have done is done now. */
    function visible() {
      if (root.document.hidden || !wanted || !played) { return; }
      movedAt = now();
      edge.ask();
      if (behind() > BEHIND) { reopen(); } else { chase.jump(); }
    }

    // ---- what the page may do

    function play() {
      if (over) { return; }
      wanted = true;
      // Paused for a moment it goes on; after that, live is somewhere else.
      if (!opened || now() - movedAt > SECOND) { open(); } else { start(); }
      set("connecting");
    }

    function pause() {
      if (over) { return; }
      wanted = false;
      clearTimeout(reopener);
      reopener = null;
      element.pause();
      set("paused");
    }

    function stats() {
      return {
        behind: behind(), currentTime: element.currentTime, buffered: chase.ahead(), state: current,
        reopens: counts.reopens, stalls: counts.stalls, seeks: chase.seeks, rate: element.playbackRate, startMs: startup
      };
    }

    function stop() {
      if (over) { return; }
      set("stopped");
      over = true;
      clearInterval(ticker);
      clearTimeout(reopener);
      edge.stop();
      while (offs.length) { offs.pop()(); }
      element.pause();
      element.removeAttribute("src");
      element.load();
    }

    function begin() {
      if (over) { return; }
      open();
      edge.ask();
      ticker = setInterval(tick, TICK);
    }

    element.removeAttribute("autoplay");
    element.setAttribute("playsinline", "");
    element.preload = "auto";
    set("connecting");
    listen();
    // The worker saves the padding on the wire, so a first visit waits for it a
    // moment. Engines that need no padding need no worker.
    if (everfile.blocks()) { everfile.worker(begin, 800); } else { begin(); }
    watcher.play = play;
    watcher.pause = pause;
    watcher.stop = stop;
    watcher.stats = stats;
    return watcher;
  };
}(window));
