/*
 * everfile.upload: publishes a file that was recorded before, for browsers that give
 * pages no microphone but an <input> that records. It is heard while it arrives, at its
 * own speed.
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};
  var FORMAT = [400, 406, 415];   // the refusals that are of what is sent; others pass
  var REST = 3000;   // ms that those who listen are behind the end of what has arrived
  var TEXT = {
    connecting: "Connecting.",
    recording: "What you recorded is being sent.",
    stopped: "What you recorded has been sent.",
    failed: "What you recorded could not be sent: ",
    gone: "the connection was lost."
  };

  /*
   * upload(options) begins, and returns what everfile.publish would.
   *
   *   url       where, with the key
   *   stream    {blob, mime}
   *   onstate   as in publish
   */
  everfile.upload = function (options) {
    var request = new root.XMLHttpRequest(), current = "", over = false, timer = null, sent = 0;

    function tell(word, more, format) {
      current = word;
      options.onstate(word, TEXT[word] + (more || ""), !!format);
    }

    function end(word, more, format) {
      if (over) { return; }
      over = true;
      clearTimeout(timer);
      tell(word, more, format);
    }

    function answered() {
      if (request.readyState !== 4 || over) { return; }
      if (request.status >= 200 && request.status < 300) {
        timer = setTimeout(function () { end("stopped"); }, REST);
      } else {
        end("failed", request.responseText || TEXT.gone, FORMAT.indexOf(request.status) >= 0);
      }
    }

    tell("connecting");
    request.open("PUT", everfile.absolute(options.url), true);
    request.setRequestHeader("Content-Type", options.stream.mime);
    request.onreadystatechange = answered;
    if (request.upload) {
      request.upload.onprogress = function (e) { sent = e.loaded; };
    }
    request.send(options.stream.blob);
    tell("recording");

    return {
      run: "",
      stop: function (done) {
        if (!over) {
          over = true;
          clearTimeout(timer);
          request.abort();
          tell("stopped");
        }
        if (done) { done(); }
      },
      restart: function () { /* it goes on: what was recorded stays what it is */ },
      nudge: function () { /* it cannot be taken up in the middle */ },
      stats: function () { return { state: current, bytes: options.stream.blob.size - sent, total: sent }; }
    };
  };
}(window));
