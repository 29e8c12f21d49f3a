package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"everfile/stream"
)

// ProbeOptions is what the command probe is told.
type ProbeOptions struct {
	Input  string // URL of a stream, name of a file, or "-": standard input
	JSON   bool   // an object a line instead of a table
	Totals bool   // and no part
	Stdin  io.Reader
	Stdout io.Writer
	Client *http.Client // nil: the default
}

// Probe prints the parts of a container as they come: where each begins in the
// input, what it is, of which track, when, how long, how large. At the end, or when
// ctx is done, it prints what they add up to. Its error is a *stream.ParseError if
// the input stops making sense; what was good before that has been printed.
func Probe(ctx context.Context, o ProbeOptions) error {
	in, live, err := probeInput(ctx, o)
	if err != nil {
		return err
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.Close() })()
	out := bufio.NewWriter(o.Stdout)
	p := newProbing(o, out)
	if live {
		p.scan.Now = time.Now
	}
	err = p.read(ctx, in, out)
	p.print.totals(p.sum())
	if unwritten := out.Flush(); err == nil {
		err = unwritten
	}
	return err
}

// probeInput opens the input; live says that it comes when it happens.
func probeInput(ctx context.Context, o ProbeOptions) (in io.ReadCloser, live bool, err error) {
	if !strings.Contains(o.Input, "://") {
		in, err = openInput(ctx, o.Input, o.Stdin)
		return in, false, err
	}
	resp, err := get(ctx, o.Input, o.Client)
	if err != nil {
		return nil, false, err
	}
	return resp.Body, true, nil
}

// probing is an input under way: a scanner, what its parts add up to so far, and
// who prints them.
type probing struct {
	scan   stream.Scanner
	tracks []*trackSum // by their place in the header
	gaps   []gap       // the first
	more   int64       // further ones
	print  printer
}

// printer writes what a probe finds out. Errors are the writer's to keep.
type printer interface {
	header(probedHeader)
	part(probedPart)
	totals(probedTotals)
}

func newProbing(o ProbeOptions, out io.Writer) *probing {
	p := &probing{}
	p.print = &table{out: out}
	if o.JSON {
		p.print = lines{json.NewEncoder(out)}
	}
	if o.Totals {
		p.print = onlyTotals{p.print}
	}
	p.scan.Begin, p.scan.Each = p.begin, p.each
	return p
}

// read scans until the input ends, stops making sense, or ctx is done, which is no
// error. What a live stream has brought is printed at once.
func (p *probing) read(ctx context.Context, in io.Reader, out *bufio.Writer) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if _, err := p.scan.Write(buf[:n]); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return p.scan.End()
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (p *probing) begin() {
	h := probedHeader{Type: "header", Offset: p.scan.Offset(), Container: p.scan.Format().Name}
	for i, t := range p.scan.Tracks() {
		h.Tracks = append(h.Tracks, probedTrack{
			Track: i, Type: t.Type.String(), Codec: t.Codec, Words: t.Describe(),
			Rate: t.Rate, Channels: t.Channels, Bits: t.Bits, Width: t.Width, Height: t.Height,
		})
		if i == len(p.tracks) {
			p.tracks = append(p.tracks, &trackSum{})
		}
		p.tracks[i].begin(h.Tracks[i])
	}
	p.print.header(h)
}

func (p *probing) each(part *stream.Part) {
	t := p.tracks[part.Track]
	from := t.time
	jump := t.add(part)
	if jump != 0 && len(p.gaps) < maxGaps {
		p.gaps = append(p.gaps, gap{p.scan.Offset(), part.Track, from.Seconds(), part.Time.Seconds()})
	} else if jump != 0 {
		p.more++
	}
	p.print.part(probedPart{
		Type: "part", Offset: p.scan.Offset(), Kind: part.Kind.String(), Track: part.Track,
		Time: part.Time.Seconds(), Duration: part.Duration.Seconds(), Size: len(part.Frame), Key: part.Key, Jump: jump.Seconds(),
	})
}

func (p *probing) sum() probedTotals {
	media := p.scan.Media()
	s := probedTotals{
		Type: "totals", Bytes: p.scan.Scanned(), Frames: p.scan.Frames(), Duration: media.Seconds(),
		BitsPerSecond: perSecondOf(p.scan.Scanned(), media), Tracks: []trackTotals{}, Gaps: append([]gap{}, p.gaps...), MoreGaps: p.more,
	}
	if f := p.scan.Format(); f != nil {
		s.Container = f.Name
	}
	for _, t := range p.tracks {
		s.Tracks = append(s.Tracks, t.totals(media))
	}
	return s
}
