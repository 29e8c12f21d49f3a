// Package static holds what browsers are given: three pages, the client
// script, the service worker and their style. Everything is plain files in
// plain ES5 (the service worker and the worklet of pcm.js excepted, which only
// newer engines run); there is no build step.
//
// The pages expect to be served like this:
//
//	/                    index.html
//	/sw.js               sw.js: its path is its scope, so it must be at the root
//	/favicon.ico         favicon.svg, as image/svg+xml
//	/static/NAME         everything else, by its own name
//
// They load nothing from anywhere else and contain no inline script or style:
// a Content-Security-Policy of
//
//	default-src 'self'; media-src 'self' blob: data:
//
// is enough for them.
//
// The client script is everfile.js and after it the other files of the library, in
// one: any page that loads /static/everfile.js has all of it.
package static

import (
	"bytes"
	"embed"
	"io/fs"
	"sync"
)

// embedded are the files as they are here, each by itself.
//
//go:embed *.html *.js *.css *.svg
var embedded embed.FS

// first is the file of the library that the others need, and the name of the whole.
const first = "everfile.js"

// library are the files of the client script in their order. Only the first must be
// where it is; the scripts of our own pages are not among them.
var library = []string{
	first,
	"byhttp.js", "wire.js", "socket.js", "control.js",
	"can.js", "samples.js", "devices.js", "duck.js",
	"chase.js", "edge.js", "opener.js", "watch.js", "look.js", "stills.js",
	"recorder.js", "webmwriter.js", "sources.js", "encode.js", "pcm.js", "pictures.js",
	"store.js", "uplink.js", "publish.js", "upload.js", "adapt.js",
	"tabs.js", "seats.js", "plays.js", "files.js",
	"peer.js", "direct.js", "way.js", "ways.js",
	"roster.js", "parting.js", "media.js", "phone.js", "stage.js", "connect.js",
}

// Files is the pages, scripts, style and icon, at the root of the file system; its
// everfile.js is the whole library.
var Files fs.FS = served{embedded}

// served has a file of its own in place of one that is embedded.
type served struct{ embed.FS }

// bundle is the library in one file.
var bundle = sync.OnceValues(func() ([]byte, error) {
	var b bytes.Buffer
	for _, name := range library {
		text, err := embedded.ReadFile(name)
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
})

// ReadFile returns a file's bytes, which are the caller's.
func (s served) ReadFile(name string) ([]byte, error) {
	if name != first {
		return s.FS.ReadFile(name)
	}
	b, err := bundle()
	return bytes.Clone(b), err
}

// Open opens a file for reading.
func (s served) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil || name != first {
		return f, err
	}
	b, err := bundle()
	return &whole{File: f, Reader: bytes.NewReader(b)}, err
}

// whole is the library, open.
type whole struct {
	fs.File
	*bytes.Reader
}

// Read reads the library (io.Reader).
func (w *whole) Read(b []byte) (int, error) { return w.Reader.Read(b) }

// Stat describes the file.
func (w *whole) Stat() (fs.FileInfo, error) {
	i, err := w.File.Stat()
	return wholeInfo{i, w.Reader.Size()}, err
}

type wholeInfo struct {
	fs.FileInfo
	size int64
}

// Size is in bytes.
func (i wholeInfo) Size() int64 { return i.size }
