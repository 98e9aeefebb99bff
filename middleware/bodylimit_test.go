package middleware_test

import (
	"strings"
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/middleware"
	"github.com/goquart/quart/quarttest"
)

func TestBodyLimit(t *testing.T) {
	read := func(c *quart.Ctx) error {
		b, err := c.Body()
		if err != nil {
			return err
		}
		return c.Bytes(200, "text/plain", b)
	}
	app := newApp(t, middleware.BodyLimit(10))
	app.Post("/ten", read)
	app.Post("/unread", hello)
	app.Post("/route", read).BodyLimit(20)
	app.Post("/five", read).Use(middleware.BodyLimit(5))
	app.Post("/none", read).Use(middleware.BodyLimit(-1))
	app.Post("/same", read).Use(middleware.BodyLimit(0))
	cl := quarttest.New(t, app)
	tests := []struct {
		target       string
		size, status int
	}{
		{"/ten", 10, 200},
		{"/ten", 11, 413},
		{"/unread", 11, 200},
		{"/route", 11, 413},
		{"/five", 5, 200},
		{"/five", 6, 413},
		{"/none", 2 << 20, 200},
		{"/same", 11, 413},
	}
	for _, tt := range tests {
		body := []byte(strings.Repeat("x", tt.size))
		cl.Post(tt.target).Body("text/plain", body).Want(tt.status)
	}
	chunked := []byte("6\r\nxxxxxx\r\n6\r\nxxxxxx\r\n0\r\n\r\n")
	cl.Post("/ten").Header("Transfer-Encoding", "chunked").Body("text/plain", chunked).Want(413)
}

func TestBodyLimitAllocs(t *testing.T) {
	if n := allocs(t, 200, middleware.BodyLimit(10), "GET"); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
