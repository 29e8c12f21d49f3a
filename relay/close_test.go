package relay

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// A body that ends before its response's head is sent gets the head all the same.
func TestDoorClosesWithItsHead(t *testing.T) {
	near, far := net.Pipe()
	d := &tcpDoor{hijacked: &hijacked{conn: far, stall: time.Hour, chunked: true, head: []byte("HTTP/1.1 200 OK\r\n\r\n")}}
	go d.close(true)
	got, err := io.ReadAll(near)
	if want := "HTTP/1.1 200 OK\r\n\r\n0\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; expected %q", got, err, want)
	}
	near.Close()
}

// An abort between two writes holds for the second.
func TestAbortIsNotOverruled(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	go io.Copy(io.Discard, near)
	d := &tcpDoor{hijacked: &hijacked{conn: far, stall: time.Hour}}
	d.abort()
	if err := d.write(written(10), time.Now()); err == nil {
		t.Error("a write after an abort succeeds")
	}
}

// counted counts the writes of a connection.
type counted struct {
	net.Conn
	writes atomic.Int64
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// A body that is torn off gets no goodbye, which a connection that takes nothing
// would keep waiting; one that ends gets TLS's.
func TestTornOffTLSSaysNoGoodbye(t *testing.T) {
	config, err := TLSSelfSigned("")
	if err != nil {
		t.Fatal(err)
	}
	for clean, goodbyes := range map[bool]int64{true: 1, false: 0} {
		near, far := net.Pipe()
		bare := &counted{Conn: far}
		server := tls.Server(bare, config)
		d := &tlsDoor{hijacked: &hijacked{conn: server}, bare: bare}
		shaken := make(chan int64, 1)
		go func() {
			if err := server.HandshakeContext(patient(t)); err != nil {
				t.Error(err)
			}
			shaken <- bare.writes.Load()
			d.close(clean)
		}()
		if _, err := io.Copy(io.Discard, tls.Client(near, &tls.Config{InsecureSkipVerify: true})); err != nil {
			t.Error(err)
		}
		near.Close()
		if got := bare.writes.Load() - <-shaken; got != goodbyes {
			t.Errorf("clean %t: %d writes at the end", clean, got)
		}
	}
}

func TestCoalesce(t *testing.T) {
	bufs := [][]byte{make([]byte, 3), {1}, nil, make([]byte, 25), {2}}
	var sizes []int
	var got []byte
	if err := coalesce(bufs, 10, func(b []byte) error {
		sizes, got = append(sizes, len(b)), append(got, b...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := bytes.Join(bufs, nil); !bytes.Equal(got, want) || len(sizes) != 3 || sizes[0] != 10 || sizes[1] != 10 || sizes[2] != 10 {
		t.Errorf("pieces of %v bytes, %v; expected %v", sizes, got, want)
	}
	broken := errors.New("broken")
	if err := coalesce(bufs, 10, func([]byte) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}
