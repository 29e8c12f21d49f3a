package relay

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"everfile/stream"
)

// The most that a form may have before its file's first byte, in bytes, and the
// longest boundary (RFC 2046, section 5.1.1).
const (
	maxFormHead = 64 << 10
	maxBoundary = 70
)

// isForm reports whether a request's body is a form that may hold a file.
func isForm(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return r.Method == http.MethodPost && strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data")
}

// formFile returns the first file of a form (RFC 7578), which is then read as it
// comes, and the type that it has there, if it is a known one: browsers guess it.
// Nothing is kept; what comes before the file is bounded.
func formFile(r *http.Request) (file io.Reader, contentType string, err error) {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if n := len(params["boundary"]); err != nil || n < 1 || n > maxBoundary {
		return nil, "", refuse(http.StatusBadRequest, "The form's Content-Type has no boundary of 1 to %d characters.", maxBoundary)
	}
	head := &formHead{r: r.Body, left: maxFormHead}
	form := multipart.NewReader(head, params["boundary"])
	for {
		part, err := form.NextPart()
		var first [1]byte
		if err == nil && part.FileName() == "" {
			continue
		}
		if err == nil {
			if _, err = io.ReadFull(part, first[:]); err == io.EOF {
				return nil, "", refuse(http.StatusBadRequest, "The file %.60q in the form is empty.", part.FileName())
			}
		}
		switch {
		case errors.Is(err, errFormHead), errors.Is(err, multipart.ErrMessageTooLarge):
			return nil, "", refuse(http.StatusRequestEntityTooLarge, "No file begins in the first %d bytes of the form; put it before what else the form has.", maxFormHead)
		case err == io.EOF: // the last boundary, or the end inside a part's head
			return nil, "", refuse(http.StatusBadRequest, "The form ends before any file; choose one, in an <input type=\"file\"> that has a name.")
		case err != nil:
			return nil, "", refuse(http.StatusBadRequest, "The form breaks off before its file, or its parts are not where its boundary says: %v.", err)
		}
		head.left = -1
		if t := part.Header.Get("Content-Type"); stream.ByType(t) != nil {
			contentType = t
		}
		return io.MultiReader(bytes.NewReader(first[:]), part), contentType, nil
	}
}

var errFormHead = errors.New("too much before the file")

// formHead gives so many bytes and then an error; with less than none left, all.
type formHead struct {
	r    io.Reader
	left int
}

func (b *formHead) Read(p []byte) (int, error) {
	if b.left < 0 {
		return b.r.Read(p)
	}
	if b.left == 0 {
		return 0, errFormHead
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
