package quarttest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

// recorder is a testing.TB that notes how a test would have ended.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// record runs f as a test of its own and returns how it failed, "" if it did not.
func record(t *testing.T, f func(t testing.TB)) string {
	t.Helper()
	rec := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(rec)
	}()
	<-done
	for i := len(rec.cleanups) - 1; i >= 0; i-- {
		rec.cleanups[i]()
	}
	return strings.Join(rec.failures, "\n")
}

func newApp(t testing.TB) *quart.App {
	return quart.New(quart.Config{Log: quarttest.Log(t)})
}

// echo answers with the request as the app saw it.
func echo(c *quart.Ctx) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	return c.Text(200, fmt.Sprintf("%s %s %s %q type=%q cookie=%q", c.Method(), c.Target(), c.Host(), body, c.Header("Content-Type"), c.Header("Cookie")))
}

func TestRequests(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Handle(quart.MethodAny, "/{path:*}", echo)
		cl := quarttest.New(t, app, p)
		tests := []struct {
			name string
			req  *quarttest.Request
			want string
		}{
			{"get", cl.Get("/a?b=c"), `GET /a?b=c localhost "" type="" cookie=""`},
			{"query", cl.Get("/a").Query("q", "ä b", "r", "1&2").Query("s", ""), `GET /a?q=%C3%A4+b&r=1%262&s= localhost "" type="" cookie=""`},
			{"query on a query", cl.Get("/a?x=1").Query("q", "2"), `GET /a?x=1&q=2 localhost "" type="" cookie=""`},
			{"host", cl.Get("/a").Header("Host", "api.example.com"), `GET /a api.example.com "" type="" cookie=""`},
			{"json", cl.Post("/a").JSON(map[string]int{"n": 1}), `POST /a localhost "{\"n\":1}" type="application/json" cookie=""`},
			{"form", cl.Put("/a").Form("a", "1 2", "b", "&"), `PUT /a localhost "a=1+2&b=%26" type="application/x-www-form-urlencoded" cookie=""`},
			{"body", cl.Patch("/a").Body("text/csv", []byte("x")), `PATCH /a localhost "x" type="text/csv" cookie=""`},
			{"own type", cl.Post("/a").JSON(1).Header("Content-Type", "application/x+json"), `POST /a localhost "1" type="application/x+json" cookie=""`},
			{"empty body", cl.Post("/a").Body("", nil), `POST /a localhost "" type="" cookie=""`},
			{"delete", cl.Delete("/a"), `DELETE /a localhost "" type="" cookie=""`},
			{"other method", cl.Do("PURGE", "/a"), `PURGE /a localhost "" type="" cookie=""`},
			{"chunked", cl.Post("/a").Header("Transfer-Encoding", "chunked").Body("", []byte("2\r\nhi\r\n0\r\n\r\n")), `POST /a localhost "hi" type="" cookie=""`},
			{"own cookie", cl.Get("/a").Header("Cookie", "a=b"), `GET /a localhost "" type="" cookie="a=b"`},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if got := tt.req.Want(200).Text(); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	})
}

func TestMultipart(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Post("/", func(c *quart.Ctx) error {
			f, err := c.FormFile("doc")
			if err != nil {
				return err
			}
			r, err := f.Open()
			if err != nil {
				return err
			}
			defer r.Close()
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			return c.Text(200, fmt.Sprintf("%s|%s|%s|%s", c.Form("title"), f.Filename, f.Header.Get("Content-Type"), data))
		})
		cl := quarttest.New(t, app, p)
		got := cl.Post("/").Form("title", "x y").File("doc", "a \"b\".txt", "text/plain", []byte("data\r\n")).Want(200).Text()
		if want := "x y|a %22b%22.txt|text/plain|data\r\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		got = cl.Post("/").File("doc", "b", "", nil).Want(200).Text()
		if want := "|b|application/octet-stream|"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCredentials(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Get("/", func(c *quart.Ctx) error {
			if token, ok := quart.BearerToken(c); ok {
				return c.Text(200, token)
			}
			user, password, _ := quart.BasicAuth(c)
			return c.Text(200, user+"|"+password)
		})
		cl := quarttest.New(t, app, p)
		if got := cl.Get("/").Basic("ada", "a:b").Send().Text(); got != "ada|a:b" {
			t.Errorf("basic: %q", got)
		}
		if got := cl.Get("/").Bearer("abc").Send().Text(); got != "abc" {
			t.Errorf("bearer: %q", got)
		}
	})
}

func TestResponses(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Get("/", func(c *quart.Ctx) error {
			c.AddHeader("X-Two", "1")
			c.AddHeader("X-Two", "2")
			c.SetHeader("X-Empty", "")
			return c.JSON(200, map[string]string{"a": "b"})
		})
		app.Get("/none", func(c *quart.Ctx) error { return c.NoContent() })
		cl := quarttest.New(t, app, p)
		resp := cl.Get("/").Want(200)
		if got := quarttest.Decode[map[string]string](resp); got["a"] != "b" {
			t.Errorf("decoded %v", got)
		}
		if got := fmt.Sprintf("%v %v %v %s", resp.HeaderAll("x-two"), resp.HasHeader("X-Empty"), resp.HasHeader("X-None"), resp.Header("content-type")); got != "[1 2] true false application/json" {
			t.Errorf("header: %s\n%s", got, resp.Head())
		}
		if got := cl.Head("/").Want(200); got.Text() != "" || got.Header("Content-Length") != "9" {
			t.Errorf("HEAD:\n%s%s", got.Head(), got.Text())
		}
		if got := cl.Get("/none").Want(204).Text(); got != "" {
			t.Errorf("204 with body %q", got)
		}
	})
}

func TestKeepsConnection(t *testing.T) {
	app := newApp(t)
	app.Get("/addr", func(c *quart.Ctx) error { return c.Text(200, c.Fast().RemoteAddr().String()) })
	app.Get("/close", func(c *quart.Ctx) error {
		c.Fast().SetConnectionClose()
		return c.NoContent()
	})
	cl := quarttest.New(t, app)
	first := cl.Get("/addr").Want(200).Text()
	if again := cl.Get("/addr").Want(200).Text(); again != first {
		t.Errorf("second request came from %s, the first from %s", again, first)
	}
	cl.Get("/close").Want(204)
	if again := cl.Get("/addr").Want(200).Text(); again == first {
		t.Errorf("the closed connection %s was used again", first)
	}
}

func TestSetRemoteIP(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, c.RemoteIP().String()) })
		cl := quarttest.New(t, app, p)
		if got := cl.Get("/").Want(200).Text(); got != "127.0.0.1" {
			t.Errorf("remote IP %s", got)
		}
		for _, ip := range []string{"203.0.113.7", "2001:db8::1"} {
			cl.SetRemoteIP(netip.MustParseAddr(ip))
			if got := cl.Get("/").Want(200).Text(); got != ip {
				t.Errorf("remote IP %s, want %s", got, ip)
			}
		}
	})
}

func TestRaw(t *testing.T) {
	app := newApp(t)
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	cl := quarttest.New(t, app)
	got := cl.Raw("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if n := strings.Count(got, "HTTP/1.1 200 OK\r\n"); n != 2 || !strings.HasSuffix(got, "\r\n\r\nhello") {
		t.Errorf("two pipelined requests:\n%s", got)
	}
	if got := cl.Raw("GET / HTTP/1.1\r\nbad name: x\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Errorf("bad request:\n%s", got)
	}
}

func TestDial(t *testing.T) {
	app := newApp(t)
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
	cl := quarttest.New(t, app)
	conn := cl.Dial() // left open: the end of the test closes it
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 12)
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 200" {
		t.Errorf("read %q, %v", head, err)
	}
}

func TestHooks(t *testing.T) {
	var log []string
	note := func(s string) func(context.Context) error {
		return func(context.Context) error {
			log = append(log, s)
			return nil
		}
	}
	t.Run("served", func(t *testing.T) {
		app := newApp(t)
		app.BeforeServing(note("before"))
		app.AfterServing(note("after"))
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, strings.Join(log, " ")) })
		cl := quarttest.New(t, app)
		if got := cl.Get("/").Want(200).Text(); got != "before" {
			t.Errorf("during: %q", got)
		}
	})
	if got := strings.Join(log, " "); got != "before after" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestStop(t *testing.T) {
	bad := errors.New("disk full")
	if got := record(t, func(tb testing.TB) {
		app := newApp(t)
		app.AfterServing(func(context.Context) error { return bad })
		cl := quarttest.New(tb, app)
		if err := cl.Stop(); !errors.Is(err, bad) {
			t.Errorf("Stop: %v", err)
		}
		if _, err := cl.Get("/").Try(); err == nil {
			t.Error("a request after Stop was answered")
		}
	}); got != "" {
		t.Errorf("reported again: %s", got)
	}
}

// TestFailures shows that each mistake ends the test with what it takes to understand it, and that none hangs.
func TestFailures(t *testing.T) {
	app := func() *quart.App {
		app := newApp(t)
		app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello") })
		app.Get("/panic", func(*quart.Ctx) error { panic("boom") })
		app.Get("/loop", func(c *quart.Ctx) error { return c.Redirect(302, "/loop") })
		return app
	}
	tests := []struct {
		name string
		test func(t testing.TB)
		want string
	}{
		{"none", func(t testing.TB) { quarttest.New(t, app()).Get("/").Want(200) }, ""},
		{"status", func(t testing.TB) { quarttest.New(t, app()).Get("/?q").Want(404) }, "GET /?q: status 200, want 404; body: hello"},
		{"panic", func(t testing.TB) { quarttest.New(t, app()).Get("/panic").Want(200) }, "GET /panic: status 500, want 200; body: {"},
		{"redirects", func(t testing.TB) { quarttest.New(t, app()).Get("/loop").Follow().Send() }, "over 10 redirects"},
		{"decode", func(t testing.TB) { quarttest.Decode[int](quarttest.New(t, app()).Get("/").Send()) }, "GET /: status 200:"},
		{"bad target", func(t testing.TB) { quarttest.New(t, app()).Get("/a b").Send() }, "see Client.Raw"},
		{"bad header", func(t testing.TB) { quarttest.New(t, app()).Get("/").Header("X", "a\r\nb").Send() }, "see Client.Raw"},
		{"odd pairs", func(t testing.TB) { quarttest.New(t, app()).Get("/").Form("a").Send() }, "in turn"},
		{"bad json", func(t testing.TB) { quarttest.New(t, app()).Post("/").JSON(func() {}).Send() }, "JSON"},
		{"served twice", func(t testing.TB) {
			a := app()
			quarttest.New(t, a)
			quarttest.New(t, a)
		}, "an app serves once"},
		{"start hook", func(t testing.TB) {
			a := app()
			a.BeforeServing(func(context.Context) error { return errors.New("no database") })
			quarttest.New(t, a)
		}, "starting the app: quart: before serving: no database"},
		{"stop hook", func(t testing.TB) {
			a := app()
			a.AfterServing(func(context.Context) error { return errors.New("disk full") })
			quarttest.New(t, a)
		}, "stopping the app: disk full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, tt.test)
			if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("failed with %q, want %q", got, tt.want)
			}
		})
	}
}

// TestHangs: what never ends is given up after a time, here in a bubble.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := record(t, func(tb testing.TB) {
			app := newApp(t)
			app.Get("/", func(c *quart.Ctx) error {
				<-c.Context().Done() // the end of the grace
				return nil
			})
			quarttest.New(tb, app).Get("/").Want(200)
		}); !strings.Contains(got, "no response: ") || !strings.Contains(got, "timeout") {
			t.Errorf("handler: failed with %q", got)
		}
		if got := record(t, func(tb testing.TB) {
			app := newApp(t)
			app.BeforeServing(func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
			quarttest.New(tb, app)
		}); !strings.Contains(got, "the start hooks do not return") {
			t.Errorf("start hook: failed with %q", got)
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	quarttest.Protocols(t, func(t *testing.T, p quarttest.Protocol) {
		app := newApp(t)
		app.Get("/{n:int}", func(c *quart.Ctx) error {
			c.SetCookie(quart.Cookie{Name: "n", Value: c.Param("n")})
			return c.Text(200, c.Param("n"))
		})
		cl := quarttest.New(t, app, p)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 50 {
					want := fmt.Sprint(100*i + j)
					if got := cl.Get("/" + want).Send().Text(); got != want {
						t.Errorf("got %s, want %s", got, want)
					}
				}
			})
		}
		wg.Wait()
	})
}
