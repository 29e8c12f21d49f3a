package relay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// packet is what ffprobe says of one.
type packet struct {
	Stream   int    `json:"stream_index"`
	Time     string `json:"pts_time"`
	Decode   string `json:"dts_time"`
	Duration string `json:"duration_time"`
	Size     string `json:"size"`
	Pos      string `json:"pos"`
	Flags    string `json:"flags"`
}

func ffprobe(t *testing.T, file string) []packet {
	t.Helper()
	out, err := exec.CommandContext(patient(t), "ffprobe", "-v", "quiet", "-show_packets", "-of", "json", file).Output()
	var r struct{ Packets []packet }
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil || len(r.Packets) == 0 {
		t.Fatalf("ffprobe: %v, %d packets", err, len(r.Packets))
	}
	return r.Packets
}

func seconds64(t *testing.T, s string) time.Duration {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(v * float64(time.Second)).Round(time.Microsecond)
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestProbeLikeFFprobe compares each part of every recording with ffprobe's packet:
// track, time, size, keyframe, and where it stands. Where it is a quirk of ffprobe's that they
// differ, that is said below.
func TestProbeLikeFFprobe(t *testing.T) {
	streamtest.Need(t, "ffprobe")
	for _, name := range streamtest.Captures(t, "webm") {
		t.Run(name, func(t *testing.T) {
			c := streamtest.Capture(t, name)
			r := probe(t, ProbeOptions{Input: c.File})
			r.sums(t)
			packets := ffprobe(t, c.File)
			if (r.err != nil) != (name == "chromium-audio-pcm-T100.webm") { // that was cut off inside a block
				t.Fatal(r.err)
			}
			// Firefox states a CodecDelay of 6.5 ms for its Opus: ffprobe takes it, rounded, off
			// the timestamps that are in the file.
			delay := time.Duration(0)
			if strings.HasPrefix(name, "firefox-") {
				delay = 7 * time.Millisecond
			}
			if len(packets) != len(r.parts) {
				t.Fatalf("%d parts, %d packets", len(r.parts), len(packets))
			}
			for i, p := range r.parts {
				q := packets[i]
				if at := seconds64(t, q.Time); r.totals.Tracks[p.Track].Type == "audio" {
					q.Time = strconv.FormatFloat((at + delay).Seconds(), 'f', 6, 64)
				}
				likePacket(t, i, p, q, c.Data)
			}
			likeKeyframes(t, r, packets)
		})
	}
}

// TestProbeOthersLikeFFprobe is the same for the other containers. ffprobe takes the
// tracks of a fragment by turns in another order, so each is compared by itself.
func TestProbeOthersLikeFFprobe(t *testing.T) {
	streamtest.Need(t, "ffprobe")
	files := slices.Concat(streamtest.Captures(t, "mp4"), streamtest.Captures(t, "ogg"))
	for i, name := range files {
		files[i] = streamtest.Capture(t, name).File
	}
	sounds, err := filepath.Glob("../testdata/sounds/*")
	if err != nil || len(sounds) == 0 {
		t.Fatalf("no sounds: %v", err)
	}
	for _, file := range append(files, sounds...) {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			r := probe(t, ProbeOptions{Input: file})
			r.sums(t)
			if r.err != nil {
				t.Fatal(r.err)
			}
			packets := ffprobe(t, file)
			// To ffprobe some of WebKit's samples come twice, the second time as to be
			// discarded; of those before it has mistaken the place.
			webkit := strings.HasPrefix(name, "webkit-")
			if webkit {
				packets = slices.DeleteFunc(packets, func(q packet) bool { return strings.Contains(q.Flags, "D") })
			}
			if len(packets) != len(r.parts) {
				t.Fatalf("%d parts, %d packets", len(r.parts), len(packets))
			}
			for track := range r.totals.Tracks {
				parts := slices.DeleteFunc(slices.Clone(r.parts), func(p probedPart) bool { return p.Track != track })
				packets := slices.DeleteFunc(slices.Clone(packets), func(q packet) bool { return q.Stream != track })
				if len(parts) != len(packets) {
					t.Fatalf("track %d: %d parts, %d packets", track, len(parts), len(packets))
				}
				for i, p := range parts {
					if webkit {
						packets[i].Pos = strconv.FormatInt(p.Offset, 10)
					}
					likeOther(t, filepath.Ext(name), p, packets[i])
				}
			}
			likeKeyframes(t, r, packets)
		})
	}
}

func likeOther(t *testing.T, ext string, p probedPart, q packet) {
	t.Helper()
	size, at := int64(p.Size), duration(p.Time)
	switch ext {
	case ".aac":
		size += 7 // ffprobe counts the ADTS header
	case ".ogg": // what is skipped at the begin is no part of the time here, and a packet begins later there
		if lasts := seconds64(t, q.Duration); at == 0 {
			at += duration(p.Duration) - lasts
		}
	}
	if d := (at - seconds64(t, q.Decode)).Abs(); d > 2*time.Microsecond || size != number(t, q.Size) || p.Offset != number(t, q.Pos) || p.Key != (q.Flags[0] == 'K') {
		t.Fatalf("%+v; ffprobe has %+v", p, q)
	}
}

func likePacket(t *testing.T, i int, p probedPart, q packet, data []byte) {
	t.Helper()
	if p.Track != q.Stream || int64(p.Size) != number(t, q.Size) || duration(p.Time) != seconds64(t, q.Time) || p.Key != (q.Flags[0] == 'K') {
		t.Fatalf("part %d is %+v; ffprobe has %+v", i, p, q)
	}
	// ffprobe names the first byte of the block's data, a part begins with the block:
	// an ID of one byte, a size of up to eight.
	if head := number(t, q.Pos) - p.Offset; head < 2 || head > 9 || data[p.Offset] != 0xA3 && data[p.Offset] != 0xA0 {
		t.Fatalf("part %d begins at byte %d (% X), its data at %s", i, p.Offset, data[p.Offset:p.Offset+4], q.Pos)
	}
}

// likeKeyframes compares what the totals say about them.
func likeKeyframes(t *testing.T, r probed, packets []packet) {
	t.Helper()
	for _, k := range r.totals.Tracks {
		if k.Type != "video" {
			continue
		}
		var keys, steps []time.Duration
		for _, q := range packets {
			if q.Stream == k.Track && q.Flags[0] == 'K' {
				keys = append(keys, seconds64(t, q.Time))
			}
		}
		for i := range len(keys) - 1 {
			steps = append(steps, keys[i+1]-keys[i])
		}
		slices.Sort(steps)
		if k.Keyframes != int64(len(keys)) || (len(steps) == 0) != (k.Interval == nil) {
			t.Fatalf("%d keyframes, %+v; ffprobe has %d", k.Keyframes, k.Interval, len(keys))
		}
		if len(steps) == 0 {
			continue
		}
		got := [3]time.Duration{duration(k.Interval.Least), duration(k.Interval.Median), duration(k.Interval.Most)}
		for i, want := range []time.Duration{steps[0], steps[(len(steps)-1)/2], steps[len(steps)-1]} {
			if (got[i] - want).Abs() > 2*time.Microsecond {
				t.Errorf("keyframes every %v; ffprobe's %v is %v", got, i, want)
			}
		}
	}
}

// TestProbeWAVLikeFFprobe: ffprobe cuts samples into packets of its own length, so what
// is compared is the time of the byte at which each begins, and the end.
func TestProbeWAVLikeFFprobe(t *testing.T) {
	streamtest.Need(t, "ffprobe", "ffmpeg")
	dir := t.TempDir()
	for _, w := range []struct {
		codec, extra   string
		rate, channels int
		bytes          int
	}{
		{"pcm_u8", "", 8000, 1, 1}, {"pcm_s16le", "", 44100, 2, 2}, {"pcm_s16le", "-rf64=always", 48000, 1, 2},
		{"pcm_s24le", "", 48000, 6, 3}, {"pcm_s32le", "", 22050, 1, 4}, {"pcm_f32le", "", 48000, 2, 4}, {"pcm_f64le", "", 96000, 1, 8},
	} {
		name := fmt.Sprintf("%s-%d-%d%s.wav", w.codec, w.rate, w.channels, w.extra)
		file := filepath.Join(dir, name)
		args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=1.2345:sample_rate=" + strconv.Itoa(w.rate), "-ac", strconv.Itoa(w.channels), "-c:a", w.codec}
		if w.extra != "" {
			args = append(args, "-rf64", "always")
		}
		if out, err := exec.CommandContext(patient(t), "ffmpeg", append(args, file)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		r := probe(t, ProbeOptions{Input: file})
		if r.err != nil {
			t.Fatalf("%s: %v", name, r.err)
		}
		r.sums(t)
		k := r.totals.Tracks[0]
		if k.Rate != w.rate || k.Channels != w.channels || k.Bits != 8*w.bytes {
			t.Errorf("%s: %+v", name, k)
		}
		likeSamples(t, name, r, ffprobe(t, file), w.channels*w.bytes, w.rate)
		data, err := os.ReadFile(file)
		if err != nil || r.totals.Bytes != int64(len(data)) {
			t.Errorf("%s: %d bytes of %d, %v", name, r.totals.Bytes, len(data), err)
		}
	}
}

func likeSamples(t *testing.T, name string, r probed, packets []packet, frame, rate int) {
	t.Helper()
	size, i := int64(0), 0
	for _, q := range packets {
		pos := number(t, q.Pos)
		for i+1 < len(r.parts) && r.parts[i+1].Offset <= pos {
			i++
		}
		p := r.parts[i]
		into := time.Duration(pos-p.Offset) * time.Second / time.Duration(frame*rate)
		if d := (duration(p.Time) + into - seconds64(t, q.Time)).Abs(); d > 2*time.Microsecond || q.Flags[0] != 'K' || !p.Key || p.Kind != "join" {
			t.Fatalf("%s: byte %d is at %v; ffprobe has %+v", name, pos, duration(p.Time)+into, q)
		}
		size += number(t, q.Size)
	}
	last := packets[len(packets)-1]
	if end := seconds64(t, last.Time) + seconds64(t, last.Duration); (end-duration(r.totals.Duration)).Abs() > 2*time.Microsecond || size != r.totals.Tracks[0].Bytes {
		t.Errorf("%s: %d bytes to %v; ffprobe has %d to %v", name, r.totals.Tracks[0].Bytes, duration(r.totals.Duration), size, end)
	}
}
