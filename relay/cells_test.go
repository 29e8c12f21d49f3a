package relay

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// cellSource is something to publish.
type cellSource struct {
	name  string // its extension is what it is published as
	data  []byte
	unfit string // views that ffmpeg does not decode cleanly, as it does not decode the source
}

// cellSources are all recordings, and what no browser records.
func cellSources(t *testing.T) (all []cellSource) {
	t.Helper()
	for _, ext := range []string{"webm", "ogg", "mp4"} {
		for _, name := range streamtest.Captures(t, ext) {
			s := cellSource{name: name, data: streamtest.Capture(t, name).Data}
			if strings.HasPrefix(name, "webkit-") { // ffmpeg does not decode the recording itself
				s.unfit = "mp4 aac"
			}
			all = append(all, s)
		}
	}
	sounds, err := filepath.Glob("../testdata/sounds/tone.*")
	if err != nil || len(sounds) < 3 {
		t.Fatal(sounds, err)
	}
	for _, file := range sounds {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cellSource{name: filepath.Base(file), data: slices.Repeat(b, 4)})
	}
	for name, args := range map[string]string{
		"made-wav.wav":    "-c:a pcm_s24le -ac 2",
		"made-vorbis.ogg": "-c:a libvorbis",
		"made-flac.ogg":   "-c:a flac",
		"made-aac.mp4":    "-c:a aac -b:a 96k -movflags empty_moov+default_base_moof -frag_duration 200000",
		"made-opus.mp4":   "-c:a libopus -movflags empty_moov+default_base_moof -frag_duration 200000",
		"made-flac.mp4":   "-c:a flac -strict -2 -movflags empty_moov+default_base_moof -frag_duration 200000",
		"made-pcm.mkv":    "-c:a pcm_s16le",
		"made.mjpeg":      "-f lavfi -i testsrc=size=64x48:rate=10:duration=8 -map 1:v -c:v mjpeg",
	} {
		file := filepath.Join(t.TempDir(), name)
		cmd := "-v error -f lavfi -i sine=frequency=440:duration=8:sample_rate=48000 " + args + " " + file
		if out, err := exec.CommandContext(patient(t), "ffmpeg", strings.Fields(cmd)...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg %s: %v\n%s", cmd, err, out)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cellSource{name: strings.Replace(name, ".mkv", ".webm", 1), data: b})
	}
	return all
}

// TestCells publishes everything that there is and plays it as everything that it can
// be played as, from its begin and from its middle on. ffmpeg is the judge.
func TestCells(t *testing.T) {
	if testing.Short() || os.Getenv("EVERFILE_REQUIRE") != "all" && !streamtest.Long() {
		t.Skip("all formats in all shapes: EVERFILE_LONG=1")
	}
	streamtest.Need(t, "ffmpeg")
	cells := map[string]int{}
	var mu sync.Mutex
	t.Run("sources", func(t *testing.T) {
		for _, s := range cellSources(t) {
			t.Run(s.name, func(t *testing.T) {
				for _, view := range cellsOf(t, s) {
					mu.Lock()
					cells[strings.TrimPrefix(filepath.Ext(s.name), ".")+" → "+view]++
					mu.Unlock()
				}
			})
		}
	})
	var names []string
	for name, n := range cells {
		names = append(names, name+" ("+strconv.Itoa(n)+")")
	}
	slices.Sort(names)
	t.Logf("%d cells: %s", len(names), strings.Join(names, ", "))
}

// cellsOf plays one source in all of its views, and returns those.
func cellsOf(t *testing.T, s cellSource) (views []string) {
	r := start(t, "http", wide())
	type bodies struct{ live, late []byte }
	got := map[string]*bodies{}
	var mu sync.Mutex
	var all sync.WaitGroup
	var began atomic.Int64 // listeners that have got something, which is when it is settled from where on
	// listen keeps a view's body.
	listen := func(view string, keep func(*bodies, []byte)) {
		all.Go(func() {
			req, err := http.NewRequestWithContext(patient(t), http.MethodGet, r.url+"/a."+view+"?mode=complete", nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := r.client.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if resp.StatusCode == http.StatusNotAcceptable {
				return
			}
			first := make([]byte, 1)
			if _, err := io.ReadFull(resp.Body, first); err == nil {
				began.Add(1)
			}
			b, err := io.ReadAll(resp.Body)
			b = append(first, b...)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s: %s, %v", view, resp.Status, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got[view] == nil {
				got[view] = &bodies{}
			}
			keep(got[view], b)
		})
	}
	send, w := io.Pipe()
	whole, half, middle := stream.Scanner{}, stream.Scanner{}, 0
	_, _ = whole.Write(s.data) // a recording may be torn at its end
	for untimed := whole.Media() == 0; half.Media() < whole.Media()/2 || untimed && middle < len(s.data)/2; middle += 500 {
		_, _ = half.Write(s.data[middle : middle+500])
	}
	published := make(chan struct{})
	go func() {
		defer close(published)
		resp := r.ask("PUT", "/a"+filepath.Ext(s.name), send)()
		resp.Body.Close()
	}()
	eventually(t, "somebody publishes", func() bool { return r.s.hub.Registered("a") })
	for _, ext := range stream.Extensions() {
		listen(ext, func(b *bodies, body []byte) { b.live = body })
	}
	var known []string
	from := 0 // as much as gives everybody something
	for begin := (stream.Scanner{}); begin.Frames() == 0 || begin.Media() < min(time.Second, whole.Media()/8); from += 500 {
		_, _ = begin.Write(s.data[from : from+500])
	}
	pour(t, w, s.data[:from])
	eventually(t, "it is there", func() bool { return r.s.hub.Stream("a") != nil })
	for _, p := range r.s.hub.Stream("a").Playables() {
		known = append(known, p.Ext)
	}
	eventually(t, "those who waited listen", func() bool { return began.Load() >= int64(len(known)) })
	pour(t, w, s.data[from:middle])
	for _, view := range known { // what is made of it has a log of its own
		if view == "jpg" || view == "mjpeg" { // of pictures only the newest are made
			continue
		}
		eventually(t, "the first half is there", func() bool {
			resp := r.request("HEAD", "/a."+view, nil)
			edge, err := strconv.ParseFloat(resp.Header.Get("Everfile-Edge"), 64)
			return err == nil && edge >= (half.Media()-500*time.Millisecond).Seconds()
		})
	}
	for _, view := range known {
		listen(view, func(b *bodies, body []byte) { b.late = body })
	}
	eventually(t, "all listen", func() bool { return began.Load() >= int64(2*len(known)) })
	pour(t, w, s.data[middle:])
	w.Close()
	<-published
	all.Wait()
	for _, view := range known {
		if got[view] == nil {
			t.Errorf("%s: it is a view and cannot be played", view)
			continue
		}
		cell(t, s, view, got[view].live, got[view].late)
	}
	if len(got) != len(known) {
		t.Errorf("%d views can be played; the server tells of %s", len(got), strings.Join(known, ", "))
	}
	return known
}

func pour(t *testing.T, w io.Writer, data []byte) {
	t.Helper()
	for len(data) > 0 {
		n := min(len(data), 3001)
		if _, err := w.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
}

// cell judges one view: who was there from the begin, and who came in the middle.
func cell(t *testing.T, s cellSource, view string, live, late []byte) {
	t.Helper()
	if view == "pcm" { // samples, and nothing that could be judged but their number
		if len(live) == 0 || len(late) == 0 || len(late) > len(live)*3/4 {
			t.Errorf("pcm: %d bytes, and %d from the middle on", len(live), len(late))
		}
		return
	}
	if strings.Contains(s.unfit, view) {
		if len(live) == 0 || !bytes.HasSuffix(live, late[len(late)-min(len(late), 1000):]) || len(late) > len(live)*3/4 {
			t.Errorf("%s: %d bytes, and %d from the middle on", view, len(live), len(late))
		}
		return
	}
	whole, part := streamtest.JudgeBytes(t, "live."+view, live), streamtest.JudgeBytes(t, "late."+view, late)
	if len(whole.Errors)+len(part.Errors) > 0 {
		t.Errorf("%s: ffmpeg complains: %v; late: %v", view, whole.Errors, part.Errors)
	}
	whole.Rises(t)
	part.Rises(t)
	n, m := len(whole.Frames), len(part.Frames)
	switch {
	case view == "jpg" && n == 1 && m == 1, view == "mjpeg" && m > 0 && n >= m: // the newest, however many
	case m == 0 || m > n*3/4:
		t.Errorf("%s: %d frames, and %d from the middle on", view, n, m)
	}
}
