/*
 * everfile.page.rooms: the room that this page's address names: /#standup.
 *
 *   at()          {room, wrong, text}: the room, or why what is there is no name of one, or ""
 *   wrong(name)   why a room cannot be called so, in a sentence, or ""
 *   link(room)    the address that leads there
 *   enter(room)   the address becomes that; leave() that of the start page
 *   friendly()    a name that can be read out and hardly be guessed: who knows it may listen
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var rooms = page.rooms = {};
  var LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";   // none that is taken for another one

  rooms.wrong = function (name) {
    if (!page.NAME.test(name)) { return "The name of a room needs 1 to 64 letters, digits, - or _, and nothing else."; }
    return /^call-/i.test(name) ? "Names that begin with call- are those of calls: choose another one." : "";
  };

  rooms.at = function () {
    var hash = (root.location.hash || "").replace(/^#/, ""), why;
    try { hash = decodeURIComponent(hash); } catch (e) { /* a % that is only that */ }
    why = hash && rooms.wrong(hash);
    return { room: why ? "" : hash, wrong: why, text: hash };
  };

  rooms.link = function (room) {
    return root.location.protocol + "//" + root.location.host + root.location.pathname + root.location.search + (room ? "#" + room : "");
  };

  rooms.enter = function (room) { root.location.hash = "#" + room; };

  /* leave: Back leads into the room again. */
  rooms.leave = function () {
    if (!root.location.hash) { return; }
    if (root.history && root.history.pushState) {
      root.history.pushState(null, "", rooms.link(""));
    } else {
      root.location.hash = "";
    }
  };

  rooms.friendly = function () {
    var bytes = everfile.random(6), tail = "", i;
    for (i = 0; i < bytes.length; i += 2) { tail += LETTERS.charAt(parseInt(bytes.substr(i, 2), 16) % LETTERS.length); }
    return page.friendly().replace(/\d+$/, tail);
  };
}(window));
