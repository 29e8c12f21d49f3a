/*
 * everfile.seats: which files of the others a page plays where it can hold only a few
 * connections. Over HTTP/1.1 browsers have six for one host; an endless file takes one
 * for good. So there are at most four seats; where more is to be played, the first ones
 * keep their own files, and everybody else is heard in one file that the server mixes,
 * which takes a seat, and seen as single pictures. HTTP/2 and 3 know no such limit.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var SIX = 6, FREE = 1, MOST = 4;   // connections for one host; for requests that end; seats at most
  var LONGEST = 16;                  // names that a mix may be asked to leave out
  var MANY = /^(h2|h3|hq|spdy)/;     // ALPN's names of what carries many requests at once
  var PICTURE = /^(video|image|multipart)\//;
  var MIX = "everybody who has no file of their own here";

  /* nameOf is the name in "/ROOM/NAME.webm?query", roomOf what comes before it. */
  function nameOf(url) { return url.replace(/[?#].*$/, "").replace(/^.*\//, "").replace(/\.\w+$/, ""); }
  function roomOf(url) { return url.replace(/[?#].*$/, "").replace(/[^\/]*$/, ""); }

  function has(list, one) { return list.indexOf(one) >= 0; }

  /* units is a list of files as [{name, files}]: what somebody sends, or his screen. */
  function units(list) {
    var all = [];
    list.forEach(function (w) {
      var who = nameOf(w.url), u = all.filter(function (x) { return x.name === who; })[0];
      if (!u) { all.push(u = { name: who, files: [] }); }
      u.files.push(w);
    });
    return all;
  }

  function names(list) { return list.map(function (u) { return u.name; }); }
  function files(list) { return list.reduce(function (all, u) { return all.concat(u.files); }, []); }

  /* still is how what is mixed is seen. */
  function still(u) {
    var w = u.files.filter(function (f) { return PICTURE.test(f.mime); })[0];
    if (!w) { return []; }
    return [{ caller: w.caller, url: roomOf(w.url) + u.name + ".jpg", mime: "image/jpeg", screen: w.screen, still: true, why: "This connection carries no more files." }];
  }

  /*
   * plan(o) says what is played:
   *
   *   o.list    what is to be played, as in a start, in the order of joining
   *   o.limit   seats
   *   o.out     names that must not be in a mix: oneself, who is played in another way
   *   o.query   what a mix is asked for beside, "&name=value" or ""
   *   o.last    the plan before this one, or null
   *
   * It returns {play: files as in o.list, with a mix ({mix: true}) and stills ({still:
   * true}); own: the names that have their own files; kept: and those that had until they
   * left; mixed: the others; without: the names that the mix leaves out, [] if there is
   * none}. A mix that is opened again is not heard for a moment. So who has a seat keeps
   * it, and a seat that falls free stays so until there are two.
   */
  function plan(o) {
    var all = units(o.list), last = o.last || { own: [], kept: [], without: [] }, was = last.without.length > 0;
    var seated = [], others, used = 0, seats = o.limit - 1, left = last.without, keep, out, mix;

    function seat(u) {
      if (has(seated, u.name) || used + u.files.length > seats) { return; }
      used += u.files.length;
      seated.push(u.name);
    }

    if (o.list.length <= o.limit) { return { play: o.list, own: names(all), kept: [], mixed: [], without: [] }; }
    all.forEach(function (u) { if (has(last.own, u.name) || has(last.kept, u.name)) { seat(u); } });
    if (!was || seats - used >= Math.min(2, seats)) { all.forEach(seat); }
    others = all.filter(function (u) { return !has(seated, u.name); });
    out = o.out.concat(seated);
    keep = seated.concat(last.kept.filter(function (name) { return !has(seated, name) && !has(names(all), name); }));
    if (!was || others.some(function (u) { return has(left, u.name); }) ||
        out.some(function (name) { return !has(left, name); })) {
      left = out.slice(0, LONGEST);
      keep = seated;
    }
    mix = { caller: "mix", url: roomOf(o.list[0].url) + "mix.wav?without=" + left.join(",") + (o.query || ""), mime: "audio/wav", mix: true, why: "It has " + MIX + "." };
    return {
      play: files(all.filter(function (u) { return has(seated, u.name); })).concat([mix], others.reduce(function (list, u) { return list.concat(still(u)); }, [])),
      own: seated, kept: keep, mixed: names(others), without: left
    };
  }

  /* limit is how many seats there are, where so many connections are taken by wires that
   * are no WebSockets, and by other tabs. One there always is. */
  function limit(wires, others) { return Math.max(1, Math.min(MOST, SIX - FREE - wires - others)); }

  /* unlimited says whether any request to a server, an origin, went by a protocol that
   * carries many at once. */
  function unlimited(server) {
    var p = root.performance, yes = false;
    if (!p || !p.getEntriesByType) { return false; }
    ["navigation", "resource"].forEach(function (type) {
      p.getEntriesByType(type).forEach(function (e) {
        yes = yes || MANY.test(e.nextHopProtocol || "") && e.name.indexOf(server) === 0;
      });
    });
    return yes;
  }

  function sentence(list) {
    var some = (list.length > 3 ? list.slice(0, 2).concat([list.length - 2 + " others"]) : list).map(function (name) {
      return name.replace(/^(.*)-screen$/, "the screen of $1");
    });
    return "This connection carries only a few files at once (HTTP/1.1): " + some.slice(0, -1).join(", ") + (some.length > 1 ? " and " : "") + some[some.length - 1] +
      (list.length > 1 ? " are heard together and seen as pictures that change every two seconds." : " is heard in a mix and seen as pictures that change every two seconds.") + " By HTTPS there is no such limit.";
  }

  /*
   * seats(options) keeps the plan of one call after the other.
   *
   *   onchange()           there may be more seats now, or fewer
   *   oncrowded(e)         {yes, text, names}: who is not played from their own file
   *
   * It has plan(list, out), which returns what to play; all(list): there is no mix here,
   * all of it is played; and end().
   */
  everfile.seats = function (options) {
    var seats = {}, before = null, told = "", free = false, tabs = null, server = everfile.absolute("/");

    function seated(play) {
      if (!tabs && play.length) { tabs = everfile.tabs(server, options.onchange); }
      if (tabs) { tabs.hold(play.filter(function (w) { return !w.still; }).length); }
      return play;
    }

    function tell(mixed) {
      var key = mixed.join(" ");
      if (told === key) { return; }
      told = key;
      options.oncrowded({ yes: mixed.length > 0, text: mixed.length ? sentence(mixed) : "Everybody is played from their own file again.", names: mixed });
    }

    seats.plan = function (wanted, silent) {
      var now;
      free = free || unlimited(server);
      now = plan({
        list: wanted, out: silent, last: before, query: everfile.engine() === "chromium" ? "&rate=48000&channels=2&bits=32f" : "",
        limit: free ? Infinity : limit(everfile.byhttp ? everfile.byhttp.open : 0, tabs ? tabs.before() : 0)
      });
      before = now;
      seated(now.play);
      tell(now.mixed);
      return now.play;
    };

    seats.all = seated;

    seats.end = function () {
      if (tabs) { tabs.stop(); }
      tabs = before = null;
      told = "";
    };
    return seats;
  };

  everfile.seats.plan = plan;
  everfile.seats.limit = limit;
  everfile.seats.unlimited = unlimited;
}(window));
