package calls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// party is somebody's side of a negotiation: what it can do, and what it could not
// do when it came to it.
type party struct {
	abilities
	unrecorded set // formats that it failed to record
	unplayed   set // ways that it failed to play
}

func (p *party) records(i int) bool { return p.record.has(i) && !p.unrecorded.has(i) }
func (p *party) plays(i int) bool   { return p.play.has(i) && !p.unplayed.has(i) }

// cannotPlay notes that a way did not work. An engine that fails at one file of a
// container will at all of them, VP9 aside, which may be its hardware's fault.
func (p *party) cannotPlay(row int) {
	for i, w := range ways {
		if i == row || w.ext == ways[row].ext && ways[row].of != webmVP9 {
			p.unplayed |= 1 << i
		}
	}
}

// agreement is what a sender publishes, and what becomes of it.
type agreement struct {
	files  []int   // rows of formats: one, or sound and picture
	plays  [][]int // rows of ways, for each receiver
	why    string  // in a sentence; without files, why there are none, "" if nothing is sent
	screen bool    // it is about a screen
}

// negotiate finds what a sender publishes of what it sends, once for all of the
// receivers. What counts is, in this order: how many of them hear it, how many see
// it, how many play it as it is; then the order of [formats], in which what a
// recorder writes comes before samples and single pictures. Sound as AAC, of which
// nothing else can be made, is sent only where everybody plays it, or where there
// is nothing else.
func negotiate(sender *party, sends Media, receivers []*party) agreement {
	return among(plans(sender, sends), sender, sends, receivers, false)
}

// negotiateScreen is negotiate for a screen, which goes in one file, with a picture.
func negotiateScreen(sender *party, screen Screen, receivers []*party) agreement {
	sends := Media{Audio: screen.Audio, Video: true}
	all := slices.DeleteFunc(plans(sender, sends), func(files []int) bool {
		return len(files) > 1 || !formats[files[0]].picture
	})
	a := among(all, sender, sends, receivers, true)
	a.screen = true
	return a
}

// among finds the best of some plans; seen says that one is none of which nobody
// sees the picture. Who is alone sends what is best to record: somebody may listen who
// is not in the room.
func among(plans [][]int, sender *party, sends Media, receivers []*party, seen bool) agreement {
	if len(receivers) == 0 && len(plans) > 0 {
		return agreement{files: plans[0], why: names(plans[0]) + ": nobody else is here yet."}
	}
	kinds, kindOf := alikes(receivers)
	var best agreement
	var most grade
	for order, files := range plans {
		plays, g := tried(files, sends, kinds)
		g.order = -order
		if (g.picture > 0 || g.sound > 0 && !seen) && (best.files == nil || g.compare(most) > 0) {
			best, most = agreement{files: files, plays: plays}, g
		}
	}
	if best.files == nil {
		best.plays = make([][]int, len(receivers))
		sends.Audio = sends.Audio && !seen
		best.why = unmatched(sender, sends, receivers)
		return best
	}
	plays := best.plays
	best.plays = make([][]int, len(receivers))
	for i, kind := range kindOf {
		best.plays[i] = plays[kind]
	}
	best.why = names(best.files) + ": " + reason(sender, sends, receivers, best, most)
	return best
}

// kind is receivers that play the same.
type kind struct {
	*party
	number int
}

// alikes sorts receivers by what they play, and says of which kind each is: in a
// large room most have one of a few browsers.
func alikes(receivers []*party) (kinds []kind, kindOf []int) {
	at := map[set]int{}
	for _, r := range receivers {
		plays := r.play &^ r.unplayed
		n, ok := at[plays]
		if !ok {
			n = len(kinds)
			at[plays] = n
			kinds = append(kinds, kind{party: r})
		}
		kinds[n].number++
		kindOf = append(kindOf, n)
	}
	return kinds, kindOf
}

// plans lists what a sender could publish: a file of everything, or sound and
// picture beside each other, or one of them.
func plans(sender *party, sends Media) (all [][]int) {
	var sounds []int
	for i, f := range formats {
		switch {
		case !sender.records(i):
		case f.sound && f.picture && sends.Video:
			all = append(all, []int{i})
		case f.sound && !f.picture && sends.Audio:
			sounds = append(sounds, i)
		}
	}
	pictures := sends.Video && sender.records(jpegPicture)
	for _, i := range sounds {
		if pictures {
			all = append(all, []int{i, jpegPicture})
		}
	}
	for _, i := range sounds {
		all = append(all, []int{i})
	}
	if pictures {
		all = append(all, []int{jpegPicture})
	}
	return all
}

// grade is how good a plan is.
type grade struct {
	sound, picture int // receivers that get it
	plain          int // receivers that get all of it as a recorder wrote it
	waste          int // files, or halves of them, that nobody plays; below 0
	order          int // below 0: those before
}

func (g grade) compare(o grade) int {
	return cmp.Or(cmp.Compare(g.sound, o.sound), cmp.Compare(g.picture, o.picture), cmp.Compare(g.plain, o.plain),
		cmp.Compare(g.waste, o.waste), cmp.Compare(g.order, o.order))
}

// tried says what each kind of receivers would play of a plan, and how good that is.
func tried(files []int, sends Media, receivers []kind) (plays [][]int, g grade) {
	made := false // something of it, for somebody, by the server
	for _, r := range receivers {
		rows := r.choose(files, sends)
		plays = append(plays, rows)
		plain := len(rows) > 0
		for _, i := range rows {
			w := ways[i]
			g.sound += r.number * count(w.sound && sends.Audio)
			g.picture += r.number * count(w.picture && sends.Video)
			plain = plain && w.plain()
		}
		g.plain += r.number * count(plain)
		made = made || !plain
	}
	for _, i := range files {
		f := formats[i]
		switch {
		case f.aac && made:
			g.plain = -1
		case (f.pcm || f.jpeg) && g.plain > 0:
			g.plain = 0
		}
		if f.picture && g.picture == 0 || f.sound && !f.picture && g.sound == 0 {
			g.waste--
		}
	}
	return plays, g
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// choose returns how somebody plays what is published: in one file, or sound and
// picture each in the best way that there is.
func (p *party) choose(files []int, sends Media) (rows []int) {
	sound, picture := -1, -1
	for i, w := range ways {
		if !slices.Contains(files, w.of) || !p.plays(i) {
			continue
		}
		switch {
		case w.sound && w.picture:
			return []int{i}
		case w.sound && sound < 0 && sends.Audio:
			sound = i
		case w.picture && picture < 0 && sends.Video:
			picture = i
		}
	}
	for _, i := range []int{sound, picture} {
		if i >= 0 {
			rows = append(rows, i)
		}
	}
	return rows
}

// reason says what kept a better plan out, or what the one that was chosen lacks.
func reason(sender *party, sends Media, receivers []*party, a agreement, g grade) string {
	text := ""
	for i, f := range formats[:a.files[0]] {
		if f.sound && f.picture == sends.Video {
			text = f.name + " " + sender.lack(i, receivers) + "."
			break
		}
	}
	if text == "" {
		switch {
		case g.plain == len(receivers):
			text = "recorded by one side and played by the other as it is."
		case len(receivers) > 1:
			text = "who cannot play it as it is plays what the server makes of it."
		default:
			text = "the other side plays what the server makes of it."
		}
	}
	switch {
	case sends.Audio && g.sound == 0:
		text += " There is no format for the sound."
	case sends.Video && g.picture == 0:
		text += " There is no format for the picture."
	}
	return text
}

// lack says why a format is not used.
func (p *party) lack(row int, receivers []*party) string {
	played := func(r *party, i int) bool { return ways[i].of == row && ways[i].plain() && r.play.has(i) }
	switch {
	case !p.record.has(row):
		return "cannot be recorded there"
	case p.unrecorded.has(row):
		return "was tried and failed"
	}
	for _, r := range receivers {
		for i := range ways {
			if played(r, i) && r.unplayed.has(i) {
				return "was tried and failed"
			}
		}
	}
	return "cannot be played there"
}

// because is the reason for a way in which a receiver plays a file.
func (a *agreement) because(receiver *party, row int) string {
	w := ways[row]
	if w.plain() {
		return a.why
	}
	lack := "cannot be played here"
	for i, other := range ways {
		if other.of == w.of && other.plain() && receiver.unplayed.has(i) {
			lack = "was tried here and failed"
		}
	}
	f := formats[w.of]
	if f.jpeg {
		return w.name + ": a stream of them " + lack + "."
	}
	return w.name + ", made by the server of " + f.name + ", which " + lack + "."
}

// unmatched says why a sender cannot be heard or seen; "" if it sends nothing. What
// the other side plays counts even if nothing that is sent here becomes that.
func unmatched(sender *party, sends Media, receivers []*party) string {
	if !sends.Audio && !sends.Video || len(receivers) == 0 {
		return ""
	}
	var records, plays, failed []string
	for i, f := range formats {
		if f.picture && !sends.Video || !f.picture && !sends.Audio {
			continue
		}
		switch {
		case sender.records(i):
			records = append(records, f.name)
		case sender.unrecorded.has(i):
			failed = append(failed, f.name)
		}
	}
	unplayed := []string{}
	kinds, _ := alikes(receivers)
	for _, r := range kinds {
		for i, w := range ways {
			switch {
			case r.plays(i):
				plays = append(plays, kindOfFile(w.mime))
			case r.play.has(i):
				unplayed = append(unplayed, kindOfFile(w.mime))
			}
		}
	}
	plays = inOrder(plays)
	for _, name := range inOrder(unplayed) { // of some ways to the same, one may have failed
		if !slices.Contains(plays, name) && !slices.Contains(failed, name) {
			failed = append(failed, name)
		}
	}
	other := "the other side"
	if len(receivers) > 1 {
		other = "the others"
	}
	text := fmt.Sprintf("it can send %s, %s can play %s", list(records), other, list(plays))
	if len(failed) > 0 {
		text += "; tried and failed: " + list(failed)
	}
	return text + "."
}

// inOrder returns each name once, in the order of [ways].
func inOrder(names []string) (all []string) {
	for _, w := range ways {
		if n := kindOfFile(w.mime); slices.Contains(names, n) && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func names(rows []int) string {
	var all []string
	for _, i := range rows {
		all = append(all, formats[i].name)
	}
	return strings.Join(all, " and ")
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing that this server knows"
	}
	return strings.Join(names, ", ")
}
