/*
 * everfile.byhttp: the ways of a wire where WebSockets are missing, or do not get
 * through: messages by EventSource and POST, chunks by POST. One POST at a time
 * takes all that waits, so each costs one round trip and one of the connections,
 * of which HTTP/1.1 has six for one host.
 *
 *   byhttp.messages(url), byhttp.chunks(url)   return a wire, as in wire.js, which
 *           calls onway(through) once: whether it got through to the server; if that
 *           returns false, it is not to be used
 *   byhttp.messages.able(), byhttp.chunks.able()
 *   byhttp.open   so many there are
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var byhttp = everfile.byhttp = { open: 0 };
  var TRIES = 3, RETRY = 300;        // POSTs of the same messages; ms, longer each time
  var MANY = 100, MUCH = 128 * 1024; // messages and characters in one POST
  var CHUNKS = 200, BYTES = 512 * 1024;
  var BEAT = 2000;                   // ms without a chunk until a POST without says that we are here
  var HEARD = 500;                   // ms between two times that what is sent counts as a sign of life
  var STUCK = 10000, LAST = 5000;    // ms without progress that a POST of messages has; that a wire has to close
  var DEAD = 3001;                   // the code with which a wire is closed that does not answer

  /* post sends a body and calls done(status, text, close code); it returns the
   * request. It has so many ms from the last progress on, or 0: for ever. */
  function post(url, body, within, done, onprogress) {
    var x = new root.XMLHttpRequest(), began = everfile.now();
    x.open("POST", url, true);
    if (within) { x.timeout = within; }
    if (typeof body === "string") {
      x.setRequestHeader("Content-Type", "text/plain");   // which needs nobody's leave
    } else if (body) {
      x.setRequestHeader("Content-Type", "application/octet-stream");
    }
    if (x.upload) {
      x.upload.onprogress = function () {
        if (within) { x.timeout = everfile.now() - began + within; }
        if (onprogress) { onprogress(); }
      };
    }
    x.onreadystatechange = function () {
      var status = 0, said = "", code = 0;
      if (x.readyState !== 4) { return; }
      x.onreadystatechange = null;
      try {
        status = x.status;
        said = x.responseText;
        code = Number(x.getResponseHeader("Everfile-Close")) || 0;
      } catch (e) { /* there was no answer */ }
      done(status, said, code);
    };
    x.send(body);
    return x;
  }

  /* parting sends what a page has to say that is being left. */
  function parting(url, body) {
    var x, nav = root.navigator || {};
    try {
      if (nav.sendBeacon && nav.sendBeacon(url, body)) { return; }
      x = new root.XMLHttpRequest();
      x.open("POST", url, false);
      x.send(body);
    } catch (e) { /* then it is missed in a while */ }
  }

  /* base is what both kinds have in common: the wire, and its end. leave says the
   * last things when the page is left; quit lets go of what is open; pump sends what
   * waits. */
  function base(kind, leave, quit, pump) {
    var over = false, known = false, off, timer = null, last = null;
    var me = { wire: { way: kind, bufferedAmount: 0 }, open: false, busy: null, closing: 0 };   // closing: with which code

    /* end tells once that the wire is closed, and never from within what closes it. */
    me.end = function (number, reason) {
      if (over) { return; }
      over = true;
      byhttp.open--;
      off();
      clearTimeout(timer);
      clearTimeout(last);
      if (me.busy) {
        me.busy.onreadystatechange = null;
        me.busy.abort();
      }
      quit();
      if (number === 1006 || number === DEAD) { me.through(false); }
      setTimeout(function () { if (me.wire.onclose) { me.wire.onclose({ code: number, reason: reason || "" }); } }, 0);
    };

    me.over = function () { return over; };

    /* What is on its way when the wire is closed has a while. */
    me.wire.close = function (code, reason) {
      if (me.closing || over) { return; }
      me.closing = code || 1005;
      if (!me.open || code === DEAD) { me.end(code, reason); return; }
      last = setTimeout(function () { me.end(1006); }, LAST);
      pump(false);
    };

    me.must = function () { if (!me.open || over || me.closing) { throw new Error("InvalidStateError"); } };

    /* later does one thing, unless there is something to do before. */
    me.later = function (fn, ms) {
      clearTimeout(timer);
      timer = setTimeout(fn, ms);
    };

    me.send = function () {
      clearTimeout(timer);
      me.busy = post.apply(null, arguments);
    };

    /* through tells once whether this way leads to the server. */
    me.through = function (yes) {
      var first = !known;
      known = true;
      return !first || me.wire.onway(yes) !== false;
    };

    me.opened = function () {
      if (!me.through(true)) { me.end(1006); return; }
      me.open = true;
      if (me.wire.onopen) { me.wire.onopen({}); }
    };

    me.tell = function (text) { if (!over && me.wire.onmessage) { me.wire.onmessage({ data: text }); } };

    byhttp.open++;
    off = everfile.listen(root, "onpagehide" in root ? "pagehide" : "unload", function () {
      if (me.open) { leave(); }
      me.end(1006);
    });
    return me;
  }

  // ---- messages

  byhttp.messages = function (url) {
    var queue = [], first = 0, tries = 0, address = "", es;
    var me = base("messages", function () { parting(address, body(queue.length, 1001)); }, function () { es.close(); }, pump);

    function body(n, code) {
      return "{\"first\":" + first + ",\"messages\":[" + queue.slice(0, n).join(",") + "]" + (code ? ",\"close\":" + code : "") + "}";
    }

    /* batch is how many go at once. */
    function batch() {
      var n = 0, size = 0;
      while (n < queue.length && n < MANY && (!n || size + queue[n].length <= MUCH)) { size += queue[n++].length; }
      return n;
    }

    /* pump says what waits; with force, that we are here. */
    function pump(force) {
      var n = batch(), last = me.closing && n === queue.length ? me.closing : 0;
      if (me.busy || me.over() || !n && !last && !force) { return; }
      me.send(address, body(n, last), STUCK, function (status) {
        me.busy = null;
        if (status === 200) {
          tries = 0;
          first += n;
          queue.splice(0, n).forEach(function (m) { me.wire.bufferedAmount -= m.length; });
          if (last) { me.end(last); } else { pump(false); }
        } else if (!last && (!status || status >= 500) && ++tries < TRIES) {
          me.later(function () { pump(true); }, RETRY * tries);   // the same again: they are numbered
        } else {
          me.end(1006);
        }
      });
    }

    function data(e) {
      try { return JSON.parse(e.data); } catch (x) { return {}; }
    }

    me.wire.send = function (text) {
      me.must();
      queue.push(text);
      me.wire.bufferedAmount += text.length;
      pump(false);
    };

    es = new root.EventSource(everfile.absolute(everfile.withQuery(url, "via", "events")));
    es.onerror = function () { me.end(1006); };   // it would come back by itself, as somebody else
    es.onmessage = function (e) { me.tell(e.data); };
    es.addEventListener("line", function (e) {
      address = everfile.absolute(everfile.withQuery(url, "via", data(e).id || ""));
      me.opened();
    }, false);
    es.addEventListener("ping", function () { pump(true); }, false);
    es.addEventListener("bye", function (e) { me.end(data(e).code || 1006, data(e).reason); }, false);
    return me.wire;
  };

  byhttp.messages.able = function () { return !!(root.EventSource && root.XMLHttpRequest); };

  // ---- chunks

  /* joined is as many chunks as go at once, and their body. */
  function joined(queue) {
    var n = 0, bytes = 0, parts;
    while (n < queue.length && n < CHUNKS && (!n || bytes + everfile.size(queue[n]) <= BYTES)) { bytes += everfile.size(queue[n++]); }
    parts = queue.slice(0, n);
    if (n > 1) {
      try { return { chunks: parts, body: new root.Blob(parts) }; } catch (e) { parts = [queue[0]]; }   // browsers of 2012
    }
    return { chunks: parts, body: parts.length && bytes ? parts[0] : null };
  }

  byhttp.chunks = function (url) {
    var queue = [], next = 0, acked = 0, heard = 0;
    var me = base("chunks", function () { if (!me.closing) { parting(address({ end: 0 })); } }, function () { queue = []; }, pump);

    function address(query) {
      var u = url, name;
      for (name in query) { if (query.hasOwnProperty(name)) { u = everfile.withQuery(u, name, query[name]); } }
      return everfile.absolute(u);
    }

    function failed(status, text, code) {
      if (code) { me.through(true); }
      // A proxy may say anything; what is too large for it is too large.
      me.end(code || (status === 413 ? 1009 : 1006), code ? text.replace(/\s+$/, "") : "");
    }

    function alive() {
      if (everfile.now() - heard < HEARD) { return; }
      heard = everfile.now();
      me.tell(JSON.stringify({ type: "ack", chunks: acked }));
    }

    function ask(u, body, within, done, onprogress) {
      me.send(u, body, within, function (status, text, code) {
        var m = null;
        me.busy = null;
        if (me.over()) { return; }
        try { m = status === 200 && JSON.parse(text); } catch (e) { /* not our server's words */ }
        if (!m) { failed(status, text, code); } else { done(m, text); }
      }, onprogress);
    }

    function pump(force) {
      var some;
      if (me.busy || me.over() || !me.open) { return; }
      if (!queue.length && me.closing) {
        ask(address({ end: me.closing === 1000 ? 1 : 0 }), null, 0, function () { me.end(me.closing); });
        return;
      }
      some = joined(queue);
      if (some.chunks.length || force) {
        ask(address({ chunk: next, sizes: some.chunks.map(everfile.size).join(",") }), some.body, 0, function (m, text) { taken(some.chunks, m, text); }, alive);
      } else {
        me.later(function () { pump(true); }, BEAT);
      }
    }

    function taken(chunks, m, text) {
      next += chunks.length;
      queue.splice(0, chunks.length).forEach(function (c) { me.wire.bufferedAmount -= everfile.size(c); });
      if (m.chunks !== next) { me.end(1006); return; }
      acked = next;
      if (m.type !== "ack") { me.tell(JSON.stringify({ type: "ack", chunks: acked })); }   // a socket says both
      me.tell(text);
      pump(false);
    }

    me.wire.send = function (chunk) {
      me.must();
      queue.push(chunk);
      me.wire.bufferedAmount += everfile.size(chunk);
      pump(false);
    };

    ask(address({}), null, 0, function (m, text) {
      next = acked = m.chunks || 0;
      me.opened();
      me.tell(text);
      pump(false);
    });
    return me.wire;
  };

  byhttp.chunks.able = function () { return !!(root.XMLHttpRequest && root.Blob); };
}(window));
