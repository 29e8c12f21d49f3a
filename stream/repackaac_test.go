package stream

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"everfile/stream/streamtest"
)

// aacEntry is a sample entry of AAC with an AudioSpecificConfig.
func aacEntry(object byte, config ...byte) []byte {
	d := cat([]byte{4, byte(13 + 2 + len(config)), object, 0x15}, make([]byte, 11), []byte{5, byte(len(config))}, config)
	return audible("mp4a", 2, 44100, bx("esds", be32(0), []byte{3, byte(3 + len(d)), 0, 1, 0}, d))
}

// TestADTSOfMP4: what ADTS says of a configuration, or that it cannot.
func TestADTSOfMP4(t *testing.T) {
	for name, c := range map[string]struct {
		config []byte
		want   string // track and header of a frame of 4 bytes, or
		why    string
	}{
		"LC":              {[]byte{0x12, 0x10}, "mp4a.40.2 44100 Hz stereo FF F1 50 80 01 7F FC", ""},
		"mono":            {[]byte{0x11, 0x88}, "mp4a.40.2 48000 Hz mono FF F1 4C 40 01 7F FC", ""},
		"7.1":             {[]byte{0x11, 0xB8}, "mp4a.40.2 48000 Hz 8 channels FF F1 4D C0 01 7F FC", ""},
		"main":            {[]byte{0x0A, 0x10}, "mp4a.40.1 44100 Hz stereo FF F1 10 80 01 7F FC", ""},
		"7350 Hz":         {[]byte{0x16, 0x08}, "mp4a.40.2 7350 Hz mono FF F1 70 40 01 7F FC", ""},
		"HE, explicit":    {[]byte{0x2B, 0x92, 0x08, 0x00}, "mp4a.40.2 22050 Hz stereo FF F1 5C 80 01 7F FC", ""},
		"HE v2, explicit": {[]byte{0xEB, 0x8A, 0x08, 0x00}, "mp4a.40.2 22050 Hz mono FF F1 5C 40 01 7F FC", ""},
		"HE, implicit":    {[]byte{0x13, 0x90, 0x56, 0xE5, 0xA0}, "mp4a.40.2 22050 Hz stereo FF F1 5C 80 01 7F FC", ""},
		"a rate in full":  {[]byte{0x17, 0x80, 0x56, 0x22, 0x10}, "mp4a.40.2 44100 Hz stereo FF F1 50 80 01 7F FC", ""},
		"an odd rate":     {[]byte{0x17, 0x80, 0x4E, 0x20, 0x10}, "", "ADTS has no place for AAC of 40000 Hz"},
		"a reserved rate": {[]byte{0x16, 0x90}, "", "ADTS has no place for AAC of 0 Hz"},
		"xHE":             {[]byte{0xF9, 0x50, 0x40}, "", "ADTS has no place for AAC of object type 42"},
		"type 0":          {[]byte{0x02, 0x10}, "", "ADTS has no place for AAC of object type 0"},
		"ELD":             {[]byte{0xF8, 0xE8, 0x50, 0x00}, "", "ADTS has no place for AAC of object type 39"},
		"HE of nothing":   {[]byte{0x2B, 0x92, 0x50, 0x00}, "", "ADTS has no place for AAC of object type 20"},
		"in the stream":   {[]byte{0x12, 0x00}, "", "ADTS has no place for AAC of channel configuration 0"},
		"22.2":            {[]byte{0x12, 0x68}, "", "ADTS has no place for AAC of channel configuration 13"},
		"960 samples":     {[]byte{0x12, 0x14}, "", "ADTS has no place for AAC frames of 960 samples"},
		"scalable":        {[]byte{0x12, 0x12}, "", "ADTS has no place for AAC that depends on another coder"},
		"cut off":         {[]byte{0x17, 0x80}, "", "its AudioSpecificConfig of 2 bytes is cut off"},
	} {
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, mp4Begin(mp4Trak(2, "soun", 44100, aacEntry(0x40, c.config...))))
		s := streamOf(t, h, "x")
		got := ""
		to, release, err := s.Convert(ConvertOptions{Format: ByExt("aac")})
		if c.why != "" {
			if wantErr(t, err, c.why); err == nil {
				release()
			}
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			l := to.Listen(ListenOptions{Complete: true})
			release()
			mustWrite(t, p, one(2, 0, "AAC!"))
			_ = p.End()
			for _, p := range drain2(t, l) {
				got = fmt.Sprintf("%s % X", to.Tracks()[0].Describe(), p.Bytes[:7])
				if string(p.Bytes[7:]) != "AAC!" {
					t.Errorf("%s: the frame is %q", name, p.Bytes)
				}
			}
			l.Close()
		}
		if got != c.want {
			t.Errorf("%s: %s; expected %s", name, got, c.want)
		}
		p.Drop()
	}
	for name, c := range map[string]struct {
		file []byte
		why  string
	}{
		"MP3":          {mp4Begin(mp4Trak(2, "soun", 44100, aacEntry(0x6B))), "it is mp4a.6B"},
		"MPEG-2's AAC": {mp4Begin(mp4Trak(2, "soun", 44100, aacEntry(0x67, 0x12, 0x10))), "it is mp4a.67"},
		"says nothing": {mp4Begin(mp4Trak(2, "soun", 44100, audible("mp4a", 2, 44100))), "it is mp4a"},
		"no AAC":       {mp4Begin(opsTrak), "aac is made of the AAC in MP4 here, and there is none in it"},
		"not MP4":      {begin(vp8Track, opusTrack), "aac is made of the AAC in MP4 here, and there is none in it"},
		"no sound":     {mp4Begin(avcTrak), "the stream has no sound"},
	} {
		h := newHub(t, Options{})
		p := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, p, c.file)
		_, err := streamOf(t, h, "x").Playable("aac")
		if wantErr(t, err, c.why); err == nil {
			t.Error(name)
		}
		p.Drop()
	}
}

// TestADTSFrames: as long as a frame of AAC is and not as the container says, and
// what ADTS cannot hold is left out.
func TestADTSFrames(t *testing.T) {
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{})
	mustWrite(t, p, mp4Begin(mp4Trak(2, "soun", 44100, aacEntry(0x40, 0x12, 0x10))))
	to, release, err := streamOf(t, h, "x").Convert(ConvertOptions{Format: ByExt("aac")})
	if err != nil {
		t.Fatal(err)
	}
	l := to.Listen(ListenOptions{Complete: true})
	release()
	longest := string(ramp(8191 - 7))
	mustWrite(t, p, frag(tr{2, 0, []smp{{4096, true, 0, "four times as long"}, {1, true, 0, longest}, {1024, true, 0, longest + "x"}, {1024, true, 0, "last"}}}))
	_ = p.End()
	parts := drain2(t, l)
	l.Close()
	again := parse(to.format, body(to, parts), whole, true)
	if again.err != nil || len(again.frames) != 3 || string(again.frames[1].Frame) != longest || to.Damaged.Load() != 1 {
		t.Errorf("read as %d frames, %v; %d damaged", len(again.frames), again.err, to.Damaged.Load())
	}
	for i, p := range parts {
		if p.Bytes[6]&3 != 0 || (p.Duration-again.frames[i].Duration).Abs() > 1 {
			t.Errorf("frame %d says that it is %d, of %v", i, p.Bytes[6]&3+1, p.Duration)
		}
	}
}

// fragmentedAAC is three seconds of it as ffmpeg writes MP4.
func fragmentedAAC(t testing.TB, args ...string) []byte {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	args = append([]string{"-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(300*t*(1+t))|0.4*sin(500*t*(1+t))':s=44100", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25",
		"-t", "3", "-c:a", "aac", "-aac_pns", "0", "-b:a", "64k"}, args...)
	out, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-f", "mp4", "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// samplesOf is the first sound of a file as ffmpeg decodes it.
func samplesOf(t testing.TB, file string) []float32 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", file, "-map", "0:a:0", "-f", "f32le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	return streamtest.Floats(out)
}

// TestADTSOfRecordings: the frames of a recording, the same bytes, wherever one joins.
// ffmpeg decodes of what it made itself what it decodes of the source.
func TestADTSOfRecordings(t *testing.T) {
	files := map[string][]byte{"webkit": streamtest.Capture(t, "webkit-audio-aac-T100.mp4").Data}
	if !testing.Short() {
		files["sound.mp4"] = fragmentedAAC(t, "-map", "0", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "200000")
		files["pictures.mp4"] = fragmentedAAC(t, "-map", "1", "-map", "0", "-ac", "1", "-c:v", "libx264", "-preset", "ultrafast", "-movflags", "frag_keyframe+delay_moov", "-g", "25")
	}
	for name, data := range files {
		from, to, parts := converted(t, data, ConvertOptions{Format: ByExt("aac")})
		track := from.head.first(Audio)
		want := slices.DeleteFunc(logged(from), func(p *Part) bool { return p.Track != track })
		if len(parts) != len(want) || len(parts) < 100 {
			t.Fatalf("%s: %d frames; expected %d", name, len(parts), len(want))
		}
		for i, p := range parts {
			if p.Kind != Join || p.Time != want[i].Time || !bytes.Equal(p.Frame, want[i].Frame) {
				t.Fatalf("%s: frame %d at %v; expected %v", name, i, p.Time, want[i].Time)
			}
			if i%7 > 0 && !streamtest.Long() || len(parts)-i < 2 {
				continue // one frame alone is not believed
			}
			sameSamples(t, parts[i:], parse(to.format, body(to, parts[i:]), whole, true).frames)
		}
		if name == "webkit" || testing.Short() {
			continue // ffmpeg finds fault with the recording itself
		}
		aac, mp4 := filepath.Join(t.TempDir(), "x.aac"), filepath.Join(t.TempDir(), name)
		for file, b := range map[string][]byte{aac: body(to, parts), mp4: data} {
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		// The encoder's delay, which MP4 may say is no sound, is in ADTS.
		a, b := samplesOf(t, mp4), samplesOf(t, aac)
		if n := len(b) - len(a); n < 0 || n > 2048 || len(a) < 100_000 || !slices.Equal(a, b[n:]) {
			t.Errorf("%s: %d samples, %d in the source, and they differ", name, len(b), len(a))
		}
		late := streamtest.JudgeBytes(t, "late.aac", body(to, parts[70:]))
		if late.Rises(t); len(late.Errors) > 0 || math.Abs(float64(len(late.Frames)-len(parts)+70)) > 1 {
			t.Errorf("%s: joined late %d frames of %d, and ffmpeg says %v", name, len(late.Frames), len(parts)-70, late.Errors)
		}
	}
}
