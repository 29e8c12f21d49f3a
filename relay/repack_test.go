package relay

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"everfile/stream"
)

// onlyFrames returns the frames of one type in a body, and how many tracks it has.
func onlyFrames(t testing.TB, b []byte, kind stream.TrackType) (all []string, tracks int) {
	t.Helper()
	var scan stream.Scanner
	scan.Each = func(p *stream.Part) {
		if scan.Tracks()[p.Track].Type == kind {
			all = append(all, string(p.Frame))
		}
	}
	if _, err := scan.Write(b); err != nil {
		t.Fatalf("a body of %d bytes: %v", len(b), err)
	}
	return all, len(scan.Tracks())
}

// What is put into another container goes through every door: the frames that were
// published from about now on, in a body that comes to rest at whole blocks for an
// element that wants it so; and nothing of it is left.
func TestRepacked(t *testing.T) {
	for _, row := range []struct {
		capture, play, contentType string
		kind                       stream.TrackType
		padded                     bool
	}{
		{picture, "/a.ogg", `audio/ogg; codecs="opus"`, stream.Audio, true},
		{picture, "/a.webm?tracks=video", `video/webm; codecs="vp8"`, stream.Video, true},
		{"firefox-audio-opus-T100.ogg", "/a.webm", `audio/webm; codecs="opus"`, stream.Audio, true},
		{"chromium-audio-opus-T100.mp4", "/a.ogg?tracks=audio", `audio/ogg; codecs="opus"`, stream.Audio, true},
		{"chromium-h264-opus-T100.mp4", "/a.mp4?tracks=video", `video/mp4; codecs="avc1.42C01F"`, stream.Video, true},
		{"webkit-audio-aac-T100.mp4", "/a.aac", "audio/aac", stream.Audio, false},
	} {
		chunks := capture(t, row.capture)
		want, _ := onlyFrames(t, bytes.Join(chunks, nil), row.kind)
		for _, protocol := range []string{"http", "tls", "h2"} {
			some := chunks
			if testing.Short() && protocol != "http" {
				continue
			}
			r, p := begun(t, protocol, "/a"+filepath.Ext(row.capture), wide(), some)
			for n := 1; ; n++ { // until there is something to begin with
				if resp := r.request("HEAD", row.play, nil); resp.StatusCode == 200 && resp.Header.Get("Everfile-Edge") != "0.000" {
					if got := resp.Header.Get("Content-Type"); got != row.contentType {
						t.Errorf("%s of %s: HEAD says %s", row.play, row.capture, got)
					}
					some = some[n:]
					break
				}
				p.send(chunks[n])
				p.acked(n + 1)
			}
			sep := "?"
			if strings.Contains(row.play, "?") {
				sep = "&"
			}
			plain, padded := r.listen(row.play), r.listen(row.play+sep+"pad=20")
			plain.has(1)
			padded.has(1)
			if n := r.s.Hub().Listeners("a"); n != 2 {
				t.Errorf("%d listeners", n)
			}
			p.send(some...)
			p.acked(len(chunks))
			if row.padded {
				padded.when("a whole block", func(b []byte, _ error) bool { return len(b) > 0 && len(b)%padBlock == 0 })
			}
			p.end()
			b, c := plain.all(), padded.all()
			if got := plain.resp.Header.Get("Content-Type"); got != row.contentType {
				t.Errorf("%s of %s: it is %s", row.play, row.capture, got)
			}
			for _, b := range [][]byte{b, c} {
				got, tracks := onlyFrames(t, b, row.kind)
				if tracks != 1 || len(got) > len(want) || len(got) < len(want)/2 || !slices.Equal(got, want[len(want)-len(got):]) {
					t.Errorf("%s, %s of %s: %d tracks, %d frames; %d were published", protocol, row.play, row.capture, tracks, len(got), len(want))
				}
			}
			if (len(c) > len(b)) != row.padded {
				t.Errorf("%s, %s of %s: %d bytes are padded to %d", protocol, row.play, row.capture, len(b), len(c))
			}
			eventually(t, "nothing is held", func() bool { return r.s.Hub().Memory() == 0 })
		}
	}
}
