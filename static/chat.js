/*
 * everfile.page.chat: the text messages of one call, the newest of them. They are kept
 * in the tab, so that a reload in the call does not lose them.
 *
 * Each has a number, by which the other side says that it has come. What has not
 * is marked, and sent again when there is a chance; what comes twice is shown once.
 *
 *   begin(call, peer, me)   shows what was said in this call, or room, before a reload
 *   got(data, from)     somebody says {kind: "chat", id, text, ask}, which the one whom it
 *                       asks, or whoever it comes to, answers with {kind: "got", id}, and
 *                       ids if there are several: at most one answer a second to each
 *   again()             the other side can be reached again
 *   end()               forgets everything
 *   onsend(data, to)    set by the page: sends it; returns whether it could be
 *   onunread(n, text, from)   set by the page: so many are unread, the newest is text
 *   seen()              the panel is open: all is read
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, doc = root.document, id = page.id;
  var chat = page.chat = { open: false, onsend: null, onunread: null };
  var LATE = 4000;   // ms after which it should have come
  var PACE = 1000, MOST = 100;   // ms between two answers to the same one; messages in an answer
  var LONGEST = 500, KEPT = 100000;   // messages that are shown; characters that are kept of them
  var now = null, self = "", unread = 0, waiting = [];   // {words, sign}: messages that have not come

  var answers = page.paced(PACE, MOST, function (to, ids) {
    var data = { kind: "got", id: ids[0] };
    if (ids.length > 1) { data.ids = ids; }
    chat.onsend(data, to || undefined);
  });

  /* write keeps the newest messages, as many as there is room for: the tab's storage is small. */
  function write() {
    var i, left = KEPT;
    if (!now) { return; }
    for (i = now.list.length; i > 0 && left >= 0; i--) { left -= JSON.stringify(now.list[i - 1]).length + 1; }
    page.keep("chat", { call: now.call, peer: now.peer, list: now.list.slice(left < 0 ? i + 1 : i) });
  }

  var writes = page.paced(PACE, 1, write);

  function save() { writes.add("", true); }

  function append(parent, tag, name, text) {
    var e = doc.createElement(tag);
    if (name) { e.className = name; }
    e.textContent = text;
    parent.appendChild(e);
    return e;
  }

  /* link writes text, its addresses as links. */
  function link(into, text) {
    var re = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/g, from = 0, m, a;
    while ((m = re.exec(text))) {
      into.appendChild(doc.createTextNode(text.slice(from, m.index)));
      a = append(into, "a", "", m[0]);
      a.href = m[0];
      a.target = "_blank";
      a.rel = "noopener noreferrer";
      from = m.index + m[0].length;
    }
    into.appendChild(doc.createTextNode(text.slice(from)));
  }

  function fromOf(message) { return message.mine ? "You" : message.from || now.peer; }

  /* head is the line above the first of those that somebody has said in a row. */
  function head(message) {
    var p = doc.createElement("p"), when = new Date(message.at);
    p.className = "from";
    p.textContent = fromOf(message) + ", " + when.getHours() + ":" + (when.getMinutes() < 10 ? "0" : "") + when.getMinutes();
    return p;
  }

  /* forget the oldest one. */
  function forget() {
    var list = id("messages"), first;
    now.list.shift();
    list.removeChild(list.firstChild);
    first = list.firstChild;
    if (first && first.firstChild.className !== "from") { first.insertBefore(head(now.list[0]), first.firstChild); }
  }

  function add(message) {
    var list = id("messages"), last = list.lastChild, div = doc.createElement("div"), from = fromOf(message);
    div.className = message.mine ? "message mine" : "message";
    div.setAttribute("data-from", from);
    if (!last || last.getAttribute("data-from") !== from) { div.appendChild(head(message)); }
    link(append(div, "p", "said", ""), message.text);
    list.appendChild(div);
    if (message.mine && !message.come) { send({ words: message, sign: append(div, "p", "late", "") }); }
    chat.down();
  }

  /* send sends what waits, and says so if it does not come. */
  function send(one) {
    function late() {
      if (waiting.indexOf(one) < 0) { return; }
      page.text(one.sign, "Not delivered yet.");
      chat.down();
    }
    if (waiting.indexOf(one) < 0) { waiting.push(one); }
    if (chat.onsend({ kind: "chat", id: one.words.id, text: one.words.text })) { setTimeout(late, LATE); } else { late(); }
  }

  function come(numbers) {
    waiting = waiting.filter(function (one) {
      if (numbers.indexOf(one.words.id) < 0) { return true; }
      one.words.come = true;
      one.sign.textContent = "";
    });
    save();
  }

  function keep(words, who, number) {
    var message = { id: number, text: words, mine: !who, from: who, at: new Date().getTime() };
    now.list.push(message);
    add(message);
    if (now.list.length > LONGEST) { forget(); }
    save();
  }

  chat.down = function () { id("messages").scrollTop = id("messages").scrollHeight; };

  chat.begin = function (name, who, me) {
    var before = page.kept("chat");
    if (now && now.call === name) { return; }
    chat.end();
    self = me || "";
    now = before && before.call === name ? before : { call: name, peer: who, list: [] };
    now.list.forEach(add);
    save();
  };

  chat.end = function () {
    now = null;
    unread = 0;
    waiting = [];
    answers.end();
    writes.end();
    id("messages").textContent = "";
    id("chat-text").value = "";
    page.keep("chat", null);
    if (chat.onunread) { chat.onunread(0, ""); }
  };

  chat.again = function () { waiting.forEach(send); };

  chat.got = function (data, from) {
    var number = String(data.id || everfile.random(8)).slice(0, 64);
    if (!now) { return; }
    if (data.kind === "got") { come(Array.isArray(data.ids) ? data.ids : [number]); return; }
    if (typeof data.text !== "string") { return; }
    if (data.id && (!data.ask || data.ask === self)) { answers.add(from || "", number); }
    if (now.list.some(function (m) { return !m.mine && m.id === number && (m.from || "") === (from || now.peer); })) { return; }
    keep(data.text.slice(0, 10000), from || now.peer, number);
    if (chat.open) { return; }
    unread++;
    if (chat.onunread) { chat.onunread(unread, data.text, from || now.peer); }
  };

  chat.seen = function () {
    unread = 0;
    if (chat.onunread) { chat.onunread(0, ""); }
    chat.down();
  };

  everfile.listen(root, "pagehide", write);   // what the last second has brought

  id("chat-form").addEventListener("submit", function (e) {
    var field = id("chat-text"), text = field.value.replace(/^\s+|\s+$/g, "");
    e.preventDefault();
    if (text && now) {
      keep(text, "", everfile.random(8));
      field.value = "";
    }
    field.focus();
  }, false);
}(window));
