package relay

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// What helps peer connections is checked before the server starts.
func TestICEServers(t *testing.T) {
	for _, c := range []struct {
		servers string
		secret  string
		want    string // in the error; "": none
	}{
		{"", "", ""},
		{"stun:stun.example.org", "", ""},
		{"stun:stun.example.org:3478 stuns:10.0.0.1:5349 stun:[2001:db8::1]:3478 stun:[2001:db8::1]", "", ""},
		{"turn:turn.example.org:3478?transport=tcp turns:turn.example.org", "s", ""},
		{"turn:turn.example.org", "", "need --turn-secret"},
		{"stun:stun.example.org", "s", "there is none"},
		{"", "s", "there is none"},
		{"http://example.org", "", `got "http://example.org"`},
		{"stun.example.org:3478", "", "is stun:HOST"},
		{"stun:", "", "needs a host"},
		{"stun::3478", "", "needs a host"},
		{"stun://stun.example.org", "", "needs a host"},
		{"stun:user@stun.example.org", "", "needs a host"},
		{"stun:stun.example.org:0", "", "from 1 to 65535"},
		{"stun:stun.example.org:65536", "", "from 1 to 65535"},
		{"stun:stun.example.org:x", "", "from 1 to 65535"},
		{"stun:stun.example.org?transport=udp", "", "takes nothing after"},
		{"turn:turn.example.org?transport=sctp", "s", "takes nothing after"},
	} {
		o := ICE{Servers: strings.Fields(c.servers), Secret: c.secret}
		err := o.Check()
		switch {
		case err == nil && c.want != "":
			t.Errorf("%q is taken; expected %q", c.servers, c.want)
		case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%q: %v; expected %q", c.servers, err, c.want)
		}
	}
	bad := ServeOptions{Options: Options{ICE: ICE{Servers: []string{"stun:"}}}, Listen: "127.0.0.1:0"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // or one that starts would run
	if err := Serve(ctx, bad, io.Discard); err == nil || !strings.Contains(err.Error(), "needs a host") {
		t.Errorf("the server starts: %v", err)
	}
}

// Callers are told of the servers, with a user and password that are theirs and end.
func TestICECredentials(t *testing.T) {
	o := wide()
	now := time.Unix(1_700_000_000, 0)
	o.ICE = ICE{Servers: []string{"stun:stun.example.org", "turn:turn.example.org?transport=tcp"}, Secret: "north", Now: func() time.Time { return now }}
	r := start(t, "http", o)
	_, welcome := r.phone("alice", "")
	var got []iceServer
	for _, raw := range welcome.ICEServers {
		var s iceServer
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if len(got) != 2 || got[0].URLs[0] != o.ICE.Servers[0] || got[0].Username+got[0].Credential != "" || got[1].URLs[0] != o.ICE.Servers[1] {
		t.Fatalf("told of %+v", got)
	}
	mac := hmac.New(sha1.New, []byte("north"))
	mac.Write([]byte("1700086400:alice"))
	if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); got[1].Username != "1700086400:alice" || got[1].Credential != want {
		t.Errorf("user %q, password %q; expected the password %q", got[1].Username, got[1].Credential, want)
	}
	bob, _ := r.phone("bob", "")
	now = now.Add(48 * time.Hour) // those of welcome have ended
	if m := bob.join("standup", both); len(m.ICEServers) != 2 || !strings.Contains(string(m.ICEServers[1]), "1700259200:bob") {
		t.Errorf("in a room, told of %q", m.ICEServers)
	}
	if _, welcome := start(t, "http", wide()).phone("alice", ""); welcome.ICEServers == nil || len(welcome.ICEServers) != 0 {
		t.Errorf("without any, told of %q", welcome.ICEServers)
	}
}
