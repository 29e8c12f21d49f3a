package stream

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// maxScale is how many ticks a second may have.
const maxScale = int64(time.Second)

// maxShift is how much an edit list may take off.
const maxShift = 24 * time.Hour

// maxEntries bounds all sample descriptions, so that our header is within MaxHeader
// too.
const maxEntries = MaxHeader / 2

// mp4Track is a trak, with what fragments need to become parts.
type mp4Track struct {
	id       uint32
	index    int // among the tracks passed on, or -1
	kind     TrackType
	scale    int64  // ticks per second
	shift    int64  // ticks that the edit list takes off
	next     int64  // where the next fragment begins that does not say it, in ticks
	defaults mp4Run // what trex says

	handler string
	shape   []byte // matrix, width and height of tkhd
	edits   []byte // elst
	entries []byte // stsd
	samples uint32 // that are described in the moov
}

// readMoov reads the data of a moov: the tracks that are passed on, and what every
// track ID in use means.
func readMoov(data []byte) (*head, map[uint32]*mp4Track, error) {
	var traks []*mp4Track
	ids := map[uint32]*mp4Track{}
	movie := int64(0)
	var mvex []byte
	err := eachBox(data, func(kind string, data []byte) error {
		in := bigReader{b: data}
		switch kind {
		case "mvhd":
			movie = readScale(&in)
		case "mvex":
			mvex = append([]byte{}, data...) // it may come before the traks
		case "trak":
			if len(traks) == maxTracks {
				return fmt.Errorf("more than %d tracks: %w", maxTracks, ErrTooLarge)
			}
			t := &mp4Track{index: -1}
			if err := t.boxes(data, 0); err != nil {
				return err
			}
			if t.id == 0 || ids[t.id] != nil {
				return fmt.Errorf("track ID %d is used twice, or is zero", t.id)
			}
			ids[t.id] = t
			traks = append(traks, t)
		}
		return nil
	})
	if err == nil && mvex == nil {
		return nil, nil, errors.New("a moov without mvex; " + onlyFragments)
	}
	if err == nil {
		err = readTrex(mvex, ids)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("in a moov: %w", err)
	}
	h, err := mp4Head(traks, movie)
	return h, ids, err
}

// readTrex reads an mvex: what samples are where nothing nearer to them says it.
func readTrex(data []byte, ids map[uint32]*mp4Track) error {
	return eachBox(data, func(kind string, data []byte) error {
		if kind != "trex" {
			return nil
		}
		in := bigReader{b: data}
		in.full()
		t := ids[in.u32()]
		in.u32() // the sample description
		d := mp4Run{duration: in.u32(), size: in.u32(), flags: in.u32()}
		if in.short {
			return errors.New("a trex is too short")
		}
		if t != nil {
			t.defaults = d
		}
		return nil
	})
}

// readScale reads the ticks per second of an mvhd or mdhd, or 0.
func readScale(in *bigReader) int64 {
	version, _ := in.full()
	in.word(version) // when it was made
	in.word(version) // and changed
	return int64(in.u32())
}

// maxDepth is deeper than anything stands that is looked for in a trak.
const maxDepth = 6

// boxes reads what a trak holds.
func (t *mp4Track) boxes(data []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("boxes inside each other, more than %d deep", maxDepth)
	}
	return eachBox(data, func(kind string, data []byte) error {
		in := bigReader{b: data}
		switch kind {
		case "mdia", "minf", "stbl", "edts":
			return t.boxes(data, depth+1)
		case "tkhd":
			version, _ := in.full()
			in.word(version)
			in.word(version)
			t.id = in.u32()
			in.u32()
			in.word(version) // duration
			in.bytes(16)     // layer, alternate group, volume
			t.shape = in.bytes(44)
		case "mdhd":
			t.scale = readScale(&in)
		case "hdlr":
			if t.handler == "" { // QuickTime has another one in minf
				in.u64()
				t.handler = string(in.bytes(4))
			}
		case "elst":
			t.edits = data
		case "stsd":
			t.entries = data
		case "stsz", "stz2":
			in.u64()
			t.samples = max(t.samples, in.u32())
		case "stts":
			in.u32()
			t.samples = max(t.samples, in.u32())
		}
		if in.short {
			return fmt.Errorf("a %s of %d bytes is too short", kind, len(data))
		}
		return nil
	})
}

// mp4Head makes the header of the tracks that are passed on.
func mp4Head(traks []*mp4Track, movie int64) (*head, error) {
	h := &head{}
	size := 0
	for _, t := range traks {
		if t.samples > 0 {
			return nil, fmt.Errorf("a moov that describes samples by itself; %s", onlyFragments)
		}
		if t.scale < 1 || t.scale > maxScale {
			return nil, fmt.Errorf("track %d has %d ticks per second; expected 1 to %d", t.id, t.scale, maxScale)
		}
		switch t.handler {
		case "vide":
			t.kind = Video
		case "soun":
			t.kind = Audio
		default:
			continue
		}
		track, err := t.describe()
		if err == nil {
			err = t.edit(movie)
		}
		if err != nil {
			return nil, fmt.Errorf("track %d: %w", t.id, err)
		}
		if size += len(track.entry); size > maxEntries {
			return nil, fmt.Errorf("sample descriptions of %d bytes; at most %d are taken: %w", size, maxEntries, ErrTooLarge)
		}
		t.index, t.next = len(h.tracks), -t.shift
		h.tracks = append(h.tracks, track)
	}
	if len(h.tracks) == 0 {
		return nil, errors.New("a moov without a track of sound or picture")
	}
	return h, nil
}

// edit reads the edit list (section 8.6.6): how much of the media comes before the
// presentation's begin, as with sound's priming and reordered pictures, less what the
// presentation waits for it. Ours has no edit list, so times are shifted instead.
func (t *mp4Track) edit(movie int64) error {
	if t.edits == nil {
		return nil
	}
	in := bigReader{b: t.edits}
	version, _ := in.full()
	wait, ok := time.Duration(0), true
	for n := in.u32(); n > 0 && !in.short; n-- {
		length, media := int64(min(in.word(version), math.MaxInt64)), int64(in.word(version))
		if version == 0 {
			media = int64(int32(media))
		}
		in.u32() // the rate
		if media >= 0 {
			t.shift = media
			break
		}
		var d time.Duration
		if movie < 1 || movie > maxScale {
			ok = false
		} else if d, ok = ticksToTime(length, movie); !ok || d > maxShift {
			ok = false
		}
		if wait += d; !ok || wait > maxShift {
			return errors.New("an edit list that waits for more than a day")
		}
	}
	if d, ok := ticksToTime(t.shift, t.scale); in.short || !ok || d > maxShift {
		return errors.New("an edit list that is cut off, or begins more than a day into the media")
	}
	t.shift -= timeToTicks(wait, t.scale)
	return nil
}
