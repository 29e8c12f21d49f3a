package stream

import (
	"fmt"
	"strings"
)

// decoder turns codec frames into samples. One goroutine uses it.
type decoder interface {
	// decode appends a frame's samples, interleaved, 1.0 being full scale, to dst.
	// An error means that this frame gives no samples; later ones may.
	decode(dst []float32, frame []byte) ([]float32, error)
}

// newDecoder returns a track's decoder, or an error that says why there is none.
// Who only wants to know pays nothing: what is large is made for the first frame.
func newDecoder(t *Track) (decoder, error) {
	switch {
	case t.Type != Audio:
		return nil, fmt.Errorf("%s is no sound", t.Describe())
	case t.encoded:
		return nil, fmt.Errorf("its %s is compressed or encrypted once more", t.Codec)
	case t.Codec == "opus":
		return newOpusDecoder(t)
	case t.Codec == "mp3":
		return newMP3Decoder(t)
	case t.Codec == "flac", t.id == "A_FLAC":
		return newFLACDecoder(t)
	case t.id == "pcm":
		return newPCMDecoder(t, false)
	case strings.HasPrefix(t.id, "A_PCM/"):
		return newPCMDecoder(t, t.id == "A_PCM/INT/BIG")
	}
	return nil, fmt.Errorf("%s is not decoded here", t.Describe())
}

// decodedRate is how many samples a second a track's decoder gives.
func decodedRate(t *Track) int {
	if t.Codec == "opus" {
		return opusRate
	}
	return t.Rate
}

// decodedLead is how many of the decoder's first samples are none of the sound:
// the encoder has put them before it. counted says whether the track's timestamps
// count them; those of Ogg begin with the first sample behind them.
func decodedLead(t *Track) (samples int, counted bool) {
	if t.Codec == "opus" {
		return readOpusHead(t.Private).preSkip, t.id != "opus"
	}
	return 0, false
}
