/*
 * everfile.roster: who else is in a call, told as it changes.
 *
 *   roster(on) has
 *     set(peers)     the list of a start: "peer" is told for who is new or has changed,
 *                    "left" for who is not there any more
 *     left(who, why) somebody has left, by a word that comes before the list
 *     end()          the call is over
 */
(function (root) {
  "use strict";

  var everfile = root.everfile = root.everfile || {};

  everfile.roster = function (on) {
    var roster = {}, told = [];   // [{caller, words}]

    function find(list, who) { return list.filter(function (p) { return p.caller === who; })[0]; }

    function meet(p) {
      var e = { caller: p.caller, media: p.media, away: !!p.away, plays: p.plays || 0 };
      var now = JSON.stringify(e), known = find(told, p.caller);
      if (known && known.words === now) { return; }
      if (known) { known.words = now; } else { told.push({ caller: p.caller, words: now }); }
      on("peer", e);
    }

    roster.left = function (who, why) {
      var known = find(told, who);
      if (!known) { return; }
      told.splice(told.indexOf(known), 1);
      on("left", { caller: who, text: why || "" });
    };

    roster.set = function (peers) {
      var list = told;
      list.slice().forEach(function (p) { if (list === told && !find(peers, p.caller)) { roster.left(p.caller, ""); } });
      peers.forEach(function (p) { if (list === told) { meet(p); } });   // until the page leaves meanwhile
    };

    roster.end = function () { told = []; };
    return roster;
  };
}(window));
