package stream

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"everfile/stream/streamtest"
)

// TestSoundSamples: of every container what is decoded here is what ffmpeg hears.
func TestSoundSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	files := map[string][]byte{"firefox.ogg": streamtest.Capture(t, "firefox-audio-opus-T100.ogg").Data, "chromium.mp4": streamtest.Capture(t, "chromium-audio-opus-T100.mp4").Data}
	for name, data := range madeOgg(t) {
		if name == "opus.ogg" || name == "flac.ogg" {
			files[name] = data
		}
	}
	files["flac.mp4"] = madeFLAC(t, "-strict", "-2", "-movflags", "empty_moov+default_base_moof", "-frag_duration", "200000", "-f", "mp4")
	files["flac.mkv"] = madeFLAC(t, "-f", "matroska")
	for _, r := range recipes {
		if f := r.format().Name; f == "mp3" || f == "flac" {
			data := r.cook(t, "2")
			if f == "mp3" { // what its first frame says of the encoder is left out
				s, parts := published(t, r.format(), data)
				data = body(s, parts)
			}
			files[r.name] = data
		}
	}
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, got := sampled(t, data, every(500), ConvertOptions{})
			track := to.Tracks()[0]
			want := heard(t, name, data)
			if name == "opus.ogg" { // of which ffmpeg's own decoder makes something a little else
				file := filepath.Join(t.TempDir(), name)
				if err := os.WriteFile(file, data, 0o600); err != nil {
					t.Fatal(err)
				}
				want = judgedSamples(t, file, 48000, track.Channels)
			}
			if track.Codec != "1" || to.Corrections.Load()+to.Damaged.Load() != 0 {
				t.Errorf("%d corrections, %d damaged frames", to.Corrections.Load(), to.Damaged.Load())
			}
			off := (len(got) - len(want)) / track.Channels
			same := streamtest.Ratio(want, got)
			t.Logf("%s: %.1f dB, %d samples, %d more than ffmpeg", track.Describe(), same, len(got)/track.Channels, off)
			// A last page of Ogg may cut its packet short, which nobody does here.
			if same < 40 || off < 0 || off > track.Rate/50 {
				t.Error("that is not the same sound")
			}
		})
	}
}

func madeFLAC(t testing.TB, args ...string) []byte {
	t.Helper()
	streamtest.Need(t, "ffmpeg")
	args = append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "2", "-c:a", "flac"}, args...)
	b, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOggPreSkip: the times of Ogg begin behind what is skipped, however long it is.
func TestOggPreSkip(t *testing.T) {
	data := bytes.Clone(streamtest.Capture(t, "firefox-audio-opus-T100.ogg").Data)
	binary.LittleEndian.PutUint16(data[bytes.Index(data, []byte("OpusHead"))+10:], 48000*3/10)
	to, pcm := sampled(t, resummed(data), every(500), ConvertOptions{})
	if n := to.Corrections.Load(); n != 0 || len(pcm) < 14*48000 {
		t.Errorf("%d corrections in %d samples", n, len(pcm))
	}
}
