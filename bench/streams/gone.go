//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/goquart/quart"
)

const (
	helloPath = "/hello" // an answer before, on the same connection
	waitPath  = "/wait"  // a handler that waits for its context
)

// A goneRow is how long it took until a server's context was done after its client had closed the connection, in milliseconds.
type goneRow struct {
	Client           string
	Tries            int
	Median, P90, Max float64
}

// An absence is a server that is left by clients, in this process so that both sides read one clock.
type absence struct {
	plain, secure string         // addresses
	entered       chan struct{}  // a handler waits
	noticed       chan time.Time // its context is done
	ended         chan error     // the server
	stop          context.CancelFunc
}

// measureGone has clients leave after the request that waits, over HTTP/1.1 and over TLS; every other one has had an answer on the connection before.
func measureGone(ctx context.Context, tries int) (rows []goneRow, err error) {
	a, err := newAbsence()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	for _, client := range []struct {
		name, path string
		tls        bool
	}{
		{"HTTP/1.1", waitPath, false},
		{"TLS", waitPath, true},
		{"parked stream", parkedPath, false},
		{"parked stream, TLS", parkedPath, true},
	} {
		var took []time.Duration
		for i := range tries {
			d, err := a.leave(ctx, client.path, client.tls, i%2 == 1)
			if err != nil {
				return nil, fmt.Errorf("%s, try %d: %w", client.name, i+1, err)
			}
			took = append(took, d)
		}
		slices.Sort(took)
		rows = append(rows, goneRow{client.name, len(took), quantile(took, 0.5) / 1e3, quantile(took, 0.9) / 1e3, quantile(took, 1) / 1e3})
	}
	return rows, nil
}

func newAbsence() (*absence, error) {
	cert, err := selfSigned()
	if err != nil {
		return nil, err
	}
	plain, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	secure, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	a := &absence{
		plain: plain.Addr().String(), secure: secure.Addr().String(),
		entered: make(chan struct{}, 1), noticed: make(chan time.Time, 1), ended: make(chan error, 1),
	}
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	app := a.app()
	go func() {
		a.ended <- app.Serve(ctx, plain, tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{cert}}))
	}()
	return a, nil
}

func (a *absence) app() *quart.App {
	app := quart.New(quart.Config{ShutdownDelay: -1})
	app.Get(helloPath, func(c *quart.Ctx) error { return c.Text(200, "hello") })
	app.Get(waitPath, func(c *quart.Ctx) error {
		done := c.Context().Done()
		a.entered <- struct{}{}
		<-done
		a.noticed <- time.Now()
		return nil
	})
	app.SSE(parkedPath, func(s *quart.EventStream) error {
		context.AfterFunc(s.Context(), func() { a.noticed <- time.Now() })
		a.entered <- struct{}{}
		return s.Park()
	})
	return app
}

// leave is one client that comes, and goes.
func (a *absence) leave(ctx context.Context, path string, secure, second bool) (time.Duration, error) {
	nc, err := a.dial(secure)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	if second {
		if err := hello(nc); err != nil {
			return 0, err
		}
	}
	if _, err := io.WriteString(nc, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return 0, err
	}
	giveUp := time.NewTimer(stuck)
	defer giveUp.Stop()
	select {
	case <-a.entered:
	case <-giveUp.C:
		return 0, errors.New("the handler did not begin")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	left := time.Now()
	if err := nc.Close(); err != nil {
		return 0, err
	}
	select {
	case noticed := <-a.noticed:
		return noticed.Sub(left), nil
	case <-giveUp.C:
		return 0, errors.New("the context is not done")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (a *absence) dial(secure bool) (net.Conn, error) {
	if secure {
		return tls.Dial("tcp4", a.secure, &tls.Config{InsecureSkipVerify: true}) // the certificate is made here
	}
	return net.Dial("tcp4", a.plain)
}

// hello gets an answer on a connection that stays open.
func hello(nc net.Conn) error {
	if _, err := io.WriteString(nc, "GET "+helloPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		return fmt.Errorf("answer %s: %w", resp.Status, err)
	}
	return nil
}

func (a *absence) close() error {
	a.stop()
	return <-a.ended
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
