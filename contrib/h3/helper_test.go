package h3_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/contrib/h3"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// certificate is one for 127.0.0.1 and localhost, and the pool that trusts it.
var certificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
})

func serverTLS() *tls.Config {
	cert, _ := certificate()
	return &tls.Config{Certificates: []tls.Certificate{cert}}
}

func clientTLS() *tls.Config {
	_, roots := certificate()
	return &tls.Config{RootCAs: roots}
}

// logged collects a log.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// site is an app that serves h1 over TLS and HTTP/3.
type site struct {
	app    *quart.App
	server *h3.Server
	log    *logged
	h1, h3 string // base URLs
	client *http.Client
	pool   *http3.Transport
	stop   func() error // stops the app; nothing the second time
}

func newApp(log *logged) *quart.App {
	return quart.New(quart.Config{TLS: serverTLS(), Log: slog.New(slog.NewTextHandler(log, nil)), ShutdownDelay: -1})
}

// serve serves app over TLS on TCP and, by Mount, HTTP/3, until the test is over. routes registers.
func serve(t testing.TB, cfg h3.Config, routes func(app *quart.App)) *site {
	t.Helper()
	log := new(logged)
	s := &site{app: newApp(log), log: log}
	if cfg.TLS == nil {
		cfg.TLS = serverTLS()
	}
	if cfg.ShutdownDelay == 0 {
		cfg.ShutdownDelay = -1
	}
	cfg.Addr = "127.0.0.1:0"
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	var err error
	if s.server, err = h3.Mount(s.app, cfg); err != nil {
		t.Fatal(err)
	}
	routes(s.app)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	s.app.Go(func(context.Context) error { // tasks start after the hooks
		close(started)
		return nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.app.Serve(ctx, l) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	select {
	case <-started:
	case err := <-done:
		cancel()
		t.Fatalf("the app does not serve: %v", err)
	}
	s.h1, s.h3 = "https://"+l.Addr().String(), "https://"+s.server.Addr().String()
	s.pool = transport()
	s.client = &http.Client{Transport: s.pool}
	t.Cleanup(func() {
		_ = s.pool.Close()
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// eventually polls: what it waits for is told by nothing else.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func transport() *http3.Transport {
	return &http3.Transport{TLSClientConfig: clientTLS(), QUICConfig: &quic.Config{}}
}

// do sends a request and reads the whole answer.
func (s *site) do(t testing.TB, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", req.Method, req.URL, err)
	}
	return resp, string(b)
}

func (s *site) request(t testing.TB, method, path string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.h3+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func (s *site) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	return s.do(t, s.request(t, http.MethodGet, path, nil))
}

func wantAnswer(t testing.TB, resp *http.Response, body string, status int, want string) {
	t.Helper()
	if resp.StatusCode != status || body != want {
		t.Errorf("%d %q, want %d %q", resp.StatusCode, body, status, want)
	}
}
