// A phone without a server, for pictures of a room with any number of people in it:
// injected before the page's own scripts, after devices.js. The test says who is there.
//
//   testRoom.come(name, media, plain)   somebody comes, with a painted picture if media.video
//   testRoom.leave(name), testRoom.say(type, event)
//   testRoom.said                       what the page has said: [[method, ...arguments]]
(function () {
  "use strict";
  const room = window.testRoom = { said: [], refuses: "", taken: "" };
  let on = () => {}, options = {}, state = "idle", inside = "";

  const say = (type, e) => on(type, e);

  function paint(name, wide) {
    const canvas = document.createElement("canvas"), cx = canvas.getContext("2d", { alpha: false });
    const hue = [...name].reduce((h, c) => (h * 31 + c.charCodeAt(0)) % 360, 7);
    canvas.width = wide ? 1280 : 640;
    canvas.height = wide ? 720 : 360;
    let n = 0;
    setInterval(() => {
      cx.fillStyle = wide ? "#f4f5f8" : `hsl(${hue}, 22%, 38%)`;
      cx.fillRect(0, 0, canvas.width, canvas.height);
      if (wide) {
        for (let i = 0; i < 14; i++) {
          cx.fillStyle = i ? "#667" : "#223";
          cx.fillRect(120, 80 + i * 42, 300 + (i * 197 + n) % 700, i ? 14 : 24);
        }
      } else {
        cx.fillStyle = `hsl(${hue}, 45%, 62%)`;
        cx.beginPath();
        cx.arc(320 + 8 * Math.sin(n / 20), 150, 70, 0, 7);
        cx.fill();
        cx.beginPath();
        cx.ellipse(320, 370, 150, 140, 0, 0, 7);
        cx.fill();
      }
      n++;
    }, 100);
    return canvas.captureStream(10);
  }

  room.paint = paint;
  room.say = (type, e) => say(type, e);
  room.painted = (element, name, wide) => {
    element.srcObject = paint(name, wide);
    element.play();
  };
  room.play = (name, mime, shared) => {
    const file = options.element(name, mime, !!shared);
    file.muted = true;
    room.painted(file, name, shared);
    const more = shared ? { screen: true } : {};
    const told = () => say("play", Object.assign({ caller: name, state: "playing", text: "Live.", mime, why: "Both can.", url: `/standup/${name}.webm` }, more));
    if (/^audio/.test(mime)) { told(); return; }
    if (file.videoWidth) { told(); } else { file.addEventListener("resize", told, { once: true }); }
    if (!shared) { say("stats", { caller: name, behind: 0.4 }); }
  };
  room.come = (name, media, plain) => {
    say("peer", { caller: name, media, away: false, plays: 1 });
    if (plain) { return; }
    if (media.video || media.audio) { room.play(name, media.video ? "video/webm;codecs=vp8,opus" : "audio/webm;codecs=opus"); }
    if (media.screen) { room.play(name, "video/webm;codecs=vp8", true); }
  };
  room.leave = (name) => say("left", { caller: name, text: "" });
  const within = (word) => ({ state: word, call: inside, room: true, peer: "", media: null, incoming: false });

  function phone(o) {
    const p = {};
    options = o;
    on = o.on;
    for (const name of ["call", "accept", "reject", "cancel", "hangup", "media", "send", "tap", "source", "answer", "close"]) {
      p[name] = (...a) => { room.said.push([name, ...a]); return true; };
    }
    p.share = (stream) => { room.said.push(["share", stream && stream.id]); return true; };
    p.stats = () => ({ way: {} });
    p.join = (name, media) => {
      room.said.push(["join", name, media]);
      inside = name;
      setTimeout(() => {
        if (room.refuses) {
          say("error", { code: "too-many", re: "join", text: room.refuses });
          say("state", { state: "idle" });
        } else {
          say("state", within("talking"));
        }
      }, 0);
      return true;
    };
    p.leave = () => {
      room.said.push(["leave"]);
      say("ended", { reason: "left", room: true, call: inside });
      say("state", { state: "idle" });
    };
    setTimeout(() => {
      if (room.taken) {
        say("taken", { suggest: room.taken, text: "Taken." });
        room.taken = "";
        return;
      }
      say("link", { state: "open", text: "" });
      say("welcome", { caller: o.caller, resume: "", resumed: false, limits: { ring: 45, grace: 30 } });
      say("online", { callers: [{ caller: o.caller, busy: false }] });
      say("state", { state: "idle" });
    }, 0);
    return p;
  }
  window.everfile = {};
  Object.defineProperty(window.everfile, "phone", { get: () => phone, set: () => {} });
}());
