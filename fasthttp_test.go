package quart_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	fasthttprouter "github.com/fasthttp/router"
	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

func ExampleFromFast() {
	hello := func(ctx *fasthttp.RequestCtx) { // existing fasthttp code
		fmt.Fprintf(ctx, "hello %s, you sent %q", ctx.UserValue("name"), ctx.PostBody())
	}
	app := quart.New(quart.Config{})
	app.Post("/hello/{name}", quart.FromFast(hello))

	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI("/hello/Ada")
	ctx.Request.SetBodyString("hi")
	app.Handler()(&ctx)
	fmt.Println(string(ctx.Response.Body()))
	// Output: hello Ada, you sent "hi"
}

func ExampleApp_Adopt() {
	table := fasthttprouter.New() // an existing table
	table.GET("/users/{name}", func(ctx *fasthttp.RequestCtx) {
		fmt.Fprintf(ctx, "%s sees %s", ctx.UserValue("name"), ctx.Path())
	})
	app := quart.New(quart.Config{})
	app.Adopt("/v1", table)

	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI("/v1/users/ada")
	app.Handler()(&ctx)
	fmt.Println(string(ctx.Response.Body()))
	// Output: ada sees /users/ada
}

// layered marks each response before the handler runs.
func layered(next quart.Handler) quart.Handler {
	return func(c *quart.Ctx) error {
		c.SetHeader("X-Layer", "on")
		c.AddHeader("Link", "</a>")
		c.AddHeader("Link", "</b>")
		c.SetCookie(quart.Cookie{Name: "seen", Value: "1"})
		return next(c)
	}
}

func TestFromFast(t *testing.T) {
	const form = "Content-Type: application/x-www-form-urlencoded"
	tests := []struct {
		name    string
		pattern string
		h       fasthttp.RequestHandler
		method  string
		target  string
		body    string
		header  string
		status  int
		want    string
		ctype   string
	}{
		{"writes", "/", func(ctx *fasthttp.RequestCtx) { ctx.WriteString("hi") }, "GET", "/", "", "", 200, "hi", "text/plain; charset=utf-8"},
		{"own type", "/", func(ctx *fasthttp.RequestCtx) { ctx.Success("text/html", []byte("<p>")) }, "GET", "/", "", "", 200, "<p>", "text/html"},
		{"nothing", "/", func(ctx *fasthttp.RequestCtx) {}, "GET", "/", "", "", 200, "", ""},
		{"no content", "/", func(ctx *fasthttp.RequestCtx) { ctx.SetStatusCode(204) }, "GET", "/", "", "", 204, "", ""},
		{"body", "/", func(ctx *fasthttp.RequestCtx) { ctx.Write(ctx.PostBody()) }, "POST", "/", "payload", "", 200, "payload", "text/plain; charset=utf-8"},
		{"body kept raw", "/", func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(ctx.PostBody()) }, "POST", "/", "payload", "", 200, "payload", "text/plain; charset=utf-8"},
		{"no body", "/", func(ctx *fasthttp.RequestCtx) { fmt.Fprint(ctx, len(ctx.PostBody())) }, "POST", "/", "", "", 200, "0", "text/plain; charset=utf-8"},
		{"no body stream", "/", func(ctx *fasthttp.RequestCtx) { fmt.Fprint(ctx, ctx.RequestBodyStream()) }, "POST", "/", "x", "", 200, "<nil>", "text/plain; charset=utf-8"},
		{"form", "/", func(ctx *fasthttp.RequestCtx) { ctx.Write(ctx.FormValue("a")) }, "POST", "/", "a=1%202&b=3", form, 200, "1 2", "text/plain; charset=utf-8"},
		{"query", "/", func(ctx *fasthttp.RequestCtx) { ctx.Write(ctx.QueryArgs().Peek("a")) }, "GET", "/?a=7", "", "", 200, "7", "text/plain; charset=utf-8"},
		{"parameters", "/{a}/{b:int}/{rest:*}", userValues("a", "b", "rest"), "GET", "/x%20y/7/p/q", "", "", 200, `"x y" "7" "p/q" `, "text/plain; charset=utf-8"},
		{"optional given", "/{a}/{b?}", userValues("a", "b"), "GET", "/x/y", "", "", 200, `"x" "y" `, "text/plain; charset=utf-8"},
		{"optional absent", "/{a}/{b?}", userValues("a", "b"), "GET", "/x", "", "", 200, `"x" none `, "text/plain; charset=utf-8"},
		{"stream", "/", func(ctx *fasthttp.RequestCtx) {
			ctx.SetBodyStreamWriter(func(w *bufio.Writer) { w.WriteString("streamed") })
		}, "GET", "/", "", "", 200, "streamed", "text/plain; charset=utf-8"},
		{"sized stream", "/", func(ctx *fasthttp.RequestCtx) { ctx.SetBodyStream(strings.NewReader("sized"), 5) }, "GET", "/", "", "", 200, "sized", "text/plain; charset=utf-8"},
		{"error", "/", func(ctx *fasthttp.RequestCtx) { ctx.Error("no tea", 418) }, "GET", "/", "", "", 418, "no tea", "text/plain; charset=utf-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app, _ := newApp(quart.Config{})
			app.Use(layered)
			app.Handle(quart.MethodAny, tt.pattern, quart.FromFast(tt.h))
			header := []string{}
			if tt.header != "" {
				header = append(header, tt.header)
			}
			got := serve(t, app).do(tt.method, tt.target, tt.body, header...)
			got.want(t, tt.status, tt.want)
			if ctype := got.Header.Get("Content-Type"); ctype != tt.ctype {
				t.Errorf("Content-Type %q, want %q", ctype, tt.ctype)
			}
			wantLayer(t, got)
		})
	}
}

func wantLayer(t *testing.T, got *answer) {
	t.Helper()
	if got.Header.Get("X-Layer") != "on" || !slices.Equal(got.Header["Link"], []string{"</a>", "</b>"}) || len(got.Header["Set-Cookie"]) != 1 {
		t.Errorf("the middleware's headers are not as it set them: %v", got.Header)
	}
}

func userValues(names ...string) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		for _, name := range names {
			if v, ok := ctx.UserValue(name).(string); ok {
				fmt.Fprintf(ctx, "%q ", v)
			} else {
				fmt.Fprint(ctx, "none ")
			}
		}
	}
}

func TestFromFastLeavesDeletionsAlone(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(layered)
	app.Get("/", quart.FromFast(func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Del("Link") }))
	got := serve(t, app).get("/")
	if got.Header.Get("Link") != "" || got.Header.Get("X-Layer") != "on" {
		t.Errorf("headers %v, want X-Layer and no Link", got.Header)
	}
}

func TestFromFastErrorWithCookie(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Use(layered)
	app.Get("/", quart.FromFast(func(ctx *fasthttp.RequestCtx) {
		ctx.Error("no", 403)
		ctx.Response.Header.Set("Set-Cookie", "own=2")
	}))
	got := serve(t, app).get("/")
	if cookies := got.Header["Set-Cookie"]; len(cookies) != 2 || got.Header.Get("X-Layer") != "on" {
		t.Errorf("headers %v, want X-Layer and the cookies of both", got.Header)
	}
}

func TestFromFastBodyLimit(t *testing.T) {
	app, _ := newApp(quart.Config{})
	ran := false
	app.Post("/", quart.FromFast(func(*fasthttp.RequestCtx) { ran = true })).BodyLimit(10)
	s := serve(t, app)
	if got := s.do("POST", "/", strings.Repeat("x", 11)); got.StatusCode != 413 {
		t.Errorf("11 bytes: %d, want 413", got.StatusCode)
	}
	chunked := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n0\r\n\r\n"
	if got := s.raw("POST", chunked); got.StatusCode != 413 {
		t.Errorf("12 bytes in chunks: %d, want 413", got.StatusCode)
	}
	if ran {
		t.Error("the handler ran on a body over the limit")
	}
}

func TestFromFastPanic(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Use(layered)
	app.Get("/", quart.FromFast(func(ctx *fasthttp.RequestCtx) {
		ctx.Hijack(func(net.Conn) { t.Error("the hijack handler ran behind a 500") })
		panic("boom-secret-detail")
	}))
	got := serve(t, app).get("/")
	if got.StatusCode != 500 || strings.Contains(got.body, "boom") {
		t.Errorf("%d %q, want a bare 500", got.StatusCode, got.body)
	}
	wantLayer(t, got)
	if !strings.Contains(log.String(), "boom-secret-detail") || !strings.Contains(log.String(), "fasthttp_test.go") {
		t.Errorf("the log has no panic with its stack: %s", log)
	}
}

// Bodies of two clients at a time: PostBody is the answer's own memory after the Ctx went back to its pool.
func TestFromFastBodiesDoNotMix(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/", quart.FromFast(func(ctx *fasthttp.RequestCtx) { ctx.Response.SetBodyRaw(ctx.PostBody()) }))
	s := serve(t, app)
	var clients sync.WaitGroup
	for _, letter := range []string{"a", "b", "c", "d"} {
		nc := s.dial()
		clients.Go(func() {
			br, body := newReader(nc), strings.Repeat(letter, 3000)
			for range 200 {
				if _, err := io.WriteString(nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n"+body); err != nil {
					t.Error(err)
					return
				}
				resp, err := http.ReadResponse(br, nil)
				if err != nil {
					t.Error(err)
					return
				}
				if got, _ := io.ReadAll(resp.Body); string(got) != body {
					t.Errorf("client %s got %.80q", letter, got)
					return
				}
			}
		})
	}
	clients.Wait()
}

func TestFromFastHijack(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Post("/", quart.FromFast(func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(101)
		ctx.Response.Header.Set("Connection", "Upgrade")
		ctx.Hijack(func(nc net.Conn) {
			line, _ := bufio.NewReader(nc).ReadString('\n')
			io.WriteString(nc, "you said "+line)
			nc.Write(ctx.PostBody()) // its own until now
		})
	}))
	nc := serve(t, app).dial()
	send(t, nc, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyearly line\n")
	all, err := io.ReadAll(nc) // ends: the connection is closed after the handler
	if err != nil || !bytes.HasPrefix(all, []byte("HTTP/1.1 101 ")) || !bytes.HasSuffix(all, []byte("\r\n\r\nyou said early line\nbody")) {
		t.Errorf("%q, %v", all, err)
	}
}

// After TimeoutError the RequestCtx belongs to the handler's goroutine; the race detector watches the layers.
func TestFromFastTimeoutError(t *testing.T) {
	app, _ := newApp(quart.Config{})
	type seen struct {
		status              int
		method, path, agent string
		query               string
	}
	got := make(chan seen, 1)
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			err := next(c)
			got <- seen{c.Status(), c.Method(), c.Path(), c.Header("User-Agent"), c.Query("q")}
			c.SetHeader("X-Late", "lost")
			return err
		}
	})
	begun, stop, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := quart.FromFast(func(ctx *fasthttp.RequestCtx) {
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				ctx.Response.Header.Set("X-Mine", "1")
				ctx.SetStatusCode(200 + i%2)
				ctx.SetBody(ctx.PostBody())
				ctx.QueryArgs().Peek("q")
				ctx.Request.Header.Peek("User-Agent")
				if i == 0 {
					close(begun)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
		<-begun
		ctx.TimeoutError("too slow")
	})
	app.Handle(quart.MethodAny, "/slow/{x}", slow)
	table := fasthttprouter.New()
	table.ANY("/slow", func(ctx *fasthttp.RequestCtx) { ctx.TimeoutError("too slow") })
	app.Adopt("/old", table)
	s := serve(t, app)

	s.do("POST", "/slow/%41?q=1", "payload", "User-Agent: tester").want(t, 408, "too slow")
	close(stop)
	<-ended
	if want := (seen{408, "POST", "/slow/A", "tester", "1"}); <-got != want {
		t.Errorf("the layer did not see %+v", want)
	}
	s.get("/old/slow?q=1", "User-Agent: tester").want(t, 408, "too slow")
	if want := (seen{408, "GET", "/old/slow", "tester", "1"}); <-got != want {
		t.Errorf("the layer did not see %+v", want)
	}
}

func TestDoorsRefuseNil(t *testing.T) {
	for name, f := range map[string]func(){
		"FromFast":      func() { quart.FromFast(nil) },
		"FastWebSocket": func() { quart.FastWebSocket(nil) },
		"Adopt":         func() { quart.New(quart.Config{}).Adopt("/x", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, name) || !strings.Contains(v, "fasthttp_test.go") {
					t.Errorf("panic %q, want one that names %s and the call", v, name)
				}
			}()
			f()
		})
	}
}

// ---- Adopt ----

func adoptedTable() *fasthttprouter.Router {
	r := fasthttprouter.New()
	r.GET("/", func(ctx *fasthttp.RequestCtx) { ctx.WriteString("root") })
	r.GET("/users/{name}", func(ctx *fasthttp.RequestCtx) {
		fmt.Fprintf(ctx, "user %s tenant %v path %s uri %s", ctx.UserValue("name"), ctx.UserValue("tenant"), ctx.Path(), ctx.RequestURI())
	})
	r.GET("/dir/", func(ctx *fasthttp.RequestCtx) { ctx.WriteString("dir") })
	r.POST("/echo", func(ctx *fasthttp.RequestCtx) { ctx.Write(ctx.PostBody()) })
	r.GET("/login", func(ctx *fasthttp.RequestCtx) { ctx.Redirect("/users/ada?x=1", 302) })
	r.GET("/relative/x", func(ctx *fasthttp.RequestCtx) { ctx.Redirect("y", 303) })
	r.GET("/header", func(ctx *fasthttp.RequestCtx) { ctx.Response.Header.Set("Location", "/made"); ctx.SetStatusCode(201) })
	r.GET("/away", func(ctx *fasthttp.RequestCtx) { ctx.Redirect("https://example.org/x", 302) })
	r.GET("/slashes", func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("Location", "http://example.com//evil.example/")
	})
	r.GET("/panic", func(*fasthttp.RequestCtx) { panic("in the table") })
	r.GET("/files/{path:*}", func(ctx *fasthttp.RequestCtx) { fmt.Fprintf(ctx, "file %s at %s", ctx.UserValue("path"), ctx.Path()) })
	r.GET("/hello", func(*fasthttp.RequestCtx) {})
	r.GET("/has-cookie", func(*fasthttp.RequestCtx) {})
	r.PanicHandler = func(ctx *fasthttp.RequestCtx, v any) { ctx.Error(fmt.Sprint("caught ", v), 599) }
	return r
}

func TestAdopt(t *testing.T) {
	tests := []struct {
		prefix, method, target, body string
		status                       int
		want, location               string
	}{
		{"/v1", "GET", "/v1", "", 200, "root", ""},
		{"/v1", "GET", "/v1/", "", 200, "root", ""},
		{"/v1/", "GET", "/v1/", "", 200, "root", ""},
		{"/v1", "GET", "/v1/users/ada", "", 200, "user ada tenant <nil> path /users/ada uri /v1/users/ada", ""},
		{"/v1", "GET", "//v1/users/ada", "", 200, "user ada tenant <nil> path /users/ada uri //v1/users/ada", ""},
		{"/v1", "GET", "/%761%2Fusers/ada?q=1", "", 200, "user ada tenant <nil> path /users/ada uri /%761%2Fusers/ada?q=1", ""},
		{"/v1", "GET", "/v1/users/J%c3%b6rg", "", 200, "user J%c3%b6rg tenant <nil> path /users/Jörg uri /v1/users/J%c3%b6rg", ""},
		{"/v1", "GET", "/v1/users/a%2Fb", "", 200, "user a%2Fb tenant <nil> path /users/a/b uri /v1/users/a%2Fb", ""},
		{"/t/{tenant}", "GET", "/t/acme/users/ada", "", 200, "user ada tenant acme path /users/ada uri /t/acme/users/ada", ""},
		{"", "GET", "/users/ada", "", 200, "user ada tenant <nil> path /users/ada uri /users/ada", ""},
		{"", "GET", "/", "", 200, "root", ""},
		{"/v1", "POST", "/v1/echo", "payload", 200, "payload", ""},
		{"/v1", "POST", "/v1/echo", strings.Repeat("x", 101), 413, "", ""},

		// its own answers
		{"/v1", "GET", "/v1/nowhere", "", 404, "Not Found", ""},
		{"/v1", "DELETE", "/v1/echo", "", 405, "Method Not Allowed", ""},
		{"/v1", "OPTIONS", "/v1/echo", "", 200, "", ""},
		{"/v1", "GET", "/v1/panic", "", 599, "caught in the table", ""},
		{"/v1", "GET", "/v1x", "", 404, "", ""},
		{"/v1", "GET", "/users/ada", "", 404, "", ""},

		// its redirects
		{"/v1", "GET", "/v1/dir", "", 301, "", "/v1/dir/"},
		{"/v1", "GET", "/v1/dir?a=b%20c", "", 301, "", "/v1/dir/?a=b%20c"},
		{"/v1", "GET", "/v1/USERS/ada", "", 301, "", "/v1/users/ada"},
		{"/v1", "GET", "/v1/login", "", 302, "", "/v1/users/ada?x=1"},
		{"/v1", "GET", "/v1/relative/x", "", 303, "", "/v1/relative/y"},
		{"/v1", "GET", "/v1/header", "", 201, "", "/v1/made"},
		{"/v1", "GET", "/v1/away", "", 302, "", "https://example.org/x"},
		{"", "GET", "/login", "", 302, "", "/users/ada?x=1"},
		{"", "GET", "/slashes", "", 200, "", "/evil.example/"},
		{"/{tenant}", "GET", "/%5Cevil.example/dir", "", 301, "", "/%5Cevil.example/dir/"},
		{"/v1", "GET", "/v1/h", "", 301, "", "/v1/h"}, // its loop: see Adopt

		// escapes
		{"/v1", "GET", "/v1/../users/ada", "", 404, "", ""},
		{"/v1", "GET", "/v1/%2e%2e/users/ada", "", 404, "", ""},
		{"/v1", "GET", "/v1/users/%2E%2e", "", 404, "", ""},
		{"/v1", "GET", "/v1/files/a/..", "", 404, "", ""},
		{"/v1", "GET", "/v1/files/a%2F..%2Fb", "", 404, "", ""},
		{"/v1", "GET", "/v1/files/./b", "", 404, "", ""},
		{"/v1", "GET", `/v1/files/..%5Cb`, "", 404, "", ""},
		{"/v1", "GET", "/v1/..;/x", "", 404, "", ""},
		{"/v1", "GET", "/v1/..;a=b/x", "", 404, "", ""},
		{"/v1", "GET", "/v1//evil.example/", "", 308, "", "/v1/evil.example/"},
		{"/v1", "GET", "/v1//users/ada", "", 308, "", "/v1/users/ada"},
		{"/v1", "GET", "/v1/files/..a/...", "", 200, "file ..a/... at /files/..a/...", ""},
		{"/v1", "GET", "/v1/files/%252e%252e/x", "", 200, "file %252e%252e/x at /files/%2e%2e/x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.prefix+" "+tt.method+" "+tt.target, func(t *testing.T) {
			app, _ := newApp(quart.Config{BodyLimit: 100})
			app.Use(layered)
			table := adoptedTable()
			if strings.HasSuffix(tt.target, "/h") {
				table.GET("/{param}", func(*fasthttp.RequestCtx) { t.Error("no loop any more: the comment of Adopt is out of date") })
			}
			app.Adopt(tt.prefix, table)
			got := serve(t, app).do(tt.method, tt.target, tt.body)
			if got.StatusCode != tt.status || tt.want != "" && got.body != tt.want {
				t.Errorf("%d %q, want %d %q", got.StatusCode, got.body, tt.status, tt.want)
			}
			if got := got.Header.Get("Location"); got != tt.location {
				t.Errorf("Location %q, want %q", got, tt.location)
			}
			wantLayer(t, got)
		})
	}
}

func TestAdoptLetsTheAppGoFirst(t *testing.T) {
	app, _ := newApp(quart.Config{})
	var path string
	app.Use(func(next quart.Handler) quart.Handler {
		return func(c *quart.Ctx) error {
			err := next(c)
			path = string(c.Fast().Path())
			return err
		}
	})
	app.Adopt("/v1", adoptedTable())
	app.Get("/v1/users/{id}", func(c *quart.Ctx) error { return c.Text(200, "new "+c.Param("id")) })
	s := serve(t, app)
	s.get("/v1/users/ada").want(t, 200, "new ada")
	s.get("/v1/files/x").want(t, 200, "file x at /files/x")
	if path != "/v1/files/x" {
		t.Errorf("the layer sees %q after the table ran", path)
	}
}
