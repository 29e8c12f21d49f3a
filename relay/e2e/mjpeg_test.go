package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"
	"net/http"
	"testing"

	"everfile/relay"
)

// coloured is a JPEG picture in one colour.
func coloured(t *testing.T, c color.Color) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 160, 120))
	draw.Draw(m, m.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPictures: an img element shows each picture before the next is sent, and a still
// is the newest.
func TestPictures(t *testing.T) {
	b := startChromium(t)
	s := serve(t, relay.Options{})
	send, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/cam.mjpeg", send)
	if err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		answer <- err
	}()
	colours := []color.RGBA{{200, 0, 0, 255}, {0, 200, 0, 255}, {0, 0, 200, 255}, {200, 200, 0, 255}}
	p := b.newTab()
	for i, c := range colours {
		if _, err := w.Write(coloured(t, c)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			untilLive(t, s.url+"/cam.mjpeg")
			p.open(s.url + "/live")
			eval[bool](p, `(function () {
				window.show = function (src) {
					var img = new Image();
					img.src = src;
					document.body.appendChild(img);
					return img;
				};
				window.colour = function (img) {
					var canvas = document.createElement("canvas"), ctx = canvas.getContext("2d");
					canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
					if (canvas.width !== 160 || canvas.height !== 120) { return ""; }
					ctx.drawImage(img, 0, 0);
					return Array.prototype.map.call(ctx.getImageData(80, 60, 1, 1).data, function (v) { return Math.round(v / 50); }).join();
				};
				window.moving = show("/cam.mjpeg");
				return true;
			}())`)
		}
		want := fmt.Sprintf("%d,%d,%d,5", c.R/50, c.G/50, c.B/50)
		p.until(fmt.Sprintf(`colour(moving) === %q`, want))
		p.until(fmt.Sprintf(`window.still%d = window.still%d || show("/cam.jpg?%d"), colour(still%d) === %q`, i, i, i, i, want))
	}
	w.Close()
	if err := <-answer; err != nil {
		t.Error(err)
	}
}
