/*
 * Plays a file in an element and counts what comes of it; ES5, for engines of any
 * age. Injected before the page's own scripts, where pages' errors are kept too.
 *
 *   listening.play(tag, url)
 *   listening.moved      seconds of media that have passed, jumps left out
 *   listening.started    ms until it moved
 *   listening.pictures   how many that differ from the one before
 *   listening.said       its events, and how many ms after play() they came
 *   listening.errors     what the page threw
 */
(function () {
  "use strict";
  var STEP = 50, JUMP = 1;   // ms between two looks; s
  var listening = window.listening = { moved: 0, started: null, pictures: 0, said: [], errors: [] };
  var element, began, last = null, cx, seen = "";

  window.addEventListener("error", function (e) { listening.errors.push(e.message || "error"); }, false);
  window.addEventListener("unhandledrejection", function (e) { listening.errors.push(String(e.reason)); }, false);

  function look() {
    var t = element.currentTime, picture;
    if (last !== null && t > last && t - last < JUMP) {
      listening.moved += t - last;
      if (listening.started === null) { listening.started = Date.now() - began; }
    }
    last = t;
    if (!element.videoWidth) { return; }
    cx.drawImage(element, 0, 0, 16, 16);
    picture = Array.prototype.join.call(cx.getImageData(0, 0, 16, 16).data, " ");
    if (picture !== seen) { listening.pictures++; }
    seen = picture;
  }

  listening.play = function (tag, url) {
    var promise, canvas = document.createElement("canvas");
    canvas.width = canvas.height = 16;
    cx = canvas.getContext("2d");
    element = listening.element = document.createElement(tag);
    ["loadedmetadata", "playing", "waiting", "stalled", "ended", "error"].forEach(function (type) {
      element.addEventListener(type, function () { listening.said.push(type + " " + (Date.now() - began)); }, false);
    });
    document.body.appendChild(element);
    began = Date.now();
    element.src = url;
    promise = element.play();   // undefined in engines before 2016
    if (promise && promise.then) { promise.then(null, function (e) { listening.said.push(String(e)); }); }
    setInterval(look, STEP);
    return true;
  };
}());
