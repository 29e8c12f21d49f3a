/*
 * everfile.page.told: what the phone says while this page is at the door of a room,
 * or inside.
 *
 *   hear(type, e)   takes an event of the phone; returns whether that was all to be
 *                   done with it: else it is about calls
 *   linked()        the control connection is lost, or there again
 *   welcome(e)      returns whether it is about a room
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var view = page.view, chat = page.chat, lobby = page.lobby, people = page.people, room = page.room, inroom = page.inroom;
  var told = page.told = {};
  var FOLLOWS = 2000;   // ms after which no other format follows one that failed
  var on = {};

  told.hear = function (type, e) {
    var now = room.now;
    return !!now && now.state !== "lobby" && on.hasOwnProperty(type) && on[type](e || {}, now) !== false;
  };

  told.linked = function () {
    var now = room.now;
    if (now && now.state === "joining" && page.calls.link === "lost") { view.say("Connection lost, trying again."); }
    inroom.refresh();
  };

  /* welcome: whom the server knows again is told where he is; others ask. */
  told.welcome = function (e) {
    var now = room.now;
    if (!now) { return false; }
    if (now.state === "joining" && !now.asked && !(e.resumed && now.been)) {
      // The phone is not done with the welcome yet.
      setTimeout(function () { if (room.now === now && !now.asked) { room.ask(); } }, 0);
    }
    if (now.state === "in") {
      inroom.tell("", true);
      chat.again();
    }
    return true;
  };

  on.state = function (e, now) {
    page.calls.known = true;
    if (e.room) {
      if (e.state === "talking") { room.inside(); }
      return true;
    }
    if (e.state !== "idle") { return false; }
    if (now.state === "joining" && !now.asked) { room.ask(); }   // it is forgotten where we were
    return true;
  };

  on.ended = function (e, now) {
    if (!e.room) { return false; }
    room.finish(e.text || "You are not in " + now.room + " any more.", "Join again");
  };

  on.error = function (e, now) {
    if (e.re === "join") {
      room.refused(e.text);
    } else if (e.re === "hello") {
      page.online.close();
      again(now, e.text, "");
    } else if (e.re !== "message" || e.code !== "gone") {   // who is away, as can be seen, is told later
      view.notice(e.text, 8000);
    }
  };

  /* again is at the door once more, for another name. */
  function again(now, sentence, name) {
    var muted = page.own.muted, darkened = page.own.darkened;
    if (view.state() === "room") {
      room.open(now.room, page.own.want || now.want);
      room.alike(muted, darkened);
    }
    room.now.state = "lobby";
    room.now.asked = false;
    lobby.wrong(sentence, name);
  }

  on.taken = function (e, now) {
    page.online.close();
    again(now, now.me + " is taken by somebody else" + (e.suggest ? ". How about " + e.suggest + "?" : "."), e.suggest);
  };

  on.peer = function (e, now) {
    var known = people.names().indexOf(e.caller) >= 0, came = people.peer(e);
    if (came && now.settled) {
      if (!known) { view.say(e.caller + " has come."); }
      inroom.tell(e.caller, known);
      chat.again();
    }
    inroom.listened();
    inroom.refresh();
  };

  on.left = function (e) {
    if (people.left(e)) { view.say(e.caller + " has left."); }
    inroom.listened();
    inroom.refresh();
  };

  on.play = function (e) {
    var asked = people.asks();
    people.play(e);
    inroom.refresh();
    if (people.asks() && !asked && !/INPUT|BUTTON/.test(root.document.activeElement.tagName)) { page.id("tap").focus(); }
  };

  on.way = function (e) {
    people.way(e);
    inroom.listened();
  };

  on.stats = function (e) { people.stats(e); };

  on.slow = function (e, now) {
    if (e.way !== "send") { people.slow(e); return; }
    if (e.screen) { view.notice(e.text, 8000); return; }
    now.slow = e.picture ? "" : e.text;
    view.notice(e.text, e.picture ? 8000 : 0);
    inroom.tell("", false);
  };

  on.send = function (e, now) {
    var half = page.incall.half(e), url;
    if (e.state === "track") { view.notice(e.text); }
    if (e.screen && /^(failed|refused)$/.test(e.state)) { view.notice(e.text, 8000); }
    if (e.state === "track" || e.screen) { return; }
    now.sends[half] = e.state === "stopped" ? {} : e;
    url = now.sends.media.url || now.sends.picture.url;
    page.person.file = url ? everfile.absolute(url.replace(/[?#].*$/, "")) : "";
    if (e.state === "failed" || e.state === "refused") {
      setTimeout(function () { if (room.now === now && now.sends[half] === e) { view.notice(now.trouble = e.text); } }, FOLLOWS);
    } else if (e.state === "recording") {
      view.unnotice(now.trouble);
    } else if (/^(behind|overflow)$/.test(e.state) && (half === "media" || !now.sends.media.state)) {
      view.notice(e.text, 8000);
    }
    inroom.refresh();
  };

  on.listeners = function (e, now) {
    now.files[e.url] = e.n;
    inroom.listened();
  };

  on.message = function (e) {
    var data = e.data || {};
    if (data.kind === "chat" || data.kind === "got") {
      chat.got(data, e.from);
    } else if (data.kind === "state") {
      people.state(e.from, data);
      if (data.ask) { inroom.reply(e.from); }
    }
  };

  on.crowded = function (e) { inroom.crowded(e); };
  on.knock = function (e) { inroom.knock(e); };
  on.unknock = function () { inroom.knock(null); };
}(window));
