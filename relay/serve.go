package relay

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
)

// ServeOptions is what the command serve is told.
type ServeOptions struct {
	Options

	Listen     string // address and port
	CertFile   string
	KeyFile    string
	SelfSigned bool
	StateDir   string // keeps the self-signed certificate; "": nowhere
}

// Serve runs a server until ctx is done. It prints the URL to open to out.
func Serve(ctx context.Context, o ServeOptions, out io.Writer) error {
	var config *tls.Config
	var err error
	switch {
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
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
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
	return New(o.Options).Serve(ctx, ln, config)
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
