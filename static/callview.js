/*
 * everfile.page.view: what the call page shows. It knows elements and sentences,
 * and nothing of calls.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, doc = root.document;
  var id = page.id, text = page.text, show = page.show;
  var view = page.view = {};
  var SCENES = { offline: "hello", lobby: "lobby", room: "talking", connecting: "home", idle: "home", calling: "calling", ringing: "ringing", talking: "talking" };
  var FRESH = 600;   // ms
  var noticeTimer = null, bannerTimer = null, freshTimer = null, opener = null;

  view.state = function () { return doc.body.getAttribute("data-state"); };

  /* mode(state) shows what belongs to a state, and moves the focus there, to no
   * button: a key that is being typed must not answer or end a call. Nor is a finger
   * meant for what has only just appeared under it. */
  view.mode = function (state) {
    var before = view.state(), full = state === "calling" || state === "ringing" || state === "talking" || state === "room";
    var from = id(SCENES[before]), to = id(SCENES[state]), held = from.contains(doc.activeElement);
    if (before === state) { return false; }
    doc.body.setAttribute("data-state", state);
    if (from !== to) { show(from, false); }
    show(to, true);
    show(id("top"), !full);
    show(id("files"), !full && state !== "lobby");
    show(id("rooms"), !full && state !== "lobby");
    id("talking").setAttribute("aria-labelledby", state === "room" ? "room-name" : "other-name");
    if (full) {
      show(id("ended"), false);
      doc.body.className = "fresh";
      clearTimeout(freshTimer);
      freshTimer = setTimeout(function () { doc.body.className = ""; }, FRESH);
      if (root.scrollTo) { root.scrollTo(0, 0); }
    }
    if (full || state === "lobby" || held && from !== to) { to.focus(); }
    return true;
  };

  /* say has a sentence read out. It is added to those before: of two at once both are
   * heard, and the same one is heard again. */
  view.say = function (sentence) {
    var all = id("state"), p = doc.createElement("p");
    if (!sentence) { return; }
    p.textContent = sentence;
    all.appendChild(p);
    while (all.childNodes.length > 4) { all.removeChild(all.firstChild); }
  };

  // ---- people

  function hash(name) {
    var h = 5, i;
    for (i = 0; i < name.length; i++) { h = (h * 33 + name.charCodeAt(i)) % 65521; }
    return h >> 3;
  }

  /* avatar makes an element the picture of somebody: a letter on a colour. */
  view.avatar = function (element, name) {
    element.className = element.className.replace(/ ?tint\d/g, "") + " tint" + hash(name) % 6;
    text(element, (/[A-Za-z0-9]/.exec(name) || ["?"])[0].toUpperCase());
  };

  function person(name, onclick) {
    var li = doc.querySelector("#pattern .person").cloneNode(true);
    li.setAttribute("data-caller", name);
    view.avatar(li.querySelector(".avatar"), name);
    text(li.querySelector("b"), name);
    li.querySelector(".call-video").setAttribute("aria-label", "Call " + name + " with camera");
    li.querySelector(".call-voice").setAttribute("aria-label", "Voice call with " + name);
    li.querySelector(".call-video").addEventListener("click", function () { onclick(name, true); }, false);
    li.querySelector(".call-voice").addEventListener("click", function () { onclick(name, false); }, false);
    return li;
  }

  /* people shows who is online: oneself first, then by name. What stays is not
   * made anew, or it would lose the focus. */
  view.people = function (callers, me, usable, onclick) {
    var list = id("people"), old = {}, li, i, c, mine;   // old by "." and the name: __proto__ is one, too
    for (li = list.firstChild; li; li = li.nextSibling) { old["." + li.getAttribute("data-caller")] = li; }
    callers = callers.slice().sort(function (a, b) {
      return (b.caller === me) - (a.caller === me) || (a.caller.toLowerCase() < b.caller.toLowerCase() ? -1 : 1);
    });
    for (i = 0; i < callers.length; i++) {
      c = callers[i];
      mine = c.caller === me;
      li = old["." + c.caller] || person(c.caller, onclick);
      delete old["." + c.caller];
      if (list.childNodes[i] !== li) { list.insertBefore(li, list.childNodes[i] || null); }
      li.className = "person" + (mine ? " me" : c.busy ? " busy" : "");
      text(li.querySelector(".note"), mine ? "you" : c.busy ? "in another call" : "online");
      [".call-video", ".call-voice"].forEach(function (one) {
        show(li.querySelector(one), !mine);
        li.querySelector(one).disabled = c.busy || !usable;
      });
    }
    for (c in old) { list.removeChild(old[c]); }
    show(id("nobody"), usable && callers.length < 2);
  };

  view.link = function (state, sentence) {
    id("link").setAttribute("data-state", state);
    text(id("link"), sentence);
  };

  /* outcome tells what has happened, which the focus has read out; again is what the
   * button says, or "" for none, and does, if not what calls do. */
  view.outcome = function (sentence, again, then) {
    view.again = then || null;
    text(id("outcome"), sentence);
    text(id("again"), again || "Call again");
    show(id("again"), !!again);
    show(id("ended"), !!sentence);
    if (sentence) { id("outcome").focus(); }
  };

  view.wrong = function (sentence) {
    var help = id("name-help");
    if (sentence) {
      id("name").setAttribute("aria-invalid", "true");
      help.setAttribute("role", "alert");
      text(help, sentence);
      id("name").focus();
      id("name").select();
    } else {
      id("name").removeAttribute("aria-invalid");
      help.removeAttribute("role");
      text(help, "Others see this name: letters, digits, - and _.");
    }
  };

  /* wrongRoom says why a room cannot be called so; "" for nothing. */
  view.wrongRoom = function (sentence, name) {
    var field = id("rooms-name"), help = id("rooms-help");
    text(help, sentence || "This name is hard to guess. One of your own has letters, digits, - and _.");
    if (sentence) {
      field.value = name;
      field.setAttribute("aria-invalid", "true");
      help.setAttribute("role", "alert");
      field.focus();
    } else {
      field.removeAttribute("aria-invalid");
      help.removeAttribute("role");
    }
  };

  // ---- pictures

  /* picture shows a stream in a <video>, or nothing. */
  view.picture = function (video, stream, mirrored) {
    var promise;
    everfile.attach(video, stream);
    video.className = mirrored ? "mirrored" : "";
    promise = stream ? video.play() : null;
    if (promise && promise.then) { promise.then(null, function () { /* the preview is not the call */ }); }
  };

  view.level = function (bar, level) { bar.style.transform = "scaleX(" + level.toFixed(2) + ")"; };

  // ---- in the call

  /* banner is about the connection and stays as long as it is so; "Back." goes by itself. */
  view.banner = function (sentence, good) {
    clearTimeout(bannerTimer);
    id("banner").className = good ? "banner good" : "banner";
    text(id("banner"), sentence);
    show(id("banner"), !!sentence);
    view.say(sentence);
    if (good) { bannerTimer = setTimeout(function () { show(id("banner"), false); }, 4000); }
  };

  /* notice stays until it is closed, or for so many milliseconds. */
  view.notice = function (sentence, ms) {
    clearTimeout(noticeTimer);
    text(id("notice-text"), sentence);
    show(id("notice"), !!sentence);
    view.say(sentence);
    if (ms) { noticeTimer = setTimeout(function () { show(id("notice"), false); }, ms); }
  };

  /* unnotice closes the notice if it says that. */
  view.unnotice = function (sentence) { if (sentence && id("notice-text").textContent === sentence) { view.notice(""); } };

  view.pressed = function (name, yes) { id(name).setAttribute("aria-pressed", String(yes)); };

  var PANELS = ["devices", "chat", "invite", "person", "details"];


  /* panel(name) opens one of the panels at the side and closes the others; "" closes
   * all. from is what opened it, if that is not its button. */
  view.panel = function (name, focus, from) {
    PANELS.forEach(function (p) {
      show(id(p + "-panel"), p === name);
      if (id(p + "-button")) { id(p + "-button").setAttribute("aria-expanded", String(p === name)); }
    });
    id("middle").className = name ? "middle open" : "middle";
    if (name) {
      opener = from || id(name + "-button");
      (name === "chat" ? id("chat-text") : id(name + "-panel").querySelector("select:not([disabled]), button")).focus();
    } else if (focus && opener) {
      (root.document.contains(opener) ? opener : id("talking")).focus();
    }
    if (view.onpanel) { view.onpanel(name); }
  };

  view.openPanel = function () {
    return PANELS.filter(function (p) { return !id(p + "-panel").hidden; })[0] || "";
  };

  /* format words a MIME type for people. */
  view.format = function (mime) {
    var type = mime.split(";")[0], names = [], codecs = /codecs="?([^"]*)/.exec(mime);
    var box = { "video/webm": "WebM", "audio/webm": "WebM, sound only", "video/mp4": "MP4", "audio/mp4": "MP4, sound only", "audio/ogg": "Ogg, sound only", "audio/wav": "WAV, uncompressed sound", "audio/mpeg": "MP3", "audio/aac": "AAC", "image/jpeg": "JPEG pictures", "multipart/x-mixed-replace": "JPEG pictures" }[type] || type;
    (codecs ? codecs[1].split(",") : []).forEach(function (c) {
      c = c.replace(/^\s+/, "").toLowerCase();
      names.push(/^vp8/.test(c) ? "VP8" : /^vp0?9/.test(c) ? "VP9" : /^avc/.test(c) ? "H.264" : /^mp4a/.test(c) ? "AAC" : /^opus/.test(c) ? "Opus" : /^pcm/.test(c) ? "PCM" : c);
    });
    return box + (names.length ? " (" + names.join(" and ") + ")" : "");
  };

  /* formats writes lines of [who, mime, why]. */
  view.formats = function (lines) {
    var box = id("format"), key = JSON.stringify(lines), p;
    if (box.getAttribute("data-lines") === key) { return; }
    box.setAttribute("data-lines", key);
    box.textContent = "";
    lines.forEach(function (line) {
      p = doc.createElement("p");
      p.textContent = line[0] + ": " + (line[2] || view.format(line[1]) + ".");
      box.appendChild(p);
    });
  };

  view.unread = function (n) {
    show(id("unread"), n > 0);
    text(id("unread"), n > 99 ? "99+" : String(n));
    text(id("unread-words"), n ? ", " + n + " unread" : "");
  };
}(window));
