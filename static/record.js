/* The record page. ?name=NAME fills in the name. Nothing is sent before a click.
 * It sends WebM; where the browser records none, MP4; and where that is nothing
 * either, the sound as it is, as WAV. */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, devices = everfile.devices;
  var id = page.id, text = page.text, show = page.show;
  var name = id("name"), camera = id("camera"), microphone = id("microphone"), preview = id("preview");
  var publisher = null, stream = null, quietMeter = null, clock = null, asking = false, rest = null, box = "";

  function say(state, sentence) {
    id("state").setAttribute("data-state", state);
    text(id("state"), sentence);
  }

  // ---- devices

  /* inUse: a stream that lacks it was made without. */
  function inUse(kind) {
    return stream && !devices.tracks(stream, kind).length ? "none" : devices.settings(stream, kind).deviceId || "";
  }

  function list() {
    devices.list(function (cameras, microphones) {
      var named = cameras.concat(microphones).some(function (d) { return d.label; });
      if (!named && !stream) { return; }   // before permission there is nothing to choose
      devices.fill(camera, cameras, "camera", stream ? inUse("video") : page.remembered("camera"), true);
      devices.fill(microphone, microphones, "microphone", stream ? inUse("audio") : page.remembered("microphone"), true);
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
    everfile.attach(preview, stream);
    promise = stream ? preview.play() : null;
    if (promise && promise.then) { promise.then(null, function () { /* the preview is not the recording */ }); }
    quietMeter = stream && devices.meter(stream, function (level) {
      id("level").style.transform = "scaleX(" + level.toFixed(2) + ")";
    });
    show(id("meter"), !!quietMeter);
  }

  function release() {
    devices.stop(stream);
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
    if (!page.NAME.test(name.value)) {
      name.setAttribute("aria-invalid", "true");
      say("failed", "The name needs 1 to 64 letters, digits, - or _, and nothing else.");
      name.focus();
      return;
    }
    page.remember("name", name.value);
    rest = null;
    acquire(function () { publish({ box: "webm" }); });
  }

  /* others is what to try where WebM is not recorded. */
  function others() {
    var can = everfile.can(), kind = stream.getVideoTracks().length ? "video/mp4" : "audio/mp4", all = [];
    var types = can.record.filter(function (type) { return type.indexOf(kind) === 0; });
    if (types.length) { all.push({ box: "mp4", type: types[0] }); }
    if (can.pcm && stream.getAudioTracks().length) { all.push({ box: "wav", type: "audio/wav" }); }
    return all;
  }

  /* publish sends in a format: {box, type}, WebM of any type if that is not given. */
  function publish(format) {
    var source = stream;
    var path = "/" + name.value + "." + format.box, url = everfile.absolute(path);
    var watch = everfile.absolute("/static/watch.html?url=" + path);
    text(id("link"), watch);
    id("link").href = watch;
    text(id("curl"), page.curl(url));
    show(id("result"), true);
    text(id("suffix"), "." + (box = format.box));
    publisher = page.publisher = everfile.publish({ url: path, stream: source, mimeType: format.type, only: !!format.type, onstate: told });
    clearInterval(clock);
    clock = setInterval(numbers, 250);
    buttons();
    page.awake(true);
  }

  function told(state, sentence, format) {
    if (state === "track") { say("lost", sentence); return; }
    if (state === "failed" && format) { setTimeout(function () { another(sentence); }, 0); return; }
    if (state === "recording" && box === "wav" && stream.getVideoTracks().length) { sentence += " The sound only: this browser cannot record the picture."; }
    say(state, sentence);
    if (state === "stopped" || state === "failed" || state === "refused" || state === "replaced") { ended(); }
  }

  /* another format may do, if nothing has come of this one. */
  function another(sentence) {
    rest = rest || (stream ? others() : []);
    if (!publisher.stats().total && rest.length) { publish(rest.shift()); return; }
    say("failed", sentence);
    ended();
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
      page.awake(false);
    }, 0);
  }

  function numbers() {
    var s = publisher && publisher.stats();
    if (!s) { return; }
    if (s.seconds >= 1 || s.state === "recording") { text(id("seconds"), page.clock(s.seconds)); }
    text(id("numbers"), (s.total / 1e6).toFixed(1) + " MB recorded, " +
      (s.bytes < 1e4 ? (s.bytes / 1e3).toFixed(1) : Math.round(s.bytes / 1e3)) + " kB not acknowledged yet");
  }

  /* change: other devices were chosen. While recording, a new run goes on in the same file. */
  function change() {
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
    name.value = page.NAME.test(asked) ? asked : page.remembered("name") || page.friendly();
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
    camera.addEventListener("change", change, false);
    microphone.addEventListener("change", change, false);
    name.addEventListener("input", function () {
      if (page.NAME.test(name.value)) { name.removeAttribute("aria-invalid"); } else { name.setAttribute("aria-invalid", "true"); }
    }, false);
  }

  page.copyable(id("linkbox"));
  page.copyable(id("curlbox"));
  begin();
}(window));
