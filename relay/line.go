package relay

import (
	"context"
	"fmt"
	"time"
)

// controlLine is what a session talks over: a WebSocket, or what stands in for one. One
// goroutine reads; any may call the other methods. An error of any of them is the
// line's end.
type controlLine interface {
	// read waits for a message of at most limit bytes, else errTooBig. Its data is
	// valid until the next.
	read(ctx context.Context, limit int) (message, error)

	writeText(ctx context.Context, b []byte) error

	// ping returns when the other side has answered; somebody must be reading.
	ping(ctx context.Context, within time.Duration) error

	// closeWith says why and closes.
	closeWith(no *refusal)

	// abandon closes without a word; whoever reads is woken.
	abandon()
}

// hungUp is the code with which the other side closed a line that is no socket.
type hungUp int

func (e hungUp) Error() string { return fmt.Sprintf("the other side closed with %d", int(e)) }
