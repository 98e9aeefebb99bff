package quart_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

// TestLargeResponseNotKept: fasthttp keeps a response buffer for each connection; one that held a large body does not stay
// with an idle connection.
func TestLargeResponseNotKept(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/{n:int}", func(c *quart.Ctx) error {
		had := cap(c.Fast().Response.SwapBody(nil))
		c.SetHeader("X-Cap", itoa(had))
		return c.Text(200, strings.Repeat("x", c.ParamInt("n")))
	})
	s := serve(t, app)
	nc := s.dial()
	br := newReader(nc)
	for _, n := range []int{1 << 20, 10, 20 << 10, 10} {
		send(t, nc, "GET /"+itoa(n)+" HTTP/1.1\r\nHost: x\r\n\r\n")
		a := readAnswer(t, br, "GET")
		if len(a.body) != n {
			t.Fatalf("%d bytes, want %d", len(a.body), n)
		}
		if kept := a.Header.Get("X-Cap"); len(kept) > 5 { // 100,000 and more
			t.Errorf("a buffer of %s bytes was kept", kept)
		}
	}
}

type nilError struct{ err error }

func (e *nilError) Error() string { return e.err.Error() }
func (e *nilError) Unwrap() error { return e.err } // a nil dereference for a nil *nilError

type panickyLog struct{ slog.Handler }

func (panickyLog) Enabled(context.Context, slog.Level) bool  { return true }
func (panickyLog) Handle(context.Context, slog.Record) error { panic("log handler") }

// TestPanicWhileRendering: no panic of user code gets as far as fasthttp, which would end the process.
func TestPanicWhileRendering(t *testing.T) {
	logged, _ := newApp(quart.Config{})
	quart.OnError(logged, func(c *quart.Ctx, err *quart.HTTPError) error { return err })
	logged.Get("/", func(c *quart.Ctx) error { panic((*nilError)(nil)) })
	logged.Get("/err", func(c *quart.Ctx) error { return (*nilError)(nil) })
	silent := quart.New(quart.Config{Log: slog.New(panickyLog{}), ShutdownDelay: -1})
	silent.Get("/", func(c *quart.Ctx) error { panic("handler") })
	silent.Get("/err", func(c *quart.Ctx) error { return errors.New("fails") })
	for _, app := range []*quart.App{logged, silent} {
		s := serve(t, app)
		for _, path := range []string{"/", "/err", "/"} {
			s.get(path).want(t, 500, `{"title":"Internal Server Error","status":500}`)
		}
	}
}

// TestHardTimeoutAnswersAll: handlers that end right at their deadline race with the timer; each client gets one answer.
func TestHardTimeoutAnswersAll(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error {
		c.SetHardTimeout(2 * time.Millisecond)
		<-c.Context().Done()
		return c.Text(200, "late")
	})
	s := serve(t, app)
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 50 {
				nc, err := net.Dial("tcp", s.addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil || resp.StatusCode != 503 {
					t.Errorf("%v, %v", resp, err)
				}
				nc.Close()
			}
		})
	}
	clients.Wait()
}

// TestHardTimeoutReleased: the timer of a Ctx that was given back does nothing.
func TestHardTimeoutReleased(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/", func(c *quart.Ctx) error { return nil })
	c := quart.AcquireCtx(app, request("GET", "/"))
	c.SetHardTimeout(time.Hour)
	ctx := c.Context()
	quart.ReleaseCtx(c)
	if ctx.Err() == nil {
		t.Error("the context outlives the Ctx")
	}
}

// TestForwardedPeer: a peer without a TCP address is not trusted for that.
func TestForwardedPeer(t *testing.T) {
	app, _ := newApp(quart.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, tc := range []struct {
		peer net.Addr
		want string
	}{
		{&net.UDPAddr{IP: net.IPv4(203, 0, 113, 5), Port: 1}, "203.0.113.5"},
		{&net.UDPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 1}, "6.6.6.6"},
		{&net.IPAddr{IP: net.IPv4(10, 0, 0, 5)}, "invalid IP"},
		{&net.UnixAddr{Name: "@", Net: "unix"}, "6.6.6.6"},
	} {
		fc := new(fasthttp.RequestCtx)
		fc.Init(&fasthttp.Request{}, tc.peer, nil)
		fc.Request.SetRequestURI("/")
		fc.Request.SetHost("x")
		fc.Request.Header.Set("X-Forwarded-For", "6.6.6.6")
		c := quart.AcquireCtx(app, fc)
		if got := c.RemoteIP().String(); got != tc.want {
			t.Errorf("%T: %s, want %s", tc.peer, got, tc.want)
		}
		quart.ReleaseCtx(c)
	}
}

// TestExpectRefused: what will be refused is refused before the body is asked for.
func TestExpectRefused(t *testing.T) {
	app, _ := bodyApp(quart.Config{})
	s := serve(t, app)
	for target, status := range map[string]int{"POST /small": 413, "POST /nothing": 404, "PUT /small": 405} {
		method, path, _ := strings.Cut(target, " ")
		nc := s.dial()
		send(t, nc, method+" "+path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
		br := newReader(nc)
		if a := readAnswer(t, br, method); a.StatusCode != status || !a.Close || !strings.Contains(a.body, itoa(status)) {
			t.Errorf("%s: %d, close %v, %s", target, a.StatusCode, a.Close, a.body)
		}
		if _, err := br.ReadByte(); err != io.EOF {
			t.Errorf("%s: after the answer: %v", target, err)
		}
	}
	s.do("POST", "/small", "0123456789", "Expect: 100-continue", "Connection: close")
}

func TestAbsoluteTarget(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/x", func(c *quart.Ctx) error { return c.Text(200, c.Host()) })
	s := serve(t, app)
	for target, want := range map[string]string{
		"http://a.example/x":           "a.example",
		"HTTP://A.example:8080/x?a=//": "a.example:8080",
		"http://[::1]:80/x":            "[::1]",
	} {
		s.get(target).want(t, 200, want)
	}
	for _, target := range []string{`http://ev"<il>/x`, "http://user@evil/x", "foo://evil/x", "http:///x", "http://?x", "http://a b/x"} {
		if a := s.get(target); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", target, a.StatusCode, a.body)
		}
	}
}

func TestBodyLimitHuge(t *testing.T) {
	app, _ := newApp(quart.Config{BodyLimit: math.MaxInt64})
	app.Post("/", func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(200, itoa(len(b)))
	})
	serve(t, app).do("POST", "/", strings.Repeat("x", 100_000)).want(t, 200, "100000")
}

// TestStatusRange: a status that is no final answer would put the connection out of step.
func TestStatusRange(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.Get("/{s:int(signed)}", func(c *quart.Ctx) error { return c.Text(c.ParamInt("s"), "body") })
	s := serve(t, app)
	for _, status := range []int{101, 102, 199, -5, 42, 600, 1234} {
		s.get("/"+itoa(status)).want(t, 500, `{"title":"Internal Server Error","status":500}`)
	}
	if n := strings.Count(log.String(), "answered with status"); n != 7 {
		t.Errorf("%d log lines: %s", n, log)
	}
	s.get("/599").want(t, 599, "body")
}

func TestErrorfKeepsArguments(t *testing.T) {
	cause := errors.New("cause")
	args := []any{7, cause}
	err := quart.Errorf(409, "film %d: %w", args...)
	if args[1] != cause || !errors.Is(err, cause) {
		t.Errorf("%v, %v", args, err)
	}
	var e *quart.HTTPError
	if !errors.As(err, &e) || e.Detail != "film 7" {
		t.Errorf("%+v", e)
	}
}

type keptResponder struct{ text string }

var kept *keptResponder

func (r *keptResponder) Respond(c *quart.Ctx) error {
	kept = r
	return c.Text(200, r.text)
}

// TestResponderIsItsOwn: a Responder may outlive its request: a stream does.
func TestResponderIsItsOwn(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Get(app, "/{t}", func(c *quart.Ctx, in struct {
		T string `path:"t"`
	},
	) (keptResponder, error) {
		return keptResponder{in.T}, nil
	})
	s := serve(t, app)
	s.get("/one").want(t, 200, "one")
	one := kept
	s.get("/two").want(t, 200, "two")
	if one.text != "one" {
		t.Errorf("it became %q", one.text)
	}
}

// TestSlowClientAtStop: a client that has not sent its request by the end of the grace is no failure of the app.
func TestSlowClientAtStop(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: 200 * time.Millisecond})
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	nc := s.dial()
	send(t, nc, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	time.Sleep(50 * time.Millisecond) // until it is read; the test holds either way
	cancel()
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
}

// TestGraceNegative: no limit waits for the handler.
func TestGraceNegative(t *testing.T) {
	app, _ := newApp(quart.Config{ShutdownGrace: -1})
	entered, release := make(chan struct{}), make(chan struct{})
	app.Get("/", func(c *quart.Ctx) error {
		close(entered)
		<-release
		return c.Text(200, "done")
	})
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- app.Serve(ctx, l) }()
	s := &served{t: t, addr: l.Addr().String()}
	nc := s.dial()
	send(t, nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	cancel()
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	readAnswer(t, newReader(nc), "GET").want(t, 200, "done")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTrustedHostsChecked(t *testing.T) {
	for _, bad := range []string{"", ".", ".."} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no panic", bad)
				}
			}()
			quart.New(quart.Config{TrustedHosts: []string{bad}})
		}()
	}
}

// TestLogHasNoContents: what a request held does not get into the log because it was malformed.
func TestLogHasNoContents(t *testing.T) {
	app, log := newApp(quart.Config{})
	s := serve(t, app)
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hunter2\r\nX\x01A: b\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +30\r\n\r\npassword=hunter2",
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: sid=hunter2\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhunter2",
	} {
		if a := s.raw("GET", request); a.StatusCode != 400 {
			t.Errorf("%q: %d", request, a.StatusCode)
		}
	}
	if text := log.String(); strings.Contains(text, "hunter2") || len(text) > 2000 {
		t.Errorf("log: %s", text)
	}
}

var errQuota = errors.New("quota")

// TestStatus500IsLast: OnStatus(500) is for errors that no type handler knows.
func TestStatus500IsLast(t *testing.T) {
	app, log := newApp(quart.Config{})
	app.OnStatus(500, func(c *quart.Ctx, err error) error { return c.Text(500, "sorry") })
	quart.OnError(app, func(c *quart.Ctx, err *nilError) error { return c.Text(404, "no film") })
	group := app.Group("/g")
	group.OnStatus(500, func(c *quart.Ctx, err error) error { return c.Text(500, "group") })
	for _, r := range []quart.Router{app, group} {
		r.Handle("GET", "/known", func(c *quart.Ctx) error { return &nilError{errQuota} })
		r.Handle("GET", "/unknown", func(c *quart.Ctx) error { return errQuota })
		r.Handle("GET", "/own", func(c *quart.Ctx) error { return &quart.HTTPError{Status: 500, Err: &nilError{errQuota}} })
	}
	s := serve(t, app)
	s.get("/known").want(t, 404, "no film")
	s.get("/g/known").want(t, 404, "no film")
	if log.String() != "" {
		t.Errorf("an error that became a 404 is logged: %s", log)
	}
	s.get("/unknown").want(t, 500, "sorry")
	s.get("/g/unknown").want(t, 500, "group")
	s.get("/own").want(t, 500, "sorry")
	s.get("/g/own").want(t, 500, "group")
}

// TestForeignSyntax: patterns as Fiber, Gin, Flask or a URL have them are refused with a hint.
func TestForeignSyntax(t *testing.T) {
	for _, tc := range []struct{ method, pattern, hint string }{
		{"GET", "/x/:id", "offset 3: parameters are written {name}"},
		{"GET", "/<int:id>", "offset 1: parameters are written {name}"},
		{"GET", "/*", "offset 1: the rest of a path is written {name:*}"},
		{"GET", "/a/*path", "offset 3: the rest"},
		{"GET", "/a?b=1", "offset 2: a pattern is a path"},
		{"GET", "/%41", "offset 1: a pattern is written decoded"},
		{"get", "/", "upper case: GET"},
	} {
		app, _ := newApp(quart.Config{})
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.Contains(text, tc.hint) || !strings.Contains(text, "hardening_test.go:") {
					t.Errorf("%s %s: %q", tc.method, tc.pattern, text)
				}
			}()
			app.Handle(tc.method, tc.pattern, func(*quart.Ctx) error { return nil })
		}()
	}
	app, _ := newApp(quart.Config{})
	for _, fine := range []string{"/a:b", "/things:batch", "/{id:[a-z?]*}", "/a*", "/1<2", "/100%"} {
		app.Get(fine, func(*quart.Ctx) error { return nil })
	}
	app.Handler()
}

// TestInvalidUTF8: bytes that a client chooses are no reason for a 500.
func TestInvalidUTF8(t *testing.T) {
	app, _ := newApp(quart.Config{})
	app.Get("/{p}", func(c *quart.Ctx) error { return c.JSON(200, []string{c.Param("p"), c.Query("q")}) })
	serve(t, app).get("/a%ffb?q=%c3%28").want(t, 200, "[\"a\ufffdb\",\"\ufffd(\"]")
}

// TestNullPointerInput: null is no way around Validate.
func TestNullPointerInput(t *testing.T) {
	app, _ := newApp(quart.Config{})
	quart.Post(app, "/", func(c *quart.Ctx, in *struct{ A int }) (int, error) { return in.A, nil })
	a := serve(t, app).do("POST", "/", "null", "Content-Type: application/json")
	if a.StatusCode != 422 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
