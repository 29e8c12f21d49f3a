/*
 * everfile.peer: one RTCPeerConnection, from its first description to its end. Both
 * sides may offer at any time, and do at once: of two offers that cross, that of the
 * side that is not polite counts ("perfect negotiation", W3C WebRTC, section 10.7).
 * Whatever goes wrong ends it; another one may be made.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var LONGEST = 60000;          // bytes of what is said at once; the server takes 64 KiB
  var MOST = 200, EARLY = 100;  // descriptions and candidates that wait for their turn, for a description

  /* first is the track of a kind that is to be sent, or null. */
  function first(stream, kind) {
    var all = !stream || stream.blob ? [] : kind === "audio" ? stream.getAudioTracks() : stream.getVideoTracks();
    return all.filter(function (t) { return t.readyState !== "ended"; })[0] || null;
  }

  /*
   * peer(options) begins to connect and returns the connection; it throws where there
   * are none.
   *
   *   polite        this side yields
   *   servers       RTCIceServers
   *   say(m)        {description} or {candidate}, for the other side's heard()
   *   onstream(stream)   what comes, with each track that is added to it
   *   ontick(text)  what the other side's send() was given
   *   onover(why)   it is over, in words; not after close()
   *
   * It has source(stream): what is sent, a MediaStream or nothing; heard(m); send(text),
   * which may be lost; kinds(): {audio, video}, what it sends; counts(done): done({audio,
   * packets, video}), packets of sound, packets of both and pictures decoded so far, or
   * done(null); and close().
   */
  everfile.peer = function (options) {
    var pc = new root.RTCPeerConnection({ iceServers: options.servers || [] });
    var peer = {}, over = false, senders = {}, remote = new root.MediaStream(), channel;
    var offering = false, ignoring = false, busy = false, queue = [], early = [];

    function close() {
      over = true;
      queue = [];
      early = [];
      pc.onnegotiationneeded = pc.onicecandidate = pc.ontrack = pc.oniceconnectionstatechange = null;
      if (channel) { channel.onmessage = channel.onclose = null; }
      try { pc.close(); } catch (e) { /* closed already */ }
    }

    function fail(why) {
      if (over) { return; }
      close();
      options.onover(why);
    }

    function failed(e) { fail(e && e.message || "it does not work here"); }

    function say(m) {
      if (over) { return; }
      if (JSON.stringify(m).length > LONGEST) { fail("what this browser says of itself is too long"); return; }
      options.say(m);
    }

    /* describe makes an offer or an answer, whichever it is time for. */
    function describe() {
      return pc.setLocalDescription().then(function () { say({ description: pc.localDescription }); });
    }

    function offer() {
      function done() { offering = false; }
      offering = true;
      describe().then(done, function (e) { done(); failed(e); });
    }

    // ---- what the other side says

    function admit(candidate) {
      // Those of an offer that was ignored do not fit; others may be of no use here.
      return pc.addIceCandidate(candidate).then(null, function () { /* another one will do */ });
    }

    /* apply takes one description or candidate; it returns a promise, or nothing. */
    function apply(m) {
      var d = m.description;
      if (!d) {
        if (ignoring) { return null; }
        if (pc.remoteDescription) { return admit(m.candidate); }
        if (early.length < EARLY) { early.push(m.candidate); }
        return null;
      }
      if (d.type === "answer" && pc.signalingState !== "have-local-offer") { return null; }   // to nothing
      ignoring = d.type === "offer" && !options.polite && (offering || pc.signalingState !== "stable");
      if (ignoring) { return null; }
      return pc.setRemoteDescription(d).then(function () {
        while (!over && early.length) { admit(early.shift()); }
        return d.type === "offer" ? describe() : null;
      });
    }

    function next() {
      var m, promise;
      while (!busy && queue.length) {
        m = queue.shift();
        try { promise = apply(m); } catch (e) { failed(e); return; }
        if (!promise) { continue; }
        busy = true;
        promise.then(function () { busy = false; next(); }, failed);
      }
    }

    peer.heard = function (m) {
      if (over) { return; }
      queue.push(m);
      if (queue.length > MOST) { fail("the other side says too much at once"); return; }
      next();
    };

    // ---- media

    function send(kind, track) {
      var s = senders[kind];
      if (!s && !track) { return; }
      if (!s) {
        senders[kind] = pc.addTrack(track, new root.MediaStream([track]));
      } else if (s.track !== track) {
        s.replaceTrack(track).then(null, failed);
      }
    }

    peer.source = function (stream) {
      if (over) { return; }
      try {
        send("audio", first(stream, "audio"));
        send("video", first(stream, "video"));
      } catch (e) { failed(e); }
    };

    peer.kinds = function () {
      return { audio: !!(senders.audio && senders.audio.track), video: !!(senders.video && senders.video.track) };
    };

    peer.counts = function (done) {
      function none() { done(null); }
      if (over) { none(); return; }
      pc.getStats().then(function (report) {
        var c = { audio: 0, packets: 0, video: 0 };
        report.forEach(function (s) {
          if (s.type !== "inbound-rtp") { return; }
          c.packets += s.packetsReceived || 0;
          if (s.kind === "audio") { c.audio += s.packetsReceived || 0; } else { c.video += s.framesDecoded || 0; }
        });
        done(c);
      }, none);
    };

    peer.send = function (text) {
      if (over || channel.readyState !== "open") { return; }
      try { channel.send(text); } catch (e) { /* it is full, or has just closed */ }
    };

    peer.close = function () { if (!over) { close(); } };

    pc.onnegotiationneeded = offer;
    pc.onicecandidate = function (e) { if (e.candidate) { say({ candidate: e.candidate }); } };
    pc.ontrack = function (e) {
      remote.addTrack(e.track);
      options.onstream(remote);
    };
    pc.oniceconnectionstatechange = function () {
      if (pc.iceConnectionState === "failed") { fail("no way through the network was found"); }
    };
    try {
      channel = pc.createDataChannel("ticks", { negotiated: true, id: 0, ordered: false, maxRetransmits: 0 });
    } catch (e) {
      close();
      throw e;
    }
    channel.onmessage = function (e) { options.ontick(String(e.data)); };
    channel.onclose = function () { fail("it was closed"); };
    return peer;
  };
}(window));
