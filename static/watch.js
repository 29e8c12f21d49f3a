/*
 * everfile.watch: plays an endless file in a plain <video> or <audio>, close to
 * live, and brings it back whenever it stops.
 *
 * The element is given the file's URL and nothing else. What keeps it close to
 * live: play() and not the autoplay attribute (which waits for two seconds of
 * buffer), the gentle pursuit in chase.js, and the URL once more when the
 * element is lost. What "behind" means is in edge.js.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var TICK = 50, SECOND = 1000;             // ms
  var BEHIND = 3, SOON = 200, RARELY = 10000;   // s behind live that are too much; ms between two questions
  var FROZEN = 4000, STARTING = 8000;       // ms without progress: while playing, before the first frame
  var HELD = 5000, REJECTED = 2;            // ms after which a 404 was not said at once; times a file was there and would not play
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
   *   thin, onthin(yes)      the sound may do where the connection is slow; from now on it does, or not
   *
   * The watcher has:
   *   play()   plays (again), from live; call it in a click after the state "tap"
   *   pause()  pauses
   *   stop()   leaves the element empty and no timer behind
   *   told(t)  the file has t seconds of media now: who is told so need not ask
   *   nudge()  the network is most likely back: if the file is waited for, it asks now
   *   stats()  {behind, currentTime, buffered, state, reopens, stalls, seeks, rate, startMs}:
   *            behind = seconds behind live or null, buffered = seconds in the element
   *            ahead of what plays, startMs = from setting src to "playing" or null
   */
  everfile.watch = function (options) {
    var element = options.element, now = everfile.now, watcher = {};
    var chase = everfile.chase(element);
    var edge = everfile.edge({ url: options.url, pause: between, onanswer: answered });
    var lag = everfile.lag(element, chase, edge);
    var current = "", over = false, wanted = true, offs = [], ticker = null, saidAt = 0, counts = { reopens: 0, stalls: 0 };
    var opener = everfile.opener({ url: options.url, thin: options.thin, onthin: options.onthin, open: reopen });

    // This opening of the file.
    var opened = false, openedAt = 0, played = false, loading = false, promised = false, startup = null;
    var lastTime = -1, movedAt = 0;
    // Between openings.
    var probing = false, probedAt = 0, held = true, broken = false, rejected = 0;

    function set(word, more) {
      if (current === word || over) { return; }
      current = word;
      if (options.onstate) { options.onstate(word, TEXT[word] + (more || "")); }
    }

    // ---- opening

    function open() {
      opener.cancel();
      startup = null;
      openedAt = movedAt = now();
      opened = loading = true;
      played = probing = broken = false;
      lastTime = -1;
      lag.reset();
      chase.reset();
      if (!/waiting|tap|unsupported/.test(current)) { set("connecting"); }
      element.src = everfile.padded(opener.url());
      start();
    }

    function reopen() { if (!over && wanted) { counts.reopens++; open(); } }

    function start() {
      var promise = element.play();   // undefined in engines before 2016
      promised = !!(promise && promise.then);
      if (!promised) { return; }
      promise.then(null, function (e) {
        // The other refusal, AbortError, only means that src was set again.
        if (!over && e && e.name === "NotAllowedError") { refuse(); }
      });
    }

    function refuse() { wanted = false; set("tap"); }

    /* ask: the element has stopped. What the server says now decides how it goes on. */
    function ask() {
      held = now() - openedAt > HELD;
      opened = false;
      probing = true;
      probedAt = now();
      edge.ask();
    }

    /* between two questions: while the element has nothing, the file may be there any moment; when a
     * request for it is out, the server will answer that. */
    function between() {
      if (probing && !opener.due()) { return Math.max(SOON, Math.min(2 * SECOND, (now() - probedAt) / 5)); }
      return opened && !played && edge.status === 404 ? RARELY : 0;
    }

    /* nudge asks now, unless it has just done so. */
    function nudge() { if (probing && now() - edge.asked > 2 * SECOND) { edge.ask(); } }

    function answered(status, text) {
      if (over) { return; }
      if (status === 200) {
        if (probing && broken && ++rejected >= REJECTED) { set("unsupported"); }
        broken = false;   // that is counted once
        if (probing && wanted) { opener.again(); }
        return;
      }
      // While it plays, that comes first, whatever this is.
      if (!wanted || !probing && played) { return; }
      if (status === 404) {
        set("waiting");
        opener.away();
        // A server that holds the request is asked to; one that says 404 at once is polled.
        if (probing && held) { opener.again(); }
      } else if (status === 0 || status >= 500) {
        set("lost");
        opener.away();
      } else if (status === 406 || status === 415) {
        set("unsupported");
      } else {
        set("refused", " (" + status + " " + text + ").");
      }
    }

    // ---- how it plays

    function behind() { return opened ? lag.behind() : null; }

    /* frozen says whether the element should play something and does not. */
    function frozen() {
      var t = element.currentTime, n = now();
      if (t !== lastTime || element.paused) {
        if (t > lastTime && lastTime >= 0 && played && element.readyState > 2) { set("playing"); }
        lastTime = t;
        movedAt = n;
        return false;
      }
      if (played && edge.fresh() && !edge.live() && !lag.more()) {
        // There is nothing to play, which is no fault of the element's.
        if (n - movedAt > SECOND) { set("silent"); }
        movedAt = Math.max(movedAt, n - FROZEN / 2);
        return false;
      }
      if (!played && edge.status === 404) { movedAt = n; }
      return n - movedAt > (played ? FROZEN : STARTING * Math.min(4, 1 + opener.fails()));
    }

    function tick() {
      var n = now();
      if (opened && wanted) {
        lag.orient();
        if (played) { chase.step(!root.document.hidden); }   // a hidden page's tick a second cannot steer
        if (!promised && element.paused && element.readyState > 2) { refuse(); }
        if (played && lag.late(n - openedAt)) {
          // Opening again is the quickest way back to live, unless it has shown not to be.
          if (!opener.due() && !lag.hopeless()) { opener.again(chase.ahead() < 1); }
        } else if (frozen()) {
          ask();
        } else if (played && n - openedAt > 10 * SECOND && !(behind() > BEHIND)) {
          opener.helped();
        }
        opener.look();
      }
      if (options.onstats && n - saidAt >= 250) {
        saidAt = n;
        options.onstats(watcher.stats());
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
        if (!edge.fresh()) { edge.look(); }
      });
      on(element, "playing", function () {
        if (startup === null) { startup = Math.round(now() - openedAt); }
        played = true;
        rejected = -Infinity;   // it can
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
      on(element, "error", function () {
        broken = !!element.error && element.error.code > 2;   // which is not the network's fault
        if (opened && element.error) { ask(); }
      });
      on(element, "pause", function () {
        // By media keys, say. A new src and the end of a file pause an element too.
        if (wanted && opened && !loading && !element.ended) { wanted = false; set("paused"); }
      });
      on(element, "play", function () { if (current === "paused") { watcher.play(); } });
      on(root.document, "visibilitychange", visible);
      on(root, "online", edge.look);
    }

    /* visible: while hidden, timers ran once a second or less, so what they would
     * have done is done now. */
    function visible() {
      if (root.document.hidden || !wanted || !played) { return; }
      movedAt = now();
      edge.look();
      if (behind() > BEHIND) { opener.again(); } else { chase.jump(); }
    }

    // ---- what the page may do

    watcher.play = function () {
      if (over) { return; }
      wanted = true;
      // Paused for a moment it goes on; after that, live is somewhere else.
      if (!opened || now() - movedAt > SECOND) { open(); } else { start(); }
      set("connecting");
    };

    watcher.pause = function () {
      if (over) { return; }
      wanted = false;
      opener.cancel();
      element.pause();
      set("paused");
    };

    watcher.stats = function () {
      return {
        behind: behind(), currentTime: element.currentTime, buffered: chase.ahead(), state: current,
        reopens: counts.reopens, stalls: counts.stalls, seeks: chase.seeks, rate: element.playbackRate, startMs: startup
      };
    };

    watcher.stop = function () {
      if (over) { return; }
      set("stopped");
      over = true;
      clearInterval(ticker);
      opener.stop();
      edge.stop();
      while (offs.length) { offs.pop()(); }
      element.pause();
      element.removeAttribute("src");
      element.load();
    };

    function begin() {
      if (over) { return; }
      open();
      edge.ask();
      ticker = setInterval(tick, TICK);
    }

    everfile.cors(element);
    element.removeAttribute("autoplay");
    element.setAttribute("playsinline", "");
    element.preload = "auto";
    set("connecting");
    listen();
    // The worker saves the padding on the wire, so a first visit waits for it a
    // moment. Engines that need no padding need no worker.
    if (everfile.blocks()) { everfile.worker(begin, 800); } else { begin(); }
    watcher.nudge = nudge;
    watcher.told = function (t) { edge.told(t); nudge(); };
    return watcher;
  };
}(window));
