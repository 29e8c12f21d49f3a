/*
 * everfile.connect: calls and rooms for any page, in a few lines:
 *
 *   var me = everfile.connect({ caller: "alice", element: document.getElementById("them") });
 *   me.on("invite", function (call) { me.answer({ audio: true, video: true }); });
 *   me.on("online", function (e) { me.call("bob", { audio: true, video: true }); });
 *
 * connect(options) goes online, and returns me. Options:
 *
 *   caller     the name; where it is taken, "taken" is told with a free one
 *   element    the <video> that the other one of a call is played in; or
 *   elements(caller, mime, screen, still)   the element for each file, as in phone.js: for
 *              rooms and screens, of which element shows only the first one there, and no
 *              screen
 *   direct(caller)   the <video> for what comes directly, hidden until it has the class "on";
 *              if that is not given, the caller's own element shows it
 *   mix()      as in phone.js
 *   stream     a MediaStream to be sent in every call; or
 *   camera     whether camera and microphone are opened when a call begins, and let go of
 *              when it ends (true; false where the page sees to that, by source())
 *   server     the URL of the server (where this script came from): one for a page
 *   resume     the token of an earlier page, "" for none; if that is not given, it is kept
 *              in sessionStorage, and a page that is loaded again is in its call again
 *   on(type, e)   all events
 *
 * me has:
 *
 *   on(type, fn), off(type, fn)
 *   call(to, media), answer(media), reject(reason), hangup()
 *   join(room, media), leave()
 *   send(data, to)        any JSON, to everybody else or to one
 *   source(stream)        is sent from now on, by a page that has the camera itself
 *   share(stream)         a screen, as getDisplayMedia gives it; null ends that
 *   mute(yes, kind)       the microphone, or with "video" the camera, is silent or dark
 *   tap()                 plays, in a click, after "play" has told the state "tap"
 *   hello(name)           under another name, after "taken"
 *   stats(), close()
 *   phone                 what does it all, phone.js
 *
 * media is {audio, video}: what one will send; both, if it is not given, and of a stream of
 * the page's own what there is in it. What cannot be
 * done now returns false. Events are those of phone.js with their fields, and
 *
 *   "invite"  {call, from, media, room}   it rings, once for a call; room: one is in a room,
 *             which answer() leaves
 *   "camera"  {stream, media, text}       what there is to send has changed; text says what
 *             cannot be had, or is ""
 *   "error"   {code, text, re}   also with re "connect" and the code "refused" (the server
 *             lets this page not in; text says what to do) or "replaced" (another window
 *             goes on as this caller): nothing more comes then; with re "camera"
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var BOTH = { audio: true, video: true };

  /* memory keeps a page's token over its reload, and what it sent. */
  function memory(caller) {
    var name = "everfile.resume " + everfile.absolute("/") + " " + caller;
    return {
      read: function () {
        try { return JSON.parse(root.sessionStorage.getItem(name)) || {}; } catch (e) { return {}; }
      },
      write: function (what) {
        try { root.sessionStorage.setItem(name, JSON.stringify(what)); } catch (e) { /* then not */ }
      }
    };
  }

  /* eye opens camera and microphone for a call, and lets go of them after it. */
  function eye(changed) {
    var devices = everfile.devices, stream = null, want = null, round = 0, quiet = {};

    function live(kind) { return everfile.living(devices.tracks(stream, kind)); }

    function mute() {
      ["audio", "video"].forEach(function (kind) { devices.tracks(stream, kind).forEach(function (t) { t.enabled = !quiet[kind]; }); });
    }

    return {
      open: function (media) {
        var now = ++round;
        if (stream && want && want.audio === media.audio && want.video === media.video) { return; }
        want = { audio: media.audio, video: media.video };
        devices.best(want, "", "", function () { return now === round; }, function (got, error) {
          var before = stream;
          stream = got;
          mute();
          changed(stream, { audio: live("audio"), video: live("video") }, devices.lacking(want, stream, error));
          devices.stop(before);
        });
      },
      close: function () {
        round++;
        devices.stop(stream);
        stream = want = null;
      },
      mute: function (yes, kind) {
        quiet[kind] = yes;
        mute();
      }
    };
  }

  everfile.connect = function (options) {
    var me = {}, hearers = [], state = "idle", rings = "", knock = null, own = null, sends = options.stream || null;
    var name = options.caller, token = options.resume || "", wants = BOTH, begun = false, memo = null, kept;
    var show = options.element ? everfile.stage(options.element) : null, across = null, ours = options.camera !== false && !sends;

    function tell(type, e) {
      if (options.on) { options.on(type, e); }
      hearers.slice().forEach(function (h) { if (h[0] === type) { h[1](e); } });
    }

    function elementFor(caller, mime, screen, still) {
      return options.elements ? options.elements(caller, mime, screen, still) : show ? show.element(caller, mime, screen, still) : null;
    }

    function remember(media) {
      wants = media || BOTH;
      if (memo) { memo.write({ caller: name, resume: token, media: wants }); }
    }

    /* begin has what a call sends; it is asked for at its begin, while its page is sure of
     * its user. */
    function begin(media) {
      begun = true;
      remember(media);
      if (ours) { own.open(wants); } else if (sends) { me.phone.source(sends); }
    }

    function end() {
      begun = false;
      if (ours) { own.close(); }
      if (ours || sends) { me.phone.source(null); }
      if (show) { show.left(""); }
    }

    function invite(e, who, within) {
      if (rings === e.call) { return; }
      rings = e.call;
      tell("invite", { call: e.call, from: who, media: e.media, room: within });
    }

    /* on first does what must be done, then tells the page. */
    var first = {
      welcome: function (e) {
        name = e.caller;
        token = e.resume;
        remember(wants);
      },
      ended: end,
      error: function (e) { if (state === "idle" && e.re === "invite") { end(); } },   // which nothing else tells
      state: function (e) {
        var was = state;
        state = e.state;
        if (e.state === "idle") { end(); } else if (was === "idle" && !begun && /^(calling|talking)$/.test(e.state)) { begin(wants); }   // a page that was loaded again
      },
      play: function (e) { if (show) { show.played(e); } },
      left: function (e) { if (show) { show.left(e.caller); } },
      way: function (e) { if (across) { across.told(e); } },
      knock: function (e) { knock = e.call; },
      unknock: function () { knock = null; }
    };

    var then = {
      state: function (e) {
        if (e.state === "ringing") { invite(e, e.peer, false); } else if (e.state === "idle") { rings = ""; }
      },
      knock: function (e) { invite(e, e.from, true); },
      link: function (e) {
        if (e.state === "refused" || e.state === "replaced") { tell("error", { code: e.state, text: e.text, re: "connect" }); }
      }
    };

    function heard(type, e) {
      if (first.hasOwnProperty(type)) { first[type](e); }
      tell(type, e);
      if (then.hasOwnProperty(type)) { then[type](e); }
    }

    /* offer is what of media will be sent: no more than there is in the page's own stream. */
    function offer(media) {
      var m = media || BOTH, there = ours || !sends ? BOTH : everfile.kinds(sends);
      return { audio: !!m.audio && there.audio, video: !!m.video && there.video };
    }

    /* can begins with what was said by say(media), if that could be said. */
    function can(media, say) {
      var sent = offer(media);
      if (say(sent) === false) { return false; }
      begin(sent);
      return true;
    }

    me.on = function (type, fn) { hearers.push([type, fn]); };
    me.off = function (type, fn) { hearers = hearers.filter(function (h) { return h[0] !== type || h[1] !== fn; }); };

    me.call = function (to, media) { return can(media, function (m) { return me.phone.call(to, m); }); };
    me.join = function (room, media) { return can(media, function (m) { return me.phone.join(room, m); }); };
    me.answer = function (media) {
      return can(media, function (m) { return state === "ringing" ? me.phone.accept(m) : !!knock && me.phone.answer(knock, m); });
    };
    me.reject = function (why) { return state === "ringing" ? me.phone.reject(why) : !!knock && me.phone.reject(knock, why); };
    me.hangup = function () { return me.phone.hangup(); };
    me.leave = function () { return me.phone.leave(); };
    me.send = function (data, to) { return me.phone.send(data, to); };
    me.share = function (stream) { return me.phone.share(stream); };
    me.mute = function (yes, kind) {
      own.mute(!!yes, kind || "audio");
      everfile.devices.tracks(sends, kind || "audio").forEach(function (t) { t.enabled = !yes; });
    };

    me.hello = function (name) { return me.phone.hello(name); };
    me.stats = function () { return me.phone.stats(); };
    me.close = function () { me.phone.close(); };

    me.source = function (stream) {
      sends = stream;
      me.phone.source(stream);
    };

    me.tap = function () {
      me.phone.tap();
      if (across) { across.tap(); }
    };

    if (options.server !== undefined) { everfile.serve(options.server); }
    if (options.resume === undefined) {
      memo = memory(name);
      kept = memo.read();
      name = kept.caller || name;
      token = kept.resume || "";
      wants = kept.media || BOTH;
    }
    own = eye(function (got, there, sentence) {
      me.phone.source(got);
      if (there.audio !== wants.audio || there.video !== wants.video) { me.phone.media(there); }
      tell("camera", { stream: got, media: there, text: sentence });
      if (sentence) { tell("error", { code: "lacking", text: sentence, re: "camera" }); }
    });
    if (!options.direct) { across = everfile.straight(function (caller) { return elementFor(caller, "video/webm", false, false); }); }
    everfile.worker();   // it is ready when the first call comes
    me.phone = everfile.phone({
      caller: name, resume: token, element: elementFor, mix: options.mix,
      direct: options.direct || across.hidden, on: heard
    });
    return me;
  };
}(window));
