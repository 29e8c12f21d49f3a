package stream

// mjpegBoundary separates pictures in what listeners get. It is always the same,
// and no picture may hold it: one that did could have a browser take its rest for
// whatever it likes.
const mjpegBoundary = "everfile-picture-5f1c92d7e04ab836"

// What stands between two pictures (RFC 2046, section 5.1): the boundary and the
// headers of the next one, which come right behind each picture, because Chromium
// shows it when it has seen those. So there is no Content-Length: nobody knows yet.
const mjpegBetween = "\r\n--" + mjpegBoundary + "\r\nContent-Type: image/jpeg\r\n\r\n"

// mjpegMuxer writes pictures as the parts of a multipart body.
type mjpegMuxer struct{}

func newMJPEGMuxer(*head) (Muxer, error) { return mjpegMuxer{}, nil }

// Header is the boundary and the headers before the first picture.
func (mjpegMuxer) Header() []byte { return []byte(mjpegBetween[2:]) }

// Mux copies the picture; every one is a join.
func (mjpegMuxer) Mux(p *Part) {
	p.Kind = Join
	n := len(p.Frame)
	p.Bytes = append(append(make([]byte, 0, n+len(mjpegBetween)), p.Frame...), mjpegBetween...)
	p.Frame = p.Bytes[:n:n]
}

// Filler is nil: between two pictures a browser expects a picture.
func (mjpegMuxer) Filler() []byte { return nil }
