/*
 * everfile.page.details: the panel that says in which files a call goes on, why in
 * those, and who listens to one's own.
 *
 *   show(talk)   what is true now; talk is as in incall.js
 *   end()        the call is over
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, own = page.own;
  var id = page.id, text = page.text, show = page.show;
  var details = page.details = {};
  var crowd = null, sign = "";

  function address(event) { return event.url ? everfile.absolute(event.url.replace(/[?#].*$/, "")) : ""; }

  /* listening is how many listen: who takes sound and picture as two files is one. */
  function listening(talk) {
    var n = Math.max(talk.files[talk.sends.media.url] || 0, talk.files[talk.sends.picture.url] || 0);
    if (talk.way.theirs) { return n; }   // none of them is the other side
    return n >= talk.takes ? n - talk.takes + 1 : Math.min(n, 1);
  }

  /* crowdOf words how many listen. */
  function crowdOf(t, n) {
    if (!n) { return t.way.theirs ? "Nobody listens to your file; " + t.peer + " hears you directly." : "Nobody listens to your file yet."; }
    if (n === 1 || t.way.theirs) { return n === 1 ? "1 listens to your file." : n + " listen to your file, who may be recording."; }
    return n + " listen to your file: " + t.peer + " and " + (n === 2 ? "somebody else" : n - 1 + " others") + ", who may be recording.";
  }

  /* signOf is what both should know: that somebody listens besides the other of the two. */
  function signOf(t, n) {
    if (n > 1 || n > 0 && t.way.theirs) { return n + (n === 1 ? " listens to your file" : " listen to your file"); }
    return t.way.listened ? "Somebody listens to the file of " + t.peer : "";
  }

  /* beside shows the address of pictures that go, or come, beside the sound. */
  function beside(box, e, first) {
    var url = e.state && e !== first ? address(e) : "";
    text(id(box + "-url"), url);
    show(id(box + "-box"), !!url);
  }

  /* lines are what the details say of one way, a line for each file. */
  function lines(who, both, nothing) {
    var all = [both.media, both.picture].filter(function (e) { return e.url && e.state; });
    if (!all.length) { return [[who, "", nothing]]; }
    if (all.length > 1 && all[0].why === all[1].why) { all.pop(); }   // it was said of both
    return all.map(function (e) { return [who, e.mime || "", e.why || ""]; });
  }

  details.show = function (t) {
    var n = listening(t), sent = address(t.send), got = address(t.play), m = own.media(), next;
    text(id("own-url"), sent || "You send nothing.");
    beside("own-picture", t.sends.picture, t.send);
    text(id("other-url-title"), "The file of " + t.peer);
    text(id("other-url"), got || t.peer + " sends nothing.");
    beside("other-picture", t.plays.picture, t.play);
    text(id("curl"), got || sent ? page.curl(got || sent) : "");
    show(id("keep"), !!(got || sent));
    text(id("listeners"), sent ? crowdOf(t, n) : "");
    text(id("way-why"), t.way.text);
    view.formats(lines("You send", t.sends, m.audio || m.video ? "Nothing yet." : "Nothing.")
      .concat(lines(t.peer + " sends", t.plays, "Nothing.")));
    next = signOf(t, n);
    if (next === sign) { return; }
    sign = next;
    clearTimeout(crowd);
    // A listener that opens the file anew counts twice for a moment.
    if (sign) { crowd = setTimeout(crowded, 2000); } else { show(id("more"), false); }
  };

  function crowded() {
    text(id("more"), sign);
    show(id("more"), true);
    view.say(sign + ".");
  }

  details.end = function () {
    clearTimeout(crowd);
    sign = "";
    show(id("more"), false);
  };
}(window));
