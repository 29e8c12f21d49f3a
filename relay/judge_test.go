package relay

import (
	"testing"

	"everfile/stream/streamtest"
)

// judge has ffmpeg decode a body, demands that it finds nothing wrong and that
// each track's timestamps rise, and returns how many frames there are.
func judge(t testing.TB, b []byte) (frames int) {
	t.Helper()
	j := streamtest.JudgeBytes(t, "body", b)
	if len(j.Errors) > 0 {
		t.Errorf("ffmpeg: %v", j.Errors)
	}
	j.Rises(t)
	return len(j.Frames)
}
