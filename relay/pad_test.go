package relay

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"everfile/stream"
)

func webmPadding(every time.Duration) *padding { return paddingOf("webm", every) }

func paddingOf(format string, every time.Duration) *padding {
	return &padding{format: stream.ByExt(format), asked: every, every: every, log: slog.New(slog.DiscardHandler)}
}

// written is a write of n bytes before its padding.
func written(n int) *vector {
	v := &vector{}
	v.add(make([]byte, n))
	return v
}

func yes() bool { return true }
func no() bool  { return false }

// Every gap is filled exactly, or by a block more where no filler is as short.
func TestPadFillsEveryGap(t *testing.T) {
	for format, least := range map[string]int{"webm": 2, "ogg": 1, "mp4": 8} {
		for _, gap := range []int{0, 1, 2, 3, 7, 8, 9, 127, 128, 129, 130, 131, 1000, 16_383, 16_384, padBlock - 2, padBlock - 1} {
			p := paddingOf(format, time.Second)
			v := written(padBlock - gap)
			p.add(v, time.Now(), yes)
			want := padBlock
			if gap > 0 && gap < least {
				want = 2 * padBlock
			}
			if got := len(bytes.Join(v.bufs, nil)); got != want || v.size != want || p.sent != int64(want) {
				t.Errorf("%s: a gap of %d: %d bytes, counted %d and %d; expected %d", format, gap, got, v.size, p.sent, want)
			}
		}
	}
}

func TestPadKeepsItsInterval(t *testing.T) {
	p := webmPadding(200 * time.Millisecond)
	now := time.Now()
	for _, step := range []struct {
		ms     int
		padded bool
	}{{0, true}, {1, false}, {199, false}, {200, true}, {399, false}, {500, true}, {699, false}, {700, true}} {
		v := written(100)
		p.add(v, now.Add(time.Duration(step.ms)*time.Millisecond), yes)
		if padded := v.size > 100; padded != step.padded || padded && p.sent%padBlock != 0 {
			t.Errorf("after %d ms: padded %t, %d bytes in the body", step.ms, padded, p.sent)
		}
	}
}

// A listener that has not taken its last write gets no pad, and fewer from then
// on, until it has kept up for a while.
func TestPadGivesWay(t *testing.T) {
	p := webmPadding(200 * time.Millisecond)
	now := time.Now()
	for _, want := range []time.Duration{400, 800, 800} {
		now = now.Add(time.Minute)
		v := written(100)
		p.add(v, now, no)
		if v.size != 100 || p.every != want*time.Millisecond {
			t.Errorf("a slow listener got %d bytes; interval %v, expected %v ms", v.size, p.every, want)
		}
	}
	for i := range 50 {
		want := 800 * time.Millisecond >> min((i+1)/16, 2)
		now = now.Add(time.Minute)
		p.add(written(100), now, yes)
		if p.every != want {
			t.Errorf("after %d drained pads the interval is %v; expected %v", i+1, p.every, want)
		}
	}
}

func TestPadIsDue(t *testing.T) {
	var none *padding
	if none.due() != nil {
		t.Error("no padding is due")
	}
	p := webmPadding(time.Hour)
	if p.due() != nil {
		t.Error("a pad is due in an empty body")
	}
	p.sent = 1
	select {
	case <-p.due(): // nothing was padded yet
	case <-patient(t).Done():
		t.Error("a pad that is due does not come")
	}
	p.last = time.Now()
	select {
	case <-p.due():
		t.Error("a pad is due an hour early")
	default:
	}
	p.stop()
}

func TestParsePad(t *testing.T) {
	webm, wav := stream.ByExt("webm"), stream.ByExt("wav")
	for _, row := range []struct {
		query string
		f     *stream.Format
		want  time.Duration // 0: none; negative: refused
	}{
		{"", webm, 0}, {"?pad=0", webm, 0}, {"?pad=1", webm, 20}, {"?pad=20", webm, 20}, {"?pad=200", webm, 200}, {"?pad=10000", webm, 10_000},
		{"?pad=200", wav, 0}, {"?pad=x", webm, -1}, {"?pad=-1", webm, -1}, {"?pad=10001", webm, -1}, {"?pad=1.5", webm, -1}, {"?pad=x", wav, -1},
	} {
		p, err := parsePad(httptest.NewRequest("GET", "/a.webm"+row.query, nil), row.f, nil)
		switch {
		case row.want < 0:
			if no := refusalOf(err); no.status != http.StatusBadRequest {
				t.Errorf("%s: %v", row.query, err)
			}
		case err != nil:
			t.Errorf("%s: %v", row.query, err)
		case row.want == 0 && p != nil, row.want > 0 && (p == nil || p.every != row.want*time.Millisecond):
			t.Errorf("%s for %s: %+v", row.query, row.f.Name, p)
		}
	}
}

// Through every door a padded body comes to rest at whole blocks, and the
// frames in it are those of the unpadded one.
func TestPaddedBody(t *testing.T) {
	chunks := capture(t, picture)[:20]
	if testing.Short() {
		chunks = chunks[:6]
	}
	want := demanded(t, "webm", chunks)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, p := begun(t, protocol, "/a.webm", wide(), chunks)
		l := r.listen("/a.webm?pad=20")
		rest := func(b []byte, _ error) bool { return len(b) > 0 && len(b)%padBlock == 0 }
		had := len(l.when("a whole block", rest))
		for i, chunk := range chunks[1:] {
			p.send(chunk)
			p.acked(i + 2)
			had = len(l.when("a whole block", func(b []byte, _ error) bool { return len(b) > had && rest(b, nil) }))
		}
		p.end()
		got := l.all()
		if len(got) <= len(want) || len(got)%padBlock != 0 {
			t.Errorf("%s: %d bytes for %d of media", protocol, len(got), len(want))
		}
		if testing.Short() && protocol != "http" {
			continue
		}
		if n, m := judge(t, got), judge(t, want); n != m {
			t.Errorf("%s: %d frames; %d without padding", protocol, n, m)
		}
	}
}

func TestPadIsRefusedOrIgnored(t *testing.T) {
	chunks := heavy(1)
	r, p := begun(t, "http", "/a.wav", wide(), chunks)
	r.refused("GET", "/a.wav?pad=x", nil, 400, `pad is the least distance of two alignments in milliseconds, as in ?pad=200; got "x".`)
	l := r.listen("/a.wav?pad=20")
	l.has(len(demanded(t, "wav", chunks[:1])))
	p.send(chunks[1])
	p.acked(2)
	p.end()
	if got, want := l.all(), demanded(t, "wav", chunks); !bytes.Equal(got, want) {
		t.Errorf("%d bytes; expected %d", len(got), len(want))
	}
}
