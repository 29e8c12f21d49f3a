package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"everfile/stream"
)

// webcastProtocol is the sub-protocol of webcast.js and other programs that
// publish by WebSocket. A text frame is {"type":TYPE,"data":DATA}, a binary one a
// chunk; the first is a hello, which names the MIME type. The server says nothing.
const webcastProtocol = "webcast"

// maxWebcastText is the longest text frame, in bytes.
const maxWebcastText = 64 << 10

// webcast serves a socket of the sub-protocol. There are no counts here, so that a
// run cannot be resumed; who connects again with the same key goes on with the file.
func (s *Server) webcast(c *socket, r *http.Request, a address) {
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	greeted := make(chan *stream.Publisher, 1)
	go func() {
		defer close(done)
		s.attend(ctx, c, greeted)
	}()
	s.readWebcast(ctx, c, r, a, greeted)
	cancel()
	c.abandon()
	<-done
}

// attend looks after a socket beside its reader: that it says hello in time, is
// still there, and closes when its publisher is replaced. It ends when ctx does.
func (s *Server) attend(ctx context.Context, c *socket, greeted <-chan *stream.Publisher) {
	var alive sync.WaitGroup
	defer alive.Wait()
	alive.Go(func() { s.keepAlive(ctx, c, s.opt.PingEvery) })
	hello := time.NewTimer(s.opt.Hello)
	defer hello.Stop()
	select {
	case <-ctx.Done():
	case <-hello.C:
		c.closeWith(refuse(http.StatusRequestTimeout, "Nobody has said hello here in %v; send %s first.", s.opt.Hello, exampleHello))
	case <-s.goodbye:
		c.closeWith(refusalOf(stream.ErrClosed))
	case p := <-greeted:
		select {
		case <-ctx.Done():
		case <-p.Gone():
			c.closeWith(refusalOf(p.Cause()))
		}
	}
}

// readWebcast takes the hello, then chunks and metadata until the socket ends.
func (s *Server) readWebcast(ctx context.Context, c *socket, r *http.Request, a address, greeted chan<- *stream.Publisher) {
	m, err := readMedia(ctx, c)
	var no *refusal
	if err != nil && !errors.As(err, &no) {
		return // it has gone
	}
	var p *stream.Publisher
	var f *stream.Format
	if err == nil {
		p, f, err = s.openWebcast(r, a, m)
	}
	if err != nil {
		c.closeWith(refusalOf(err))
		return
	}
	greeted <- p
	s.leave(c, p, a, s.readWebcastChunks(ctx, c, p, f))
}

// openWebcast makes a publisher of a hello. It names a user and a password, but
// there are no accounts: the password is the right to publish, as ?key= is, which
// counts if both are there; and the user is nobody.
func (s *Server) openWebcast(r *http.Request, a address, m message) (*stream.Publisher, *stream.Format, error) {
	if !m.text {
		return nil, nil, &refusal{code: closeProtocol, text: "Media before any hello; send " + exampleHello + " first."}
	}
	frame, err := parseFrame(m.data)
	if err != nil {
		return nil, nil, err
	}
	mime, password, err := frame.hello()
	if err != nil {
		return nil, nil, err
	}
	f, err := webcastFormat(a, mime)
	if err != nil {
		return nil, nil, err
	}
	p, err := s.open(r, a, stream.PublishOptions{Format: f, Key: password})
	return p, f, err
}

// webcastFormat says what the chunks are: what the hello says, which must be what
// the path says if both say something; nil if neither does.
func webcastFormat(a address, mime string) (*stream.Format, error) {
	f, err := publishFormat(a, "")
	if err != nil || mime == "" {
		return f, err
	}
	said := stream.ByType(mime)
	switch {
	case said == nil:
		return nil, unknownType(mime)
	case f != nil && f != said:
		return nil, refuse(http.StatusUnsupportedMediaType, "The path says .%s and the hello %.40q; which is it?", a.ext, mime)
	}
	return said, nil
}

// readWebcastChunks returns why there are no more.
func (s *Server) readWebcastChunks(ctx context.Context, c *socket, p *stream.Publisher, f *stream.Format) error {
	var first []byte
	for {
		m, err := readMedia(ctx, c)
		if err != nil {
			return err
		}
		if m.text {
			err = takeText(p, m.data)
		} else {
			first = append(first, m.data[:min(len(m.data), stream.SniffLen-len(first))]...)
			_, err = p.Write(m.data)
			err = headless(err, f, first)
		}
		if err != nil {
			return err
		}
	}
}

// headless is the error of a chunk, or what else to say if the first bytes are not
// how its container begins: the script drops what its recorder hands out before the
// socket is open.
func headless(err error, f *stream.Format, first []byte) error {
	var parse *stream.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	like := "like any container"
	switch {
	case f == nil && stream.Sniff(first) != nil, f != nil && f.Begins(first):
		return err
	case f != nil:
		like = "like " + f.Name
	}
	return &refusal{code: closeInvalid, text: fmt.Sprintf("These bytes do not begin %s: what came before onopen is lost, its header too. Start the recorder in onopen.", like)}
}

// takeText takes a text frame that is not the first.
func takeText(p *stream.Publisher, b []byte) error {
	frame, err := parseFrame(b)
	if err != nil {
		return err
	}
	switch frame.Type {
	case "hello":
		return &refusal{code: closeProtocol, text: "A second hello; another recorder needs a socket of its own."}
	case "metadata":
		title, ok, err := frame.title()
		if err != nil || !ok {
			return err
		}
		return p.SetTitle(title)
	}
	return nil // newer clients may say more
}

// webcastFrame is a text frame.
type webcastFrame struct {
	Type string
	Data json.RawMessage
}

const exampleHello = `{"type":"hello","data":{"mime":"audio/webm"}}`

// parseFrame reads a text frame; what is built otherwise is an error.
func parseFrame(b []byte) (f webcastFrame, err error) {
	if len(b) > maxWebcastText {
		return f, &refusal{code: closeTooBig, text: fmt.Sprintf("A text frame of %d bytes; it has at most %d.", len(b), maxWebcastText)}
	}
	var raw struct {
		Type *string
		Data json.RawMessage
	}
	if json.Unmarshal(b, &raw) != nil || raw.Type == nil {
		return f, &refusal{code: closeProtocol, text: fmt.Sprintf(`A text frame is {"type":TYPE,"data":DATA}, got %.40q.`, b)}
	}
	return webcastFrame{*raw.Type, raw.Data}, nil
}

// hello reads the first frame. An empty mime is that of a recorder that has not
// started: then the chunks are looked at.
func (f webcastFrame) hello() (mime, password string, err error) {
	var d struct {
		MIME     *string
		Password string
	}
	if f.Type != "hello" || json.Unmarshal(f.Data, &d) != nil || d.MIME == nil {
		return "", "", &refusal{code: closeProtocol, text: fmt.Sprintf("The first frame is a hello with a mime, as in %s; got %.20q.", exampleHello, f.Type)}
	}
	return *d.MIME, d.Password, nil
}

// title reads metadata; ok is false if it says nothing of what plays.
func (f webcastFrame) title() (title string, ok bool, err error) {
	var d *struct{ Title, Artist any }
	if json.Unmarshal(f.Data, &d) != nil || d == nil {
		return "", false, &refusal{code: closeProtocol, text: `The data of metadata is an object, as in {"title":"...","artist":"..."}.`}
	}
	t, hasTitle := d.Title.(string)
	artist, hasArtist := d.Artist.(string)
	return titled(artist, t), hasTitle || hasArtist, nil
}
