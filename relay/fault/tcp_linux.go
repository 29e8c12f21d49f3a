package fault

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// little bounds what the kernel holds for a connection: by the receiver's window,
// and by segments as small as on a real network, since a sender's buffer is at
// least ten of them.
func little(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) {
		set = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400))
	})
	return errors.Join(err, set)
}
