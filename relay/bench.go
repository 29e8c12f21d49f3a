package relay

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// FanoutOptions is what the command bench fanout is told.
type FanoutOptions struct {
	Listeners int
	Rounds    int
	Time      time.Duration // measured, in each run
	Doors     []string      // which servers, in the order of each round
	Out       io.Writer
}

// FanoutDoors are the servers that are compared, the first being the baseline:
// net/http with a Flush per chunk, a loop that writes to every connection and
// does nothing else, and this server without and with its rule for many
// listeners.
var FanoutDoors = []string{"flush", "loop", "everfile", "everfile-40ms"}

// fanoutRun is what one server needed.
type fanoutRun struct {
	cpu    float64 // seconds per 1,000 listener-seconds
	memory float64 // KiB per listener: heap and stacks after a collection
	rss    float64 // KiB per listener: what the process grew by
	bytes  float64 // delivered, of what was due
	p50    time.Duration
	p99    time.Duration
}

// BenchFanout sends one stream of 50 chunks of 1,920 bytes a second to many
// listeners on this machine, the server in a process of its own. Every round
// measures each server once, so that ratios are of neighbours in time.
func BenchFanout(ctx context.Context, o FanoutOptions) error {
	if o.Rounds < 1 || o.Listeners < 1 || o.Time <= 0 || len(o.Doors) == 0 {
		return fmt.Errorf("rounds, listeners and time must be above zero, and a server must be named")
	}
	for _, d := range o.Doors {
		if !slices.Contains(FanoutDoors, d) {
			return fmt.Errorf("no server %q; known are %s", d, strings.Join(FanoutDoors, ", "))
		}
	}
	all := map[string][]fanoutRun{}
	w := tabwriter.NewWriter(o.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "server\tCPU s / 1,000 listener s\tKiB / listener\tRSS KiB / listener\tdelivered\tp50\tp99\n")
	for range o.Rounds {
		for _, door := range o.Doors {
			r, err := fanoutOnce(ctx, o, door)
			if err != nil {
				return fmt.Errorf("%s: %w", door, err)
			}
			all[door] = append(all[door], r)
			fmt.Fprintf(w, "%s\t%s\n", door, r)
			w.Flush()
		}
	}
	fmt.Fprintf(o.Out, "\n%d listeners, medians of %d rounds; ratios are medians of ratios within a round, to %s:\n", o.Listeners, o.Rounds, o.Doors[0])
	for _, door := range o.Doors {
		base := all[o.Doors[0]]
		var cpu, p99 []float64
		for i, r := range all[door] {
			cpu = append(cpu, r.cpu/base[i].cpu)
			p99 = append(p99, r.p99.Seconds()/base[i].p99.Seconds())
		}
		fmt.Fprintf(w, "%s\t%s\tCPU × %.2f\tp99 × %.2f\n", door, medianRun(all[door]), median(cpu), median(p99))
	}
	return w.Flush()
}

func (r fanoutRun) String() string {
	return fmt.Sprintf("%.3f\t%.1f\t%.1f\t%.1f %%\t%v\t%v", r.cpu, r.memory, r.rss, 100*r.bytes,
		r.p50.Round(100*time.Microsecond), r.p99.Round(100*time.Microsecond))
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func medianRun(all []fanoutRun) (m fanoutRun) {
	of := func(f func(fanoutRun) float64) float64 {
		var v []float64
		for _, r := range all {
			v = append(v, f(r))
		}
		return median(v)
	}
	m.cpu = of(func(r fanoutRun) float64 { return r.cpu })
	m.memory = of(func(r fanoutRun) float64 { return r.memory })
	m.rss = of(func(r fanoutRun) float64 { return r.rss })
	m.bytes = of(func(r fanoutRun) float64 { return r.bytes })
	m.p50 = time.Duration(of(func(r fanoutRun) float64 { return float64(r.p50) }))
	m.p99 = time.Duration(of(func(r fanoutRun) float64 { return float64(r.p99) }))
	return m
}

// fanoutOnce runs one server with all its listeners.
func fanoutOnce(ctx context.Context, o FanoutOptions, door string) (r fanoutRun, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.Time+2*time.Minute)
	defer cancel()
	child, err := startFanoutServer(ctx, door)
	if err != nil {
		return r, err
	}
	defer child.stop()
	load := newFanoutLoad(child.addr)
	defer load.stop()
	if err := load.publish(ctx); err != nil {
		return r, err
	}
	before, err := child.stats()
	if err != nil {
		return r, err
	}
	if err := load.connect(ctx, o.Listeners); err != nil {
		return r, err
	}
	if err := sleep(ctx, 2*time.Second); err != nil { // let it settle
		return r, err
	}
	first, err := child.stats()
	if err != nil {
		return r, err
	}
	bytes := load.measure()
	began := time.Now()
	if err := sleep(ctx, o.Time); err != nil {
		return r, err
	}
	took, got := time.Since(began).Seconds(), load.bytes()-bytes
	last, err := child.stats()
	if err != nil {
		return r, err
	}
	n := float64(o.Listeners)
	r.cpu = (last.cpu - first.cpu) / (n * took) * 1000
	r.memory = (last.live - before.live) / 1024 / n
	r.rss = (last.rss - before.rss) / 1024 / n
	r.bytes = float64(got) / (n * took * fanoutRate * fanoutChunk)
	r.p50, r.p99 = load.latency()
	return r, load.err()
}

// fanoutServer is a server process.
type fanoutServer struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	addr  string
}

func startFanoutServer(ctx context.Context, door string) (*fanoutServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "fanout-server", door)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &fanoutServer{cmd: cmd, in: in, lines: bufio.NewScanner(out)}
	if !s.lines.Scan() {
		s.stop()
		return nil, fmt.Errorf("the server did not start")
	}
	s.addr = s.lines.Text()
	return s, nil
}

func (s *fanoutServer) stop() {
	s.in.Close() // it ends with its input
	_ = s.cmd.Wait()
}

// processStats are a server's own figures.
type processStats struct {
	cpu  float64 // seconds, of user and system
	live float64 // bytes of heap and stacks that are in use
	rss  float64 // bytes

	goroutines float64
}

// stats asks the server, which answers a line with a line.
func (s *fanoutServer) stats() (p processStats, err error) {
	if _, err := io.WriteString(s.in, "stats\n"); err != nil {
		return p, err
	}
	if !s.lines.Scan() {
		return p, fmt.Errorf("the server has gone: %w", s.lines.Err())
	}
	for i, f := range strings.Fields(s.lines.Text()) {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return p, err
		}
		*[]*float64{&p.cpu, &p.live, &p.rss, &p.goroutines}[i] = v
	}
	return p, nil
}
