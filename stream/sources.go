package stream

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A name has up to two sources, each with a run, a key, a grace period and
// conversions of its own: its media, and pictures beside it. The register keeps them
// as two entries; that of the pictures has a name that nobody can publish under,
// since names have no dots.
const picturesSuffix = ".mjpeg"

// keys are the two that a name has in the register, that of its media first.
func keys(name string) [2]string { return [2]string{name, name + picturesSuffix} }

// nameOf is the name that a key of the register belongs to.
func nameOf(key string) string { return strings.TrimSuffix(key, picturesSuffix) }

// entry returns what is registered under a key, or nil.
func (h *Hub) entry(key string) *Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[key]
}

// of returns what is registered of a name.
func (h *Hub) of(name string) (all []*Entry) {
	for _, key := range keys(name) {
		if e := h.entry(key); e != nil {
			all = append(all, e)
		}
	}
	return all
}

// bars reports whether somebody holds the entry by another right than this one, or by
// none: then the other source of the name is not to be had by it either. e.mu is held.
func (e *Entry) bars(key string) bool {
	return (e.pub != nil || e.grace != nil) && e.key != key
}

// sources are the two of a name, its media first.
type sources [2]*Entry

// placeOf is which of the two something of a format is published as.
func placeOf(f *Format) int {
	if f != nil && f.pictures {
		return 1
	}
	return 0
}

// acquireBoth is acquire for both; each needs its release.
func (h *Hub) acquireBoth(name string) (both sources, err error) {
	k := keys(name)
	if both[0], err = h.acquire(k[0]); err != nil {
		return both, err
	}
	if both[1], err = h.acquire(k[1]); err != nil {
		h.release(both[0])
	}
	return both, err
}

// Sources returns the streams that a name has now, its media first.
func (h *Hub) Sources(name string) (all []*Stream) {
	for _, e := range h.of(name) {
		if s, _ := e.current(); s != nil {
			all = append(all, s)
		}
	}
	return all
}

// Stream returns the stream that a name has now, its media rather than its pictures,
// or nil.
func (h *Hub) Stream(name string) *Stream {
	if all := h.Sources(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Views returns every way in which something can be played whose sources these are:
// the media's own first, and what pictures beside it are instead of what would be
// made of it.
func Views(sources []*Stream) (all []Playable) {
	for _, s := range sources {
		own := s.Playables()
		all = slices.DeleteFunc(all, func(p Playable) bool {
			return slices.ContainsFunc(own, func(q Playable) bool { return q.Ext == p.Ext })
		})
		all = append(all, own...)
	}
	return all
}

// Open returns the stream of a name, its media rather than its pictures, waiting for
// it as long as wait, or as long as held when somebody has registered the name. It
// returns ErrNotFound when there is none then, ErrClosed, or the context's cause.
func (h *Hub) Open(ctx context.Context, name string, wait, held time.Duration) (*Stream, error) {
	s, _, err := h.OpenAs(ctx, name, "", wait, held)
	return s, err
}

// OpenAs is Open for who wants to play an extension: it returns the source that can be
// played so, pictures rather than media where both can. While none can it waits for
// one that is not there yet, as long as held if somebody publishes that, and as long as
// wait in any case. The error is then [ErrNoAudio] or a *[ViewError], and the stream is
// the one that it is about.
func (h *Hub) OpenAs(ctx context.Context, name, ext string, wait, held time.Duration) (*Stream, Playable, error) {
	anyway := wait > 0
	if h.Registered(name) {
		wait = max(wait, held)
	} else if !anyway {
		return nil, Playable{}, ErrNotFound
	}
	both, err := h.acquireBoth(name)
	if err != nil {
		return nil, Playable{}, err
	}
	defer h.release(both[0])
	defer h.release(both[1])
	if pictured(ext) {
		both[0], both[1] = both[1], both[0]
	}
	return await(ctx, both, ext, wait, anyway)
}

// OpenOf is Open for who wants what is published in one format and no other: it waits
// for that, whatever the name has now.
func (h *Hub) OpenOf(ctx context.Context, name string, f *Format, wait time.Duration) (*Stream, error) {
	key := keys(name)[placeOf(f)]
	if wait <= 0 && h.entry(key) == nil {
		return nil, ErrNotFound
	}
	e, err := h.acquire(key)
	if err != nil {
		return nil, err
	}
	defer h.release(e)
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		s, more := e.current()
		switch {
		case s != nil && s.format == f:
			return s, nil
		case h.closed.Load():
			return nil, ErrClosed
		}
		select {
		case <-more:
		case <-timeout.C:
			return nil, ErrNotFound
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pictured reports whether an extension is one of pictures' own.
func pictured(ext string) bool { return ByExt(picturesSuffix[1:]).has(ext) }

// await returns the first of the sources that can be played as it is wanted, as soon
// as there is one; anyway says that it waits for one that nobody publishes, too.
func await(ctx context.Context, sources sources, ext string, wait time.Duration, anyway bool) (*Stream, Playable, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for over := false; ; {
		a, moreOfA := sources[0].current()
		b, moreOfB := sources[1].current()
		s, v, err := playableAs(ext, a, b)
		if s != nil && (err == nil || over || !sources[0].begins(ext, anyway) && !sources[1].begins(ext, anyway)) {
			return s, v, err
		}
		switch {
		case sources[0].hub.closed.Load():
			return nil, Playable{}, ErrClosed
		case over:
			return nil, Playable{}, ErrNotFound
		}
		select {
		case <-moreOfA:
		case <-moreOfB:
		case <-timeout.C:
			over = true
		case <-ctx.Done():
			return nil, Playable{}, context.Cause(ctx)
		}
	}
}

// playableAs returns the first of the streams that can be played under an extension;
// if none can, the first of all, and why it cannot.
func playableAs(ext string, all ...*Stream) (s *Stream, v Playable, err error) {
	for _, one := range all {
		if one == nil {
			continue
		}
		w, no := one.Playable(ext)
		if no == nil {
			return one, w, nil
		}
		if s == nil {
			s, err = one, no
		}
	}
	return s, v, err
}

// begins reports whether a stream that can be played under an extension may be about to
// begin: somebody has the right to, or, anyway, anybody may.
func (e *Entry) begins(ext string, anyway bool) bool {
	if e.name != nameOf(e.name) && !pictured(ext) {
		return false // pictures are nothing else
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return (e.stream == nil || e.paused) && (anyway || e.pub != nil || e.grace != nil)
}
