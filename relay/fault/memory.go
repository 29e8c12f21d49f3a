package fault

import (
	"context"
	"fmt"
	"net"
	"sync"
	"syscall"
)

// DefaultWindow is how many bytes a direction of a connection in memory holds,
// little enough that a reader's slowness soon shows.
const DefaultWindow = 2 << 10

// Memory is a network in memory. The zero Memory is ready; any goroutine may call
// its methods.
type Memory struct {
	// Window is how many bytes may be under way in a direction of a connection;
	// 0: DefaultWindow.
	Window int

	mu    sync.Mutex // protects below
	ports int        // that were given out
	open  map[string]*listener
}

// Listen returns a listener with an address of its own. Its Accept returns
// net.ErrClosed once it is closed.
func (m *Memory) Listen() net.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &listener{m: m, at: m.port(), accepted: make(chan net.Conn), closed: make(chan struct{})}
	if m.open == nil {
		m.open = map[string]*listener{}
	}
	m.open[string(l.at)] = l
	return l
}

// port returns an address that nobody has. m.mu is held.
func (m *Memory) port() address {
	m.ports++
	return address(fmt.Sprintf("memory:%d", m.ports))
}

// Dial connects to a listener's address. It returns ECONNREFUSED when nobody
// listens there.
func (m *Memory) Dial(ctx context.Context, addr string) (net.Conn, error) {
	m.mu.Lock()
	l := m.open[addr]
	from := m.port()
	m.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: address(addr), Err: syscall.ECONNREFUSED}
	}
	size := m.Window
	if size == 0 {
		size = DefaultWindow
	}
	up, down := newHalf(size), newHalf(size)
	near, far := &conn{in: down, out: up, local: from, remote: l.at}, &conn{in: up, out: down, local: l.at, remote: from}
	select {
	case l.accepted <- far:
		return near, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: address(addr), Err: syscall.ECONNREFUSED}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

type listener struct {
	m        *Memory
	at       address
	accepted chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Addr() net.Addr { return l.at }

func (l *listener) Close() error {
	l.once.Do(func() {
		l.m.mu.Lock()
		delete(l.m.open, string(l.at))
		l.m.mu.Unlock()
		close(l.closed)
	})
	return nil
}

type address string

func (a address) Network() string { return "memory" }
func (a address) String() string  { return string(a) }
