/*
 * everfile.page.person: the panel about one tile: how loud somebody is for this page,
 * how that one's sound and picture come, and what can be done with the tile.
 *
 *   open(p, tile)   p as in people.js, null for oneself
 *   refresh(p)      something of p has changed; null: of all
 *   loudable(p)     whether that one's volume can be set here
 *   fill(tile), full()   the whole screen for a tile, or for that which the panel is about
 *   gone(tile)      the tile goes, and the panel with it
 *   file            one's own file, as the panel about oneself shows it
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, doc = root.document;
  var id = page.id, text = page.text, show = page.show;
  var person = page.person = { file: "", crowd: "" };
  var now = null, about = null;   // the tile, and whose

  /* loudable says whether this page can turn somebody up and down: a mix has but one
   * volume, and some phones let no script set any. */
  person.loudable = function (p) { return !p.still && person.settable !== false; };

  /* seen is the <video> for browsers that fill the screen with nothing else. */
  function seen(tile) { return tile.video() || tile.file; }

  /* wayOf words how somebody comes. */
  function wayOf(p, at) {
    if (at.tile.screen || p.way.state !== "direct") {
      if (p.still && !at.tile.screen) { return "As single pictures, and heard together with others."; }
      return "By the endless file" + (at.behind !== null && (at.media.state === "playing") ? ", " + at.behind.toFixed(1) + " s behind live." : ".");
    }
    return "Directly.";
  }

  function whyOf(p, at) {
    var e = at.media.state ? at.media : at.picture;
    return p.way.state === "direct" && !at.tile.screen ? p.way.text : e.mime ? (e.why || "") + " " + view.format(e.mime) + "." : "";
  }

  function other() {
    var at = now.screen ? about.screen : about.at, e;
    if (!at) { return; }
    e = at.media.state ? at.media : at.picture;
    text(id("person-way"), wayOf(about, at));
    text(id("person-why"), whyOf(about, at));
    text(id("person-url"), e.url ? everfile.absolute(e.url.replace(/[?#].*$/, "")) : "");
    show(id("person-file"), !!e.url);
    id("person-volume").value = String(Math.round(about.volume * 100));
    view.pressed("person-hush", about.hushed);
  }

  function oneself() {
    text(id("person-way"), person.file ? "Others play your file." : "You send nothing.");
    text(id("person-why"), person.crowd);
    text(id("person-url"), person.file);
    show(id("person-file"), !!person.file);
  }

  person.refresh = function (p) {
    var video;
    if (!now || p && p !== about) { return; }
    video = now.video();
    show(id("person-sound"), !!about && person.loudable(about));
    if (about) { other(); } else { oneself(); }
    view.pressed("person-large", page.people.isLarge(now.key));
    show(id("person-full"), page.canFill(now.element, seen(now)));
    show(id("person-inset"), !!(doc.pictureInPictureEnabled && video && video.requestPictureInPicture));
  };

  person.open = function (p, tile) {
    if (now === tile && view.openPanel() === "person") { view.panel("", true); return; }
    person.shut();
    now = tile;
    about = p;
    text(id("person-title"), !p ? "You" : tile.screen ? p.caller + "'s screen" : p.caller);
    tile.more.setAttribute("aria-expanded", "true");
    person.refresh(null);
    view.panel("person", false, tile.more);
  };

  /* shut: another panel, or none, is open now. */
  person.shut = function () {
    if (now) { now.more.setAttribute("aria-expanded", "false"); }
    now = about = null;
  };

  person.gone = function (tile) {
    if (now !== tile) { return; }
    if (view.openPanel() === "person") { view.panel("", false); }
    person.shut();
  };

  person.large = function () { if (now) { page.people.large(now.key); } };

  /* fill gives that tile the whole screen. */
  person.fill = function (tile) { page.fill(tile.element, seen(tile)); };
  person.full = function () { if (now) { person.fill(now); } };

  /* inset puts the picture above all other windows, where the browser can. */
  person.inset = function () {
    var video = now && now.video(), promise;
    if (!video) { return; }
    promise = doc.pictureInPictureElement === video ? doc.exitPictureInPicture() : video.requestPictureInPicture();
    if (promise && promise.then) { promise.then(null, function () { view.notice("The browser does not show this picture above other windows.", 6000); }); }
  };

  person.loud = function (v) { if (about) { page.people.loud(about, v, about.hushed && v === about.volume); } };
  person.hush = function () { if (about) { page.people.loud(about, about.volume, !about.hushed); } };
}(window));
