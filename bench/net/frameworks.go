//go:build linux

package main

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/goquart/quart"
	"github.com/labstack/echo/v5"
	"github.com/valyala/fasthttp"
)

// Every server answers the same two routes as text/plain: /plaintext, and
// /users/{user} with the user. All run as their documentation starts them,
// without middleware.
const (
	staticPath = "/plaintext"
	usersPath  = "/users/"
	helloWorld = "Hello, World!"
	plainText  = "text/plain; charset=utf-8"
)

// answerTo is the body that a request of path must get.
func answerTo(path string) (body string, ok bool) {
	if path == staticPath {
		return helloWorld, true
	}
	user, ok := strings.CutPrefix(path, usersPath)
	return user, ok && user != "" && !strings.Contains(user, "/")
}

// A framework is one of the servers under test.
type framework struct {
	name   string
	module string // in go.mod; empty where there is no version of its own
	serve  func(net.Listener) error
}

// The names that the targets speak of.
const (
	raw     = "fasthttp"
	ours    = "quart"
	netHTTP = "net/http"
)

// frameworks begins with those whose ratios are closest to 1, side by side.
var frameworks = []framework{
	{raw, "github.com/valyala/fasthttp", serveFasthttp},
	{ours, "", serveQuart},
	{"fasthttp+", "github.com/valyala/fasthttp", serveSafeFasthttp},
	{netHTTP, "", serveNetHTTP},
	{"gin", "github.com/gin-gonic/gin", serveGin},
	{"echo", "github.com/labstack/echo/v5", serveEcho},
	{"chi", "github.com/go-chi/chi/v5", serveChi},
	{"fiber", "github.com/gofiber/fiber/v3", serveFiber},
}

func frameworkNamed(name string) (framework, bool) {
	for _, f := range frameworks {
		if f.name == name {
			return f, true
		}
	}
	return framework{}, false
}

// version is that of go.mod, or empty.
func (f framework) version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || f.module == "" {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == f.module {
			return dep.Version
		}
	}
	return ""
}

// serveFasthttp is the least that a program on fasthttp does: it looks at the
// path and writes. Like quart, it sends no Server header.
func serveFasthttp(l net.Listener) error { return fasthttpServer("").Serve(l) }

// serveSafeFasthttp is raw fasthttp with what quart has by default: limits of
// time, bodies that are streamed, and nosniff.
func serveSafeFasthttp(l net.Listener) error {
	s := fasthttpServer("nosniff")
	s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = 5*time.Second, 10*time.Second, 30*time.Second
	s.StreamRequestBody = true
	return s.Serve(l)
}

func fasthttpServer(sniff string) *fasthttp.Server {
	text := func(fc *fasthttp.RequestCtx, body string) {
		fc.SetContentType(plainText)
		if sniff != "" {
			fc.Response.Header.Set("X-Content-Type-Options", sniff)
		}
		fc.SetBodyString(body)
	}
	return &fasthttp.Server{NoDefaultServerHeader: true, Handler: func(fc *fasthttp.RequestCtx) {
		path := string(fc.Path())
		if path == staticPath {
			text(fc, helloWorld)
			return
		}
		if user, ok := strings.CutPrefix(path, usersPath); ok {
			text(fc, user)
			return
		}
		fc.NotFound()
	}}
}

func serveQuart(l net.Listener) error {
	app := quart.New(quart.Config{})
	app.Get(staticPath, func(c *quart.Ctx) error { return c.Text(200, helloWorld) })
	app.Get(usersPath+"{user}", func(c *quart.Ctx) error { return c.Text(200, c.Param("user")) })
	return app.Serve(context.Background(), l)
}

func writeText(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", plainText)
	_, _ = w.Write([]byte(body)) // a client that left is no failure
}

func serveNetHTTP(l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+staticPath, func(w http.ResponseWriter, _ *http.Request) { writeText(w, helloWorld) })
	mux.HandleFunc("GET "+usersPath+"{user}", func(w http.ResponseWriter, r *http.Request) { writeText(w, r.PathValue("user")) })
	return http.Serve(l, mux)
}

func serveGin(l net.Listener) error {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET(staticPath, func(c *gin.Context) { c.String(200, helloWorld) })
	g.GET(usersPath+":user", func(c *gin.Context) { c.String(200, c.Param("user")) })
	return g.RunListener(l)
}

func serveEcho(l net.Listener) error {
	e := echo.New()
	e.GET(staticPath, func(c *echo.Context) error { return c.String(200, helloWorld) })
	e.GET(usersPath+":user", func(c *echo.Context) error { return c.String(200, c.Param("user")) })
	return http.Serve(l, e)
}

func serveChi(l net.Listener) error {
	r := chi.NewRouter()
	r.Get(staticPath, func(w http.ResponseWriter, _ *http.Request) { writeText(w, helloWorld) })
	r.Get(usersPath+"{user}", func(w http.ResponseWriter, r *http.Request) { writeText(w, chi.URLParam(r, "user")) })
	return http.Serve(l, r)
}

func serveFiber(l net.Listener) error {
	app := fiber.New()
	app.Get(staticPath, func(c fiber.Ctx) error { return c.SendString(helloWorld) })
	app.Get(usersPath+":user", func(c fiber.Ctx) error { return c.SendString(c.Params("user")) })
	return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}
