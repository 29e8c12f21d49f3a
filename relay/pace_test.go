package relay

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream"
)

// TestPace publishes by a body at a clock that only moves when nothing else
// can, so how far ahead of its timestamps it was read is exact.
func TestPace(t *testing.T) {
	whole := bytes.Join(capture(t, sound), nil)
	for _, row := range []struct {
		query   string
		chunked bool
		paced   bool
	}{
		{"", false, true}, {"", true, false}, {"?pace=0", false, false}, {"?pace=1", true, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(wide())
			defer s.Close()
			var body io.Reader = bytes.NewReader(whole)
			if row.chunked {
				body = io.MultiReader(body)
			}
			w := httptest.NewRecorder()
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/a.webm"+row.query, body))
			}()
			synctest.Wait()
			if !row.paced {
				select {
				case <-done:
				default:
					t.Fatalf("pace %q, chunked %t: a live body is held back", row.query, row.chunked)
				}
				return
			}
			st, err := s.Hub().Open(t.Context(), "a", 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			s.inStep(t, st, done)
			if w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
}

// inStep demands that a stream is read as far ahead as it may, and no further,
// until it is done.
func (s *Server) inStep(t *testing.T, st *stream.Stream, done <-chan struct{}) {
	t.Helper()
	const piece = 300 * time.Millisecond // the media in what is written at once, generously
	for began := time.Now(); ; {
		synctest.Wait()
		edge, _, _ := st.Edge()
		ahead := edge - time.Since(began)
		select {
		case <-done:
			if edge < 10*time.Second || ahead < 0 {
				t.Errorf("done with %v in the file after %v", edge, time.Since(began))
			}
			return
		default:
		}
		if ahead < s.opt.Ahead-piece || ahead > s.opt.Ahead+piece {
			t.Fatalf("%v ahead after %v; expected %v", ahead, time.Since(began), s.opt.Ahead)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// A paced publisher that loses its name to the server's end does not sleep on.
func TestPacedBodyIsWoken(t *testing.T) {
	whole := bytes.Join(capture(t, sound), nil)
	synctest.Test(t, func(t *testing.T) {
		s := New(wide())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/a.webm", bytes.NewReader(whole)))
		}()
		synctest.Wait()
		began := time.Now()
		s.Close()
		<-done
		if w.Code != http.StatusServiceUnavailable || !time.Now().Equal(began) {
			t.Errorf("%d after %v", w.Code, time.Since(began))
		}
	})
}
