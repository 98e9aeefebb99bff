package middleware_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// logged serves one request with a Logger into a buffer and returns the Logger's lines.
func logged(t *testing.T, cfg middleware.LoggerConfig, inner []quart.Middleware, h quart.Handler, method, target string) []map[string]any {
	t.Helper()
	var log bytes.Buffer
	cfg.Log = slog.New(slog.NewJSONHandler(&log, nil))
	app := newApp(t, middleware.Logger(cfg))
	app.Use(inner...)
	app.Handle(quart.MethodAny, "/x/{name}", h)
	cl := quarttest.New(t, app)
	cl.Do(method, target).Send()
	if err := cl.Stop(); err != nil {
		t.Fatal(err)
	}
	var lines []map[string]any
	for line := range strings.Lines(log.String()) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, m)
	}
	return lines
}

func TestLogger(t *testing.T) {
	fixed := middleware.RequestID(middleware.RequestIDConfig{New: func() string { return "id1" }})
	tests := []struct {
		name   string
		cfg    middleware.LoggerConfig
		inner  []quart.Middleware
		h      quart.Handler
		method string
		target string
		want   string // method path status bytes error, and what differs from the defaults
	}{
		{name: "ok", h: hello, want: "GET /x/y 200 5 <nil>"},
		{name: "post", h: hello, method: "POST", want: "POST /x/y 200 5 <nil>"},
		{name: "head", h: hello, method: "HEAD", want: "HEAD /x/y 200 0 <nil>"},
		{name: "no content", h: (*quart.Ctx).NoContent, want: "GET /x/y 204 0 <nil>"},
		{name: "query is left out", h: hello, target: "/x/y?token=secret", want: "GET /x/y 200 5 <nil>"},
		{name: "decoded path", h: hello, target: "/x/%C3%A4", want: "GET /x/ä 200 5 <nil>"},
		{name: "error", h: refuse, want: "GET /x/y 403 34 403 Forbidden"},
		{name: "hidden cause", h: func(*quart.Ctx) error { return errInner }, want: "GET /x/y 500 46 inner error"},
		{name: "panic", h: boom, want: "GET /x/y 500 46 panic: boom"},
		{name: "panic in a layer", inner: []quart.Middleware{panicking}, h: hello, want: "GET /x/y 500 0 panic in a middleware"},
		{name: "unmatched", h: hello, target: "/none", want: "GET /none 404 34 404 Not Found"},
		{name: "request ID inside", inner: []quart.Middleware{fixed}, h: hello, want: "GET /x/y 200 5 <nil> id=id1"},
		{name: "message and level", cfg: middleware.LoggerConfig{Message: "served", Level: slog.LevelWarn}, h: hello, want: "GET /x/y 200 5 <nil> served WARN"},
		{name: "level off", cfg: middleware.LoggerConfig{Level: slog.LevelDebug}, h: refuse, want: ""},
		{name: "skipped", cfg: middleware.LoggerConfig{Skip: func(c *quart.Ctx) bool { return c.Path() == "/x/y" }}, h: hello, want: ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.method == "" {
				tt.method = "GET"
			}
			if tt.target == "" {
				tt.target = "/x/y"
			}
			var got []string
			for _, m := range logged(t, tt.cfg, tt.inner, tt.h, tt.method, tt.target) {
				got = append(got, lineOf(m))
				if m["ip"] != "127.0.0.1" || m["duration"].(float64) < 0 {
					t.Errorf("line %v", m)
				}
			}
			if got := strings.Join(got, "\n"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func lineOf(m map[string]any) string {
	s := fmt.Sprint(m["method"], " ", m["path"], " ", m["status"], " ", m["bytes"], " ", m["error"])
	if id := m["request_id"]; id != nil {
		s += fmt.Sprint(" id=", id)
	}
	if m["msg"] != "request" {
		s += fmt.Sprint(" ", m["msg"])
	}
	if m["level"] != "INFO" {
		s += fmt.Sprint(" ", m["level"])
	}
	return s
}

// TestLoggerInjection: a request cannot write a line of its own, in either of slog's formats.
func TestLoggerInjection(t *testing.T) {
	const target = "/x/a%0Atime=2026-01-01T00:00:00Z%20level=INFO%20msg=request%20path=%22/admin%22%0D%1B[2J"
	handlers := map[string]func(io.Writer) slog.Handler{
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
		"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			app := newApp(t, middleware.Logger(middleware.LoggerConfig{Log: slog.New(handler(&log))}))
			app.Get("/x/{name}", func(c *quart.Ctx) error { return quart.Errorf(404, "no %s", c.Param("name")) })
			cl := quarttest.New(t, app)
			cl.Get(target).Want(404)
			if err := cl.Stop(); err != nil {
				t.Fatal(err)
			}
			got := log.String()
			if strings.Count(got, "\n") != 1 || strings.ContainsAny(got, "\r\x1b") {
				t.Errorf("log %q", got)
			}
		})
	}
}

// TestLoggerUsesCtxLog: without a logger of its own it writes to the request's, where the ID stands once.
func TestLoggerUsesCtxLog(t *testing.T) {
	var log bytes.Buffer
	app := quart.New(quart.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	app.Use(middleware.RequestID(middleware.RequestIDConfig{New: func() string { return "id1" }}), middleware.Logger(middleware.LoggerConfig{}))
	cl := quarttest.New(t, app)
	cl.Get("/").Want(404)
	if err := cl.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || strings.Count(got, "request_id=id1") != 1 {
		t.Errorf("log %s", got)
	}
}

// TestLoggerRenders: the layers around it see the error, which is rendered once.
func TestLoggerRenders(t *testing.T) {
	var seen error
	handled := 0
	outer := func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			seen = next(c)
			return seen
		}
	}
	app := newApp(t, outer, middleware.Logger(middleware.LoggerConfig{}))
	app.OnStatus(403, func(c *quart.Ctx, err error) error {
		handled++
		return c.Text(403, "no")
	})
	app.Get("/", refuse)
	if got := quarttest.New(t, app).Get("/").Want(403).Text(); got != "no" || seen != quart.ErrForbidden || handled != 1 {
		t.Errorf("body %q, error %v, handled %d times", got, seen, handled)
	}
}

func TestLoggerAllocs(t *testing.T) {
	off := slog.New(slog.DiscardHandler)
	if n := allocs(t, 200, middleware.Logger(middleware.LoggerConfig{Log: off}), "GET"); n != 0 {
		t.Errorf("%v allocations while off, want 0", n)
	}
}

func BenchmarkLoggerOff(b *testing.B) {
	bench(b, middleware.Logger(middleware.LoggerConfig{Log: slog.New(slog.DiscardHandler)}))
}

func BenchmarkLogger(b *testing.B) {
	bench(b, middleware.Logger(middleware.LoggerConfig{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}))
}
