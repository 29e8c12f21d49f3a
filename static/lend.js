/*
 * everfile.page.lend: a voice for who has no microphone here: where a browser gives
 * pages none but has an <input> that records, what was recorded is sent and heard by
 * the other side.
 *
 *   begin(phone, talk)   a call runs
 *   hide()               or a room, in which there is no such way
 *   sent(e)              the phone's "send"; whether it was about this
 *   busy()               something is on its way
 *   able()               that is a way for this browser, and it has no other
 *   end()                the call is over
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, id = page.id, show = page.show;
  var lend = page.lend = {};
  var phone = null, talk = null, mime = "", round = 0;
  // What the server takes as it is, by what browsers call it.
  var KINDS = { "audio/wav": "audio/wav", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/mpeg": "audio/mpeg", "audio/mp3": "audio/mpeg",
    "audio/ogg": "audio/ogg;codecs=opus", "audio/webm": "audio/webm;codecs=opus", "audio/flac": "audio/flac", "audio/aac": "audio/aac" };

  lend.busy = function () { return !!mime; };

  /* read hands out a recording as WAV, if this browser decodes it, or else as it is. */
  function read(file, done) {
    var C = root.AudioContext || root.webkitAudioContext, reader = new root.FileReader(), context = null, kind = KINDS[(file.type || "").split(";")[0]] || "";
    function as() {
      if (context && context.close) { context.close(); }
      done(kind ? { blob: file, mime: kind } : null);
    }
    if (!C || !everfile.pcm) { as(); return; }
    reader.onerror = as;
    reader.onload = function () {
      var promise;
      try {
        context = new C();
        promise = context.decodeAudioData(reader.result, function (buffer) {
          if (context.close) { context.close(); }
          done({ blob: everfile.pcm.file(buffer), mime: "audio/wav" });
        }, as);
        if (promise && promise.then) { promise.then(null, function () { /* which as() was told too */ }); }
      } catch (e) { as(); }
    };
    reader.readAsArrayBuffer(file);
  }

  function set(source) {
    mime = source ? source.mime : "";
    id("lend-tool").className = source ? "tool busy" : "tool";
    id("lend").disabled = !!source;
    if (phone) {
      phone.source(source);
      page.calls.settle();
    }
  }

  function chosen() {
    var file = id("lend").files && id("lend").files[0], mine = ++round;
    id("lend").value = "";   // the same one may be sent again
    if (!file || !phone) { return; }
    view.notice("Preparing what you recorded.");
    read(file, function (source) {
      if (mine !== round || !phone) { return; }
      if (source) {
        set(source);
      } else {
        view.notice("This recording (" + (file.type || "of a kind that the browser does not name") + ") cannot be sent: neither this browser nor the server knows its format.");
      }
    });
  }

  lend.sent = function (e) {
    if (!mime || e.mime !== mime) { return false; }
    if (e.state === "recording") {
      view.notice("What you recorded is being sent: " + talk.peer + " hears it now.");
    } else if (e.state === "stopped") {
      view.notice(e.text, 8000);
      set(null);
    } else if (e.state === "failed") {
      view.notice(e.text);
      set(null);
    }
    return true;
  };

  lend.able = function () { return !everfile.camera() && !!root.FileReader && "files" in id("lend"); };

  /* buttons: no camera and no microphone, no buttons for them. */
  function buttons(yes) {
    var none = !everfile.camera();
    show(id("lend-tool"), yes && lend.able());
    show(id("mute"), !none);
    show(id("camera"), !none);
  }

  lend.hide = function () { buttons(false); };

  lend.begin = function (p, t) {
    phone = p;
    talk = t;
    buttons(true);
  };

  lend.end = function () {
    round++;
    phone = talk = null;
    set(null);
  };

  id("lend").addEventListener("change", chosen, false);
}(window));
