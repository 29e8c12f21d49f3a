/*
 * What the pages share. `everfile.page` is also where a page leaves its handles
 * for tests: page.publisher on the record page, page.watcher on the watch page,
 * page.phone on the call page.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, doc = root.document;
  var page = everfile.page = {};

  /* NAME is what people and files may be called. */
  page.NAME = /^[A-Za-z0-9_-]{1,64}$/;

  /* local() says whether this page's address leads nowhere but to this machine. */
  page.local = function () { return /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/.test(root.location.hostname); };

  page.id = function (id) { return doc.getElementById(id); };

  /* show(element, yes) shows or hides. What hides gives the focus to what is around
   * it and can have it: in a page that has lost the focus one begins at the top. */
  page.show = function (element, yes) {
    var around = !yes && element.contains(doc.activeElement) ? element.parentNode : null;
    element.hidden = !yes;
    while (around && around !== doc && !around.hasAttribute("tabindex")) { around = around.parentNode; }
    if (around && around !== doc) { around.focus(); }
  };

  /* text(element, s) writes s, and only if it is new: a live region would say it again. */
  page.text = function (element, s) {
    if (element.textContent !== s) { element.textContent = s; }
  };

  /* query(name) is a parameter of this page's address, or "". */
  page.query = function (name) {
    var pairs = root.location.search.slice(1).split("&"), i, at, value;
    for (i = 0; i < pairs.length; i++) {
      at = pairs[i].indexOf("=");
      if ((at < 0 ? pairs[i] : pairs[i].slice(0, at)) !== name) { continue; }
      value = at < 0 ? "" : pairs[i].slice(at + 1).replace(/\+/g, " ");
      try { return decodeURIComponent(value); } catch (e) { return value; }
    }
    return "";
  };

  function put(area, name, value) {
    try {
      if (value) { root[area].setItem("everfile." + name, value); } else { root[area].removeItem("everfile." + name); }
    } catch (e) { /* private window */ }
  }

  function get(area, name) {
    try { return root[area].getItem("everfile." + name) || ""; } catch (e) { return ""; }
  }

  /* remember(name, text) keeps a setting; remembered(name) is it, or "". */
  page.remember = function (name, text) { put("localStorage", name, text); };
  page.remembered = function (name) { return get("localStorage", name); };

  /* keep(name, value) keeps what a reload of this tab must not lose, null for nothing;
   * kept(name) is it, or null. */
  page.keep = function (name, value) { put("sessionStorage", name, value && JSON.stringify(value)); };
  page.kept = function (name) {
    try { return JSON.parse(get("sessionStorage", name)); } catch (e) { return null; }
  };

  /* friendly() is a name for somebody who has not chosen one. */
  page.friendly = function () {
    var a = ["calm", "bright", "quick", "blue", "kind", "bold", "merry", "quiet", "sunny", "brave"];
    var b = ["otter", "finch", "maple", "comet", "harbor", "lynx", "meadow", "falcon", "willow", "robin"];
    function one(list) { return list[Math.floor(Math.random() * list.length)]; }
    return one(a) + "-" + one(b) + "-" + (10 + Math.floor(Math.random() * 90));
  };

  /* clock(seconds) is 1:05, or 1:01:05. */
  page.clock = function (seconds) {
    var s = Math.floor(seconds);
    function two(n) { return (n < 10 ? "0" : "") + n; }
    return (s >= 3600 ? Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) : Math.floor(s / 60)) + ":" + two(s % 60);
  };

  /* paced(ms, most, fn) has add(key, what), which calls fn(key, [what]) at once, and then
   * at most every ms for each key, with the first `most` different ones that came
   * meanwhile; end() forgets them. */
  page.paced = function (ms, most, fn) {
    var lists = {};   // by "." and the key, while it has to wait: __proto__ is one, too
    function go(key, all) {
      var list = lists["." + key] = [];
      list.timer = setTimeout(function () {
        delete lists["." + key];
        if (list.length) { go(key, list); }
      }, ms);
      fn(key, all);
    }
    return {
      add: function (key, what) {
        var list = lists["." + key];
        if (!list) { go(key, [what]); } else if (list.length < most && list.indexOf(what) < 0) { list.push(what); }
      },
      end: function () {
        Object.keys(lists).forEach(function (key) { clearTimeout(lists[key].timer); });
        lists = {};
      }
    };
  };

  function select(node) {
    var range = doc.createRange(), selection = root.getSelection();
    range.selectNodeContents(node);
    selection.removeAllRanges();
    selection.addRange(range);
  }

  /* copy puts node's text on the clipboard and calls done(true), or selects it
   * and calls done(false): without https there may be no clipboard. */
  function copy(node, done) {
    var clipboard = root.navigator.clipboard;
    function old() {
      var ok = false;
      select(node);
      try { ok = doc.execCommand("copy"); } catch (e) { /* the selection stays, for Ctrl+C */ }
      done(ok);
    }
    if (clipboard && clipboard.writeText) {
      clipboard.writeText(node.textContent).then(function () { done(true); }, old);
    } else {
      old();
    }
  }

  /* copyable(box) gives a box with a <code> or <a> in it a button that copies that. */
  page.copyable = function (box) {
    var button = doc.createElement("button"), timer = null, what = box.querySelector("code, a");
    button.type = "button";
    button.className = "small";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    if (what.id) { button.setAttribute("aria-describedby", what.id); }
    button.addEventListener("click", function () {
      copy(what, function (ok) {
        button.textContent = ok ? "Copied" : "Selected";
        clearTimeout(timer);
        timer = setTimeout(function () { button.textContent = "Copy"; }, 2000);
      });
    }, false);
    box.appendChild(button);
  };

  /* curl(url) is the line that keeps the file at a URL, in a terminal. */
  /* curl writes down a whole file: nothing that comes late is left out for it. */
  page.curl = function (url) { return "curl -N \"" + url + "?mode=complete\" > " + url.replace(/.*\//, ""); };

  // ---- the screen

  var lock = null, wanted = false;

  /* awake(yes) keeps a phone from falling asleep in the middle of a sentence. */
  page.awake = function (yes) {
    var w = root.navigator.wakeLock;
    wanted = yes;
    if (!yes && lock) {
      lock.release();
      lock = null;
    }
    if (!yes || lock || !w || !w.request || doc.hidden) { return; }
    w.request("screen").then(function (l) {
      if (!wanted || lock) { l.release(); return; }
      lock = l;
      everfile.listen(l, "release", function () { if (lock === l) { lock = null; } });
    }, function () { /* low battery: its right */ });
  };
  everfile.listen(doc, "visibilitychange", function () { page.awake(wanted); });

  function enter(element) {
    return (doc.fullscreenEnabled || doc.webkitFullscreenEnabled) && (element.requestFullscreen || element.webkitRequestFullscreen);
  }

  /* full() says whether something has the whole screen. */
  page.full = function () { return !!(doc.fullscreenElement || doc.webkitFullscreenElement); };

  /* canFill(element, video) says whether fill would do anything. */
  page.canFill = function (element, video) { return !!(enter(element) || video.webkitEnterFullscreen && video.videoWidth > 0); };

  /* fill(element, video) gives an element the whole screen; on iPhones that is for a
   * video alone. If something has it already, that ends. */
  page.fill = function (element, video) {
    var promise = null;
    try {
      promise = page.full() ? (doc.exitFullscreen || doc.webkitExitFullscreen).call(doc) :
        enter(element) ? enter(element).call(element) : video.webkitEnterFullscreen();
    } catch (e) { /* there is no picture yet */ }
    if (promise && promise.then) { promise.then(null, function () { /* the browser's right */ }); }
  };
}(window));
