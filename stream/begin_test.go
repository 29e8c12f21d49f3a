package stream

import (
	"slices"
	"testing"
)

// Who waits for a file's begin gets it, if it is to be complete: the first of
// several frames that come at once. Others begin as late as they can, and so does
// who comes later.
func TestListenersBegin(t *testing.T) {
	file := cat(begin(opusTrack), cluster(0, simple(2, 0, 0, "one"), simple(2, 20, 0, "two"), simple(2, 40, 0, "three")))
	head := len(begin(opusTrack))
	for _, row := range []struct {
		complete bool
		after    int // bytes of the file
		want     []string
	}{
		{true, head, []string{"one", "two", "three"}},
		{false, head, []string{"three"}},
		{true, len(file), []string{"three"}},
		{false, len(file), []string{"three"}},
	} {
		h := newHub(t, roomy())
		p := mustPublish(t, h, "x", PublishOptions{Format: ByExt("webm")})
		mustWrite(t, p, file[:row.after])
		l := streamOf(t, h, "x").Listen(ListenOptions{Complete: row.complete})
		mustWrite(t, p, file[row.after:])
		if err := p.End(); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, part := range drain(t, l, nil) {
			got = append(got, string(part.Frame))
		}
		l.Close()
		if !slices.Equal(got, row.want) {
			t.Errorf("complete %t, after %d bytes: %q; expected %q", row.complete, row.after, got, row.want)
		}
	}
}
