package quart_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goquart/quart"
)

func answerText(s string) func(*quart.Ctx, error) error {
	return func(c *quart.Ctx, err error) error { return c.Text(200, s+": "+err.Error()) }
}

func TestErrorOnStatus(t *testing.T) {
	app := quiet()
	app.OnStatus(404, answerText("app 404"))
	app.OnStatus(405, answerText("app 405"))
	app.OnStatus(500, answerText("app 500"))
	g := app.Group("/g")
	g.OnStatus(404, answerText("g 404"))
	g.OnStatus(409, func(c *quart.Ctx, err error) error { return c.Text(418, "teapot") })
	g.Get("/own", fails(quart.ErrNotFound))
	g.Get("/conflict", fails(fmt.Errorf("wrapped: %w", quart.ErrConflict)))
	g.Get("/boom", fails(fmt.Errorf("original: %w", errBoom)))
	g.Get("/panic", panics(errBoom))
	inner := g.Group("/inner")
	inner.Get("/own", fails(quart.ErrNotFound))
	inner.Get("/gone", fails(quart.Errorf(410, "gone")))
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		method, target string
		status         int
		body           string
	}{
		{"GET", "/g/own", 200, "g 404: 404 Not Found"}, // the handler sets the status, not the error
		{"GET", "/g/inner/own", 200, "g 404: 404 Not Found"},
		{"GET", "/g/none", 200, "app 404: 404 Not Found"}, // unmatched below the prefix
		{"PUT", "/g/own", 200, "app 405: 405 Method Not Allowed"},
		{"GET", "/g/conflict", 418, "teapot"},
		{"GET", "/g/boom", 200, "app 500: original: boom"}, // the error itself
		{"GET", "/g/panic", 200, "app 500: panic: boom"},
		{"GET", "/g/inner/gone", 410, `{"title":"Gone","status":410,"detail":"gone"}`},
	} {
		if a := s.do(tt.method, tt.target); a.StatusCode != tt.status || a.body != tt.body {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.target, a.StatusCode, a.body, tt.status, tt.body)
		}
	}
	if a := s.do("PUT", "/g/own"); a.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("405 with Allow %q", a.Header.Get("Allow"))
	}
	wantPanic(t, func() { app := quiet(); app.OnStatus(404, answerText("")); app.OnStatus(404, answerText("")) }, "second OnStatus(404)", "errors_test.go:")
	wantPanic(t, func() { quiet().OnStatus(302, answerText("")) }, "OnStatus(302)", "errors_test.go:")
}

// Errors of users' packages.
type (
	domainError  struct{ code int }
	wrapperError struct{ error }
	coded        interface {
		error
		Code() int
	}
	codedText interface {
		coded
		Text() string
	}
)

func (e *domainError) Error() string  { return fmt.Sprintf("domain %d", e.code) }
func (e *domainError) Code() int      { return e.code }
func (e *domainError) Text() string   { return "text" }
func (e wrapperError) Unwrap() error  { return e.error }
func (e wrapperError) String() string { return "" }

type statusError int

func (e statusError) Error() string   { return "secret" }
func (e statusError) StatusCode() int { return int(e) }

func onError[E error](r quart.Router, name string) {
	quart.OnError(r, func(c *quart.Ctx, err E) error { return c.Text(200, name) })
}

func TestErrorOnError(t *testing.T) {
	domain := &domainError{7}
	for _, tt := range []struct {
		name     string
		register func(app *quart.App, g *quart.Group)
		err      error
		want     string
	}{
		{"type", func(app *quart.App, _ *quart.Group) { onError[*domainError](app, "domain") }, domain, "domain"},
		{"wrapped", func(app *quart.App, _ *quart.Group) { onError[*domainError](app, "domain") }, fmt.Errorf("x: %w", domain), "domain"},
		{"joined", func(app *quart.App, _ *quart.Group) { onError[*domainError](app, "domain") }, errors.Join(errBoom, domain), "domain"},
		{"other type", func(app *quart.App, _ *quart.Group) { onError[*domainError](app, "domain") }, errBoom, problem500},
		{"concrete before interface", func(app *quart.App, _ *quart.Group) {
			onError[coded](app, "coded")
			onError[*domainError](app, "domain")
		}, domain, "domain"},
		{"narrow interface first", func(app *quart.App, _ *quart.Group) { onError[coded](app, "coded"); onError[codedText](app, "text") }, domain, "text"},
		{"narrow interface first, other order", func(app *quart.App, _ *quart.Group) { onError[codedText](app, "text"); onError[coded](app, "coded") }, domain, "text"},
		{"interface before error", func(app *quart.App, _ *quart.Group) { onError[error](app, "all"); onError[coded](app, "coded") }, wrapperError{domain}, "coded"},
		{"outer before inner", func(app *quart.App, _ *quart.Group) {
			onError[*domainError](app, "inner")
			onError[wrapperError](app, "outer")
		}, wrapperError{domain}, "outer"},
		{"nearest group", func(app *quart.App, g *quart.Group) { onError[*domainError](app, "app"); onError[coded](g, "group") }, domain, "group"},
		{"nearest group, all", func(app *quart.App, g *quart.Group) { app.OnStatus(500, answerText("app")); onError[error](g, "group") }, domain, "group"},
		{"status before type", func(app *quart.App, _ *quart.Group) {
			onError[*quart.HTTPError](app, "http")
			app.OnStatus(409, answerText("status"))
		}, quart.ErrConflict, "status: 409 Conflict"},
		{"type before a 500 that nobody chose", func(app *quart.App, g *quart.Group) {
			onError[*domainError](app, "domain")
			g.OnStatus(500, answerText("status"))
		}, domain, "domain"},
		{"all", func(app *quart.App, _ *quart.Group) { onError[error](app, "all") }, errBoom, "all"},
		{"all HTTP errors", func(app *quart.App, _ *quart.Group) { onError[*quart.HTTPError](app, "http") }, quart.ErrConflict, "http"},
		{"HTTP errors only", func(app *quart.App, _ *quart.Group) { onError[*quart.HTTPError](app, "http") }, errBoom, problem500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			g := app.Group("/g")
			tt.register(app, g)
			g.Get("", fails(tt.err))
			if a := serveInMemory(t, app).do("GET", "/g"); a.body != tt.want {
				t.Errorf("%d %q, want %q", a.StatusCode, a.body, tt.want)
			}
		})
	}
	wantPanic(t, func() { app := quiet(); onError[coded](app, ""); onError[coded](app, "") }, "second OnError[quart_test.coded]", "errors_test.go:")
}

// TestErrorAllHTTP: a handler of *HTTPError, or of error, sees 404, 405 and panics, but no redirect.
func TestErrorAllHTTP(t *testing.T) {
	app := quiet()
	quart.OnError(app, func(c *quart.Ctx, err *quart.HTTPError) error { return c.Text(200, "http "+itoa(err.Status)) })
	quart.OnError(app, func(c *quart.Ctx, err error) error { return c.Text(200, "all") })
	quart.OnError(app, func(c *quart.Ctx, err *quart.PanicError) error { return c.Text(200, "panic "+fmt.Sprint(err.Value)) })
	app.Get("/dir/", say("dir"))
	app.Get("/panic", panics("x"))
	app.Get("/boom", fails(errBoom))
	app.Get("/away", func(c *quart.Ctx) error { return c.Redirect(302, "/dir/") })
	s := serveInMemory(t, app)
	for _, tt := range []struct{ method, target, want string }{
		{"GET", "/none", "http 404"},
		{"PUT", "/dir/", "http 405"},
		{"GET", "/panic", "panic x"},
		{"GET", "/boom", "all"},
		{"GET", "/dir", ""},
		{"GET", "/away", ""},
		{"GET", "/%zz", "http 400"},
	} {
		if a := s.do(tt.method, tt.target); a.body != tt.want {
			t.Errorf("%s %s: %d %q, want %q", tt.method, tt.target, a.StatusCode, a.body, tt.want)
		}
	}
}

func TestErrorHandlerFails(t *testing.T) {
	app, log := newApp(quart.Config{})
	ran := map[string]int{}
	broken := func(name string, err error) func(*quart.Ctx, error) error {
		return func(c *quart.Ctx, _ error) error {
			ran[name]++
			_ = c.Text(200, "half of "+name)
			c.SetHeader("ETag", `"x"`)
			if err == nil {
				panic("secret of " + name)
			}
			return err
		}
	}
	app.OnStatus(404, broken("404", fmt.Errorf("secret: %w", quart.ErrNotFound)))
	app.OnStatus(409, broken("409", nil))
	quart.OnError(app, func(c *quart.Ctx, err *domainError) error { return broken("domain", err)(c, err) })
	app.Get("/conflict", fails(quart.ErrConflict))
	app.Get("/domain", fails(&domainError{1}))
	exchangesBody(t, app, 500, problem500, "/none", "/conflict", "/domain")
	if ran["404"] != 1 || ran["409"] != 1 || ran["domain"] != 1 {
		t.Errorf("handlers ran %v times", ran)
	}
	if !strings.Contains(log.String(), "secret of 409") || !strings.Contains(log.String(), `msg="an error handler failed" method=GET path=/none error="secret: 404`) {
		t.Errorf("log: %s", log)
	}
	if a := serveInMemory(t, app).do("GET", "/none"); a.Header.Get("Etag") != "" {
		t.Errorf("ETag of the failed handler: %q", a.Header)
	}
	if got := app.Stats().Errors; got != 4 {
		t.Errorf("%d errors counted, want 4", got)
	}

	// The handler for 500 answers for the others, and nobody for it.
	app = quiet()
	app.OnStatus(404, func(*quart.Ctx, error) error { return errBoom })
	app.OnStatus(500, answerText("500"))
	exchangesBody(t, app, 200, "500: boom", "/none")
	app = quiet()
	app.OnStatus(404, func(*quart.Ctx, error) error { return errBoom })
	app.OnStatus(500, broken("500", errBoom))
	app.Get("/boom", fails(errBoom))
	exchangesBody(t, app, 500, problem500, "/none", "/boom")
	if ran["500"] != 2 {
		t.Errorf("the handler for 500 ran %d times for two requests", ran["500"])
	}
}

func TestErrorPanic(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/string", panics("boom-secret-detail"))
	app.Get("/error", panics(quart.Errorf(409, "boom-secret-detail"))) // a panic is a 500, whatever it holds
	app.Get("/runtime", func(c *quart.Ctx) error { return c.Text(200, strings.Split(c.Path(), "/")[9]) })
	app.Get("/half", func(c *quart.Ctx) error { _ = c.Text(200, "half"); panic("boom-secret-detail") })
	app.Get("/layers", panics("boom-secret-detail")).Use(pass, pass)
	app.Get("/ok", say("ok"))
	exchangesBody(t, app, 500, problem500, "/string", "/error", "/runtime", "/half", "/layers")
	exchanges(t, app, gets([2]string{"/ok", "ok"}))
	for _, part := range []string{"boom-secret-detail", "errors_test.go", "path=/string", "method=GET", "index out of range [9]"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log is without %q", part)
		}
	}
}

func TestErrorUnhandled(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/boom", fails(errors.New("secret")))
	app.Get("/status", fails(statusError(451)))
	app.Get("/ok", fails(statusError(200)))
	app.Get("/wild", fails(&quart.HTTPError{Status: 42, Detail: "detail"}))
	app.Get("/cause", fails(quart.Errorf(503, "later: %w", errBoom)))
	app.Get("/header", fails(&quart.HTTPError{Status: 429, Header: [][2]string{{"Retry-After", "7"}}}))
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target string
		status int
		body   string
	}{
		{"/boom", 500, problem500},
		{"/status", 451, `{"title":"Unavailable For Legal Reasons","status":451}`},
		{"/ok", 500, problem500},
		{"/wild", 500, problem500},
		{"/cause", 503, `{"title":"Service Unavailable","status":503,"detail":"later"}`},
		{"/header", 429, `{"title":"Too Many Requests","status":429}`},
		{"/none", 404, `{"title":"Not Found","status":404}`},
	} {
		a := s.do("GET", tt.target)
		if a.StatusCode != tt.status || a.body != tt.body || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %q %q, want %d %q", tt.target, a.StatusCode, a.Header.Get("Content-Type"), a.body, tt.status, tt.body)
		}
	}
	if a := s.do("GET", "/header"); a.Header.Get("Retry-After") != "7" {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	if a := s.do("GET", "/none", "Accept: text/html"); a.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(a.body, "<h1>Not Found</h1>") {
		t.Errorf("HTML: %q %q", a.Header.Get("Content-Type"), a.body)
	}
	if a := s.do("GET", "/boom", "Accept: text/html"); strings.Contains(a.body, "secret") {
		t.Errorf("HTML of a 500: %q", a.body)
	}
	for _, part := range []string{"error=secret", "method=GET path=/boom", "later: boom"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log is without %q: %s", part, log)
		}
	}
	if strings.Contains(log.String(), "/none") || strings.Contains(log.String(), "/status") {
		t.Errorf("the log has errors of the client: %s", log)
	}
}

func TestErrorFail(t *testing.T) {
	app := quiet()
	var seen []string
	app.Use(func(next quart.Handler) quart.Handler { // a logger
		return func(c *quart.Ctx) error {
			err := next(c)
			c.Fail(err)
			c.Fail(errBoom) // only the first call does anything
			seen = append(seen, fmt.Sprint(c.Status(), " ", c.Err(), " ", c.Responded()))
			return err
		}
	})
	count := 0
	app.OnStatus(409, func(c *quart.Ctx, err error) error {
		count++
		c.Fail(errBoom) // no recursion
		return c.Text(409, "conflict")
	})
	app.Get("/conflict", func(c *quart.Ctx) error {
		_ = c.Text(200, "half")
		c.SetHeader("X-Kept", "yes")
		c.SetHeader("Etag", `"x"`)
		c.SetHeader("Cache-Control", "max-age=9")
		return quart.ErrConflict
	})
	a := serveInMemory(t, app).do("GET", "/conflict")
	a.want(t, 409, "conflict")
	if count != 1 || a.Header.Get("X-Kept") != "yes" || a.Header.Get("Etag") != "" || a.Header.Get("Cache-Control") != "" {
		t.Errorf("handled %d times, headers %q", count, a.Header)
	}
	if len(seen) != 1 || seen[0] != "409 409 Conflict true" {
		t.Errorf("the layer saw %q", seen)
	}
}

func TestErrorValues(t *testing.T) {
	wrapped := fmt.Errorf("x: %w", quart.ErrNotFound)
	for _, tt := range []struct {
		err    error
		status int
		text   string
	}{
		{nil, 200, "<nil>"},
		{errBoom, 500, "boom"},
		{quart.ErrNotFound, 404, "404 Not Found"},
		{wrapped, 404, "x: 404 Not Found"},
		{quart.Errorf(404, "no film %d", 5), 404, "404 Not Found: no film 5"},
		{quart.Errorf(502, "upstream: %w", errBoom), 502, "502 Bad Gateway: upstream: boom"},
		{quart.Problems(quart.FieldError{Pointer: "/a", Detail: "b"}), 422, "422 Unprocessable Entity: the input does not meet its constraints"},
		{&quart.PanicError{Value: quart.ErrConflict}, 500, "panic: 409 Conflict"},
		{errors.Join(errBoom, statusError(410)), 410, "boom\nsecret"},
	} {
		if got := quart.StatusOf(tt.err); got != tt.status {
			t.Errorf("StatusOf(%v) = %d, want %d", tt.err, got, tt.status)
		}
		if got := fmt.Sprint(tt.err); got != tt.text {
			t.Errorf("%q, want %q", got, tt.text)
		}
	}
	if !errors.Is(quart.Errorf(404, "x"), quart.ErrNotFound) || errors.Is(wrapped, quart.ErrConflict) || !errors.Is(quart.Errorf(500, "%w", errBoom), errBoom) {
		t.Error("errors.Is")
	}
}

// TestErrorHandlerDeclines: a handler that returns the error it got leaves it to the default rendering; Problem is always JSON.
func TestErrorHandlerDeclines(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.OnStatus(404, func(c *quart.Ctx, err error) error {
		if c.Accepts("application/json", "text/html") == "text/html" {
			return c.HTML(404, "<h1>mine</h1>")
		}
		return err
	})
	api := app.Group("/api")
	quart.OnError(api, quart.Problem)
	api.Get("/x", func(c *quart.Ctx) error { return quart.Errorf(409, "taken") })
	s := serve(t, app)
	const html = "Accept: text/html"
	s.get("/no", html).want(t, 404, "<h1>mine</h1>")
	s.get("/no").want(t, 404, `{"title":"Not Found","status":404}`)
	s.get("/api/x", html).want(t, 409, `{"title":"Conflict","status":409,"detail":"taken"}`)
}
