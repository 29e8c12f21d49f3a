package relay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"everfile/relay/calls"
)

// A publisher is told that the server stops, and has time for its last chunk,
// which is in the file that listeners get.
func TestFarewell(t *testing.T) {
	o := wide()
	o.Farewell = patience
	chunks := capture(t, sound)
	r, p := begun(t, "http", "/a.webm", o, chunks[:1])
	l := r.listen("/a.webm")
	l.has(1)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	for p.ack().Type != "goaway" {
	}
	p.send(chunks[1:]...)
	p.acked(len(chunks))
	p.end()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got, want := l.all(), demanded(t, "webm", chunks); string(got) != string(want) {
		t.Errorf("the listener got %d bytes; the frames make %d", len(got), len(want))
	}
}

// Who does not heed it is cut off.
func TestFarewellIsNotForEver(t *testing.T) {
	o := wide()
	o.Farewell = time.Millisecond
	r, p := begun(t, "http", "/a.webm", o, capture(t, sound)[:1])
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if code, reason := p.over(); code != closeGoingAway || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// The calls of one process go on in the next.
func TestCallsAreHandedOver(t *testing.T) {
	file := callsFile(t.TempDir(), "[::1]:8080")
	if name := filepath.Base(file); name != "calls-__1_8080.json" {
		t.Errorf("they wait in %s", name)
	}
	o := wide()
	o.CloseWait = 20 * time.Millisecond // nobody reads these sockets
	first := start(t, "http", o)
	c := first.call()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := first.s.saveCalls(file); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the secrets: %v %v", info.Mode(), err)
	}
	next := start(t, "http", wide())
	if err := next.s.loadCalls(file); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	a, welcome := next.phone("alice", c.resumeA)
	if !welcome.Resumed {
		t.Error("alice is not known any more")
	}
	m := a.hear("start")
	if m.Call != c.startA.Call || m.Publish[0].URL != c.startA.Publish[0].URL || !m.Peers[0].Away {
		t.Errorf("alice is told %s", calls.Encode(m))
	}
	p := next.publish(m.Publish[0].URL)
	p.end()
	if err := next.s.loadCalls(file); err != nil {
		t.Errorf("without a file: %v", err)
	}
}

// What is too old, or no such file, is not taken over.
func TestCallsOfLongAgo(t *testing.T) {
	r := start(t, "http", wide())
	file := callsFile(t.TempDir(), "x")
	b, err := json.Marshal(calls.Snapshot{Callers: []calls.SavedCaller{{Name: "alice", Resume: "r"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Minute)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if err := r.s.loadCalls(file); err != nil {
		t.Fatal(err)
	}
	r.phone("alice", "") // is free
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.s.loadCalls(file); err == nil {
		t.Error("half a file is no error")
	}
	if err := r.s.saveCalls(filepath.Join(file, "x")); err != nil {
		t.Errorf("without callers nothing is written: %v", err)
	}
}
