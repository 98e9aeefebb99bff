package quarttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Protocol is what a [Client] speaks.
type Protocol int

const (
	HTTP1 Protocol = iota // HTTP/1.1 without TLS, the default of New
	H2C                   // HTTP/2 without TLS, by prior knowledge (RFC 9113, section 3.3); the app's Config.H2C may be off
	HTTP2                 // HTTP/2 over TLS, by ALPN, with a certificate that the process makes for itself
)

// protocolVariable in the environment is the protocol of the clients that are not told one.
const protocolVariable = "QUARTTEST_PROTOCOL"

var protocolNames = [...]string{HTTP1: "h1", H2C: "h2c", HTTP2: "h2"}

// String returns "h1", "h2c" or "h2".
func (p Protocol) String() string {
	if p < 0 || int(p) >= len(protocolNames) {
		return "no protocol"
	}
	return protocolNames[p]
}

// Protocols runs test three times, as the subtests h1, h2c and h2: what test checks then holds over each of them. An App serves once, so
// test makes one for itself:
//
//	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
//		cl := quarttest.New(t, newApp(), p)
//		...
//	})
//
// What HTTP/2 does not have, such as chunks or Connection: close, a test asks for where p is HTTP1.
func Protocols(t *testing.T, test func(t *testing.T, p Protocol)) {
	t.Helper()
	for p := range Protocol(len(protocolNames)) {
		t.Run(p.String(), func(t *testing.T) { test(t, p) })
	}
}

// chosen is the protocol of a client: the one that New was told, or that of the environment.
func chosen(t testing.TB, told []Protocol) Protocol {
	t.Helper()
	if len(told) > 1 {
		t.Fatalf("quarttest: a client speaks one protocol, not %d", len(told))
	}
	if len(told) == 1 {
		if told[0].String() == "no protocol" {
			t.Fatalf("quarttest: there is no protocol %d", told[0])
		}
		return told[0]
	}
	name := os.Getenv(protocolVariable)
	for p := range Protocol(len(protocolNames)) {
		if name == p.String() {
			return p
		}
	}
	if name != "" {
		t.Fatalf("quarttest: %s is %q, want h1, h2c or h2", protocolVariable, name)
	}
	return HTTP1
}

// h2cListener lets the app speak HTTP/2 on it.
type h2cListener struct{ *listener }

// PriorKnowledge tells the app that connections may begin with the preface of HTTP/2, whatever its Config.H2C.
func (h2cListener) PriorKnowledge() bool { return true }

// offered is what the app serves.
func (l *listener) offered(p Protocol) net.Listener {
	switch p {
	case H2C:
		return h2cListener{l}
	case HTTP2:
		return tls.NewListener(l, &tls.Config{
			Certificates: []tls.Certificate{certificate().Certificate},
			NextProtos:   []string{"h2", "http/1.1"},
			// A process has many apps, in bubbles with clocks of their own: none is resumed.
			SessionTicketsDisabled: true,
			MinVersion:             tls.VersionTLS13,
		})
	}
	return l
}

// secure is the client's end of TLS on nc, its handshake done.
func secure(nc net.Conn, within time.Duration, protocol string) (net.Conn, error) {
	c := tls.Client(nc, &tls.Config{
		RootCAs:    certificate().roots,
		ServerName: "localhost",
		NextProtos: []string{protocol},
		MinVersion: tls.VersionTLS13,
	})
	_ = nc.SetDeadline(time.Now().Add(within))
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	_ = nc.SetDeadline(time.Time{})
	return c, nil
}

type identity struct {
	tls.Certificate
	roots *x509.CertPool
}

// certificate is made once for the process. It is valid in a bubble of testing/synctest, too, where the year is 2000.
var certificate = sync.OnceValue(func() identity {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("quarttest: " + err.Error())
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames:              []string{"localhost"},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic("quarttest: " + err.Error())
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic("quarttest: " + err.Error())
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots}
})
