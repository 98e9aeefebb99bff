package quart_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

var errBoom = errors.New("boom")

// problem500 is all that a client sees of a failure.
const problem500 = `{"title":"Internal Server Error","status":500}`

func fails(err error) quart.Handler { return func(*quart.Ctx) error { return err } }

func panics(v any) quart.Handler { return func(*quart.Ctx) error { panic(v) } }

// hooks returns the three adapters, each noting that it ran in X-Trace.
func hooks(name string) []quart.Middleware {
	note := func(what string) func(*quart.Ctx) error {
		return func(c *quart.Ctx) error { c.AddHeader("X-Trace", what+"-"+name); return nil }
	}
	return []quart.Middleware{
		quart.Teardown(func(c *quart.Ctx, err error) { c.AddHeader("X-Trace", "teardown-"+name) }),
		quart.After(note("after")),
		quart.Before(note("before")),
	}
}

func TestHookOrder(t *testing.T) {
	app := quiet()
	app.Use(hooks("app")...)
	g := app.Group("/g", hooks("g")...)
	g.Get("/ok", say("ok")).Use(hooks("route")...)
	g.Get("/fail", fails(quart.ErrConflict)).Use(hooks("route")...)
	g.Get("/panic", panics("boom")).Use(hooks("route")...)
	s := serveInMemory(t, app)
	const full = "before-app before-g before-route after-route teardown-route after-g teardown-g after-app teardown-app"
	const apps = "before-app after-app teardown-app"
	for target, want := range map[string]string{"/g/ok": full, "/g/fail": full, "/g/panic": full, "/g/none": apps, "/": apps, "/g//ok": apps} {
		if got := trace(s.do("GET", target)); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	if got := trace(s.do("PUT", "/g/ok")); got != apps {
		t.Errorf("405: %s, want %s", got, apps)
	}
}

func TestHookBefore(t *testing.T) {
	app := quiet()
	mark := func(name string) func(*quart.Ctx) error {
		return func(c *quart.Ctx) error { c.AddHeader("X-Trace", name); return nil }
	}
	before := func(f func(*quart.Ctx) error) []quart.Middleware {
		return []quart.Middleware{quart.After(mark("outer")), quart.Before(f), quart.Before(mark("later")), quart.After(mark("inner"))}
	}
	app.Get("/go", say("handler")).Use(before(func(*quart.Ctx) error { return nil })...)
	app.Get("/answer", say("handler")).Use(before(func(c *quart.Ctx) error { return c.Text(200, "answered") })...)
	app.Get("/empty", say("handler")).Use(before(func(c *quart.Ctx) error { return c.NoContent() })...)
	app.Get("/error", say("handler")).Use(before(func(*quart.Ctx) error { return quart.ErrForbidden })...)
	app.Get("/fail", say("handler")).Use(before(func(c *quart.Ctx) error { c.Fail(quart.ErrForbidden); return nil })...)
	app.Get("/panic", say("handler")).Use(before(func(*quart.Ctx) error { panic("boom") })...)
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target string
		status int
		trace  string
	}{
		{"/go", 200, "later inner outer"},
		{"/answer", 200, "outer"},
		{"/empty", 204, "outer"},
		{"/error", 403, "outer"},
		{"/fail", 403, "outer"},
		{"/panic", 500, "outer"},
	} {
		a := s.do("GET", tt.target)
		if a.StatusCode != tt.status || trace(a) != tt.trace || tt.target != "/go" && strings.Contains(a.body, "handler") {
			t.Errorf("%s: %d %q, hooks %s; want %d, %s", tt.target, a.StatusCode, a.body, trace(a), tt.status, tt.trace)
		}
	}
}

func TestHookAfter(t *testing.T) {
	app := quiet()
	app.OnStatus(409, func(c *quart.Ctx, err error) error { return c.Text(409, "custom") })
	see := quart.After(func(c *quart.Ctx) error {
		c.SetHeader("X-Seen", itoa(c.Status()))
		if c.Err() != nil {
			c.SetHeader("X-Err", c.Err().Error())
		}
		return nil
	})
	lists := 0
	quart.OnError(app, func(c *quart.Ctx, err errorList) error { lists++; return c.Text(422, err.Error()) })
	var outer error
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error { outer = next(c); return outer }
	})
	app.Get("/ok", say("ok")).Use(see)
	app.Get("/conflict", fails(quart.ErrConflict)).Use(see)
	app.Get("/boom", fails(errBoom)).Use(see)
	app.Get("/list", fails(errorList{"a"})).Use(see)
	app.Get("/panic", panics("secret")).Use(see)
	app.Get("/layer", say("ok")).Use(see, func(quart.Handler) quart.Handler { return panics("secret") })
	app.Get("/change", say("ok")).Use(quart.After(func(c *quart.Ctx) error { return c.Text(201, "changed") }))
	app.Get("/after", say("ok")).Use(quart.After(fails(errBoom)))
	app.Get("/after409", fails(errBoom)).Use(quart.After(fails(quart.ErrConflict)))
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target    string
		status    int
		body      string
		seen, err string
		outer     bool
	}{
		{"/ok", 200, "ok", "200", "", false},
		{"/conflict", 409, "custom", "409", "409 Conflict", true},
		{"/boom", 500, problem500, "500", "boom", true},
		{"/list", 422, "a", "422", "a", true},
		{"/panic", 500, problem500, "500", "panic: secret", true},
		{"/layer", 500, problem500, "500", "panic: secret", true},
		{"/change", 201, "changed", "", "", false},
		{"/after", 500, problem500, "", "", true},
		{"/after409", 409, "custom", "", "", true}, // what an After fails with replaces the answer
	} {
		a := s.do("GET", tt.target)
		if a.StatusCode != tt.status || a.body != tt.body || a.Header.Get("X-Seen") != tt.seen || a.Header.Get("X-Err") != tt.err {
			t.Errorf("%s: %d %q, seen %q %q", tt.target, a.StatusCode, a.body, a.Header.Get("X-Seen"), a.Header.Get("X-Err"))
		}
		if (outer != nil) != tt.outer {
			t.Errorf("%s: outer layers got %v", tt.target, outer)
		}
	}
	if lists != 1 {
		t.Errorf("an error that was rendered was handled %d times", lists)
	}
}

// errorList is an error that cannot be compared, as those of validators.
type errorList []string

func (e errorList) Error() string { return strings.Join(e, ", ") }

func TestHookTeardown(t *testing.T) {
	app := quiet()
	var got error
	ran := 0
	down := quart.Teardown(func(c *quart.Ctx, err error) { got = err; ran++ })
	app.Use(quart.Teardown(func(c *quart.Ctx, err error) { ran++ }))
	app.Get("/ok", say("ok")).Use(down)
	app.Get("/boom", fails(errBoom)).Use(down)
	app.Get("/panic", panics(errBoom)).Use(down)
	app.Get("/layer", say("ok")).Use(down, func(quart.Handler) quart.Handler { return panics(errBoom) })
	app.Get("/failed", func(c *quart.Ctx) error { c.Fail(errBoom); return nil }).Use(down)
	app.Get("/before", say("ok")).Use(down, quart.Before(fails(errBoom)))
	app.Get("/after", say("ok")).Use(down, quart.After(fails(errBoom)))
	app.Get("/bad", say("ok")).Use(quart.Teardown(func(*quart.Ctx, error) { panic("teardown") }))
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target string
		status int
		err    bool
		ran    int
	}{
		{"/ok", 200, false, 2},
		{"/boom", 500, true, 2},
		{"/panic", 500, true, 2},
		{"/layer", 500, true, 2},
		{"/failed", 500, true, 2},
		{"/before", 500, true, 2},
		{"/after", 500, true, 2},
		{"/bad", 500, false, 1},
		{"/none", 404, false, 1},
	} {
		got, ran = nil, 0
		a := s.do("GET", tt.target)
		if a.StatusCode != tt.status || ran != tt.ran {
			t.Errorf("%s: %d, %d ran; want %d, %d", tt.target, a.StatusCode, ran, tt.status, tt.ran)
		}
		if errors.Is(got, errBoom) != tt.err {
			t.Errorf("%s: teardown got %v", tt.target, got)
		}
		var p *quart.PanicError
		if tt.target == "/panic" && (!errors.As(got, &p) || !strings.Contains(string(p.Stack), "hooks_test.go")) {
			t.Errorf("/panic: teardown got %#v", got)
		}
	}
}

// TestHookMiddlewarePanic: a layer that panics, on its way in or out, is a 500, and outer layers see an error where they recover.
func TestHookMiddlewarePanic(t *testing.T) {
	app, log := newApp(quart.Config{})
	out := func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error { _ = next(c); panic("secret out") }
	}
	in := func(quart.Handler) quart.Handler { return panics("secret in") }
	app.Get("/in", say("ok")).Use(in)
	app.Get("/out", say("ok")).Use(out)
	app.Get("/rendered", func(c *quart.Ctx) error { c.Fail(quart.ErrConflict); return nil }).Use(out)
	exchangesBody(t, app, 500, problem500, "/in", "/out", "/rendered")
	for _, part := range []string{"secret in", "secret out", "hooks_test.go", "path=/in"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log is without %q", part)
		}
	}
	wantPanic(t, freezing(func(app *quart.App) { app.Use(func(quart.Handler) quart.Handler { return nil }) }), "returned a nil handler", "hooks_test.go:")
}

func exchangesBody(t *testing.T, app *quart.App, status int, body string, targets ...string) {
	t.Helper()
	s := serveInMemory(t, app)
	for _, target := range targets {
		if a := s.do("GET", target); a.StatusCode != status || a.body != body {
			t.Errorf("%s: %d %q, want %d %q", target, a.StatusCode, a.body, status, body)
		}
	}
}

// TestHookOutside: fasthttp middleware around app.Handler is outside of everything, and may change the request before it is matched.
func TestHookOutside(t *testing.T) {
	app := quiet()
	app.Use(tracer("app"))
	app.Get("/new/{x}", say("new"))
	h := app.Handler()
	outer := func(fc *fasthttp.RequestCtx) {
		if rest, ok := bytes.CutPrefix(fc.Path(), []byte("/strip")); ok {
			fc.URI().SetPathBytes(rest)
		}
		h(fc)
		fc.Response.Header.Add("X-Trace", "outside")
	}
	for target, want := range map[string]string{"/strip/new/a%20b": "200 new a b", "/new/1": "200 new 1", "/none": `404 {"title":"Not Found","status":404}`} {
		fc := request("GET", target)
		outer(fc)
		if got := itoa(fc.Response.StatusCode()) + " " + string(fc.Response.Body()); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
		if got := bytes.Join(fc.Response.Header.PeekAll("X-Trace"), []byte(" ")); string(got) != "+app -app outside" {
			t.Errorf("%s: %s", target, got)
		}
	}
}
