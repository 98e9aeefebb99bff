package quart_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
)

// TestJSONText: compact, in UTF-8, keys sorted, nothing behind it.
func TestJSONText(t *testing.T) {
	app, _ := newApp(quart.Config{})
	v := map[string]any{"z": "é€😀", "a": []int{1, 2}, "m": map[string]any{"y": nil, "x": "<b>&"}}
	app.Get("/", func(c *quart.Ctx) error { return c.JSON(201, v) })
	app.Get("/list", func(c *quart.Ctx) error { return c.JSON(200, []string{}) })
	s := serve(t, app)
	for range 20 { // the order of a map changes from one range to the next
		a := s.get("/")
		a.want(t, 201, `{"a":[1,2],"m":{"x":"<b>&","y":null},"z":"é€😀"}`)
		if got := a.Header.Get("Content-Type"); got != "application/json" {
			t.Fatalf("type %q", got)
		}
	}
	s.get("/list").want(t, 200, "[]")
}

// TestResponseHead: status and fields of a response in full, by name and through the RequestCtx.
func TestResponseHead(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHeader("X-Set", "1")
		c.SetHeader("x-set", "2")
		c.AddHeader("X-Add", "1")
		c.AddHeader("x-add", "2")
		c.SetHeader("X-Gone", "1")
		c.DelHeader("x-gone")
		c.DelHeader("X-Never")
		c.Fast().Response.Header.Set("X-Fast", "1")
		if c.ResponseHeader("x-set") != "2" || c.ResponseHeader("X-Gone") != "" {
			t.Error("the handler does not see its own fields")
		}
		err := c.Text(200, "body")
		c.SetStatus(203)
		c.SetHeader("Content-Type", "text/x-own")
		c.SetHeader("X-Late", "1")
		return err
	})
	a := serve(t, app).get("/")
	a.want(t, 203, "body")
	for name, want := range map[string]string{
		"X-Set": "2", "X-Add": "1|2", "X-Gone": "", "X-Fast": "1", "X-Late": "1", "Content-Type": "text/x-own", "Content-Length": "4",
	} {
		if got := strings.Join(a.Header.Values(name), "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestResponseFields: fields without a method of their own arrive as they were set, and an answer has no others.
func TestResponseFields(t *testing.T) {
	fields := map[string]string{
		"Cache-Control": "public, max-age=60", "ETag": `W/"v1"`, "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
		"Expires": "Sun, 06 Nov 1994 08:50:37 GMT", "Age": "7", "Retry-After": "120", "Content-Range": "bytes 0-1/2", "Allow": "GET",
		"Content-Language": "de", "Content-Security-Policy": "default-src 'self'", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp", "Content-Location": "/a", "Accept-Ranges": "bytes", "WWW-Authenticate": "Bearer",
	}
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		for name, value := range fields {
			c.SetHeader(name, value)
		}
		quart.Vary(c, "Accept", "Origin", "accept")
		return c.Text(200, "ok")
	})
	a := serve(t, app).get("/")
	for name, want := range fields {
		if got := a.Header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := a.Header.Values("Vary"); len(got) != 1 || got[0] != "Accept, Origin" {
		t.Errorf("Vary: %q", got)
	}
	if known := len(fields) + len([]string{"Vary", "Date", "Content-Type", "Content-Length", "X-Content-Type-Options"}); len(a.Header) != known {
		t.Errorf("%d fields, want %d: %v", len(a.Header), known, a.Header)
	}
}

// TestContentTypes: text says its charset, a type that the handler names is sent as it names it.
func TestContentTypes(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/text", func(c *quart.Ctx) error { return c.Text(200, "x") })
	app.Get("/html", func(c *quart.Ctx) error { return c.HTML(200, "x") })
	app.Get("/page", func(c *quart.Ctx) error { return c.Render(200, helloPage) })
	app.Get("/csv", func(c *quart.Ctx) error { return c.Bytes(200, "text/csv", []byte("x")) })
	app.Get("/none", func(c *quart.Ctx) error { return c.NoContent() })
	app.Get("/away", func(c *quart.Ctx) error { return c.Redirect(303, "/") })
	returns(app, "/string", "x")
	s := serve(t, app)
	for path, want := range map[string]string{
		"/text": "text/plain; charset=utf-8", "/string": "text/plain; charset=utf-8", "/html": "text/html; charset=utf-8",
		"/page": "text/html; charset=utf-8", "/csv": "text/csv", "/none": "", "/away": "", "/nowhere": "application/problem+json",
	} {
		if got := s.get(path).Header.Get("Content-Type"); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := s.get("/nowhere", "Accept: text/html").Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("page of an error: %q", got)
	}
}

// TestHookForThisResponse: what shall happen to one response alone is a deferred function, or a layer of the route.
func TestHookForThisResponse(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/deferred", func(c *quart.Ctx) error {
		if c.Query("stamp") != "" {
			defer func() { c.SetHeader("X-Stamp", itoa(c.Status())) }()
		}
		return c.Text(202, "x")
	})
	app.Get("/layer", say("x")).Use(quart.After(func(c *quart.Ctx) error { c.SetHeader("X-Stamp", itoa(c.Status())); return nil }))
	app.Get("/plain", say("x"))
	s := serve(t, app)
	for target, want := range map[string]string{"/deferred?stamp=1": "202", "/deferred": "", "/layer": "200", "/plain": ""} {
		if got := s.get(target).Header.Get("X-Stamp"); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// TestDateAndServer: every answer of a handler has a Date, and no Server unless a handler names one.
func TestDateAndServer(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "x") })
	app.Get("/boom", func(*quart.Ctx) error { panic("x") })
	app.Get("/none", func(c *quart.Ctx) error { return c.NoContent() })
	app.Get("/named", func(c *quart.Ctx) error { c.SetHeader("Server", "mine"); return c.Text(200, "x") })
	s := serve(t, app)
	for target, server := range map[string]string{"/": "", "/boom": "", "/none": "", "/nowhere": "", "/%zz": "", "/named": "mine"} {
		a := s.get(target)
		date, err := http.ParseTime(a.Header.Get("Date"))
		if err != nil || time.Since(date).Abs() > time.Minute {
			t.Errorf("%s: Date %q", target, a.Header.Get("Date"))
		}
		if got := a.Header.Get("Server"); got != server {
			t.Errorf("%s: Server %q, want %q", target, got, server)
		}
	}
}

// TestAbort: an error that a handler returns is the answer, as a problem or, for browsers, as a page; its text is escaped.
func TestAbort(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/films/{id:int}", func(c *quart.Ctx) error { return quart.Errorf(404, "no film <%d>", c.ParamInt("id")) })
	app.Get("/status/{n:int}", func(c *quart.Ctx) error { return &quart.HTTPError{Status: c.ParamInt("n")} })
	app.Get("/typed", func(*quart.Ctx) error {
		return &quart.HTTPError{Status: 402, Type: "https://example.com/credit", Title: "No credit", Detail: "30 short"}
	})
	s := serve(t, app)
	const browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, accept := range []string{"X: y", "Accept: */*", "Accept: application/json", "Accept: image/png", "Accept: text/html;q=0.5, application/json"} {
		a := s.get("/films/7", accept)
		a.want(t, 404, `{"title":"Not Found","status":404,"detail":"no film \u003c7\u003e"}`)
		if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s: %q", accept, got)
		}
	}
	a := s.get("/films/7", browser)
	if a.StatusCode != 404 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(a.body, "<h1>Not Found</h1><p>no film &lt;7&gt;</p>") || strings.Contains(a.body, "<7>") {
		t.Errorf("page: %d %q %s", a.StatusCode, a.Header.Get("Content-Type"), a.body)
	}
	s.get("/typed").want(t, 402, `{"type":"https://example.com/credit","title":"No credit","status":402,"detail":"30 short"}`)
	for status, want := range map[int]int{400: 400, 418: 418, 451: 451, 503: 503, 599: 599, 0: 500, 200: 500, 302: 500, 600: 500, 999: 500} {
		if a := s.get("/status/" + itoa(status)); a.StatusCode != want {
			t.Errorf("status %d is answered %d, want %d", status, a.StatusCode, want)
		}
	}
}

// TestErrorFields: the sentinels have their statuses, and an HTTPError brings the fields that its status calls for.
func TestErrorFields(t *testing.T) {
	app, _ := newApp(quart.Config{})
	for path, err := range map[string]error{
		"/400": quart.ErrBadRequest, "/401": quart.ErrUnauthorized, "/403": quart.ErrForbidden, "/404": quart.ErrNotFound,
		"/408": quart.ErrTimeout, "/409": quart.ErrConflict, "/413": quart.ErrTooLarge,
	} {
		app.Get(path, func(*quart.Ctx) error { return err })
	}
	with := map[string]*quart.HTTPError{
		"/login":   {Status: 401, Header: [][2]string{{"WWW-Authenticate", `Basic realm="a"`}, {"WWW-Authenticate", "Bearer"}}},
		"/methods": {Status: 405, Header: [][2]string{{"Allow", "PATCH"}}},
		"/range":   {Status: 416, Header: [][2]string{{"Content-Range", "bytes */10"}}},
		"/slow":    {Status: 429, Header: [][2]string{{"Retry-After", "7"}}},
		"/down":    {Status: 503, Header: [][2]string{{"Retry-After", "120"}}},
	}
	for path, err := range with {
		app.Get(path, func(*quart.Ctx) error { return err })
	}
	s := serve(t, app)
	for _, status := range []int{400, 401, 403, 404, 408, 409, 413} {
		if a := s.get("/" + itoa(status)); a.StatusCode != status || !strings.Contains(a.body, `"status":`+itoa(status)) {
			t.Errorf("%d: %d %s", status, a.StatusCode, a.body)
		}
	}
	for path, err := range with {
		a := s.get(path)
		want := map[string][]string{}
		for _, kv := range err.Header {
			name := http.CanonicalHeaderKey(kv[0])
			want[name] = append(want[name], kv[1])
		}
		for name, values := range want {
			if got := a.Header.Values(name); strings.Join(got, "|") != strings.Join(values, "|") || a.StatusCode != err.Status {
				t.Errorf("%s: %d, %s %q, want %q", path, a.StatusCode, name, got, values)
			}
		}
	}
}
