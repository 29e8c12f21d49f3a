package relay

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"everfile/stream/streamtest"
)

// tally counts what schedules have brought about, so that it shows when they
// bring about nothing.
type tally struct {
	Schedules   int
	Processes   int
	Runs        int
	Sockets     int // publishing, each of as many connections as it took
	Connections int
	Resumed     int // connections to a process that had acknowledged something
	LostRuns    int // to a process that had forgotten that
	Replaced    int // sockets, by newer ones
	Unmet       int // whose first connection failed
	Files       int // heard by witnesses
	Frames      int // in them
	Fillers     int
	Bodies      int // of other listeners
	Torn        int // that their lines cut
	Moved       int // with gaps, of live listeners
	Fell        int // the same of complete ones
	Lost        int // parts
}

func (t *tally) add(u tally) {
	sum, more := reflect.ValueOf(t).Elem(), reflect.ValueOf(u)
	for i := range sum.NumField() {
		sum.Field(i).SetInt(sum.Field(i).Int() + more.Field(i).Int())
	}
}

// judge compares what was acknowledged with what was heard.
func (w *world) judge() {
	for _, l := range w.links {
		l.moved(nil)
		w.tally.Resumed += l.resumed
	}
	w.tally.Schedules = 1
	w.tally.Processes, w.tally.Runs, w.tally.Sockets, w.tally.Connections = len(w.all), len(w.runs), len(w.links), w.lines
	for _, p := range w.all {
		files := w.judgeWitness(p)
		w.tally.Files += len(files)
		w.tally.Bodies += len(p.others)
		for _, h := range p.others {
			if err := w.judgeOther(p, h, files); err != nil {
				w.wrong("process %d, listener %s, complete %t: %w", p.n, h.from, h.complete, err)
			}
		}
	}
}

// judgeWitness demands that the witness of a process has heard every run from its
// begin, once and in order, in whole files, and at least as far as the process has
// acknowledged it.
func (w *world) judgeWitness(p *process) (files [][]streamtest.Heard) {
	heard := map[int]int{} // frames of each run
	newest := 0
	for i, h := range p.bodies {
		all, rest, err := streamtest.Hear(h.body, w.runs)
		if err == nil && h.err != nil {
			err = h.err
		}
		if err == nil && rest > 0 {
			err = fmt.Errorf("its last %d bytes are no frame", rest)
		}
		if lost, ok := p.losses.of(h.from); err == nil && (lost != 0 || !ok) {
			err = fmt.Errorf("it lost %d parts, told %t", lost, ok)
		}
		for _, f := range all {
			if f.Filler {
				w.tally.Fillers++
				continue
			}
			w.tally.Frames++
			if f.Run < newest || f.N != heard[f.Run] {
				err = fmt.Errorf("frame %v comes after %d frames of its run and run %d", f, heard[f.Run], newest)
				break
			}
			newest = f.Run
			heard[f.Run]++
		}
		if err == nil && !w.WAV {
			err = inTime(all, w.runs)
		}
		if err != nil {
			w.wrong("process %d, file %d: %w", p.n, i, err)
		}
		files = append(files, all)
	}
	for _, l := range w.links {
		if promised := w.promised(l, p); promised > heard[l.run] {
			w.wrong("process %d has acknowledged %d frames of run %d, and %d are in the file", p.n, promised, l.run, heard[l.run])
		}
	}
	return files
}

// promised is how many frames are whole in what a process has acknowledged.
func (w *world) promised(l *tracked, p *process) int {
	n := 0
	for _, c := range l.chunks[:l.acked[p]] {
		n += len(c)
	}
	return w.runs[l.run].Whole(n)
}

// inTime demands that a file's timestamps do not go back, and are a run's own but
// for when it began and where its clock jumps.
func inTime(all []streamtest.Heard, runs map[int]*streamtest.Media) error {
	var last streamtest.Heard
	for _, f := range all {
		if f.Filler {
			continue
		}
		if f.Time < last.Time {
			return fmt.Errorf("frame %v at %v comes after %v at %v", f, f.Time, last, last.Time)
		}
		if f.Run == last.Run {
			own := runs[f.Run].Frames[f.N].Time - runs[f.Run].Frames[last.N].Time
			if jump := own < 0 || own > time.Second; !jump && f.Time-last.Time != own {
				return fmt.Errorf("frame %v is %v after %v; it was recorded %v after", f, f.Time-last.Time, last, own)
			}
		}
		last = f
	}
	return nil
}

// judgeOther demands that a listener has heard what the witness has, but for what
// its connection tore off at the end and the parts that the server counts as lost
// to it.
func (w *world) judgeOther(p *process, h hearing, files [][]streamtest.Heard) error {
	all, rest, err := streamtest.Hear(h.body, w.runs)
	if err != nil {
		return err
	}
	if h.err == nil && rest > 0 {
		return fmt.Errorf("its last %d bytes are no frame", rest)
	}
	lost, ok := p.losses.of(h.from)
	if !ok {
		return errors.New("the log does not tell what it lost")
	}
	g, err := w.gaps(all, files, h.err == nil)
	switch {
	case err != nil:
		return err
	case lost > int64(g.most) && h.err == nil, lost < int64(g.least):
		return fmt.Errorf("it lacks %d to %d parts, the server counts %d", g.least, g.most, lost)
	case h.complete && (!w.Narrow || w.Real) && lost > 0:
		return fmt.Errorf("it is complete and lost %d parts", lost)
	}
	w.tally.Lost += int(lost)
	if g.times > 0 && h.complete {
		w.tally.Fell++
	} else if g.times > 0 {
		w.tally.Moved++
	}
	if h.err != nil {
		w.tally.Torn++
	}
	return nil
}

// gaps is what a body lacks: how often, and how many parts at least and at most,
// since pictures that cannot be decoded are left out and not counted.
type gaps struct{ times, least, most int }

// gaps compares a body with the file that it is of.
func (w *world) gaps(all []streamtest.Heard, files [][]streamtest.Heard, clean bool) (g gaps, err error) {
	if len(all) == 0 {
		return g, nil
	}
	file, at := find(all[0], files)
	if at < 0 {
		return g, fmt.Errorf("it begins with %v, which the witness has not heard", all[0])
	}
	blind := w.Video && !w.key(all[0]) // no picture can be decoded yet
	for _, f := range all {
		n := slices.Index(file[at:], f)
		if n < 0 {
			return g, fmt.Errorf("%v does not come after %v", f, file[at-1])
		}
		left := 0 // that may just not be shown
		for blind && left < n && w.picture(file[at+left]) && !w.key(file[at+left]) {
			left++
		}
		moved := n > left
		if moved {
			g.times++
			g.least += n - left
		}
		g.most += n
		if moved && f.Filler {
			return g, fmt.Errorf("after %d parts are left out it goes on with what is no frame", n)
		}
		if moved && w.Video && !w.picture(f) {
			blind = true
		}
		if w.key(f) {
			blind = false
		}
		at += n + 1
	}
	for _, f := range file[at:] {
		if clean && !(blind && w.picture(f) && !w.key(f)) {
			return g, fmt.Errorf("it ends cleanly before %v", f)
		}
	}
	return g, nil
}

// find returns the file that a frame is in, and its place there.
func find(f streamtest.Heard, files [][]streamtest.Heard) ([]streamtest.Heard, int) {
	for _, file := range files {
		if at := slices.Index(file, f); at >= 0 {
			return file, at
		}
	}
	return nil, -1
}

func (w *world) picture(f streamtest.Heard) bool {
	return !f.Filler && w.runs[f.Run].Frames[f.N].Video
}

// key reports whether f is a picture that can be decoded by itself.
func (w *world) key(f streamtest.Heard) bool {
	return w.picture(f) && w.runs[f.Run].Frames[f.N].Key
}
