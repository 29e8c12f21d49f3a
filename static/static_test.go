package static

import (
	"bytes"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"testing"
)

// own are the scripts of our pages, and those that are loaded by themselves.
var own = []string{
	"page.js", "index.js", "ring.js", "chat.js", "callview.js", "own.js", "scene.js", "lend.js", "calldetails.js",
	"incall.js", "calls.js", "online.js", "callpage.js", "watchpage.js", "record.js", "sw.js", "soundworklet.js",
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

// Every script is in the library, or one of our pages' own.
func TestEveryScriptIsServed(t *testing.T) {
	names, err := fs.Glob(embedded, "*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if slices.Contains(library, name) == slices.Contains(own, name) {
			t.Errorf("%s: it must be either in the library or among the pages' own", name)
		}
	}
}

// Our pages load the library as any other page does, before their own scripts.
func TestPagesUseTheLibrary(t *testing.T) {
	names, err := fs.Glob(embedded, "*.html")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile(`<script src="/static/([^"]+)"`)
	for _, name := range names {
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		all := script.FindAllStringSubmatch(string(b), -1)
		for i, m := range all {
			if (m[1] == first) != (i == 0) || i > 0 && slices.Contains(library, m[1]) {
				t.Errorf("%s loads %s in place %d", name, m[1], i)
			}
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
