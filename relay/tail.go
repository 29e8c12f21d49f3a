package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"everfile/stream"
)

// TailOptions is what the command tail is told.
type TailOptions struct {
	URL    string
	Stdout io.Writer
	Stderr io.Writer
	Client *http.Client // nil: the default
}

// Tail copies an endless file to Stdout until it ends and tells on Stderr what
// it is: container, codecs, bitrate, and how far behind live it is. On a
// terminal that is one line that lives; elsewhere it is told at the end.
func Tail(ctx context.Context, o TailOptions) error {
	resp, err := get(ctx, o.URL, o.Client)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	t := newTailing(resp)
	f, ok := o.Stderr.(*os.File)
	live := ok && term.IsTerminal(int(f.Fd()))
	buf := make([]byte, 32<<10)
	for told := time.Now(); ; {
		n, err := resp.Body.Read(buf)
		t.take(buf[:n])
		if _, err := o.Stdout.Write(buf[:n]); err != nil {
			return err
		}
		if live && time.Since(told) > 500*time.Millisecond {
			told = time.Now()
			fmt.Fprintf(o.Stderr, "\r%s\x1b[K", t.line())
		}
		if err != nil {
			_ = t.scan.End() // what is torn is no part of the sums
			if live {
				fmt.Fprintln(o.Stderr)
			}
			fmt.Fprintln(o.Stderr, t.summary())
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// get opens a stream. Its body ends with ctx.
func get(ctx context.Context, stream string, client *http.Client) (*http.Response, error) {
	u, err := streamURL(stream)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) // the status alone would do
		return nil, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	return resp, nil
}

// tailing is what a listener knows about its stream.
type tailing struct {
	began time.Time
	clock time.Duration // the server's, when we began
	edge  time.Duration // media in the file then
	bytes int64
	scan  stream.Scanner
	err   error // the bytes are nothing we know
	mark  time.Time
	marks int64   // bytes at mark
	rate  float64 // bits per second, lately
}

func newTailing(resp *http.Response) *tailing {
	header := func(name string) time.Duration {
		s, _ := strconv.ParseFloat(resp.Header.Get(name), 64) // absent: 0
		return time.Duration(s * float64(time.Second))
	}
	now := time.Now()
	return &tailing{began: now, mark: now, clock: header("Everfile-Clock"), edge: header("Everfile-Edge"), scan: stream.Scanner{Now: time.Now}}
}

func (t *tailing) take(b []byte) {
	t.bytes += int64(len(b))
	if t.err == nil && len(b) > 0 {
		_, t.err = t.scan.Write(b)
	}
	d := time.Since(t.mark)
	if t.rate == 0 || d > 2*time.Second {
		t.rate = float64(t.bytes-t.marks) * 8 / max(d.Seconds(), 0.1)
	}
	if d > 2*time.Second {
		t.mark, t.marks = time.Now(), t.bytes
	}
}

// lag is how far the newest frame is behind the stream's clock; it is negative
// for a file, which is sent a little ahead of its time. Containers
// without timestamps began at what was the edge then, less their preroll.
func (t *tailing) lag() time.Duration {
	newest := t.scan.Newest()
	if f := t.scan.Format(); f != nil && !f.Timed() {
		newest += max(0, t.edge-f.Preroll())
	}
	return t.clock + time.Since(t.began) - newest
}

func (t *tailing) what() string {
	f := t.scan.Format()
	if t.err != nil || f == nil || t.scan.Tracks() == nil {
		return "unknown container"
	}
	var codecs []string
	for _, tr := range t.scan.Tracks() {
		codecs = append(codecs, tr.Describe())
	}
	return f.Name + " (" + strings.Join(codecs, ", ") + ")"
}

func (t *tailing) line() string {
	return fmt.Sprintf("%s  %.0f kbit/s  %.2f s behind live  %s", t.what(), t.rate/1000, max(0, t.lag()).Seconds(), time.Since(t.began).Round(time.Second))
}

func (t *tailing) summary() string {
	d := time.Since(t.began)
	s := fmt.Sprintf("%s: %d bytes, %d frames, %.1f s of media in %.1f s, %.0f kbit/s", t.what(), t.bytes, t.scan.Frames(),
		t.scan.Media().Seconds(), d.Seconds(), float64(t.bytes)*8/1000/max(d.Seconds(), 0.001))
	if t.err != nil {
		s += "; " + t.err.Error()
	}
	return s
}
