package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gapPlayer is one element, and what it said of itself.
type gapPlayer struct {
	name, tag, player, query string
	file                     *gapSender

	mu      sync.Mutex // protects below
	samples [][5]float64
	said    []gapSaid
	opened  []gapOpened
}

type gapSaid struct {
	at   float64
	what string
}

func (s *gapSaid) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &[]any{&s.at, &s.what}) }

// gapOpened is a request for the file, and where it joined.
type gapOpened struct {
	at, join float64
}

// Of a sample.
const (
	sampleAt = iota // ms since 1970
	sampleTime
	sampleEnd // of what is buffered
	sampleFrames
	sampleRanges
)

// serve has an origin of the player's own, since a browser asks one only six
// things at a time, and returns its page.
func (p *gapPlayer) serve(t *testing.T, s *site) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/"+p.file.name+".webm" {
			_, _, join := p.file.stream().Edge()
			p.mu.Lock()
			p.opened = append(p.opened, gapOpened{float64(time.Now().UnixMilli()), join.Seconds()})
			p.mu.Unlock()
		}
		s.server.ServeHTTP(w, r)
	})
	mux.Handle("/static/test/", http.StripPrefix("/static/test/", http.FileServer(http.Dir(filepath.Join("..", "..", "testdata", "pages")))))
	mux.HandleFunc("POST /static/test/samples", func(_ http.ResponseWriter, r *http.Request) {
		var got struct {
			Samples [][5]float64
			Said    []gapSaid
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Logf("samples of %s: %v", p.name, err) // the browser ended
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.samples, p.said = append(p.samples, got.Samples...), append(p.said, got.Said...)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Serve(ln) }()
	t.Cleanup(func() { h.Close(); <-done })
	return "http://" + ln.Addr().String() + "/static/test/gap.html?" + url.Values{
		"who": {p.name}, "tag": {p.tag}, "player": {p.player}, "url": {"/" + p.file.name + ".webm" + p.query},
	}.Encode()
}

// position is the stream time that a sample plays: Chromium's clock is the file's,
// Firefox's begins where it joined.
func (p *gapPlayer) position(s [5]float64, firefox bool) float64 {
	if !firefox {
		return s[sampleTime]
	}
	join := 0.0
	for _, o := range p.opened {
		if o.at <= s[sampleAt] {
			join = o.join
		}
	}
	return join + s[sampleTime]
}

// still returns for how long nothing of what is looked at moved since a time, in
// stretches of more than a quarter of a second: in all, and until when; and whether
// it still does not. Stretches that begin after a time are not of it.
func (p *gapPlayer) still(since, before float64, which int) (sum, until float64, hangs bool) {
	last, moved := -1.0, since
	for _, s := range p.samples {
		if s[which] == last {
			continue
		}
		last = s[which]
		if d := s[sampleAt] - moved; d > 250 && moved < before {
			sum, until = sum+d/1000, (s[sampleAt]-since)/1000
		}
		moved = max(moved, s[sampleAt])
	}
	if n := len(p.samples); n > 0 && p.samples[n-1][sampleAt]-moved > 2000 {
		return sum, math.Inf(1), true
	}
	return sum, until, false
}

// plays says whether the newest five seconds have no stand-still in them.
func (p *gapPlayer) plays() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := float64(time.Now().Add(-5 * time.Second).UnixMilli())
	which := []int{sampleTime}
	if p.tag == "video" {
		which = append(which, sampleFrames)
	}
	for _, w := range which {
		if sum, _, hangs := p.still(since, math.Inf(1), w); sum > 0.6 || hangs {
			return false
		}
	}
	return len(p.samples) > 0 && p.samples[len(p.samples)-1][sampleAt] > since+3000
}

// behind is the median of how far it is behind the file's end, in the two seconds
// before a time, by its clock and by its buffer. edge says how far the file is.
func (p *gapPlayer) behind(before float64, firefox bool, edge func(at float64) float64) (clock, buffer float64) {
	var clocks, buffers []float64
	for _, s := range p.samples {
		if s[sampleAt] > before-2000 && s[sampleAt] <= before {
			clocks = append(clocks, edge(s[sampleAt])-p.position(s, firefox))
			buffers = append(buffers, s[sampleEnd]-s[sampleTime])
		}
	}
	return quantiles(clocks)[0], quantiles(buffers)[0]
}

// gapTimes is when the sender fell silent and was back, and how far its file was.
type gapTimes struct {
	silent, back time.Time
	jump         time.Duration
	from         time.Duration // stream time at which it goes on
}

// row describes how a player came over it.
func (p *gapPlayer) row(firefox bool, when gapTimes, edge func(float64) float64) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	silent, back := float64(when.silent.UnixMilli()), float64(when.back.UnixMilli())
	picture := "     -      "
	if p.tag == "video" {
		sum, until, hangs := p.still(back, back+float64((when.jump+3*time.Second).Milliseconds()), sampleFrames)
		picture = fmt.Sprintf("%5.2f %5.2f%s", sum, until, map[bool]string{true: "!", false: " "}[hangs])
	}
	sum, until, hangs := p.still(back, back+float64((when.jump+3*time.Second).Milliseconds()), sampleTime)
	clock := fmt.Sprintf("%5.2f %5.2f%s", sum, until, map[bool]string{true: "!", false: " "}[hangs])
	over := math.Inf(1)
	for _, s := range p.samples {
		if s[sampleAt] >= back && p.position(s, firefox) >= when.from.Seconds() {
			over = (s[sampleAt] - back) / 1000
			break
		}
	}
	requests := 0
	for _, o := range p.opened {
		if o.at > silent {
			requests++
		}
	}
	counts := map[string]int{}
	for _, e := range p.said {
		if e.at > silent {
			counts[e.what]++
		}
	}
	var events []string
	for _, e := range slices.Sorted(maps.Keys(counts)) {
		events = append(events, fmt.Sprintf("%s:%d", e, counts[e]))
	}
	c0, b0 := p.behind(silent, firefox, edge)
	c1, b1 := math.NaN(), math.NaN()
	if n := len(p.samples); n > 0 {
		c1, b1 = p.behind(p.samples[n-1][sampleAt], firefox, edge)
	}
	return fmt.Sprintf("%-16s %d again | picture %s | clock %s | over the gap %5.2f | behind %5.2f -> %5.2f (buffer %4.2f -> %4.2f) | %s",
		p.name, requests, picture, clock, over, c0, c1, b0, b1, strings.Join(events, " "))
}
