package e2e

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// engine is a browser of another family, in a process of its own with a fresh
// profile and one page; testdata/engines has its launchers. What it plays goes
// into a file instead of a sound card.
type engine struct {
	t       *testing.T
	name    string
	process *os.Process
	orders  io.Writer
	answers *bufio.Reader
	sound   string // the file that it writes what it plays into
	log     string // the file that holds what it complains of
}

// python is Debian's own, which has the engines' modules.
const python = "/usr/bin/python3"

// webkitGTK starts a WebKitGTK, in which the scripts run before every page's own.
func webkitGTK(t *testing.T, scripts ...string) *engine {
	t.Helper()
	engineNeeds(t, "Xvfb", python)
	return startEngine(t, "webkitgtk", "DISPLAY="+display(t), scripts)
}

// qtWebKit starts a QtWebKit, as webkitGTK does.
func qtWebKit(t *testing.T, scripts ...string) *engine {
	t.Helper()
	engineNeeds(t, python)
	return startEngine(t, "qtwebkit", "QT_QPA_PLATFORM=offscreen", scripts)
}

// display starts an X server that ends with the test, and returns its name.
func display(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-terminate", "-nolisten", "tcp", "-screen", "0", "1024x768x24")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // its lock file goes with it, if it is not killed
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	_ = r.SetReadDeadline(time.Now().Add(patience))
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb has no display: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

// engineNeeds skips a test by hand whose programs .ci/run does not install.
func engineNeeds(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: %v; testdata/README.md says what is needed", err)
		}
	}
}

func startEngine(t *testing.T, name, screen string, scripts []string) *engine {
	t.Helper()
	dir, err := os.MkdirTemp("", "everfile-"+name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // its last children may still be writing
	e := &engine{t: t, name: name, sound: filepath.Join(dir, "sound.wav"), log: filepath.Join(dir, "log")}
	first := filepath.Join(dir, "scripts")
	files := map[string]string{"alsoft.conf": "[general]\ndrivers = wave\n[wave]\nfile = " + e.sound + "\n"}
	for i, s := range append([]string{script(t, "listen.js")}, scripts...) {
		files[fmt.Sprintf("scripts/%03d.js", i)] = s
	}
	if err := os.Mkdir(first, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(e.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(python, filepath.Join("..", "..", "testdata", "engines", name+".py"), first)
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), screen, "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir,
		"ALSOFT_CONF="+filepath.Join(dir, "alsoft.conf"), "GST_PLUGIN_FEATURE_RANK=openalsink:MAX",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "NO_AT_BRIDGE=1", "GIO_USE_VFS=local", "GSETTINGS_BACKEND=memory")
	if cache, err := os.UserCacheDir(); err == nil {
		cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache) // finding GStreamer's plugins anew takes many seconds
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.kill()
		_ = cmd.Wait()
	})
	e.process, e.orders, e.answers = cmd.Process, in, bufio.NewReader(out)
	if a := e.answer(patience); a.Missing != "" {
		t.Skipf("SKIPPED, NOT TESTED: %s is not installed; testdata/README.md says what is needed", a.Missing)
	}
	return e
}

// kill ends the engine and its children.
func (e *engine) kill() { _ = syscall.Kill(-e.process.Pid, syscall.SIGKILL) }

type engineAnswer struct {
	Missing string
	Error   string
	Value   json.RawMessage
}

// answer reads the next answer, which must come within the limit.
func (e *engine) answer(limit time.Duration) (a engineAnswer) {
	e.t.Helper()
	defer time.AfterFunc(limit, e.kill).Stop()
	line, err := e.answers.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		e.t.Fatalf("%s is gone, or was ended after %v without an answer: %v %s\n%s", e.name, limit, err, line, e.complaints())
	}
	return a
}

// complaints is the end of what the engine wrote to its standard error.
func (e *engine) complaints() string {
	b, _ := os.ReadFile(e.log)
	return string(b[max(0, len(b)-2000):])
}

// order has an order obeyed.
func (e *engine) order(what map[string]any) json.RawMessage {
	e.t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		e.t.Fatal(err)
	}
	if _, err := e.orders.Write(append(b, '\n')); err != nil {
		e.t.Fatalf("%s is gone: %v\n%s", e.name, err, e.complaints())
	}
	a := e.answer(2 * patience)
	if a.Error != "" {
		delete(what, "seconds")
		page := ""
		if what["eval"] == nil {
			page = ask[string](e, `JSON.stringify(listening) + " " + (document.body ? document.body.innerText.slice(0, 600) : "")`)
		}
		e.t.Fatalf("%s, %v: %s; the page says %s\n%s", e.name, what, a.Error, page, e.complaints())
	}
	return a.Value
}

// open opens a page and waits until it is there.
func (e *engine) open(url string) {
	e.t.Helper()
	e.order(map[string]any{"open": url})
	e.until(fmt.Sprintf(`location.href === %q && document.readyState === "complete"`, url))
}

// until waits for an expression to become true. One that throws is not true yet.
func (e *engine) until(js string) {
	e.t.Helper()
	e.order(map[string]any{"until": js, "seconds": patience.Seconds()})
}

// ask returns the value of an expression; WebKitGTK awaits it if it is a promise.
func ask[T any](e *engine, js string) (v T) {
	e.t.Helper()
	if err := json.Unmarshal(e.order(map[string]any{"eval": js}), &v); err != nil {
		e.t.Fatalf("%s: %s: %v", e.name, js, err)
	}
	return v
}

// threw fails the test if the page has thrown.
func (e *engine) threw() {
	e.t.Helper()
	if errors := ask[[]string](e, `listening.errors`); len(errors) > 0 {
		e.t.Errorf("the page threw in %s: %s", e.name, strings.Join(errors, "; "))
	}
}

// hears waits until the engine has played a second in which a tone is 20 dB above
// all else, and returns by how much.
func (e *engine) hears(hz float64) float64 {
	e.t.Helper()
	const rate = 48000
	end, best, at := time.NewTimer(patience), math.Inf(-1), 0
	defer end.Stop()
	for look := time.NewTicker(100 * time.Millisecond); ; {
		pcm := e.played()
		for ; len(pcm)-at >= rate; at += rate {
			best = max(best, toneIn(sixteen(pcm[at:at+rate]), hz, rate))
		}
		if best >= 20 {
			look.Stop()
			return best
		}
		select {
		case <-look.C:
		case <-end.C:
			e.t.Fatalf("%s has played %d samples; the tone at %g Hz is %.1f dB above the rest; expected 20\n%s\n%s",
				e.name, len(pcm), hz, best, ask[string](e, `JSON.stringify(listening)`), e.complaints())
		}
	}
}

// played is the left channel of what the engine has played so far.
func (e *engine) played() (left []float32) {
	b, _ := os.ReadFile(e.sound) // it comes when something is played
	const head = 68
	if len(b) < head || binary.LittleEndian.Uint16(b[22:]) != 2 || binary.LittleEndian.Uint16(b[34:]) != 32 {
		return nil
	}
	pcm := streamtest.Floats(b[head : head+(len(b)-head)/8*8])
	for i := 0; i < len(pcm); i += 2 {
		left = append(left, pcm[i])
	}
	return left
}

// sixteen is floats as 16-bit samples.
func sixteen(floats []float32) (b []byte) {
	for _, v := range floats {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(32767*max(-1, min(1, v)))))
	}
	return b
}
