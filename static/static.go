// Package static holds what browsers are given: three pages, the client
// script, the service worker and their style. Everything is plain files in
// plain ES5 (the service worker and the worklet of pcm.js excepted, which only
// newer engines run), so what is embedded is what is sent; there is no build step.
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
package static

import "embed"

// Files is the pages, scripts, style and icon, at the root of the file system.
//
//go:embed *.html *.js *.css *.svg
var Files embed.FS
