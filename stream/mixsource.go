package stream

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// mixSource is a stream that is published in the room; nil fields: it has no samples
// to be had, or no more.
type mixSource struct {
	listener *Listener
	decoder  decoder
	channels int
	voice    *voice
}

// gather begins to listen to the streams that have come. It reports whether somebody
// publishes in the room, or is expected back.
func (m *mix) gather() (inhabited bool) {
	m.entries, _ = m.hall.look(m.entries[:0])
	without := strings.Split(m.key.without, ",")
	for _, e := range m.entries {
		s, registered := e.present()
		inhabited = inhabited || registered
		name := strings.TrimPrefix(e.name, m.key.room+"/")
		if name != nameOf(name) || slices.Contains(without, name) {
			continue
		}
		m.want(e.name, s == nil && registered)
		if s != nil && m.sources[s] == nil {
			m.add(s)
		}
	}
	clear(m.entries)
	return inhabited
}

// want asks for what is published without anything being sent now, until something is.
func (m *mix) want(entry string, missing bool) {
	done := m.asked[entry]
	switch {
	case missing && done == nil && m.ask != nil:
		m.asked[entry] = m.ask(entry)
	case !missing && done != nil:
		done()
		delete(m.asked, entry)
	}
}

// add begins to listen to a stream, if it can be had as samples. When memory is short
// it is asked for again.
func (m *mix) add(s *Stream) {
	to, release, err := s.begin(ConvertOptions{Format: m.to.format, Rate: m.track.Rate, Bits: mixBits})
	if errors.Is(err, ErrMemory) {
		return
	}
	src := &mixSource{}
	m.sources[s] = src
	if err != nil {
		return
	}
	defer release()
	t := &to.Tracks()[0]
	if src.decoder, err = newPCMDecoder(t, false); err != nil {
		return
	}
	src.channels, src.voice = t.Channels, m.mixer.voice(t.Channels)
	src.listener = to.Listen(ListenOptions{})
}

// close gives up listening.
func (src *mixSource) close() {
	if src.listener != nil {
		src.listener.Close()
		src.listener = nil
	}
}

// maxTakes is how often a stream is asked for more at once.
const maxTakes = 16

// read gives the voices what has come of their streams.
func (m *mix) read() {
	for s, src := range m.sources {
		for i := 0; src.listener != nil && i < maxTakes; i++ {
			var err error
			m.in, err = src.listener.Take(m.in[:0])
			for _, p := range m.in {
				m.speak(src, p)
			}
			some := len(m.in) > 0
			clear(m.in)
			if errors.Is(err, io.EOF) {
				src.voice.ended = true
				src.close()
			}
			if !some {
				break
			}
		}
		if src.listener == nil && s.Ended() {
			delete(m.sources, s)
		}
	}
}

// speak gives a voice the samples of a part.
func (m *mix) speak(src *mixSource, p *Part) {
	m.decoded, _ = src.decoder.decode(m.decoded[:0], p.Frame) // plain samples of 16 bits are never damaged
	pcm := m.decoded
	if to := src.voice.channels; to != src.channels {
		m.mixed = remix(m.mixed[:0], pcm, src.channels, to)
		pcm = m.mixed
	}
	src.voice.put(pcm)
}
