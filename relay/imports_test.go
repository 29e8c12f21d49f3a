package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"everfile/stream/streamtest"
)

// codecs are what package stream may use besides the standard library.
var codecs = []string{"github.com/go-audio/", "github.com/hajimehoshi/go-mp3", "github.com/pion/opus", "golang.org/x/image/", "github.com/mewkiz/flac"}

// Imports go in one direction: main, relay, its calls, stream, and then the standard
// library and codecs only; static imports nothing of ours, and one file knows
// the WebSocket library.
func TestImports(t *testing.T) {
	streamtest.Need(t, "go")
	cmd := exec.CommandContext(patient(t), "go", "list", "-json=ImportPath,Imports,GoFiles", "everfile/...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{
		"everfile":              {"everfile/relay", "everfile/relay/calls", "everfile/stream", "everfile/static"},
		"everfile/relay":        {"everfile/relay/calls", "everfile/relay/compat", "everfile/stream"},
		"everfile/relay/calls":  nil,
		"everfile/relay/compat": nil,
		"everfile/stream":       nil,
		"everfile/static":       nil,
	}
	seen := 0
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if _, ok := allowed[p.ImportPath]; ok {
			seen++
		}
		for _, i := range p.Imports {
			ours := strings.HasPrefix(i, "everfile")
			if ours && !slices.Contains(allowed[p.ImportPath], i) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			foreign := strings.Contains(strings.Split(i, "/")[0], ".")
			codec := slices.ContainsFunc(codecs, func(c string) bool { return strings.HasPrefix(i, c) })
			if foreign && (p.ImportPath == "everfile/static" || p.ImportPath == "everfile/relay/calls" || p.ImportPath == "everfile/relay/compat" || p.ImportPath == "everfile/stream" && !codec) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
	if seen != len(allowed) {
		t.Errorf("only %d of %d packages were seen", seen, len(allowed))
	}
}

func TestOneFileKnowsTheWebSocketLibrary(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	var know []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if strings.Contains(i.Path.Value, "websocket") {
				know = append(know, file)
			}
		}
	}
	if !slices.Equal(know, []string{"socket.go"}) {
		t.Errorf("%v import the WebSocket library; only socket.go may", know)
	}
}
