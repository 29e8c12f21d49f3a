package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What a mix has where nothing else is asked for.
const (
	mixRate     = 48000
	mixChannels = 2
	mixBits     = 16
)

// A mix is made every mixEvery. One that is later than mixLate, because the machine
// was, leaves that time out.
const (
	mixEvery = 20 * time.Millisecond
	mixLate  = time.Second
)

// MixOptions says what is wanted of a room's sound. Who wants the same of a room
// shares the same run, in whatever words.
type MixOptions struct {
	Room    string
	Without []string       // names in the room who are left out, in any order
	As      ConvertOptions // plain samples; where it says nothing 48 kHz, two channels and 16 bits

	// Ask is called for each name that somebody publishes without sending anything now,
	// and what it returns when he does, or nobody listens any more; nil: nobody is asked.
	// It is called without a lock.
	Ask func(entry string) (done func())
}

// mixKey is the same for all that mean the same.
type mixKey struct {
	room, without string
	rate          int
	channels      int
	bits          int
	float         bool
}

// plan says what the options make.
func (o *MixOptions) plan() (key mixKey, track Track, err error) {
	as := o.As
	def(&as.Rate, mixRate)
	def(&as.Channels, mixChannels)
	if as.Bits == 0 {
		as.Bits, as.Float = mixBits, false
	}
	track = Track{Type: Audio, Codec: "1", Rate: as.Rate, Channels: as.Channels, Bits: as.Bits, Float: as.Float, id: "pcm"}
	if track.Float {
		track.Codec = "3"
	}
	_, err = newPCMDecoder(&track, false)
	switch {
	case as.Tracks == Video:
		return key, track, ErrSoundOnly
	case as.Format != nil && !as.Format.plain:
		return key, track, &ViewError{Why: "voices are mixed to plain samples only"}
	case err != nil || track.Float && track.Bits != 32 || track.Channels > 2 || track.Rate < minRate || track.Rate > maxRate:
		return key, track, &ViewError{Why: fmt.Sprintf("a mix of %s is not made here", track.Describe())}
	}
	without := slices.Sorted(slices.Values(o.Without))
	return mixKey{o.Room, strings.Join(slices.Compact(without), ","), as.Rate, as.Channels, as.Bits, as.Float}, track, nil
}

// mix is one run that sums what is published in a room: a listener of each stream's
// samples, and a stream of its own that it writes. It lives as long as somebody uses
// it and the room is there.
type mix struct {
	key   mixKey
	hub   *Hub
	hall  *hall
	track Track
	over  context.Context // ends with the room; never: it ends when nobody publishes there any more
	to    *Stream

	ask func(entry string) (done func())

	users int                // listeners, and callers of Mix that will be; hub.mu
	stop  context.CancelFunc // ends run
	done  chan struct{}      // closed when run is over

	// Accessed by one goroutine at a time: who makes it, then run.
	mixer   *mixer
	sources map[*Stream]*mixSource
	asked   map[string]func() // names that were asked for, and what ends that
	began   time.Time         // stream time 0
	at      int64             // frames that are in the file, and those left out
	last    time.Time         // when somebody published in the room
	counted int               // bytes of the mixer's in the hub's account
	entries []*Entry          // scratch, and the rest
	in      []*Part
	out     []*Part
	decoded []float32
	mixed   []float32
	summed  []float32
}

// Mix returns a stream of what is published in a room, all of it that can be decoded
// here, summed: the four voices that are the loudest at the moment. It runs by the
// server's clock, whether anybody speaks or not, until over is done; where that never
// is, until nobody has published in the room for [Options].Grace. Any goroutine may
// call it.
//
// As with [Stream.Convert], the work is done once for all who want the same, begins
// with the first and ends with the last of them, and the caller calls release once,
// when it has called Listen or will not. Each stream is decoded once for all mixes
// that have one rate.
//
// The error is [ErrSoundOnly], a *[ViewError], [ErrMemory] or [ErrClosed].
func (h *Hub) Mix(over context.Context, o MixOptions) (to *Stream, release func(), err error) {
	key, track, err := o.plan()
	if err != nil {
		return nil, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.mixes[key]
	if m == nil || m.over != over || over.Err() != nil {
		if m != nil {
			m.stop() // the room is another one now
		}
		if h.mixesOf(key.room) >= maxMixes {
			return nil, nil, ErrMixes
		}
		if m, err = h.newMix(over, key, track); err != nil {
			return nil, nil, err
		}
		m.ask = o.Ask
		ctx, cancel := context.WithCancel(over)
		m.stop = cancel
		h.mixes[key] = m
		h.work.Go(func() { m.run(ctx) })
	}
	m.users++
	return m.to, m.release, nil
}

// maxMixes is in how many ways a room is mixed at once: each may be of other rates, for
// which all of its streams are converted.
const maxMixes = 16

// ErrMixes is the error of who wants another.
var ErrMixes = errors.New("a room is mixed in too many ways already")

// mixesOf is in how many ways a room is mixed. h.mu is held.
func (h *Hub) mixesOf(room string) (n int) {
	for key := range h.mixes {
		if key.room == room {
			n++
		}
	}
	return n
}

// EndMixes ends the mixes of a room, after what is left in them to be heard: it is
// another one from now on, though it has the same name.
func (h *Hub) EndMixes(room string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, m := range h.mixes {
		if key.room == room {
			m.stop()
			delete(h.mixes, key)
		}
	}
}

// newMix makes a mix of nobody yet, whose file begins with as much silence as a listener
// gets in its first write. h.mu is held.
func (h *Hub) newMix(over context.Context, key mixKey, track Track) (*mix, error) {
	switch {
	case h.closed.Load():
		return nil, ErrClosed
	case h.full():
		return nil, ErrMemory
	}
	f := ByExt("wav")
	e := &Entry{hub: h, name: key.room + "/mix", news: make(chan struct{})} // in no register: nobody publishes it
	to, err := newStream(e, f, &head{tracks: []Track{track}}, &h.opt)
	if err != nil {
		return nil, err
	}
	now := h.opt.Now()
	m := &mix{key: key, hub: h, hall: h.hold(key.room), track: track, over: over, to: to, done: make(chan struct{}),
		mixer: newMixer(track.Rate, track.Channels), sources: map[*Stream]*mixSource{}, asked: map[string]func(){}, began: now.Add(-f.preroll), last: now}
	to.made, to.began = m, m.began
	m.pour(now)
	return m, nil
}

// hold counts one more user.
func (m *mix) hold() {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.users++
}

// release counts one less; the last one ends the mix and waits for that.
func (m *mix) release() {
	m.hub.mu.Lock()
	m.users--
	last := m.users == 0
	if last {
		m.forget()
	}
	m.hub.mu.Unlock()
	if last {
		m.stop()
		<-m.done
	}
}

// forget has the next one who wants the same begin anew. hub.mu is held.
func (m *mix) forget() {
	if m.hub.mixes[m.key] == m {
		delete(m.hub.mixes, m.key)
	}
}

// run mixes until nobody listens any more, or the room has ended.
func (m *mix) run(ctx context.Context) {
	defer close(m.done)
	tick := time.NewTicker(mixEvery)
	defer tick.Stop()
	for m.step() {
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	m.end()
}

// step adds what is due. It reports false when the room is no more.
func (m *mix) step() bool {
	now := m.hub.opt.Now()
	if m.gather() {
		m.last = now
	}
	m.read()
	m.pour(now)
	m.account(m.mixer.held())
	return m.over.Done() != nil || now.Sub(m.last) <= max(0, m.hub.opt.Grace)
}

// end ends the file, after what is left in it to be heard, and gives everything back.
func (m *mix) end() {
	m.stop()
	m.hub.mu.Lock()
	m.forget()
	m.hub.mu.Unlock()
	m.read()
	for _, v := range m.mixer.voices {
		v.ended = true // it begins, however little waits
	}
	for len(m.mixer.voices) > 0 {
		m.next()
	}
	m.next() // what the limiter holds
	m.put()
	m.to.finish()
	for _, src := range m.sources {
		src.close()
	}
	for _, done := range m.asked {
		done()
	}
	m.account(0)
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	m.hub.let(m.key.room)
}

// account keeps the hub's memory true about what waits.
func (m *mix) account(bytes int) {
	m.hub.memory.Add(int64(bytes - m.counted))
	m.counted = bytes
}

// pour adds the blocks that are due by now.
func (m *mix) pour(now time.Time) {
	due, unit := inSamples(now.Sub(m.began), m.track.Rate), int64(m.mixer.unit)
	if late := due - m.at; late > inSamples(mixLate, m.track.Rate) {
		m.to.Skips.Add(1)
		m.to.LostParts.Add(late / unit)
		m.at = due - unit
	}
	for m.at+unit <= due {
		m.next()
	}
	m.put()
}

// next makes the next block a part.
func (m *mix) next() {
	at := sampleTime(m.at, m.track.Rate)
	m.at += int64(m.mixer.unit)
	m.summed = m.mixer.mix(m.summed[:0])
	m.out = append(m.out, &Part{Kind: Body, Key: true, Time: at, Duration: sampleTime(m.at, m.track.Rate) - at,
		Frame: appendSamples(nil, m.summed, &m.track)})
}

// put appends the blocks to the file.
func (m *mix) put() {
	m.to.append(m.out)
	clear(m.out)
	m.out = m.out[:0]
}
