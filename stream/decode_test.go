package stream

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"everfile/stream/streamtest"
)

// heard is what ffmpeg makes of a file, interleaved.
func heard(t testing.TB, name string, b []byte) (samples []float32) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "fatal", "-i", file, "-c:a", "pcm_f32le", "-f", "f32le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	for ; len(out) >= 4; out = out[4:] {
		samples = append(samples, math.Float32frombits(binary.LittleEndian.Uint32(out)))
	}
	return samples
}

// TestDecoders compares what our decoders make of the frames with what ffmpeg makes
// of the file, and what they make of them after a join with that.
func TestDecoders(t *testing.T) {
	if testing.Short() {
		t.Skip("runs ffmpeg")
	}
	for _, r := range recipes {
		least := map[string]float64{"mp3": 60, "flac": math.Inf(1)}[r.format().Name]
		if least == 0 {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s, parts := published(t, r.format(), r.cook(t, "3"))
			want := heard(t, r.name, body(s, parts))
			all := decoded(t, s, parts)
			if len(all) != len(want) {
				t.Fatalf("%d samples; ffmpeg has %d", len(all), len(want))
			}
			if snr := signalToNoise(want, all); snr < least {
				t.Errorf("%.1f dB; expected %.0f", snr, least)
			} else {
				t.Logf("%.1f dB", snr)
			}
			frame := len(all) / len(parts)
			step := 31
			if streamtest.Long() {
				step = 7
			}
			for at := 1; at < len(parts)-8; at += step {
				late := decoded(t, s, parts[at:])
				n := len(late) - r.settle*frame
				if a, b := all[len(all)-n:], late[len(late)-n:]; !slices.Equal(a, b) {
					t.Errorf("join at part %d: %.1f dB after %d frames", at, signalToNoise(a, b), r.settle)
				}
				if loud := slices.Max(late[:r.settle*frame+1]); loud > 0.7 {
					t.Errorf("join at part %d: it begins with a bang of %.2f", at, loud)
				}
			}
		})
	}
}

func decoderOf(t testing.TB, tr *Track) decoder {
	t.Helper()
	d, err := newDecoder(tr)
	if err != nil {
		t.Skip(err) // the fuzzer's, of which none are made
	}
	return d
}

func decoded(t testing.TB, s *Stream, parts []*Part) (all []float32) {
	d := decoderOf(t, &s.head.tracks[0])
	for i, p := range parts {
		before := len(all)
		var err error
		if all, err = d.decode(all, p.Frame); err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		samples := int(math.Round(p.Duration.Seconds() * float64(s.head.tracks[0].Rate)))
		if n := len(all) - before; n != samples*s.head.tracks[0].Channels {
			t.Fatalf("part %d of %d samples gives %d", i, samples, n)
		}
	}
	return all
}

// signalToNoise is in dB.
func signalToNoise(want, got []float32) float64 {
	signal, noise := 0.0, 0.0
	for i := range want {
		signal += float64(want[i]) * float64(want[i])
		noise += float64(want[i]-got[i]) * float64(want[i]-got[i])
	}
	return 10 * math.Log10(signal/noise)
}

// TestDecodersAfterDamage: a frame that gives no samples does not end the rest.
func TestDecodersAfterDamage(t *testing.T) {
	for _, in := range soundFiles(t) {
		if in.format == "aac" {
			continue
		}
		s, parts := published(t, ByExt(in.format), in.data)
		d := decoderOf(t, &s.head.tracks[0])
		for i, p := range parts {
			for name, bad := range map[string][]byte{
				"nothing": nil, "a byte": p.Frame[:1], "a torn frame": p.Frame[:len(p.Frame)-1], "zeros": make([]byte, len(p.Frame)),
				"the header": p.Frame[:6], "more": cat(p.Frame, []byte("x")),
			} {
				if all, err := d.decode([]float32{1}, bad); err == nil || len(all) != 1 {
					t.Fatalf("%s, part %d: %s gives %d samples", in.name, i, name, len(all)-1)
				}
			}
			if all, err := d.decode(nil, p.Frame); err != nil || len(all) == 0 {
				t.Fatalf("%s, part %d: %d samples, %v", in.name, i, len(all), err)
			}
		}
	}
}

func TestMP3DecoderRefusesMPEG25(t *testing.T) {
	r := parse(ByExt("mp3"), slices.Repeat(filled("\xff\xe3\x80\xc0", 417, 1), 2), whole, true)
	_, err := newDecoder(&r.heads[0].tracks[0])
	wantErr(t, err, "MPEG 2.5 is not decoded here")
}

func FuzzDecodeMP3(f *testing.F) { fuzzDecoder(f, "mp3") }

func FuzzDecodeFLAC(f *testing.F) { fuzzDecoder(f, "flac") }

// fuzzDecoder has frames decoded that begin as they should and go on in any way.
func fuzzDecoder(f *testing.F, format string) {
	for _, in := range soundFiles(f) {
		if in.format == format {
			for _, p := range parse(ByExt(format), in.data, whole, true).frames {
				f.Add(in.data[:min(len(in.data), 64)], p.Frame)
			}
		}
	}
	f.Fuzz(func(t *testing.T, file, frame []byte) {
		if len(frame) > 100_000 {
			return
		}
		r := parse(ByExt(format), file, whole, false)
		if format == "mp3" {
			r = parse(ByExt(format), slices.Repeat(frame, 2), whole, false)
		} else if len(frame) > 20 { // as the fuzzer cannot guess them
			info := &flacStreamInfo{}
			if len(r.heads) > 0 {
				*info, _ = readStreamInfo(r.heads[0].tracks[0].Private)
			}
			frame = bytes.Clone(frame)
			if n := 4 + codedLength(frame[4]); n > 4 && n < 12 {
				for _, at := range []int{n, n + 1, n + 2, n + 3, n + 4} {
					fixed := bytes.Clone(frame)
					fixed[at] = crc8(fixed[:at])
					if _, found := readFLAC(fixed, info); found == yes {
						frame = fixed
						break
					}
				}
			}
			binary.BigEndian.PutUint16(frame[len(frame)-2:], crc16(0, frame[:len(frame)-2]))
		}
		if len(r.heads) == 0 {
			return
		}
		tr := &r.heads[0].tracks[0]
		d := decoderOf(t, tr)
		for range 3 {
			all, err := d.decode(nil, frame)
			if err != nil && len(all) > 0 || len(all) > 65535*tr.Channels {
				t.Fatalf("%d samples, %v", len(all), err)
			}
		}
	})
}
