/*
 * everfile.tabs: how many connections other tabs of this site hold to one server, since
 * over HTTP/1.1 they share them. The tab that came first has the first choice: so each
 * counts those that came before, and two never make room for each other for ever.
 *
 * Tabs talk by a BroadcastChannel, or, where there is none, by localStorage. One that
 * has died does not answer, or writes no more, and is forgotten.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var ASK = 5000, DEAD = 12000;     // ms between two questions; ms without an answer
  var WRITE = 2000, OLD = 10000;    // ms between two entries in localStorage; ms that one counts
  var NAME = "everfile.seats ";

  /* byChannel tells the others what this one holds, and hears it of them. */
  function byChannel(me, name, heard) {
    var channel = new root.BroadcastChannel(name), timer;
    function post(asks) { channel.postMessage({ id: me.id, born: me.born, n: me.n, ask: asks }); }
    channel.onmessage = function (e) {
      var m = e.data || {};
      heard(m.id, m.born, m.n);
      if (m.ask) { post(false); }
    };
    timer = setInterval(function () { post(true); }, ASK);
    post(true);
    return {
      tell: function () { post(false); },
      stop: function () {
        clearInterval(timer);
        channel.onmessage = null;
        channel.close();
      }
    };
  }

  /* byStorage does the same, by an entry that each tab has under its own name. */
  function byStorage(me, name, heard) {
    var store = root.localStorage, own = name + " " + me.id, known = {}, timer, off, look, write;

    function read() {
      var gone = known, i, key, e, id;
      known = {};
      for (i = store.length - 1; i >= 0; i--) {
        key = store.key(i);
        if (!key || key.indexOf(name + " ") !== 0 || key === own) { continue; }
        try { e = JSON.parse(store.getItem(key)) || {}; } catch (x) { e = {}; }
        if (Math.abs(new Date().getTime() - e.at) < OLD) {
          delete gone[key];
          known[key] = e.born;
          heard(key.slice(name.length + 1), e.born, e.n);
        } else {
          store.removeItem(key);
        }
      }
      for (id in gone) { heard(id.slice(name.length + 1), gone[id], 0); }
    }

    function attempt(fn) {
      return function () { try { fn(); } catch (e) { /* it is full, or forbidden: then nobody is counted */ } };
    }

    look = attempt(read);
    write = attempt(function () {
      if (me.n) { store.setItem(own, JSON.stringify({ born: me.born, n: me.n, at: new Date().getTime() })); } else { store.removeItem(own); }
      read();
    });

    timer = setInterval(write, WRITE);
    off = everfile.listen(root, "storage", look);   // which does not write, or two would do so for ever
    write();
    return {
      tell: write,
      stop: function () {
        clearInterval(timer);
        off();
      }
    };
  }

  /*
   * tabs(server, onchange) begins to listen; onchange() is called, by itself and
   * never from within what is below, when before() may be another number. It has hold(n): so many are held here; before(): so many are held by
   * the tabs that came before; and stop().
   */
  everfile.tabs = function (server, onchange) {
    var tabs = {}, others = {}, over = false, link = null, telling = null, timer, off;
    var me = { id: everfile.random(8), born: new Date().getTime(), n: 0 };

    function earlier(o) { return o.born < me.born || o.born === me.born && o.id < me.id; }

    /* changed tells if before() was another number. It does so later: whoever is told asks
     * and holds, and may be in the middle of just that. */
    function changed(was) {
      if (over || telling !== null || tabs.before() === was) { return; }
      telling = setTimeout(function () {
        telling = null;
        onchange();
      }, 0);
    }

    function heard(who, since, held) {
      var was = tabs.before();
      if (typeof who !== "string" || typeof since !== "number" || !(held >= 0 && held <= 1000)) { return; }
      others["." + who] = { id: who, born: since, n: held, at: everfile.now() };
      changed(was);
    }

    function bury() {
      var was = tabs.before(), name;
      for (name in others) { if (everfile.now() - others[name].at > DEAD) { delete others[name]; } }
      changed(was);
    }

    tabs.before = function () {
      var n = 0, name;
      for (name in others) { if (earlier(others[name])) { n += others[name].n; } }
      return n;
    };

    tabs.hold = function (n) {
      if (n === me.n || over) { return; }
      me.n = n;
      if (link) { link.tell(); }
    };

    tabs.stop = function () {
      tabs.hold(0);
      over = true;
      clearInterval(timer);
      clearTimeout(telling);
      off();
      if (link) { link.stop(); }
    };

    try { link = (root.BroadcastChannel ? byChannel : byStorage)(me, NAME + server, heard); } catch (e) { /* this tab is alone then */ }
    timer = setInterval(bury, ASK);
    off = everfile.listen(root, "onpagehide" in root ? "pagehide" : "unload", function () { tabs.hold(0); });
    return tabs;
  };
}(window));
