package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"

	"everfile/relay"
	"everfile/relay/fault"
)

// apart is two network namespaces. Each has a loopback of its own, by which the server
// is reached whatever happens, and a wire to the other, with a bridge in the middle that
// may let nothing through: neither end of the wire notices.
type apart struct {
	t    *testing.T
	name string
}

// startApart makes the namespaces, which end with the test. It takes root.
func startApart(t *testing.T) *apart {
	t.Helper()
	need(t, "ip", "nsenter")
	n := &apart{t: t, name: fmt.Sprintf("everfile-%d-", os.Getpid())}
	for _, end := range []string{"wire", "alice", "bob"} {
		if out, err := try(t, "ip", "netns", "add", n.name+end); err != nil {
			t.Skipf("SKIPPED, NOT TESTED: no network namespaces here: %s", out)
		}
		t.Cleanup(func() { run(t, "ip", "netns", "del", n.name+end) })
	}
	n.ip("wire", "link add middle up type bridge")
	for i, end := range []string{"alice", "bob"} {
		n.ip("wire", "link add "+end+" type veth peer name wire netns "+n.name+end)
		n.ip("wire", "link set "+end+" up master middle")
		n.ip(end, "link set lo up")
		n.ip(end, fmt.Sprintf("address add 10.77.0.%d/24 dev wire", i+1))
		n.ip(end, "link set wire up")
		n.ip(end, fmt.Sprintf("route add default via 10.77.0.%d", 2-i)) // or Chromium looks no further than loopback
	}
	return n
}

func (n *apart) ip(end, command string) {
	n.t.Helper()
	run(n.t, "ip", append([]string{"-n", n.name + end}, strings.Fields(command)...)...)
}

func (n *apart) cut()  { n.t.Helper(); n.ip("wire", "link set alice nomaster") }
func (n *apart) heal() { n.t.Helper(); n.ip("wire", "link set alice master middle") }

// site is the server as it is reached from within one.
func (n *apart) site(s *site, end string) *site {
	n.t.Helper()
	type result struct {
		ln  net.Listener
		err error
	}
	got := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		ns, err := os.Open("/run/netns/" + n.name + end)
		if err != nil {
			got <- result{err: err}
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			got <- result{err: err}
			return
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		got <- result{ln, err}
	}()
	r := <-got
	if r.err != nil {
		n.t.Fatal(r.err)
	}
	addr := strings.TrimPrefix(s.url, "http://")
	p := fault.New(r.ln, func(ctx context.Context) (net.Conn, error) { return fault.Dial(ctx, addr) }, nil)
	n.t.Cleanup(p.Close)
	return &site{url: "http://" + p.Addr().String(), server: s.server, stop: s.stop}
}

// chromium is a browser in one of them.
func (n *apart) chromium(end string) *browser {
	n.t.Helper()
	return startChromium(n.t, chromedp.Flag("disable-features", "WebRtcHideLocalIpsWithMdns"), chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
		path, err := exec.LookPath("nsenter")
		if err != nil {
			n.t.Error(err)
			return
		}
		cmd.Args = append([]string{path, "--net=/run/netns/" + n.name + end, cmd.Path}, cmd.Args[1:]...)
		cmd.Path = path
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}))
}

// A network that lets nothing through between the two any more, and says nothing, while
// both still reach the server: back on the files, and over again once it does. How long
// that takes is measured from the cut to the first sound, of a file that is still
// recorded and of one that rests.
func TestDirectThroughAFirewall(t *testing.T) {
	long(t)
	n := startApart(t)
	s := serve(t, relay.Options{})
	a := peering(n.chromium("alice"), n.site(s, "alice"), "alice", aliceTone, gaps)
	b := peering(n.chromium("bob"), n.site(s, "bob"), "bob", bobTone, gaps)
	eval[bool](b, `hearGaps()`)
	connect(a, b, "alice", "bob")
	direct(a, bobTone)
	direct(b, aliceTone)
	took := map[string][]float64{}
	for i := range 10 {
		file := "that is recorded"
		if i%2 == 1 {
			file = "that rests"
			resting(a)
			resting(b)
		}
		since := eval[float64](b, `audioNow()`)
		n.cut()
		onFiles(b, aliceTone)
		onFiles(a, bobTone)
		back := eval[float64](b, `heardAgain(`+ftoa(since)+`)`)
		gap := eval[float64](b, `longest(`+ftoa(since)+`)`)
		rest(b, time.Duration(1+4*(i%3))*time.Second)
		if again := eval[float64](b, `longest(audioThen)`); again > 1 {
			t.Errorf("on the file again there was no sound for %.2f s", again)
		}
		n.heal()
		healed := time.Now()
		direct(a, bobTone)
		direct(b, aliceTone)
		t.Logf("back on the file %s %.2f s after the cut, %.2f s without sound; over again %.1f s after the path was back", file, back, gap, time.Since(healed).Seconds())
		took[file] = append(took[file], back)
	}
	for file, all := range took {
		m := quantiles(all)[0]
		t.Logf("back on the file %s after the cut: median %.2f s, worst %.2f s: %.2f", file, m, all[len(all)-1], all)
		if m > 1.5 {
			t.Errorf("back on the file %s after %.2f s; expected 1.5 at most", file, m)
		}
	}
}
