package quarttest_test

import (
	"testing"

	"github.com/goquart/quart"
	"github.com/goquart/quart/quarttest"
)

func TestNewCtx(t *testing.T) {
	app := newApp(t)
	app.Put("/{name}", func(*quart.Ctx) error { panic("no handler runs") })
	c := quarttest.NewCtx(t, app, "PUT", "/a%20b?q=1")
	c.Fast().Request.Header.Set("X-A", "b")
	c.Fast().Request.SetBodyString("data")
	body, err := c.Body()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, got, want string }{
		{"method", c.Method(), "PUT"},
		{"path", c.Path(), "/a b"},
		{"parameter", c.Param("name"), "a b"},
		{"target", c.Target(), "/a%20b?q=1"},
		{"query", c.Query("q"), "1"},
		{"host", c.Host(), "localhost"},
		{"header", c.Header("X-A"), "b"},
		{"body", string(body), "data"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s is %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	if err := c.Text(201, "x"); err != nil || c.Status() != 201 {
		t.Errorf("status %d, %v", c.Status(), err)
	}
	if other := quarttest.NewCtx(t, app, "GET", "/a"); other.Route() != nil || other.Path() != "/a" {
		t.Errorf("route %v, path %q", other.Route(), other.Path())
	}
}
