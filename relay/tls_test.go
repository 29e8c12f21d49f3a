package relay

import (
	"bytes"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The self-signed certificate is kept, so that a browser's exception outlives a
// restart, and made anew when it would not do any more.
func TestSelfSignedIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "everfile")
	leaf := func() []byte {
		t.Helper()
		c, err := TLSSelfSigned(dir)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificates[0].Certificate[0]
	}
	put := func(age time.Duration, ips []net.IP) {
		t.Helper()
		cert, key, err := selfSign(time.Now().Add(-age), ips)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"self-signed.crt": cert, "self-signed.key": key} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := leaf()
	if again := leaf(); !bytes.Equal(first, again) {
		t.Error("a restart makes another certificate")
	}
	if fi, err := os.Stat(filepath.Join(dir, "self-signed.key")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v (%v)", fi.Mode(), err)
	}
	const day = 24 * time.Hour
	for _, row := range []struct {
		name string
		age  time.Duration
		ips  []net.IP
		kept bool
	}{
		{"some months old", 200 * day, addresses(), true},
		{"a week left", selfSignedFor - 8*day, addresses(), true},
		{"some days left", selfSignedFor - 6*day, addresses(), false},
		{"expired", selfSignedFor + day, addresses(), false},
		{"for other addresses", day, []net.IP{net.IPv4(192, 0, 2, 1)}, false},
		{"for more addresses", day, append(addresses(), net.IPv4(192, 0, 2, 1)), true},
	} {
		put(row.age, row.ips)
		old, err := tls.LoadX509KeyPair(filepath.Join(dir, "self-signed.crt"), filepath.Join(dir, "self-signed.key"))
		if err != nil {
			t.Fatal(err)
		}
		got := leaf()
		if kept := bytes.Equal(got, old.Certificate[0]); kept != row.kept {
			t.Errorf("%s: kept %t; expected %t", row.name, kept, row.kept)
		}
		if again := leaf(); !bytes.Equal(got, again) {
			t.Errorf("%s: the next restart makes another certificate", row.name)
		}
	}
}

func TestSelfSignedIsUnreadable(t *testing.T) {
	dir := t.TempDir()
	if _, err := TLSSelfSigned(dir); err != nil {
		t.Fatal(err)
	}
	cert := filepath.Join(dir, "self-signed.crt")
	if err := os.WriteFile(cert, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := TLSSelfSigned(dir)
	if err == nil {
		t.Fatal("no error")
	}
	sentence(t, err.Error(), "reading the self-signed certificate: ")
	sentence(t, err.Error(), "; delete "+cert+" to have a new one made")
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	if _, err := TLSSelfSigned(dir); err != nil {
		t.Errorf("after doing so: %v", err)
	}
}

// A browser that makes no exception for it still can be told to trust it: it is
// for this machine's names and addresses, and for TLS servers.
func TestSelfSignedNames(t *testing.T) {
	c, err := TLSSelfSigned("")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"localhost"}
	for _, ip := range addresses() {
		names = append(names, ip.String())
	}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	for _, name := range names {
		if err := c.Certificates[0].Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if err := c.Certificates[0].Leaf.VerifyHostname("example.org"); err == nil {
		t.Error("it is for everybody")
	}
}
