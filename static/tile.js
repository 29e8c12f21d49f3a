/*
 * everfile.page.tile: one tile of a room: somebody, or somebody's screen. It has
 * three places for a picture, which stay as they are for as long as it lives: the
 * file, the direct connection, single pictures.
 *
 *   tile({key, name, screen, own, onlarge(tile), onmore(tile)}) returns
 *     element, file, direct, still   the <li>, two <video>, an <img>
 *     show(now)        {shows: "file", "direct", "still" or "", words, muted, note}
 *     speaks(yes)      subtly, and nobody is told
 *     volume(v)        0 to 1, of both
 *     large(yes)       it is the large one
 *     video()          the <video> that is seen now, or null
 *     end()            lets go of what it shows
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, doc = root.document;
  var text = page.text;

  page.tile = function (options) {
    var li = doc.querySelector("#pattern .tile").cloneNode(true), tile = { key: options.key, name: options.name, screen: !!options.screen };
    var pin = li.querySelector(".pin"), more = li.querySelector(".tile-more"), cover = li.querySelector(".tile-cover"), said = "", shows = "", offs;

    function part(name) { return li.querySelector("[data-part=" + name + "]"); }

    tile.element = li;
    tile.file = part("file");
    tile.direct = part("direct");
    tile.still = part("still");
    li.setAttribute("data-tile", options.key);
    li.className = "tile" + (options.screen ? " screened" : "") + (options.own ? " mine" : "");
    view.avatar(li.querySelector(".avatar"), options.name);
    text(li.querySelector("b"), options.own ? "You" : options.screen ? options.name + "'s screen" : options.name);
    pin.setAttribute("aria-label", "Show " + (options.own ? "yourself" : li.querySelector("b").textContent) + " large");
    more.setAttribute("aria-label", "More about " + (options.own ? "yourself" : li.querySelector("b").textContent));
    tile.file.setAttribute("aria-label", options.own ? "What your camera sees" : "Sound and picture of " + options.name);
    tile.direct.setAttribute("aria-label", "Sound and picture of " + options.name + ", directly");
    tile.file.muted = !!options.own;
    pin.addEventListener("click", function () { options.onlarge(tile); }, false);
    more.addEventListener("click", function () { options.onmore(tile); }, false);

    /* tall: what a phone that is held upright sends is shown whole. */
    function tall() {
      var v = tile.video();
      if (v && v.videoWidth) { li.setAttribute("data-tall", String(v.videoHeight > v.videoWidth)); }
    }
    offs = [tile.file, tile.direct].map(function (v) { return everfile.listen(v, "resize", tall); });

    tile.video = function () { return shows === "file" ? tile.file : shows === "direct" ? tile.direct : null; };

    tile.show = function (now) {
      var marks = [now.muted ? "muted" : "", now.words, now.note].filter(function (s) { return s; }).join(", ");
      shows = now.shows;
      if (li.getAttribute("data-shows") !== shows) { li.setAttribute("data-shows", shows); }
      li.setAttribute("data-muted", String(!!now.muted));
      tile.still.alt = shows === "still" ? "Picture of " + options.name : "";
      text(cover.querySelector("p"), now.words);
      if (marks !== said) { text(li.querySelector(".out"), marks ? ", " + marks : ""); }
      said = marks;
      text(li.querySelector(".tile-note"), now.note);
      tall();
    };

    tile.speaks = function (yes) { li.setAttribute("data-speaks", String(yes)); };

    tile.volume = function (v) {
      [tile.file, tile.direct].forEach(function (video) { if (video.volume !== v) { video.volume = v; } });
    };

    tile.large = function (yes) { pin.setAttribute("aria-pressed", String(yes)); };

    tile.more = more;

    tile.end = function () {
      offs.forEach(function (off) { off(); });
      everfile.attach(tile.direct, null);
      if (options.own) { everfile.attach(tile.file, null); }
    };

    tile.show({ shows: "", words: "", muted: false, note: "" });
    return tile;
  };
}(window));
