/*
 * everfile.page.incall: the panel of a running call, its buttons and its signs.
 *
 *   begin(phone, talk)   shows the call; again for the same call: nothing
 *   refresh()            something of the talk has changed
 *   half(e), note(talk, way, e)   which file an event of the phone is of; keep it in the talk
 *   end()                leaves nothing behind
 *   buttons(m, lit)      the buttons of one's own devices
 *
 * talk: {call, peer, began, their: {audio, video}, state: {muted, camera, slow}, away,
 * plays, sends: {media, picture} (the phone's events, of the file with the sound or with
 * everything, and of pictures beside it), play, send (the first of them that there is),
 * slow: {send, play} (sentences while there is only sound), files (listeners by URL),
 * takes (in so many files the other plays one's own), way (the phone's event), link ("open"
 * or not)}
 */
(function (root) {
  "use strict";

  var everfile = root.everfile, page = everfile.page, view = page.view, own = page.own, doc = root.document;
  var id = page.id, text = page.text, show = page.show;
  var incall = page.incall = {};
  var phone = null, talk = null, clock = null, duck = null, ducks = false, said = "", covered = "", ear = null;
  var other = id("other"), straight = id("direct"), pictures = id("other-picture");
  var TICK = 500, LONG = 6;      // ms; ticks
  var flat = { send: 0, play: 0 };   // for how many ticks there has been only sound where a picture is meant
  var mute = { send: 0, play: 0 };   // and only a picture where sound is meant

  /* half says which of two files it is that an event is of. */
  incall.half = function (e) { return /^(image|multipart)\//.test(e.mime) ? "picture" : "media"; };

  /* note keeps the newest event of a file that is sent or played ("send", "play"); what
   * there is to say of two is said of that which has the sound. */
  incall.note = function (t, way, e) {
    var both = t[way + "s"];
    both[incall.half(e)] = e.state === "stopped" ? {} : e;
    t[way] = both.media.state ? both.media : both.picture;
  };

  // ---- the other

  /* directly says whether the other comes by the direct connection, and from no file. */
  function directly() { return talk.way.state === "direct"; }

  /* there says whether there is a picture in one of the places for it. */
  function there() { return other.videoWidth > 0 || straight.className === "on" && straight.videoWidth > 0 || !!talk.plays.picture.state && pictures.naturalWidth > 0; }

  /* shown says whether one is shown now. */
  function shown() { return directly() ? straight.videoWidth > 0 : talk.plays.picture.state === "playing" || talk.plays.media.state === "playing" && other.videoWidth > 0; }

  /* unheard is why there is a picture and no sound, if it is so. */
  function unheard() {
    if (!talk.their.audio) { return talk.peer + " has no microphone here."; }
    return mute.play >= LONG ? talk.peer + " cannot be heard: that browser can send pictures, but no sound." : "";
  }

  /* cover is what stands in the place of the picture, or in front of it. */
  function cover() {
    var s = directly() ? "playing" : talk.play.state, name = talk.peer, asks = s === "tap" || s === "paused", has = talk.their.audio || talk.their.video;
    var pictured = talk.their.video && talk.state.camera !== false, seen = pictured && talk.seen && there(), words = "";
    pictures.alt = talk.plays.picture.state === "playing" ? "Picture of " + name : "";
    if (!has) {
      words = name + " has neither camera nor microphone here. You can write to each other.";
    } else if (s === "playing") {
      words = seen ? unheard() : talk.their.video && !pictured ? name + " has switched the camera off." : !talk.their.audio ? name + " has no microphone here." :
        flat.play >= LONG ? "There is only sound from " + name + ": no format has a picture that both browsers know." :
        talk.slow.play || (talk.state.slow ? "The connection of " + name + " is slow: there is only sound for now." : "");
    } else if (s === "buffering") {
      words = "Waiting for more from " + name + ".";
    } else if (s === "silent") {
      words = "Nothing comes from " + name + " at the moment.";
    } else if (s === "unsupported" || s === "refused") {
      words = talk.play.text;
    } else if (!asks && s !== "lost") {
      words = "Connecting.";
    }
    id("cover").className = seen ? "cover clear" : asks ? "cover asks" : "cover";
    show(id("cover-text"), !!words);
    text(id("cover-text"), words);
    if (words !== covered && s !== "buffering") { view.say(words); }   // which comes and goes
    covered = words;
    if (asks && id("tap").hidden) { ask(); }
    show(id("tap"), asks);
    show(id("other-muted"), talk.state.muted === true);
  }

  /* ask: without a click there is no sound. Who writes goes on writing. */
  function ask() {
    show(id("tap"), true);
    if (doc.activeElement.tagName === "INPUT") { view.say("Tap to hear " + talk.peer + "."); } else { id("tap").focus(); }
  }

  function banner() {
    var bad = talk.link !== "open", sentence;
    ["media", "picture"].forEach(function (one) { bad = bad || talk.sends[one].state === "lost" || talk.plays[one].state === "lost"; });
    sentence = bad ? "Connection lost, trying again; the call goes on." :
      talk.away ? talk.peer + "'s connection is lost; waiting for it to come back." : "";
    if (sentence === said) { return; }
    if (sentence) { view.banner(sentence, false); } else { view.banner("Back.", true); }
    said = sentence;
  }

  /* hear shows how loud the other is, where an element tells it without its sound
   * going another way. */
  function hear() {
    var stream, stop = null, off = null, direct = directly();
    function meter() {
      stream.getVideoTracks().forEach(function (t) { t.stop(); });   // they cost, and only the sound is wanted
      if (stop) { stop(); }
      stop = everfile.devices.meter(stream, function (level) { view.level(id("other-level"), level); });
      show(id("other-meter"), !!stop);
    }
    if (ear && direct !== ear.direct) { ear(); }
    if (ear || !other.captureStream || !talk.their.audio) { return; }
    try {
      // Copies: what is stopped in the end is not what is played.
      stream = !direct ? other.captureStream() : new root.MediaStream(straight.srcObject.getAudioTracks().map(function (t) { return t.clone(); }));
      meter();
      off = everfile.listen(stream, "addtrack", meter);   // the file was opened again
    } catch (e) { return; }
    ear = function () {
      if (off) { off(); }
      if (stop) { stop(); }
      stream.getTracks().forEach(function (t) { t.stop(); });
      show(id("other-meter"), false);
      ear = null;
    };
    ear.direct = direct;
  }

  // ---- oneself

  function mine() {
    var m = own.media(), lit = m.video && !own.darkened, unseen = lit && flat.send >= LONG, unheard = m.audio && mute.send >= LONG;
    view.picture(id("self"), lit ? own.stream : null, own.mirror());
    show(id("self"), lit);
    show(id("own-avatar"), !lit);
    if (unseen && id("own-unseen").hidden) { view.notice(talk.peer + " does not see you: no format has a picture that both browsers know. Your sound is sent."); }
    show(id("own-unseen"), unseen);
    if (unheard && id("own-unheard").hidden) { view.notice(talk.peer + " sees you and cannot hear you: this browser can send pictures, but no sound."); }
    show(id("own-unheard"), unheard);
    show(id("own-muted"), own.muted || !own.asking && !m.audio && !page.lend.busy());
    text(id("own-muted-word"), m.audio || own.asking ? "muted" : "no sound");
    incall.buttons(m, lit);
  }

  /* buttons shows what one's own devices give, m, and whether the camera is seen. */
  incall.buttons = function (m, lit) {
    view.pressed("mute", own.muted);
    id("mute").disabled = !m.audio && !own.asking;
    view.pressed("camera", lit);
    id("camera").setAttribute("aria-busy", String(own.asking));
    show(id("devices-retry"), !!own.want && !own.asking && (own.want.audio && !m.audio || own.want.video && !m.video));
  };

  /* tell the other what the file does not: muted and dark look like silence and black.
   * Who is away is told later. */
  function tell(ask) {
    if (phone && !talk.away) { phone.send({ kind: "state", muted: own.muted, camera: own.media().video && !own.darkened, slow: !!talk.slow.send, ask: !!ask }); }
  }

  /* flatter counts, and says whether it matters now, or not any more: another format
   * may follow, within moments. */
  function flatter(way, pictured, sounds) {
    var both = talk[way + "s"], before = [flat[way] >= LONG, mute[way] >= LONG];
    flat[way] = pictured && /^audio\//.test(both.media.mime || "") && !both.picture.state ? flat[way] + 1 : 0;
    mute[way] = sounds && both.picture.state && !both.media.state ? mute[way] + 1 : 0;
    return before[0] !== flat[way] >= LONG || before[1] !== mute[way] >= LONG;
  }

  function tick() {
    var m = own.media(), sent = flatter("send", m.video, m.audio), got = flatter("play", talk.their.video, talk.their.audio);
    text(id("time"), page.clock(Math.max(0, (new Date().getTime() - talk.began) / 1000)));
    if (sent || got) { incall.refresh(); }
  }

  /* badge says how the other is played. */
  function badge() {
    text(id("way"), directly() ? "direct" : "endless file");
    if (directly()) { show(id("behind-live"), false); }
  }

  /* measured is called four times a second. */
  incall.measured = function (stats) {
    var lively = talk && !directly() && talk.play.state === "playing" && typeof stats.behind === "number";
    if (!talk) { return; }
    show(id("behind-live"), lively);
    text(id("behind"), lively ? stats.behind.toFixed(1) + " s behind live" : "");
    id("behind-dot").className = lively ? (stats.behind < 1 ? "near" : "far") : "";
    if (lively && !talk.seen && shown()) { incall.refresh(); }
  };

  // ---- the life of it

  incall.refresh = function () {
    if (!talk) { return; }
    talk.seen = talk.seen || shown();
    if (directly() || talk.plays.media.state === "playing") { hear(); }
    badge();
    cover();
    banner();
    mine();
    page.details.show(talk);
    show(id("fullscreen"), page.canFill(id("talking"), other));
  };

  incall.begin = function (p, t) {
    if (talk === t) { incall.refresh(); return; }
    phone = p;
    talk = t;
    said = "";
    covered = "Connecting.";   // which is what comes first, and was said
    text(id("other-name"), t.peer);
    other.setAttribute("aria-label", "Sound and picture of " + t.peer);
    straight.setAttribute("aria-label", "Sound and picture of " + t.peer + ", directly");
    view.avatar(id("other-avatar"), t.peer);
    view.avatar(id("own-avatar"), t.me);
    view.banner("", false);
    view.panel("", false);
    flat.send = flat.play = mute.send = mute.play = 0;
    page.lend.begin(p, t);
    tick();
    clock = setInterval(tick, TICK);
    page.awake(true);
    incall.headphones(page.remembered("headphones") === "yes", false);
    tell(true);
    incall.refresh();
  };

  incall.end = function () {
    if (!talk) { return; }
    phone = talk = null;
    clearInterval(clock);
    page.details.end();
    if (duck) { duck.stop(); }
    duck = null;
    if (ear) { ear(); }
    page.awake(false);
    if (page.full()) { page.fill(); }
    view.panel("", false);
    view.banner("", false);
    view.notice("");
    view.picture(id("self"), null, false);
    show(id("behind-live"), false);
    text(id("behind"), "");
    text(id("way"), "");
    text(id("time"), "0:00");
    show(id("tap"), false);
  };

  /* sounded: the stream that is sent is a new one. */
  incall.sounded = function (stream) {
    if (duck) { duck.stream(stream); }
    if (talk) {
      tell(false);
      incall.refresh();
    }
  };

  incall.message = function (data) {
    if (!talk || data.kind !== "state") { return; }
    talk.state = { muted: data.muted === true, camera: data.camera !== false, slow: data.slow === true };
    if (data.ask) { tell(false); }
    incall.refresh();
  };

  /* slow: less is sent or played than could be, or not any more. Sound only is said
   * for as long as it is so. */
  incall.slow = function (e) {
    if (!talk) { return; }
    talk.slow[e.way] = e.picture ? "" : e.text;
    view.notice(e.text, e.picture ? 8000 : 0);
    if (e.way === "send") { tell(false); }
    incall.refresh();
  };

  incall.tell = tell;

  /* headphones: without them, what the other says comes back through one's own
   * microphone, so one of the two is turned down while the other speaks. */
  incall.headphones = function (yes, explain) {
    view.pressed("headphones", yes);
    if (!ducks) { return; }
    if (duck) { duck.set(!yes); } else { duck = everfile.duck({ element: other, stream: own.stream, on: !yes }); }
    if (explain) {
      view.notice(yes ? "You wear headphones: " + talk.peer + " stays as loud as ever while you speak." :
        "No headphones: " + talk.peer + " is turned down while you speak, so that nobody hears an echo.", 8000);
    }
  };

  // ---- what the page and the element say

  ["fullscreenchange", "webkitfullscreenchange"].forEach(function (type) {
    everfile.listen(doc, type, function () { view.pressed("fullscreen", page.full()); });
  });
  [other, straight].forEach(function (video) { everfile.listen(video, "resize", function () { incall.refresh(); }); });
  everfile.duck.settable(other, function (yes) {
    ducks = yes;
    show(id("headphones"), yes);
  });
}(window));
