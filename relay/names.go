package relay

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"everfile/relay/calls"
	"everfile/stream"
)

// maxName is the longest name of a caller or room, in bytes.
const maxName = 64

// reserved are first segments that are no streams and no rooms.
var reserved = []string{
	"static", "ws", "api", "metrics", "healthz", "readyz", "live", "recordings", "admin", "debug",
	"events", "auth", "doctor", "sw.js", "favicon.ico", "robots.txt", ".well-known",
}

// mixName is what is heard of a whole room, and so the name of nobody in it.
const mixName = "mix"

// address is a stream's path taken apart.
type address struct {
	entry string // ROOM/NAME or NAME
	ext   string // "" if the path has none
}

// parseAddress reads the path of a stream. Its error is a *refusal.
func parseAddress(u *url.URL) (address, error) {
	a, err := parsePath(u)
	if _, mixed := a.mixed(); err == nil && mixed {
		return address{}, refuse(http.StatusNotFound, "%q is reserved inside rooms; choose another name.", mixName)
	}
	return a, err
}

// mixed returns the room whose sum an address is, if it is one's.
func (a address) mixed() (room string, ok bool) {
	room, name, inRoom := strings.Cut(a.entry, "/")
	return room, inRoom && name == mixName
}

// parsePath is parseAddress for what only listens: it may be to a room's mix.
func parsePath(u *url.URL) (address, error) {
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	base, ext, dotted := strings.Cut(path, ".")
	room, name, inRoom := strings.Cut(base, "/")
	if !inRoom {
		room, name = "", base
	}
	first := name
	if inRoom {
		first = room
	}
	switch {
	case slices.Contains(reserved, first) || slices.Contains(reserved, path):
		return address{}, refuse(http.StatusNotFound, "/%s is reserved and no stream; choose another name.", first)
	case !calls.ValidName(name) && !(inRoom && isScreen(name)) || inRoom && !calls.ValidName(room):
		return address{}, refuse(http.StatusBadRequest, "A stream's path is /NAME.EXT or /ROOM/NAME.EXT; names are 1 to %d of A-Z a-z 0-9 _ -, got %.80q.", maxName, path)
	case dotted && !slices.Contains(stream.Extensions(), ext):
		return address{}, refuse(http.StatusNotFound, "Unknown extension %.40q; known are: %s.", "."+ext, known())
	}
	return address{entry: base, ext: ext}, nil
}

// isScreen reports whether a name is that of a caller's screen, which is longer than a
// caller's may be.
func isScreen(name string) bool {
	caller, ok := strings.CutSuffix(name, calls.ScreenSuffix)
	return ok && calls.ValidName(caller)
}

// entryOf is the entry of a path that this server made.
func entryOf(path string) string {
	base, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), ".")
	return base
}

func known() string { return "." + strings.Join(stream.Extensions(), " .") }
