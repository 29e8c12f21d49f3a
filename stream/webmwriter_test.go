package stream

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// written is a frame that the browser's writer is given.
type written struct {
	Kind string `json:"kind"`
	Ms   int64  `json:"ms"`
	Key  bool   `json:"key"`
	Data string `json:"data"` // base64
}

// writes has node run static/webmwriter.js, and returns the file and where its
// chunks end: a chunk is the header or a block.
func writes(t *testing.T, tracks string, frames []written) []byte {
	t.Helper()
	streamtest.Need(t, "node")
	script, err := os.ReadFile(filepath.Join("..", "static", "webmwriter.js"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(frames)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	js := "globalThis.window = {};\n" + string(script) + `
const fs = require("fs");
const writer = window.everfile.webm(` + tracks + `), out = [...writer.header()];
for (const f of JSON.parse(fs.readFileSync(process.argv[2]))) {
  out.push(...writer.block(f.kind, f.ms, f.key, new Uint8Array(Buffer.from(f.data, "base64"))));
}
fs.writeFileSync(process.argv[3], Buffer.concat(out));
`
	in, out := filepath.Join(dir, "frames.json"), filepath.Join(dir, "file.webm")
	for name, b := range map[string][]byte{filepath.Join(dir, "write.cjs"): []byte(js), in: list} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said, err := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "write.cjs"), in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// giving is what the writer is given, and what must be read of it.
func giving(f []Part, tracks []Track, from time.Duration) (give []written, want []string) {
	for _, p := range f {
		kind := "audio"
		if tracks[p.Track].Type == Video {
			kind = "video"
		}
		at := (p.Time + from).Round(time.Millisecond)
		give = append(give, written{kind, at.Milliseconds(), p.Key, base64.StdEncoding.EncodeToString(p.Frame)})
		want = append(want, fmt.Sprintf("%s@%v %t %d", kind, at, p.Key, len(p.Frame)))
	}
	return give, want
}

func (r parsed) kinds() (all []string) {
	for _, p := range r.frames {
		kind := "audio"
		if r.heads[0].tracks[p.Track].Type == Video {
			kind = "video"
		}
		all = append(all, fmt.Sprintf("%s@%v %t %d", kind, p.Time, p.Key, len(p.Frame)))
	}
	return all
}

// What the browser's own writer of WebM makes of frames is read as the same
// frames, however it is cut, also when hours have passed; and ffmpeg decodes it as
// it decodes the recording that they come from.
func TestWebMWriter(t *testing.T) {
	for _, c := range []struct{ capture, tracks string }{
		{"chromium-vp8-opus-kf1s-T100.webm", `{video: {width: 640, height: 360}, audio: {rate: 48000, channels: 1}}`},
		{"chromium-audio-opus-T100.webm", `{audio: {rate: 44100, channels: 1}}`},
	} {
		t.Run(c.capture, func(t *testing.T) {
			r := parse(ByExt("webm"), streamtest.Capture(t, c.capture).Data, whole, false)
			if len(r.heads) != 1 || len(r.frames) < 100 {
				t.Fatalf("%d headers, %d frames: %v", len(r.heads), len(r.frames), r.err)
			}
			give, want := giving(r.frames, r.heads[0].tracks, 0)
			file := writes(t, c.tracks, give)
			got := parse(ByExt("webm"), file, whole, true)
			if got.err != nil {
				t.Fatal(got.err)
			}
			if a, b := strings.Join(got.kinds(), "\n"), strings.Join(want, "\n"); a != b {
				t.Errorf("it reads as\n%.300s\nexpected\n%.300s", a, b)
			}
			for _, way := range cutters(t) {
				sameParts(t, got, parse(ByExt("webm"), file, way.next, true))
			}
			j := streamtest.JudgeBytes(t, "file.webm", file)
			if len(j.Errors) > 0 || len(j.Frames) < len(want)*9/10 {
				t.Errorf("ffmpeg decodes %d frames of %d and complains of %v", len(j.Frames), len(want), j.Errors)
			}
			j.Rises(t)

			give, want = giving(r.frames, r.heads[0].tracks, 1000*time.Hour)
			got = parse(ByExt("webm"), writes(t, c.tracks, give), whole, true)
			if a, b := strings.Join(got.kinds(), "\n"), strings.Join(want, "\n"); got.err != nil || a != b {
				t.Errorf("after 1000 hours it reads as %v\n%.300s\nexpected\n%.300s", got.err, a, b)
			}
		})
	}
}

// The header says what the tracks are; a cluster begins at every keyframe, and
// before a block's time would not fit; sizes of every length are right.
func TestWebMWriterClusters(t *testing.T) {
	data := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", n))) }
	give := []written{
		{"audio", 7, true, data(3)}, {"video", 10, true, data(118)}, {"audio", 5, true, data(122)}, {"video", 40, false, data(123)},
		{"video", 1010, true, data(16378)}, {"video", 31_000, false, data(16379)}, {"video", 31_011, false, data(70_000)}, {"audio", 5, true, data(1)},
	}
	file := writes(t, `{video: {width: 320, height: 65535}, audio: {rate: 48000, channels: 2}}`, give)
	r := parse(ByExt("webm"), file, whole, true)
	if r.err != nil || len(r.heads) != 1 {
		t.Fatal(r.err, len(r.heads))
	}
	for i, f := range give {
		if i >= len(r.frames) || r.frames[i].Time.Milliseconds() != f.Ms || base64.StdEncoding.EncodeToString(r.frames[i].Frame) != f.Data {
			t.Fatalf("frame %d of %+v is not there", i, give)
		}
	}
	var clusters []uint64
	for i := range len(file) - 16 {
		if n := string(file[i : i+12]); n == "\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff" {
			v := uint64(0)
			for _, b := range file[i+14 : i+14+int(file[i+13]&0x7f)] {
				v = v<<8 | uint64(b)
			}
			clusters = append(clusters, v)
		}
	}
	if got := fmt.Sprint(clusters); got != "[7 10 1010 31011 5]" {
		t.Errorf("clusters begin at %s", got)
	}
	v, a := r.heads[0].tracks[0], r.heads[0].tracks[1]
	if v.Codec != "vp8" || v.Type != Video || v.Width != 320 || v.Height != 65535 {
		t.Errorf("the picture's track: %+v", v)
	}
	if a.Codec != "opus" || a.Type != Audio || a.Rate != 48000 || a.Channels != 2 {
		t.Errorf("the sound's track: %+v", a)
	}
	if !strings.Contains(string(file), "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00") {
		t.Error("no OpusHead of two channels, 312 samples to skip and 48 kHz")
	}
}
