package relay

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"everfile/stream"
)

// What a listener asks for in its URL, and what it is told when that means nothing.
func TestHow(t *testing.T) {
	for query, want := range map[string]stream.ListenOptions{
		"":                         {},
		"el=0":                     {},
		"el=1":                     {Element: 500 * time.Millisecond},
		"el=100ms":                 {Element: 100 * time.Millisecond},
		"el=5s":                    {Element: 5 * time.Second},
		"el=1m":                    {Element: time.Minute},
		"mode=live&maxlag=2s":      {MaxLag: 2 * time.Second},
		"mode=complete&maxlag=1m":  {Complete: true, MaxLag: time.Minute},
		"mode=&el=&maxlag=&pad=60": {},
	} {
		got, err := parseHow(httptest.NewRequest("GET", "/a.webm?"+query, nil))
		if err != nil || got != want {
			t.Errorf("%q: %+v %v; expected %+v", query, got, err, want)
		}
	}
	for query, want := range map[string]string{
		"el=2":        `a duration from 100ms to 1m0s, as in ?el=3s; got "2".`,
		"el=yes":      `got "yes".`,
		"el=-1s":      `got "-1s".`,
		"el=99ms":     `got "99ms".`,
		"el=61s":      `got "61s".`,
		"mode=whole":  `mode is live or complete, got "whole".`,
		"maxlag=2":    `maxlag is a duration from 100ms to 1m0s, as in ?maxlag=2s; got "2".`,
		"maxlag=50ms": `got "50ms".`,
	} {
		_, err := parseHow(httptest.NewRequest("GET", "/a.webm?"+query, nil))
		if no, ok := err.(*refusal); !ok || no.status != 400 || !strings.Contains(no.text, want) {
			t.Errorf("%q: %v; expected 400 and %s", query, err, want)
		}
	}
}
