/*
 * everfile.page.room: the one room that this page is in, from its door to how one
 * left. The phone (phone.js) does it; inroom.js shows it while one is inside, and
 * roomtold.js is what the phone says. What a reload must not lose is kept in
 * sessionStorage.
 *
 *   now                   null, or {room, state: "lobby", "joining" or "in", ...}
 *   open(name, want)      to its door
 *   join(caller), ask()   in: online first, if need be; what is said to the server then
 *   inside()              the server has let us in, or back in
 *   refused(sentence)     it has not
 *   leave(), again()
 *   alike(muted, darkened)   as it was before, in what is opened now
 *   finish(sentence, button)   it is over here, whatever the server says
 *   close()               leaves nothing of it
 *   begin(before)         the page begins: at a door, or in the room that it was in
 *   moved()               the page's address has changed
 *   yield()               a call comes first: away from the door
 *   drop()                this page is not online any more
 *   keep()                keeps what a reload must not lose
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var view = page.view, own = page.own, ring = page.ring, chat = page.chat, lobby = page.lobby, people = page.people, rooms = page.rooms;
  var room = page.room = { now: null };
  var BOTH = { audio: true, video: true };
  var last = null;   // {name, want, muted, darkened}: the room that was left

  function calls() { return page.calls; }
  function phone() { return page.calls.phone; }

  /* became sets the room, or none. */
  function became(next) {
    room.now = next;
    if (calls().onchange) { calls().onchange(); }
  }

  function fresh(name, intended) {
    return {
      room: name, state: "lobby", me: "", want: intended || BOTH, told: null, began: 0, asked: false, been: false, settled: false,
      lack: "", trouble: "", files: {}, sends: { media: {}, picture: {} }, slow: "", knock: null, dismissed: false, crowd: ""
    };
  }

  room.keep = function () {
    var now = room.now;
    if (!now || now.state === "lobby") { return; }
    page.keep("room", { name: now.room, began: now.began, want: own.want || now.want, muted: own.muted, darkened: own.darkened, dismissed: now.dismissed });
  };

  // ---- going in

  room.open = function (name, want) {
    room.close();
    view.outcome("", "");
    became(fresh(name, want));
    lobby.show(room.now);
    ring.title(name);
    own.open(room.now.want);
  };

  room.join = function (caller) {
    var now = room.now;
    if (!now || now.state !== "lobby") { return; }
    ring.unlock();
    lobby.refused("");
    lobby.joining(true);
    now.state = "joining";
    now.me = caller;
    page.remember("caller", caller);
    if (phone() && calls().me === caller) {
      if (calls().link === "open") { room.ask(); }   // or when it is open
      return;
    }
    if (phone()) { page.online.close(); }
    page.online.go(caller, "");
  };

  /* ask says to the server what one wants, and what one will send. */
  room.ask = function () {
    var now = room.now, m = own.asking || !own.want ? own.want || now.want : own.media();
    now.asked = true;
    now.told = everfile.camera() ? { audio: m.audio, video: m.video } : { audio: false, video: false };
    phone().source(own.stream);
    if (phone().join(now.room, now.told) === false) { room.refused("That did not work: there is no connection. Try again in a moment."); }
  };

  /* inside: names that come in the same breath are not read out one by one. */
  room.inside = function () {
    var now = room.now, first = now.state !== "in";
    now.state = "in";
    now.began = now.began || new Date().getTime();
    page.inroom.begin();
    if (!own.want) { own.open(now.want); }
    chat.begin(now.room, "", now.me);
    page.share.begin(phone(), page.inroom.refresh);
    if (first) {
      setTimeout(function () {
        if (room.now !== now || now.state !== "in") { return; }
        if (!now.been) { page.inroom.greet(); }
        now.been = now.settled = true;
        page.inroom.tell("", true);
        chat.again();
      }, 0);
    }
    page.inroom.settle();
    room.keep();
    page.inroom.refresh();
  };

  /* refused: it is back to the door, or to the start page for who was inside. */
  room.refused = function (sentence) {
    var now = room.now;
    if (view.state() === "room") { room.finish(sentence, "Join again"); return; }
    now.state = "lobby";
    now.asked = false;
    lobby.refused(sentence);
  };

  // ---- going

  room.close = function () {
    var was = room.now;
    if (!was) { return; }
    page.inroom.end();
    page.share.end();
    people.end();
    lobby.end();
    if (was.state !== "lobby") { chat.end(); }
    became(null);
    own.close();
    if (phone()) { phone().source(null); }
    page.keep("room", null);
    ring.title("");
  };

  /* alike: what was switched off stays so in what is opened now. */
  room.alike = function (muted, darkened) {
    own.mute(muted);
    if (darkened) { own.dark(true); }   // dark(false) would open a camera that nobody wanted
  };

  /* left keeps what one was like, for who joins again. */
  function left(now) { last = { name: now.room, want: own.want || now.want, muted: own.muted, darkened: own.darkened }; }

  function home() { view.mode(!phone() ? "offline" : calls().link === "open" ? "idle" : "connecting"); }

  room.finish = function (sentence, button) {
    var now = room.now;
    if (!now) { return; }
    left(now);
    room.close();
    rooms.leave();
    home();
    view.outcome(sentence, button, room.again);
  };

  room.leave = function () {
    var now = room.now, inside = !!now && now.state !== "lobby";
    if (!now) { return; }
    // First here: as the phone leaves, a call that has knocked rings.
    room.finish(inside ? "You left " + now.room + "." : "", "Join again");
    if (inside && phone()) { phone().leave(); }
  };

  /* again is what it was like: muted if it was, and unseen. */
  room.again = function () {
    if (!last || room.now || calls().talk) { return; }
    room.open(last.name, last.want);
    room.alike(last.muted, last.darkened);
    rooms.enter(last.name);
    if (calls().me) { room.join(calls().me); }
  };

  room.drop = function () {
    room.close();
    rooms.leave();
  };

  room.yield = function () { if (room.now && room.now.state === "lobby") { room.close(); } };

  // ---- the address, and the beginning

  /* went: the address leads elsewhere. */
  function went(now) {
    var inside = now.state !== "lobby";
    if (inside) { left(now); }
    room.close();
    home();
    if (inside) {
      view.outcome("You left " + now.room + ".", "Join again", room.again);
      if (phone()) { phone().leave(); }
    }
  }

  room.moved = function () {
    var now = room.now, to = rooms.at();
    if (calls().talk) {
      if (to.room) { view.notice("Hang up first: then this page goes to the room " + to.room + ".", 8000); }
      return;
    }
    if (now && to.room === now.room) { return; }
    if (now) { went(now); }
    if (calls().talk) { return; }   // which has knocked meanwhile
    if (to.room) { room.open(to.room); } else { view.wrongRoom(to.wrong, to.text); }
  };

  /* back is in the room that the page was in before it was loaded again. */
  function back(was, caller) {
    became(fresh(was.name, was.want));
    room.now.state = "joining";
    room.now.me = caller;
    room.now.began = was.began;
    room.now.been = true;
    room.now.dismissed = was.dismissed;
    own.muted = was.muted;
    own.darkened = was.darkened;
    page.inroom.begin();
    own.open(room.now.want);
  }

  room.begin = function (before) {
    var was = page.kept("room"), to = rooms.at();
    if (page.kept("talk")) { return; }
    if (before && was && was.name === to.room) {
      back(was, before.caller);
    } else if (to.room) {
      room.open(to.room);
    } else {
      view.wrongRoom(to.wrong, to.text);
    }
  };
}(window));
