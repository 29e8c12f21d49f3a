package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// port is an address of which only the port matters.
type port string

func (p port) Network() string { return "tcp" }
func (p port) String() string  { return "[::]:" + string(p) }

func TestURLs(t *testing.T) {
	everywhere, four := []string{"http://localhost:81/"}, []string{"http://localhost:81/"}
	for _, ip := range addresses() {
		if ip.IsLoopback() {
			continue
		}
		u := "http://" + net.JoinHostPort(ip.String(), "81") + "/"
		everywhere = append(everywhere, u)
		if ip.To4() != nil {
			four = append(four, u)
		}
	}
	for _, row := range []struct {
		asked  string
		secure bool
		want   []string
	}{
		{"localhost:8080", false, []string{"http://localhost:81/"}},
		{"localhost:0", true, []string{"https://localhost:81/"}},
		{"127.0.0.1:0", false, []string{"http://127.0.0.1:81/"}},
		{"[::1]:0", false, []string{"http://[::1]:81/"}},
		{"example.org:80", true, []string{"https://example.org:81/"}},
		{":0", false, everywhere},
		{"[::]:0", false, everywhere},
		{"0.0.0.0:0", false, four},
	} {
		if got := urls(row.asked, port("81"), row.secure); !slices.Equal(got, row.want) {
			t.Errorf("%s, TLS %t: %v; expected %v", row.asked, row.secure, got, row.want)
		}
	}
}

// serving runs the command serve and returns the lines that it prints before it
// can be reached.
func serving(t testing.TB, o ServeOptions, lines int) []string {
	t.Helper()
	o.Options.Log, o.Listen = wide().Log, "127.0.0.1:0"
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		err := Serve(ctx, o, w)
		w.CloseWithError(err)
		served <- err
	}()
	t.Cleanup(func() {
		r.Close()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
	var got []string
	for b := bufio.NewReader(r); len(got) < lines; {
		line, err := b.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, strings.TrimSuffix(line, "\n"))
	}
	return got
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	cert, key, err := selfSign(time.Now(), addresses())
	if err != nil {
		t.Fatal(err)
	}
	files := ServeOptions{CertFile: kept(t, "crt", cert), KeyFile: kept(t, "key", key)}
	for _, row := range []struct {
		o      ServeOptions
		scheme string
		says   []string // on the next lines
	}{
		{ServeOptions{}, "http", nil},
		{files, "https", nil},
		{ServeOptions{SelfSigned: true, StateDir: dir}, "https", []string{
			"The certificate is self-signed: a browser warns once; go on from there.",
			"For others it is in " + filepath.Join(dir, "self-signed.crt") + " (push and tail take it as --ca, curl as --cacert).",
		}},
	} {
		got := serving(t, row.o, 1+len(row.says))
		url, ok := strings.CutPrefix(got[0], "Open ")
		if !ok || !strings.HasPrefix(url, row.scheme+"://127.0.0.1:") || !slices.Equal(got[1:], row.says) {
			t.Errorf("it says %q", got)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		req, err := http.NewRequestWithContext(patient(t), "GET", url+"a.webm", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 404 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s answers %s", url, resp.Status)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
	}
}

// A state directory that cannot be written costs the calls that ran, not the
// orderly end: serving reports it if Serve returns an error.
func TestServeCannotSave(t *testing.T) {
	o := ServeOptions{StateDir: filepath.Join(kept(t, "file", nil), "state")}
	url, _ := strings.CutPrefix(serving(t, o, 1)[0], "Open ")
	r := &running{t: t, url: strings.TrimSuffix(url, "/"), dialer: new(http.Client)}
	r.phone("alice", "")
}

func TestServeBadArguments(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	rubbish := kept(t, "rubbish.pem", []byte("no certificate"))
	for _, row := range []struct {
		o    ServeOptions
		want string
	}{
		{ServeOptions{Listen: ln.Addr().String()}, "listen tcp " + ln.Addr().String() + ": bind: address already in use; choose another address with --listen"},
		{ServeOptions{Listen: "8080"}, "missing port in address; choose another address with --listen"},
		{ServeOptions{Listen: "127.0.0.1:http-or-so"}, "choose another address with --listen"},
		{ServeOptions{CertFile: rubbish}, "--tls-cert and --tls-key go together"},
		{ServeOptions{KeyFile: rubbish}, "--tls-cert and --tls-key go together"},
		{ServeOptions{CertFile: rubbish, KeyFile: rubbish, SelfSigned: true}, "--tls-self-signed and --tls-cert exclude each other"},
		{ServeOptions{CertFile: rubbish, KeyFile: rubbish}, "reading the TLS certificate: tls: failed to find any PEM data"},
		{ServeOptions{CertFile: rubbish + ".none", KeyFile: rubbish}, "reading the TLS certificate: open " + rubbish + ".none: no such file"},
		{ServeOptions{SelfSigned: true, StateDir: rubbish + "/dir"}, "the self-signed certificate: "},
	} {
		var out strings.Builder
		if row.o.Listen == "" {
			row.o.Listen = "127.0.0.1:0"
		}
		err := Serve(patient(t), row.o, &out)
		if err == nil {
			t.Fatalf("%+v: no error", row.o)
		}
		sentence(t, err.Error(), row.want)
		if out.Len() > 0 {
			t.Errorf("%+v: it says %q", row.o, &out)
		}
	}
}
