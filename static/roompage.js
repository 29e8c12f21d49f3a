/* The page of a room: its buttons and keys, and the form that opens one. */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, doc = root.document;
  var view = page.view, own = page.own, lobby = page.lobby, room = page.room, inroom = page.inroom, person = page.person, rooms = page.rooms;
  var id = page.id;

  function click(name, fn) { id(name).addEventListener("click", fn, false); }

  id("rooms-form").addEventListener("submit", function (e) {
    var name = id("rooms-name").value.replace(/^\s+|\s+$/g, "").replace(/\s+/g, "-"), wrong = rooms.wrong(name);
    e.preventDefault();
    view.wrongRoom(wrong, name);
    if (!wrong) { rooms.enter(name); }
  }, false);
  id("rooms-name").addEventListener("input", function () { view.wrongRoom("", ""); }, false);

  id("lobby-form").addEventListener("submit", function (e) {
    var name = lobby.name();
    e.preventDefault();
    if (name) { room.join(name); }
  }, false);
  click("lobby-not", room.leave);
  click("lobby-mute", function () { own.mute(!own.muted); });
  click("lobby-camera", function () {
    var on = id("lobby-camera").getAttribute("aria-pressed") === "true", want = room.now.want;
    if (own.asking) { return; }
    // Before one is seen, a camera that is off is not even open.
    room.now.want = { audio: want.audio, video: !on };
    // One that came here switched off, from the room, may be open already.
    if (!on && own.darkened) { own.dark(false); } else { own.open(room.now.want); }
  });
  ["camera", "microphone"].forEach(function (what) {
    var select = id("lobby-" + what + "-choice");
    select.addEventListener("change", function () { own.choose(what, select.value); }, false);
  });

  function invite() { view.panel(view.openPanel() === "invite" ? "" : "invite", true, id("invite-button")); }

  click("invite-button", invite);
  click("alone-invite", invite);
  click("share", page.share.toggle);
  click("sharing-stop", page.share.stop);
  click("crowded-close", inroom.dismiss);
  click("knock-answer", inroom.answer);
  click("knock-refuse", inroom.refuse);
  click("room-share", page.invite.pass);
  click("person-large", person.large);
  click("person-full", person.full);
  click("person-inset", person.inset);
  click("person-hush", person.hush);
  ["input", "change"].forEach(function (type) {
    id("person-volume").addEventListener(type, function () { person.loud(id("person-volume").value / 100); }, false);
  });
  page.copyable(id("person-url-box"));

  /* Keys for the tile that has the focus, and for no other: M mutes somebody for this
   * page, F is full screen, Escape shows all at one size again. */
  doc.addEventListener("keydown", function (e) {
    var tile = e.target.closest && e.target.closest(".tile"), key = tile && tile.getAttribute("data-tile");
    if (view.state() !== "room" || e.ctrlKey || e.altKey || e.metaKey) { return; }
    if ((e.key === "Escape" || e.key === "Esc") && !view.openPanel()) { page.people.large(""); }
    if (!tile) { return; }
    if (e.key === "m" || e.key === "M") { page.people.hush(key); }
    if ((e.key === "f" || e.key === "F") && page.people.tile(key)) { person.fill(page.people.tile(key)); }
  }, false);

  everfile.listen(root, "hashchange", room.moved);
  id("rooms-name").value = rooms.friendly();
}(window));
