package relay

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"everfile/stream"
)

// What one POST of chunks may bring.
const (
	maxPosted      = 1000    // chunks
	maxPostedBytes = 8 << 20 // and their sizes together
)

// isPosts reports whether a request is one of those that bring a run, chunk by
// chunk, where WebSockets are missing or do not get through.
func isPosts(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("run")
}

// post is what the query of such a request says.
type post struct {
	id    postID
	first int64   // number of the body's first chunk in the run; -1: there is none, and a connection begins
	sizes []int64 // of the chunks, in bytes
	end   string  // "1": the file ends after these; "0": this connection does; "": neither
}

// postID is whose run it is.
type postID struct{ entry, run, key string }

// parsePost reads ?run=ID&chunk=N&sizes=A,B,...&end=1 of somebody with a key. Its error
// is a *refusal.
func parsePost(a address, key string, q url.Values) (p post, err error) {
	p = post{id: postID{a.entry, q.Get("run"), key}, first: -1, end: q.Get("end")}
	if p.id.run == "" {
		return p, refuse(http.StatusBadRequest, "?run= names the run that is posted; it is empty.")
	}
	if v := q.Get("chunk"); v != "" {
		if p.first, err = strconv.ParseInt(v, 10, 64); err != nil || p.first < 0 {
			return p, refuse(http.StatusBadRequest, "chunk is the number of the first chunk of the body, from 0, got %.20q.", v)
		}
	}
	var sum int64
	if v := q.Get("sizes"); v != "" {
		for size := range strings.SplitSeq(v, ",") {
			n, err := strconv.ParseInt(size, 10, 64)
			switch sum += n; {
			case err != nil || n < 0:
				return p, refuse(http.StatusBadRequest, "sizes are the bytes of each chunk, as in sizes=512,480, got %.20q.", size)
			case n > stream.MaxChunk:
				return p, &refusal{status: http.StatusRequestEntityTooLarge, code: closeTooBig, text: "A chunk has at most " + strconv.Itoa(stream.MaxChunk) + " bytes; send what the recorder hands out, as it does."}
			case len(p.sizes) == maxPosted || sum > maxPostedBytes:
				return p, &refusal{status: http.StatusRequestEntityTooLarge, code: closeTooBig, text: "At most " + strconv.Itoa(maxPosted) + " chunks and " + strconv.Itoa(maxPostedBytes) + " bytes are posted at once."}
			}
			p.sizes = append(p.sizes, n)
		}
	}
	switch {
	case len(p.sizes) > 0 && p.first < 0:
		return p, refuse(http.StatusBadRequest, "A body needs chunk=, the number of its first chunk, besides sizes=.")
	case p.end != "" && p.end != "0" && p.end != "1":
		return p, refuse(http.StatusBadRequest, "end is 1 (the file ends) or 0 (the run may go on later), got %.20q.", p.end)
	}
	return p, nil
}

// begins reports whether a connection begins, which is told where the run stands.
func (p post) begins() bool { return p.first < 0 && p.end == "" }
