package relay

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
)

// ranges is every kind of Range header and its answer.
var ranges = []struct {
	header       string
	status       int
	contentRange string
	length       int64
}{
	{"bytes=0-", 200, "", -1},
	{"bytes=0-1", 206, "bytes 0-1/*", 2},
	{"bytes=0-0", 206, "bytes 0-0/*", 1},
	{"bytes=0-65535", 206, "bytes 0-65535/*", 65536},
	{"bytes=0-65536", 206, "bytes 0-65536/*", -1},
	{"bytes=0-9223372036854775806", 206, "bytes 0-9223372036854775806/*", -1},
	{"bytes=0-9223372036854775807", 200, "", -1},
	{"bytes=0-99999999999999999999", 200, "", -1},
	{"bytes=1-", 416, "bytes */*", 0},
	{"bytes=1-2", 416, "bytes */*", 0},
	{"bytes=5000000-", 416, "bytes */*", 0},
	{"bytes=-500", 200, "", -1},
	{"bytes=0-1,5-6", 200, "", -1},
	{"bytes=5-6,8-9", 200, "", -1},
	{"bytes=0-1, -5", 200, "", -1},
	{"bytes=", 200, "", -1},
	{"bytes=-", 200, "", -1},
	{"bytes=a-b", 200, "", -1},
	{"bytes=0-1x", 200, "", -1},
	{"bytes=0--1", 200, "", -1},
	{"bytes", 200, "", -1},
	{"seconds=0-1", 200, "", -1},
	{"0-1", 200, "", -1},
}

func everyRange(h *healthy) {
	for _, row := range ranges {
		if row.status == http.StatusRequestedRangeNotSatisfiable {
			resp := h.refused("GET", healthyPath, nil, row.status, "only ranges from byte 0 exist", "Range: "+row.header)
			if got := resp.Header.Get("Content-Range"); got != "bytes */*" {
				h.t.Errorf("%s: Content-Range %q", row.header, got)
			}
			continue
		}
		resp := h.request("GET", healthyPath, nil, "Range: "+row.header)
		if resp.StatusCode != row.status || resp.Header.Get("Content-Range") != row.contentRange || resp.ContentLength != row.length {
			h.t.Errorf("%s: %d, Content-Range %q, length %d; expected %d %q %d", row.header,
				resp.StatusCode, resp.Header.Get("Content-Range"), resp.ContentLength, row.status, row.contentRange, row.length)
		}
		resp.Body.Close()
	}
}

func TestRangeBodies(t *testing.T) {
	chunks := capture(t, picture)
	r, p := begun(t, "http", "/a.webm", wide(), chunks)
	want := demanded(t, "webm", chunks)
	for _, n := range []int{0, 1, 100, 1000} {
		b, err := io.ReadAll(r.request("GET", "/a.webm", nil, fmt.Sprintf("Range: bytes=0-%d", n)).Body)
		if err != nil || !bytes.Equal(b, want[:n+1]) {
			t.Errorf("bytes=0-%d: %d bytes, %v, which are not the stream's first", n, len(b), err)
		}
	}
	long := r.follow(r.request("GET", "/a.webm", nil, "Range: bytes=0-200000"))
	if !slices.Equal(long.resp.TransferEncoding, []string{"chunked"}) {
		t.Errorf("a long range has the encoding %v", long.resp.TransferEncoding)
	}
	whole := r.follow(r.request("GET", "/a.webm", nil, "Range: bytes=0-"))
	for _, l := range []*body{long, whole} {
		l.has(len(demanded(t, "webm", chunks[:1])))
	}
	p.send(chunks[1:]...)
	if got := long.all(); !bytes.Equal(got, want[:200001]) {
		t.Errorf("bytes=0-200000: %d bytes", len(got))
	}
	p.acked(len(chunks))
	p.end()
	if got := whole.all(); !bytes.Equal(got, want) {
		t.Errorf("bytes=0-: %d bytes; expected %d", len(got), len(want))
	}
}
