package relay

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/static"
	"everfile/stream/streamtest"
)

// painted is a JPEG picture in one shade.
func painted(t testing.TB, shade uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 64, 48))
	for i := range m.Pix {
		m.Pix[i] = shade
	}
	m.Set(int(shade)%64, 5, color.Gray{255 - shade}) // so that no two have one length
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func paintings(t testing.TB, n int) (all [][]byte) {
	for i := range n {
		all = append(all, painted(t, uint8(7*i)))
	}
	return all
}

// nextPicture is what stands behind every boundary.
const nextPicture = "\r\nContent-Type: image/jpeg\r\n\r\n"

// boundary reads the boundary of a body's type.
func boundary(t testing.TB, h http.Header) string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "multipart/x-mixed-replace" || params["boundary"] == "" {
		t.Fatalf("the type is %q, %v", h.Get("Content-Type"), err)
	}
	return params["boundary"]
}

// unpacked are the pictures of a body, each of them with its headers.
func unpacked(t testing.TB, b []byte, boundary string) (all [][]byte) {
	t.Helper()
	whole, ok := bytes.CutSuffix(b, []byte(nextPicture)) // the last boundary of all
	if !ok {
		t.Error("the next picture is not announced")
	}
	for r := multipart.NewReader(io.MultiReader(bytes.NewReader(whole), strings.NewReader("--\r\n")), boundary); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(p)
		if err != nil || p.Header.Get("Content-Type") != "image/jpeg" || len(p.Header) != 1 {
			t.Errorf("a part of %d bytes has %v, %v", len(got), p.Header, err)
		}
		all = append(all, got)
	}
}

func samePictures(t testing.TB, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d pictures, which are not the %d that were sent", len(got), len(want))
	}
}

// TestMJPEG: one message is one picture, and each is there, with all that browsers
// want to see behind it, before the next is sent.
func TestMJPEG(t *testing.T) {
	pictures := paintings(t, 5)
	want, after := demandedAfter(t, "mjpeg", pictures)
	for _, protocol := range []string{"http", "tls", "h2"} {
		r, p := begun(t, protocol, "/room/a.mjpeg", wide(), pictures)
		l := r.listen("/room/a.mjpeg")
		named := boundary(t, l.resp.Header)
		for i, picture := range pictures {
			if i > 0 {
				p.send(picture)
				p.acked(i + 1)
			}
			got := l.has(after[i])
			if !bytes.HasSuffix(got, append(bytes.Clone(picture), "\r\n--"+named+nextPicture...)) {
				t.Errorf("%s: picture %d is not the newest, with its end and the next one's headers", protocol, i)
			}
		}
		late := r.listen("/room/a")
		late.has(1)
		p.end()
		got := l.all()
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes; expected %d", protocol, len(got), len(want))
		}
		samePictures(t, unpacked(t, got, named), pictures)
		samePictures(t, unpacked(t, late.all(), named), pictures[4:])
		for name, value := range map[string]string{"Cache-Control": "no-store, no-transform", "X-Content-Type-Options": "nosniff", "Content-Length": ""} {
			if got := l.resp.Header.Get(name); got != value {
				t.Errorf("%s: %s: %q", protocol, name, got)
			}
		}
	}
}

// TestMJPEGBodies: a camera's multipart body, whatever its boundary and whoever says
// so, and mere pictures.
func TestMJPEGBodies(t *testing.T) {
	pictures := paintings(t, 4)
	var parts bytes.Buffer
	for _, picture := range pictures {
		fmt.Fprintf(&parts, "--the boundary\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n", picture)
	}
	parts.WriteString("--the boundary--\r\n")
	mere := bytes.Join(pictures, nil)
	want := demanded(t, "mjpeg", pictures)
	for _, row := range []struct {
		method, path, contentType string
		body                      []byte
	}{
		{"PUT", "/a.mjpeg", "", mere},
		{"POST", "/a.mjpeg", `multipart/x-mixed-replace; boundary="the boundary"`, parts.Bytes()},
		{"POST", "/a.mjpeg", `multipart/x-mixed-replace; boundary=another`, parts.Bytes()},
		{"PUT", "/a.mjpeg", "application/octet-stream", parts.Bytes()},
		{"PUT", "/a", "multipart/x-mixed-replace;boundary=x", parts.Bytes()},
		{"PUT", "/a", "image/jpeg", mere},
		{"PUT", "/a", "", mere},
		{"PUT", "/a", "", parts.Bytes()},
		{"PUT", "/a.mjpeg", "", want}, // from another everfile
	} {
		r := start(t, "http", wide())
		l := r.ask("GET", "/a?wait=1m", nil)
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		send, w := io.Pipe()
		answer := r.ask(row.method, row.path, send, "Content-Type: "+row.contentType) // live
		end := len(row.body) / 2
		if _, err := w.Write(row.body[:end]); err != nil {
			t.Fatal(err)
		}
		resp := l()
		got := r.follow(resp)
		got.has(1)
		if _, err := w.Write(row.body[end:]); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if a := answer(); a.StatusCode != 200 {
			t.Errorf("%s %s, %s: %s", row.method, row.path, row.contentType, a.Status)
		}
		b, head := got.all(), len("--"+boundary(t, resp.Header)+nextPicture)
		if len(b) <= head || !bytes.HasSuffix(want, b[head:]) {
			t.Errorf("%s %s, %s: %d bytes, which are no end of %d", row.method, row.path, row.contentType, len(b), len(want))
		}
	}
}

// TestStill: the newest picture, as a file.
func TestStill(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 2, 1, 5e8, time.FixedZone("", 7200))
	pictures := paintings(t, 3)
	for _, protocol := range []string{"http", "tls", "h2"} {
		o := wide()
		o.Held, o.Stream.Now = patience, func() time.Time { return began }
		r := start(t, protocol, o)
		r.refused("GET", "/a.jpg", nil, 404, "Nobody is publishing /a.jpg now; add ?wait=30s to wait for it.")
		r.refused("HEAD", "/a.jpg", nil, 404, "")
		waiting := r.ask("GET", "/a.jpg?wait=1m", nil)
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		p := r.publish("/a.mjpeg")
		r.refused("HEAD", "/a.jpg", nil, 404, "")
		held := r.ask("GET", "/a.jpg", nil) // registered, so that it needs no ?wait=
		p.send(pictures[0])
		p.acked(1)
		isStill(t, waiting(), pictures[0])
		isStill(t, held(), pictures[0])
		for i, picture := range pictures[1:] {
			p.send(picture)
			p.acked(i + 2)
			isStill(t, r.request("GET", "/a.jpg", nil), picture)
			isStill(t, r.request("GET", "/a.jpg?pad=200&el=1", nil, "Range: bytes=5-9"), picture)
			isStill(t, r.request("HEAD", "/a.jpg", nil), picture)
		}
		r.refused("PUT", "/b.jpg", bytes.NewReader(pictures[0]), 415, ".jpg can be played, not published.")
		p.end()
		if _, reason := p.over(); reason != "" {
			t.Error(reason)
		}
		eventually(t, "the file has ended", func() bool { return !r.registered("a") })
		r.refused("GET", "/a.jpg", nil, 404, "Nobody is publishing /a.jpg now")
	}
}

func isStill(t *testing.T, resp *http.Response, want []byte) {
	t.Helper()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || resp.ContentLength != int64(len(want)) {
		t.Errorf("%s, %v, a length of %d; expected %d", resp.Status, err, resp.ContentLength, len(want))
	}
	if resp.Request.Method == "HEAD" {
		want = nil
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes, which are not the picture's %d", len(got), len(want))
	}
	for name, value := range map[string]string{"Content-Type": "image/jpeg", "Cache-Control": "no-store", "Last-Modified": "Mon, 04 May 2026 01:02:01 GMT", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "none"} {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: %q; expected %q", name, got, value)
		}
	}
}

// TestMJPEGAsOthers: what cannot be had of pictures is refused, and what means nothing to them
// is left out.
func TestMJPEGAsOthers(t *testing.T) {
	pictures := paintings(t, 2)
	r, p := begun(t, "http", "/a.mjpeg", wide(), pictures)
	r.refused("GET", "/a.webm", nil, 406, "This stream cannot be had like that: no webm is made of mjpeg here. It is mjpeg of mjpeg 64x48 and can be played as: /a.mjpeg, /a.jpg.")
	r.refused("GET", "/a.mjpeg?tracks=audio", nil, 406, "This stream has no sound.")
	r.refused("GET", "/a.mjpeg?fill=silence", nil, 400, "got \"silence\" for a stream of mjpeg.")
	r.refused("GET", "/a.mjpeg", nil, 416, "only ranges from byte 0 exist", "Range: bytes=5-")
	want := demanded(t, "mjpeg", pictures)
	if b, err := io.ReadAll(r.request("GET", "/a.mjpeg", nil, "Range: bytes=0-99").Body); err != nil || !bytes.Equal(b, want[:100]) {
		t.Errorf("a range: %d bytes, %v", len(b), err)
	}
	padded := r.listen("/a.mjpeg?pad=20&el=1")
	padded.has(1)
	old := r.raw("GET /a.mjpeg HTTP/1.0\n\n")
	head := bufio.NewReader(old)
	if line, err := head.ReadString('\n'); line != "HTTP/1.0 200 OK\r\n" {
		t.Fatal(line, err)
	}
	skipHead(t, head)
	first := make([]byte, len(demanded(t, "mjpeg", pictures[:1])))
	if _, err := io.ReadFull(head, first); err != nil {
		t.Fatal(err)
	}
	p.send(pictures[1])
	p.acked(2)
	p.end()
	rest, err := io.ReadAll(head)
	if err != nil || !bytes.Equal(append(first, rest...), want) || !bytes.Equal(padded.all(), want) {
		t.Errorf("HTTP/1.0: %d bytes, %v; padded: %d; expected %d", len(first)+len(rest), err, len(padded.all()), len(want))
	}
	w, _ := begun(t, "http", "/a.webm", wide(), capture(t, sound))
	w.refused("GET", "/a.jpg", nil, 406, "This stream cannot be had like that: it has no picture. It is webm of opus 48000 Hz mono and can be played as: /a.webm, /a.wav, /a.pcm.")
}

// TestMJPEGRefused: a publisher is told what was wrong, and at which byte.
func TestMJPEGRefused(t *testing.T) {
	good := painted(t, 9)
	huge := bytes.Clone(good)
	i := bytes.Index(huge, []byte{0xFF, 0xC0})
	copy(huge[i+5:], "\xff\xff\xff\xff")
	r := start(t, "http", wide())
	for _, row := range []struct {
		chunk []byte
		code  int
		words string
	}{
		{huge, closeTooBig, fmt.Sprintf("mjpeg: byte %d: a picture of 65535x65535 pixels; at most 4096x4096 are taken", len(good)+i)},
		{make([]byte, 70_000), closeInvalid, fmt.Sprintf("mjpeg: byte %d: expected a JPEG picture (FF D8 FF)", len(good)+65536)},
		{append(bytes.Clone(good[:len(good)-2]), good...), closeInvalid, "begins inside another"},
		{make([]byte, 60_000), 0, ""}, // so much of anything may stand between two
	} {
		p := r.publish("/a.mjpeg?key=k&run=" + fmt.Sprintf("%d-%d", row.code, len(row.chunk)))
		p.send(good)
		p.acked(1)
		p.send(row.chunk)
		if row.code == 0 {
			p.acked(2)
			p.end()
			continue
		}
		p.refused(row.code, row.words)
		isStillNow(t, r, good) // what was good stays played
	}
}

func isStillNow(t *testing.T, r *running, want []byte) {
	t.Helper()
	resp := r.request("GET", "/a.jpg", nil)
	if b, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(b, want) {
		t.Errorf("%s: %d bytes, %v", resp.Status, len(b), err)
	}
}

// TestMJPEGCrowd: a crowd gets the same body as one alone.
func TestMJPEGCrowd(t *testing.T) {
	pictures := paintings(t, 30)
	want, after := demandedAfter(t, "mjpeg", pictures)
	r, p := begun(t, "http", "/a.mjpeg", crowded(), pictures)
	var all []*body
	for range 9 {
		l := r.listen("/a.mjpeg")
		l.has(after[0])
		all = append(all, l)
	}
	p.send(pictures[1:]...)
	p.acked(len(pictures))
	p.end()
	for i, l := range all {
		if got := l.all(); !bytes.Equal(got, want) {
			t.Errorf("listener %d got %d bytes, which are not the %d that the pictures make", i, len(got), len(want))
		}
	}
}

// TestMJPEGListed: the list leads to the pictures themselves, which browsers show.
func TestMJPEGListed(t *testing.T) {
	o := wide()
	o.Static = static.Files
	r := start(t, "http", o)
	r.feed("cam", paintings(t, 2)...)
	r.feed("talk", capture(t, sound)...)
	page := r.page("/live")
	for _, link := range []string{`<a href="/cam.mjpeg">cam</a>`, `<a href="/static/watch.html?url=/talk.webm">talk</a>`, "mjpeg 64x48"} {
		if !strings.Contains(page, link) {
			t.Errorf("no %s in\n%s", link, page)
		}
	}
}

// TestMJPEGCommands: push, tail and probe of pictures, which get their time as they come.
func TestMJPEGCommands(t *testing.T) {
	pictures := paintings(t, 10)
	want := demanded(t, "mjpeg", pictures)
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		var tailed, told, probes bytes.Buffer
		tail, probing := make(chan error, 1), make(chan error, 1)
		go func() {
			tail <- Tail(t.Context(), TailOptions{URL: r.url + "/a.mjpeg?wait=1m", Stdout: &tailed, Stderr: &told, Client: r.client})
		}()
		go func() {
			probing <- Probe(t.Context(), ProbeOptions{Input: r.url + "/a.mjpeg?wait=1m", JSON: true, Stdout: &probes, Client: r.client})
		}()
		synctest.Wait()
		in, w := io.Pipe()
		p := push(t, PushOptions{File: "-", Stdin: in, URL: r.url + "/a.mjpeg", Client: r.client})
		for i, picture := range pictures {
			if i == 5 {
				time.Sleep(time.Second) // a gap
			}
			if _, err := w.Write(picture); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		w.Close()
		p.over()
		if err := <-tail; err != nil || !bytes.Equal(tailed.Bytes(), want) {
			t.Errorf("tail: %v, %d bytes; expected %d", err, tailed.Len(), len(want))
		}
		if !strings.HasPrefix(told.String(), fmt.Sprintf("mjpeg (mjpeg 64x48): %d bytes, 10 frames, ", len(want))) {
			t.Errorf("tail says %q", &told)
		}
		err := <-probing
		got := readProbe(t, probes.Bytes(), err)
		if got.err != nil || len(got.parts) != 10 || len(got.totals.Gaps) != 1 || got.totals.Duration < 1.5 || got.totals.Duration > 2 {
			t.Errorf("probe: %v, %+v", got.err, got.totals)
		}
		at := 0
		for i, part := range got.parts {
			at += bytes.Index(want[at:], pictures[i])
			if part.Offset != int64(at) || part.Size != len(pictures[i]) || part.Kind != "join" {
				t.Errorf("part %d: %+v; expected it at %d", i, part, at)
			}
		}
	})
}

// TestMJPEGPushedFile: a file of pictures says nothing of time and is sent at 25 a
// second.
func TestMJPEGPushedFile(t *testing.T) {
	pictures := paintings(t, 30)
	file := kept(t, "pictures.mjpeg", bytes.Join(pictures, nil))
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		began := time.Now()
		push(t, PushOptions{File: file, URL: r.url + "/a.mjpeg", Client: r.client}).over()
		if d := time.Since(began); d < 29*pushPicture || d > 30*pushPicture {
			t.Errorf("30 pictures took %v", d)
		}
	})
}

// TestMJPEGJudged: ffmpeg finds in the body every picture that it put in, live and joined
// late.
func TestMJPEGJudged(t *testing.T) {
	streamtest.Need(t, "ffmpeg")
	dir := t.TempDir()
	for _, format := range []string{"mjpeg", "mpjpeg"} {
		file := filepath.Join(dir, format)
		if out, err := exec.CommandContext(patient(t), "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "3", "-f", format, file).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		src := crcs(t, format, file)
		if len(src) != 30 {
			t.Fatalf("%d pictures", len(src))
		}
		r := start(t, "http", wide())
		waiting := r.ask("GET", "/a.mjpeg?wait=1m", nil)
		eventually(t, "somebody waits", func() bool { return r.registered("a") })
		p := r.publish("/a.mjpeg")
		p.send(data[:50_000])
		live := r.follow(waiting())
		live.has(1)
		p.send(data[50_000:100_000])
		p.acked(2)
		late := r.listen("/a.mjpeg")
		late.has(1)
		p.send(data[100_000:])
		p.acked(3)
		p.end()
		for name, b := range map[string][]byte{"live": live.all(), "late": late.all()} {
			got := crcs(t, "mpjpeg", kept(t, name, b))
			if len(got) < 5 || !slices.Equal(got, src[len(src)-len(got):]) {
				t.Errorf("%s, %s: %d pictures, which are not the last of the source's", format, name, len(got))
			}
		}
	}
}

// TestFFmpegPublishesPictures: what ffmpeg sends as it comes, and a listener that is
// ffmpeg, too.
func TestFFmpegPublishesPictures(t *testing.T) {
	streamtest.Need(t, "ffmpeg")
	if testing.Short() {
		t.Skip("takes a second")
	}
	for _, format := range []string{"mjpeg", "mpjpeg"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r := start(t, "http", wide())
			waiting := r.ask("GET", "/a.mjpeg?wait=1m&mode=complete", nil)
			eventually(t, "somebody waits", func() bool { return r.registered("a") })
			listener := exec.CommandContext(patient(t), "ffmpeg", "-v", "fatal", "-f", "mpjpeg", "-i", r.url+"/a.mjpeg?wait=1m", "-fps_mode", "passthrough", "-f", "framecrc", "-")
			var judged bytes.Buffer
			listener.Stdout = &judged
			if err := listener.Start(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "sent")
			out, err := exec.CommandContext(patient(t), "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=20", "-t", "1.5", "-c:v", "mjpeg",
				"-f", "tee", "-map", "0:v", fmt.Sprintf("[f=%s:method=PUT]%s/a.mjpeg|[f=mjpeg]%s", format, strings.ReplaceAll(r.url, ":", `\:`), file)).CombinedOutput()
			if err != nil {
				t.Fatalf("ffmpeg: %v\n%s", err, out)
			}
			src := crcs(t, "mjpeg", file)
			got := crcs(t, "mpjpeg", kept(t, "got", r.follow(waiting()).all()))
			if len(src) != 30 || len(got) < 20 || !slices.Equal(got, src[30-len(got):]) {
				t.Errorf("%d pictures of %d arrive", len(got), len(src))
			}
			if err := listener.Wait(); err != nil || strings.Count(judged.String(), "\n") < 10 {
				t.Errorf("ffmpeg listens: %v\n%s", err, &judged)
			}
		})
	}
}

// crcs are those of the pictures that ffmpeg decodes.
func crcs(t *testing.T, format, file string) (all []string) {
	t.Helper()
	cmd := exec.CommandContext(patient(t), "ffmpeg", "-v", "error", "-f", format, "-i", file, "-fps_mode", "passthrough", "-f", "framecrc", "-")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	// A body ends where it expects one more picture.
	said := strings.TrimSpace(strings.TrimSuffix(errs.String(), file+": Invalid data found when processing input\n"))
	if err != nil || said != "" {
		t.Fatalf("ffmpeg: %v\n%s", err, said)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(line, ","); len(f) == 6 {
			all = append(all, strings.TrimSpace(f[5]))
		}
	}
	return all
}
