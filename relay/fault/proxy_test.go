package fault

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What nobody wants changed passes unchanged, both ways, and so does its end.
func TestPasses(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy()
		client, server := q.pair("hello")
		n.gets(server, "hello")
		b := string(ramp(100_000))
		for _, ends := range [][2]net.Conn{{client, server}, {server, client}} {
			from, to := ends[0], ends[1]
			go func() {
				_, _ = from.Write([]byte(b)) // the reader sees how much it was
				closeWrite(from)
			}()
			n.reads(to, b)
		}
		if q.p.Connections() != 1 {
			t.Errorf("%d connections", q.p.Connections())
		}
	})
}

// Either end learns that the other has closed altogether.
func TestPassesTheEnd(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy()
		client, server := q.pair("hello")
		client.Close()
		n.reads(server, "hello")
		server.Close()
		client, server = q.pair("again")
		server.Close()
		n.ends(client)
	})
}

// ends demands that an end is told of the end, in whatever way.
func (n network) ends(c net.Conn) {
	n.t.Helper()
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		n.t.Error("it is not told of the end")
	}
}

func TestCut(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy(Plan{Up: Line{Events: []Event{{After: 7, Kind: Cut}}}}, Plan{Down: Line{Events: []Event{{After: 3, Kind: Cut}}}})
		client, server := q.pair("0123456789")
		n.reads(server, "0123456")
		n.ends(client)
		client, server = q.pair("hello")
		n.gets(server, "hello")
		n.write(server, "abcdef")
		n.reads(client, "abc")
		n.ends(server)
	})
}

// An event can be had exactly where a frame's head ends, or in its data.
func TestFrames(t *testing.T) {
	long, longer := make([]byte, 300), make([]byte, 70_000)
	said := "GET / HTTP/1.1\r\n\r\n" + "\x82\x83mask123" + "\x81\x00" + "\x82\x7e\x01\x2c" + string(long) + "\x82\xff\x00\x00\x00\x00\x00\x01\x11\x70mask" + string(longer) + "\x81\x01x"
	for want, e := range map[int]Event{
		18 + 6:                        {Frame: 1},
		18 + 6 + 2:                    {Frame: 1, After: 2},
		18 + 9 + 2:                    {Frame: 2},
		18 + 9 + 2 + 4 + 300:          {Frame: 3, After: 300},
		18 + 9 + 2 + 304 + 14:         {Frame: 4},
		18 + 9 + 2 + 304 + 70_014 + 3: {Frame: 5, After: 1},
	} {
		both(t, func(t *testing.T, n network) {
			e.Kind = Cut
			client, server := n.proxy(Plan{Up: Line{Events: []Event{e}}}).pair(said[:30])
			go func() { _, _ = client.Write([]byte(said[30:])) }() // the reader sees how much came
			n.reads(server, said[:want])
		})
	}
}

func TestReset(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy(Plan{Down: Line{Events: []Event{{After: 3, Kind: Reset}}}})
		client, server := q.pair("hello")
		n.gets(server, "hello")
		n.write(server, "abcdef")
		for _, c := range []net.Conn{client, server} {
			if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("it is told %v", err)
			}
		}
	})
}

// A reset that one end makes is one to the other.
func TestPassesAReset(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		client, server := n.proxy().pair("hello")
		n.gets(server, "hello")
		reset(client)
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("it is told %v", err)
		}
	})
}

func TestHalfClose(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		client, server := n.proxy(Plan{Up: Line{Events: []Event{{After: 2, Kind: HalfClose}}}}).pair("hello")
		n.reads(server, "he")
		n.write(client, "more that nobody gets")
		n.write(server, "still here")
		n.gets(client, "still here")
	})
}

func TestSilence(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		client, server := n.proxy(Plan{Up: Line{Events: []Event{{After: 2, Kind: Silence}}}}).pair("hello")
		n.gets(server, "he")
		n.write(server, "is anybody there?")
		n.write(client, "is anybody there?")
		server.Close()
		client.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if k, err := client.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d bytes and %v come", k, err)
		}
	})
}

// On a clock of its own it is exact when what arrives.
func TestTimes(t *testing.T) {
	const ms = time.Millisecond
	plan := func(l Line) Plan { return Plan{Down: l} }
	for name, row := range map[string]struct {
		plan  Plan
		sizes []int
		at    []time.Duration
	}{
		"nothing":        {Plan{}, []int{10}, []time.Duration{0}},
		"delay":          {plan(Line{Delay: 70 * ms}), []int{10}, []time.Duration{70 * ms}},
		"stall":          {plan(Line{Events: []Event{{After: 4, Kind: Stall, For: 30 * ms}}}), []int{4, 6}, []time.Duration{0, 30 * ms}},
		"stalls":         {plan(Line{Events: []Event{{Kind: Stall, For: 5 * ms}, {After: 9, Kind: Stall, For: 30 * ms}}}), []int{9, 1}, []time.Duration{5 * ms, 35 * ms}},
		"pieces":         {plan(Line{Pieces: []int{1, 3}}), []int{1, 3, 6}, []time.Duration{0, apart, 2 * apart}},
		"delay, cut":     {plan(Line{Delay: 70 * ms, Events: []Event{{After: 4, Kind: Cut}}}), []int{4}, []time.Duration{70 * ms}},
		"delay and more": {plan(Line{Delay: 70 * ms, Pieces: []int{2}, Events: []Event{{After: 4, Kind: Stall, For: 30 * ms}}}), []int{2, 2, 6}, []time.Duration{70 * ms, 70*ms + apart, 100 * ms}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := inMemory(t)
				client, server := n.proxy(row.plan).pair("hello")
				n.gets(server, "hello")
				began := time.Now()
				n.write(server, "0123456789")
				for i, size := range row.sizes {
					k, err := client.Read(make([]byte, 100))
					if at := time.Since(began); k != size || err != nil || at != row.at[i] {
						t.Errorf("read %d gives %d bytes and %v after %v; expected %d after %v", i, k, err, at, size, row.at[i])
					}
				}
			})
		})
	}
}

func TestRules(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy()
		control, board := q.pair("GET /ws HTTP/1.1")
		media, file := q.pair("GET /a.webm HTTP/1.1")
		n.gets(board, "GET /ws HTTP/1.1")
		n.gets(file, "GET /a.webm HTTP/1.1")
		q.p.Set("GET /ws ", Rule{Refuse: true})
		n.ends(control)
		n.ends(board)
		refused := n.dial(q.p.Addr().String())
		bound(refused)
		n.write(refused, "GET /ws HTTP/1.1")
		n.ends(refused)
		refused.Close()
		n.write(media, "more")
		n.gets(file, "more")
		q.p.Set("GET /ws ", Rule{})
		control, board = q.pair("GET /ws again")
		n.gets(board, "GET /ws again")
		q.p.Cut("GET /ws ")
		n.ends(control)
		q.p.Cut("")
		n.ends(media)
	})
}

// A stall that the test ends, and a limit, hold what they should for as long as
// they should.
func TestStallAndLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := inMemory(t)
		q := n.proxy()
		client, server := q.pair("one")
		other, third := q.pair("two")
		n.gets(server, "one")
		n.gets(third, "two")
		q.p.Set("one", Rule{Stall: true})
		n.write(client, "held")
		n.write(other, "passes")
		n.gets(third, "passes")
		time.AfterFunc(time.Hour, func() { q.p.Set("one", Rule{Up: 300_000 / 8}) })
		for _, c := range []net.Conn{client, server} {
			c.SetDeadline(time.Now().Add(2 * time.Hour))
		}
		began := time.Now()
		n.gets(server, "held")
		if d := time.Since(began) - time.Hour; d < 0 || d > time.Millisecond {
			t.Errorf("it passes %v after the stall", d)
		}
		b := string(ramp(2 * 37_500))
		began = time.Now()
		go func() {
			_, _ = client.Write([]byte(b)) // the reader sees how much it was
			client.Close()
		}()
		n.reads(server, b)
		if d := time.Since(began); d < 1950*time.Millisecond || d > 2050*time.Millisecond {
			t.Errorf("2 s of 300 kbit/s take %v", d)
		}
	})
}

// A limit is felt by who writes, not only by who reads: nearly nothing is held in
// between, in memory or by the kernel.
func TestLimitIsFelt(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		q := n.proxy()
		client, server := q.pair("hello")
		n.gets(server, "hello")
		q.p.Set("", Rule{Up: 1})
		client.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		k, err := client.Write(ramp(8 << 20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || k > 256<<10 {
			t.Errorf("%d bytes are written although nothing passes, and then %v", k, err)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	both(t, func(t *testing.T, n network) {
		p := New(n.listen(), nil, nil)
		idle := n.dial(p.Addr().String())
		defer idle.Close()
		p.Close() // and returns, although a connection says nothing
		bound(idle)
		n.ends(idle)
	})
	var m Memory
	ln := m.Listen()
	ln.Close()
	for _, addr := range []string{ln.Addr().String(), "memory:99"} {
		if _, err := m.Dial(t.Context(), addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
