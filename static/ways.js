/*
 * everfile.ways: one way (way.js) for each of the others in a call or a room.
 *
 * A direct connection costs an encoder for each of the others, so there are at most
 * four; in a room of more than five nobody has one, which all of them see alike in the
 * list of who is there. One's own files rest while nobody listens to them, and every one
 * of the others is played directly, for long enough; or there is nobody else.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var MOST = 4;   // others with whom there are direct connections
  var MANY = "The endless file is played: more than " + (MOST + 1) + " are here, and each direct connection would need an encoder of its own.";

  /* apart is a peer with whom there is no direct connection. */
  function apart(peer) {
    var p = {}, name;
    for (name in peer) { if (peer.hasOwnProperty(name)) { p[name] = peer[name]; } }
    p.webrtc = false;
    return p;
  }

  /*
   * ways(options) returns those of one call after the other.
   *
   *   call             its files, as in files.js
   *   element, say     as in way.js
   *   on(e)            e as in way.js, and e.caller
   *
   * It has set(peers), of a start; and as in way.js heard(from, data), demand(path, on),
   * source(stream), servers(list), saw(e), nudge(), tap() and end(). stats() is a list, of
   * what way.js says of each, and caller.
   */
  everfile.ways = function (options) {
    var ways = {}, all = [], round = 0, few = true;   // all: [{caller, way, idle}]
    var stream = null, helpers = [], asked = [];      // asked: what was told of demand: [[path, on]]

    function find(who) { return all.filter(function (w) { return w.caller === who; })[0]; }

    function rest() {
      options.call.rest(function (path) {
        return all.length ? all.every(function (w) { return w.idle(path); }) : asked.some(function (d) { return d[0] === path && !d[1]; });
      });
    }

    function make(who) {
      var w = { caller: who, way: null, idle: function () { return false; } };
      w.way = everfile.way({
        call: {
          hold: function (yes) { options.call.hold(yes, who); },
          rest: function (idle) { w.idle = idle; rest(); }
        },
        element: options.element, say: options.say,
        on: function (e) {
          e.caller = who;
          if (!few) { e.text = MANY; }
          options.on(e);
        }
      });
      w.way.servers(helpers);
      w.way.source(stream);
      asked.forEach(function (d) { w.way.demand(d[0], d[1]); });
      all.push(w);
      return w;
    }

    function remove(w) {
      all.splice(all.indexOf(w), 1);
      w.way.end();
      options.call.hold(false, w.caller);
    }

    function each(fn) { all.slice().forEach(fn); }

    ways.set = function (peers) {
      var now = ++round;
      few = peers.length <= MOST;
      each(function (w) { if (now === round && !peers.some(function (p) { return p.caller === w.caller; })) { remove(w); } });
      peers.forEach(function (p) { if (now === round) { (find(p.caller) || make(p.caller)).way.set(few ? p : apart(p)); } });
    };

    ways.heard = function (from, data) {
      var w = find(from);
      if (w) { w.way.heard(from, data); }
    };

    ways.demand = function (path, on) {
      asked = asked.filter(function (d) { return d[0] !== path; }).concat([[path, on]]);
      each(function (w) { w.way.demand(path, on); });
      if (!all.length) { rest(); }
    };

    ways.source = function (next) {
      stream = next;
      each(function (w) { w.way.source(next); });
    };

    ways.servers = function (list) {
      helpers = list || [];
      each(function (w) { w.way.servers(helpers); });
    };

    ways.saw = function (e) {
      var w = find(e.caller);
      if (w && !e.screen) { w.way.saw(e); }
    };

    ways.nudge = function () { each(function (w) { w.way.nudge(); }); };
    ways.tap = function () { each(function (w) { w.way.tap(); }); };

    ways.stats = function () {
      return all.map(function (w) {
        var s = w.way.stats();
        s.caller = w.caller;
        return s;
      });
    };

    ways.end = function () {
      round++;
      asked = [];
      while (all.length) { remove(all[0]); }
    };
    return ways;
  };
}(window));
