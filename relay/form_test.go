package relay

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"everfile/stream/streamtest"
)

// field is a part of a form, a file if it has a name.
type field struct{ file, contentType, data string }

// form makes a body and its type.
func form(t testing.TB, fields ...field) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, f := range fields {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="f%d"`, i)
		if f.file != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, strings.TrimPrefix(f.file, "?"))
		}
		h.Set("Content-Disposition", disposition)
		if f.contentType != "" {
			h.Set("Content-Type", f.contentType)
		}
		part, err := w.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(part, f.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// The first file of a form is the stream, whatever is around it, and whoever says
// what it is.
func TestForm(t *testing.T) {
	chunks, wave := capture(t, sound), string(streamtest.Wave(time.Second))
	webm := string(bytes.Join(chunks, nil))
	for _, row := range []struct {
		path, ext string
		fields    []field
		media     string
	}{
		{"/a", "webm", []field{{"rec.webm", "audio/webm", webm}}, webm},
		{"/a.webm", "webm", []field{{"x", "application/octet-stream", webm}}, webm},
		{"/a", "webm", []field{{"x", "", webm}}, webm},
		{"/a", "webm", []field{{"x", "audio/mystery", webm}}, webm}, // guessed
		{"/a", "wav", []field{{"", "", "a text"}, {"?", "application/octet-stream", ""}, {"x.wav", "audio/x-wav", wave}, {"y.webm", "", webm}, {"", "", "more"}}, wave},
	} {
		for _, protocol := range []string{"http", "h2"} {
			r := start(t, protocol, wide())
			body, contentType := form(t, row.fields...)
			want, first := demanded(t, "webm", chunks), len(chunks[0])
			if row.ext == "wav" {
				want, first = endless([]byte(wave)), 20_044
			}
			first += bytes.Index(body, []byte(row.media[:20]))
			send, w := io.Pipe()
			answer := r.ask("POST", row.path, send, "Content-Type: "+contentType)
			l := r.listenFrom(row.path, func() { w.Write(body[:first]) })
			l.has(1)
			w.Write(body[first:])
			w.Close()
			if got := l.all(); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes are played; expected %d", row.path, len(got), len(want))
			}
			resp := answer()
			b, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("%s: %s, %v, %v", row.path, resp.Status, resp.Header, err)
			}
			sentence(t, strings.TrimSpace(string(b)), fmt.Sprintf("%d bytes are in the file; it has ended.", len(row.media)))
		}
	}
}

// A form is read as it comes, at the speed of its file's timestamps.
func TestFormIsPaced(t *testing.T) {
	wave := streamtest.Wave(20 * time.Second)
	body, contentType := form(t, field{"x.wav", "audio/wav", string(wave)})
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := startPiped(t, quiet())
		began := time.Now()
		var answer func() *http.Response
		l := r.listenFrom("/a", func() {
			answer = r.ask("POST", "/a", bytes.NewReader(body), "Content-Type: "+contentType)
		})
		got := l.all()
		if took := time.Since(began); took < 18*time.Second || took > 20*time.Second {
			t.Errorf("20 s of sound were sent in %v", took)
		}
		if b, err := io.ReadAll(answer().Body); err != nil || !bytes.HasPrefix(b, fmt.Appendf(nil, "%d bytes", len(wave))) {
			t.Errorf("answered with %q, %v", b, err)
		}
		// It is there when the first samples are, or a moment later: a second of them is read at
		// once, and a piece more, of which it gets the last half.
		if want := endless(wave); !bytes.HasPrefix(got, want[:44]) || !bytes.HasSuffix(want, got[44:]) || len(want)-len(got) > 60_000 {
			t.Errorf("%d bytes are played; expected %d", len(got), len(wave))
		}
	})
}

// What the README says of forms and of files without an extension.
func TestCurl(t *testing.T) {
	streamtest.Need(t, "curl")
	whole := bytes.Join(capture(t, sound), nil)
	file := kept(t, "talk.webm", whole)
	for _, args := range [][]string{
		{"-F", "file=@" + file}, {"-F", "note=hello", "-F", "file=@" + file + ";type=audio/webm"}, {"--data-binary", "@" + file}, {"-T", file}, {"-T", file, "-u", "source:pw"},
	} {
		r := start(t, "http", wide())
		out, err := exec.CommandContext(patient(t), "curl", append(args, "-sS", r.url+"/talk?pace=0")...).CombinedOutput()
		if err != nil || string(out) != fmt.Sprintf("%d bytes are in the file; it has ended.\n", len(whole)) {
			t.Errorf("curl %v: %v, %s", args, err, out)
		}
	}
}

func TestFormOrigin(t *testing.T) {
	o := wide()
	o.AllowOrigin = []string{"https://friend.example"}
	r := start(t, "http", o)
	body, contentType := form(t, field{"x.webm", "audio/webm", string(bytes.Join(capture(t, sound), nil))})
	for _, origin := range []string{"https://stranger.example", "null"} {
		r.refused("POST", "/a?pace=0", bytes.NewReader(body), 403, "Pages of "+origin+" may not use this server", "Content-Type: "+contentType, "Origin: "+origin)
	}
	for _, origin := range []string{"https://friend.example", r.url} {
		if resp := r.request("POST", "/a?pace=0", bytes.NewReader(body), "Content-Type: "+contentType, "Origin: "+origin); resp.StatusCode != 200 {
			t.Errorf("a form of %s: %s", origin, resp.Status)
		}
	}
}

// A form that breaks off is a publisher lost.
func TestFormBreaksOff(t *testing.T) {
	chunks := capture(t, sound)
	body, contentType := form(t, field{"x.webm", "audio/webm", string(bytes.Join(chunks, nil))})
	r := start(t, "http", wide())
	c := r.raw(fmt.Sprintf("POST /a?pace=0 HTTP/1.1\nHost: x\nContent-Type: %s\nContent-Length: %d\n\n", contentType, len(body)))
	c.Write(body[:len(body)/2])
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 400 ")) || !bytes.Contains(b, []byte("The body broke off after ")) {
		t.Errorf("answered with %q, %v", b, err)
	}
	r.listen("/a").has(1)
}

func formsThatAreNone(h *healthy) {
	webm := string(bytes.Join(h.chunks, nil))
	head := "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n"
	good := "multipart/form-data; boundary=B"
	big := strings.Repeat("x", 100<<10) // the client keeps what it sends
	for _, row := range []struct {
		contentType, body string
		status            int
		words             string
	}{
		{"multipart/form-data", head + "\r\nx", 400, "The form's Content-Type has no boundary of 1 to 70 characters."},
		{"multipart/form-data; boundary=", head, 400, "has no boundary"},
		{"multipart/form-data; boundary=\"", head, 400, "has no boundary"},
		{"multipart/form-data; boundary=" + strings.Repeat("b", 71), head, 400, "has no boundary of 1 to 70"},
		{good, "", 400, "The form breaks off before its file, or its parts are not where its boundary says"},
		{good, "no boundary in it", 400, "The form breaks off before its file"},
		{good, "--C\r\n\r\nx\r\n--C--\r\n", 400, "The form breaks off before its file"},
		{good, head, 400, "The form ends before any file"},
		{good, head + "\r\n", 400, "The form breaks off before its file"},
		{good, head + "no header\r\n\r\n", 400, "The form breaks off before its file"},
		{good, "--B--\r\n", 400, "The form ends before any file; choose one, in an <input type=\"file\"> that has a name."},
		{good, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\ntext\r\n--B--\r\n", 400, "The form ends before any file"},
		{good, "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n--B--\r\n", 400, "The form ends before any file"},
		{good, head + "\r\n\r\n--B--\r\n", 400, `The file "x" in the form is empty.`},
		{good, head + "\r\nthis is no media\r\n--B--\r\n", 400, "any: byte 0: 74 68 69 73"},
		{good, head + "Content-Type: audio/wav\r\n\r\nthis is no media\r\n--B--\r\n", 415, "wav: byte 0: expected RIFF or RF64"},
		{good, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + big, 413, "No file begins in the first 65536 bytes of the form; put it before what else the form has."},
		{good, head + "X: " + big, 413, "No file begins in the first 65536 bytes"},
		{good, head + strings.Repeat("X: y\r\n", 20_000), 413, "No file begins in the first 65536 bytes"},
		{good, strings.Repeat("\r\n", 50_000), 413, "No file begins in the first 65536 bytes"},
		{good, big, 400, "The form breaks off before its file"},
		{"application/x-www-form-urlencoded", "file=talk.webm", 415, `; a form that sends a file needs enctype="multipart/form-data".`},
		{"", "no media at all", 400, "and neither an extension nor a Content-Type says what it is."},
		{"video/mystery", webm, 415, `"video/mystery" is no type that is known here; known are: video/webm`},
	} {
		h.refused("POST", "/a", strings.NewReader(row.body), row.status, row.words, "Content-Type: "+row.contentType)
		if h.registered("a") {
			h.t.Errorf("%.60q holds the name", row.body)
		}
	}
	resp := h.request("POST", "/a", strings.NewReader(head), "Content-Type: multipart/form-data; boundary="+strings.Repeat("b", 70<<10))
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		h.t.Errorf("a boundary of 70 KiB is answered with %s", resp.Status)
	}
	resp.Body.Close()
	// An endless one of any kind is answered although it goes on.
	never, w := io.Pipe()
	defer w.Close()
	go func() {
		for {
			if _, err := io.WriteString(w, "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\ntext\r\n"); err != nil {
				return
			}
		}
	}()
	h.refused("POST", "/a", never, 413, "No file begins in the first 65536 bytes", "Content-Type: "+good)
	body, contentType := form(h.t, field{"x.webm", "audio/webm", webm})
	h.refused("POST", healthyPath, bytes.NewReader(body), 409, "Somebody else publishes", "Content-Type: "+contentType)
}
