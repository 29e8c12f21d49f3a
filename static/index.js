/* Lines for a terminal carry the address that this browser knows the server by, which
 * behind a proxy is not what the server sees; on the first page they can be copied. */
(function (root) {
  "use strict";

  var doc = root.document;
  function all(selector, fn) { Array.prototype.forEach.call(doc.querySelectorAll(selector), fn); }
  all(".origin", function (e) { e.textContent = root.location.origin; });
  all(".uses .copy", function (e) { root.everfile.page.copyable(e); });
}(window));
