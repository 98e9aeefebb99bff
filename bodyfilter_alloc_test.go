//go:build !race && !quartdebug

package quart_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/goquart/quart"
	"github.com/valyala/fasthttp"
)

func TestFilterBodyAllocs(t *testing.T) {
	app, _ := newApp(quart.Config{})
	wrap := func(r io.Reader) io.Reader { return r }
	app.Post("/", func(c *quart.Ctx) error {
		if !quart.FilterBody(c, wrap) {
			t.Error("no filter taken")
		}
		_, err := c.Body()
		return err
	})
	var fc fasthttp.RequestCtx
	fc.Request.Header.SetMethod("POST")
	fc.Request.SetRequestURI("/")
	fc.Request.Header.SetHost("a")
	data := bytes.Repeat([]byte("x"), 3000)
	h := app.Handler()
	once := func() {
		fc.Request.SetBodyRaw(data)
		h(&fc)
	}
	once()
	if n := testing.AllocsPerRun(100, once); n != 0 || fc.Response.StatusCode() != 200 {
		t.Errorf("%v allocations, want 0; status %d", n, fc.Response.StatusCode())
	}
}
