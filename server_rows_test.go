package quart_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
	"github.com/valyala/fasthttp"
)

// inBubble runs f where time is fake: a test of 60 s takes none.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	_ = new(fasthttp.ResponseHeader).AppendBytes(nil) // starts fasthttp's clock for Date, which never ends, outside of the bubble
	synctest.Test(t, f)
}

// endsAfter reads one answer, "" for none, and the end of the connection, and returns the seconds that it took.
func endsAfter(t *testing.T, nc net.Conn, br *bufio.Reader) (answer string, seconds float64) {
	t.Helper()
	start := time.Now()
	got, err := io.ReadAll(br)
	if err != nil {
		t.Fatalf("%v after %q", err, got)
	}
	answer, _, _ = strings.Cut(string(got), "\r\n")
	return answer, time.Since(start).Seconds()
}

// TestDefaultTimeouts measures, by the bubble's clock, the limits of a Config without any; sweeps, every quarter of a second, make them longer.
func TestDefaultTimeouts(t *testing.T) {
	const sweeps = 0.75
	for _, tc := range []struct {
		name, request, answer string
		after                 bool // an answer to the request comes first
		seconds               float64
	}{
		{"head", "GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 Request Timeout", false, 5},
		{"no head", "", "", false, 5},
		{"idle", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "", true, 30},
		{"body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 Request Timeout", false, 30},
		{"chunked body", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "HTTP/1.1 408 Request Timeout", false, 30},
		{"body, not begun", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 408 Request Timeout", false, 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				app := quiet()
				app.Get("/", say("ok"))
				app.Post("/", func(c *quart.Ctx) error { _, err := c.Body(); return err })
				nc := quarttest.New(t, app).Dial()
				br := newReader(nc)
				send(t, nc, tc.request)
				if tc.after {
					readAnswer(t, br, "GET").want(t, 200, "ok")
				}
				answer, seconds := endsAfter(t, nc, br)
				if answer != tc.answer || seconds < tc.seconds || seconds > tc.seconds+sweeps {
					t.Errorf("%q after %v s, want %q after %v", answer, seconds, tc.answer, tc.seconds)
				}
			})
		})
	}
}

// TestDefaultGrace: the context of a request that does not end is done 8 s after the stop began.
func TestDefaultGrace(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		app := quiet()
		var ended time.Duration
		start := time.Now()
		app.Get("/", func(c *quart.Ctx) error {
			<-c.Context().Done()
			ended = time.Since(start)
			return nil
		})
		cl := quarttest.New(t, app)
		send(t, cl.Dial(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait() // the handler runs
		start = time.Now()
		if err := cl.Stop(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Stop: %v", err)
		}
		if ended < 8*time.Second || ended > 9*time.Second {
			t.Errorf("the context ended after %v, want 8 s", ended)
		}
	})
}

// TestKeepAlive: a connection serves as many requests as come, at any pace under the idle limit.
func TestKeepAlive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		app := quiet()
		app.Get("/", say("ok"))
		nc := quarttest.New(t, app).Dial()
		br := newReader(nc)
		for n := range 2500 {
			if n%100 == 99 {
				time.Sleep(29 * time.Second)
			}
			send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			a := readAnswer(t, br, "GET")
			a.want(t, 200, "ok")
			if a.Close {
				t.Fatalf("request %d ends the connection", n)
			}
		}
	})
}

// TestNegativeIsOff: a negative limit is none, where its default would have ended the request.
func TestNegativeIsOff(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		app, _ := newApp(quart.Config{
			BodyLimit: -1, HeaderTimeout: -1, BodyTimeout: -1, BodyReadTimeout: -1, WriteTimeout: -1, IdleTimeout: -1, MaxConns: -1,
		})
		app.Post("/", func(c *quart.Ctx) error {
			b, err := c.Body()
			if err != nil {
				return err
			}
			return c.Text(200, itoa(len(b)))
		})
		nc := quarttest.New(t, app).Dial()
		br := newReader(nc)
		for range 2 {
			for _, part := range []string{"POST / HT", "TP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\nx", strings.Repeat("x", 3_000_000-1)} {
				time.Sleep(time.Hour)
				send(t, nc, part)
			}
			readAnswer(t, br, "POST").want(t, 200, "3000000")
		}
	})
}

// TestCtxLog: c.Log is Config.Log, by default slog's.
func TestCtxLog(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/films/{id}", func(c *quart.Ctx) error {
		c.Log().Info("shown", "film", c.Param("id"))
		return c.NoContent()
	})
	serve(t, app).get("/films/7").want(t, 204, "")
	if got := log.String(); !strings.Contains(got, "msg=shown film=7") || strings.Count(got, "\n") != 1 {
		t.Errorf("log: %s", got)
	}
	plain := quart.New(quart.Config{})
	if c := quarttest.NewCtx(t, plain, "GET", "/"); c.Log() != slog.Default() {
		t.Error("another logger than slog.Default")
	}
}

// TestTLSVersions: TLS 1.2 and 1.3 with HTTP/1.1 by ALPN, and nothing older.
func TestTLSVersions(t *testing.T) {
	app, _ := newApp(quart.Config{TLS: &tls.Config{Certificates: []tls.Certificate{certificate(t)}}})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Scheme()) })
	free := listen(t)
	addr := free.Addr().String()
	free.Close()
	started := make(chan struct{})
	app.Go(func(context.Context) error { close(started); return nil })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Listen(ctx, addr) }()
	select {
	case <-started:
	case err := <-done:
		t.Fatal(err)
	}
	for _, tc := range []struct {
		version uint16
		offers  []string
		ok      bool
	}{
		{tls.VersionTLS10, nil, false},
		{tls.VersionTLS11, nil, false},
		{tls.VersionTLS12, []string{"http/1.1"}, true},
		{tls.VersionTLS13, []string{"h3", "http/1.1"}, true},
		{tls.VersionTLS13, nil, true},
		{tls.VersionTLS13, []string{"h3"}, false}, // RFC 7301, section 3.2
	} {
		nc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tc.version, MaxVersion: tc.version, NextProtos: tc.offers})
		if (err == nil) != tc.ok {
			t.Errorf("%x %q: %v", tc.version, tc.offers, err)
		}
		if err != nil {
			continue
		}
		want := ""
		if len(tc.offers) > 0 {
			want = "http/1.1"
		}
		if state := nc.ConnectionState(); state.NegotiatedProtocol != want || state.Version != tc.version {
			t.Errorf("%x %q: negotiated %x %q", tc.version, tc.offers, state.Version, state.NegotiatedProtocol)
		}
		send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		readAnswer(t, newReader(nc), "GET").want(t, 200, "https")
		nc.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
