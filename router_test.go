package quart_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// inMemory serves an app by app.Handler in a plain fasthttp server: the gateway interface, without quart's listener.
type inMemory struct {
	t  testing.TB
	ln *fasthttputil.InmemoryListener
}

func serveInMemory(t testing.TB, app *quart.App) *inMemory {
	t.Helper()
	ln := fasthttputil.NewInmemoryListener()
	srv := &fasthttp.Server{Logger: log.New(io.Discard, "", 0), Handler: app.Handler(), StreamRequestBody: true, DisablePreParseMultipartForm: true, NoDefaultContentType: true}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return &inMemory{t, ln}
}

// do sends one request with header lines "Name: value"; the Host is example.com unless a line says otherwise.
func (s *inMemory) do(method, target string, header ...string) *answer {
	s.t.Helper()
	nc, err := s.ln.Dial()
	if err != nil {
		s.t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	send(s.t, nc, requestHead(method, target, header))
	return readAnswer(s.t, bufio.NewReader(nc), method)
}

func requestHead(method, target string, header []string) string {
	head := method + " " + target + " HTTP/1.1\r\n"
	if !strings.Contains(strings.Join(header, "\n"), "Host:") {
		head += "Host: example.com\r\n"
	}
	for _, h := range header {
		head += h + "\r\n"
	}
	return head + "\r\n"
}

// exchange is a request and what is to come back: the body of a 200, Location of a 308, Allow of a 405 and of OPTIONS, nothing to
// see of others.
type exchange struct {
	method, target string
	status         int
	want           string
	header         []string
}

func (a *answer) sees(method string) string {
	switch {
	case a.StatusCode == 308:
		return a.Header.Get("Location")
	case a.StatusCode == 405 || method == "OPTIONS" && a.body == "":
		return a.Header.Get("Allow")
	case a.StatusCode == 200:
		return a.body
	}
	return ""
}

func exchanges(t *testing.T, app *quart.App, all []exchange) {
	t.Helper()
	s := serveInMemory(t, app)
	for _, e := range all {
		a := s.do(e.method, e.target, e.header...)
		if got := a.sees(e.method); a.StatusCode != e.status || got != e.want {
			t.Errorf("%s %s %q: %d %q, want %d %q", e.method, e.target, e.header, a.StatusCode, got, e.status, e.want)
		}
	}
}

// quiet returns an app that logs to nobody.
func quiet() *quart.App {
	app, _ := newApp(quart.Config{})
	return app
}

// say answers with s and the values of the route's parameters, in the order of the pattern.
func say(s string) quart.Handler {
	return func(c *quart.Ctx) error {
		for _, p := range c.Route().Info().Params {
			s := c.Param(p.Name)
			if s == "" {
				s = "-"
			}
			c.AddHeader("X-Param", s)
		}
		values := ""
		for _, v := range c.Fast().Response.Header.PeekAll("X-Param") {
			values += " " + string(v)
		}
		return c.Text(200, s+values)
	}
}

// gets are GET requests; a want in the form "308 x" is another status and what is seen of it, "404" that status.
func gets(wants ...[2]string) (all []exchange) {
	for _, w := range wants {
		e := exchange{method: "GET", target: w[0], status: 200, want: w[1]}
		if status, rest, _ := strings.Cut(w[1], " "); len(status) == 3 && (status[0] == '3' || status[0] == '4') {
			e.status, _ = strconv.Atoi(status)
			e.want = rest
		}
		all = append(all, e)
	}
	return all
}

// panicText returns what f panics with.
func panicText(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		v := recover()
		if v == nil {
			t.Helper()
			t.Error("no panic")
		}
		text = fmt.Sprint(v)
	}()
	f()
	return ""
}

// wantPanic checks that f panics with a text that has all of parts.
func wantPanic(t *testing.T, f func(), parts ...string) {
	t.Helper()
	text := panicText(t, f)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("panic %q is without %q", text, p)
		}
	}
}

func TestRouteMethods(t *testing.T) {
	app := quiet()
	app.Get("/x", say("get"))
	app.Post("/x", say("post"))
	app.Put("/x", say("put"))
	app.Patch("/x", say("patch"))
	app.Delete("/x", say("delete"))
	app.Handle("PROPFIND", "/x", say("propfind"))
	app.Get("", say("root"))
	exchanges(t, app, []exchange{
		{"GET", "/x", 200, "get", nil},
		{"HEAD", "/x", 200, "", nil},
		{"POST", "/x", 200, "post", nil},
		{"PUT", "/x", 200, "put", nil},
		{"PATCH", "/x", 200, "patch", nil},
		{"DELETE", "/x", 200, "delete", nil},
		{"PROPFIND", "/x", 200, "propfind", nil},
		{"propfind", "/x", 405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PROPFIND, PUT", nil},
		{"GET", "/", 200, "root", nil},
	})
	wantPanic(t, func() { quiet().Handle("A B", "/x", say("")) }, `method "A B" of "/x"`, "router_test.go:")
	wantPanic(t, func() { quiet().Get("/x", nil) }, `nil handler for GET "/x"`, "router_test.go:")
}

func TestRouteOptions(t *testing.T) {
	app := quiet()
	app.Get("/films/{id:int}", say("film"))
	app.Put("/films/{name}", say("by name"))
	app.Delete("/films/{p:*}", say("below"))
	app.Get("/own", say("get"))
	app.Handle("OPTIONS", "/own", say("own options"))
	app.Get("/off", say("off")).NoAutoOptions()
	app.Get("/half", say("half")).NoAutoOptions()
	app.Post("/half", say("half"))
	app.Get("/dir/", say("dir"))
	exchanges(t, app, []exchange{
		{"OPTIONS", "/films/7", 200, "DELETE, GET, HEAD, OPTIONS, PUT", nil}, // over all patterns that match
		{"OPTIONS", "/films/x", 200, "DELETE, OPTIONS, PUT", nil},
		{"OPTIONS", "/films/x/y", 200, "DELETE, OPTIONS", nil},
		{"OPTIONS", "/own", 200, "own options", nil},
		{"PUT", "/own", 405, "GET, HEAD, OPTIONS", nil},
		{"OPTIONS", "/off", 405, "GET, HEAD", nil},
		{"OPTIONS", "/half", 200, "GET, HEAD, OPTIONS, POST", nil},
		{"OPTIONS", "/half", 200, "GET, HEAD, OPTIONS, POST", []string{"Access-Control-Request-Method: GET"}},
		{"OPTIONS", "/nowhere", 404, "", nil},
		{"OPTIONS", "/dir", 308, "/dir/", nil},
		{"OPTIONS", "*", 200, "DELETE, GET, HEAD, OPTIONS, POST, PUT", nil},
		{"GET", "*", 400, "", nil},
	})

	app, _ = newApp(quart.Config{NoAutoOptions: true})
	app.Get("/off", say("off"))
	app.Get("/dir/", say("dir"))
	app.Handle("OPTIONS", "/own", say("own options"))
	exchanges(t, app, []exchange{
		{"OPTIONS", "/off", 405, "GET, HEAD", nil},
		{"OPTIONS", "/dir", 404, "", nil},
		{"OPTIONS", "/own", 200, "own options", nil},
	})
}

// TestRouteOptionsOnion: an automatic OPTIONS passes through the middleware of the route that the browser asks about.
func TestRouteOptionsOnion(t *testing.T) {
	mark := func(s string) quart.Middleware {
		return quart.Before(func(c *quart.Ctx) error {
			c.AddHeader("X-Mark", s+" "+c.Route().Info().Method+" "+c.Param("id"))
			return nil
		})
	}
	app := quiet()
	app.Get("/x/{id}", say("get")).Use(mark("one"))
	app.Put("/x/{id}", say("put")).Use(mark("two"))
	s := serveInMemory(t, app)
	for asked, want := range map[string]string{"PUT": "two PUT 7", "GET": "one GET 7", "HEAD": "one GET 7", "BREW": "one GET 7", "": "one GET 7"} {
		a := s.do("OPTIONS", "/x/7", "Access-Control-Request-Method: "+asked)
		if got := a.Header.Get("X-Mark"); got != want || a.StatusCode != 200 {
			t.Errorf("asked for %q: %d %q, want %q", asked, a.StatusCode, got, want)
		}
	}
}

func TestRouteMethodNotAllowed(t *testing.T) {
	app := quiet()
	app.Get("/users/me", say("me"))
	app.Post("/users/{id}", say("user"))
	app.Handle("LOCK", "/{p:*}", say("lock"))
	exchanges(t, app, []exchange{
		{"GET", "/users/me", 200, "me", nil},
		{"POST", "/users/me", 200, "user me", nil}, // another method's pattern, less specific
		{"PUT", "/users/me", 405, "GET, HEAD, LOCK, OPTIONS, POST", nil},
		{"GET", "/users/you", 405, "LOCK, OPTIONS, POST", nil},
		{"HEAD", "/users/you", 405, "LOCK, OPTIONS, POST", nil},
		{"BREW", "/users/me", 405, "GET, HEAD, LOCK, OPTIONS, POST", nil},
		{"TRACE", "/else", 405, "LOCK, OPTIONS", nil},
		{"BREW", "/", 404, "", nil},
	})
}

func TestRouteHead(t *testing.T) {
	app := quiet()
	app.Get("/get", say("twelve bytes"))
	app.Post("/post", say("post"))
	app.Get("/own", say("get"))
	app.Handle("HEAD", "/own", func(c *quart.Ctx) error { c.SetHeader("X-Own", "yes"); return c.NoContent() })
	app.Get("/part/{x?}", say("get")) // HEAD has a route for one of its two paths
	app.Handle("HEAD", "/part", func(c *quart.Ctx) error { c.SetHeader("X-Own", "yes"); return c.NoContent() })
	s := serveInMemory(t, app)
	for _, tt := range []struct {
		target, own, length string
		status              int
	}{
		{"/get", "", "12", 200},
		{"/post", "", "", 405},
		{"/own", "yes", "", 204},
		{"/part", "yes", "", 204},
		{"/part/5", "", "5", 200},
		{"/nothing", "", "", 404},
	} {
		a := s.do("HEAD", tt.target)
		if a.StatusCode != tt.status || a.Header.Get("X-Own") != tt.own || a.body != "" {
			t.Errorf("%s: %d %q %q", tt.target, a.StatusCode, a.Header.Get("X-Own"), a.body)
		}
		if got := a.Header.Get("Content-Length"); tt.length != "" && got != tt.length {
			t.Errorf("%s: Content-Length %q, want %q", tt.target, got, tt.length)
		}
	}
}

func TestRouteMethodAny(t *testing.T) {
	app := quiet()
	app.Handle(quart.MethodAny, "/x/{v}", say("any"))
	app.Get("/x/{v}", say("get"))
	app.Get("/x/special", say("special"))
	exchanges(t, app, []exchange{
		{"GET", "/x/1", 200, "get 1", nil},
		{"GET", "/x/special", 200, "special", nil},
		{"POST", "/x/special", 200, "any special", nil},
		{"BREW", "/x/1", 200, "any 1", nil},
		{"OPTIONS", "/x/1", 200, "any 1", nil},
		{"BREW", "/y", 404, "", nil},
	})
}

func TestRouteWebSocketAlone(t *testing.T) {
	upgrade := []string{"Connection: keep-alive, Upgrade", "Upgrade: WebSocket"}
	app := quiet()
	app.Handle(quart.MethodWebSocket, "/ws/{room}", say("socket"))
	app.Handle(quart.MethodWebSocket, "/both", say("socket"))
	app.Get("/both", say("page"))
	app.Post("/ws/{room}", say("post"))
	app.Handle(quart.MethodWebSocket, "/alone", say("socket"))
	exchanges(t, app, []exchange{
		{"GET", "/ws/a", 200, "socket a", upgrade},
		{"GET", "/ws/a", 426, "", nil},
		{"POST", "/ws/a", 200, "post a", nil},
		{"PUT", "/ws/a", 405, "GET, OPTIONS, POST", nil},
		{"POST", "/alone", 405, "GET", upgrade},
		{"OPTIONS", "/alone", 405, "GET", nil},
		{"GET", "/both", 200, "socket", upgrade},
		{"GET", "/both", 200, "page", nil},
		{"GET", "/none", 404, "", upgrade},
	})
	a := serveInMemory(t, app).do("GET", "/ws/a")
	if a.Header.Get("Upgrade") != "websocket" || !strings.EqualFold(a.Header.Get("Connection"), "upgrade") {
		t.Errorf("426 with %q", a.Header)
	}
}

func TestRouteListing(t *testing.T) {
	app := quiet()
	app.Post("/b", say(""))
	app.Get("/b", say("")).Name("b")
	app.Get("/a/{x}", say(""))
	app.Group("/a").Delete("", say(""))
	var got []string
	for r := range app.Routes() {
		got = append(got, r.Info().Method+" "+r.Info().Pattern+" "+r.Info().Name)
	}
	if s := strings.Join(got, ","); s != "DELETE /a ,GET /a/{x} ,GET /b b,POST /b " {
		t.Errorf("routes: %s", s)
	}
}

func TestRouteMeta(t *testing.T) {
	type key struct{}
	app := quiet()
	app.Get("/", func(c *quart.Ctx) error {
		if c.Route().Value("none") != nil {
			return quart.ErrConflict
		}
		return c.Text(200, c.Route().Value(key{}).(string))
	}).Meta(key{}, "old").Meta(key{}, "meta")
	exchanges(t, app, gets([2]string{"/", "meta"}))
}

func TestRouteConcurrent(t *testing.T) {
	app := quiet()
	app.Get("/{a}/{b:int}", say("x"))
	app.Host("{h}.example.com").Get("/{a}", say("host"))
	app.Post("/only/post", say(""))
	s := serveInMemory(t, app)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 20 {
				target := fmt.Sprintf("/n%d/%d", i, j)
				if a := s.do("GET", target); a.body != fmt.Sprintf("x n%d %d", i, j) {
					t.Errorf("%s: %q", target, a.body)
				}
				if a := s.do("GET", "/v", fmt.Sprintf("Host: h%d.example.com", i)); a.body != fmt.Sprintf("host h%d v", i) {
					t.Errorf("host %d: %q", i, a.body)
				}
				if a := s.do("PUT", "/only/post"); a.Header.Get("Allow") != "OPTIONS, POST" {
					t.Errorf("Allow: %q", a.Header.Get("Allow"))
				}
			}
		})
	}
	wg.Wait()
}
