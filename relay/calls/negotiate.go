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
	files []int   // rows of formats: one, or sound and picture
	plays [][]int // rows of ways, for each receiver
	why   string  // in a sentence; without files, why there are none, "" if nothing is sent
}

// negotiate finds what a sender publishes of what it sends, once for all of the
// receivers. What counts is, in this order: how many of them hear it, how many see
// it, how many play it as it is; then the order of [formats], in which what a
// recorder writes comes before samples and single pictures. Sound as AAC, of which
// nothing else can be made, is sent only where everybody plays it, or where there
// is nothing else.
func negotiate(sender *party, sends Media, receivers []*party) agreement {
	var best agreement
	var most grade
	for order, files := range plans(sender, sends) {
		plays, g := tried(files, sends, receivers)
		g.order = -order
		if g.sound+g.picture > 0 && (best.files == nil || g.compare(most) > 0) {
			best, most = agreement{files: files, plays: plays}, g
		}
	}
	if best.files == nil {
		best.plays = make([][]int, len(receivers))
		best.why = unmatched(sender, sends, receivers)
		return best
	}
	best.why = names(best.files) + ": " + reason(sender, sends, receivers, best, most)
	return best
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

// tried says what each receiver would play of a plan, and how good that is.
func tried(files []int, sends Media, receivers []*party) (plays [][]int, g grade) {
	made := false // something of it, for somebody, by the server
	for _, r := range receivers {
		rows := r.choose(files, sends)
		plays = append(plays, rows)
		plain := len(rows) > 0
		for _, i := range rows {
			w := ways[i]
			g.sound += count(w.sound && sends.Audio)
			g.picture += count(w.picture && sends.Video)
			plain = plain && w.plain()
		}
		g.plain += count(plain)
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
		text = "recorded by one side and played by the other as it is."
		if g.plain < len(receivers) {
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

// unmatched says why a sender cannot be heard or seen; "" if it sends nothing.
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
	for i, w := range ways {
		for _, r := range receivers {
			if w.plain() && r.plays(i) && !slices.Contains(plays, w.name) {
				plays = append(plays, w.name)
			}
			if w.plain() && r.play.has(i) && r.unplayed.has(i) && !slices.Contains(failed, w.name) {
				failed = append(failed, w.name)
			}
		}
	}
	text := fmt.Sprintf("it can send %s, the other side can play %s", list(records), list(plays))
	if len(failed) > 0 {
		text += "; tried and failed: " + list(failed)
	}
	return text + "."
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
