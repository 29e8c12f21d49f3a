/*
 * everfile.page.online: this page under a name, and who else is there.
 *
 *   go(name, resume)    online, with the right to that name from before, or ""
 *   enter()             online, as whom the form says
 *   offline(sentence)   off again, and why; close(): and nothing is said or shown of it
 *   rename(sentence, name)   off again: this name cannot be had; another one may
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page;
  var view = page.view, ring = page.ring, calls = page.calls;
  var id = page.id, text = page.text, show = page.show;
  var online = page.online = {};
  var callers = [];

  function people() {
    view.people(callers, calls.me, calls.usable(), calls.call);
    id("again").disabled = !calls.usable();
  }

  /* inCall is where something of the other plays: a screen in pictures has no place. */
  function inCall(mime, screen) {
    var pictures = /^(image|multipart)\//.test(mime);
    return pictures && screen ? null : id(pictures ? "other-picture" : screen ? "other-screen" : "other");
  }

  online.go = function (name, right) {
    calls.me = name;
    calls.known = false;
    text(id("greeting"), "Hello, " + name + ".");
    view.link("connecting", "Connecting.");
    if (!page.room.now) { view.mode("connecting"); }
    calls.phone = page.phone = everfile.connect({
      caller: name, resume: right, camera: false,
      elements: function (who, mime, screen) {
        return page.room.now ? page.people.element(who, mime, screen) : inCall(mime, screen);
      },
      mix: function () { return id("mix"); },
      direct: function (who) { return page.room.now ? page.people.direct(who) : id("direct"); },
      on: function (type, e) { if (!page.told.hear(type, e) && calls.on[type]) { calls.on[type](e || {}); } }
    }).phone;
  };

  /* close: nothing is left of the connection, or of who was there. */
  online.close = function () {
    var p = calls.phone;
    calls.phone = page.phone = null;
    callers = [];
    calls.link = "";
    page.keep("me", null);
    if (p) { p.close(); }
    people();   // nobody is left to call, by a button that would do nothing
  };

  online.offline = function (sentence) {
    calls.finish("", "");
    page.room.drop();
    online.close();
    view.mode("offline");
    view.outcome(sentence, "");
  };

  online.enter = function () {
    var name = id("name").value.replace(/^\s+|\s+$/g, "").replace(/\s+/g, "-");
    ring.unlock();
    if (!page.NAME.test(name)) {
      view.wrong("The name needs 1 to 64 letters, digits, - or _, and nothing else.");
      return;
    }
    view.wrong("");
    view.outcome("", "");
    page.remember("caller", name);
    online.go(name, "");
  };

  online.rename = function (sentence, name) {
    id("name").value = name || calls.me;
    online.offline("");
    view.wrong(sentence);
  };

  calls.on.link = function (e) {
    var link = calls.link = e.state;
    if (link === "replaced") {
      online.offline("You are online in another tab now, and not in this one any more.");
    } else if (link === "refused") {
      online.offline(e.text || "The server refuses the connection.");
    } else if (link === "lost") {
      view.link("lost", "Connection lost, trying again.");
      if (!calls.talk && !page.room.now) { view.mode("connecting"); }
    }
    if (calls.phone) { people(); }
    calls.linked();
    page.told.linked();
  };

  calls.on.welcome = function (e) {
    var back = view.state() === "connecting" && calls.me === e.caller && callers.length > 0;
    calls.me = e.caller;
    calls.limits = e.limits || calls.limits;
    page.keep("me", { caller: e.caller, resume: e.resume });
    if (!calls.stale) { page.keep("reloaded", null); }
    text(id("greeting"), "Hello, " + e.caller + ".");
    view.link("playing", back ? "Back online." : "You are online. It rings here when somebody calls.");
    if (calls.talk) {
      if (e.resumed) { calls.back(); }
    } else if (!page.told.welcome(e) && (calls.known || !e.resumed)) {   // after a reload the call, or that there is none, is still to come
      view.mode("idle");
      view.say(back ? "Back online." : "You are online as " + e.caller + ".");
      anew();
    }
    show(id("notify-ask"), ring.canAsk());
    people();
  };

  calls.on.taken = function (e) {
    online.rename(calls.me + " is taken by somebody else" + (e.suggest ? ". How about " + e.suggest + "?" : "."), e.suggest);
  };

  calls.on.online = function (e) {
    callers = e.callers || [];
    people();
  };

  /* anew loads the page that fits to the server, once: a cache may give the old one. */
  function anew() {
    if (!calls.stale || calls.talk || page.kept("reloaded")) { return; }
    page.keep("reloaded", true);
    root.location.reload();
  }

  calls.on.reload = function () {
    calls.stale = true;
    anew();
  };

  online.anew = anew;
  id("name").addEventListener("input", function () { view.wrong(""); }, false);
  calls.onchange = people;
}(window));
