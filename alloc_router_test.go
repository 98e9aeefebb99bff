//go:build !race && !quartdebug

package quart_test

import (
	"testing"

	"github.com/goquart/quart"
)

// TestZeroAllocsRouter holds the zeros of the router's rare paths: a scanner's requests cost no garbage.
func TestZeroAllocsRouter(t *testing.T) {
	app := quiet()
	app.Get("/films/{id:int}", text).Name("film")
	app.Put("/films/{name}", text)
	app.Delete("/{p:*}", text)
	app.Get("/dir/{x}/", text)
	app.Get("/page/", text).Name("page").Default("n", 1)
	app.Get("/page/{n:int}", text).Name("page")
	app.Redirect("/old/{id}", "/films/{id}")
	app.Handle("HEAD", "/part", text)
	app.Get("/part/{x?}", text)
	app.Get("/loose", text).LooseSlash()
	app.Get("/split/{a:int}-{b}.{c}", text)
	app.Get("/re/{v:[a-z]+}", text)
	app.Group("/mw", pass, pass, quart.Before(func(*quart.Ctx) error { return nil }), quart.After(func(*quart.Ctx) error { return nil }), quart.Teardown(func(*quart.Ctx, error) {})).Get("/five", text)
	zeroAllocs(t, app, []exchange{
		{method: "GET", target: "/none", status: 405},
		{method: "BREW", target: "/films/7", status: 405},
		{method: "OPTIONS", target: "/films/7", status: 200},
		{method: "OPTIONS", target: "*", status: 200},
		{method: "GET", target: "/", status: 404},
		{method: "GET", target: "/dir/a%20b", status: 308},
		{method: "GET", target: "/dir//a?q=1", status: 308},
		{method: "GET", target: "/page/1", status: 308},
		{method: "GET", target: "/page/2", status: 200},
		{method: "GET", target: "/old/7", status: 308},
		{method: "HEAD", target: "/part/1", status: 200},
		{method: "GET", target: "/loose/", status: 200},
		{method: "GET", target: "/split/1-a.b.c", status: 200},
		{method: "GET", target: "/re/abc", status: 200},
		{method: "GET", target: "/mw/five", status: 200},
	})

	app = quiet()
	app.Use(pass)
	app.OnStatus(404, func(c *quart.Ctx, err error) error { return c.Text(404, "none") })
	app.Host("{t}.example.com").Get("/x/{id}/", text)
	app.Host("example.com").Get("/h/{id}/", text)
	app.Get("/y", text)
	zeroAllocs(t, app, []exchange{
		{method: "GET", target: "/h/7/", status: 200},
		{method: "GET", target: "/h/7", status: 308},
		{method: "GET", target: "/y", status: 200},
		{method: "PUT", target: "/h/7/", status: 405},
		{method: "GET", target: "/none", status: 404},
	})
}

func zeroAllocs(t *testing.T, app *quart.App, all []exchange) {
	t.Helper()
	h := app.Handler()
	for _, e := range all {
		fc := request(e.method, e.target)
		once := func() {
			fc.Response.Reset()
			h(fc)
		}
		once()
		if got := fc.Response.StatusCode(); got != e.status {
			t.Errorf("%s %s: %d, want %d", e.method, e.target, got, e.status)
		}
		if n := testing.AllocsPerRun(200, once); n != 0 {
			t.Errorf("%s %s: %v allocations", e.method, e.target, n)
		}
	}
}

func TestZeroAllocsURL(t *testing.T) {
	app := urlApp()
	buf := make([]byte, 0, 256)
	n := 1000
	for _, tt := range []struct {
		name string
		url  func()
	}{
		{"int", func() { buf = app.AppendURL(buf[:0], "film", "id", n) }},
		{"digits", func() { buf = app.AppendURL(buf[:0], "year", "y", -42) }},
		{"string", func() { buf = app.AppendURL(buf[:0], "user", "name", "a b/é"[:3]) }},
		{"path", func() { buf = app.AppendURL(buf[:0], "wiki", "p", "a/b c") }},
		{"uuid", func() { buf = app.AppendURL(buf[:0], "id", "id", "123E4567-E89B-12D3-A456-426614174000") }},
		{"float and query", func() { buf = app.AppendURL(buf[:0], "price", "v", 1.5, "q", "a b", "n", n, quart.Anchor, "x") }},
		{"host", func() { buf = app.AppendURL(buf[:0], "tenant", "t", "Acme", "x", "y") }},
	} {
		n++
		tt.url()
		if got := testing.AllocsPerRun(200, tt.url); got != 0 {
			t.Errorf("%s: %v allocations", tt.name, got)
		}
	}
}
