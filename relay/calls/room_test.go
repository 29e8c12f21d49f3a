package calls

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

const (
	oneInRoom = twoPeople + `
a join room=standup media=av
			allow standup map[alice:r3]
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus
`
	inRoom = oneInRoom + `
b join room=standup media=av
			a< joined caller=bob call=standup
			allow standup map[alice:r3 bob:r4]` + roomStarts + `
`
	startA = `
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av`
	startB = `
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`
	roomStarts = startA + startB
	awayA      = `
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite:away`
	aloneB = `
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus`
)

// What must come of what in rooms, in the order of events.
func TestRoomScripts(t *testing.T) {
	for name, script := range map[string]string{
		"from the first join to the last leave": inRoom + `
a leave call=standup
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
			a< ended call=standup reason=left by=alice
a leave call=standup
			a< error code=no-match re=leave
b leave call=standup
			forbid standup
			b< ended call=standup reason=left by=bob
b join room=standup media=a
			allow standup map[bob:r5]
			b< start call=standup room publish=/standup/bob.webm?key=r5 audio/webm;codecs=opus`,
		"three, in the order of joining": inRoom + `
c hello caller=carol
			c< welcome caller=carol
c join room=standup media=a
			a< joined caller=carol call=standup
			b< joined caller=carol call=standup
			allow standup map[alice:r3 bob:r4 carol:r6]
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus peer=bob:av peer=carol:a
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus peer=alice:av:polite peer=carol:a
			c< start call=standup room publish=/standup/carol.webm?key=r6 audio/webm;codecs=opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite peer=bob:av:polite
a leave call=standup
			allow standup map[bob:r4 carol:r6]
			b< left caller=alice call=standup
			c< left caller=alice call=standup
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus peer=carol:a
			c< start call=standup room publish=/standup/carol.webm?key=r6 audio/webm;codecs=opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av:polite
			a< ended call=standup reason=left by=alice
a join room=standup media=a
			b< joined caller=alice call=standup
			c< joined caller=alice call=standup
			allow standup map[alice:r7 bob:r4 carol:r6]
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus play=/standup/alice.webm?el=5s audio/webm;codecs=opus peer=carol:a peer=alice:a
			c< start call=standup room publish=/standup/carol.webm?key=r6 audio/webm;codecs=opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s audio/webm;codecs=opus peer=bob:av:polite peer=alice:a
			a< start call=standup room publish=/standup/alice.webm?key=r7 audio/webm;codecs=opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus play=/standup/carol.webm?el=5s audio/webm;codecs=opus peer=bob:av:polite peer=carol:a:polite`,
		"joining again tells it again": inRoom + `
a join room=standup` + startA + `
b join room=standup media=a
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=standup room publish=/standup/bob.webm?key=r4 audio/webm;codecs=opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"one room at a time": inRoom + `
a join room=other
			a< error code=bad-request re=join
a leave call=standup
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
			a< ended call=standup reason=left by=alice
a join room=other
			allow other map[alice:r5]
			a< start call=other room publish=/other/alice.webm?key=r5 audio/webm;codecs=opus`,
		"a room and a call at once": inRoom + `
c hello caller=carol
			c< welcome caller=carol
c invite to=alice
			c< ringing call=call-r6 to=alice media=a
			a< invite call=call-r6 from=carol media=a
a accept call=call-r6
			allow call-r6 map[alice:r8 carol:r7]
			c< start call=call-r6 publish=/call-r6/carol.webm?key=r7 audio/webm;codecs=opus play=/call-r6/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a
			a< start call=call-r6 publish=/call-r6/alice.webm?key=r8 audio/webm;codecs=opus play=/call-r6/carol.webm?el=5s audio/webm;codecs=opus peer=carol:a:polite
a lost
			c< start call=call-r6 publish=/call-r6/carol.webm?key=r7 audio/webm;codecs=opus play=/call-r6/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a:away` + awayA + `
wait 30s
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
			forbid call-r6
			c< ended call=call-r6 reason=gone by=alice`,
		"who is in a room can be called, and is not busy": inRoom + `
a who
			a< online alice=false bob=false
a invite to=bob
			a< ringing call=call-r5 to=bob media=a
			b< invite call=call-r5 from=alice media=a
b reject call=call-r5
			a< ended call=call-r5 reason=refused by=bob
			b< ended call=call-r5 reason=refused by=bob
a message call=standup data=1
			b< message call=standup from=alice data=1`,
		"a page in a room and a call is loaded again too late for the room": inRoom + `
a invite to=bob
			a< ringing call=call-r5 to=bob media=a
			b< invite call=call-r5 from=alice media=a
b accept call=call-r5
			allow call-r5 map[alice:r6 bob:r7]
			a< start call=call-r5 publish=/call-r5/alice.webm?key=r6 audio/webm;codecs=opus play=/call-r5/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=call-r5 publish=/call-r5/bob.webm?key=r7 audio/webm;codecs=opus play=/call-r5/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a:polite
a bye
			b< start call=call-r5 publish=/call-r5/bob.webm?key=r7 audio/webm;codecs=opus play=/call-r5/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a:polite:away` + awayA + `
wait 4s
wait 5s
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true
			c< start call=call-r5 publish=/call-r5/alice.webm?key=r6 audio/webm;codecs=opus play=/call-r5/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=call-r5 publish=/call-r5/bob.webm?key=r7 audio/webm;codecs=opus play=/call-r5/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a:polite`,
		"the network is away for a moment": inRoom + `
a lost` + awayA + `
b message call=standup data=1
b message call=standup to=alice data=1
			b< error code=gone re=message
b signal call=standup to=alice data=1
			b< error code=gone re=signal
wait 5s
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true` + strings.Replace(startA, "a<", "c<", 1) + startB + `
wait 30s`,
		"the network does not come back": inRoom + `
a lost` + awayA + `
wait 29s
wait 30s
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
c hello caller=alice resume=r1
			c< welcome caller=alice`,
		"the window is closed": inRoom + `
a bye` + awayA + `
wait 4s
wait 5s
			allow standup map[bob:r4]
			b< left caller=alice call=standup` + aloneB + `
c hello caller=alice
			c< welcome caller=alice
b bye
wait 5s
			forbid standup
d hello caller=bob
			d< welcome caller=bob`,
		"the page is loaded again": inRoom + `
a bye` + awayA + `
c hello caller=alice resume=r1
			c< welcome caller=alice resumed=true` + strings.Replace(startA, "a<", "c<", 1) + startB + `
wait 5s
wait 30s`,
		"messages": inRoom + `
a message call=standup data={"x":1}
			b< message call=standup from=alice data={"x":1}
a message call=standup to=carol data=1
			a< error code=no-match re=message
a message call=standup to=alice data=1
			a< error code=no-match re=message
a message call=standup
			a< error code=bad-request re=message
a signal call=standup data=1
			a< error code=bad-request re=signal
a signal call=standup to=bob data=1
			b< signal call=standup from=alice data=1
b leave call=standup
			allow standup map[alice:r3]
			a< left caller=bob call=standup
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus
			b< ended call=standup reason=left by=bob
a message call=standup data=1
b message call=standup data=1
			b< error code=no-match re=message`,
		"what is for calls only, and for rooms only": inRoom + `
a hangup call=standup
			a< error code=bad-request re=hangup
a accept call=standup
			a< error code=bad-request re=accept
a reject call=standup
			a< error code=bad-request re=reject
a cancel call=standup
			a< error code=bad-request re=cancel
a invite to=bob
			a< ringing call=call-r5 to=bob media=a
			b< invite call=call-r5 from=alice media=a
a leave call=call-r5
			a< error code=bad-request re=leave`,
		"what was sent has changed, and what fails": inRoom + `
b media call=standup media=a
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=standup room publish=/standup/bob.webm?key=r4 audio/webm;codecs=opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite
a failed call=standup url=/standup/bob.webm?el=5s
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.wav?el=5s&of=webm audio/wav peer=bob:a
			b< start call=standup room publish=/standup/bob.webm?key=r4 audio/webm;codecs=opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite
a failed call=standup url=/standup/carol.webm
			a< error code=no-match re=failed
a failed call=standup url=/other/bob.webm
			a< error code=no-match re=failed
a failed call=standup url=bob.webm
			a< error code=no-match re=failed`,
		"one who plays something else changes what one publishes for nobody": inRoom + `
c hello caller=carol can=wav
			c< welcome caller=carol
c join room=standup
			a< joined caller=carol call=standup
			b< joined caller=carol call=standup
			allow standup map[alice:r3 bob:r4 carol:r6]
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus play=/standup/carol.wav?el=5s audio/wav peer=bob:av peer=carol:a
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus play=/standup/carol.wav?el=5s audio/wav peer=alice:av:polite peer=carol:a
			c< start call=standup room publish=/standup/carol.wav?key=r6 audio/wav 24000Hz play=/standup/alice.wav?el=5s&of=webm audio/wav play=/standup/bob.wav?el=5s&of=webm audio/wav peer=alice:av:polite peer=bob:av:polite`,
		"names of rooms": twoPeople + `
a join
			a< error code=bad-request re=join
a join room=a.b
			a< error code=bad-request re=join
a join room=a/b
			a< error code=bad-request re=join
a join room=call-
			a< error code=bad-request re=join
a join room=call-x
			a< error code=bad-request re=join
a join room=static
			a< error code=bad-request re=join
a leave call=standup
			a< error code=no-match re=leave
a join room=alice
			allow alice map[alice:r3]
			a< start call=alice room publish=/alice/alice.webm?key=r3 audio/webm;codecs=opus
b join room=alice media=a
			a< joined caller=bob call=alice
			allow alice map[alice:r3 bob:r4]
			a< start call=alice room publish=/alice/alice.webm?key=r3 audio/webm;codecs=opus play=/alice/bob.webm?el=5s audio/webm;codecs=opus peer=bob:a
			b< start call=alice room publish=/alice/bob.webm?key=r4 audio/webm;codecs=opus play=/alice/alice.webm?el=5s audio/webm;codecs=opus peer=alice:a:polite`,
		"names of callers": inRoom + `
c hello caller=carol-screen
			c< error code=bad-request re=hello
c hello caller=Carol_Screen
			c< error code=bad-request re=hello
c hello caller=-screen
			c< error code=bad-request re=hello
c hello caller=alice
			c< error code=taken re=hello suggest=alice-2
c hello caller=alice-2
			c< welcome caller=alice-2
c join room=standup media=none
			a< joined caller=alice-2 call=standup
			b< joined caller=alice-2 call=standup
			allow standup map[alice:r3 alice-2:r6 bob:r4]
			a< start call=standup room publish=/standup/alice.webm?key=r3 video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av peer=alice-2:none
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite peer=alice-2:none
			c< start call=standup room play=/standup/alice.webm?el=5s video/webm;codecs=vp8,opus play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite peer=bob:av:polite`,
		"a name that somebody away still holds": oneInRoom + `
a lost
c hello caller=alice
			c< error code=taken re=hello suggest=alice-2`,
	} {
		t.Run(name, func(t *testing.T) { play(t, strings.ReplaceAll(script, "\t\t\t\n", "")) })
	}
}

// What is shared beside oneself.
func TestScreenScripts(t *testing.T) {
	for name, script := range map[string]string{
		"in a call, from when it is shared to when it is not": talking + `
a media call=call-r3 media=av+v
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus publish=/call-r3/alice-screen.webm?key=r4 video/webm;codecs=vp8,opus screen 2500000 play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus play=/call-r3/alice-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=alice:av+v:polite
a media call=call-r3 media=av+va
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus play=/call-r3/alice-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=alice:av+va:polite
a media call=call-r3 media=av` + starts,
		"two at once in a room": inRoom + `
a media call=standup media=none+v
			a< start call=standup room publish=/standup/alice-screen.webm?key=r3 video/webm;codecs=vp8,opus screen 2500000 play=/standup/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=standup room publish=/standup/bob.webm?key=r4 video/webm;codecs=vp8,opus play=/standup/alice-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=alice:none+v:polite
b media call=standup media=a+v
			a< start call=standup room publish=/standup/alice-screen.webm?key=r3 video/webm;codecs=vp8,opus screen 2500000 play=/standup/bob.webm?el=5s audio/webm;codecs=opus play=/standup/bob-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=bob:a+v
			b< start call=standup room publish=/standup/bob.webm?key=r4 audio/webm;codecs=opus publish=/standup/bob-screen.webm?key=r4 video/webm;codecs=vp8,opus screen 2500000 play=/standup/alice-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=alice:none+v:polite
a leave call=standup
			allow standup map[bob:r4]
			b< left caller=alice call=standup
			b< start call=standup room publish=/standup/bob.webm?key=r4 audio/webm;codecs=opus publish=/standup/bob-screen.webm?key=r4 video/webm;codecs=vp8,opus screen 2500000
			a< ended call=standup reason=left by=alice`,
		"accepted with a screen": ringing + `
b accept call=call-r3 media=a+v
			allow call-r3 map[alice:r4 bob:r5]
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s audio/webm;codecs=opus play=/call-r3/bob-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=bob:a+v
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 audio/webm;codecs=opus publish=/call-r3/bob-screen.webm?key=r5 video/webm;codecs=vp8,opus screen 2500000 play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av:polite`,
		"sound alone is no screen, and who cannot see it is told": `
a hello caller=alice
			a< welcome caller=alice
b hello caller=bob can=wav
			b< welcome caller=bob
a join room=standup media=a
			allow standup map[alice:r3]
			a< start call=standup room publish=/standup/alice.webm?key=r3 audio/webm;codecs=opus
b join room=standup media=a
			a< joined caller=bob call=standup
			allow standup map[alice:r3 bob:r4]
			a< start call=standup room publish=/standup/alice.webm?key=r3 audio/webm;codecs=opus play=/standup/bob.wav?el=5s audio/wav peer=bob:a
			b< start call=standup room publish=/standup/bob.wav?key=r4 audio/wav 24000Hz play=/standup/alice.wav?el=5s&of=webm audio/wav peer=alice:a:polite
a media call=standup media=a+va
			b< start call=standup room publish=/standup/bob.wav?key=r4 audio/wav 24000Hz play=/standup/alice.wav?el=5s&of=webm audio/wav peer=alice:a+va:polite
			a< error code=no-match re=start
			b< error code=no-match re=start
a media call=standup media=a+va
a media call=standup media=a
			b< start call=standup room publish=/standup/bob.wav?key=r4 audio/wav 24000Hz play=/standup/alice.wav?el=5s&of=webm audio/wav peer=alice:a:polite`,
		"what fails there says nothing of the rest": talking + `
a media call=call-r3 media=av+va
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus publish=/call-r3/alice-screen.webm?key=r4 video/webm;codecs=vp8,opus screen 2500000 play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus play=/call-r3/alice-screen.webm?el=5s video/webm;codecs=vp8,opus screen peer=alice:av+va:polite
a failed call=call-r3 url=/call-r3/alice-screen.webm?key=r4 mime=video/webm;codecs=vp8,opus
			a< start call=call-r3 publish=/call-r3/alice.webm?key=r4 video/webm;codecs=vp8,opus play=/call-r3/bob.webm?el=5s video/webm;codecs=vp8,opus peer=bob:av
			b< start call=call-r3 publish=/call-r3/bob.webm?key=r5 video/webm;codecs=vp8,opus play=/call-r3/alice.webm?el=5s video/webm;codecs=vp8,opus peer=alice:av+va:polite
			a< error code=no-match re=start
			b< error code=no-match re=start
a failed call=call-r3 url=/call-r3/bob-screen.webm?el=5s`,
		"pictures of a screen, one by one": `
a hello caller=alice can=chrome
			a< welcome caller=alice
b hello caller=bob can=iphone11
			b< welcome caller=bob
b invite to=alice media=none+va
			b< ringing call=call-r3 to=alice media=none+va
			a< invite call=call-r3 from=bob media=none+va
a accept call=call-r3 media=none+va
			allow call-r3 map[alice:r5 bob:r4]
			b< start call=call-r3 publish=/call-r3/bob-screen.mjpeg?key=r4 image/jpeg screen 2500000 play=/call-r3/alice-screen.wav?el=5s&of=webm audio/wav screen play=/call-r3/alice-screen.mjpeg?el=5s&of=webm multipart/x-mixed-replace screen peer=alice:none+va
			a< start call=call-r3 publish=/call-r3/alice-screen.webm?key=r5 video/webm;codecs=vp8,opus 500ms screen 2500000 play=/call-r3/bob-screen.mjpeg?el=5s multipart/x-mixed-replace screen peer=bob:none+va:polite
a failed call=call-r3 url=/call-r3/bob-screen.mjpeg?el=5s
			a< start call=call-r3 publish=/call-r3/alice-screen.webm?key=r5 video/webm;codecs=vp8,opus 500ms screen 2500000 play=/call-r3/bob-screen.jpg?el=5s&of=mjpeg image/jpeg screen peer=bob:none+va:polite`,
	} {
		t.Run(name, func(t *testing.T) { play(t, strings.ReplaceAll(script, "\t\t\t\n", "")) })
	}
}

// The JSON of what has neither a room nor a screen is as it was before there were any.
func TestJSONWithoutRooms(t *testing.T) {
	b := Encode(Message{
		Type: "start", Call: "call-x", Peers: []Peer{{Caller: "bob", Media: Media{Audio: true}}},
		Publish: []Publication{{URL: "/u", MIME: "m", Timeslice: 50, BitsPerSecond: 1, KeyframeEvery: 2, Why: "w"}},
		Play:    []Playing{{Caller: "bob", URL: "/v", MIME: "m", Why: "w"}},
	})
	want := `{"type":"start","call":"call-x","publish":[{"url":"/u","mime":"m","timeslice":50,"bitsPerSecond":1,"keyframeEvery":2,"why":"w"}],` +
		`"play":[{"caller":"bob","url":"/v","mime":"m","why":"w"}],"peers":[{"caller":"bob","media":{"audio":true,"video":false},"webrtc":false,"polite":false}]}`
	if string(b) != want {
		t.Errorf("got\n%s\nexpected\n%s", b, want)
	}
	b = Encode(Message{
		Type: "start", Call: "x", Room: true, Peers: []Peer{{Caller: "bob", Media: Media{Screen: Screen{Video: true}}}},
		Publish: []Publication{{URL: "/u", Screen: true}}, Play: []Playing{{Caller: "bob", Screen: true}},
	})
	var m struct {
		Room          bool
		Publish, Play []struct{ Screen bool }
		Peers         []struct {
			Media struct{ Screen map[string]bool }
		}
	}
	if err := json.Unmarshal(b, &m); err != nil || !m.Room || !m.Publish[0].Screen || !m.Play[0].Screen || !reflect.DeepEqual(m.Peers[0].Media.Screen, map[string]bool{"audio": false, "video": true}) {
		t.Errorf("%v: %s", err, b)
	}
}

// What Decode says of what rooms and screens brought, and of bytes that are no text.
func TestDecodeRooms(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{`{"type":"join","room":7}`, `"room" must be a string, got number`},
		{`{"type":"join","room":true}`, `"room" must be a string, got bool`},
		{`{"type":"join","room":["a"]}`, `"room" must be a string, got a list or an object`},
		{`{"type":"join","room":"` + strings.Repeat("a", 129) + `"}`, `"room" has at most 128 bytes, got 129`},
		{`{"type":"join","room":"a","media":"av"}`, `"media" must be an object, got string`},
		{`{"type":"media","media":{"audio":1}}`, `"media.audio" must be true or false, got number`},
		{`{"type":"media","media":{"screen":true}}`, `"media.screen" must be an object, got bool`},
		{`{"type":"media","media":{"screen":{"audio":true}}}`, `a "screen" has video`},
		{`{"type":"media","media":{"screen":{"audio":false,"video":false}}}`, ""},
		{`{"type":"media","media":{"screen":null}}`, ""},
		{`{"type":"join","room":null}`, ""},
		{"{\"type\":\"message\",\"data\":\"\xff\"}", "a control message is text in UTF-8, which byte 26 is not"},
		{"{\"type\":\"signal\",\"data\":{\"\xc3\":1}}", "which byte 26 is not"},
		{"\x80", "which byte 0 is not"},
		{"{\"type\":\"message\",\"data\":\"\xed\xa0\x80\"}", "which byte 26 is not"}, // half of a pair
		{"{\"type\":\"message\",\"data\":\"\xe2\x82\xac\uFFFD\"}", ""},
	} {
		m, err := Decode([]byte(row.text))
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%s: %v", row.text, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%s: %v; expected %q (read as %s)", row.text, err, row.want, show(m))
		}
	}
}
