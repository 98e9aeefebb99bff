package middleware_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

// TestStack: all layers together, in the order that the package's comment gives, whatever happens inside.
func TestStack(t *testing.T) {
	var log bytes.Buffer
	app := quart.New(quart.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	app.Use(
		middleware.RequestID(middleware.RequestIDConfig{Trust: true}),
		middleware.Logger(middleware.LoggerConfig{}),
		middleware.SecureHeaders(middleware.SecureConfig{}),
		middleware.CORS(origins("https://quart.com")),
		middleware.Timeout(middleware.TimeoutConfig{After: time.Minute}),
		middleware.BodyLimit(10),
	)
	admin := app.Group("/admin", middleware.BasicAuth(middleware.BasicAuthConfig{Users: users}))
	admin.Get("/", hello)
	admin.Get("/boom", boom)
	app.Post("/", func(c *quart.Ctx) error {
		_, err := c.Body()
		return err
	})
	app.Get("/layer", hello).Use(panicking)
	cl := quarttest.New(t, app)
	tests := []struct {
		name   string
		req    *quarttest.Request
		status int
	}{
		{"ok", cl.Get("/admin/").Basic("ada", "a:b"), 200},
		{"refused", cl.Get("/admin/"), 401},
		{"panic", cl.Get("/admin/boom").Basic("ada", "a:b"), 500},
		{"panic in a layer", cl.Get("/layer"), 500},
		{"too large", cl.Post("/").Body("text/plain", make([]byte, 11)), 413},
		{"unmatched", cl.Get("/nowhere"), 404},
		{"wrong method", cl.Put("/"), 405},
		{"preflight", cl.Do("OPTIONS", "/admin/").Header("Access-Control-Request-Method", "GET"), 204},
	}
	for i, tt := range tests {
		id := string(rune('a' + i))
		resp := tt.req.Header("Origin", "https://quart.com").Header("X-Request-ID", id).Want(tt.status)
		wantHeader(t, resp, "X-Request-ID", id)
		wantHeader(t, resp, "X-Frame-Options", "SAMEORIGIN")
		wantHeader(t, resp, acao, "https://quart.com")
		wantHeader(t, resp, "Vary", "Origin")
		if t.Failed() {
			t.Fatal(tt.name)
		}
	}
	if err := cl.Stop(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(log.String(), "msg=request ")
	if ids := strings.Count(log.String(), "request_id="); lines != len(tests) || ids != strings.Count(log.String(), "\n") {
		t.Errorf("%d lines of requests, %d IDs:\n%s", lines, ids, &log)
	}
}
