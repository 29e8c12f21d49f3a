/*
 * everfile.page.share: one's own screen, as a second file beside the camera's.
 *
 *   begin(phone, onchange)   a call or a room runs; onchange() when it begins or ends
 *   able()                   this browser shows screens to pages, and the phone sends them
 *   toggle(), stop()         in a click
 *   on                       it is being shared
 *   theirs(e), none()        in a call: the other's screen, by the phone's "play", is in front
 *                            of the picture, which is small then; or there is none any more
 *   end()                    the call is over
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view;
  var id = page.id, show = page.show;
  var share = page.share = { on: false };
  var phone = null, stream = null, round = 0, asking = false, offs = [], onchange = null;

  function media() { return root.navigator.mediaDevices; }

  share.able = function () { return !!(phone && phone.share && media() && media().getDisplayMedia); };

  function shown() {
    share.on = !!stream;
    show(id("share"), share.able());
    view.pressed("share", share.on);
    show(id("sharing"), share.on);
    if (onchange) { onchange(); }
  }

  function drop() {
    offs.forEach(function (off) { off(); });
    offs = [];
    everfile.devices.stop(stream);
    stream = null;
  }

  /* take: what is shared ends by the browser's own button, too. */
  function take(next) {
    drop();
    stream = next;
    next.getTracks().forEach(function (track) {
      if (track.kind === "video" && "contentHint" in track) { track.contentHint = "detail"; }
    });
    offs = everfile.outlast(next.getVideoTracks(), share.stop);
    if (phone.share(next) === false) {
      drop();
      view.notice("The screen cannot be shared now: try again in a moment.", 8000);
      return;
    }
    view.say("You share your screen.");
    shown();
  }

  function start() {
    var mine = ++round;
    asking = true;
    media().getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true }).then(function (next) {
      asking = false;
      if (mine === round && phone) { take(next); } else { everfile.devices.stop(next); }
    }, function (e) {
      asking = false;
      // Who chooses nothing has not to be told so.
      if (mine === round && phone && e && e.name !== "NotAllowedError" && e.name !== "AbortError") {
        view.notice("The screen cannot be shared" + (e.message ? " (" + e.message + ")." : "."), 8000);
      }
    });
  }

  share.stop = function () {
    if (!stream) { return; }
    drop();
    if (phone) { phone.share(null); }
    view.say("You share nothing any more.");
    shown();
  };

  share.toggle = function () {
    if (stream) { share.stop(); } else if (share.able() && !asking) { start(); }
  };

  share.theirs = function (e) {
    var stage = id("stage"), yes = e.state === "playing" || e.state !== "stopped" && stage.className === "stage screened";
    stage.className = yes ? "stage screened" : "stage";
    id("other-screen").setAttribute("aria-label", "Screen of " + e.caller);
  };

  share.none = function () { id("stage").className = "stage"; };

  share.begin = function (p, changed) {
    if (phone === p && onchange === changed) { return; }
    share.end();
    phone = p;
    onchange = changed;
    shown();
  };

  share.end = function () {
    round++;
    asking = false;
    phone = onchange = null;
    drop();
    share.none();
    shown();
  };
}(window));
