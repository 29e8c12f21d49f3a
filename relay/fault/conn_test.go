package fault

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// ends returns the two ends of a connection in memory.
func ends(t *testing.T) (near, far net.Conn) {
	var m Memory
	ln := m.Listen()
	defer ln.Close()
	got := make(chan net.Conn, 1)
	go func() { got <- must(ln.Accept())(t) }()
	near = must(m.Dial(t.Context(), ln.Addr().String()))(t)
	far = <-got
	if near.LocalAddr().String() != far.RemoteAddr().String() || near.RemoteAddr().String() != far.LocalAddr().String() {
		t.Errorf("%v to %v, and %v to %v", near.LocalAddr(), near.RemoteAddr(), far.LocalAddr(), far.RemoteAddr())
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

// A deadline ends the wait that is under way and those that follow, until another
// is set.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ends(t)
		began := time.Now()
		near.SetDeadline(began.Add(time.Second))
		for _, wait := range []func() (int, error){
			func() (int, error) { return near.Read(make([]byte, 1)) },
			func() (int, error) { return near.Write(make([]byte, DefaultWindow+1)) },
		} {
			if _, err := wait(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		near.SetDeadline(time.Now().Add(time.Hour))
		near.SetDeadline(time.Time{})
		if _, err := far.Write([]byte("x")); err != nil {
			t.Error(err)
		}
		if n, err := near.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Error(n, err)
		}
		near.SetReadDeadline(time.Unix(1, 0))
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	})
}

// A writer waits while the window is full, and no longer.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ends(t)
		written := make(chan int, 1)
		go func() {
			n, _ := near.Write(make([]byte, DefaultWindow+10)) // how much is what matters
			written <- n
		}()
		synctest.Wait()
		select {
		case n := <-written:
			t.Errorf("%d bytes fit", n)
		default:
		}
		if n, err := far.Read(make([]byte, 10)); n != 10 || err != nil {
			t.Error(n, err)
		}
		if n := <-written; n != DefaultWindow+10 {
			t.Errorf("%d bytes are written", n)
		}
	})
}

// Each way to end a connection is told to the other end as TCP would.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ends(t)
		near.Write([]byte("rest"))
		near.Close()
		if n, err := far.Read(make([]byte, 10)); n != 4 || err != nil {
			t.Error(n, err)
		}
		if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
		if err := near.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := near.Write(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		near, far = ends(t)
		near.Write([]byte("rest"))
		reset(near)
		if n, err := far.Read(make([]byte, 10)); n != 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Error(n, err)
		}
		if _, err := far.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}
