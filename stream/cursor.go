package stream

import "fmt"

// cursor is what every parser has: its place in the run, what it skips there, and
// the error at which it stopped.
type cursor struct {
	format string
	off    int64 // of the first byte that Parse will be shown
	skip   int64 // bytes still to come that mean nothing here
	err    error
}

// advance takes a parser's next step, unless one has failed.
func (c *cursor) advance(b []byte, step func([]byte) (int, Part, error)) (n int, part Part, err error) {
	if c.err != nil {
		return 0, Part{}, c.err
	}
	n, part, err = step(b)
	c.off += int64(n)
	c.err = err
	return n, part, err
}

// discard consumes what there is of what is skipped.
func (c *cursor) discard(b []byte) (int, Part, error) {
	n := min(c.skip, int64(len(b)))
	c.skip -= n
	return int(n), Part{}, nil
}

// fail says what was expected at the parser's place and what came.
func (c *cursor) fail(kind error, format string, a ...any) error {
	return c.failAt(c.off, kind, format, a...)
}

// failAt is fail for another place.
func (c *cursor) failAt(off int64, kind error, format string, a ...any) error {
	return &ParseError{Format: c.format, Offset: off, Text: fmt.Sprintf(format, a...), Err: kind}
}
