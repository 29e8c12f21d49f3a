package relay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TLSFiles returns the configuration for a certificate and key in PEM files.
func TLSFiles(cert, key string) (*tls.Config, error) {
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the TLS certificate: %w", err)
	}
	return tlsConfig(c), nil
}

func tlsConfig(c tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{c},
		NextProtos:   []string{"h2", "http/1.1"},
	}
}

const selfSignedFor = 365 * 24 * time.Hour

// TLSSelfSigned returns the configuration for a certificate that this machine
// signs for itself: the names localhost and its own, and all its addresses. It
// is kept in dir, so that a browser's exception outlives a restart; "" makes a
// new one each time.
func TLSSelfSigned(dir string) (*tls.Config, error) {
	if dir == "" {
		cert, key, err := selfSign(time.Now(), addresses())
		if err != nil {
			return nil, err
		}
		c, err := tls.X509KeyPair(cert, key)
		return tlsConfig(c), err
	}
	certFile, keyFile := selfSignedCert(dir), filepath.Join(dir, "self-signed.key")
	c, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && c.Leaf != nil && time.Until(c.Leaf.NotAfter) > 7*24*time.Hour && covers(c.Leaf) {
		return tlsConfig(c), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the self-signed certificate: %w; delete %s to have a new one made", err, certFile)
	}
	cert, key, err := selfSign(time.Now(), addresses())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(keyFile, key, 0o600), os.WriteFile(certFile, cert, 0o644)); err != nil {
		return nil, fmt.Errorf("keeping the self-signed certificate: %w", err)
	}
	c, err = tls.X509KeyPair(cert, key)
	return tlsConfig(c), err
}

// selfSignedCert is where TLSSelfSigned keeps its certificate.
func selfSignedCert(dir string) string { return filepath.Join(dir, "self-signed.crt") }

// covers reports whether a kept certificate still names all of this machine's addresses.
func covers(c *x509.Certificate) bool {
	for _, ip := range addresses() {
		if c.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

func selfSign(now time.Time, ips []net.IP) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "everfile, self-signed"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(selfSignedFor),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  ips,
	}
	if host, err := os.Hostname(); err == nil && host != "localhost" {
		t.DNSNames = append(t.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// addresses are those at which this machine may be reached.
func addresses() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	all, _ := net.InterfaceAddrs() // without them the certificate is for localhost alone
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}
