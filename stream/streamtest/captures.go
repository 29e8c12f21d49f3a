// Package streamtest is what the tests of several packages share: real
// recordings, and ffmpeg as the judge of what comes out.
package streamtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// Recording is a capture with its chunks as the recorder handed them out.
type Recording struct {
	Name   string
	File   string
	Data   []byte
	Chunks [][]byte
	At     []time.Duration // of each chunk, after the first
}

// dir is testdata/captures, found from this file, since tests run in many places.
func dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata", "captures")
}

// Capture reads a capture by its file's name.
func Capture(t testing.TB, name string) Recording {
	t.Helper()
	c := Recording{Name: name, File: filepath.Join(dir(), name)}
	var err error
	if c.Data, err = os.ReadFile(c.File); err != nil {
		t.Fatal(err)
	}
	var facts struct{ Chunks [][2]int }
	b, err := os.ReadFile(c.File + ".json")
	if err == nil {
		err = json.Unmarshal(b, &facts)
	}
	if err != nil {
		t.Fatal(err)
	}
	rest := c.Data
	for _, f := range facts.Chunks {
		if f[1] > len(rest) {
			t.Fatalf("%s: its chunks are longer than it", name)
		}
		c.Chunks = append(c.Chunks, rest[:f[1]:f[1]])
		c.At = append(c.At, time.Duration(f[0])*time.Millisecond)
		rest = rest[f[1]:]
	}
	if len(rest) > 0 || len(c.Chunks) < 6 {
		t.Fatalf("%s: %d chunks leave %d bytes over", name, len(c.Chunks), len(rest))
	}
	return c
}

// Captures returns the names of all captures of a format.
func Captures(t testing.TB, ext string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir(), "*."+ext))
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		files[i] = filepath.Base(files[i])
	}
	if len(files) < map[string]int{"webm": 11, "ogg": 1, "mp4": 3}[ext] {
		t.Fatalf("only %d captures of %s", len(files), ext)
	}
	return files
}

// Need skips a test, loudly, whose programs are not installed; EVERFILE_REQUIRE=all
// makes that a failure.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("EVERFILE_REQUIRE") == "all" {
			t.Fatalf("%s is not installed, and EVERFILE_REQUIRE=all demands it", p)
		}
		t.Skipf("SKIPPED, NOT TESTED: %s is not installed (.ci/run installs it)", p)
	}
}

// Long reports whether somebody has time: EVERFILE_LONG=1.
func Long() bool { return os.Getenv("EVERFILE_LONG") == "1" }

// Minutes returns how long a test by hand takes: EVERFILE_MINUTES, or as usual.
func Minutes(usual int) time.Duration {
	if n, err := strconv.ParseFloat(os.Getenv("EVERFILE_MINUTES"), 64); err == nil {
		return time.Duration(n * float64(time.Minute))
	}
	return time.Duration(usual) * time.Minute
}
