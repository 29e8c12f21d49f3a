/* The watch page. ?url=/NAME.webm plays that; without it, it asks. */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, doc = root.document;
  var id = page.id, text = page.text, show = page.show;
  var video = id("video"), screen = id("screen");
  var PATH = /^\/(?:[A-Za-z0-9_-]{1,64}\/)?[A-Za-z0-9_-]{1,64}\.[a-z0-9]{2,5}$/;
  var PLAY = "M8 5v14l11-7z", PAUSE = "M7 5h4v14H7zM13 5h4v14h-4z";
  var watcher = null, state = "";

  /* path makes what was typed into a path on this server, or "". */
  function path(typed) {
    var p = typed.replace(/^\s+|\s+$/g, ""), origin = root.location.origin, inner;
    if (p.indexOf(origin + "/") === 0) { p = p.slice(origin.length); }
    inner = /^\/static\/watch\.html\?(?:.*&)?url=([^&#]*)/.exec(p);   // the link that the record page gives
    if (inner) { p = decodeURIComponent(inner[1]); }
    if (p.charAt(0) !== "/") { p = "/" + p; }
    if (!/\.[a-z0-9]+$/.test(p)) { p += ".webm"; }
    return PATH.test(p) && p.indexOf("/static/") !== 0 ? p : "";
  }

  function say(word, sentence) {
    id("state").setAttribute("data-state", word);
    text(id("state"), sentence);
  }

  function told(word, sentence) {
    var plays = word === "playing";
    state = word;
    say(word, sentence);
    screen.setAttribute("data-state", word);
    show(id("tap"), word === "tap");
    text(id("message"), plays ? (video.videoWidth ? "" : "Sound only.") : word === "tap" ? "" : sentence);
    var stopped = word === "paused" || word === "tap";
    id("pauseicon").setAttribute("d", stopped ? PLAY : PAUSE);
    id("pause").setAttribute("aria-label", stopped ? "Play" : "Pause");
  }

  function measured(s) {
    var lively = s.state === "playing" && s.behind !== null;
    text(id("behind"), lively ? "behind live: " + s.behind.toFixed(2) + " s" : "");
    id("dot").className = lively ? (s.behind < 1 ? "near" : "far") : "";
    if (lively) { text(id("message"), video.videoWidth ? "" : "Sound only."); }
  }

  function begin(p) {
    var url = everfile.absolute(p), name = p.slice(1);
    doc.title = name + " - everfile";
    text(id("title"), "Watch " + name);
    show(id("form"), false);
    show(id("player"), true);
    text(id("link"), url);
    id("link").href = url;
    text(id("curl"), page.curl(url));
    watcher = page.watcher = everfile.watch({ element: video, url: p, onstate: told, onstats: measured });
  }

  function toggle() {
    if (state === "paused" || state === "tap") { watcher.play(); } else { watcher.pause(); }
  }

  function sound() {
    var off = video.muted || video.volume === 0;
    id("mute").setAttribute("aria-pressed", String(off));
    id("mute").setAttribute("aria-label", off ? "Unmute" : "Mute");
    id("waves").setAttribute("d", off ? "M16 9.5l5 5M21 9.5l-5 5" : "M16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11");
    id("volume").value = video.muted ? 0 : Math.round(video.volume * 100);
  }

  function fillable() { show(id("full"), page.canFill(screen, video)); }

  function controls() {
    id("tap").addEventListener("click", function () { watcher.play(); }, false);
    id("pause").addEventListener("click", toggle, false);
    video.addEventListener("click", toggle, false);
    id("mute").addEventListener("click", function () {
      if (video.muted || video.volume > 0) { video.muted = !video.muted; } else { video.volume = 1; }
    }, false);
    id("volume").addEventListener("input", function () {
      video.volume = id("volume").value / 100;
      video.muted = video.volume === 0;
    }, false);
    video.addEventListener("volumechange", sound, false);
    id("full").addEventListener("click", function () { page.fill(screen, video); }, false);
    video.addEventListener("resize", fillable, false);
    fillable();
  }

  id("form").addEventListener("submit", function (e) {
    var p = path(id("name").value);
    e.preventDefault();
    if (p) { root.location.search = "?url=" + p; } else { wrong(); }
  }, false);

  function wrong() {
    id("name").setAttribute("aria-invalid", "true");
    text(id("namehelp"), "That is no file on this server. A name has 1 to 64 letters, digits, - or _; a path is /NAME.webm or /ROOM/NAME.webm.");
    id("namehelp").setAttribute("role", "alert");
    id("name").focus();
  }

  page.copyable(id("linkbox"));
  page.copyable(id("curlbox"));
  controls();
  (function () {
    var asked = page.query("url"), p = asked && path(asked);
    if (p) { begin(p); } else if (asked) { id("name").value = asked; wrong(); } else { id("name").focus(); }
  }());
}(window));
