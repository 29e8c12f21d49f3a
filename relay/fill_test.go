package relay

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"everfile/stream"
	"everfile/stream/streamtest"
)

// filled feeds parts of counting samples at times and returns the samples of the
// body, 1 kHz mono: one sample is a millisecond. A number is the sample's own
// stream time in ms, 0 is silence.
func filled(t *testing.T, steps func(feed func(at, n int), tick func(clock int))) []int16 {
	t.Helper()
	f := &filling{rate: 1000, frame: 2}
	var body []byte
	write := func(v *vector) { body = append(body, bytes.Join(v.bufs, nil)...) }
	clock := time.Duration(0)
	steps(func(at, n int) {
		var b []byte
		for i := range n {
			b = binary.LittleEndian.AppendUint16(b, uint16(at+i))
		}
		v := &vector{parts: []*stream.Part{{Time: time.Duration(at) * time.Millisecond, Bytes: b}}}
		f.add(v, clock)
		write(v)
	}, func(ms int) {
		clock = time.Duration(ms) * time.Millisecond
		v := &vector{}
		f.add(v, clock)
		write(v)
	})
	samples := make([]int16, len(body)/2)
	if _, err := binary.Decode(body, binary.LittleEndian, samples); err != nil {
		t.Fatal(err)
	}
	return samples
}

// onTime demands that every sample that is not silence stands where its own
// number says, counted from the first, and returns how many are silence.
func onTime(t *testing.T, samples []int16, slack int) (silent int) {
	t.Helper()
	first := int(samples[0])
	for i, v := range samples {
		if v == 0 {
			silent++
		} else if d := int(v) - first - i; d > slack || d < -slack {
			t.Fatalf("sample %d of the body is that of %d ms; expected %d", i, v, first+i)
		}
	}
	return silent
}

func TestFillWithoutNeed(t *testing.T) {
	got := filled(t, func(feed func(at, n int), tick func(int)) {
		for at := 100; at < 2000; at += 20 {
			tick(at + 10)
			feed(at, 20)
		}
	})
	if silent := onTime(t, got, 0); len(got) != 1900 || silent != 0 {
		t.Errorf("%d samples, %d of silence", len(got), silent)
	}
}

// The publisher is away for two seconds and then sends what it had kept: silence
// meanwhile, and what was too late is left out.
func TestFillAnOutage(t *testing.T) {
	got := filled(t, func(feed func(at, n int), tick func(int)) {
		for at := 100; at < 1000; at += 20 {
			feed(at, 20)
		}
		for clock := 1000; clock <= 3000; clock += 100 {
			tick(clock)
		}
		for at := 1000; at < 4000; at += 20 {
			feed(at, 20)
		}
	})
	silent := onTime(t, got, 0)
	if silent < 1700 || silent > 2000 {
		t.Errorf("%d ms of silence in an outage of 2,000", silent)
	}
	if want := 3900; len(got) != want {
		t.Errorf("%d samples; expected %d, a second each 1,000", len(got), want)
	}
}

// A new run begins at a later time, as after a reload.
func TestFillAGap(t *testing.T) {
	got := filled(t, func(feed func(at, n int), tick func(int)) {
		feed(100, 20)
		feed(1100, 20)
		feed(1120, 20)
	})
	if silent := onTime(t, got, 0); silent != 980 || len(got) != 1040 {
		t.Errorf("%d samples, %d of silence", len(got), silent)
	}
}

// A listener that was moved far forward is not sent the time that it has lost.
func TestFillAfterAMove(t *testing.T) {
	got := filled(t, func(feed func(at, n int), tick func(int)) {
		feed(100, 20)
		tick(130)
		feed(9000, 20)
	})
	if len(got) != 40 {
		t.Errorf("%d samples; expected 40", len(got))
	}
}

// Over HTTP: while the publisher says nothing the body grows by the clock.
func TestFillSilence(t *testing.T) {
	r, _ := begun(t, "http", "/a.wav", wide(), [][]byte{streamtest.Wave(time.Second)})
	r.refused("GET", "/a.wav?fill=noise", nil, 400, "fill=silence keeps WAV and PCM on the clock")
	l := r.listen("/a.wav?fill=silence")
	l.has(44 + 48_000 + 2*4800) // the last half second, and a tenth of nothing
	r2, _ := begun(t, "http", "/b.webm", wide(), capture(t, sound))
	r2.refused("GET", "/b.webm?fill=silence", nil, 400, "for a stream of webm")
	r3, _ := begun(t, "http", "/c.mp3", wide(), [][]byte{soundFile(t, "tone.mp3")})
	r3.refused("GET", "/c.mp3?fill=silence", nil, 400, "for a stream of mp3")
}
