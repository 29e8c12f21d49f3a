package relay

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// segments returns how many segments with data the kernel has sent on a
// connection. Without delay, a write below the segment size is one segment.
func segments(t *testing.T, c *net.TCPConn) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if err := errors.Join(raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}), err); err != nil {
		t.Fatal(err)
	}
	return int(info.Data_segs_out)
}

// chunkOf reads one chunk of a chunked body by hand and returns its length.
func chunkOf(t *testing.T, b *bufio.Reader) int {
	t.Helper()
	var n int
	line, err := b.ReadString('\n')
	if err == nil {
		_, err = fmt.Sscanf(line, "%x\r\n", &n)
	}
	if err == nil {
		_, err = b.Discard(n + 2)
	}
	if err != nil {
		t.Fatalf("reading a chunk: %v", err)
	}
	return n
}

// Each chunk that a publisher sends, of however many parts, reaches a listener
// by one write, and padding, which may come with it or later, adds one at most.
func TestOneWritePerFlush(t *testing.T) {
	chunks := capture(t, picture)[:40]
	if testing.Short() {
		chunks = chunks[:12]
	}
	for _, pad := range []bool{false, true} {
		r, p := begun(t, "http", "/a.webm", wide(), chunks)
		query, first := "", len(demanded(t, "webm", chunks[:1]))
		if pad {
			query, first = "?pad=20", padBlock
		}
		c := r.raw("GET /a.webm" + query + " HTTP/1.1\nHost: x\n\n")
		b := bufio.NewReader(c)
		skipHead(t, b)
		if n := chunkOf(t, b); n != first {
			t.Fatalf("the first flush has %d bytes; expected header, first parts and padding in one: %d", n, first)
		}
		server := r.serverSide(c)
		most := 1 // segments of a write
		if pad {
			most = 2 // a whole block may be more than half of the other side's window
		}
		if n := segments(t, server); n > most {
			t.Errorf("head and first flush took %d writes", n)
		}
		for i, chunk := range chunks[1:] {
			before := segments(t, server)
			p.send(chunk)
			flushes, length := 1, chunkOf(t, b)
			for pad && length%padBlock != 0 {
				flushes, length = flushes+1, length+chunkOf(t, b)
			}
			if writes := segments(t, server) - before; writes > most*flushes || flushes > 2 {
				t.Errorf("chunk %d: %d flushes of %d bytes took %d writes", i+1, flushes, length, writes)
			}
		}
	}
}

// recorder is a proxy that counts the TLS records of application data that the
// server sends.
type recorder struct{ records atomic.Int64 }

func (r *recorder) run(from io.Reader, to io.Writer) error {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		body := make([]byte, int(head[3])<<8|int(head[4]))
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if head[0] == 23 {
			r.records.Add(1)
		}
		if _, err := to.Write(append(append([]byte(nil), head...), body...)); err != nil {
			return err
		}
	}
}

// count returns how many there were since it was last asked.
func (r *recorder) count() int { return int(r.records.Swap(0)) }

// recorded connects to the server by TLS through a recorder.
func (r *running) recorded() (*tls.Conn, *recorder) {
	r.t.Helper()
	near, far := net.Pipe()
	server, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	rec := &recorder{}
	var both sync.WaitGroup
	both.Go(func() { _ = rec.run(server, far); far.Close() })
	both.Go(func() { _, _ = io.Copy(server, far); server.Close() })
	// TLS 1.2 has no records of application data but the application's.
	c := tls.Client(near, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
	r.t.Cleanup(func() {
		near.Close()
		server.Close()
		both.Wait()
	})
	return c, rec
}

func TestFewRecordsPerFlush(t *testing.T) {
	chunks := capture(t, picture)
	r, p := begun(t, "tls", "/a.webm", wide(), chunks)
	c, rec := r.recorded()
	if _, err := io.WriteString(c, "GET /a.webm HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	counted := &counting{r: c}
	b := bufio.NewReader(counted)
	skipHead(t, b)
	chunkOf(t, b)
	check := func() {
		t.Helper()
		n, records := counted.n, rec.count()
		counted.n = 0
		if want := (n + maxRecord - 1) / maxRecord; records != want {
			t.Errorf("a flush of %d bytes took %d records; %d hold it", n, records, want)
		}
	}
	check()
	for group := range slices.Chunk(chunks[1:], 20) { // more than a record holds
		for _, message := range [][]byte{group[0], bytes.Join(group[1:], nil)} {
			p.send(message)
			chunkOf(t, b)
			check()
		}
	}
}

// counting counts what is read through it.
type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}
