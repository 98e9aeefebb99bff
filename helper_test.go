package quart_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// served is an app behind a real loopback listener: what is tested goes through quart's own listener and fasthttp's parser.
type served struct {
	t    testing.TB
	addr string
}

// serve starts app on a free port and stops it when the test is over.
func serve(t testing.TB, app *quart.App) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := contextWithCancel()
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &served{t: t, addr: l.Addr().String()}
}

// newApp returns an app whose log the test can read, and that stops without delay.
func newApp(cfg quart.Config) (*quart.App, *logBuffer) {
	log := new(logBuffer)
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	cfg.ShutdownDelay = -1
	return quart.New(cfg), log
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// dial opens a connection with a deadline that only a hanging server reaches.
func (s *served) dial() net.Conn {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// answer is a response as it came over the wire.
type answer struct {
	*http.Response
	body string
}

// raw sends bytes on a fresh connection and reads one response; method is that of the request.
func (s *served) raw(method, request string) *answer {
	s.t.Helper()
	nc := s.dial()
	if _, err := io.WriteString(nc, request); err != nil {
		s.t.Fatal(err)
	}
	return readAnswer(s.t, bufio.NewReader(nc), method)
}

func readAnswer(t testing.TB, br *bufio.Reader, method string) *answer {
	t.Helper()
	resp, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("body: %v (%q)", err, body)
	}
	return &answer{resp, string(body)}
}

// do sends a request with header lines "Name: value" and a body.
func (s *served) do(method, target, body string, header ...string) *answer {
	s.t.Helper()
	var b strings.Builder
	b.WriteString(method + " " + target + " HTTP/1.1\r\n")
	hasHost := false
	for _, h := range header {
		hasHost = hasHost || strings.HasPrefix(h, "Host:")
		b.WriteString(h + "\r\n")
	}
	if !hasHost {
		b.WriteString("Host: example.com\r\n")
	}
	if body != "" {
		b.WriteString("Content-Length: " + itoa(len(body)) + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return s.raw(method, b.String())
}

func (s *served) get(target string, header ...string) *answer {
	s.t.Helper()
	return s.do("GET", target, "", header...)
}

func (a *answer) want(t testing.TB, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Fatalf("%d %q, want %d %q", a.StatusCode, a.body, status, body)
	}
}

func contextWithCancel() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

func itoa(n int) string { return strconv.Itoa(n) }

func newReader(nc net.Conn) *bufio.Reader { return bufio.NewReader(nc) }

func send(t testing.TB, nc net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(nc, s); err != nil {
		t.Fatal(err)
	}
}
