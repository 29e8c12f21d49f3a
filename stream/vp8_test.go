package stream

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"os/exec"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// keyed is a capture whose camera sends a keyframe every second.
const keyed = "chromium-vp8-opus-kf1s-T100.webm"

// keyframes are those of a capture's first video track.
func keyframes(t testing.TB, name string) (all []Part) {
	t.Helper()
	r := parse(ByExt("webm"), streamtest.Capture(t, name).Data, whole, false)
	if r.err != nil {
		t.Fatal(r.err)
	}
	return slices.DeleteFunc(r.frames, func(p Part) bool { return p.Track != r.heads[0].video() || !p.Key })
}

// vp8Head is a frame header of VP8 (RFC 6386, section 9.1).
func vp8Head(key bool, partition, width, height int) []byte {
	tag := uint32(partition)<<5 | 1<<4
	if !key {
		tag |= 1
	}
	b := []byte{byte(tag), byte(tag >> 8), byte(tag >> 16), 0x9d, 0x01, 0x2a}
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, uint16(width)), uint16(height))
}

// TestVP8PictureHostile: what makes no picture is refused before it takes memory.
func TestVP8PictureHostile(t *testing.T) {
	good := keyframes(t, keyed)[0].Frame
	sized := func(w, h int) []byte { return cat(vp8Head(true, 10, w, h), make([]byte, 1000)) }
	damaged := func(at int, b ...byte) []byte { return cat(good[:at], b, good[at+len(b):]) }
	for _, c := range []struct {
		name, want string
		in         []byte
	}{
		{"nothing", "unexpected EOF", nil},
		{"a byte", "unexpected EOF", good[:1]},
		{"a header cut off", "unexpected EOF", good[:9]},
		{"no start code", "invalid format", damaged(3, 0x9e)},
		{"no keyframe", "not a keyframe", vp8Head(false, 10, 64, 48)},
		{"16383x16383", "a picture of 16383x16383 pixels; at most 4096x4096 are decoded", sized(16383, 16383)},
		{"too wide", "4097x16 pixels", sized(4097, 16)},
		{"too high", "16x4097 pixels", sized(16, 4097)},
		{"no width", "0x16 pixels", sized(0, 16)},
		{"no height", "16x0 pixels", sized(16, 0)},
		{"a scaled size", "4097x16 pixels", sized(1<<14|4097, 16)},
		{"a large picture in few bytes", "the frame is cut off", cat(vp8Head(true, 1<<19-1, 4096, 4096), make([]byte, 1000))},
		{"the first partition cut off", "", good[:200]},
		{"the others cut off", "", good[:len(good)/2]},
	} {
		var got []byte
		var err error
		grown := allocated(func() { got, err = vp8Picture(c.in) })
		if err == nil || got != nil {
			t.Errorf("%s: %d bytes", c.name, len(got))
			continue
		}
		wantErr(t, err, c.want)
		if c.want != "" && grown > 1<<18 {
			t.Errorf("%s: %d bytes allocated", c.name, grown)
		}
	}
}

func FuzzVP8Picture(f *testing.F) {
	f.Add(keyframes(f, keyed)[0].Frame)
	f.Add(vp8Head(true, 10, 64, 48))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := vp8Picture(b)
		if err != nil {
			return
		}
		r := parse(ByExt("mjpeg"), got, whole, true)
		if r.err != nil || len(r.frames) != 1 {
			t.Fatalf("%d pictures, %v", len(r.frames), r.err)
		}
	})
}

// TestPicturesOfKeyframes: each keyframe is a picture, at its time, as it comes; the
// rest is none, and who joins late gets the newest.
func TestPicturesOfKeyframes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		c := streamtest.Capture(t, keyed)
		want := keyframes(t, keyed)
		var l *Listener
		var to *Stream
		var got []*Part
		for i, b := range c.Chunks {
			mustWrite(t, p, b)
			if i == 0 {
				var release func()
				var err error
				to, release, err = streamOf(t, h, "x").Convert(ConvertOptions{Format: ByExt("mjpeg")})
				if err != nil {
					t.Fatal(err)
				}
				l = to.Listen(ListenOptions{Complete: true})
				release()
			}
			synctest.Wait()
			got, _ = l.Take(got)
		}
		if len(want) < 3 || len(got) != len(want) {
			t.Fatalf("%d pictures of %d keyframes", len(got), len(want))
		}
		for i, p := range got {
			m, err := jpeg.DecodeConfig(bytes.NewReader(p.Frame))
			if err != nil || m.Width != 640 || m.Height != 360 || p.Kind != Join || !p.Key {
				t.Errorf("picture %d: %v, %dx%d", i, err, m.Width, m.Height)
			}
			if d := p.Time - (want[i].Time - want[0].Time); d.Abs() > 100*time.Millisecond {
				t.Errorf("picture %d is at %v; its keyframe at %v", i, p.Time, want[i].Time)
			}
		}
		if at, ok := streamOf(t, h, "x").Picture(); !ok || at != got[len(got)-1].Time {
			t.Errorf("the newest is at %v, %t; expected %v", at, ok, got[len(got)-1].Time)
		}
		late := to.Listen(ListenOptions{})
		if parts, err := late.Take(nil); err != nil || len(parts) != 1 || parts[0] != got[len(got)-1] {
			t.Errorf("who is late gets %d pictures, %v", len(parts), err)
		}
		if n := to.Damaged.Load() + to.LostParts.Load(); n != 0 {
			t.Errorf("%d keyframes have made no picture", n)
		}
		late.Close()
		l.Close()
		p.Drop()
	})
}

// TestPicturesOfAnySize: a track that begins late, changes its size, sends what cannot
// be decoded, and several keyframes at once, of which the newest is shown.
func TestPicturesOfAnySize(t *testing.T) {
	key := keyframes(t, keyed)[0].Frame
	small := keyframes(t, "chromium-gum-vp8-opus-T100.webm")[0].Frame
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{}, vp8Track, opusTrack)
		w.frame(2, true, 50)
		to, release, err := w.stream().Convert(ConvertOptions{Format: ByExt("mjpeg")})
		if err != nil {
			t.Fatal(err)
		}
		l := to.Listen(ListenOptions{})
		defer l.Close()
		release()
		send := func(want string, frames ...[]byte) {
			t.Helper()
			b := cat(open(idCluster, 8), num(idTimestamp, uint64(w.at.Milliseconds())))
			for i, f := range frames {
				b = cat(b, simple(1, int16(i), 0x80, string(f)))
			}
			mustWrite(t, w.p, b, simple(1, 50, 0, "delta"), simple(2, 50, 0x80, opus20))
			w.step(time.Second)
			parts, err := l.Take(nil)
			var got []string
			for _, p := range parts {
				m, err := jpeg.DecodeConfig(bytes.NewReader(p.Frame))
				got = append(got, fmt.Sprintf("%dx%d %v", m.Width, m.Height, err))
			}
			if fmt.Sprint(got, err) != want+" <nil>" {
				t.Errorf("got %v, %v; expected %s", got, err, want)
			}
		}
		big, little := "[640x360 <nil>]", fmt.Sprintf("[%dx%d <nil>]", 640, 480)
		send(big, key)
		send(little, small)
		send("[]", cat(vp8Head(true, 10, 16383, 16383), make([]byte, 100)))
		send(big, small, small, key)
		if n, lost := to.Damaged.Load(), to.LostParts.Load(); n != 1 || lost != 2 {
			t.Errorf("%d damaged, %d passed over", n, lost)
		}
	})
}

// TestNoPicture: before there is one, and when the camera has been away for so long that
// listeners join at its sound.
func TestNoPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTape(t, Options{Window: time.Second}, vp8Track, opusTrack)
		w.frame(2, true, 50)
		if _, ok := w.stream().Picture(); ok {
			t.Error("sound is a picture")
		}
		w.step(40 * time.Millisecond)
		w.frame(1, true, 50)
		if at, ok := w.stream().Picture(); !ok || at != 40*time.Millisecond {
			t.Errorf("a picture at %v, %t", at, ok)
		}
		w.play(5*time.Second, 2, 50)
		if at, ok := w.stream().Picture(); ok {
			t.Errorf("a picture at %v of a camera that is gone", at)
		}
	})
}

// TestPicturesOfOthers: what no pictures are made of, and why.
func TestPicturesOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		opt  ConvertOptions
		why  string
	}{
		"sound":       {begin(opusTrack), ConvertOptions{}, "it has no picture"},
		"VP9":         {begin(trackEl(1, Video, "V_VP9"), opusTrack), ConvertOptions{}, "only vp8 is made into pictures here, and its picture is vp9"},
		"AV1":         {begin(trackEl(1, Video, "V_AV1")), ConvertOptions{}, "and its picture is av1"},
		"H.264":       {begin(trackEl(1, Video, "V_MPEG4/ISO/AVC")), ConvertOptions{}, "and its picture is avc1"},
		"compressed":  {begin(trackEl(1, Video, "V_VP8", el(idEncodings, ramp(4)))), ConvertOptions{}, "its vp8 is compressed or encrypted once more"},
		"their sound": {begin(vp8Track, opusTrack), ConvertOptions{Tracks: Audio}, "pictures have no sound"},
		"their rate":  {begin(vp8Track, opusTrack), ConvertOptions{Rate: 8000}, ErrNotSamples.Error()},
		"pictures":    {jpegSpec{}.bytes(), ConvertOptions{Tracks: Audio}, ErrNoAudio.Error()},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{Format: Sniff(c.file)})
		mustWrite(t, p, c.file)
		c.opt.Format = ByExt("mjpeg")
		_, _, err := streamOf(t, h, "x").Convert(c.opt)
		if wantErr(t, err, c.why); err == nil {
			t.Errorf("%s: it can be had", name)
		}
		p.Drop()
	}
}

// psnr is how alike two pictures of bytes are, in dB.
func psnr(a, b []byte) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/max(sum, 1e-9))
}

// TestPicturesJudged: ffmpeg decodes the same keyframes to the same pictures, black and
// white being where they belong.
func TestPicturesJudged(t *testing.T) {
	streamtest.Need(t, "ffmpeg")
	rgb := func(in []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "ffmpeg", slices.Concat([]string{"-v", "error"}, args, []string{"-i", "-", "-an", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"})...)
		cmd.Stdin = bytes.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	names := []string{keyed, "chromium-gum-vp8-opus-T100.webm"}
	if streamtest.Long() {
		names = append(names, "chromium-vp8-opus-T100.webm")
	}
	for _, name := range names {
		var pictures []byte
		var size image.Point
		all := keyframes(t, name)
		for i := range all {
			b, err := vp8Picture(all[i].Frame)
			if err != nil {
				t.Fatalf("%s: keyframe %d: %v", name, i, err)
			}
			m, err := jpeg.DecodeConfig(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			size, pictures = image.Pt(m.Width, m.Height), append(pictures, b...)
		}
		want := rgb(streamtest.Capture(t, name).Data, "-skip_frame", "nokey")
		got := rgb(pictures, "-f", "mjpeg")
		n := 3 * size.X * size.Y
		if len(got) != n*len(all) || len(want) != len(got) {
			t.Fatalf("%s: %d and %d bytes; expected %d pictures of %v", name, len(got), len(want), len(all), size)
		}
		for i := range all {
			if d := psnr(got[i*n:(i+1)*n], want[i*n:(i+1)*n]); d < 30 {
				t.Errorf("%s: picture %d: %.1f dB; expected at least 30", name, i, d)
			} else if i == 0 {
				t.Logf("%s: %.1f dB", name, d)
			}
		}
	}
}

// Who asks for a picture now and then begins a conversion each time, which does not
// decode again what is there.
func TestPictureIsDrawnOnce(t *testing.T) {
	h := newHub(t, roomy())
	c := streamtest.Capture(t, "chromium-vp8-opus-kf1s-T100.webm")
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, c.Chunks[:15]...)
	s := streamOf(t, h, "x")
	first := func() []byte {
		to, release, err := s.Convert(ConvertOptions{Format: ByExt("mjpeg")})
		if err != nil {
			t.Fatal(err)
		}
		l := to.Listen(ListenOptions{})
		release()
		defer l.Close()
		parts, err := l.Take(nil)
		if err != nil || len(parts) == 0 {
			t.Fatal(len(parts), err)
		}
		return parts[len(parts)-1].Frame
	}
	want := first()
	d := s.drawn.Load()
	if d == nil || !bytes.Equal(d.picture, want) {
		t.Fatal("the picture is not kept")
	}
	other := jpegSpec{}.bytes()
	s.drawn.Store(&drawn{d.time, other})
	if !bytes.Equal(first(), other) {
		t.Error("it was decoded again")
	}
	s.drawn.Store(&drawn{d.time - 1, other})
	if !bytes.Equal(first(), want) {
		t.Error("an older picture is given")
	}
	p.Drop()
}
