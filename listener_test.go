package quart

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// testLimits are the defaults. No test waits for them: advance moves the clock.
var testLimits = limits{Header: 5 * time.Second, Body: time.Minute, Write: 10 * time.Second, Idle: 30 * time.Second}

// connServer is an fasthttp server wired to a connTable as the App does it. Its sweeper stands still.
type connServer struct {
	t     *testing.T
	table *connTable
	addr  string
	tls   bool
}

func newConnServer(t *testing.T, lim limits, withTLS bool, h fasthttp.RequestHandler) *connServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	table := newConnTable(lim, slog.New(slog.DiscardHandler))
	var config *tls.Config
	if withTLS {
		config = &tls.Config{Certificates: []tls.Certificate{testCertificate(t)}}
	}
	ours := newListener(l, table, config)
	srv := &fasthttp.Server{
		StreamRequestBody: true, DisablePreParseMultipartForm: true, NoDefaultServerHeader: true,
		Logger: quietLogger{}, ConnState: table.hook,
		HeaderReceived: func(head *fasthttp.RequestHeader) fasthttp.RequestConfig {
			if n := head.ContentLength(); n > 0 || n == -1 {
				return fasthttp.RequestConfig{ReadTimeout: lim.Body, MaxRequestBodySize: 1}
			}
			return fasthttp.RequestConfig{}
		},
		ErrorHandler: func(fc *fasthttp.RequestCtx, err error) {
			connOf(fc.Conn()).linger()
			fc.Error("refused", statusOfReadError(err))
		},
		Handler: func(fc *fasthttp.RequestCtx) {
			connOf(fc.Conn()).enterHandler()
			h(fc)
		},
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ours) }()
	t.Cleanup(func() {
		_ = ours.Close()
		table.closeAll()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := srv.Shutdown(); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		// fasthttp counts a connection out before it closes it.
		awaitTrue(t, "no connection", func() bool { return table.open.Load() == 0 })
		table.stop()
	})
	return &connServer{t, table, l.Addr().String(), withTLS}
}

type quietLogger struct{}

func (quietLogger) Printf(string, ...any) {}

// advance moves the clock by d and a tick, and sweeps.
func (s *connServer) advance(d time.Duration) {
	s.table.sweep(s.table.now.Load() + milliseconds(d) + milliseconds(sweepEvery))
}

// await waits until a connection is in phase p.
func (s *connServer) await(p phase) {
	s.t.Helper()
	awaitTrue(s.t, "phase "+p.String(), func() bool { return s.table.counts()[p] > 0 })
}

func awaitTrue(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Errorf("never reached: %s", what)
			return
		}
	}
}

func (s *connServer) refused() int {
	s.table.refused.mu.Lock()
	defer s.table.refused.mu.Unlock()
	return len(s.table.refused.conns)
}

type client struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (s *connServer) dial() *client {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second)) // a safety net
	s.t.Cleanup(func() { _ = nc.Close() })
	if s.tls {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // the test's own server
	}
	return &client{nc, s.t, bufio.NewReader(nc)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// want reads one response and checks its status.
func (c *client) want(status int) *fasthttp.Response {
	c.t.Helper()
	var resp fasthttp.Response
	if err := resp.Read(c.r); err != nil {
		c.t.Fatalf("reading a response: %v", err)
	}
	if resp.StatusCode() != status {
		c.t.Fatalf("status %d, want %d", resp.StatusCode(), status)
	}
	return &resp
}

// wantEnd checks that the server closed in order: no more bytes, no reset.
func (c *client) wantEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil || len(rest) > 0 {
		c.t.Fatalf("after the end: %q, %v", rest, err)
	}
}

func hello(fc *fasthttp.RequestCtx) { fc.SetBodyString("hello") }

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

func plainAndTLS(t *testing.T, f func(t *testing.T, withTLS bool)) {
	for _, withTLS := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "tls"}[withTLS], func(t *testing.T) { f(t, withTLS) })
	}
}

func TestConnLimits(t *testing.T) {
	for _, tc := range []struct {
		name   string
		lim    limits
		status int
	}{
		{"in all", limits{MaxConns: 1}, 503},
		{"per address", limits{MaxConnsPerIP: 1}, 429},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newConnServer(t, tc.lim, false, hello)
			first := s.dial()
			first.send(get)
			first.want(200)

			over := s.dial()
			over.send(get)
			resp := over.want(tc.status)
			if string(resp.Header.Peek("Retry-After")) != "1" || !resp.ConnectionClose() {
				t.Errorf("head %s", &resp.Header)
			}
			// A close with the answer would be a reset where the request was not read.
			awaitTrue(t, "a refused connection that waits for its close", func() bool { return s.refused() == 1 })
			s.advance(refusalLinger)
			if n := s.refused(); n != 0 {
				t.Errorf("%d refused connections are left", n)
			}

			first.send(get) // the first is not harmed
			first.want(200)
			_ = first.Close()
			awaitTrue(t, "a free place", func() bool { return s.table.open.Load() == 0 })
			again := s.dial()
			again.send(get)
			again.want(200)
		})
	}
	t.Run("tls", func(t *testing.T) {
		s := newConnServer(t, limits{MaxConns: 1}, true, hello)
		first := s.dial()
		first.send(get)
		first.want(200)
		if _, err := s.dial().Write([]byte(get)); err == nil {
			t.Error("the handshake of a refused connection succeeded")
		}
	})
}

func TestIPKey(t *testing.T) {
	for _, tc := range []struct{ a, b string }{
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"2001:db8::1", "2001:db8::ffff:2"},
	} {
		a, b := ipKeyOf(&net.TCPAddr{IP: net.ParseIP(tc.a)}), ipKeyOf(&net.TCPAddr{IP: net.ParseIP(tc.b)})
		if a != b || !a.IsValid() {
			t.Errorf("%s and %s: %v, %v", tc.a, tc.b, a, b)
		}
	}
	a, b := ipKeyOf(&net.TCPAddr{IP: net.ParseIP("192.0.2.1")}), ipKeyOf(&net.TCPAddr{IP: net.ParseIP("192.0.2.2")})
	if a == b {
		t.Error("two IPv4 addresses share a key")
	}
	if ipKeyOf(&net.UnixAddr{Name: "x"}).IsValid() {
		t.Error("a unix socket has an address key")
	}
}

// scriptedListener fails with each error in turn, then hands out one connection.
type scriptedListener struct {
	net.Listener
	errs []error
	conn net.Conn
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	if l.conn != nil {
		nc := l.conn
		l.conn = nil
		return nc, nil
	}
	return nil, net.ErrClosed
}

func (l *scriptedListener) Close() error { return nil }

func TestListenerSurvivesTemporaryErrors(t *testing.T) {
	accept := func(e error) error { return &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", e)} }
	ours, theirs := net.Pipe()
	defer theirs.Close()
	table := newConnTable(limits{}, nil)
	l := newListener(&scriptedListener{
		errs: []error{accept(syscall.EMFILE), accept(syscall.ENFILE), accept(syscall.ENOBUFS), accept(syscall.ENOMEM)},
		conn: ours,
	}, table, nil)
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the last: %v", err)
	}
	l = newListener(&scriptedListener{errs: []error{accept(syscall.EBADF)}}, table, nil)
	if _, err := l.Accept(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a permanent error became %v", err)
	}
}

// failingListener is out of descriptors for ever.
type failingListener struct{ net.Listener }

func (failingListener) Accept() (net.Conn, error) { return nil, syscall.EMFILE }
func (failingListener) Close() error              { return nil }

func TestListenerCloseEndsBackoff(t *testing.T) {
	l := newListener(failingListener{}, newConnTable(limits{}, nil), nil)
	done := make(chan error)
	go func() {
		_, err := l.Accept()
		done <- err
	}()
	_ = l.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func testCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
