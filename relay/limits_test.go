package relay

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// A listener that is late is moved to the live edge; one that wants the file
// complete is not, and gets every byte of it.
func TestComplete(t *testing.T) {
	want := demanded(t, "webm", capture(t, picture))
	file := bytes.Join(capture(t, picture), nil)
	for _, row := range []struct {
		query    string
		complete bool
	}{{"?wait=1m", false}, {"?wait=1m&mode=live", false}, {"?wait=1m&mode=complete", true}} {
		synctest.Test(t, func(t *testing.T) {
			o := quiet()
			o.Stream.MaxLag, o.Stall = 0, time.Hour // 3 s
			r, n, _ := startPiped(t, o)
			c, err := n.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "GET /a.webm%s HTTP/1.1\r\nHost: x\r\n\r\n", row.query)
			push(t, PushOptions{File: kept(t, "in", file), URL: r.url + "/a.webm", Client: r.client}).over()
			got := r.followRaw(c).all() // nothing was read until now, and a pipe holds nothing
			if complete := bytes.Equal(got, want); complete != row.complete {
				t.Errorf("%s: %d bytes of %d", row.query, len(got), len(want))
			}
			if len(got) < 1000 || !bytes.Equal(got[len(got)-1000:], want[len(want)-1000:]) {
				t.Errorf("%s: the file's end is not in what came", row.query)
			}
		})
	}
}

// When the memory for streams is used up, those that are there go on and no
// other begins, until one has ended.
func TestMemory(t *testing.T) {
	chunks := capture(t, picture)
	o := wide()
	o.Stream.Memory = 64 << 10
	r, p := begun(t, "http", "/a.webm", o, chunks)
	sent := 1
	for ; r.s.Hub().Memory() <= o.Stream.Memory*9/10; sent++ {
		p.send(chunks[sent])
		p.acked(sent + 1)
	}
	words := "The server holds as many streams as its memory allows; try again later."
	resp := r.refused("PUT", "/b.webm", bytes.NewReader(chunks[0]), 503, words)
	if got := resp.Header.Get("Retry-After"); got != "30" {
		t.Errorf("Retry-After %q", got)
	}
	live, w := io.Pipe()
	defer w.Close()
	r.refused("POST", "/b.webm", live, 503, words)
	r.connect("/b.webm").refused(4503, words)
	if r.registered("b") {
		t.Error("the refused name is taken")
	}
	l := r.listen("/a.webm")
	l.has(1)
	p.send(chunks[sent:]...)
	p.acked(len(chunks))
	p.end()
	l.all() // to a clean end
	eventually(t, "what it had is given back", func() bool { return r.s.Hub().Memory() == 0 })
	p = r.publish("/b.webm")
	p.send(chunks[0])
	p.acked(1)
}
