package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"everfile/relay"
)

const engineTone = 880

// engineFile is a file that engines are given, and how it is made.
type engineFile struct {
	name    string // NAME.EXT
	args    string // ffmpeg's, after the tone
	picture bool
}

// FLAC is not among them: GStreamer 1.22 gives each frame of a stream of variable blocks
// the time 0, and so plays one.
var engineFiles = []engineFile{
	{name: "pcm.wav", args: "-ac 2 -c:a pcm_s16le"},
	{name: "float.wav", args: "-ac 2 -c:a pcm_f32le"},
	{name: "mpeg.mp3", args: "-ac 2 -c:a libmp3lame -b:a 128k"},
	{name: "aac.aac", args: "-ac 2 -c:a aac -f adts"},
	{name: "opus.ogg", args: "-c:a libopus"},
	{name: "vorbis.ogg", args: "-ac 2 -c:a libvorbis"},
	{name: "opus.webm", args: "-c:a libopus"},
	{name: "aac.mp4", args: "-c:a aac " + fragments},
	{name: "opus.mp4", args: "-c:a libopus " + fragments},
	{name: "h264.mp4", args: testPicture + " -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac " + fragments, picture: true},
	{name: "vp9.webm", args: testPicture + " -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 25 -c:a libopus", picture: true},
	// As Chromium records it, which announces an alpha channel that is not there.
	{name: "chromium.webm", args: "-i " + captureFile("chromium-vp8-opus-kf1s-T100.webm") + " -map 0:a -map 1:v -c:v copy -c:a libopus", picture: true},
}

const (
	fragments   = "-movflags empty_moov+default_base_moof -frag_duration 200000"
	testPicture = "-f lavfi -i testsrc=size=320x240:rate=25:duration=20"
)

// engineSource makes the file of a name.
func engineSource(t *testing.T, name string) (file string, f engineFile) {
	t.Helper()
	f = engineFiles[slices.IndexFunc(engineFiles, func(f engineFile) bool { return f.name == name })]
	need(t, "ffmpeg")
	file = filepath.Join(t.TempDir(), f.name)
	args := []string{"-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("sine=frequency=%d:sample_rate=48000:duration=20", engineTone)}
	args = append(append(args, strings.Fields(f.args)...), "-af", "volume=12dB", file)
	run(t, "ffmpeg", args...)
	return file, f
}

// engineListener is an engine that was given a file.
type engineListener struct {
	*engine
	file engineFile
}

// listens gives an engine a file, and publishes that, as often as the test lasts;
// early asks for it before there is a publisher.
func listens(t *testing.T, s *site, start func(*testing.T, ...string) *engine, name string, early bool) *engineListener {
	t.Helper()
	source, f := engineSource(t, name)
	e := start(t)
	kind := "late-"
	if early {
		kind = "early-"
	}
	path := "/" + kind + f.name
	entry := strings.TrimPrefix(strings.TrimSuffix(path, filepath.Ext(path)), "/")
	if !early {
		push(t, source, s.url+path, true)
		behind(t, s, entry, 2*time.Second)
	}
	e.open(s.url + "/live") // a page without a player of its own
	ask[bool](e, fmt.Sprintf(`listening.play("video", %q)`, path+"?wait=1m"))
	if early {
		asked(t, s, entry)
		push(t, source, s.url+path, true)
	}
	return &engineListener{e, f}
}

// plays waits until two seconds have been played, heard, and seen if there is a
// picture.
func (l *engineListener) plays() {
	l.t.Helper()
	l.until(`listening.moved > 2`)
	db := l.hears(engineTone)
	if l.file.picture {
		l.until(`listening.pictures > 10`)
	}
	l.threw()
	l.t.Logf("%s plays %s: it moves after %d ms, the tone is %.0f dB above the rest, %d pictures", l.name, l.file.name,
		ask[int](l.engine, `listening.started`), db, ask[int](l.engine, `listening.pictures`))
}

// behind waits until so much of a stream is there, so that who comes then joins
// in the middle.
func behind(t *testing.T, s *site, entry string, much time.Duration) {
	t.Helper()
	st, err := s.server.Hub().Open(t.Context(), entry, patience, patience)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.After(patience); ; {
		news := st.News()
		if edge, _, _ := st.Edge(); edge >= much {
			return
		}
		select {
		case <-news:
		case <-end:
			t.Fatalf("%s has not come to %v", entry, much)
		}
	}
}

// asked waits until somebody waits for a stream that is not there.
func asked(t *testing.T, s *site, entry string) {
	t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.After(patience); !slices.Contains(s.server.Hub().Names(), entry); {
		select {
		case <-look.C:
		case <-end:
			t.Fatalf("nobody asks for %s", entry)
		}
	}
}

// Engines built on GStreamer hear the formats that everybody is promised, and see
// what Chromium records: asked for before it is there, and joined in the middle.
func TestEnginesListen(t *testing.T) {
	long(t)
	need(t, "ffmpeg")
	var all []*engineListener // at once, as they take their time to begin
	for _, start := range []func(*testing.T, ...string) *engine{webkitGTK, qtWebKit} {
		s := serve(t, relay.Options{})
		all = append(all, listens(t, s, start, "pcm.wav", true), listens(t, s, start, "mpeg.mp3", false), listens(t, s, start, "chromium.webm", false))
	}
	for _, l := range all {
		l.plays()
	}
}

// All files, one after the other.
func TestEnginesPlay(t *testing.T) {
	long(t)
	need(t, "ffmpeg")
	starts := map[string]func(*testing.T, ...string) *engine{"WebKitGTK": webkitGTK, "QtWebKit": qtWebKit}
	for _, name := range []string{"WebKitGTK", "QtWebKit"} {
		for _, f := range engineFiles {
			for _, early := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/early=%t", name, f.name, early), func(t *testing.T) {
					s := serve(t, relay.Options{})
					listens(t, s, starts[name], f.name, early).plays()
				})
			}
		}
	}
}
