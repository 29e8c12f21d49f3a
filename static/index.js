/* The first page: the examples carry this server's own address. */
(function (root) {
  "use strict";

  var doc = root.document, i, list;
  list = doc.querySelectorAll(".origin");
  for (i = 0; i < list.length; i++) { list[i].textContent = root.location.origin; }
  list = doc.querySelectorAll(".uses .copy");
  for (i = 0; i < list.length; i++) { root.everfile.page.copyable(list[i]); }
}(window));
