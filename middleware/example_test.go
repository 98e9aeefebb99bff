package middleware_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// exampleT stands in for the *testing.T of a test.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (*exampleT) Helper()                           {}
func (e *exampleT) Cleanup(f func())                { e.cleanups = append(e.cleanups, f) }
func (*exampleT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (e *exampleT) end() {
	for _, f := range e.cleanups {
		f()
	}
}

func ExampleRequestID() {
	app := quart.New(quart.Config{})
	app.Use(middleware.RequestID(middleware.RequestIDConfig{Trust: true}))
	app.Get("/", func(c *quart.Ctx) error { return c.Text(200, "this is "+middleware.RequestIDKey.Must(c)) })

	t := new(exampleT)
	defer t.end()
	resp := quarttest.New(t, app).Get("/").Header("X-Request-ID", "order-17").Want(200)
	fmt.Println(resp.Text())
	fmt.Println(resp.Header("X-Request-ID"))
	// Output:
	// this is order-17
	// order-17
}

func ExampleLogger() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "duration" {
			return slog.Attr{} // differ each time
		}
		return a
	}}))
	app := quart.New(quart.Config{Log: log})
	app.Use(middleware.Logger(middleware.LoggerConfig{Skip: func(c *quart.Ctx) bool { return c.Path() == "/health" }}))
	app.Get("/film/{id:int}", func(c *quart.Ctx) error { return quart.Errorf(404, "there is no film %d", c.ParamInt("id")) })
	app.Get("/health", (*quart.Ctx).NoContent)

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	cl.Get("/health").Want(204)
	cl.Get("/film/7?page=2").Want(404)
	// Output:
	// level=INFO msg=request method=GET path=/film/7 status=404 bytes=64 ip=127.0.0.1 error="404 Not Found: there is no film 7"
}

func ExampleTimeout() {
	app := quart.New(quart.Config{Log: slog.New(slog.DiscardHandler)})
	app.Use(middleware.Timeout(middleware.TimeoutConfig{After: time.Millisecond}))
	app.Get("/report", func(c *quart.Ctx) error {
		<-c.Context().Done() // a query that takes the context
		return c.Context().Err()
	})

	t := new(exampleT)
	defer t.end()
	fmt.Println(quarttest.New(t, app).Get("/report").Want(503).Text())
	// Output:
	// {"title":"Service Unavailable","status":503,"detail":"the request took too long"}
}

func ExampleBodyLimit() {
	app := quart.New(quart.Config{})
	small := app.Group("/notes", middleware.BodyLimit(100))
	small.Post("/", func(c *quart.Ctx) error {
		note, err := c.Body()
		if err != nil {
			return err
		}
		return c.Text(201, fmt.Sprintf("%d bytes", len(note)))
	})

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	fmt.Println(cl.Post("/notes/").Body("text/plain", make([]byte, 100)).Want(201).Text())
	fmt.Println(cl.Post("/notes/").Body("text/plain", make([]byte, 101)).Want(413).Text())
	// Output:
	// 100 bytes
	// {"title":"Request Entity Too Large","status":413,"detail":"the request body is over the limit of this resource"}
}

func ExampleSecureHeaders() {
	app := quart.New(quart.Config{})
	app.Use(middleware.SecureHeaders(middleware.SecureConfig{
		ContentSecurityPolicy: "default-src 'self'",
		PermissionsPolicy:     middleware.Omit,
	}))
	app.Get("/", func(c *quart.Ctx) error { return c.HTML(200, "<p>hello") })

	t := new(exampleT)
	defer t.end()
	resp := quarttest.New(t, app).Get("/").Want(200)
	fmt.Println(resp.Header("Content-Security-Policy"))
	fmt.Println(resp.Header("X-Frame-Options"))
	fmt.Println(resp.HasHeader("Permissions-Policy"))
	// Output:
	// default-src 'self'
	// SAMEORIGIN
	// false
}

func ExampleBasicAuth() {
	app := quart.New(quart.Config{})
	admin := app.Group("/admin", middleware.BasicAuth(middleware.BasicAuthConfig{
		Realm: "back office",
		Users: map[string]string{"ada": "correct horse"},
	}))
	admin.Get("/", func(c *quart.Ctx) error { return c.Text(200, "hello "+middleware.UserKey.Must(c)) })

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	fmt.Println(cl.Get("/admin/").Want(401).Header("WWW-Authenticate"))
	fmt.Println(cl.Get("/admin/").Basic("ada", "correct horse").Want(200).Text())
	// Output:
	// Basic realm="back office", charset="UTF-8"
	// hello ada
}

// The app lets anybody read, one route only its own front end write: its preflight is answered by the route's policy.
func ExampleCORS() {
	app := quart.New(quart.Config{})
	app.Use(middleware.CORS(middleware.CORSConfig{}))
	app.Get("/films", func(c *quart.Ctx) error { return c.Text(200, "all films") })
	app.Post("/films", func(c *quart.Ctx) error { return c.Text(201, "added") }).Use(middleware.CORS(middleware.CORSConfig{
		AllowOrigins:     []string{"https://films.example"},
		AllowMethods:     []string{"POST"},
		AllowCredentials: true,
	}))

	t := new(exampleT)
	defer t.end()
	cl := quarttest.New(t, app)
	fmt.Println(cl.Get("/films").Header("Origin", "https://other.example").Want(200).Header("Access-Control-Allow-Origin"))
	preflight := cl.Do("OPTIONS", "/films").Header("Origin", "https://films.example").Header("Access-Control-Request-Method", "POST").Want(200)
	fmt.Println(preflight.Header("Access-Control-Allow-Origin"), preflight.Header("Access-Control-Allow-Methods"))
	// Output:
	// *
	// https://films.example POST
}
