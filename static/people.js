/*
 * everfile.page.people: who is in the room with this page, each on a tile, and what
 * the phone says of each.
 *
 *   begin(me), end()
 *   peer(e), left(e), play(e), stats(e), way(e), slow(e), state(caller, data), crowded(e)
 *                       events of the phone; peer returns whether somebody has come,
 *                       or has come back
 *   element(caller, mime, screen), direct(caller)   where the phone plays
 *   me                  one's own tile
 *   tile(key)           the tile by that key, or null
 *   large(key)          shows that one large, or not any more
 *   names(), asks()     who is there; whether something wants a tap before it plays
 *   loudness            {volume}: of all together, as everfile.duck sets it
 *   listeners(files)    how many listen to one's own files who are not in the room
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, grid = page.grid, levels = page.levels;
  var id = page.id;
  var people = page.people = { me: null };
  // all is by "." and the name: __proto__ is one, too.
  var all = {}, order = [], big = "", factor = 1, mixed = "", TAPS = /^(tap|paused)$/;
  var KEPT = 3200;   // ms after which the last picture that came directly is gone (way.js)

  function find(caller) { return all["." + caller] || null; }

  function picture(e) { return /^(image|multipart)\//.test(e.mime || ""); }

  /* place is what is known of one tile's files. */
  function place(made) { return { tile: made, media: {}, picture: {}, behind: null, seen: false }; }

  // ---- what a tile says

  function show(p) {
    p.at.tile.show(page.seen(p, p.at));
    if (p.screen) { p.screen.tile.show(page.seen(p, p.screen)); }
    hear(p, p.way.state === "direct");
    page.person.refresh(p);
  }

  /* hear follows how loud somebody is, where that can be known. */
  function hear(p, direct) {
    var now = !p.media.audio || p.away ? "" : direct ? "direct" : p.at.media.state === "playing" ? "file" : p.ear && p.at.media.state === "buffering" ? p.ear.from : "";
    var stop;
    if ((p.ear ? p.ear.from : "") === now) { return; }
    if (p.ear) { p.ear.stop(); }
    p.ear = null;
    if (!now) { return; }
    stop = levels.follow(levels.ear(direct ? p.at.tile.direct : p.at.tile.file), function (yes) { p.at.tile.speaks(yes); });
    p.ear = { from: now, stop: stop || function () {} };
  }

  // ---- tiles

  function make(p, shared) {
    var at = place(page.tile({
      key: p.caller + (shared ? "/screen" : ""), name: p.caller, screen: shared,
      onlarge: function (tile) { people.large(tile.key); },
      onmore: function (tile) { page.person.open(p, tile); }
    }));
    ["file", "direct"].forEach(function (one) {
      at.offs = (at.offs || []).concat(everfile.listen(at.tile[one], "resize", function () { if (find(p.caller) === p) { show(p); } }));
    });
    at.offs.push(everfile.listen(at.tile.still, "load", function () { if (find(p.caller) === p && !at.tile.element.getAttribute("data-shows")) { show(p); } }));
    grid.add(at.tile.key, at.tile.element);
    return at;
  }

  function unmake(at) {
    at.offs.forEach(function (off) { off(); });
    page.person.gone(at.tile);
    if (big === at.tile.key) { people.large(big); }
    grid.remove(at.tile.key);
    at.tile.end();
  }

  /* screens: somebody's screen has a tile of its own, and is the large one as it comes. */
  function screens(p, yes) {
    if (yes && !p.screen) {
      p.screen = make(p, true);
      volume(p);
      if (big !== p.screen.tile.key) { people.large(p.screen.tile.key); }
    } else if (!yes && p.screen) {
      unmake(p.screen);
      p.screen = null;
    }
  }

  /* tiles is all of them, one's own first. */
  function tiles() {
    return [people.me].concat(order.map(function (p) { return p.at.tile; }), order.map(function (p) { return p.screen && p.screen.tile; }))
      .filter(function (tile) { return tile; });
  }

  people.tile = function (key) { return tiles().filter(function (tile) { return tile.key === key; })[0] || null; };

  people.large = function (key) {
    big = big === key ? "" : key;
    grid.large(big);
    tiles().forEach(function (tile) { tile.large(tile.key === big); });
    page.person.refresh(null);
  };

  people.isLarge = function (key) { return big !== "" && (key === undefined || big === key); };

  function volume(p) {
    var v = p.hushed ? 0 : p.volume * factor;
    p.at.tile.volume(v);
    if (p.screen) { p.screen.tile.volume(v); }
  }

  /* loud sets somebody's volume, 0 to 1, for this page alone; or mutes. */
  people.loud = function (p, v, hushed) {
    p.volume = v;
    p.hushed = hushed;
    volume(p);
    page.person.refresh(p);
  };

  /* hush mutes for this page, or not any more, whose tile that is, or whose screen; but
   * not who has no volume of his own here. */
  people.hush = function (key) {
    order.forEach(function (p) {
      var theirs = p.at.tile.key === key || !!p.screen && p.screen.tile.key === key;
      if (theirs && page.person.loudable(p)) { people.loud(p, p.volume, !p.hushed); }
    });
  };

  people.loudness = {};
  Object.defineProperty(people.loudness, "volume", {
    get: function () { return factor; },
    set: function (v) {
      factor = v;
      order.forEach(volume);
      id("mix").volume = v;
    }
  });

  // ---- what the phone says

  function fresh(e) {
    return {
      caller: e.caller, media: e.media, away: false, plays: 0, state: {}, way: { state: "file", text: "", theirs: false }, slow: "",
      volume: 1, hushed: false, still: false, ear: null, kept: null, at: null, screen: null
    };
  }

  people.peer = function (e) {
    var p = find(e.caller), came = !p || p.away && !e.away;
    if (!p) {
      p = all["." + e.caller] = fresh(e);
      order.push(p);
      p.at = make(p, false);
      volume(p);
    }
    p.media = e.media || p.media;
    p.away = !!e.away;
    p.plays = e.plays || 0;
    screens(p, !!p.media.screen);
    show(p);
    return came;
  };

  people.left = function (e) {
    var p = find(e.caller);
    if (!p) { return false; }
    delete all["." + e.caller];
    order.splice(order.indexOf(p), 1);
    clearTimeout(p.kept);
    if (p.ear) { p.ear.stop(); }
    screens(p, false);
    unmake(p.at);
    return true;
  };

  function at(e) {
    var p = find(e.caller);
    return p && (e.screen ? p.screen : p.at);
  }

  people.play = function (e) {
    if (e.mix) { mixed = e.state; return; }
    played(e);
  };

  function played(e) {
    var to = at(e), p = find(e.caller), half = picture(e) ? "picture" : "media";
    if (!to) { return; }
    if (to[half].url !== e.url || to[half].mime !== e.mime) { to.seen = false; }
    to[half] = e.state === "stopped" ? {} : e;
    show(p);
  }

  people.stats = function (e) {
    var to = at(e), before;
    if (!to) { return; }
    before = to.behind;
    to.behind = typeof e.behind === "number" ? e.behind : null;
    if (to.behind !== before) { page.person.refresh(find(e.caller)); }
    if (!to.seen && to.media.state === "playing" && to.tile.file.videoWidth > 0) { show(find(e.caller)); }
  };

  people.way = function (e) {
    var p = find(e.caller);
    if (!p) { return; }
    p.way = e;
    clearTimeout(p.kept);
    if (e.state !== "direct" && p.at.tile.direct.className === "on") { p.kept = setTimeout(function () { show(p); }, KEPT); }
    show(p);
  };

  people.slow = function (e) {
    var p = find(e.caller);
    if (!p || e.screen) { return; }
    p.slow = e.picture ? "" : e.text;
    show(p);
  };

  people.state = function (caller, data) {
    var p = find(caller);
    if (!p) { return; }
    p.state = { muted: data.muted === true, camera: data.camera !== false, slow: data.slow === true };
    show(p);
  };

  /* crowded: these are seen in single pictures, and heard together. */
  people.crowded = function (e) {
    order.forEach(function (p) {
      p.still = !!e.yes && (e.names || []).indexOf(p.caller) >= 0;
      show(p);
    });
  };

  people.element = function (caller, type, screen) {
    var p = find(caller);
    if (!p) { return null; }
    if (screen) { screens(p, true); }
    return (screen ? p.screen : p.at).tile[picture({ mime: type }) ? "still" : "file"];
  };

  people.direct = function (caller) {
    var p = find(caller);
    return p && p.at.tile.direct;
  };

  people.names = function () { return order.map(function (p) { return p.caller; }); };

  /* reached is the first who can be told something now, or "". */
  people.reached = function () {
    var there = order.filter(function (p) { return !p.away; });
    return there.length ? there[0].caller : "";
  };

  people.asks = function () {
    return TAPS.test(mixed) || order.some(function (p) {
      return [p.at, p.screen].some(function (one) { return one && TAPS.test(one.media.state); });
    });
  };

  people.listeners = function (files) {
    var most = 0, own = 0, url;
    for (url in files) { most = Math.max(most, files[url]); }
    order.forEach(function (p) { own += p.way.theirs ? 0 : p.plays; });
    return Math.max(0, most - own);
  };

  people.begin = function (me) {
    people.end();
    grid.begin(id("grid"));
    people.me = page.tile({
      key: "/me", name: me, own: true,
      onlarge: function () { people.large("/me"); },
      onmore: function (tile) { page.person.open(null, tile); }
    });
    grid.add("/me", people.me.element);
  };

  people.end = function () {
    if (!people.me) { return; }
    order.slice().forEach(people.left);
    page.person.gone(people.me);
    people.me.end();
    grid.end();
    people.me = null;
    all = {};
    order = [];
    big = mixed = "";
  };
}(window));
