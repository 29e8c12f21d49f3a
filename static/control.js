/*
 * everfile.control: the control socket, /ws, on which calls are made. Media does
 * not go over it.
 *
 * It says hello, and hello again on each new connection; with the token that the
 * server gave it, it is the same caller then, in the same call. A connection that
 * is dead without having said so is found out by asking.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var CHECK = 500, CONNECT = 10000, ANSWER = 5000;   // ms: between two looks, for connecting, for an answer
  var QUIET = 20000, LIVELY = 3000;                  // ms of silence before it asks; in a call, where edges are told
  var SOON = 2000;                                   // ms between two tries that a call can wait: it is over after 30 s
  var LATE = 4408;                                   // our hello did not arrive: that is the network's fault
  var TEXT = {
    connecting: "Connecting.",
    open: "Connected.",
    lost: "No connection to the server - trying again.",
    replaced: "Another window goes on as this caller.",
    refused: "The server refused the connection.",
    closed: "Disconnected."
  };

  /*
   * control(options) connects and returns the control.
   *
   *   hello()               what to say first: {caller, can, resume}
   *   onmessage(m)          what the server says, welcome and errors included
   *   onstate(state, text)  one of the words above, and a sentence for people. "open"
   *                         is when the server has said welcome; after "replaced",
   *                         "refused" and "closed" nothing more comes
   *   url                   (/ws)
   *
   * The control has:
   *   send(m)      false if it could not be sent, as before the welcome
   *   hello()      says it again, after the error "taken"
   *   reconnect()  connects anew, at once
   *   close()      for good
   *   state()
   */
  everfile.control = function (options) {
    var now = everfile.now, current = "", open = false, ready = false, talking = false, again = false;
    var owed = null;   // since when an answer is waited for
    var control = {}, socket, timer, off;

    function set(word, text) {
      if (current === word) { return; }
      current = word;
      if (options.onstate) { options.onstate(word, text || TEXT[word]); }
    }

    function over() { return current === "replaced" || current === "refused" || current === "closed"; }

    function address() {
      open = ready = false;
      owed = null;
      return options.url || "/ws";
    }

    control.hello = function () {
      var m = options.hello();
      m.type = "hello";
      m.v = 1;
      if (open && !ready) { ask(m); }
    };

    control.send = function (m) { return ready && socket.send(JSON.stringify(m)); };

    /* ask sends what must be answered soon. */
    function ask(m) {
      owed = now();
      socket.send(JSON.stringify(m));
    }

    function receive(m) {
      owed = null;
      if (m.type === "welcome") {
        ready = true;
        talking = talking && m.resumed;
        socket.settled();
        set("open");
      } else if (m.type === "start" || m.type === "ended") {
        talking = m.type === "start";
      }
      if (!over()) { options.onmessage(m); }
    }

    /* closed returns when to try again, for everfile.socket. */
    function closed(code, reason) {
      var ours = again;
      open = ready = again = false;
      if (code === 4001) {
        end("replaced", reason);
      } else if (code >= 4400 && code < 5000 && code !== LATE) {
        end("refused", reason);
      } else {
        set("lost");
        if (ours) { return 0; }
      }
    }

    function drop() {
      ready = false;
      socket.drop();
    }

    function check() {
      var n = now(), silent = n - socket.heard;
      if (!socket.connected()) { return; }
      if (open ? owed !== null && n - owed > ANSWER : silent > CONNECT) {
        drop();
      } else if (ready && owed === null && silent > (talking ? LIVELY : QUIET)) {
        ask({ type: "who" });
      }
    }

    function end(word, text) {
      if (over()) { return; }
      clearInterval(timer);
      off();
      socket.stop(1000, "bye");
      open = ready = false;
      set(word, text);
    }

    control.reconnect = function () {
      if (over()) { return; }
      again = socket.connected();
      ready = false;
      if (again) { socket.drop(1000, "again"); } else { socket.retry(); }
    };

    control.close = function () { end("closed"); };
    control.state = function () { return current; };
    socket = everfile.socket({ url: address, onopen: function () { open = true; control.hello(); }, onmessage: receive, onclose: closed, soon: SOON });
    timer = setInterval(check, CHECK);
    // The network is back, and most likely another one: does the socket live?
    off = everfile.listen(root, "online", function () { if (ready && owed === null) { ask({ type: "who" }); } });
    set("connecting");
    socket.open();
    return control;
  };
}(window));
