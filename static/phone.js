/*
 * everfile.phone: calls and rooms. What is going on is what the server last said of it;
 * this passes on what changes, does what it says about files (files.js) and direct
 * connections (ways.js), and sees to it that a connection that broke in the middle of
 * anything leaves no loose end.
 *
 * A page that is loaded again gives the token it was given, and is at once where it
 * was: ringing, calling, talking, in a room.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var VERSION = 1;
  var DOUBT = 2000;   // ms after coming back in which the server names the call, if there still is one
  var NONE = { state: "file", link: "", theirs: false, made: 0 };   // of a way that there is not
  var TEXT = {
    forgotten: "The call is over: the connection was away for too long, or the server was started again.",
    missed: "The call ended while the connection was away.",
    other: "The call is over: another one has begun.",
    replaced: "Another window goes on with this call.",
    hangup: "You hung up.", cancelled: "You cancelled the call.", refused: "You refused the call.", left: "You left the room."
  };

  /*
   * phone(options) connects and returns the phone.
   *
   *   caller    the name asked for
   *   resume    the token kept from an earlier page, "" if there is none
   *   element(caller, mime, screen, still)   what plays that caller's file of that type, his
   *             screen's if screen: an <img>, if pictures; still: an <img> in which a picture
   *             is shown now and then, where there are no connections for more (seats.js)
   *   direct(caller)          the <video> that shows what comes of that caller directly
   *   mix()     the <audio> for those who are heard together then; one of the phone's own if
   *             that is not given
   *   on(type, e):
   *     "link"       {state, text}   of the control connection, as in control.js
   *     "welcome"    {caller, resume, resumed, limits}
   *     "taken"      {suggest, text}   say hello(name) with another one
   *     "online"     {callers: [{caller, busy}]}
   *     "state"      {state, call, peer, media, incoming}: "idle", "calling" (it rings there),
   *                  "ringing" (it rings here) or "talking"; media is what the other one sends.
   *                  In a room: room: true, call is its name, peer "", media null; "joining"
   *                  until the server has said who is there, then "talking"
   *     "ended"      {reason, by, text, peer}, with room: true and call if it was a room; the
   *                  state is idle then, or ringing
   *     "peer"       {caller, media, away, plays: in so many files it plays one's own}; media is
   *                  {audio, video, screen?: {audio, video}}. In the order of joining
   *     "left"       {caller, text}   who was told of by "peer" is not there any more
   *     "knock"      {call, from, media}   it rings while one is in a room: answer or reject
   *     "unknock"    {call, from, text}    it does not any more, and nobody has answered
   *     "send"       {state, text, mime, why, url}          the publisher's states
   *     "play"       {caller, state, text, mime, why, url}  the watcher's; or "direct", or "mixed"
   *     "slow"       {way, yes, picture, text}: what is sent ("send") or played ("play", with
   *                  caller) is less, for the connection's sake, or not any more; whether with
   *                  picture
   *     "stats"      the watcher's, four times a second, and caller
   *                  (these four with screen: true, if of a screen; "play" with still: true, and
   *                  "play" and "stats" of everybody who is heard together with mix: true and
   *                  the caller "mix")
   *     "crowded"    {yes, text, names}: these are heard together, and seen as single pictures,
   *                  for want of connections; or nobody is any more
   *     "share"      {yes}   one's screen is shared, or not any more
   *     "listeners"  {n, url}
   *     "way"        {caller, state, text, theirs}: how that one is played, as in way.js
   *     "message"    {from, data}
   *     "error"      {code, text, re}
   *     "reload"     {}   the server speaks a newer version
   *
   * The phone has hello(name), call(to, media), accept(media), reject(reason), cancel(),
   * hangup(), join(room, media), leave(), media(media), send(data, to), to all others if
   * there is no to, share(stream): one's screen, a MediaStream or null: false if that cannot
   * be done now; leaving a call or a room always can. While one is in a room, answer(call,
   * media) leaves it for a call that knocks, and reject(call, reason) refuses that.
   * source(stream) is what is sent, as in files.js; nothing is sent before it.
   * tap() plays again after the state "tap"; stats(); close() hangs up and goes.
   */
  everfile.phone = function (options) {
    var me = options.caller, token = options.resume || "", on = options.on, phone = {}, control = null, audio = null;
    var is = nothing(), shown = "";                // what "state" tells, and what it told last
    var accepted = null;    // the accept that was said in this call
    var crossing = null;    // an invite that came while we were calling
    var knock = null;       // or while we are in a room
    var back = false;       // the connection is a new one, and nothing has been said of the call
    var doubt = null;
    var able = everfile.abilities(function (c) { return say({ type: "can", can: c }); });
    var left = everfile.parting(say), roster = everfile.roster(on);
    var files = everfile.files({ me: function () { return me; }, element: options.element, mix: options.mix || mix, on: played, failed: cannot });
    var media = everfile.media({ call: files, say: sayMedia, onshare: function (shares) { on("share", { yes: shares }); } });
    var way = everfile.ways({ call: files, element: options.direct, say: signal, on: function (e) { on("way", e); } });

    function say(m) { return !!control && control.send(m); }

    function signal(who, what) { return say({ type: "signal", call: is.call, to: who, data: what }); }

    /* sayMedia: while it rings here, accept says it. */
    function sayMedia(what) { return !!is.call && is.state !== "ringing" && say({ type: "media", call: is.call, media: what }); }

    function mix() { return audio = audio || root.document.createElement("audio"); }

    function played(type, e) {
      if (type === "play") { way.saw(e); }
      on(type, e);
    }

    // ---- the state

    function nothing() { return { state: "idle", call: "", peer: "", media: null, incoming: false }; }

    function within(word, room) { return { state: word, call: room, room: true, peer: "", media: null, incoming: false }; }

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

    /* over ends the call on this side; what is not said is not shown. What has knocked
     * rings then. */
    function over(e) {
      var was = is, next = knock, end;
      settle();
      is = nothing();
      accepted = crossing = knock = null;
      media.end();
      roster.end();
      files.end();
      way.end();
      if (e) {
        end = { reason: e.reason, by: e.by || "", text: e.text || "", peer: was.peer };
        if (was.room) {
          end.room = true;
          end.call = was.call;
        }
        on("ended", end);
      }
      if (next && is.state === "idle") { ring(next); } else { show(); }
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
      left.go(is.peer, { type: how, call: is.call, reason: why });
      over({ reason: word, by: me, text: TEXT[word] });
      return true;
    }

    function end(why) {
      return is.room ? leave("leave", "left") : is.state === "calling" ? leave("cancel", "cancelled") :
        is.state === "ringing" ? leave("reject", "refused", why) : leave("hangup", "hangup");
    }

    // ---- what the server says

    function cannot(path, type, why) {
      // At most 200 bytes of it are taken.
      return say({ type: "failed", call: is.call, url: path, mime: type, why: why.replace(/[^\x20-\x7e]/g, "?").slice(0, 200) });
    }

    function ring(m) { become({ state: "ringing", call: m.call, peer: m.from, media: m.media, incoming: true }); }

    function unknock(sentence) {
      var was = knock;
      knock = null;
      if (was) { on("unknock", { call: was.call, from: was.from, text: sentence || "" }); }
    }

    /* displace: in a room, or on the way to one, a call has begun; a room that one was in
     * before does not end it. Returns false then. */
    function displace(m) {
      if (m.room && is.state === "ringing" && !accepted) {
        knock = { call: is.call, from: is.peer, media: is.media };   // that came first, and rings on there
        on("knock", knock);
      } else if (m.room && is.state !== "idle" && !is.room) {
        say({ type: "leave", call: m.call });
        return false;
      } else if (is.room && is.call !== m.call) {
        say({ type: "leave", call: is.call });
        gone(TEXT.other);
      } else if (is.state === "talking" && is.call !== m.call) {
        gone(TEXT.other);
      }
      return true;
    }

    var heard = {
      welcome: function (m) {
        me = m.caller;
        token = m.resume;
        if (m.v > VERSION) { on("reload", {}); }
        way.servers(m.iceServers);
        left.linked(m.resumed);
        on("welcome", { caller: m.caller, resume: m.resume, resumed: !!m.resumed, limits: m.limits });
        on("online", { callers: m.online });
        back = m.resumed;
        unknock(TEXT.missed);   // or it is said again
        if (is.state === "idle") {
          if (!m.resumed) { show(); }
        } else if (is.room) {
          say({ type: "join", room: is.call, media: media.all() });   // to be told anew who is there
        } else if (m.resumed) { doubting(); } else { gone(TEXT.forgotten); }
      },

      online: function (m) {
        on("online", { callers: m.callers });
        if (is.state === "idle") { show(); }   // after a reload, the call comes before this
      },

      ringing: function (m) {
        if (left.met(m, m.to)) { return; }
        if (is.call && is.call !== m.call) { gone(TEXT.other); }
        if (!media.known()) { media.set(m.media, true); }
        become({ state: "calling", call: m.call, peer: m.to, media: null, incoming: false });
        media.tell();
      },

      invite: function (m) {
        if (left.met(m, "")) { return; }
        // Both at once is one call, which starts. If not, ours is refused, and it rings.
        if (is.state === "calling") { crossing = m; return; }
        if (is.room) {
          knock = { call: m.call, from: m.from, media: m.media };
          on("knock", knock);
          return;
        }
        if (is.call && is.call !== m.call) { gone(TEXT.other); }
        if (accepted && back) { say(accepted); }   // the first one was lost with the connection
        ring(m);
      },

      start: function (m) {
        var other = m.room ? { caller: "" } : m.peers[0] || { caller: is.peer, media: is.media };
        if (left.met(m, other.caller) || !displace(m)) { return; }
        accepted = crossing = null;
        become(m.room ? within("talking", m.call) : { state: "talking", call: m.call, peer: other.caller, media: other.media, incoming: is.incoming });
        if (is.call !== m.call) { return; }   // the page has hung up meanwhile
        roster.set(m.peers);
        if (is.call !== m.call) { return; }
        media.start(m.publish || []);
        files.set(m.publish || [], m.play || [], m.room);
        if (Array.isArray(m.iceServers)) { way.servers(m.iceServers); }   // newer ones: a call may outlast those of the welcome
        if (is.call === m.call) { way.set(m.peers); }
      },

      ended: function (m) {
        if (left.ended(m.call)) { return; }
        if (knock && knock.call === m.call) { unknock(m.text); }
        if (crossing && crossing.call === m.call) { crossing = null; }
        if (is.call && is.call === m.call) { over(m); }
      },

      left: function (m) { if (m.call === is.call) { roster.left(m.caller, m.text); } },
      message: function (m) { on("message", { from: m.from, data: m.data }); },
      signal: function (m) { if (is.state === "talking" && m.call === is.call) { way.heard(m.from, m.data); } },
      demand: function (m) { way.demand(m.url, m.on); },
      listeners: function (m) { on("listeners", { n: m.n, url: m.url }); },
      edge: function (m) { files.told(m.url, m.t); },

      error: function (m) {
        var next = crossing;
        if (m.re === "invite" && left.unnamed()) { left.forget(); return; }   // it was refused, and cancelled already
        if (m.re === "leave") { left.ended(m.call); return; }
        if (m.code === "taken") {
          unknock(TEXT.missed);
          if (is.state !== "idle") { gone(TEXT.forgotten); }
          on("taken", { suggest: m.suggest, text: m.text });
        } else if (m.re !== "signal" && (!m.call || m.call === is.call)) {   // signals are said again
          on("error", { code: m.code, text: m.text, re: m.re });
        }
        if (m.re === "invite" && is.state === "calling" && !is.call) {
          over(null);
          if (next) { ring(next); }
        } else if (m.re === "join" && is.room) {
          over(is.state === "joining" ? null : { reason: "gone", text: m.text });
        } else if (is.call && m.call === is.call && (m.re === "accept" || m.re === "media")) {
          if (m.code === "no-match") { gone(m.text); } else { accepted = null; }
        }
      }
    };

    function linked(word, sentence) {
      var why;
      on("link", { state: word, text: sentence });
      if (word === "lost") { settle(); } else if (word === "open") { able.tell(); files.nudge(); way.nudge(); }
      if (word !== "replaced" && word !== "refused") { return; }
      why = word === "replaced" ? TEXT.replaced : sentence;
      unknock(why);   // or it would ring as the room is left
      if (is.state !== "idle") { gone(why); }
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
      var under = is.state === "idle" && left.undo(who);   // the one that was cancelled is still under way: that will do
      if (is.state !== "idle" || !under && !say({ type: "invite", to: who, media: what })) { return false; }
      media.set(what, !under);
      become({ state: "calling", call: "", peer: who, media: null, incoming: false });
      return true;
    };

    phone.accept = function (what) {
      if (is.state !== "ringing" || accepted) { return false; }
      media.set(what, true);
      accepted = { type: "accept", call: is.call, media: what };
      say(accepted);       // or when the invite comes again
      return true;
    };

    phone.join = function (name, what) {
      if (is.state !== "idle" || !say({ type: "join", room: name, media: what })) { return false; }
      left.anew(name);
      media.set(what, true);
      become(within("joining", name));
      return true;
    };

    phone.leave = function () { return !!is.room && leave("leave", "left"); };

    phone.answer = function (call, what) {
      var m = knock, sends = what || media.all();
      if (!m || m.call !== call) { return false; }
      leave("leave", "left");   // and it rings
      return is.call === call && phone.accept({ audio: sends.audio, video: sends.video });
    };

    phone.reject = function (what, why) {
      var m = knock;
      if (!is.room) { return end(what); }
      if (!m || m.call !== what) { return false; }
      knock = null;
      return say({ type: "reject", call: m.call, reason: why });
    };

    phone.share = function (stream) { return (!stream || is.state === "talking") && media.share(stream); };

    phone.media = function (what) {
      if (is.state === "idle") { return false; }
      media.set(what, false);
      return media.tell();
    };

    phone.send = function (what, to) {
      var m = { type: "message", call: is.call, data: what };
      if (to) { m.to = to; }
      return is.state === "talking" && say(m);
    };

    phone.stats = function () {
      var s = files.stats(), all = way.stats();
      return { state: is.state, call: is.call, peer: is.peer, publish: s.publish, play: s.play, way: all[0] || NONE, ways: all };
    };

    phone.close = function () {
      knock = null;   // nothing rings here any more
      end();
      control.close();
    };

    phone.cancel = phone.hangup = function () { return end(); };
    phone.source = function (stream) {
      files.source(stream);
      way.source(stream);
      able.lend(stream && stream.mime || "");
      media.source();
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
