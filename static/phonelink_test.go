package static

import "testing"

// A phone whose connection breaks, at any moment of a call.
func TestPhoneLink(t *testing.T) { phoning(t, phoneLinkTest) }

const phoneLinkTest = `
test("the connection comes back in a call", () => {
  talk();
  lose();
  assert.deepEqual(running(), [1, 1]);
  link(true);
  start();
  advance(10000);
  assert.deepEqual(running(), [1, 1]);
  assert.equal(publishers[0].runs.length, 1);
  assert.deepEqual([publishers[0].nudged, watchers[0].nudged], [1, 1], "and so is the network for the files");
  assert.equal(of("ended").length, 0);
  assert.deepEqual(states(), ["idle", "ringing", "talking"]);
});

test("the server is replaced in a call", () => {
  talk();
  hear({ type: "goaway" });
  lose();
  advance(1000);
  link(true);
  start({ peers: [{ caller: "bob", media: both, away: true }] });
  start();
  advance(10000);
  assert.deepEqual(running(), [1, 1]);
  assert.deepEqual(publishers[0].runs, [VP8]);
  assert.equal(of("ended").length, 0);
  assert.deepEqual(states(), ["idle", "ringing", "talking"]);
});

test("the server has forgotten the call", () => {
  talk();
  lose();
  link(false);
  assert.deepEqual(running(), [0, 0]);
  assert.equal(of("ended")[0].reason, "gone");
  assert.match(of("ended")[0].text, /^[A-Z].*\.$/);
  assert.equal(now(), "idle");
});

test("the call ended while the connection was away", () => {
  talk();
  lose();
  link(true);
  advance(1900);
  assert.equal(now(), "talking");
  advance(200);
  assert.equal(of("ended")[0].reason, "gone");
  assert.deepEqual(running(), [0, 0]);
  for (const kind of ["ringing", "calling"]) {
    begin();
    link();
    if (kind === "calling") { phone.call("bob", both); }
    hear(kind === "calling" ? { type: "ringing", call: "c", to: "bob" } : { type: "invite", call: "c", from: "bob", media: both });
    lose();
    link(true);
    hear({ type: "online", callers: [] });
    advance(2500);
    assert.equal(of("ended").length, 1, kind);
    assert.equal(now(), "idle");
  }
});

test("lost again before the doubt is settled", () => {
  talk();
  lose();
  link(true);
  lose();
  advance(60000);
  assert.equal(now(), "talking", "the media goes on without");
});

test("another window took over", () => {
  talk();
  linked = false;
  control.onstate("replaced", "");
  assert.deepEqual(running(), [0, 0]);
  assert.equal(of("ended")[0].reason, "gone");
});

test("a page that is loaded again is where it was", () => {
  for (const [message, state] of [
    [{ type: "invite", call: "c", from: "bob", media: both }, "ringing"],
    [{ type: "ringing", call: "c", to: "bob", media: both }, "calling"],
    [{ type: "start", call: "c", publish: [], play: [play()], peers: [{ caller: "bob", media: both }] }, "talking"],
  ]) {
    begin("secret");
    assert.equal(control.hello().resume, "secret");
    link(true);
    hear(message);
    hear({ type: "online", callers: [] });
    advance(5000);
    assert.deepEqual(states(), [state]);
    assert.deepEqual(of("state")[0].peer, "bob");
  }
  begin("secret");
  link(true);
  hear({ type: "online", callers: [] });
  assert.deepEqual(states(), ["idle"]);
});

test("an accept that was lost is said again", () => {
  begin();
  link();
  hear({ type: "invite", call: "c", from: "bob", media: both });
  phone.accept(voice);
  phone.accept(voice);
  hear({ type: "invite", call: "c", from: "bob", media: voice });
  assert.equal(sent("accept").length, 1, "the invite only changed");
  lose();
  link(true);
  hear({ type: "invite", call: "c", from: "bob", media: voice });
  assert.equal(sent("accept").length, 2);
  assert.deepEqual(states(), ["idle", "ringing", "ringing"], "and rings no second time");
});

test("hung up without a connection", () => {
  talk();
  lose();
  assert.equal(phone.hangup(), true);
  assert.equal(now(), "idle");
  assert.deepEqual(running(), [0, 0]);
  link(true);
  start();
  assert.equal(now(), "idle");
  assert.deepEqual(sent("hangup"), [{ type: "hangup", call: "c", reason: undefined }]);
  assert.deepEqual(running(), [0, 0]);
  hear({ type: "ended", call: "c", reason: "hangup", by: "alice" });
  assert.equal(of("ended").length, 1);
  start({ call: "d" });
  assert.equal(now(), "talking", "the next call is another one");
});

test("refused without a connection", () => {
  begin();
  link();
  hear({ type: "invite", call: "c", from: "bob", media: both });
  lose();
  phone.reject("Later.");
  link(true);
  hear({ type: "invite", call: "c", from: "bob", media: both });
  assert.deepEqual(sent("reject"), [{ type: "reject", call: "c", reason: "Later." }]);
  assert.equal(now(), "idle");
});

test("cancelled before the server has named the call", () => {
  begin();
  link();
  phone.call("bob", both);
  phone.cancel();
  assert.equal(of("ended")[0].reason, "cancelled");
  hear({ type: "ringing", call: "c", to: "bob", media: both });
  assert.equal(sent("cancel")[0].call, "c");
  assert.deepEqual(states(), ["idle"]);
  hear({ type: "ended", call: "c", reason: "cancelled", by: "alice" });
  phone.call("bob", both);
  assert.equal(sent("invite").length, 2);
});

test("cancelled, and refused anyway", () => {
  begin();
  link();
  phone.call("bob", both);
  phone.cancel();
  phone.call("carol", both);
  hear({ type: "error", re: "invite", code: "busy", text: "" });
  assert.equal(now(), "calling");
  assert.equal(of("error").length, 0);
  hear({ type: "ringing", call: "c", to: "carol" });
  assert.equal(of("state")[1].peer, "carol");
});

test("called again while the cancelled one is under way", () => {
  begin();
  link();
  phone.call("bob", both);
  phone.cancel();
  phone.call("bob", voice);
  assert.equal(sent("invite").length, 1);
  hear({ type: "ringing", call: "c", to: "bob", media: both });
  assert.equal(now(), "calling");
  assert.deepEqual(sent("media"), [{ type: "media", call: "c", media: voice }]);
  begin();
  link();
  phone.call("bob", both);
  phone.cancel();
  lose();
  link(true);
  phone.call("bob", voice);
  assert.equal(sent("invite").length, 2, "that one was lost");
});

test("a call that is gone when it is accepted", () => {
  begin();
  link();
  hear({ type: "invite", call: "c", from: "bob", media: both });
  phone.accept(both);
  hear({ type: "error", re: "accept", code: "no-match", call: "c", text: "You are in no such call." });
  assert.equal(now(), "idle");
  assert.equal(of("ended")[0].reason, "gone");
  hear({ type: "error", re: "media", code: "no-match", call: "c", text: "You are in no such call." });
  assert.equal(of("error").length, 1, "what concerns a call that is over is kept");
});

test("a name that is taken", () => {
  begin();
  linked = true;
  hear({ type: "error", re: "hello", code: "taken", suggest: "alice-2", text: "alice is in use." });
  assert.deepEqual(of("taken"), [{ type: "taken", suggest: "alice-2", text: "alice is in use." }]);
  assert.equal(of("error").length, 0);
  phone.hello("alice-2");
  assert.deepEqual([sent("hello")[0].caller, sent("hello")[0].resume], ["alice-2", ""]);
  link();
  phone.hello("alice-3");
  assert.equal(sent("(reconnect)").length, 1, "a connection keeps its name");
  assert.equal(control.hello().caller, "alice-3");
});

test("the token is kept for the next connection", () => {
  begin();
  assert.equal(control.hello().resume, "");
  link();
  assert.equal(control.hello().resume, "secret");
});

test("close hangs up and goes", () => {
  talk();
  phone.close();
  assert.equal(sent("hangup").length, 1);
  assert.equal(said[said.length - 1].type, "(close)");
  assert.deepEqual(running(), [0, 0]);
  assert.equal(timers.length, 0);
});
`
