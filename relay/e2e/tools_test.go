package e2e

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"everfile/relay"
)

func itoa(n int) string { return strconv.Itoa(n) }

// run runs a program that must succeed and returns what it printed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "SDL_AUDIODRIVER=dummy", "SDL_VIDEODRIVER=dummy")
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func captureFile(name string) string {
	return filepath.Join("..", "..", "testdata", "captures", name)
}

// untilLive waits until a URL can be played.
func untilLive(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url+"?wait=30s", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("HEAD %s: %s", url, resp.Status)
	}
}

// What the README says about other programs as listeners.
func TestToolsListen(t *testing.T) {
	long(t)
	need(t, "curl", "ffprobe", "mpv", "ffplay")
	s := serve(t, relay.Options{})
	url := s.url + "/alice.webm"
	push(t, captureFile("chromium-vp8-opus-kf1s-T100.webm"), url, true)
	untilLive(t, url)
	t.Run("ffprobe", func(t *testing.T) {
		out := run(t, "sh", "-c", "curl -sN --max-time 8 "+url+" | ffprobe -v error -show_entries stream=codec_name -of csv=p=0 -")
		for _, codec := range []string{"vp8", "opus"} {
			if !strings.Contains(out, codec) {
				t.Errorf("ffprobe names no %s: %s", codec, out)
			}
		}
	})
	t.Run("mpv", func(t *testing.T) {
		run(t, "mpv", "--no-config", "--vo=null", "--ao=null", "--frames=200", "--really-quiet", url)
	})
	// ffplay shows five seconds and then reads on until the file ends.
	t.Run("ffplay", func(t *testing.T) {
		url := s.url + "/bob.webm"
		push(t, captureFile("chromium-vp8-opus-kf1s-T100.webm"), url, false)
		untilLive(t, url)
		run(t, "ffplay", "-v", "error", "-autoexit", "-t", "5", url)
	})
}

// What the README says about other programs as publishers: each is heard.
func TestToolsPublish(t *testing.T) {
	long(t)
	need(t, "curl", "ffmpeg", "chromium")
	file := captureFile("chromium-vp8-opus-kf1s-T100.webm")
	b := startChromium(t)
	for name, command := range map[string]string{
		"curl -T FILE": "curl -sT " + file + " URL",
		"ffmpeg PUT":   "ffmpeg -v error -re -f lavfi -i testsrc=size=320x240:rate=25 -f lavfi -i sine=frequency=440 -t 30 -c:v libvpx -deadline realtime -g 25 -b:v 500k -c:a libopus -f webm -method PUT URL",
		"curl -T -":    "ffmpeg -v error -re -f lavfi -i testsrc=size=320x240:rate=25 -f lavfi -i sine=frequency=440 -t 30 -c:v libvpx -deadline realtime -g 25 -b:v 500k -c:a libopus -f webm -live 1 - | curl -sT - URL",
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, relay.Options{})
			url := s.url + "/alice.webm"
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, "sh", "-c", strings.ReplaceAll(command, "URL", url))
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, 5*time.Second
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cancel()
				_ = cmd.Wait() // it was cut off
			})
			untilLive(t, url)
			p := (&browser{t: t, ctx: b.ctx}).newTab(script(t, "measure.js"))
			p.open(s.url + "/static/watch.html?url=/alice.webm")
			p.until(`everfile.page.watcher && everfile.page.watcher.stats().state === "playing"`)
			moving(p)
			if name != "curl -T FILE" {
				hears(p, 440)
			}
		})
	}
}
