/*
 * What the pages share. `everfile.page` is also where a page leaves its handles
 * for tests: page.publisher on the record page, page.watcher on the watch page.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, doc = root.document;
  var page = everfile.page = {};

  page.id = function (id) { return doc.getElementById(id); };

  /* show(element, yes) shows or hides. */
  page.show = function (element, yes) { element.hidden = !yes; };

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

  /* remember(name, value) keeps a setting; remembered(name) is it, or "". */
  page.remember = function (name, value) {
    try { root.localStorage.setItem("everfile." + name, value); } catch (e) { /* private window */ }
  };
  page.remembered = function (name) {
    try { return root.localStorage.getItem("everfile." + name) || ""; } catch (e) { return ""; }
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
    var button = doc.createElement("button"), timer = null;
    button.type = "button";
    button.className = "small";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", function () {
      copy(box.querySelector("code, a"), function (ok) {
        button.textContent = ok ? "Copied" : "Selected";
        clearTimeout(timer);
        timer = setTimeout(function () { button.textContent = "Copy"; }, 2000);
      });
    }, false);
    box.appendChild(button);
  };

  /* curl(url) is the line that reads a URL in a terminal. */
  page.curl = function (url) { return "curl -N " + url; };
}(window));
