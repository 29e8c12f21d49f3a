package streamtest

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// kinds are files of every sort that there is.
func kinds() map[string]MediaOptions {
	return map[string]MediaOptions{
		"wav":      {WAV: true, Run: 3, Frames: 12},
		"wav, end": {WAV: true, Run: 3, Frames: 12, Sized: true},
		"sound":    {Run: 3, Frames: 12, Size: 40},
		"clusters": {Run: 3, Frames: 12, Size: 8, Every: 2},
		"jump":     {Run: 3, Frames: 12, Size: 40, Jump: 5, JumpBy: -time.Minute},
		"picture":  {Run: 3, Frames: 12, Size: 100, Every: 3, Video: true},
	}
}

// What is made is heard, all of it and nothing else, wherever it is cut.
func TestHear(t *testing.T) {
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) {
			m := NewMedia(o)
			runs := map[int]*Media{3: m}
			b := endless(m)
			for n := range len(b) + 1 {
				all, rest, err := Hear(b[:n], runs)
				if err != nil {
					t.Fatalf("%d bytes: %v", n, err)
				}
				if len(all) != m.Whole(n) {
					t.Fatalf("%d bytes: %d frames; expected %d", n, len(all), m.Whole(n))
				}
				for i, h := range all {
					if h.Run != 3 || h.N != i || !o.WAV && h.Time != m.Frames[i].Time {
						t.Fatalf("%d bytes: frame %d is %v at %v", n, i, h, h.Time)
					}
				}
				if n == len(b) && rest != 0 {
					t.Errorf("%d bytes are left", rest)
				}
			}
		})
	}
}

// endless is a file as listeners get it.
func endless(m *Media) []byte {
	b := m.Bytes()
	if m.wav {
		copy(b[40:], "\xff\xff\xff\xff")
	}
	return b
}

// What is not as it was made is noticed: a byte of a frame that is another, a byte
// that is missing, a frame that was never made.
func TestHearNotices(t *testing.T) {
	for name, o := range kinds() {
		t.Run(name, func(t *testing.T) {
			m := NewMedia(o)
			runs := map[int]*Media{3: m}
			b := endless(m)
			same := func(other []byte) bool {
				want, _, _ := Hear(b, runs)
				got, rest, err := Hear(other, runs)
				return err == nil && rest == 0 && slices.Equal(got, want)
			}
			if !same(b) {
				t.Fatal("nothing is the same")
			}
			at := len(m.Header)
			for _, f := range m.Frames {
				data := at + len(f.Bytes) - len(f.Data)
				for i := at; i < at+len(f.Bytes); i++ {
					other := bytes.Clone(b)
					if other[i] ^= 1; i >= data && same(other) {
						t.Fatalf("byte %d may be another", i)
					}
					if same(slices.Delete(bytes.Clone(b), i, i+1)) {
						t.Fatalf("byte %d may be missing", i)
					}
				}
				at += len(f.Bytes)
			}
			if _, _, err := Hear(b, map[int]*Media{4: m}); err == nil {
				t.Error("a run that was never sent is heard")
			}
		})
	}
}
