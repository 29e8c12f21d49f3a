/*
 * everfile.page.inroom: what one sees and can do inside a room: oneself, the
 * connection, who listens, who knocks. The others are people.js.
 *
 *   begin(), end()       again while it runs: nothing
 *   refresh()            something has changed
 *   greet()              says who is there
 *   settle()             tells the server what is really sent, if that is not what was said
 *   tell(to, ask)        tells the others, or one, what the file does not; ask: and they us
 *   reply(to)            tells one who has asked, at most once a second
 *   send(data, to)       a text message; returns whether it could be sent
 *   listened()           so many listen to one's own file
 *   crowded(e), dismiss()   too many for the connections of this page
 *   knock(e), answer(), refuse()   somebody calls; null: not any more
 *   headphones(yes, explain)
 *   own                  takes what own.js reports
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var view = page.view, own = page.own, ring = page.ring, lobby = page.lobby, people = page.people, room = page.room;
  var id = page.id, text = page.text, show = page.show;
  var inroom = page.inroom = { own: {} };
  var TICK = 500, CROWD = 2000, PACE = 1000;   // ms; a listener that opens a file anew counts twice for a moment
  var clock = null, duck = null, crowd = null, soon = "", said = "", ducks = false, gate = page.levels.gate();

  var replies = page.paced(PACE, 1, function (to) { inroom.tell(to, false); });

  function phone() { return page.calls.phone; }

  function isIn() { return !!room.now && room.now.state === "in"; }

  function tick() {
    var now = room.now;
    if (now && now.began) { text(id("room-time"), page.clock(Math.max(0, (new Date().getTime() - now.began) / 1000))); }
  }

  inroom.begin = function () {
    var now = room.now;
    if (!view.mode("room")) { return; }
    lobby.end();
    said = "";
    text(id("room-name"), now.room);
    text(id("hangup-word"), "Leave");
    view.banner("", false);
    view.panel("", false);
    people.begin(now.me);
    page.invite.show(now.room);
    page.lend.hide();
    ring.title(now.room);
    if (now.lack && now.been) { view.notice(now.lack); }   // or it was said at the door
    page.awake(true);
    clock = setInterval(tick, TICK);
    inroom.headphones(page.remembered("headphones") === "yes", false);
    inroom.refresh();
  };

  inroom.end = function () {
    clearInterval(clock);
    clearTimeout(crowd);
    crowd = null;
    replies.end();
    inroom.knock(null);
    if (duck) { duck.stop(); }
    duck = null;
    if (view.state() !== "room") { return; }
    page.awake(false);
    if (page.full()) { page.fill(); }
    view.panel("", false);
    view.banner("", false);
    view.notice("");
    show(id("crowded"), false);
    show(id("tap"), false);
    text(id("room-time"), "0:00");
    text(id("hangup-word"), "Hang up");
    page.person.file = page.person.crowd = "";
  };

  inroom.greet = function () {
    var names = people.names(), n = names.length;
    view.say("You are in " + room.now.room + (!n ? ". Nobody else is here yet." :
      " with " + (n > 5 ? n + " others" : (n > 1 ? names.slice(0, -1).join(", ") + " and " : "") + names[n - 1]) + "."));
  };

  // ---- oneself

  function mine() {
    var now = room.now, m = own.media(), lit = m.video && !own.darkened, me = people.me;
    if (!me) { return; }
    view.picture(me.file, lit ? own.stream : null, own.mirror());
    me.show({
      shows: lit ? "file" : "", muted: own.muted || !own.asking && !m.audio, note: now.crowd,
      words: own.asking || m.audio || m.video ? "" : "You can listen and write"
    });
    if (own.muted || !m.audio) { me.speaks(false); }
    page.incall.buttons(m, lit);
  }

  inroom.settle = function () {
    var now = room.now, m = own.media(), told = now && now.told || {};   // none, after a reload
    if (!isIn() || own.asking || m.audio === told.audio && m.video === told.video) { return; }
    now.told = m;
    phone().media({ audio: m.audio, video: m.video });
  };

  /* tell: muted and dark look like silence and black. */
  inroom.tell = function (to, ask) {
    if (isIn()) {
      phone().send({ kind: "state", muted: own.muted, camera: own.media().video && !own.darkened, slow: !!room.now.slow, ask: !!ask }, to || undefined);
    }
    inroom.refresh();
  };

  inroom.reply = function (to) { replies.add(to, true); };

  /* send: one of them says that a message has come. */
  inroom.send = function (data, to) {
    var one = people.reached();
    if (!isIn() || !to && !one) { return false; }
    if (!to) { data.ask = one; }
    return phone().send(data, to || undefined) !== false;
  };

  function banner() {
    var now = room.now, bad = page.calls.link !== "open", sentence;
    ["media", "picture"].forEach(function (one) { bad = bad || now.sends[one].state === "lost"; });
    sentence = bad ? "Connection lost, trying again; the room goes on." : now.state !== "in" ? "Coming back." : "";
    if (sentence === said || now.state !== "in" && !now.been) { return; }
    if (sentence) { view.banner(sentence, false); } else { view.banner("Back.", true); }
    said = sentence;
  }

  inroom.refresh = function () {
    var now = room.now;
    if (!now || view.state() !== "room") { return; }
    mine();
    banner();
    text(id("room-count"), now.state !== "in" ? "" : people.names().length + 1 + " here");
    show(id("tap"), people.asks());
    show(id("alone"), now.state === "in" && !people.names().length);
    show(id("fullscreen"), page.canFill(id("talking"), id("other")));
    page.person.refresh(null);
  };

  /* listened counts but those who are not in the room. */
  inroom.listened = function () {
    var now = room.now, n = people.listeners(now.files), words = n ? n + (n === 1 ? " listens" : " listen") + " to your file" : "";
    if (crowd && words === soon) { return; }   // or it would be put off by every event
    clearTimeout(crowd);
    crowd = null;
    if (words === now.crowd) { return; }
    soon = words;
    crowd = setTimeout(function () {
      crowd = null;
      now.crowd = words;
      page.person.crowd = words && words + ", who may be recording.";
      if (words) { view.say(words + "."); }
      inroom.refresh();
    }, CROWD);
  };

  inroom.headphones = function (yes, explain) {
    view.pressed("headphones", yes);
    if (!ducks) { return; }
    if (duck) { duck.set(!yes); } else { duck = everfile.duck({ element: people.loudness, stream: own.stream, on: !yes }); }
    if (explain) {
      view.notice(yes ? "You wear headphones: the others stay as loud as ever while you speak." :
        "No headphones: the others are turned down while you speak, so that nobody hears an echo.", 8000);
    }
  };

  // ---- signs

  inroom.crowded = function (e) {
    var yes = !!e.yes && !room.now.dismissed;
    people.crowded(e);
    if (yes && id("crowded").hidden) { view.say(e.text); }
    text(id("crowded-text"), e.text || "");
    show(id("crowded"), yes);
  };

  inroom.dismiss = function () {
    room.now.dismissed = true;
    show(id("crowded"), false);
    room.keep();
  };

  inroom.knock = function (e) {
    if (room.now) { room.now.knock = e; }
    if (e) {
      text(id("knock-text"), e.from + (e.media && e.media.video ? " calls you, with camera." : " calls you."));
      view.say(e.from + " calls you.");
    }
    show(id("knock"), !!e);
  };

  inroom.answer = function () {
    var k = room.now && room.now.knock, lit = own.media().video && !own.darkened, muted = own.muted;
    if (!k) { return; }
    room.close();
    page.rooms.leave();
    page.calls.answer(k, lit, muted);
  };

  inroom.refuse = function () {
    if (!room.now || !room.now.knock) { return; }
    phone().reject(room.now.knock.call);
    inroom.knock(null);
  };

  // ---- what own.js reports

  inroom.own.stream = function (stream) {
    if (room.now.state === "lobby") { lobby.preview(); return; }
    if (phone()) { phone().source(stream); }
    inroom.settle();
    if (duck) { duck.stream(stream); }
    inroom.tell("", false);
    if (view.openPanel() === "devices") { own.list(); }
  };

  inroom.own.change = function () {
    if (view.state() === "lobby") { lobby.preview(); return; }
    room.keep();
    inroom.refresh();
  };

  inroom.own.level = function (level) {
    if (view.state() === "lobby") { view.level(id("lobby-level"), level); }
    if (people.me) { people.me.speaks(gate.step(own.muted ? 0 : level, 100)); }
  };

  inroom.own.ask = function (sentence) {
    room.now.lack = sentence;
    lobby.lack(sentence);
    if (view.state() === "room") { view.notice(sentence); }
  };

  inroom.own.lack = function (sentence) {
    var m = own.media();
    inroom.own.ask(!sentence ? "" : sentence + (m.audio ? " The others hear you." : m.video ? " The others see you and do not hear you." : " You can listen and write."));
  };

  everfile.duck.settable(id("mix"), function (yes) { ducks = page.person.settable = yes; });
}(window));
