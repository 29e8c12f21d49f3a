package calls

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	twoPeople = `
a hello caller=alice
			a< welcome caller=alice
b hello caller=bob
			b< welcome caller=bob
`
	ringing = twoPeople + `
a invite to=bob media=av
			a< ringing call=call-r3 to=bob media=av
			b< invite call=call-r3 from=alice media=av
`
	starts = `
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`
	talking = ringing + `
b accept call=call-r3 media=av
			allow call-r3 map[alice:r4 bob:r5]` + starts + `
`
)

// What must come of what, in the order of events.
func TestScripts(t *testing.T) {
	for name, script := range map[string]string{
		"a whole call": talking + `
a message call=call-r3 data={"x":1}
			b< message call=call-r3 from=alice data={"x":1}
b hangup call=call-r3
			forbid call-r3
			a< ended call=call-r3 reason=hangup by=bob
			b< ended call=call-r3 reason=hangup by=bob
a hangup call=call-r3
			a< error code=no-match re=hangup
a invite to=bob
			a< ringing call=call-r6 to=bob media=a
			b< invite call=call-r6 from=alice media=a`,
		"accepted without a camera": ringing + `
b accept call=call-r3 media=a
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 audio/webm;codecs=opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite
b media call=call-r3 media=av` + starts,
		"nothing to send": ringing + `
b accept call=call-r3 media=none
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus peer=bob:none
			b< start call=call-r3 play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"refused": ringing + `
b reject call=call-r3 reason=later
			a< ended call=call-r3 reason=refused by=bob
			b< ended call=call-r3 reason=refused by=bob`,
		"hanging up while it rings refuses": ringing + `
b hangup call=call-r3
			a< ended call=call-r3 reason=refused by=bob
			b< ended call=call-r3 reason=refused by=bob`,
		"cancelled": ringing + `
a cancel call=call-r3
			a< ended call=call-r3 reason=cancelled by=alice
			b< ended call=call-r3 reason=cancelled by=alice
b accept call=call-r3
			b< error code=no-match re=accept`,
		"a cancel that crosses the accept hangs up": talking + `
a cancel call=call-r3
			forbid call-r3
			a< ended call=call-r3 reason=hangup by=alice
			b< ended call=call-r3 reason=hangup by=alice`,
		"no answer": ringing + `
wait 44s
wait 45s
			a< ended call=call-r3 reason=no-answer
			b< ended call=call-r3 reason=no-answer
wait 60s`,
		"the ring's end means nothing in the call": talking + `
wait 60s`,
		"both invite each other": ringing + `
b invite to=alice media=av
			allow call-r3 map[alice:r4 bob:r5]` + starts,
		"busy": talking + `
c hello caller=carol
			c< welcome caller=carol
c invite to=bob
			c< error code=busy re=invite
c invite to=alice
			c< error code=busy re=invite
a invite to=carol
			a< error code=bad-request re=invite`,
		"busy while it rings": ringing + `
c hello caller=carol
			c< welcome caller=carol
c invite to=bob
			c< error code=busy re=invite
b invite to=carol
			b< error code=bad-request re=invite`,
		"oneself, nobody": twoPeople + `
a invite to=alice
			a< error code=bad-request re=invite
a invite to=ALICE
			a< error code=bad-request re=invite
a invite to=nobody
			a< error code=offline re=invite
a invite
			a< error code=bad-request re=invite`,
		"a stranger's call": talking + `
c hello caller=carol
			c< welcome caller=carol
c hangup call=call-r3
			c< error code=no-match re=hangup
c accept call=call-r3
			c< error code=no-match re=accept
c message call=call-r3 data=1
			c< error code=no-match re=message
c media call=call-r3 media=a
			c< error code=no-match re=media
c failed call=call-r3 url=/call-r3/bob.webm
			c< error code=no-match re=failed
c signal call=call-r3 to=bob data=1
			c< error code=no-match re=signal`,
		"signals": talking + `
c hello caller=carol
			c< welcome caller=carol
a signal call=call-r3 to=bob data={"from":"1"}
			b< signal call=call-r3 from=alice data={"from":"1"}
a signal call=call-r3 to=carol data=1
			a< error code=no-match re=signal
a signal call=call-r3 to=alice data=1
			a< error code=no-match re=signal
a signal call=call-r3 data=1
			a< error code=bad-request re=signal
a signal call=call-r3 to=bob
			a< error code=bad-request re=signal
b lost
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av:away
a signal call=call-r3 to=bob data=1
			a< error code=gone re=signal
a hangup call=call-r3
			forbid call-r3
			a< ended call=call-r3 reason=hangup by=alice
a signal call=call-r3 to=bob data=1
			a< error code=no-match re=signal`,
		"names": twoPeople + `
c hello caller=alice
			c< error code=taken re=hello suggest=alice-2
c hello caller=AL1CE
			c< error code=taken re=hello suggest=AL1CE-2
c hello caller=b0b
			c< error code=taken re=hello suggest=b0b-2
c hello caller=mix
			c< error code=bad-request re=hello
c hello caller=a.b
			c< error code=bad-request re=hello
c hello
			c< error code=bad-request re=hello
c hello caller=alice-2
			c< welcome caller=alice-2
d hello caller=alice
			d< error code=taken re=hello suggest=alice-3
c hello caller=carol
			c< error code=bad-request re=hello`,
		"the network is away for a moment in the call": talking + `
a lost
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
b message call=call-r3 data=1
			b< error code=gone re=message
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
			c< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite
wait 60s
c hangup call=call-r3
			forbid call-r3
			c< ended call=call-r3 reason=hangup by=alice
			b< ended call=call-r3 reason=hangup by=alice`,
		"a page reloaded in the call says goodbye and comes back": talking + `
a bye
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
			c< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"the network does not come back": talking + `
a lost
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
wait 29s
wait 30s
			forbid call-r3
			b< ended call=call-r3 reason=gone by=alice
c hello caller=alice resume=r1
			c< welcome caller=alice`,
		"an old timer does not count": talking + `
a lost
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
			c< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite
c lost
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
wait 30s once
wait 30s once
			forbid call-r3
			b< ended call=call-r3 reason=gone by=alice`,
		"the callee's window is closed while it rings": ringing + `
b bye
wait 4s
wait 5s
			a< ended call=call-r3 reason=gone by=bob
c hello caller=bob
			c< welcome caller=bob`,
		"the caller's window is closed while it rings": ringing + `
a bye
wait 5s
			b< ended call=call-r3 reason=gone by=alice`,
		"a page is loaded again while it rings": ringing + `
b bye
c hello caller=bob resume=r2
			c< welcome caller=bob resumed=true
			c< invite call=call-r3 from=alice media=av
wait 5s`,
		"the callee's network flaps while it rings": ringing + `
b lost
c hello caller=bob resume=r2
			c< welcome caller=bob resumed=true
			c< invite call=call-r3 from=alice media=av
c accept call=call-r3 media=av
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			c< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"the inviter's network flaps while it rings": ringing + `
a lost
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
			c< ringing call=call-r3 to=bob media=av`,
		"both networks away": talking + `
a lost
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away
b lost
wait 30s
			forbid call-r3`,
		"somebody away cannot be rung, and his name is not free": twoPeople + `
b lost
a invite to=bob
			a< error code=offline re=invite
c hello caller=bob
			c< error code=taken re=hello suggest=bob-2
c hello caller=bob resume=wrong
			c< error code=taken re=hello suggest=bob-2
wait 30s
c hello caller=bob
			c< welcome caller=bob`,
		"two tabs of one name": twoPeople + `
c hello caller=alice resume=r1
			dismiss a
			c< welcome caller=alice resumed=true
a lost
a who
			a< error code=bad-request re=who
c invite to=bob
			c< ringing call=call-r3 to=bob media=a
			b< invite call=call-r3 from=alice media=a`,
		"formats: one side has only WAV": `
a hello caller=alice
			a< welcome caller=alice
b hello caller=bob can=wav
			b< welcome caller=bob
a invite to=bob media=av
			a< ringing call=call-r3 to=bob media=av
			b< invite call=call-r3 from=alice media=av
b accept call=call-r3 media=a
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 audio/webm;codecs=opus play=/call-r3/bob.wav?el=5s audio/wav peer=bob:a
			b< start call=call-r3 publish=/call-r3/bob.wav?key=r5 audio/wav 24000Hz play=/call-r3/alice.wav?el=5s&of=webm audio/wav peer=alice:av:polite`,
		"formats: sound and picture beside each other": `
a hello caller=alice can=chrome
			a< welcome caller=alice
b hello caller=bob can=iphone11
			b< welcome caller=bob
a invite to=bob media=av
			a< ringing call=call-r3 to=bob media=av
			b< invite call=call-r3 from=alice media=av
b accept call=call-r3 media=av
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus 500ms play=/call-r3/bob.wav?el=5s&rate=48000&channels=2&bits=32f audio/wav play=/call-r3/bob.mjpeg?el=5s multipart/x-mixed-replace peer=bob:av:2
			b< start call=call-r3 publish=/call-r3/bob.wav?key=r5 audio/wav 24000Hz publish=/call-r3/bob.mjpeg?key=r5 image/jpeg play=/call-r3/alice.wav?el=5s&of=webm audio/wav play=/call-r3/alice.mjpeg?el=5s&of=webm multipart/x-mixed-replace peer=alice:av:2:polite
a failed call=call-r3 url=/call-r3/bob.mjpeg?el=5s mime=multipart/x-mixed-replace
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus 500ms play=/call-r3/bob.wav?el=5s&rate=48000&channels=2&bits=32f audio/wav play=/call-r3/bob.jpg?el=5s&of=mjpeg image/jpeg peer=bob:av:2
b failed call=call-r3 url=/call-r3/bob.mjpeg?key=r5 mime=image/jpeg
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus 500ms play=/call-r3/bob.wav?el=5s&rate=48000&channels=2&bits=32f audio/wav peer=bob:av:2
			b< start call=call-r3 publish=/call-r3/bob.wav?key=r5 audio/wav 24000Hz play=/call-r3/alice.wav?el=5s&of=webm audio/wav play=/call-r3/alice.mjpeg?el=5s&of=webm multipart/x-mixed-replace peer=alice:av:polite`,
		"formats: Firefox wants keyframes": `
a hello caller=alice
			a< welcome caller=alice
b hello caller=bob can=firefox
			b< welcome caller=bob
a invite to=bob media=av
			a< ringing call=call-r3 to=bob media=av
			b< invite call=call-r3 from=alice media=av
b accept call=call-r3 media=a
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus 500ms play=/call-r3/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 audio/webm;codecs=opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"formats: what failed is remembered in the next call": talking + `
b failed call=call-r3 url=/call-r3/alice.webm
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 audio/webm;codecs=opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.wav?el=5s&of=webm audio/wav peer=alice:av:polite
b hangup call=call-r3
			forbid call-r3
			a< ended call=call-r3 reason=hangup by=bob
			b< ended call=call-r3 reason=hangup by=bob
b lost
b hello caller=bob resume=r2
			b< welcome caller=bob resumed=true
b invite to=alice media=av
			b< ringing call=call-r6 to=alice media=av
			a< invite call=call-r6 from=bob media=av
a accept call=call-r6 media=av
			allow call-r6 map[alice:r8 bob:r7]
			b< start call=call-r6 publish=/call-r6/bob.webm?key=r7 video/webm;codecs=vp8,opus play=/call-r6/alice.wav?el=5s&of=webm audio/wav peer=alice:av
			a< start call=call-r6 publish=/call-r6/alice.webm?key=r8 audio/webm;codecs=opus play=/call-r6/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av:polite
b can can=chrome
			b< start call=call-r6 publish=/call-r6/bob.webm?key=r7 video/webm;codecs=vp8,opus play=/call-r6/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av
			a< start call=call-r6 publish=/call-r6/alice.webm?key=r8 video/webm;codecs=vp8,opus play=/call-r6/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av:polite`,
		"formats: permission came later": ringing + `
b can can=none
b accept call=call-r3 media=av
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 peer=bob:av
			b< start call=call-r3 peer=alice:av:polite
			a< error code=no-match re=start
			b< error code=no-match re=start
			a< error code=no-match re=start
			b< error code=no-match re=start
b can can=webm` + starts,
		"formats: the first fails, and the next, and there is none": talking + `
b failed call=call-r3 url=/call-r3/alice.webm
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 audio/webm;codecs=opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.wav?el=5s&of=webm audio/wav peer=alice:av:polite
a failed call=call-r3 url=/call-r3/alice.webm mime=video/webm;codecs=vp8,opus
a failed call=call-r3 url=/call-r3/alice.webm?key=r4 mime=audio/webm;codecs=opus
			a< start call=call-r3 publish=/call-r3/alice.wav?key=r4 audio/wav 24000Hz play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.wav?el=5s audio/wav peer=alice:av:polite
b failed call=call-r3 url=/call-r3/alice.webm
b failed call=call-r3 url=/call-r3/carol.webm
			b< error code=no-match re=failed
b failed call=call-r3 url=/call-r3/alice.wav
			a< start call=call-r3 play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus peer=alice:av:polite
			a< error code=no-match re=start
			b< error code=no-match re=start
b media call=call-r3 media=av
a can can=webm`,
		"who is online": ringing + `
c hello caller=carol
			c< welcome caller=carol
d hello caller=dave
			d< welcome caller=dave
d lost
c who
			c< online alice=true bob=true carol=false`,
		"lists come by themselves": `
a hello caller=alice
			a< welcome caller=alice
b hello caller=bob
			b< welcome caller=bob
wait 1s lists
			a< online alice=false bob=false
			b< online alice=false bob=false
a invite to=bob
			a< ringing call=call-r3 to=bob media=a
			b< invite call=call-r3 from=alice media=a
wait 1s lists
			a< online alice=true bob=true
			b< online alice=true bob=true
wait 1s lists`,
		"messages to somebody": talking + `
a message call=call-r3 to=bob data=[1]
			b< message call=call-r3 from=alice data=[1]
a message call=call-r3 to=carol data=[1]
			a< error code=no-match re=message
a message call=call-r3
			a< error code=bad-request re=message
a signal call=call-r3 data=1
			a< error code=bad-request re=signal
a signal call=call-r3 to=bob data=1
			b< signal call=call-r3 from=alice data=1`,
		"a name that was given up and taken again has a grace of its own": twoPeople + `
a lost
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
c bye
d hello caller=alice
			d< welcome caller=alice
d invite to=bob media=a
			d< ringing call=call-r4 to=bob media=a
			b< invite call=call-r4 from=alice media=a
d lost
wait 30s once
wait 30s once
			b< ended call=call-r4 reason=gone by=alice`,
		"the server stops": twoPeople + `
c stop
			a< goaway
			b< goaway`,
	} {
		t.Run(name, func(t *testing.T) {
			script = strings.ReplaceAll(script, "\t\t\t\n", "")
			play(t, script)
		})
	}
}

// Every message in every state: what its sender is answered, and what others get.
func TestEveryMessageInEveryState(t *testing.T) {
	states := []struct{ name, script string }{
		{"stranger", ""},
		{"idle", "a hello caller=alice\nb hello caller=bob"},
		{"calling", "a hello caller=alice\nb hello caller=bob\na invite to=bob"},
		{"rung", "b hello caller=bob\na hello caller=alice\nb invite to=alice"},
		{"talking", "a hello caller=alice\nb hello caller=bob\na invite to=bob\nb accept call=call-r3"},
		{"room", "a hello caller=alice\nb hello caller=bob\na join room=standup\nb join room=standup"},
		{"ended", "a hello caller=alice\nb hello caller=bob\na invite to=bob\nb accept call=call-r3\nb hangup call=call-r3"},
	}
	const call = " call=call-r3"
	messages := map[string]string{
		"hello": " caller=anna", "can": " can=wav", "who": "", "invite": " to=bob",
		"accept": call, "reject": call, "cancel": call, "hangup": call,
		"media": call + " media=none", "failed": call + " url=/call-r3/alice.webm",
		"message": call + " data=1", "signal": call + " to=bob data=1", "join": " room=standup", "leave": call, "nonsense": "",
	}
	for _, typ := range Types() {
		if _, ok := messages[typ]; !ok {
			t.Errorf("%s is not in this test's table", typ)
		}
	}
	for typ, args := range messages {
		var got []string
		for _, st := range states {
			w := newWorld(t)
			for line := range strings.Lines(st.script) {
				w.do(line)
			}
			var cell []string
			if st.name == "room" {
				args = strings.ReplaceAll(args, "call-r3", "standup")
			}
			for _, line := range w.do("a " + typ + args) {
				f := strings.Fields(line)
				what := f[0] + f[1]
				for _, x := range f {
					if v, ok := strings.CutPrefix(x, "code="); ok {
						what = f[0] + v
					} else if v, ok := strings.CutPrefix(x, "reason="); ok {
						what = f[0] + v
					}
				}
				cell = append(cell, what)
			}
			w.check()
			got = append(got, st.name+": "+strings.Join(cell, " "))
		}
		if want := everyMessage[typ]; strings.Join(got, "; ") != want {
			t.Errorf("%q: got\n%s\nexpected\n%s", typ, strings.Join(got, "; "), want)
		}
	}
}

// everyMessage is what comes of each message of alice's in each state: a< is what
// she gets, b< what bob gets.
var everyMessage = map[string]string{
	"accept":   "stranger: a<bad-request; idle: a<no-match; calling: a<bad-request; rung: allowcall-r3 b<start a<start; talking: a<bad-request; room: a<bad-request; ended: a<no-match",
	"can":      "stranger: a<bad-request; idle: ; calling: ; rung: ; talking: a<start b<start; room: a<start b<start; ended: ",
	"cancel":   "stranger: a<bad-request; idle: a<no-match; calling: a<cancelled b<cancelled; rung: b<refused a<refused; talking: forbidcall-r3 a<hangup b<hangup; room: a<bad-request; ended: a<no-match",
	"failed":   "stranger: a<bad-request; idle: a<no-match; calling: a<no-match; rung: a<no-match; talking: a<start b<start; room: a<start b<start; ended: a<no-match",
	"hangup":   "stranger: a<bad-request; idle: a<no-match; calling: a<cancelled b<cancelled; rung: b<refused a<refused; talking: forbidcall-r3 a<hangup b<hangup; room: a<bad-request; ended: a<no-match",
	"hello":    "stranger: a<welcome; idle: a<bad-request; calling: a<bad-request; rung: a<bad-request; talking: a<bad-request; room: a<bad-request; ended: a<bad-request",
	"invite":   "stranger: a<bad-request; idle: a<ringing b<invite; calling: a<bad-request; rung: allowcall-r3 b<start a<start; talking: a<bad-request; room: a<ringing b<invite; ended: a<ringing b<invite",
	"join":     "stranger: a<bad-request; idle: allowstandup a<start; calling: allowstandup a<start; rung: allowstandup a<start; talking: allowstandup a<start; room: a<start; ended: allowstandup a<start",
	"leave":    "stranger: a<bad-request; idle: a<no-match; calling: a<bad-request; rung: a<bad-request; talking: a<bad-request; room: allowstandup b<left b<start a<left; ended: a<no-match",
	"media":    "stranger: a<bad-request; idle: a<no-match; calling: a<ringing b<invite; rung: b<ringing a<invite; talking: a<start b<start; room: a<start b<start; ended: a<no-match",
	"message":  "stranger: a<bad-request; idle: a<no-match; calling: a<bad-request; rung: a<bad-request; talking: b<message; room: b<message; ended: a<no-match",
	"nonsense": "stranger: a<bad-request; idle: a<bad-request; calling: a<bad-request; rung: a<bad-request; talking: a<bad-request; room: a<bad-request; ended: a<bad-request",
	"reject":   "stranger: a<bad-request; idle: a<no-match; calling: a<bad-request; rung: b<refused a<refused; talking: forbidcall-r3 a<hangup b<hangup; room: a<bad-request; ended: a<no-match",
	"signal":   "stranger: a<bad-request; idle: a<no-match; calling: a<bad-request; rung: a<bad-request; talking: b<signal; room: b<signal; ended: a<no-match",
	"who":      "stranger: a<bad-request; idle: a<online; calling: a<online; rung: a<online; talking: a<online; room: a<online; ended: a<online",
}

// Whatever is said in whatever order, the state stays whole.
func TestAnyOrder(t *testing.T) {
	types := append(Types(), "lost", "bye", "nonsense")
	names := []string{"alice", "bob", "carol", "b0b"}
	seed := rand.Uint64()
	if v, err := strconv.ParseUint(os.Getenv("EVERFILE_SEED"), 10, 64); err == nil {
		seed = v
	}
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorldOf(t, Options{Room: 3, Few: 2}) // so that rooms are full, and large
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	resumes := map[string]string{}
	full, large := false, false // there was such a room
	for i := range 20_000 {
		var ids []string
		for id := range w.s.calls {
			ids = append(ids, id)
		}
		slices.Sort(ids) // or the same seed would be another game
		ids = append(ids, "call-x", "standup")
		for _, c := range w.s.callers {
			resumes[c.name] = c.resume
		}
		typ := pick(types)
		if r.IntN(3) == 0 { // or they are gone before anything happens
			typ = pick([]string{"hello", "join", "join"})
		}
		line := fmt.Sprintf("%c %s", actors[r.IntN(6)], typ)
		switch f := strings.Fields(line); f[1] {
		case "hello":
			name := pick(names)
			line += " caller=" + name
			if r.IntN(2) == 0 {
				line += " resume=" + resumes[name]
			}
		case "invite":
			line += " to=" + pick(names) + " media=av"
		case "failed":
			id := pick(ids)
			line += fmt.Sprintf(" call=%s url=/%s/%s.webm", id, id, pick(names))
		case "can":
			line += " can=" + pick([]string{"webm", "wav", "none"})
			if r.IntN(3) == 0 {
				line = strings.Replace(line, ".webm", "-screen.webm", 1)
			}
		case "join":
			line += " room=" + pick([]string{"standup", "standup", "other", "static"}) + " media=" + pick([]string{"av", "a+v", "none"})
		case "who", "lost", "bye", "nonsense":
		default:
			line += " call=" + pick(ids) + " media=" + pick([]string{"av", "a", "none", "a+v", "none+va"}) + " data=1"
		}
		w.do(line)
		for _, k := range w.s.calls {
			full, large = full || len(k.members) == 3, large || k.soon != 0
		}
		if r.IntN(50) == 0 {
			w.do("wait " + pick([]string{"200ms", "1s", "5s", "30s", "45s"}))
		}
		w.check()
		if t.Failed() {
			t.Fatalf("seed %d, step %d: %s", seed, i, line)
		}
	}
	if !full || !large {
		t.Errorf("seed %d: a room was full: %v, a large one waited: %v", seed, full, large)
	}
	for _, a := range actors {
		w.do(string(a) + " lost")
	}
	for range 3 {
		w.do("wait 60s")
	}
	if n := len(w.s.callers) + len(w.s.calls) + len(w.s.sessions) + len(w.rooms) + len(w.later); n != 0 {
		t.Errorf("seed %d: when all have gone, %d callers, calls, sessions, rooms and timers are left", seed, n)
	}
}
