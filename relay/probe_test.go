package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// probed is what probe --json says.
type probed struct {
	headers []probedHeader
	parts   []probedPart
	totals  probedTotals
	err     error
}

// probe runs the command on a file and reads what it prints.
func probe(t testing.TB, o ProbeOptions) (r probed) {
	t.Helper()
	var out bytes.Buffer
	o.JSON, o.Stdout = true, &out
	r.err = Probe(patient(t), o)
	return readProbe(t, out.Bytes(), r.err)
}

func readProbe(t testing.TB, out []byte, err error) (r probed) {
	t.Helper()
	r.err = err
	for line := range bytes.Lines(out) {
		var kind struct{ Type string }
		if err := json.Unmarshal(line, &kind); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		switch kind.Type {
		case "header":
			r.headers = append(r.headers, strict[probedHeader](t, line))
		case "part":
			r.parts = append(r.parts, strict[probedPart](t, line))
		case "totals":
			if r.totals.Type != "" {
				t.Error("two totals")
			}
			r.totals = strict[probedTotals](t, line)
		default:
			t.Errorf("a line of type %q", kind.Type)
		}
	}
	if err == nil && r.totals.Type == "" {
		t.Error("no totals")
	}
	return r
}

func strict[T any](t testing.TB, line []byte) (v T) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return v
}

// sums demands that the totals are those of the parts.
func (r probed) sums(t testing.TB) {
	t.Helper()
	frames, size := map[int]int64{}, map[int]int64{}
	first, end := time.Duration(0), time.Duration(0)
	for i, p := range r.parts {
		frames[p.Track]++
		size[p.Track] += int64(p.Size)
		at, lasts := duration(p.Time), duration(p.Duration)
		if i == 0 {
			first = at
		}
		end = max(end, at+lasts)
	}
	if got, want := duration(r.totals.Duration), end-first; (got - want).Abs() > time.Microsecond {
		t.Errorf("%v of media; the parts make %v", got, want)
	}
	if r.totals.Frames != int64(len(r.parts)) {
		t.Errorf("%d frames, %d parts", r.totals.Frames, len(r.parts))
	}
	for _, k := range r.totals.Tracks {
		if k.Frames != frames[k.Track] || k.Bytes != size[k.Track] {
			t.Errorf("track %d: %d frames of %d bytes; the parts are %d of %d", k.Track, k.Frames, k.Bytes, frames[k.Track], size[k.Track])
		}
		if want := float64(8*k.Bytes) / r.totals.Duration; float64(k.BitsPerSecond) < want-1 || float64(k.BitsPerSecond) > want+1 {
			t.Errorf("track %d: %d bit/s; expected %.0f", k.Track, k.BitsPerSecond, want)
		}
	}
}

func duration(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds * float64(time.Second)))
}

// pieces returns a recording of sound in pieces that may stand in any order: the
// header, and a cluster for each frame of 60 ms.
func pieces(t testing.TB) (header []byte, clusters []*stream.Part) {
	t.Helper()
	hub := stream.NewHub(wide().Stream)
	defer hub.Close()
	chunks := capture(t, sound)
	p, err := hub.Publish("x", stream.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var l *stream.Listener
	for i, c := range chunks {
		if _, err := p.Write(c); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			l = hub.Stream("x").Listen(stream.ListenOptions{})
			defer l.Close()
		}
		for l.Pending() {
			if clusters, err = l.Take(clusters); err != nil {
				t.Fatal(err)
			}
		}
	}
	st := hub.Stream("x")
	return st.Header(st.Format().Views[0]), clusters
}

// TestProbe: what it prints of a file with a gap, one part that goes back, and rubbish
// at the end.
func TestProbe(t *testing.T) {
	header, clusters := pieces(t)
	in := slices.Clone(header)
	var want []probedPart
	add := func(from, to int) { // a part begins with its block, whose head has 7 bytes here
		for _, p := range clusters[from:to] {
			want = append(want, probedPart{Type: "part", Offset: int64(len(in) + len(p.Bytes) - len(p.Frame) - 7), Kind: "join", Time: p.Time.Round(time.Millisecond).Seconds(),
				Duration: p.Duration.Seconds(), Size: len(p.Frame), Key: true})
			in = append(in, p.Bytes...)
		}
	}
	add(0, 20)
	add(28, 40) // less than half a second is missing: no gap
	add(60, 70)
	add(65, 80)
	between := func(i int) float64 { // what is missing before a part
		return (duration(want[i].Time) - duration(want[i-1].Time) - duration(want[i-1].Duration)).Seconds()
	}
	want[32].Jump = between(32)
	want[42].Jump = (duration(want[42].Time) - duration(want[41].Time)).Seconds()
	file := kept(t, "in.webm", append(in, make([]byte, 100)...))

	r := probe(t, ProbeOptions{Input: file})
	sentence(t, fmt.Sprint(r.err), fmt.Sprintf("webm: byte %d: expected an element of WebM", len(in)))
	var parse *stream.ParseError
	if !errors.As(r.err, &parse) || parse.Offset != int64(len(in)) {
		t.Errorf("%v; expected an error at byte %d", r.err, len(in))
	}
	if !slices.Equal(r.parts, want) {
		t.Errorf("the parts are\n%+v\nexpected\n%+v", r.parts, want)
	}
	tracks := []probedTrack{{Type: "audio", Codec: "opus", Rate: 48000, Channels: 1, Bits: 32}}
	at := int64(bytes.Index(in, []byte{0x16, 0x54, 0xAE, 0x6B})) // Tracks
	if h := []probedHeader{{"header", at, "webm", tracks}}; !reflect.DeepEqual(r.headers, h) {
		t.Errorf("the headers are %+v; expected %+v", r.headers, h)
	}
	gaps := []gap{{want[32].Offset, 0, want[31].Time, want[32].Time}, {want[42].Offset, 0, want[41].Time, want[42].Time}}
	if !slices.Equal(r.totals.Gaps, gaps) || r.totals.MoreGaps != 0 {
		t.Errorf("the gaps are %+v; expected %+v", r.totals.Gaps, gaps)
	}
	if s := r.totals; s.Container != "webm" || s.Bytes != int64(len(in)) || s.Tracks[0].Interval != nil || s.Tracks[0].Keyframes != 0 {
		t.Errorf("the totals are %+v", s)
	}
	r.sums(t)

	// The same for people.
	var out bytes.Buffer
	_ = Probe(patient(t), ProbeOptions{Input: file, Stdout: &out}) // as above
	text := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(text) != 2+len(want)+4 {
		t.Fatalf("%d lines:\n%s", len(text), &out)
	}
	for i, line := range map[int]string{
		0:             "      offset  kind    track          time     lasts      size",
		1:             fmt.Sprintf("%12d  header  0: opus 48000 Hz mono", at),
		2:             fmt.Sprintf("%12d  join        0  %12.3f     0.060  %8d  key", want[0].Offset, want[0].Time, want[0].Size),
		2 + 42:        fmt.Sprintf("%12d  join        0  %12.3f     0.060  %8d  key  jumps by %+.3f", want[42].Offset, want[42].Time, want[42].Size, want[42].Jump),
		len(text) - 4: fmt.Sprintf("webm: %d bytes, %d frames, %.3f s, %.0f kbit/s", len(in), len(want), r.totals.Duration, float64(len(in))*8/1000/r.totals.Duration),
		len(text) - 3: fmt.Sprintf("track 0: opus 48000 Hz mono, %d frames, %d bytes, %.0f kbit/s", len(want), r.totals.Tracks[0].Bytes, float64(r.totals.Tracks[0].Bytes)*8/1000/r.totals.Duration),
		len(text) - 2: fmt.Sprintf("gap before byte %d: track 0 goes from %.3f s to %.3f s", gaps[0].Offset, gaps[0].From, gaps[0].To),
		len(text) - 1: fmt.Sprintf("gap before byte %d: track 0 goes from %.3f s to %.3f s", gaps[1].Offset, gaps[1].From, gaps[1].To),
	} {
		if text[i] != line {
			t.Errorf("line %d is %q; expected %q", i, text[i], line)
		}
	}
	var totals bytes.Buffer
	_ = Probe(patient(t), ProbeOptions{Input: file, Totals: true, Stdout: &totals}) // as above
	if got, want := totals.String(), strings.Join(text[len(text)-4:], "\n")+"\n"; got != want {
		t.Errorf("--totals prints %q; expected %q", got, want)
	}
}

// TestProbeManyGaps: those of a file that has nothing else are counted, not kept.
func TestProbeManyGaps(t *testing.T) {
	header, clusters := pieces(t)
	in := slices.Clone(header)
	for range maxGaps {
		in = append(append(in, clusters[100].Bytes...), clusters[0].Bytes...)
	}
	r := probe(t, ProbeOptions{Input: kept(t, "in", in)})
	if len(r.totals.Gaps) != maxGaps || r.totals.MoreGaps != maxGaps-1 {
		t.Errorf("%d gaps and %d more; expected %d and %d", len(r.totals.Gaps), r.totals.MoreGaps, maxGaps, maxGaps-1)
	}
	// Another file begins a clock of its own.
	r = probe(t, ProbeOptions{Input: kept(t, "two", slices.Concat(header, clusters[100].Bytes, header, clusters[0].Bytes))})
	if len(r.totals.Gaps) != 0 || len(r.headers) != 2 || len(r.totals.Tracks) != 1 || r.totals.Tracks[0].Frames != 2 {
		t.Errorf("two files: %+v", r)
	}
}

// TestProbeBadInput: the totals of what was good come first, and then a sentence that
// names the byte.
func TestProbeBadInput(t *testing.T) {
	webm := bytes.Join(capture(t, sound), nil)
	wav := streamtest.Wave(time.Second)
	for _, row := range []struct {
		name  string
		in    []byte
		bytes int64
		words string
	}{
		{"nothing", nil, 0, "any: byte 0: the input is empty"},
		{"another container", []byte("%PDF-1.7 and so on"), 0, "any: byte 0: 25 50 44 46"},
		{"too short for any", []byte("RI"), 0, "any: byte 0: 52 49 begins no container"},
		{"a torn WAV", wav[:len(wav)-1001], int64(len(wav) - 1002), fmt.Sprintf("wav: byte %d: the input ends", 44+98*960)},
		{"a WAV without samples", wav[:40], 36, "wav: byte 36: the input ends before any samples"},
		{"a header that claims 2^55 bytes", append(slices.Clone(webm[:4]), 0x01, 0x80, 0, 0, 0, 0, 0, 0), 0, "webm: byte 0: a header of more than"},
		{"zeros", make([]byte, 100_000), 0, "any: byte 0: 00 00 00"},
	} {
		for _, o := range []ProbeOptions{{Input: kept(t, "in", row.in)}, {Input: "-", Stdin: bytes.NewReader(row.in)}} {
			r := probe(t, o)
			if r.err == nil {
				t.Fatalf("%s: no error", row.name)
			}
			sentence(t, r.err.Error(), row.words)
			if r.totals.Bytes != row.bytes || r.totals.Tracks == nil {
				t.Errorf("%s: the totals are %+v; expected %d bytes", row.name, r.totals, row.bytes)
			}
		}
	}
	var out bytes.Buffer
	if err := Probe(patient(t), ProbeOptions{Input: "-", Stdin: strings.NewReader("rubbish, all of it"), Stdout: &out}); err == nil || out.String() != "unknown container: 0 bytes, 0 frames, 0.000 s, 0 kbit/s\n" {
		t.Errorf("%v, %q", err, &out)
	}
}

// TestProbeBadArguments: nothing is printed but a sentence.
func TestProbeBadArguments(t *testing.T) {
	r, _ := begun(t, "http", "/a.webm", wide(), capture(t, sound))
	for input, want := range map[string]string{
		r.url + "/nobody.webm":     "404 Not Found: Nobody is publishing /nobody.webm now; add ?wait=30s to wait for it.",
		r.url + "/a.flac":          "406 Not Acceptable: This stream cannot be had like that: no flac is made of webm here. It is webm of opus 48000 Hz mono and can be played as: /a.webm, /a.ogg, /a.wav, /a.pcm.",
		"ftp://localhost/a.webm":   `"ftp://localhost/a.webm" is no stream's URL; expected one as in http://localhost:8080/caller1.webm`,
		"/nowhere/none.webm":       "open /nowhere/none.webm: no such file or directory",
		"localhost:8080/none.webm": "open localhost:8080/none.webm: no such file or directory",
	} {
		var out bytes.Buffer
		err := Probe(patient(t), ProbeOptions{Input: input, Stdout: &out, Client: r.client})
		if err == nil || out.Len() > 0 {
			t.Fatalf("%s: %v, %q", input, err, &out)
		}
		sentence(t, err.Error(), want)
	}
	closed := deaf{errors.New("the output has been closed by whoever read it")}
	err := Probe(patient(t), ProbeOptions{Input: kept(t, "in", streamtest.Wave(time.Minute)), Stdout: closed})
	if err == nil || err.Error() != closed.Error() {
		t.Errorf("a closed output: %v", err)
	}
}

// TestProbeOfAStream: parts are printed as they come, and the totals when it is told
// to stop.
func TestProbeOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		file := streamtest.Wave(15 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		pr, pw := io.Pipe()
		over := make(chan error, 1)
		go func() {
			err := Probe(ctx, ProbeOptions{Input: r.url + "/a.wav?wait=1m", JSON: true, Stdout: pw, Client: r.client})
			pw.Close()
			over <- err
		}()
		synctest.Wait()
		p := push(t, PushOptions{File: kept(t, "in", file), URL: r.url + "/a.wav", Client: r.client})
		var all []byte
		buf := make([]byte, 64<<10)
		for bytes.Count(all, []byte("\n")) < 100 { // a second of parts, while it runs
			n, err := pr.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, buf[:n]...)
		}
		if bytes.Contains(all, []byte("totals")) || ctx.Err() != nil {
			t.Errorf("the first parts come with the totals")
		}
		rest, err := io.ReadAll(pr)
		if err != nil {
			t.Fatal(err)
		}
		got := readProbe(t, append(all, rest...), <-over)
		if got.err != nil || len(got.parts) < 400 || got.totals.Duration < 4 || got.totals.Duration > 6 || len(got.totals.Gaps) > 0 {
			t.Errorf("%v, %d parts, %+v", got.err, len(got.parts), got.totals)
		}
		got.sums(t)
		p.cancel(nil)
		_ = p.end() // it was told to
	})
}

// TestProbeStdinIsToldToStop: nobody writes, and the totals come all the same.
func TestProbeStdinIsToldToStop(t *testing.T) {
	in, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	out := watched{lines: make(chan string, 1000)}
	over := make(chan error, 1)
	go func() { over <- Probe(ctx, ProbeOptions{Input: "-", Stdin: in, Stdout: out}) }()
	if _, err := w.Write(streamtest.Wave(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for first := ""; !strings.Contains(first, "0.090"); first = <-out.lines {
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	if last := <-out.lines; !strings.Contains(last, "wav: 9644 bytes, 10 frames, 0.100 s, 772 kbit/s\ntrack 0: pcm 16 bit 48000 Hz mono, 10 frames, 9600 bytes, 768 kbit/s\n") {
		t.Errorf("at last it says %q", last)
	}
}

// watched tells each write.
type watched struct{ lines chan string }

func (w watched) Write(b []byte) (int, error) {
	w.lines <- string(b)
	return len(b), nil
}

// TestProbeOfABrokenBody: a body that breaks off is no clean end.
func TestProbeOfABrokenBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(streamtest.Wave(time.Second))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer s.Close()
	r := probe(t, ProbeOptions{Input: s.URL + "/a.wav", Client: s.Client()})
	if !errors.Is(r.err, io.ErrUnexpectedEOF) || len(r.parts) != 100 {
		t.Errorf("%v, %d parts", r.err, len(r.parts))
	}
}

func TestSpread(t *testing.T) {
	var s spread
	for _, ms := range []int{40, 1000, 30, 20, 5000, 200_000} {
		s.add(time.Duration(ms) * time.Millisecond)
	}
	if s.least != 20*time.Millisecond || s.most != 200*time.Second || s.median() != 40*time.Millisecond {
		t.Errorf("%v, %v, %v", s.least, s.median(), s.most)
	}
	for i := range 300_000 {
		s.add(time.Duration(i) * 10 * time.Millisecond)
	}
	if len(s.often) > 100_001 {
		t.Errorf("it remembers %d different intervals", len(s.often))
	}
}
