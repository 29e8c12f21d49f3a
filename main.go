// Everfile serves calls and live media as files that never end. See README.md.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"everfile/relay"
	"everfile/relay/calls"
	"everfile/static"
	"everfile/stream"
)

// commands is the command line; each has a Run method below.
type commands struct {
	LogLevel slog.Level `help:"Least level that is logged: debug, info, warn, error." default:"info" env:"EVERFILE_LOG_LEVEL"`

	Serve serveCmd `cmd:"" default:"withargs" help:"Run the server (what everfile does without a command)."`
	Push  pushCmd  `cmd:"" help:"Publish a file, or standard input, at the speed of its timestamps."`
	Tail  tailCmd  `cmd:"" help:"Copy an endless file to standard output, or to a file, and tell what it is."`
	Probe probeCmd `cmd:"" help:"List what a stream or file holds, part by part, and what that adds up to."`
	Bench benchCmd `cmd:"" help:"Measure."`
}

// maxRoom is how many there may be in a room: a change in one of so many is some 70 MB of
// messages.
const maxRoom = 500

type serveCmd struct {
	Listen        string        `help:"Address and port to listen on." default:"localhost:8080" env:"EVERFILE_LISTEN"`
	TLSSelfSigned bool          `name:"tls-self-signed" help:"Serve HTTPS and HTTP/2 with a certificate made here." env:"EVERFILE_TLS_SELF_SIGNED"`
	TLSCert       string        `name:"tls-cert" type:"existingfile" placeholder:"FILE" help:"Serve HTTPS and HTTP/2 with this certificate (PEM)." env:"EVERFILE_TLS_CERT"`
	TLSKey        string        `name:"tls-key" type:"existingfile" placeholder:"FILE" help:"The certificate's key (PEM)." env:"EVERFILE_TLS_KEY"`
	StateDir      string        `type:"path" placeholder:"DIR" help:"Keep the self-signed certificate here, and calls while the server is started anew (default: the user's configuration directory)." env:"EVERFILE_STATE_DIR"`
	AllowOrigin   []string      `placeholder:"ORIGIN" help:"Let pages of this origin use the server, as in https://example.org; * lets all." env:"EVERFILE_ALLOW_ORIGIN"`
	Grace         time.Duration `help:"How long a file stays open when its publisher is gone, and a call (1 s at the least) when a caller is." default:"30s" env:"EVERFILE_GRACE"`
	MaxLag        time.Duration `help:"A listener later than this is moved to the newest point where it can go on." default:"3s" env:"EVERFILE_MAX_LAG"`
	RoomSize      int           `name:"room-size" help:"How many can be in a room at once." default:"100" env:"EVERFILE_ROOM_SIZE"`
	Ring          time.Duration `help:"How long a call rings." default:"45s" env:"EVERFILE_RING"`
	ICEServer     []string      `name:"ice-server" placeholder:"URL" help:"What helps calls connect directly, where that works: stun:HOST[:PORT] or turn:HOST[:PORT][?transport=tcp]; may be repeated." env:"EVERFILE_ICE_SERVER"`
	TURNSecret    string        `name:"turn-secret" placeholder:"SECRET" help:"What the turn: servers share with this one; callers get a user and password of a day from it." env:"EVERFILE_TURN_SECRET"`
	Batch         time.Duration `help:"From 100 listeners of a stream on, write to each no oftener than this; 0 writes at once." default:"40ms" env:"EVERFILE_BATCH"`
}

func (c *serveCmd) Run(ctx context.Context) error {
	if c.StateDir == "" {
		if dir, err := os.UserConfigDir(); err == nil {
			c.StateDir = filepath.Join(dir, "everfile")
		}
	}
	if c.Batch == 0 { // the options take zero for their default
		c.Batch = -1
	}
	if c.Grace == 0 {
		c.Grace = -1
	}
	if c.Ring <= 0 || c.MaxLag <= 0 {
		return fmt.Errorf("--ring and --max-lag must be above zero")
	}
	if c.RoomSize <= 0 || c.RoomSize > maxRoom {
		return fmt.Errorf("--room-size is 1 to %d: everybody is told of everybody at each change", maxRoom)
	}
	return relay.Serve(ctx, relay.ServeOptions{
		Options: relay.Options{
			Stream:      stream.Options{Grace: c.Grace, Batch: c.Batch, MaxLag: c.MaxLag},
			Calls:       calls.Options{Grace: max(c.Grace, time.Second), Ring: c.Ring, Room: c.RoomSize},
			Static:      static.Files,
			AllowOrigin: c.AllowOrigin,
			ICE:         relay.ICE{Servers: c.ICEServer, Secret: c.TURNSecret},
		},
		Listen: c.Listen, CertFile: c.TLSCert, KeyFile: c.TLSKey,
		SelfSigned: c.TLSSelfSigned, StateDir: c.StateDir,
	}, os.Stdout)
}

// trustFlag is of the commands that connect to a server.
type trustFlag struct {
	CA string `name:"ca" type:"existingfile" placeholder:"FILE" help:"Trust this certificate too (PEM), as of --tls-self-signed." env:"EVERFILE_CA"`
}

func (f *trustFlag) client() (*http.Client, error) { return relay.Client(f.CA) }

type pushCmd struct {
	File string `arg:"" help:"WebM, Ogg, MP4, WAV, MP3, AAC, FLAC or MJPEG file; - is standard input."`
	URL  string `arg:"" help:"Where to publish, as in http://localhost:8080/caller1.webm."`
	Key  string `help:"The right to publish under a name that is held." env:"EVERFILE_KEY"`
	Loop bool   `help:"Begin again at the end." env:"EVERFILE_LOOP"`
	trustFlag
}

func (c *pushCmd) Run(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return relay.Push(ctx, relay.PushOptions{File: c.File, URL: c.URL, Key: c.Key, Loop: c.Loop, Stdin: os.Stdin, Stderr: os.Stderr, Client: client})
}

type tailCmd struct {
	URL    string `arg:"" help:"The stream, as in http://localhost:8080/caller1.webm."`
	Output string `short:"o" type:"path" placeholder:"FILE" help:"Write to this file instead of standard output." env:"EVERFILE_OUTPUT"`
	trustFlag
}

func (c *tailCmd) Run(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return relay.Tail(ctx, relay.TailOptions{URL: c.URL, File: c.Output, Stdout: os.Stdout, Stderr: os.Stderr, Client: client})
}

type probeCmd struct {
	Input  string `arg:"" help:"A stream, as in http://localhost:8080/caller1.webm, or a file; - is standard input."`
	JSON   bool   `name:"json" help:"Print a JSON object a line, for other programs." env:"EVERFILE_JSON"`
	Totals bool   `help:"Print what it adds up to, and not each part." env:"EVERFILE_TOTALS"`
	trustFlag
}

func (c *probeCmd) Run(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return relay.Probe(ctx, relay.ProbeOptions{Input: c.Input, JSON: c.JSON, Totals: c.Totals, Stdin: os.Stdin, Stdout: os.Stdout, Client: client})
}

type benchCmd struct {
	Fanout       fanoutCmd       `cmd:"" help:"One stream to many listeners on this machine, beside net/http and a bare write loop."`
	Calls        callsCmd        `cmd:"" help:"Many calls at once on this machine."`
	FanoutServer fanoutServerCmd `cmd:"" hidden:""`
}

type fanoutCmd struct {
	Listeners int           `help:"How many." default:"1000" env:"EVERFILE_LISTENERS"`
	Rounds    int           `help:"How often each server is measured." default:"5" env:"EVERFILE_ROUNDS"`
	Time      time.Duration `help:"How long each." default:"8s" env:"EVERFILE_TIME"`
	Servers   []string      `help:"Which servers; the first is the baseline of the ratios." default:"${doors}" env:"EVERFILE_SERVERS"`
}

func (c *fanoutCmd) Run(ctx context.Context) error {
	return relay.BenchFanout(ctx, relay.FanoutOptions{Listeners: c.Listeners, Rounds: c.Rounds, Time: c.Time, Doors: c.Servers, Out: os.Stdout})
}

type callsCmd struct {
	Calls int           `help:"How many, of two callers each." default:"250" env:"EVERFILE_CALLS"`
	Time  time.Duration `help:"How long they talk." default:"20s" env:"EVERFILE_TIME"`
}

func (c *callsCmd) Run(ctx context.Context) error {
	return relay.BenchCalls(ctx, relay.CallsOptions{Calls: c.Calls, Time: c.Time, Out: os.Stdout})
}

type fanoutServerCmd struct {
	Door string `arg:""`
}

func (c *fanoutServerCmd) Run(ctx context.Context) error {
	return relay.FanoutServer(ctx, c.Door, os.Stdin, os.Stdout)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what the first could not
	var c commands
	k := kong.Parse(&c, kong.Name("everfile"), kong.UsageOnError(),
		kong.Description("Calls and live media as files that never end."),
		kong.Vars{"doors": strings.Join(relay.FanoutDoors, ",")},
		kong.BindTo(ctx, (*context.Context)(nil)))
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel})))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "everfile:", err)
		os.Exit(1)
	}
}
