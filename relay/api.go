package relay

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// lists serves what is made for each request: /live, if there are pages, and
// what is under /api/. It reports whether the path is one of these.
func (s *Server) lists(w http.ResponseWriter, r *http.Request) bool {
	var serve http.HandlerFunc
	switch path := r.URL.Path; {
	case isUpgrade(r):
		return false
	case path == "/live" && s.opt.Static != nil:
		serve = s.live
	case path == "/api/streams":
		serve = s.apiStreams
	case path == "/api/qr":
		serve = s.apiQR
	case strings.HasPrefix(path, "/api/"):
		s.answer(w, r, refuse(http.StatusNotFound, "There is no %.80s here; there are /api/streams and /api/qr?text=TEXT.", path))
		return true
	default:
		return false
	}
	if r.Method == http.MethodOptions {
		s.options(w, readable)
		return true
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.answer(w, r, refuse(http.StatusMethodNotAllowed, "%s can only be read, with GET or HEAD.", r.URL.Path).with("Allow", readable))
		return true
	}
	serve(w, r)
	return true
}

// readable is what can be done with what is made for each request.
const readable = "GET, HEAD, OPTIONS"

// apiStreams is the streams outside rooms, as JSON.
func (s *Server) apiStreams(w http.ResponseWriter, r *http.Request) {
	b, err := json.Marshal(map[string][]listing{"streams": s.listed()})
	if err != nil {
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply(w, r, "application/json", append(b, '\n'))
}

// maxQR is the longest text of a QR code, in bytes: enough for a link, and its
// modules are still large enough for a phone's camera.
const maxQR = 300

// apiQR is a text as a QR code: a PNG with 8 pixels to a module, a quiet zone of
// four modules around it, and the medium of the corrections.
func (s *Server) apiQR(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query().Get("text")
	if len(text) < 1 || len(text) > maxQR {
		s.answer(w, r, refuse(http.StatusBadRequest, "text is what the QR code says, 1 to %d bytes, as in /api/qr?text=hello; got %d.", maxQR, len(text)))
		return
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		s.answer(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=86400")
	reply(w, r, "image/png", code.PNG())
}

// reply sends a whole answer; the headers that are not the same for all of them
// are set already.
func reply(w http.ResponseWriter, r *http.Request, contentType string, b []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b)
	}
}
