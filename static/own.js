/*
 * everfile.page.own: one's own camera and microphone during a call.
 *
 *   open(want)      gets what can be had of want, {audio, video}
 *   close()         lets go of it: the camera's light goes out
 *   mute(yes), dark(yes)   the microphone, the camera; the file goes on
 *   again()         once more, say after the browser was allowed to
 *   media()         {audio, video}: what there is
 *   list(where), choose(what, value)   the lists of devices, and one that was chosen there;
 *                   where is what their ids begin with, "" by itself
 *   stream, want, muted, darkened, asking
 *
 * Set by the page:
 *   onstream(stream)  this is to be sent now, or null
 *   onchange()        something of the above has changed
 *   onlevel(level)    how loud the microphone is, 0 to 1
 *   onask(text)       the browser most likely asks its user, in words
 *   onlack(text)      something cannot be had, in words; "" if nothing is missing
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, devices = everfile.devices, id = page.id, tracks = devices.tracks;
  var own = page.own = { stream: null, want: null, muted: false, darkened: false, asking: false };
  var KINDS = { camera: "video", microphone: "audio" };
  var ASKS = 1000;                          // ms after which the browser is asking, rather than opening
  var SOON = 2000, WAIT = 1000, MOST = 30000;   // ms: what went so soon, twice, is waited for before it is asked for again
  var round = 0, quiet = null, freed = false, adding = false, chosen = {};
  var hint = null, retry = null, times = 0, since = 0;

  function live(stream, kind) {
    return everfile.living(tracks(stream, kind));
  }

  function enable(stream, kind, yes) { tracks(stream, kind).forEach(function (t) { t.enabled = yes; }); }

  function changed() { if (own.onchange) { own.onchange(); } }

  own.media = function () {
    return { audio: live(own.stream, "audio"), video: live(own.stream, "video") };
  };

  /* choice is the device to ask for; "none" is the record page's and means nothing here. */
  function choice(what) {
    var c = chosen[what] || page.remembered(what);
    return c === "none" ? "" : c;
  }

  /* keep remembers what was chosen once it has worked. */
  function keep(stream) {
    var what;
    for (what in chosen) {
      if (live(stream, KINDS[what])) {
        if (devices.settings(stream, KINDS[what]).deviceId === chosen[what]) { page.remember(what, chosen[what]); }
        delete chosen[what];
      }
    }
  }

  function meter() {
    if (quiet) { quiet(); }
    quiet = own.stream && live(own.stream, "audio") ? devices.meter(own.stream, function (level) {
      if (own.onlevel) { own.onlevel(own.muted ? 0 : level); }
    }) : null;
    if (own.onlevel) { own.onlevel(0); }
  }

  /* follow asks again when a device goes away: another one may do. One that goes
   * again and again is asked for more and more rarely. */
  function follow(stream) {
    since = everfile.now();
    stream.getTracks().forEach(function (track) {
      everfile.listen(track, "ended", function () {
        if (own.stream !== stream || own.asking || retry !== null) { return; }
        times = everfile.now() - since < SOON ? times + 1 : 0;
        retry = setTimeout(get, times < 2 ? 0 : Math.min(WAIT * Math.pow(2, times - 2), MOST));
        changed();
      });
    });
  }

  function take(stream, error) {
    var old = own.stream;
    own.stream = stream;
    enable(stream, "audio", !own.muted);
    enable(stream, "video", !own.darkened);
    if (stream) { follow(stream); }
    keep(stream);
    if (own.onstream) { own.onstream(stream); }
    devices.stop(old);
    meter();
    if (own.onlack) { own.onlack(devices.lacking(own.want, stream, error)); }
    changed();
  }

  function rest() {
    clearTimeout(hint);
    clearTimeout(retry);
    retry = null;
  }

  function got(stream, error) {
    var now = own.stream;
    function loses(kind) { return own.want[kind] && live(now, kind) && !live(stream, kind); }
    rest();
    // Phones open one camera at a time: the present one goes, its sound stays.
    if (loses("video") && devices.kind(error) === "busy" && !freed) {
      freed = true;
      devices.stop(stream);
      tracks(now, "video").forEach(function (t) { t.stop(); });
      get();
      return;
    }
    own.asking = false;
    if (live(now, "audio") && (loses("audio") || loses("video") || adding && !live(stream, "video"))) {
      devices.stop(stream);   // what there is is more, and goes on
      chosen = {};
      if (own.onlack) { own.onlack(devices.lacking(own.want, now, error)); }
      changed();
    } else {
      take(stream, error);
    }
    freed = adding = false;
  }

  function get() {
    var mine = ++round;
    own.asking = true;
    rest();
    hint = setTimeout(function () {
      if (own.onask) { own.onask("Allow the " + (own.want.video ? "camera and microphone" : "microphone") + " in your browser."); }
    }, ASKS);
    changed();
    devices.best(own.want, choice("camera"), choice("microphone"), function () { return mine === round; }, got);
  }

  own.open = function (want) {
    own.want = { audio: want.audio, video: want.video };
    freed = false;
    if (want.audio || want.video) {
      get();
    } else {
      round++;
      own.asking = false;
      rest();
      take(null, null);
    }
  };

  own.again = function () { if (own.want) { own.open(own.want); } };

  own.close = function () {
    round++;
    rest();
    devices.stop(own.stream);
    own.stream = own.want = null;
    own.asking = own.muted = own.darkened = adding = false;
    times = 0;
    meter();
  };

  own.mute = function (yes) {
    own.muted = yes;
    enable(own.stream, "audio", !yes);
    if (yes && own.onlevel) { own.onlevel(0); }
    changed();
  };

  own.dark = function (yes) {
    own.darkened = yes;
    if (!yes && own.want && !live(own.stream, "video")) {
      adding = true;
      own.open({ audio: own.want.audio, video: true });   // a voice call becomes one with a picture
      return;
    }
    enable(own.stream, "video", !yes);
    changed();
  };

  /* mirror says whether the own picture is shown as in a mirror: not what the
   * camera on a phone's back sees. */
  own.mirror = function () { return devices.settings(own.stream, "video").facingMode !== "environment"; };

  // ---- choosing

  /* list writes what there is into the two lists of the panel, or of another place. */
  own.list = function (where) {
    devices.list(function (cameras, microphones) {
      [["camera", cameras], ["microphone", microphones]].forEach(function (one) {
        var select = id((where || "") + one[0] + "-choice"), now = devices.settings(own.stream, KINDS[one[0]]).deviceId || choice(one[0]);
        devices.fill(select, one[1], one[0], now);
        select.disabled = one[1].length < 2 && !!now;
      });
    });
  };

  own.choose = function (what, value) {
    chosen[what] = value;
    if (!own.want) { return; }
    // A camera that is chosen while it is switched off stays off.
    if (what === "camera" && !live(own.stream, "video") && !own.want.video) { return; }
    own.again();
  };
}(window));
