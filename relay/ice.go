package relay

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// ICE is what helps callers' peer connections through their networks.
type ICE struct {
	Servers []string         // stun:, stuns:, turn: or turns: and HOST[:PORT], of TURN with ?transport= too (RFC 7064, 7065)
	Secret  string           // shared with the TURN servers
	For     time.Duration    // how long what is made of it is good (24 h)
	Now     func() time.Time // the clock (time.Now)
}

// iceServer is an RTCIceServer (W3C WebRTC, section 4.2.4).
type iceServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Check returns what is wrong with the servers, in a sentence.
func (o *ICE) Check() error {
	turn := false
	for _, s := range o.Servers {
		scheme, rest, _ := strings.Cut(s, ":")
		host, query, asks := strings.Cut(rest, "?")
		relays := scheme == "turn" || scheme == "turns"
		turn = turn || relays
		switch {
		case !relays && scheme != "stun" && scheme != "stuns":
			return fmt.Errorf("--ice-server is stun:HOST, stuns:HOST, turn:HOST or turns:HOST, as in stun:stun.example.org:3478; got %q", s)
		case asks && (!relays || query != "transport=udp" && query != "transport=tcp"):
			return fmt.Errorf("--ice-server takes nothing after %q but ?transport=udp or ?transport=tcp of turn: and turns:; got %q", "?", s)
		case !isHost(host):
			return fmt.Errorf("--ice-server needs a host, and a port from 1 to 65535 if there is one, as in %s:example.org:3478; got %q", scheme, s)
		}
	}
	switch {
	case turn && o.Secret == "":
		return fmt.Errorf("turn: and turns: need --turn-secret, which the TURN server knows too (static-auth-secret in coturn)")
	case !turn && o.Secret != "":
		return fmt.Errorf("--turn-secret is for an --ice-server of turn: or turns:, and there is none")
	}
	return nil
}

// isHost reports whether s is a host, with or without a port.
func isHost(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
		return host != "" && !strings.ContainsAny(host, "/@ []") && (!strings.Contains(host, ":") || net.ParseIP(host) != nil)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host != "" && !strings.ContainsAny(host, "/@ ") && err == nil && n > 0
}

// list returns what a caller's browser is given. Credentials of TURN servers are good
// for a time only: the user's name says until when, and the password is that name under
// the secret (the "TURN REST API", as coturn's use-auth-secret has it).
func (o *ICE) list(caller string) []json.RawMessage {
	all := []json.RawMessage{}
	for _, s := range o.Servers {
		server := iceServer{URLs: []string{s}}
		if strings.HasPrefix(s, "turn") {
			server.Username = fmt.Sprintf("%d:%s", o.Now().Add(o.For).Unix(), caller)
			mac := hmac.New(sha1.New, []byte(o.Secret))
			mac.Write([]byte(server.Username))
			server.Credential = base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}
		b, _ := json.Marshal(server) // strings
		all = append(all, b)
	}
	return all
}
