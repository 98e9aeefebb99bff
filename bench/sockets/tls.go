//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Files of a server's certificate.
const (
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	write := func(name, kind string, der []byte) error {
		return os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	}
	return errors.Join(write(certFile, "CERTIFICATE", cert), write(keyFile, "PRIVATE KEY", private))
}

// openTLS opens n websockets over TLS, and has each of them echo one message.
func openTLS(ctx context.Context, addr netip.AddrPort, n int) (closeAll func(), err error) {
	var conns []*tls.Conn
	closeAll = func() {
		for _, c := range conns {
			_ = c.NetConn().Close() // without a word: the server must notice
		}
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // the certificate was made for this run
	for range n {
		nc, err := dialer.DialContext(ctx, "tcp4", addr.String())
		if err != nil {
			closeAll()
			return nil, err
		}
		c := nc.(*tls.Conn)
		conns = append(conns, c)
		c.SetDeadline(time.Now().Add(stuck))
		if err := echoTLS(c, addr); err != nil {
			closeAll()
			return nil, err
		}
	}
	return closeAll, nil
}

func echoTLS(c *tls.Conn, addr netip.AddrPort) error {
	if _, err := c.Write(handshake(addr, echoPath)); err != nil {
		return err
	}
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); {
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		head = append(head, b...)
	}
	if !bytes.Contains(head, accepted) {
		return fmt.Errorf("answer %.200q", head)
	}
	if _, err := c.Write(clientFrame(binaryByte, payload(64))); err != nil {
		return err
	}
	want := serverFrame(binaryByte, payload(64))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%.40q came, want %.40q", got, want)
	}
	return nil
}
