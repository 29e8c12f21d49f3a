package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// handLoad starts a server in a process of its own for a test by hand, of so long
// at the most.
func handLoad(t *testing.T, limit time.Duration) (context.Context, *fanoutServer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	child, err := startFanoutServer(ctx, "everfile-40ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(child.stop)
	return ctx, child
}

// figures returns the process's own figures.
func (s *fanoutServer) figures(t *testing.T) processStats {
	t.Helper()
	p, err := s.stats()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listed returns what the server tells of its only stream.
func (s *fanoutServer) listed(ctx context.Context) (l listing, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/api/streams", nil)
	if err != nil {
		return l, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return l, err
	}
	defer resp.Body.Close()
	var all struct{ Streams []listing }
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		return l, err
	}
	if len(all.Streams) != 1 {
		return l, fmt.Errorf("%d streams", len(all.Streams))
	}
	return all.Streams[0], nil
}

// growing is a numbered sound file in the making. Its bytes are known before, so
// that a place in a listener's body tells which frame it is and when that was sent.
type growing struct {
	media *streamtest.Media
	times []atomic.Int64 // when each frame was sent, Unix ns
	begin chan struct{}  // closed when the frames may come
	size  int            // of a frame, in bytes
}

func newGrowing(d time.Duration) *growing {
	m := streamtest.NewMedia(streamtest.MediaOptions{WAV: true, Run: 1, Frames: int(d / (10 * time.Millisecond))})
	return &growing{media: m, times: make([]atomic.Int64, len(m.Frames)), begin: make(chan struct{}), size: len(m.Frames[0].Bytes)}
}

// publish sends the header at once, the frames at their speed, and the end.
func (g *growing) publish(ctx context.Context, url string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(g.write(ctx, w)) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, r)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("publishing: %s", resp.Status)
	}
	return nil
}

func (g *growing) write(ctx context.Context, w io.Writer) error {
	if _, err := w.Write(g.media.Header); err != nil {
		return err
	}
	select {
	case <-g.begin:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	began := time.Now()
	for n := 0; n < len(g.media.Frames); {
		if err := sleep(ctx, g.media.Recorded(n)-time.Since(began)); err != nil {
			return err
		}
		var b []byte
		for i := range 2 {
			if n+i < len(g.media.Frames) {
				b = append(b, g.media.Frames[n+i].Bytes...)
				g.times[n+i].Store(time.Now().UnixNano())
			}
		}
		n += 2
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// delays are counted by the millisecond.
type delays struct {
	mu    sync.Mutex // protects below
	count [10_000]int
	total int
}

func (d *delays) add(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count[min(max(0, int(took/time.Millisecond)), len(d.count)-1)]++
	d.total++
}

// at returns the delay that so many in a thousand do not exceed.
func (d *delays) at(thousandths int) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for i, c := range d.count {
		if n += c; n*1000 >= d.total*thousandths {
			return time.Duration(i+1) * time.Millisecond
		}
	}
	return 0
}

// rawListener sends a request, from an address or any, and leaves the rest to the
// caller: connections that read as they like.
func rawListener(ctx context.Context, addr, path string, from net.IP, window int) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.TCPConn)
	if window > 0 {
		err = conn.SetReadBuffer(window)
	}
	if err == nil {
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: load\r\n\r\n", path)
	}
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, len("HTTP/1.1 200")))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// portions writes what portions of sorted values do not exceed.
func portions(v []float64) string {
	if len(v) == 0 {
		return "nothing"
	}
	slices.Sort(v)
	at := func(percent int) float64 { return v[(len(v)-1)*percent/100] }
	return fmt.Sprintf("least %.3f, p1 %.3f, median %.3f, p99 %.3f, most %.3f", at(0), at(1), at(50), at(99), at(100))
}
