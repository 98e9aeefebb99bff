package http2_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/goquart/quart/http2"
)

// served is a server behind a loopback listener.
type served struct {
	t    testing.TB
	srv  *http2.Server
	addr string
	l    net.Listener // nil in memory
	mu   sync.Mutex
	errs []error // of ServeConn
	wg   sync.WaitGroup
}

// serve starts a server on a free port. When the test is over it is shut down and must have left nothing.
func serve(t testing.TB, cfg http2.Config, h fasthttp.RequestHandler) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, srv: &http2.Server{Handler: h, Config: cfg}, addr: l.Addr().String(), l: l}
	s.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serveConn(nc) })
		}
	})
	t.Cleanup(s.end)
	return s
}

func (s *served) serveConn(nc net.Conn) {
	err := s.srv.ServeConn(nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// ended returns what ServeConn returned so far.
func (s *served) ended() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.errs...)
}

// end shuts the server down and looks for what it left.
func (s *served) end() {
	s.t.Helper()
	if s.l != nil {
		_ = s.l.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != nil {
		s.t.Errorf("Shutdown: %v; %+v", err, s.srv.Stats())
	}
	s.wg.Wait()
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stats, stacks := s.srv.Stats(), engineGoroutines()
		if stats.Conns == 0 && stats.Streams == 0 && stats.Handlers == 0 && len(stacks) == 0 {
			return
		}
		if time.Now().After(until) {
			s.t.Errorf("left behind: %+v, goroutines:\n%s", stats, strings.Join(stacks, "\n\n"))
			return
		}
	}
}

// engineGoroutines returns the stacks of the goroutines that are in the package that is tested, without that of the clock: it ends within a
// second of the last connection, which TestShutdownLeavesNothing waits for.
func engineGoroutines() (stacks []string) {
	for _, g := range packageGoroutines() {
		if !strings.Contains(g, "(*Server).sweep(") {
			stacks = append(stacks, g)
		}
	}
	return stacks
}

func packageGoroutines() (stacks []string) {
	buf := make([]byte, 8<<20)
	for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "quart/http2.") {
			stacks = append(stacks, g)
		}
	}
	return stacks
}

// dial connects, with settings of the client (identifiers and values, in turn).
func (s *served) dial(pairs ...uint32) *client {
	s.t.Helper()
	return s.dialFor(s.t, pairs...)
}

// dialFor is dial for a subtest.
func (s *served) dialFor(t testing.TB, pairs ...uint32) *client {
	t.Helper()
	c := newClient(t, s.connectFor(t), pairs...)
	c.until("SETTINGS", func() bool { return len(c.settings) > 0 && c.acked == 1 })
	return c
}

// connect opens a connection and sends nothing.
func (s *served) connect() net.Conn {
	s.t.Helper()
	return s.connectFor(s.t)
}

func (s *served) connectFor(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// hello answers every request with five bytes.
func hello(ctx *fasthttp.RequestCtx) { ctx.SetBodyString("hello") }

// newCertificate returns one for 127.0.0.1 and localhost.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
