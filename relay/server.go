package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"everfile/stream"
)

// Server is the HTTP side of a [stream.Hub]. It is an http.Handler; [Server.Serve]
// runs it on a listener. Any goroutine may call its methods. Close it once.
type Server struct {
	opt    Options
	hub    *stream.Hub
	board  *board
	gate   gate
	demand demand
	ctx    context.Context // ends when nobody must be waited for any longer
	cancel context.CancelFunc
	work   sync.WaitGroup // handlers, and listeners on connections of their own

	sockets sync.WaitGroup // those that publish
	goodbye chan struct{}  // closed when they are to go
	lines   openLines      // control lines that are no sockets
	posts   posts          // runs that come by POST

	mu      sync.Mutex // protects below
	leaving bool       // goodbye is closed, and nothing is added to sockets any more
	stopped bool       // nothing is added to work any more
	active  map[*listening]struct{}
	crews   map[*stream.Stream]*crew
}

// New returns a server without any streams.
func New(o Options) *Server {
	o = o.withDefaults()
	s := &Server{opt: o, hub: stream.NewHub(o.Stream), goodbye: make(chan struct{}), active: map[*listening]struct{}{}, crews: map[*stream.Stream]*crew{}}
	o.Calls.Chunk, o.Calls.Reserved = stream.MaxChunk, reserved
	o.Calls.ICEServers = o.ICE.list
	s.board = newBoard(s, o.Calls)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Hub returns the streams that the server serves.
func (s *Server) Hub() *stream.Hub { return s.hub }

// Serve accepts connections until ctx is done; then it has callers and publishers
// connect elsewhere, ends all streams, gives listeners a moment to take the rest,
// and returns nil. It closes
// ln. A nil config means plain HTTP.
func (s *Server) Serve(ctx context.Context, ln net.Listener, config *tls.Config) error {
	if config != nil {
		config = config.Clone()
		config.DynamicRecordSizingDisabled = true // or a listener's first writes become a dozen records each
	}
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.opt.Hello,
		IdleTimeout:       s.opt.Idle,
		MaxHeaderBytes:    32 << 10,
		TLSConfig:         config,
		ErrorLog:          slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			raw := rawConn(c)
			raw.limitUnsent(s.opt.Unsent)
			return context.WithValue(ctx, connKey{}, raw)
		},
	}
	served := make(chan error, 1)
	go func() {
		if config != nil {
			served <- h.ServeTLS(ln, "", "")
		} else {
			served <- h.Serve(ln)
		}
	}()
	select {
	case err := <-served:
		s.Close()
		return err
	case <-ctx.Done():
	}
	err := s.stop(h)
	<-served
	return err
}

// connKey is of a request's context: its value is the connection's [connState].
type connKey struct{}

// Close ends all streams and returns when nobody is connected any more.
func (s *Server) Close() {
	s.board.close()
	s.hub.Close()
	s.cut()
	s.work.Wait()
}

// cut breaks the connections of listeners and publishers that are still there.
func (s *Server) cut() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for l := range s.active {
		l.door.abort()
	}
}

// begin counts a handler, whose end is then reported by s.work.Done; it
// reports false when the server has stopped.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.work.Add(1)
	return true
}

// enter and exit keep the register of listeners that cut breaks.
func (s *Server) enter(l *listening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[l] = struct{}{}
	if s.stopped {
		l.door.abort()
	}
}

func (s *Server) exit(l *listening) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, l)
}

// ServeHTTP routes a request: pages, or a stream's path by its verb.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		http.Error(w, "The server is stopping; connect again.", http.StatusServiceUnavailable)
		return
	}
	defer s.work.Done()
	if lostUpgrade(r) {
		s.answer(w, r, refuse(http.StatusUpgradeRequired,
			"A WebSocket request arrived without its upgrade: a proxy in between drops it. With nginx the location needs: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";").with("Upgrade", "websocket"))
		return
	}
	if err := s.checkOrigin(w, r); err != nil {
		s.answer(w, r, err)
		return
	}
	if r.URL.Path == "/ws" {
		s.control(w, r)
		return
	}
	if r.URL.Path == titlePath {
		s.updateTitle(w, r)
		return
	}
	if s.page(w, r) || s.lists(w, r) || s.mixes(w, r) {
		return
	}
	a, err := parseAddress(r.URL)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	switch {
	case isUpgrade(r):
		s.publishSocket(w, r, a)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		s.play(w, r, a)
	case isPosts(r):
		s.publishPosts(w, r, a)
	case unannounced(r):
		s.answer(w, r, unknownUser("Say with Authorization: Basic who you are; the password is the key that you hold the name by."))
	case untilClose(r): // before PUT and POST of which the end is known
		s.publishSource(w, r, a)
	case r.Method == http.MethodPut, r.Method == http.MethodPost:
		s.publishBody(w, r, a)
	case r.Method == http.MethodOptions:
		s.options(w, allowed)
	case r.Method == methodSource:
		s.answer(w, r, notAlone())
	default:
		s.answer(w, r, refuse(http.StatusMethodNotAllowed, "%.20s is not something a stream does; GET plays it, a WebSocket, PUT or POST publishes it.", r.Method).with("Allow", allowed))
	}
}

// checkOrigin lets pages of other origins in only if the options name them, and
// sets the CORS headers for those. Requests without Origin are no pages'.
func (s *Server) checkOrigin(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	if slices.Contains(s.opt.AllowOrigin, origin) || slices.Contains(s.opt.AllowOrigin, "*") {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", allowed)
		h.Set("Access-Control-Allow-Headers", "Range, Content-Type, If-None-Match, If-Modified-Since, Icy-MetaData")
		h.Set("Access-Control-Expose-Headers", "Everfile-Edge, Everfile-Clock, Everfile-Close, ETag, Link, Retry-After, icy-metaint, icy-name")
		h.Set("Access-Control-Max-Age", "600")
		return nil
	}
	return refuse(http.StatusForbidden, "Pages of %.80s may not use this server; start it with --allow-origin %.80s, or have the proxy in between pass the Host on.", origin, origin)
}

// page serves the files under /static, and the few that stand at the root.
func (s *Server) page(w http.ResponseWriter, r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, "/static/")
	switch r.URL.Path {
	case "/":
		name, ok = "index.html", true
	case "/sw.js":
		name, ok = "sw.js", true
	case "/favicon.ico":
		name, ok = "favicon.svg", true
	}
	if !ok || s.opt.Static == nil || isUpgrade(r) {
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.answer(w, r, refuse(http.StatusMethodNotAllowed, "%.80s is a page, which can only be read.", r.URL.Path).with("Allow", "GET, HEAD"))
		return true
	}
	b, err := fs.ReadFile(s.opt.Static, name)
	if err != nil || path.Ext(name) == ".go" {
		s.answer(w, r, refuse(http.StatusNotFound, "There is no page %.80s here; start at /.", r.URL.Path))
		return true
	}
	h := w.Header()
	pageHeaders(h)
	sum := sha256.Sum256(b)
	h.Set("ETag", fmt.Sprintf("%q", hex.EncodeToString(sum[:12])))
	h.Set("Timing-Allow-Origin", "*") // how it came is no secret, and tells a page of another origin how many files it may play
	if name == "favicon.svg" {
		h.Set("Content-Type", "image/svg+xml")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b)) // ServeFile would redirect index.html
	return true
}
