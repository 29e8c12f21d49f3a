package relay

import (
	"image/color"
	"image/png"
	"net/url"
	"strings"
	"testing"

	"rsc.io/qr"
)

// TestQR looks at every pixel: 8 to a module, four modules of white around them,
// and in between the text with medium correction.
func TestQR(t *testing.T) {
	const scale, quiet = 8, 4
	r := start(t, "http", wide())
	for _, text := range []string{"1", "https://example.org/static/watch.html?url=/alice.webm&x=ä+%", strings.Repeat("q", 300)} {
		img, err := png.Decode(strings.NewReader(r.page("/api/qr?text=" + url.QueryEscape(text))))
		if err != nil {
			t.Fatal(err)
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		side := (code.Size + 2*quiet) * scale
		if b := img.Bounds(); b.Dx() != side || b.Dy() != side {
			t.Errorf("%.20q: %v; expected %d pixels a side", text, b, side)
			continue
		}
		dark, wrong := 0, 0
		for y := range side {
			for x := range side {
				black := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 128
				if black {
					dark++
				}
				if black != code.Black(x/scale-quiet, y/scale-quiet) {
					wrong++
				}
			}
		}
		if wrong > 0 || dark < side*side/8 {
			t.Errorf("%.20q: %d dark pixels, %d wrong ones of %d", text, dark, wrong, side*side)
		}
	}
	for query, got := range map[string]string{"": "0", "?text=": "0", "?other=x": "0", "?text=" + strings.Repeat("q", 301): "301", "?text=" + strings.Repeat("%C3%A4", 151): "302"} {
		r.refused("GET", "/api/qr"+query, nil, 400, "text is what the QR code says, 1 to 300 bytes, as in /api/qr?text=hello; got "+got+".")
	}
}
