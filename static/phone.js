/*
 * everfile.phone: calls. What is going on is what the server last said of it; this
 * passes on what changes, does what it says about files (files.js), and sees to it
 * that a connection that broke in the middle of anything leaves no loose end.
 *
 * A page that is loaded again gives the token it was given, and is at once where it
 * was: ringing, calling or talking.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var VERSION = 1;
  var DOUBT = 2000;   // ms after coming back in which the server names the call, if there still is one
  var TEXT = {
    forgotten: "The call is over: the connection was away for too long, or the server was started again.",
    missed: "The call ended while the connection was away.",
    other: "The call is over: another one has begun.",
    replaced: "Another window goes on with this call.",
    hangup: "You hung up.", cancelled: "You cancelled the call.", refused: "You refused the call."
  };

  /*
   * phone(options) connects and returns the phone.
   *
   *   caller    the name asked for
   *   resume    the token kept from an earlier page, "" if there is none
   *   element(caller, mime)   what plays that caller's file of that type: an <img>, if pictures
   *   direct(caller)          the <video> that shows what comes of that caller directly
   *   on(type, e):
   *     "link"       {state, text}   of the control connection, as in control.js
   *     "welcome"    {caller, resume, resumed, limits}
   *     "taken"      {suggest, text}   say hello(name) with another one
   *     "online"     {callers: [{caller, busy}]}
   *     "state"      {state, call, peer, media, incoming}: "idle", "calling" (it rings there),
   *                  "ringing" (it rings here) or "talking"; media is what the other one sends
   *     "ended"      {reason, by, text, peer}; the state is idle then
   *     "peer"       {caller, media, away, plays: in so many files it plays one's own}
   *     "send"       {state, text, mime, why, url}          the publisher's states
   *     "play"       {caller, state, text, mime, why, url}  the watcher's
   *     "slow"       {way, yes, picture, text}: what is sent ("send") or played ("play") is
   *                  less, for the connection's sake, or not any more; whether with picture
   *     "stats"      the watcher's, four times a second
   *     "listeners"  {n, url}
   *     "way"        {state, text, theirs}: how the other is played, as in way.js
   *     "message"    {from, data}
   *     "error"      {code, text, re}
   *     "reload"     {}   the server speaks a newer version
   *
   * The phone has hello(name), call(to, media), accept(media), reject(reason), cancel(),
   * hangup(), media(media), send(data): false if that cannot be done now; leaving a call
   * always can. source(stream) is what is sent, as in files.js; nothing is sent before it.
   * tap() plays again after the state "tap"; stats(); close() hangs up and goes.
   */
  everfile.phone = function (options) {
    var me = options.caller, token = options.resume || "", on = options.on, phone = {}, control = null;
    var is = nothing(), shown = "";                // what "state" tells, and what it told last
    var peers = {}, mine = null, unsaid = false;   // mine: {audio, video}; whether the server is yet to be told
    var accepted = null;    // the accept that was said in this call
    var crossing = null;    // an invite that came while we were calling
    var left = null;        // {call, to, message, lost}: the call that was left here, until the server knows
    var back = false;       // the connection is a new one, and nothing has been said of the call
    var doubt = null;
    var able = everfile.abilities(function (c) { return say({ type: "can", can: c }); });
    var files = everfile.files({ element: options.element, on: played, failed: cannot });
    var way = everfile.way({ call: files, element: options.direct, say: signal, on: function (e) { on("way", e); } });

    function say(m) { return !!control && control.send(m); }

    function signal(who, what) { return say({ type: "signal", call: is.call, to: who, data: what }); }

    function played(type, e) {
      if (type === "play") { way.saw(e); }
      on(type, e);
    }

    // ---- the state

    function nothing() { return { state: "idle", call: "", peer: "", media: null, incoming: false }; }

    /* show tells the state when it is another one. A call that the server has not
     * named yet is not shown: it does not ring. */
    function show() {
      var now = JSON.stringify(is);
      if (shown === now || is.state === "calling" && !is.call) { return; }
      shown = now;
      on("state", JSON.parse(now));
    }

    function become(next) {
      settle();
      back = false;
      is = next;
      show();
    }

    /* over ends the call on this side; what is not said is not shown. */
    function over(e) {
      var was = is;
      settle();
      is = nothing();
      accepted = crossing = mine = null;
      unsaid = false;
      peers = {};
      files.end();
      way.end();
      if (e) { on("ended", { reason: e.reason, by: e.by || "", text: e.text || "", peer: was.peer }); }
      show();
    }

    function gone(sentence) { over({ reason: "gone", text: sentence }); }

    /* doubting: back on the line, in a call. The server names it at once, or it is over. */
    function doubting() {
      settle();
      doubt = setTimeout(function () { gone(TEXT.missed); }, DOUBT);
    }

    function settle() { clearTimeout(doubt); }

    // ---- leaving

    /* leave ends a call here and now, whether or not the server can be told. If it
     * cannot, or has not named the call yet, it is told as soon as it speaks of it. */
    function leave(how, word, why) {
      if (is.state === "idle") { return false; }
      left = { call: is.call, to: is.peer, message: { type: how, call: is.call, reason: why } };
      if (is.call) { again(is.call); }
      over({ reason: word, by: me, text: TEXT[word] });
      return true;
    }

    function again(call) {
      left.call = left.message.call = call;
      say(left.message);
      return true;
    }

    /* isLeft answers what the server says of a call that was left here. */
    function isLeft(m, who) { return !!left && (left.call ? left.call === m.call : left.to === who) && again(m.call); }

    function end(why) {
      return is.state === "calling" ? leave("cancel", "cancelled") :
        is.state === "ringing" ? leave("reject", "refused", why) : leave("hangup", "hangup");
    }

    // ---- what the server says

    function cannot(path, type, why) {
      // At most 200 bytes of it are taken.
      return say({ type: "failed", call: is.call, url: path, mime: type, why: why.replace(/[^\x20-\x7e]/g, "?").slice(0, 200) });
    }

    function ring(m) { become({ state: "ringing", call: m.call, peer: m.from, media: m.media, incoming: true }); }

    /* tellMedia: what one sends has changed since the call was made or accepted. */
    function tellMedia() {
      if (unsaid && is.call && is.state !== "ringing") { unsaid = !say({ type: "media", call: is.call, media: mine }); }
    }

    function meet(p) {
      var e = { caller: p.caller, media: p.media, away: !!p.away, plays: p.plays || 0 }, now = JSON.stringify(e);
      if (peers[p.caller] === now) { return; }
      peers[p.caller] = now;
      on("peer", e);
    }

    var heard = {
      welcome: function (m) {
        me = m.caller;
        token = m.resume;
        if (m.v > VERSION) { on("reload", {}); }
        way.servers(m.iceServers);
        on("welcome", { caller: m.caller, resume: m.resume, resumed: !!m.resumed, limits: m.limits });
        on("online", { callers: m.online });
        back = m.resumed;
        if (!m.resumed) { left = null; } else if (left) { left.lost = true; }
        if (is.state === "idle") { if (!m.resumed) { show(); } } else if (m.resumed) { doubting(); } else { gone(TEXT.forgotten); }
      },

      online: function (m) {
        on("online", { callers: m.callers });
        if (is.state === "idle") { show(); }   // after a reload, the call comes before this
      },

      ringing: function (m) {
        if (isLeft(m, m.to)) { return; }
        if (is.call && is.call !== m.call) { gone(TEXT.other); }
        mine = mine || m.media;
        become({ state: "calling", call: m.call, peer: m.to, media: null, incoming: false });
        tellMedia();
      },

      invite: function (m) {
        if (isLeft(m, "")) { return; }
        // Both at once is one call, which starts. If not, ours is refused, and it rings.
        if (is.state === "calling") { crossing = m; return; }
        if (is.call && is.call !== m.call) { gone(TEXT.other); }
        if (accepted && back) { say(accepted); }   // the first one was lost with the connection
        ring(m);
      },

      start: function (m) {
        var other = m.peers[0] || { caller: is.peer, media: is.media };
        if (isLeft(m, other.caller)) { return; }
        if (is.state === "talking" && is.call !== m.call) { gone(TEXT.other); }
        accepted = crossing = null;
        become({ state: "talking", call: m.call, peer: other.caller, media: other.media, incoming: is.incoming });
        m.peers.forEach(meet);
        if (is.call !== m.call) { return; }   // the page has hung up meanwhile
        tellMedia();
        files.set(m.publish || [], m.play || []);
        if (is.call === m.call) { way.set(m.peers[0] || null); }
      },

      ended: function (m) {
        if (left && left.call === m.call) { left = null; }
        if (crossing && crossing.call === m.call) { crossing = null; }
        if (is.call && is.call === m.call) { over(m); }
      },

      message: function (m) { on("message", { from: m.from, data: m.data }); },
      signal: function (m) { if (is.state === "talking" && m.call === is.call) { way.heard(m.from, m.data); } },
      demand: function (m) { way.demand(m.url, m.on); },
      listeners: function (m) { on("listeners", { n: m.n, url: m.url }); },
      edge: function (m) { files.told(m.url, m.t); },

      error: function (m) {
        var next = crossing;
        if (m.re === "invite" && left && !left.call) { left = null; return; }   // it was refused, and cancelled already
        if (m.code === "taken") {
          if (is.state !== "idle") { gone(TEXT.forgotten); }
          on("taken", { suggest: m.suggest, text: m.text });
        } else if (m.re !== "signal" && (!m.call || m.call === is.call)) {   // signals are said again
          on("error", { code: m.code, text: m.text, re: m.re });
        }
        if (m.re === "invite" && is.state === "calling" && !is.call) {
          over(null);
          if (next) { ring(next); }
        } else if (is.call && m.call === is.call && (m.re === "accept" || m.re === "media")) {
          if (m.code === "no-match") { gone(m.text); } else { accepted = null; }
        }
      }
    };

    function linked(word, sentence) {
      on("link", { state: word, text: sentence });
      if (word === "lost") { settle(); } else if (word === "open") { able.tell(); files.nudge(); way.nudge(); }
      if (is.state !== "idle" && (word === "replaced" || word === "refused")) { gone(word === "replaced" ? TEXT.replaced : sentence); }
    }

    // ---- what the page may do

    phone.hello = function (name) {
      if (is.state !== "idle") { return false; }
      me = name;
      token = "";
      // A connection has one name for good.
      if (control.state() === "open") { control.reconnect(); } else { control.hello(); }
      return true;
    };

    phone.call = function (who, what) {
      if (is.state !== "idle") { return false; }
      if (left && !left.call && !left.lost && left.to === who) {
        left = null;       // the one that was cancelled is still under way: that will do
        unsaid = true;
      } else if (!say({ type: "invite", to: who, media: what })) { return false; }
      mine = what;
      become({ state: "calling", call: "", peer: who, media: null, incoming: false });
      return true;
    };

    phone.accept = function (what) {
      if (is.state !== "ringing" || accepted) { return false; }
      mine = what;
      unsaid = false;
      accepted = { type: "accept", call: is.call, media: mine };
      say(accepted);       // or when the invite comes again
      return true;
    };

    phone.media = function (what) {
      if (is.state === "idle") { return false; }
      mine = what;
      unsaid = true;
      tellMedia();
      return !unsaid;
    };

    phone.send = function (what) { return is.state === "talking" && say({ type: "message", call: is.call, data: what }); };

    phone.stats = function () {
      var s = files.stats();
      return { state: is.state, call: is.call, peer: is.peer, publish: s.publish, play: s.play, way: way.stats() };
    };

    phone.close = function () {
      end();
      control.close();
    };

    phone.reject = end;
    phone.cancel = phone.hangup = function () { return end(); };
    phone.source = function (stream) {
      files.source(stream);
      way.source(stream);
      able.lend(stream && stream.mime || "");
    };
    phone.tap = function () { files.tap(); way.tap(); };
    control = everfile.control({
      hello: function () { return { caller: me, resume: token, can: able.can() }; },
      onmessage: function (m) { if (heard.hasOwnProperty(m.type)) { heard[m.type](m); } },
      onstate: linked
    });
    if (everfile.measure) { everfile.measure(able.tell); }
    return phone;
  };
}(window));
