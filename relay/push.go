package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"everfile/stream"
)

// PushOptions is what the command push is told.
type PushOptions struct {
	File   string // "-" is standard input
	URL    string // of the stream
	Key    string // the right to publish; "": nobody's
	Loop   bool   // begin again at the file's end
	Stdin  io.Reader
	Stderr io.Writer
	Client *http.Client // nil: the default
}

const (
	pushPiece   = 1 << 10               // bytes looked at before the clock is
	pushMessage = 50 * time.Millisecond // media in one chunk
	pushLimit   = 64 << 10              // bytes in one chunk
	pushAhead   = 300 * time.Millisecond
)

// Push publishes a file at the speed of its own timestamps. It comes back when
// the connection breaks and sends what was not acknowledged, so that the file
// on the server has every byte once.
func Push(ctx context.Context, o PushOptions) error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("%q is no stream's URL; expected one as in http://localhost:8080/caller1.webm", o.URL)
	}
	q := u.Query()
	q.Set("run", rand.Text())
	if o.Key != "" {
		q.Set("key", o.Key)
	}
	u.RawQuery = q.Encode()
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	l := newLink(ctx, u.String(), o.Client)
	defer l.stop()
	bar := progress(o)
	sent := int64(0)
	for {
		in, err := openInput(o)
		if err != nil {
			return err
		}
		err = pushOnce(ctx, in, l, bar, &sent)
		in.Close()
		if err != nil {
			return err
		}
		if !o.Loop || o.File == "-" {
			break
		}
	}
	if err := l.finish(ctx); err != nil {
		return err
	}
	_ = bar.Finish() // decoration
	fmt.Fprintf(o.Stderr, "%d bytes are in the file; it has ended.\n", sent)
	return nil
}

func openInput(o PushOptions) (io.ReadCloser, error) {
	if o.File == "-" {
		return io.NopCloser(o.Stdin), nil
	}
	return os.Open(o.File)
}

// progress is a bar on a terminal and nothing elsewhere.
func progress(o PushOptions) *progressbar.ProgressBar {
	size := int64(-1)
	if fi, err := os.Stat(o.File); err == nil && !o.Loop {
		size = fi.Size()
	}
	f, ok := o.Stderr.(*os.File)
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(o.Stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription(o.File), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))))
}

// pushOnce sends one pass over the input.
func pushOnce(ctx context.Context, in io.Reader, l *link, bar *progressbar.ProgressBar, sent *int64) error {
	var scan stream.Scanner
	var chunk []byte
	var at time.Duration // media up to the last chunk's end
	began := time.Now()
	buf := make([]byte, pushPiece)
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		if err := l.send(ctx, chunk); err != nil {
			return err
		}
		*sent += int64(len(chunk))
		_ = bar.Add(len(chunk)) // decoration
		chunk, at = nil, scan.Media()
		return sleep(ctx, at-time.Since(began)-pushAhead)
	}
	for {
		n, err := in.Read(buf)
		if _, err := scan.Write(buf[:n]); err != nil {
			return err
		}
		chunk = append(chunk, buf[:n]...)
		if scan.Media()-at >= pushMessage || len(chunk) >= pushLimit {
			if err := flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			if err := flush(); err != nil {
				return err
			}
			return sleep(ctx, scan.Media()-time.Since(began))
		}
		if err != nil {
			return err
		}
	}
}

// parseAck reads what a publishing socket is told; anything else is no error,
// since newer servers may say more.
func parseAck(b []byte) (a ack, ok bool) {
	err := json.Unmarshal(b, &a)
	return a, err == nil && (a.Type == "ready" || a.Type == "ack")
}
