package stream

import (
	"crypto/subtle"
	"errors"
)

// ErrKey answers who has not the key that a name is held with.
var ErrKey = errors.New("the name is held with another key, or without one")

// Metadata is what a publisher says of its stream, for people to read. It is kept
// as it is given: whoever takes it from a network bounds and cleans it before.
type Metadata struct {
	Title       string // of what plays now, as in "Artist - Title"
	Name        string // of the station
	Description string
	Genre       string
	URL         string // of a page about it
	Bitrate     int    // kbit/s, as the publisher says; 0: it does not say
	Public      bool   // the publisher wants it in public directories
}

// Metadata returns what the publisher says of the stream, which is nothing in the
// zero value. Any goroutine may call it; it takes no lock.
func (s *Stream) Metadata() Metadata { return s.entry.metadata() }

func (e *Entry) metadata() Metadata {
	if m := e.about.Load(); m != nil {
		return *m
	}
	return Metadata{}
}

// describe takes what a new run says of the file; one that says nothing leaves
// what was said of a file that it goes on with. e.mu is held.
func (e *Entry) describe(m *Metadata) {
	switch {
	case m != nil:
		own := *m
		e.about.Store(&own)
	case e.stream == nil:
		e.about.Store(nil)
	}
}

// entitle changes the title only. e.mu is held.
func (e *Entry) entitle(title string) {
	m := e.metadata()
	m.Title = title
	e.about.Store(&m)
}

// SetTitle says what plays now. Once the publisher may not write any more, it
// returns why.
func (p *Publisher) SetTitle(title string) error {
	p.e.mu.Lock()
	defer p.e.mu.Unlock()
	if p.cause != nil {
		return p.cause
	}
	p.e.entitle(title)
	return nil
}

// SetTitle says what plays now under a name, for somebody who does not publish it
// but has the key that it is held with. It returns ErrNotFound if nobody holds the
// name, and ErrKey if the key is another; without a key nobody can show that a
// stream is theirs.
func (h *Hub) SetTitle(name, key, title string) error {
	err := ErrNotFound
	for _, e := range h.of(name) {
		if no := e.setTitle(key, title); err == ErrNotFound || no == nil {
			err = no
		}
	}
	return err
}

func (e *Entry) setTitle(key, title string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.pub == nil && e.grace == nil:
		return ErrNotFound
	case e.key == "", subtle.ConstantTimeCompare([]byte(e.key), []byte(key)) != 1:
		return ErrKey
	}
	e.entitle(title)
	return nil
}
