package relay

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"everfile/stream"
)

// listening is one listener being fed: a cursor, and a door that writes.
type listening struct {
	server   *Server
	entry    string
	from     string
	stream   *stream.Stream
	listener *stream.Listener
	door     door
	first    []byte   // the container's header, until it is sent
	left     int64    // bytes that a range leaves to send; -1: no end
	pad      *padding // nil: none
	fill     *filling // nil: none
	titles   *weaving // nil: none
}

// vector is one write. It is borrowed from a pool, so that a listener that
// waits holds no buffers.
type vector struct {
	parts []*stream.Part
	bufs  [][]byte
	size  int
	spare [][]byte // for what puts something between the buffers
}

func (v *vector) add(b []byte) {
	if len(b) > 0 {
		v.bufs = append(v.bufs, b)
		v.size += len(b)
	}
}

// cut shortens the vector to n bytes.
func (v *vector) cut(n int64) {
	for int64(v.size) > n {
		last := v.bufs[len(v.bufs)-1]
		over := int(int64(v.size) - n)
		if over < len(last) {
			v.bufs[len(v.bufs)-1] = last[:len(last)-over]
			v.size -= over
			return
		}
		v.bufs = v.bufs[:len(v.bufs)-1]
		v.size -= len(last)
	}
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

func (v *vector) release() {
	clear(v.parts)
	clear(v.bufs)
	clear(v.spare)
	v.parts, v.bufs, v.spare, v.size = v.parts[:0], v.bufs[:0], v.spare[:0], 0
	vectors.Put(v)
}

// serve sends the response's head and feeds the listener. On HTTP/1 it returns
// at once and leaves one goroutine, since the handler's own holds twice the
// memory; on HTTP/2 it returns when the listener has gone.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, l *listening, status int) {
	d, err := s.openDoor(w, r, status, l.left >= 0 && l.left <= knownLength)
	if err != nil {
		l.listener.Close()
		s.opt.Log.Debug("listener lost before it began", "entry", logged(l.entry), "err", err)
		return
	}
	l.door = d
	s.opt.Log.Debug("listening", "entry", logged(l.entry), "from", l.from, "door", d.name())
	s.enter(l)
	if f, ok := d.(*flushDoor); ok {
		l.loop(f.ctx, l.head())
		return
	}
	s.work.Add(1) // the handler is still counted, so this is never the first
	go func() {
		defer s.work.Done()
		l.loop(context.Background(), l.head()) // its stream's end wakes it, and abort breaks its writes
	}()
}

// loop feeds the listener until its stream ends, it has gone, or ctx is done;
// or until a crew takes it over.
func (l *listening) loop(ctx context.Context, err error) {
	for err == nil {
		if l.server.crowd(l) {
			return
		}
		err = l.next(ctx)
	}
	defer l.server.exit(l)
	defer l.listener.Close()
	l.pad.stop()
	l.fill.stop()
	l.door.close(err == errFinished)
	l.server.opt.Log.Debug("listener left", "entry", logged(l.entry), "from", l.from, "lost", l.listener.Stats().Lost, "err", err)
}

// head sends the response's head, and with it the container's header, so that a
// listener knows at once what it will get even if no join is there yet.
func (l *listening) head() error {
	if _, _, join := l.stream.Edge(); join >= 0 {
		return nil // goes out with the first parts, in one write
	}
	v := vectors.Get().(*vector)
	defer v.release()
	return l.send(v, time.Now())
}

// next waits for parts and sends them. While it waits it holds no buffers.
func (l *listening) next(ctx context.Context) error {
	if err := l.listener.Wait(ctx, l.due()); err != nil {
		return err
	}
	v := vectors.Get().(*vector)
	defer v.release()
	var err error
	v.parts, err = l.listener.Take(v.parts)
	if err != nil && l.first == nil {
		return finished(err)
	}
	if l.fill != nil {
		_, clock, _ := l.stream.Edge()
		l.fill.add(v, clock)
	} else {
		for _, p := range v.parts {
			v.add(p.Bytes)
		}
	}
	if v.size == 0 && l.door.gone() {
		return errGone
	}
	if sendErr := l.send(v, time.Now()); sendErr != nil {
		return sendErr
	}
	return finished(err)
}

// due is when to come back although nothing is new.
func (l *listening) due() <-chan time.Time {
	if l.fill != nil {
		return l.fill.due()
	}
	return l.pad.due()
}

// send writes a vector, with what must come before and after it.
func (l *listening) send(v *vector, now time.Time) error {
	if l.first != nil {
		v.bufs = slices.Insert(v.bufs, 0, l.first)
		v.size += len(l.first)
		l.first = nil
	}
	if l.pad != nil && !l.listener.Pending() {
		l.pad.add(v, now, l.door.drained)
	} else if l.pad != nil {
		l.pad.sent += int64(v.size)
	}
	l.titles.add(v)
	if l.left >= 0 {
		v.cut(l.left)
		l.left -= int64(v.size)
	}
	if err := l.door.write(v, now); err != nil {
		return err
	}
	if l.left == 0 {
		return errFinished
	}
	return nil
}
