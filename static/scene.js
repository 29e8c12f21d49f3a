/*
 * everfile.page.scene: what is seen and heard before a call: it rings there, or here.
 * talk is as in incall.js.
 *
 *   calling(talk)   it rings there, or is about to
 *   ringing(talk)   it rings here
 *   accepted()      and was accepted
 *   hush()          silent, for this once
 *   preview()       one's own picture has changed
 *   lack(sentence)  something about the devices; "" for nothing
 *   linked(talk)    the connection was lost, or is there again
 */
(function (root) {
  "use strict";

  var page = root.everfile.page, view = page.view, own = page.own, ring = page.ring;
  var id = page.id, text = page.text, show = page.show;
  var scene = page.scene = {};
  var BUTTONS = ["accept", "accept-voice", "hush"];
  var LOST = "Connection lost, trying again.";
  var hushed = false;

  function enable(yes) { BUTTONS.forEach(function (b) { id(b).disabled = !yes; }); }

  /* who shows the other, and what goes on, or that there is no connection. */
  function who(name, talk, words) {
    view.avatar(id(name + "-avatar"), talk.peer);
    text(id(name + "-name"), talk.peer);
    text(id(name + "-text"), talk.link === "open" ? words : LOST);
  }

  scene.calling = function (talk) {
    who("calling", talk, talk.call ? "Ringing." : "Calling.");
    if (view.mode("calling")) {
      scene.lack("");
      ring.title("Calling " + talk.peer);
    }
    if (talk.call && talk.link === "open") {
      ring.waiting();
      view.say("Ringing.");
    }
    scene.preview();
  };

  scene.preview = function () {
    var m = own.media();
    if (view.state() !== "calling") { return; }
    view.picture(id("preview"), m.video ? own.stream : null, own.mirror());
    show(id("preview"), m.video);
  };

  scene.lack = function (sentence) {
    text(id("calling-why"), sentence);
    show(id("calling-why"), !!sentence);
    if (view.state() === "calling") { view.say(sentence); }
  };

  function sound(talk) {
    ring.start(talk.peer + " is calling", talk.their.video ? "A call with camera." : "A voice call.");
    ring.probe(function (aloud) { show(id("ring-here"), !aloud); });
  }

  scene.ringing = function (talk) {
    var video = talk.their.video;
    if (view.state() !== "ringing") { hushed = false; }
    who("ringing", talk, talk.accepted ? "Connecting." : video ? "is calling, with camera." : "is calling.");
    show(id("accept-voice"), video);
    text(id("accept-words"), video ? "Accept with camera" : "Accept");
    id("accept-icon").setAttributeNS("http://www.w3.org/1999/xlink", "href", video ? "#i-camera" : "#i-phone");
    enable(!talk.accepted);
    if (hushed) { id("hush").disabled = true; }
    if (view.mode("ringing")) { sound(talk); }
  };

  scene.accepted = function () {
    ring.stop();
    text(id("ringing-text"), "Connecting.");
    view.say("Connecting.");
    id("ringing").focus();   // which the button loses with its use
    enable(false);
  };

  scene.hush = function () {
    hushed = true;
    ring.hush();
    id("ringing").focus();
    id("hush").disabled = true;
  };

  scene.linked = function (talk) {
    var state = view.state();
    if (state !== "calling" && state !== "ringing") { return; }
    scene[state](talk);
    if (talk.link !== "open") {
      ring.stop();
      view.say(LOST);
    } else if (state === "ringing" && !talk.accepted && !hushed) {
      sound(talk);
    }
  };
}(window));
