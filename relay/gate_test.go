package relay

import "testing"

// The log does not tell where a call's files are.
func TestLogged(t *testing.T) {
	for entry, want := range map[string]string{
		"alice":                    "alice",
		"room/alice":               "room/alice",
		"call-abcdefghijklm/alice": "call-abcd.../alice",
		"call-/alice":              "call-/alice",
		"call-abcdefghijklmnopq":   "call-abcdefghijklmnopq", // not in a room
	} {
		if got := logged(entry); got != want {
			t.Errorf("%s: %s, expected %s", entry, got, want)
		}
	}
}
