/*
 * everfile.page.calls: the one call that this page is in, from ringing to how it
 * ended. The phone (phone.js) does it; own.js has the camera, incall.js shows it
 * while it runs. What a reload must not lose is kept in sessionStorage.
 *
 *   call(to, pictured), accept(pictured), leave(how), again()
 *   answer(knock, lit, muted)  takes the call that came while one was in a room, and was like that
 *   finish(sentence, button)   it is over here, whatever the server says
 *   settle(), save()           something has changed: tell it, keep it
 *   linked(), back()           the connection is lost or there again; and what was said is known
 *   on                         takes the phone's events, by type
 *   limits                     s that it rings, and that a lost connection may come back in
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var view = page.view, own = page.own, ring = page.ring, chat = page.chat, scene = page.scene, incall = page.incall;
  var id = page.id, text = page.text;
  var calls = page.calls = {
    phone: null, me: "", link: "", talk: null, stale: false, known: false, limits: { ring: 45, grace: 30 }, onchange: null, on: {}
  };
  var FOLLOWS = 2000;   // ms after which no other format follows one that failed
  var on = calls.on, talk = null, last = null, overdue = null;

  calls.usable = function () { return calls.link === "open" && !talk && !page.room.now; };

  /* became sets the call, or none. */
  function become(t) {
    if (t) { page.room.yield(); }
    talk = calls.talk = t;
    if (calls.onchange) { calls.onchange(); }
  }

  // ---- calls

  function fresh(who, intended) {
    return {
      call: "", peer: who, me: calls.me, want: intended, told: intended, incoming: false, accepted: false, began: 0, link: calls.link,
      at: everfile.now(), lack: "", trouble: "",
      their: { audio: true, video: false }, state: {}, away: false, slow: {}, files: {}, takes: 1, seen: false, way: { state: "file", text: "", theirs: false },
      play: {}, plays: { media: {}, picture: {} }, send: {}, sends: { media: {}, picture: {} }
    };
  }

  calls.save = function () {
    if (talk && talk.call) {
      page.keep("talk", {
        call: talk.call, peer: talk.peer, incoming: talk.incoming, began: talk.began,
        want: own.want || talk.want, muted: own.muted, darkened: own.darkened
      });
    }
  };

  /* again is a call as it was before the page was loaded anew, muted if it was. */
  function again(e) {
    var before = page.kept("talk"), t;
    before = before && (before.call === e.call || !before.call) ? before : null;
    t = fresh(e.peer, before ? before.want : { audio: true, video: false });
    if (before) {
      own.muted = before.muted;
      own.darkened = before.darkened;
      t.began = before.began;
    }
    return t;
  }

  function devices() {
    if (!own.want) { own.open(talk.want); }
  }

  /* settle tells the server what is really sent, if that is not what was said. */
  calls.settle = function () {
    var m = page.lend.busy() ? { audio: true, video: false } : own.media();
    if (!talk || own.asking) { return; }
    if (m.audio === talk.told.audio && m.video === talk.told.video) { return; }
    talk.told = m;
    calls.phone.media(m);
  };

  /* reachable is what there will be of what is wanted, where no device ever is. */
  function reachable(want) { return everfile.camera() ? want : { audio: false, video: false }; }

  calls.call = function (to, pictured) {
    if (!calls.usable()) { return; }
    ring.unlock();
    become(fresh(to, { audio: true, video: pictured }));
    talk.told = reachable(talk.want);
    scene.calling(talk);
    if (calls.phone.call(to, talk.told) === false) {
      finish("That did not work: there is no connection.", "Call again");
    } else {
      devices();
    }
  };

  /* again: without a camera that was switched off, and muted if one was. */
  calls.again = function () {
    var was = last;
    if (!was) { return; }
    calls.call(was.peer, was.video);
    if (talk && was.muted) { own.mute(true); }
  };

  calls.accept = function (pictured) {
    if (!talk || talk.accepted) { return; }
    ring.unlock();
    talk.accepted = true;
    talk.want = { audio: true, video: pictured && talk.their.video };
    talk.told = reachable(talk.want);
    scene.accepted();
    calls.phone.accept(talk.told);
    devices();
  };

  /* answer takes a call that came while one was in a room, which was left for it: seen
   * only by who was lit there, and muted if one was. */
  calls.answer = function (knock, lit, muted) {
    become(fresh(knock.from, { audio: true, video: lit && !!knock.media.video }));
    own.muted = muted;
    talk.incoming = talk.accepted = true;
    talk.call = knock.call;
    talk.their = knock.media;
    talk.told = reachable(talk.want);
    scene.ringing(talk);
    scene.accepted();
    if (calls.phone.answer(knock.call, talk.told) === false) {
      calls.phone.leave();
      finish("The call from " + knock.from + " is over.", "Call back");
    } else {
      devices();
    }
  };

  function talking() {
    ring.stop();
    clearTimeout(overdue);
    if (!talk.began) { talk.began = new Date().getTime(); }
    if (view.mode("talking")) {
      view.picture(id("preview"), null, false);
      view.say("In a call with " + talk.peer + ".");
      ring.title(talk.peer);
      if (talk.lack) { view.notice(talk.lack); }
    }
    chat.begin(talk.call, talk.peer);
    page.share.begin(calls.phone, null);
    incall.begin(calls.phone, talk);
    devices();
    calls.settle();
    calls.save();
  }

  on.state = function (e) {
    calls.known = true;
    if (e.state === "idle") {
      finish("", "");
      if (calls.link === "open" && !page.room.now) { view.mode("idle"); }
      missed();
      return;
    }
    // Both ringing each other is one call, under either's number.
    if (talk && (talk.peer !== e.peer || talk.began && talk.call !== e.call)) { finish("", ""); }
    if (!talk) { become(e.state === "ringing" ? fresh(e.peer, null) : again(e)); }
    if (e.state === "ringing") { talk.incoming = true; }
    talk.call = e.call || talk.call;
    talk.link = calls.link;
    if (e.media && e.state !== "calling") { talk.their = e.media; }
    if (e.state === "calling") {
      scene.calling(talk);
      devices();
      calls.save();
    } else if (e.state === "ringing") {
      scene.ringing(talk);
      calls.save();
    } else {
      talking();
    }
  };

  on.peer = function (e) {
    var came = talk && talk.away && !e.away;
    if (!talk) { return; }
    talk.their = e.media || talk.their;
    talk.away = !!e.away;
    talk.takes = e.plays || 1;
    if (came) { calls.back(); }
    incall.refresh();
  };

  /* back: the two can reach each other again; what was said meanwhile may be lost. */
  calls.back = function () {
    incall.tell(true);
    chat.again();
  };

  /* linked: a call that nobody has answered is over as soon as the server must have
   * given it up, though it cannot say so. */
  calls.linked = function () {
    if (!talk) { return; }
    talk.link = calls.link;
    clearTimeout(overdue);
    if (talk.link !== "open" && !talk.began) {
      overdue = setTimeout(give, Math.max(0, Math.min(calls.limits.grace * 1000, talk.at + calls.limits.ring * 1000 - everfile.now())));
    }
    scene.linked(talk);
    incall.refresh();
  };

  function give() {
    finish(talk.incoming ? "You missed a call from " + talk.peer + ": the connection was lost." :
      "The connection was lost before " + talk.peer + " answered.", talk.incoming ? "Call back" : "Call again");
    calls.phone.hangup();
  }

  /* ended words: what happened, and what the button offers. */
  function ended(e) {
    var mine = e.by === calls.me, took = talk.began ? ", after " + page.clock((new Date().getTime() - talk.began) / 1000) + "." : ".";
    switch (e.reason) {
    case "refused": return mine ? ["You refused the call.", "Call back"] : [talk.peer + " refused.", "Call again"];
    case "cancelled": return talk.incoming ? ["You missed a call from " + talk.peer + ".", "Call back"] : ["You cancelled the call.", "Call again"];
    case "no-answer": return talk.incoming ? ["You missed a call from " + talk.peer + ".", "Call back"] : ["No answer.", "Call again"];
    case "hangup": return [(mine ? "You hung up" : talk.peer + " hung up") + took, "Call again"];
    }
    return [e.text || "The call has ended.", "Call again"];
  }

  on.ended = function (e) {
    var words;
    if (!talk || e.room) { return; }   // a room that was left for a call
    words = ended(e);
    finish(words[0], words[1]);
  };

  /* missed tells of a call that ended while this page was loaded again, or away. */
  function missed() {
    var t = page.kept("talk"), rang = t && t.incoming && !t.began;
    page.keep("talk", null);
    if (!t) { return; }
    last = { peer: t.peer, video: !!(t.want && t.want.video) && !t.darkened, muted: !!t.muted };
    view.outcome(rang ? "You missed a call from " + t.peer + "." : "The call with " + t.peer + " ended while this page was away.", rang ? "Call back" : "Call again");
  }

  calls.finish = finish;

  /* finish leaves nothing of a call: devices, timers, sounds. */
  function finish(sentence, button) {
    var t = talk;
    if (!t) { return; }
    become(null);
    last = { peer: t.peer, video: !!(t.want || t.their).video && !own.darkened, muted: own.muted };
    ring.stop();
    ring.title("");
    incall.end();
    page.share.end();
    chat.end();
    own.close();
    page.lend.end();
    if (calls.phone) { calls.phone.source(null); }
    clearTimeout(overdue);
    view.picture(id("preview"), null, false);
    page.keep("talk", null);
    view.mode(calls.link === "open" ? "idle" : "connecting");
    page.room.moved();   // to where the address may have come to lead
    view.outcome(sentence, button);
    if (calls.link === "open") { page.online.anew(); }
  }

  /* leave ends a call from here; the phone says that it has ended. */
  calls.leave = function (how) {
    if (!talk) { return; }
    calls.phone[how]();
    finish("The call has ended.", "");
  };

  on.error = function (e) {
    if (e.re === "connect") { return; }   // "link" says so
    if (talk && e.re === "invite") {
      finish(e.code === "busy" ? talk.peer + " is in another call." : e.code === "offline" ? talk.peer + " is not online any more." : e.text, e.code === "offline" ? "" : "Call again");
    } else if (talk && e.re === "accept") {
      own.close();
      talk.accepted = false;
      scene.ringing(talk);
      text(id("ringing-text"), e.text);
      view.say(e.text);
    } else if (e.re === "hello") {
      page.online.rename(e.text, "");
    } else if (e.re === "message" && e.code === "gone") {
      return;   // the other is away, as can be seen; it is said again
    } else if (talk) {
      view.notice(e.text, 8000);
    } else {
      view.outcome(e.text, "");
    }
  };

  on.send = function (e) {
    var t = talk;
    if (!t || e.screen) { return; }
    if (e.state === "track") { view.notice(e.text); }
    // What goes missing of pictures beside the sound is nothing to be told of.
    if (/^(behind|overflow)$/.test(e.state) && (incall.half(e) === "media" || !t.sends.media.state)) { view.notice(e.text, 8000); }
    if (e.state === "stopped") { t.slow.send = ""; }
    if (e.state !== "track") { incall.note(talk, "send", e); }
    if (!page.lend.sent(e) && (e.state === "failed" || e.state === "refused")) {
      setTimeout(function () {   // unless another format follows
        if (talk === t && t.sends[incall.half(e)] === e) { view.notice(t.trouble = e.text); }
      }, FOLLOWS);
    } else if (e.state === "recording") {
      view.unnotice(t.trouble);
    }
    incall.refresh();
  };

  on.play = function (e) {
    var before = talk && talk.plays[incall.half(e)];
    if (!talk) { return; }
    if (e.screen) { page.share.theirs(e); return; }
    if (before.url !== e.url || before.mime !== e.mime) { talk.seen = false; }
    if (e.state === "stopped") { talk.slow.play = ""; }
    incall.note(talk, "play", e);
    incall.refresh();
  };

  on.way = function (e) {
    if (!talk) { return; }
    talk.way = e;
    incall.refresh();
  };

  on.slow = function (e) { if (!e.screen) { incall.slow(e); } };
  on.stats = function (e) { if (!e.screen) { incall.measured(e); } };

  on.listeners = function (e) {
    if (!talk) { return; }
    talk.files[e.url] = e.n;
    incall.refresh();
  };

  on.message = function (e) {
    var data = e.data;
    if (!talk || !data) { return; }
    if (data.kind === "chat" || data.kind === "got") { chat.got(data); } else { incall.message(data); }
  };
}(window));
