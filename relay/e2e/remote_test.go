package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// firefoxEngine opens our call page in Firefox, with scripts before its own. There is
// no driver: the page itself asks for orders and answers them. RTCPeerConnection is off.
func firefoxEngine(t *testing.T, s *site, scripts ...string) (*engine, *site) {
	t.Helper()
	orders, give := io.Pipe()
	take, answers := io.Pipe()
	lines := bufio.NewReader(orders)
	mux := http.NewServeMux()
	mux.Handle("/", s.server)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		rec := &kept200{ResponseWriter: w}
		s.server.ServeHTTP(rec, r)
		all := append([]string{script(t, "listen.js"), script(t, "remote.js")}, scripts...)
		page := strings.Replace(rec.body.String(), "<head>", "<head><script>"+strings.Join(all, "</script><script>")+"</script>", 1)
		w.Header().Del("Content-Length")
		w.Header().Del("Content-Security-Policy") // the scripts of the test are none of the page's
		_, _ = io.WriteString(w, page)            // Firefox may be gone
	})
	mux.HandleFunc("GET /static/test/order", func(w http.ResponseWriter, r *http.Request) {
		line, err := lines.ReadString('\n')
		if err != nil {
			return // the test is over
		}
		_, _ = io.WriteString(w, line)
	})
	mux.HandleFunc("POST /static/test/answer", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = answers.Write(append(b, '\n'))
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Serve(ln) }()
	t.Cleanup(func() {
		give.Close()
		take.Close()
		h.Close()
		<-done
	})
	own := &site{url: "http://" + ln.Addr().String(), server: s.server, stop: s.stop}
	pid := firefox(t, own.url+"/")
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	return &engine{t: t, name: "firefox", process: p, orders: give, answers: bufio.NewReader(take)}, own
}

// kept200 keeps a body instead of sending it.
type kept200 struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *kept200) WriteHeader(int)             {}
func (k *kept200) Write(b []byte) (int, error) { return k.body.Write(b) }
