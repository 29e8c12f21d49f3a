/*
 * everfile.page.lobby: before a room: one's own picture, which device it comes from,
 * and under which name one goes in.
 *
 *   show(now)           now as in room.js
 *   preview()           what the devices give has changed
 *   lack(sentence)      something about them; "" for nothing
 *   wrong(sentence, name)   the name cannot be had; another one may
 *   refused(sentence)   the room cannot be joined
 *   joining(yes)        that is under way
 *   name()              the name, or "" if it is none, which was said
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, own = page.own;
  var id = page.id, text = page.text, show = page.show;
  var lobby = page.lobby = {};
  var HELP = "Others see this name: letters, digits, - and _.";

  lobby.preview = function () {
    var m = own.media(), lit = m.video && !own.darkened, none = !everfile.camera();
    view.picture(id("lobby-video"), lit ? own.stream : null, own.mirror());
    show(id("lobby-video"), lit);
    show(id("lobby-avatar"), !lit);
    view.pressed("lobby-mute", own.muted);
    view.pressed("lobby-camera", lit);
    id("lobby-mute").disabled = none;
    id("lobby-camera").disabled = none;
    id("lobby-camera").setAttribute("aria-busy", String(own.asking));
    own.list("lobby-");
  };

  lobby.lack = function (sentence) { text(id("lobby-lack"), sentence); };

  lobby.wrong = function (sentence, name) {
    var field = id("lobby-name"), help = id("lobby-help");
    if (name) { field.value = name; }
    if (sentence) {
      field.setAttribute("aria-invalid", "true");
      help.setAttribute("role", "alert");
    } else {
      field.removeAttribute("aria-invalid");
      help.removeAttribute("role");
    }
    text(help, sentence || HELP);
    if (sentence) {
      lobby.joining(false);
      field.focus();
      field.select();
    }
  };

  lobby.refused = function (sentence) {
    lobby.joining(false);
    text(id("lobby-wrong"), sentence);
    show(id("lobby-wrong"), !!sentence);
  };

  lobby.joining = function (yes) {
    id("lobby-join").disabled = yes;
    text(id("lobby-join"), yes ? "Joining" : "Join");
    if (yes) { view.say("Joining."); }
  };

  lobby.name = function () {
    var name = id("lobby-name").value.replace(/^\s+|\s+$/g, "").replace(/\s+/g, "-");
    if (!page.NAME.test(name)) {
      lobby.wrong("The name needs 1 to 64 letters, digits, - or _, and nothing else.", "");
      return "";
    }
    lobby.wrong("", "");
    return name;
  };

  lobby.show = function (now) {
    text(id("lobby-title"), now.room);
    id("lobby-name").value = page.calls.me || page.remembered("caller") || page.friendly();
    view.avatar(id("lobby-avatar"), id("lobby-name").value);
    lobby.wrong("", "");
    lobby.refused("");
    lobby.lack("");
    lobby.preview();
    view.mode("lobby");
  };

  lobby.end = function () {
    view.picture(id("lobby-video"), null, false);
    view.level(id("lobby-level"), 0);
  };

  id("lobby-name").addEventListener("input", function () {
    lobby.wrong("", "");
    view.avatar(id("lobby-avatar"), id("lobby-name").value);
  }, false);
}(window));
