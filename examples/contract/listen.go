package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"
)

// options are the command line.
type options struct {
	addr, tlsAddr, cert, key, www string
	h2c, reusePort                bool
}

// listen opens the plain listener and, where asked for, the one with TLS.
func (o options) listen(ctx context.Context) ([]net.Listener, error) {
	var cfg net.ListenConfig
	if o.reusePort {
		cfg.Control = reusePort
	}
	plain, err := cfg.Listen(ctx, "tcp", o.addr)
	if err != nil {
		return nil, err
	}
	if o.tlsAddr == "" {
		return []net.Listener{plain}, nil
	}
	secure, err := o.listenTLS(ctx, &cfg)
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	return []net.Listener{plain, secure}, nil
}

func (o options) listenTLS(ctx context.Context, cfg *net.ListenConfig) (net.Listener, error) {
	cert, err := o.certificate()
	if err != nil {
		return nil, err
	}
	l, err := cfg.Listen(ctx, "tcp", o.tlsAddr)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}), nil
}

func (o options) certificate() (tls.Certificate, error) {
	if o.cert == "" {
		return selfSigned()
	}
	return tls.LoadX509KeyPair(o.cert, o.key)
}

// selfSigned makes a certificate for localhost and 127.0.0.1, valid for a day.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
