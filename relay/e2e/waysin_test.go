package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"everfile/relay"
	"everfile/stream"
	"everfile/stream/streamtest"
)

// waysIn is one server, and one page that listens, for every way to publish.
type waysIn struct {
	t    *testing.T
	s    *site
	page *tab
	tone int    // Hz of what talk.mp3 holds and of the page's microphone
	talk string // that file
}

func startWaysIn(t *testing.T) *waysIn {
	t.Helper()
	thorough(t)
	need(t, "chromium", "ffmpeg", "ffprobe", "curl")
	w := &waysIn{t: t, tone: 880, talk: filepath.Join(t.TempDir(), "talk.mp3")}
	// A source that breaks its connection has its file for a moment longer.
	w.s = serve(t, relay.Options{Stream: stream.Options{Grace: 500 * time.Millisecond}})
	run(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=44100:duration=40", w.tone),
		"-af", "volume=12dB", "-ac", "2", "-b:a", "128k", w.talk)
	w.page = startChromium(t).newTab(fmt.Sprintf("window.testDevices = {tone: %d}", w.tone), script(t, "devices.js"), script(t, "measure.js"))
	w.page.open(w.s.url + "/live")
	return w
}

// recipe returns the README's command, or lines of code, that begin with some words,
// made fit for this server and this file.
func (w *waysIn) recipe(begin string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		w.t.Fatal(err)
	}
	_, rest, inline := strings.Cut(string(b), "`"+begin)
	end := "`"
	if !inline {
		_, rest, inline = strings.Cut(string(b), "\n    "+begin)
		end = "\n\n"
	}
	code, _, ended := strings.Cut(begin+rest, end)
	if !inline || !ended {
		w.t.Fatalf("the README has no %q", begin)
	}
	host := strings.TrimPrefix(w.s.url, "http://")
	return strings.NewReplacer("localhost:8080", host, "talk.mp3 ", w.talk+" ", `\|`, "|").Replace(code)
}

// begin runs a command that publishes; what it returns interrupts it, and waits.
func (w *waysIn) begin(t *testing.T, command string) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what it starts is interrupted, too
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
			_ = cmd.Wait() // it was interrupted
			if t.Failed() {
				t.Logf("%s: %s", command, out.String())
			}
		}
	}
	t.Cleanup(end)
	return end
}

// pageIn is the page, for a part of the test.
func (w *waysIn) pageIn(t *testing.T) *tab { return &tab{t: t, ctx: w.page.ctx} }

// heard fails unless a plain element of the page plays the tone that is published.
func (w *waysIn) heard(t *testing.T, path string) {
	t.Helper()
	p := w.pageIn(t)
	eval[bool](p, fmt.Sprintf(`(function () {
		var old = document.querySelector("audio"), a = document.createElement("audio");
		if (old) { old.src = ""; old.remove(); }
		document.body.appendChild(a);
		a.src = %q;
		return a.play().then(function () { return true; });
	}())`, path+"?pad=200"))
	hearsIn(p, "audio", w.tone)
}

// What the README says of programs that publish, and more of them when somebody has
// time: each is heard in Chromium, and its end is the file's.
func TestWaysIn(t *testing.T) {
	w := startWaysIn(t)
	mp3, ogg := w.recipe("ffmpeg -re -i talk.mp3 -c copy -content_type"), w.recipe("ffmpeg -re -i talk.mp3 -c:a libopus -content_type")
	from, source := "ffmpeg -v error -re -i "+w.talk+" ", strings.Replace(w.s.url, "http://", "icecast://source:PASSWORD@", 1)
	const always = 4 // the rest when somebody has time
	for i, row := range []struct{ name, path, command string }{
		{"icecast MP3", "/talk.mp3", mp3},
		{"icecast Ogg", "/talk.ogg", ogg},
		{"legacy icecast MP3", "/old.mp3", from + "-c copy -content_type audio/mpeg -legacy_icecast 1 -f mp3 " + source + "/old"},
		{"PUT of fragmented MP4", "/p.mp4", from + "-c:a aac -movflags empty_moov+default_base_moof -frag_duration 200000 -f mp4 -method PUT " + w.s.url + "/p.mp4"},
		{"legacy icecast Ogg", "/old.ogg", from + "-c:a libvorbis -content_type audio/ogg -legacy_icecast 1 -f ogg " + source + "/old.ogg"},
		{"icecast AAC without an extension", "/plain.aac", from + "-c:a aac -content_type audio/aac -f adts " + source + "/plain"},
		{"icecast WebM", "/w.webm", from + "-c:a libopus -content_type audio/webm -cluster_time_limit 100 -f webm " + source + "/w.webm"},
		{"PUT of WebM", "/p.webm", from + "-c:a libopus -cluster_time_limit 100 -f webm -method PUT " + w.s.url + "/p.webm"},
		{"PUT of Ogg", "/p.ogg", from + "-c:a libopus -page_duration 100000 -f ogg -method PUT " + w.s.url + "/p"},
		{"PUT of MP3", "/p.mp3", from + "-c copy -f mp3 -method PUT " + w.s.url + "/p.mp3"},
		{"PUT of ADTS", "/p.aac", from + "-c:a aac -f adts -method PUT " + w.s.url + "/p.aac"},
		{"PUT of FLAC", "/p.flac", from + "-c:a flac -f flac -method PUT " + w.s.url + "/p"},
		{"curl of a file", "/c.mp3", "curl -sST " + w.talk + " " + w.s.url + "/c.mp3"},
		{"curl of a pipe", "/c.mp3", from + "-c copy -f mp3 - | curl -sST - " + w.s.url + "/c"},
		{"curl of a form", "/c.mp3", "curl -sS -F note=hello -F file=@" + w.talk + " " + w.s.url + "/c"},
	} {
		if i >= always && !streamtest.Long() {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			end := w.begin(t, row.command)
			untilLive(t, w.s.url+row.path)
			body := w.s.follow(t, row.path)
			w.heard(t, row.path)
			if row.command == mp3 {
				w.titles(t)
			}
			end()
			if n := len(body()); n < 4000 {
				t.Errorf("a listener had %d bytes", n)
			}
		})
	}
	t.Run("webcast", w.webcast)
	t.Run("form", w.form)
}

// titles are what the README's line says plays, as a player shows them.
func (w *waysIn) titles(t *testing.T) {
	t.Helper()
	run(t, "sh", "-c", w.recipe("curl -u source:PASSWORD"))
	out := run(t, "ffprobe", "-v", "error", "-show_entries", "format_tags", w.s.url+"/talk.mp3")
	if !strings.Contains(out, "TAG:StreamTitle=Artist - Title\n") {
		t.Errorf("a player shows %q", out)
	}
	if out := run(t, "ffmpeg", "-v", "warning", "-i", w.s.url+"/talk.mp3", "-t", "4", "-f", "null", "-"); strings.Contains(strings.ReplaceAll(out, "Estimating duration from bitrate", ""), "mp3") {
		t.Errorf("ffmpeg decodes the body between the titles with %q", out)
	}
}

// webcast runs the README's client, with a browser's recorder: it is heard, its title
// is listed, and one whose recorder began too early is told so.
func (w *waysIn) webcast(t *testing.T) {
	p := w.pageIn(t)
	eval[bool](p, `navigator.mediaDevices.getUserMedia({audio: true}).then(stream => {
		`+w.recipe(`const s = new WebSocket("ws://localhost:8080/talk", "webcast");`)+`
		s.onclose = e => { window.closedWith = e.code; };
		window.end = () => { r.onstop = () => s.close(); r.stop(); };
		window.say = say;
		return true;
	})`)
	untilLive(t, w.s.url+"/talk.webm")
	w.heard(t, "/talk.webm")
	eval[bool](p, `(window.say("metadata", {artist: "A", title: "T"}), true)`)
	p.until(`(x => { x.open("GET", "/api/streams", false); x.send(); return JSON.parse(x.responseText).streams[0].metadata.title === "A - T"; })(new XMLHttpRequest())`)
	body := w.s.follow(t, "/talk.webm")
	eval[bool](p, `(window.end(), true)`)
	body() // ends with the client
	p.until(`window.closedWith === 1005 || window.closedWith === 1000`)
	got := eval[string](p, fmt.Sprintf(`navigator.mediaDevices.getUserMedia({audio: true}).then(stream => new Promise(done => {
		const r = new MediaRecorder(stream);
		let s;
		r.ondataavailable = e => {
			if (!s) {
				s = new WebSocket(%q, "webcast");
				s.onopen = () => s.send(JSON.stringify({type: "hello", data: {mime: r.mimeType}}));
				s.onclose = e => { r.stop(); done(e.code + " " + e.reason); };
			} else if (s.readyState === 1) s.send(e.data);
		};
		r.start(50);
	}))`, "ws"+strings.TrimPrefix(w.s.url, "http")+"/late"))
	if got != "1007 These bytes do not begin like webm: what came before onopen is lost, its header too. Start the recorder in onopen." {
		t.Errorf("a recorder that began too early is told %q", got)
	}
}

// form sends the README's form, in a browser, with what its recorder made: it is heard
// while it uploads, and the answer is for people.
func (w *waysIn) form(t *testing.T) {
	p := w.pageIn(t)
	form, err := json.Marshal(w.recipe(`<form method="post"`))
	if err != nil {
		t.Fatal(err)
	}
	size := eval[int](p, `navigator.mediaDevices.getUserMedia({audio: true}).then(stream => new Promise(done => {
		const frame = document.createElement("iframe");   // so that this page stays, and listens
		frame.name = "answer";
		document.body.innerHTML = `+string(form)+`;
		document.body.append(frame);
		document.querySelector("form").target = "answer";
		const r = new MediaRecorder(stream);
		r.ondataavailable = e => {
			const files = new DataTransfer();
			files.items.add(new File([e.data], "speech.webm", {type: r.mimeType}));
			document.querySelector("input").files = files.files;
			done(e.data.size);
		};
		r.start();
		setTimeout(() => r.stop(), 4000);
	}))`)
	eval[bool](p, `(document.querySelector("button").click(), true)`)
	untilLive(t, w.s.url+"/talk.webm")
	w.heard(t, "/talk.webm") // afterwards it would be a 404
	p.until(fmt.Sprintf(`document.querySelector("iframe").contentDocument.body.innerText.trim() === "%d bytes are in the file; it has ended."`, size))
}
