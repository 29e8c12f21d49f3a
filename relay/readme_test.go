package relay

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// formatRow is a row of the README's table of formats: what is published as one
// extension, and as what that can be played.
type formatRow struct {
	ext   string
	takes string                        // what stands behind the extension
	views []struct{ exts, of []string } // as these, if it is of one of these codecs; of none: always
}

// mediaCodecs are the codecs whose names count in the table; other words do not.
var mediaCodecs = []string{"VP8", "Opus", "Vorbis", "FLAC", "PCM", "AAC"}

var (
	anExt   = regexp.MustCompile("`\\.([a-z0-9]+)`")
	inParen = regexp.MustCompile(`\(([^()]*)\)`)
)

// formatRows reads the table "published as | can be played as".
func formatRows(t *testing.T) (rows []formatRow) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "| published as | can be played as |\n|---|---|\n")
	if !ok {
		t.Fatal("README.md has no table of formats")
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			break
		}
		row := formatRow{ext: anExt.FindStringSubmatch(cells[1])[1], takes: cells[1]}
		for clause := range strings.SplitSeq(cells[2], ";") {
			var v struct{ exts, of []string }
			for _, m := range anExt.FindAllStringSubmatch(clause, -1) {
				v.exts = append(v.exts, m[1])
			}
			for _, m := range inParen.FindAllStringSubmatch(clause, -1) {
				v.of = append(v.of, codecsIn(m[1])...)
			}
			row.views = append(row.views, v)
		}
		rows = append(rows, row)
	}
	return rows
}

// codecsIn returns the codecs that some words name.
func codecsIn(words string) (all []string) {
	for _, c := range mediaCodecs {
		if regexp.MustCompile(`\b` + c + `\b`).MatchString(words) {
			all = append(all, c)
		}
	}
	return all
}

// as returns the extensions that the row says a codec can be played as.
func (r *formatRow) as(codec string) (all []string) {
	for _, v := range r.views {
		if len(v.of) == 0 || slices.Contains(v.of, codec) {
			all = append(all, v.exts...)
		}
	}
	slices.Sort(all)
	return all
}

// examples are of each published extension one file for each codec that the table
// names there: a capture, a file in testdata/sounds, or arguments for ffmpeg ("-...").
var examples = map[string]map[string]string{
	"webm": {
		"VP8":  "-f lavfi -i testsrc=duration=1:size=64x48:rate=10 -map 1:v -c:v libvpx -f webm",
		"Opus": "chromium-audio-opus-T100.webm", "PCM": "chromium-audio-pcm-T100.webm",
		"Vorbis": "-c:a libvorbis -f webm", "FLAC": "-c:a flac -f matroska",
	},
	"ogg": {"Opus": "firefox-audio-opus-T100.ogg", "Vorbis": "-c:a libvorbis -f ogg", "FLAC": "-c:a flac -f ogg"},
	"mp4": {
		"AAC": "webkit-audio-aac-T100.mp4", "Opus": "chromium-audio-opus-T100.mp4",
		"FLAC": "-c:a flac -strict -2 -movflags empty_moov+default_base_moof -f mp4",
	},
	"wav":   {"": "wave"},
	"mp3":   {"": "tone.mp3"},
	"aac":   {"AAC": "tone.aac"},
	"flac":  {"": "tone.flac"},
	"mjpeg": {"": "-f lavfi -i testsrc=duration=1:size=64x48:rate=10 -map 1:v -c:v mjpeg -f mjpeg"},
}

// example returns a file of examples, or nil if only ffmpeg could make it and there
// is no time or no ffmpeg.
func example(t *testing.T, of string) []byte {
	t.Helper()
	switch {
	case of == "wave":
		return streamtest.Wave(1e9)
	case strings.Contains(of, "-T"):
		return streamtest.Capture(t, of).Data
	case !strings.HasPrefix(of, "-"):
		return soundFile(t, of)
	case testing.Short():
		return nil
	}
	streamtest.Need(t, "ffmpeg")
	args := append([]string{"-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "1"}, strings.Fields(of)...)
	b, err := exec.CommandContext(t.Context(), "ffmpeg", append(args, "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The README's table says what can be published and what it can be played as, and
// nothing else is true of a file of each kind.
func TestREADMEFormats(t *testing.T) {
	rows := formatRows(t)
	var published, named, playable []string
	for _, r := range rows {
		published = append(published, r.ext)
		for _, v := range r.views {
			named = append(named, v.exts...)
		}
	}
	var formats []string
	for _, f := range stream.Formats() {
		formats = append(formats, f.Name)
	}
	if !slices.Equal(published, formats) {
		t.Errorf("the table has rows for %q; what can be published is %q", published, formats)
	}
	for _, e := range stream.Extensions() {
		if !slices.Contains(named, e) {
			playable = append(playable, e)
		}
	}
	if len(playable) > 0 {
		t.Errorf("nothing in the table can be played as %q", playable)
	}
	hub := stream.NewHub(wide().Stream)
	defer hub.Close()
	for _, r := range rows {
		for _, v := range r.views {
			for _, c := range v.of {
				if examples[r.ext][c] == "" {
					t.Errorf(".%s: the table names %s; there is no example of it", r.ext, c)
				}
			}
		}
		for _, codec := range slices.Sorted(maps.Keys(examples[r.ext])) {
			t.Run(r.ext+"/"+codec, func(t *testing.T) {
				b := example(t, examples[r.ext][codec])
				if b == nil {
					t.Skip("runs ffmpeg")
				}
				p, err := hub.Publish("x", stream.PublishOptions{Format: stream.ByExt(r.ext)})
				if err != nil {
					t.Fatal(err)
				}
				_, _ = p.Write(b) // the end may be cut off
				defer p.End()
				var got []string
				for _, v := range hub.Stream("x").Playables() {
					got = append(got, v.Ext)
				}
				if slices.Sort(got); !slices.Equal(got, r.as(codec)) {
					t.Errorf("it can be played as %q; the table says %q", got, r.as(codec))
				}
				if codec != "" && !slices.Contains(codecsIn(r.takes), codec) {
					t.Errorf("the table does not say that %s is taken", codec)
				}
			})
		}
	}
}
