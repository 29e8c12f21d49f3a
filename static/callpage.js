/* The call page: its buttons, and how it begins. */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, doc = root.document;
  var view = page.view, own = page.own, ring = page.ring, chat = page.chat, scene = page.scene, incall = page.incall, inroom = page.inroom, calls = page.calls;
  var id = page.id, text = page.text, show = page.show;

  // ---- what own.js and chat.js report

  own.onstream = function (stream) {
    if (page.room.now) { inroom.own.stream(stream); return; }
    if (!calls.phone || !calls.talk) { return; }
    calls.phone.source(stream);
    calls.settle();
    scene.preview();
    incall.sounded(stream);
    if (view.openPanel() === "devices") { own.list(); }
  };

  own.onchange = function () {
    if (page.room.now) { inroom.own.change(); return; }
    scene.preview();
    incall.refresh();
    calls.save();
  };

  own.onlevel = function (level) {
    if (page.room.now) { inroom.own.level(level); } else { view.level(id("own-level"), level); }
  };

  own.onask = function (sentence) {
    if (page.room.now) { inroom.own.ask(sentence); return; }
    if (!calls.talk) { return; }
    calls.talk.lack = sentence;
    scene.lack(sentence);
    if (view.state() === "talking") { view.notice(sentence); }
  };

  own.onlack = function (sentence) {
    var m = own.media();
    if (page.room.now) { inroom.own.lack(sentence); return; }
    own.onask(!sentence || !calls.talk ? "" : sentence + (m.audio ? " The call goes on with sound only." :
      m.video ? " " + calls.talk.peer + " sees you and does not hear you." : page.lend.able() ? " You can listen and write, and send what you record with the button below." : " You can still listen and write."));
  };

  chat.onsend = function (data, to) {
    if (page.room.now) { return inroom.send(data, to); }
    return !!calls.talk && !calls.talk.away && calls.phone.send(data) !== false;
  };

  chat.onunread = function (n, words, from) {
    view.unread(n);
    if (n && (calls.talk || page.room.now)) {
      view.notice(from + ": " + (words.length > 120 ? words.slice(0, 120) + " ..." : words), 6000);
    }
  };

  view.onpanel = function (name) {
    chat.open = name === "chat";
    if (chat.open) {
      chat.seen();
      view.notice("");
    }
    if (name === "devices") { own.list(); }
    if (name !== "person") { page.person.shut(); }
  };

  // ---- buttons

  function click(name, fn) { id(name).addEventListener("click", fn, false); }

  function toggle(panel) {
    return function () { view.panel(view.openPanel() === panel ? "" : panel, true); };
  }

  function tell() {
    if (page.room.now) { inroom.tell("", false); } else { incall.tell(); }
  }

  function buttons() {
    id("form").addEventListener("submit", function (e) { e.preventDefault(); page.online.enter(); }, false);
    click("leave", function () { id("name").value = calls.me; page.online.offline(""); });
    click("again", function () { (view.again || calls.again)(); });
    click("outcome-close", function () { view.outcome("", ""); });
    click("cancel", function () { calls.leave("cancel"); });
    click("accept", function () { calls.accept(true); });
    click("accept-voice", function () { calls.accept(false); });
    click("refuse", function () { calls.leave(calls.talk && calls.talk.accepted ? "hangup" : "reject"); });
    click("hush", scene.hush);
    click("hangup", function () { if (page.room.now) { page.room.leave(); } else { calls.leave("hangup"); } });
    click("tap", function () { calls.phone.tap(); });
    click("mute", function () {
      own.mute(!own.muted);
      tell();
    });
    click("camera", function () {
      if (own.asking) { return; }
      own.dark(id("camera").getAttribute("aria-pressed") === "true");
      tell();
      if (own.darkened) { view.notice((calls.talk ? calls.talk.peer + " does" : "The others do") + " not see you now. The light of the camera may stay on.", 6000); }
    });
    click("headphones", function () {
      var yes = id("headphones").getAttribute("aria-pressed") !== "true";
      page.remember("headphones", yes ? "yes" : "no");
      (page.room.now ? inroom : incall).headphones(yes, true);
    });
    click("fullscreen", function () { page.fill(id("talking"), id("other")); });
    click("chat-button", toggle("chat"));
    click("devices-button", toggle("devices"));
    click("details-button", toggle("details"));
    click("devices-retry", own.again);
    click("notice-close", function () { view.notice(""); });
    click("notify", function () { ring.ask(function () { show(id("notify-ask"), false); }); });
    ["camera", "microphone"].forEach(function (what) {
      id(what + "-choice").addEventListener("change", function () { own.choose(what, id(what + "-choice").value); }, false);
    });
    everfile.devices.changed(function () {
      if (view.openPanel() === "devices") { own.list(); } else if (view.state() === "lobby") { own.list("lobby-"); }
    });
    Array.prototype.forEach.call(doc.querySelectorAll(".panel .close"), function (b) {
      b.addEventListener("click", function () { view.panel("", true); }, false);
    });
    doc.addEventListener("keydown", function (e) {
      if (e.key !== "Escape" && e.key !== "Esc") { return; }
      if (view.state() === "ringing") { scene.hush(); } else if (view.openPanel()) { view.panel("", true); }
    }, false);
    everfile.listen(root, "resize", function () { if (chat.open) { chat.down(); } });
    // Any click or key lets the page ring from then on.
    ["click", "keydown", "touchend"].forEach(function (type) {
      doc.addEventListener(type, function (e) {
        if (e.key === "Escape" || e.key === "Esc") { return; }
        ring.unlock(function () {
          show(id("ring-ask"), false);
          show(id("ring-here"), false);
        });
      }, true);
    });
  }

  function addresses() {
    var a = root.location.protocol + "//" + root.location.host + "/", local = page.local();
    text(id("address"), a);
    ["address-box", "command-box", "own-url-box", "own-picture-box", "other-url-box", "other-picture-box", "curl-box"].forEach(function (box) { page.copyable(id(box)); });
    show(id("local"), local);
    show(id("address-help"), !local);
    show(id("details-local"), local);
    ["qr", "details-qr"].forEach(function (name) {
      var img = id(name);
      img.onerror = function () { show(img, false); };
      show(img, !local);   // a phone could not open it
      img.src = "/api/qr?text=" + encodeURIComponent(a);
    });
  }

  function begin() {
    var before = page.kept("me");
    addresses();
    buttons();
    id("name").value = page.remembered("caller") || page.friendly();
    if (!everfile.phone || !everfile.wire.able()) {
      view.outcome("This browser is too old for calls.", "");
      id("online").disabled = id("rooms-open").disabled = true;
      return;
    }
    page.room.begin(before);
    if (before && before.caller) {
      id("name").value = before.caller;
      page.online.go(before.caller, before.resume || "");
      ring.probe(function (aloud) { show(id("ring-ask"), !aloud); });
    }
  }

  // A page that comes back out of the browser's memory has lost its connections.
  everfile.listen(root, "pageshow", function (e) { if (e.persisted && page.kept("me")) { root.location.reload(); } });
  begin();
}(window));
