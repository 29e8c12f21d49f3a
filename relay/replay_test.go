package relay

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// replayJoin is one listener of a replay.
type replayJoin struct {
	after time.Duration // when it asks, since the first chunk
	join  time.Duration // stream time of the newest join just before it asked
	body  []byte
}

// Every recording is replayed as it was made, with its chunk boundaries and
// times, and joined at moments spread over its middle 80 %: ffmpeg decodes each
// body without a complaint that the recording itself does not bring, it holds
// the recording's frames from there on, and none begins before the newest join.
func TestReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("not in -short: it takes as long as the recordings")
	}
	streamtest.Need(t, "ffmpeg")
	joins := 3
	if streamtest.Long() {
		joins = 50
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("EVERFILE_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("EVERFILE_SEED=%d", seed)
	type replayed struct {
		rec   streamtest.Recording
		joins []replayJoin
	}
	var all []replayed
	var replays sync.WaitGroup // at once: each mostly waits
	for i, name := range append(streamtest.Captures(t, "webm"), streamtest.Captures(t, "ogg")...) {
		rec := streamtest.Capture(t, name)
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		last := rec.At[len(rec.At)-1]
		here := make([]replayJoin, joins)
		for i := range here {
			here[i].after = last/10 + time.Duration(rnd.Int64N(int64(last*8/10)))
		}
		all = append(all, replayed{rec, here})
		r := start(t, "http", Options{})
		path := "/x" + filepath.Ext(name)
		p := r.publish(path)
		replays.Go(func() { r.replay(p, path, rec, here) })
	}
	replays.Wait()
	for _, a := range all {
		t.Run(a.rec.Name, func(t *testing.T) {
			source := streamtest.Judge(t, a.rec.File)
			first := firstFrame(t, a.rec.Data)
			for _, j := range a.joins {
				checkJoin(t, j, source, first)
			}
		})
	}
}

// replay publishes a recording in its own time while the joins listen.
func (r *running) replay(p *publisher, path string, rec streamtest.Recording, all []replayJoin) {
	began := time.Now()
	var listeners sync.WaitGroup
	for i := range all {
		listeners.Go(func() { r.joinAt(began, path, &all[i]) })
	}
	ctx := patient(r.t)
	for i, c := range rec.Chunks {
		if err := sleep(ctx, rec.At[i]-time.Since(began)); err != nil {
			r.t.Error(err)
			return
		}
		p.send(c)
	}
	p.acked(len(rec.Chunks))
	p.end()
	listeners.Wait()
}

// joinAt asks for the file when its time has come and reads it to the end.
func (r *running) joinAt(began time.Time, path string, j *replayJoin) {
	if err := sleep(patient(r.t), j.after-time.Since(began)); err != nil {
		r.t.Error(err)
		return
	}
	s, err := r.s.Hub().Open(patient(r.t), "x", patience, 0)
	if err != nil {
		r.t.Error(err)
		return
	}
	_, _, j.join = s.Edge()
	j.body = r.listen(path).all()
}

// firstFrame returns the frame with which a recording begins, by its own clock.
func firstFrame(t *testing.T, data []byte) stream.Part {
	t.Helper()
	var first *stream.Part
	scan := stream.Scanner{Each: func(p *stream.Part) {
		if first == nil {
			first = &stream.Part{Time: p.Time}
		}
	}}
	if _, err := scan.Write(data); err != nil || first == nil {
		t.Fatalf("no frame: %v", err)
	}
	return *first
}

// checkJoin judges what one listener got.
func checkJoin(t *testing.T, j replayJoin, source streamtest.Judged, first stream.Part) {
	t.Helper()
	var from, sound time.Duration
	seen := map[stream.TrackType]bool{}
	var scan stream.Scanner
	scan.Each = func(p *stream.Part) {
		kind := scan.Tracks()[p.Track].Type
		if len(seen) == 0 {
			if from, sound = p.Time, p.Time; p.Time < j.join {
				t.Errorf("joined after %v: begins at %v, and a join at %v was there", j.after, p.Time, j.join)
			}
		}
		if !seen[kind] {
			if seen[kind] = true; kind == stream.Audio {
				sound = p.Time
			} else if !p.Key {
				t.Errorf("joined after %v: the first picture, at %v, is no keyframe", j.after, p.Time)
			}
		}
	}
	if _, err := scan.Write(bytes.Clone(j.body)); err != nil {
		t.Errorf("joined after %v: %v", j.after, err)
	}
	body := streamtest.JudgeBytes(t, "body", j.body)
	shift := -first.Time // stream time 0 is the recording's first frame
	source.Holds(t, body, from-shift, sound-shift, shift, time.Millisecond)
	if t.Failed() {
		t.Fatalf("joined after %v", j.after)
	}
}
