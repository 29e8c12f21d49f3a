package stream

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cutter says how many of the rest bytes the next chunk has.
type cutter struct {
	name string
	next func(rest int) int
}

func every(n int) func(int) int { return func(rest int) int { return min(n, rest) } }

func randomly(seed uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(rest int) int {
		if r.IntN(8) == 0 {
			return r.IntN(min(rest, 5000) + 1)
		}
		return r.IntN(min(rest, 40) + 1)
	}
}

// cutters are the ways in which every input must give the same.
func cutters(t testing.TB) []cutter {
	seed := uint64(time.Now().UnixNano())
	t.Logf("random cuts with seed %d", seed)
	return []cutter{{"1", every(1)}, {"7", every(7)}, {"random", randomly(seed)}}
}

func whole(rest int) int { return rest }

func cut(b []byte, next func(int) int) (chunks [][]byte) {
	for len(b) > 0 {
		n := next(len(b))
		chunks = append(chunks, b[:n])
		b = b[n:]
	}
	return chunks
}

// roomy options keep everything, at a clock that stands still.
func roomy() Options {
	now := time.Now()
	return Options{Window: 100 * time.Hour, WindowBytes: 1 << 30, HardBytes: 1 << 30, Memory: 1 << 40,
		Check: 100 * time.Hour, Grace: 100 * time.Hour, Now: func() time.Time { return now }}
}

// newHub returns a hub that ends with the test and must then hold no memory.
func newHub(t testing.TB, o Options) *Hub {
	h := NewHub(o)
	t.Cleanup(func() {
		h.Close()
		if n := h.Memory(); n != 0 {
			t.Errorf("a closed hub holds %d bytes of parts", n)
		}
	})
	return h
}

// mustPublish begins or resumes a run.
func mustPublish(t testing.TB, h *Hub, name string, o PublishOptions) *Publisher {
	t.Helper()
	p, err := h.Publish(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustWrite(t testing.TB, p *Publisher, chunks ...[]byte) {
	t.Helper()
	for _, b := range chunks {
		if _, err := p.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// streamOf returns the stream that stands under a name now.
func streamOf(t testing.TB, h *Hub, name string) *Stream {
	t.Helper()
	s, err := h.Open(t.Context(), name, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logged returns what is in the stream's window.
func logged(s *Stream) []*Part {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Part(nil), s.parts...)
}

// body is a listener's whole body.
func body(s *Stream, parts []*Part) []byte {
	b := append([]byte(nil), s.header...)
	for _, p := range parts {
		b = append(b, p.Bytes...)
	}
	return b
}

// wantErr demands an error whose sentence holds some words.
func wantErr(t testing.TB, err error, words string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; expected one with %q", words)
	} else if !strings.Contains(err.Error(), words) {
		t.Errorf("got %q; expected %q in it", err, words)
	}
}
