package relay

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"everfile/relay/calls"
)

// benchCaller is one of two.
type benchCaller struct {
	load                *callsLoad
	name, peer          string
	rings               bool
	in, talking, talked func()
	socket              *socket
	call                string
}

// online opens the control socket, which the caller abandons, and says hello.
func (c *benchCaller) online(ctx context.Context) (err error) {
	if c.socket, err = dial(ctx, "ws://"+c.load.addr+"/ws", c.load.client); err != nil {
		return err
	}
	wavs := []string{"audio/wav"}
	err = c.say(ctx, calls.Message{Type: "hello", Caller: c.name, Can: &calls.Can{Record: wavs, Play: wavs}})
	if err == nil {
		_, err = c.hear(ctx, "welcome")
	}
	if err != nil {
		c.socket.abandon()
	}
	return err
}

func (c *benchCaller) run(ctx context.Context, in, talked *sync.WaitGroup) error {
	if err := c.online(ctx); err != nil {
		return err
	}
	defer c.socket.abandon()
	c.in()
	in.Wait()
	start, err := c.connect(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	began := time.Now()
	var got int64
	g.Go(func() (err error) {
		got, err = c.listen(gctx, start.Play[0].URL, began)
		return err
	})
	g.Go(func() error {
		err := c.talk(gctx, start.Publish[0].URL)
		c.talked()
		talked.Wait()
		if err == nil && c.rings {
			err = c.say(ctx, calls.Message{Type: "hangup", Call: c.call})
		}
		return err
	})
	g.Go(func() error { return c.messages(gctx) })
	err = g.Wait()
	c.load.note(func() { c.load.got += got })
	return err
}

// connect rings, or answers, and returns the start.
func (c *benchCaller) connect(ctx context.Context) (calls.Message, error) {
	if c.rings {
		if err := c.say(ctx, calls.Message{Type: "invite", To: c.peer, Media: &calls.Media{Audio: true}}); err != nil {
			return calls.Message{}, err
		}
	} else {
		m, err := c.hear(ctx, "invite")
		if err != nil {
			return m, err
		}
		if err := c.say(ctx, calls.Message{Type: "accept", Call: m.Call, Media: &calls.Media{Audio: true}}); err != nil {
			return m, err
		}
	}
	m, err := c.hear(ctx, "start")
	if err == nil && (len(m.Play) != 1 || len(m.Publish) != 1) {
		err = fmt.Errorf("start has %d files to play and %d to publish", len(m.Play), len(m.Publish))
	}
	c.call = m.Call
	return m, err
}

func (c *benchCaller) say(ctx context.Context, m calls.Message) error {
	return c.socket.writeText(ctx, calls.Encode(m))
}

// hear waits for a message of a type and passes others over, but for errors.
func (c *benchCaller) hear(ctx context.Context, typ string) (calls.Message, error) {
	for {
		raw, err := c.socket.read(ctx, 1<<20)
		if err != nil {
			return calls.Message{}, err
		}
		var m calls.Message
		if err := json.Unmarshal(raw.data, &m); err != nil {
			return m, err
		}
		switch m.Type {
		case typ:
			return m, nil
		case "error":
			return m, fmt.Errorf("%s: %s", m.Code, m.Text)
		case "ended":
			return m, errEnded
		}
	}
}

var errEnded = errors.New("the call has ended")

// messages keeps how long the other's take to come, until the call ends.
func (c *benchCaller) messages(ctx context.Context) error {
	for {
		m, err := c.hear(ctx, "message")
		if errors.Is(err, errEnded) {
			return nil
		}
		if err != nil {
			return err
		}
		var sent int64
		if err := json.Unmarshal(m.Data, &sent); err != nil {
			return err
		}
		took := time.Since(time.Unix(0, sent))
		c.load.note(func() { c.load.answers = append(c.load.answers, took) })
	}
}

// talk publishes numbered samples, and says something on the control socket
// every second, until the time is over and all is acknowledged.
func (c *benchCaller) talk(ctx context.Context, url string) error {
	s, err := dial(ctx, "ws://"+c.load.addr+url+"&run="+c.name, c.load.client)
	if err != nil {
		return err
	}
	defer s.abandon()
	ready := make(chan struct{})
	g, gctx := errgroup.WithContext(ctx)
	messages := int64(c.load.o.Time / callEvery)
	g.Go(func() error {
		for acked := int64(0); acked < messages; {
			raw, err := s.read(gctx, 1<<10)
			if err != nil {
				return err
			}
			a, ok := parseAck(raw.data)
			if !ok {
				continue
			}
			if a.Type == "ready" {
				close(ready)
			}
			acked = a.Chunks
		}
		return nil
	})
	g.Go(func() error {
		select {
		case <-ready:
		case <-gctx.Done():
			return context.Cause(gctx)
		}
		c.talking()
		return c.send(gctx, s, messages)
	})
	return g.Wait()
}

// callHeader is that of the callers' sound.
const callHeader = "RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff"

// appendSamples appends a message's samples, each of which is its number.
func appendSamples(b []byte, number int) []byte {
	for i := range callSamples {
		b = binary.LittleEndian.AppendUint16(b, uint16(number+i))
	}
	return b
}

func (c *benchCaller) send(ctx context.Context, s *socket, messages int64) error {
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	b := []byte(callHeader)
	number := 0
	for i := range messages {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		b = appendSamples(b, number)
		number += callSamples
		if err := s.writeBinary(ctx, b); err != nil {
			return err
		}
		b = b[:0]
		if i%50 == 0 {
			now, _ := json.Marshal(time.Now().UnixNano())
			if err := c.say(ctx, calls.Message{Type: "message", Call: c.call, Data: now}); err != nil {
				return err
			}
		}
	}
	c.load.note(func() { c.load.sent += int64(number) })
	return nil
}

// listen reads the other's file to its end and returns how many samples came,
// each one above the last.
func (c *benchCaller) listen(ctx context.Context, url string, began time.Time) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.load.addr+url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.load.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return 0, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 44)); err != nil {
		return 0, err
	}
	sound := bufio.NewReaderSize(resp.Body, 4<<10)
	var sample [2]byte
	for ; ; n++ {
		if _, err := io.ReadFull(sound, sample[:]); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if n == 0 {
			took := time.Since(began)
			c.load.note(func() { c.load.begun = append(c.load.begun, took) })
		}
		if v := binary.LittleEndian.Uint16(sample[:]); v != uint16(n) {
			return n, fmt.Errorf("sample %d says it is %d", n, v)
		}
	}
}
