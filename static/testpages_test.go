package static

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The pages of testdata/pages that make a call by themselves, where something of it
// fails: they say so, and go on.
func TestPagesThatCall(t *testing.T) {
	text := ""
	for _, name := range []string{"packets", "rooms"} {
		b, err := os.ReadFile(filepath.Join("..", "testdata", "pages", name+".html"))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("%s.html: no script", name)
		}
		text += "\nfunction " + name + "(window, document, location, navigator, WebSocket, RTCPeerConnection, Promise) {" + string(m[1]) + "}\n"
	}
	node(t, doms+text, testPagesTest, "everfile.js")
}

const testPagesTest = `
// done and failed are promises that do what follows at once.
const follow = (f, v) => { try { const r = f(v); return r && r.then ? r : done(r); } catch (e) { return failed(e); } };
const done = (v) => ({ then: (f) => follow(f, v), catch: () => done(v) });
const failed = (e) => ({ then: () => failed(e), catch: (f) => follow(f, e) });

class Peer {
  constructor() { this.iceGatheringState = "complete"; this.asked = []; }
  addTrack() {}
  addIceCandidate() { return failed(new Error("No such candidate.")); }
  createOffer() { return this.bad ? failed(new Error("No offer.")) : done({ type: "offer", sdp: "mine" }); }
  createAnswer() { return done({ type: "answer", sdp: "mine" }); }
  setLocalDescription(d) { this.localDescription = d; return done(); }
  setRemoteDescription(d) { this.asked.push(d.sdp); return d.sdp === "bad" ? failed(new Error("Bad SDP.")) : done(); }
}

let peer, socket;
const says = () => made.status.textContent;
const hears = (text) => socket.onmessage({ data: text });

function open(script, hash, devices) {
  dom();
  class S { constructor() { this.readyState = 1; this.said = []; socket = this; } send(text) { this.said.push(text); } }
  S.OPEN = 1;
  script(window, window.document, { search: "?room=r", host: "test", hash, href: "http://test/" + hash }, { mediaDevices: { getUserMedia: () => devices } },
    S, class extends Peer { constructor() { super(); peer = this; } }, function (f) { f(() => {}); return done(); });
}

const packet = (o) => hears("SDP\n" + JSON.stringify(o));
const hopeless = () => failed(new Error("No camera."));
const media = () => done(stream("audio", "video"));

test("packets: what fails is said, and what comes next is done", () => {
  open(packets, "", hopeless());
  assert.equal(says(), "failed: No camera.");
  packet({ messageType: "OFFER", offererSessionId: "x", seq: 1, sdp: "bad" });
  assert.equal(says(), "failed: Bad SDP.");
  hears("SDP\n{");
  assert.match(says(), /^failed: .*JSON/);
  packet({ messageType: "OFFER", offererSessionId: "x", seq: 1, sdp: "good" });
  assert.deepEqual([peer.asked, socket.said.length], [["bad", "good"], 1]);
  open(packets, "", media());
  peer.bad = true;
  made.connect.onclick();
  assert.equal(says(), "failed: No offer.");
  packet({ messageType: "OK" });
  assert.equal(says(), "connected");
});

test("rooms: what fails is said, and what comes next is done", () => {
  open(rooms, "#1", hopeless());
  assert.equal(says(), "failed: No camera.");
  open(rooms, "#1", media());
  assert.equal(says(), "in room 1");
  hears("0:" + JSON.stringify({ candidate: "x" }));
  assert.equal(says(), "failed: No such candidate.");
  hears("0:" + JSON.stringify({ type: "answer", sdp: "good" }));
  assert.deepEqual(peer.asked, ["good"]);
});
`
