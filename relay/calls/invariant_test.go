package calls

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// check holds the state against what must always be true.
func (w *world) check() {
	w.t.Helper()
	for id, k := range w.s.calls {
		w.checkCall(id, k)
		w.checkStarts(k)
	}
	for r := range w.rooms {
		if w.s.calls[r] == nil {
			w.t.Errorf("room %s is allowed without a call", r)
		}
	}
	for id, c := range w.s.sessions {
		if c.session != id || w.s.callers[skeleton(c.name)] != c {
			w.t.Errorf("session %d and caller %s do not know each other", id, c.name)
		}
	}
	for _, c := range w.s.callers {
		for _, k := range []*call{c.call, c.room} {
			if k != nil && (w.s.calls[k.id] != k || !slices.Contains(k.callers(), c)) {
				w.t.Errorf("%s is in %s, which does not exist or does not know it", c.name, k.id)
			}
		}
		if c.session != 0 && w.s.sessions[c.session] != c {
			w.t.Errorf("%s holds a session that is not its own", c.name)
		}
		if !validCaller(c.name) {
			w.t.Errorf("somebody is called %q", c.name)
		}
	}
}

// checkCall: who is in it is there once and knows it; and its members, with a key each,
// are those that may publish.
func (w *world) checkCall(id string, k *call) {
	keys, callers, secrets := map[string]string{}, map[*caller]bool{}, map[string]bool{}
	for _, m := range k.members {
		keys[m.name], callers[m.caller], secrets[m.key] = m.key, true, true
		if in := m.call; w.s.callers[skeleton(m.name)] != m.caller || !k.named && in != k || k.named && m.room != k {
			w.t.Errorf("%s is in call %s and does not know it, or is gone", m.name, id)
		}
	}
	n := len(k.members)
	if n != len(callers) || n != len(secrets) || k.id != id {
		w.t.Errorf("%s: %d members, %d callers, %d keys", id, n, len(callers), len(secrets))
	}
	if allowed := w.rooms[id]; k.ringing && allowed != nil || !k.ringing && !maps.Equal(allowed, keys) {
		w.t.Errorf("%s: ringing %v, keys %v, allowed are %v", id, k.ringing, keys, allowed)
	}
	switch {
	case !k.named && n == 2 && strings.HasPrefix(id, RoomPrefix):
	case k.named && n >= 1 && n <= w.s.opt.Room && w.s.unfitRoom(id) == "" && !k.ringing:
	default:
		w.t.Errorf("%s: named %v, %d members, ringing %v", id, k.named, n, k.ringing)
	}
}

// checkStarts holds what members were told against each other: each publishes under its
// own name with its own key, and what is played is published.
func (w *world) checkStarts(k *call) {
	if k.ringing || k.soon != 0 {
		return
	}
	published := map[string]string{} // path → MIME type
	for _, m := range k.members {
		if m.session == 0 {
			continue // is told when it is back
		}
		if m.told.Type != "start" || m.told.Call != k.id || (m.told.Room == true) != k.named || len(m.told.Peers) != len(k.members)-1 {
			w.t.Errorf("%s in %s was told %s", m.name, k.id, show(m.told))
		}
		for _, p := range m.told.Publish {
			own := "/" + k.id + "/" + m.name
			if p.Screen {
				own += ScreenSuffix
			}
			if !strings.HasPrefix(p.URL, own+".") || !strings.HasSuffix(p.URL, "?key="+m.key) || p.Screen && !m.media.Screen.Video {
				w.t.Errorf("%s, whose key is %s, publishes %+v", m.name, m.key, p)
			}
			published[p.Path()] = p.MIME
		}
	}
	for _, m := range k.members {
		for i, p := range m.told.Peers {
			if m.session != 0 && p.Caller != k.others(m)[i].name {
				w.t.Errorf("%s is told of %s in place of %s", m.name, p.Caller, k.others(m)[i].name)
			}
		}
		for _, p := range m.told.Play {
			sender := w.s.callers[skeleton(p.Caller)]
			if m.session == 0 || sender == nil || sender.session == 0 {
				continue
			}
			if of := source(p.URL); published[of] == "" {
				w.t.Errorf("%s plays %s of %s, which is not published; these are: %v", m.name, p.URL, p.Caller, published)
			}
		}
	}
}

// source is the path of what the file at a URL is made of.
func source(url string) string {
	path, query, _ := strings.Cut(url, "?")
	base, _, _ := strings.Cut(path, ".")
	for v := range strings.SplitSeq(query, "&") {
		if ext, ok := strings.CutPrefix(v, "of="); ok {
			return fmt.Sprintf("%s.%s", base, ext)
		}
	}
	return path
}
