package static

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The worker's padding, run by node on real recordings: every push ends on a
// block's boundary once the header is over, and without the Voids the bytes are
// the ones that went in.
func TestAligner(t *testing.T) {
	if testing.Short() {
		t.Skip("not in -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("EVERFILE_REQUIRE") == "all" {
			t.Fatal("node is not installed, and EVERFILE_REQUIRE=all demands it")
		}
		t.Skip("SKIPPED, NOT TESTED: node is not installed")
	}
	sw, err := fs.ReadFile(embedded, "sw.js")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"sw.cjs": sw, "drive.cjs": []byte(drive)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	captures, err := filepath.Glob("../testdata/captures/*.webm")
	if err != nil || len(captures) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, c := range captures {
		t.Run(filepath.Base(c), func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "drive.cjs"), c).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var got []struct {
				Cut                            int
				Same, Aligned                  bool
				Pads, Pushes, Unaligned, Bytes int
			}
			if err := json.NewDecoder(bytes.NewReader(out)).Decode(&got); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, g := range got {
				if !g.Same {
					t.Errorf("cut at %d bytes: without the Voids the bytes differ", g.Cut)
				}
				if g.Pads == 0 {
					t.Errorf("cut at %d bytes: nothing was padded", g.Cut)
				}
				if !g.Aligned {
					t.Errorf("cut at %d bytes: what was complete did not end on a block's boundary (%d times)", g.Cut, g.Unaligned)
				}
			}
		})
	}
}

// drive feeds a file to the Aligner in pieces of several sizes and takes the
// Voids out again: they are what push returns that is no part of its input.
const drive = `
const { Aligner, BLOCK } = require("./sw.cjs");
const file = require("fs").readFileSync(process.argv[2]).subarray(0, 200000);
const results = [];
for (const cut of [1, 7, 1000, 4093, 50000]) {
  const a = new Aligner(), plain = [];
  let total = 0, pads = 0, pushes = 0, unaligned = 0;
  for (let at = 0; at < (cut === 1 ? 20000 : file.length); at += cut) {
    const piece = file.subarray(at, at + cut);
    let padded = -1;
    for (const out of a.push(piece)) {
      total += out.length;
      if (out.buffer === file.buffer) { plain.push(out); continue; }
      pads++;
      if (out[0] !== 0xEC || total % BLOCK !== 0) { unaligned++; }
    }
    pushes++;
  }
  const joined = Buffer.concat(plain);
  results.push({ cut, same: joined.equals(file.subarray(0, joined.length)) && joined.length > 0, aligned: unaligned === 0, pads, pushes, unaligned, bytes: total });
}
console.log(JSON.stringify(results));
`
