package relay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"everfile/stream"
)

// The close codes of a WebSocket (RFC 6455, section 7.4; 4000 and up are ours).
const (
	closeNormal      = 1000
	closeGoingAway   = 1001
	closeProtocol    = 1002
	closeNoStatus    = 1005 // never sent: what a close without a code counts as
	closeUnsupported = 1003
	closeInvalid     = 1007
	closePolicy      = 1008
	closeTooBig      = 1009
	closeReplaced    = 4001
	closeStatus      = 4000 // plus an HTTP status
)

// maxReason is the longest reason that fits into a close frame.
const maxReason = 123

// refusal is an answer that is not what was asked for: a status, or a close
// code, and one sentence that says what was wrong and what to do.
type refusal struct {
	status int
	code   int // of a WebSocket that was already in use; 0: closeStatus + status
	text   string
	header http.Header
}

func (e *refusal) Error() string { return e.text }

func refuse(status int, format string, a ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, a...)}
}

func (e *refusal) with(key, value string) *refusal {
	if e.header == nil {
		e.header = http.Header{}
	}
	e.header.Set(key, value)
	return e
}

// refusalOf turns any error into an answer. It is the only function that does.
func refusalOf(err error) *refusal {
	var r *refusal
	var parse *stream.ParseError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &parse):
		if errors.Is(err, stream.ErrTooLarge) {
			return &refusal{status: http.StatusRequestEntityTooLarge, code: closeTooBig, text: parse.Error()}
		}
		return &refusal{status: http.StatusUnsupportedMediaType, code: closeInvalid, text: parse.Error()}
	case errors.Is(err, stream.ErrBusy):
		return refuse(http.StatusConflict, "Somebody else publishes under this name; use another one, or try again in 3 seconds.").with("Retry-After", "3")
	case errors.Is(err, stream.ErrReplaced):
		return &refusal{status: http.StatusConflict, code: closeReplaced, text: "A newer connection publishes under this name; this one is done."}
	case errors.Is(err, stream.ErrKey):
		return unknownUser("The password is not the key that this stream is published with; one that is published without a key has its titles from its publisher only.")
	case errors.Is(err, stream.ErrMemory):
		return refuse(http.StatusServiceUnavailable, "The server holds as many streams as its memory allows; try again later.").with("Retry-After", "30")
	case errors.Is(err, stream.ErrMixes):
		return refuse(http.StatusServiceUnavailable, "This room is mixed in as many ways as it may be; ask for it as others do, with the same names and samples, or try again later.").with("Retry-After", "30")
	case errors.Is(err, stream.ErrClosed), errors.Is(err, context.Canceled):
		return &refusal{status: http.StatusServiceUnavailable, code: closeGoingAway, text: "The server is stopping; connect again."}
	}
	return refuse(http.StatusInternalServerError, "Something went wrong in the server; its log says what.")
}

// answer writes a refusal as a status and a sentence in plain text. A WebSocket
// is accepted first and then closed, because a browser's script cannot see the
// status of a refused upgrade.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, err error) {
	no := refusalOf(err)
	if no.status == http.StatusInternalServerError {
		s.opt.Log.Error("request failed", "path", logged(strings.TrimPrefix(r.URL.Path, "/")), "err", err)
	}
	if isUpgrade(r) {
		c, err := accept(w, r, s.opt.CloseWait, webcastProtocol) // one who asked for it must hear it, or sees no code
		if err == nil {
			c.closeWith(no)
		}
		return
	}
	h := w.Header()
	if r.ContentLength != 0 || untilClose(r) {
		s.leaveBody(w, r)
	}
	for k, v := range no.header {
		h[k] = v
	}
	if no.status == http.StatusUpgradeRequired {
		if r.ProtoMajor == 1 {
			h.Add("Connection", "Upgrade")
		} else {
			h.Del("Upgrade") // HTTP/2 has no such header
		}
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(no.text)+1))
	w.WriteHeader(no.status)
	if r.Method != http.MethodHead {
		fmt.Fprintln(w, no.text)
	}
}

// leaveBody has an answer sent before the request's body is read, which may take
// its publisher for ever; what comes of it in the next moments is thrown away,
// so that the connection's end does not overtake the answer.
func (s *Server) leaveBody(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.opt.Drain))
}

// closeWith closes a socket with a refusal's code and sentence.
func (c *socket) closeWith(no *refusal) {
	c.close(no.closing(), reason(no.text))
}

// closing is the code with which a socket is closed for it.
func (e *refusal) closing() int {
	if e.code == 0 {
		return closeStatus + e.status
	}
	return e.code
}

// reason cuts a sentence to what a close frame holds, on a rune.
func reason(s string) string {
	if len(s) <= maxReason {
		return s
	}
	s = s[:maxReason-3]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return strings.TrimSpace(s) + "..."
}
