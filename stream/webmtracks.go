package stream

import (
	"fmt"
	"strings"
	"time"
)

// readTracks reads the data of a Tracks element: the tracks that are passed on,
// and what every track number in use means.
func readTracks(data []byte) (*head, map[uint64]*webmTrack, error) {
	h := &head{}
	numbers := map[uint64]*webmTrack{}
	var err error
	ok := children(data, func(id uint64, data, _ []byte) bool {
		if id != idTrackEntry {
			return true
		}
		if len(numbers) == maxTracks {
			err = fmt.Errorf("more than %d tracks: %w", maxTracks, ErrTooLarge)
			return false
		}
		var num uint64
		var t Track
		if num, t, err = readTrackEntry(data); err != nil {
			return false
		}
		if num == 0 || numbers[num] != nil {
			err = fmt.Errorf("track number %d is used twice, or is zero", num)
			return false
		}
		wt := &webmTrack{index: -1, track: &t}
		if t.Type == Video || t.Type == Audio {
			wt.index = len(h.tracks)
			h.tracks = append(h.tracks, t)
		}
		numbers[num] = wt
		return true
	})
	switch {
	case err != nil:
		return nil, nil, err
	case !ok:
		return nil, nil, fmt.Errorf("the Tracks element is damaged")
	case len(h.tracks) == 0:
		return nil, nil, fmt.Errorf("no track of sound or picture")
	}
	return h, numbers, nil
}

// readTrackEntry reads one track. What our header writes by itself is left out
// of t.entry; everything else is copied as it is, so that elements younger than
// this code survive.
func readTrackEntry(data []byte) (num uint64, t Track, err error) {
	ok := children(data, func(id uint64, data, whole []byte) bool {
		keep := true
		switch id {
		case idTrackNumber:
			num, keep = ebmlUint(data), false
		case idTrackUID, idVoid, idCRC32:
			keep = false
		case idTrackType:
			t.Type = TrackType(min(ebmlUint(data), 255))
		case idCodecID:
			t.id = strings.TrimRight(string(data), "\x00")
		case idCodecPrivate:
			t.Private = append([]byte(nil), data...)
		case idDefaultDuration:
			t.FrameDuration = time.Duration(min(ebmlUint(data), uint64(time.Minute)))
			keep = t.FrameDuration > 0
		case idTrackScale:
			if s := ebmlFloat(data); s != 1 {
				err = fmt.Errorf("a track with a TrackTimestampScale of %g; only 1 is taken", s)
			}
			keep = false
		case idEncodings:
			t.encoded = true
		case idVideo:
			keep = !readVideo(data, &t)
		case idAudio:
			t.Rate, t.Channels = 8000, 1 // the elements' defaults
			children(data, func(id uint64, data, _ []byte) bool {
				switch id {
				case idSamplingFreq:
					t.Rate = int(max(0, min(ebmlFloat(data), 1<<30)))
				case idChannels:
					t.Channels = int(min(ebmlUint(data), 1<<16))
				case idBitDepth:
					t.Bits = int(min(ebmlUint(data), 1<<16))
				}
				return true
			})
		}
		if keep {
			t.entry = append(t.entry, whole...)
		}
		return err == nil
	})
	if err == nil && !ok {
		err = fmt.Errorf("a TrackEntry is damaged")
	}
	t.Codec, t.Float = webmCodec(&t), t.id == "A_PCM/FLOAT/IEEE"
	return num, t, err
}

// readVideo reads what is said of a picture and copies it into t.entry but for
// AlphaMode: alpha channels, which are in BlockAdditions, are not passed on, and
// players with GStreamer wait for one that was announced, and then give up.
// Chromium's recorder announces one always. It reports false if the element is
// damaged.
func readVideo(data []byte, t *Track) bool {
	var kept []byte
	ok := children(data, func(id uint64, data, whole []byte) bool {
		switch id {
		case idPixelWidth:
			t.Width = int(min(ebmlUint(data), 1<<20))
		case idPixelHeight:
			t.Height = int(min(ebmlUint(data), 1<<20))
		case idAlphaMode, idCRC32:
			return true
		}
		kept = append(kept, whole...)
		return true
	})
	if ok {
		t.entry = appendBytes(t.entry, idVideo, kept)
	}
	return ok
}

// webmCodec names a codec as MIME types do (RFC 6381; the registrations of VP9,
// AV1 and AVC in Matroska). What it does not know it names by its CodecID.
func webmCodec(t *Track) string {
	p := t.Private
	switch {
	case t.id == "V_VP8":
		return "vp8"
	case t.id == "V_VP9":
		return "vp9"
	case t.id == "A_OPUS":
		return "opus"
	case t.id == "A_VORBIS":
		return "vorbis"
	case t.id == "V_AV1":
		return av1Name(p)
	case t.id == "V_MPEG4/ISO/AVC" && len(p) >= 4:
		return fmt.Sprintf("avc1.%02X%02X%02X", p[1], p[2], p[3])
	case t.id == "V_MPEG4/ISO/AVC":
		return "avc1"
	case strings.HasPrefix(t.id, "A_PCM/"):
		return "pcm"
	}
	return quotable(t.id)
}

// av1Name names AV1 by its configuration record, which is the same in all
// containers.
func av1Name(p []byte) string {
	if len(p) < 4 {
		return "av1"
	}
	tier := "M"
	if p[2]&0x80 != 0 {
		tier = "H"
	}
	depth := 8
	if p[2]&0x40 != 0 {
		depth = 10
		if p[2]&0x20 != 0 {
			depth = 12
		}
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", p[1]>>5, p[1]&31, tier, depth)
}

// quotable is a recorder's name for a codec as it goes into a quoted header value:
// only what is safe there.
func quotable(name string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' && r != ',' {
			return r
		}
		return -1
	}, name[:min(len(name), 40)])
}
