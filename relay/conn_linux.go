package relay

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// connState looks into the kernel's side of a connection. A zero connState
// knows nothing.
type connState struct{ c syscall.RawConn }

func rawConn(c net.Conn) connState {
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			return connState{raw}
		}
	}
	return connState{}
}

// unsent returns how many written bytes the kernel has not sent yet.
func (s connState) unsent() (n int) {
	s.control(func(fd int) { n, _ = unix.IoctlGetInt(fd, unix.SIOCOUTQNSD) })
	return n
}

// closed reports whether the other side has closed, without reading: what it
// may have sent does not matter.
func (s connState) closed() (gone bool) {
	const established = 1
	s.control(func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		gone = err == nil && info.State != established
	})
	return gone
}

// limitUnsent makes writes block once so many bytes wait to be sent. Without it
// the kernel swallows megabytes, which are minutes of sound, before a listener's
// slowness shows; a small send buffer instead would throttle far listeners.
func (s connState) limitUnsent(n int) {
	s.control(func(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, n) })
}

func (s connState) control(f func(fd int)) {
	if s.c != nil {
		_ = s.c.Control(func(fd uintptr) { f(int(fd)) }) // a closed connection shows at the next write
	}
}

// canWrite reports whether write works here.
func (s connState) canWrite() bool { return s.c != nil }

// write calls f once with the connection's descriptor, as the only writer.
func (s connState) write(f func(fd uintptr) bool) error { return s.c.Write(f) }

// writeNow writes what the kernel takes at once, which may be nothing.
func writeNow(fd uintptr, b []byte) (int, error) {
	n, err := unix.Write(int(fd), b)
	if err == unix.EAGAIN || err == unix.EINTR {
		err = nil
	}
	return max(n, 0), err
}
