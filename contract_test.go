package quart_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// The contract suite: what a client may rely on, whatever it speaks. Each test runs over HTTP/1.1, over HTTP/2 in cleartext and over HTTP/2
// with TLS, with the same handlers. Where the protocols differ, the test names the one it means: see TestContractOfHTTP1 and
// TestContractOfHTTP2.

// contract serves an app, made by routes, once for each protocol.
func contract(t *testing.T, cfg quart.Config, routes func(app *quart.App), test func(t *testing.T, cl *quarttest.Client)) {
	t.Helper()
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		cfg := cfg
		cfg.Log = quarttest.Log(t)
		app := quart.New(cfg)
		routes(app)
		test(t, quarttest.New(t, app, p))
	})
}

func wantProblem(t *testing.T, name string, resp *quarttest.Response, status int) {
	t.Helper()
	if resp.Status != status || resp.Header("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %sbody %.200q, want a problem with %d", name, resp.Head(), resp.Text(), status)
		return
	}
	if said := quarttest.Decode[map[string]any](resp)["status"]; said != float64(status) {
		t.Errorf("%s: the problem says %v, the answer %d", name, said, status)
	}
}

func TestContractRouting(t *testing.T) {
	say := func(what string, params ...string) quart.Handler {
		return func(c *quart.Ctx) error {
			text := what
			for _, name := range params {
				text += "|" + c.Param(name)
			}
			return c.Text(200, text)
		}
	}
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/", say("root"))
		app.Get("/users/{name}", say("user", "name"))
		app.Get("/users/me", say("me"))
		app.Get("/n/{n:int}", say("int", "n"))
		app.Get("/files/{path:*}", say("files", "path"))
		app.Get("/slash/", say("slash"))
		app.Post("/users/{name}", say("post", "name"))
		app.Handle("PURGE", "/purge", say("purge"))
		app.Handle(quart.MethodAny, "/any", func(c *quart.Ctx) error { return c.Text(200, c.Method()) })
		app.Host("{tenant}.example.com").Get("/", say("tenant", "tenant"))
		group := quart.NewGroup()
		group.Get("/x", say("mounted"))
		app.Mount("/v1", group)
		app.Mount("/v2", group).Name("v2")
	}, func(t *testing.T, cl *quarttest.Client) {
		tests := []struct {
			req    *quarttest.Request
			status int
			want   string // the body, or a header field and its value
		}{
			{cl.Get("/"), 200, "root"},
			{cl.Get("/?q=1"), 200, "root"},
			{cl.Get("/users/ada"), 200, "user|ada"},
			{cl.Get("/users/J%C3%B6rg%20%26"), 200, "user|Jörg &"},
			{cl.Get("/users/me"), 200, "me"},
			{cl.Post("/users/me"), 200, "post|me"},
			{cl.Get("/n/42"), 200, "int|42"},
			{cl.Get("/files/a/b.txt"), 200, "files|a/b.txt"},
			{cl.Get("/v1/x"), 200, "mounted"},
			{cl.Get("/v2/x"), 200, "mounted"},
			{cl.Do("PURGE", "/purge"), 200, "purge"},
			{cl.Do("REPORT", "/any"), 200, "REPORT"},
			{cl.Get("/").Header("Host", "acme.example.com"), 200, "tenant|acme"},
			{cl.Get("/").Header("Host", "ACME.Example.COM:8080"), 200, "tenant|acme"},
			{cl.Get("/slash").Follow(), 200, "slash"},
			{cl.Get("/slash?q=1"), 308, "Location: /slash/?q=1"},
			{cl.Do("OPTIONS", "/users/ada"), 200, "Allow: GET, HEAD, OPTIONS, POST"},
			{cl.Get("/nowhere"), 404, ""},
			{cl.Get("/n/x"), 404, ""},
			{cl.Get("/slash/more"), 404, ""},
			{cl.Delete("/users/ada"), 405, "Allow: GET, HEAD, OPTIONS, POST"},
			{cl.Get("/%zz"), 400, ""},
			{cl.Get("/a/../users/me"), 404, ""},
		}
		for i, tt := range tests {
			resp := tt.req.Send()
			name := fmt.Sprintf("%d, %s", i, resp.Target)
			if tt.status >= 400 {
				wantProblem(t, name, resp, tt.status)
			}
			if field, value, ok := strings.Cut(tt.want, ": "); ok && resp.Header(field) != value {
				t.Errorf("%s: %s %q, want %q", name, field, resp.Header(field), value)
			} else if resp.Status != tt.status || !ok && tt.status < 400 && resp.Text() != tt.want {
				t.Errorf("%s: %d %q, want %d %q", name, resp.Status, resp.Text(), tt.status, tt.want)
			}
		}
		resp := cl.Head("/users/ada").Want(200)
		if resp.Text() != "" || resp.Header("Content-Length") != "8" || resp.Header("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("HEAD: %s%q", resp.Head(), resp.Text())
		}
	})
}

// TestContractRequest: what a handler sees of a request.
func TestContractRequest(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Handle(quart.MethodAny, "/{path?:*}", func(c *quart.Ctx) error {
			body, err := c.Body()
			if err != nil {
				return err
			}
			return c.Text(200, fmt.Sprintf("%s %s path=%s host=%s ip=%s query=%q all=%q header=%q cookie=%s,%s body=%q",
				c.Method(), c.Target(), c.Path(), c.Host(), c.RemoteIP(), c.Query("q"), slices.Collect(c.QueryAll("q")),
				slices.Collect(c.HeaderAll("X-A")), c.Cookie("a"), c.Cookie("b"), body))
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		for _, tt := range []struct {
			req  *quarttest.Request
			want string
		}{
			{cl.Get("/"), `GET / path=/ host=localhost ip=127.0.0.1 query="" all=[] header=[] cookie=, body=""`},
			{
				cl.Get("/a%20b?q=%C3%A4+1&q=2").Header("X-A", "1").Header("x-a", "2, 3").Header("Cookie", "a=1; b=2"),
				`GET /a%20b?q=%C3%A4+1&q=2 path=/a b host=localhost ip=127.0.0.1 query="ä 1" all=["ä 1" "2"] header=["1" "2, 3"] cookie=1,2 body=""`,
			},
			{
				cl.Do("PATCH", "/x").Header("Host", "api.example.com:81").Body("a/b", []byte("\x00body\xff")),
				`PATCH /x path=/x host=api.example.com:81 ip=127.0.0.1 query="" all=[] header=[] cookie=, body="\x00body\xff"`,
			},
			{cl.Get("/").Header("X-A", ""), `GET / path=/ host=localhost ip=127.0.0.1 query="" all=[] header=[""] cookie=, body=""`},
		} {
			if got := tt.req.Want(200).Text(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		}
	})
}

// TestContractProtocol: what a handler is told of the connection is what the client speaks.
func TestContractProtocol(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/", func(c *quart.Ctx) error {
			return c.Text(200, fmt.Sprint(c.Protocol(), " ", c.Scheme(), " ", c.Fast().IsTLS()))
		})
		app.Get("/url", func(c *quart.Ctx) error { return c.Text(200, c.ExternalURL("url")) }).Name("url")
	}, func(t *testing.T, cl *quarttest.Client) {
		want := map[quarttest.Protocol]string{
			quarttest.HTTP1: "HTTP/1.1 http false", quarttest.H2C: "HTTP/2.0 http false", quarttest.HTTP2: "HTTP/2.0 https true",
		}[cl.Protocol()]
		if got := cl.Get("/").Want(200).Text(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		scheme, _, _ := strings.Cut(want[len("HTTP/2.0 "):], " ")
		if got := cl.Get("/url").Want(200).Text(); got != scheme+"://localhost/url" {
			t.Errorf("URL %q", got)
		}
	})
}

func TestContractResponses(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/text", func(c *quart.Ctx) error { return c.Text(201, "hällo") })
		app.Get("/html", func(c *quart.Ctx) error { return c.HTML(200, "<p>") })
		app.Get("/json", func(c *quart.Ctx) error { return c.JSON(200, map[string]int{"a": 1}) })
		app.Get("/bytes", func(c *quart.Ctx) error { return c.Bytes(200, "a/b", make([]byte, 1<<20)) })
		app.Get("/none", func(c *quart.Ctx) error { return c.NoContent() })
		app.Get("/empty", func(c *quart.Ctx) error { return c.Text(200, "") })
		app.Get("/redirect", func(c *quart.Ctx) error { return c.Redirect(303, "/text") })
		app.Get("/fields", func(c *quart.Ctx) error {
			c.AddHeader("X-Two", "1")
			c.AddHeader("X-Two", "2")
			c.SetHeader("X-Set", "old")
			c.SetHeader("X-Set", "new")
			c.SetHeader("X-Empty", "")
			c.SetHeader("X-Gone", "1")
			c.DelHeader("X-Gone")
			c.SetCookie(quart.Cookie{Name: "a", Value: "1"})
			c.SetCookie(quart.Cookie{Name: "b", Value: "2", Path: "/x"})
			return c.Text(200, "x")
		})
		app.Get("/injection", func(c *quart.Ctx) error {
			c.SetHeader("X-A", "b\r\nX-C: d")
			return c.Text(200, "x")
		})
		app.Get("/etag", func(c *quart.Ctx) error {
			if done, err := quart.CheckConditions(c, `"v1"`, time.Time{}); done {
				return err
			}
			return c.Text(200, "x")
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		for _, tt := range []struct {
			target             string
			status             int
			ctype, length, cut string // cut is the body's start
		}{
			{"/text", 201, "text/plain; charset=utf-8", "6", "hällo"},
			{"/html", 200, "text/html; charset=utf-8", "3", "<p>"},
			{"/json", 200, "application/json", "7", `{"a":1}`},
			{"/bytes", 200, "a/b", "1048576", "\x00"},
			{"/none", 204, "", "", ""},
			{"/empty", 200, "text/plain; charset=utf-8", "0", ""},
			{"/redirect", 303, "", "0", ""},
		} {
			resp := cl.Get(tt.target).Send()
			if resp.Status != tt.status || resp.Header("Content-Type") != tt.ctype || resp.Header("Content-Length") != tt.length || !strings.HasPrefix(resp.Text(), tt.cut) {
				t.Errorf("%s: %s%.20q", tt.target, resp.Head(), resp.Text())
			}
			if resp.Header("Date") == "" || resp.HasHeader("Server") || resp.Header("X-Content-Type-Options") != "nosniff" && tt.ctype != "" {
				t.Errorf("%s: %s", tt.target, resp.Head())
			}
		}
		resp := cl.Get("/fields").Want(200)
		if got := fmt.Sprint(resp.HeaderAll("X-Two"), resp.HeaderAll("X-Set"), resp.HasHeader("X-Empty"), resp.HasHeader("X-Gone"), len(resp.Cookies())); got != "[1 2] [new] true false 2" {
			t.Errorf("fields: %s", got)
		}
		if cl.Cookie("a") != "1" || cl.Cookie("b") != "2" {
			t.Errorf("cookies: %q, %q", cl.Cookie("a"), cl.Cookie("b"))
		}
		resp = cl.Get("/injection").Send()
		wantProblem(t, "injection", resp, 500)
		if resp.HasHeader("X-A") || resp.HasHeader("X-C") {
			t.Errorf("injection: %s", resp.Head())
		}
		resp = cl.Get("/etag").Header("If-None-Match", `"v1"`).Want(304)
		if resp.Text() != "" || resp.HasHeader("Content-Type") || resp.Header("ETag") != `"v1"` {
			t.Errorf("304: %s%q", resp.Head(), resp.Text())
		}
		if resp := cl.Get("/redirect").Follow().Want(201); resp.Target != "/text" {
			t.Errorf("redirected to %s", resp.Target)
		}
	})
}

func TestContractErrors(t *testing.T) {
	contract(t, quart.Config{}, func(app *quart.App) {
		app.Get("/panic", func(*quart.Ctx) error { panic("boom-secret") })
		app.Get("/error", func(*quart.Ctx) error { return fmt.Errorf("secret: %w", io.ErrUnexpectedEOF) })
		app.Get("/plain", func(*quart.Ctx) error { return fmt.Errorf("secret") })
		app.Get("/teapot", func(c *quart.Ctx) error {
			c.SetHeader("X-Kept", "1")
			c.SetHeader("Content-Language", "en")
			_ = c.Text(200, "never seen")
			return quart.Errorf(418, "a detail")
		})
		app.Get("/own", func(*quart.Ctx) error { return quart.ErrConflict })
		app.OnStatus(409, func(c *quart.Ctx, _ error) error { return c.Text(409, "own page") })
		app.Use(func(next quart.Handler) quart.Handler {
			return func(c *quart.Ctx) error {
				err := next(c)
				c.SetHeader("X-Status", fmt.Sprint(quart.StatusOf(err)))
				return err
			}
		})
	}, func(t *testing.T, cl *quarttest.Client) {
		for target, status := range map[string]int{"/panic": 500, "/error": 500, "/plain": 500, "/teapot": 418} {
			resp := cl.Get(target).Send()
			wantProblem(t, target, resp, status)
			if strings.Contains(resp.Text(), "secret") {
				t.Errorf("%s tells %q", target, resp.Text())
			}
		}
		resp := cl.Get("/teapot").Send()
		if !strings.Contains(resp.Text(), "a detail") || resp.Header("X-Kept") != "1" || resp.HasHeader("Content-Language") || resp.Header("X-Status") != "418" {
			t.Errorf("teapot: %s%s", resp.Head(), resp.Text())
		}
		if resp := cl.Get("/own").Want(409); resp.Text() != "own page" {
			t.Errorf("own: %q", resp.Text())
		}
		if resp := cl.Get("/teapot").Header("Accept", "text/html").Want(418); resp.Header("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("to a browser: %s", resp.Head())
		}
	})
}

// TestContractLimits: what is refused is refused with the same status, and the next request is answered.
func TestContractLimits(t *testing.T) {
	contract(t, quart.Config{BodyLimit: 1000}, func(app *quart.App) {
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.Query("q")) })
		app.Post("/", func(c *quart.Ctx) error {
			body, err := c.Body()
			if err != nil {
				return err
			}
			return c.Text(200, fmt.Sprint(len(body)))
		})
		app.Post("/form", func(c *quart.Ctx) error { return c.Text(200, c.Form("a")) }).BodyLimit(1 << 20)
	}, func(t *testing.T, cl *quarttest.Client) {
		fields := func(n int) *quarttest.Request {
			r := cl.Get("/")
			for i := range n {
				r.Header(fmt.Sprint("X-", i), "v")
			}
			return r
		}
		for name, tt := range map[string]struct {
			req    *quarttest.Request
			status int
		}{
			"body":             {cl.Post("/").Body("", make([]byte, 1000)), 200},
			"large body":       {cl.Post("/").Body("", make([]byte, 1001)), 413},
			"very large body":  {cl.Post("/").Body("", make([]byte, 4<<20)), 413},
			"body of no size":  {cl.Post("/").Header("Transfer-Encoding", "chunked").Body("", chunks(1001)), 413},
			"fields":           {fields(90), 200},
			"too many fields":  {fields(101), 431},
			"large field":      {cl.Get("/").Header("X-A", strings.Repeat("x", 17<<10)), 431},
			"long target":      {cl.Get("/?" + strings.Repeat("x", 17<<10)), 431},
			"query":            {cl.Get("/?" + strings.Repeat("a&", 998) + "q=1"), 200},
			"too many queries": {cl.Get("/?" + strings.Repeat("a&", 1001) + "q=1"), 400},
			"form":             {cl.Post("/form").Body("application/x-www-form-urlencoded", []byte(strings.Repeat("a=1&", 1001))), 413},
		} {
			resp, err := tt.req.Try()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if resp.Status != tt.status {
				t.Errorf("%s: %d %.100q, want %d", name, resp.Status, resp.Text(), tt.status)
			}
			if tt.status != 200 && resp.Status == tt.status {
				wantProblem(t, name, resp, tt.status)
			}
			cl.Get("/").Want(200)
		}
	})
}

// chunks is a body of n bytes for Transfer-Encoding: chunked, in pieces of 100.
func chunks(n int) []byte {
	var b []byte
	for ; n > 0; n -= 100 {
		size := min(n, 100)
		b = fmt.Appendf(b, "%x\r\n%s\r\n", size, strings.Repeat("x", size))
	}
	return append(b, "0\r\n\r\n"...)
}
