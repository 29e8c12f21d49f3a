// Has a page obey a test that no driver connects with its browser: it asks for orders
// and posts the answers, as testdata/engines/webkitgtk.py does by lines. Injected before
// the page's own scripts, after listen.js, which keeps what they throw.
(async () => {
  "use strict";
  const wait = window.setTimeout.bind(window), ask = window.fetch.bind(window), now = Date.now;
  const value = async (js) => { const v = await (0, eval)("(" + js + ")"); return v === undefined ? null : v; };

  async function obey(order) {
    if (!order.until) { return value(order.eval); }
    let why = "it is false";
    for (const end = now() + order.seconds * 1000; now() < end; await new Promise((done) => wait(done, 50))) {
      try { if (await value(order.until)) { return true; } } catch (e) { why = String(e); }
    }
    throw new Error("never: " + why);
  }

  for (;;) {
    const order = await (await ask("/static/test/order", { cache: "no-store" })).json();
    let answer;
    try { answer = { value: await obey(order) }; } catch (e) { answer = { error: String(e.message || e) }; }
    await ask("/static/test/answer", { method: "POST", body: JSON.stringify(answer) });
  }
})();
