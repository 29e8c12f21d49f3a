/*
 * everfile.stage and everfile.straight: a page that has one <video> for a call, or one
 * element for each of the others, need know nothing of the files and connections that
 * come and go in it.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var PICTURES = /^(image|multipart)\//;

  /*
   * stage(video) shows one caller after the other in one <video>, in a call: the picture
   * in an <img> beside it, where it comes as such. It has element(caller, mime, screen,
   * still), as in phone.js; played(e), a "play"; left(caller), "" for everybody.
   */
  everfile.stage = function (video) {
    var img = null, who = "";

    function picture() {
      if (img) { return; }
      img = root.document.createElement("img");
      img.alt = "";
      video.parentNode.insertBefore(img, video.nextSibling);
    }

    function show(pictured) {
      if (!img) { return; }
      img.style.display = pictured ? "" : "none";
      video.style.display = pictured ? "none" : "";
    }

    return {
      element: function (caller, mime, screen, still) {
        if (screen || who && who !== caller) { return null; }
        who = caller;
        if (!PICTURES.test(mime) && !still) { return video; }
        picture();
        show(true);
        return img;
      },
      played: function (e) { if (PICTURES.test(e.mime) && e.state === "stopped") { show(false); } },
      left: function (caller) {
        if (caller && caller !== who) { return; }
        who = "";
        show(false);
      }
    };
  };

  /*
   * straight(elementOf) shows what comes directly in the element that has shown the file,
   * elementOf(caller): a <video> that nobody sees takes it first, as way.js wants it, and
   * says nothing. It has hidden(caller), which returns that; told(e), a "way"; and tap().
   */
  everfile.straight = function (elementOf) {
    var all = {};

    function make(caller) {
      var v = root.document.createElement("video");
      v.setAttribute("playsinline", "");
      v.volume = 0;
      all["." + caller] = { from: v, to: null, on: false };
      return v;
    }

    return {
      hidden: make,
      told: function (e) {
        var one = all["." + e.caller], promise;
        if (!one) { return; }
        one.on = e.state === "direct";
        if (!one.on) {
          if (one.to) { everfile.attach(one.to, null); }
          one.to = null;
          return;
        }
        setTimeout(function () {   // the file lets go of the element first
          if (one.to || !one.on) { return; }
          one.to = elementOf(e.caller);
          if (!one.to) { return; }
          one.from.muted = true;   // where it has no volume of its own
          everfile.attach(one.to, one.from.everfileStream);
          promise = one.to.play();
          if (promise && promise.then) { promise.then(null, function () { /* it waits for a tap */ }); }
        }, 0);
      },
      tap: function () {
        var name;
        for (name in all) { if (all[name].to) { all[name].to.play(); } }
      }
    };
  };
}(window));
