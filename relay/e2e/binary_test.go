package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// The commands as people run them: the built program, in processes of its own.
func TestBinary(t *testing.T) {
	need(t, "go", "curl")
	program := filepath.Join(t.TempDir(), "everfile")
	run(t, "go", "build", "-o", program, "everfile")
	for name, test := range map[string]func(*testing.T, string){
		"push, tail and curl": pushTailCurl,
		"probe":               probe,
		"SIGTERM":             func(t *testing.T, program string) { signalled(t, program, syscall.SIGTERM) },
		"SIGINT":              func(t *testing.T, program string) { signalled(t, program, os.Interrupt) },
		"TLS":                 selfSigned,
		"environment":         environment,
		"bad arguments":       badArguments,
		"bench":               bench,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, program)
		})
	}
}

// process is a program under way.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader // to be read to its end before over is called
	stderr bytes.Buffer  // once it is over
	over   func() error
}

func launch(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := prepare(t, name, args...)
	p.start()
	return p
}

// prepare is launch without the start.
func prepare(t *testing.T, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	p := &process{t: t, cmd: exec.CommandContext(ctx, name, args...)}
	p.cmd.Stderr = &p.stderr
	p.over = sync.OnceValue(p.cmd.Wait)
	t.Cleanup(func() {
		cancel()
		_ = p.over() // whatever became of it
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.stdout = bufio.NewReader(out)
}

// all waits for the process to end well and returns what it printed.
func (p *process) all() []byte {
	p.t.Helper()
	b, err := io.ReadAll(p.stdout)
	if err != nil {
		p.t.Error(err)
	}
	if err := p.over(); err != nil {
		p.t.Errorf("%v: %v\n%s", p.cmd.Args, err, &p.stderr)
	}
	return b
}

// fails waits for the process to end with an error and a sentence.
func (p *process) fails(want string) {
	p.t.Helper()
	b, _ := io.ReadAll(p.stdout)
	if err := p.over(); err == nil || p.cmd.ProcessState.ExitCode() <= 0 {
		p.t.Errorf("%v ended with %v, saying %s", p.cmd.Args, err, b)
	}
	if !strings.Contains(p.stderr.String(), want) {
		p.t.Errorf("%v says %q; expected %q in it", p.cmd.Args, &p.stderr, want)
	}
}

// server starts the program as a server and returns its URL.
func server(t *testing.T, program string, args ...string) (*process, string) {
	t.Helper()
	p := launch(t, program, args...)
	line, err := p.stdout.ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "Open ")
	if err != nil || !ok || !strings.Contains(url, "://127.0.0.1:") {
		cancelled := p.cmd.Process.Kill()
		t.Fatalf("the server says %q (%v, %v, %v)\n%s", line, err, cancelled, p.over(), &p.stderr)
	}
	return p, strings.TrimSuffix(url, "/")
}

func kept(t *testing.T, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// ends demands that a listener got a header and then the file's sound to its end.
func ends(t *testing.T, got, file []byte) {
	t.Helper()
	if len(got) < 44+20_000 || !bytes.HasPrefix(got, []byte("RIFF\xff\xff\xff\xffWAVE")) || !bytes.HasSuffix(file, got[44:]) {
		t.Errorf("a listener got %d bytes, which are not the last of the file's %d", len(got), len(file))
	}
}

func pushTailCurl(t *testing.T, program string) {
	_, url := server(t, program, "--listen", "127.0.0.1:0")
	file := streamtest.Wave(2 * time.Second)
	tail := launch(t, program, "tail", url+"/a.wav?wait=1m")
	curl := launch(t, "curl", "-sSN", url+"/a.wav?wait=1m")
	push := launch(t, program, "push", kept(t, "in.wav", file), url+"/a.wav")
	push.all()
	if want := fmt.Sprintf("%d bytes are in the file; it has ended.\n", len(file)); push.stderr.String() != want {
		t.Errorf("push says %q", &push.stderr)
	}
	ends(t, tail.all(), file)
	ends(t, curl.all(), file)
	if !strings.HasPrefix(tail.stderr.String(), "wav (pcm 16 bit 48000 Hz mono): ") {
		t.Errorf("tail says %q", &tail.stderr)
	}
	launch(t, program, "tail", url+"/a.wav").fails("everfile: 404 Not Found: Nobody is publishing /a.wav now")
	launch(t, program, "push", kept(t, "in.wav", file), url+"/a.webm").fails("everfile: the server refused: webm: byte 0:")
}

// probe looks into a file, a stream and standard input; what makes no sense is told
// after what did, and is a failure.
func probe(t *testing.T, program string) {
	_, url := server(t, program, "--listen", "127.0.0.1:0")
	wav := streamtest.Wave(time.Second)
	const totals = "wav: 96044 bytes, 100 frames, 1.000 s, 768 kbit/s\ntrack 0: pcm 16 bit 48000 Hz mono, 100 frames, 96000 bytes, 768 kbit/s\n"
	file := kept(t, "in.wav", wav)
	stream := launch(t, program, "probe", "--totals", url+"/a.wav?wait=1m")
	launch(t, program, "push", file, url+"/a.wav").all()
	if got := string(stream.all()); !strings.HasPrefix(got, "wav: ") || !strings.HasSuffix(got, " bytes, 768 kbit/s\n") {
		t.Errorf("a stream: %q", got)
	}
	if got := string(launch(t, program, "probe", file).all()); strings.Count(got, "\n") != 104 || !strings.HasSuffix(got, totals) {
		t.Errorf("a file: %q", got)
	}
	stdin := prepare(t, program, "probe", "--json", "-")
	stdin.cmd.Stdin = bytes.NewReader(append(bytes.Clone(wav[:44+9600]), "and no more"...))
	stdin.start()
	out, _ := io.ReadAll(stdin.stdout)
	if !bytes.Contains(out, []byte(`{"type":"totals","container":"wav","bytes":9654,`)) {
		t.Errorf("standard input: %s", out)
	}
	stdin.fails("everfile: wav: byte 9644: the input ends 86389 bytes before its data chunk does\n")
	if code := stdin.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("standard input ends with %d", code)
	}
}

// Whoever stops the server ends it in order, and its listeners' files cleanly,
// though somebody publishes.
func signalled(t *testing.T, program string, signal os.Signal) {
	s, url := server(t, program, "--listen", "127.0.0.1:0")
	push := launch(t, program, "push", "--loop", kept(t, "in.wav", streamtest.Wave(time.Second)), url+"/a.wav")
	curl := launch(t, "curl", "-sSN", url+"/a.wav?wait=1m")
	tail := launch(t, program, "tail", url+"/a.wav?wait=1m")
	for _, listener := range []*process{curl, tail} {
		if _, err := io.CopyN(io.Discard, listener.stdout, 100_000); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	s.all()
	curl.all()
	tail.all()
	// Push hopes that the server comes back, until it is told to stop as well.
	if err := push.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	push.fails("everfile: ")
}

func selfSigned(t *testing.T, program string) {
	s, url := server(t, program, "--listen", "127.0.0.1:0", "--tls-self-signed", "--state-dir", t.TempDir())
	if line, err := s.stdout.ReadString('\n'); !strings.HasPrefix(line, "The certificate is self-signed") {
		t.Errorf("the server says %q (%v)", line, err)
	}
	file := streamtest.Wave(2 * time.Second)
	listeners := map[string]*process{}
	for _, version := range []string{"2", "1.1"} {
		listeners[version] = launch(t, "curl", "-ksSN", "--http"+version, "-w", "%{stderr}%{http_version}", url+"/a.wav?wait=1m")
	}
	if got := launch(t, "curl", "-ksST", kept(t, "in.wav", file), url+"/a.wav").all(); !strings.HasSuffix(string(got), "it has ended.\n") {
		t.Errorf("the publisher is told %q", got)
	}
	for version, l := range listeners {
		ends(t, l.all(), file)
		if l.stderr.String() != version {
			t.Errorf("the listener that asked for HTTP/%s got HTTP/%s", version, &l.stderr)
		}
	}
	launch(t, program, "push", kept(t, "in.wav", file), url+"/a.wav").fails("everfile: connecting: tls: failed to verify certificate")
}

func environment(t *testing.T, program string) {
	s, url := server(t, "env", "EVERFILE_LISTEN=127.0.0.1:0", "EVERFILE_LOG_LEVEL=error", program)
	if got := run(t, "curl", "-sS", url+"/"); !strings.Contains(got, "<title>") {
		t.Errorf("the page is %.200q", got)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.all()
	if s.stderr.Len() > 0 {
		t.Errorf("it logs %q", &s.stderr)
	}
	server(t, "env", "EVERFILE_LISTEN=127.0.0.1:1", program, "serve", "--listen", "127.0.0.1:0") // the flag comes first
}

func badArguments(t *testing.T, program string) {
	_, url := server(t, program, "--listen", "127.0.0.1:0")
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"--nonsense"}, "unknown flag --nonsense"},
		{[]string{"serve", "--listen"}, "expected string value"},
		{[]string{"nonsense"}, "unexpected argument nonsense"},
		{[]string{"push", "in.webm"}, `expected "<url>"`},
		{[]string{"--listen", strings.TrimPrefix(url, "http://")}, "everfile: listen tcp " + strings.TrimPrefix(url, "http://") + ": bind: address already in use; choose another address with --listen\n"},
		{[]string{"--tls-cert", os.Args[0]}, "everfile: --tls-cert and --tls-key go together\n"},
		{[]string{"--grace", "soon"}, "--grace: "},
		{[]string{"push", "none.webm", url + "/a.webm"}, "everfile: open none.webm: no such file or directory\n"},
		{[]string{"tail", "a.webm"}, `everfile: "a.webm" is no stream's URL; expected one as in http://localhost:8080/caller1.webm` + "\n"},
	} {
		launch(t, program, row.args...).fails(row.want)
	}
}

// The bench is no figure here: it runs, and says so of all servers.
func bench(t *testing.T, program string) {
	out := string(launch(t, program, "bench", "fanout", "--listeners", "20", "--rounds", "1", "--time", "1s").all())
	for _, name := range []string{"flush", "loop", "everfile", "everfile-40ms"} {
		lines := 0
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 7 && f[0] == name && f[5] == "%" {
				lines++
			}
		}
		if lines != 2 {
			t.Errorf("%d lines about %s in\n%s", lines, name, out)
		}
	}
}
