package static

import (
	"bytes"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"testing"
)

// alone are the scripts that are loaded by themselves.
var alone = []string{"sw.js", "soundworklet.js"}

// loaded calls f with every script that our pages load, in order, and how many of the
// same page's come before it.
func loaded(t *testing.T, f func(page, name string, before int)) {
	t.Helper()
	names, err := fs.Glob(embedded, "*.html")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	script := regexp.MustCompile(`<script src="/static/([^"]+)"`)
	for _, name := range names {
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range script.FindAllStringSubmatch(string(b), -1) {
			f(name, m[1], i)
		}
	}
}

// The library in one file is each of its files, once and in its order.
func TestLibrary(t *testing.T) {
	whole, err := fs.ReadFile(Files, "everfile.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range library {
		text, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := bytes.CutPrefix(whole, text)
		if !ok {
			t.Fatalf("%s is not where it should be", name)
		}
		whole = rest
	}
	if len(whole) > 0 {
		t.Errorf("%d bytes more than the library's files", len(whole))
	}
	if library[0] != first {
		t.Errorf("%s is first; the others hang themselves on what %s makes", library[0], first)
	}
}

// Every script is in the library, or one of our pages' own, which come after that.
func TestEveryScriptIsServed(t *testing.T) {
	own := slices.Clone(alone)
	loaded(t, func(page, name string, before int) {
		if (name == first) != (before == 0) {
			t.Errorf("%s loads %s in place %d", page, name, before)
		}
		if name != first {
			own = append(own, name)
		}
	})
	names, err := fs.Glob(embedded, "*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if slices.Contains(library, name) == slices.Contains(own, name) {
			t.Errorf("%s: it must be either in the library or one of the pages' own", name)
		}
	}
}

// Opened and read it is the same.
func TestOpenLibrary(t *testing.T) {
	f, err := Files.Open("everfile.js")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	opened, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	read, err := fs.ReadFile(Files, "everfile.js")
	if err != nil || !bytes.Equal(opened, read) || info.Size() != int64(len(read)) {
		t.Errorf("%d bytes opened, %d read, %d told: %v", len(opened), len(read), info.Size(), err)
	}
}
