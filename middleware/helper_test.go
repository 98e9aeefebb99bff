package middleware_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
	"github.com/valyala/fasthttp"
)

func newApp(t testing.TB, mw ...quart.Middleware) *quart.App {
	app := quart.New(quart.Config{Log: quarttest.Log(t)})
	app.Use(mw...)
	return app
}

func hello(c *quart.Ctx) error { return c.Text(200, "hello") }

func refuse(*quart.Ctx) error { return quart.ErrForbidden }

func boom(*quart.Ctx) error { panic("boom") }

// panicking is a layer that panics itself.
func panicking(quart.Handler) quart.Handler { return boom }

// wantHeader compares a header field; "" wants none.
func wantHeader(t *testing.T, resp *quarttest.Response, name, want string) {
	t.Helper()
	if got := strings.Join(resp.HeaderAll(name), " | "); got != want || resp.HasHeader(name) != (want != "") {
		t.Errorf("%s: %q, want %q; there: %v", name, got, want, resp.HasHeader(name))
	}
}

// wantPanic runs f and compares what it panics with.
func wantPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := recover()
		if err, ok := got.(error); ok {
			got = err.Error()
		}
		if s := fmt.Sprint(got); got == nil || !strings.Contains(s, want) {
			t.Errorf("panic %q, want %q", s, want)
		}
	}()
	f()
}

// served is a request that goes through an app's handler without a connection.
type served struct {
	fc fasthttp.RequestCtx
	h  fasthttp.RequestHandler
}

func newServed(app *quart.App, method, target string, fields ...string) *served {
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.SetRequestURI(target)
	req.Header.SetHost("localhost")
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	s := &served{h: app.Handler()}
	s.fc.Init(&req, nil, nil)
	return s
}

func (s *served) once() {
	s.fc.Response.Reset()
	s.h(&s.fc)
}

// allocs is how many allocations mw adds to a request.
func allocs(t *testing.T, status int, mw quart.Middleware, method string, fields ...string) float64 {
	t.Helper()
	if !allocsTold {
		t.Skip("allocations are not those of production in this build")
	}
	app := quart.New(quart.Config{})
	app.Get("/", hello).Use(mw)
	s := newServed(app, method, "/", fields...)
	s.once()
	if got := s.fc.Response.StatusCode(); got != status {
		t.Fatalf("status %d, want %d", got, status)
	}
	return testing.AllocsPerRun(500, s.once)
}

func bench(b *testing.B, mw quart.Middleware, fields ...string) {
	app := quart.New(quart.Config{})
	app.Get("/", hello)
	if mw != nil {
		app.Use(mw)
	}
	s := newServed(app, "GET", "/", fields...)
	b.ReportAllocs()
	for b.Loop() {
		s.once()
	}
}

func BenchmarkNone(b *testing.B) { bench(b, nil) }

var errInner = errors.New("inner error")
