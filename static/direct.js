/*
 * everfile.direct: the direct connection of a call: one peer connection (peer.js) after
 * the other, and whether the present one is alive. Each side says something through it
 * five times a second; where neither that nor media comes for 600 ms it counts as dead,
 * seconds before the browser says so. What dies is tried again, more and more rarely,
 * and may come back by itself meanwhile.
 *
 * Each connection has a random name, and every signal says of which it is and for which:
 * so a page that was loaded again, or begins anew, is not taken for the one before.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var CHECK = 100, TICK = 200;             // ms between two looks, two ticks
  var DOUBT = 250, DEAD = 600;             // ms of silence: until the packets are counted, until it is dead
  var LATE = 300;                          // ms between two looks that mean the page was held up
  var WITHIN = 10000;                      // ms in which a connection is made, or given up
  var LOST = [3000, 5000];                 // ms that a dead one may come back in: not polite, polite
  var PAUSE = 500, MOST = 30000, GOOD = 10000;   // ms until the next one: at first, at most, and at first again after so long
  var OFTEN = 20, MINUTE = 60000;          // so many in a minute, whoever asks for them
  var NAME = /^[0-9a-f]{1,64}$/;

  /* sound says whether data is a signal as the other side's page sends it. */
  function sound(data) {
    var d = data && data.description, c = data && data.candidate;
    if (!data || !NAME.test(String(data.from)) || data.to && !NAME.test(String(data.to))) { return false; }
    return d ? (d.type === "offer" || d.type === "answer") && typeof d.sdp === "string" : !!c && typeof c === "object";
  }

  /*
   * direct(options) begins at once, and goes on until stop().
   *
   *   polite, onstream   as in peer.js; say(data): false if it cannot be said now
   *   servers()          RTCIceServers, asked for at each connection: what they want to know
   *                      of a user may be good for a time only
   *   word()             what goes with each tick, a short text
   *   onstate(state, why)   "connecting": there is none yet; "up": it is alive; "down": it
   *                      was; and why, in words, or ""
   *   ontick(word)       the other side's
   *
   * It has source(stream), heard(data), kinds() and counts(done), as in peer.js; nudge():
   * the other side can be reached again; state(), made: how many connections there were;
   * and stop().
   */
  everfile.direct = function (options) {
    var now = everfile.now, direct = { made: 0 }, over = false, stream = null, state = "";
    var peer = null, me = "", them = "";            // the present connection, its name, the other side's
    var begunAt = 0, upAt = 0, downAt = 0, retry = null, fails = 0, made = [], unsaid = false;
    var heardAt = 0, sentAt = 0, lookedAt = now(), doubted = -1, packets = null, counting = false, ticker;

    function set(word, why) {
      if (state === word || over) { return; }
      state = word;
      options.onstate(word, why || "");
    }

    // ---- one after the other

    function drop() {
      if (peer) { peer.close(); }
      peer = null;
      me = them = "";
      if (upAt && now() - upAt > GOOD) { fails = 0; }
      upAt = 0;
      counting = unsaid = false;
      packets = null;
    }

    /* begin makes a connection in place of the present one, unless there were too many. */
    function begin() {
      var n = now();
      clearTimeout(retry);
      retry = null;
      drop();
      if (state === "up") { set("down", "it is made anew"); }
      while (made.length && made[0] < n - MINUTE) { made.shift(); }
      if (made.length >= OFTEN) { later(MOST); return; }
      made.push(n);
      direct.made++;
      begunAt = n;
      me = everfile.random(8);
      try {
        peer = everfile.peer({
          polite: options.polite, servers: options.servers(), onstream: options.onstream,
          say: tell, ontick: ticked, onover: end
        });
      } catch (e) { end(e.message || "it cannot be made here"); return; }
      peer.source(stream);
    }

    /* tell: a candidate that cannot be said is one less, a description is missed. */
    function tell(m) {
      m.from = me;
      m.to = them;
      unsaid = options.say(m) === false && !!m.description || unsaid;
    }

    function later(ms) {
      clearTimeout(retry);
      retry = setTimeout(begin, ms);
    }

    /* end gives the present one up; another one follows. */
    function end(why) {
      drop();
      if (over) { return; }
      set(state === "connecting" || !state ? "connecting" : "down", why);
      later(Math.min(MOST, PAUSE * Math.pow(2, Math.min(fails++, 10))));
    }

    // ---- whether it is alive

    function ticked(text) {
      heardAt = now();
      packets = null;
      if (state !== "up") {
        upAt = heardAt;
        set("up");
      }
      if (!over) { options.ontick(text.slice(0, 16)); }
    }

    /* count: no tick has come for a while. Do packets? */
    function count() {
      var p = peer;
      if (counting) { return; }
      counting = true;
      p.counts(function (c) {
        counting = false;
        if (over || p !== peer || !c) { return; }
        if (packets !== null && c.packets > packets) { heardAt = now(); }
        packets = c.packets;
      });
    }

    function look() {
      var n = now(), late = n - lookedAt > LATE;
      lookedAt = n;
      if (!peer) { return; }
      if (n - sentAt >= TICK - CHECK / 2) {
        sentAt = n;
        peer.send(options.word());
      }
      if (state === "up") {
        if (n - heardAt > DEAD && late && doubted !== heardAt) {
          doubted = heardAt;   // what has come meanwhile may not have been told yet
        } else if (n - heardAt > DEAD) {
          downAt = n;
          set("down", "nothing came through it any more");
        } else if (n - heardAt > DOUBT) {
          count();
        }
      } else if (upAt) {
        if (n - downAt > LOST[options.polite ? 1 : 0]) { end("nothing came through it any more"); }
      } else if (n - begunAt > WITHIN) {
        end("it took too long");
      }
    }

    // ---- what the call says and does

    direct.heard = function (data) {
      var offers;
      if (over || !sound(data) || data.to && data.to !== me) { return; }
      offers = data.description && data.description.type === "offer";
      if (!peer || them && data.from !== them) {
        if (!data.description) { return; }
        begin();                       // the other side has begun anew
        if (!peer || !offers) { return; }
      }
      them = data.from;
      peer.heard(data);
    };

    direct.source = function (next) {
      stream = next;
      if (peer) { peer.source(next); }
    };

    direct.kinds = function () { return peer ? peer.kinds() : { audio: false, video: false }; };
    direct.counts = function (done) { if (peer) { peer.counts(done); } else { done(null); } };
    direct.state = function () { return state; };

    direct.nudge = function () {
      if (over || state === "up" && !unsaid) { return; }
      fails = 0;
      begin();
    };

    direct.stop = function () {
      if (over) { return; }
      over = true;
      clearInterval(ticker);
      clearTimeout(retry);
      drop();
    };

    ticker = setInterval(look, CHECK);
    set("connecting");
    begin();
    return direct;
  };

  /* able says whether this browser has what it takes. */
  everfile.direct.able = function () {
    var R = root.RTCPeerConnection;
    return !!(R && R.prototype && R.prototype.createDataChannel && R.prototype.addTrack && root.MediaStream && root.Promise);
  };
}(window));
