package relay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"everfile/relay/calls"
)

// stop ends a server in an order in which nothing is lost: no new connections;
// everybody on a control socket is told to connect again, which the next process
// answers; publishers are told so too and have a moment to send their last chunk;
// then the streams end, since an endless response would keep an orderly shutdown
// waiting for ever. Sockets and hijacked connections are not known to that
// shutdown: they are waited for here.
func (s *Server) stop(h *http.Server) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	shut := make(chan error, 1)
	go func() { shut <- h.Shutdown(ctx) }() // closes the listener at once, then waits
	s.board.close()
	s.farewell()
	s.hub.Close()
	drained := time.AfterFunc(s.opt.Drain, func() {
		s.cut()
		cancel()
	})
	defer drained.Stop()
	err := <-shut
	if errors.Is(err, context.Canceled) {
		err = h.Close()
	}
	s.work.Wait()
	s.cut()
	return err
}

// farewell tells the publishing sockets to go, and waits until they have, for a
// moment at the most: programs that know nothing of it are cut off then.
func (s *Server) farewell() {
	s.mu.Lock()
	if !s.leaving {
		s.leaving = true
		close(s.goodbye)
	}
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() { s.sockets.Wait(); close(gone) }()
	timeout := time.NewTimer(s.opt.Farewell)
	defer timeout.Stop()
	select {
	case <-gone:
	case <-timeout.C:
	}
}

// arrive counts a publishing socket, whose end is reported by s.sockets.Done. It
// reports false when the server is about to stop.
func (s *Server) arrive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving || s.stopped {
		return false
	}
	s.sockets.Add(1)
	return true
}

// callsFile is where the calls of a server on an address wait for its next
// process.
func callsFile(dir, addr string) string {
	name := strings.NewReplacer(":", "_", "/", "_", "[", "", "]", "").Replace(addr)
	return filepath.Join(dir, "calls-"+name+".json")
}

// saveCalls writes the calls that were running when the server was told to stop;
// it holds secrets. Without callers there is no file.
func (s *Server) saveCalls(file string) error {
	s.board.mu.Lock()
	snap := s.board.saved
	s.board.mu.Unlock()
	if len(snap.Callers) == 0 {
		return nil
	}
	b, err := json.Marshal(snap)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// loadCalls takes over the calls of the process before, if it ended so lately
// that its callers are still expected, and removes the file.
func (s *Server) loadCalls(file string) error {
	info, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := os.ReadFile(file)
	if err := errors.Join(err, os.Remove(file)); err != nil {
		return err
	}
	if time.Since(info.ModTime()) > s.board.state.Grace() {
		return nil
	}
	var snap calls.Snapshot
	if err := json.Unmarshal(b, &snap); err != nil {
		return err
	}
	s.board.restore(snap)
	s.opt.Log.Info("calls of the process before go on", "callers", len(snap.Callers), "calls", len(snap.Calls))
	return nil
}
