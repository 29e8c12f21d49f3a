package static

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// modern are scripts that only newer engines run.
var modern = []string{"sw.js"}

// scripts calls f with every script that old engines must be able to run.
func scripts(t *testing.T, f func(t *testing.T, name, text string)) {
	t.Helper()
	names, err := fs.Glob(embedded, "*.js")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, name := range names {
		if slices.Contains(modern, name) {
			continue
		}
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { f(t, name, string(b)) })
	}
}

// compile returns what esbuild makes of a script for a target.
func compile(text string, target api.Target) (string, []api.Message) {
	r := api.Transform(text, api.TransformOptions{Target: target, Loader: api.LoaderJS})
	return string(r.Code), r.Errors
}

// notES5 says what is younger than ES5 in a script, or nothing. The compiler
// refuses some of it, and silently rewrites the rest: so its output for old
// engines must be its output for new ones.
func notES5(text string) string {
	old, errs := compile(text, api.ES5)
	if len(errs) > 0 {
		return errs[0].Text
	}
	young, _ := compile(text, api.ESNext)
	if old == young {
		return ""
	}
	a, b := strings.Split(old, "\n"), strings.Split(young, "\n")
	for i := range b {
		if i >= len(a) || a[i] != b[i] {
			return "had to be rewritten: " + b[i]
		}
	}
	return "had to be rewritten"
}

func TestES5(t *testing.T) {
	scripts(t, func(t *testing.T, name, text string) {
		if why := notES5(text); why != "" {
			t.Error(why)
		}
	})
}

// The check itself sees what it is for.
func TestES5Check(t *testing.T) {
	for _, text := range []string{"const a = 1;", "var f = () => 1;", "var s = `x`;", "var b = a?.b;", "class A {}", "var {a} = b;", "for (var x of y) {}", "async function f() {}"} {
		if notES5(text) == "" {
			t.Errorf("%q passed as ES5", text)
		}
	}
	if why := notES5("var a = function () { return 1; };"); why != "" {
		t.Errorf("plain ES5 did not pass: %s", why)
	}
}

// Every script is one function that is called, and so makes no global but what
// it hangs on the one it is given.
func TestOneGlobal(t *testing.T) {
	hangs := regexp.MustCompile(`\b(?:root|window|self|globalThis)\.([A-Za-z_$][\w$]*)\s*=[^=]`)
	scripts(t, func(t *testing.T, name, text string) {
		code, _ := compile(text, api.ES5)
		if !strings.HasPrefix(code, "(function(root) {") || strings.Count(code, "\n})") < 1 {
			t.Errorf("not one function that is called")
		}
		for _, m := range hangs.FindAllStringSubmatch(code, -1) {
			if m[1] != "everfile" {
				t.Errorf("makes a global %s", m[1])
			}
		}
	})
}

// The pages load nothing from elsewhere and carry no script or style of their
// own, which the server's policy forbids.
func TestPagesKeepThePolicy(t *testing.T) {
	names, err := fs.Glob(embedded, "*.html")
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	bad := regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//|<script(?:\s[^>]*)?>[^<]|<style|\sstyle="|\son[a-z]+="`)
	local := regexp.MustCompile(`(?:src|href)="/static/([^"?#]+)`)
	for _, name := range names {
		b, err := fs.ReadFile(embedded, name)
		if err != nil {
			t.Fatal(err)
		}
		if m := bad.FindString(string(b)); m != "" {
			t.Errorf("%s: %s", name, m)
		}
		for _, m := range local.FindAllStringSubmatch(string(b), -1) {
			if _, err := fs.Stat(embedded, path.Clean(m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
