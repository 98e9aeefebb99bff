//go:build linux

package main

import (
	"crypto/tls"
	"net"

	"github.com/goquart/quart/http2"
)

// serveRaw is the package http2 with a fasthttp handler, and nothing of quart.
func serveRaw(l net.Listener, cert *tls.Certificate) error {
	if cert != nil {
		l = tls.NewListener(l, tlsConfig(cert, alpnHTTP2))
	}
	s := &http2.Server{Handler: answerFast}
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		go func() { _ = s.ServeConn(nc) }() // a client that left is no failure
	}
}
