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
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"everfile/stream"
)

// PushOptions is what the command push is told.
type PushOptions struct {
	File   string // "-" is standard input
	URL    string // of the stream
	Key    string // the right to publish; "": a new one
	Loop   bool   // begin again at the file's end
	Stdin  io.Reader
	Stderr io.Writer
	Client *http.Client // nil: the default
	Link   LinkOptions  // how it comes back
}

const (
	pushPiece   = 1 << 10               // bytes looked at before the clock is
	pushMessage = 50 * time.Millisecond // media in one chunk
	pushLimit   = 64 << 10              // bytes in one chunk
	pushAhead   = 300 * time.Millisecond
	pushPicture = 40 * time.Millisecond // between two pictures of a file that says nothing of time, as ffmpeg takes it
)

// Push publishes a file at the speed of its own timestamps. It comes back when
// the connection breaks and sends what was not acknowledged, so that the file
// on the server has every byte once. A server that has forgotten the run, since
// it was started anew or waited in vain, gets the file from its begin again.
func Push(ctx context.Context, o PushOptions) error {
	u, err := streamURL(o.URL)
	if err != nil {
		return err
	}
	if o.Key == "" {
		o.Key = rand.Text() // so that nobody else gets the name while this comes back
	}
	for {
		err := pushRun(ctx, o, *u)
		var lost *lostRun
		if !errors.As(err, &lost) || o.File == "-" {
			return err
		}
		fmt.Fprintln(o.Stderr, "The server has lost the file; it gets it again from the begin.")
	}
}

// pushRun sends the file, or with Loop file after file, as one run.
func pushRun(ctx context.Context, o PushOptions, u url.URL) error {
	q := u.Query()
	q.Set("run", rand.Text())
	q.Set("key", o.Key)
	u.RawQuery = q.Encode()
	bar := progress(o)
	l := newLink(ctx, u.String(), o.Client, o.Link, func(why string) {
		_, _ = progressbar.Bprintln(bar, "Trying again:", why) // decoration
	})
	defer l.stop()
	sent := int64(0)
	for {
		in, err := openInput(l.ctx, o.File, o.Stdin)
		if err != nil {
			return err
		}
		torn, err := pushOnce(in, o.File != "-", l, bar, &sent)
		in.Close()
		if torn > 0 {
			_, _ = progressbar.Bprintf(bar, "The last %d bytes of %s are no whole frame and are left out.\n", torn, o.File) // decoration
		}
		if err != nil {
			return err
		}
		if !o.Loop || o.File == "-" {
			break
		}
	}
	if err := l.finish(); err != nil {
		return err
	}
	_ = bar.Finish() // decoration
	fmt.Fprintf(o.Stderr, "%d bytes are in the file; it has ended.\n", sent)
	return nil
}

// streamURL reads a command's argument.
func streamURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is no stream's URL; expected one as in http://localhost:8080/caller1.webm", s)
	}
	return u, nil
}

// openInput opens a file; "-" is standard input. Nothing wakes a read of that: if
// ctx ends first, what comes of it is an error, and its goroutine is left where it is.
func openInput(ctx context.Context, file string, stdin io.Reader) (io.ReadCloser, error) {
	if file != "-" {
		return os.Open(file)
	}
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, stdin)
		w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) })
	return r, nil
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

// pushOnce sends one pass over the input, which is a file or comes live. What is not
// whole is held back, so that another pass can follow; torn is how much of it is left
// at the end.
func pushOnce(in io.Reader, file bool, l *link, bar *progressbar.ProgressBar, sent *int64) (torn int, err error) {
	var chunk []byte
	var at time.Duration // media up to the last chunk's end
	began := time.Now()
	scan := stream.Scanner{Now: time.Now} // for pictures, which go out as they come in
	if file {
		shown := began
		scan.Now = func() time.Time { shown = shown.Add(pushPicture); return shown }
	}
	buf := make([]byte, pushPiece)
	flush := func() error {
		whole := len(chunk) - scan.Unfinished()
		if whole == 0 {
			return nil
		}
		if err := l.send(chunk[:whole:whole]); err != nil {
			return err
		}
		*sent += int64(whole)
		_ = bar.Add(whole) // decoration
		chunk, at = slices.Clone(chunk[whole:]), scan.Media()
		return sleep(l.ctx, at-time.Since(began)-pushAhead)
	}
	for {
		n, err := in.Read(buf)
		if _, err := scan.Write(buf[:n]); err != nil {
			return 0, fmt.Errorf("this cannot be published: %w", err)
		}
		chunk = append(chunk, buf[:n]...)
		if scan.Media()-at >= pushMessage || len(chunk) >= pushLimit || pictures(&scan) {
			if err := flush(); err != nil {
				return 0, err
			}
		}
		if errors.Is(err, io.EOF) {
			_ = scan.End() // what is torn is held back
			if scan.Frames() == 0 {
				return 0, errors.New("the input ends before any sound or picture")
			}
			if err := flush(); err != nil {
				return 0, err
			}
			return len(chunk), sleep(l.ctx, scan.Media()-time.Since(began))
		}
		if err != nil {
			return 0, err
		}
	}
}

// pictures reports whether each frame is to be sent when it is there: nobody knows
// when the next will come.
func pictures(scan *stream.Scanner) bool {
	f := scan.Format()
	return f != nil && f.Pictures()
}

// parseAck reads what a publishing socket is told; anything else is no error,
// since newer servers may say more.
func parseAck(b []byte) (a ack, ok bool) {
	err := json.Unmarshal(b, &a)
	return a, err == nil && (a.Type == "ready" || a.Type == "ack")
}
