/*
 * everfile.page.grid: where the tiles of a room are. A tile that is there already is
 * never taken out of the page or put into another place of it: a <video> would begin
 * anew. It is given another position, and nothing else.
 *
 *   plan(n, width, height, large)   pure: the places of n tiles, see below
 *   begin(list), end()              the element that has the tiles
 *   add(key, element), remove(key)
 *   large(key)                      this one is large, the others are small; "" for none
 *   again()                         the room for them may be another one
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var grid = page.grid = {};
  var GAP = 8, LEAST = 120, BESIDE = 80;     // px: between two; the least width of one, and of one beside a large one
  var WIDEST = 16 / 9, TALLEST = 4 / 3;      // width by height: a picture is cut a bit rather than bars shown
  var SIDE = 0.22, MOST = 0.34;              // of the room beside a large one: for up to six; for more
  var box = null, tiles = [], big = "", offs = [], watcher = null;

  /* shape is the tile that fits best into a cell. */
  function shape(w, h) {
    if (w / h > WIDEST) { w = h * WIDEST; } else if (w / h < TALLEST) { h = w / TALLEST; }
    return { w: Math.floor(w), h: Math.floor(h) };
  }

  /* columns is in how many columns n tiles are largest, and how large. No tile is
   * narrower than least, if there is room for one: then they go on below. */
  function columns(n, width, height, least) {
    var best = null, c, rows, one;
    for (c = 1; c <= n; c++) {
      rows = Math.ceil(n / c);
      one = shape((width - GAP * (c - 1)) / c, (height - GAP * (rows - 1)) / rows);
      if (one.w > 0 && one.h > 0 && (!best || one.w * one.h > best.w * best.h)) { best = { n: c, w: one.w, h: one.h }; }
    }
    if (best && best.w >= Math.min(least, width)) { return best; }
    c = Math.max(1, Math.min(n, Math.floor((width + GAP) / (least + GAP))));
    one = Math.floor((width - GAP * (c - 1)) / c);
    return { n: c, w: one, h: Math.floor(one / TALLEST) };
  }

  /* even is the places of n tiles of one size; each row is in the middle, and so are
   * all of them together. */
  function even(n, width, height, least) {
    var c = columns(n, width, height, least), rows = Math.ceil(n / c.n), places = [], i, inRow, left;
    var top = Math.max(0, Math.floor((height - rows * (c.h + GAP) + GAP) / 2));
    for (i = 0; i < n; i++) {
      inRow = Math.min(c.n, n - Math.floor(i / c.n) * c.n);
      left = Math.floor((width - inRow * (c.w + GAP) + GAP) / 2);
      places.push({ x: left + i % c.n * (c.w + GAP), y: top + Math.floor(i / c.n) * (c.h + GAP), w: c.w, h: c.h });
    }
    return places;
  }

  function moved(places, x, y) {
    places.forEach(function (p) { p.x += x; p.y += y; });
    return places;
  }

  /*
   * plan returns [{x, y, w, h}], in px, for n tiles in a room of width by height. With
   * large, 0 to n-1, that one has most of it, and the others are beside it, or below
   * where the room is higher than it is wide. What has no room is below its end.
   */
  grid.plan = function (n, width, height, large) {
    var share = n > 7 ? MOST : SIDE, places, side;
    if (n < 1 || width < 1 || height < 1) { return []; }
    if (large === undefined || large < 0 || n === 1) { return even(n, width, height, LEAST); }
    if (width >= height) {
      side = Math.max(Math.min(LEAST, width / 3), Math.floor(width * share));
      places = moved(even(n - 1, side, height, BESIDE), width - side, 0);
      places.splice(large, 0, { x: 0, y: 0, w: width - side - GAP, h: height });
    } else {
      side = Math.max(Math.min(LEAST, height / 3), Math.floor(height * share));
      places = moved(even(n - 1, width, side, BESIDE), 0, height - side);
      places.splice(large, 0, { x: 0, y: 0, w: width, h: height - side - GAP });
    }
    return places;
  };

  function index(key) {
    var i;
    for (i = 0; i < tiles.length; i++) { if (tiles[i].key === key) { return i; } }
    return -1;
  }

  function put(tile, p, large) {
    var s = tile.element.style;
    s.left = p.x + "px";
    s.top = p.y + "px";
    s.width = p.w + "px";
    s.height = p.h + "px";
    tile.element.setAttribute("data-size", large ? "large" : p.w < 190 ? "little" : p.w < 340 ? "middle" : "");
  }

  grid.again = function () {
    var places, large = index(big);
    if (!box || !box.clientWidth) { return; }
    places = grid.plan(tiles.length, box.clientWidth, box.clientHeight, large);
    places.forEach(function (p, i) { put(tiles[i], p, i === large && places.length > 1); });
  };

  grid.add = function (name, li) {
    tiles.push({ key: name, element: li });
    box.appendChild(li);
    grid.again();
  };

  /* remove: who had the focus on a tile that goes has it on the next one. */
  grid.remove = function (key) {
    var at = index(key), gone = tiles[at], held, next;
    if (at < 0) { return; }
    held = gone.element.contains(root.document.activeElement);
    tiles.splice(at, 1);
    next = tiles[at] || tiles[at - 1];
    if (held && next) { next.element.querySelector("button").focus(); }
    box.removeChild(gone.element);
    if (big === key) { big = ""; }
    grid.again();
  };

  grid.large = function (key) {
    big = key;
    grid.again();
  };

  grid.begin = function (list) {
    grid.end();
    box = list;
    if (root.ResizeObserver) {
      watcher = new root.ResizeObserver(function () { grid.again(); });
      watcher.observe(list);
    }
    offs.push(everfile.listen(root, "resize", grid.again));
  };

  grid.end = function () {
    if (watcher) { watcher.disconnect(); }
    offs.forEach(function (off) { off(); });
    tiles.forEach(function (t) { box.removeChild(t.element); });
    offs = [];
    tiles = [];
    box = watcher = null;
    big = "";
  };
}(window));
