/* The record page. ?name=NAME fills in the name. Nothing is sent before a click. */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, devices = everfile.devices, doc = root.document;
  var id = page.id, text = page.text, show = page.show;
  var name = id("name"), camera = id("camera"), microphone = id("microphone"), preview = id("preview");
  var NAME = /^[A-Za-z0-9_-]{1,64}$/;
  var publisher = null, stream = null, quietMeter = null, clock = null, lock = null, asking = false;

  function say(state, sentence) {
    id("state").setAttribute("data-state", state);
    text(id("state"), sentence);
  }

  function friendly() {
    var a = ["calm", "bright", "quick", "blue", "kind", "bold", "merry", "quiet", "sunny", "brave"];
    var b = ["otter", "finch", "maple", "comet", "harbor", "lynx", "meadow", "falcon", "willow", "robin"];
    function one(list) { return list[Math.floor(Math.random() * list.length)]; }
    return one(a) + "-" + one(b) + "-" + (10 + Math.floor(Math.random() * 90));
  }

  // ---- devices

  function fill(select, list, none, chosen) {
    var i, o, found = false;
    function add(value, label) {
      o = doc.createElement("option");
      o.value = value;
      o.textContent = label;
      select.appendChild(o);
      if (value === chosen) { found = true; }
    }
    select.textContent = "";
    for (i = 0; i < list.length; i++) { add(list[i].id, list[i].label || select.id + " " + (i + 1)); }
    add("none", none);
    if (!list.length) { chosen = "none"; }
    if (found || chosen === "none") { select.value = chosen; }
  }

  function inUse(kind) {
    var tracks = stream ? (kind === "video" ? stream.getVideoTracks() : stream.getAudioTracks()) : [];
    var settings = tracks.length && tracks[0].getSettings ? tracks[0].getSettings() : null;
    return stream && !tracks.length ? "none" : settings && settings.deviceId || "";
  }

  function list() {
    devices.list(function (cameras, microphones) {
      var named = cameras.concat(microphones).some(function (d) { return d.label; });
      if (!named && !stream) { return; }   // before permission there is nothing to choose
      fill(camera, cameras, "No camera", stream ? inUse("video") : page.remembered("camera"));
      fill(microphone, microphones, "No microphone", stream ? inUse("audio") : page.remembered("microphone"));
      show(id("devices"), true);
      text(id("choose"), "Preview");
      show(id("choose"), !stream);
    });
  }

  function chosen(select) {
    return id("devices").hidden ? page.remembered(select.id) : select.value;
  }

  /* acquire opens the chosen devices, shows them, and calls then(). */
  function acquire(then) {
    if (asking) { return; }
    if (chosen(camera) === "none" && chosen(microphone) === "none") {
      say("failed", "Choose a camera or a microphone: with neither there is nothing to record.");
      return;
    }
    asking = true;
    if (!stream) { say("asking", "Asking the browser for your camera and microphone."); }
    devices.open(chosen(camera), chosen(microphone), function (got) {
      asking = false;
      release();
      stream = got;
      picture();
      list();
      then();
    }, function (error) {
      asking = false;
      say("failed", devices.explain(error));
      buttons();
    });
  }

  function picture() {
    var video = !!stream && stream.getVideoTracks().length > 0, promise;
    text(id("nopicture"), stream ? "Sound only." : "Your camera appears here.");
    show(id("nopicture"), !video);
    preview.srcObject = stream;
    promise = stream ? preview.play() : null;
    if (promise && promise.then) { promise.then(null, function () { /* the preview is not the recording */ }); }
    quietMeter = stream && devices.meter(stream, function (level) {
      id("level").style.transform = "scaleX(" + level.toFixed(2) + ")";
    });
    show(id("meter"), !!quietMeter);
  }

  function release() {
    var tracks = stream ? stream.getTracks() : [], i;
    for (i = 0; i < tracks.length; i++) { tracks[i].stop(); }
    if (quietMeter) { quietMeter(); }
    quietMeter = stream = null;
  }

  // ---- recording

  function busy() { return !!publisher; }

  function buttons() {
    show(id("start"), !busy());
    show(id("stop"), busy());
    name.readOnly = busy();
    show(id("badge"), busy());
  }

  function start() {
    if (busy()) { return; }
    if (!NAME.test(name.value)) {
      name.setAttribute("aria-invalid", "true");
      say("failed", "The name needs 1 to 64 letters, digits, - or _, and nothing else.");
      name.focus();
      return;
    }
    page.remember("name", name.value);
    acquire(publish);
  }

  function publish() {
    var source = stream;
    var path = "/" + name.value + ".webm", url = everfile.absolute(path);
    var watch = everfile.absolute("/static/watch.html?url=" + path);
    text(id("link"), watch);
    id("link").href = watch;
    text(id("curl"), page.curl(url));
    show(id("result"), true);
    publisher = page.publisher = everfile.publish({ url: path, stream: source, onstate: told });
    clock = setInterval(numbers, 250);
    buttons();
    awake(true);
  }

  function told(state, sentence) {
    if (state === "track") { say("lost", sentence); return; }
    say(state, sentence);
    if (state === "stopped" || state === "failed" || state === "refused" || state === "replaced") { ended(); }
  }

  function ended() {
    // The publisher may report its end before publish() has returned it.
    setTimeout(function () {
      numbers();
      clearInterval(clock);
      publisher = null;
      release();
      picture();
      show(id("choose"), true);
      buttons();
      awake(false);
    }, 0);
  }

  function two(n) { return (n < 10 ? "0" : "") + n; }

  function numbers() {
    var s = publisher && publisher.stats(), sec;
    if (!s) { return; }
    sec = Math.floor(s.seconds);
    if (sec || s.state === "recording") {
      text(id("seconds"), (sec >= 3600 ? Math.floor(sec / 3600) + ":" + two(Math.floor(sec / 60) % 60) : Math.floor(sec / 60)) + ":" + two(sec % 60));
    }
    text(id("numbers"), (s.total / 1e6).toFixed(1) + " MB recorded, " +
      (s.bytes < 1e4 ? (s.bytes / 1e3).toFixed(1) : Math.round(s.bytes / 1e3)) + " kB not acknowledged yet");
  }

  /* awake keeps a phone from falling asleep in the middle of a sentence. */
  function awake(yes) {
    var w = root.navigator.wakeLock;
    if (lock) { lock.release(); }
    lock = null;
    if (yes && w && w.request && !doc.hidden) {
      w.request("screen").then(function (l) {
        if (publisher) { lock = l; } else { l.release(); }
      }, function () { /* low battery: its right */ });
    }
  }

  /* another: other devices were chosen. While recording, a new run goes on in the same file. */
  function another() {
    page.remember("camera", camera.value);
    page.remember("microphone", microphone.value);
    if (!stream) { return; }
    acquire(function () {
      if (publisher) { publisher.restart(stream); } else { ready(); }
    });
  }

  function ready() {
    say("idle", "Ready. This is what will be recorded.");
    buttons();
  }

  function begin() {
    var trouble = devices.trouble(), asked = page.query("name");
    name.value = NAME.test(asked) ? asked : page.remembered("name") || friendly();
    if (trouble) {
      say("failed", trouble);
      id("start").disabled = true;
      show(id("choose"), false);
      return;
    }
    list();
    devices.changed(list);
    id("form").addEventListener("submit", function (e) { e.preventDefault(); start(); }, false);
    id("stop").addEventListener("click", function () { if (publisher) { publisher.stop(); } }, false);
    id("choose").addEventListener("click", function () { acquire(ready); }, false);
    camera.addEventListener("change", another, false);
    microphone.addEventListener("change", another, false);
    name.addEventListener("input", function () {
      if (NAME.test(name.value)) { name.removeAttribute("aria-invalid"); } else { name.setAttribute("aria-invalid", "true"); }
    }, false);
    doc.addEventListener("visibilitychange", function () { if (publisher && !doc.hidden) { awake(true); } }, false);
  }

  page.copyable(id("linkbox"));
  page.copyable(id("curlbox"));
  begin();
}(window));
