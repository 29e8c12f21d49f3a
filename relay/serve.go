package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// ServeOptions is what the command serve is told.
type ServeOptions struct {
	Options

	Listen     string // address and port
	CertFile   string
	KeyFile    string
	SelfSigned bool
	StateDir   string // keeps the self-signed certificate, and calls from one process to the next; "": nowhere
}

// Serve runs a server until ctx is done. It prints the URL to open to out.
func Serve(ctx context.Context, o ServeOptions, out io.Writer) error {
	var config *tls.Config
	err := o.ICE.Check()
	switch {
	case err != nil:
		return err
	case o.SelfSigned && o.CertFile != "":
		return fmt.Errorf("--tls-self-signed and --tls-cert exclude each other")
	case (o.CertFile == "") != (o.KeyFile == ""):
		return fmt.Errorf("--tls-cert and --tls-key go together")
	case o.SelfSigned:
		config, err = TLSSelfSigned(o.StateDir)
	case o.CertFile != "":
		config, err = TLSFiles(o.CertFile, o.KeyFile)
	}
	if err != nil {
		return err
	}
	ln, err := listen(ctx, o.Listen)
	if err != nil {
		return err
	}
	for _, u := range urls(o.Listen, ln.Addr(), config != nil) {
		fmt.Fprintf(out, "Open %s\n", u)
	}
	if o.SelfSigned {
		fmt.Fprintln(out, "The certificate is self-signed: a browser warns once; go on from there.")
		if o.StateDir != "" {
			fmt.Fprintf(out, "For others it is in %s (push and tail take it as --ca, curl as --cacert).\n", selfSignedCert(o.StateDir))
		}
	}
	s := New(o.Options)
	if o.StateDir == "" {
		return s.Serve(ctx, ln, config)
	}
	file := callsFile(o.StateDir, ln.Addr().String())
	if err := s.loadCalls(file); err != nil {
		s.opt.Log.Warn("the calls of the process before are lost", "err", err)
	}
	err = s.Serve(ctx, ln, config)
	if err := s.saveCalls(file); err != nil {
		s.opt.Log.Warn("the calls that ran cannot be handed to the next process", "err", err)
	}
	return err
}

// listen opens the address, or takes the socket that systemd, or whoever speaks
// its protocol, holds for this service: then a restart refuses nobody.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	given, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("taking the sockets of LISTEN_FDS: %w", err)
	}
	if len(given) > 1 || len(given) == 1 && given[0] == nil {
		return nil, fmt.Errorf("LISTEN_FDS passes %d descriptors; expected one listening socket", len(given))
	}
	if len(given) == 1 {
		return given[0], nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with --listen", err)
	}
	return ln, nil
}

// urls are what to open in a browser: the host as it was asked for, or, when
// that was every address, localhost and each of this machine's.
func urls(asked string, addr net.Addr, secure bool) []string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(addr.String())
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		hosts = []string{"localhost"}
		for _, ip := range addresses() {
			if !ip.IsLoopback() && (ip.To4() != nil || !strings.HasPrefix(host, "0.")) {
				hosts = append(hosts, ip.String())
			}
		}
	}
	var all []string
	for _, h := range hosts {
		all = append(all, scheme+"://"+net.JoinHostPort(h, port)+"/")
	}
	return all
}
