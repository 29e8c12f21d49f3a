package calls

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// A state that goes to another process is the same there, but that everybody is
// away.
func TestSnapshot(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{
		"a hello caller=alice", "b hello caller=bob", "a invite to=bob media=av", "b accept call=call-r3 media=a",
		"a failed call=call-r3 url=/call-r3/alice.webm",
		"c hello caller=carol", "d hello caller=dave", "c invite to=dave media=v", "e hello caller=erin",
	} {
		w.do(line)
	}
	b, err := json.Marshal(w.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var snap Snapshot
	if err := json.Unmarshal(b, &snap); err != nil {
		t.Fatal(err)
	}
	next := newWorld(t)
	if got := next.apply(next.s.Restore(snap)); len(got) != 1 || got[0] != "allow call-r3 map[alice:r4 bob:r5]" {
		t.Errorf("restoring leads to %q", got)
	}
	if again := next.s.Snapshot(); !reflect.DeepEqual(again, snap) {
		t.Errorf("restored is\n%+v\nexpected\n%+v", again, snap)
	}
	next.check()
	for _, row := range []struct{ line, want string }{
		{"b hello caller=bob resume=r2", "b< welcome caller=bob resumed=true"},
		{"a hello caller=alice resume=r1", "a< welcome caller=alice resumed=true"},
		{"d hello caller=dave resume=wrong", "d< error code=taken re=hello suggest=dave-2"},
		{"b hangup call=call-r3", "forbid call-r3"},
		{"a invite to=bob", "a< ringing call=call-r1 to=bob media=a"},
		{"c hello caller=carol resume=r6", "c< welcome caller=carol resumed=true"},
	} {
		if got := next.do(row.line); len(got) == 0 || got[0] != row.want {
			t.Errorf("%s: got %q, expected %q", row.line, got, row.want)
		}
	}
	// Who does not come back is gone: dave and erin, and with dave the call that rang.
	next.do("wait 30s")
	next.check()
	if len(next.s.callers) != 3 || len(next.s.calls) != 1 {
		t.Errorf("%d callers and %d calls are left; expected 3 and 1", len(next.s.callers), len(next.s.calls))
	}
}

// Rooms go on too, with screens, in the order of joining; and in a process that takes
// fewer, or none of that name, those that are there are not in the way.
func TestSnapshotOfRooms(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{
		"c hello caller=carol", "b hello caller=bob", "a hello caller=alice",
		"c join room=standup media=a+v", "a join room=standup media=av", "b join room=other",
		"a invite to=carol", "c accept call=call-r7",
	} {
		w.do(line)
	}
	b, err := json.Marshal(w.s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var snap Snapshot
	if err := json.Unmarshal(b, &snap); err != nil {
		t.Fatal(err)
	}
	next := newWorld(t)
	got := next.apply(next.s.Restore(snap))
	if want := []string{"allow call-r7 map[alice:r8 carol:r9]", "allow other map[bob:r6]", "allow standup map[alice:r5 carol:r4]"}; !slices.Equal(got, want) {
		t.Errorf("restoring leads to %q, expected %q", got, want)
	}
	if again := next.s.Snapshot(); !reflect.DeepEqual(again, snap) {
		t.Errorf("restored is\n%+v\nexpected\n%+v", again, snap)
	}
	next.check()
	got = next.do("a hello caller=alice resume=r3")
	if want := "a< start call=standup room publish=/standup/alice.webm?key=r5 video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus play=/standup/carol-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=carol:a+v:polite:away"; len(got) != 3 || got[2] != want {
		t.Errorf("alice is back: %q, expected %q", got, want)
	}
	next.do("wait 30s") // bob and carol do not come
	next.check()
	if len(next.s.calls) != 1 || len(next.s.calls["standup"].members) != 1 || next.rooms["other"] != nil {
		t.Errorf("left are %v", next.rooms)
	}
	w = newWorldOf(t, Options{Room: 1})
	w.apply(w.s.Restore(snap))
	if n := len(w.s.calls["standup"].members); n != 2 {
		t.Errorf("%d members", n)
	}
}

// A file that was tampered with, or is of another version, does no harm.
func TestRestoreAnything(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"callers":[{"name":"a.b"},{"name":"alice"},{"name":"Alice"}]}`,
		`{"callers":[{"name":"alice"}],"calls":[{"id":"call-x","members":[{"name":"alice"},{"name":"alice"}]},{"id":"call-y","members":[{"name":"alice"}]},{"id":"z"}]}`,
		`{"callers":[{"name":"alice"},{"name":"bob"}],"calls":[{"id":"open","members":[{"name":"alice"},{"name":"bob"}]}]}`,
		`{"callers":[{"name":"alice"},{"name":"bob"}],"calls":[{"id":"call-x","members":[{"name":"alice"},{"name":"bob"}]},{"id":"call-y","members":[{"name":"bob"},{"name":"alice"}]}]}`,
		`{"callers":[{"name":"alice"},{"name":"bob-screen"},{"name":"mix"}],"calls":[{"id":"r","named":true,"members":[{"name":"bob-screen"},{"name":"alice"},{"name":"alice"},{"name":"carol"}]},{"id":"s","named":true,"members":[{"name":"alice"}]}]}`,
		`{"callers":[{"name":"alice"}],"calls":[{"id":"a.b","named":true,"members":[{"name":"alice"}]},{"id":"call-x","named":true,"members":[{"name":"alice"}]},{"id":"static","named":true,"members":[{"name":"alice"}]},{"id":"t","named":true},{"id":"u","named":true,"ringing":true,"members":[{"name":"alice","media":{"screen":{"audio":true}}}]},{"id":"u","named":true,"members":[{"name":"alice"}]}]}`,
	} {
		var snap Snapshot
		if err := json.Unmarshal([]byte(text), &snap); err != nil {
			t.Fatal(err)
		}
		w := newWorld(t)
		w.apply(w.s.Restore(snap))
		w.check()
	}
}
