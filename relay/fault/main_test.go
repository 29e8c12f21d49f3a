package fault

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is what a test's connections are made of.
type network struct {
	t      *testing.T
	listen func() net.Listener
	dial   func(addr string) net.Conn
}

func inMemory(t *testing.T) network {
	var m Memory
	return network{t: t, listen: m.Listen, dial: func(addr string) net.Conn { return must(m.Dial(t.Context(), addr))(t) }}
}

func overTCP(t *testing.T) network {
	return network{
		t:      t,
		listen: func() net.Listener { return must(Listen(t.Context()))(t) },
		dial:   func(addr string) net.Conn { return must(Dial(t.Context(), addr))(t) },
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// both runs a test in memory, on a clock of its own, and over TCP.
func both(t *testing.T, f func(t *testing.T, n network)) {
	t.Run("memory", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t, inMemory(t)) }) })
	t.Run("tcp", func(t *testing.T) { f(t, overTCP(t)) })
}

// proxied is a proxy in front of a listener of which the test is the server.
type proxied struct {
	network
	p  *Proxy
	ln net.Listener
}

func (n network) proxy(plans ...Plan) proxied {
	ln := n.listen()
	far := func(context.Context) (net.Conn, error) { return n.dial(ln.Addr().String()), nil }
	p := New(n.listen(), far, func(i int) (plan Plan) {
		if i < len(plans) {
			plan = plans[i]
		}
		return plan
	})
	n.t.Cleanup(func() {
		p.Close()
		ln.Close()
	})
	return proxied{n, p, ln}
}

// pair connects through the proxy, which passes a connection on when it has seen
// its first bytes.
func (n proxied) pair(first string) (client, server net.Conn) {
	n.t.Helper()
	client = n.dial(n.p.Addr().String())
	n.write(client, first)
	server, err := n.ln.Accept()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		bound(c)
		n.t.Cleanup(func() { c.Close() })
	}
	return client, server
}

// bound ends every wait of a connection; only a test that fails uses it up.
func bound(c net.Conn) { c.SetDeadline(time.Now().Add(time.Minute)) }

func (n network) write(c net.Conn, s string) {
	n.t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		n.t.Fatal(err)
	}
}

// reads demands that exactly this comes, and then the end.
func (n network) reads(c net.Conn, want string) {
	n.t.Helper()
	if got, err := io.ReadAll(c); err != nil || string(got) != want {
		n.t.Errorf("%d bytes came and then %v: %.40q; expected %d bytes: %.40q", len(got), err, got, len(want), want)
	}
}

// gets demands that this comes next.
func (n network) gets(c net.Conn, want string) {
	n.t.Helper()
	got := make([]byte, len(want))
	if k, err := io.ReadFull(c, got); err != nil || string(got) != want {
		n.t.Errorf("%.40q came and then %v; expected %.40q", got[:k], err, want)
	}
}

// ramp is n bytes that are not the same anywhere soon.
func ramp(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		b.WriteByte(byte(i ^ i>>8 ^ i>>16))
	}
	return b.Bytes()
}
