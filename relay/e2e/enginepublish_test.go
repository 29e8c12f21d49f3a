package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"everfile/relay"
)

// noCamera has the record page ask for the microphone only, as somebody has chosen
// there before.
const noCamera = `try { localStorage.setItem("everfile.camera", "none"); } catch (e) { /* it asks for both */ }`

// recordIn opens the record page in an engine, with microphones that give a tone, and
// returns the URL of the file that comes of it once that is written.
func recordIn(t *testing.T, e *engine, s *site, name string) (path string) {
	t.Helper()
	e.open(s.url + "/static/record.html?name=" + name)
	ask[bool](e, `(document.getElementById("start").click(), true)`)
	e.until(`everfile.page.publisher.stats().acked > 0`)
	return ask[string](e, `document.getElementById("link").href.split("url=")[1]`)
}

// heardIn plays a file in Chromium's watch page and demands the tone.
func heardIn(t *testing.T, b *browser, s *site, path string, hz int) {
	t.Helper()
	p := b.newTab(script(t, "measure.js"))
	p.open(s.url + "/static/watch.html?url=" + path)
	p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "playing"`)
	moving(p)
	hears(p, hz)
}

// WebKitGTK's recorder writes no WebM, so the record page sends MP4; without a
// recorder the sound as it is. Chromium hears both.
func TestWebKitGTKRecords(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	b := startChromium(t)
	rows := []struct{ name, want, without string }{
		{"aac", "/aac.mp4", ""},
		{"plain", "/plain.wav", "delete window.MediaRecorder;"},
	}
	var engines []*engine
	for _, row := range rows {
		e := webkitGTK(t, row.without, noCamera, "window.testDevices = {tone: 1000}", script(t, "devices.js"))
		if path := recordIn(t, e, s, row.name); path != row.want {
			t.Errorf("it records into %s; expected %s", path, row.want)
		}
		engines = append(engines, e)
	}
	for i, row := range rows {
		heardIn(t, b, s, row.want, 1000)
		engines[i].threw()
	}
}

// Debian's WebKitGTK says that it records pictures, starts, and nothing ever comes:
// the record page goes on with the sound.
func TestDeadRecorder(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	e := webkitGTK(t, "window.testDevices = {tone: 1000, width: 160, height: 90, fps: 5}", script(t, "devices.js"))
	path := recordIn(t, e, s, "dead")
	t.Logf("it records into %s", path)
	heardIn(t, startChromium(t), s, path, 1000)
	e.threw()
}

// What the recorder of WebKitGTK does with the engine's own mock devices: a log.
func TestWebKitGTKRecorderFacts(t *testing.T) {
	long(t)
	s := serve(t, relay.Options{})
	e := webkitGTK(t)
	e.open(s.url + "/live")
	for _, kind := range []string{"audio/mp4", "audio/mp4;codecs=opus", "video/mp4", "audio/webm;codecs=opus", "video/webm;codecs=vp8,opus", "audio/ogg;codecs=opus"} {
		got := ask[json.RawMessage](e, fmt.Sprintf(`(async () => {
			const kind = %q, said = { supported: MediaRecorder.isTypeSupported(kind), chunks: [] };
			const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: kind.startsWith("video") });
			try {
				const r = new MediaRecorder(stream, { mimeType: kind }), began = Date.now();
				r.ondataavailable = (e) => said.chunks.push([Date.now() - began, e.data.size]);
				r.onerror = (e) => { said.error = String(e.error); };
				r.start(100);
				await new Promise((done) => setTimeout(done, 4000));
				const stopped = new Promise((done) => { r.onstop = done; });
				r.stop();
				await stopped;
				said.kind = r.mimeType;
			} catch (e) {
				said.threw = String(e);
			}
			stream.getTracks().forEach((t) => t.stop());
			return said;
		})()`, kind))
		t.Logf("%s: %s", kind, got)
	}
}
