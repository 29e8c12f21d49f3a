package relay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"everfile/stream"
)

// base64Protocol is the sub-protocol of publishers whose WebSocket knows only
// text, as those of before 2012: each message is one chunk in base64 (RFC 4648,
// section 4, with its padding).
const base64Protocol = "everfile.base64"

// readChunk waits for a chunk. In base64Protocol text is decoded, so what it
// returns as text is what was not asked for.
func (c *socket) readChunk(ctx context.Context) (message, error) {
	if c.protocol != base64Protocol {
		return c.read(ctx, stream.MaxChunk)
	}
	m, err := c.read(ctx, base64.StdEncoding.EncodedLen(stream.MaxChunk))
	if err != nil || !m.text {
		if len(m.data) > stream.MaxChunk { // binary, which may be no larger here than elsewhere
			err = errTooBig
		}
		return m, err
	}
	chunk := make([]byte, base64.StdEncoding.DecodedLen(len(m.data)))
	n, err := base64.StdEncoding.Strict().Decode(chunk, m.data)
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
		return message{}, &refusal{code: closeInvalid, text: fmt.Sprintf("Byte %d of %d in this message is no base64 (RFC 4648, section 4, with padding).", int64(corrupt), len(m.data))}
	case err != nil:
		return message{}, err
	case n > stream.MaxChunk:
		return message{}, errTooBig
	}
	return message{data: chunk[:n]}, nil
}
