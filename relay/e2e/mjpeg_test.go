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
	"path/filepath"
	"testing"
	"time"

	"everfile/relay"
)

// colours are those of a camera's pictures, one after the other.
var colours = []color.RGBA{{200, 0, 0, 255}, {0, 200, 0, 255}, {0, 0, 200, 255}, {200, 200, 0, 255}}

// rounded is a colour as the pages say it.
func rounded(c color.RGBA) string { return fmt.Sprintf("%d,%d,%d,5", c.R/50, c.G/50, c.B/50) }

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

// camera publishes a body of pictures; end ends it and the file.
func camera(t *testing.T, url string) (send func(picture []byte), end func()) {
	t.Helper()
	body, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, body)
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
	send = func(picture []byte) {
		t.Helper()
		if _, err := w.Write(picture); err != nil {
			t.Fatal(err)
		}
	}
	return send, func() {
		t.Helper()
		w.Close()
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
}

// looking is a script that shows images and says which colour they have.
const looking = `(function () {
	window.show = function (src) {
		var img = new Image();
		img.src = src;
		document.body.appendChild(img);
		return img;
	};
	window.colour = function (img, x, y) {
		var canvas = document.createElement("canvas"), ctx = canvas.getContext("2d");
		canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
		if (!canvas.width) { return ""; }
		ctx.drawImage(img, 0, 0);
		return Array.prototype.map.call(ctx.getImageData(x || 80, y || 60, 1, 1).data, function (v) { return Math.round(v / 50); }).join();
	};
	return true;
}())`

// TestPictures: an img element shows each picture before the next is sent, live and
// joined late, and keeps the last; a still is the newest, and the list shows it without
// a script.
func TestPictures(t *testing.T) {
	s := serve(t, relay.Options{})
	p := startChromium(t).newTab()
	send, end := camera(t, s.url+"/cam.mjpeg")
	for i, c := range colours {
		send(coloured(t, c))
		if i == 0 {
			untilLive(t, s.url+"/cam.mjpeg")
			p.open(s.url + "/live")
			eval[bool](p, looking)
			p.until(fmt.Sprintf(`colour(document.querySelector(".still")) === %q`, rounded(c)))
			eval[bool](p, `(window.moving = show("/cam.mjpeg"), true)`)
		}
		p.until(fmt.Sprintf(`colour(moving) === %q`, rounded(c)))
		p.until(fmt.Sprintf(`window.still%d = window.still%d || show("/cam.jpg?%d"), colour(still%d) === %q`, i, i, i, i, rounded(c)))
		if i == 1 {
			eval[bool](p, `(window.late = show("/cam.mjpeg?late"), true)`)
		}
		if i > 0 {
			p.until(fmt.Sprintf(`colour(late) === %q`, rounded(c)))
		}
	}
	end()
	p.until(`moving.complete && late.complete`)
	for _, img := range []string{"moving", "late"} {
		if got, want := eval[string](p, "colour("+img+")"), rounded(colours[len(colours)-1]); got != want {
			t.Errorf("after the end the image shows %q; expected %q", got, want)
		}
	}
	keyframesMove(t, s, p)
}

// keyframesMove: of a video's keyframes an img shows one after the other.
func keyframesMove(t *testing.T, s *site, p *tab) {
	push(t, filepath.Join("..", "..", "testdata", "captures", "chromium-vp8-opus-kf1s-T100.webm"), s.url+"/v.webm", true)
	untilLive(t, s.url+"/v.webm")
	began := time.Now()
	eval[bool](p, `(function () {
		window.moving = show("/v.mjpeg");
		window.seen = [];
		window.looker = setInterval(function () {
			var canvas = document.createElement("canvas"), ctx = canvas.getContext("2d"), sum = 0;
			if (moving.naturalWidth !== 640 || moving.naturalHeight !== 360) { return; }
			canvas.width = 640; canvas.height = 360;
			ctx.drawImage(moving, 0, 0);
			ctx.getImageData(0, 0, 640, 360).data.forEach(function (v, i) { sum = (sum * 31 + v) % 1e9; });
			if (seen.indexOf(sum) < 0) { seen.push(sum); }
		}, 50);
		return true;
	}())`)
	p.until(`seen.length >= 1`)
	t.Logf("the first keyframe is seen after %v", time.Since(began))
	p.until(`seen.length >= 3`)
	eval[bool](p, `(clearInterval(looker), true)`)
}

// Firefox shows each picture before the next is sent, live and joined late, and the
// newest as a still.
func TestPicturesInFirefox(t *testing.T) {
	long(t)
	need(t, "firefox-esr")
	s, reports := serveWithPages(t, relay.Options{})
	send, end := camera(t, s.url+"/cam.mjpeg")
	for i, c := range colours {
		send(coloured(t, c))
		if i == 0 {
			firefox(t, s.url+"/static/test/img.html?url=/cam.mjpeg")
		}
		select {
		case p := <-reports:
			if p.Colour != rounded(c) {
				t.Fatalf("picture %d: Firefox shows %q; expected %q", i, p.Colour, rounded(c))
			}
		case <-time.After(2 * patience):
			t.Fatalf("Firefox does not show picture %d", i)
		}
	}
	end()
}
