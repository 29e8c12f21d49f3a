package calls

import (
	"reflect"
	"strings"
	"testing"
)

// Browsers, as they say what they can.
var (
	chrome = &Can{
		Record: []string{"video/webm;codecs=vp8,opus", "video/webm;codecs=vp9,opus", "video/webm", "video/mp4", "audio/webm;codecs=opus", "audio/mp4"},
		Play: []string{
			`video/webm;codecs="vp8,opus"`, `VIDEO/WebM;codecs="vp9, opus"`, `video/mp4;codecs="avc1.42E01E,mp4a.40.2"`, `audio/webm;codecs="opus"`,
			`audio/ogg;codecs="opus"`, `audio/mp4;codecs="mp4a.40.2"`, "audio/aac", "audio/mpeg", "audio/flac", "audio/wav", "multipart/x-mixed-replace", "image/jpeg",
		},
		PCM: true, JPEG: true, Engine: "chromium", WebRTC: true,
	}
	firefox = &Can{
		Record: []string{"video/webm;codecs=vp8,opus", "audio/webm;codecs=opus", "audio/ogg;codecs=opus"},
		Play:   chrome.Play, PCM: true, JPEG: true, Engine: "gecko",
	}
	iphone = &Can{ // of 2021
		Record: []string{"video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/mp4", "audio/mp4"},
		Play:   []string{`video/mp4;codecs="avc1.42E01E,mp4a.40.2"`, `audio/mp4;codecs="mp4a.40.2"`, "audio/aac", "audio/mpeg", "audio/wav", "multipart/x-mixed-replace", "image/jpeg"},
		PCM:    true, JPEG: true, Engine: "webkit",
	}
	iphone11 = &Can{Play: iphone.Play, PCM: true, JPEG: true}                                // has no recorder
	opera12  = &Can{Play: []string{"audio/wav", "multipart/x-mixed-replace"}, JPEG: true}    // hears, and is seen
	android4 = &Can{Play: []string{"audio/wav", "audio/mpeg", "image/jpeg"}}                 // has nothing of its own
	program  = &Can{Record: []string{"audio/mpeg"}, Play: []string{"audio/ogg;codecs=opus"}} // as one might write it
	robot    = &Can{Record: []string{"audio/aac"}, Play: []string{"audio/aac"}}
)

// row is a line of the table: who sends what to whom, and what comes of it: the files
// and how each receiver plays them, as "EXT MIME", or words of the refusal.
type negotiation struct {
	name     string
	sender   *Can
	sends    Media
	to       []*Can
	failed   string // "EXT MIME" that the sender could not record, or "0 EXT MIME" that this receiver could not play; several by "; "
	publish  string
	plays    string // of the receivers by " | "
	why, how string // in the sender's reason; in the first receiver's
}

var both, voice, picture = Media{Audio: true, Video: true}, Media{Audio: true}, Media{Video: true}

const (
	asVP8  = "webm video/webm;codecs=vp8,opus"
	asVP9  = "webm video/webm;codecs=vp9,opus"
	asOpus = "webm audio/webm;codecs=opus"
	asMP4  = "mp4 video/mp4;codecs=avc1.42E01E,mp4a.40.2"
	asWAV  = "wav audio/wav"
	asJPEG = "mjpeg image/jpeg"
	mixed  = "mjpeg multipart/x-mixed-replace"
	stills = "jpg image/jpeg"
)

var negotiations = []negotiation{
	{"as it is", chrome, both, []*Can{chrome}, "", asVP8, asVP8, "WebM with VP8 and Opus: recorded by one side and played by the other as it is.", "as it is."},
	{"voice as it is", chrome, voice, []*Can{firefox}, "", asOpus, asOpus, "as it is", ""},
	{"a picture alone", chrome, picture, []*Can{chrome}, "", asVP8, asVP8, "", ""},
	{"nothing is sent", chrome, Media{}, []*Can{chrome}, "", "", "", "", ""},
	{"nobody is there", chrome, both, nil, "", asVP8, "", "WebM with VP8 and Opus: nobody else is here yet.", ""},
	{"nobody is there, and nothing to record", &Can{}, both, nil, "", "", "", "", ""},
	{"no VP8 there", chrome, both, []*Can{{Play: []string{"video/webm;codecs=vp9,opus"}}}, "", asVP9, asVP9, "WebM with VP9 and Opus: WebM with VP8 and Opus cannot be played there.", ""},
	{"no VP8 here", &Can{Record: []string{"video/webm;codecs=vp9,opus"}}, both, []*Can{chrome}, "", asVP9, asVP9, "cannot be recorded there", ""},

	{"converted: only sound", chrome, voice, []*Can{android4}, "", asOpus, asWAV, "the server makes of it", "WAV, uncompressed, made by the server of WebM with Opus, which cannot be played here."},
	{"converted: sound and picture", chrome, both, []*Can{opera12}, "", asVP8, asWAV + " + " + mixed, "the server makes of it", "WAV, uncompressed, made by the server of WebM with VP8 and Opus"},
	{"converted: pictures one by one", chrome, both, []*Can{android4}, "", asVP8, asWAV + " + " + stills, "", ""},
	{"converted: without its picture", chrome, both, []*Can{{Play: []string{"audio/webm;codecs=opus", "multipart/x-mixed-replace"}}}, "", asVP8, asOpus + " + " + mixed, "", "WebM with Opus, made by the server of WebM with VP8"},
	{"converted: re-packed", chrome, voice, []*Can{program}, "", asOpus, "ogg audio/ogg;codecs=opus", "", "Ogg with Opus, made by the server of WebM with Opus"},
	{"converted: Ogg for WebM", &Can{Record: []string{"audio/ogg;codecs=opus"}}, voice, []*Can{{Play: []string{"audio/webm;codecs=opus"}}}, "", "ogg audio/ogg;codecs=opus", asOpus, "", ""},
	{"WAV starts sooner than Ogg", &Can{Record: []string{"audio/ogg;codecs=opus"}}, voice, []*Can{{Play: []string{"audio/wav", "audio/ogg;codecs=opus"}}}, "", "ogg audio/ogg;codecs=opus", asWAV, "", ""},
	{"MP3 to a program that has Ogg", program, voice, []*Can{program}, "", "", "", "it can send MP3, the other side can play Ogg with Opus.", ""},
	{"what it plays is made of other things only", program, voice, []*Can{{Play: []string{"image/jpeg", "multipart/x-mixed-replace", "audio/ogg;codecs=opus"}}}, "", "", "", "it can send MP3, the other side can play Ogg with Opus, JPEG pictures, single JPEG pictures.", ""},
	{"it plays single pictures only", program, voice, []*Can{{Play: []string{"image/jpeg"}}}, "", "", "", "it can send MP3, the other side can play single JPEG pictures.", ""},
	{"nobody in a room plays it", program, voice, []*Can{robot, {Play: []string{"audio/ogg;codecs=opus"}}}, "", "", " | ", "it can send MP3, the others can play Ogg with Opus, AAC.", ""},
	{"a voice for who lists video only", chrome, voice, []*Can{{Play: []string{`video/webm; codecs="vp8, opus"`}}}, "", asOpus, asOpus, "as it is", ""},
	{"a voice for who lists VP9 only", chrome, voice, []*Can{{Play: []string{"video/webm;codecs=vp9,opus"}}}, "", asOpus, asOpus, "", ""},
	{"a voice for who lists H.264 only", &Can{Record: []string{"audio/mp4"}}, voice, []*Can{{Play: []string{"video/mp4;codecs=avc1.42E01E,mp4a.40.2"}}}, "", "mp4 audio/mp4", "mp4 audio/mp4;codecs=mp4a.40.2", "", ""},
	{"a voice for who lists bare video", chrome, voice, []*Can{{Play: []string{"video/webm"}}}, "", "", "", "the other side can play nothing that this server knows.", ""},
	{"MP3 to a browser", program, voice, []*Can{chrome}, "", "mp3 audio/mpeg", asWAV, "", ""},
	{"a picture that nobody can see is not sent", chrome, both, []*Can{{Play: []string{"audio/wav"}}}, "", asOpus, asWAV, "There is no format for the picture.", ""},

	{"no recorder", iphone11, both, []*Can{chrome}, "", asWAV + " + " + asJPEG, asWAV + " + " + mixed, "WAV, uncompressed and JPEG pictures: WebM with VP8 and Opus cannot be recorded there.", ""},
	{"no recorder, voice", iphone11, voice, []*Can{firefox}, "", asWAV, asWAV, "", ""},
	{"neither recorder nor samples", opera12, both, []*Can{chrome}, "", asJPEG, mixed, "There is no format for the sound.", ""},
	{"a recorder of sound only", &Can{Record: []string{"audio/webm;codecs=opus"}, JPEG: true, PCM: true}, both, []*Can{chrome}, "", asOpus + " + " + asJPEG, asOpus + " + " + mixed, "WebM with Opus and JPEG pictures:", ""},
	{"pictures to who has no stream of them", iphone11, both, []*Can{android4}, "", asWAV + " + " + asJPEG, asWAV + " + " + stills, "", ""},
	{"nothing to send it with", android4, both, []*Can{chrome}, "", "", "", "it can send nothing that this server knows, the other side can play WebM with VP8", ""},

	{"AAC where everybody plays it", iphone, both, []*Can{iphone, chrome}, "", asMP4, asMP4 + " | " + asMP4, "WebM with VP8 and Opus cannot be recorded there.", ""},
	{"AAC where somebody does not", iphone, both, []*Can{iphone, opera12}, "", asWAV + " + " + asJPEG, asWAV + " + " + mixed + " | " + asWAV + " + " + mixed, "", ""},
	{"AAC, voice, where somebody plays it as ADTS", iphone, voice, []*Can{{Play: []string{"audio/aac", "audio/wav"}}}, "", asWAV, asWAV, "", ""},
	{"AAC where there is nothing else", &Can{Record: []string{"audio/mp4"}}, voice, []*Can{robot}, "", "mp4 audio/mp4", "aac audio/aac", "", "AAC, made by the server of MP4, sound only"},
	{"a bare MP4 of who records WebM too", &Can{Record: []string{"video/mp4", "video/webm"}}, both, []*Can{iphone}, "", "", "", "it can send nothing", ""},

	{"failed here", chrome, both, []*Can{chrome}, asVP8, asVP9, asVP9, "WebM with VP9 and Opus: WebM with VP8 and Opus was tried and failed.", ""},
	{"failed there: the container", chrome, both, []*Can{chrome}, "0 " + asVP8, asVP8, asWAV + " + " + mixed, "the server makes of it", "which was tried here and failed."},
	{"failed there: VP9", &Can{Record: []string{"video/webm;codecs=vp9,opus"}}, both, []*Can{chrome}, "0 " + asVP9, asVP9, asOpus, "There is no format for the picture.", ""},
	{"failed there: the stream of pictures", opera12, both, []*Can{{Play: []string{"multipart/x-mixed-replace", "image/jpeg"}}}, "0 " + mixed, asJPEG, stills, "", "its newest picture, again and again: a stream of them was tried here and failed."},
	{"all has failed", chrome, voice, []*Can{{Play: []string{"audio/webm;codecs=opus", "audio/wav"}}}, "0 " + asOpus + "; 0 " + asWAV, "", "", "it can send WebM with Opus, WAV, uncompressed, the other side can play nothing that this server knows; tried and failed: WebM with Opus, WAV, uncompressed.", ""},
	{"all has failed here", &Can{PCM: true}, voice, []*Can{chrome}, asWAV, "", "", "it can send nothing that this server knows, the other side can play WebM", ""},

	{"what most play as it is", chrome, both, []*Can{{Play: []string{"video/webm;codecs=vp9,opus", "audio/wav"}}, {Play: []string{"video/webm;codecs=vp9,opus"}}, chrome}, "", asVP9, asVP9 + " | " + asVP9 + " | " + asVP9, "", ""},
	{"one who cannot play it does not count for the others", chrome, both, []*Can{chrome, {}, chrome}, "", asVP8, asVP8 + " |  | " + asVP8, "who cannot play it as it is plays what the server makes of it.", ""},
	{"what failed with one and not with another", robot, voice, []*Can{{Play: []string{"audio/ogg;codecs=opus"}}, {Play: []string{"audio/ogg;codecs=opus"}}}, "0 ogg audio/ogg;codecs=opus", "", " | ", "it can send AAC, the others can play Ogg with Opus.", ""},
	{"two who are alike count as two", &Can{Record: []string{"audio/webm;codecs=opus", "audio/mpeg"}}, voice, []*Can{{Play: []string{"audio/webm;codecs=opus"}}, {Play: []string{"audio/mpeg"}}, {Play: []string{"audio/mpeg"}}}, "", "mp3 audio/mpeg", " | mp3 audio/mpeg | mp3 audio/mpeg", "", ""},
	{"what failed with one did not with who is like him", chrome, voice, []*Can{chrome, chrome}, "0 " + asOpus, asOpus, asWAV + " | " + asOpus, "", "which was tried here and failed."},
	{"a view for one of three", chrome, both, []*Can{chrome, opera12, chrome}, "", asVP8, asVP8 + " | " + asWAV + " + " + mixed + " | " + asVP8, "", ""},
	{"a tie", &Can{Record: []string{"audio/webm;codecs=opus", "audio/mpeg"}}, voice, []*Can{{Play: []string{"audio/webm;codecs=opus", "audio/wav"}}, {Play: []string{"audio/mpeg"}}}, "", "mp3 audio/mpeg", asWAV + " | mp3 audio/mpeg", "", ""},
}

// parties makes the two sides of a line, with what they failed at.
func (n *negotiation) parties() (*party, []*party) {
	sender := &party{abilities: n.sender.abilities()}
	var receivers []*party
	for _, c := range n.to {
		receivers = append(receivers, &party{abilities: c.abilities()})
	}
	for what := range strings.SplitSeq(n.failed, "; ") {
		played, there := strings.CutPrefix(what, "0 ")
		for i, f := range formats {
			if f.ext+" "+f.mime == what {
				sender.unrecorded |= 1 << i
			}
		}
		for i, w := range ways {
			if there && w.ext+" "+w.mime == played && w.plain() {
				receivers[0].cannotPlay(i)
			}
		}
	}
	return sender, receivers
}

// Two lists of abilities and the table: what is published, who plays it how, and in
// which words.
func TestNegotiate(t *testing.T) {
	for _, n := range negotiations {
		sender, receivers := n.parties()
		a := negotiate(sender, n.sends, receivers)
		var publish, plays []string
		for _, i := range a.files {
			publish = append(publish, formats[i].ext+" "+formats[i].mime)
		}
		for _, rows := range a.plays {
			var all []string
			for _, i := range rows {
				all = append(all, ways[i].ext+" "+ways[i].mime)
			}
			plays = append(plays, strings.Join(all, " + "))
		}
		if got := strings.Join(publish, " + "); got != n.publish {
			t.Errorf("%s: publishes %q, expected %q", n.name, got, n.publish)
		}
		if got := strings.Join(plays, " | "); got != n.plays {
			t.Errorf("%s: played as %q, expected %q", n.name, got, n.plays)
		}
		if !strings.Contains(a.why, n.why) || n.publish == "" && n.why == "" && a.why != "" {
			t.Errorf("%s: because %q, expected %q", n.name, a.why, n.why)
		}
		if n.how != "" && !strings.Contains(a.because(receivers[0], a.plays[0][0]), n.how) {
			t.Errorf("%s: played because %q, expected %q", n.name, a.because(receivers[0], a.plays[0][0]), n.how)
		}
	}
}

// A screen goes in one file, which has a picture, as somebody sees it; or not at all.
func TestNegotiateScreen(t *testing.T) {
	for _, row := range []struct {
		name    string
		sender  *Can
		screen  Screen
		to      *Can
		publish string
		plays   string
		why     string
	}{
		{"a picture", chrome, Screen{Video: true}, chrome, asVP8, asVP8, "as it is."},
		{"with its sound", chrome, Screen{true, true}, opera12, asVP8, asWAV + " + " + mixed, "the server makes of it"},
		{"without its sound", chrome, Screen{Video: true}, opera12, asVP8, mixed, "the server makes of it"},
		{"no recorder", iphone11, Screen{true, true}, chrome, asJPEG, mixed, "There is no format for the sound."},
		{"no picture is seen", chrome, Screen{true, true}, &Can{Play: []string{"audio/wav", "audio/mpeg"}}, "", "", "it can send WebM with VP8 and Opus, WebM with VP9 and Opus, JPEG pictures, the other side can play WAV, uncompressed, MP3."},
		{"no picture is sent", &Can{Record: []string{"audio/webm;codecs=opus"}, PCM: true}, Screen{true, true}, chrome, "", "", "it can send nothing that this server knows"},
	} {
		a := negotiateScreen(&party{abilities: row.sender.abilities()}, row.screen, []*party{{abilities: row.to.abilities()}})
		var publish, plays []string
		for _, i := range a.files {
			publish = append(publish, formats[i].ext+" "+formats[i].mime)
		}
		for _, i := range a.plays[0] {
			plays = append(plays, ways[i].ext+" "+ways[i].mime)
		}
		if got := strings.Join(publish, " + "); got != row.publish || !a.screen {
			t.Errorf("%s: publishes %q, expected %q", row.name, got, row.publish)
		}
		if got := strings.Join(plays, " + "); got != row.plays {
			t.Errorf("%s: played as %q, expected %q", row.name, got, row.plays)
		}
		if !strings.Contains(a.why, row.why) {
			t.Errorf("%s: because %q, expected %q", row.name, a.why, row.why)
		}
	}
}

// Between any two of these there is a call in which each hears or sees the other as
// far as he can send anything.
func TestEveryPair(t *testing.T) {
	all := map[string]*Can{"chrome": chrome, "firefox": firefox, "iphone": iphone, "iphone11": iphone11, "opera12": opera12, "android4": android4}
	for from, sender := range all {
		for to, receiver := range all {
			a := negotiate(&party{abilities: sender.abilities()}, both, []*party{{abilities: receiver.abilities()}})
			if (len(a.files) > 0) != (from != "android4") {
				t.Errorf("%s to %s: %d files: %s", from, to, len(a.files), a.why)
			}
			heard, seen := false, false
			for _, i := range a.plays[0] {
				heard, seen = heard || ways[i].sound, seen || ways[i].picture
			}
			if can := len(sender.Record) > 0 || sender.PCM; heard != can || seen != (from != "android4") {
				t.Errorf("%s to %s: heard %v, seen %v: %s", from, to, heard, seen, a.why)
			}
		}
	}
}

// What is kept of abilities is enough to negotiate again.
func TestAbilities(t *testing.T) {
	for _, c := range []*Can{webm, wav, chrome, firefox, iphone, opera12, program, {}} {
		a := c.abilities()
		back := a.can()
		if again := back.abilities(); !reflect.DeepEqual(again, a) {
			t.Errorf("%+v becomes %+v", a, again)
		}
	}
}
