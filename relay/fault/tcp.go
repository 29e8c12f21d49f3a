package fault

import (
	"context"
	"net"
)

// Listen listens on a port of its own on this machine. Its connections, like
// those of Dial, hold little under way where the system can be told so, so that a
// slow reader, or a limit in a proxy, is soon felt by the writer.
func Listen(ctx context.Context) (net.Listener, error) {
	return (&net.ListenConfig{Control: little}).Listen(ctx, "tcp", "127.0.0.1:0")
}

// Dial connects to an address.
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	return (&net.Dialer{Control: little}).DialContext(ctx, "tcp", addr)
}
