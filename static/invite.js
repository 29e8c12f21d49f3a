/*
 * everfile.page.invite: the link to a room, for others: to copy, to pass on by what
 * the machine has for that, and as a QR code, which the server makes.
 *
 *   show(room)
 *   pass()       the machine's own ways of passing something on, in a click
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, nav = root.navigator;
  var id = page.id, text = page.text, show = page.show;
  var invite = page.invite = {};
  var now = "";

  invite.show = function (room) {
    var link = page.rooms.link(room), img = id("room-qr"), local = page.local();
    if (now === room) { return; }
    now = room;
    text(id("room-link"), link);
    show(id("room-local"), local);
    show(id("room-share"), !!nav.share);
    img.alt = "QR code of the link to " + room + ", for a phone's camera";
    img.onerror = function () { show(img, false); };   // longer than the server puts into one
    show(img, true);
    img.src = "/api/qr?text=" + encodeURIComponent(link);
  };

  invite.pass = function () {
    var promise;
    try { promise = nav.share({ title: "everfile: " + now, url: page.rooms.link(now) }); } catch (e) { /* refused */ }
    if (promise && promise.then) {
      promise.then(null, function (e) { if (!e || e.name !== "AbortError") { view.notice("That did not work: copy the link instead.", 6000); } });
    }
  };

  page.copyable(id("room-link-box"));
}(window));
