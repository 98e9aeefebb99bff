//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"time"

	"github.com/goquart/quart/bench/internal/proc"
)

// Paths. All servers answer them alike.
const (
	plainPath  = "/plaintext"
	jsonPath   = "/json"
	lengthPath = "/echo-length" // POST: how many bytes the body has
	paramPath  = "/path/"       // and a word, which is the answer
	bigPath    = "/big"         // from memory, as one piece
	largePath  = "/large"       // streamed
)

// Bodies.
const (
	helloWorld = "Hello, World!"
	helloJSON  = `{"message":"Hello, World!"}`
	plainText  = "text/plain; charset=utf-8"
	jsonType   = "application/json"
	anyBytes   = "application/octet-stream"
	postBytes  = 1 << 10
	bigBytes   = 1 << 20
	largeBytes = 64 << 20
)

// A message is what jsonPath answers, encoded for each request.
type message struct {
	Message string `json:"message"`
}

var hello = &message{helloWorld}

// filler is the body of bigPath, and again and again of largePath. Its period is no power of two, so that a piece at
// the wrong place is seen.
var filler = func() repeated {
	b := make([]byte, bigBytes)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

// repeated is a content without an end.
type repeated []byte

// ReadAt fills b. There is no error.
func (r repeated) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		n += copy(b[n:], r[(off+int64(n))%int64(len(r)):])
	}
	return n, nil
}

// largeBody is the content of largePath: no server has a shorter way to it than Read.
func largeBody() *io.SectionReader { return io.NewSectionReader(filler, 0, largeBytes) }

// A server is one of those that are measured.
type server struct {
	Name       string
	Goroutines int // of each open connection, about
	// serve serves in cleartext if cert is nil.
	serve func(l net.Listener, cert *tls.Certificate) error
}

// The names that the targets speak of.
const (
	quartName = "quart"
	rawName   = "http2" // the package, on its own
	netName   = "net/http"
	fastName  = "fasthttp" // HTTP/1.1, for the download alone
	wideName  = "fasthttp, 64 KiB buffer"
)

// servers speak HTTP/2, and quart's are the first.
var servers = []server{
	{quartName, 1, serveQuart},
	{rawName, 1, serveRaw},
	{netName, 2, serveNet},
}

// oldServers speak HTTP/1.1. With its default buffer fasthttp sends a body that it reads in pieces of 4 KiB: a comparison that is easy to win.
var oldServers = []server{
	{fastName, 1, func(l net.Listener, cert *tls.Certificate) error { return serveFast(l, cert, 0) }},
	{wideName, 1, func(l net.Listener, cert *tls.Certificate) error { return serveFast(l, cert, 64<<10) }},
}

func serverNamed(name string) (server, bool) {
	all := slices.Concat(servers, oldServers)
	i := slices.IndexFunc(all, func(s server) bool { return s.Name == name })
	if i < 0 {
		return server{}, false
	}
	return all[i], true
}

// overTLS is the word that makes a server process serve TLS.
const overTLS = "tls"

// newSite makes the site of a server process.
func newSite(name, word string) (*proc.Site, error) {
	s, ok := serverNamed(name)
	if !ok {
		return nil, fmt.Errorf("no server is named %q", name)
	}
	var cert *tls.Certificate
	if word == overTLS {
		var err error
		if cert, err = newCertificate(); err != nil {
			return nil, err
		}
	}
	return &proc.Site{Serve: func(l net.Listener) error { return s.serve(l, cert) }}, nil
}

// newCertificate makes one that nobody will check.
func newCertificate() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func tlsConfig(cert *tls.Certificate, protocol string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{protocol}}
}

// Protocols, as ALPN names them.
const (
	alpnHTTP2 = "h2"
	alpnHTTP1 = "http/1.1"
)
