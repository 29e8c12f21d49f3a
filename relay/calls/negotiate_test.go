package calls

import (
	"reflect"
	"strings"
	"testing"
)

// Two lists of abilities and the table: which format, and in which words.
func TestNegotiate(t *testing.T) {
	of := func(record, play string, pcm bool) abilities {
		c := &Can{PCM: pcm}
		for mime := range strings.FieldsSeq(record) {
			c.Record = append(c.Record, mime)
		}
		for mime := range strings.FieldsSeq(play) {
			c.Play = append(c.Play, mime)
		}
		return c.abilities()
	}
	const vp8, vp9, opus, wav = "video/webm;codecs=vp8,opus", "video/webm;codecs=vp9,opus", "audio/webm;codecs=opus", "audio/wav"
	everything := of(vp8+" "+vp9+" "+opus, `video/webm;codecs="vp8,opus" VIDEO/WebM;codecs="vp9,opus" audio/webm;codecs="opus" audio/wav`, true)
	av, a := Media{Audio: true, Video: true}, Media{Audio: true}
	for _, row := range []struct {
		name     string
		sender   abilities
		sends    Media
		receiver []abilities
		failed   set
		mime     string
		why      string
	}{
		{"everything", everything, av, []abilities{everything}, 0, vp8, "WebM with VP8 and Opus: recorded by one side and played by the other as it is."},
		{"only sound", everything, a, []abilities{everything}, 0, opus, "WebM with Opus: recorded by one side"},
		{"only a picture", everything, Media{Video: true}, []abilities{everything}, 0, vp8, ""},
		{"nothing is sent", everything, Media{}, []abilities{everything}, 0, "", ""},
		{"no VP8 there", everything, av, []abilities{of("", vp9+" "+opus, false)}, 0, vp9, "WebM with VP9 and Opus: WebM with VP8 and Opus cannot be played there."},
		{"no VP8 here", of(vp9, "", false), av, []abilities{everything}, 0, vp9, "cannot be recorded there."},
		{"VP8 has failed", everything, av, []abilities{everything}, 1, vp9, "WebM with VP8 and Opus was tried and failed."},
		{"no recorder", of("", "", true), av, []abilities{everything}, 0, wav, "WAV, uncompressed: WebM with VP8 and Opus cannot be recorded there."},
		{"no WebM there", everything, av, []abilities{of("", wav, false)}, 0, wav, "cannot be played there."},
		{"an iPhone of 2020", of("video/mp4 audio/mp4", "", false), av, []abilities{everything}, 0, "", "it can record nothing that this server knows, the other side can play WebM with VP8 and Opus, "},
		{"all has failed", everything, a, []abilities{everything}, 12, "", "it can record nothing that this server knows, the other side can play nothing that this server knows; tried and failed: WebM with Opus, WAV, uncompressed."},
		{"nobody is there", everything, av, nil, 0, "", ""},
		{"what most can", everything, av, []abilities{of("", wav, false), of("", wav, false), of("", vp8, false)}, 0, wav, ""},
		{"a tie", everything, av, []abilities{of("", wav, false), of("", vp9, false)}, 0, vp9, ""},
	} {
		i, why := negotiate(row.sender, row.sends, row.receiver, row.failed)
		mime := ""
		if i >= 0 {
			mime = formats[i].mime
		}
		if mime != row.mime || !strings.Contains(why, row.why) || row.mime == "" && row.why == "" && why != "" {
			t.Errorf("%s: %q, %q; expected %q, %q", row.name, mime, why, row.mime, row.why)
		}
	}
}

// What is kept of abilities is enough to negotiate again.
func TestAbilities(t *testing.T) {
	for _, c := range []*Can{webm, wav, {}} {
		a := c.abilities()
		back := a.can()
		if again := back.abilities(); !reflect.DeepEqual(again, a) {
			t.Errorf("%+v becomes %+v", a, again)
		}
	}
}
