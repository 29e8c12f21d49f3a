package stream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"everfile/stream/streamtest"
)

// converted publishes a file in small pieces and has it converted from its first
// frame on: what is in the log of each stream.
func converted(t testing.TB, data []byte, o ConvertOptions) (from, to *Stream, parts []*Part) {
	t.Helper()
	h := newHub(t, roomy())
	p := mustPublish(t, h, "x", PublishOptions{Format: Sniff(data)})
	var l *Listener
	for _, b := range cut(data, every(64)) {
		mustWrite(t, p, b)
		if s := h.Stream("x"); s != nil && l == nil {
			var release func()
			var err error
			if to, release, err = s.Convert(o); err != nil {
				t.Fatal(err)
			}
			from, l = s, to.Listen(ListenOptions{Complete: true})
			l.seq = 0
			release()
		}
	}
	_ = p.End() // a recorder may have been stopped in the middle of a frame
	defer l.Close()
	got := drain2(t, l)
	if parts = logged(to); !slices.Equal(got, parts) {
		t.Errorf("a listener got %d parts that are not the %d there are", len(got), len(parts))
	}
	return from, to, parts
}

// probed is a packet as ffprobe finds it.
type probed struct {
	at   time.Duration
	size int
	sum  string
}

// probe returns the packets of a file's first sound, or first picture ("v").
func probe(t testing.TB, kind, name string, b []byte) (all []probed) {
	t.Helper()
	streamtest.Need(t, "ffprobe")
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", kind+":0", "-show_packets", "-show_data_hash", "CRC32", "-of", "json", file).Output()
	var found struct {
		Packets []struct {
			PTS  string `json:"pts_time"`
			Size string `json:"size"`
			Hash string `json:"data_hash"`
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found.Packets {
		at, err := strconv.ParseFloat(p.PTS, 64)
		if err != nil {
			t.Fatalf("a packet at %q", p.PTS)
		}
		size, _ := strconv.Atoi(p.Size)
		all = append(all, probed{time.Duration(at * 1e9), size, p.Hash})
	}
	return all
}

// TestRepackOpus: every recording of Opus, in the other containers: the same packets,
// and their times, as ffprobe finds them in the untouched recording; wherever one
// joins; and ffmpeg decodes them without a word.
func TestRepackOpus(t *testing.T) {
	done := map[string]int{}
	for _, name := range recordings(t) {
		c := streamtest.Capture(t, name)
		src := parse(Sniff(c.Data), c.Data, whole, false)
		track := slices.IndexFunc(src.heads[0].tracks, func(t Track) bool { return t.Codec == "opus" })
		for _, to := range []string{"webm", "ogg"} {
			pictures := src.heads[0].video() >= 0
			if track < 0 || filepath.Ext(name) == "."+to || to == "webm" && pictures {
				continue
			}
			done[filepath.Ext(name)+" to "+to]++
			t.Run(name+"/"+to, func(t *testing.T) {
				t.Parallel()
				repackedOpus(t, c, src, track, ByExt(to))
			})
		}
	}
	if got := fmt.Sprint(done); got != "map[.mp4 to ogg:2 .mp4 to webm:1 .ogg to webm:1 .webm to ogg:10]" {
		t.Errorf("tested are %s", got)
	}
}

func repackedOpus(t *testing.T, c streamtest.Recording, src parsed, track int, f *Format) {
	from, to, parts := converted(t, c.Data, ConvertOptions{Format: f})
	want := slices.DeleteFunc(logged(from), func(p *Part) bool { return p.Track != track })
	if len(parts) != len(want) || len(parts) < 200 {
		t.Fatalf("%d packets; expected %d", len(parts), len(want))
	}
	for i, p := range parts {
		q := want[i]
		at := q.Time + uncounted(&src.heads[0].tracks[track])
		if i == 0 { // of Ogg it is shortened by the pre-skip
			at = q.Time
		}
		if p.Kind != Join || p.Duration != opusDuration(q.Frame) || !bytes.Equal(p.Frame, q.Frame) || (p.Time-at).Abs() > time.Millisecond {
			t.Fatalf("packet %d: %d at %v+%v; expected %v+%v", i, p.Kind, p.Time, p.Duration, at, opusDuration(q.Frame))
		}
	}
	step := 11
	if testing.Short() {
		step = 60
	} else if streamtest.Long() {
		step = 1
	}
	for i := 0; i < len(parts); i += step {
		again := parse(f, body(to, parts[i:]), whole, true)
		if again.err != nil || len(again.heads) != 1 || len(again.heads[0].tracks) != 1 || len(again.frames) != len(parts)-i {
			t.Fatalf("join at part %d: read as %d headers, %d frames, %v", i, len(again.heads), len(again.frames), again.err)
		}
		if k := again.heads[0].tracks[0]; k.Codec != "opus" || !bytes.Equal(k.Private, src.heads[0].tracks[track].Private) {
			t.Fatalf("it is read as %s, %q", k.Describe(), k.Private)
		}
		off := uncounted(&again.heads[0].tracks[0])
		for k, p := range again.frames {
			if q := parts[i+k]; !bytes.Equal(p.Frame, q.Frame) || (p.End()-max(0, q.End()-off)).Abs() > time.Millisecond {
				t.Fatalf("join at part %d: frame %d ends at %v; expected %v", i, k, p.End(), max(0, q.End()-off))
			}
		}
	}
	if testing.Short() {
		return
	}
	source := probe(t, "a", "source", c.Data)
	first := src.frames[slices.IndexFunc(src.frames, func(p Part) bool { return p.Track == track })]
	shift := want[0].Time - first.Time
	if filepath.Ext(c.Name) == ".mp4" { // where ffprobe does not take the pre-skip off
		lead, _ := decodedLead(&src.heads[0].tracks[track])
		shift -= sampleTime(int64(lead), 48000)
	}
	late := []int{0, len(parts) / 2}
	if streamtest.Long() {
		late = append(late, 1, len(parts)-20)
	}
	for _, i := range late {
		b := body(to, parts[i:])
		sameProbed(t, parts[i:], source[i:], probe(t, "a", "x."+f.Name, b), shift, f)
		j := streamtest.JudgeBytes(t, "x."+f.Name, b)
		if j.Rises(t); len(j.Errors) > 0 || len(j.Frames) < len(parts)-i-5 { // MP4's pre-skip is longer than a packet
			t.Errorf("join at part %d: ffmpeg decodes %d frames of %d, and says %v", i, len(j.Frames), len(parts)-i, j.Errors)
		}
	}
}

// uncounted is how much of the pre-skip a track's times do not count.
func uncounted(t *Track) time.Duration {
	if lead, counted := decodedLead(t); !counted {
		return sampleTime(int64(lead), 48000)
	}
	return 0
}

// sameProbed compares packets. Of Ogg ffprobe says that each begins where the page
// before it ends, which it does not, quite, where the recorder's clock is uneven.
func sameProbed(t *testing.T, parts []*Part, want, got []probed, shift time.Duration, f *Format) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("ffprobe finds %d packets; in the source %d", len(got), len(want))
	}
	const slack = 1500 * time.Microsecond // ffprobe rounds WebM's CodecDelay to milliseconds
	for i, p := range got {
		uneven := time.Duration(0)
		if f.Name == "ogg" && i > 0 {
			uneven = (parts[i].Time - parts[i-1].End()).Abs()
		}
		if p.size != want[i].size || p.sum != want[i].sum || (p.at-want[i].at-shift).Abs() > slack+uneven {
			t.Fatalf("packet %d of %d: %+v; in the source %+v, to be %v later", i, len(got), p, want[i], shift)
		}
	}
}
