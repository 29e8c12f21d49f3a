/*
 * everfile.parting: what was left on this side, until the server knows. A call is left
 * here and now, whether or not that can be said; it is said again whenever the server
 * speaks of that call.
 *
 *   parting(say) has
 *     go(who, words)     left: the message words says so, once its call has a name; who is the other one
 *     met(m, who)        whether m, of a call with who, is of the one that was left; says so again
 *     ended(call)        the server has ended it; returns whether it was joined anew meanwhile
 *     anew(call)         it is joined again
 *     unnamed()          it was left before it had a name
 *     undo(who)          the call to who that was left before it had a name will do: it is on
 *                        its way; returns false if it is not
 *     linked(resumed)    the connection is a new one
 *     forget()           nothing was left
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};

  everfile.parting = function (say) {
    var parting = {}, left = null;   // {to, message, said: on this connection, lost: an older one, anew}

    function tell() { left.said = say(left.message) || left.said; }

    parting.go = function (who, words) {
      left = { to: who, message: words, said: false, lost: false, anew: false };
      if (words.call) { tell(); }
    };

    parting.met = function (m, who) {
      if (!left || (left.message.call ? left.message.call !== m.call : left.to !== who)) { return false; }
      left.message.call = m.call;
      if (!left.said) { tell(); }
      return true;
    };

    parting.ended = function (call) {
      var again = !!left && left.message.call === call && left.anew;
      if (left && left.message.call === call) { left = null; }
      return again;
    };

    /* What was said is answered first, before what is said now. */
    parting.anew = function (call) {
      if (!left || left.message.call !== call) { return; }
      if (left.said) { left.anew = true; } else { left = null; }
    };

    parting.unnamed = function () { return !!left && !left.message.call; };

    parting.undo = function (who) {
      if (!parting.unnamed() || left.lost || left.to !== who) { return false; }
      left = null;
      return true;
    };

    parting.linked = function (resumed) {
      if (!left) { return; }
      if (!resumed || left.anew) { left = null; return; }
      left.lost = true;
      left.said = false;
      if (left.message.call) { tell(); }   // before anything else is said
    };

    parting.forget = function () { left = null; };
    return parting;
  };
}(window));
