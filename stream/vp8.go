package stream

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"time"

	"golang.org/x/image/vp8"
)

// pictureQuality is that of the JPEG pictures that are made of keyframes, of 100: as
// good as what recorders make of a camera.
const pictureQuality = 80

// planPictures makes pictures of the keyframes of the first video track.
func planPictures(s *Stream, to *Format, o ConvertOptions) (plan, error) {
	v := s.head.video()
	switch {
	case o.Tracks == Audio:
		return plan{}, &ViewError{Why: "pictures have no sound"}
	case v < 0:
		return plan{}, &ViewError{Why: "it has no picture"}
	}
	switch t := &s.head.tracks[v]; {
	case t.encoded:
		return plan{}, &ViewError{Why: "its " + t.Codec + " is compressed or encrypted once more"}
	case t.Codec != "vp8":
		return plan{}, &ViewError{Why: "of video only vp8 is made into pictures here, and its picture is " + t.Codec}
	}
	return plan{
		opt: ConvertOptions{Format: to}, format: to, head: &head{tracks: []Track{jpegTrack(s.head.tracks[v].Width, s.head.tracks[v].Height)}},
		newest: true, make: func(c *Counters) converter { return &vp8Pictures{s, v, c} },
	}, nil
}

// vp8Pictures is the converter that makes a picture of each keyframe of a track. What
// is between two keyframes is not decoded.
type vp8Pictures struct {
	from    *Stream
	track   int
	counter *Counters
}

func (v *vp8Pictures) wants(p *Part) bool { return p.Kind != Filler && p.Track == v.track && p.Key }

func (v *vp8Pictures) convert(dst []*Part, p *Part) []*Part {
	if d := v.from.drawn.Load(); d != nil && d.time == p.Time {
		return append(dst, &Part{Kind: Join, Key: true, Time: p.Time, Frame: d.picture})
	}
	drawing := v.from.entry.hub.drawing
	drawing <- struct{}{} // for as long as others take for a picture
	b, err := vp8Picture(p.Frame)
	<-drawing
	if err != nil {
		v.counter.Damaged.Add(1)
		return dst
	}
	if len(b) <= maxDrawn {
		v.from.drawn.Store(&drawn{p.Time, b})
	}
	return append(dst, &Part{Kind: Join, Key: true, Time: p.Time, Frame: b})
}

// drawn is the newest picture that was made of a stream. It is kept for those who ask
// for one now and then, of whom each begins a conversion of its own.
type drawn struct {
	time    time.Duration
	picture []byte
}

// maxDrawn is how large a picture may be that is kept, in bytes.
const maxDrawn = 1 << 20

func (v *vp8Pictures) rest(dst []*Part) []*Part { return dst }

// vp8Picture makes JPEG of a keyframe (RFC 6386, section 9.1), whose size is checked
// before anything of it is made.
func vp8Picture(frame []byte) (picture []byte, err error) {
	defer func() {
		if r := recover(); r != nil { // the frame is anybody's
			picture, err = nil, fmt.Errorf("vp8: %v", r)
		}
	}()
	d := vp8.NewDecoder() // a new one each time: between keyframes nothing holds the memory of a picture
	d.Init(bytes.NewReader(frame), len(frame))
	h, err := d.DecodeFrameHeader()
	switch {
	case err != nil:
		return nil, err
	case !h.KeyFrame:
		return nil, errors.New("vp8: not a keyframe")
	case min(h.Width, h.Height) < 1 || max(h.Width, h.Height) > maxSide:
		return nil, fmt.Errorf("vp8: a picture of %dx%d pixels; at most %dx%d are decoded", h.Width, h.Height, maxSide, maxSide)
	case int(h.FirstPartitionLen) > len(frame):
		return nil, errors.New("vp8: the frame is cut off")
	}
	m, err := d.DecodeFrame()
	if err != nil {
		return nil, err
	}
	fullRange(m)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: pictureQuality}); err != nil {
		return nil, err
	}
	if bytes.Contains(b.Bytes(), []byte(mjpegBoundary)) {
		return nil, errors.New("vp8: a picture that holds what separates pictures here")
	}
	return b.Bytes(), nil
}

// fullRange stretches a video's values, of which black is 16 and white 235 (ITU-R
// BT.601, section 2.5.3), to those of JPEG, which go from 0 to 255.
func fullRange(m *image.YCbCr) {
	var luma, chroma [256]byte
	for i := range 256 {
		luma[i] = byte(min(255, max(0, ((i-16)*255+109)/219)))
		chroma[i] = byte(min(255, max(0, ((i-128)*255+128*224+112)/224)))
	}
	for i, v := range m.Y {
		m.Y[i] = luma[v]
	}
	for i, v := range m.Cb {
		m.Cb[i] = chroma[v]
	}
	for i, v := range m.Cr {
		m.Cr[i] = chroma[v]
	}
}
