package relay

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The log does not tell where a call's files are.
func TestLogged(t *testing.T) {
	for entry, want := range map[string]string{
		"alice":                    "alice",
		"room/alice":               "ro.../alice",
		"call-abcdefghijklm/alice": "call-abcd.../alice",
		"call-/alice":              "call-.../alice",
		"call-abcdefghijklmnopq":   "call-abcdefghijklmnopq", // not in a room
	} {
		if got := logged(entry); got != want {
			t.Errorf("%s: %s, expected %s", entry, got, want)
		}
	}
}

// entries are sorted, of what is to be ended.
func entries(all []ended) (names []string) {
	for _, e := range all {
		names = append(names, e.entry)
	}
	slices.Sort(names)
	return names
}

// Who is in a room keeps his place when others come and go; who has gone and come back
// waits with publishing until what he had has ended, or that would be ended with it.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		if left, opened := g.open("standup", map[string]string{"alice": "a", "bob": "b"}); len(left) != 0 || !opened {
			t.Errorf("opening a room ends %v, and it is new: %v", left, opened)
		}
		bob, inCall, err := g.allow(toPublish, "standup/bob-screen", "b")
		if err != nil || !inCall {
			t.Errorf("bob's screen: %v, in a call: %v", err, inCall)
		}
		left, opened := g.open("standup", map[string]string{"alice": "a2", "bob": "b"})
		if want := []string{"standup/alice", "standup/alice-screen"}; !slices.Equal(entries(left), want) || opened {
			t.Errorf("alice's coming back ends %v, expected %v; the room is new: %v", entries(left), want, opened)
		}
		if bob.Err() != nil {
			t.Errorf("bob's place has ended: %v", bob.Err())
		}
		var in atomic.Bool
		go func() {
			if _, _, err := g.allow(toPublish, "standup/alice", "a2"); err != nil {
				t.Errorf("alice may not publish: %v", err)
			}
			in.Store(true)
		}()
		if _, _, err := g.allow(toListen, "standup/alice", ""); err != nil {
			t.Errorf("listening: %v", err)
		}
		left = append(left, g.take([]string{"standup/alice"})...) // by somebody else, too
		for _, e := range left {
			synctest.Wait()
			if in.Load() && e.entry == "standup/alice" {
				t.Error("alice publishes before what she had has ended")
			}
			g.over(e.entry)
		}
		synctest.Wait()
		if !in.Load() || len(g.ending) != 0 {
			t.Errorf("alice publishes: %v; still to be ended: %v", in.Load(), g.ending)
		}
		left = g.close("standup")
		if want := []string{"standup/alice", "standup/alice-screen", "standup/bob", "standup/bob-screen"}; !slices.Equal(entries(left), want) || bob.Err() == nil {
			t.Errorf("the room's end ends %v, expected %v", entries(left), want)
		}
	})
}

// A room that is opened, or a call that ends, while somebody is about to publish there
// is not too late for him.
func TestGateMeanwhile(t *testing.T) {
	var meanwhile atomic.Pointer[func()]
	o := wide()
	o.Stream.Now = func() time.Time { // which is asked when the publisher is let in
		if f := meanwhile.Swap(nil); f != nil {
			(*f)()
		}
		return time.Now()
	}
	r := start(t, "http", o)
	g := &r.s.gate
	keys := map[string]string{"alice": "k"}
	over := func(all []ended) {
		for _, e := range all {
			g.over(e.entry)
		}
	}
	for _, row := range []struct {
		path  string
		do    func()
		code  int
		words string
	}{
		{"/standup/alice.webm?key=x", func() { g.open("standup", keys) }, 4403, "Only alice may publish here"},
		{"/standup2/zoe.webm", func() { g.open("standup2", keys) }, 4404, "nobody of that name in this room"},
		{"/standup/alice.webm?key=k", func() { left, _ := g.open("standup", map[string]string{"bob": "b"}); over(left) }, 4404, "nobody of that name in this room"},
		{"/call-x/alice.webm?key=k", func() { over(g.close("call-x")) }, 4404, "That call is over"},
	} {
		g.open("call-x", keys)
		meanwhile.Store(&row.do)
		p := r.connect(row.path)
		for left := false; !left; {
			_, ok := <-p.acks
			left = !ok
		}
		p.refused(row.code, row.words)
		if names := r.s.hub.Names(); len(names) != 0 {
			t.Errorf("%s: %v are still held", row.path, names)
		}
	}
}

// What is about to be ended claims nothing, nor does what is in a room.
func TestClaimed(t *testing.T) {
	var g gate
	g.open("r", map[string]string{"alice": "k"})
	all := []string{"r/alice", "r/alice-screen"}
	if entry, yes := g.claimed("r", all); yes {
		t.Errorf("%s claims the room that it is in", entry)
	}
	left := g.close("r")
	if entry, yes := g.claimed("r", all); yes {
		t.Errorf("%s claims the room that has ended", entry)
	}
	for _, e := range left {
		g.over(e.entry)
	}
	if entry, yes := g.claimed("r", all[:1]); !yes || entry != "r/alice" {
		t.Errorf("%q, %t", entry, yes)
	}
}
