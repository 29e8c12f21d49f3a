package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// asPictures are options for who publishes pictures.
func asPictures(o PublishOptions) PublishOptions {
	o.Format = ByExt("mjpeg")
	return o
}

// talk is a short WAV file without an end.
func talk() []byte {
	return wavSpec{tag: wavPCM, channels: 1, bits: 16, rate: 8000, size: 0xFFFFFFFF, sized: true, data: ramp(4000)}.bytes()
}

// TestPicturesBesideMedia: a name's two sources, each of them with a life of its own,
// are told of and counted together.
func TestPicturesBesideMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		one := jpegSpec{}.bytes()
		told := func(want string) {
			t.Helper()
			var all []string
			for _, i := range h.Infos(func(name string) bool { return name == "x" }) {
				var codecs, views []string
				for _, t := range i.Tracks {
					codecs = append(codecs, t.Codec)
				}
				for _, v := range i.Views {
					views = append(views, v.Ext)
				}
				all = append(all, fmt.Sprintf("%s %s %v as %v, %d listeners, %d bytes since %v, edge %v, live %t",
					i.Name, i.Format.Name, codecs, views, i.Listeners, i.BytesIn, time.Since(i.Since), i.Edge, i.Live))
			}
			if got := strings.Join(all, "; "); got != want {
				t.Errorf("got      %s\nexpected %s", got, want)
			}
		}
		cam := mustPublish(t, h, "x", asPictures(PublishOptions{Run: "cam"}))
		mustWrite(t, cam, one)
		told(fmt.Sprintf("x mjpeg [mjpeg] as [mjpeg jpg], 0 listeners, %d bytes since 0s, edge 0s, live true", len(one)))
		time.Sleep(time.Second)
		mic := mustPublish(t, h, "x", PublishOptions{Run: "mic"})
		mustWrite(t, mic, talk())
		pictures, media := h.Sources("x")[1], streamOf(t, h, "x")
		if media.format.Name != "wav" || pictures.format.Name != "mjpeg" || h.Stream("x") != media {
			t.Fatalf("the sources are %s and %s", media.format.Name, pictures.format.Name)
		}
		a, b, c := media.Listen(ListenOptions{}), pictures.Listen(ListenOptions{}), pictures.Listen(ListenOptions{})
		defer c.Close()
		told(fmt.Sprintf("x wav [1 mjpeg] as [wav pcm mjpeg jpg], 3 listeners, %d bytes since 1s, edge 250ms, live true", len(one)+len(talk())))
		if n := h.Listeners("x"); n != 3 || !slices.Equal(h.Names(), []string{"x"}) || !h.Registered("x") {
			t.Errorf("%d listeners to %v", n, h.Names())
		}
		a.Close()
		b.Close()

		cam.Drop() // it may come back, while the sound goes on
		mustWrite(t, mic, ramp(16))
		if again := mustPublish(t, h, "x", asPictures(PublishOptions{Run: "cam"})); !again.known {
			t.Error("the pictures' run is lost")
		} else if err := again.End(); err != nil {
			t.Error(err)
		}
		told(fmt.Sprintf("x wav [1] as [wav pcm], 0 listeners, %d bytes since 0s, edge 250ms, live true", len(talk())+16))
		if err := mic.End(); err != nil || h.Registered("x") || h.Stream("x") != nil {
			t.Errorf("it has ended: %v", err)
		}

		cam, mic = mustPublish(t, h, "x", asPictures(PublishOptions{})), mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, cam, one)
		l := h.Stream("x").Listen(ListenOptions{})
		over := errors.New("over")
		h.End("x", over)
		if cam.Cause() != over || mic.Cause() != over {
			t.Errorf("the causes are %v and %v", cam.Cause(), mic.Cause())
		}
		if parts, _ := l.Take(nil); len(parts) != 1 {
			t.Errorf("%d pictures are left", len(parts))
		}
		if _, err := l.Take(nil); err != io.EOF {
			t.Errorf("it goes on: %v", err)
		}
		l.Close()
		cam.Drop()
		mic.Drop()
		if h.Registered("x") || len(h.entries) != 0 {
			t.Errorf("%d entries are left", len(h.entries))
		}
	})
}

// TestViewsOfBoth: pictures stand for what would be made of the media.
func TestViewsOfBoth(t *testing.T) {
	h := newHub(t, Options{})
	mustWrite(t, mustPublish(t, h, "x", PublishOptions{}), begin(vp8Track, opusEl(2, 1)))
	mustWrite(t, mustPublish(t, h, "x", asPictures(PublishOptions{})), jpegSpec{}.bytes())
	var got []string
	for _, v := range Views(h.Sources("x")) {
		got = append(got, v.Ext)
	}
	if want := []string{"webm", "ogg", "wav", "pcm", "mjpeg", "jpg"}; !slices.Equal(got, want) {
		t.Errorf("it can be played as %v; expected %v", got, want)
	}
}

// TestKeyHoldsBothSources: who holds one of a name's sources by a key holds the name.
func TestKeyHoldsBothSources(t *testing.T) {
	media := func(o PublishOptions) PublishOptions { return o }
	for _, c := range []struct {
		name        string
		first, then func(PublishOptions) PublishOptions
		key, other  string
		gone        bool // the first is, and may come back
		want        error
	}{
		{"pictures by the same key", media, asPictures, "k", "k", false, nil},
		{"pictures by another", media, asPictures, "k", "l", false, ErrBusy},
		{"pictures by none", media, asPictures, "k", "", false, ErrBusy},
		{"pictures while it is gone", media, asPictures, "k", "l", true, ErrBusy},
		{"media by the same key", asPictures, media, "k", "k", false, nil},
		{"media by another", asPictures, media, "k", "l", false, ErrBusy},
		{"media while they are gone", asPictures, media, "k", "l", true, ErrBusy},
		{"beside what has no key", media, asPictures, "", "l", false, ErrBusy},
		{"media beside what has no key", asPictures, media, "", "l", true, ErrBusy},
		{"neither has one", media, asPictures, "", "", false, nil},
	} {
		h := newHub(t, Options{})
		first := mustPublish(t, h, "x", c.first(PublishOptions{Key: c.key, Run: "r"}))
		if c.gone {
			first.Drop()
		}
		then, err := h.Publish("x", c.then(PublishOptions{Key: c.other}))
		if err != c.want {
			t.Errorf("%s: %v; expected %v", c.name, err, c.want)
		}
		if err == nil {
			first.Drop()
			again, err := h.Publish("x", c.first(PublishOptions{Key: c.key, Run: "r"}))
			if err != nil {
				t.Errorf("%s: who was there cannot go on: %v", c.name, err)
			} else {
				again.Drop()
			}
			then.Drop()
		}
		first.Drop()
		h.End("x", nil)
		if p, err := h.Publish("x", c.then(PublishOptions{Key: c.other})); err != nil {
			t.Errorf("%s: then the name is free, but %v", c.name, err)
		} else {
			p.Drop()
		}
	}
}

// TestOpenAs: which source is played, and how long who asks waits for it.
func TestOpenAs(t *testing.T) {
	wav, pictures, vp8 := talk(), jpegSpec{}.bytes(), cat(begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0))
	for _, c := range []struct {
		name            string
		media, pictures []byte // nil: nobody publishes it; empty: somebody who has sent nothing
		later           []byte // what the latter send after a second
		ext             string // with a ! for who waits anyway
		want            string // the container, or the error
		after           time.Duration
	}{
		{"media", wav, pictures, nil, "", "wav", 0},
		{"media's view", wav, pictures, nil, "pcm", "wav", 0},
		{"pictures", wav, pictures, nil, "mjpeg", "mjpeg", 0},
		{"the newest picture", wav, pictures, nil, "jpg", "mjpeg", 0},
		{"pictures rather than what is made of media", vp8, pictures, nil, "jpg", "mjpeg", 0},
		{"what is made of media", vp8, nil, nil, "mjpeg", "webm", 0},
		{"pictures alone", nil, pictures, nil, "", "mjpeg", 0},
		{"sound of pictures", nil, pictures, nil, "wav", "mjpeg: the stream has no sound", 0},
		{"pictures of sound", wav, nil, nil, "jpg", "wav: it has no picture", 0},
		{"pictures that come", wav, []byte{}, pictures, "jpg", "mjpeg", time.Second},
		{"media that come", []byte{}, pictures, wav, "wav", "wav", time.Second},
		{"media that have not come yet", []byte{}, pictures, wav, "", "mjpeg", 0},
		{"pictures that do not come", wav, []byte{}, nil, "jpg", "wav: it has no picture", 5 * time.Second},
		{"the first of both", []byte{}, []byte{}, wav, "", "wav", time.Second},
		{"what is made of media that come", []byte{}, nil, vp8, "jpg", "webm", time.Second},
		{"neither", []byte{}, nil, nil, "jpg", "no such stream", 5 * time.Second},
		{"nobody", nil, nil, nil, "jpg", "no such stream", 0},
		{"media that somebody waits for", nil, pictures, nil, "wav!", "mjpeg: the stream has no sound", 5 * time.Second},
		{"pictures that somebody waits for", wav, nil, nil, "mjpeg!", "wav: it has no picture", 5 * time.Second},
		{"what pictures never are", wav, []byte{}, nil, "webm!", "wav: webm is made of opus here, and there is none in it", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHub(t, Options{})
			var waits *Publisher
			for i, b := range [][]byte{c.pictures, c.media} {
				if b == nil {
					continue
				}
				o := PublishOptions{}
				if i == 0 {
					o = asPictures(o)
				}
				p := mustPublish(t, h, "x", o)
				if len(b) > 0 {
					mustWrite(t, p, b)
				} else {
					waits = p
				}
			}
			if c.later != nil {
				time.AfterFunc(time.Second, func() { mustWrite(t, waits, c.later) })
			}
			began := time.Now()
			ext, anyway := strings.CutSuffix(c.ext, "!")
			wait := time.Duration(0)
			if anyway {
				wait = 5 * time.Second
			}
			s, v, err := h.OpenAs(t.Context(), "x", ext, wait, 5*time.Second)
			var got string
			switch {
			case s == nil:
				got = err.Error()
			case err != nil:
				got = s.format.Name + ": " + err.Error()
			default:
				if got = s.format.Name; ext != "" && v.Ext != ext {
					t.Errorf("%s: it is .%s", c.name, v.Ext)
				}
			}
			if got != c.want || time.Since(began) != c.after {
				t.Errorf("%s: %s after %v; expected %s after %v", c.name, got, time.Since(began), c.want, c.after)
			}
			time.Sleep(2 * time.Second) // until all has been sent
		})
	}
}

// TestOpenAsGivesUp: with its context, and with the hub.
func TestOpenAsGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if _, _, err := h.OpenAs(ctx, "x", "jpg", time.Hour, 0); err != gone {
			t.Errorf("after its context: %v", err)
		}
		if n := len(h.entries); n != 0 {
			t.Errorf("%d entries are left", n)
		}
		time.AfterFunc(time.Second, h.Close)
		if _, _, err := h.OpenAs(t.Context(), "x", "jpg", time.Hour, 0); err != ErrClosed {
			t.Errorf("after the hub: %v", err)
		}
	})
}

// TestOpenOf: a format that was agreed on is waited for, whatever else the name has.
func TestOpenOf(t *testing.T) {
	wav, pictures, webm := ByExt("wav"), ByExt("mjpeg"), ByExt("webm")
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, Options{})
		want := func(f *Format, wait time.Duration, is *Format, after time.Duration) {
			t.Helper()
			began := time.Now()
			s, err := h.OpenOf(t.Context(), "x", f, wait)
			if is == nil && err != ErrNotFound || is != nil && (err != nil || s.format != is) || time.Since(began) != after {
				t.Errorf("%s: %v, %v after %v", f.Name, s, err, time.Since(began))
			}
		}
		want(wav, 0, nil, 0)
		mic := mustPublish(t, h, "x", PublishOptions{})
		mustWrite(t, mic, talk())
		want(wav, 0, wav, 0)
		want(webm, 5*time.Second, nil, 5*time.Second)
		time.AfterFunc(time.Second, func() {
			mustWrite(t, mustPublish(t, h, "x", asPictures(PublishOptions{})), jpegSpec{}.bytes())
		})
		want(pictures, 5*time.Second, pictures, time.Second)
		time.AfterFunc(time.Second, func() {
			_ = mic.End()
			mustWrite(t, mustPublish(t, h, "x", PublishOptions{}), cat(begin(vp8Track, opusTrack), open(idCluster, 8), num(idTimestamp, 0)))
		})
		want(webm, 5*time.Second, webm, time.Second)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		time.AfterFunc(time.Second, func() { cancel(gone) })
		if _, err := h.OpenOf(ctx, "x", wav, time.Hour); err != gone {
			t.Errorf("after its context: %v", err)
		}
		time.AfterFunc(time.Second, h.Close)
		if _, err := h.OpenOf(t.Context(), "x", wav, time.Hour); err != ErrClosed {
			t.Errorf("after the hub: %v", err)
		}
	})
}

// A publisher who takes a place waits for nobody but who writes under the same name.
func TestPublishersOfOthersGoOn(t *testing.T) {
	h := newHub(t, Options{})
	p := mustPublish(t, h, "x", PublishOptions{Key: "k"})
	p.e.mu.Lock() // it is writing
	done := make(chan error, 1)
	go func() {
		_, err := h.Publish("x", PublishOptions{Key: "l"})
		done <- err
	}()
	for h.holders("x") < 2 {
		runtime.Gosched()
	}
	mustPublish(t, h, "y", PublishOptions{}).Drop()
	p.e.mu.Unlock()
	if err := <-done; err != ErrBusy {
		t.Error(err)
	}
	p.Drop()
}

// holders is how many hold a name's media.
func (h *Hub) holders(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entries[name].holders
}
